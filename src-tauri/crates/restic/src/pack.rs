//! Packs: sealed blobs one after another, then the sealed list of them, then
//! that list's length.

use std::num::NonZeroU32;

use crate::compress::compress;
use crate::{BlobEntry, BlobKind, Error, Id, Key, Nonce, OVERHEAD, Version};

const WHAT: &str = "a pack's header";

/// Bytes of the length at the end of a pack.
const TRAILER: usize = 4;
/// Type and length before a blob's id; one more length where compressed.
const PLAIN_ENTRY: usize = 1 + 4 + 32;
const COMPRESSED_ENTRY: usize = PLAIN_ENTRY + 4;

/// The list of blobs at the end of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackHeader {
    /// In the order they lie in the pack.
    pub blobs: Vec<BlobEntry>,
}

impl PackHeader {
    /// Reads the list as it is once opened.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(plain: &[u8]) -> Result<Self, Error> {
        let cut_off = Error::malformed(WHAT, "it is cut off");
        let mut blobs = Vec::with_capacity(plain.len() / PLAIN_ENTRY);
        let mut offset = 0_u32;
        let mut rest = plain;
        while let Some((&kind, tail)) = rest.split_first() {
            let (kind, compressed) = match kind {
                0 => (BlobKind::Data, false),
                1 => (BlobKind::Tree, false),
                2 => (BlobKind::Data, true),
                3 => (BlobKind::Tree, true),
                _ => return Err(Error::malformed(WHAT, "a blob's type is unknown")),
            };
            let (length, mut tail) = tail.split_first_chunk().ok_or(cut_off.clone())?;
            let length = u32::from_le_bytes(*length);
            let mut raw_length = None;
            if compressed {
                let (raw, after) = tail.split_first_chunk().ok_or(cut_off.clone())?;
                raw_length = Some(
                    NonZeroU32::new(u32::from_le_bytes(*raw))
                        .ok_or(Error::malformed(WHAT, "a compressed blob is empty"))?,
                );
                tail = after;
            }
            let (id, tail) = tail.split_first_chunk().ok_or(cut_off.clone())?;
            if (length as usize) < OVERHEAD {
                return Err(Error::malformed(WHAT, "a blob is too short to be sealed"));
            }
            blobs.push(BlobEntry { id: Id::from_bytes(*id), kind, offset, length, raw_length });
            offset = offset
                .checked_add(length)
                .ok_or(Error::malformed(WHAT, "its blobs are longer than a pack can be"))?;
            rest = tail;
        }
        Ok(Self { blobs })
    }

    /// Opens the list of a whole pack.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::NotAuthentic`].
    pub fn open(key: &Key, pack: &[u8]) -> Result<Self, Error> {
        let (rest, length) = pack
            .split_last_chunk::<TRAILER>()
            .ok_or(Error::malformed(WHAT, "the pack is cut off"))?;
        let length = u32::from_le_bytes(*length) as usize;
        let start = rest
            .len()
            .checked_sub(length)
            .ok_or(Error::malformed(WHAT, "it is longer than the pack"))?;
        let header = Self::parse(&key.open(&rest[start..])?)?;
        let end = header.blobs.last().map_or(0, |blob| blob.offset as usize + blob.length as usize);
        if end != start {
            return Err(Error::malformed(WHAT, "it does not match the pack's length"));
        }
        Ok(header)
    }

    fn to_plain(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.blobs.len() * COMPRESSED_ENTRY);
        for blob in &self.blobs {
            let kind = match blob.kind {
                BlobKind::Data => 0,
                BlobKind::Tree => 1,
            };
            out.push(if blob.raw_length.is_some() { kind + 2 } else { kind });
            out.extend_from_slice(&blob.length.to_le_bytes());
            if let Some(raw) = blob.raw_length {
                out.extend_from_slice(&raw.get().to_le_bytes());
            }
            out.extend_from_slice(blob.id.as_bytes());
        }
        out
    }
}

/// A finished pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Its name: the SHA-256 of `bytes`.
    pub id: Id,
    /// The file.
    pub bytes: Vec<u8>,
    /// What lies in it, for the index.
    pub blobs: Vec<BlobEntry>,
}

/// Puts a pack together.
#[derive(Debug)]
pub struct PackBuilder<'a> {
    key: &'a Key,
    version: Version,
    bytes: Vec<u8>,
    header: PackHeader,
}

impl<'a> PackBuilder<'a> {
    /// An empty pack for a repository of this version.
    #[must_use]
    pub const fn new(key: &'a Key, version: Version) -> Self {
        Self { key, version, bytes: Vec::new(), header: PackHeader { blobs: Vec::new() } }
    }

    /// Adds a blob, compressed where the version allows and it helps. The
    /// nonce must be new.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the pack would pass 4 GiB.
    pub fn add(
        &mut self,
        kind: BlobKind,
        contents: &[u8],
        nonce: &Nonce,
    ) -> Result<BlobEntry, Error> {
        let too_long = Error::malformed("a pack", "it would be longer than 4 GiB");
        let packed = match self.version {
            Version::One => None,
            Version::Two => Some(compress(contents)?).filter(|small| small.len() < contents.len()),
        };
        let raw_length = match packed {
            None => None,
            Some(_) => {
                NonZeroU32::new(u32::try_from(contents.len()).map_err(|_| too_long.clone())?)
            }
        };
        let sealed = self.key.seal(nonce, packed.as_deref().unwrap_or(contents));
        let offset = u32::try_from(self.bytes.len()).map_err(|_| too_long.clone())?;
        let length = u32::try_from(sealed.len()).map_err(|_| too_long.clone())?;
        offset.checked_add(length).ok_or(too_long)?;
        let entry = BlobEntry { id: Id::of(contents), kind, offset, length, raw_length };
        self.bytes.extend_from_slice(&sealed);
        self.header.blobs.push(entry);
        Ok(entry)
    }

    /// Bytes so far, without the header.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was added yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.header.blobs.is_empty()
    }

    /// Ends the pack. The nonce must be new.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the header would pass 4 GiB.
    pub fn finish(mut self, nonce: &Nonce) -> Result<Pack, Error> {
        let header = self.key.seal(nonce, &self.header.to_plain());
        let length = u32::try_from(header.len())
            .map_err(|_| Error::malformed(WHAT, "it would be longer than 4 GiB"))?;
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        Ok(Pack { id: Id::of(&self.bytes), bytes: self.bytes, blobs: self.header.blobs })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::BlobOpener;

    fn key() -> Key {
        Key::from_bytes(&[3; 64])
    }

    fn built(version: Version, blobs: &[(BlobKind, Vec<u8>)]) -> Pack {
        let key = key();
        let mut builder = PackBuilder::new(&key, version);
        for (i, (kind, contents)) in blobs.iter().enumerate() {
            builder.add(*kind, contents, &[i as u8; 16]).unwrap();
        }
        builder.finish(&[255; 16]).unwrap()
    }

    fn kinds() -> impl Strategy<Value = BlobKind> {
        prop_oneof![Just(BlobKind::Data), Just(BlobKind::Tree)]
    }

    #[test]
    fn a_damaged_pack_is_refused_at_every_byte() {
        let pack = built(Version::Two, &[(BlobKind::Data, vec![7; 300])]);
        let header_from = pack.blobs[0].length as usize;
        for at in header_from..pack.bytes.len() {
            let mut bytes = pack.bytes.clone();
            bytes[at] ^= 1;
            assert!(PackHeader::open(&key(), &bytes).is_err(), "byte {at}");
        }
        for at in 0..header_from {
            let mut bytes = pack.bytes.clone();
            bytes[at] ^= 1;
            let opened = pack.blobs[0].open(&key(), &mut bytes[..header_from]);
            assert_eq!(opened, Err(Error::NotAuthentic), "byte {at}");
        }
    }

    #[test]
    fn a_blob_that_is_another_is_named() {
        let pack = built(Version::Two, &[(BlobKind::Data, vec![7; 300])]);
        let (expected, actual) = (Id::of(b"other"), Id::of(&[7; 300]));
        let mut sealed = pack.bytes[..pack.blobs[0].length as usize].to_vec();
        let wrong = BlobEntry { id: expected, ..pack.blobs[0] };
        assert_eq!(wrong.open(&key(), &mut sealed), Err(Error::HashMismatch { expected, actual }));
    }

    #[test]
    fn a_blob_of_another_length_is_refused() {
        let pack = built(Version::Two, &[(BlobKind::Data, vec![7; 300])]);
        let sealed = &pack.bytes[..pack.blobs[0].length as usize];
        let mut opener = BlobOpener::default();
        for raw_length in [NonZeroU32::new(299), NonZeroU32::new(301), NonZeroU32::new(u32::MAX)] {
            let wrong = BlobEntry { raw_length, ..pack.blobs[0] };
            assert!(wrong.open(&key(), &mut sealed.to_vec()).is_err(), "{raw_length:?}");
            let mut sealed = sealed.to_vec();
            assert!(opener.open(&wrong, &key(), &mut sealed).is_err(), "{raw_length:?}");
        }
        assert!(pack.blobs[0].open(&key(), &mut sealed[1..].to_vec()).is_err());
    }

    proptest! {
        #[test]
        fn a_pack_is_read_back(
            blobs in prop::collection::vec((kinds(), prop::collection::vec(0u8..4, 0..200)), 0..8),
            two: bool,
        ) {
            let version = if two { Version::Two } else { Version::One };
            let pack = built(version, &blobs);
            let header = PackHeader::open(&key(), &pack.bytes).unwrap();
            prop_assert_eq!(&header.blobs, &pack.blobs);
            prop_assert_eq!(pack.id, Id::of(&pack.bytes));
            let mut opener = BlobOpener::default();
            for (blob, (kind, contents)) in header.blobs.iter().zip(&blobs) {
                prop_assert_eq!(blob.kind, *kind);
                prop_assert_eq!(blob.contents_length() as usize, contents.len());
                let (from, to) = (blob.offset as usize, (blob.offset + blob.length) as usize);
                let mut sealed = pack.bytes[from..to].to_vec();
                let opened = blob.open(&key(), &mut sealed).unwrap();
                prop_assert_eq!(&opened[..], &contents[..]);
                let mut sealed = pack.bytes[from..to].to_vec();
                let opened = opener.open(blob, &key(), &mut sealed).unwrap();
                prop_assert_eq!(opened, &contents[..]);
            }
        }

        #[test]
        fn reading_a_header_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = PackHeader::parse(&bytes);
            let _ = PackHeader::open(&key(), &bytes);
        }

        #[test]
        fn reading_a_header_of_entries_never_panics(
            entries in prop::collection::vec((0u8..5, any::<u32>(), any::<[u8; 36]>()), 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = Vec::new();
            for (kind, length, rest) in entries {
                bytes.push(kind);
                bytes.extend(length.to_le_bytes());
                bytes.extend(rest);
            }
            bytes.truncate(cut.index(bytes.len() + 1));
            let _ = PackHeader::parse(&bytes);
        }
    }
}
