//! What time the store thinks it is: signed requests fail when this
//! computer's clock is off by a quarter of an hour, and people cannot tell.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};

/// The `Date` of the newest response.
#[derive(Debug, Clone, Default)]
pub(crate) struct DateLog(Arc<Mutex<Option<Timestamp>>>);

impl DateLog {
    pub(crate) fn take(&self) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn record(&self, date: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(date);
    }
}

/// Connects as another connector does and notes each response's `Date`.
#[derive(Debug)]
pub(crate) struct DatedConnector {
    pub(crate) inner: Arc<dyn HttpConnector>,
    pub(crate) dates: DateLog,
}

impl HttpConnector for DatedConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = self.inner.connect(options)?;
        Ok(HttpClient::new(DatedService { inner, dates: self.dates.clone() }))
    }
}

#[derive(Debug)]
struct DatedService {
    inner: HttpClient,
    dates: DateLog,
}

#[async_trait::async_trait]
impl HttpService for DatedService {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.inner.execute(request).await?;
        if let Some(date) = response.headers().get("date").and_then(|date| parse(date.as_bytes())) {
            self.dates.record(date);
        }
        Ok(response)
    }
}

/// An HTTP date in the one form that is still sent: RFC 9110's IMF-fixdate,
/// a subset of RFC 2822.
fn parse(date: &[u8]) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_date_is_read() {
        let date = parse(b"Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date.to_string(), "1994-11-06T08:49:37Z");
        assert_eq!(parse(b"soon"), None);
        assert_eq!(parse(b""), None);
    }
}
