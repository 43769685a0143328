//! The state of a run, folded from its facts. Engine, window and tests use
//! this one fold; restarting the app replays the ledger through it.

use serde::{Deserialize, Serialize};

use crate::{
    At, BootSign, Cap, CloudId, Code, Fact, FactBody, InstallRoute, KeepReason, LaneBrief, LaneNo,
    LostReason, MachineId, Money, Preflight, RacePolicy, Rate, Remedy, Rented, RestoreDestination,
    RestoreGroup, RestoreTool, Route, RunId, SnapshotId, Step, StoreAccess,
};

/// How many past throughput readings the window draws.
const RATES_KEPT: usize = 120;

/// Everything the window shows of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RunView {
    /// Which run.
    pub run: RunId,
    /// The last fact folded in.
    pub seq: u64,
    /// Time of the last fact.
    pub elapsed_ms: u64,
    /// When it started.
    pub started: At,
    /// Recipe.
    pub recipe: String,
    /// Recipe as the window shows it.
    pub title: String,
    /// Policy.
    pub policy: RacePolicy,
    /// On the practice cloud.
    pub practice: bool,
    /// Where it stands.
    pub phase: RunPhase,
    /// Which heat.
    pub heat: u8,
    /// When the first create of this heat left, since `run_started`.
    pub heat_at_ms: Option<u64>,
    /// Waves of this heat that started, with their time since `run_started`.
    pub waves_at_ms: Vec<u64>,
    /// The machines of lanes that have not started, as planned.
    pub planned: Vec<LaneBrief>,
    /// Every lane that started.
    pub lanes: Vec<LaneView>,
    /// The winner's lane.
    pub winner: Option<LaneNo>,
    /// Marks reached.
    pub marks: Marks,
    /// The restore.
    pub restore: Option<RestoreView>,
    /// What it cost until now.
    pub spent: Money,
    /// What an hour costs now.
    pub price: Rate,
    /// What it can cost at most.
    pub at_most: Money,
    /// The end's code, when it failed.
    pub failure: Option<Code>,
    /// The next step, when it failed.
    pub remedy: Option<Remedy>,
    /// The particular cause, when it failed.
    pub details: String,
    /// What may still be running.
    pub leftovers: Vec<String>,
    /// The cloud's throttling, while a lane waits for it.
    pub throttled: Option<CloudId>,
    /// What the winner told about itself.
    pub report: Option<Preflight>,
    /// Fingerprint of the winner's pinned host key.
    pub host_key: Option<String>,
    /// The restore may pass its deadline (rules.md R12).
    pub extended: bool,
    /// Why the machine of a failed run is kept.
    pub kept: Option<KeepReason>,
    /// Where to, for a restore that no race precedes.
    pub destination: Option<RestoreDestination>,
    /// The recipe's on-ready script, once it was started.
    pub ready_script: Option<ReadyScript>,
    /// Spending caps that are near, or reached.
    pub caps: Vec<CapWarning>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum RunPhase {
    /// Asking for offers, credit and repository.
    Preparing,
    /// Lanes race.
    Racing,
    /// The winner gets its tool.
    Installing,
    /// The snapshot comes back.
    Restoring,
    /// Everything is there.
    Ready,
    /// It failed.
    Failed,
    /// The user cancelled.
    Cancelled,
}

impl RunPhase {
    /// Nothing more will happen but confirmations.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ready | Self::Failed | Self::Cancelled)
    }
}

/// The three marks, in milliseconds since `run_started`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Marks {
    /// SSH answers.
    pub shell_ms: Option<u64>,
    /// The critical paths are restored and verified.
    pub critical_ms: Option<u64>,
    /// Everything is restored and verified.
    pub complete_ms: Option<u64>,
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct LaneView {
    /// Lane and offer.
    pub brief: LaneBrief,
    /// Which heat.
    pub heat: u8,
    /// The lost lane it replaces.
    pub replaces: Option<LaneNo>,
    /// Machine, once rented.
    pub machine: Option<MachineId>,
    /// Where it stands.
    pub phase: LanePhase,
    /// When it took its first offer, since `run_started`.
    pub started_ms: u64,
    /// When its create left the queue.
    pub requested_ms: Option<u64>,
    /// When it was rented.
    pub rented_ms: Option<u64>,
    /// When the first sign of life came.
    pub booted_ms: Option<u64>,
    /// Which sign.
    pub booted_by: Option<BootSign>,
    /// When its pre-flight passed.
    pub connected_ms: Option<u64>,
    /// Which way the connection took.
    pub route: Option<Route>,
    /// The dead-man's switch: armed, missing, or not known yet.
    pub deadman: Option<bool>,
    /// When it was lost.
    pub lost_ms: Option<u64>,
    /// In which step it was lost.
    pub lost_step: Option<Step>,
    /// Why.
    pub reason: Option<LostReason>,
    /// The particular cause.
    pub details: String,
    /// Offers refused so far.
    pub refusals: u32,
    /// The step that passed its deadline while the lane races on.
    pub slow: Option<Step>,
    /// It waits for a throttling cloud.
    pub throttled: bool,
    /// What became of its machine.
    pub rented: Option<Rented>,
    /// When the destruction was settled, since `run_started`.
    pub destroyed_ms: Option<u64>,
    /// Two complete lists say it is gone.
    pub destroyed_confirmed: bool,
    /// What it cost.
    pub spent: Money,
    /// That is the cloud's own word.
    pub charged: bool,
}

/// Where a lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum LanePhase {
    /// In the create queue.
    Queued,
    /// The create call is open.
    Creating,
    /// Rented, no sign of life.
    Booting,
    /// Alive, no complete command.
    Connecting,
    /// Ready.
    Connected,
    /// The winner.
    Won,
    /// Out.
    Lost,
}

/// The restore as the window shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RestoreView {
    /// Snapshot.
    pub snapshot: SnapshotId,
    /// When it was taken.
    pub taken: At,
    /// Target on the machine.
    pub target: String,
    /// Tool.
    pub tool: Option<RestoreTool>,
    /// When the plan was made, since `run_started`.
    pub planned_ms: u64,
    /// When the tool stood, since `run_started`.
    pub installed_ms: Option<u64>,
    /// All files.
    pub files: u64,
    /// All bytes.
    pub bytes: u64,
    /// Files of the critical set.
    pub critical_files: u64,
    /// Bytes of the critical set.
    pub critical_bytes: u64,
    /// Files done.
    pub files_done: u64,
    /// Bytes done.
    pub bytes_done: u64,
    /// Throughput now.
    pub bytes_per_s: u64,
    /// Past throughput, one reading a progress fact: time and bytes per second.
    pub rates: Vec<RateReading>,
    /// Projected rest.
    pub eta_ms: Option<u64>,
    /// Exit code and counts agreed with the plan.
    pub verified: bool,
    /// Files that could not be restored.
    pub failed: Vec<String>,
    /// Entries that are there without some attribute.
    pub imperfect: Vec<String>,
    /// Why the tool is not the one that was asked for.
    pub fallback: Option<String>,
    /// What the machine is given to read the repository with.
    pub access: Option<StoreAccess>,
    /// The tool on its way.
    pub installing: Option<InstallView>,
    /// Bytes to fetch, where that is known.
    pub fetched_of_bytes: Option<u64>,
    /// Bytes fetched, where the tool tells.
    pub fetched_bytes: Option<u64>,
    /// Requests under way, where the tool tells.
    pub connections: Option<u32>,
    /// The largest parts of the tree, in its order.
    pub groups: Vec<RestoreGroup>,
    /// Bytes done of each of them, where the tool tells.
    pub groups_bytes: Vec<u64>,
    /// Paths that were moved to the front, the last one first.
    pub fronted: Vec<String>,
}

/// The recipe's on-ready script, once it was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ReadyScript {
    /// Its output, on the machine.
    pub log: String,
    /// Why it was not started, if it was not.
    pub problem: Option<String>,
}

/// A spending cap that is near, or reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct CapWarning {
    /// Which cap.
    pub cap: Cap,
    /// What counts against it.
    pub spent: Money,
    /// Where it is.
    pub limit: Money,
    /// It is reached.
    pub reached: bool,
}

/// A tool on its way to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct InstallView {
    /// How it gets there.
    pub how: InstallRoute,
    /// Bytes that went there.
    pub bytes_done: u64,
    /// Of so many, where that is known.
    pub bytes: Option<u64>,
}

impl RestoreView {
    /// A second heat's winner starts with nothing.
    fn begin_again(&mut self) {
        self.tool = None;
        self.installed_ms = None;
        self.files_done = 0;
        self.bytes_done = 0;
        self.bytes_per_s = 0;
        self.rates.clear();
        self.eta_ms = None;
        self.failed.clear();
        self.imperfect.clear();
        self.fallback = None;
        self.access = None;
        self.installing = None;
        self.fetched_bytes = None;
        self.connections = None;
        self.groups_bytes.clear();
        self.fronted.clear();
    }
}

/// One throughput reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RateReading {
    /// Since `run_started`.
    pub at_ms: u64,
    /// Bytes per second.
    pub bytes_per_s: u64,
}

impl RunView {
    /// A run of which nothing is known yet.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            seq: 0,
            elapsed_ms: 0,
            started: At::default(),
            recipe: String::new(),
            title: String::new(),
            policy: RacePolicy::Strict,
            practice: false,
            phase: RunPhase::Preparing,
            heat: 0,
            heat_at_ms: None,
            waves_at_ms: Vec::new(),
            planned: Vec::new(),
            lanes: Vec::new(),
            winner: None,
            marks: Marks::default(),
            restore: None,
            spent: Money::ZERO,
            price: Rate::ZERO,
            at_most: Money::ZERO,
            failure: None,
            remedy: None,
            details: String::new(),
            leftovers: Vec::new(),
            throttled: None,
            report: None,
            host_key: None,
            extended: false,
            kept: None,
            destination: None,
            ready_script: None,
            caps: Vec::new(),
        }
    }

    /// Folds a whole stream.
    pub fn replay<'a>(run: RunId, facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut view = Self::new(run);
        for fact in facts {
            view.apply(fact);
        }
        view
    }

    /// Folds one fact in. A fact that was folded in before changes nothing.
    pub fn apply(&mut self, fact: &Fact) {
        if fact.seq <= self.seq {
            return;
        }
        self.seq = fact.seq;
        self.elapsed_ms = fact.elapsed_ms;
        let at = fact.elapsed_ms;
        match &fact.body {
            FactBody::RunStarted { recipe, title, policy, tool: _, practice, destination } => {
                self.started = fact.at;
                self.recipe.clone_from(recipe);
                self.title.clone_from(title);
                self.policy = *policy;
                self.practice = *practice;
                self.destination.clone_from(destination);
            }
            FactBody::OffersRanked { planned, at_most_usd_micros, .. } => {
                self.planned.clone_from(planned);
                self.at_most = *at_most_usd_micros;
            }
            FactBody::HeatStarted { heat } => {
                self.heat = *heat;
                self.heat_at_ms = None;
                self.waves_at_ms.clear();
                self.winner = None;
                self.marks = Marks::default();
                self.report = None;
                self.host_key = None;
                self.extended = false;
                self.phase = RunPhase::Racing;
                if let Some(restore) = &mut self.restore {
                    restore.begin_again();
                }
            }
            FactBody::WaveStarted { .. } => {
                self.waves_at_ms.push(at);
            }
            FactBody::LaneStarted { brief, replaces } => self.lane_started(brief, *replaces, at),
            FactBody::MachineRequested { lane, offer, .. } => {
                self.heat_at_ms.get_or_insert(at);
                self.throttled = None;
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.brief.offer.clone_from(offer);
                    lane.phase = LanePhase::Creating;
                    lane.requested_ms = Some(at);
                    lane.throttled = false;
                }
            }
            FactBody::CreateRefused { lane, .. } => {
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.refusals += 1;
                    lane.phase = LanePhase::Queued;
                }
            }
            FactBody::CloudThrottled { cloud, lane, .. } => {
                self.throttled = Some(*cloud);
                if let Some(lane) = lane.and_then(|lane| self.lane_mut(lane)) {
                    lane.phase = LanePhase::Queued;
                    lane.throttled = true;
                }
            }
            FactBody::MachineRented { lane, machine, .. } => {
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.machine = Some(machine.clone());
                    lane.rented_ms.get_or_insert(at);
                    lane.rented = Some(Rented::Yes);
                    if lane.phase != LanePhase::Lost {
                        lane.phase = LanePhase::Booting;
                    }
                }
            }
            FactBody::MachineBooted { lane, by, .. } => {
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.booted_ms = Some(at);
                    lane.booted_by = Some(*by);
                    lane.slow = None;
                    lane.phase = LanePhase::Connecting;
                }
            }
            FactBody::MachineSlow { lane, step, .. } => {
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.slow = Some(*step);
                }
            }
            FactBody::DeadmanArmed { lane, armed, .. } => {
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.deadman = Some(*armed);
                }
            }
            FactBody::MachineConnected { lane, route, host_key, report, .. } => {
                // The first to connect is the winner.
                self.report = Some(report.clone());
                self.host_key = Some(host_key.clone());
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.connected_ms = Some(at);
                    lane.route = Some(*route);
                    lane.phase = LanePhase::Connected;
                }
            }
            FactBody::LaneLost { lane, step, reason, details, rented, machine, took_ms: _ } => {
                if self.winner == Some(*lane) {
                    self.winner = None;
                }
                // A lane that found no offer never started and never will.
                self.planned.retain(|planned| planned.lane != *lane);
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.lost_ms = Some(at);
                    lane.lost_step = Some(*step);
                    lane.reason = Some(*reason);
                    lane.details.clone_from(details);
                    lane.rented = Some(*rented);
                    lane.phase = LanePhase::Lost;
                    lane.throttled = false;
                    if machine.is_some() {
                        lane.machine.clone_from(machine);
                    }
                }
            }
            FactBody::WinnerChosen { lane, .. } => {
                self.winner = Some(*lane);
                self.marks = Marks { shell_ms: Some(at), ..Marks::default() };
                self.phase = RunPhase::Installing;
                self.throttled = None;
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.phase = LanePhase::Won;
                }
            }
            FactBody::MachineDestroyed { lane, machine, confirmed, usd_micros, .. } => {
                if let Some(lane) = self.lane_mut(*lane) {
                    lane.destroyed_ms = Some(at);
                    lane.destroyed_confirmed = *confirmed;
                    lane.spent = *usd_micros;
                    if machine.is_none() && *confirmed {
                        lane.rented = Some(Rented::No);
                    }
                }
            }
            FactBody::MachineCharged { lane, usd_micros, .. } => {
                let before = self.spent;
                if let Some(lane) = self.lane_mut(*lane) {
                    let counted = std::mem::replace(&mut lane.spent, *usd_micros);
                    lane.charged = true;
                    self.spent = before + *usd_micros - counted;
                }
            }
            FactBody::ToolInstalled { standing, fallback, .. } => {
                self.phase = RunPhase::Restoring;
                if let Some(restore) = &mut self.restore {
                    restore.tool = Some(standing.tool.clone());
                    restore.access = Some(standing.access);
                    restore.installing = None;
                    restore.fallback.clone_from(fallback);
                    restore.installed_ms = Some(at);
                }
            }
            FactBody::InstallAdvanced { how, bytes_done, bytes } => {
                if let Some(restore) = &mut self.restore {
                    let (how, bytes_done, bytes) = (*how, *bytes_done, *bytes);
                    restore.installing = Some(InstallView { how, bytes_done, bytes });
                }
            }
            FactBody::RestorePlanned {
                snapshot,
                taken,
                files,
                bytes,
                critical_files,
                critical_bytes,
                target,
                fetched_bytes,
                groups,
            } => {
                self.restore = Some(RestoreView {
                    snapshot: snapshot.clone(),
                    taken: *taken,
                    target: target.clone(),
                    tool: None,
                    planned_ms: at,
                    installed_ms: None,
                    files: *files,
                    bytes: *bytes,
                    critical_files: *critical_files,
                    critical_bytes: *critical_bytes,
                    files_done: 0,
                    bytes_done: 0,
                    bytes_per_s: 0,
                    rates: Vec::new(),
                    eta_ms: None,
                    verified: false,
                    failed: Vec::new(),
                    imperfect: Vec::new(),
                    fallback: None,
                    access: None,
                    installing: None,
                    fetched_of_bytes: *fetched_bytes,
                    fetched_bytes: None,
                    connections: None,
                    groups: groups.clone(),
                    groups_bytes: Vec::new(),
                    fronted: Vec::new(),
                });
            }
            FactBody::RestoreAdvanced {
                files_done,
                bytes_done,
                bytes: _,
                bytes_per_s,
                eta_ms,
                fetched_bytes,
                connections,
                groups_bytes,
            } => {
                if let Some(restore) = &mut self.restore {
                    restore.fetched_bytes = *fetched_bytes;
                    restore.connections = *connections;
                    restore.groups_bytes.clone_from(groups_bytes);
                    restore.files_done = *files_done;
                    restore.bytes_done = *bytes_done;
                    restore.bytes_per_s = *bytes_per_s;
                    restore.eta_ms = *eta_ms;
                    if restore.rates.len() == RATES_KEPT {
                        restore.rates.remove(0);
                    }
                    restore.rates.push(RateReading { at_ms: at, bytes_per_s: *bytes_per_s });
                }
            }
            FactBody::CriticalRestored { .. } => self.marks.critical_ms = Some(at),
            FactBody::RestoreExtended { .. } => self.extended = true,
            FactBody::ClockJumped { .. } => {}
            FactBody::RestoreReordered { path, .. } => {
                if let Some(restore) = &mut self.restore {
                    restore.fronted.retain(|known| known != path);
                    restore.fronted.insert(0, path.clone());
                }
            }
            FactBody::RestoreFinished { files, bytes, verified, failed, imperfect, .. } => {
                if let Some(restore) = &mut self.restore {
                    restore.imperfect.clone_from(imperfect);
                    restore.files_done = *files;
                    restore.bytes_done = *bytes;
                    restore.verified = *verified;
                    restore.failed.clone_from(failed);
                    restore.eta_ms = None;
                }
                if *verified {
                    self.marks.complete_ms = Some(at);
                }
            }
            FactBody::ReadyScriptStarted { log, problem, .. } => {
                self.ready_script =
                    Some(ReadyScript { log: log.clone(), problem: problem.clone() });
            }
            FactBody::RunReady { shell_ms, critical_ms, complete_ms, .. } => {
                self.phase = RunPhase::Ready;
                self.marks = Marks {
                    shell_ms: Some(*shell_ms),
                    critical_ms: Some(*critical_ms),
                    complete_ms: Some(*complete_ms),
                };
            }
            FactBody::MachineKept { reason, .. } => self.kept = Some(*reason),
            FactBody::RunFailed { code, remedy, details, leftovers, .. } => {
                self.phase = RunPhase::Failed;
                self.failure = Some(*code);
                self.remedy = Some(*remedy);
                self.details.clone_from(details);
                self.leftovers.clone_from(leftovers);
            }
            FactBody::RunCancelled { confirmed: _, leftovers } => {
                self.phase = RunPhase::Cancelled;
                self.leftovers.clone_from(leftovers);
            }
            FactBody::SpendCounted { usd_micros, usd_micros_per_hour, .. } => {
                self.spent = *usd_micros;
                self.price = *usd_micros_per_hour;
            }
            FactBody::SpendWarned { cap, usd_micros, cap_usd_micros, reached } => {
                let warning = CapWarning {
                    cap: *cap,
                    spent: *usd_micros,
                    limit: *cap_usd_micros,
                    reached: *reached,
                };
                self.caps.retain(|known| known.cap != warning.cap);
                self.caps.push(warning);
            }
        }
    }

    /// The headless exit code (product.md §8), once the run is over.
    #[must_use]
    pub fn exit_code(&self) -> Option<u8> {
        let unconfirmed =
            self.lanes.iter().any(|lane| lane.destroyed_ms.is_some() && !lane.destroyed_confirmed);
        let exit = match self.phase {
            RunPhase::Preparing | RunPhase::Racing | RunPhase::Installing | RunPhase::Restoring => {
                return None;
            }
            RunPhase::Ready => 0,
            RunPhase::Failed => {
                let rented = self.lanes.iter().any(|lane| lane.machine.is_some());
                self.failure.map_or(3, |code| code.exit(rented, self.restore.is_some()))
            }
            RunPhase::Cancelled => 130,
        };
        Some(if unconfirmed || !self.leftovers.is_empty() { 6 } else { exit })
    }

    /// The lane, if it started.
    #[must_use]
    pub fn lane(&self, lane: LaneNo) -> Option<&LaneView> {
        self.lanes.iter().find(|view| view.brief.lane == lane)
    }

    fn lane_mut(&mut self, lane: LaneNo) -> Option<&mut LaneView> {
        self.lanes.iter_mut().find(|view| view.brief.lane == lane)
    }

    fn lane_started(&mut self, brief: &LaneBrief, replaces: Option<LaneNo>, at: u64) {
        self.planned.retain(|planned| planned.lane != brief.lane && planned.offer != brief.offer);
        if let Some(lane) = self.lane_mut(brief.lane) {
            // The lane's earlier offer was refused; it goes on with this one.
            lane.brief = brief.clone();
            lane.phase = LanePhase::Queued;
            return;
        }
        self.lanes.push(LaneView {
            brief: brief.clone(),
            heat: self.heat,
            replaces,
            machine: None,
            phase: LanePhase::Queued,
            started_ms: at,
            requested_ms: None,
            rented_ms: None,
            booted_ms: None,
            booted_by: None,
            connected_ms: None,
            route: None,
            deadman: None,
            lost_ms: None,
            lost_step: None,
            reason: None,
            details: String::new(),
            refusals: 0,
            slow: None,
            throttled: false,
            rented: None,
            destroyed_ms: None,
            destroyed_confirmed: false,
            spent: Money::ZERO,
            charged: false,
        });
        self.lanes.sort_by_key(|lane| lane.brief.lane);
    }
}
