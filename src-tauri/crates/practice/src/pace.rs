//! How fast the practice world's time runs. It stands on tokio's clock, so a
//! paused clock carries whole races in no time, and a scale lets a person
//! watch them faster or slower than life. Nothing in the practice world reads
//! another clock.

use std::time::Duration;

use tokio::time::Instant;

/// A clock of the practice world, in its own milliseconds since it started.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    start: Instant,
    scale: f64,
}

impl Pace {
    /// A clock that starts now. `scale` is how many milliseconds of the world
    /// pass in one real millisecond; anything but a positive number is 1.
    #[must_use]
    pub fn new(scale: f64) -> Self {
        let scale = if scale.is_finite() && scale > 0.0 { scale } else { 1.0 };
        Self { start: Instant::now(), scale }
    }

    /// As fast as life.
    #[must_use]
    pub fn real() -> Self {
        Self::new(1.0)
    }

    /// Milliseconds of the world per real millisecond.
    #[must_use]
    pub const fn scale(&self) -> f64 {
        self.scale
    }

    /// Milliseconds of the world since the start.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        // The slack undoes what a round trip through f64 takes off.
        (self.start.elapsed().as_secs_f64() * 1e3 * self.scale + 1e-6) as u64
    }

    /// Waits for `ms` milliseconds of the world.
    pub async fn sleep(&self, ms: u64) {
        if ms > 0 {
            self.sleep_until(self.now_ms().saturating_add(ms)).await;
        }
    }

    /// Waits until `ms` milliseconds of the world since the start.
    pub async fn sleep_until(&self, ms: u64) {
        while let Some(left) = ms.checked_sub(self.now_ms()).filter(|left| *left > 0) {
            let real = Duration::try_from_secs_f64(left as f64 / self.scale / 1e3);
            tokio::time::sleep(real.unwrap_or(Duration::MAX)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_world_runs_at_its_scale() {
        for scale in [0.5, 1.0, 3.0, 20.0] {
            let pace = Pace::new(scale);
            let began = Instant::now();
            pace.sleep(9_000).await;
            let now = pace.now_ms();
            assert!((9_000..=9_000 + scale.ceil() as u64).contains(&now), "{scale}: {now}");
            let real = began.elapsed().as_secs_f64() * scale;
            assert!((9.0..9.1).contains(&real), "{scale}: {real}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_senseless_scale_is_life() {
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!((Pace::new(scale).scale() - 1.0).abs() < f64::EPSILON);
        }
        let pace = Pace::real();
        pace.sleep_until(5).await;
        pace.sleep_until(3).await;
        assert_eq!(pace.now_ms(), 5);
    }
}
