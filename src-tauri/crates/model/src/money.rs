//! Money in integer micro-dollars, rounded up (rules.md M4).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

const MS_PER_HOUR: u128 = 3_600_000;

/// An amount in micro-dollars.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From micro-dollars.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// In micro-dollars.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// From a dollar figure as clouds send it, rounded up to the next
    /// micro-dollar. Anything that is no finite number counts as nothing.
    #[must_use]
    pub fn from_usd(usd: f64) -> Self {
        if !usd.is_finite() {
            return Self::ZERO;
        }
        // A cloud's 0.3 is 0.299999… in binary; without the slack every such
        // figure would gain a micro-dollar.
        Self((usd * 1e6 - 1e-3).ceil() as i64)
    }

    /// In dollars, for display only.
    #[must_use]
    pub fn usd(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// Three decimals under ten cents, two above.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        if micros < 100_000 {
            let mills = micros.div_ceil(1_000);
            write!(f, "{sign}${}.{:03}", mills / 1_000, mills % 1_000)
        } else {
            let cents = micros.div_ceil(10_000);
            write!(f, "{sign}${}.{:02}", cents / 100, cents % 100)
        }
    }
}

/// A price per hour, in micro-dollars.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(transparent)]
pub struct Rate(u64);

impl Rate {
    /// Free.
    pub const ZERO: Self = Self(0);

    /// From micro-dollars per hour.
    #[must_use]
    pub const fn from_micros_per_hour(micros: u64) -> Self {
        Self(micros)
    }

    /// In micro-dollars per hour.
    #[must_use]
    pub const fn micros_per_hour(self) -> u64 {
        self.0
    }

    /// From dollars per hour as clouds send it, rounded up.
    #[must_use]
    pub fn from_usd_per_hour(usd: f64) -> Self {
        Self(u64::try_from(Money::from_usd(usd).micros()).unwrap_or(0))
    }

    /// In dollars per hour, for display and ranking only.
    #[must_use]
    pub fn usd_per_hour(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// What `ms` milliseconds cost, rounded up.
    #[must_use]
    pub fn cost(self, ms: u64) -> Money {
        let micros = (u128::from(self.0) * u128::from(ms)).div_ceil(MS_PER_HOUR);
        Money(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

impl Add for Rate {
    type Output = Self;

    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Sum for Rate {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/h", Money(i64::try_from(self.0).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cost_is_rounded_up_to_the_next_micro_dollar() {
        let rate = Rate::from_usd_per_hour(0.4);
        assert_eq!(rate.cost(0), Money::ZERO);
        assert_eq!(rate.cost(1).micros(), 1);
        assert_eq!(rate.cost(3_600_000).micros(), 400_000);
    }

    #[test]
    fn dollars_from_a_cloud_do_not_gain_a_micro_dollar() {
        assert_eq!(Money::from_usd(0.3).micros(), 300_000);
        assert_eq!(Money::from_usd(0.000_000_2).micros(), 1);
        assert_eq!(Money::from_usd(f64::NAN), Money::ZERO);
        assert_eq!(Rate::from_usd_per_hour(-1.0), Rate::ZERO);
    }

    #[test]
    fn display_has_three_decimals_under_ten_cents() {
        assert_eq!(Money::from_micros(12_400).to_string(), "$0.013");
        assert_eq!(Money::from_micros(412_000).to_string(), "$0.42");
        assert_eq!(Money::from_micros(-5_000).to_string(), "-$0.005");
    }

    proptest! {
        #[test]
        fn a_split_bill_is_never_cheaper(rate in 0u64..10_000_000, a in 0u64..10_000_000, b in 0u64..10_000_000) {
            let rate = Rate::from_micros_per_hour(rate);
            prop_assert!(rate.cost(a) + rate.cost(b) >= rate.cost(a + b));
        }
    }
}
