//! The whole practice world in one piece: what `--practice` starts.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::At;
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::cloud::{Script, Served, World, router, serve};
use crate::machine::{Machines, Restorer};
use crate::pace::Pace;
use crate::store::{Gate, Store, StoreError, StoreOptions};
use crate::workspace::{
    RepositoryPlan, Size, Workspace, WorkspaceError, find_restic, make_repository,
};

const BUCKET: &str = "practice";
const PREFIX: &str = "workspaces";
/// The password of a repository of invented files on this very computer.
const PASSWORD: &str = "practice";
const WORLD_FILE: &str = "world.json";
/// Changes are written down after at most this long.
const SAVE_AFTER: Duration = Duration::from_millis(100);

/// What kind of practice world.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its own folder; kept from start to start.
    pub folder: PathBuf,
    /// Same seed, same world.
    pub seed: u64,
    /// Milliseconds of the world in a real one.
    pub scale: f64,
    /// The moment it is.
    pub now: At,
    /// Hosts and faults; absent: dealt from the seed.
    pub script: Option<Script>,
    /// How large the workspace is.
    pub size: Size,
    /// What the object store does to traffic.
    pub gate: Gate,
}

/// Why there is no practice world.
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    /// Another process has it open.
    #[error("open the practice cloud: another process has it open")]
    InUse,
    /// restic is not installed.
    #[error("find restic on this computer")]
    NoRestic,
    /// Its folder cannot be used.
    #[error("use the practice folder: {0}")]
    Folder(#[from] io::Error),
    /// No workspace or repository.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// No object store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A practice world. It ends when this is dropped; its machines and their
/// costs go on the next time.
#[derive(Debug)]
pub struct Practice {
    /// Market and machines.
    pub world: World,
    /// What stands behind the machines' addresses.
    pub machines: Machines,
    /// Object store.
    pub store: Store,
    /// The workspace whose snapshots are in the repository.
    pub workspace: Workspace,
    api: Served,
    saver: JoinHandle<()>,
    _lock: File,
}

impl Practice {
    /// The recipe's name whose snapshots the repository holds.
    pub const RECIPE: &'static str = "practice";

    /// Starts it.
    ///
    /// # Errors
    /// Another process has it, restic is missing, or the folder cannot be used.
    pub async fn start(options: Options) -> Result<Self, PracticeError> {
        let folder = &options.folder;
        std::fs::create_dir_all(folder)?;
        let lock = lock(&folder.join("lock"))?;
        let (restic, version) = find_restic().await.ok_or(PracticeError::NoRestic)?;

        let repository = make_repository(&RepositoryPlan {
            restic: restic.clone(),
            source: folder.join("source"),
            location: folder.join("store").join(BUCKET).join(PREFIX),
            recipe: Self::RECIPE.into(),
            password: SecretString::from(PASSWORD),
            seed: options.seed,
            size: options.size,
        })
        .await?;
        let store = Store::start(StoreOptions {
            root: folder.join("store"),
            bucket: BUCKET.into(),
            gate: options.gate,
        })
        .await?;

        let pace = Pace::new(options.scale);
        let world = load(folder, options.seed, pace, options.now).unwrap_or_else(|| {
            let script = options.script.unwrap_or_else(|| Script::seeded(options.seed));
            World::new(script, pace, options.now)
        });
        let location = location(&store);
        let machines = Machines::listen(
            world.clone(),
            folder.join("machines"),
            Restorer::restic(restic, version, location),
        );
        let api = serve(router(world.clone())).await?;
        let saver = tokio::spawn(save_changes(world.clone(), folder.clone(), options.seed));
        Ok(Self {
            world,
            machines,
            store,
            workspace: repository.workspace,
            api,
            saver,
            _lock: lock,
        })
    }

    /// Base address of the vast API.
    #[must_use]
    pub fn vast_url(&self) -> String {
        self.api.base_url()
    }

    /// The repository as restic spells it.
    #[must_use]
    pub fn location(&self) -> String {
        location(&self.store)
    }

    /// The repository's password.
    #[must_use]
    pub fn password(&self) -> SecretString {
        SecretString::from(PASSWORD)
    }

    /// Paths of the workspace without which work cannot start.
    #[must_use]
    pub fn critical() -> Vec<String> {
        Workspace::critical()
    }

    /// Writes the world down now.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self, folder: &Path, seed: u64) -> io::Result<()> {
        save(&self.world, folder, seed)
    }
}

impl Drop for Practice {
    fn drop(&mut self) {
        self.saver.abort();
    }
}

fn location(store: &Store) -> String {
    format!("s3:{}/{BUCKET}/{PREFIX}", store.endpoint())
}

fn lock(path: &Path) -> Result<File, PracticeError> {
    let file = File::create(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(PracticeError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The world of an earlier start, if it was of the same seed.
fn load(folder: &Path, seed: u64, pace: Pace, now: At) -> Option<World> {
    let text = std::fs::read_to_string(folder.join(WORLD_FILE)).ok()?;
    let mut saved: serde_json::Value = serde_json::from_str(&text).ok()?;
    if saved.get("seed")?.as_u64()? != seed {
        return None;
    }
    match World::load(saved.get_mut("world")?.take(), pace, now) {
        Ok(world) => Some(world),
        Err(error) => {
            warn!(%error, "the practice world starts anew");
            None
        }
    }
}

async fn save_changes(world: World, folder: PathBuf, seed: u64) {
    let mut changes = world.changes();
    while changes.changed().await.is_ok() {
        tokio::time::sleep(SAVE_AFTER).await;
        changes.mark_unchanged();
        if let Err(error) = save(&world, &folder, seed) {
            warn!(%error, "the practice world could not be written down");
        }
    }
}

fn save(world: &World, folder: &Path, seed: u64) -> io::Result<()> {
    let saved = serde_json::json!({ "seed": seed, "world": world.save()? });
    let new = folder.join(format!("{WORLD_FILE}.new"));
    std::fs::write(&new, saved.to_string())?;
    std::fs::rename(new, folder.join(WORLD_FILE))
}
