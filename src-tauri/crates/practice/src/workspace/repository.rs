//! A restic repository with a history: three snapshots, the last two of the
//! same tree.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use model::SnapshotId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::restic::{self, OLDEST_RESTIC, Restic};
use super::{
    EDITION, Size, Workspace, WorkspaceError, read_marker, remove_all, trouble, write_marker,
};

/// restic ignores what is not its own.
const MARKER: &str = "practice.json";
/// What every practice snapshot says.
const HOST: &str = "practice";
/// When the snapshots were taken, UTC.
const TIMES: [&str; 3] = ["2026-01-02 09:00:00", "2026-01-02 18:30:00", "2026-01-03 09:15:00"];

/// What to make.
#[derive(Debug, Clone)]
pub struct RepositoryPlan {
    /// The restic to run.
    pub restic: PathBuf,
    /// Where the workspace is made; it is left there as the newest snapshot
    /// has it.
    pub source: PathBuf,
    /// The repository's folder: a folder inside a bucket's.
    pub location: PathBuf,
    /// Snapshots are tagged `dumont:<recipe>`.
    pub recipe: String,
    /// The repository's password.
    pub password: SecretString,
    /// Of the workspace.
    pub seed: u64,
    /// Of the workspace.
    pub size: Size,
}

/// A repository and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its folder.
    pub location: PathBuf,
    /// Oldest first; the last two have the same tree.
    pub snapshots: Vec<MadeSnapshot>,
    /// What the newest snapshot holds, if it was not removed since.
    pub workspace: Workspace,
    /// It stood there already.
    pub reused: bool,
}

/// A snapshot of a practice repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeSnapshot {
    /// Full id.
    pub id: SnapshotId,
    /// Root tree: `workspace` is its only entry.
    pub tree: String,
    /// When, in RFC 3339.
    pub time: String,
    /// Where the workspace stood.
    pub paths: Vec<String>,
}

/// Stands in the repository's folder and says what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    made_of: MadeOf,
    /// Empty while it is being made.
    snapshots: Vec<MadeSnapshot>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MadeOf {
    edition: u32,
    seed: u64,
    size: Size,
    recipe: String,
    source: PathBuf,
    /// Tells whether the password is the same without telling it.
    password: String,
}

impl RepositoryPlan {
    fn made_of(&self) -> MadeOf {
        let mut hash = Sha256::new();
        for part in ["practice repository", &self.recipe, self.password.expose_secret()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        MadeOf {
            edition: EDITION,
            seed: self.seed,
            size: self.size,
            recipe: self.recipe.clone(),
            source: self.source.clone(),
            password: format!("{:x}", Bytes::copy_from_slice(&hash.finalize())),
        }
    }
}

/// Makes the repository that the plan describes, or takes the one that stands
/// there if it was made of the same. Restored with `--target DIR`, each of its
/// snapshots makes `DIR/workspace`.
///
/// # Errors
/// No restic or an old one, a foreign folder in the way, restic's own failure,
/// or I/O. What is half-made then is made anew the next time.
pub async fn make_repository(plan: &RepositoryPlan) -> Result<Repository, WorkspaceError> {
    let made_of = plan.made_of();
    let workspace = Workspace { parent: plan.source.clone(), seed: plan.seed, size: plan.size };
    let location = plan.location.clone();
    let (wanted, at) = (made_of.clone(), location.clone());
    let standing = blocking(move || Ok(standing(&at, &wanted))).await?;
    if let Some(snapshots) = standing {
        return Ok(Repository { location, snapshots, workspace, reused: true });
    }

    let found = restic::version(&plan.restic).await?;
    if found < OLDEST_RESTIC {
        return Err(WorkspaceError::ResticTooOld { found });
    }
    let (marker, at) = (Marker { made_of, snapshots: Vec::new() }, location.clone());
    let marker = blocking(move || prepare(&at, &marker).map(|()| marker)).await?;
    let (parent, seed, size) = (plan.source.clone(), plan.seed, plan.size);
    let workspace = blocking(move || Workspace::generate(&parent, seed, size)).await?;

    let restic = Restic::new(&plan.restic, &location, plan.password.clone())?;
    restic.run(&plan.source, "init", &[]).await?;
    let tag = format!("dumont:{}", plan.recipe);
    for (at, time) in TIMES.iter().enumerate() {
        if at == 1 {
            let workspace = workspace.clone();
            blocking(move || workspace.change(1)).await?;
        }
        // Small packs, so that a small repository still has several; a
        // relative path, so that the tree's root holds the workspace itself.
        let arguments =
            ["--pack-size", "4", "--host", HOST, "--tag", &tag, "--time", time, Workspace::NAME];
        restic.run(&plan.source, "backup", &arguments).await?;
    }
    let listed = restic.run(&plan.source, "snapshots", &[]).await?;
    let snapshots = read_snapshots(&listed)?;
    let marker = Marker { snapshots: snapshots.clone(), ..marker };
    let at = location.join(MARKER);
    blocking(move || write_marker(&at, &marker)).await?;
    Ok(Repository { location, snapshots, workspace, reused: false })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WorkspaceError> + Send + 'static,
) -> Result<T, WorkspaceError> {
    spawn_blocking(work).await.map_err(|_| WorkspaceError::Lost("the practice repository"))?
}

fn standing(location: &Path, wanted: &MadeOf) -> Option<Vec<MadeSnapshot>> {
    let marker: Marker = read_marker(&location.join(MARKER))?;
    let whole = location.join("config").is_file() && marker.snapshots.len() == TIMES.len();
    (whole && marker.made_of == *wanted).then_some(marker.snapshots)
}

/// An empty folder but for the marker of a repository that is being made.
fn prepare(location: &Path, marker: &Marker) -> Result<(), WorkspaceError> {
    let error = |error| trouble("make", location, error);
    match fs::read_dir(location).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) if read_marker::<Marker>(&location.join(MARKER)).is_some() => {
            remove_all(location)?;
        }
        Ok(false) => return Err(WorkspaceError::NotOurs(location.to_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
        Err(cause) => return Err(error(cause)),
    }
    fs::create_dir_all(location).map_err(error)?;
    write_marker(&location.join(MARKER), marker)
}

fn read_snapshots(listed: &[u8]) -> Result<Vec<MadeSnapshot>, WorkspaceError> {
    let unread = |output: String| WorkspaceError::Restic { command: "snapshots", output };
    let mut snapshots: Vec<MadeSnapshot> =
        serde_json::from_slice(listed).map_err(|error| unread(error.to_string()))?;
    if snapshots.len() != TIMES.len() {
        return Err(unread(format!("lists {} snapshots", snapshots.len())));
    }
    snapshots.sort_by(|a, b| a.time.cmp(&b.time));
    Ok(snapshots)
}
