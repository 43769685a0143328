//! One lane: a place in the race, the offer it took and how far that got.

use model::{CloudId, LaneNo, LostReason, MachineId, Money, Step, Tick};

use crate::Ranked;

#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) no: LaneNo,
    pub(crate) replaces: Option<LaneNo>,
    /// The offer; absent while the lane waits for a fresh search.
    pub(crate) ranked: Option<Ranked>,
    pub(crate) state: State,
    /// Offers refused so far.
    pub(crate) refusals: u8,
    /// The step whose deadline passed while the lane races on.
    pub(crate) slow: Option<Step>,
    /// Since when the cloud does not know its state.
    pub(crate) unknown_since: Option<Tick>,
    /// From here on it costs money: its create left the queue.
    pub(crate) billed_from: Option<Tick>,
    /// What its traffic cost.
    pub(crate) traffic: Money,
    /// What it cost before this process.
    pub(crate) spent_before: Money,
    /// Until here it cost money.
    pub(crate) billed_until: Option<Tick>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for a fresh search.
    Seeking,
    /// Waits in the create queue.
    Queued,
    /// The create call is open.
    Creating { since: Tick },
    /// Rented, no sign of life.
    Booting { since: Tick, machine: MachineId },
    /// Alive, no complete command.
    Connecting { since: Tick, machine: MachineId },
    /// The winner.
    Won { machine: MachineId },
    /// Out.
    Lost { reason: LostReason, at: Tick, fate: Fate },
}

/// What becomes of a lost lane's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// There is none.
    Nothing,
    /// Nobody knows whether there is one.
    Unknown,
    /// With the reaper.
    Condemned(MachineId),
    /// Two complete lists say it is gone.
    Gone,
    /// Named as possibly running when the run had to end.
    Unconfirmed(Option<MachineId>),
}

impl Lane {
    pub(crate) const fn new(no: LaneNo, replaces: Option<LaneNo>) -> Self {
        Self {
            no,
            replaces,
            ranked: None,
            state: State::Seeking,
            refusals: 0,
            slow: None,
            unknown_since: None,
            billed_from: None,
            traffic: Money::ZERO,
            spent_before: Money::ZERO,
            billed_until: None,
        }
    }

    pub(crate) fn cloud(&self) -> Option<CloudId> {
        self.ranked.as_ref().map(|ranked| ranked.offer.cloud)
    }

    /// In the race: not lost, not the winner.
    pub(crate) const fn is_racing(&self) -> bool {
        !matches!(self.state, State::Lost { .. } | State::Won { .. })
    }

    pub(crate) const fn machine(&self) -> Option<&MachineId> {
        match &self.state {
            State::Booting { machine, .. }
            | State::Connecting { machine, .. }
            | State::Won { machine }
            | State::Lost { fate: Fate::Condemned(machine), .. } => Some(machine),
            State::Seeking | State::Queued | State::Creating { .. } | State::Lost { .. } => None,
        }
    }

    /// The step the lane is in, and since when.
    pub(crate) const fn step(&self) -> Option<(Step, Tick)> {
        match &self.state {
            State::Creating { since } => Some((Step::Create, *since)),
            State::Booting { since, .. } => Some((Step::Boot, *since)),
            State::Connecting { since, .. } => Some((Step::Connect, *since)),
            State::Seeking | State::Queued | State::Won { .. } | State::Lost { .. } => None,
        }
    }

    /// Nothing of this lane can cost money any more, as far as anyone knows.
    pub(crate) const fn is_settled(&self) -> bool {
        matches!(
            self.state,
            State::Lost { fate: Fate::Nothing | Fate::Gone | Fate::Unconfirmed(_), .. }
        )
    }

    /// Rented, or possibly rented, at any time.
    pub(crate) const fn counts_as_rented(&self) -> bool {
        match &self.state {
            State::Booting { .. } | State::Connecting { .. } | State::Won { .. } => true,
            State::Lost { fate, .. } => !matches!(fate, Fate::Nothing),
            State::Seeking | State::Queued | State::Creating { .. } => false,
        }
    }

    /// It costs money now, as far as anyone knows.
    pub(crate) const fn is_billed(&self) -> bool {
        self.billed_from.is_some() && self.billed_until.is_none()
    }

    pub(crate) fn spent(&self, now: Tick) -> Money {
        let (Some(from), Some(ranked)) = (self.billed_from, &self.ranked) else {
            return Money::ZERO;
        };
        self.spent_before
            + self.traffic
            + ranked.offer.price.cost(self.billed_until.unwrap_or(now).since(from))
    }
}
