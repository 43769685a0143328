//! Blobs: the pieces that files and folders are cut into. A blob is trusted
//! only after its tag and its hash were compared.

use std::borrow::Cow;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::compress::decompress;
use crate::{Error, Id, Key, OVERHEAD};

/// The largest contents that are decompressed into kept memory, in bytes.
const KEPT_LEN: usize = 16 << 20;

/// What a blob holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlobKind {
    /// A piece of a file.
    Data,
    /// A folder.
    Tree,
}

/// Where a blob lies in its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlobEntry {
    /// SHA-256 of the contents.
    pub id: Id,
    /// What it holds.
    pub kind: BlobKind,
    /// First byte in the pack.
    pub offset: u32,
    /// Bytes in the pack, sealed.
    pub length: u32,
    /// Bytes of the contents where they are compressed; absent where not.
    pub raw_length: Option<NonZeroU32>,
}

impl BlobEntry {
    /// Bytes of the contents.
    #[must_use]
    pub const fn contents_length(&self) -> u32 {
        match self.raw_length {
            Some(length) => length.get(),
            None => self.length.saturating_sub(OVERHEAD as u32),
        }
    }

    /// Opens the blob's piece of the pack: authenticates, decrypts in place,
    /// decompresses and compares the hash.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the piece is not of the entry's length;
    /// [`Error::NotAuthentic`]; [`Error::Decompress`]; [`Error::HashMismatch`].
    pub fn open<'a>(&self, key: &Key, sealed: &'a mut [u8]) -> Result<Cow<'a, [u8]>, Error> {
        if sealed.len() != self.length as usize {
            return Err(Error::malformed("a blob", "its length differs from the index"));
        }
        let plain: &[u8] = key.open_in_place(sealed)?;
        let contents = match self.raw_length {
            None => Cow::Borrowed(plain),
            Some(length) => {
                let contents = decompress(plain, length.get() as usize)?;
                if contents.len() != length.get() as usize {
                    return Err(Error::malformed("a blob", "its length differs from the index"));
                }
                Cow::Owned(contents)
            }
        };
        let actual = Id::of(&contents);
        if actual != self.id {
            return Err(Error::HashMismatch { expected: self.id, actual });
        }
        Ok(contents)
    }
}

/// Opens many blobs with the same memory: making it anew for each costs more
/// than a small blob itself.
pub struct BlobOpener {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    contents: Vec<u8>,
}

impl std::fmt::Debug for BlobOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlobOpener(…)")
    }
}

impl Default for BlobOpener {
    fn default() -> Self {
        Self { zstd: zstd::bulk::Decompressor::new().ok(), contents: Vec::new() }
    }
}

impl BlobOpener {
    /// As [`BlobEntry::open`].
    ///
    /// # Errors
    /// As [`BlobEntry::open`].
    pub fn open<'a>(
        &'a mut self,
        blob: &BlobEntry,
        key: &Key,
        sealed: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        if sealed.len() != blob.length as usize {
            return Err(Error::malformed("a blob", "its length differs from the index"));
        }
        let plain: &[u8] = key.open_in_place(sealed)?;
        let contents = match blob.raw_length {
            None => plain,
            Some(length) => self.decompress(plain, length.get() as usize)?,
        };
        let actual = Id::of(contents);
        if actual != blob.id {
            return Err(Error::HashMismatch { expected: blob.id, actual });
        }
        Ok(contents)
    }

    /// Lets go of memory beyond so many bytes, which only a large blob needed.
    pub fn let_go(&mut self, kept: usize) {
        if self.contents.capacity() > kept {
            self.contents = Vec::new();
        }
    }

    fn decompress(&mut self, plain: &[u8], length: usize) -> Result<&[u8], Error> {
        self.contents.clear();
        match &mut self.zstd {
            Some(zstd) if length <= KEPT_LEN => {
                self.contents.reserve(length);
                zstd.decompress_to_buffer(plain, &mut self.contents)
                    .map_err(|_| Error::Decompress)?;
            }
            _ => self.contents = decompress(plain, length)?,
        }
        if self.contents.len() != length {
            return Err(Error::malformed("a blob", "its length differs from the index"));
        }
        Ok(&self.contents)
    }
}
