//! One request's way: written down, perhaps struck by a fault, checked
//! against the clock, answered by `s3s`, and let out through the gate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use s3s::{Body, S3Error, S3ErrorCode, S3Result, s3_error};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::fault::{Faults, What};
use super::files::Files;
use super::gate::Barrier;
use super::journal::{Entry, Journal, StoreRequest};
use super::locked;
use super::outgoing::{Damage, Outgoing};
use super::rights::{Caller, Rights};
use super::s3::Operations;
use super::serve::Cut;

/// The connection breaks instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the practice store broke the connection")]
pub(super) struct Broken;

/// Everything a request meets.
#[derive(Debug)]
pub(super) struct Front {
    pub files: Arc<Files>,
    pub rights: Arc<Rights>,
    pub clock: Clock,
    pub barrier: Arc<Barrier>,
    pub faults: Mutex<Faults>,
    pub journal: Arc<Journal>,
    pub stop: CancellationToken,
}

impl Front {
    pub async fn answer<B>(
        &self,
        request: Request<B>,
        cut: Option<Arc<Cut>>,
    ) -> Result<Response<Outgoing>, Broken>
    where
        Body: From<B>,
    {
        let (parts, body) = request.into_parts();
        let body = Body::from(body);
        let (bucket, key) = subject(&parts.uri);
        let struck = locked(&self.faults).strike(&parts.method, &key);
        let entry = self.journal.open(StoreRequest {
            method: parts.method.clone(),
            bucket,
            key,
            range: text(&parts.headers, header::RANGE.as_str()),
            status: None,
            bytes: 0,
            at: Duration::ZERO,
            fault: struck.map(|(place, _)| place),
        });
        let fault = struck.map(|(_, what)| what);
        let response = match fault {
            Some(What::Reset) => {
                if let Some(cut) = &cut {
                    cut.reset();
                }
                return Err(Broken);
            }
            Some(What::Silence) => {
                self.stop.cancelled().await;
                return Err(Broken);
            }
            Some(What::Status(status)) => self.fail(body, status_error(status)).await,
            Some(What::Missing) => self.fail(body, s3_error!(NoSuchKey)).await,
            _ => match self.check(&parts) {
                Ok(()) => self.call(Request::from_parts(parts, body)).await,
                Err(error) => self.fail(body, error).await,
            },
        };
        let response = response.map_err(|error| {
            tracing::warn!(%error, "practice store could not answer");
            Broken
        })?;
        let latency = self.barrier.latency();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        Ok(self.send(response, fault, cut, entry))
    }

    fn check(&self, parts: &Parts) -> S3Result<()> {
        // R2 knows version 4 only, and the checks of time here do too.
        let old = text(&parts.headers, header::AUTHORIZATION.as_str())
            .is_some_and(|value| value.starts_with("AWS "))
            || query(&parts.uri, "Signature").is_some();
        if old {
            return Err(s3_error!(InvalidRequest, "sign with AWS4-HMAC-SHA256"));
        }
        self.clock.check(parts)
    }

    async fn call(&self, request: Request<Body>) -> S3Result<Response<Body>> {
        let caller = Caller {
            rights: self.rights.clone(),
            session_token: text(request.headers(), "x-amz-security-token")
                .or_else(|| query(request.uri(), "X-Amz-Security-Token"))
                .map(SecretString::from),
            host: text(request.headers(), header::HOST.as_str()).unwrap_or_default(),
            now: self.clock.now(),
        };
        let mut config = S3Config::default();
        // Times are checked against the store's own clock, above.
        config.presigned_url_max_skew_time_secs = u32::MAX;
        let mut builder = S3ServiceBuilder::new(Operations(self.files.clone()));
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        builder.set_auth(caller.clone());
        builder.set_access(caller);
        let answered = builder.build().call(request).await;
        answered.map_err(|error| S3Error::with_source(S3ErrorCode::InternalError, error.into()))
    }

    /// An error instead of an answer. The body is read to its end, or the
    /// client would see a broken connection rather than the error.
    async fn fail(&self, mut body: Body, error: S3Error) -> S3Result<Response<Body>> {
        while let Some(Ok(_)) = body.next().await {}
        error.to_http_response()
    }

    fn send(
        &self,
        response: Response<Body>,
        fault: Option<What>,
        cut: Option<Arc<Cut>>,
        entry: Entry,
    ) -> Response<Outgoing> {
        let (mut parts, body) = response.into_parts();
        if let Some(date) = self.clock.http_date() {
            parts.headers.insert(header::DATE, date);
        }
        entry.answered(parts.status);
        let damage = Damage::of(fault, first_byte(&parts.headers));
        let way = (self.barrier.clone(), damage);
        Response::from_parts(parts, Outgoing::new(body, way, self.stop.clone(), cut, entry))
    }
}

/// Bucket and key, or the prefix that a listing asks for.
fn subject(uri: &Uri) -> (String, String) {
    let path = uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let key = match key {
        "" => query(uri, "prefix").unwrap_or_default(),
        key => percent_decode_str(key).decode_utf8_lossy().into_owned(),
    };
    (bucket.to_owned(), key)
}

/// The first value of a query parameter.
pub(super) fn query(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The offset in the object at which a body begins: `bytes 5-9/20` is 5.
fn first_byte(headers: &HeaderMap) -> u64 {
    text(headers, header::CONTENT_RANGE.as_str())
        .and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok())
        .unwrap_or(0)
}

fn status_error(status: StatusCode) -> S3Error {
    let code = match status {
        StatusCode::TOO_MANY_REQUESTS => S3ErrorCode::Custom("TooManyRequests".into()),
        StatusCode::SERVICE_UNAVAILABLE => S3ErrorCode::SlowDown,
        StatusCode::FORBIDDEN => S3ErrorCode::AccessDenied,
        StatusCode::NOT_FOUND => S3ErrorCode::NoSuchKey,
        _ => S3ErrorCode::InternalError,
    };
    let mut error = S3Error::with_message(code, "a fault on purpose");
    error.set_status_code(status);
    error
}

/// Answers to `HEAD` have no body; hyper drops it, callers without a socket
/// must.
pub(super) fn has_body(method: &Method) -> bool {
    *method != Method::HEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_about_a_key_or_a_prefix() {
        let subject = |uri: &str| subject(&uri.parse().unwrap());
        let pair = |bucket: &str, key: &str| (bucket.to_owned(), key.to_owned());
        assert_eq!(subject("/b/data/a%20b+c&d=e"), pair("b", "data/a b+c&d=e"));
        assert_eq!(subject("http://127.0.0.1:1/b?list-type=2&prefix=data%2F"), pair("b", "data/"));
        assert_eq!(subject("/b/?prefix=a+b"), pair("b", "a b"));
        assert_eq!(subject("/"), pair("", ""));
    }
}
