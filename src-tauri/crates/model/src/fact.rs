//! Facts: everything that happens in a run, in the past tense. They are
//! written to the ledger first and shown second; the window, the command line
//! and the tests read the same stream. Names and units are a contract
//! (product.md §8).

use serde::{Deserialize, Serialize};

use crate::{
    At, Cap, CloudId, Code, HostId, HostRecord, LaneNo, MachineId, Money, OfferId, OwnerId,
    Preflight, RacePolicy, Rate, Remedy, RestoreDestination, RunId, SnapshotId, Tool,
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Fact {
    /// In which run.
    pub run: RunId,
    /// 1, 2, 3, … without a gap.
    pub seq: u64,
    /// When, in the world's time.
    pub at: At,
    /// When, since `run_started`.
    pub elapsed_ms: u64,
    /// What.
    #[serde(flatten)]
    pub body: FactBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum FactBody {
    /// The run began: offers, credit and repository are being asked for.
    RunStarted {
        /// Recipe.
        recipe: String,
        /// Recipe as the window shows it.
        title: String,
        /// Policy.
        policy: RacePolicy,
        /// Restore tool.
        tool: Tool,
        /// On the practice cloud.
        practice: bool,
        /// Where to, for a restore that no race precedes.
        destination: Option<RestoreDestination>,
    },
    /// Offers are filtered and sorted; credit and repository are in order.
    OffersRanked {
        /// Rows the clouds returned.
        found: u32,
        /// Rows that pass every filter, one per host.
        usable: u32,
        /// The server held more rows than it returned.
        truncated: bool,
        /// The first lanes' machines, as they would start now.
        planned: Vec<LaneBrief>,
        /// What the whole run can cost at most.
        at_most_usd_micros: Money,
        /// From `run_started`.
        took_ms: u64,
    },
    /// A race of up to 15 lanes began.
    HeatStarted {
        /// 1 or 2.
        heat: u8,
    },
    /// A wave's lanes start.
    WaveStarted {
        /// 1 or 2.
        heat: u8,
        /// 1, 2, 3.
        wave: u8,
        /// Lanes that start with it.
        lanes: Vec<LaneNo>,
    },
    /// A lane took an offer.
    LaneStarted {
        /// Lane and offer.
        #[serde(flatten)]
        brief: LaneBrief,
        /// The lost lane it replaces, when it starts before its wave.
        replaces: Option<LaneNo>,
    },
    /// The create call left the queue. Its intent was on disk before.
    MachineRequested {
        /// Lane.
        lane: LaneNo,
        /// Cloud.
        cloud: CloudId,
        /// Offer.
        offer: OfferId,
        /// Label on the machine.
        label: String,
    },
    /// The cloud refused and proved that nothing was rented.
    CreateRefused {
        /// Lane.
        lane: LaneNo,
        /// Offer.
        offer: OfferId,
        /// The cloud's words, cleaned.
        reason: String,
        /// Since the call left the queue.
        took_ms: u64,
    },
    /// The cloud said "too many requests".
    CloudThrottled {
        /// Cloud.
        cloud: CloudId,
        /// Which call.
        call: CloudCall,
        /// The lane that waits, for a create.
        lane: Option<LaneNo>,
        /// How long until it is asked again.
        wait_ms: u64,
    },
    /// The cloud rented a machine.
    MachineRented {
        /// Lane.
        lane: LaneNo,
        /// Cloud.
        cloud: CloudId,
        /// Machine.
        machine: MachineId,
        /// Since the call left the queue.
        took_ms: u64,
    },
    /// The first sign of life.
    MachineBooted {
        /// Lane.
        lane: LaneNo,
        /// Machine.
        machine: MachineId,
        /// Which sign.
        by: BootSign,
        /// Since it was rented.
        took_ms: u64,
    },
    /// A step passed its deadline and the machine races on.
    MachineSlow {
        /// Lane.
        lane: LaneNo,
        /// Machine.
        machine: MachineId,
        /// Step.
        step: Step,
        /// The deadline.
        limit_ms: u64,
    },
    /// The dead-man's switch reported itself armed, or missing.
    DeadmanArmed {
        /// Lane.
        lane: LaneNo,
        /// Machine.
        machine: MachineId,
        /// It is armed.
        armed: bool,
    },
    /// A complete SSH command answered and the pre-flight passed.
    MachineConnected {
        /// Lane.
        lane: LaneNo,
        /// Machine.
        machine: MachineId,
        /// Which way the connection took.
        route: Route,
        /// How the machine was proved to be ours.
        proof: ProofState,
        /// Fingerprint of the pinned host key.
        host_key: String,
        /// What it told about itself.
        report: Preflight,
        /// Since the first sign of life.
        took_ms: u64,
    },
    /// A lane is out of the race.
    LaneLost {
        /// Lane.
        lane: LaneNo,
        /// In which step.
        step: Step,
        /// Why.
        reason: LostReason,
        /// The particular cause, cleaned.
        details: String,
        /// Since that step began.
        took_ms: u64,
        /// Whether anything is to be destroyed.
        rented: Rented,
        /// Machine, where one is known.
        machine: Option<MachineId>,
    },
    /// The race is won: the *shell* mark.
    WinnerChosen {
        /// Lane.
        lane: LaneNo,
        /// Cloud.
        cloud: CloudId,
        /// Machine.
        machine: MachineId,
        /// Physical machine.
        host: Option<HostId>,
        /// Owner.
        owner: Option<OwnerId>,
        /// Since the first create of its heat.
        race_ms: u64,
    },
    /// A machine's destruction is settled, or could not be confirmed in time.
    MachineDestroyed {
        /// Lane.
        lane: LaneNo,
        /// Cloud.
        cloud: CloudId,
        /// Machine; absent when a create of unknown outcome left nothing.
        machine: Option<MachineId>,
        /// Two complete lists say it is gone.
        confirmed: bool,
        /// Since it was condemned.
        took_ms: u64,
        /// Estimate of what it cost.
        usd_micros: Money,
    },
    /// The restore tool is on its way, at most four times a second.
    InstallAdvanced {
        /// How it gets there.
        how: InstallRoute,
        /// Bytes that went there.
        bytes_done: u64,
        /// Of so many, where that is known.
        bytes: Option<u64>,
    },
    /// The restore tool stands on the winner, checksum verified.
    ToolInstalled {
        /// Machine; absent: this computer.
        machine: Option<MachineId>,
        /// The tool.
        #[serde(flatten)]
        standing: StandingTool,
        /// Why it is not the tool that was asked for, if it is not.
        fallback: Option<String>,
        /// Since `winner_chosen`.
        took_ms: u64,
    },
    /// What will be restored.
    RestorePlanned {
        /// Snapshot.
        snapshot: SnapshotId,
        /// When it was taken.
        taken: At,
        /// All files.
        files: u64,
        /// All bytes.
        bytes: u64,
        /// Files of the critical set.
        critical_files: u64,
        /// Bytes of the critical set.
        critical_bytes: u64,
        /// Where the snapshot's root goes.
        target: String,
        /// Bytes to fetch, where that is known.
        fetched_bytes: Option<u64>,
        /// The largest parts of the tree, in its order.
        groups: Vec<RestoreGroup>,
    },
    /// Progress, at most ten a second.
    RestoreAdvanced {
        /// Files done.
        files_done: u64,
        /// Bytes done.
        bytes_done: u64,
        /// Bytes in all.
        bytes: u64,
        /// Bytes per second over the last seconds.
        bytes_per_s: u64,
        /// Projected rest.
        eta_ms: Option<u64>,
        /// Bytes fetched, where the tool tells.
        fetched_bytes: Option<u64>,
        /// Requests under way, where the tool tells.
        connections: Option<u32>,
        /// Bytes done of each part of `restore_planned`, where the tool tells.
        groups_bytes: Vec<u64>,
    },
    /// The critical paths are restored and verified: work can start.
    CriticalRestored {
        /// Files.
        files: u64,
        /// Bytes.
        bytes: u64,
        /// Since the tool started.
        took_ms: u64,
    },
    /// The restore may pass its deadline (rules.md R12).
    RestoreExtended {
        /// Work can start already.
        critical_done: bool,
        /// The projected rest, where it is shorter than a new launch.
        eta_ms: Option<u64>,
    },
    /// The restore tool ended.
    RestoreFinished {
        /// Files restored.
        files: u64,
        /// Bytes restored.
        bytes: u64,
        /// Exit code and counts agree with the plan.
        verified: bool,
        /// Files that could not be restored, the first hundred.
        failed: Vec<String>,
        /// Entries that are there without some attribute the machine could not
        /// give them, the first hundred.
        imperfect: Vec<String>,
        /// Since the tool started.
        took_ms: u64,
    },
    /// A path of a restore was moved to the front.
    RestoreReordered {
        /// The path.
        path: String,
        /// Anything below it was still to come.
        pending: bool,
    },
    /// The recipe's on-ready script was started on the machine.
    ReadyScriptStarted {
        /// Machine.
        machine: MachineId,
        /// Its output, on the machine.
        log: String,
        /// Why it was not started, if it was not.
        problem: Option<String>,
    },
    /// Everything is there.
    RunReady {
        /// Machine; absent: this computer.
        machine: Option<MachineId>,
        /// The three marks, since `run_started`.
        shell_ms: u64,
        /// Critical.
        critical_ms: u64,
        /// Complete.
        complete_ms: u64,
    },
    /// The run failed but the machine is worth keeping.
    MachineKept {
        /// Machine.
        machine: MachineId,
        /// Why.
        reason: KeepReason,
    },
    /// The run failed.
    RunFailed {
        /// Why.
        code: Code,
        /// The next step.
        remedy: Remedy,
        /// The particular cause.
        details: String,
        /// Machines rented in this run.
        rented: u32,
        /// What may still be running: machines, or labels where no id is known.
        leftovers: Vec<String>,
    },
    /// The user cancelled.
    RunCancelled {
        /// Everything is confirmed gone.
        confirmed: bool,
        /// What may still be running.
        leftovers: Vec<String>,
    },
    /// The computer slept, or stood still: deadlines start afresh (rules.md R14).
    ClockJumped {
        /// For how long.
        gap_ms: u64,
    },
    /// What the run cost until now.
    SpendCounted {
        /// All machines of the run.
        usd_micros: Money,
        /// Machines that cost money now.
        machines: u32,
        /// What an hour costs now.
        usd_micros_per_hour: Rate,
    },
    /// The cloud's own word on what a machine cost, in place of our count.
    MachineCharged {
        /// Lane.
        lane: LaneNo,
        /// Cloud.
        cloud: CloudId,
        /// Machine.
        machine: MachineId,
        /// All of it: GPU, disk, traffic.
        usd_micros: Money,
    },
    /// A spending cap is near, or reached: then nothing more is rented, and
    /// racers are destroyed.
    SpendWarned {
        /// Which cap.
        cap: Cap,
        /// What counts against it until now.
        usd_micros: Money,
        /// Where it is.
        cap_usd_micros: Money,
        /// It is reached.
        reached: bool,
    },
}

/// A lane with its offer, short enough for a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct LaneBrief {
    /// Lane.
    pub lane: LaneNo,
    /// Cloud.
    pub cloud: CloudId,
    /// Offer.
    pub offer: OfferId,
    /// Physical machine.
    pub host: Option<HostId>,
    /// Owner.
    pub owner: Option<OwnerId>,
    /// GPU model.
    pub gpu: String,
    /// How many.
    pub num_gpus: u32,
    /// As the cloud writes it, cleaned.
    pub location: String,
    /// Price.
    pub usd_micros_per_hour: Rate,
    /// Measured download.
    pub inet_down_mbps: f64,
    /// What we saw of this host before.
    pub history: Option<HostRecord>,
}

/// A step of a start-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Search and rank.
    Offers,
    /// Rent.
    Create,
    /// Until the first sign of life.
    Boot,
    /// Until a complete SSH command.
    Connect,
    /// Until the restore tool stands.
    Install,
    /// Until the snapshot is back.
    Restore,
}

impl Step {
    /// As it stands in facts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offers => "offers",
            Self::Create => "create",
            Self::Boot => "boot",
            Self::Connect => "connect",
            Self::Install => "install",
            Self::Restore => "restore",
        }
    }
}

/// Why a lane is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum LostReason {
    /// No unused offer was left (R3).
    NoOffer,
    /// Every offer the lane may try was refused (R4).
    OffersRefused,
    /// The create call's outcome is unknown: counted as rented (R7).
    CreateUnknown,
    /// The answer was an error and yet named a machine (R7).
    CreateFailedRented,
    /// Boot took too long (R8).
    SlowBoot,
    /// Connect took too long (R8).
    SlowConnect,
    /// Still racing when the race's time was up (R15).
    OutOfTime,
    /// The container's process ended (R9).
    Exited,
    /// The cloud stopped it (R9).
    Stopped,
    /// The host is disconnected (R9).
    Offline,
    /// No heartbeat for too long (R9).
    UnknownState,
    /// The container will never start (R9).
    DeadMessage,
    /// It is not in the cloud's list any more.
    Vanished,
    /// The machine could not prove that it is the one we rented (T2).
    MachineNotProved,
    /// Another host key than before (T2).
    HostKeyChanged,
    /// Too little disk for the restore (R9).
    DiskTooSmall,
    /// Too few GPUs, or too small ones (R9).
    TooFewGpus,
    /// Its driver supports no CUDA as new as the recipe wants (R9).
    CudaTooOld,
    /// Not a CPU we carry tools for (R9).
    ForeignArchitecture,
    /// Its clock would make the store refuse its requests (R9).
    ClockSkew,
    /// Another lane won (R10).
    Beaten,
    /// The user cancelled (R13).
    Cancelled,
    /// A spending cap was reached in mid-race (M6).
    CapReached,
    /// The run ended for another reason.
    RunEnded,
    /// The winner's tool did not stand in time (R11).
    InstallTooSlow,
    /// The winner refused a command (R11).
    ExecRefused,
    /// The winner's link was gone too long (R11).
    LinkLost,
    /// The restore did not finish in time (R12).
    RestoreTooSlow,
    /// No byte for too long (R12).
    RestoreStalled,
    /// The winner's disk failed or filled up (R11).
    DiskFailed,
    /// The winner cannot reach the store that this computer reaches (R11).
    StoreUnreachable,
}

impl LostReason {
    /// The host's own fault: it rests for a day and counts as failed in its
    /// record. Being slow, beaten or unlucky is none.
    #[must_use]
    pub const fn is_host_fault(self) -> bool {
        match self {
            Self::CreateFailedRented
            | Self::Exited
            | Self::Stopped
            | Self::Offline
            | Self::UnknownState
            | Self::DeadMessage
            | Self::Vanished
            | Self::MachineNotProved
            | Self::HostKeyChanged
            | Self::DiskTooSmall
            | Self::TooFewGpus
            | Self::CudaTooOld
            | Self::ForeignArchitecture
            | Self::ClockSkew
            | Self::OutOfTime
            | Self::InstallTooSlow
            | Self::ExecRefused
            | Self::LinkLost
            | Self::RestoreTooSlow
            | Self::RestoreStalled
            | Self::DiskFailed
            | Self::StoreUnreachable => true,
            Self::NoOffer
            | Self::OffersRefused
            | Self::CreateUnknown
            | Self::SlowBoot
            | Self::SlowConnect
            | Self::Beaten
            | Self::Cancelled
            | Self::CapReached
            | Self::RunEnded => false,
        }
    }

    /// As it stands in facts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoOffer => "no-offer",
            Self::OffersRefused => "offers-refused",
            Self::CreateUnknown => "create-unknown",
            Self::CreateFailedRented => "create-failed-rented",
            Self::SlowBoot => "slow-boot",
            Self::SlowConnect => "slow-connect",
            Self::OutOfTime => "out-of-time",
            Self::Exited => "exited",
            Self::Stopped => "stopped",
            Self::Offline => "offline",
            Self::UnknownState => "unknown-state",
            Self::DeadMessage => "dead-message",
            Self::Vanished => "vanished",
            Self::MachineNotProved => "machine-not-proved",
            Self::HostKeyChanged => "host-key-changed",
            Self::DiskTooSmall => "disk-too-small",
            Self::TooFewGpus => "too-few-gpus",
            Self::CudaTooOld => "cuda-too-old",
            Self::ForeignArchitecture => "foreign-architecture",
            Self::ClockSkew => "clock-skew",
            Self::Beaten => "beaten",
            Self::Cancelled => "cancelled",
            Self::CapReached => "cap-reached",
            Self::RunEnded => "run-ended",
            Self::InstallTooSlow => "install-too-slow",
            Self::ExecRefused => "exec-refused",
            Self::LinkLost => "link-lost",
            Self::RestoreTooSlow => "restore-too-slow",
            Self::RestoreStalled => "restore-stalled",
            Self::DiskFailed => "disk-failed",
            Self::StoreUnreachable => "store-unreachable",
        }
    }
}

/// Whether a lost lane left a machine behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum Rented {
    /// Nothing was rented, so nothing is charged.
    No,
    /// A machine is being destroyed.
    Yes,
    /// Unknown until looked up; counted as rented.
    Unknown,
}

/// The first sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum BootSign {
    /// The cloud's list says running, with an address.
    List,
    /// An SSH banner.
    Banner,
}

/// Which way a connection took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Straight to the machine.
    Direct,
    /// Through the cloud's relay.
    Proxy,
}

impl Route {
    /// As it stands in facts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Proxy => "proxy",
        }
    }
}

/// How a machine was proved to be ours (rules.md T2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum ProofState {
    /// It showed the hash over the run's secret and its host keys.
    Proved,
    /// The user accepts the first key seen.
    FirstUse,
}

/// A call that can be throttled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum CloudCall {
    /// Search.
    Search,
    /// Rent.
    Create,
    /// List machines.
    List,
    /// Destroy.
    Destroy,
    /// Anything else.
    Other,
}

/// What restores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RestoreTool {
    /// Which.
    pub tool: Tool,
    /// Its version.
    pub version: String,
}

/// A tool that stands where it is to restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct StandingTool {
    /// Which tool and version.
    pub tool: RestoreTool,
    /// How it got there.
    pub how: InstallRoute,
    /// SHA-256 read back.
    pub sha256: String,
    /// What the machine is given to read the repository with.
    pub access: StoreAccess,
}

/// What a machine is given to read the repository with (rules.md T4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum StoreAccess {
    /// Nothing: the restore happens on this computer.
    Own,
    /// Signed addresses of exactly the packs that are needed.
    Ticket,
    /// Keys that read this repository and end within the hour.
    Temporary,
    /// The user's own keys: the store takes no others.
    Lasting,
}

/// How a tool got onto the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum InstallRoute {
    /// The image has it.
    Present,
    /// The machine fetched it while it booted.
    Fetched,
    /// Sent over SSH.
    Pushed,
    /// From the image's package manager.
    Package,
    /// It is part of this app: a restore on this computer.
    BuiltIn,
}

/// A part of the tree that people know as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RestoreGroup {
    /// Its path; empty for what lies in no other part.
    pub path: String,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Why a machine is kept although its run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum KeepReason {
    /// The critical mark was reached: work may have begun.
    CriticalRestored,
    /// The app ended before the restore did; a later run resumes it.
    Resumable,
    /// It was there before the run, which only restored onto it.
    NotOfThisRun,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_one_flat_object() {
        let fact = Fact {
            run: RunId::new("q7m2x4n6pa"),
            seq: 3,
            at: At::from_unix_ms(1_795_435_200_123),
            elapsed_ms: 812,
            body: FactBody::MachineRented {
                lane: LaneNo(1),
                cloud: CloudId::Vast,
                machine: MachineId::new("7835610"),
                took_ms: 640,
            },
        };
        let json = serde_json::to_string(&fact).unwrap();
        assert_eq!(
            json,
            r#"{"run":"q7m2x4n6pa","seq":3,"at":"2026-11-23T12:00:00.123Z","elapsed_ms":812,"fact":"machine_rented","lane":1,"cloud":"vast","machine":"7835610","took_ms":640}"#
        );
        assert_eq!(serde_json::from_str::<Fact>(&json).unwrap(), fact);
    }

    #[test]
    fn the_text_of_a_reason_is_its_wire_form() {
        for reason in [
            LostReason::NoOffer,
            LostReason::CreateFailedRented,
            LostReason::MachineNotProved,
            LostReason::TooFewGpus,
            LostReason::CudaTooOld,
            LostReason::DiskFailed,
        ] {
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.as_str()));
        }
    }
}
