//! A small workspace and a real restic repository of it, for practice mode and
//! for tests: a tree such as people keep on GPU machines, with every oddity
//! that a restore has to bring back.
//!
//! It must never touch a folder that it did not make itself, and never run
//! restic with the user's own settings.

mod compare;
mod dice;
mod layout;
mod repository;
mod restic;
mod text;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use fs_set_times::SystemTimeSpec;
use serde::{Deserialize, Serialize};

pub use self::compare::{Difference, Differences, Differs, Kind, compare};
pub(crate) use self::dice::Dice;
use self::layout::{Content, Item, What};
pub use self::repository::{MadeSnapshot, Repository, RepositoryPlan, make_repository};
pub use self::restic::{OLDEST_RESTIC, Version, find_restic};

/// Raised when the same seed begins to mean other bytes.
const EDITION: u32 = 1;

/// Why there is no workspace or no repository.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// A file or folder.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something stands where a practice folder should be made.
    #[error("replace {}: it was not made by the practice cloud", .0.display())]
    NotOurs(PathBuf),
    /// There is no such program.
    #[error("find restic at {}", .0.display())]
    ResticMissing(PathBuf),
    /// The program does not say that it is restic.
    #[error("read the version of {}", .0.display())]
    ResticUnknown(PathBuf),
    /// Too old for what the practice cloud asks of it.
    #[error("use restic {found}: {OLDEST_RESTIC} is the oldest that will do")]
    ResticTooOld {
        /// Its version.
        found: Version,
    },
    /// restic failed.
    #[error("run restic {command}: {output}")]
    Restic {
        /// Its subcommand.
        command: &'static str,
        /// The end of what it said.
        output: String,
    },
    /// A task was cancelled or panicked.
    #[error("finish {0}")]
    Lost(&'static str),
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// About 120 files, less than 3 MB.
    Small,
    /// About 3,000 files, 60 to 80 MB.
    Full,
}

/// A workspace on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    parent: PathBuf,
    seed: u64,
    size: Size,
}

/// Stands beside the workspace's folder and says whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    edition: u32,
    seed: u64,
    size: Size,
    /// Changes applied so far; absent while it is being made.
    changes: Option<u32>,
}

impl Workspace {
    /// The folder's name, and so the first component of every path in its
    /// snapshots: a restore with `--target /` makes `/workspace`.
    pub const NAME: &'static str = "workspace";

    /// Makes `parent/workspace`, or takes the one that stands there if it is
    /// the same. The same seed and size give the same names, bytes, modes and
    /// times everywhere, but for what the platform cannot store. Blocks.
    ///
    /// # Errors
    /// [`WorkspaceError::NotOurs`] if something else stands there, or I/O.
    pub fn generate(parent: &Path, seed: u64, size: Size) -> Result<Self, WorkspaceError> {
        let workspace = Self { parent: parent.to_owned(), seed, size };
        if workspace.changes() == Some(0) {
            return Ok(workspace);
        }
        fs::create_dir_all(parent).map_err(|error| trouble("make", parent, error))?;
        workspace.clear()?;
        workspace.mark(None)?;
        apply(&workspace.folder(), &layout::layout(seed, size))?;
        workspace.mark(Some(0))?;
        Ok(workspace)
    }

    /// Where it stands: `parent/workspace`.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.parent.join(Self::NAME)
    }

    /// The paths that are enough to begin work, as they stand in a snapshot's
    /// tree: code, settings and environment, about a tenth of the bytes.
    #[must_use]
    pub fn critical() -> Vec<String> {
        ["app", "configs", "venv"].map(|name| format!("/{}/{name}", Self::NAME)).into()
    }

    /// The paths that restic writes into its snapshots: where the workspace
    /// stood, not where it will be restored.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        vec![self.folder().display().to_string()]
    }

    /// Changes a few files: one rewritten, one new setting, two new pictures,
    /// a link that points elsewhere. The same step changes the same. Blocks.
    ///
    /// # Errors
    /// I/O.
    pub fn change(&self, step: u32) -> Result<(), WorkspaceError> {
        let changes = self.changes().unwrap_or_default();
        self.mark(None)?;
        apply(&self.folder(), &layout::changes(self.seed, step))?;
        self.mark(Some(changes + 1))
    }

    /// Removes it, read-only folders and all. Blocks.
    ///
    /// # Errors
    /// I/O.
    pub fn remove(self) -> Result<(), WorkspaceError> {
        self.clear()
    }

    /// How often it was changed; absent unless it stands there whole.
    fn changes(&self) -> Option<u32> {
        let marker = read_marker(&self.marker())?;
        let Marker { edition, seed, size, changes } = marker;
        let same = edition == EDITION && seed == self.seed && size == self.size;
        changes.filter(|_| same && self.folder().is_dir())
    }

    fn marker(&self) -> PathBuf {
        self.parent.join("workspace.json")
    }

    fn mark(&self, changes: Option<u32>) -> Result<(), WorkspaceError> {
        let marker = Marker { edition: EDITION, seed: self.seed, size: self.size, changes };
        write_marker(&self.marker(), &marker)
    }

    fn clear(&self) -> Result<(), WorkspaceError> {
        let (folder, marker) = (self.folder(), self.marker());
        if fs::symlink_metadata(&folder).is_ok() {
            if read_marker::<Marker>(&marker).is_none() {
                return Err(WorkspaceError::NotOurs(folder));
            }
            remove_all(&folder)?;
        }
        match fs::remove_file(&marker) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(trouble("remove", &marker, error))
            }
            _ => Ok(()),
        }
    }
}

fn read_marker<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write_marker<T: Serialize>(path: &Path, marker: &T) -> Result<(), WorkspaceError> {
    let text = serde_json::to_vec_pretty(marker).map_err(io::Error::other);
    text.and_then(|text| fs::write(path, text)).map_err(|error| trouble("write", path, error))
}

fn trouble(what: &'static str, path: &Path, source: io::Error) -> WorkspaceError {
    WorkspaceError::Io { what, path: path.to_owned(), source }
}

/// Makes the entries, then gives them their modes and times; folders that only
/// got new entries get the time of one of them.
fn apply(folder: &Path, items: &[Item]) -> Result<(), WorkspaceError> {
    for item in items {
        let path = folder.join(&item.path);
        create(folder, &path, &item.what).map_err(|error| trouble("make", &path, error))?;
    }
    let mut dated: BTreeMap<PathBuf, (u64, u32)> = BTreeMap::new();
    for item in items {
        if let Some(parent) = item.path.parent() {
            dated.entry(parent.to_owned()).or_insert(item.modified);
        }
    }
    for item in items.iter().filter(|item| !matches!(item.what, What::Same(_))) {
        let path = folder.join(&item.path);
        set_mode(&path, item).map_err(|error| trouble("set the mode of", &path, error))?;
        dated.insert(item.path.clone(), item.modified);
    }
    for (path, (seconds, nanoseconds)) in dated {
        // Joined to an empty path it would be followed if it were a link.
        let path = if path.as_os_str().is_empty() { folder.to_owned() } else { folder.join(path) };
        let time = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        let time = || Some(SystemTimeSpec::Absolute(time));
        fs_set_times::set_symlink_times(&path, time(), time())
            .map_err(|error| trouble("set the times of", &path, error))?;
    }
    Ok(())
}

fn create(folder: &Path, path: &Path, what: &What) -> io::Result<()> {
    match what {
        What::Folder => fs::create_dir(path),
        What::File(content) => {
            remove_file(path)?;
            write(&mut File::create_new(path)?, content)
        }
        What::Link(target) => {
            remove_file(path)?;
            link(target.as_ref(), path)
        }
        What::Same(as_) => fs::hard_link(folder.join(as_), path),
    }
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write(file: &mut File, content: &Content) -> io::Result<()> {
    match content {
        Content::Text(text) => file.write_all(text.as_bytes()),
        Content::Noise { seed, bytes } => {
            let mut dice = Dice::new(*seed);
            chunks(*bytes, |chunk| {
                dice.fill(chunk);
                file.write_all(chunk)
            })
        }
        Content::Zeros(bytes) => chunks(*bytes, |chunk| file.write_all(chunk)),
    }
}

fn chunks(bytes: u64, mut each: impl FnMut(&mut [u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    while left > 0 {
        let count = left.min(buffer.len());
        each(&mut buffer[..count])?;
        left -= count;
    }
    Ok(())
}

#[cfg(unix)]
fn link(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Links need a privilege there, so layouts hold none.
#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn set_mode(path: &Path, item: &Item) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if matches!(item.what, What::Link(_)) {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(item.mode))
}

#[cfg(not(unix))]
fn set_mode(path: &Path, item: &Item) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_readonly(matches!(item.what, What::File(_)) && item.mode & 0o222 == 0);
    fs::set_permissions(path, permissions)
}

/// Removes a folder in which some folders are read-only.
fn remove_all(folder: &Path) -> Result<(), WorkspaceError> {
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let error = |error| trouble("remove", &path, error);
        let stat = fs::symlink_metadata(&path).map_err(error)?;
        if stat.is_symlink() || (stat.is_file() && cfg!(unix)) {
            continue;
        }
        let mut permissions = stat.permissions();
        if permissions.readonly() || stat.is_dir() {
            allow_writing(&mut permissions);
            fs::set_permissions(&path, permissions).map_err(error)?;
        }
        if stat.is_dir() {
            for entry in fs::read_dir(&path).map_err(error)? {
                waiting.push(entry.map_err(error)?.path());
            }
        }
    }
    fs::remove_dir_all(folder).map_err(|error| trouble("remove", folder, error))
}

#[cfg(unix)]
fn allow_writing(permissions: &mut fs::Permissions) {
    use std::os::unix::fs::PermissionsExt;
    permissions.set_mode(permissions.mode() | 0o700);
}

#[cfg(not(unix))]
fn allow_writing(permissions: &mut fs::Permissions) {
    #[expect(clippy::permissions_set_readonly_false, reason = "it only concerns Unix")]
    permissions.set_readonly(false);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn totals(items: &[Item]) -> (usize, u64) {
        let bytes = |item: &Item| match &item.what {
            What::File(Content::Text(text)) => text.len() as u64,
            What::File(Content::Noise { bytes, .. } | Content::Zeros(bytes)) => *bytes,
            _ => 0,
        };
        let files = items.iter().filter(|item| matches!(item.what, What::File(_)));
        (files.count(), items.iter().map(bytes).sum())
    }

    #[test]
    fn sizes_are_as_promised_and_the_critical_part_is_about_a_tenth() {
        let critical: Vec<PathBuf> =
            Workspace::critical().iter().map(|path| path["/workspace/".len()..].into()).collect();
        for (size, files, bytes) in [
            (Size::Small, 100..140, 1_500_000..3_000_000),
            (Size::Full, 2700..3300, 60_000_000..80_000_000),
        ] {
            let items = layout::layout(1, size);
            let is_critical =
                |item: &&Item| critical.iter().any(|path| item.path.starts_with(path));
            let first: Vec<Item> = items.iter().filter(is_critical).cloned().collect();
            let (all, part) = (totals(&items), totals(&first));
            assert!(files.contains(&all.0), "{size:?}: {} files", all.0);
            assert!(bytes.contains(&all.1), "{size:?}: {} bytes", all.1);
            let share = part.1 as f64 / all.1 as f64;
            assert!((0.05..0.15).contains(&share), "{size:?}: {share}");
        }
    }

    #[test]
    fn every_entry_has_a_name_and_a_folder_of_its_own() {
        for size in [Size::Small, Size::Full] {
            let items = layout::layout(3, size);
            let mut folders = BTreeSet::new();
            let mut names = BTreeSet::new();
            for item in &items {
                let parent = item.path.parent();
                assert!(parent.is_none_or(|parent| folders.contains(parent)), "{:?}", item.path);
                assert!(names.insert(&item.path), "{:?} twice", item.path);
                if item.what == What::Folder {
                    folders.insert(item.path.as_path());
                }
            }
        }
    }

    #[test]
    fn another_seed_is_another_workspace() {
        assert_eq!(layout::layout(5, Size::Small), layout::layout(5, Size::Small));
        assert_ne!(layout::layout(5, Size::Small), layout::layout(6, Size::Small));
        assert_ne!(layout::changes(5, 1), layout::changes(5, 2));
    }
}
