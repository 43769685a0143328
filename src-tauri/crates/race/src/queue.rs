//! One first-in-first-out create queue a cloud (rules.md R5).

use std::collections::VecDeque;

use model::{CloudId, LaneNo, Tick};

#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) cloud: CloudId,
    spacing_ms: u64,
    waiting: VecDeque<LaneNo>,
    not_before: Tick,
    /// The cloud said "too many requests" and has rented nothing since.
    throttled: bool,
}

impl Queue {
    pub(crate) const fn new(cloud: CloudId, spacing_ms: u64) -> Self {
        Self { cloud, spacing_ms, waiting: VecDeque::new(), not_before: Tick(0), throttled: false }
    }

    pub(crate) fn join(&mut self, lane: LaneNo) {
        self.waiting.push_back(lane);
    }

    /// The cloud asks to wait; the lane keeps its place at the front.
    pub(crate) fn throttle(&mut self, lane: LaneNo, until: Tick) {
        self.throttled = true;
        self.not_before = self.not_before.max(until);
        let place =
            self.waiting.iter().position(|other| *other > lane).unwrap_or(self.waiting.len());
        self.waiting.insert(place, lane);
    }

    pub(crate) const fn rented(&mut self) {
        self.throttled = false;
    }

    pub(crate) const fn is_throttled(&self) -> bool {
        self.throttled
    }

    pub(crate) fn leave(&mut self, lane: LaneNo) {
        self.waiting.retain(|other| *other != lane);
    }

    /// The next lane whose create may leave now.
    pub(crate) fn next(&mut self, now: Tick) -> Option<LaneNo> {
        if now < self.not_before {
            return None;
        }
        let lane = self.waiting.pop_front()?;
        self.not_before = now.after(self.spacing_ms);
        Some(lane)
    }

    pub(crate) fn next_at(&self) -> Option<Tick> {
        (!self.waiting.is_empty()).then_some(self.not_before)
    }
}
