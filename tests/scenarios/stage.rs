//! The stage of a scenario: a practice cloud of exactly these hosts, and the
//! engine in front of it, all in one process on one virtual clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clouds::{Cloud, Http, HttpError, SearchOptions, Vast};
use engine::{
    Agents, Clock, Context, Handle, Ledger, Links, MemoryVault, Plans, RankWeights, SettingsCell,
    Stock, Storage, Vault, Warm,
};
use model::{
    At, Caps, Endpoint, Fact, FactBody, LaneNo, LaunchRequest, LostReason, MachineId, RaceRules,
    Recipe, RunId, RunView, Settings, SnapshotSelector,
};
use practice::cloud::{HostSpec, InProcess, Instance, Script, World, router};
use practice::machine::{Machines, Restorer, ScriptedRestore};
use practice::pace::Pace;
use remote::{BoxedStream, Transport};
use secrecy::SecretString;

use crate::repository;

pub const KEY: &str = "a-key";
const LEDGER: &str = "ledger.sqlite";

/// When every scenario begins.
pub const NOON: At = At::from_unix_ms(1_795_435_200_000);

pub struct Stage {
    pub engine: Handle,
    pub world: World,
    pub clock: Clock,
    pub folder: Arc<tempfile::TempDir>,
    vault: Arc<dyn Vault>,
    machines: Machines,
    power: Arc<AtomicBool>,
    /// Folders of dead processes.
    graveyard: Vec<Arc<tempfile::TempDir>>,
}

/// The way to the cloud of one process: when that process is dead, nothing of
/// it gets out any more.
#[derive(Debug)]
struct Lifeline {
    http: InProcess,
    power: Arc<AtomicBool>,
}

#[async_trait]
impl Http for Lifeline {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        if !self.power.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let response = self.http.send(request).await;
        if !self.power.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        response
    }
}

/// Every machine is at a distance of its own, so that no two things happen in
/// the same millisecond: those may be told in any order.
#[derive(Debug)]
struct Distances(Arc<dyn Transport>);

#[async_trait]
impl Transport for Distances {
    async fn open(&self, endpoint: &Endpoint) -> std::io::Result<BoxedStream> {
        let number = endpoint.host.bytes().filter(u8::is_ascii_digit);
        let number = number.fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        let relay = u64::from(endpoint.host.starts_with("proxy"));
        tokio::time::sleep(Duration::from_millis(3 + 4 * (number % 40) + 2 * relay)).await;
        self.0.open(endpoint).await
    }
}

/// Restores a megabyte in this time.
pub fn restorer(ms: u64) -> Restorer {
    Restorer::Scripted(ScriptedRestore {
        files: repository::FILES,
        bytes: repository::BYTES,
        critical_bytes: repository::CRITICAL_BYTES,
        ms,
    })
}

/// Hosts that are ready after three and a half seconds, cheapest first.
pub fn good(count: u64) -> Vec<HostSpec> {
    (1..=count).map(host).collect()
}

/// The host at this place of the ranking.
pub fn host(number: u64) -> HostSpec {
    HostSpec::new(number).price(0.30 + number as f64 / 1_000.0).create_takes(300)
}

impl Stage {
    pub async fn new(hosts: Vec<HostSpec>) -> Self {
        Self::of(Script::of(hosts), restorer(2_000)).await
    }

    pub async fn of(script: Script, restorer: Restorer) -> Self {
        Self::with(script, restorer, |context| context).await
    }

    /// The same with something else outside the engine.
    pub async fn with(
        script: Script,
        restorer: Restorer,
        change: impl FnOnce(Context) -> Context,
    ) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        repository::write(&folder.path().join("repository"));
        let world = World::new(script.key(KEY), Pace::real(), NOON);
        let machines =
            Machines::in_process(world.clone(), folder.path().join("machines"), restorer);
        let vault: Arc<dyn Vault> = Arc::new(MemoryVault::default());
        let clock = Clock::on_tokio_time(NOON);
        let power = Arc::new(AtomicBool::new(true));
        let context = context(&folder, &world, &machines, &vault, &clock, &power);
        let engine = Handle::start(change(context)).await.unwrap();
        Self { engine, world, clock, folder, vault, machines, power, graveyard: Vec::new() }
    }

    /// The engine's process is killed, and another starts with what the disk
    /// has.
    pub async fn restart(self) -> Self {
        self.restart_with(Caps::default()).await
    }

    /// The same with spending caps.
    pub async fn restart_with(mut self, caps: Caps) -> Self {
        self.power.store(false, Ordering::Relaxed);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        repository::write(&folder.path().join("repository"));
        let disk = rusqlite::Connection::open(self.folder.path().join(LEDGER)).unwrap();
        let copy = folder.path().join(LEDGER);
        disk.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        let power = Arc::new(AtomicBool::new(true));
        let Self { world, machines, vault, clock, .. } = &self;
        let settings = SettingsCell::new(Settings { caps, ..Settings::default() });
        let context =
            Context { settings, ..context(&folder, world, machines, vault, clock, &power) };
        self.engine = Handle::start(context).await.unwrap();
        self.power = power;
        self.graveyard.push(std::mem::replace(&mut self.folder, folder));
        self
    }

    /// Nothing of the engine's process gets out any more.
    pub fn lose_power(&self) {
        self.power.store(false, Ordering::Relaxed);
    }

    /// Launches and waits for the run's end.
    pub async fn launch(&self, recipe: Recipe) -> Story {
        let run = self.begin(recipe).await;
        self.finish(&run).await
    }

    pub async fn begin(&self, recipe: Recipe) -> RunId {
        let request = LaunchRequest { recipe, only_offers: Vec::new() };
        self.engine.launch(request).await.unwrap()
    }

    pub async fn finish(&self, run: &RunId) -> Story {
        let mut facts = self.engine.follow(run, 0).await.unwrap();
        let mut told = Vec::new();
        while let Some(fact) = facts.next().await {
            told.push(fact);
        }
        Story::new(run.clone(), told)
    }

    /// Waits until the run has told this.
    pub async fn until(&self, run: &RunId, wanted: impl Fn(&FactBody) -> bool) {
        let mut facts = self.engine.follow(run, 0).await.unwrap();
        while let Some(fact) = facts.next().await {
            if wanted(&fact.body) {
                return;
            }
        }
        panic!("the run ended without it");
    }

    /// Somebody rents this offer, past the engine.
    pub async fn rent(&self, offer: u64, label: &str) -> MachineId {
        let body = serde_json::json!({
            "client_id": "me", "image": "ubuntu", "disk": 10.0, "label": label,
            "runtype": "ssh", "cancel_unavail": true,
        });
        let request = http::Request::put(format!("http://127.0.0.1/api/v0/asks/{offer}/"))
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let response = InProcess::new(router(self.world.clone())).send(request).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        MachineId::new(json["new_contract"].to_string())
    }

    /// Another copy of the app on the same data.
    pub async fn beside(&self) -> Handle {
        let Self { folder, world, machines, vault, clock, .. } = self;
        let power = Arc::new(AtomicBool::new(true));
        Handle::start(context(folder, world, machines, vault, clock, &power)).await.unwrap()
    }

    /// Machines that exist and cost money now.
    pub fn alive(&self) -> Vec<Instance> {
        self.world.alive()
    }
}

fn context(
    folder: &Arc<tempfile::TempDir>,
    world: &World,
    machines: &Machines,
    vault: &Arc<dyn Vault>,
    clock: &Clock,
    power: &Arc<AtomicBool>,
) -> Context {
    let http = InProcess::new(router(world.clone()));
    let http = Arc::new(Lifeline { http, power: Arc::clone(power) });
    let search = SearchOptions { spacing: Duration::ZERO, ..SearchOptions::default() };
    let cloud: Arc<dyn Cloud> =
        Arc::new(Vast::new("http://127.0.0.1:1", SecretString::from(KEY), http, search).unwrap());
    let location = folder.path().join("repository").to_str().unwrap().parse().unwrap();
    let storage = Storage::new(location, None, SecretString::from(repository::PASSWORD));
    Context {
        clouds: vec![cloud],
        transport: Arc::new(Distances(machines.transport())),
        storage: Some(storage),
        vault: Arc::clone(vault),
        ledger: Ledger::open(&folder.path().join(LEDGER)).unwrap(),
        clock: clock.clone(),
        rules: RaceRules::default(),
        settings: SettingsCell::default(),
        weights: RankWeights { explore_share: 0.0, ..RankWeights::default() },
        recipes: vec![recipe()],
        practice: true,
        attends: true,
        warm: Warm::default(),
        links: Links::default(),
        agents: Agents::of([("x86_64", practice::packed_agent())]),
        stock: Stock::default(),
        plans: Plans::default(),
    }
}

/// The recipe most scenarios launch.
pub fn recipe() -> Recipe {
    Recipe { critical: vec!["/workspace/code".into()], ..Recipe::default() }
}

/// A machine without a restore.
pub fn plain() -> Recipe {
    Recipe { snapshot: SnapshotSelector::None, ..Recipe::default() }
}

/// What a run told.
pub struct Story {
    pub facts: Vec<Fact>,
    pub view: RunView,
}

impl Story {
    fn new(run: RunId, facts: Vec<Fact>) -> Self {
        let view = RunView::replay(run, &facts);
        Self { facts, view }
    }

    pub fn exit(&self) -> u8 {
        self.view.exit_code().expect("the run is over")
    }

    pub fn count(&self, matches: impl Fn(&FactBody) -> bool) -> usize {
        self.facts.iter().filter(|fact| matches(&fact.body)).count()
    }

    /// When the first such fact was told.
    pub fn at(&self, matches: impl Fn(&FactBody) -> bool) -> Option<u64> {
        self.facts.iter().find(|fact| matches(&fact.body)).map(|fact| fact.elapsed_ms)
    }

    /// Why the lane on this host was lost.
    pub fn reason(&self, host: u64) -> Option<LostReason> {
        let host = host.to_string();
        self.view
            .lanes
            .iter()
            .find(|lane| lane.brief.host.as_ref().is_some_and(|known| known.as_str() == host))
            .and_then(|lane| lane.reason)
    }

    pub fn winner_host(&self) -> Option<u64> {
        let lane = self.view.lane(self.view.winner?)?;
        lane.brief.host.as_ref()?.as_str().parse().ok()
    }

    pub fn winner_lane(&self) -> Option<LaneNo> {
        self.view.winner
    }

    /// Every machine that was rented and did not win is confirmed gone.
    pub fn all_losers_are_gone(&self) -> bool {
        self.view
            .lanes
            .iter()
            .filter(|lane| lane.machine.is_some() && Some(lane.brief.lane) != self.view.winner)
            .all(|lane| lane.destroyed_confirmed)
    }
}
