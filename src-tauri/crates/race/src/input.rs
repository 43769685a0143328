//! What the world tells the race.

use model::{
    CloudId, Code, InstallRoute, LaneNo, LostReason, MachineId, MachineState, Money, Preflight,
    ProofState, Requirements, Route, StandingTool,
};

use crate::Ranked;

/// One thing that was seen.
#[derive(Debug, Clone)]
pub enum Input {
    /// Nothing but time.
    Tick,
    /// Offers for this heat, best first; credit and repository are in order.
    Offers(Ranking),
    /// Repository and machine are in order for a restore of its own.
    Prepared,
    /// There are no offers, or credit or repository are not in order.
    Refused {
        /// Why.
        code: Code,
        /// The particular cause.
        details: String,
    },
    /// The answer to a fresh search in mid-race.
    MoreOffers(Vec<Ranked>),
    /// The create call was written to a socket; its intent is on disk.
    CreateSent {
        /// Lane.
        lane: LaneNo,
    },
    /// The create call was answered, in time or late.
    CreateAnswered {
        /// Lane.
        lane: LaneNo,
        /// Answer.
        answer: Answer,
    },
    /// The look-ups by label of a create of unknown outcome came to an end.
    Settled {
        /// Lane.
        lane: LaneNo,
        /// The machine that turned up, if one did.
        machine: Option<MachineId>,
    },
    /// A list had this lane's machine.
    Seen {
        /// Lane.
        lane: LaneNo,
        /// What it said.
        sighting: Sighting,
    },
    /// A cloud gave one complete list.
    Listed {
        /// Cloud.
        cloud: CloudId,
    },
    /// An SSH server greeted.
    Banner {
        /// Lane.
        lane: LaneNo,
    },
    /// The pre-flight was parsed and the machine proved itself.
    Connected {
        /// Lane.
        lane: LaneNo,
        /// Which way the connection took.
        route: Route,
        /// How it proved itself.
        proof: ProofState,
        /// Fingerprint of its host key.
        host_key: String,
        /// What it told about itself.
        report: Preflight,
    },
    /// The lane cannot win any more (rules.md R9).
    Failed {
        /// Lane.
        lane: LaneNo,
        /// Why.
        reason: LostReason,
        /// The particular cause, cleaned.
        details: String,
    },
    /// A condemned machine is gone: two complete lists say so.
    Gone {
        /// Lane.
        lane: LaneNo,
    },
    /// The user wants the next wave early.
    NextWave,
    /// The user cancels; the second time, without waiting for confirmations.
    Cancel,
    /// A spending cap is reached.
    CapReached {
        /// Which, for people.
        details: String,
    },
    /// The tool is on its way to the winner.
    Installing {
        /// How it gets there.
        how: InstallRoute,
        /// Bytes that went there.
        bytes_done: u64,
        /// Of so many, where that is known.
        bytes: Option<u64>,
    },
    /// The tool stands on the winner.
    Installed {
        /// The tool.
        standing: StandingTool,
        /// Why it is not the tool that was asked for, if it is not.
        fallback: Option<String>,
    },
    /// The tool failed in its work and another one takes over.
    FellBack {
        /// The other tool.
        standing: StandingTool,
        /// What was wrong with the first.
        cause: String,
    },
    /// A path was moved to the front.
    Fronted {
        /// The path.
        path: String,
        /// Anything below it was still to come.
        pending: bool,
    },
    /// The tool runs.
    RestoreStarted,
    /// The restore advanced.
    Progress(Progress),
    /// The critical paths are restored and verified.
    CriticalDone {
        /// Files.
        files: u64,
        /// Bytes.
        bytes: u64,
    },
    /// The tool ended.
    RestoreDone(RestoreEnd),
    /// The winner failed by its own fault (rules.md R11).
    WinnerFault {
        /// Why.
        reason: LostReason,
        /// The particular cause.
        details: String,
    },
    /// Something failed that no other machine cures (rules.md R11).
    RunFault {
        /// Why.
        code: Code,
        /// The particular cause.
        details: String,
    },
    /// The link to the winner is gone.
    LinkDown,
    /// The link to the winner is back.
    LinkUp,
}

/// Offers for one heat.
#[derive(Debug, Clone, Default)]
pub struct Ranking {
    /// Best first.
    pub offers: Vec<Ranked>,
    /// Rows the clouds returned.
    pub found: u32,
    /// The server held more rows than it returned.
    pub truncated: bool,
    /// What the whole run can cost at most.
    pub at_most: Money,
    /// What a machine must have.
    pub requirements: Requirements,
}

/// What a create call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A machine is ours.
    Rented(MachineId),
    /// Refused, nothing rented; another offer may do.
    OfferRefused(String),
    /// Refused, nothing rented; every offer would get this.
    AccountRefused(Code, String),
    /// Too many requests; nothing rented.
    Throttled {
        /// How long to wait.
        wait_ms: u64,
    },
    /// An error that names a machine.
    RentedButFailed(MachineId, String),
    /// Nobody knows.
    Unknown(String),
}

/// What a list said about a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// State.
    pub state: MachineState,
    /// The cloud's words, cleaned.
    pub message: String,
    /// The words are the last of a container that will never start.
    pub dead: bool,
    /// It has an address.
    pub addressed: bool,
}

/// How far a restore is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files done.
    pub files_done: u64,
    /// Bytes done.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes per second over the last seconds.
    pub bytes_per_s: u64,
    /// Projected rest.
    pub eta_ms: Option<u64>,
    /// Bytes fetched, where the tool tells.
    pub fetched_bytes: Option<u64>,
    /// Requests under way, where the tool tells.
    pub connections: Option<u32>,
    /// Bytes done of each part of the plan, where the tool tells.
    pub groups_bytes: Vec<u64>,
}

/// How a restore ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreEnd {
    /// Files restored.
    pub files: u64,
    /// Bytes restored.
    pub bytes: u64,
    /// Exit code and counts agree with the plan.
    pub verified: bool,
    /// Files that could not be restored.
    pub failed: Vec<String>,
    /// Entries that are there without some attribute.
    pub imperfect: Vec<String>,
    /// Why it is not verified, in words.
    pub details: String,
}
