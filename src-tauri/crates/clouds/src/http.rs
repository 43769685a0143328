//! The seam under every cloud client: one HTTP exchange. The real one is
//! [`Wire`]; the practice cloud answers through the same trait without a
//! socket, so that whole races run in virtual time. An exchange is never
//! repeated, never redirected, and its errors never name an address.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

/// The longest answer that is read. A longer one is an error, not a short one.
pub const MAX_ANSWER_BYTES: usize = 16 << 20;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A pooled connection the server closed in the meantime would turn a create
/// into "nobody knows", so connections are not kept for long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// One exchange: a request out, a whole response back. Never retries.
#[async_trait]
pub trait Http: Send + Sync + fmt::Debug {
    /// Sends and waits for the whole answer. A [`Timeout`] among the request's
    /// extensions says for how long.
    async fn send(&self, request: http::Request<Bytes>)
    -> Result<http::Response<Bytes>, HttpError>;
}

/// How long an exchange may take, body included: put among a request's
/// extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout(pub Duration);

/// Why there is no answer. Carries no URL: query strings may hold keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct HttpError {
    /// The request surely never reached the server.
    pub unsent: bool,
    /// What was seen.
    pub cause: String,
}

/// HTTP over sockets.
#[derive(Debug, Clone)]
pub struct Wire {
    client: reqwest::Client,
    timeout: Duration,
}

impl Wire {
    /// A client whose exchanges take at most `timeout` when the request itself
    /// says nothing. Proxies from the environment are not used: they would be
    /// shown calls to loopback addresses, and the key with them.
    ///
    /// # Errors
    /// When TLS cannot be set up on this computer.
    pub fn new(timeout: Duration) -> Result<Self, HttpError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(concat!("dumont-cloud/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| seen(error, true))?;
        Ok(Self { client, timeout })
    }
}

#[async_trait]
impl Http for Wire {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let timeout = request.extensions().get::<Timeout>().map_or(self.timeout, |given| given.0);
        let mut request = reqwest::Request::try_from(request).map_err(|error| seen(error, true))?;
        *request.timeout_mut() = Some(timeout);

        // Only a failure to connect proves that nothing was written.
        let mut answer = self.client.execute(request).await.map_err(|error| {
            let unsent = error.is_connect() || error.is_builder();
            seen(error, unsent)
        })?;

        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| seen(error, false))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(HttpError {
                    unsent: false,
                    cause: format!("the answer is longer than {} MiB", MAX_ANSWER_BYTES >> 20),
                });
            }
            body.extend_from_slice(&chunk);
        }
        *response.body_mut() = body.freeze();
        Ok(response)
    }
}

fn seen(error: reqwest::Error, unsent: bool) -> HttpError {
    let error = error.without_url();
    let mut cause =
        if error.is_timeout() { "timed out".to_owned() } else { error.to_string().to_lowercase() };
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string().to_lowercase();
        if !cause.contains(&text) {
            cause = format!("{cause}: {text}");
        }
        source = inner.source();
    }
    HttpError { unsent, cause: model::clean(&cause, 300) }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Accepts connections one after the other, reads one request from each
    /// and answers with the bytes given; `None` leaves it unanswered.
    async fn server(answers: Vec<Option<Vec<u8>>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut open = Vec::new();
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                assert_ne!(socket.read(&mut buffer).await.unwrap(), 0);
                match answer {
                    Some(bytes) => {
                        // The client may hang up in mid-answer.
                        let _ = socket.write_all(&bytes).await;
                        let _ = socket.shutdown().await;
                    }
                    None => open.push(socket),
                }
            }
            std::future::pending::<()>().await;
        });
        address
    }

    fn get(address: SocketAddr) -> http::Request<Bytes> {
        http::Request::get(format!("http://{address}/secret-path?api_key=secret"))
            .body(Bytes::new())
            .unwrap()
    }

    fn wire() -> Wire {
        Wire::new(Duration::from_secs(20)).unwrap()
    }

    #[tokio::test]
    async fn an_answer_comes_back_whole() {
        let address =
            server(vec![Some(b"HTTP/1.1 418 x\r\nx-a: b\r\nContent-Length: 2\r\n\r\nhi".to_vec())])
                .await;
        let response = wire().send(get(address)).await.unwrap();
        assert_eq!(response.status(), 418);
        assert_eq!(response.headers()["x-a"], "b");
        assert_eq!(&response.body()[..], b"hi");
    }

    #[tokio::test]
    async fn a_refused_connection_is_surely_unsent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = wire().send(get(address)).await.unwrap_err();
        assert!(error.unsent, "{error}");
        assert!(!error.cause.contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn a_connection_closed_without_an_answer_proves_nothing() {
        let address =
            server(vec![Some(Vec::new()), Some(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())]).await;
        let error = wire().send(get(address)).await.unwrap_err();
        assert!(!error.unsent, "{error}");
        assert!(!error.cause.contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn an_answer_cut_short_is_an_error() {
        let address =
            server(vec![Some(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec())]).await;
        let error = wire().send(get(address)).await.unwrap_err();
        assert!(!error.unsent, "{error}");
    }

    #[tokio::test]
    async fn the_request_says_how_long_it_may_take() {
        let address = server(vec![None]).await;
        let mut request = get(address);
        request.extensions_mut().insert(Timeout(Duration::from_millis(50)));
        let error = wire().send(request).await.unwrap_err();
        assert!(!error.unsent, "{error}");
        assert!(error.cause.contains("timed out"), "{error}");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_like_any_other() {
        let address = server(vec![Some(
            b"HTTP/1.1 301 x\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n".to_vec(),
        )])
        .await;
        assert_eq!(wire().send(get(address)).await.unwrap().status(), 301);
    }

    #[tokio::test]
    async fn an_endless_answer_is_given_up() {
        let mut bytes = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        bytes.resize(bytes.len() + MAX_ANSWER_BYTES + 1, b' ');
        let address = server(vec![Some(bytes)]).await;
        let error = wire().send(get(address)).await.unwrap_err();
        assert!(error.cause.contains("16 MiB"), "{error}");
    }
}
