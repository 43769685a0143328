//! Snapshots as people see them.

use serde::{Deserialize, Serialize};

use crate::{At, SnapshotId};

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SnapshotView {
    /// Full id.
    pub id: SnapshotId,
    /// When it was taken.
    pub time: At,
    /// On which computer, cleaned.
    pub hostname: String,
    /// Tags, cleaned.
    pub tags: Vec<String>,
    /// What was backed up, cleaned.
    pub paths: Vec<String>,
    /// Root tree: equal trees are equal contents.
    pub tree: String,
    /// Files, where the snapshot tells (restic 0.17 and newer write it).
    pub files: Option<u64>,
    /// Size of all files, where the snapshot tells.
    pub bytes: Option<u64>,
    /// Bytes new in this snapshot, where it tells.
    pub added_bytes: Option<u64>,
}

/// Snapshots with the same root tree, folded into one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SnapshotGroup {
    /// The newest of them.
    pub newest: SnapshotView,
    /// The others, newest first.
    pub same: Vec<SnapshotView>,
}

/// Many small packs have piled up: stock restic pays a round trip for each, so
/// that `restic prune --repack-small` makes its restores noticeably faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct PruneHint {
    /// How many.
    pub small_packs: u32,
    /// What they hold together, in bytes.
    pub bytes: u64,
}

/// One entry of a snapshot's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct TreeEntry {
    /// Its name, cleaned.
    pub name: String,
    /// Its whole path in the snapshot, as restores take it. Bytes that are no
    /// text are written `\xHH`.
    pub path: String,
    /// What it is.
    pub kind: TreeEntryKind,
    /// A file's size; a folder's, where it is known without reading it.
    pub bytes: Option<u64>,
    /// When it was modified.
    pub modified: Option<At>,
    /// Permissions, as `chmod` takes them.
    pub mode: u32,
    /// Where a symbolic link points, cleaned.
    pub target: Option<String>,
}

/// What a selection of a snapshot's entries would bring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct TreeCount {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum TreeEntryKind {
    Folder,
    File,
    Link,
    Other,
}
