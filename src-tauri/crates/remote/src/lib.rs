//! The machine, seen from here: SSH with a key of this run alone, a proof
//! that the machine is the one we rented, and commands that are files.
//!
//! Whatever runs over there is a script of the closed list in [`Script`],
//! sent whole and run with its parameters and secrets on standard input. No
//! long inline command exists, no secret is ever an argument, nothing the
//! server opens by itself is accepted, and no agent is forwarded.

mod answer;
mod connection;
mod dial;
mod identity;
mod job;
mod metrics;
mod onstart;
mod params;
mod preflight;
mod proof;
mod script;
mod transport;

pub use connection::{Connection, Content, Output};
pub use dial::{Dial, Expect, OnBanner, Reached, Retry, attempt, reach};
pub use identity::Identity;
pub use job::{Frames, JobEvent, JobStart, follow};
pub use metrics::{Reading, parse_metrics};
pub use onstart::{Deadman, Fetch, Onstart};
pub use params::{Decoded, Params};
pub use preflight::{MachineReport, parse_preflight, parse_restic_version};
pub use proof::{LaneSecret, Proof};
pub use script::{ANSWER_MARK, Script};
pub use transport::{BoxedStream, Stream, Tcp, Transport};

use model::Route;

/// Why something on a machine failed.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// No TCP connection, or it broke: worth another try.
    #[error("reach {0}")]
    Unreachable(String),
    /// The key is not accepted, or not yet.
    #[error("log in: the key is not accepted")]
    KeyNotAccepted,
    /// The host key is not the pinned one.
    #[error("trust the machine: its host key is {seen}, not {pinned}")]
    HostKeyChanged {
        /// What was pinned.
        pinned: String,
        /// What was seen.
        seen: String,
    },
    /// The machine is not the one that was rented (rules.md T2).
    #[error("trust the machine: {0}")]
    NotProved(String),
    /// The SSH conversation failed.
    #[error("speak SSH: {0}")]
    Ssh(String),
    /// A script did not answer in time.
    #[error("run {script} in time")]
    TimedOut {
        /// Which.
        script: &'static str,
    },
    /// A script ended with an error.
    #[error("run {script}: exit code {code}: {stderr}")]
    Script {
        /// Which.
        script: &'static str,
        /// Its exit code.
        code: u32,
        /// What it said, cleaned.
        stderr: String,
    },
    /// A script answered something we do not understand.
    #[error("understand the answer of {script}: {details}")]
    NotUnderstood {
        /// Which.
        script: &'static str,
        /// What is wrong.
        details: String,
    },
    /// A file over there has another hash than the one sent.
    #[error("upload {path}: the checksum differs")]
    ChecksumDiffers {
        /// Which.
        path: String,
    },
    /// Whoever sent it did not want to go on.
    #[error("send all of it: it was given up")]
    GivenUp,
}

impl RemoteError {
    /// The machine itself is wrong; trying again cannot help.
    #[must_use]
    pub const fn is_about_trust(&self) -> bool {
        matches!(self, Self::HostKeyChanged { .. } | Self::NotProved(_))
    }
}

/// Both ways to a machine, in the order they are tried.
pub const ROUTES: [Route; 2] = [Route::Direct, Route::Proxy];
