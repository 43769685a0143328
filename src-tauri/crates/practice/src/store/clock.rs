//! The store's clock, which tests may set wrong, and the checks of a
//! request's own times against it. `s3s` would check against the system's
//! clock only.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::request::Parts;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;
use s3s::{S3Result, s3_error};

/// Signed requests may be this far off (facts/r2.md, "Clock").
const SKEW: u64 = 15 * 60;
/// Presigned URLs live at most this long (facts/r2.md, "Presigned URLs").
const LONGEST: u64 = 7 * 24 * 3600;

/// The system's clock plus an offset.
#[derive(Debug, Default)]
pub(super) struct Clock {
    offset_s: AtomicI64,
}

impl Clock {
    pub fn set_offset(&self, seconds: i64) {
        self.offset_s.store(seconds, Ordering::Relaxed);
    }

    pub fn now(&self) -> SystemTime {
        let offset = self.offset_s.load(Ordering::Relaxed);
        let by = Duration::from_secs(offset.unsigned_abs());
        let now = SystemTime::now();
        let shifted = if offset < 0 { now.checked_sub(by) } else { now.checked_add(by) };
        shifted.unwrap_or(now)
    }

    /// For the `Date` header.
    pub fn http_date(&self) -> Option<HeaderValue> {
        let now = Timestamp::try_from(self.now()).ok()?;
        let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok()?;
        HeaderValue::try_from(text).ok()
    }

    /// # Errors
    /// `RequestTimeTooSkewed`, or `AccessDenied` for a URL that has expired.
    /// Times that cannot be read are left to `s3s`, which refuses them.
    pub fn check(&self, request: &Parts) -> S3Result<()> {
        let now = self.now();
        let query = |name| super::front::query(&request.uri, name);
        let Some(signed) = query("X-Amz-Date") else {
            let header = request.headers.get("x-amz-date").and_then(|date| date.to_str().ok());
            return match header.and_then(parse) {
                Some(signed) if gap(now, signed) > SKEW || gap(signed, now) > SKEW => {
                    Err(s3_error!(RequestTimeTooSkewed))
                }
                _ => Ok(()),
            };
        };
        let lives = query("X-Amz-Expires").and_then(|text| text.parse::<u64>().ok());
        let (Some(signed), Some(lives)) = (parse(&signed), lives) else { return Ok(()) };
        if !(1..=LONGEST).contains(&lives) {
            return Err(s3_error!(
                AuthorizationQueryParametersError,
                "a presigned URL lives 1 s to 7 days"
            ));
        }
        if gap(signed, now) > SKEW {
            return Err(s3_error!(RequestTimeTooSkewed));
        }
        if gap(now, signed) > lives {
            return Err(s3_error!(AccessDenied, "Request has expired"));
        }
        Ok(())
    }
}

/// Whole seconds by which `a` is later than `b`; 0 if it is not.
fn gap(a: SystemTime, b: SystemTime) -> u64 {
    a.duration_since(b).map_or(0, |gap| gap.as_secs())
}

/// `20261123T120000Z`.
fn parse(text: &str) -> Option<SystemTime> {
    let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(header: Option<&str>, query: &str) -> Parts {
        let mut request = http::Request::builder().uri(format!("/b/k?{query}"));
        if let Some(date) = header {
            request = request.header("x-amz-date", date);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn at(offset_s: i64) -> String {
        let clock = Clock::default();
        clock.set_offset(offset_s);
        Timestamp::try_from(clock.now()).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    #[test]
    fn a_request_signed_too_far_from_the_stores_time_is_refused() {
        let clock = Clock::default();
        let ok = |date: &str| clock.check(&request(Some(date), "")).is_ok();
        assert!(ok(&at(0)) && ok(&at(-880)) && ok(&at(880)));
        assert!(!ok(&at(-1000)) && !ok(&at(1000)));
        clock.set_offset(3600);
        let ok = |date: &str| clock.check(&request(Some(date), "")).is_ok();
        assert!(!ok(&at(0)) && ok(&at(3600)));
    }

    #[test]
    fn a_presigned_url_lives_as_long_as_it_says() {
        let clock = Clock::default();
        let ok = |offset, lives: &str| {
            let query = format!("X-Amz-Date={}&X-Amz-Expires={lives}", at(offset));
            clock.check(&request(None, &query)).is_ok()
        };
        assert!(ok(-50, "60") && !ok(-70, "60"));
        assert!(!ok(0, "0") && ok(0, "604800") && !ok(0, "604801"));
        assert!(ok(800, "60") && !ok(1000, "60"));
    }

    #[test]
    fn nonsense_is_left_to_the_signature_check() {
        let clock = Clock::default();
        for date in ["", "yesterday", "20269999T999999Z", "99999999999999999999T000000Z"] {
            assert!(clock.check(&request(Some(date), "")).is_ok());
        }
    }
}
