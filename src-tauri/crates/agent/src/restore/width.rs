//! How many requests are under way at once: more as long as that brings more,
//! fewer when the store asks for it.

use std::time::Duration;

/// How long one width is watched.
const WINDOW: Duration = Duration::from_millis(150);
/// What a step up must bring, in percent, to be followed by another.
const GAIN: u64 = 4;
/// Readers added at once.
const STEP: usize = 8;
/// How long nothing is added after the store asked for fewer.
const REST: Duration = Duration::from_secs(3);
/// Fewer than this are never needed.
const FEWEST: usize = 4;

/// The number of readers, as a state machine without a clock.
#[derive(Debug, Clone)]
pub(crate) struct Width {
    now: usize,
    most: usize,
    window_start: Duration,
    window_bytes: u64,
    /// The best rate so far, in bytes a second.
    best: u64,
    rest_until: Duration,
    last_cut: Option<Duration>,
}

impl Width {
    pub(crate) fn new(first: usize, most: usize) -> Self {
        let most = most.max(1);
        Self {
            now: first.clamp(1, most),
            most,
            window_start: Duration::ZERO,
            window_bytes: 0,
            best: 0,
            rest_until: Duration::ZERO,
            last_cut: None,
        }
    }

    pub(crate) const fn now(&self) -> usize {
        self.now
    }

    /// Tells how many bytes have come in all, and whether all readers that
    /// there may be wait for the line and for nothing else.
    pub(crate) fn measure(&mut self, at: Duration, bytes: u64, is_full: bool) {
        let took = at.saturating_sub(self.window_start);
        if took < WINDOW {
            return;
        }
        let came = bytes.saturating_sub(self.window_bytes);
        (self.window_start, self.window_bytes) = (at, bytes);
        if !is_full {
            return;
        }
        let rate = came.saturating_mul(1_000) / u64::try_from(took.as_millis()).unwrap_or(1).max(1);
        let gained = rate > self.best.saturating_add(self.best / 100 * GAIN);
        self.best = self.best.max(rate);
        if gained && at >= self.rest_until {
            self.now = (self.now + STEP).min(self.most);
        }
    }

    /// The store asks for fewer requests.
    pub(crate) fn cut(&mut self, at: Duration) {
        // Many answers of one moment are one wish.
        if self.last_cut.is_some_and(|last| at.saturating_sub(last) < WINDOW * 2) {
            return;
        }
        self.last_cut = Some(at);
        self.now = (self.now * 7 / 10).max(FEWEST.min(self.most));
        self.rest_until = at + REST;
        // What was reached with more readers is no measure for fewer.
        self.best = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Runs for so many windows on a line of so many bytes a second in all and
    /// for each reader.
    fn run(width: &mut Width, from: u64, windows: u64, line: u64, reader: u64) -> u64 {
        let (mut at, mut bytes) = (from, 0);
        for _ in 0..windows {
            at += 150;
            bytes += line.min(reader * width.now() as u64) * 150 / 1000;
            width.measure(ms(at), bytes, true);
        }
        at
    }

    #[test]
    fn more_readers_come_as_long_as_they_bring_more() {
        let mut width = Width::new(32, 64);
        run(&mut width, 0, 20, u64::MAX, 12_000_000);
        assert_eq!(width.now(), 64);

        let mut width = Width::new(32, 64);
        run(&mut width, 0, 20, 60_000_000, 12_000_000);
        assert!(width.now() <= 40, "{}", width.now());
    }

    #[test]
    fn readers_that_wait_for_something_else_prove_nothing() {
        let mut width = Width::new(32, 64);
        for window in 1..20 {
            width.measure(ms(window * 150), window * 1_000_000, false);
        }
        assert_eq!(width.now(), 32);
    }

    #[test]
    fn a_store_that_asks_for_fewer_gets_fewer() {
        let mut width = Width::new(32, 64);
        for _ in 0..40 {
            width.cut(ms(1000));
        }
        assert_eq!(width.now(), 22);
        for n in 1..20 {
            width.cut(ms(1000 + n * 400));
        }
        assert_eq!(width.now(), FEWEST);
        // And more again, when it has calmed down.
        run(&mut width, 20_000, 20, u64::MAX, 12_000_000);
        assert_eq!(width.now(), 64);
    }
}
