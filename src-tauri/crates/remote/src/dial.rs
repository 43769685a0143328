//! From an address to a machine that has proved itself.
//!
//! An address says little: a machine's server refuses, resets, stays silent or
//! does not know our key yet, and a relay accepts connections long before any
//! server exists behind it. So every address is tried again and again, side by
//! side, until one whole pre-flight is read.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use model::{Addresses, Endpoint, Route, clean};
use russh::client::{self, AuthResult, GexParams};
use russh::keys::{HashAlg, PublicKey};
use russh::{Preferred, cipher, kex};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::trace;

use crate::connection::Client;
use crate::{
    BoxedStream, Connection, Identity, LaneSecret, MachineReport, Params, RemoteError, Script,
    Transport, parse_preflight,
};

/// Connections kept open at a time on one route: a relay may hold the very
/// one it will answer.
const OPEN_AT_MOST: usize = 8;
/// A handshake that takes longer than so many attempts may have stalled:
/// others are tried beside it.
const HANDSHAKE_ATTEMPTS: u32 = 8;

/// What is needed to reach one machine.
#[derive(Debug, Clone)]
pub struct Dial {
    /// How streams are opened.
    pub transport: Arc<dyn Transport>,
    /// The run's key.
    pub identity: Identity,
    /// Whom to believe.
    pub expect: Expect,
    /// Where the restore will go; its disk is measured.
    pub target: String,
    /// How often to try.
    pub retry: Retry,
}

/// Whom to believe (rules.md T2).
#[derive(Debug, Clone)]
pub enum Expect {
    /// The machine that knows this lane's secret.
    Proof(LaneSecret),
    /// The machine with this key, proved before.
    Pinned(PublicKey),
    /// Whoever answers first, unless a proof says that it is another: only where
    /// the user chose so.
    FirstUse(LaneSecret),
}

/// How often and how long to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// From attempt to attempt on one address.
    pub every: Duration,
    /// One attempt, from the banner to the pre-flight.
    pub attempt: Duration,
    /// From sign of life to sign of life on an idle connection.
    pub keep_alive: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            every: Duration::from_millis(250),
            attempt: Duration::from_secs(10),
            keep_alive: Duration::from_secs(2),
        }
    }
}

/// Told whenever an SSH server greets, and on which way.
pub type OnBanner = Arc<dyn Fn(Route) + Send + Sync>;

/// A machine that has proved itself.
#[derive(Debug)]
pub struct Reached {
    /// The connection.
    pub connection: Connection,
    /// What the machine told about itself.
    pub report: MachineReport,
    /// It is the machine that was rented; else nobody knows better.
    pub proved: bool,
}

/// Tries every address, as they become known, until one machine has proved
/// itself or turned out to be the wrong one. Never gives up by itself; drop
/// the future to stop.
///
/// # Errors
/// Only a matter of trust ends it: [`RemoteError::is_about_trust`].
pub async fn reach(
    dial: &Dial,
    addresses: watch::Receiver<Addresses>,
    on_banner: OnBanner,
) -> Result<Reached, RemoteError> {
    let direct = try_route(dial, Route::Direct, addresses.clone(), Arc::clone(&on_banner));
    let proxy = try_route(dial, Route::Proxy, addresses, on_banner);
    tokio::select! {
        reached = direct => reached,
        reached = proxy => reached,
    }
}

async fn try_route(
    dial: &Dial,
    route: Route,
    mut addresses: watch::Receiver<Addresses>,
    on_banner: OnBanner,
) -> Result<Reached, RemoteError> {
    loop {
        let endpoint = {
            let known = addresses.borrow_and_update();
            match route {
                Route::Direct => known.direct.clone(),
                Route::Proxy => known.proxy.clone(),
            }
        };
        let Some(endpoint) = endpoint else {
            wait_for_change(&mut addresses).await;
            continue;
        };
        tokio::select! {
            reached = try_endpoint(dial, route, &endpoint, &on_banner) => return reached,
            () = wait_for_other(&mut addresses, route, &endpoint) => {}
        }
    }
}

async fn wait_for_change(addresses: &mut watch::Receiver<Addresses>) {
    if addresses.changed().await.is_err() {
        // Nobody will ever tell another address.
        std::future::pending::<()>().await;
    }
}

async fn wait_for_other(addresses: &mut watch::Receiver<Addresses>, route: Route, now: &Endpoint) {
    loop {
        wait_for_change(addresses).await;
        let known = addresses.borrow();
        let next = match route {
            Route::Direct => known.direct.as_ref(),
            Route::Proxy => known.proxy.as_ref(),
        };
        if next != Some(now) {
            return;
        }
    }
}

type Trying<'a> = Pin<Box<dyn Future<Output = Result<Reached, RemoteError>> + Send + 'a>>;

struct Attempt<'a> {
    trying: Trying<'a>,
    progress: Arc<Progress>,
}

/// How far an attempt has come.
#[derive(Debug, Default)]
struct Progress {
    greeted: OnceLock<Instant>,
    admitted: AtomicBool,
}

impl Progress {
    /// There is no need for another attempt.
    fn is_promising(&self, handshake: Duration) -> bool {
        self.admitted.load(Ordering::Relaxed)
            || self.greeted.get().is_some_and(|greeted| greeted.elapsed() < handshake)
    }
}

/// Makes room for one more attempt. One that was greeted is never given up
/// for it: the way may just be long.
fn make_room(attempts: &mut Vec<Attempt<'_>>) -> bool {
    if attempts.len() < OPEN_AT_MOST {
        return true;
    }
    let silent = attempts.iter().position(|attempt| attempt.progress.greeted.get().is_none());
    silent.map(|oldest| attempts.remove(oldest)).is_some()
}

/// A fresh attempt every quarter of a second, unless one has been greeted and
/// is busy; the silent ones before it stay open for a while.
async fn try_endpoint(
    dial: &Dial,
    route: Route,
    endpoint: &Endpoint,
    on_banner: &OnBanner,
) -> Result<Reached, RemoteError> {
    let mut attempts: Vec<Attempt<'_>> = Vec::new();
    loop {
        let next = Instant::now() + dial.retry.every;
        let handshake = dial.retry.every * HANDSHAKE_ATTEMPTS;
        let busy = attempts.iter().any(|attempt| attempt.progress.is_promising(handshake));
        if !busy && make_room(&mut attempts) {
            let progress = Arc::<Progress>::default();
            let trying =
                Box::pin(whole_attempt(dial, route, endpoint, on_banner, Arc::clone(&progress)));
            attempts.push(Attempt { trying, progress });
        }
        let pause = sleep_until(next);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                result = first_ended(&mut attempts), if !attempts.is_empty() => match result {
                    Ok(reached) => return Ok(reached),
                    Err(error) if error.is_about_trust() => return Err(error),
                    Err(error) => trace!(%endpoint, %error, "an attempt failed"),
                },
                () = &mut pause => break,
            }
        }
    }
}

/// The first attempt that ends; it is taken out.
async fn first_ended(attempts: &mut Vec<Attempt<'_>>) -> Result<Reached, RemoteError> {
    std::future::poll_fn(|context| {
        for index in 0..attempts.len() {
            if let Poll::Ready(result) = attempts[index].trying.as_mut().poll(context) {
                drop(attempts.remove(index));
                return Poll::Ready(result);
            }
        }
        Poll::Pending
    })
    .await
}

async fn whole_attempt(
    dial: &Dial,
    route: Route,
    endpoint: &Endpoint,
    on_banner: &OnBanner,
    progress: Arc<Progress>,
) -> Result<Reached, RemoteError> {
    let (on_banner, ours) = (Arc::clone(on_banner), Arc::clone(&progress));
    let greeting = move || {
        ours.greeted.get_or_init(Instant::now);
        on_banner(route);
    };
    let connection = attempt(dial, route, endpoint, greeting).await?;
    progress.admitted.store(true, Ordering::Relaxed);
    let params = Params::new().with("target", &dial.target);
    loop {
        let output = connection.run_ok(Script::Preflight, &params, dial.retry.attempt).await?;
        let report = parse_preflight(&output.text())?;
        match (&dial.expect, &report.proof) {
            (Expect::Proof(_), None) => {
                // Onstart has not come that far; the connection is kept.
                sleep(dial.retry.every).await;
            }
            (Expect::Proof(secret) | Expect::FirstUse(secret), Some(proof)) => {
                proof.check(secret, connection.host_key())?;
                return Ok(Reached { connection, report, proved: true });
            }
            (Expect::Pinned(_), _) => return Ok(Reached { connection, report, proved: true }),
            (Expect::FirstUse(_), None) => {
                return Ok(Reached { connection, report, proved: false });
            }
        }
    }
}

/// One attempt: a stream, the server's greeting, the key exchange, the login.
///
/// # Errors
/// Whatever stands in the way; only trust is final.
pub async fn attempt(
    dial: &Dial,
    route: Route,
    endpoint: &Endpoint,
    on_banner: impl FnOnce() + Send + Unpin + 'static,
) -> Result<Connection, RemoteError> {
    let stream = dial
        .transport
        .open(endpoint)
        .await
        .map_err(|error| RemoteError::Unreachable(format!("{endpoint}: {error}")))?;
    let stream = Greeted { stream, on_banner: Some(on_banner), head: Vec::new() };
    let pinned = match &dial.expect {
        Expect::Pinned(key) => Some(key.clone()),
        Expect::Proof(_) | Expect::FirstUse(_) => None,
    };
    let client = Client::new(pinned.clone());
    let config = client::Config {
        keepalive_interval: Some(dial.retry.keep_alive),
        keepalive_max: 3,
        // Signs of life begin after the login: this also ends a handshake that
        // stalls.
        inactivity_timeout: Some(dial.retry.attempt),
        nodelay: true,
        preferred: preferred(),
        gex: gex(),
        ..client::Config::default()
    };
    let opened = client::connect_stream(Arc::new(config), stream, client.clone()).await;
    let seen = client.seen();
    let mut handle = opened.map_err(|error| match (&error, &pinned, &seen) {
        (russh::Error::UnknownKey, Some(pinned), Some(seen)) => RemoteError::HostKeyChanged {
            pinned: pinned.fingerprint(HashAlg::Sha256).to_string(),
            seen: seen.fingerprint(HashAlg::Sha256).to_string(),
        },
        _ => RemoteError::Ssh(clean(&error.to_string(), 200)),
    })?;
    let seen = seen.ok_or_else(|| RemoteError::Ssh("no host key was shown".into()))?;
    let login = handle.authenticate_publickey(endpoint.user.clone(), dial.identity.for_login(None));
    match timeout(dial.retry.attempt, login).await {
        Ok(Ok(AuthResult::Success)) => Ok(Connection::new(handle, seen, route)),
        Ok(Ok(AuthResult::Failure { .. })) => Err(RemoteError::KeyNotAccepted),
        Ok(Err(error)) => Err(RemoteError::Ssh(clean(&error.to_string(), 200))),
        Err(_) => Err(RemoteError::Unreachable(format!("{endpoint}: silent after its greeting"))),
    }
}

/// Groups that a handshake can be made with in no time; the library would ask
/// for the largest, and take seconds.
fn gex() -> GexParams {
    GexParams::new(2_048, 3_072, 8_192).unwrap_or_default()
}

/// What the library prefers, and after it what strict servers may have alone:
/// the curves and the cipher of government profiles. Nothing with SHA-1.
fn preferred() -> Preferred {
    let Preferred { kex: known, cipher: ciphers, .. } = Preferred::DEFAULT;
    let curves = [kex::ECDH_SHA2_NISTP256, kex::ECDH_SHA2_NISTP384, kex::ECDH_SHA2_NISTP521];
    Preferred {
        kex: known.iter().copied().chain(curves).collect(),
        cipher: ciphers.iter().copied().chain([cipher::AES_128_GCM]).collect(),
        ..Preferred::DEFAULT
    }
}

/// A stream that tells when the server's greeting comes.
struct Greeted<F> {
    stream: BoxedStream,
    on_banner: Option<F>,
    /// The first bytes, as long as the greeting is not among them.
    head: Vec<u8>,
}

impl<F: FnOnce() + Unpin> AsyncRead for Greeted<F> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(context, buffer);
        if this.on_banner.is_some() {
            this.head.extend_from_slice(&buffer.filled()[before..]);
            if this.head.windows(4).any(|window| window == b"SSH-")
                && let Some(tell) = this.on_banner.take()
            {
                tell();
                this.head = Vec::new();
            }
            // Servers may say a few lines before they greet; not this many.
            this.head.truncate(8 << 10);
        }
        result
    }
}

impl<F: Unpin> AsyncWrite for Greeted<F> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
