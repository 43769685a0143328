//! Winners of runs that lost their process: reached again, so that their
//! restore goes on and the run comes to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    AppError, At, LaneNo, LaunchRequest, MachineId, Marks, Money, RunId, RunPhase, RunView,
    SnapshotSelector,
};
use race::{Race, Ranked, Resumed, Unsettled};
use tokio_util::sync::CancellationToken;

use crate::actor::{Actor, Event, Seated};
use crate::lane::Lane;
use crate::ledger::{LedgerError, Rental, RentalState};
use crate::links;
use crate::prepare::plan_restore;
use crate::run::{Run, Script};
use crate::spend::Warned;

/// A run whose winner may be reached again.
#[derive(Debug, Clone)]
pub(crate) struct Resumable {
    pub(crate) run: RunId,
    pub(crate) machine: MachineId,
}

/// Whether there is something to go on with: a winner, and a restore that had
/// not ended.
pub(crate) fn is_resumable(view: &RunView, kept: Option<&MachineId>) -> bool {
    kept.is_some()
        && view.winner.is_some()
        && view.restore.is_some()
        && matches!(view.phase, RunPhase::Installing | RunPhase::Restoring)
}

impl Actor {
    /// Reaches the winner and finds the snapshot again; nobody waits for it.
    pub(crate) fn reattach(&self, resumable: Resumable) {
        let (context, events) = (Arc::clone(&self.context), self.events.clone());
        tokio::spawn(async move {
            let Resumable { run, machine } = resumable;
            let attaching = async {
                let missing = || AppError::new(model::Code::Internal, "the run is not kept");
                let row = context.ledger.run(&run)?.ok_or_else(missing)?;
                let view = context.ledger.view(&run)?;
                let mut recipe = row.recipe;
                if let Some(restore) = view.restore {
                    // The very snapshot of the run, whatever came after it. A
                    // folder of it that was the root is one still.
                    let folder = match recipe.snapshot {
                        SnapshotSelector::Id { folder, .. } => folder,
                        SnapshotSelector::Latest | SnapshotSelector::None => None,
                    };
                    let prefix = restore.snapshot.to_string();
                    recipe.snapshot = SnapshotSelector::Id { prefix, folder };
                }
                let planning = async {
                    let repository = context.repository().await?;
                    plan_restore(&context, &repository, &recipe, &[]).await
                };
                let seating = links::seat(&context, &machine, &recipe.target);
                let (plan, seat) = tokio::try_join!(planning, seating)?;
                let request = LaunchRequest { recipe, only_offers: Vec::new() };
                Ok((request, Seated { plan, seat: Some(seat) }))
            };
            let result = attaching.await.map(Box::new);
            let _ = events.send(Event::Attached { run, result }).await;
        });
    }

    /// The winner is reached: the run goes on where it was.
    pub(crate) fn attached(
        &mut self,
        id: &RunId,
        result: Result<Box<(LaunchRequest, Seated)>, AppError>,
    ) -> Result<(), LedgerError> {
        let (at, now) = (self.context.clock.wall(), self.context.clock.now());
        let (request, seated) = match result {
            Ok(found) => *found,
            Err(error) => {
                tracing::warn!(run = %id, %error, "the winner could not be reached again");
                return self.orphans.give_up(&self.context.ledger, id, &error, at);
            }
        };
        let Some((story, open)) = self.orphans.release(id) else { return Ok(()) };
        let rentals = self.context.ledger.rentals_of(id)?;
        let winner = rentals.iter().rfind(|rental| rental.state == RentalState::Kept);
        let Some((winner, machine)) =
            winner.and_then(|winner| Some((winner, winner.machine.clone()?)))
        else {
            return Ok(());
        };
        let stop = CancellationToken::new();
        let lanes = lanes(winner, &open, &request.recipe.image, &stop);
        let plan = self.race_plan(id.clone(), race::Mode::Launch, request.recipe.policy);
        let resumed = resumed(&story.view, winner, machine, &open, &rentals, at);
        let elapsed_ms = resumed.elapsed_ms;
        let (race, effects) = Race::resume(plan, resumed, now);
        let run = Run {
            request,
            race,
            prepared: None,
            // Never used: the seat was reached with the run's own.
            identity: match crate::actor::fresh_identity() {
                Ok(identity) => identity,
                Err(error) => {
                    tracing::error!(%error, "no key was made");
                    return Ok(());
                }
            },
            lanes,
            plan: Some(seated.plan),
            standing: None,
            seat: seated.seat,
            destination: None,
            include: Vec::new(),
            script: Script::None,
            warned: Warned::default(),
            front: None,
            stop,
            started: now,
            elapsed_before_ms: elapsed_ms,
            inbox: Vec::new(),
            story,
        };
        tracing::info!(run = %id, "the winner is reached again");
        self.runs.insert(id.clone(), run);
        self.carry_out(id, effects)
    }
}

fn lanes(
    winner: &Rental,
    open: &BTreeMap<LaneNo, Rental>,
    image: &str,
    stop: &CancellationToken,
) -> BTreeMap<LaneNo, Lane> {
    let of_rental = |rental: &Rental| {
        let mut lane = Lane::new(&rental.offer(), image, stop.child_token());
        lane.machine.clone_from(&rental.machine);
        (rental.lane, lane)
    };
    let mut lanes: BTreeMap<LaneNo, Lane> = open.values().map(of_rental).collect();
    // Nothing watches losers any more: the reaper has them.
    for lane in lanes.values() {
        lane.stop.cancel();
    }
    let (no, lane) = of_rental(winner);
    lanes.insert(no, lane);
    lanes
}

fn resumed(
    view: &RunView,
    winner: &Rental,
    machine: MachineId,
    open: &BTreeMap<LaneNo, Rental>,
    rentals: &[Rental],
    at: At,
) -> Resumed {
    let ranked = |rental: &Rental| Ranked { offer: rental.offer(), history: None };
    let unsettled = open.values().map(|rental| Unsettled {
        lane: rental.lane,
        ranked: ranked(rental),
        machine: rental.machine.clone(),
        spent: rental.cost(at),
    });
    // What is open goes on costing in the race; the rest is counted here.
    let settled = rentals
        .iter()
        .filter(|rental| rental.lane != winner.lane && !open.contains_key(&rental.lane));
    let spent: Money = settled
        .filter(|rental| rental.state != RentalState::Nothing)
        .map(|rental| rental.cost(at))
        .sum();
    let elapsed = at.unix_ms() - view.started.unix_ms();
    let Marks { shell_ms, critical_ms, .. } = view.marks;
    Resumed {
        lane: winner.lane,
        ranked: ranked(winner),
        machine,
        marks: Marks { shell_ms, critical_ms, complete_ms: None },
        elapsed_ms: u64::try_from(elapsed).unwrap_or(0).max(view.elapsed_ms),
        spent_by_winner: winner.cost(at),
        spent,
        unsettled: unsettled.collect(),
    }
}
