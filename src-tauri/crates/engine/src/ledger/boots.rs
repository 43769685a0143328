//! What every lane taught us about its host (product.md §5).

use std::collections::BTreeMap;

use model::{
    At, CloudId, HostBoot, HostFailure, HostId, HostRecord, HostStanding, HostView, LaneNo,
    LostReason, OwnerId, RunId, Step, StepStat,
};
use rusqlite::params;

use super::{Ledger, LedgerError};

/// How many past lanes of a host count.
const LANES_COUNTED: usize = 20;
/// How many failures of a host are shown.
const FAILURES_SHOWN: usize = 5;
/// The steps that are measured, in their order.
const STEPS: [Step; 5] = [Step::Create, Step::Boot, Step::Connect, Step::Install, Step::Restore];
/// How many of them the window draws.
const LANES_DRAWN: usize = 8;

/// One lane's story, times in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// Cloud.
    pub cloud: Option<CloudId>,
    /// Physical machine.
    pub host: Option<HostId>,
    /// Owner.
    pub owner: Option<OwnerId>,
    /// GPU model.
    pub gpu: String,
    /// Place.
    pub location: String,
    /// Container image.
    pub image: String,
    /// Create.
    pub create_ms: Option<u64>,
    /// Boot.
    pub boot_ms: Option<u64>,
    /// Connect.
    pub connect_ms: Option<u64>,
    /// Install, of a winner.
    pub install_ms: Option<u64>,
    /// Restore, of a winner.
    pub restore_ms: Option<u64>,
    /// It won.
    pub won: bool,
    /// It passed a deadline.
    pub slow: bool,
    /// Why it was lost.
    pub reason: Option<LostReason>,
}

impl Boot {
    /// From the create call to a completed SSH command.
    #[must_use]
    pub fn ready_ms(&self) -> Option<u64> {
        Some(self.create_ms? + self.boot_ms? + self.connect_ms?)
    }

    fn result(&self) -> &'static str {
        match self.reason {
            None if self.won => "won",
            Some(LostReason::Beaten) => "beaten",
            None | Some(_) => "lost",
        }
    }

    fn is_fault(&self) -> bool {
        self.reason.is_some_and(LostReason::is_host_fault)
    }

    fn is_slow(&self) -> bool {
        self.slow || matches!(self.reason, Some(LostReason::SlowBoot | LostReason::SlowConnect))
    }
}

impl Ledger {
    /// Writes a lane's story, or more of it.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn write_boot(
        &self,
        run: &RunId,
        lane: LaneNo,
        at: At,
        boot: &Boot,
    ) -> Result<(), LedgerError> {
        let ms = |value: Option<u64>| value.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        self.quick()
            .prepare_cached(
                "INSERT OR REPLACE INTO boots (run, lane, at, cloud, host, owner, gpu, location, \
                 image, create_ms, boot_ms, connect_ms, install_ms, restore_ms, result, reason, \
                 fault, slow) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
                 ?14, ?15, ?16, ?17, ?18)",
            )?
            .execute(params![
                run.as_str(),
                lane.0,
                at.unix_ms(),
                boot.cloud.map_or("", CloudId::as_str),
                boot.host.as_ref().map(HostId::as_str),
                boot.owner.as_ref().map(OwnerId::as_str),
                boot.gpu,
                boot.location,
                boot.image,
                ms(boot.create_ms),
                ms(boot.boot_ms),
                ms(boot.connect_ms),
                ms(boot.install_ms),
                ms(boot.restore_ms),
                boot.result(),
                boot.reason.map(LostReason::as_str),
                boot.is_fault(),
                boot.is_slow(),
            ])?;
        Ok(())
    }

    /// What we saw of every host of a cloud. A host that failed by its own
    /// fault rests for `rest_ms` from then on.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn host_records(
        &self,
        cloud: CloudId,
        rest_ms: u64,
    ) -> Result<BTreeMap<HostId, HostRecord>, LedgerError> {
        struct Lane {
            at: i64,
            ready_ms: Option<u64>,
            result: String,
            failed: bool,
            slow: bool,
        }
        let connection = self.quick();
        let mut statement = connection.prepare_cached(
            "SELECT host, at, create_ms + boot_ms + connect_ms, result, fault, slow FROM boots \
             WHERE cloud = ?1 AND host IS NOT NULL ORDER BY host, at",
        )?;
        let mut hosts: BTreeMap<HostId, Vec<Lane>> = BTreeMap::new();
        let mut rows = statement.query(params![cloud.as_str()])?;
        while let Some(row) = rows.next()? {
            hosts.entry(HostId::new(row.get::<_, String>(0)?)).or_default().push(Lane {
                at: row.get(1)?,
                ready_ms: row.get::<_, Option<i64>>(2)?.and_then(|ms| u64::try_from(ms).ok()),
                result: row.get(3)?,
                failed: row.get(4)?,
                slow: row.get(5)?,
            });
        }
        let record = |mut lanes: Vec<Lane>| {
            lanes.drain(..lanes.len().saturating_sub(LANES_COUNTED));
            let mut ready: Vec<u64> = lanes.iter().filter_map(|lane| lane.ready_ms).collect();
            ready.sort_unstable();
            let count = |matches: &dyn Fn(&Lane) -> bool| {
                u32::try_from(lanes.iter().filter(|lane| matches(lane)).count()).unwrap_or(u32::MAX)
            };
            let rests_until = lanes.iter().rev().find(|lane| lane.failed).map(|lane| {
                At::from_unix_ms(lane.at).after_ms(i64::try_from(rest_ms).unwrap_or(i64::MAX))
            });
            // A lane that was beaten before it could be late says nothing.
            let told: Vec<bool> = lanes
                .iter()
                .filter(|lane| lane.ready_ms.is_some() || lane.slow)
                .map(|lane| lane.ready_ms.is_some() && !lane.slow)
                .collect();
            HostRecord {
                lanes: count(&|_| true),
                wins: count(&|lane| lane.result == "won"),
                failures: count(&|lane| lane.failed),
                median_ready_ms: quantile(&ready, 0.5),
                p90_ready_ms: quantile(&ready, 0.9),
                recent: told[told.len().saturating_sub(LANES_DRAWN)..].to_vec(),
                rests_until,
                standing: HostStanding::None,
            }
        };
        drop(rows);
        drop(statement);
        drop(connection);
        let mut records: BTreeMap<HostId, HostRecord> =
            hosts.into_iter().map(|(host, lanes)| (host, record(lanes))).collect();
        for (host, standing) in self.standings(cloud)? {
            records.entry(host).or_default().standing = standing;
        }
        Ok(records)
    }

    /// Every host of a cloud we ever rented or the user thinks something of.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn host_views(&self, cloud: CloudId, rest_ms: u64) -> Result<Vec<HostView>, LedgerError> {
        let mut views: BTreeMap<HostId, HostView> = self
            .host_records(cloud, rest_ms)?
            .into_iter()
            .map(|(host, record)| (host.clone(), unseen(cloud, host, record)))
            .collect();
        let connection = self.quick();
        let mut statement = connection.prepare_cached(
            "SELECT host, owner, gpu, location, at, reason, fault, create_ms, boot_ms, connect_ms, \
             install_ms, restore_ms, result FROM boots \
             WHERE cloud = ?1 AND host IS NOT NULL ORDER BY at",
        )?;
        let mut times: BTreeMap<(HostId, Step), Vec<u64>> = BTreeMap::new();
        let mut rows = statement.query(params![cloud.as_str()])?;
        while let Some(row) = rows.next()? {
            let host = HostId::new(row.get::<_, String>(0)?);
            let Some(view) = views.get_mut(&host) else { continue };
            view.owner = row.get::<_, Option<String>>(1)?.map(OwnerId::new);
            view.gpu = row.get(2)?;
            view.location = row.get(3)?;
            view.last = At::from_unix_ms(row.get(4)?);
            let reason: Option<LostReason> = row
                .get::<_, Option<String>>(5)?
                .map(|reason| serde_json::from_value(reason.into()))
                .transpose()?;
            if let Some(reason) = reason
                && row.get::<_, bool>(6)?
            {
                view.failures.insert(0, HostFailure { at: view.last, reason });
                view.failures.truncate(FAILURES_SHOWN);
            }
            let step = |column| row.get::<_, Option<i64>>(column);
            let ready = step(7)?.zip(step(8)?).zip(step(9)?);
            view.boots.push(HostBoot {
                at: view.last,
                ready_ms: ready.and_then(|((create, boot), connect)| {
                    u64::try_from(create + boot + connect).ok()
                }),
                won: row.get::<_, String>(12)? == "won",
                reason,
            });
            for (column, step) in (7..).zip(STEPS) {
                let ms: Option<i64> = row.get(column)?;
                if let Some(ms) = ms.and_then(|ms| u64::try_from(ms).ok()) {
                    times.entry((host.clone(), step)).or_default().push(ms);
                }
            }
        }
        for view in views.values_mut() {
            view.boots.drain(..view.boots.len().saturating_sub(LANES_COUNTED));
        }
        for ((host, step), mut ms) in times {
            let Some(view) = views.get_mut(&host) else { continue };
            ms.drain(..ms.len().saturating_sub(LANES_COUNTED));
            ms.sort_unstable();
            let (Some(median_ms), Some(p90_ms)) = (quantile(&ms, 0.5), quantile(&ms, 0.9)) else {
                continue;
            };
            let count = u32::try_from(ms.len()).unwrap_or(u32::MAX);
            view.steps.push(StepStat { step, count, median_ms, p90_ms });
        }
        Ok(views.into_values().collect())
    }

    /// Times to a completed SSH command of all lanes that got there, sorted.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn ready_times(&self) -> Result<Vec<u64>, LedgerError> {
        let connection = self.quick();
        let mut statement = connection.prepare_cached(
            "SELECT create_ms + boot_ms + connect_ms AS ready FROM boots \
             WHERE ready IS NOT NULL ORDER BY ready",
        )?;
        let rows = statement.query_map([], |row| row.get::<_, i64>(0))?;
        rows.map(|ms| Ok(u64::try_from(ms?).unwrap_or(0))).collect()
    }
}

/// A host of which only this is known.
fn unseen(cloud: CloudId, host: HostId, record: HostRecord) -> HostView {
    HostView {
        cloud,
        host,
        owner: None,
        gpu: String::new(),
        location: String::new(),
        standing: record.standing,
        record,
        steps: Vec::new(),
        boots: Vec::new(),
        failures: Vec::new(),
        last: At::default(),
    }
}

/// The value below which this share of a sorted list lies.
pub(crate) fn quantile(sorted: &[u64], share: f64) -> Option<u64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::super::tests::ledger;
    use super::*;

    fn boot(host: &str, ready: Option<u64>, reason: Option<LostReason>) -> Boot {
        Boot {
            cloud: Some(CloudId::Vast),
            host: Some(HostId::new(host)),
            create_ms: Some(500),
            boot_ms: ready,
            connect_ms: ready.map(|_| 500),
            won: reason.is_none(),
            reason,
            ..Boot::default()
        }
    }

    #[test]
    fn a_host_is_known_by_its_lanes() {
        let (ledger, _folder) = ledger();
        let write = |number: u8, boot: &Boot| {
            let at = At::from_unix_ms(i64::from(number) * 1_000);
            ledger.write_boot(&RunId::new("run"), LaneNo(number), at, boot).unwrap();
        };
        write(1, &boot("fast", Some(3_000), None));
        write(2, &boot("fast", Some(5_000), Some(LostReason::Beaten)));
        write(3, &boot("fast", None, Some(LostReason::Beaten)));
        write(4, &boot("slow", None, Some(LostReason::SlowBoot)));
        write(5, &boot("bad", None, Some(LostReason::Exited)));
        let records = ledger.host_records(CloudId::Vast, 86_400_000).unwrap();

        let fast = &records[&HostId::new("fast")];
        assert_eq!((fast.lanes, fast.wins, fast.failures), (3, 1, 0));
        assert_eq!(fast.median_ready_ms, Some(6_000));
        assert_eq!(fast.recent, [true, true], "beaten before it could be late says nothing");
        assert_eq!(fast.rests_until, None);

        let slow = &records[&HostId::new("slow")];
        assert_eq!((slow.failures, slow.recent.as_slice()), (0, [false].as_slice()));
        assert_eq!(slow.rests_until, None, "slow is no fault");

        let bad = &records[&HostId::new("bad")];
        assert_eq!(bad.failures, 1);
        assert_eq!(bad.rests_until, Some(At::from_unix_ms(5_000 + 86_400_000)));
        assert_eq!(ledger.ready_times().unwrap(), [4_000, 6_000]);

        let liked = HostId::new("liked");
        ledger.keep_standing(CloudId::Vast, &liked, HostStanding::Preferred).unwrap();
        let views = ledger.host_views(CloudId::Vast, 86_400_000).unwrap();
        let view = |host: &str| views.iter().find(|view| view.host.as_str() == host).unwrap();
        assert_eq!(view("liked").standing, HostStanding::Preferred);
        assert_eq!(view("bad").failures[0].reason, LostReason::Exited);
        let fast: Vec<_> =
            view("fast").boots.iter().map(|boot| (boot.ready_ms, boot.won, boot.reason)).collect();
        let beaten = Some(LostReason::Beaten);
        assert_eq!(
            fast,
            [(Some(4_000), true, None), (Some(6_000), false, beaten), (None, false, beaten)]
        );
        let boots = view("fast").steps.iter().find(|stat| stat.step == Step::Boot).unwrap();
        assert_eq!((boots.count, boots.median_ms, boots.p90_ms), (2, 5_000, 5_000));
    }

    #[test]
    fn quantiles_of_small_lists() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7], 0.9), Some(7));
        assert_eq!(quantile(&[1, 2, 3, 4, 5], 0.5), Some(3));
        assert_eq!(quantile(&[1, 2, 3, 4, 5], 0.9), Some(5));
    }
}
