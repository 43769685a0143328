//! A run whose winner outlived the process that raced it.

use model::{LaneNo, MachineId, Marks, Money, Tick};

use crate::lane::{Fate, Lane, State};
use crate::race::{Before, Phase, Race};
use crate::winner::Winner;
use crate::{Effect, Plan, Ranked};

/// A run as its ledger tells it.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// The winner's lane.
    pub lane: LaneNo,
    /// What it took.
    pub ranked: Ranked,
    /// The winner.
    pub machine: MachineId,
    /// Marks that were reached.
    pub marks: Marks,
    /// Since `run_started`.
    pub elapsed_ms: u64,
    /// What the winner cost until now.
    pub spent_by_winner: Money,
    /// What the settled losers cost.
    pub spent: Money,
    /// Losers whose machines are not settled.
    pub unsettled: Vec<Unsettled>,
}

/// A loser that is not settled.
#[derive(Debug, Clone)]
pub struct Unsettled {
    /// Its lane.
    pub lane: LaneNo,
    /// What it took.
    pub ranked: Ranked,
    /// Its machine; absent where nobody knows whether there is one.
    pub machine: Option<MachineId>,
    /// What it cost until now.
    pub spent: Money,
}

impl Race {
    /// Goes on with the winner of a run that lost its process. There is no
    /// second heat: what the first one raced is history.
    #[must_use]
    pub fn resume(mut plan: Plan, resumed: Resumed, now: Tick) -> (Self, Vec<Effect>) {
        plan.rules.heats = 1;
        let (mut race, _) = Self::new(plan, now);
        let Resumed { lane, ranked, machine, marks, elapsed_ms, spent_by_winner, spent, unsettled } =
            resumed;
        race.before = Before { elapsed_ms, spent };
        race.lanes = unsettled
            .into_iter()
            .map(|one| {
                let fate = one.machine.map_or(Fate::Unknown, Fate::Condemned);
                let reason = model::LostReason::Beaten;
                let state = State::Lost { reason, at: now, fate };
                billed(lane_of(one.lane, one.ranked, state), one.spent, now)
            })
            .collect();
        let won = lane_of(lane, ranked, State::Won { machine: machine.clone() });
        race.lanes.push(billed(won, spent_by_winner, now));
        race.lanes.sort_by_key(|lane| lane.no);
        let mut winner = Winner::new(lane, Some(machine), now);
        winner.critical = marks.critical_ms.map(|_| now);
        winner.before = marks;
        race.winner = Some(winner);
        race.phase = Phase::Finishing;
        (race, vec![Effect::Install { lane }])
    }
}

/// It goes on costing after what it cost before.
fn billed(mut lane: Lane, spent: Money, now: Tick) -> Lane {
    lane.billed_from = Some(now);
    lane.spent_before = spent;
    lane
}

fn lane_of(no: LaneNo, ranked: Ranked, state: State) -> Lane {
    let mut lane = Lane::new(no, None);
    lane.ranked = Some(ranked);
    lane.state = state;
    lane
}
