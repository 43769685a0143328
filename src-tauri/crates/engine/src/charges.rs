//! The clouds' own word on what machines cost (rules.md M4): asked for once they
//! are gone, until two days later nothing of it changes any more. Until then
//! every sum of ours is an estimate.

use std::collections::BTreeMap;
use std::sync::Arc;

use clouds::Charge;
use model::{At, CloudId, FactBody, MachineId, Money};
use tracing::debug;

use crate::actor::{Actor, Event};
use crate::asking::ask;
use crate::ledger::{LedgerError, RentalState};

/// A charge is written down a little after the machine is gone.
const FIRST_MS: u64 = 60_000;
const AGAIN_MS: u64 = 3_600_000;
/// Charges change no more after this.
const FINAL_MS: i64 = 48 * 3_600_000;

impl Actor {
    /// A machine is gone: its charge is due soon.
    pub(crate) fn charge_is_due(&mut self) {
        let soon = self.context.clock.now().after(FIRST_MS);
        self.next_charges = self.next_charges.min(soon);
    }

    /// Asks every cloud what the machines cost that went lately.
    pub(crate) fn ask_charges(&mut self) -> Result<(), LedgerError> {
        let context = &self.context;
        self.next_charges = context.clock.now().after(AGAIN_MS);
        let now = context.clock.wall();
        let gone = context.ledger.costing_since(now.after_ms(-FINAL_MS))?;
        let mut since: BTreeMap<CloudId, At> = BTreeMap::new();
        for rental in gone.iter().filter(|rental| rental.state == RentalState::Gone) {
            let first = since.entry(rental.cloud).or_insert(rental.intended);
            *first = rental.intended.min(*first);
        }
        for (id, from) in since {
            let Some(cloud) = context.cloud(id).map(Arc::clone) else { continue };
            let (context, events) = (Arc::clone(context), self.events.clone());
            tokio::spawn(async move {
                match ask(&context, || cloud.charges(from, now)).await {
                    Ok(charges) => {
                        let _ = events.send(Event::Charged { cloud: id, charges }).await;
                    }
                    // A key that may not read them leaves the sums estimates.
                    Err(error) => debug!(cloud = %id, %error, "the charges are not known"),
                }
            });
        }
        Ok(())
    }

    /// What the cloud says replaces our own count.
    pub(crate) fn charged(
        &mut self,
        cloud: CloudId,
        charges: &[Charge],
    ) -> Result<(), LedgerError> {
        let mut sums: BTreeMap<&MachineId, Money> = BTreeMap::new();
        for charge in charges {
            let sum = sums.entry(&charge.machine).or_default();
            *sum += charge.total;
        }
        let at = self.context.clock.wall();
        for (machine, total) in sums {
            let ledger = &self.context.ledger;
            let Some(rental) = ledger.rental(cloud, machine)? else { continue };
            let is_news = rental.state == RentalState::Gone && rental.charged != Some(total);
            if !is_news {
                continue;
            }
            ledger.charged(cloud, machine, total)?;
            let fact = FactBody::MachineCharged {
                lane: rental.lane,
                cloud,
                machine: machine.clone(),
                usd_micros: total,
            };
            if self.runs.contains_key(&rental.run) {
                self.record(&rental.run, fact)?;
            } else {
                self.orphans.tell(&self.context.ledger, &rental.run, fact, at)?;
            }
        }
        Ok(())
    }
}
