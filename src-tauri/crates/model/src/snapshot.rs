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
