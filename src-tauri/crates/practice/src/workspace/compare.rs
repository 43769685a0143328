//! Two folders compared, byte for byte and attribute for attribute. Restores
//! are judged by this, so it says every difference and forgives none.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::WorkspaceError;

/// Every difference between two folders; empty means equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences(pub Vec<Difference>);

impl Differences {
    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|difference| writeln!(f, "{difference}"))
    }
}

/// One difference. The path is relative to both folders, empty for themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub what: Differs,
}

#[expect(clippy::unnecessary_debug_formatting, reason = "names with line breaks and wild bytes")]
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.path, self.what)
    }
}

/// What differs; the source's side first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each holds the two sides")]
pub enum Differs {
    /// In the source only.
    Missing,
    /// In the restored folder only.
    Extra,
    /// Another kind of entry.
    Kind(Kind, Kind),
    /// Permissions with set-id and sticky bits (Unix).
    Mode(u32, u32),
    /// Bytes.
    Size(u64, u64),
    /// The first byte that differs.
    Content { offset: u64 },
    /// A symbolic link's target.
    Target(PathBuf, PathBuf),
    /// The other names of the same file.
    Names(Vec<PathBuf>, Vec<PathBuf>),
    /// Modification time since 1970.
    Modified(Duration, Duration),
}

#[expect(clippy::unnecessary_debug_formatting, reason = "names with line breaks and wild bytes")]
impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "missing"),
            Self::Extra => write!(f, "not in the source"),
            Self::Kind(a, b) => write!(f, "{a:?}, restored as {b:?}"),
            Self::Mode(a, b) => write!(f, "mode {a:04o}, restored as {b:04o}"),
            Self::Size(a, b) => write!(f, "{a} bytes, restored as {b}"),
            Self::Content { offset } => write!(f, "content differs at byte {offset}"),
            Self::Target(a, b) => write!(f, "points to {a:?}, restored to {b:?}"),
            Self::Names(a, b) => write!(f, "also called {a:?}, restored as {b:?}"),
            Self::Modified(a, b) => write!(f, "modified at {a:?}, restored as {b:?}"),
        }
    }
}

/// Kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    File,
    Folder,
    Link,
    Other,
}

impl Kind {
    fn of(stat: &Metadata) -> Self {
        match stat.file_type() {
            kind if kind.is_file() => Self::File,
            kind if kind.is_dir() => Self::Folder,
            kind if kind.is_symlink() => Self::Link,
            _ => Self::Other,
        }
    }
}

/// Compares two folders, themselves included. Owners and access times are not
/// looked at. Blocks.
///
/// # Errors
/// What cannot be read, on either side.
pub fn compare(source: &Path, restored: &Path) -> Result<Differences, WorkspaceError> {
    let (ours, theirs) = (Tree::read(source)?, Tree::read(restored)?);
    let mut differences = Vec::new();
    for (path, stat) in &ours.entries {
        let mut add = |what| differences.push(Difference { path: path.clone(), what });
        let Some(other) = theirs.entries.get(path) else {
            add(Differs::Missing);
            continue;
        };
        let (kind, other_kind) = (Kind::of(stat), Kind::of(other));
        if kind != other_kind {
            add(Differs::Kind(kind, other_kind));
            continue;
        }
        let (at, other_at) = (source.join(path), restored.join(path));
        match kind {
            Kind::File if stat.len() != other.len() => add(Differs::Size(stat.len(), other.len())),
            Kind::File => {
                if let Some(offset) = first_difference(&at, &other_at)? {
                    add(Differs::Content { offset });
                }
            }
            Kind::Link => {
                let target = |at: &Path| fs::read_link(at).map_err(|error| trouble(at, error));
                let (a, b) = (target(&at)?, target(&other_at)?);
                if a != b {
                    add(Differs::Target(a, b));
                }
            }
            Kind::Folder | Kind::Other => {}
        }
        let (mode, other_mode) = (mode(stat), mode(other));
        if mode != other_mode && kind != Kind::Link {
            add(Differs::Mode(mode, other_mode));
        }
        let (names, other_names) = (ours.names(stat, path), theirs.names(other, path));
        if names != other_names {
            add(Differs::Names(names, other_names));
        }
        let (time, other_time) = (modified(&at, stat)?, modified(&other_at, other)?);
        if time != other_time {
            add(Differs::Modified(time, other_time));
        }
    }
    for path in theirs.entries.keys().filter(|path| !ours.entries.contains_key(*path)) {
        differences.push(Difference { path: path.clone(), what: Differs::Extra });
    }
    Ok(Differences(differences))
}

/// A folder's entries by relative path, and its files by identity.
struct Tree {
    entries: BTreeMap<PathBuf, Metadata>,
    files: BTreeMap<(u64, u64), Vec<PathBuf>>,
}

impl Tree {
    fn read(root: &Path) -> Result<Self, WorkspaceError> {
        let mut tree = Self { entries: BTreeMap::new(), files: BTreeMap::new() };
        let mut waiting = vec![PathBuf::new()];
        while let Some(path) = waiting.pop() {
            let at = root.join(&path);
            let error = |error| trouble(&at, error);
            let stat = fs::symlink_metadata(&at).map_err(error)?;
            if stat.is_dir() {
                for entry in fs::read_dir(&at).map_err(error)? {
                    waiting.push(path.join(entry.map_err(error)?.file_name()));
                }
            }
            if let Some(identity) = identity(&stat) {
                tree.files.entry(identity).or_default().push(path.clone());
            }
            tree.entries.insert(path, stat);
        }
        tree.files.values_mut().for_each(|names| names.sort());
        Ok(tree)
    }

    /// The file's other names inside the folder.
    fn names(&self, stat: &Metadata, path: &Path) -> Vec<PathBuf> {
        let names = identity(stat).and_then(|identity| self.files.get(&identity));
        names.into_iter().flatten().filter(|name| *name != path).cloned().collect()
    }
}

#[cfg(unix)]
fn identity(stat: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    (stat.is_file() && stat.nlink() > 1).then(|| (stat.dev(), stat.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(unix)]
fn mode(stat: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    stat.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode(stat: &Metadata) -> u32 {
    if stat.permissions().readonly() { 0o444 } else { 0o644 }
}

fn modified(at: &Path, stat: &Metadata) -> Result<Duration, WorkspaceError> {
    let time: SystemTime = stat.modified().map_err(|error| trouble(at, error))?;
    Ok(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The files have the same length.
fn first_difference(a: &Path, b: &Path) -> Result<Option<u64>, WorkspaceError> {
    let open = |at: &Path| File::open(at).map_err(|error| trouble(at, error));
    let (mut left, mut right) = (open(a)?, open(b)?);
    let (mut ours, mut theirs) = (vec![0; 1 << 17], vec![0; 1 << 17]);
    let mut offset = 0;
    loop {
        let count = left.read(&mut ours).map_err(|error| trouble(a, error))?;
        if count == 0 {
            return Ok(None);
        }
        right.read_exact(&mut theirs[..count]).map_err(|error| trouble(b, error))?;
        if let Some(at) = (0..count).find(|at| ours[*at] != theirs[*at]) {
            return Ok(Some(offset + at as u64));
        }
        offset += count as u64;
    }
}

fn trouble(path: &Path, source: io::Error) -> WorkspaceError {
    WorkspaceError::Io { what: "compare", path: path.to_owned(), source }
}
