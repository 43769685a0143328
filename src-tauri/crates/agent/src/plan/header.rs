//! A plan's first piece: what the rest is about and where each section lies.

use restic::{Id, Key};

use super::PlanError;
use super::seal::Piece;
use super::wire::Reader;

/// Raised when older agents cannot read a plan.
const VERSION: u64 = 2;
const MAX_PACKS: usize = 1 << 22;
const MAX_SECTIONS: usize = 1 << 20;
const MAX_GROUPS: usize = 1 << 12;

/// What stands first in a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The packs, in the order in which they are first needed.
    pub packs: Vec<Id>,
    /// What files are grouped by, in the order of the tree.
    pub groups: Vec<Group>,
    /// The sections, in the order of their importance.
    pub sections: Vec<SectionEntry>,
    /// What a whole restore brings.
    pub totals: Totals,
}

/// Files that people know as one: an entry near the top of the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// From the target, without slashes around it; empty for the files that
    /// lie in no other group.
    pub path: Vec<u8>,
    /// Names of files.
    pub files: u64,
    /// Bytes of files.
    pub bytes: u64,
}

/// Where a section lies and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionEntry {
    /// Bytes, sealed.
    pub length: u32,
    /// What it holds.
    pub kind: SectionKind,
    /// Ranges in it.
    pub ranges: u32,
    /// The first of its paths in the order of the tree, and the last.
    pub span: (Vec<u8>, Vec<u8>),
}

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionKind {
    /// Files that are needed before work can start, and their blobs.
    Critical,
    /// Files and their blobs.
    Files,
    /// The attributes of folders.
    Folders,
}

/// Counts of a whole restore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Names of files; a file with several names counts once for each.
    pub files: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Folders, without the target itself.
    pub folders: u64,
    /// Links, devices and pipes.
    pub others: u64,
    /// Names of files among the critical ones.
    pub critical_files: u64,
    /// Bytes of files among the critical ones.
    pub critical_bytes: u64,
    /// Entries that are critical, whatever they are, hard links as one.
    pub critical_entries: u64,
    /// Bytes read from packs, holes included.
    pub fetched_bytes: u64,
}

impl Totals {
    const fn all(&self) -> [u64; 8] {
        [
            self.files,
            self.bytes,
            self.folders,
            self.others,
            self.critical_files,
            self.critical_bytes,
            self.critical_entries,
            self.fetched_bytes,
        ]
    }
}

impl Header {
    /// Seals it.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(&self, key: &Key) -> Result<Vec<u8>, restic::Error> {
        self.encode().seal(key, 0, false)
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn open(key: &Key, sealed: &[u8]) -> Result<Self, PlanError> {
        let piece = Piece::open(key, 0, false, sealed)?;
        Self::parse(&piece.text.0, &piece.noise)
    }

    fn encode(&self) -> Piece {
        let mut piece = Piece::default();
        let out = &mut piece.text;
        out.number(VERSION);
        for total in self.totals.all() {
            out.number(total);
        }
        out.number(self.groups.len() as u64);
        for group in &self.groups {
            out.bytes(&group.path);
            out.number(group.files);
            out.number(group.bytes);
        }
        out.number(self.sections.len() as u64);
        for section in &self.sections {
            out.number(section.length.into());
            out.number(match section.kind {
                SectionKind::Critical => 0,
                SectionKind::Files => 1,
                SectionKind::Folders => 2,
            });
            out.number(section.ranges.into());
            out.bytes(&section.span.0);
            out.bytes(&section.span.1);
        }
        for pack in &self.packs {
            piece.noise.extend_from_slice(pack.as_bytes());
        }
        piece
    }

    /// Reads what was sealed: the compressed part and the hashes.
    ///
    /// # Errors
    /// [`PlanError::Malformed`].
    pub fn parse(text: &[u8], hashes: &[u8]) -> Result<Self, PlanError> {
        let mut text = Reader(text);
        if text.number()? != VERSION {
            return Err(PlanError::Malformed("its version is unknown"));
        }
        let totals = Totals {
            files: text.number()?,
            bytes: text.number()?,
            folders: text.number()?,
            others: text.number()?,
            critical_files: text.number()?,
            critical_bytes: text.number()?,
            critical_entries: text.number()?,
            fetched_bytes: text.number()?,
        };
        let count = text.count(MAX_GROUPS)?;
        let groups = (0..count)
            .map(|_| {
                Ok(Group {
                    path: text.bytes()?.to_vec(),
                    files: text.number()?,
                    bytes: text.number()?,
                })
            })
            .collect::<Result<_, PlanError>>()?;
        let count = text.count(MAX_SECTIONS)?;
        let sections = (0..count)
            .map(|_| {
                Ok(SectionEntry {
                    length: text.small()?,
                    kind: match text.number()? {
                        0 => SectionKind::Critical,
                        1 => SectionKind::Files,
                        2 => SectionKind::Folders,
                        _ => return Err(PlanError::Malformed("a section is of an unknown kind")),
                    },
                    ranges: text.small()?,
                    span: (text.bytes()?.to_vec(), text.bytes()?.to_vec()),
                })
            })
            .collect::<Result<_, PlanError>>()?;
        text.end()?;
        let (packs, rest) = hashes.as_chunks::<32>();
        if !rest.is_empty() || packs.len() > MAX_PACKS {
            return Err(PlanError::Malformed("its packs make no sense"));
        }
        let packs = packs.iter().map(|pack| Id::from_bytes(*pack)).collect();
        Ok(Self { packs, groups, sections, totals })
    }
}
