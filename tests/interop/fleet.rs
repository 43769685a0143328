//! The whole engine in front of real machines: the practice cloud rents them
//! out, and behind each address stands an OpenSSH server of its own.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use clouds::{SearchOptions, Vast, Wire};
use engine::{
    Agents, Clock, Context, Handle, Ledger, Links, MemoryVault, Plans, RankWeights, SettingsCell,
    Stock, Storage, Warm,
};
use model::{At, Fact, LaunchRequest, RaceRules, Recipe, RunId, SnapshotSelector};
use practice::cloud::{HostSpec, Instance, Script, Served, World, router, serve};
use practice::pace::Pace;
use secrecy::SecretString;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::machine::{LONG, Machine, Spec, within};
use crate::relay::{Early, Relay};

/// A host of the market and the machine that stands there.
pub struct Berth {
    pub host: HostSpec,
    pub spec: Spec,
    /// What its relay does with callers that come too early.
    pub early: Early,
}

impl Berth {
    /// A machine that is up after a second and a half.
    pub fn new(number: u64, spec: Spec) -> Self {
        let host = HostSpec::new(number).create_takes(100).boots(1_000, 500);
        Self { host, spec, early: Early::Closed }
    }
}

/// One real machine of the fleet.
pub struct Ship {
    pub machine: Arc<Machine>,
    pub relay: Relay,
    /// When its SSH server was told to start.
    pub answers: Mutex<Option<Instant>>,
}

/// The practice cloud with real machines.
pub struct Fleet {
    pub world: World,
    pub ships: Arc<BTreeMap<u64, Ship>>,
    api: Served,
    folder: tempfile::TempDir,
    _stop: DropGuard,
}

impl Fleet {
    /// `None`, with the reason printed, where machines cannot be made. Call it
    /// in the test's own thread: the machines die with that thread.
    pub async fn of(berths: Vec<Berth>) -> Option<Self> {
        let mut ships = BTreeMap::new();
        for berth in &berths {
            let machine = Arc::new(Machine::start(&berth.spec)?);
            let relay = Relay::before(machine.port, berth.early).await;
            ships.insert(berth.host.machine, Ship { machine, relay, answers: Mutex::default() });
        }
        let hosts = berths.into_iter().map(|berth| berth.host).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let start = At::from_unix_ms(i64::try_from(now).unwrap());
        let world = World::new(Script::of(hosts), Pace::real(), start);
        let api = serve(router(world.clone())).await.unwrap();
        let (ships, stop) = (Arc::new(ships), CancellationToken::new());
        tokio::spawn(follow(world.clone(), Arc::clone(&ships), stop.clone()));
        let folder = tempfile::tempdir().unwrap();
        Some(Self { world, ships, api, folder, _stop: stop.drop_guard() })
    }

    /// An engine of its own data that rents here.
    pub async fn engine(&self, storage: Option<Storage>) -> Handle {
        self.engine_with(storage, Stock::default()).await
    }

    /// The same, with another source of restic.
    pub async fn engine_with(&self, storage: Option<Storage>, stock: Stock) -> Handle {
        let context = Context { stock, ..self.context(storage) };
        Handle::start(context).await.unwrap()
    }

    /// The cloud, as whoever has the account's key reaches it.
    pub fn cloud(&self) -> Vast {
        let wire = Wire::new(LONG).unwrap();
        let search = SearchOptions { spacing: std::time::Duration::ZERO, ..Default::default() };
        let key = SecretString::from("a-key");
        Vast::new(&self.api.base_url(), key, Arc::new(wire), search).unwrap()
    }

    /// What an engine of its own data works with here.
    pub fn context(&self, storage: Option<Storage>) -> Context {
        Context {
            clouds: vec![Arc::new(self.cloud())],
            transport: Arc::new(remote::Tcp),
            storage,
            vault: Arc::new(MemoryVault::default()),
            ledger: Ledger::open(&self.folder.path().join("ledger.sqlite")).unwrap(),
            clock: Clock::real(),
            rules: RaceRules::default(),
            settings: SettingsCell::default(),
            weights: RankWeights { explore_share: 0.0, ..RankWeights::default() },
            recipes: vec![Recipe::default()],
            practice: true,
            attends: true,
            warm: Warm::default(),
            links: Links::default(),
            agents: carried(),
            stock: Stock::default(),
            plans: Plans::default(),
        }
    }
}

/// The agent for this computer's architecture, if it was built.
pub fn carried() -> Agents {
    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../agents");
    let arch = std::env::consts::ARCH;
    let Ok(program) = std::fs::read(format!("{FOLDER}/dumont-agent-{arch}")) else {
        return Agents::default();
    };
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&program).unwrap();
    Agents::of([(arch, packer.finish().unwrap().into())])
}

/// A machine without a restore.
pub fn plain() -> Recipe {
    Recipe { snapshot: SnapshotSelector::None, ..Recipe::default() }
}

pub async fn begin(engine: &Handle, recipe: Recipe) -> RunId {
    engine.launch(LaunchRequest { recipe, only_offers: Vec::new() }).await.unwrap()
}

/// Every fact to the run's end.
pub async fn finish(engine: &Handle, run: &RunId) -> Vec<Fact> {
    let mut facts = engine.follow(run, 0).await.unwrap();
    let mut told = Vec::new();
    while let Some(fact) = within(facts.next()).await {
        told.push(fact);
    }
    told
}

/// Boots what is rented, as the cloud's host does.
async fn follow(world: World, ships: Arc<BTreeMap<u64, Ship>>, stop: CancellationToken) {
    let mut changes = world.changes();
    let mut known = Vec::new();
    loop {
        for instance in world.instances() {
            if !known.contains(&instance.id) {
                known.push(instance.id);
                let booting = boot(world.clone(), Arc::clone(&ships), instance);
                let stop = stop.clone();
                tokio::spawn(async move { stop.run_until_cancelled(booting).await });
            }
        }
        match stop.run_until_cancelled(changes.changed()).await {
            Some(Ok(())) => {}
            _ => return,
        }
    }
}

async fn boot(world: World, ships: Arc<BTreeMap<u64, Ship>>, instance: Instance) {
    let number = instance.host.machine;
    let (direct, proxy) = (ships[&number].machine.direct(), ships[&number].relay.endpoint());
    let script = &instance.host.script;
    world.set_addresses(
        instance.id,
        script.direct.then_some((direct.host, direct.port)),
        script.proxy.then_some((proxy.host, proxy.port)),
    );
    let (Some(running), Some(ssh)) = (instance.running_at(), instance.ssh_at()) else { return };
    world.wait_until(running).await;
    let machine = Arc::clone(&ships[&number].machine);
    let onstart = move || start_container(&machine, &instance);
    tokio::task::spawn_blocking(onstart).await.unwrap();
    world.wait_until(ssh).await;
    let machine = Arc::clone(&ships[&number].machine);
    *ships[&number].answers.lock().unwrap() = Some(Instant::now());
    tokio::task::spawn_blocking(move || machine.start_sshd()).await.unwrap();
}

/// Carries out onstart among the variables that the cloud sets.
pub fn start_container(machine: &Machine, instance: &Instance) {
    let id = instance.id.to_string();
    let variables = [("CONTAINER_ID", id.as_str()), ("CONTAINER_API_KEY", &instance.api_key)];
    machine.run_onstart_in(&instance.onstart, &variables);
}
