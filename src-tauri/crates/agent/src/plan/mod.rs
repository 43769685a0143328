//! A restore plan: everything a machine must know to put a snapshot in its
//! place, made on the desktop, where index and trees are at hand.
//!
//! A plan is one object: a header, then sections in the order of their
//! importance, the critical ones first. Each piece is compressed and sealed by
//! itself under a key made for this plan, so that the first can be acted on
//! before the rest arrives and no more than a few need to be held. A section
//! tells which ranges of packs to read, which blobs lie in them, and the files
//! they belong to; it needs no other section. The last sections hold the
//! folders' own attributes, which are set when nothing is written into them
//! any more.
//!
//! This module does no IO. What it reads was authenticated, and it trusts none
//! of it all the same: no name leads out of its folder, no count makes it
//! allocate more than the bytes that are there.

mod files;
mod folders;
mod header;
mod seal;
#[cfg(test)]
mod tests;
mod wire;

use std::num::NonZeroU32;

use restic::Id;

pub use files::Section;
pub use folders::Folders;
pub use header::{Group, Header, SectionEntry, SectionKind, Totals};

/// The longest range that is read at once, in bytes. A single longer blob is
/// a range of its own.
pub const MAX_RANGE: u32 = 8 << 20;
/// The longest hole between two wanted blobs that is read over, in bytes.
pub const MAX_HOLE: u32 = 512 << 10;
/// The longest blob, sealed or not, in bytes. restic cuts at 8 MiB.
pub const MAX_BLOB: u32 = 64 << 20;
/// The most files in a section.
pub const MAX_FILES: usize = 1 << 16;
/// The most blobs in a section.
pub const MAX_BLOBS: usize = 1 << 16;
/// The most places a section's blobs go to.
pub const MAX_TARGETS: usize = 1 << 18;

/// Why a plan could not be read. The texts read after "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Damaged, of another plan, or not in its place.
    #[error("authenticate a piece of the plan")]
    NotAuthentic,
    /// Not shaped as this version's plans are.
    #[error("read a piece of the plan: {0}")]
    Malformed(&'static str),
}

/// A moment, to the nanosecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Since 1970, rounded down.
    pub seconds: i64,
    /// After that; less than a billion.
    pub nanoseconds: u32,
}

/// What is set beside the contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// What `chmod` takes.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Of the last change.
    pub modified: Moment,
    /// Of the last reading.
    pub accessed: Moment,
    /// Extended attributes.
    pub xattrs: Vec<Xattr>,
}

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xattr {
    /// Its name with its namespace.
    pub name: Box<[u8]>,
    /// Its value.
    pub value: Box<[u8]>,
}

/// A folder that files of a section lie in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// From the target, without slashes around it; empty for the target.
    pub path: Box<[u8]>,
    /// What `chmod` takes, for as long as it is written into.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A name in one of the section's folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder, by its place in [`Section::folders`].
    pub folder: u32,
    /// The name: not empty, not `.` or `..`, without `/` and NUL.
    pub name: Box<[u8]>,
}

/// Whatever is no folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it goes.
    pub place: Place,
    /// Its further names.
    pub links: Vec<Place>,
    /// What it is.
    pub kind: FileKind,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its group, by its place in [`Header::groups`].
    pub group: u32,
    /// It is needed before work can start.
    pub is_critical: bool,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A file of so many bytes.
    Regular {
        /// Bytes.
        size: u64,
        /// How many times a blob is written into it, in all sections.
        writes: u32,
        /// What it is known by in all sections, where there are several.
        shared: Option<NonZeroU32>,
    },
    /// A symbolic link to this target.
    Symlink(Box<[u8]>),
    /// A named pipe.
    Fifo,
    /// A character device of this number.
    CharDevice(u64),
    /// A block device of this number.
    BlockDevice(u64),
    /// It cannot be restored, and was known before: why.
    Lost(Lost),
}

/// Why a file cannot be restored from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lost {
    /// No index knows one of its blobs.
    BlobUnknown,
    /// The snapshot does not tell its contents.
    ContentsMissing,
    /// One of its blobs is longer than any honest one.
    BlobTooLong,
    /// A kind of entry that restic itself cannot restore.
    KindUnknown,
}

impl Lost {
    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "no index knows where a part of it lies",
            Self::ContentsMissing => "the snapshot does not tell its contents",
            Self::BlobTooLong => "a part of it is longer than any that restic makes",
            Self::KindUnknown => "it is of an unknown kind",
        }
    }
}

/// A stretch of one pack that is read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The pack, by its place in [`Header::packs`].
    pub pack: u32,
    /// The blobs wanted in it, in the order of their offsets; at least one.
    pub blobs: Vec<Blob>,
}

impl Range {
    /// The offset of its first byte in the pack.
    #[must_use]
    pub fn start(&self) -> u32 {
        self.blobs.first().map_or(0, |blob| blob.offset)
    }

    /// The offset behind its last byte.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.blobs.last().map_or(0, Blob::end)
    }
}

/// A blob and where its contents go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// First byte in the pack.
    pub offset: u32,
    /// Bytes in the pack, sealed.
    pub length: u32,
    /// Bytes of the contents where they are compressed.
    pub raw_length: Option<NonZeroU32>,
    /// SHA-256 of the contents.
    pub id: Id,
    /// Where the contents go; at least one place.
    pub targets: Vec<Target>,
    /// Where they can be read from if this pack is missing or damaged.
    pub spare: Option<Box<Spare>>,
}

/// The same contents in another pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spare {
    /// The pack, by its place in [`Header::packs`].
    pub pack: u32,
    /// First byte in the pack.
    pub offset: u32,
    /// Bytes in the pack, sealed.
    pub length: u32,
    /// Bytes of the contents where they are compressed.
    pub raw_length: Option<NonZeroU32>,
}

impl Blob {
    /// The offset behind its last byte.
    #[must_use]
    pub const fn end(&self) -> u32 {
        // Checked when it was read.
        self.offset.saturating_add(self.length)
    }

    /// The same blob read from its spare place, for nobody yet.
    #[must_use]
    pub const fn moved_to(&self, spare: &Spare) -> Self {
        Self {
            offset: spare.offset,
            length: spare.length,
            raw_length: spare.raw_length,
            id: self.id,
            targets: Vec::new(),
            spare: None,
        }
    }

    /// As an index knows it.
    #[must_use]
    pub const fn entry(&self) -> restic::BlobEntry {
        restic::BlobEntry {
            id: self.id,
            kind: restic::BlobKind::Data,
            offset: self.offset,
            length: self.length,
            raw_length: self.raw_length,
        }
    }
}

/// A place that a blob's contents go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The file, by its place in [`Section::files`].
    pub file: u32,
    /// First byte in the file.
    pub offset: u64,
}

/// Whether bytes can name something in a folder, and nothing outside of it.
fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.iter().any(|c| matches!(c, b'/' | 0))
}

/// Compares two paths as a walk through the tree meets them: name by name, by
/// their bytes.
#[must_use]
pub fn tree_order(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    a.split(|c| *c == b'/').cmp(b.split(|c| *c == b'/'))
}
