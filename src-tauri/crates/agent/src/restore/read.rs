//! The readers: each keeps one connection and reads one range at a time, blob
//! by blob, so that what came before a fault need not come again.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use restic::Id;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::decode::{Piece, Task};
use super::queue::{BlobState, Class, Job, RangeState};
use super::shared::Shared;
use crate::event::Event;
use crate::line::{Body, Client, Line, Trouble};
use crate::ticket::{FirstRange, Object};

/// Small blobs are opened together, so many bytes or blobs of them.
const PIECE: u32 = 256 << 10;
const PIECE_BLOBS: usize = 256;
/// The first wait before another attempt, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How often a missing object is asked for.
const MISSING_TRIES: u32 = 4;

/// A range that is being read, as others see it.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) job: Job,
    pub(crate) began: Instant,
    /// The next blob.
    pub(crate) at: AtomicUsize,
    /// The blob before which to stop.
    pub(crate) to: AtomicUsize,
    pub(crate) bytes: AtomicU64,
    /// Milliseconds since the restore's start of the last byte.
    heard_ms: AtomicU64,
    /// It waits for memory, not for the line.
    pub(crate) is_waiting: AtomicBool,
    /// Somebody else was set to it.
    pub(crate) is_hedged: AtomicBool,
}

impl Flight {
    fn new(shared: &Shared, job: &Job) -> Arc<Self> {
        Arc::new(Self {
            job: job.clone(),
            began: Instant::now(),
            at: AtomicUsize::new(job.from),
            to: AtomicUsize::new(job.to),
            bytes: AtomicU64::new(0),
            heard_ms: AtomicU64::new(shared.elapsed_ms()),
            is_waiting: AtomicBool::new(false),
            is_hedged: AtomicBool::new(false),
        })
    }

    fn heard(&self, shared: &Shared, bytes: usize) {
        shared.heard(bytes);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.heard_ms.store(shared.elapsed_ms(), Ordering::Relaxed);
    }

    /// How long nothing has come.
    pub(crate) fn silent_ms(&self, shared: &Shared) -> u64 {
        shared.elapsed_ms().saturating_sub(self.heard_ms.load(Ordering::Relaxed))
    }

    /// Bytes still to come.
    pub(crate) fn left(&self) -> u64 {
        let blobs = &self.job.range.blobs;
        let (at, to) = (self.at.load(Ordering::Relaxed), self.to.load(Ordering::Relaxed));
        match (blobs.get(at), blobs.get(to.wrapping_sub(1))) {
            (Some(first), Some(last)) if at < to => {
                u64::from(last.blob.end().saturating_sub(first.blob.offset))
            }
            _ => 0,
        }
    }
}

/// What each reader is at.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<Vec<Option<Arc<Flight>>>>);

impl Flights {
    fn set(&self, reader: usize, flight: Option<Arc<Flight>>) {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.len() <= reader {
            flights.resize(reader + 1, None);
        }
        flights[reader] = flight;
    }

    pub(crate) fn all(&self) -> Vec<Arc<Flight>> {
        let flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.iter().flatten().cloned().collect()
    }
}

/// A range that is asked for before the plan tells what is in it.
pub(crate) struct Early {
    pub(crate) first: FirstRange,
    pub(crate) pack: Id,
    /// Brings what is wanted of it.
    pub(crate) range: oneshot::Receiver<Arc<RangeState>>,
}

/// One reader's life.
pub(crate) async fn run(
    shared: Arc<Shared>,
    client: Arc<Client>,
    reader: usize,
    early: Option<Early>,
) {
    let (source, _) = shared.tickets.current();
    let mut line = Line::new(&source, &client, reader);
    if let Some(early) = early {
        tokio::select! {
            () = shared.until_ended() => return,
            () = read_early(&shared, &mut line, reader, early) => {}
        }
    }
    while let Some(job) = shared.queue.take(reader).await {
        let flight = Flight::new(&shared, &job);
        shared.flights.set(reader, Some(Arc::clone(&flight)));
        let generation = shared.tickets.generation();
        let outcome = tokio::select! {
            () = shared.until_ended() => return,
            outcome = read(&shared, &mut line, &flight) => outcome,
        };
        shared.flights.set(reader, None);
        shared.queue.ended(job.class);
        if let Err(trouble) = outcome {
            retry(&shared, job, &flight, trouble, generation).await;
        }
    }
}

async fn read_early(shared: &Arc<Shared>, line: &mut Line, reader: usize, early: Early) {
    let Early { first, pack, range } = early;
    let (source, generation) = shared.tickets.current();
    let (from, to) = (u64::from(first.1), u64::from(first.1) + u64::from(first.2));
    let opened = line.open(&source, Object::Pack(first.0, pack), from, to).await;
    // Nothing of it is wanted, or the plan cannot be read.
    let Ok(range) = range.await else { return };
    let class = if range.is_critical { Class::Critical } else { Class::Bulk };
    let job = Job::new(range, class);
    shared.queue.began(class);
    let flight = Flight::new(shared, &job);
    shared.flights.set(reader, Some(Arc::clone(&flight)));
    let outcome = match opened {
        Ok(body) => pass_on(shared, body, first.1, &flight).await,
        Err(trouble) => Err(trouble),
    };
    shared.flights.set(reader, None);
    shared.queue.ended(class);
    if let Err(trouble) = outcome {
        retry(shared, job, &flight, trouble, generation).await;
    }
}

async fn read(shared: &Arc<Shared>, line: &mut Line, flight: &Flight) -> Result<(), Trouble> {
    let range = &flight.job.range;
    let blobs = &range.blobs;
    let wanted = |at: &usize| !blobs[*at].is_read.load(Ordering::Acquire);
    let Some(at) = (flight.job.from..flight.job.to).find(wanted) else { return Ok(()) };
    flight.at.store(at, Ordering::Relaxed);
    let Some(last) = blobs.get(flight.job.to - 1) else { return Ok(()) };
    let Some(id) = shared.header.get().and_then(|header| header.packs.get(range.pack as usize))
    else {
        return Err(Trouble::Missing("the plan does not name it"));
    };
    let (source, _) = shared.tickets.current();
    let (from, to) = (blobs[at].blob.offset, last.blob.end());
    let object = Object::Pack(range.pack, *id);
    let asked = Instant::now();
    let body = line.open(&source, object, from.into(), to.into()).await?;
    shared.answered(asked.elapsed());
    flight.heard(shared, 0);
    pass_on(shared, body, from, flight).await
}

/// Reads an answer that begins at an offset of the pack, and passes it on
/// piece by piece.
async fn pass_on(
    shared: &Arc<Shared>,
    mut body: Body<'_>,
    from: u32,
    flight: &Flight,
) -> Result<(), Trouble> {
    let range = &flight.job.range;
    let heard = |bytes| flight.heard(shared, bytes);
    let silence = shared.silence();
    let mut position = from;
    loop {
        let at = flight.at.load(Ordering::Relaxed);
        let to = flight.to.load(Ordering::Relaxed);
        if at >= to {
            return Ok(());
        }
        let until = piece(&range.blobs, at, to);
        let blobs = &range.blobs[at..until];
        // Somebody else was faster.
        if blobs.iter().all(|blob| blob.is_read.load(Ordering::Acquire)) {
            return Ok(());
        }
        let (start, end) = (blobs[0].blob.offset, blobs[blobs.len() - 1].blob.end());
        body.skip(u64::from(start.saturating_sub(position)), silence, heard).await?;
        let length = (end - start) as usize;
        flight.is_waiting.store(true, Ordering::Relaxed);
        let buffer = shared.memory.buffer(length).await;
        flight.is_waiting.store(false, Ordering::Relaxed);
        let mut buffer = buffer.map_err(|error| Trouble::Passing(error.to_string()))?;
        flight.heard(shared, 0);
        body.fill(&mut buffer[..length], silence, heard).await?;
        position = end;
        let is_first = |at: &usize| !range.blobs[*at].is_read.swap(true, Ordering::AcqRel);
        let blobs: Vec<usize> = (at..until).filter(is_first).collect();
        flight.at.store(until, Ordering::Relaxed);
        if !blobs.is_empty() {
            let range = Arc::clone(range);
            shared.work.push(Task::Piece(Piece { range, buffer, start, blobs }));
        }
    }
}

/// Up to where blobs are opened together: one large one, or some small ones.
fn piece(blobs: &[BlobState], at: usize, to: usize) -> usize {
    let start = blobs[at].blob.offset;
    let fits = |next: &usize| blobs[*next].blob.end() - start <= PIECE && next - at < PIECE_BLOBS;
    (at + 1..to).find(|next| !fits(next)).unwrap_or(to)
}

/// Decides what becomes of a range that could not be read to its end.
async fn retry(
    shared: &Arc<Shared>,
    mut job: Job,
    flight: &Flight,
    trouble: Trouble,
    generation: u64,
) {
    let at = flight.at.load(Ordering::Relaxed);
    if at > job.from {
        (job.attempts, job.failing_since, job.refused) = (0, None, None);
    }
    (job.from, job.to) = (at, flight.to.load(Ordering::Relaxed));
    job.is_hedge = false;
    if job.from >= job.to {
        return;
    }
    job.attempts += 1;
    let failing_since = *job.failing_since.get_or_insert_with(Instant::now);
    let lasted = failing_since.elapsed();
    let patience = shared.options.patience;
    let wait = match &trouble {
        Trouble::Passing(_) if lasted < patience => backoff(job.attempts, shared.dice()),
        Trouble::Busy(wait) if lasted < patience * 2 => {
            shared.slow_down();
            let backoff = backoff(job.attempts, shared.dice());
            wait.map_or(backoff, |wait| wait.min(LONGEST_WAIT * 2).max(backoff))
        }
        Trouble::Missing(_)
            if job.attempts < MISSING_TRIES && !shared.is_bad_pack(job.range.pack) =>
        {
            backoff(job.attempts, shared.dice())
        }
        Trouble::Refused(_) if job.refused.is_none_or(|refused| refused == generation) => {
            job.refused = Some(generation);
            return wait_for_ticket(shared, job, generation).await;
        }
        _ => {
            let blobs = (job.from..job.to)
                .filter(|at| !job.range.blobs[*at].is_read.swap(true, Ordering::AcqRel))
                .collect();
            let (range, problem) = (job.range, trouble.to_string());
            return shared.work.push(Task::GiveUp { range, blobs, problem });
        }
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        shared.queue.push([job]);
    });
}

async fn wait_for_ticket(shared: &Arc<Shared>, job: Job, generation: u64) {
    shared.queue.park(job);
    if shared.tickets.generation() != generation {
        // It came meanwhile.
        return shared.queue.unpark();
    }
    if let (Some(reason), _) = shared.tickets.want(true) {
        shared.say(Event::TicketWanted { reason }).await;
    }
}

/// Waits twice as long each time, give or take a half, so that readers do not
/// come back all at once.
pub(crate) fn backoff(attempts: u32, dice: u64) -> Duration {
    let doubled = FIRST_WAIT * 2u32.saturating_pow(attempts.saturating_sub(1).min(8));
    let wait = doubled.min(LONGEST_WAIT);
    wait / 2 + wait * u32::try_from(dice % 1000).unwrap_or(0) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_differ() {
        for (attempts, least, most) in
            [(1, 50, 150), (2, 100, 300), (3, 200, 600), (20, 2500, 7500)]
        {
            for dice in 0..1000 {
                let wait = backoff(attempts, dice).as_millis();
                assert!((least..=most).contains(&wait), "{attempts}: {wait}");
            }
        }
    }
}
