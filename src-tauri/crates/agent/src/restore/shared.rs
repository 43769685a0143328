//! What all parts of a restore share: the target, counts, the ticket, and how
//! it ends.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Options;
use super::decode::Work;
use super::files::FileState;
use super::memory::Memory;
use super::queue::Queue;
use super::read::Flights;
use super::width::Width;
use crate::RawPath;
use crate::disk::Target;
use crate::event::{Cause, Event, Part, Summary, TicketReason};
use crate::plan::{self, FileKind, Header};
use crate::ticket::{Signed, Source, Ticket};

/// How long an answer may be silent, at most.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// Files kept open while they are written in pieces.
const MAX_OPEN_FILES: usize = 400;

/// Everything.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) target: Target,
    pub(crate) header: OnceLock<Header>,
    pub(crate) tickets: Tickets,
    pub(crate) queue: Queue,
    pub(crate) work: Work,
    pub(crate) memory: Arc<Memory>,
    pub(crate) counters: Counters,
    pub(crate) start: Instant,
    /// Milliseconds since the start at which the last byte came.
    pub(crate) heard_ms: AtomicU64,
    /// What is wanted at the front.
    pub(crate) fronts: Mutex<Vec<RawPath>>,
    /// Sections of files that are not loaded yet, in their order.
    pub(crate) sections: Mutex<VecDeque<usize>>,
    /// Sections that are loaded but not prepared yet.
    pub(crate) unprepared: AtomicUsize,
    /// The plan itself waits for a renewed ticket.
    pub(crate) is_plan_parked: AtomicBool,
    pub(crate) flights: Flights,
    pub(crate) width: Mutex<Width>,
    /// What the first byte of an answer usually takes, in milliseconds.
    latency_ms: AtomicU64,
    dice: AtomicU64,
    /// Files that several sections know.
    known: Mutex<HashMap<u32, Known>>,
    events: mpsc::Sender<Event>,
    open_files: AtomicUsize,
    bad_packs: Mutex<HashSet<u32>>,
    listed: Mutex<HashSet<u32>>,
    /// Hashes of the paths that were told to have failed.
    told: Mutex<HashSet<u64>>,
    end: watch::Sender<Option<(Cause, String)>>,
}

/// A file that several sections know.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    /// It is under way.
    Open(Arc<FileState>),
    /// It is there, or failed.
    Settled,
}

/// Counts that grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) files: AtomicU64,
    /// Of whole files.
    pub(crate) bytes: AtomicU64,
    /// Of files under way too.
    pub(crate) landed_bytes: AtomicU64,
    pub(crate) kept_bytes: AtomicU64,
    pub(crate) fetched_bytes: AtomicU64,
    pub(crate) critical_files: AtomicU64,
    pub(crate) critical_bytes: AtomicU64,
    pub(crate) critical_failed: AtomicU64,
    /// Critical entries still to come.
    pub(crate) critical_left: AtomicU64,
    pub(crate) critical_told: AtomicBool,
    pub(crate) failed: AtomicU64,
    pub(crate) imperfect: AtomicU64,
    pub(crate) unlisted: AtomicU64,
    /// Entries that are known and neither there nor given up.
    pub(crate) open: AtomicU64,
    /// Files and bytes of each group.
    pub(crate) groups: OnceLock<Vec<(AtomicU64, AtomicU64)>>,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        target: Target,
        ticket: &Ticket,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let (end, _) = watch::channel(None);
        let width = Width::new(options.connections.0, options.connections.1);
        Self {
            queue: Queue::new(width.now()),
            memory: Memory::new(options.memory),
            options,
            target,
            header: OnceLock::new(),
            tickets: Tickets::new(ticket),
            work: Work::default(),
            counters: Counters::default(),
            start: Instant::now(),
            heard_ms: AtomicU64::new(0),
            fronts: Mutex::default(),
            sections: Mutex::default(),
            unprepared: AtomicUsize::new(0),
            is_plan_parked: AtomicBool::new(false),
            flights: Flights::default(),
            width: Mutex::new(width),
            latency_ms: AtomicU64::new(0),
            dice: AtomicU64::new(u64::from(std::process::id())),
            known: Mutex::default(),
            events,
            open_files: AtomicUsize::new(0),
            bad_packs: Mutex::default(),
            listed: Mutex::default(),
            told: Mutex::default(),
            end,
        }
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Bytes came over the line.
    pub(crate) fn heard(&self, bytes: usize) {
        self.counters.fetched_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.heard_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    /// How long an answer may be silent before it is asked for anew.
    pub(crate) fn silence(&self) -> Duration {
        (self.options.patience / 4).min(LONGEST_SILENCE)
    }

    /// An answer began after this time.
    pub(crate) fn answered(&self, took: Duration) {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let usual = self.latency_ms.load(Ordering::Relaxed);
        let usual = if usual == 0 { took } else { (usual * 7 + took) / 8 };
        self.latency_ms.store(usual.max(1), Ordering::Relaxed);
    }

    pub(crate) fn latency_ms(&self) -> u64 {
        self.latency_ms.load(Ordering::Relaxed)
    }

    /// The store asks for fewer requests.
    pub(crate) fn slow_down(&self) {
        let mut width = locked(&self.width);
        width.cut(self.start.elapsed());
        self.queue.allow(width.now());
    }

    /// A number that nobody expects; good enough to spread attempts.
    pub(crate) fn dice(&self) -> u64 {
        let n = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let n = (n ^ (n >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n ^ (n >> 29)
    }

    /// Tells an event from a thread that may wait.
    pub(crate) fn tell(&self, event: Event) {
        // Nobody listens any more: the restore goes on all the same.
        let _ = self.events.blocking_send(event);
    }

    /// Tells an event from a task.
    pub(crate) async fn say(&self, event: Event) {
        let _ = self.events.send(event).await;
    }

    /// Ends everything before its time; the first cause counts.
    pub(crate) fn abort(&self, cause: Cause, details: String) {
        self.end.send_if_modified(|end| {
            let is_first = end.is_none();
            if is_first {
                *end = Some((cause, details));
            }
            is_first
        });
        self.queue.close();
    }

    pub(crate) fn ended(&self) -> Option<(Cause, String)> {
        self.end.borrow().clone()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Ready when the restore ends before its time.
    pub(crate) async fn until_ended(&self) {
        let mut end = self.end.subscribe();
        // It cannot be closed as long as `self` is there.
        let _ = end.wait_for(Option::is_some).await;
    }

    pub(crate) fn pack_name(&self, pack: u32) -> String {
        let id = self.header.get().and_then(|header| header.packs.get(pack as usize));
        id.map(ToString::to_string).unwrap_or_default()
    }

    /// Names a pack that is missing or damaged, once.
    pub(crate) fn bad_pack(&self, pack: u32, problem: &str) {
        if locked(&self.bad_packs).insert(pack) {
            let problem = problem.to_owned();
            self.tell(Event::PackFailed { pack: self.pack_name(pack), problem });
        }
    }

    pub(crate) fn is_bad_pack(&self, pack: u32) -> bool {
        locked(&self.bad_packs).contains(&pack)
    }

    /// Whether one more file may stay open; it then counts as open.
    pub(crate) fn may_keep_open(&self) -> bool {
        let is_room = self.open_files.fetch_add(1, Ordering::Relaxed) < MAX_OPEN_FILES;
        if !is_room {
            self.closed_one();
        }
        is_room
    }

    pub(crate) fn closed_one(&self) {
        self.open_files.fetch_sub(1, Ordering::Relaxed);
    }

    /// The state of a file that several sections know, made by the first of
    /// them, which is told so.
    pub(crate) fn known(&self, number: u32, make: impl FnOnce() -> FileState) -> (Known, bool) {
        let mut known = locked(&self.known);
        if let Some(found) = known.get(&number) {
            return (found.clone(), false);
        }
        let new = Known::Open(Arc::new(make()));
        known.insert(number, new.clone());
        (new, true)
    }

    fn forget(&self, file: &plan::File) {
        if let FileKind::Regular { shared: Some(number), .. } = file.kind {
            locked(&self.known).insert(number.get(), Known::Settled);
        }
    }

    /// Whether a file that several sections know was not listed before, after
    /// the end.
    pub(crate) fn list_once(&self, number: u32) -> bool {
        locked(&self.listed).insert(number)
    }

    /// An entry is there with so many of its names.
    pub(crate) fn restored(&self, file: &plan::File, names: u64, bytes: u64, was_there: bool) {
        let add = |counter: &AtomicU64, count| counter.fetch_add(count, Ordering::Relaxed);
        let counters = &self.counters;
        if matches!(file.kind, FileKind::Regular { .. }) {
            add(&counters.files, names);
            add(&counters.bytes, bytes);
            if was_there {
                add(&counters.kept_bytes, bytes);
                self.landed(file, bytes);
            }
            if let Some((files, _)) = self.group(file) {
                add(files, names);
            }
            if file.is_critical {
                add(&counters.critical_files, names);
            }
        }
        self.forget(file);
        self.closed(file);
    }

    /// Bytes of a file are verified and in their place.
    pub(crate) fn landed(&self, file: &plan::File, bytes: u64) {
        let add = |counter: &AtomicU64| counter.fetch_add(bytes, Ordering::Relaxed);
        add(&self.counters.landed_bytes);
        if let Some((_, all)) = self.group(file) {
            add(all);
        }
        if file.is_critical {
            add(&self.counters.critical_bytes);
        }
    }

    fn group(&self, file: &plan::File) -> Option<&(AtomicU64, AtomicU64)> {
        self.counters.groups.get()?.get(file.group as usize)
    }

    /// An entry failed, and was listed.
    pub(crate) fn given_up(&self, file: &plan::File) {
        if file.is_critical {
            self.counters.critical_failed.fetch_add(1, Ordering::Relaxed);
        }
        self.forget(file);
        self.closed(file);
    }

    fn closed(&self, file: &plan::File) {
        let counters = &self.counters;
        // What was counted before must be seen by whoever sees zero.
        if file.is_critical && counters.critical_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            counters.critical_told.store(true, Ordering::Release);
            self.tell(self.critical());
        }
        if counters.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.work.all_done();
        }
    }

    /// The critical ones are there; all, where none are critical.
    pub(crate) fn critical(&self) -> Event {
        let counters = &self.counters;
        let is_all = self.header.get().is_none_or(|header| header.totals.critical_entries == 0);
        let (files, bytes, failed) = if is_all {
            (&counters.files, &counters.bytes, &counters.failed)
        } else {
            (&counters.critical_files, &counters.critical_bytes, &counters.critical_failed)
        };
        Event::Critical {
            elapsed_ms: self.elapsed_ms(),
            files: files.load(Ordering::Acquire),
            bytes: bytes.load(Ordering::Acquire),
            failed: failed.load(Ordering::Acquire),
        }
    }

    /// A name is not restored. It is told once.
    pub(crate) fn failed(&self, path: RawPath, problem: &str) {
        let mut hash = DefaultHasher::new();
        path.hash(&mut hash);
        if !locked(&self.told).insert(hash.finish()) {
            return;
        }
        self.counters.failed.fetch_add(1, Ordering::Relaxed);
        let problem = problem.to_owned();
        self.tell(Event::Failed { path, part: Part::Contents, problem });
    }

    pub(crate) fn summary(&self) -> Summary {
        let get = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        let counters = &self.counters;
        Summary {
            elapsed_ms: self.elapsed_ms(),
            files: get(&counters.files),
            bytes: get(&counters.bytes),
            kept_bytes: get(&counters.kept_bytes),
            fetched_bytes: get(&counters.fetched_bytes),
            failed: get(&counters.failed),
            imperfect: get(&counters.imperfect),
            unlisted: get(&counters.unlisted),
        }
    }
}

/// The ticket in force.
pub(crate) struct Tickets {
    state: Mutex<Current>,
    plan: String,
}

struct Current {
    source: Arc<Source>,
    /// Raised by each renewal.
    generation: u64,
    since: Instant,
    /// A renewal was asked for.
    wanted_since: Option<Instant>,
}

impl Tickets {
    fn new(ticket: &Ticket) -> Self {
        Self {
            state: Mutex::new(Current {
                source: Arc::new(ticket.source.clone()),
                generation: 0,
                since: Instant::now(),
                wanted_since: None,
            }),
            plan: ticket.plan.clone(),
        }
    }

    /// Where to read, and the generation of the ticket that says so.
    pub(crate) fn current(&self) -> (Arc<Source>, u64) {
        let state = locked(&self.state);
        (Arc::clone(&state.source), state.generation)
    }

    pub(crate) fn generation(&self) -> u64 {
        locked(&self.state).generation
    }

    /// Takes a renewed ticket; one for another plan is refused.
    pub(crate) fn renew(&self, ticket: Ticket) -> bool {
        if ticket.plan != self.plan {
            return false;
        }
        let mut state = locked(&self.state);
        state.source = Arc::new(ticket.source);
        state.generation += 1;
        state.since = Instant::now();
        state.wanted_since = None;
        true
    }

    /// Whether a renewal must be asked for now; and for how long one was
    /// asked for in vain.
    pub(crate) fn want(&self, is_refused: bool) -> (Option<TicketReason>, Option<Duration>) {
        let mut state = locked(&self.state);
        if let Some(since) = state.wanted_since {
            return (None, Some(since.elapsed()));
        }
        let is_old = match &*state.source {
            Source::Signed(Signed { expires_s, .. }) => {
                state.since.elapsed() >= Duration::from_secs(u64::from(*expires_s)) * 4 / 5
            }
            Source::Folder(_) => false,
        };
        if !is_refused && !is_old {
            return (None, None);
        }
        state.wanted_since = Some(Instant::now());
        let reason = if is_refused { TicketReason::Refused } else { TicketReason::Expiring };
        (Some(reason), None)
    }
}
