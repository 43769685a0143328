//! The practice object store: S3 on 127.0.0.1 over a folder. It stands in for
//! Cloudflare R2 in practice mode and in every test, with the latency, the
//! bandwidth and the faults that a test asks for.
//!
//! It must never listen on another address, never follow a key or a link out
//! of its folder, and never verify a signature by itself: `s3s` does that.

mod clock;
mod connector;
mod fault;
mod files;
mod front;
mod gate;
mod journal;
mod key;
mod listing;
mod outgoing;
mod read;
mod rights;
mod s3;
mod serve;
mod temporary;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::aws::AmazonS3Builder;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::connector::StoreConnector;
use self::fault::Faults;
pub use self::fault::{KeyMatch, RequestMatch, StoreFault, What, When};
use self::files::Files;
use self::front::Front;
use self::gate::Barrier;
pub use self::gate::Gate;
use self::journal::Journal;
pub use self::journal::{StoreCounters, StoreRequest};
use self::rights::Rights;
pub use self::rights::{Action, Grant};

/// Why the store did not start.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Its folder cannot be used.
    #[error("open the practice store's folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not 3 to 63 of `a-z0-9.-`.
    #[error("create the bucket \"{0}\": not a bucket's name")]
    BucketName(String),
    /// No loopback port is free, or loopback is missing.
    #[error("listen on 127.0.0.1: {0}")]
    Listen(io::Error),
}

/// What a store is started with.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Folder of the buckets; made if it is missing. One store a folder: what
    /// an earlier store left half-written in it is removed.
    pub root: PathBuf,
    /// A bucket that exists from the start.
    pub bucket: String,
    /// How slow it is at first.
    pub gate: Gate,
}

impl StoreOptions {
    /// A store without delays.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, bucket: impl Into<String>) -> Self {
        Self { root: root.into(), bucket: bucket.into(), gate: Gate::default() }
    }
}

/// A running store. Dropping it stops it: answers under way finish, no new
/// ones begin.
#[derive(Debug)]
pub struct Store {
    front: Arc<Front>,
    address: SocketAddr,
    bucket: String,
    owner: Grant,
    serving: JoinHandle<()>,
    stop: DropGuard,
}

impl Store {
    /// Starts a store on a port that the kernel picks, with a key pair of its
    /// own.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn start(options: StoreOptions) -> Result<Self, StoreError> {
        let StoreOptions { root, bucket, gate } = options;
        if !s3s::path::check_bucket_name(&bucket) {
            return Err(StoreError::BucketName(bucket));
        }
        let files = open(root, bucket.clone()).await?;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StoreError::Listen)?;
        let address = listener.local_addr().map_err(StoreError::Listen)?;
        let secret = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let owner = Grant::owner(format!("{:032x}", rand::random::<u128>()), secret.into());
        let rights = Rights::default();
        rights.add(owner.clone());
        let stop = CancellationToken::new();
        let front = Arc::new(Front {
            files: Arc::new(files),
            rights: Arc::new(rights),
            clock: clock::Clock::default(),
            barrier: Arc::new(Barrier::new(gate)),
            faults: Mutex::default(),
            journal: Arc::new(Journal::new()),
            stop: stop.clone(),
        });
        let serving = tokio::spawn(serve::serve(listener, front.clone(), stop.clone()));
        Ok(Self { front, address, bucket, owner, serving, stop: stop.drop_guard() })
    }

    /// `http://127.0.0.1:PORT`, for path-style requests; any region will do.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bucket from the options.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The owner's access key id; it may do everything.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.owner.access_key
    }

    /// The owner's secret access key.
    #[must_use]
    pub fn secret_key(&self) -> &SecretString {
        &self.owner.secret_key
    }

    /// A client of the first bucket with the owner's key, over the socket. Add
    /// [`Self::connector`] to do without one.
    #[must_use]
    pub fn client(&self) -> AmazonS3Builder {
        AmazonS3Builder::new()
            .with_endpoint(self.endpoint())
            .with_allow_http(true)
            .with_region("auto")
            .with_bucket_name(&self.bucket)
            .with_access_key_id(&self.owner.access_key)
            .with_secret_access_key(self.owner.secret_key.expose_secret())
    }

    /// The way in without a socket, for `AmazonS3Builder::with_http_connector`.
    #[must_use]
    pub fn connector(&self) -> StoreConnector {
        StoreConnector(self.front.clone())
    }

    /// Lets a further key in. One with the same id and session token is replaced.
    pub fn grant(&self, grant: Grant) {
        self.front.rights.add(grant);
    }

    /// Shuts a key out, with all its session tokens.
    pub fn revoke(&self, access_key: &str) {
        self.front.rights.remove(access_key);
    }

    /// Sets latency and bandwidth, for answers under way too.
    pub fn set_gate(&self, gate: Gate) {
        self.front.barrier.set(gate);
    }

    /// Replaces all faults; their counts start anew.
    pub fn set_faults(&self, faults: Vec<StoreFault>) {
        *locked(&self.front.faults) = Faults::new(faults);
    }

    /// How often each fault struck, in their order.
    #[must_use]
    pub fn faults_struck(&self) -> Vec<u64> {
        locked(&self.front.faults).struck()
    }

    /// Sets the store's clock so many seconds fast, or slow when negative: its
    /// `Date`, and what it takes for expired.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.front.clock.set_offset(seconds);
    }

    /// The requests so far, oldest first; at most the last 65,536.
    #[must_use]
    pub fn requests(&self) -> Vec<StoreRequest> {
        self.front.journal.requests()
    }

    /// Empties the list of requests; the counters stay.
    pub fn forget_requests(&self) {
        self.front.journal.forget();
    }

    /// Counts since the start.
    #[must_use]
    pub fn counters(&self) -> StoreCounters {
        self.front.journal.counters()
    }

    /// Stops and waits until the last connection is closed.
    pub async fn stop(self) {
        drop(self.stop);
        // It ends in no other way but with the runtime.
        let _ = self.serving.await;
    }
}

async fn open(root: PathBuf, bucket: String) -> Result<Files, StoreError> {
    let path = root.clone();
    let work = move || {
        let files = Files::open(&root)?;
        match files.create_bucket(&bucket) {
            Err(error) if *error.code() != s3s::S3ErrorCode::BucketAlreadyOwnedByYou => {
                Err(io::Error::other(error))
            }
            _ => Ok(files),
        }
    };
    let opened = spawn_blocking(work).await.map_err(io::Error::other).and_then(|opened| opened);
    opened.map_err(|source| StoreError::Folder { path, source })
}

/// A panic elsewhere leaves the data as good as it was.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
