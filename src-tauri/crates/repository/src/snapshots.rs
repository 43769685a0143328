//! The snapshots of a repository. Snapshot files never change, so each is
//! read once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use model::{At, SnapshotGroup, SnapshotId, SnapshotView};
use restic::{Id, Snapshot};

use crate::files::Folder;
use crate::open::{Inner, Repository, blocking};
use crate::{FileName, RepositoryError};

/// The longest text of a snapshot that is shown, in characters.
const MAX_NAME: usize = 255;
const MAX_PATH: usize = 4096;

/// A snapshot with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The name of its file.
    pub id: Id,
    /// Its contents, as the backup wrote them: not cleaned.
    pub snapshot: Snapshot,
}

impl StoredSnapshot {
    /// As people see it: texts cleaned.
    #[must_use]
    pub fn view(&self) -> SnapshotView {
        let snapshot = &self.snapshot;
        let summary = snapshot.summary.as_ref();
        let clean = |texts: &[String], max| texts.iter().map(|t| model::clean(t, max)).collect();
        SnapshotView {
            id: SnapshotId::new(self.id.to_string()),
            time: At::from_unix_ms(snapshot.time.unix_ms()),
            hostname: model::clean(&snapshot.hostname, MAX_NAME),
            tags: clean(&snapshot.tags, MAX_NAME),
            paths: clean(&snapshot.paths, MAX_PATH),
            tree: snapshot.tree.to_string(),
            files: summary.map(|summary| summary.total_files_processed),
            bytes: summary.map(|summary| summary.total_bytes_processed),
            added_bytes: summary.map(|summary| summary.data_added),
        }
    }

    /// Sorts newest first; of two at the same moment, the one with the
    /// greater id.
    pub(crate) fn newest_first(&self) -> impl Ord + use<> {
        let time = self.snapshot.time;
        std::cmp::Reverse((time.unix_seconds(), time.nanoseconds(), self.id))
    }
}

/// What a repository's snapshots folder holds.
#[derive(Debug, Clone, Default)]
pub struct SnapshotList {
    /// The readable ones, newest first.
    pub snapshots: Vec<Arc<StoredSnapshot>>,
    /// The damaged files, each by its error.
    pub damaged: Vec<RepositoryError>,
}

impl SnapshotList {
    /// As people see them, newest first.
    #[must_use]
    pub fn views(&self) -> Vec<SnapshotView> {
        self.snapshots.iter().map(|snapshot| snapshot.view()).collect()
    }

    /// Folded by identical root tree, in the order of the newest of each.
    #[must_use]
    pub fn folded(&self) -> Vec<SnapshotGroup> {
        let mut groups: Vec<SnapshotGroup> = Vec::new();
        let mut places = HashMap::new();
        for snapshot in &self.snapshots {
            let place = *places.entry(snapshot.snapshot.tree).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.same.push(snapshot.view()),
                None => groups.push(SnapshotGroup { newest: snapshot.view(), same: Vec::new() }),
            }
        }
        groups
    }
}

/// Snapshots that were read before.
#[derive(Debug, Default)]
pub(crate) struct KnownSnapshots(Mutex<HashMap<Id, Arc<StoredSnapshot>>>);

impl Repository {
    /// Lists the snapshots as they are in the store now.
    ///
    /// # Errors
    /// The store's. Damaged snapshots are part of the list.
    #[tracing::instrument(skip_all, fields(repository = %self.location()))]
    pub async fn snapshots(&self) -> Result<SnapshotList, RepositoryError> {
        let ids = self.0.store.list(Folder::Snapshots).await?;
        let list = self.0.read_snapshots(ids.clone()).await?;
        self.0.snapshots.keep_only(&ids);
        let inner = Arc::clone(&self.0);
        let kept: HashSet<Id> = ids.into_iter().collect();
        blocking(move || inner.cache.keep_only(&Folder::Snapshots.to_string(), &kept)).await?;
        tracing::debug!(
            snapshots = list.snapshots.len(),
            damaged = list.damaged.len(),
            "snapshots listed"
        );
        Ok(list)
    }

    /// The snapshots whose names begin like this. Reads no others.
    pub(crate) async fn snapshots_named(
        &self,
        prefix: &str,
    ) -> Result<Vec<Arc<StoredSnapshot>>, RepositoryError> {
        let ids = match prefix.parse::<Id>().ok() {
            // One request instead of a list of thousands. The cache does not
            // know that somebody removed it.
            Some(id) if self.0.store.exists(FileName::Snapshot(id)).await? => vec![id],
            Some(_) => Vec::new(),
            None => {
                let mut ids = self.0.store.list(Folder::Snapshots).await?;
                ids.retain(|id| id.to_string().starts_with(prefix));
                ids
            }
        };
        let list = self.0.read_snapshots(ids).await?;
        match list.damaged.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(list.snapshots),
        }
    }
}

impl Inner {
    async fn read_snapshots(
        self: &Arc<Self>,
        ids: Vec<Id>,
    ) -> Result<SnapshotList, RepositoryError> {
        let mut list = SnapshotList::default();
        let mut unread = Vec::new();
        {
            let known = self.snapshots.0.lock().unwrap_or_else(PoisonError::into_inner);
            for id in ids {
                match known.get(&id) {
                    Some(snapshot) => list.snapshots.push(Arc::clone(snapshot)),
                    None => unread.push(id),
                }
            }
        }
        let read = self.load(Folder::Snapshots, unread, Snapshot::open).await?;
        let mut known = self.snapshots.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, outcome) in read {
            match outcome {
                Ok(snapshot) => {
                    let snapshot = Arc::new(StoredSnapshot { id, snapshot });
                    known.insert(id, Arc::clone(&snapshot));
                    list.snapshots.push(snapshot);
                }
                Err(error) => list.damaged.push(error),
            }
        }
        drop(known);
        list.snapshots.sort_by_cached_key(|snapshot| snapshot.newest_first());
        list.damaged.sort_by_key(ToString::to_string);
        Ok(list)
    }
}

impl KnownSnapshots {
    fn keep_only(&self, ids: &[Id]) {
        let ids: HashSet<&Id> = ids.iter().collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|id, _| ids.contains(id));
    }
}
