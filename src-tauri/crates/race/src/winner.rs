//! The winner: its tool, its restore, and what happens when it fails.

use model::{Code, FactBody, LaneNo, LostReason, MachineId, Marks, RacePolicy, Step, Tick};

use crate::race::Race;
use crate::{Effect, Ending, Input, Mode, Progress, RestoreEnd};

/// Progress is told at most this often.
const PROGRESS_EVERY_MS: u64 = 100;

#[derive(Debug, Clone)]
pub(crate) struct Winner {
    pub(crate) lane: LaneNo,
    /// Absent: this computer.
    pub(crate) machine: Option<MachineId>,
    pub(crate) won: Tick,
    pub(crate) critical: Option<Tick>,
    pub(crate) complete: Option<Tick>,
    pub(crate) stage: Stage,
    link_down: Option<Tick>,
    progress: Progress,
    /// When a byte last came.
    moved: Tick,
    told: Option<Tick>,
    /// It may pass the deadline (R12).
    extended: bool,
    /// Marks that were reached before this process, since `run_started`.
    pub(crate) before: Marks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Installing {
        since: Tick,
    },
    /// The tool stands and is about to run.
    Starting {
        since: Tick,
    },
    Restoring {
        since: Tick,
    },
}

impl Winner {
    pub(crate) fn new(lane: LaneNo, machine: Option<MachineId>, now: Tick) -> Self {
        Self {
            lane,
            machine,
            won: now,
            critical: None,
            complete: None,
            stage: Stage::Installing { since: now },
            link_down: None,
            progress: Progress::default(),
            moved: now,
            told: None,
            extended: false,
            before: Marks::default(),
        }
    }

    pub(crate) const fn step(&self) -> Step {
        match self.stage {
            Stage::Installing { .. } => Step::Install,
            Stage::Starting { .. } | Stage::Restoring { .. } => Step::Restore,
        }
    }

    /// Time stood still for `gap`.
    pub(crate) const fn shift(&mut self, gap: u64) {
        self.stage = match self.stage {
            Stage::Installing { since } => Stage::Installing { since: since.after(gap) },
            Stage::Starting { since } => Stage::Starting { since: since.after(gap) },
            Stage::Restoring { since } => Stage::Restoring { since: since.after(gap) },
        };
        self.moved = self.moved.after(gap);
        if let Some(since) = self.link_down {
            self.link_down = Some(since.after(gap));
        }
    }
}

impl Race {
    pub(crate) fn take_from_winner(&mut self, input: Input) {
        let now = self.now;
        match input {
            Input::Installing { how, bytes_done, bytes } => {
                self.record(FactBody::InstallAdvanced { how, bytes_done, bytes });
            }
            Input::Installed { standing, fallback } => {
                let Some(winner) = &mut self.winner else { return };
                if !matches!(winner.stage, Stage::Installing { .. }) {
                    return;
                }
                winner.stage = Stage::Starting { since: now };
                winner.moved = now;
                let (lane, machine) = (winner.lane, winner.machine.clone());
                let took_ms = now.since(winner.won);
                self.record(FactBody::ToolInstalled { machine, standing, fallback, took_ms });
                self.out.push(Effect::Restore { lane });
            }
            Input::FellBack { standing, cause } => {
                let Some(winner) = &mut self.winner else { return };
                if matches!(winner.stage, Stage::Installing { .. }) {
                    return;
                }
                winner.stage = Stage::Starting { since: now };
                winner.moved = now;
                winner.progress = Progress::default();
                let (machine, took_ms) = (winner.machine.clone(), now.since(winner.won));
                let fallback = Some(cause);
                self.record(FactBody::ToolInstalled { machine, standing, fallback, took_ms });
            }
            Input::Fronted { path, pending } => {
                self.record(FactBody::RestoreReordered { path, pending });
            }
            Input::RestoreStarted => {
                if let Some(winner) = &mut self.winner
                    && matches!(winner.stage, Stage::Starting { .. })
                {
                    winner.stage = Stage::Restoring { since: now };
                    winner.moved = now;
                }
            }
            Input::Progress(progress) => self.progressed(progress),
            Input::CriticalDone { files, bytes } => {
                let took_ms = self.restore_ms();
                let Some(winner) = &mut self.winner else { return };
                if winner.critical.is_none() {
                    winner.critical = Some(now);
                    winner.moved = now;
                    self.record(FactBody::CriticalRestored { files, bytes, took_ms });
                }
            }
            Input::RestoreDone(end) => self.restored(end),
            Input::WinnerFault { reason, details } => self.winner_failed(reason, details),
            Input::RunFault { code, details } => self.run_failed(code, details),
            Input::LinkDown => {
                if let Some(winner) = &mut self.winner {
                    winner.link_down.get_or_insert(now);
                }
            }
            Input::LinkUp => {
                if let Some(winner) = &mut self.winner
                    && winner.link_down.take().is_some()
                {
                    winner.moved = now;
                }
            }
            _ => {}
        }
    }

    pub(crate) fn judge_winner(&mut self) {
        let rules = self.plan.rules;
        let Some(winner) = &self.winner else { return };
        if winner.link_down.is_some_and(|since| self.now.since(since) > rules.link_limit_ms) {
            let details = format!("no connection for {} s", rules.link_limit_ms / 1000);
            self.winner_failed(LostReason::LinkLost, details);
            return;
        }
        let (since, limit_ms) = match winner.stage {
            Stage::Installing { since } => (since, rules.deadlines.install_ms),
            Stage::Starting { since } | Stage::Restoring { since } => {
                (since, rules.deadlines.restore_ms)
            }
        };
        let over = self.now.since(since) > limit_ms;
        if matches!(winner.stage, Stage::Installing { .. }) {
            if over {
                let details = format!("the tool did not stand after {} s", limit_ms / 1000);
                self.winner_failed(LostReason::InstallTooSlow, details);
            }
            return;
        }
        // While the link is down nobody can see whether bytes come.
        let seen = winner.link_down.is_none();
        if seen && self.now.since(winner.moved) > rules.stall_limit_ms {
            let details = format!("no byte for {} s", rules.stall_limit_ms / 1000);
            self.winner_failed(LostReason::RestoreStalled, details);
            return;
        }
        if over && self.plan.policy == RacePolicy::Strict && !winner.extended {
            self.past_restore_deadline(limit_ms);
        }
    }

    /// R12: destroyed, unless work can start or a new launch would take longer.
    fn past_restore_deadline(&mut self, limit_ms: u64) {
        let Some(winner) = &mut self.winner else { return };
        let critical_done = winner.critical.is_some();
        let shorter_rest = match (winner.progress.eta_ms, self.plan.median_launch_ms) {
            (Some(rest), Some(launch)) if rest < launch => Some(rest),
            _ => None,
        };
        if critical_done || shorter_rest.is_some() {
            winner.extended = true;
            let eta_ms = shorter_rest;
            self.record(FactBody::RestoreExtended { critical_done, eta_ms });
        } else {
            let details = format!("not restored after {} s", limit_ms / 1000);
            self.winner_failed(LostReason::RestoreTooSlow, details);
        }
    }

    fn progressed(&mut self, progress: Progress) {
        let now = self.now;
        let Some(winner) = &mut self.winner else { return };
        if progress.bytes_done > winner.progress.bytes_done
            || progress.files_done > winner.progress.files_done
            || progress.fetched_bytes > winner.progress.fetched_bytes
        {
            winner.moved = now;
        }
        winner.progress = progress.clone();
        let (no, fetched) = (winner.lane, progress.fetched_bytes.unwrap_or(progress.bytes_done));
        if let Some(lane) = self.lane_mut(no) {
            let offer = lane.ranked.as_ref().map(|ranked| &ranked.offer);
            let cost = offer.map(|offer| offer.download_cost(fetched as f64 / 1e9));
            lane.traffic = cost.unwrap_or_default();
        }
        let Some(winner) = &mut self.winner else { return };
        if winner.told.is_some_and(|told| now.since(told) < PROGRESS_EVERY_MS) {
            return;
        }
        winner.told = Some(now);
        let Progress {
            files_done,
            bytes_done,
            bytes,
            bytes_per_s,
            eta_ms,
            fetched_bytes,
            connections,
            groups_bytes,
        } = progress;
        self.record(FactBody::RestoreAdvanced {
            files_done,
            bytes_done,
            bytes,
            bytes_per_s,
            eta_ms,
            fetched_bytes,
            connections,
            groups_bytes,
        });
    }

    fn restored(&mut self, end: RestoreEnd) {
        let now = self.now;
        let took_ms = self.restore_ms();
        let RestoreEnd { files, bytes, verified, failed, imperfect, details } = end;
        let Some(winner) = &mut self.winner else { return };
        if verified {
            winner.complete = Some(now);
            if winner.critical.is_none() {
                winner.critical = Some(now);
                self.record(FactBody::CriticalRestored { files, bytes, took_ms });
            }
        }
        let missing = failed.len();
        self.record(FactBody::RestoreFinished {
            files,
            bytes,
            verified,
            failed,
            imperfect,
            took_ms,
        });
        if verified {
            self.ready();
        } else {
            let details = if details.is_empty() {
                format!("{missing} files are not restored")
            } else {
                details
            };
            self.run_failed(Code::RestoreIncomplete, details);
        }
    }

    /// R11: destroyed, and a second heat while one is left. A machine on which
    /// work can have begun is never destroyed for that.
    fn winner_failed(&mut self, reason: LostReason, details: String) {
        let Some(winner) = &self.winner else { return };
        let code = match reason {
            LostReason::RestoreTooSlow => Code::RestoreTooSlow,
            LostReason::HostKeyChanged => Code::HostKeyChanged,
            _ => Code::WinnerFailed,
        };
        if winner.critical.is_some() || self.keeps_machine() {
            self.run_failed(code, details);
            return;
        }
        let (lane, step) = (winner.lane, winner.step());
        let took_ms = match winner.stage {
            Stage::Installing { since }
            | Stage::Starting { since }
            | Stage::Restoring { since } => self.now.since(since),
        };
        if self.another_heat_is_allowed() {
            self.fell = Some((code, details.clone()));
            self.lose_at(lane, step, reason, details, took_ms);
            self.begin_second_heat();
        } else {
            self.lose_at(lane, step, reason, details.clone(), took_ms);
            self.winner = None;
            self.close(Ending::Failed(code), details, reason);
        }
    }

    /// No other machine cures this.
    fn run_failed(&mut self, code: Code, details: String) {
        let Some(winner) = &self.winner else { return };
        if winner.critical.is_some() || self.keeps_machine() {
            let reason = if winner.critical.is_some() {
                model::KeepReason::CriticalRestored
            } else {
                model::KeepReason::NotOfThisRun
            };
            if let Some(machine) = winner.machine.clone() {
                self.record(FactBody::MachineKept { machine, reason });
            }
            self.close_keeping_winner(code, details);
        } else {
            self.close(Ending::Failed(code), details, LostReason::RunEnded);
        }
    }

    /// The machine was there before the run and outlives it, whatever happens.
    pub(crate) const fn keeps_machine(&self) -> bool {
        matches!(self.plan.mode, Mode::Restore { .. })
    }

    /// Since the tool started.
    fn restore_ms(&self) -> u64 {
        match self.stage() {
            Some(Stage::Starting { since } | Stage::Restoring { since }) => self.now.since(since),
            Some(Stage::Installing { .. }) | None => 0,
        }
    }
}
