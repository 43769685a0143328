//! Two ways to reach the practice API: over a loopback socket, for the
//! official client and for machines, and in process, for virtual time. Both
//! honour answers that are no answers. Nothing here ever listens elsewhere
//! than on a loopback address.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::response::Response;
use clouds::{Http, HttpError, MAX_ANSWER_BYTES, Timeout};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::reply::Broken;

/// Longest exchange in process when the request says nothing.
const LONGEST: Duration = Duration::from_mins(1);

/// The practice API on a socket. Dropping it closes the listener and every
/// connection.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Served {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, what `VAST_URL` takes.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the API on 127.0.0.1, on a port the system picks.
///
/// # Errors
/// When the system gives no port.
pub async fn serve(router: Router) -> io::Result<Served> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        // Aborted with the task, and with it every connection.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(stream, router.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "failed to accept a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    });
    Ok(Served { address, task })
}

async fn connection(stream: TcpStream, router: Router) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let response = ask(router, request.map(Body::new)).await;
            // An error makes hyper close the connection without a word.
            if response.extensions().get::<Broken>().is_some() {
                return Err(io::Error::from(io::ErrorKind::ConnectionReset));
            }
            Ok(response)
        }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the practice cloud ended");
    }
}

async fn ask(router: Router, request: Request<Body>) -> Response {
    match TowerToHyperService::new(router).call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The practice API without a socket, behind the seam of the cloud clients.
#[derive(Clone)]
pub struct InProcess(Router);

impl InProcess {
    /// Asks this router.
    #[must_use]
    pub const fn new(router: Router) -> Self {
        Self(router)
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InProcess").finish_non_exhaustive()
    }
}

#[async_trait]
impl Http for InProcess {
    async fn send(&self, request: Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let failed = |unsent: bool, cause: &str| HttpError { unsent, cause: cause.to_owned() };
        let limit = request.extensions().get::<Timeout>().map_or(LONGEST, |given| given.0);
        let exchange = async {
            let response = ask(self.0.clone(), request.map(Body::from)).await;
            match response.extensions().get::<Broken>() {
                Some(Broken::Reset) => return Err(failed(false, "connection reset")),
                Some(Broken::Unsent) => return Err(failed(true, "connection refused")),
                None => {}
            }
            let (head, body) = response.into_parts();
            let body = to_bytes(body, MAX_ANSWER_BYTES)
                .await
                .map_err(|_| failed(false, "the answer could not be read"))?;
            Ok(http::Response::from_parts(head, body))
        };
        tokio::time::timeout(limit, exchange).await.map_err(|_| failed(false, "timed out"))?
    }
}
