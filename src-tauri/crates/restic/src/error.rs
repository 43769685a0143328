//! Everything that can be wrong with data of a repository.

use crate::Id;

/// Why data of a repository could not be read or written. The texts read
/// after "failed to …" and never quote the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The message authentication code is wrong: damaged, or another key.
    #[error("authenticate sealed data: it is damaged, or sealed with another key")]
    NotAuthentic,
    /// The data is not shaped as the format says.
    #[error("read {what}: {problem}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The JSON is not what it should be.
    #[error("read {what}: unexpected JSON in line {line}, column {column}")]
    Json {
        /// What was being read.
        what: &'static str,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The compressed data is damaged.
    #[error("decompress data")]
    Decompress,
    /// There is more data than announced or allowed.
    #[error("decompress data: it is longer than {limit} bytes")]
    TooLong {
        /// The most there may be, in bytes.
        limit: usize,
    },
    /// The contents of a blob hash to something else than its id.
    #[error("verify blob {expected}: its contents are {actual}")]
    HashMismatch {
        /// The blob's id.
        expected: Id,
        /// What its contents hash to.
        actual: Id,
    },
    /// The repository's format is newer than this code.
    #[error("open the repository: its format is version {0}, this program knows 1 and 2")]
    VersionTooNew(u32),
    /// The password does not open this key.
    #[error("open the key: the password is wrong")]
    WrongPassword,
    /// Deriving the key would take more memory or time than any honest key.
    #[error("open the key: its scrypt parameters are out of bounds")]
    KeyTooCostly,
}

impl Error {
    pub(crate) const fn malformed(what: &'static str, problem: &'static str) -> Self {
        Self::Malformed { what, problem }
    }
}
