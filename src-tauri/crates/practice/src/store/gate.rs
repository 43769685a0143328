//! The line between the store and its client, as slow as a test wants it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::locked;

/// How slow the store answers. The default is as fast as it can.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gate {
    /// Waited before the first byte of every answer.
    pub latency: Duration,
    /// Bytes of answers' bodies a second, all streams together; 0 counts as 1.
    pub line_bytes_per_s: Option<u64>,
    /// Bytes of one answer's body a second; 0 counts as 1.
    pub stream_bytes_per_s: Option<u64>,
}

/// The gate as all streams share it.
#[derive(Debug)]
pub(super) struct Barrier {
    gate: Mutex<Gate>,
    line: Mutex<Lane>,
}

impl Barrier {
    pub fn new(gate: Gate) -> Self {
        Self { gate: Mutex::new(gate), line: Mutex::default() }
    }

    pub fn set(&self, gate: Gate) {
        *locked(&self.gate) = gate;
        *locked(&self.line) = Lane::default();
    }

    pub fn latency(&self) -> Duration {
        locked(&self.gate).latency
    }

    /// How many bytes to send at once: a fiftieth of a second's worth, so that
    /// streams share a slow line fairly.
    pub fn piece(&self) -> usize {
        let gate = *locked(&self.gate);
        let slowest = [gate.line_bytes_per_s, gate.stream_bytes_per_s].into_iter().flatten().min();
        slowest.map_or(usize::MAX, |rate| {
            usize::try_from(rate / 50).unwrap_or(usize::MAX).clamp(512, 256 << 10)
        })
    }

    /// When `bytes` more of a stream have crossed the line; `None` is now.
    pub fn crossed(&self, stream: &mut Lane, bytes: usize) -> Option<Instant> {
        let gate = *locked(&self.gate);
        let now = Instant::now();
        let line = gate.line_bytes_per_s.map(|rate| locked(&self.line).take(now, bytes, rate));
        let stream = gate.stream_bytes_per_s.map(|rate| stream.take(now, bytes, rate));
        line.max(stream)
    }
}

/// A token bucket without a burst: when the last byte taken has crossed.
#[derive(Debug, Default)]
pub(super) struct Lane {
    free: Option<Instant>,
}

impl Lane {
    fn take(&mut self, now: Instant, bytes: usize, rate: u64) -> Instant {
        let start = self.free.map_or(now, |free| free.max(now));
        let crossed = start + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        self.free = Some(crossed);
        crossed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_streams_share_the_line_and_none_passes_its_own_cap() {
        let barrier = Barrier::new(Gate {
            line_bytes_per_s: Some(1000),
            stream_bytes_per_s: Some(800),
            ..Gate::default()
        });
        let now = Instant::now();
        let (mut a, mut b) = (Lane::default(), Lane::default());
        let ms = |at: Option<Instant>| at.unwrap().duration_since(now).as_millis();
        assert_eq!(ms(barrier.crossed(&mut a, 400)), 500, "its own cap: 400 / 800");
        assert_eq!(ms(barrier.crossed(&mut b, 400)), 800, "the line: 800 / 1000");
        barrier.set(Gate::default());
        assert_eq!(barrier.crossed(&mut a, 400), None);
    }
}
