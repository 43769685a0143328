//! The store without a socket, for `object_store`: tests under a paused
//! clock need it, because a paused clock runs ahead while a socket waits.

use std::io;
use std::sync::Arc;

use http::{HeaderValue, header};
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use s3s::{Body, StdError};

use super::front::{Front, has_body};

/// Calls the store in this process.
#[derive(Debug, Clone)]
pub struct StoreConnector(pub(super) Arc<Front>);

impl HttpConnector for StoreConnector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for StoreConnector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut request = request.map(Body::http_body);
        if let Some(host) = request.uri().authority().map(|host| host.as_str().to_owned())
            && let Ok(host) = HeaderValue::try_from(host)
        {
            request.headers_mut().entry(header::HOST).or_insert(host);
        }
        let with_body = has_body(request.method());
        let answered = self.0.answer(request, None).await;
        let response = answered.map_err(|broken| interrupted(broken.into()))?;
        Ok(response.map(|body| {
            if with_body {
                HttpResponseBody::new(body.map_err(interrupted))
            } else {
                HttpResponseBody::from(bytes::Bytes::new())
            }
        }))
    }
}

fn interrupted(error: StdError) -> HttpError {
    HttpError::new(HttpErrorKind::Interrupted, io::Error::other(error))
}
