//! Throughput over the last seconds, and whether an upload is worth its time.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::time::Duration;

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

/// Judges an upload by how it goes once the buffers on its way are full.
#[derive(Debug)]
pub(super) struct Uplink {
    clock: Clock,
    bytes: u64,
    longest_ms: Option<u64>,
    began: Tick,
    full: OnceLock<(Tick, u64)>,
}

/// What goes out before this filled buffers, and after it is judged as long.
const BUFFERS_MS: u64 = 1_000;

impl Uplink {
    pub(super) fn new(clock: Clock, bytes: u64, longest: Option<Duration>) -> Self {
        let longest_ms = longest.map(|longest| u64::try_from(longest.as_millis()).unwrap_or(0));
        Self { began: clock.now(), clock, bytes, longest_ms, full: OnceLock::new() }
    }

    /// Whether it goes on, now that so many bytes went out.
    pub(super) fn judge(&self, done: u64) -> ControlFlow<()> {
        let (now, Some(longest_ms)) = (self.clock.now(), self.longest_ms) else {
            return ControlFlow::Continue(());
        };
        let elapsed = now.since(self.began);
        if elapsed < BUFFERS_MS {
            return ControlFlow::Continue(());
        }
        let (then, before) = *self.full.get_or_init(|| (now, done));
        let judged = now.since(then);
        if judged < BUFFERS_MS {
            return ControlFlow::Continue(());
        }
        let (sent, rest) = ((done - before).max(1), self.bytes.saturating_sub(done));
        if elapsed + rest.saturating_mul(judged) / sent > longest_ms {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
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

    #[tokio::test(start_paused = true)]
    async fn a_slow_upload_is_found_out_and_a_fast_one_left_alone() {
        // Two megabytes go into buffers at once, whatever the line.
        for (per_s, ends) in [(400_000, false), (2_000_000, true)] {
            let clock = Clock::on_tokio_time(model::At::default());
            let bytes = 10_000_000;
            let uplink = Uplink::new(clock.clone(), bytes, Some(Duration::from_secs(8)));
            let mut done = 2_000_000;
            let mut goes_on = uplink.judge(done);
            while goes_on.is_continue() && done < bytes {
                clock.sleep(100).await;
                done = bytes.min(done + per_s / 10);
                goes_on = uplink.judge(done);
            }
            assert_eq!(goes_on.is_continue(), ends, "{per_s} B/s");
            if !ends {
                assert!(clock.now().0 < 2_500, "found out after {} ms", clock.now().0);
            }
        }
    }
}
