//! Winners' leases (rules.md T3): renewed the moment a machine wins, and as long
//! as this computer reaches it. One that hears nothing for the recipe's "hours
//! alone" stops by itself; while there are no backups it is never destroyed.

use std::sync::Arc;

use model::{AppError, At, CloudId, Code, MachineId, RunId};
use remote::{Params, Script};
use tracing::{debug, warn};

use crate::actor::{Actor, Event};
use crate::context::Context;
use crate::ledger::{LedgerError, RentalState};

/// A machine that just won is told again after this, until it answers.
const AGAIN_MS: u64 = 5_000;
const CALL_MS: u64 = 10_000;
const HOUR_S: u64 = 3_600;

/// What a machine was told, for the ledger.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) cloud: CloudId,
    pub(crate) machine: MachineId,
    /// Until when it lives without a word; absent where nothing ends it.
    pub(crate) until: Option<At>,
}

/// What a machine is told.
#[derive(Debug, Clone, Copy)]
struct Terms {
    seconds: u64,
    then: &'static str,
}

impl Terms {
    const fn of(hours_alone: u32) -> Self {
        match hours_alone {
            0 => Self { seconds: 0, then: "never" },
            hours => Self { seconds: hours as u64 * HOUR_S, then: "stop" },
        }
    }

    fn params(self) -> Params {
        Params::new().with("seconds", self.seconds.to_string()).with("then", self.then)
    }

    /// When a machine that answered this ends itself.
    fn until(self, answer: &str, now: At) -> Option<At> {
        let lasts = i64::try_from(self.seconds).unwrap_or(i64::MAX).saturating_mul(1_000);
        (answer.trim() == "renewed" && self.seconds > 0).then(|| now.after_ms(lasts))
    }
}

impl Actor {
    /// The machine of a lane has won: a racer's short lease becomes a winner's.
    pub(crate) fn first_lease(&mut self, run: &RunId, cloud: CloudId, machine: &MachineId) {
        let Some(lane) = self.runs.get(run).and_then(|run| run.lane_of(machine)) else { return };
        let Some(terms) = self.runs.get(run).map(|run| Terms::of(run.request.recipe.hours_alone))
        else {
            return;
        };
        let Some(bench) = self.bench(run, lane) else { return };
        let (events, machine) = (self.events.clone(), machine.clone());
        tokio::spawn(async move {
            let stop = bench.stop.clone();
            let telling = async {
                loop {
                    match bench.run_aside(Script::Lease, &terms.params(), CALL_MS).await {
                        Ok(answer) => break answer,
                        Err(error) => warn!(%machine, %error, "the lease is not renewed yet"),
                    }
                    bench.context.clock.sleep(AGAIN_MS).await;
                }
            };
            let Some(answer) = stop.run_until_cancelled(telling).await else { return };
            let until = terms.until(&answer.text(), bench.context.clock.wall());
            let _ = events.send(Event::Leased(Leased { cloud, machine, until })).await;
        });
    }

    /// Tells every winner that lives on that we are still there.
    pub(crate) fn renew_leases(&mut self) -> Result<(), LedgerError> {
        let context = &self.context;
        self.next_leases = context.clock.now().after(context.rules.winner_renewal_ms);
        for rental in context.ledger.unsettled()? {
            let Some(machine) = rental.machine.filter(|_| rental.state == RentalState::Kept) else {
                continue;
            };
            if context.ledger.is_driven_elsewhere(&rental.run)? {
                continue;
            }
            let (context, events) = (Arc::clone(context), self.events.clone());
            let (cloud, run) = (rental.cloud, rental.run);
            tokio::spawn(async move {
                match renew(&context, &run, &machine).await {
                    Ok(until) => {
                        let _ = events.send(Event::Leased(Leased { cloud, machine, until })).await;
                    }
                    Err(error) => debug!(%machine, %error, "the lease is not renewed"),
                }
            });
        }
        Ok(())
    }

    pub(crate) fn leased(&self, leased: &Leased) -> Result<(), LedgerError> {
        self.context.ledger.leased(leased.cloud, &leased.machine, leased.until)
    }
}

async fn renew(
    context: &Context,
    run: &RunId,
    machine: &MachineId,
) -> Result<Option<At>, AppError> {
    let recipe = context.ledger.run(run)?.map(|row| row.recipe).unwrap_or_default();
    let terms = Terms::of(recipe.hours_alone);
    let link = context.links.of(machine).await;
    let connection = link.lock().await.connection(context, machine).await?;
    let limit = context.clock.real_time(CALL_MS).max(std::time::Duration::from_secs(2));
    let answer = connection
        .run_ok(Script::Lease, &terms.params(), limit)
        .await
        .map_err(|error| AppError::new(Code::MachineUnreachable, error.to_string()))?;
    Ok(terms.until(&answer.text(), context.clock.wall()))
}
