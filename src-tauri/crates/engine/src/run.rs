//! One run in progress: the pure race, and everything that belongs to it out
//! here.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent::RawPath;
use model::{
    Addresses, At, Fact, FactBody, LaneNo, LaunchRequest, LostReason, Money, Preflight,
    RestoreDestination, RunId, RunView, Step, Tick,
};
use race::{Input, Outcome, Race};
use remote::{Connection, Dial, Identity};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::lane::Lane;
use crate::ledger::{Ledger, LedgerError};
use crate::prepare::{Prepared, RestorePlan};
use crate::restore::Standing;
use crate::spend::Warned;

/// Facts a watcher may lag behind; one that lags more is dropped and reads on
/// from the ledger.
const WATCHER_BUFFER: usize = 1_024;

/// One run in progress.
pub(crate) struct Run {
    pub(crate) request: LaunchRequest,
    pub(crate) race: Race,
    pub(crate) prepared: Option<Arc<Prepared>>,
    pub(crate) identity: Identity,
    pub(crate) lanes: BTreeMap<LaneNo, Lane>,
    /// What is restored, if anything is.
    pub(crate) plan: Option<RestorePlan>,
    /// What stands on the winner.
    pub(crate) standing: Option<Standing>,
    /// The winner's machine, where no race of this process found it.
    pub(crate) seat: Option<Seat>,
    /// Where a restore of its own goes.
    pub(crate) destination: Option<RestoreDestination>,
    /// Only these paths of it; empty means everything.
    pub(crate) include: Vec<String>,
    /// The recipe's on-ready script.
    pub(crate) script: Script,
    /// What was said of spending caps.
    pub(crate) warned: Warned,
    /// The way to say which paths are wanted first.
    pub(crate) front: Option<mpsc::Sender<RawPath>>,
    /// Ends every task that may be ended.
    pub(crate) stop: CancellationToken,
    /// When it began, on the engine's clock.
    pub(crate) started: Tick,
    /// What an earlier process took of its time.
    pub(crate) elapsed_before_ms: u64,
    /// What was seen since the race was last asked.
    pub(crate) inbox: Vec<Input>,
    pub(crate) story: Story,
}

/// How far the recipe's on-ready script is.
#[derive(Debug)]
pub(crate) enum Script {
    /// There is none to wait for.
    None,
    /// It is being started.
    Starting,
    /// The run waits for nothing else.
    Awaited(Outcome),
}

/// A machine that was there before this process raced anything.
pub(crate) struct Seat {
    pub(crate) connection: Connection,
    pub(crate) dial: Dial,
    pub(crate) addresses: watch::Sender<Addresses>,
    pub(crate) report: Preflight,
}

/// A run's facts: written, folded, shown.
pub(crate) struct Story {
    pub(crate) view: RunView,
    started_at: At,
    watchers: Vec<mpsc::Sender<Fact>>,
}

impl Story {
    pub(crate) fn new(run: RunId, started_at: At) -> Self {
        Self { view: RunView::new(run), started_at, watchers: Vec::new() }
    }

    /// A story the ledger tells so far.
    pub(crate) fn continued(view: RunView) -> Self {
        Self { started_at: view.started, view, watchers: Vec::new() }
    }

    /// Writes the fact, then shows it.
    pub(crate) fn tell(
        &mut self,
        ledger: &Ledger,
        at: At,
        elapsed_ms: u64,
        body: FactBody,
    ) -> Result<(), LedgerError> {
        let fact =
            Fact { run: self.view.run.clone(), seq: self.view.seq + 1, at, elapsed_ms, body };
        ledger.append(&fact)?;
        self.view.apply(&fact);
        self.watchers.retain(|watcher| watcher.try_send(fact.clone()).is_ok());
        Ok(())
    }

    /// A fact of a run whose clock ended with another process.
    pub(crate) fn tell_late(
        &mut self,
        ledger: &Ledger,
        at: At,
        body: FactBody,
    ) -> Result<(), LedgerError> {
        let elapsed = at.unix_ms() - self.started_at.unix_ms();
        let elapsed_ms = u64::try_from(elapsed).unwrap_or(0).max(self.view.elapsed_ms);
        self.tell(ledger, at, elapsed_ms, body)
    }

    pub(crate) fn watch(&mut self) -> mpsc::Receiver<Fact> {
        let (sender, receiver) = mpsc::channel(WATCHER_BUFFER);
        self.watchers.push(sender);
        receiver
    }
}

impl Run {
    pub(crate) fn id(&self) -> &RunId {
        &self.story.view.run
    }

    /// It began in an earlier process.
    pub(crate) const fn is_resumed(&self) -> bool {
        self.elapsed_before_ms > 0
    }

    /// The lane that has this machine.
    pub(crate) fn lane_of(&self, machine: &model::MachineId) -> Option<LaneNo> {
        self.lanes
            .iter()
            .find(|(_, lane)| lane.machine.as_ref() == Some(machine))
            .map(|(no, _)| *no)
    }

    /// Keeps in the ledger what a fact means for money and for the record of
    /// the lane's host. Money first: the fact follows.
    pub(crate) fn keep(
        &mut self,
        ledger: &Ledger,
        at: At,
        fact: &FactBody,
    ) -> Result<(), LedgerError> {
        let run = self.id().clone();
        match fact {
            FactBody::MachineRented { lane, machine, took_ms, .. } => {
                ledger.rented(&run, *lane, machine, at)?;
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.machine = Some(machine.clone());
                    lane.boot.create_ms.get_or_insert(*took_ms);
                }
            }
            FactBody::CreateRefused { lane, .. }
            | FactBody::MachineDestroyed { lane, machine: None, confirmed: true, .. } => {
                ledger.nothing_rented(&run, *lane, at)?;
            }
            FactBody::CloudThrottled { lane: Some(lane), .. } => {
                ledger.nothing_rented(&run, *lane, at)?;
            }
            FactBody::MachineBooted { lane, took_ms, .. } => {
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.boot.boot_ms = Some(*took_ms);
                }
            }
            FactBody::MachineSlow { lane, .. } => {
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.boot.slow = true;
                }
            }
            FactBody::MachineConnected { lane, took_ms, .. } => {
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.boot.connect_ms = Some(*took_ms);
                }
                self.write_boot(ledger, at, *lane)?;
            }
            FactBody::WinnerChosen { lane, cloud, machine, .. } => {
                ledger.keep(*cloud, machine)?;
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.boot.won = true;
                }
                self.write_boot(ledger, at, *lane)?;
            }
            FactBody::RestoreAdvanced { bytes_done, fetched_bytes, .. } => {
                self.count_traffic(ledger, fetched_bytes.unwrap_or(*bytes_done))?;
            }
            FactBody::ToolInstalled { took_ms, .. } => {
                let took_ms = *took_ms;
                self.winner_boot(ledger, at, |boot| boot.install_ms = Some(took_ms))?;
            }
            FactBody::RestoreFinished { took_ms, verified: true, .. } => {
                let took_ms = *took_ms;
                self.winner_boot(ledger, at, |boot| boot.restore_ms = Some(took_ms))?;
            }
            FactBody::LaneLost { lane, step, reason, .. } => {
                let never_asked = matches!(step, Step::Offers)
                    || matches!(reason, LostReason::NoOffer | LostReason::OffersRefused);
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.boot.reason = Some(*reason);
                    lane.boot.won = false;
                }
                if !never_asked {
                    self.write_boot(ledger, at, *lane)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn count_traffic(&self, ledger: &Ledger, fetched_bytes: u64) -> Result<(), LedgerError> {
        let winner = self.race.winner().and_then(|(no, _)| self.lanes.get(&no));
        let Some((lane, machine)) = winner.and_then(|lane| Some((lane, lane.machine.as_ref()?)))
        else {
            return Ok(());
        };
        let cost = lane.offer.download_cost(fetched_bytes as f64 / 1e9);
        if cost == Money::ZERO {
            return Ok(());
        }
        ledger.count_traffic(lane.cloud, machine, cost)
    }

    fn winner_boot(
        &mut self,
        ledger: &Ledger,
        at: At,
        change: impl FnOnce(&mut crate::ledger::Boot),
    ) -> Result<(), LedgerError> {
        let Some((no, _)) = self.race.winner() else { return Ok(()) };
        if let Some(lane) = self.lanes.get_mut(&no) {
            change(&mut lane.boot);
        }
        self.write_boot(ledger, at, no)
    }

    fn write_boot(&self, ledger: &Ledger, at: At, no: LaneNo) -> Result<(), LedgerError> {
        match self.lanes.get(&no) {
            Some(lane) => ledger.write_boot(self.id(), no, at, &lane.boot),
            None => Ok(()),
        }
    }

    /// When the race wants to be asked again at the latest.
    pub(crate) fn wake_at(&self) -> Option<Tick> {
        self.race.poll_timeout()
    }
}
