//! The target: folders made and files written below it, and nothing outside
//! of it. No symbolic link is ever followed on the way down; one that stands
//! where the snapshot has a folder or a file is replaced, as restic does.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use other::Target;
#[cfg(unix)]
pub(crate) use unix::Target;

use std::io;

use crate::event::Cause;
use crate::plan::Moment;

/// What stands at a name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Nothing.
    Absent,
    /// A file of this size and time of change: restored before.
    Whole,
    /// A file of this size: perhaps restored in part.
    SameSize,
    /// Something else.
    Other,
}

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It stood there before.
    Old,
    /// It was made here.
    New,
    /// It was made here and belongs to this process's own user and group.
    #[cfg(unix)]
    Own,
    /// And it has its mode already.
    #[cfg(unix)]
    Whole,
}

/// What a file must be to count as restored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) size: u64,
    pub(crate) modified: Moment,
}

/// Why nothing at all can be written, where an error means that.
pub(crate) fn fatal(error: &io::Error) -> Option<Cause> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Cause::DiskFull),
        io::ErrorKind::ReadOnlyFilesystem => Some(Cause::TargetReadOnly),
        _ => None,
    }
}
