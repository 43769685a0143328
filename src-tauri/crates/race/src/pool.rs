//! Which offer a lane takes (rules.md R3).

use std::collections::{BTreeMap, BTreeSet};

use model::{CloudId, HostId, HostRecord, LaneBrief, LaneNo, Offer, OfferId};

/// An offer with what we ourselves saw of its host.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Offer.
    pub offer: Offer,
    /// Our record of its host.
    pub history: Option<HostRecord>,
}

impl Ranked {
    pub(crate) fn brief(&self, lane: LaneNo) -> LaneBrief {
        let offer = &self.offer;
        LaneBrief {
            lane,
            cloud: offer.cloud,
            offer: offer.id.clone(),
            host: offer.host.clone(),
            owner: offer.owner.clone(),
            gpu: offer.gpu.clone(),
            num_gpus: offer.num_gpus,
            location: offer.location.clone(),
            usd_micros_per_hour: offer.price,
            inet_down_mbps: offer.inet_down_mbps,
            history: self.history.clone(),
        }
    }

    /// Lanes with the same crowd share a fate: an owner, or where the cloud
    /// tells none, a GPU type in a place.
    fn crowd(&self) -> (CloudId, String) {
        let offer = &self.offer;
        let crowd = offer.owner.as_ref().map_or_else(
            || format!("{}@{}", offer.gpu, offer.location),
            |owner| owner.as_str().to_owned(),
        );
        (offer.cloud, crowd)
    }
}

/// Offers no lane has used, best first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    offers: Vec<Ranked>,
    used_hosts: BTreeSet<(CloudId, HostId)>,
    used_offers: BTreeSet<(CloudId, OfferId)>,
    crowds: BTreeMap<(CloudId, String), u8>,
    lanes_per_owner: u8,
}

impl Pool {
    pub(crate) fn new(lanes_per_owner: u8) -> Self {
        Self { lanes_per_owner, ..Self::default() }
    }

    /// A new heat counts owners afresh; hosts and offers stay used.
    pub(crate) fn begin_heat(&mut self, offers: Vec<Ranked>) {
        self.crowds.clear();
        self.offers = offers;
        self.drop_used();
    }

    pub(crate) fn add(&mut self, offers: Vec<Ranked>) {
        let known: BTreeSet<_> =
            self.offers.iter().map(|known| (known.offer.cloud, known.offer.id.clone())).collect();
        self.offers.extend(
            offers
                .into_iter()
                .filter(|more| !known.contains(&(more.offer.cloud, more.offer.id.clone()))),
        );
        self.drop_used();
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// Takes the best offer, from an owner that has room while there is one.
    pub(crate) fn take(&mut self) -> Option<Ranked> {
        let best = self
            .offers
            .iter()
            .position(|ranked| {
                self.crowds.get(&ranked.crowd()).copied().unwrap_or(0) < self.lanes_per_owner
            })
            .or_else(|| (!self.offers.is_empty()).then_some(0))?;
        let ranked = self.offers.remove(best);
        *self.crowds.entry(ranked.crowd()).or_insert(0) += 1;
        self.used_offers.insert((ranked.offer.cloud, ranked.offer.id.clone()));
        if let Some(host) = &ranked.offer.host {
            self.used_hosts.insert((ranked.offer.cloud, host.clone()));
        }
        self.drop_used();
        Some(ranked)
    }

    /// What the next `lanes` takes would give.
    pub(crate) fn preview(&self, lanes: impl Iterator<Item = LaneNo>) -> Vec<LaneBrief> {
        let mut pool = self.clone();
        lanes.map_while(|lane| pool.take().map(|ranked| ranked.brief(lane))).collect()
    }

    /// Offers left, one per host.
    pub(crate) fn len(&self) -> usize {
        let mut hosts = BTreeSet::new();
        self.offers
            .iter()
            .filter(|ranked| match &ranked.offer.host {
                Some(host) => hosts.insert((ranked.offer.cloud, host)),
                None => true,
            })
            .count()
    }

    fn drop_used(&mut self) {
        let (hosts, offers) = (&self.used_hosts, &self.used_offers);
        self.offers.retain(|ranked| {
            let offer = &ranked.offer;
            let host_used = offer
                .host
                .as_ref()
                .is_some_and(|host| hosts.contains(&(offer.cloud, host.clone())));
            !host_used && !offers.contains(&(offer.cloud, offer.id.clone()))
        });
    }
}
