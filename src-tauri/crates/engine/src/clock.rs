//! The only clock. It measures in [`Tick`]s that count the time the computer
//! sleeps, and tells the world's time. Nothing else in the engine reads one.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use boot_time::Instant as BootInstant;
use jiff::tz::TimeZone;
use model::{At, Tick};
use tokio::time::Instant as TokioInstant;

/// Sleeping is done in slices, because timers stand still while the computer
/// sleeps and this clock does not.
const SLICE: Duration = Duration::from_secs(1);

/// A clock; clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    /// The real one. `scale` is not 1 only on the practice cloud.
    Real { origin: BootInstant, scale: f64, start: At },
    /// Tokio's, which tests may pause.
    Virtual { origin: TokioInstant, start: At },
}

impl Clock {
    /// The real clock.
    #[must_use]
    pub fn real() -> Self {
        Self::scaled(1.0)
    }

    /// A clock that runs `scale` times as fast: for practice and its tests.
    #[must_use]
    pub fn scaled(scale: f64) -> Self {
        let scale = if scale.is_finite() && scale > 0.0 { scale } else { 1.0 };
        Self(Arc::new(Source::Real { origin: BootInstant::now(), scale, start: wall_now() }))
    }

    /// A clock on tokio's time, for tests that pause it.
    #[must_use]
    pub fn on_tokio_time(start: At) -> Self {
        Self(Arc::new(Source::Virtual { origin: TokioInstant::now(), start }))
    }

    /// How many of this clock's milliseconds pass in a real one.
    #[must_use]
    pub fn scale(&self) -> f64 {
        match *self.0 {
            Source::Real { scale, .. } => scale,
            Source::Virtual { .. } => 1.0,
        }
    }

    /// Milliseconds since this clock started.
    #[must_use]
    pub fn now(&self) -> Tick {
        let elapsed = match &*self.0 {
            Source::Real { origin, scale, .. } => {
                Duration::from_secs_f64(origin.elapsed().as_secs_f64() * scale)
            }
            Source::Virtual { origin, .. } => origin.elapsed(),
        };
        Tick(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    /// The world's time.
    #[must_use]
    pub fn wall(&self) -> At {
        match &*self.0 {
            // A scaled world has a time of its own.
            Source::Real { scale, .. } if (*scale - 1.0).abs() < f64::EPSILON => wall_now(),
            Source::Real { start, .. } | Source::Virtual { start, .. } => {
                start.after_ms(i64::try_from(self.now().0).unwrap_or(i64::MAX))
            }
        }
    }

    /// When the day and the month of this moment began in the user's zone.
    #[must_use]
    pub fn day_and_month(&self) -> (At, At) {
        let zone = match &*self.0 {
            Source::Real { .. } => TimeZone::system(),
            Source::Virtual { .. } => TimeZone::UTC,
        };
        let now = self.wall();
        let begin = |civil: jiff::civil::Date| {
            let start = civil.to_zoned_datetime(zone.clone()).map(|zoned| zoned.timestamp());
            start.map_or(now, |start| At::from_unix_ms(start.as_millisecond()))
        };
        let today = jiff::Timestamp::from_millisecond(now.unix_ms())
            .unwrap_or_default()
            .to_zoned_datetime(zone.clone())
            .date();
        (begin(today), begin(today.first_of_month()))
    }

    /// Waits until the clock says so.
    pub async fn sleep_until(&self, until: Tick) {
        loop {
            let left = until.since(self.now());
            if left == 0 {
                return;
            }
            let real = self.real_time(left);
            match *self.0 {
                Source::Real { .. } => tokio::time::sleep(real.min(SLICE)).await,
                Source::Virtual { .. } => tokio::time::sleep(real).await,
            }
        }
    }

    /// Waits for `ms` of this clock's milliseconds.
    pub async fn sleep(&self, ms: u64) {
        self.sleep_until(self.now().after(ms)).await;
    }

    /// How long `ms` of this clock's milliseconds really take: for timeouts
    /// that other libraries keep.
    #[must_use]
    pub fn real_time(&self, ms: u64) -> Duration {
        let exact = Duration::from_millis(ms).as_secs_f64() / self.scale();
        // Never shorter than asked for: rounding down would spin.
        Duration::from_micros((exact * 1e6).ceil() as u64)
    }
}

fn wall_now() -> At {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    At::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn virtual_time_passes_without_waiting() {
        let clock = Clock::on_tokio_time(At::from_unix_ms(1_000));
        clock.sleep(86_400_000).await;
        assert_eq!(clock.now(), Tick(86_400_000));
        assert_eq!(clock.wall(), At::from_unix_ms(86_401_000));
    }

    #[tokio::test(start_paused = true)]
    async fn days_and_months_begin_at_midnight() {
        // 2026-11-23T12:00:00Z
        let clock = Clock::on_tokio_time(At::from_unix_ms(1_795_435_200_000));
        let (day, month) = clock.day_and_month();
        assert_eq!(day.to_string(), "2026-11-23T00:00:00.000Z");
        assert_eq!(month.to_string(), "2026-11-01T00:00:00.000Z");
    }

    #[test]
    fn a_scaled_clock_asks_for_less_real_time() {
        assert_eq!(Clock::scaled(20.0).real_time(1_000), Duration::from_millis(50));
        assert_eq!(Clock::scaled(f64::NAN).real_time(1_000), Duration::from_secs(1));
    }
}
