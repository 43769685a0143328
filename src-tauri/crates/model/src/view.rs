//! Answers to the window's and the command line's questions that are not
//! facts: what could be launched, and what was.

use serde::{Deserialize, Serialize};

use crate::{
    AppError, At, Caps, CloudId, Code, Fact, HostId, HostRecord, LostReason, MachineId,
    MachineView, Marks, Money, Offer, OwnerId, RacePolicy, Rate, RunId, RunPhase, RunView,
    SnapshotView, Step, StoreAccess,
};

/// What a watcher of a run receives: first the state, then every fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "the view comes once, facts follow")]
pub enum Frame {
    /// The folded state; facts with a higher `seq` follow.
    View {
        /// State.
        view: RunView,
    },
    /// One fact.
    Fact {
        /// Fact.
        fact: Fact,
    },
}

/// One line of history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RunSummary {
    /// Which run.
    pub run: RunId,
    /// Recipe.
    pub recipe: String,
    /// Recipe as the window shows it.
    pub title: String,
    /// Policy.
    pub policy: RacePolicy,
    /// When it started.
    pub started: At,
    /// Where it stands.
    pub phase: RunPhase,
    /// Marks reached.
    pub marks: Marks,
    /// Where the winner's time went.
    pub steps: Vec<StepSpan>,
    /// Cloud of the winner.
    pub cloud: Option<CloudId>,
    /// The winner itself.
    pub machine: Option<MachineId>,
    /// Physical machine of the winner.
    pub host: Option<HostId>,
    /// GPU of the winner.
    pub gpu: String,
    /// Where the winner stands.
    pub location: String,
    /// When the winner was confirmed gone, since `run_started`.
    pub gone_ms: Option<u64>,
    /// What it cost.
    pub spent: Money,
    /// That is the clouds' own word; else our estimate.
    pub charged: bool,
    /// The tool that was to restore could not, and another did.
    pub fell_back: bool,
    /// Machines confirmed destroyed.
    pub destroyed: u32,
    /// The end's code, when it failed.
    pub failure: Option<Code>,
}

/// A step of the winner's start-up, in milliseconds since `run_started`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct StepSpan {
    /// Step; absent while waiting for the wave.
    pub step: Option<Step>,
    /// From.
    pub from_ms: u64,
    /// To.
    pub to_ms: u64,
}

/// An offer with what we ourselves know of its host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct OfferRow {
    /// Offer.
    pub offer: Offer,
    /// Our own record of the host.
    pub history: Option<HostRecord>,
    /// Its line cannot bring the snapshot within the deadline (rules.md R12).
    pub too_slow: bool,
}

/// Offers as asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct OffersView {
    /// Best first.
    pub rows: Vec<OfferRow>,
    /// Rows the clouds returned.
    pub found: u32,
    /// The server held more rows than it returned.
    pub truncated: bool,
    /// When they were asked for.
    pub at: At,
}

/// What pressing *Launch* would mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Estimate {
    /// Offers that pass every filter, one per host.
    pub usable: u32,
    /// Rows the clouds returned.
    pub found: u32,
    /// The server held more rows than it returned.
    pub truncated: bool,
    /// Prices of all rows before the price cap, cheapest first.
    pub prices: Vec<Rate>,
    /// The first wave's median price.
    pub price: Option<Rate>,
    /// The worst case: all lanes of both heats to their last deadline, traffic
    /// and one hour of the winner.
    pub at_most: Money,
    /// Credit on the account.
    pub credit: Option<Money>,
    /// What of the store the machine will hold, if anything is restored.
    pub access: Option<StoreAccess>,
    /// Why a launch would be refused: a cap, or too little credit.
    pub refused: Option<AppError>,
    /// Boots of our own that the prediction stands on.
    pub boots_known: u32,
    /// Predicted time to the *shell* mark; absent without history.
    pub shell: Option<Spread>,
    /// Predicted time to the *complete* mark; absent without history.
    pub complete: Option<Spread>,
    /// Which snapshot would be restored.
    pub snapshot: Option<SnapshotView>,
    /// Size of the restore.
    pub bytes: Option<u64>,
    /// Files of the restore.
    pub files: Option<u64>,
}

/// A prediction from history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Spread {
    /// One of ten was faster.
    pub p10_ms: u64,
    /// Half were faster.
    pub median_ms: u64,
    /// Nine of ten were faster.
    pub p90_ms: u64,
}

/// What the window asks once at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct AppInfo {
    /// Version of the app.
    pub version: String,
    /// Everything runs on the practice cloud.
    pub practice: bool,
    /// The practice cloud was asked for at the start: keys change nothing.
    pub practice_asked: bool,
    /// `linux`, `macos`, `windows`.
    pub os: String,
    /// Clouds this app speaks to.
    pub clouds: Vec<CloudId>,
    /// A run that is going on, or whose winner is kept.
    pub run: Option<RunId>,
    /// Why the engine is not up, or what of it is impossible now: keychain
    /// locked, key refused. The worst first.
    pub problems: Vec<AppError>,
}

/// What is spent and what may be (rules.md M4 to M6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SpendView {
    /// What everything running on the accounts costs an hour, where they could
    /// be asked.
    pub per_hour: Rate,
    /// Machines that cost money now.
    pub running: u32,
    /// Spent by this app since midnight in the user's zone.
    pub today: Money,
    /// Spent by this app since the first of the month.
    pub month: Money,
    /// The caps.
    pub caps: Caps,
    /// Money on the accounts, where they tell.
    pub credit: Option<Money>,
    /// Part of the sums above that the clouds' own charges have not confirmed.
    pub estimated: Money,
}

/// A physical machine as we know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct HostView {
    /// Which cloud.
    pub cloud: CloudId,
    /// Which machine.
    pub host: HostId,
    /// Who owns it.
    pub owner: Option<OwnerId>,
    /// Its GPU when it was last rented.
    pub gpu: String,
    /// Where it stands.
    pub location: String,
    /// What we saw of it.
    pub record: HostRecord,
    /// Each step's time.
    pub steps: Vec<StepStat>,
    /// The last lanes on it, oldest first.
    pub boots: Vec<HostBoot>,
    /// The last failures, newest first.
    pub failures: Vec<HostFailure>,
    /// What the user thinks of it.
    pub standing: HostStanding,
    /// When it was last rented.
    pub last: At,
}

/// How long a step takes on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct StepStat {
    /// Step.
    pub step: Step,
    /// How often it was measured.
    pub count: u32,
    /// Half were faster.
    pub median_ms: u64,
    /// Nine of ten were faster.
    pub p90_ms: u64,
}

/// One lane on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct HostBoot {
    /// When it began.
    pub at: At,
    /// From create to a completed SSH command; absent when it never came.
    pub ready_ms: Option<u64>,
    /// It won.
    pub won: bool,
    /// Why it was lost.
    pub reason: Option<LostReason>,
}

/// A lane that was lost by its host's own fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct HostFailure {
    /// When.
    pub at: At,
    /// Why.
    pub reason: LostReason,
}

/// What the user thinks of a host.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum HostStanding {
    /// Nothing in particular.
    #[default]
    None,
    /// Raced first wherever it is for rent.
    Preferred,
    /// Never rented.
    Blocked,
}

/// Whether it is known what runs (rules.md M8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct GuardView {
    /// Each cloud that is set up.
    pub clouds: Vec<CloudGuard>,
    /// What earlier runs left and is not settled: machines, or labels where no
    /// id is known.
    pub open: Vec<String>,
    /// Winners that are being reached again.
    pub resuming: u32,
}

/// Whether it is known what runs on a cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct CloudGuard {
    /// Cloud.
    pub cloud: CloudId,
    /// When its list was last complete and read against the ledger.
    pub last: Option<At>,
    /// Why it is not known now.
    pub problem: Option<AppError>,
}

/// What a sweep found and did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SweepView {
    /// Ours, destroyed, confirmed gone: machines, or labels where no id is known.
    pub destroyed: Vec<String>,
    /// Winners the user has not destroyed.
    pub kept: Vec<MachineView>,
    /// Ours, not confirmed gone in time.
    pub unconfirmed: Vec<String>,
    /// Labelled by another copy of the app, or unlabelled: left alone.
    pub others: Vec<MachineView>,
}
