//! Runs whose process ended in their middle. Their racers are destroyed, the
//! creates of unknown outcome looked up, their winners kept; and their stories
//! get an honest end.

use std::collections::BTreeMap;

use model::{
    AppError, At, CloudId, Code, FactBody, KeepReason, LaneNo, MachineId, Money, RunId, RunPhase,
    RunView,
};

use crate::ledger::{Ledger, LedgerError, Rental, RentalState};
use crate::resume::{Resumable, is_resumable};
use crate::run::Story;

/// What is to be done about runs that lost their process.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    pub(crate) condemned: Vec<(CloudId, MachineId)>,
    pub(crate) lookups: Vec<(CloudId, String)>,
    pub(crate) resumable: Vec<Resumable>,
}

/// A run without its process.
struct Orphan {
    story: Story,
    /// Lanes that are not settled.
    open: BTreeMap<LaneNo, Rental>,
    /// The winner, if the run had one.
    kept: Option<MachineId>,
    /// The winner is being reached, so that the run may go on.
    resuming: bool,
    /// Why it could not be reached.
    why: Option<String>,
}

/// All runs without their process.
#[derive(Default)]
pub(crate) struct Orphans(BTreeMap<RunId, Orphan>);

impl Orphans {
    /// Takes over the runs whose copy of the app is dead.
    pub(crate) fn take_over(&mut self, ledger: &Ledger, now: At) -> Result<Recovery, LedgerError> {
        let mut recovery = Recovery::default();
        let mut unsettled: BTreeMap<RunId, Vec<Rental>> = BTreeMap::new();
        for rental in ledger.unsettled()? {
            unsettled.entry(rental.run.clone()).or_default().push(rental);
        }
        for run in ledger.take_over()? {
            let view = ledger.view(&run)?;
            let rentals = unsettled.remove(&run).unwrap_or_default();
            let story = Story::continued(view);
            let open = BTreeMap::new();
            let mut orphan = Orphan { story, open, kept: None, resuming: false, why: None };
            for rental in rentals {
                match (&rental.state, &rental.machine) {
                    (RentalState::Kept, machine) => orphan.kept.clone_from(machine),
                    (RentalState::Rented | RentalState::Condemned, Some(machine)) => {
                        recovery.condemned.push((rental.cloud, machine.clone()));
                        orphan.open.insert(rental.lane, rental);
                    }
                    _ => {
                        recovery.lookups.push((rental.cloud, rental.label.clone()));
                        orphan.open.insert(rental.lane, rental);
                    }
                }
            }
            if let Some(machine) = orphan.kept.clone().filter(|_| orphan.can_go_on()) {
                orphan.resuming = true;
                recovery.resumable.push(Resumable { run: run.clone(), machine });
            }
            orphan.close_if_settled(ledger, now)?;
            if !orphan.is_settled() {
                self.0.insert(run, orphan);
            }
        }
        ledger.condemn(recovery.condemned.iter().cloned(), now)?;
        Ok(recovery)
    }

    /// The run goes on; what is open of it goes along.
    pub(crate) fn release(&mut self, run: &RunId) -> Option<(Story, BTreeMap<LaneNo, Rental>)> {
        let orphan = self.0.remove(run)?;
        Some((orphan.story, orphan.open))
    }

    /// The winner cannot be reached: the run ends, and it is kept.
    pub(crate) fn give_up(
        &mut self,
        ledger: &Ledger,
        run: &RunId,
        why: &AppError,
        now: At,
    ) -> Result<(), LedgerError> {
        let Some(orphan) = self.0.get_mut(run) else { return Ok(()) };
        orphan.resuming = false;
        orphan.why = Some(why.to_string());
        orphan.close_if_settled(ledger, now)?;
        if orphan.is_settled() {
            self.0.remove(run);
        }
        Ok(())
    }

    /// Runs whose winner is being reached.
    pub(crate) fn resuming(&self) -> usize {
        self.0.values().filter(|orphan| orphan.resuming).count()
    }

    /// Takes over a run whose race is over and whose machines are not settled.
    /// The reaper has its orders already.
    pub(crate) fn adopt(&mut self, ledger: &Ledger, view: RunView) -> Result<(), LedgerError> {
        let run = view.run.clone();
        let mut open = BTreeMap::new();
        let mut kept = None;
        for rental in ledger.rentals_of(&run)? {
            match rental.state {
                RentalState::Kept => kept = rental.machine,
                RentalState::Intended | RentalState::Rented | RentalState::Condemned => {
                    open.insert(rental.lane, rental);
                }
                RentalState::Nothing | RentalState::Gone => {}
            }
        }
        if !open.is_empty() {
            let story = Story::continued(view);
            self.0.insert(run, Orphan { story, open, kept, resuming: false, why: None });
        }
        Ok(())
    }

    /// The same by the run's name alone.
    pub(crate) fn adopt_run(&mut self, ledger: &Ledger, run: &RunId) -> Result<(), LedgerError> {
        if let Some(orphan) = self.0.remove(run) {
            // What is open of it is read anew.
            let mut again = Self::default();
            again.adopt(ledger, orphan.story.view)?;
            if let Some(mut known) = again.0.remove(run) {
                (known.resuming, known.why) = (orphan.resuming, orphan.why);
                self.0.insert(run.clone(), known);
            }
            return Ok(());
        }
        self.adopt(ledger, ledger.view(run)?)
    }

    /// Adds a late fact to a run's story.
    pub(crate) fn tell(
        &mut self,
        ledger: &Ledger,
        run: &RunId,
        fact: FactBody,
        now: At,
    ) -> Result<(), LedgerError> {
        if let Some(orphan) = self.0.get_mut(run) {
            return orphan.story.tell_late(ledger, now, fact);
        }
        Story::continued(ledger.view(run)?).tell_late(ledger, now, fact)
    }

    /// A condemned machine of one of these runs is gone.
    pub(crate) fn gone(
        &mut self,
        ledger: &Ledger,
        rental: &Rental,
        now: At,
    ) -> Result<(), LedgerError> {
        self.settled(ledger, rental, rental.machine.clone(), now)
    }

    /// A create of unknown outcome rented nothing.
    pub(crate) fn not_found(
        &mut self,
        ledger: &Ledger,
        run: &RunId,
        lane: LaneNo,
        now: At,
    ) -> Result<(), LedgerError> {
        ledger.nothing_rented(run, lane, now)?;
        let rental = self.0.get(run).and_then(|orphan| orphan.open.get(&lane)).cloned();
        match rental {
            Some(rental) => self.settled(ledger, &rental, None, now),
            None => Ok(()),
        }
    }

    /// A create of unknown outcome did rent: condemned at once.
    pub(crate) fn found(
        &mut self,
        ledger: &Ledger,
        run: &RunId,
        lane: LaneNo,
        cloud: CloudId,
        machine: &MachineId,
        now: At,
    ) -> Result<(), LedgerError> {
        ledger.rented(run, lane, machine, now)?;
        ledger.condemn([(cloud, machine.clone())], now)?;
        if let Some(rental) = self.0.get_mut(run).and_then(|orphan| orphan.open.get_mut(&lane)) {
            rental.machine = Some(machine.clone());
        }
        Ok(())
    }

    /// What is still being settled, in words for people.
    pub(crate) fn open(&self) -> Vec<String> {
        self.0
            .values()
            .flat_map(|orphan| orphan.open.values())
            .map(|rental| {
                rental.machine.as_ref().map_or_else(|| rental.label.clone(), ToString::to_string)
            })
            .collect()
    }

    fn settled(
        &mut self,
        ledger: &Ledger,
        rental: &Rental,
        machine: Option<MachineId>,
        now: At,
    ) -> Result<(), LedgerError> {
        let Some(orphan) = self.0.get_mut(&rental.run) else { return Ok(()) };
        if orphan.open.remove(&rental.lane).is_none() {
            return Ok(());
        }
        let since = |from: At| u64::try_from(now.unix_ms() - from.unix_ms()).unwrap_or(0);
        let spent = match machine {
            Some(_) => rental.cost(now),
            None => Money::ZERO,
        };
        let fact = FactBody::MachineDestroyed {
            lane: rental.lane,
            cloud: rental.cloud,
            machine,
            confirmed: true,
            took_ms: rental.condemned.map_or(0, since),
            usd_micros: spent,
        };
        orphan.story.tell_late(ledger, now, fact)?;
        orphan.close_if_settled(ledger, now)?;
        if orphan.is_settled() {
            self.0.remove(&rental.run);
        }
        Ok(())
    }
}

impl Orphan {
    fn can_go_on(&self) -> bool {
        is_resumable(&self.story.view, self.kept.as_ref())
    }

    fn is_settled(&self) -> bool {
        self.open.is_empty() && !self.resuming
    }

    /// Nothing is open any more: the story ends.
    fn close_if_settled(&mut self, ledger: &Ledger, now: At) -> Result<(), LedgerError> {
        if !self.is_settled() {
            return Ok(());
        }
        let view = &self.story.view;
        // A run that had reached its end only lacked confirmations.
        if !matches!(view.phase, RunPhase::Ready | RunPhase::Failed | RunPhase::Cancelled) {
            let rented = view.lanes.iter().filter(|lane| lane.machine.is_some()).count();
            if let Some(machine) = self.kept.clone() {
                let reason = KeepReason::Resumable;
                self.story.tell_late(ledger, now, FactBody::MachineKept { machine, reason })?;
            }
            let code = Code::Interrupted;
            self.story.tell_late(
                ledger,
                now,
                FactBody::RunFailed {
                    code,
                    remedy: code.remedy(),
                    details: match &self.why {
                        Some(why) => format!("the app ended in mid-run; {why}"),
                        None => "the app ended in mid-run".into(),
                    },
                    rented: u32::try_from(rented).unwrap_or(u32::MAX),
                    leftovers: Vec::new(),
                },
            )?;
        }
        ledger.end_run(&self.story.view.run, now)
    }
}
