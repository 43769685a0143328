//! What the store was asked and what it answered, for tests and for the
//! window's practice panel. It never holds a query, so no signature and no
//! session token can end up here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use super::locked;

/// Requests kept; older ones are forgotten, the counters stay.
const KEPT: usize = 1 << 16;

/// One request.
#[derive(Debug, Clone)]
pub struct StoreRequest {
    /// Method.
    pub method: Method,
    /// Bucket; empty for a request about all buckets.
    pub bucket: String,
    /// The object's key, or the prefix that a listing asked for.
    pub key: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The answer's status; absent while there is none, and for ever when the
    /// connection was cut.
    pub status: Option<u16>,
    /// Bytes of the answer's body that were handed to the connection so far.
    pub bytes: u64,
    /// When it arrived, since the store's start.
    pub at: Duration,
    /// The fault that struck it: its place in the list given to `set_faults`.
    pub fault: Option<usize>,
}

/// How much was asked since the store's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreCounters {
    /// Requests.
    pub requests: u64,
    /// Requests that are not answered in full yet.
    pub in_flight: u64,
    /// The most there ever were at once.
    pub most_in_flight: u64,
    /// Bytes of answers' bodies.
    pub bytes: u64,
    /// Connections accepted; calls without a socket count none.
    pub connections: u64,
}

#[derive(Debug)]
pub(super) struct Journal {
    started: Instant,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    rows: VecDeque<Row>,
    counters: StoreCounters,
}

#[derive(Debug)]
struct Row {
    request: StoreRequest,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    /// 0 means none yet.
    status: AtomicU64,
    bytes: AtomicU64,
}

impl Journal {
    pub fn new() -> Self {
        Self { started: Instant::now(), book: Mutex::default() }
    }

    pub fn connected(&self) {
        locked(&self.book).counters.connections += 1;
    }

    /// Writes a request down; `at` is filled in here.
    pub fn open(self: &Arc<Self>, mut request: StoreRequest) -> Entry {
        request.at = self.started.elapsed();
        let tally = Arc::new(Tally::default());
        let mut book = locked(&self.book);
        if book.rows.len() == KEPT {
            book.rows.pop_front();
        }
        book.rows.push_back(Row { request, tally: tally.clone() });
        let counters = &mut book.counters;
        counters.requests += 1;
        counters.in_flight += 1;
        counters.most_in_flight = counters.most_in_flight.max(counters.in_flight);
        Entry { journal: self.clone(), tally }
    }

    pub fn requests(&self) -> Vec<StoreRequest> {
        let book = locked(&self.book);
        book.rows
            .iter()
            .map(|row| StoreRequest {
                status: u16::try_from(row.tally.status.load(Ordering::Acquire))
                    .ok()
                    .filter(|status| *status != 0),
                bytes: row.tally.bytes.load(Ordering::Acquire),
                ..row.request.clone()
            })
            .collect()
    }

    pub fn counters(&self) -> StoreCounters {
        locked(&self.book).counters
    }

    pub fn forget(&self) {
        locked(&self.book).rows.clear();
    }
}

/// A request under way; dropped when its answer is through.
#[derive(Debug)]
pub(super) struct Entry {
    journal: Arc<Journal>,
    tally: Arc<Tally>,
}

impl Entry {
    pub fn answered(&self, status: http::StatusCode) {
        self.tally.status.store(status.as_u16().into(), Ordering::Release);
    }

    pub fn sent(&self, bytes: u64) {
        self.tally.bytes.fetch_add(bytes, Ordering::AcqRel);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let counters = &mut locked(&self.journal.book).counters;
        counters.in_flight -= 1;
        counters.bytes += self.tally.bytes.load(Ordering::Acquire);
    }
}
