//! When to suggest `restic prune --repack-small`: every backup of a few changed files leaves
//! small packs behind, and stock restic pays a round trip for each.

use model::PruneHint;

use crate::{Index, Repository, RepositoryError};

/// More small packs than this are worth a word.
const TOLERATED: usize = 20;
/// A pack below this is small, in bytes: a quarter of what restic aims at.
const SMALL: u64 = 4 << 20;

impl Repository {
    /// Whether pruning would make stock restic noticeably faster.
    ///
    /// # Errors
    /// As [`Self::index`].
    pub async fn prune_hint(&self) -> Result<Option<PruneHint>, RepositoryError> {
        Ok(hint(&*self.index().await?))
    }
}

fn hint(index: &Index) -> Option<PruneHint> {
    let mut sizes = vec![0u64; index.packs().len()];
    for (pack, blob) in index.blobs() {
        let size = &mut sizes[pack as usize];
        *size = (*size).max(u64::from(blob.offset) + u64::from(blob.length));
    }
    sizes.retain(|size| *size < SMALL);
    let small_packs = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
    (sizes.len() > TOLERATED).then(|| PruneHint { small_packs, bytes: sizes.iter().sum() })
}

#[cfg(test)]
mod tests {
    use restic::{BlobEntry, BlobKind, Id, IndexedPack};

    use super::*;

    fn index(packs: usize, length: u32) -> Index {
        let pack = |n: usize| {
            let id = Id::of(&n.to_le_bytes());
            let blob = BlobEntry { id, kind: BlobKind::Data, offset: 0, length, raw_length: None };
            IndexedPack { id, blobs: vec![blob] }
        };
        let packs = (0..packs).map(pack).collect();
        let file = restic::Index { supersedes: Vec::new(), packs };
        Index::merge(vec![(Id::of(b"index"), file)]).unwrap()
    }

    #[test]
    fn many_small_packs_are_worth_a_word() {
        assert_eq!(hint(&index(20, 1000)), None);
        assert_eq!(hint(&index(21, 1000)), Some(PruneHint { small_packs: 21, bytes: 21_000 }));
        assert_eq!(hint(&index(400, 16 << 20)), None);
    }
}
