//! Sections of folders: what is set when nothing is written into them any
//! more.

use restic::Key;

use super::files::{Owners, attributes, is_path, put_attributes};
use super::seal::Piece;
use super::wire::Reader;
use super::{Attributes, MAX_FILES, PlanError};

/// Folders and their attributes, each after all folders below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folders {
    /// Path from the target, without slashes around it; and its attributes.
    pub folders: Vec<(Box<[u8]>, Attributes)>,
}

impl Folders {
    /// Seals the section in its place; the header's is 0.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(&self, key: &Key, place: u32, is_last: bool) -> Result<Vec<u8>, restic::Error> {
        self.encode().seal(key, place, is_last)
    }

    /// Opens the section of this place.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn open(key: &Key, place: u32, is_last: bool, sealed: &[u8]) -> Result<Self, PlanError> {
        let piece = Piece::open(key, place, is_last, sealed)?;
        Self::parse(&piece.text.0, &piece.noise)
    }

    fn encode(&self) -> Piece {
        let mut piece = Piece::default();
        let out = &mut piece.text;
        let mut owners = Owners::default();
        let attributes: Vec<_> = self.folders.iter().map(|(_, attributes)| attributes).collect();
        let numbers: Vec<_> = attributes.iter().map(|one| owners.number_of(one)).collect();
        owners.put(out);
        out.number(self.folders.len() as u64);
        for (path, _) in &self.folders {
            out.bytes(path);
        }
        put_attributes(out, &attributes, &numbers);
        piece
    }

    /// Reads what was sealed: the compressed part and the hashes, of which
    /// there are none.
    ///
    /// # Errors
    /// [`PlanError::Malformed`].
    pub fn parse(text: &[u8], hashes: &[u8]) -> Result<Self, PlanError> {
        let mut text = Reader(text);
        let owners = Owners::read(&mut text)?;
        let count = text.count(MAX_FILES)?;
        let paths = (0..count)
            .map(|_| {
                let path = text.bytes()?;
                if path.is_empty() || !is_path(path) {
                    return Err(PlanError::Malformed("a folder leads out of the target"));
                }
                Ok(path.into())
            })
            .collect::<Result<Vec<Box<[u8]>>, _>>()?;
        let attributes = attributes(&mut text, &owners, count)?;
        text.end()?;
        if !hashes.is_empty() {
            return Err(PlanError::Malformed("something follows it"));
        }
        Ok(Self { folders: paths.into_iter().zip(attributes).collect() })
    }
}
