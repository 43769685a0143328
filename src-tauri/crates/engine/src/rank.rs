//! Which offers come first (product.md §5): price, plus the expected time to
//! a working shell times what a second is worth to the user. Hosts that were
//! fast are preferred, hosts that failed rest, and now and then an unknown
//! one gets a chance, or nothing new would ever be learnt.

use std::collections::BTreeMap;

use model::{At, CloudId, HostId, HostRecord, HostStanding, Offer};
use race::Ranked;
use rand::{Rng, RngExt as _};

/// Our records of hosts.
pub type Records = BTreeMap<(CloudId, HostId), HostRecord>;

/// How much counts for what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankWeights {
    /// What a second of waiting is worth, in dollars.
    pub usd_per_second: f64,
    /// How long the machine will probably be used.
    pub hours_of_use: f64,
    /// How long a host takes of which nothing is known.
    pub unknown_ready_s: f64,
    /// How often a place in the first wave goes to an unknown host.
    pub explore_share: f64,
    /// Places of the first wave.
    pub first_wave: usize,
}

impl Default for RankWeights {
    fn default() -> Self {
        Self {
            usd_per_second: 0.01,
            hours_of_use: 1.0,
            unknown_ready_s: 20.0,
            explore_share: 0.1,
            first_wave: 5,
        }
    }
}

/// What is to be restored, for the line's sake (rules.md R12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreSize {
    /// Stored bytes to download.
    pub bytes: u64,
    /// Within this time.
    pub limit_ms: u64,
}

impl RestoreSize {
    /// The host's line cannot bring it in time.
    #[must_use]
    pub fn is_too_much_for(&self, offer: &Offer) -> bool {
        offer.download_seconds(self.bytes) * 1_000.0 > self.limit_ms as f64
    }
}

/// Best first, the user's preferred hosts before all others. Resting and
/// blocked hosts are left out; lines that are too slow come last.
pub fn rank(
    offers: Vec<Offer>,
    records: &Records,
    restore: Option<RestoreSize>,
    weights: &RankWeights,
    now: At,
    dice: &mut impl Rng,
) -> Vec<Ranked> {
    let mut rows: Vec<((bool, bool), f64, Ranked)> = offers
        .into_iter()
        .filter_map(|offer| {
            let history = offer
                .host
                .as_ref()
                .and_then(|host| records.get(&(offer.cloud, host.clone())))
                .cloned();
            let resting = history
                .as_ref()
                .and_then(|record| record.rests_until)
                .is_some_and(|until| until > now);
            let standing = history.as_ref().map_or(HostStanding::None, |record| record.standing);
            if resting || standing == HostStanding::Blocked {
                return None;
            }
            let preferred = standing == HostStanding::Preferred;
            let too_slow = restore.is_some_and(|restore| restore.is_too_much_for(&offer));
            let cost = cost(&offer, history.as_ref(), weights);
            Some(((too_slow, !preferred), cost, Ranked { offer, history }))
        })
        .collect();
    rows.sort_by(|a, b| {
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then_with(|| a.2.offer.id.cmp(&b.2.offer.id))
    });
    let too_slow_from = rows.iter().position(|row| row.0.0).unwrap_or(rows.len());
    let mut ranked: Vec<Ranked> = rows.into_iter().map(|row| row.2).collect();
    explore(&mut ranked[..too_slow_from], weights, dice);
    ranked
}

/// Expected dollars: the price of its use and the worth of the waiting.
fn cost(offer: &Offer, history: Option<&HostRecord>, weights: &RankWeights) -> f64 {
    let ready_s = history.map_or(weights.unknown_ready_s, |record| {
        let known =
            record.median_ready_ms.map_or(weights.unknown_ready_s, |ms| ms as f64 / 1_000.0);
        // A host that was late as often as in time is not as fast as its good
        // days. One that was only ever beaten has shown nothing yet.
        let late = record.recent.iter().filter(|in_time| !**in_time).count() as f64;
        let share = late / record.recent.len().max(1) as f64;
        known + share * 2.0 * weights.unknown_ready_s
    });
    offer.price.usd_per_hour() * weights.hours_of_use + ready_s * weights.usd_per_second
}

/// With the exploration share's chance the last place of the first wave goes
/// to a host of which nothing is known.
fn explore(ranked: &mut [Ranked], weights: &RankWeights, dice: &mut impl Rng) {
    let Some(last) = weights.first_wave.checked_sub(1).filter(|last| *last < ranked.len()) else {
        return;
    };
    if !dice.random_bool(weights.explore_share.clamp(0.0, 1.0)) {
        return;
    }
    let unknown: Vec<usize> = (weights.first_wave..ranked.len())
        .filter(|index| ranked[*index].history.as_ref().is_none_or(|record| record.lanes == 0))
        .collect();
    if !unknown.is_empty() {
        let chosen = unknown[dice.random_range(0..unknown.len())];
        ranked[last..=chosen].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;
    use crate::tests::offer;

    fn record(ready_ms: u64) -> HostRecord {
        HostRecord {
            lanes: 6,
            wins: 3,
            median_ready_ms: Some(ready_ms),
            recent: vec![true; 6],
            ..HostRecord::default()
        }
    }

    fn key(number: u32) -> (CloudId, HostId) {
        (CloudId::Vast, offer(number).host.unwrap())
    }

    fn first_wave(ranked: &[Ranked]) -> Vec<String> {
        ranked.iter().take(5).map(|ranked| ranked.offer.id.to_string()).collect()
    }

    #[test]
    fn fast_hosts_race_first_and_failed_hosts_never() {
        // Twenty offers alike but for history: 1 was fast, 2 failed an hour ago.
        let now = At::from_unix_ms(100_000_000);
        let failed = HostRecord {
            failures: 1,
            rests_until: Some(now.after_ms(23 * 3_600_000)),
            ..record(3_000)
        };
        let mut records = Records::from([(key(1), record(4_000)), (key(2), failed)]);
        // Four more that are faster still, so that the fast one has the place
        // exploration takes.
        for number in 3..=6 {
            records.insert(key(number), record(3_000));
        }
        let mut dice = StdRng::seed_from_u64(7);
        let weights = RankWeights::default();
        let (mut fast, mut failed) = (0, 0);
        for _ in 0..200 {
            let offers = (1..=20).map(offer).collect();
            let ranked = rank(offers, &records, None, &weights, now, &mut dice);
            let wave = first_wave(&ranked);
            fast += usize::from(wave.contains(&offer(1).id.to_string()));
            failed += usize::from(ranked.iter().any(|ranked| ranked.offer.id == offer(2).id));
        }
        assert_eq!(failed, 0);
        let explored = 200 - fast;
        assert!((8..=36).contains(&explored), "explored {explored} times of 200 at 10 %");
    }

    #[test]
    fn two_hosts_alike_but_for_history() {
        let now = At::from_unix_ms(100_000_000);
        let failed = HostRecord { failures: 1, rests_until: Some(now.after_ms(1)), ..record(1) };
        let records = Records::from([(key(1), record(4_000)), (key(2), failed)]);
        let mut dice = StdRng::seed_from_u64(1);
        for _ in 0..200 {
            let offers = vec![offer(2), offer(1)];
            let ranked = rank(offers, &records, None, &RankWeights::default(), now, &mut dice);
            assert_eq!(first_wave(&ranked), [offer(1).id.to_string()]);
        }
    }

    #[test]
    fn a_failed_host_comes_back_after_its_rest() {
        let now = At::from_unix_ms(100_000_000);
        let rested = HostRecord { rests_until: Some(now), ..record(3_000) };
        let records = Records::from([(key(1), rested)]);
        let mut dice = StdRng::seed_from_u64(1);
        let ranked = rank(vec![offer(1)], &records, None, &RankWeights::default(), now, &mut dice);
        assert_eq!(ranked.len(), 1);
    }

    #[test]
    fn the_users_word_on_a_host_comes_first() {
        let now = At::from_unix_ms(0);
        let thought = |standing| HostRecord { standing, ..HostRecord::default() };
        let records = Records::from([
            (key(1), record(1_000)),
            (key(2), thought(HostStanding::Preferred)),
            (key(3), thought(HostStanding::Blocked)),
        ]);
        let mut dice = StdRng::seed_from_u64(1);
        let offers = (1..=3).map(offer).collect();
        let ranked = rank(offers, &records, None, &RankWeights::default(), now, &mut dice);
        let wave = first_wave(&ranked);
        assert_eq!(wave, [offer(2).id.to_string(), offer(1).id.to_string()]);
    }

    #[test]
    fn lines_too_slow_for_the_snapshot_come_last() {
        let mut slow = offer(1);
        slow.inet_down_mbps = 400.0;
        slow.price = model::Rate::ZERO;
        let restore = RestoreSize { bytes: 7_000_000_000, limit_ms: 120_000 };
        assert!(restore.is_too_much_for(&slow), "7 GB in 120 s wants 467 Mb/s");
        let mut dice = StdRng::seed_from_u64(1);
        let now = At::from_unix_ms(0);
        let ranked = rank(
            vec![slow, offer(2)],
            &Records::new(),
            Some(restore),
            &RankWeights { explore_share: 1.0, ..RankWeights::default() },
            now,
            &mut dice,
        );
        assert_eq!(ranked[0].offer.id, offer(2).id);
        assert_eq!(ranked.len(), 2);
    }

    #[test]
    fn a_second_is_worth_something() {
        let mut dear = offer(1);
        dear.price = model::Rate::from_usd_per_hour(0.45);
        let records = Records::from([(key(1), record(5_000)), (key(2), record(40_000))]);
        let mut dice = StdRng::seed_from_u64(1);
        let now = At::from_unix_ms(0);
        let mut first = |usd_per_second| {
            let weights =
                RankWeights { usd_per_second, explore_share: 0.0, ..RankWeights::default() };
            rank(vec![dear.clone(), offer(2)], &records, None, &weights, now, &mut dice)[0]
                .offer
                .id
                .clone()
        };
        assert_eq!(first(0.01), offer(1).id, "35 s faster is worth 9 cents");
        assert_eq!(first(0.001), offer(2).id);
    }
}
