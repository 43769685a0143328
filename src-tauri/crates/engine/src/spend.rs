//! What is spent, and what more could be.

use model::{AppError, At, Money, Ownership, Rate, SpendView};

use crate::handle::Handle;
use crate::prepare::credit;

impl Handle {
    /// What is spent and what may be. A cloud that cannot be asked leaves its
    /// part out rather than the whole answer.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn spend(&self) -> Result<SpendView, AppError> {
        let context = self.context();
        let (day, month) = context.clock.day_and_month();
        let (machines, credit) = tokio::join!(self.machines(), credit(context));
        let ours = |rate: &Rate| *rate > Rate::ZERO;
        let running = machines.unwrap_or_default();
        let costing: Vec<Rate> = running
            .iter()
            .filter(|view| view.ownership != Ownership::Foreign)
            .map(|view| view.price)
            .filter(ours)
            .collect();
        let today = self.spent_since(day)?;
        let month = self.spent_since(month)?;
        Ok(SpendView {
            per_hour: costing.iter().copied().sum(),
            running: u32::try_from(costing.len()).unwrap_or(u32::MAX),
            today,
            month,
            caps: context.settings.get().caps,
            credit: credit.unwrap_or_default(),
            estimated: month,
        })
    }

    /// What everything we rented cost since then, by our own count.
    fn spent_since(&self, from: At) -> Result<Money, AppError> {
        let context = self.context();
        let now = context.clock.wall();
        let rentals = context.ledger.costing_since(from)?;
        Ok(rentals
            .iter()
            .map(|rental| {
                let begin = rental.intended.max(from);
                let end = rental.settled.unwrap_or(now).max(begin);
                let ms = u64::try_from(end.unix_ms() - begin.unix_ms()).unwrap_or(0);
                rental.price.cost(ms)
            })
            .sum())
    }
}
