//! Everything that can go wrong with a repository, told apart as far as
//! somebody treats it differently.

use model::Code;

use crate::FileName;

/// Why a repository could not be used. The texts read after "failed to …",
/// hold no secret and no control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    /// The address makes no sense.
    #[error("read the repository's address: {problem}")]
    LocationInvalid {
        /// What is wrong with it; never the address itself, which may hold a
        /// password.
        problem: String,
    },
    /// restic knows this back end, this app does not.
    #[error("use a repository on \"{back_end}\": only folders and S3 are supported")]
    LocationUnsupported {
        /// The address's beginning: `sftp`, `rest`.
        back_end: &'static str,
    },
    /// There is no repository at that address.
    #[error("find a restic repository at {location}")]
    NotARepository {
        /// The address.
        location: String,
    },
    /// Nothing is created over a repository.
    #[error("create a repository at {location}: there is one already")]
    AlreadyExists {
        /// The address.
        location: String,
    },
    /// restic refuses an empty password too.
    #[error("create a repository: the password is empty")]
    PasswordEmpty,
    /// No key of the repository accepts the password.
    #[error("open the repository: the password is wrong")]
    PasswordWrong,
    /// The repository's format is newer than this app.
    #[error("open the repository: its format is version {version}, this app knows 1 and 2")]
    TooNew {
        /// Its version.
        version: u32,
    },
    /// The object store did not answer, or with something else than S3.
    #[error("reach the repository's store: {details}")]
    StoreUnreachable {
        /// The innermost cause.
        details: String,
    },
    /// The object store refuses the access key, or no key is given.
    #[error("use the repository's store: it refuses the access key ({details})")]
    StoreKeyRefused {
        /// The store's own words.
        details: String,
    },
    /// The store refuses signatures because this computer's clock is off.
    #[error("use the repository's store: this computer's clock is off ({details})")]
    ClockOff {
        /// The store's own words.
        details: String,
    },
    /// The config, a key, an index or a snapshot is damaged or missing.
    #[error("read {file}: {problem}")]
    Damaged {
        /// Which.
        file: FileName,
        /// What is wrong with it.
        problem: String,
    },
    /// A pack is damaged or missing.
    #[error("read {file}: {problem}")]
    PackDamaged {
        /// Which.
        file: FileName,
        /// What is wrong with it.
        problem: String,
    },
    /// A folder's contents are in no pack that any index knows, or make no
    /// sense.
    #[error("read folder {tree} of the snapshot: {problem}")]
    TreeDamaged {
        /// The tree's id.
        tree: restic::Id,
        /// What is wrong with it.
        problem: String,
    },
    /// The repository has no snapshot, or not the one asked for.
    #[error("find a snapshot: {problem}")]
    SnapshotMissing {
        /// What was looked for.
        problem: String,
    },
    /// Several snapshots fit and nothing tells which is meant.
    #[error("choose a snapshot: {problem}: {}", candidates.join("; "))]
    SnapshotAmbiguous {
        /// Why the choice is open.
        problem: String,
        /// Those that fit, newest first, for people.
        candidates: Vec<String>,
    },
    /// A critical path is not in the snapshot.
    #[error("find the critical path \"{path}\" in the snapshot")]
    CriticalPathMissing {
        /// As it was asked for, cleaned.
        path: String,
    },
    /// A critical path fits several entries.
    #[error("find the critical path \"{path}\": it may be {}", candidates.join(" or "))]
    CriticalPathAmbiguous {
        /// As it was asked for, cleaned.
        path: String,
        /// The first of those that fit, cleaned.
        candidates: Vec<String>,
    },
    /// A fault of ours.
    #[error("finish a step: {details}")]
    Internal {
        /// What happened.
        details: String,
    },
}

impl RepositoryError {
    /// What everybody else calls it.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::LocationInvalid { .. }
            | Self::LocationUnsupported { .. }
            | Self::AlreadyExists { .. }
            | Self::PasswordEmpty => Code::Usage,
            Self::NotARepository { .. } => Code::NotARepository,
            Self::PasswordWrong => Code::RepositoryPasswordWrong,
            Self::TooNew { .. } => Code::RepositoryTooNew,
            Self::StoreUnreachable { .. } => Code::StorageUnreachable,
            Self::StoreKeyRefused { .. } => Code::StorageKeyRefused,
            Self::ClockOff { .. } => Code::OwnClockOff,
            Self::Damaged { .. } | Self::TreeDamaged { .. } => Code::RepositoryDamaged,
            Self::PackDamaged { .. } => Code::PackDamaged,
            Self::SnapshotMissing { .. } => Code::SnapshotMissing,
            Self::SnapshotAmbiguous { .. } => Code::SnapshotAmbiguous,
            Self::CriticalPathMissing { .. } => Code::CriticalPathMissing,
            Self::CriticalPathAmbiguous { .. } => Code::CriticalPathAmbiguous,
            Self::Internal { .. } => Code::Internal,
        }
    }

    pub(crate) fn invalid(problem: impl Into<String>) -> Self {
        Self::LocationInvalid { problem: problem.into() }
    }

    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal { details: cause.to_string() }
    }

    /// A file that does not hold what it should.
    pub(crate) fn damaged(file: FileName, problem: impl std::fmt::Display) -> Self {
        let problem = problem.to_string();
        match file {
            FileName::Pack(_) => Self::PackDamaged { file, problem },
            _ => Self::Damaged { file, problem },
        }
    }

    /// What reading a file's contents ended with.
    pub(crate) fn of_contents(file: FileName, error: &restic::Error) -> Self {
        match error {
            restic::Error::VersionTooNew(version) => Self::TooNew { version: *version },
            other => Self::damaged(file, format_args!("failed to {other}")),
        }
    }
}
