//! The engine as one process has it: its ledger and its keys in a folder, its
//! cloud behind an address.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clouds::{SearchOptions, Vast, Wire};
use engine::{
    Agents, Clock, Context, FileVault, Handle, Ledger, Links, Plans, RankWeights, SettingsCell,
    Stock, Storage, Warm,
};
use model::{LaunchRequest, RaceRules, Recipe, RunPhase};
use secrecy::SecretString;

use crate::cloud::{FOLDER, KEY, SCALE, SWEEPS, URL};

pub const LEDGER: &str = "ledger.sqlite";
/// A cloud that says nothing for this long will not; in real time.
const CALL_LIMIT: Duration = Duration::from_secs(5);

#[path = "../scenarios/repository.rs"]
#[expect(dead_code, reason = "the scenarios make more of it")]
mod repository;

pub use repository::write as write_repository;

/// The life of a process, as its environment says: one launch, or one sweep.
pub async fn live() {
    let Ok(url) = std::env::var(URL) else { return };
    let folder = std::env::var_os(FOLDER).unwrap();
    let engine = start(Path::new(&folder), &url).await;
    if std::env::var_os(SWEEPS).is_some() {
        let _ = engine.sweep(None).await;
        return;
    }
    let request = LaunchRequest { recipe: recipe(), only_offers: Vec::new() };
    let run = engine.launch(request).await.unwrap();
    let mut facts = engine.follow(&run, 0).await.unwrap();
    while facts.next().await.is_some() {}
    assert_eq!(engine.view(&run).await.unwrap().phase, RunPhase::Ready);
}

pub async fn start(folder: &Path, url: &str) -> Handle {
    let search = SearchOptions { spacing: Duration::ZERO, ..SearchOptions::default() };
    let wire = Arc::new(Wire::new(CALL_LIMIT).unwrap());
    let cloud = Vast::new(url, SecretString::from(KEY), wire, search).unwrap();
    let location = folder.join("repository").to_str().unwrap().parse().unwrap();
    let password = SecretString::from(repository::PASSWORD);
    let context = Context {
        clouds: vec![Arc::new(cloud)],
        transport: Arc::new(remote::Tcp),
        storage: Some(Storage::new(location, None, password)),
        vault: Arc::new(FileVault::at(folder.join("keys.json"))),
        ledger: Ledger::open(&folder.join(LEDGER)).unwrap(),
        clock: Clock::scaled(SCALE),
        // What the cloud shows late shows within three seconds; a third lane
        // writes nothing that a fifth does not.
        rules: RaceRules { lookup_limit_ms: 20_000, wave_lanes: 3, ..RaceRules::default() },
        settings: SettingsCell::default(),
        weights: RankWeights::default(),
        recipes: vec![recipe()],
        practice: true,
        attends: true,
        warm: Warm::default(),
        links: Links::default(),
        agents: Agents::of([("x86_64", practice::packed_agent())]),
        stock: Stock::default(),
        plans: Plans::default(),
    };
    Handle::start(context).await.unwrap()
}

fn recipe() -> Recipe {
    Recipe { critical: vec!["/workspace/code".into()], ..Recipe::default() }
}

/// What the scripted restores bring.
pub const fn restores(ms: u64) -> practice::machine::ScriptedRestore {
    practice::machine::ScriptedRestore {
        files: repository::FILES,
        bytes: repository::BYTES,
        critical_bytes: repository::CRITICAL_BYTES,
        ms,
    }
}
