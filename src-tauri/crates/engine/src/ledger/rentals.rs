//! What was rented, or may have been: intents before every create call, and
//! what became of them (rules.md M1, M2).

use std::str::FromStr as _;

use model::{
    At, CloudId, HostId, Label, LaneNo, MachineId, Money, Offer, OfferId, OwnerId, Rate, Recipe,
    RunId,
};
use rusqlite::{Row, params};

use super::{Ledger, LedgerError};

/// A create call that is about to leave.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// Run.
    pub run: &'a RunId,
    /// Lane.
    pub lane: LaneNo,
    /// Label, by which the machine is found again.
    pub label: &'a str,
    /// Offer.
    pub offer: &'a Offer,
    /// When.
    pub at: At,
}

/// What is known of a create call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RentalState {
    /// About to leave, or left and not answered: maybe rented.
    Intended,
    /// Proved that nothing was rented.
    Nothing,
    /// A machine is ours and races.
    Rented,
    /// A winner; never destroyed without a reason of rules.md M3.
    Kept,
    /// With the reaper.
    Condemned,
    /// Two complete lists say it is gone.
    Gone,
}

impl RentalState {
    const ALL: [Self; 6] =
        [Self::Intended, Self::Nothing, Self::Rented, Self::Kept, Self::Condemned, Self::Gone];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Nothing => "nothing",
            Self::Rented => "rented",
            Self::Kept => "kept",
            Self::Condemned => "condemned",
            Self::Gone => "gone",
        }
    }
}

/// A create call and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rental {
    /// Row.
    pub id: i64,
    /// Run.
    pub run: RunId,
    /// Lane.
    pub lane: LaneNo,
    /// Cloud.
    pub cloud: CloudId,
    /// Label.
    pub label: String,
    /// Physical machine.
    pub host: Option<HostId>,
    /// Owner.
    pub owner: Option<OwnerId>,
    /// GPU model.
    pub gpu: String,
    /// How many.
    pub num_gpus: u32,
    /// Place.
    pub location: String,
    /// Price.
    pub price: Rate,
    /// State.
    pub state: RentalState,
    /// Machine, once known.
    pub machine: Option<MachineId>,
    /// Pinned host key in OpenSSH form, once proved.
    pub host_key: Option<String>,
    /// When the call left.
    pub intended: At,
    /// When it was condemned.
    pub condemned: Option<At>,
    /// When it was settled: gone, or never rented.
    pub settled: Option<At>,
    /// What its traffic cost, by our own count.
    pub traffic: Money,
    /// What the cloud itself charged for it, once it says so.
    pub charged: Option<Money>,
    /// Until when a winner lives without a word from us.
    pub lease: Option<At>,
}

impl Rental {
    /// What it cost until now: the cloud's word, else our own count (M4).
    #[must_use]
    pub fn cost(&self, now: At) -> Money {
        self.cost_since(self.intended, now)
    }

    /// What of the offer is still known.
    pub(crate) fn offer(&self) -> Offer {
        Offer {
            cloud: self.cloud,
            host: self.host.clone(),
            owner: self.owner.clone(),
            gpu: self.gpu.clone(),
            num_gpus: self.num_gpus,
            location: self.location.clone(),
            price: self.price,
            ..Offer::unknown(self.cloud, OfferId::new(self.label.as_str()))
        }
    }

    /// Nothing of it can cost money any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, RentalState::Nothing | RentalState::Gone)
    }

    /// The part of it since then.
    #[must_use]
    pub fn cost_since(&self, from: At, now: At) -> Money {
        let begin = self.intended.max(from);
        if let Some(charged) = self.charged
            && begin == self.intended
        {
            return charged;
        }
        let end = self.settled.unwrap_or(now).max(begin);
        let ms = u64::try_from(end.unix_ms() - begin.unix_ms()).unwrap_or(0);
        self.price.cost(ms) + self.traffic
    }
}

const COLUMNS: &str = "id, run, lane, cloud, label, host, owner, gpu, num_gpus, location, price, \
                       state, machine, host_key, intended, condemned, settled, traffic, \
                       charged, lease";

impl Ledger {
    /// Writes an intent. When this returns it is on the disk, and the create
    /// call may leave.
    ///
    /// # Errors
    /// The ledger cannot be used; nothing may be rented.
    pub fn intend(&self, intent: &Intent<'_>) -> Result<(), LedgerError> {
        let Intent { run, lane, label, offer, at } = *intent;
        self.durable().execute(
            "INSERT INTO rentals (run, lane, cloud, label, offer, host, owner, gpu, num_gpus, \
             location, price, state, intended) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'intended', ?12)",
            params![
                run.as_str(),
                lane.0,
                offer.cloud.as_str(),
                label,
                offer.id.as_str(),
                offer.host.as_ref().map(HostId::as_str),
                offer.owner.as_ref().map(OwnerId::as_str),
                offer.gpu,
                offer.num_gpus,
                offer.location,
                i64::try_from(offer.price.micros_per_hour()).unwrap_or(i64::MAX),
                at.unix_ms(),
            ],
        )?;
        Ok(())
    }

    /// The open intent of this lane came to nothing: proved.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn nothing_rented(&self, run: &RunId, lane: LaneNo, at: At) -> Result<(), LedgerError> {
        self.durable().execute(
            "UPDATE rentals SET state = 'nothing', settled = ?3 \
             WHERE run = ?1 AND lane = ?2 AND state = 'intended'",
            params![run.as_str(), lane.0, at.unix_ms()],
        )?;
        Ok(())
    }

    /// The open intent of this lane became a machine.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn rented(
        &self,
        run: &RunId,
        lane: LaneNo,
        machine: &MachineId,
        at: At,
    ) -> Result<(), LedgerError> {
        self.durable().execute(
            "UPDATE rentals SET state = 'rented', machine = ?3, rented = ?4 \
             WHERE run = ?1 AND lane = ?2 AND state = 'intended'",
            params![run.as_str(), lane.0, machine.as_str(), at.unix_ms()],
        )?;
        Ok(())
    }

    /// The machine proved itself with this key.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn pin(&self, cloud: CloudId, machine: &MachineId, key: &str) -> Result<(), LedgerError> {
        self.quick().execute(
            "UPDATE rentals SET host_key = ?3 WHERE cloud = ?1 AND machine = ?2",
            params![cloud.as_str(), machine.as_str(), key],
        )?;
        Ok(())
    }

    /// The machine won.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn keep(&self, cloud: CloudId, machine: &MachineId) -> Result<(), LedgerError> {
        self.durable().execute(
            "UPDATE rentals SET state = 'kept' WHERE cloud = ?1 AND machine = ?2 \
             AND state IN ('rented', 'kept')",
            params![cloud.as_str(), machine.as_str()],
        )?;
        Ok(())
    }

    /// The machines are to be destroyed; from here on nothing stops it.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn condemn(
        &self,
        machines: impl IntoIterator<Item = (CloudId, MachineId)>,
        at: At,
    ) -> Result<(), LedgerError> {
        let mut connection = self.durable();
        let transaction = connection.transaction()?;
        for (cloud, machine) in machines {
            transaction.execute(
                "UPDATE rentals SET state = 'condemned', condemned = ?3 \
                 WHERE cloud = ?1 AND machine = ?2 AND state IN ('rented', 'kept')",
                params![cloud.as_str(), machine.as_str(), at.unix_ms()],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Two complete lists say the machine is gone.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn gone(&self, cloud: CloudId, machine: &MachineId, at: At) -> Result<(), LedgerError> {
        self.durable().execute(
            "UPDATE rentals SET state = 'gone', settled = ?3 WHERE cloud = ?1 AND machine = ?2",
            params![cloud.as_str(), machine.as_str(), at.unix_ms()],
        )?;
        Ok(())
    }

    /// A machine that carries a label of ours and stands in no row: written down
    /// and condemned in one step.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn adopt(
        &self,
        (cloud, label): (CloudId, &Label),
        row: &clouds::Listed,
        at: At,
    ) -> Result<(), LedgerError> {
        let mut connection = self.durable();
        let transaction = connection.transaction()?;
        transaction.execute(
            "INSERT OR IGNORE INTO runs (run, started, practice, recipe, engine) \
             VALUES (?1, ?2, 0, ?3, ?4)",
            params![
                label.run.as_str(),
                row.started.unwrap_or(at).unix_ms(),
                serde_json::to_string(&Recipe::default())?,
                self.presence.id(),
            ],
        )?;
        transaction.execute(
            "INSERT INTO rentals (run, lane, cloud, label, offer, host, owner, gpu, num_gpus, \
             location, price, state, machine, intended, condemned) \
             VALUES (?1, ?2, ?3, ?4, '', ?5, ?6, ?7, ?8, ?9, ?10, 'condemned', ?11, ?12, ?13)",
            params![
                label.run.as_str(),
                label.lane.0,
                cloud.as_str(),
                label.to_string(),
                row.host.as_ref().map(HostId::as_str),
                row.owner.as_ref().map(OwnerId::as_str),
                row.gpu,
                row.num_gpus,
                row.location,
                i64::try_from(row.price.micros_per_hour()).unwrap_or(i64::MAX),
                row.machine.as_str(),
                row.started.unwrap_or(at).unix_ms(),
                at.unix_ms(),
            ],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Whether a create with this label left and is not answered.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn is_intended(&self, label: &str) -> Result<bool, LedgerError> {
        let found: i64 = self.quick().query_row(
            "SELECT count(*) FROM rentals WHERE label = ?1 AND state = 'intended'",
            [label],
            |row| row.get(0),
        )?;
        Ok(found > 0)
    }

    /// A machine that was gone stands there again: it is condemned again.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn condemn_again(
        &self,
        cloud: CloudId,
        machine: &MachineId,
        at: At,
    ) -> Result<(), LedgerError> {
        self.durable().execute(
            "UPDATE rentals SET state = 'condemned', condemned = ?3, settled = NULL \
             WHERE cloud = ?1 AND machine = ?2 AND state IN ('gone', 'nothing')",
            params![cloud.as_str(), machine.as_str(), at.unix_ms()],
        )?;
        Ok(())
    }

    /// What a machine's traffic cost so far.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn count_traffic(
        &self,
        cloud: CloudId,
        machine: &MachineId,
        cost: Money,
    ) -> Result<(), LedgerError> {
        self.note(cloud, machine, "traffic", Some(cost.micros()))
    }

    /// What the cloud itself charged for a machine.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn charged(
        &self,
        cloud: CloudId,
        machine: &MachineId,
        cost: Money,
    ) -> Result<(), LedgerError> {
        self.note(cloud, machine, "charged", Some(cost.micros()))
    }

    /// Until when a winner lives without a word from us; absent: for ever.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn leased(
        &self,
        cloud: CloudId,
        machine: &MachineId,
        until: Option<At>,
    ) -> Result<(), LedgerError> {
        self.note(cloud, machine, "lease", until.map(At::unix_ms))
    }

    fn note(
        &self,
        cloud: CloudId,
        machine: &MachineId,
        column: &'static str,
        value: Option<i64>,
    ) -> Result<(), LedgerError> {
        self.quick().execute(
            &format!("UPDATE rentals SET {column} = ?3 WHERE cloud = ?1 AND machine = ?2"),
            params![cloud.as_str(), machine.as_str(), value],
        )?;
        Ok(())
    }

    /// Everything that is, or may be, running for us.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn unsettled(&self) -> Result<Vec<Rental>, LedgerError> {
        self.select_rentals("state IN ('intended', 'rented', 'kept', 'condemned')", [])
    }

    /// Everything that cost money, or may have, since then.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn costing_since(&self, from: At) -> Result<Vec<Rental>, LedgerError> {
        self.select_rentals(
            "state <> 'nothing' AND (settled IS NULL OR settled >= ?1)",
            [from.unix_ms()],
        )
    }

    /// Everything a run rented, or may have.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn rentals_of(&self, run: &RunId) -> Result<Vec<Rental>, LedgerError> {
        self.select_rentals("run = ?1", [run.as_str()])
    }

    /// The rental behind a machine of the cloud's list.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn rental(
        &self,
        cloud: CloudId,
        machine: &MachineId,
    ) -> Result<Option<Rental>, LedgerError> {
        let mut found =
            self.select_rentals("cloud = ?1 AND machine = ?2", [cloud.as_str(), machine.as_str()])?;
        Ok(found.pop())
    }

    fn select_rentals(
        &self,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<Rental>, LedgerError> {
        let connection = self.quick();
        let query = format!("SELECT {COLUMNS} FROM rentals WHERE {condition} ORDER BY id");
        let mut statement = connection.prepare_cached(&query)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Rental> {
    let text_column = |column: usize, text: String| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, text.into())
    };
    let cloud: String = row.get(3)?;
    let state: String = row.get(11)?;
    Ok(Rental {
        id: row.get(0)?,
        run: RunId::new(row.get::<_, String>(1)?),
        lane: LaneNo(row.get(2)?),
        cloud: CloudId::from_str(&cloud).map_err(|error| text_column(3, error))?,
        label: row.get(4)?,
        host: row.get::<_, Option<String>>(5)?.map(HostId::new),
        owner: row.get::<_, Option<String>>(6)?.map(OwnerId::new),
        gpu: row.get(7)?,
        num_gpus: row.get(8)?,
        location: row.get(9)?,
        price: Rate::from_micros_per_hour(u64::try_from(row.get::<_, i64>(10)?).unwrap_or(0)),
        state: RentalState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| text_column(11, format!("no state is called {state}")))?,
        machine: row.get::<_, Option<String>>(12)?.map(MachineId::new),
        host_key: row.get(13)?,
        intended: At::from_unix_ms(row.get(14)?),
        condemned: row.get::<_, Option<i64>>(15)?.map(At::from_unix_ms),
        settled: row.get::<_, Option<i64>>(16)?.map(At::from_unix_ms),
        traffic: Money::from_micros(row.get(17)?),
        charged: row.get::<_, Option<i64>>(18)?.map(Money::from_micros),
        lease: row.get::<_, Option<i64>>(19)?.map(At::from_unix_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::ledger;
    use super::*;
    use crate::tests::offer;

    #[test]
    fn an_intent_is_unsettled_until_it_is_gone_or_was_nothing() {
        let (ledger, _folder) = ledger();
        let run = RunId::new("q7m2x4n6pa");
        let at = At::from_unix_ms(1_000);
        let intend = |lane: u8, number: u32| {
            let offer = offer(number);
            let label = format!("dumont/k3j5w2ab-q7m2x4n6pa/{lane}");
            let lane = LaneNo(lane);
            ledger.intend(&Intent { run: &run, lane, label: &label, offer: &offer, at }).unwrap();
        };
        intend(1, 1);
        ledger.nothing_rented(&run, LaneNo(1), at).unwrap();
        assert!(ledger.unsettled().unwrap().is_empty());

        // The lane's next offer.
        intend(1, 2);
        let machine = MachineId::new("7001");
        ledger.rented(&run, LaneNo(1), &machine, at).unwrap();
        ledger.pin(CloudId::Vast, &machine, "ssh-ed25519 AAAA").unwrap();
        ledger.keep(CloudId::Vast, &machine).unwrap();
        let kept = ledger.rental(CloudId::Vast, &machine).unwrap().unwrap();
        assert_eq!(kept.state, RentalState::Kept);
        assert_eq!(kept.host_key.as_deref(), Some("ssh-ed25519 AAAA"));

        intend(2, 3);
        assert_eq!(ledger.unsettled().unwrap().len(), 2);
        ledger.condemn([(CloudId::Vast, machine.clone())], at).unwrap();
        ledger.keep(CloudId::Vast, &machine).unwrap();
        let condemned = ledger.rental(CloudId::Vast, &machine).unwrap().unwrap();
        assert_eq!(condemned.state, RentalState::Condemned, "nothing saves the condemned");
        ledger.gone(CloudId::Vast, &machine, at).unwrap();
        let left = ledger.unsettled().unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].lane, left[0].state), (LaneNo(2), RentalState::Intended));
        assert_eq!(ledger.rentals_of(&run).unwrap().len(), 3);
    }
}
