//! Which range is read next: the critical ones first, and what somebody wants
//! at the front.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::files::FileState;
use crate::plan;

/// Bulk requests that may be under way beside critical ones, at least.
const BESIDE_CRITICAL: usize = 2;

/// How soon a range is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// It holds up what is wanted first.
    Urgent,
    /// Somebody waits for it.
    Front,
    /// Work can start when it is there.
    Critical,
    /// The rest.
    Bulk,
}

/// A range whose files are known.
#[derive(Debug)]
pub(crate) struct RangeState {
    /// The pack, by its place in the plan.
    pub(crate) pack: u32,
    /// Its place among all ranges of the plan.
    pub(crate) number: u64,
    pub(crate) is_critical: bool,
    pub(crate) blobs: Vec<BlobState>,
}

/// A blob that is still wanted.
#[derive(Debug)]
pub(crate) struct BlobState {
    pub(crate) blob: plan::Blob,
    pub(crate) targets: Vec<(Arc<FileState>, u64)>,
    /// Somebody has its bytes; only the first to set this may go on with them.
    pub(crate) is_read: AtomicBool,
    /// How often it could not be opened.
    pub(crate) tries: AtomicU8,
}

impl BlobState {
    pub(crate) const fn new(blob: plan::Blob, targets: Vec<(Arc<FileState>, u64)>) -> Self {
        Self { blob, targets, is_read: AtomicBool::new(false), tries: AtomicU8::new(0) }
    }
}

/// A part of a range to be read.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) range: Arc<RangeState>,
    /// Blobs, from and to.
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) class: Class,
    /// Attempts without a new blob.
    pub(crate) attempts: u32,
    /// When the first of those failed.
    pub(crate) failing_since: Option<Instant>,
    /// The ticket whose signature was refused.
    pub(crate) refused: Option<u64>,
    /// Somebody else is at it too, but slow.
    pub(crate) is_hedge: bool,
}

impl Job {
    pub(crate) fn new(range: Arc<RangeState>, class: Class) -> Self {
        Self {
            from: 0,
            to: range.blobs.len(),
            range,
            class,
            attempts: 0,
            failing_since: None,
            refused: None,
            is_hedge: false,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// By class and place in the plan; the last number tells jobs apart.
    ready: BTreeMap<(Class, u64, u64), Job>,
    next: u64,
    /// Waiting for a renewed ticket.
    parked: Vec<Job>,
    critical_under_way: usize,
    bulk_under_way: usize,
    allowed: usize,
    is_closed: bool,
}

/// All ranges that are known and not under way.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Notify,
    /// For readers that may not be at work yet.
    widened: Notify,
}

impl Queue {
    pub(crate) fn new(allowed: usize) -> Self {
        let queue = Self::default();
        queue.locked().allowed = allowed;
        queue
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, jobs: impl IntoIterator<Item = Job>) {
        let mut state = self.locked();
        for job in jobs {
            state.next += 1;
            let key = (job.class, job.range.number, state.next);
            state.ready.insert(key, job);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Ranges that are known and nobody reads.
    pub(crate) fn len(&self) -> usize {
        self.locked().ready.len()
    }

    /// How many readers may be at work.
    pub(crate) fn allowed(&self) -> usize {
        self.locked().allowed
    }

    /// The next job for this reader; `None` when there will be no more.
    pub(crate) async fn take(&self, reader: usize) -> Option<Job> {
        loop {
            let (changed, widened) = (self.changed.notified(), self.widened.notified());
            tokio::pin!(changed, widened);
            changed.as_mut().enable();
            widened.as_mut().enable();
            let may_work = {
                let mut state = self.locked();
                if state.is_closed {
                    return None;
                }
                if let Some(job) = state.next(reader) {
                    return Some(job);
                }
                reader < state.allowed
            };
            if may_work {
                changed.await;
            } else {
                widened.await;
            }
        }
    }

    /// A job that `take` gave, or an early reading, has ended.
    pub(crate) fn ended(&self, class: Class) {
        self.locked().count(class, false);
        self.changed.notify_waiters();
    }

    /// A reading has begun that `take` did not give.
    pub(crate) fn began(&self, class: Class) {
        self.locked().count(class, true);
    }

    /// Sets how many readers may be at work.
    pub(crate) fn allow(&self, readers: usize) {
        let mut state = self.locked();
        if state.allowed != readers {
            state.allowed = readers;
            drop(state);
            self.changed.notify_waiters();
            self.widened.notify_waiters();
        }
    }

    /// Keeps a job until there is a renewed ticket.
    pub(crate) fn park(&self, job: Job) {
        self.locked().parked.push(job);
    }

    /// Takes up again what waited for a ticket.
    pub(crate) fn unpark(&self) {
        let parked = std::mem::take(&mut self.locked().parked);
        self.push(parked);
    }

    pub(crate) fn has_parked(&self) -> bool {
        !self.locked().parked.is_empty()
    }

    /// Moves what fits to the front, and says whether anything did.
    pub(crate) fn front(&self, fits: impl Fn(&RangeState) -> bool) -> bool {
        let mut state = self.locked();
        let keys: Vec<_> = state
            .ready
            .iter()
            .filter(|((class, ..), job)| *class > Class::Front && fits(&job.range))
            .map(|(key, _)| *key)
            .collect();
        let found = !keys.is_empty();
        for key in keys {
            if let Some(mut job) = state.ready.remove(&key) {
                job.class = Class::Front;
                state.ready.insert((Class::Front, key.1, key.2), job);
            }
        }
        drop(state);
        self.changed.notify_waiters();
        found
    }

    /// Nothing more is given out, and what is there is forgotten.
    pub(crate) fn close(&self) {
        let mut state = self.locked();
        state.is_closed = true;
        state.ready.clear();
        state.parked.clear();
        drop(state);
        self.changed.notify_waiters();
        self.widened.notify_waiters();
    }
}

impl State {
    fn count(&mut self, class: Class, began: bool) {
        let count = match class {
            Class::Bulk => &mut self.bulk_under_way,
            _ => &mut self.critical_under_way,
        };
        *count = if began { *count + 1 } else { count.saturating_sub(1) };
    }

    fn next(&mut self, reader: usize) -> Option<Job> {
        if reader >= self.allowed {
            return None;
        }
        let (class, ..) = *self.ready.first_key_value()?.0;
        // The line belongs to the critical ones as long as they are on it.
        let is_reserved = class == Class::Bulk
            && self.critical_under_way > 0
            && self.bulk_under_way >= self.critical_under_way.max(BESIDE_CRITICAL);
        if is_reserved {
            return None;
        }
        let (_, job) = self.ready.pop_first()?;
        self.count(class, true);
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u64, class: Class) -> Job {
        let is_critical = class == Class::Critical;
        let range = RangeState { pack: 0, number, is_critical, blobs: Vec::new() };
        Job::new(Arc::new(range), class)
    }

    fn numbers(queue: &Queue) -> Vec<u64> {
        let mut state = queue.locked();
        std::iter::from_fn(|| state.next(0)).map(|job| job.range.number).collect()
    }

    #[test]
    fn critical_ranges_go_first_and_few_others_beside_them() {
        let queue = Queue::new(1);
        queue.push((0..10).map(|n| job(n, Class::Bulk)));
        queue.push((10..14).map(|n| job(n, Class::Critical)));
        // The four critical ones, and as many others.
        assert_eq!(numbers(&queue), [10, 11, 12, 13, 0, 1, 2, 3]);
        for _ in 0..3 {
            queue.ended(Class::Critical);
            queue.ended(Class::Bulk);
        }
        // One of each is under way: one more will do.
        assert_eq!(numbers(&queue), [4]);
        queue.ended(Class::Critical);
        assert_eq!(numbers(&queue), [5, 6, 7, 8, 9]);
    }

    #[test]
    fn what_is_moved_to_the_front_is_next() {
        let queue = Queue::new(1);
        queue.push((0..6).map(|n| job(n, Class::Bulk)));
        assert!(queue.front(|range| range.number % 2 == 1));
        assert!(!queue.front(|range| range.number > 100));
        assert_eq!(numbers(&queue), [1, 3, 5, 0, 2, 4]);
    }

    #[test]
    fn readers_beyond_the_width_get_nothing() {
        let queue = Queue::new(1);
        queue.push([job(0, Class::Bulk)]);
        assert!(queue.locked().next(1).is_none());
        queue.allow(2);
        assert!(queue.locked().next(1).is_some());
    }
}
