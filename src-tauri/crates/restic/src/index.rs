//! Index files: where blobs lie.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::json::null_is_default;
use crate::{BlobEntry, BlobKind, Error, Id, Key, Nonce, OVERHEAD, Version, json, sealed};

const WHAT: &str = "an index";

/// A file below `index/`: which blobs lie where in which packs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Older index files that this one replaces.
    pub supersedes: Vec<Id>,
    /// The packs it knows.
    pub packs: Vec<IndexedPack>,
}

/// A pack as an index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedPack {
    /// The pack file's name.
    pub id: Id,
    /// What lies in it.
    pub blobs: Vec<BlobEntry>,
}

impl Index {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Malformed`].
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let body: IndexJson = json::parse(WHAT, json)?;
        let packs = body
            .packs
            .into_iter()
            .map(|pack| {
                let blobs =
                    pack.blobs.into_iter().map(BlobJson::checked).collect::<Result<_, _>>()?;
                Ok(IndexedPack { id: pack.id, blobs })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { supersedes: body.supersedes, packs })
    }

    /// Writes it.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let packs = self
            .packs
            .iter()
            .map(|pack| PackJson {
                id: pack.id,
                blobs: pack.blobs.iter().map(BlobJson::of).collect(),
            })
            .collect();
        json::to_vec(WHAT, &IndexJson { supersedes: self.supersedes.clone(), packs })
    }

    /// Opens the sealed file.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], [`Error::Decompress`], and those of
    /// [`Self::parse`].
    pub fn open(key: &Key, sealed: &[u8]) -> Result<Self, Error> {
        Self::parse(&sealed::open(WHAT, key, sealed)?)
    }

    /// Seals it.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(&self, key: &Key, nonce: &Nonce, version: Version) -> Result<Vec<u8>, Error> {
        sealed::seal(key, nonce, version, &self.to_json()?)
    }
}

#[derive(Serialize, Deserialize)]
struct IndexJson {
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    supersedes: Vec<Id>,
    #[serde(deserialize_with = "null_is_default")]
    packs: Vec<PackJson>,
}

#[derive(Serialize, Deserialize)]
struct PackJson {
    id: Id,
    #[serde(deserialize_with = "null_is_default")]
    blobs: Vec<BlobJson>,
}

#[derive(Serialize, Deserialize)]
struct BlobJson {
    id: Id,
    #[serde(rename = "type")]
    kind: BlobKind,
    offset: u32,
    length: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    uncompressed_length: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(length: &u32) -> bool {
    *length == 0
}

impl BlobJson {
    fn of(blob: &BlobEntry) -> Self {
        Self {
            id: blob.id,
            kind: blob.kind,
            offset: blob.offset,
            length: blob.length,
            uncompressed_length: blob.raw_length.map_or(0, NonZeroU32::get),
        }
    }

    fn checked(self) -> Result<BlobEntry, Error> {
        if (self.length as usize) < OVERHEAD || self.offset.checked_add(self.length).is_none() {
            return Err(Error::malformed(WHAT, "a blob lies where no blob can lie"));
        }
        Ok(BlobEntry {
            id: self.id,
            kind: self.kind,
            offset: self.offset,
            length: self.length,
            raw_length: NonZeroU32::new(self.uncompressed_length),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = Id> {
        any::<[u8; 32]>().prop_map(Id::from_bytes)
    }

    fn blob() -> impl Strategy<Value = BlobEntry> {
        let kind = prop_oneof![Just(BlobKind::Data), Just(BlobKind::Tree)];
        (id(), kind, 0u32..1 << 31, 32u32..1 << 31, any::<u32>()).prop_map(
            |(id, kind, offset, length, raw)| BlobEntry {
                id,
                kind,
                offset,
                length,
                raw_length: NonZeroU32::new(raw),
            },
        )
    }

    prop_compose! {
        fn index()(
            supersedes in prop::collection::vec(id(), 0..3),
            packs in prop::collection::vec((id(), prop::collection::vec(blob(), 0..5)), 0..4),
        ) -> Index {
            let packs = packs.into_iter().map(|(id, blobs)| IndexedPack { id, blobs }).collect();
            Index { supersedes, packs }
        }
    }

    #[test]
    fn a_blob_that_cannot_be_is_refused() {
        for (offset, length) in [(0, 31), (u32::MAX, 32)] {
            let blob = BlobEntry {
                id: Id::of(b""),
                kind: BlobKind::Data,
                offset,
                length,
                raw_length: None,
            };
            let packs = vec![IndexedPack { id: Id::of(b"p"), blobs: vec![blob] }];
            let json = Index { supersedes: Vec::new(), packs }.to_json().unwrap();
            assert!(matches!(Index::parse(&json), Err(Error::Malformed { .. })));
        }
    }

    #[test]
    fn null_is_an_empty_list() {
        assert_eq!(Index::parse(br#"{"packs":null}"#), Ok(Index::default()));
    }

    proptest! {
        #[test]
        fn an_index_is_read_back(index in index(), two: bool) {
            let key = Key::from_bytes(&[3; 64]);
            let version = if two { Version::Two } else { Version::One };
            let sealed = index.seal(&key, &[1; 16], version).unwrap();
            prop_assert_eq!(Index::open(&key, &sealed), Ok(index));
        }

        #[test]
        fn reading_an_index_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Index::parse(&bytes);
        }

        #[test]
        fn reading_a_damaged_index_never_panics(
            index in index(),
            at in any::<prop::sample::Index>(),
            byte: u8,
        ) {
            let mut json = index.to_json().unwrap();
            let at = at.index(json.len());
            json[at] = byte;
            let _ = Index::parse(&json);
        }
    }
}
