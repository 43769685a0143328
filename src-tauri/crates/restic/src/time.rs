//! Times as they stand in the repository's JSON: RFC 3339 with up to nine
//! decimals and the offset of the computer that wrote them. The offset is kept
//! because a tree must be written back byte for byte.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

const SECONDS_PER_DAY: i64 = 86_400;

/// A moment, to the nanosecond, with the UTC offset it was written in. Years
/// 0 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Time {
    unix_seconds: i64,
    nanoseconds: u32,
    /// Minutes east of UTC; absent where the text says `Z`.
    offset_minutes: Option<i16>,
}

impl Time {
    /// What Go writes for a time that was never set: 0001-01-01T00:00:00Z.
    pub const ZERO: Self =
        Self { unix_seconds: -62_135_596_800, nanoseconds: 0, offset_minutes: None };

    /// A moment in UTC.
    ///
    /// # Errors
    /// [`Error::Malformed`] outside of the years 0 to 9999, or with a billion
    /// nanoseconds or more.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Result<Self, Error> {
        let fits = (YEAR_0..YEAR_10000).contains(&seconds) && nanoseconds < 1_000_000_000;
        if !fits {
            return Err(Error::malformed("a time", "it is out of range"));
        }
        Ok(Self { unix_seconds: seconds, nanoseconds, offset_minutes: None })
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }

    /// Nanoseconds after [`Self::unix_seconds`].
    #[must_use]
    pub const fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.unix_seconds * 1000 + (self.nanoseconds / 1_000_000) as i64
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (date_time, rest) = text.split_at_checked(19)?;
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2] =
            *date_time
        else {
            return None;
        };
        let year = number(&[y1, y2, y3, y4])?;
        let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[i1, i2])?, number(&[s1, s2])?);
        let valid = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !valid {
            return None;
        }

        let (nanoseconds, rest) = match rest.strip_prefix(b".") {
            None => (0, rest),
            Some(rest) => {
                let len = rest.iter().take_while(|c| c.is_ascii_digit()).count();
                let (digits, rest) = rest.split_at(len);
                if !(1..=9).contains(&len) {
                    return None;
                }
                let scale = 10_u32.pow(9 - len as u32);
                (u32::try_from(number(digits)?).ok()? * scale, rest)
            }
        };

        let offset_minutes = match *rest {
            [b'Z'] => None,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let (hours, minutes) = (number(&[h1, h2])?, number(&[m1, m2])?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let east = i16::try_from(hours * 60 + minutes).ok()?;
                Some(if sign == b'-' { -east } else { east })
            }
            _ => return None,
        };

        let local = days_from_civil(year, month, day) * SECONDS_PER_DAY
            + hour * 3600
            + minute * 60
            + second;
        let unix_seconds = local - i64::from(offset_minutes.unwrap_or(0)) * 60;
        Some(Self { unix_seconds, nanoseconds, offset_minutes })
    }
}

/// 0000-01-01T00:00:00Z and 10000-01-01T00:00:00Z.
const YEAR_0: i64 = -62_167_219_200;
const YEAR_10000: i64 = 253_402_300_800;

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, c| c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0')))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. Years are counted
/// from March, so that the leap day is a year's last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// [`Time::ZERO`], as in Go.
impl Default for Time {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.unix_seconds + i64::from(self.offset_minutes.unwrap_or(0)) * 60;
        let (year, month, day) = civil_from_days(local.div_euclid(SECONDS_PER_DAY));
        let second = local.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanoseconds != 0 {
            let decimals = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", decimals.trim_end_matches('0'))?;
        }
        match self.offset_minutes {
            None => f.write_str("Z"),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                let offset = offset.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
            }
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text.as_bytes()).ok_or(Error::malformed("a time", "it is not RFC 3339"))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Time, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times_are_written_as_they_were_read() {
        for (text, seconds, nanoseconds) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("0001-01-01T00:00:00Z", Time::ZERO.unix_seconds, 0),
            ("2024-02-29T23:59:59.5+05:30", 1_709_231_399, 500_000_000),
            ("1969-12-31T23:59:59.999999999Z", -1, 999_999_999),
            ("2026-11-23T09:00:00.123-03:00", 1_795_435_200, 123_000_000),
            ("1960-01-01T00:00:00+00:00", -315_619_200, 0),
        ] {
            let time: Time = text.parse().unwrap();
            assert_eq!((time.unix_seconds, time.nanoseconds), (seconds, nanoseconds), "{text}");
            assert_eq!(time.to_string(), text);
        }
        let ms = "1969-12-31T23:59:59.999999999Z".parse::<Time>().unwrap().unix_ms();
        assert_eq!(ms, -1);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00.1234567890Z",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01T00:00:00+0100",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00Zé",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
        assert!(Time::from_unix(YEAR_10000, 0).is_err());
        assert!(Time::from_unix(YEAR_0 - 1, 0).is_err());
        assert!(Time::from_unix(0, 1_000_000_000).is_err());
        assert_eq!(Time::from_unix(YEAR_0, 0).unwrap().to_string(), "0000-01-01T00:00:00Z");
    }

    proptest! {
        #[test]
        fn times_agree_with_another_implementation(
            seconds in YEAR_0..YEAR_10000,
            nanoseconds in 0u32..1_000_000_000,
        ) {
            let time = Time::from_unix(seconds, nanoseconds).unwrap();
            let other = jiff::Timestamp::new(seconds, 0).unwrap()
                + jiff::SignedDuration::from_nanos(i64::from(nanoseconds));
            prop_assert_eq!(time.to_string(), other.to_string());
            prop_assert_eq!(time.to_string().parse::<Time>(), Ok(time));
        }

        #[test]
        fn an_offset_moves_the_local_time_only(
            seconds in 0i64..4_000_000_000,
            minutes in -1439i16..1440,
        ) {
            let time = Time { unix_seconds: seconds, nanoseconds: 0, offset_minutes: Some(minutes) };
            let read: Time = time.to_string().parse().unwrap();
            prop_assert_eq!(read, time);
            let other: jiff::Timestamp = time.to_string().parse().unwrap();
            prop_assert_eq!(other.as_second(), seconds);
        }

        #[test]
        fn reading_a_time_never_panics(text in any::<String>()) {
            let _ = text.parse::<Time>();
        }

        #[test]
        fn reading_what_looks_like_a_time_never_panics(
            text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,11})?(Z|[+-][0-9]{2}:[0-9]{2})"
        ) {
            if let Ok(time) = text.parse::<Time>() {
                let again = time.to_string().parse::<Time>();
                prop_assert_eq!(again, Ok(time));
            }
        }
    }
}
