//! Throughput over the last seconds.

use std::collections::VecDeque;

use model::Tick;

use crate::clock::Clock;

/// Throughput is measured over this time.
const RATE_WINDOW_MS: u64 = 3_000;

/// Throughput over the last seconds.
#[derive(Debug)]
pub(super) struct Speed {
    clock: Clock,
    readings: VecDeque<(Tick, u64)>,
}

impl Speed {
    pub(super) fn new(clock: Clock) -> Self {
        let readings = VecDeque::from([(clock.now(), 0)]);
        Self { clock, readings }
    }

    /// Bytes per second, now that so many are done.
    pub(super) fn measure(&mut self, bytes: u64) -> u64 {
        let now = self.clock.now();
        self.readings.push_back((now, bytes));
        while self.readings.len() > 2 && now.since(self.readings[1].0) >= RATE_WINDOW_MS {
            self.readings.pop_front();
        }
        let (then, before) = self.readings[0];
        bytes.saturating_sub(before).saturating_mul(1_000) / now.since(then).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn throughput_is_that_of_the_last_seconds() {
        let clock = Clock::on_tokio_time(model::At::default());
        let mut speed = Speed::new(clock.clone());
        clock.sleep(1_000).await;
        assert_eq!(speed.measure(5_000), 5_000);
        for second in 1..=10u64 {
            clock.sleep(1_000).await;
            speed.measure(5_000 + second * 100);
        }
        clock.sleep(1_000).await;
        assert_eq!(speed.measure(5_000 + 1_100), 100);
    }
}
