//! The names of a repository's files.

use std::fmt;

use restic::Id;

/// A file of the repository. Its text is its path: `config`, `index/…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileName {
    /// What the whole repository shares.
    Config,
    /// The data key, sealed with a password.
    Key(Id),
    /// Where blobs lie.
    Index(Id),
    /// A backup.
    Snapshot(Id),
    /// Blobs.
    Pack(Id),
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Key(id) => write!(f, "{}/{id}", Folder::Keys),
            Self::Index(id) => write!(f, "{}/{id}", Folder::Index),
            Self::Snapshot(id) => write!(f, "{}/{id}", Folder::Snapshots),
            Self::Pack(id) => write!(f, "data/{:.2}/{id}", id.to_string()),
        }
    }
}

/// A folder of the repository whose files are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    Keys,
    Index,
    Snapshots,
}

impl Folder {
    pub(crate) const fn file(self, id: Id) -> FileName {
        match self {
            Self::Keys => FileName::Key(id),
            Self::Index => FileName::Index(id),
            Self::Snapshots => FileName::Snapshot(id),
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys => "keys",
            Self::Index => "index",
            Self::Snapshots => "snapshots",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_paths() {
        let id = Id::of(b"");
        assert_eq!(FileName::Config.to_string(), "config");
        assert_eq!(FileName::Snapshot(id).to_string(), format!("snapshots/{id}"));
        assert_eq!(FileName::Pack(id).to_string(), format!("data/e3/{id}"));
    }
}
