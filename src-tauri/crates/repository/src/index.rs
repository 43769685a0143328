//! The index in memory: where every blob of the repository lies, 48 bytes a
//! blob, sorted.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use restic::{BlobEntry, BlobKind, Id};

use crate::RepositoryError;
use crate::files::Folder;
use crate::open::{Inner, Repository, blocking};

/// How often the list of index files is read again when one of them vanished
/// meanwhile, as it does when somebody prunes.
const LISTINGS: usize = 3;

/// Where every blob lies.
#[derive(Debug, Default)]
pub struct Index {
    files: BTreeSet<Id>,
    packs: Vec<Id>,
    /// Sorted by id, kind and pack.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    id: Id,
    /// The blob's kind in the lowest bit, above it the pack's place in `packs`.
    kind_and_pack: u32,
    offset: u32,
    length: u32,
    raw_length: Option<NonZeroU32>,
}

impl Entry {
    const fn kind(self) -> BlobKind {
        if self.kind_and_pack & 1 == 0 { BlobKind::Data } else { BlobKind::Tree }
    }

    const fn blob(self) -> BlobEntry {
        BlobEntry {
            id: self.id,
            kind: self.kind(),
            offset: self.offset,
            length: self.length,
            raw_length: self.raw_length,
        }
    }
}

/// A blob and the pack it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The pack.
    pub pack: Id,
    /// Where in the pack.
    pub blob: BlobEntry,
}

impl Index {
    /// Merges index files. What only a superseded file knows is kept: whoever
    /// wrote its replacement may have been interrupted.
    pub(crate) fn merge(files: Vec<(Id, restic::Index)>) -> Result<Self, RepositoryError> {
        let superseded: HashSet<Id> =
            files.iter().flat_map(|(_, index)| index.supersedes.iter().copied()).collect();
        let names = files.iter().map(|(id, _)| *id).collect();
        let mut packs = Vec::new();
        let mut places = HashMap::new();
        let mut current = Vec::new();
        let mut outdated = Vec::new();
        for (name, index) in files {
            let entries = if superseded.contains(&name) { &mut outdated } else { &mut current };
            for pack in index.packs {
                let place = *places.entry(pack.id).or_insert_with(|| {
                    packs.push(pack.id);
                    packs.len() - 1
                });
                let place = u32::try_from(place)
                    .ok()
                    .filter(|place| *place <= u32::MAX >> 1)
                    .ok_or_else(|| RepositoryError::internal("there are too many packs"))?;
                entries.extend(pack.blobs.into_iter().map(|blob| Entry {
                    id: blob.id,
                    kind_and_pack: place << 1 | u32::from(blob.kind == BlobKind::Tree),
                    offset: blob.offset,
                    length: blob.length,
                    raw_length: blob.raw_length,
                }));
            }
        }
        current.sort_unstable_by_key(Self::order);
        if !outdated.is_empty() {
            outdated.retain(|entry| Self::equal(&current, entry.kind(), &entry.id).is_empty());
            current.append(&mut outdated);
            current.sort_unstable_by_key(Self::order);
        }
        current.dedup_by_key(|entry| (entry.id, entry.kind_and_pack));
        current.shrink_to_fit();
        Ok(Self { files: names, packs, entries: current })
    }

    /// Blobs of one id and kind stand together, in the order of their packs.
    fn order(entry: &Entry) -> (Id, u32, u32, u32) {
        (entry.id, entry.kind_and_pack & 1, entry.kind_and_pack >> 1, entry.offset)
    }

    fn equal<'a>(entries: &'a [Entry], kind: BlobKind, id: &Id) -> &'a [Entry] {
        let kind = u32::from(kind == BlobKind::Tree);
        let key = |entry: &Entry| (entry.id, entry.kind_and_pack & 1);
        let from = entries.partition_point(|entry| key(entry) < (*id, kind));
        let rest = &entries[from..];
        let len = rest.iter().take_while(|entry| key(entry) == (*id, kind)).count();
        &rest[..len]
    }

    /// Everywhere a blob lies. More than once in a repository that was not
    /// pruned since two backups ran side by side.
    pub fn locate(&self, kind: BlobKind, id: &Id) -> impl Iterator<Item = Located> {
        Self::equal(&self.entries, kind, id).iter().map(|entry| Located {
            pack: self.packs[(entry.kind_and_pack >> 1) as usize],
            blob: entry.blob(),
        })
    }

    /// As [`Self::locate`], with each pack's place in [`Self::packs`].
    pub(crate) fn places(&self, kind: BlobKind, id: &Id) -> impl Iterator<Item = (u32, BlobEntry)> {
        Self::equal(&self.entries, kind, id)
            .iter()
            .map(|entry| (entry.kind_and_pack >> 1, entry.blob()))
    }

    /// Every blob with its pack's place in [`Self::packs`].
    pub(crate) fn blobs(&self) -> impl Iterator<Item = (u32, BlobEntry)> {
        self.entries.iter().map(|entry| (entry.kind_and_pack >> 1, entry.blob()))
    }

    /// Entries, duplicates included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the repository holds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The packs that hold anything.
    #[must_use]
    pub fn packs(&self) -> &[Id] {
        &self.packs
    }
}

impl Repository {
    /// The index, as it was when it was first asked for or last found wanting.
    ///
    /// # Errors
    /// [`RepositoryError::Damaged`] naming the first index file that is, and
    /// those of an unreachable store.
    pub async fn index(&self) -> Result<Arc<Index>, RepositoryError> {
        let mut slot = self.0.index.lock().await;
        if let Some(index) = &*slot {
            return Ok(Arc::clone(index));
        }
        let index = self.0.load_index(None).await?;
        *slot = Some(Arc::clone(&index));
        Ok(index)
    }

    /// The index as it is in the store now: somebody may have saved a backup
    /// or pruned.
    ///
    /// # Errors
    /// As [`Self::index`].
    pub async fn reload_index(&self) -> Result<Arc<Index>, RepositoryError> {
        let mut slot = self.0.index.lock().await;
        let index = self.0.load_index(slot.take()).await?;
        *slot = Some(Arc::clone(&index));
        Ok(index)
    }
}

impl Inner {
    #[tracing::instrument(skip_all, fields(repository = %self.store.location()))]
    async fn load_index(
        self: &Arc<Self>,
        known: Option<Arc<Index>>,
    ) -> Result<Arc<Index>, RepositoryError> {
        for _ in 0..LISTINGS {
            let ids = self.store.list(Folder::Index).await?;
            let listed = ids.len();
            if let Some(known) = &known
                && known.files == ids.iter().copied().collect()
            {
                return Ok(Arc::clone(known));
            }
            let outcomes = self.load(Folder::Index, ids, restic::Index::open).await?;
            if outcomes.len() < listed {
                continue;
            }
            let files = outcomes
                .into_iter()
                .map(|(id, outcome)| outcome.map(|index| (id, index)))
                .collect::<Result<Vec<_>, _>>()?;
            let inner = Arc::clone(self);
            return blocking(move || {
                let index = Index::merge(files)?;
                inner.cache.keep_only("index", &index.files.iter().copied().collect());
                inner.cache.keep_only("data", &index.packs.iter().copied().collect());
                tracing::debug!(files = index.files.len(), blobs = index.len(), "index loaded");
                Ok(Arc::new(index))
            })
            .await?;
        }
        Err(RepositoryError::StoreUnreachable {
            details: "its index files change faster than they can be read".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use restic::IndexedPack;

    use super::*;

    fn id(name: u8) -> Id {
        Id::of(&[name])
    }

    fn blob(name: u8, kind: BlobKind, offset: u32) -> BlobEntry {
        BlobEntry { id: id(name), kind, offset, length: 40, raw_length: NonZeroU32::new(9) }
    }

    fn file(supersedes: &[u8], packs: Vec<(u8, Vec<BlobEntry>)>) -> restic::Index {
        restic::Index {
            supersedes: supersedes.iter().map(|name| id(*name)).collect(),
            packs: packs
                .into_iter()
                .map(|(name, blobs)| IndexedPack { id: id(name), blobs })
                .collect(),
        }
    }

    fn packs_of(index: &Index, kind: BlobKind, name: u8) -> Vec<Id> {
        index.locate(kind, &id(name)).map(|located| located.pack).collect()
    }

    #[test]
    fn a_blob_of_each_kind_is_its_own() {
        let blobs = vec![blob(1, BlobKind::Data, 0), blob(1, BlobKind::Tree, 40)];
        let index = Index::merge(vec![(id(90), file(&[], vec![(50, blobs.clone())]))]).unwrap();
        for (kind, blob) in [(BlobKind::Data, blobs[0]), (BlobKind::Tree, blobs[1])] {
            let found: Vec<_> = index.locate(kind, &id(1)).collect();
            assert_eq!(found, [Located { pack: id(50), blob }]);
        }
        assert_eq!(packs_of(&index, BlobKind::Data, 2), []);
        assert_eq!(index.packs(), [id(50)]);
    }

    #[test]
    fn duplicates_are_all_found_once() {
        let blobs = || vec![blob(1, BlobKind::Data, 0)];
        let index = Index::merge(vec![
            (id(90), file(&[], vec![(50, blobs()), (51, blobs())])),
            (id(91), file(&[], vec![(51, blobs()), (52, blobs())])),
        ])
        .unwrap();
        assert_eq!(packs_of(&index, BlobKind::Data, 1), [id(50), id(51), id(52)]);
        assert_eq!(index.len(), 3);
    }

    #[test]
    fn a_superseded_file_counts_only_for_what_nobody_else_knows() {
        let index = Index::merge(vec![
            (
                id(90),
                file(
                    &[],
                    vec![(50, vec![blob(1, BlobKind::Data, 0), blob(2, BlobKind::Data, 40)])],
                ),
            ),
            (id(91), file(&[90], vec![(51, vec![blob(1, BlobKind::Data, 0)])])),
        ])
        .unwrap();
        assert_eq!(packs_of(&index, BlobKind::Data, 1), [id(51)]);
        assert_eq!(packs_of(&index, BlobKind::Data, 2), [id(50)]);
    }

    #[test]
    fn an_entry_stays_small() {
        assert_eq!(size_of::<Entry>(), 48);
    }

    proptest! {
        #[test]
        fn every_blob_is_found_where_the_files_say(
            files in prop::collection::vec(
                prop::collection::vec((0u8..10, prop::collection::vec((0u8..20, any::<bool>()), 0..6)), 0..4),
                0..4,
            ),
        ) {
            let mut expected: BTreeMap<(Id, bool), BTreeSet<Id>> = BTreeMap::new();
            let files = files.into_iter().enumerate().map(|(n, packs)| {
                let packs = packs.into_iter().map(|(pack, blobs)| {
                    let blobs = blobs.into_iter().map(|(name, tree)| {
                        expected.entry((id(name), tree)).or_default().insert(id(pack));
                        blob(name, if tree { BlobKind::Tree } else { BlobKind::Data }, 0)
                    }).collect();
                    (pack, blobs)
                }).collect();
                (id(100 + n as u8), file(&[], packs))
            }).collect();
            let index = Index::merge(files).unwrap();
            for name in 0..20 {
                for (kind, tree) in [(BlobKind::Data, false), (BlobKind::Tree, true)] {
                    let found = packs_of(&index, kind, name);
                    let unique: BTreeSet<Id> = found.iter().copied().collect();
                    prop_assert_eq!(found.len(), unique.len());
                    prop_assert_eq!(unique, expected.remove(&(id(name), tree)).unwrap_or_default());
                }
            }
        }
    }
}
