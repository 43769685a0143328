//! What the agent tells while it works, and what it is told: one JSON object a
//! line, the former on standard output, the latter on standard input behind
//! the ticket. Neither holds a URL or a key, but for the ticket itself.

use serde::{Deserialize, Serialize};

use crate::RawPath;
use crate::ticket::Ticket;

/// What the agent tells. Something comes at least every second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It runs, and has a ticket.
    Started {
        /// The agent's version.
        version: String,
    },
    /// The plan's beginning is read: what a whole restore brings.
    Planned(Planned),
    /// How far it is. The last one comes just before the end.
    Progress(Progress),
    /// Every critical file is there and verified, or listed as failed.
    Critical {
        /// Since the start.
        elapsed_ms: u64,
        /// Names of critical files that are there.
        files: u64,
        /// Their bytes.
        bytes: u64,
        /// Critical entries that could not be restored.
        failed: u64,
    },
    /// A renewed ticket is wanted on standard input.
    TicketWanted {
        /// Why.
        reason: TicketReason,
    },
    /// A request to move a path to the front was heard.
    Fronted {
        /// The path.
        path: RawPath,
        /// Whether anything below it is still to come.
        is_pending: bool,
    },
    /// A pack is missing or damaged. What it alone holds is lost.
    PackFailed {
        /// Its id.
        pack: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An entry is not restored, or not wholly.
    Failed {
        /// From the target, without a leading slash.
        path: RawPath,
        /// What of it.
        part: Part,
        /// Why.
        problem: String,
    },
    /// The end: all that could be restored is.
    Complete(Summary),
    /// The end before that.
    Aborted {
        /// Why.
        cause: Cause,
        /// The particulars, for people.
        details: String,
        /// What was restored all the same. Started again, the agent goes on
        /// from there.
        summary: Summary,
    },
}

/// What a whole restore brings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Names of files; a file with several names counts once for each.
    pub files: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Bytes that will be fetched.
    pub fetched_bytes: u64,
    /// Names of critical files; all if none are critical.
    pub critical_files: u64,
    /// Bytes of critical files; all if none are critical.
    pub critical_bytes: u64,
    /// What files are grouped by, in the order of the tree.
    pub groups: Vec<GroupCounts>,
}

/// A group and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCounts {
    /// From the target, without a leading slash; empty for the files that lie
    /// in no other group.
    pub path: RawPath,
    /// Names of files.
    pub files: u64,
    /// Bytes of files.
    pub bytes: u64,
}

/// How far a restore is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Since the start.
    pub elapsed_ms: u64,
    /// Names of files that are there and verified.
    pub files: u64,
    /// Bytes that are there and verified, of files under way too.
    pub bytes: u64,
    /// Bytes that came over the line.
    pub fetched_bytes: u64,
    /// Bytes of files per second over the last seconds.
    pub bytes_per_s: u64,
    /// Bytes over the line per second over the last seconds.
    pub fetched_bytes_per_s: u64,
    /// Projected rest; absent as long as nothing is known.
    pub eta_ms: Option<u64>,
    /// Requests under way.
    pub connections: u32,
    /// Names of critical files that are there and verified.
    pub critical_files: u64,
    /// Bytes of critical files that are there and verified, of files under way
    /// too.
    pub critical_bytes: u64,
    /// Entries that failed so far.
    pub failed: u64,
    /// Files that are there, and bytes, of files under way too, group by group, in the order of
    /// [`Planned::groups`].
    pub groups: Vec<(u64, u64)>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Since the start.
    pub elapsed_ms: u64,
    /// Names of files that are there and verified.
    pub files: u64,
    /// Bytes of files that are there and verified.
    pub bytes: u64,
    /// Of those, bytes that were there before.
    pub kept_bytes: u64,
    /// Bytes that came over the line.
    pub fetched_bytes: u64,
    /// Entries whose contents are not restored; each has its own event.
    pub failed: u64,
    /// Entries that are there without some attribute; each has its own event.
    pub imperfect: u64,
    /// Entries that failed without an event of their own: their part of the
    /// plan could not be read.
    pub unlisted: u64,
}

impl Summary {
    /// Everything is restored with all that belongs to it.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.failed == 0 && self.imperfect == 0 && self.unlisted == 0
    }
}

/// Why a renewed ticket is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketReason {
    /// The signatures will soon expire.
    Expiring,
    /// The store refuses a signature.
    Refused,
}

/// What of an entry failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The entry itself: nothing stands there.
    Contents,
    /// An attribute: its contents are there and verified.
    Attributes,
}

/// Why a restore ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The ticket or what came with it makes no sense.
    Ticket,
    /// The plan is missing, damaged or of another version.
    Plan,
    /// The disk is full.
    DiskFull,
    /// The target cannot be written.
    TargetReadOnly,
    /// The target is no folder, or cannot be made.
    Target,
    /// The store cannot be reached.
    StoreUnreachable,
    /// The signatures expired and no renewed ticket came.
    TicketExpired,
    /// It was told to stop.
    Stopped,
    /// A fault of ours.
    Internal,
}

impl Cause {
    /// The program's exit code for it. 0 is a whole restore, 1 one with
    /// failures that were listed.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ticket => 2,
            Self::Plan => 3,
            Self::DiskFull => 4,
            Self::TargetReadOnly => 5,
            Self::Target => 6,
            Self::StoreUnreachable => 7,
            Self::TicketExpired => 8,
            Self::Internal => 9,
            Self::Stopped => 130,
        }
    }
}

/// What the agent is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Begin, or go on with this ticket from now on.
    Ticket(Box<Ticket>),
    /// Bring this file or folder first.
    Front(RawPath),
    /// End as soon as can be.
    Stop,
}

impl Control {
    /// Reads a line. The error quotes nothing.
    ///
    /// # Errors
    /// The column at which the line makes no sense.
    pub fn parse(line: &str) -> Result<Self, usize> {
        serde_json::from_str(line).map_err(|error| error.column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_flat_lines() {
        let event = Event::Failed {
            path: b"a\xff"[..].into(),
            part: Part::Contents,
            problem: "pack 00000000 is missing".into(),
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"event":"failed","path":[97,255],"part":"contents","problem":"pack 00000000 is missing"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        let event = Event::Complete(Summary { files: 3, ..Summary::default() });
        let json = serde_json::to_string(&event).unwrap();
        assert!(json.starts_with(r#"{"event":"complete","elapsed_ms":0,"files":3,"#), "{json}");
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }

    #[test]
    fn controls_are_read() {
        assert!(matches!(Control::parse("\"stop\""), Ok(Control::Stop)));
        let front = Control::parse(r#"{"front":"workspace/models"}"#);
        assert!(matches!(front, Ok(Control::Front(path)) if path.0 == b"workspace/models"));
        assert!(Control::parse("{\"ticket\":{}}").is_err());
        assert!(Control::parse("").is_err());
    }
}
