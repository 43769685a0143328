//! Answers of the practice API: JSON with a content type the official client
//! accepts, the documented error bodies, and the ways in which a connection
//! ends without an answer.

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use model::At;
use serde_json::{Value, json};

use super::script::{RetryAfter, TooMany};

/// An answer before it is a response.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    status: StatusCode,
    body: Bytes,
    content_type: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// There is no answer. Whoever carries the response must break the connection;
/// it travels among the response's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// Closed without an answer.
    Reset,
    /// Never opened.
    Unsent,
}

impl Broken {
    pub fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response.extensions_mut().insert(self);
        response
    }
}

impl Reply {
    pub fn ok(body: &Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub fn done() -> Self {
        Self::ok(&json!({ "success": true }))
    }

    fn json(status: StatusCode, body: &Value) -> Self {
        // Exactly this: the official client refuses a charset (§9).
        let content_type = "application/json";
        Self { status, body: body.to_string().into(), content_type, headers: Vec::new() }
    }

    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        let content_type = "text/plain; charset=utf-8";
        Self { status, body: text.into(), content_type, headers: Vec::new() }
    }

    /// An answer as a script wrote it.
    pub fn scripted(status: u16, body: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match serde_json::from_str(body) {
            Ok(json) => Self::json(status, &json),
            Err(_) => Self::text(status, body.to_owned()),
        }
    }

    /// The usual error.
    pub fn fail(status: StatusCode, code: &str, words: &str) -> Self {
        Self::json(status, &json!({ "success": false, "error": code, "msg": words }))
    }

    /// The usual error with more in it.
    pub fn fail_with(status: StatusCode, code: &str, words: &str, key: &str, value: u64) -> Self {
        let mut body = json!({ "success": false, "error": code, "msg": words });
        body[key] = value.into();
        Self::json(status, &body)
    }

    /// A fault of the practice cloud itself.
    pub fn failed() -> Self {
        let words = "the practice cloud failed";
        Self::fail(StatusCode::INTERNAL_SERVER_ERROR, "internal", words)
    }

    pub fn bad(words: &str) -> Self {
        Self::fail(StatusCode::BAD_REQUEST, "invalid_args", words)
    }

    pub fn no_such_instance(id: u64) -> Self {
        let words = format!("no_such_instance Instance {id} does not exist.");
        Self::fail(StatusCode::NOT_FOUND, "no_such_instance", &words)
    }

    pub fn too_many(shape: TooMany, retry_after: Option<RetryAfter>, now: At) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let words = "API requests too frequent";
        let reply = match shape {
            TooMany::Detail => {
                let detail = format!("{words} endpoint threshold=4.5");
                Self::json(status, &json!({ "detail": detail }))
            }
            TooMany::Text => Self::text(status, words),
            TooMany::Threshold => {
                Self::text(status, format!("{words}: endpoint threshold=4.5*1.0"))
            }
        };
        let value = match retry_after {
            None => return reply,
            Some(RetryAfter::Seconds(seconds)) => Some(seconds.to_string()),
            Some(RetryAfter::Date(seconds)) => {
                http_date(now.after_ms(i64::try_from(seconds).unwrap_or(0) * 1_000))
            }
        };
        reply.with(header::RETRY_AFTER, value.as_deref().unwrap_or_default())
    }

    pub fn quota_used_up(reset: i64) -> Self {
        let body = json!({ "error": "search_quota_exceeded" });
        Self::json(StatusCode::TOO_MANY_REQUESTS, &body)
            .with(HeaderName::from_static("x-ratelimit-reset"), &reset.to_string())
    }

    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The same answer cut in half.
    pub fn cut(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    /// Bytes that mean nothing instead of the answer.
    pub fn garbled(mut self) -> Self {
        self.body = Bytes::from_static(b"\x00\xff\xfe{\"success\": tr\x1b[31m\xe2\x80\xae</html>");
        self
    }

    pub fn into_response(self, now: At) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        // The world's own time: a machine's dead-man switch reads it.
        if let Some(date) = http_date(now).and_then(|date| HeaderValue::from_str(&date).ok()) {
            headers.insert(header::DATE, date);
        }
        headers.extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}

fn http_date(at: At) -> Option<String> {
    let timestamp = Timestamp::from_millisecond(at.unix_ms()).ok()?;
    DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).ok()
}
