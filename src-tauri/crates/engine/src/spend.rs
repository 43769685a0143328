//! Money: what is spent, what more could be, and what may be (rules.md M4-M6).

use std::collections::BTreeMap;

use clouds::{Cloud, CloudError, Listed};
use futures::future::join_all;
use model::{
    AppError, At, Cap, Caps, CloudId, Code, FactBody, Money, Ownership, Rate, RunId, SpendView,
};
use race::Input;

use crate::actor::Actor;
use crate::asking::{ask, cloud_error};
use crate::clock::Clock;
use crate::context::Context;
use crate::handle::Handle;
use crate::ledger::{Ledger, LedgerError};

const HOUR_MS: u64 = 3_600_000;
/// From this part of a cap on the user is warned (M6).
const WARN_PERCENT: i64 = 80;
/// Less than this must stay on the account (M5): near zero the cloud stops all
/// of the user's machines.
const CREDIT_RESERVE: Money = Money::from_micros(1_000_000);

/// What everything we rented cost, by the clouds' word or our own count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) day: Money,
    pub(crate) month: Money,
    /// The part of the month's that no cloud has confirmed.
    pub(crate) estimated: Money,
}

impl Spent {
    pub(crate) fn so_far(ledger: &Ledger, clock: &Clock) -> Result<Self, LedgerError> {
        let (day, month) = clock.day_and_month();
        let now = clock.wall();
        let rentals = ledger.costing_since(month)?;
        let since = |from: At| rentals.iter().map(|rental| rental.cost_since(from, now)).sum();
        let open = rentals.iter().filter(|rental| rental.charged.is_none());
        Ok(Self {
            day: since(day),
            month: since(month),
            estimated: open.map(|rental| rental.cost_since(month, now)).sum(),
        })
    }

    /// Each cap that is set, with what counts against it.
    fn against(self, caps: Caps, run: Money) -> impl Iterator<Item = (Cap, Money, Money)> {
        [
            (Cap::Run, run, caps.run),
            (Cap::Day, self.day, caps.day),
            (Cap::Month, self.month, caps.month),
        ]
        .into_iter()
        .filter_map(|(cap, spent, limit)| Some((cap, spent, limit?)))
    }
}

/// What an account has, and what its machines take from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Purse {
    /// Absent where no cloud tells.
    pub(crate) credit: Option<Money>,
    /// Of everything on the account, whoever rented it.
    pub(crate) per_hour: Rate,
}

/// All accounts together.
pub(crate) async fn purse(context: &Context) -> Result<Purse, AppError> {
    let calls = context.clouds.iter().map(|cloud| async move {
        tokio::try_join!(ask(context, || cloud.account()), foreign(context, cloud.as_ref()))
    });
    let own = context.ledger.unsettled()?.into_iter().map(|rental| rental.price).sum();
    let mut purse = Purse { credit: None, per_hour: own };
    for answer in join_all(calls).await {
        let (account, foreign) = answer.map_err(|error| cloud_error(&error))?;
        purse.credit = match (purse.credit, account.credit) {
            (Some(sum), Some(credit)) => Some(sum + credit),
            (sum, credit) => sum.or(credit),
        };
        purse.per_hour = purse.per_hour + foreign;
    }
    Ok(purse)
}

/// What an hour of the account's other machines costs: by the last survey, for
/// the race needs every list that the cloud allows; before the first one, by a
/// list of its own.
async fn foreign(context: &Context, cloud: &dyn Cloud) -> Result<Rate, CloudError> {
    if let Some(known) = context.warm.foreign(cloud.id(), context.clock.now()) {
        return Ok(known);
    }
    Ok(foreign_of(context, cloud.id(), &ask(context, || cloud.list()).await?))
}

/// The same by this list, kept for the next who asks.
pub(crate) fn foreign_of(context: &Context, cloud: CloudId, rows: &[Listed]) -> Rate {
    let is_ours = |row: &&Listed| {
        context.ledger.rental(cloud, &row.machine).is_ok_and(|rental| rental.is_some())
    };
    let sum = rows.iter().filter(|row| !is_ours(row)).map(|row| row.price).sum();
    context.warm.keep_foreign(cloud, context.clock.now(), sum);
    sum
}

/// Refuses before renting what could pass a cap or drain the account (M5).
pub(crate) fn afford(context: &Context, at_most: Money, purse: Purse) -> Result<(), AppError> {
    let caps = context.settings.get().caps;
    let spent = Spent::so_far(&context.ledger, &context.clock)?;
    for (cap, spent, limit) in spent.against(caps, Money::ZERO) {
        if spent + at_most > limit {
            let details = match cap {
                Cap::Run => format!("this run can cost {at_most}, the cap of a run is {limit}"),
                Cap::Day => over(at_most, spent, limit, "day"),
                Cap::Month => over(at_most, spent, limit, "month"),
            };
            return Err(AppError::new(Code::CapReached, details));
        }
    }
    let reserve = CREDIT_RESERVE.max(purse.per_hour.cost(HOUR_MS));
    if let Some(credit) = purse.credit
        && credit - at_most < reserve
    {
        let details = format!(
            "this run can cost {at_most}, the account has {credit}, and {reserve} must stay"
        );
        return Err(AppError::new(Code::CreditTooLow, details));
    }
    Ok(())
}

fn over(at_most: Money, spent: Money, limit: Money, period: &str) -> String {
    format!("this run can cost {at_most}; {spent} of this {period}'s {limit} is spent")
}

/// How loudly each cap was spoken of in a run.
#[derive(Debug, Default)]
pub(crate) struct Warned(BTreeMap<Cap, bool>);

impl Warned {
    /// The warning, if it says more than the last.
    fn of(&mut self, (cap, spent, limit): (Cap, Money, Money)) -> Option<FactBody> {
        let near =
            spent.micros().saturating_mul(100) >= limit.micros().saturating_mul(WARN_PERCENT);
        let reached = spent >= limit;
        let is_news = match self.0.get(&cap) {
            None => near,
            Some(was_reached) => reached && !was_reached,
        };
        is_news.then(|| {
            self.0.insert(cap, reached);
            FactBody::SpendWarned { cap, usd_micros: spent, cap_usd_micros: limit, reached }
        })
    }
}

impl Actor {
    /// A run costs this much until now: is any cap near, or reached (M6)? A
    /// winner is kept, and the fact is the alarm: without a backup of its work
    /// it is never destroyed for money.
    pub(crate) fn mind_caps(&mut self, id: &RunId, run_spent: Money) -> Result<(), LedgerError> {
        let caps = self.context.settings.get().caps;
        if caps == Caps::default() {
            return Ok(());
        }
        let spent = Spent::so_far(&self.context.ledger, &self.context.clock)?;
        let Some(run) = self.runs.get_mut(id).filter(|run| run.destination.is_none()) else {
            return Ok(());
        };
        let facts: Vec<FactBody> =
            spent.against(caps, run_spent).filter_map(|one| run.warned.of(one)).collect();
        for fact in facts {
            if let FactBody::SpendWarned { cap, usd_micros, cap_usd_micros, reached: true } = &fact
            {
                let details = match cap {
                    Cap::Run => format!("this run cost {usd_micros} of {cap_usd_micros}"),
                    Cap::Day => format!("{usd_micros} of today's {cap_usd_micros} is spent"),
                    Cap::Month => format!("{usd_micros} of this month's {cap_usd_micros} is spent"),
                };
                self.give(id, Input::CapReached { details });
            }
            self.record(id, fact)?;
        }
        Ok(())
    }
}

impl Handle {
    /// What is spent and what may be. A cloud that cannot be asked leaves its
    /// part out rather than the whole answer.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn spend(&self) -> Result<SpendView, AppError> {
        let context = self.context();
        let (machines, purse) = tokio::join!(self.machines(), purse(context));
        let running = machines.unwrap_or_default();
        let costing: Vec<Rate> = running
            .iter()
            .filter(|view| view.ownership != Ownership::Foreign)
            .map(|view| view.price)
            .filter(|rate| *rate > Rate::ZERO)
            .collect();
        let Spent { day, month, estimated } = Spent::so_far(&context.ledger, &context.clock)?;
        Ok(SpendView {
            per_hour: costing.iter().copied().sum(),
            running: u32::try_from(costing.len()).unwrap_or(u32::MAX),
            today: day,
            month,
            caps: context.settings.get().caps,
            credit: purse.ok().and_then(|purse| purse.credit),
            estimated,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_of_a_cap_is_said_once() {
        let usd = Money::from_micros;
        let mut warned = Warned::default();
        let mut at = |spent: i64| match warned.of((Cap::Day, usd(spent), usd(1_000))) {
            Some(FactBody::SpendWarned { reached, .. }) => Some(reached),
            _ => None,
        };
        assert_eq!(
            [at(799), at(800), at(950), at(1_000), at(1_200)],
            [None, Some(false), None, Some(true), None]
        );
    }
}
