//! One complete list of a cloud, under a key that was proved, read against the
//! ledger (rules.md M3): at start, after sleep, when the network is back, and
//! when somebody asks. What is ours and nobody drives any more is destroyed;
//! what is somebody else's is left alone.

use std::collections::{BTreeMap, BTreeSet};

use clouds::Listed;
use model::{
    AppError, At, CloudGuard, CloudId, FactBody, GuardView, InstallId, Label, MachineId, RunId,
    Tick,
};
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::actor::Actor;
use crate::asking::cloud_error;
use crate::ledger::{LedgerError, Rental, RentalState};
use crate::orphans::Recovery;
use crate::spend::foreign_of;
use crate::vault::SecretName;

/// A start is not slowed down by a survey, which others may be asking for too.
pub(crate) const FIRST_MS: u64 = 2_000;
/// So often without any reason.
pub(crate) const EVERY_MS: u64 = 600_000;
/// Two lists this far apart have to miss a winner (M2).
const LISTS_APART_MS: u64 = 2_000;

/// What is known of a cloud's list.
#[derive(Debug, Default)]
pub(crate) struct Tower {
    last: Option<At>,
    problem: Option<AppError>,
    /// Winners that the last lists did not have, since when.
    missing: BTreeMap<MachineId, Tick>,
}

/// Somebody waits until every cloud was surveyed.
pub(crate) struct Asked {
    /// Destroy what this other copy of the app left, too.
    pub(crate) install: Option<InstallId>,
    pub(crate) left: BTreeSet<CloudId>,
    pub(crate) reply: oneshot::Sender<Result<(), AppError>>,
}

impl Actor {
    /// Asks every cloud for a list now.
    pub(crate) fn survey(&mut self) {
        self.next_survey = self.context.clock.now().after(EVERY_MS);
        for reaper in self.reapers.values() {
            reaper.survey();
        }
    }

    pub(crate) fn surveyed(
        &mut self,
        cloud: CloudId,
        machines: &[Listed],
    ) -> Result<(), LedgerError> {
        let at = self.context.clock.wall();
        let recovery = self.orphans.take_over(&self.context.ledger, at)?;
        self.recover(recovery);
        let mut installs = vec![self.install.clone()];
        installs.extend(
            self.asked
                .iter()
                .filter(|asked| asked.left.contains(&cloud))
                .filter_map(|asked| asked.install.clone()),
        );
        for row in machines {
            self.judge(cloud, row, &installs, at)?;
        }
        foreign_of(&self.context, cloud, machines);
        self.look_for_winners(cloud, machines, at)?;
        let tower = self.towers.entry(cloud).or_default();
        (tower.last, tower.problem) = (Some(at), None);
        self.answer_asked(cloud, None);
        Ok(())
    }

    /// The list could not be had, or not under a key that is good. It is asked
    /// for again until it is.
    pub(crate) fn survey_failed(&mut self, cloud: CloudId, error: &clouds::CloudError) {
        let error = cloud_error(error);
        warn!(%cloud, %error, "what runs there is not known");
        self.towers.entry(cloud).or_default().problem = Some(error.clone());
        self.answer_asked(cloud, Some(&error));
    }

    fn answer_asked(&mut self, cloud: CloudId, problem: Option<&AppError>) {
        for mut asked in std::mem::take(&mut self.asked) {
            asked.left.remove(&cloud);
            if let Some(problem) = problem {
                let _ = asked.reply.send(Err(problem.clone()));
            } else if asked.left.is_empty() {
                let _ = asked.reply.send(Ok(()));
            } else {
                self.asked.push(asked);
            }
        }
    }

    /// Sets the reapers to what a dead copy of the app left, and reaches its
    /// winners.
    pub(crate) fn recover(&self, recovery: Recovery) {
        for (cloud, machine) in recovery.condemned {
            if let Some(reaper) = self.reapers.get(&cloud) {
                reaper.condemn(vec![machine]);
            }
        }
        for (cloud, label) in recovery.lookups {
            if let Some(reaper) = self.reapers.get(&cloud) {
                reaper.look_up(label, self.context.rules.lookup_limit_ms);
            }
        }
        for resumable in recovery.resumable {
            self.reattach(resumable);
        }
    }

    fn judge(
        &mut self,
        cloud: CloudId,
        row: &Listed,
        installs: &[InstallId],
        at: At,
    ) -> Result<(), LedgerError> {
        let ledger = &self.context.ledger;
        if let Some(rental) = ledger.rental(cloud, &row.machine)? {
            return match rental.state {
                RentalState::Gone | RentalState::Nothing => {
                    warn!(machine = %row.machine, "it was gone and stands there again");
                    ledger.condemn_again(cloud, &row.machine, at)?;
                    self.reap(cloud, &rental)
                }
                RentalState::Condemned => self.reap(cloud, &rental),
                RentalState::Intended | RentalState::Rented | RentalState::Kept => Ok(()),
            };
        }
        let Ok(label) = row.label.parse::<Label>() else { return Ok(()) };
        // One whose create is still being answered is known by its label.
        if !installs.contains(&label.install) || ledger.is_intended(&row.label)? {
            return Ok(());
        }
        info!(machine = %row.machine, label = row.label, "ours, and in no book");
        ledger.adopt((cloud, &label), row, at)?;
        match ledger.rental(cloud, &row.machine)? {
            Some(rental) => self.reap(cloud, &rental),
            None => Ok(()),
        }
    }

    /// A condemned machine that this copy of the app may not have in its hands
    /// yet.
    fn reap(&mut self, cloud: CloudId, rental: &Rental) -> Result<(), LedgerError> {
        let (ledger, run) = (&self.context.ledger, &rental.run);
        let Some(machine) = &rental.machine else { return Ok(()) };
        if self.runs.contains_key(run) || ledger.is_driven_elsewhere(run)? {
            return Ok(());
        }
        ledger.drive(run)?;
        self.orphans.adopt_run(ledger, run)?;
        if let Some(reaper) = self.reapers.get(&cloud) {
            reaper.condemn(vec![machine.clone()]);
        }
        Ok(())
    }

    /// A winner that two lists do not have ended itself, or was destroyed from
    /// elsewhere.
    fn look_for_winners(
        &mut self,
        cloud: CloudId,
        machines: &[Listed],
        at: At,
    ) -> Result<(), LedgerError> {
        let now = self.context.clock.now();
        let kept = self.context.ledger.unsettled()?;
        let kept = kept.into_iter().filter(|rental| {
            rental.cloud == cloud
                && rental.state == RentalState::Kept
                && !self.runs.contains_key(&rental.run)
        });
        let mut again = false;
        for rental in kept {
            let Some(machine) = &rental.machine else { continue };
            let tower = self.towers.entry(cloud).or_default();
            if machines.iter().any(|row| row.machine == *machine) {
                tower.missing.remove(machine);
                continue;
            }
            let since = *tower.missing.entry(machine.clone()).or_insert(now);
            if now.since(since) < LISTS_APART_MS {
                again = true;
                continue;
            }
            tower.missing.remove(machine);
            info!(%machine, "the winner is gone");
            self.context.ledger.gone(cloud, machine, at)?;
            let fact = FactBody::MachineDestroyed {
                lane: rental.lane,
                cloud,
                machine: Some(machine.clone()),
                confirmed: true,
                took_ms: 0,
                usd_micros: rental.cost(at),
            };
            self.orphans.tell(&self.context.ledger, &rental.run, fact, at)?;
            self.forget(&rental.run, Some(machine));
        }
        if again {
            self.next_survey = now.after(LISTS_APART_MS + 500);
        }
        Ok(())
    }

    /// Nobody will reach a machine of this run again.
    pub(crate) fn forget(&self, run: &RunId, machine: Option<&MachineId>) {
        let name = SecretName::RunKey(run.clone());
        let (context, machine) = (std::sync::Arc::clone(&self.context), machine.cloned());
        tokio::spawn(async move {
            if let Some(machine) = machine {
                context.links.forget(&machine).await;
            }
            if let Err(error) = context.vault.forget(&name).await {
                warn!(%error, "a run's key could not be removed");
            }
        });
    }

    pub(crate) fn guard(&self) -> GuardView {
        let cloud = |id: &CloudId| {
            let tower = self.towers.get(id);
            CloudGuard {
                cloud: *id,
                last: tower.and_then(|tower| tower.last),
                problem: tower.and_then(|tower| tower.problem.clone()),
            }
        };
        let going_on = self.runs.values().filter(|run| run.is_resumed()).count();
        GuardView {
            clouds: self.reapers.keys().map(cloud).collect(),
            open: self.orphans.open(),
            resuming: u32::try_from(self.orphans.resuming() + going_on).unwrap_or(u32::MAX),
        }
    }
}
