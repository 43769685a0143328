//! The threads that open blobs and write files, as many as there are cores:
//! authenticate, decrypt, decompress, compare the hash, write into place.

use std::collections::VecDeque;
use std::fs::File;
use std::num::NonZeroU32;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use restic::{BlobOpener, Id, Key};

use super::files::{FileState, is_below, read_at};
use super::memory::Buffer;
use super::queue::{BlobState, Class, Job, RangeState};
use super::shared::{Known, Shared};
use crate::disk::{Presence, Target, fatal};
use crate::event::{Event, Part};
use crate::plan::{self, FileKind, Folders, MAX_BLOB, MAX_HOLE, Section};

/// How often a blob is fetched anew before it counts as damaged.
const TRIES: u8 = 3;
/// Memory that all threads keep between blobs, in bytes.
const KEPT: usize = 24 << 20;
/// Folders that one thread finishes at a stretch.
const FOLDERS: usize = 64;

/// Bytes of some blobs of one range, standing together.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) range: Arc<RangeState>,
    pub(crate) buffer: Buffer,
    /// The offset in the pack at which the buffer begins.
    pub(crate) start: u32,
    /// The blobs in it, by their place in the range.
    pub(crate) blobs: Vec<usize>,
}

/// What a thread does at a stretch.
#[derive(Debug)]
pub(crate) enum Task {
    /// Makes folders and what needs no reading, finds out what is there
    /// already, and queues the rest.
    Prepare {
        section: Section,
        /// The number of its first range in the plan.
        number: u64,
        is_critical: bool,
        done: tokio::sync::oneshot::Sender<Vec<Vec<Arc<RangeState>>>>,
    },
    /// Opens blobs.
    Piece(Piece),
    /// Gives blobs up.
    GiveUp { range: Arc<RangeState>, blobs: Vec<usize>, problem: String },
    /// Makes folders that are missing, or sets the attributes of all.
    Folders {
        folders: Arc<Folders>,
        from: usize,
        to: usize,
        make: bool,
        done: tokio::sync::mpsc::Sender<()>,
    },
}

#[derive(Debug, Default)]
struct Tasks {
    urgent: VecDeque<Task>,
    usual: VecDeque<Task>,
    /// Threads at work.
    busy: usize,
    is_closed: bool,
}

/// What waits for a thread.
#[derive(Debug, Default)]
pub(crate) struct Work {
    tasks: Mutex<Tasks>,
    changed: Condvar,
    idle: tokio::sync::Notify,
}

impl Work {
    fn locked(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, task: Task) {
        let is_urgent = match &task {
            Task::Piece(piece) => piece.range.is_critical,
            Task::Prepare { .. } => true,
            Task::GiveUp { .. } | Task::Folders { .. } => false,
        };
        let mut tasks = self.locked();
        if is_urgent {
            tasks.urgent.push_back(task);
        } else {
            tasks.usual.push_back(task);
        }
        drop(tasks);
        self.changed.notify_one();
    }

    /// The next task of a thread that has ended another, but for its first.
    fn take(&self, is_first: bool) -> Option<Task> {
        let mut tasks = self.locked();
        if !is_first {
            tasks.busy -= 1;
        }
        loop {
            if let Some(task) = tasks.urgent.pop_front().or_else(|| tasks.usual.pop_front()) {
                tasks.busy += 1;
                return Some(task);
            }
            if tasks.is_closed {
                return None;
            }
            tasks = self.changed.wait(tasks).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether no task waits and no thread is at one.
    pub(crate) fn is_idle(&self) -> bool {
        let tasks = self.locked();
        tasks.urgent.is_empty() && tasks.usual.is_empty() && tasks.busy == 0
    }

    /// No more tasks will come.
    pub(crate) fn close(&self) {
        self.locked().is_closed = true;
        self.changed.notify_all();
    }

    /// All entries that are known are there or given up.
    pub(crate) fn all_done(&self) {
        self.idle.notify_waiters();
    }

    pub(crate) fn until_idle(&self) -> tokio::sync::futures::Notified<'_> {
        self.idle.notified()
    }
}

/// One thread's life.
pub(crate) fn run(shared: &Arc<Shared>, key: &Key) {
    let mut opener = BlobOpener::default();
    let mut is_first = true;
    while let Some(task) = shared.work.take(std::mem::take(&mut is_first)) {
        match task {
            Task::Prepare { section, number, is_critical, done } => {
                // Whoever waits may be gone.
                let _ = done.send(prepare(shared, section, number, is_critical));
            }
            Task::Piece(piece) => open(shared, key, &mut opener, piece),
            Task::GiveUp { range, blobs, problem } => give_up(shared, &range, &blobs, &problem),
            Task::Folders { folders, from, to, make, done } => {
                if make {
                    make_folders(shared, &folders, from, to);
                } else {
                    finish_folders(shared, &folders, from, to);
                }
                drop(done);
            }
        }
    }
}

fn open(shared: &Arc<Shared>, key: &Key, opener: &mut BlobOpener, mut piece: Piece) {
    let mut again = Vec::new();
    let kept = (KEPT / shared.options.threads.max(1)).min(MAX_BLOB as usize);
    for at in std::mem::take(&mut piece.blobs) {
        if shared.is_ended() {
            return;
        }
        let state = &piece.range.blobs[at];
        let from = (state.blob.offset - piece.start) as usize;
        let sealed = &mut piece.buffer[from..from + state.blob.length as usize];
        let unpacked = state.blob.raw_length.map_or(0, |length| length.get() as usize);
        let room = (unpacked > kept).then(|| shared.memory.unpack(unpacked));
        match opener.open(&state.blob.entry(), key, sealed) {
            Ok(contents) => {
                for (file, offset) in &state.targets {
                    file.write(shared, *offset, contents);
                }
            }
            Err(error) => {
                let tries = state.tries.fetch_add(1, Ordering::Relaxed) + 1;
                if tries < TRIES && !shared.is_bad_pack(piece.range.pack) {
                    again.push(at);
                } else {
                    let problem = format!("failed to {error}");
                    give_up(shared, &piece.range, &[at], &problem);
                }
            }
        }
        if room.is_some() {
            opener.let_go(kept);
        }
    }
    for at in again {
        piece.range.blobs[at].is_read.store(false, Ordering::Release);
        shared.queue.push([Job { from: at, to: at + 1, ..job(Arc::clone(&piece.range)) }]);
    }
}

/// Reads blobs from their spare places, or fails the files they belong to.
fn give_up(shared: &Arc<Shared>, range: &RangeState, blobs: &[usize], problem: &str) {
    shared.bad_pack(range.pack, problem);
    let pack = shared.pack_name(range.pack);
    let problem = format!("pack {pack:.8}: {problem}");
    let mut spares = Vec::new();
    for at in blobs {
        let state = &range.blobs[*at];
        if let Some(spare) = &state.blob.spare {
            let targets = state.targets.clone();
            let blobs = vec![BlobState::new(state.blob.moved_to(spare), targets)];
            spares.push(job(Arc::new(RangeState { pack: spare.pack, blobs, ..*range })));
            continue;
        }
        for (file, _) in &state.targets {
            file.fail(shared, &problem);
        }
    }
    shared.queue.push(spares);
}

/// What is fetched anew or from elsewhere.
fn job(range: Arc<RangeState>) -> Job {
    let class = if range.is_critical { Class::Critical } else { Class::Bulk };
    Job::new(range, class)
}

fn prepare(
    shared: &Arc<Shared>,
    section: Section,
    number: u64,
    is_critical: bool,
) -> Vec<Vec<Arc<RangeState>>> {
    let Section { folders, files, ranges } = section;
    let folders: Arc<[plan::Folder]> = folders.into();
    for folder in &*folders {
        if shared.is_ended() {
            return Vec::new();
        }
        if let Err(error) = shared.target.folder(folder) {
            // Else its files will say so, each by its name.
            if let Some(cause) = fatal(&error) {
                shared.abort(cause, error.to_string());
            }
        }
    }
    let states: Vec<Option<Arc<FileState>>> =
        files.into_iter().map(|file| begin(shared, file, &folders)).collect();

    let mut left = Vec::with_capacity(ranges.len());
    for (at, range) in ranges.into_iter().enumerate() {
        let pack = range.pack;
        let mut wanted = Vec::with_capacity(range.blobs.len());
        for blob in range.blobs {
            let contents_length = blob.entry().contents_length();
            let mut targets = Vec::with_capacity(blob.targets.len());
            for target in &blob.targets {
                let Some(Some(state)) = states.get(target.file as usize) else { continue };
                if let Some(file) = state.resumed()
                    && holds(&file, target.offset, contents_length, blob.id)
                {
                    let kept = u64::from(contents_length);
                    shared.counters.kept_bytes.fetch_add(kept, Ordering::Relaxed);
                    shared.landed(&state.file, kept);
                    state.landed(shared, None);
                } else {
                    targets.push((Arc::clone(state), target.offset));
                }
            }
            if !targets.is_empty() {
                let blob = plan::Blob { targets: Vec::new(), ..blob };
                wanted.push(BlobState::new(blob, targets));
            }
        }
        left.push(split(wanted, pack, number + at as u64, is_critical));
    }
    left
}

/// What is left of a range, without the holes that came into it.
fn split(
    wanted: Vec<BlobState>,
    pack: u32,
    number: u64,
    is_critical: bool,
) -> Vec<Arc<RangeState>> {
    let range = |blobs| Arc::new(RangeState { pack, number, is_critical, blobs });
    let mut parts = Vec::new();
    let mut blobs: Vec<BlobState> = Vec::new();
    for blob in wanted {
        let end = blobs.last().map(|last| last.blob.end());
        if end.is_some_and(|end| blob.blob.offset > end.saturating_add(MAX_HOLE)) {
            parts.push(range(std::mem::take(&mut blobs)));
        }
        blobs.push(blob);
    }
    if !blobs.is_empty() {
        parts.push(range(blobs));
    }
    parts
}

/// Whether these contents stand in a file already.
fn holds(file: &File, offset: u64, length: u32, id: Id) -> bool {
    let mut contents = vec![0; length as usize];
    read_at(file, &mut contents, offset).is_ok() && Id::of(&contents) == id
}

/// Begins a file: what is there is kept, what needs no reading is made.
/// `None` if nothing has to be read for it.
fn begin(
    shared: &Arc<Shared>,
    file: plan::File,
    folders: &Arc<[plan::Folder]>,
) -> Option<Arc<FileState>> {
    let shared_number = match file.kind {
        FileKind::Regular { shared, .. } => shared.map(NonZeroU32::get),
        _ => None,
    };
    let make = || FileState::new(file, Arc::clone(folders));
    let state = match shared_number {
        Some(number) => match shared.known(number, make) {
            (Known::Open(state), true) => state,
            (Known::Open(state), false) => return Some(state),
            (Known::Settled, _) => return None,
        },
        None => Arc::new(make()),
    };
    shared.counters.open.fetch_add(1, Ordering::AcqRel);
    match &state.file.kind {
        FileKind::Lost(why) => {
            state.fail(shared, why.as_str());
            None
        }
        FileKind::Regular { size, .. } => {
            let is_empty = *size == 0;
            if let Err(error) = look(shared, &state) {
                match fatal(&error) {
                    Some(cause) => shared.abort(cause, error.to_string()),
                    None => state.fail(shared, &error.to_string()),
                }
            } else if is_empty && !state.is_settled() {
                state.make_empty(shared);
            }
            (!state.is_settled()).then_some(state)
        }
        _ => {
            state.make_special(shared);
            None
        }
    }
}

/// Finds out what stands there.
fn look(shared: &Arc<Shared>, state: &Arc<FileState>) -> std::io::Result<()> {
    let place = &state.file.place;
    let dir = shared.target.folder(state.folder(place))?;
    let presence = Target::presence(&dir, &place.name, state.expected())?;
    let is_checked = shared.options.check_hashes;
    match presence {
        Presence::Whole if !is_checked || state.expected().size == 0 => {
            let attributes = &state.file.attributes;
            let problems = shared.target.refresh(&dir, &place.name, attributes)?;
            state.keep(shared, &problems);
        }
        Presence::Whole | Presence::SameSize if state.expected().size > 0 => {
            // What cannot be gone on with is made anew.
            if let Ok(file) = shared.target.reopen(&dir, &place.name) {
                state.resume(shared, &Arc::new(file));
            }
        }
        Presence::Whole | Presence::SameSize | Presence::Absent | Presence::Other => {}
    }
    Ok(())
}

/// What cannot be made is told when its attributes are set.
fn make_folders(shared: &Arc<Shared>, folders: &Folders, from: usize, to: usize) {
    for (path, attributes) in &folders.folders[from..to] {
        let _ = shared.target.make_folder(path, attributes);
    }
}

fn finish_folders(shared: &Arc<Shared>, folders: &Folders, from: usize, to: usize) {
    for (path, attributes) in &folders.folders[from..to] {
        match shared.target.finish_folder(path, attributes) {
            Ok(problems) if problems.is_empty() => {}
            Ok(problems) => {
                shared.counters.imperfect.fetch_add(1, Ordering::Relaxed);
                shared.tell(Event::Failed {
                    path: crate::RawPath(path.to_vec()),
                    part: Part::Attributes,
                    problem: problems.join("; "),
                });
            }
            Err(error) => {
                if let Some(cause) = fatal(&error) {
                    return shared.abort(cause, error.to_string());
                }
                shared.failed(crate::RawPath(path.to_vec()), &error.to_string());
            }
        }
    }
}

/// Cuts a section of folders into what threads may do side by side. Whoever is
/// not root may lose the right to enter a folder with its attributes, so then
/// all is one.
pub(crate) fn folder_parts(folders: &Folders, is_root: bool) -> Vec<(usize, usize)> {
    let all = folders.folders.len();
    if !is_root {
        return vec![(0, all)];
    }
    (0..all).step_by(FOLDERS).map(|from| (from, all.min(from + FOLDERS))).collect()
}

/// Whether any file of a range lies at or below one of these paths.
pub(crate) fn is_wanted(range: &RangeState, fronts: &[crate::RawPath]) -> bool {
    !fronts.is_empty()
        && range
            .blobs
            .iter()
            .flat_map(|blob| &blob.targets)
            .any(|(file, _)| fronts.iter().any(|front| file.is_below(&front.0)))
}

/// Whether a section may hold something at or below this path.
pub(crate) fn may_hold(span: &(Vec<u8>, Vec<u8>), path: &[u8]) -> bool {
    let is_after_first = plan::tree_order(path, &span.0).is_ge() || is_below(&span.0, path);
    let is_before_last = plan::tree_order(path, &span.1).is_le();
    is_after_first && is_before_last
}
