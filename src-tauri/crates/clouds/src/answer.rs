//! Reading a cloud's answers: the several shapes of an error body, the three
//! shapes of "too many requests", numbers that come as text. Every text that
//! leaves this module is cleaned, and nothing in it can panic, whatever the
//! bytes are (facts: vast.md §7, runpod.md).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use jiff::Timestamp;
use model::{At, clean};
use serde_json::Value;

use crate::{CloudError, CloudErrorKind, HttpError};

/// No cloud's request to wait is believed beyond this.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// Longest quotation of a cloud's words.
const WORDS: usize = 300;

/// An answer, read as far as it can be without knowing the call.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Body,
    retry_after: Option<Duration>,
}

/// A body: JSON, or whatever else it was.
#[derive(Debug)]
pub(crate) enum Body {
    Json(Value),
    Text(String),
}

impl Answer {
    /// Reads a response.
    pub fn read(response: &Response<Bytes>) -> Self {
        let body = serde_json::from_slice(response.body()).map_or_else(
            |_| {
                let start = response.body().get(..4 * WORDS).unwrap_or(response.body());
                Body::Text(clean(&String::from_utf8_lossy(start), WORDS))
            },
            Body::Json,
        );
        Self { status: response.status(), body, retry_after: retry_after(response.headers()) }
    }

    /// The JSON of a success: HTTP 200 and no word of an error. Everything
    /// else as the error it is.
    pub fn accept(self) -> Result<Value, CloudError> {
        let good = self.status == StatusCode::OK
            && self.success() != Some(false)
            && self.json().is_some()
            && self.code().is_none();
        if !good {
            return Err(self.error());
        }
        match self.body {
            Body::Json(json) => Ok(json),
            Body::Text(words) => Err(CloudError::new(CloudErrorKind::NotUnderstood, words)),
        }
    }

    /// What an answer that is no success means, for calls that rent nothing.
    pub fn error(&self) -> CloudError {
        CloudError::new(self.error_kind(), self.words())
    }

    fn error_kind(&self) -> CloudErrorKind {
        if self.says_key_is_wrong() {
            return CloudErrorKind::KeyRefused;
        }
        match self.status.as_u16() {
            // The body says that something is wrong, or is no JSON at all.
            200 if self.json().is_some() => CloudErrorKind::Refused,
            401 => CloudErrorKind::KeyRefused,
            403 => CloudErrorKind::Forbidden,
            404 if self.says_it_is_not_there() => CloudErrorKind::NotFound,
            429 if self.says("search_quota_exceeded") => CloudErrorKind::QuotaUsedUp,
            429 => CloudErrorKind::Throttled { retry_after: self.retry_after },
            400..=499 if self.json().is_some() => CloudErrorKind::Refused,
            500..=599 => CloudErrorKind::Unreachable,
            _ => CloudErrorKind::NotUnderstood,
        }
    }

    /// The body says that the key is wrong, revoked or not there. Clouds say
    /// so with 401, 403 and 404 alike, so a 404 alone proves nothing.
    pub fn says_key_is_wrong(&self) -> bool {
        matches!(self.status.as_u16(), 200 | 400..=499)
            && (self.code() == Some("auth_error")
                || self.says("invalid user key")
                || self.says("invalid api key")
                || self.says("requires login"))
    }

    /// The body says that the machine asked for does not exist.
    pub fn says_it_is_not_there(&self) -> bool {
        !self.says_key_is_wrong()
            && ["not_found", "no_such_instance", "no such instance", "no_such_ask"]
                .iter()
                .any(|words| self.says(words))
    }

    /// How long the cloud asks to wait.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The JSON, if it is JSON.
    pub const fn json(&self) -> Option<&Value> {
        match &self.body {
            Body::Json(json) => Some(json),
            Body::Text(_) => None,
        }
    }

    /// `success`, if the body carries it.
    pub fn success(&self) -> Option<bool> {
        self.json()?.get("success")?.as_bool()
    }

    /// The error code, if the body carries one as text.
    pub fn code(&self) -> Option<&str> {
        self.json()?.get("error")?.as_str().filter(|code| !code.is_empty())
    }

    fn message(&self) -> Option<String> {
        let json = self.json()?;
        ["msg", "message", "detail"].iter().find_map(|key| match json.get(*key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        })
    }

    /// Whether code or message contain `needle`, which is in lower case.
    pub fn says(&self, needle: &str) -> bool {
        match &self.body {
            Body::Text(text) => text.to_lowercase().contains(needle),
            Body::Json(_) => {
                self.code().is_some_and(|code| code.to_lowercase().contains(needle))
                    || self.message().is_some_and(|text| text.to_lowercase().contains(needle))
            }
        }
    }

    /// The cloud's words, cleaned.
    pub fn words(&self) -> String {
        let words = match &self.body {
            Body::Text(text) if text.is_empty() => "no words".to_owned(),
            Body::Text(text) => text.clone(),
            Body::Json(json) => match (self.code(), self.message()) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (Some(code), None) => code.to_owned(),
                (None, Some(message)) => message,
                (None, None) => match json {
                    Value::Object(_) => "JSON without an error's words".to_owned(),
                    _ => "JSON of another shape".to_owned(),
                },
            },
        };
        clean(&format!("HTTP {}: {words}", self.status.as_u16()), WORDS)
    }
}

/// When the server answered, by its own clock.
pub(crate) fn date(response: &Response<Bytes>) -> Option<At> {
    let text = response.headers().get(header::DATE)?.to_str().ok()?;
    http_date(text.trim()).map(|date| At::from_unix_ms(date.as_millisecond()))
}

/// An exchange without an answer, for calls that rent nothing.
pub(crate) fn unreachable(error: &HttpError) -> CloudError {
    CloudError::new(CloudErrorKind::Unreachable, clean(&error.cause, WORDS))
}

/// `Retry-After` as seconds or as a date, else `X-RateLimit-Reset`. Dates are
/// measured against the answer's own `Date`, so this computer's clock does not
/// matter; without one they say nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let wait_until = |then: Timestamp| {
        let now = http_date(text(header::DATE.as_str())?)?;
        Duration::try_from(then.duration_since(now)).ok().or(Some(Duration::ZERO))
    };
    let asked = text(header::RETRY_AFTER.as_str()).and_then(|value| match value.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => wait_until(http_date(value)?),
    });
    let reset = || {
        let second = text("x-ratelimit-reset")?.parse::<f64>().ok()?;
        wait_until(Timestamp::from_second(second as i64).ok()?)
    };
    asked.or_else(reset).map(|wait| wait.min(LONGEST_WAIT))
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// A finite number, also one that comes as text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// A positive whole number, also one that comes as text.
pub(crate) fn id(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|id| *id > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Answer::read(&response.body(body.into()).unwrap())
    }

    fn kind(status: u16, body: &'static str) -> CloudErrorKind {
        answer(status, &[], body).accept().unwrap_err().kind
    }

    #[test]
    fn every_shape_of_an_error_is_told_apart() {
        use CloudErrorKind::{
            Forbidden, KeyRefused, NotFound, NotUnderstood, QuotaUsedUp, Refused, Throttled,
            Unreachable,
        };
        let auth = r#"{"success":false,"error":"auth_error","msg":"Invalid user key"}"#;
        let rows: &[(u16, &'static str, CloudErrorKind)] = &[
            (401, auth, KeyRefused),
            (404, auth, KeyRefused),
            (403, r#"{"error":"auth_error","msg":"This action requires login."}"#, KeyRefused),
            (401, "no", KeyRefused),
            (403, r#"{"success":false,"error":"forbidden","msg":"no permission"}"#, Forbidden),
            (404, r#"{"success":false,"error":"no_such_instance","msg":"x"}"#, NotFound),
            (404, r#"{"success":false,"error":"not_found"}"#, NotFound),
            (404, "<html>404</html>", NotUnderstood),
            (404, "{}", Refused),
            (410, r#"{"success":false,"error":"deprecated_endpoint","msg":"x"}"#, Refused),
            (400, r#"{"error":"invalid_request","msg":"x is not a valid search key"}"#, Refused),
            (429, r#"{"error":"search_quota_exceeded"}"#, QuotaUsedUp),
            (429, r#"{"detail":"API requests too frequent"}"#, Throttled { retry_after: None }),
            (429, "API requests too frequent: endpoint", Throttled { retry_after: None }),
            (500, "", Unreachable),
            (503, r#"{"success":false}"#, Unreachable),
            (200, r#"{"success":false,"msg":"no"}"#, Refused),
            (200, r#"{"error":"odd","msg":"no"}"#, Refused),
            (200, "<html>", NotUnderstood),
            (200, "", NotUnderstood),
            (204, "", NotUnderstood),
            (301, "{}", NotUnderstood),
        ];
        for (status, body, expected) in rows {
            assert_eq!(kind(*status, body), *expected, "{status} {body}");
        }
    }

    #[test]
    fn words_are_cleaned_and_carry_code_and_message() {
        let odd = answer(400, &[], "{\"error\":\"x\",\"msg\":\"a\\u001b[31m\\u202eb\"}");
        assert_eq!(odd.words(), "HTTP 400: x: a[31mb");
        assert_eq!(
            answer(429, &[], r#"{"detail":[{"loc":1}]}"#).words(),
            "HTTP 429: [{\"loc\":1}]"
        );
        assert_eq!(answer(500, &[], "").words(), "HTTP 500: no words");
        assert!(answer(500, &[], vec![b'x'; 100_000]).words().len() < 320);
    }

    #[test]
    fn the_wait_is_read_in_every_shape() {
        let date = ("date", "Mon, 23 Nov 2026 12:00:00 GMT");
        let wait = |headers: &[(&str, &str)]| answer(429, headers, "").retry_after();
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("retry-after", "3")]), Some(Duration::from_secs(3)));
        assert_eq!(wait(&[("retry-after", " 0.5 ")]), Some(Duration::from_millis(500)));
        assert_eq!(wait(&[("retry-after", "-3")]), None);
        assert_eq!(wait(&[("retry-after", "nan")]), None);
        assert_eq!(wait(&[("retry-after", "1e300")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("retry-after", "999999999")]), Some(LONGEST_WAIT));
        let later = ("retry-after", "Mon, 23 Nov 2026 12:00:07 GMT");
        assert_eq!(wait(&[date, later]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[later]), None, "a date without the server's own says nothing");
        let past = ("retry-after", "Mon, 23 Nov 2026 11:59:00 GMT");
        assert_eq!(wait(&[date, past]), Some(Duration::ZERO));
        assert_eq!(
            wait(&[date, ("x-ratelimit-reset", "1795435209")]),
            Some(Duration::from_secs(9))
        );
        assert_eq!(wait(&[date, ("x-ratelimit-reset", "1e99")]), None);
    }

    #[test]
    fn numbers_come_as_numbers_or_text() {
        assert_eq!(number(&json!("0.25")), Some(0.25));
        assert_eq!(number(&json!(4)), Some(4.0));
        assert_eq!(number(&json!("inf")), None);
        assert_eq!(number(&json!(true)), None);
        assert_eq!(id(&json!("77")), Some(77));
        assert_eq!(id(&json!(-1)), None);
        assert_eq!(id(&json!(1.5)), None);
        assert_eq!(id(&json!(0)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            status in 100u16..1000,
            after in "\\PC{0,40}",
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Ok(value) = after.parse() {
                response.headers_mut().insert("retry-after", value);
            }
            let answer = Answer::read(&response);
            prop_assert!(answer.words().chars().count() <= WORDS + 2);
            let _ = answer.accept();
        }
    }
}
