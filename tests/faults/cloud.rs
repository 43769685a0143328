//! The world that outlives the processes, and what must be true of it when
//! everything has settled.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::{Ledger, RentalState};
use model::{At, CloudId, FactBody, MachineId, OfferFilter};
use practice::cloud::{InProcess, Script, Served, World, router, serve};
use practice::machine::{Machines, Restorer};
use practice::pace::Pace;
use tokio::process::{Child, Command};

use crate::process;

pub const KEY: &str = "a-key";
/// The processes' clocks and the world's run this much faster than life.
pub const SCALE: f64 = 10.0;
pub const URL: &str = "DUMONT_FAULTS_URL";
pub const FOLDER: &str = "DUMONT_FAULTS_FOLDER";
pub const SWEEPS: &str = "DUMONT_FAULTS_SWEEPS";
/// Longer than anything here takes on a busy computer.
const PATIENCE: Duration = Duration::from_mins(2);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was killed where it was to be.
    Died,
    /// Its race was ready before there was such a moment.
    Ready,
    /// Its race failed before: on a busy computer a deadline that the time scale
    /// makes short may pass.
    Failed,
}

/// A practice cloud with machines of other people on it.
pub struct Town {
    world: World,
    folder: tempfile::TempDir,
    api: Served,
    _machines: Machines,
    foreign: Vec<MachineId>,
}

impl Town {
    pub async fn of(script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        process::write_repository(&folder.path().join("repository"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let start = At::from_unix_ms(i64::try_from(now.as_millis()).unwrap());
        let world = World::new(script.key(KEY), Pace::new(SCALE), start);
        let restorer = Restorer::Scripted(process::restores(1_500));
        let machines = Machines::listen(world.clone(), folder.path().join("machines"), restorer);
        let api = serve(router(world.clone())).await.unwrap();
        let mut town = Self { world, folder, api, _machines: machines, foreign: Vec::new() };
        for label in ["my own", "dumont/aaaaaaaa-bbbbbbbbbb/3"] {
            town.rent(label).await;
        }
        town
    }

    /// Somebody else rents a machine. The cloud's faults are not for them.
    async fn rent(&mut self, label: &str) {
        let http = InProcess::new(router(self.world.clone()));
        let search = clouds::SearchOptions::default();
        let key = secrecy::SecretString::from(KEY);
        let cloud = clouds::Vast::new("http://127.0.0.1:1", key, Arc::new(http.clone()), search);
        let found = clouds::Cloud::search(&cloud.unwrap(), &OfferFilter::default()).await.unwrap();
        let taken: Vec<u64> = self.world.instances().iter().map(|one| one.id).collect();
        for offer in found.offers.iter().rev() {
            let order = serde_json::json!({
                "client_id": "me", "image": "ubuntu", "disk": 10.0, "label": label,
                "runtype": "ssh", "cancel_unavail": true,
            });
            let request = http::Request::put(format!("http://127.0.0.1/api/v0/asks/{}/", offer.id))
                .header("authorization", format!("Bearer {KEY}"))
                .header("content-type", "application/json")
                .body(bytes::Bytes::from(order.to_string()))
                .unwrap();
            // One that is never answered is as good as any: what counts is that
            // it stands there.
            let sent = clouds::Http::send(&http, request);
            tokio::pin!(sent);
            let mut answered = false;
            while !answered {
                answered = tokio::time::timeout(Duration::from_millis(20), &mut sent).await.is_ok();
                let alive = self.world.alive();
                if let Some(new) = alive.iter().find(|instance| !taken.contains(&instance.id)) {
                    self.foreign.push(MachineId::new(new.id.to_string()));
                    return;
                }
            }
        }
        panic!("nothing could be rented");
    }

    fn data(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn revoke_key(&self) {
        self.world.set_key(Some("another".into()));
    }

    pub fn restore_key(&self) {
        self.world.set_key(Some(KEY.into()));
    }

    /// A process that launches, and dies at this moment.
    pub fn process(&self, die_at: Option<u32>) -> Child {
        let mut command = self.command();
        if let Some(moment) = die_at {
            command.env("DUMONT_DIE_AT", moment.to_string());
        }
        command.spawn().unwrap()
    }

    /// A process that sweeps.
    pub fn sweeper(&self) -> Child {
        self.command().env(SWEEPS, "1").spawn().unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--ignored", "--exact", "the_process", "--nocapture"])
            .env(URL, self.api.base_url())
            .env(FOLDER, self.data())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// How the process ended that was to die at this moment.
    pub async fn die_at(&self, moment: u32) -> End {
        let mut process = self.process(Some(moment));
        let status = tokio::time::timeout(PATIENCE, process.wait()).await.unwrap().unwrap();
        if status.success() {
            return End::Ready;
        }
        match std::os::unix::process::ExitStatusExt::signal(&status) {
            Some(_) => End::Died,
            None => End::Failed,
        }
    }

    /// The next process finishes what was left; then nothing is left but a
    /// winner, and nothing of others was touched.
    pub async fn settle(&self, name: &str) {
        let engine = process::start(&self.data(), &self.api.base_url()).await;
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            // A list that fails is asked for again, as the app does by itself.
            match engine.sweep(None).await {
                Ok(report) if report.unconfirmed.is_empty() => break,
                _ => assert!(tokio::time::Instant::now() < end, "{name}: never settled"),
            }
        }
        let ledger = Ledger::open(&self.data().join(process::LEDGER)).unwrap();
        let kept: Vec<MachineId> = ledger
            .unsettled()
            .unwrap()
            .into_iter()
            .inspect(|rental| assert_eq!(rental.state, RentalState::Kept, "{name}: {rental:?}"))
            .filter_map(|rental| rental.machine)
            .collect();
        assert!(kept.len() <= 1, "{name}: {kept:?}");
        let mut alive: Vec<String> =
            self.world.alive().iter().map(|instance| instance.id.to_string()).collect();
        for foreign in &self.foreign {
            let at = alive.iter().position(|id| id == foreign.as_str());
            alive.remove(at.unwrap_or_else(|| panic!("{name}: {foreign} is not ours, and gone")));
        }
        let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
        if alive != kept {
            self.tell(&ledger);
        }
        assert_eq!(alive, kept, "{name}: what lives, and what is kept");
        self.no_winner_went_without_a_reason(&ledger, name);
    }

    /// All that is known, where something is wrong.
    fn tell(&self, ledger: &Ledger) {
        let rentals = ledger.costing_since(At::from_unix_ms(0)).unwrap();
        for rental in &rentals {
            eprintln!("{rental:?}");
        }
        if let Some(rental) = rentals.first() {
            for fact in ledger.facts(&rental.run, 0).unwrap() {
                eprintln!("{}", serde_json::to_string(&fact).unwrap());
            }
        }
        for call in self.world.calls() {
            eprintln!("{call:?}");
        }
    }

    /// A winner is destroyed only after its run said why.
    fn no_winner_went_without_a_reason(&self, ledger: &Ledger, name: &str) {
        let alive: Vec<u64> = self.world.alive().iter().map(|instance| instance.id).collect();
        for instance in self.world.instances() {
            let machine = MachineId::new(instance.id.to_string());
            let Some(rental) = ledger.rental(CloudId::Vast, &machine).unwrap() else { continue };
            let facts = ledger.facts(&rental.run, 0).unwrap();
            let won = facts.iter().any(|fact| {
                matches!(&fact.body, FactBody::WinnerChosen { machine: winner, .. }
                    if *winner == machine)
            });
            let over = facts.iter().any(|fact| match &fact.body {
                FactBody::LaneLost { lane, .. } => *lane == rental.lane,
                FactBody::RunFailed { .. } | FactBody::RunCancelled { .. } => true,
                _ => false,
            });
            assert!(
                !won || over || alive.contains(&instance.id),
                "{name}: the winner {machine} was destroyed, and no fact says why"
            );
        }
    }
}

/// Whether it was killed; else it had ended by itself.
pub async fn kill(process: &mut Child) -> bool {
    if process.try_wait().unwrap().is_some() {
        return false;
    }
    process.kill().await.unwrap();
    true
}
