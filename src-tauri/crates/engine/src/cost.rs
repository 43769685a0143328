//! What a run can cost at most (rules.md M5).

use model::{Money, Offer, RaceRules};

const HOUR_MS: u64 = 3_600_000;
/// Size of an image of which nothing is known.
const UNKNOWN_IMAGE_GB: f64 = 10.0;

/// What goes into the worst case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorstCase {
    /// Size of the container image, where known.
    pub image_gb: Option<f64>,
    /// Bytes the restore downloads.
    pub restore_bytes: u64,
}

/// All lanes of both heats to their last deadline with loading billed, the
/// image pulled on each, the restore's traffic, and one hour of the winner:
/// on the dearest of these offers, because any of them may be taken.
#[must_use]
pub fn worst_case(offers: &[Offer], case: WorstCase, rules: &RaceRules) -> Money {
    let lane_ms = rules.race_limit_ms + rules.close_limit_ms;
    let image_gb = case.image_gb.unwrap_or(UNKNOWN_IMAGE_GB);
    let lane_cost = |offer: &Offer| offer.price.cost(lane_ms) + offer.download_cost(image_gb);
    let mut lanes: Vec<Money> = offers.iter().map(lane_cost).collect();
    lanes.sort_unstable_by(|a, b| b.cmp(a));
    let lanes_at_most = usize::from(rules.lanes) * usize::from(rules.heats);
    let race: Money = lanes.into_iter().take(lanes_at_most).sum();
    let restore_gb = case.restore_bytes as f64 / 1e9;
    let restore_ms = rules.deadlines.install_ms + rules.deadlines.restore_ms;
    let winner = offers
        .iter()
        .map(|offer| offer.price.cost(HOUR_MS + restore_ms) + offer.download_cost(restore_gb))
        .max()
        .unwrap_or(Money::ZERO);
    // A first winner that fails has restored too before the second does.
    let first_winner = offers
        .iter()
        .map(|offer| offer.price.cost(restore_ms) + offer.download_cost(restore_gb))
        .max()
        .filter(|_| rules.heats > 1)
        .unwrap_or(Money::ZERO);
    race + winner + first_winner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::offer;

    #[test]
    fn the_worst_case_counts_both_heats_traffic_and_an_hour() {
        let rules = RaceRules::default();
        let case = WorstCase { image_gb: None, restore_bytes: 7_000_000_000 };
        let offers: Vec<Offer> = (0..40).map(offer).collect();
        // 30 lanes: 0.36 $/h × 240 s + 10 GB × 0.002 $; the winner: 0.36 $/h ×
        // (1 h + 130 s) + 7 GB × 0.002 $; a failed first winner: 130 s and 7 GB.
        let lanes = 30 * (24_000 + 20_000);
        let winner = 360_000 + 13_000 + 14_000;
        let first = 13_000 + 14_000;
        assert_eq!(worst_case(&offers, case, &rules).micros(), lanes + winner + first);
        assert_eq!(worst_case(&[], case, &rules), Money::ZERO);
    }

    #[test]
    fn the_dearest_offers_count() {
        let rules = RaceRules { lanes: 1, heats: 1, ..RaceRules::default() };
        let case = WorstCase { image_gb: Some(0.0), restore_bytes: 0 };
        let mut dear = offer(2);
        dear.price = model::Rate::from_usd_per_hour(3.6);
        let cost = worst_case(&[offer(1), dear], case, &rules);
        assert_eq!(cost.micros(), 240_000 + 3_600_000 + 130_000);
    }
}
