//! Carries a plan out. Readers bring ranges of packs, threads open blobs and
//! write files; between them lies a fixed budget of memory. Everything that is
//! wanted first goes first.

mod decode;
mod files;
mod load;
mod memory;
mod queue;
mod read;
mod shared;
mod watch;
mod width;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use self::load::{Loader, Promise};
use self::read::Early;
use self::shared::{Shared, locked};
use crate::RawPath;
use crate::disk::{Target, fatal};
use crate::event::{Cause, Control, Event, Summary};
use crate::line::Client;
use crate::ticket::Ticket;

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests under way at once: at first, and at most.
    pub connections: (usize, usize),
    /// Bytes that may be on their way from the line to the disk.
    pub memory: usize,
    /// Threads that open blobs; as many as there are cores, but not many more
    /// than a line can feed.
    pub threads: usize,
    /// Compare the hashes of what is there already, instead of size and time.
    pub check_hashes: bool,
    /// How often progress is told; at most a second.
    pub report: Duration,
    /// How long a fault may last before it is taken for good.
    pub patience: Duration,
    /// Certificates to trust beside those compiled in.
    pub trust: Vec<CertificateDer<'static>>,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            connections: (32, 64),
            memory: 32 << 20,
            threads: cores.min(16),
            check_hashes: false,
            report: Duration::from_millis(250),
            patience: Duration::from_mins(1),
            trust: Vec::new(),
        }
    }
}

/// What a restore ended with.
pub type Outcome = Result<Summary, (Cause, Summary)>;

/// Restores what the ticket's plan describes into `target`, which is made if
/// it is missing. Events tell everything; the last one is [`Event::Complete`]
/// or [`Event::Aborted`], as the outcome says. Controls may come or not: their
/// end is not the restore's.
///
/// Started again with the same target, it fetches only what is not there yet.
///
/// # Errors
/// The cause, with what was restored all the same. Files that failed are no
/// error: [`Summary::failed`] counts them.
pub async fn restore(
    ticket: Ticket,
    target: &Path,
    options: Options,
    events: mpsc::Sender<Event>,
    controls: mpsc::Receiver<Control>,
) -> Outcome {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    // Whoever does not listen is told nothing.
    let _ = events.send(Event::Started { version }).await;
    let outcome = match open(target.to_owned()).await {
        Ok(target) => {
            let shared = Shared::new(options, target, &ticket, events.clone());
            carry_out(Arc::new(shared), ticket, controls).await
        }
        Err((cause, details)) => Err((cause, details, Summary::default())),
    };
    match outcome {
        Ok(summary) => {
            let _ = events.send(Event::Complete(summary)).await;
            Ok(summary)
        }
        Err((cause, details, summary)) => {
            let _ = events.send(Event::Aborted { cause, details, summary }).await;
            Err((cause, summary))
        }
    }
}

async fn open(target: PathBuf) -> Result<Target, (Cause, String)> {
    let opened = tokio::task::spawn_blocking(move || Target::open(&target)).await;
    let opened = opened.map_err(|error| (Cause::Internal, error.to_string()))?;
    opened.map_err(|error| {
        let cause = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Cause::TargetReadOnly,
            _ => fatal(&error).unwrap_or(Cause::Target),
        };
        (cause, error.to_string())
    })
}

async fn carry_out(
    shared: Arc<Shared>,
    ticket: Ticket,
    controls: mpsc::Receiver<Control>,
) -> Result<Summary, (Cause, String, Summary)> {
    let client = match Client::new(shared.options.trust.clone()) {
        Ok(client) => Arc::new(client),
        Err(error) => return Err((Cause::Ticket, error.to_string(), Summary::default())),
    };
    let threads: Vec<_> = (0..shared.options.threads.max(1))
        .filter_map(|number| {
            let (shared, key) = (Arc::clone(&shared), ticket.data_key.clone());
            let thread = std::thread::Builder::new().name(format!("open {number}"));
            thread.spawn(move || decode::run(&shared, &key)).ok()
        })
        .collect();
    if threads.is_empty() {
        shared.abort(Cause::Internal, "no thread could be started".into());
    }

    let (mut early_ones, mut promises) = (Vec::new(), Vec::new());
    for first in ticket.first.iter().take(shared.queue.allowed()) {
        // Checked when the ticket was read.
        let Some(pack) = ticket.first_packs.get(first.0 as usize) else { continue };
        let (sender, range) = oneshot::channel();
        early_ones.push(Early { first: *first, pack: *pack, range });
        promises.push(Promise { first: *first, range: sender });
    }
    let mut early_ones = early_ones.into_iter();
    let mut tasks = JoinSet::new();
    for reader in 0..shared.options.connections.1.max(1) {
        let (shared, client) = (Arc::clone(&shared), Arc::clone(&client));
        tasks.spawn(read::run(shared, client, reader, early_ones.next()));
    }
    let watch = tokio::spawn(watch::run(Arc::clone(&shared)));
    let listen = tokio::spawn(listen(Arc::clone(&shared), controls));

    let mut loader = Loader::new(Arc::clone(&shared), client, ticket, promises);
    let outcome = run(&shared, &mut loader).await;
    shared.queue.close();
    loader.forget_promises();
    if outcome.is_err() {
        // Requests under way are dropped.
        tasks.abort_all();
    }
    while tasks.join_next().await.is_some() {}
    if let Some((cause, details)) = shared.ended()
        && matches!(
            cause,
            Cause::DiskFull
                | Cause::TargetReadOnly
                | Cause::TicketExpired
                | Cause::StoreUnreachable
        )
    {
        loader.list_missing(&details).await;
    }
    watch.abort();
    listen.abort();
    let closing = Arc::clone(&shared);
    let _ = tokio::task::spawn_blocking(move || {
        closing.work.close();
        for thread in threads {
            // A thread that panicked left its files open, which was noticed.
            let _ = thread.join();
        }
    })
    .await;
    shared.say(Event::Progress(watch::last_progress(&shared))).await;
    match shared.ended() {
        None => Ok(shared.summary()),
        Some((cause, details)) => Err((cause, details, shared.summary())),
    }
}

async fn run(shared: &Arc<Shared>, loader: &mut Loader) -> Result<(), load::Ended> {
    loader.load_files().await?;
    loop {
        let idle = shared.work.until_idle();
        tokio::pin!(idle);
        idle.as_mut().enable();
        let is_done = shared.unprepared.load(Ordering::Acquire) == 0
            && shared.counters.open.load(Ordering::Acquire) == 0;
        if is_done {
            break;
        }
        tokio::select! {
            () = shared.until_ended() => return Err(load::Ended),
            () = idle => {}
        }
    }
    if shared.is_ended() {
        return Err(load::Ended);
    }
    loader.finish_folders().await?;
    if !shared.counters.critical_told.load(Ordering::Acquire) {
        // Nothing is critical, so everything is.
        shared.say(shared.critical()).await;
    }
    Ok(())
}

async fn listen(shared: Arc<Shared>, mut controls: mpsc::Receiver<Control>) {
    while let Some(control) = controls.recv().await {
        match control {
            Control::Ticket(ticket) => {
                if shared.tickets.renew(*ticket) {
                    shared.queue.unpark();
                }
            }
            Control::Front(path) => front(&shared, path).await,
            Control::Stop => shared.abort(Cause::Stopped, "it was told to".into()),
        }
    }
}

/// Moves a path to the front: what is queued, and what of the plan is not
/// loaded yet.
async fn front(shared: &Shared, path: RawPath) {
    let names = path.0.split(|c| *c == b'/').filter(|name| !name.is_empty());
    let path = RawPath(names.collect::<Vec<_>>().join(&b'/'));
    locked(&shared.fronts).push(path.clone());
    let fronts = [path.clone()];
    let is_queued = shared.queue.front(|range| decode::is_wanted(range, &fronts));
    let sections = locked(&shared.sections).clone();
    let is_ahead = shared.header.get().is_none_or(|header| {
        sections.iter().any(|place| decode::may_hold(&header.sections[*place].span, &path.0))
    });
    let is_pending = is_queued || is_ahead;
    shared.say(Event::Fronted { path, is_pending }).await;
}
