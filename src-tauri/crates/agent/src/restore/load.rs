//! Loads the plan: its beginning at once, the rest as it is needed, so that no
//! more of it is held than is at work.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::decode::{Task, folder_parts, is_wanted, may_hold};
use super::files::FileState;
use super::queue::{Class, Job, RangeState};
use super::read::backoff;
use super::shared::{Shared, locked};
use crate::disk::{Presence, Target};
use crate::event::{Cause, Event, GroupCounts, Planned};
use crate::line::{Body, Client, Line, Trouble};
use crate::plan::{FileKind, Folder, Folders, Header, PlanError, Section, SectionKind};
use crate::ticket::{FirstRange, Object, Ticket};

/// As much of the plan is fetched at once, in bytes.
const BATCH: u64 = 512 << 10;
/// Entries that are held at most before more of the plan is loaded.
const MAX_OPEN: u64 = 10_000;
/// How often it is looked whether more is needed.
const LOOK: Duration = Duration::from_millis(10);
/// Sections that may be prepared at once.
const PREPARING: usize = 3;
/// No section is longer, in bytes, sealed.
const MAX_SECTION: u64 = 64 << 20;
/// How often a section is asked for when only a list is wanted.
const LISTING_TRIES: u32 = 3;
/// How often a missing plan is asked for.
const MISSING_TRIES: u32 = 4;

/// A range that was asked for before the plan was there.
pub(crate) struct Promise {
    pub(crate) first: FirstRange,
    pub(crate) range: oneshot::Sender<Arc<RangeState>>,
}

/// By the number of the range.
type Promises = Arc<Mutex<HashMap<u64, Promise>>>;

/// The plan where it lies.
pub(crate) struct Loader {
    shared: Arc<Shared>,
    client: Arc<Client>,
    ticket: Ticket,
    promises: Promises,
    /// The offset of each section in the plan, and that of the end.
    offsets: Vec<u64>,
    /// The number of each section's first range.
    numbers: Vec<u64>,
    /// Sections that came before they were needed.
    kept: HashMap<usize, Vec<u8>>,
    /// The restore has ended, and what is missing is listed.
    is_listing: bool,
}

/// Loading ended with the restore, for a reason told elsewhere.
#[derive(Debug)]
pub(crate) struct Ended;

impl Loader {
    pub(crate) fn new(
        shared: Arc<Shared>,
        client: Arc<Client>,
        ticket: Ticket,
        promises: Vec<Promise>,
    ) -> Self {
        let promises = (0..).zip(promises).collect();
        Self {
            shared,
            client,
            ticket,
            promises: Arc::new(Mutex::new(promises)),
            offsets: Vec::new(),
            numbers: Vec::new(),
            kept: HashMap::new(),
            is_listing: false,
        }
    }

    fn line(&self) -> Line {
        let (source, _) = self.shared.tickets.current();
        Line::new(&source, &self.client, 0)
    }

    /// Loads all sections of files, each when it is needed, and the first of
    /// the folders' ahead of time.
    pub(crate) async fn load_files(&mut self) -> Result<(), Ended> {
        let mut attempts = Attempts::default();
        while self.shared.header.get().is_none() {
            let mut line = self.line();
            if let Err(trouble) = self.load_head(&mut line).await? {
                attempts.decide(self, trouble).await?;
            }
        }
        while let Some(first) = self.take_section(None) {
            self.wait_until_needed().await?;
            let mut last = first;
            while self.length(first, last + 1).is_some_and(|length| length <= BATCH)
                && self.take_section(Some(last + 1)).is_some()
            {
                last += 1;
            }
            for (place, bytes) in self.fetch(first, last).await? {
                self.begin(place, &bytes)?;
            }
        }
        if let Some(first) = self.folder_sections().next().filter(|at| !self.kept.contains_key(at))
        {
            let batch = self.fetch(first, self.batch_end(first)).await?;
            self.kept.extend(batch);
        }
        Ok(())
    }

    /// The plan's beginning, section by section as it comes.
    async fn load_head(&mut self, line: &mut Line) -> Result<Result<(), Trouble>, Ended> {
        let (source, _) = self.shared.tickets.current();
        let name = self.ticket.plan.clone();
        let (object, end) = (Object::Plan(&name), self.ticket.head_length);
        let opened = self.while_running(line.open(&source, object, 0, end)).await?;
        let mut body = match opened {
            Ok(body) => body,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let length = self.ticket.header_length as usize;
        let sealed = match self.fill(&mut body, length).await? {
            Ok(sealed) => sealed,
            Err(trouble) => return Ok(Err(trouble)),
        };
        match Header::open(&self.ticket.plan_key, &sealed) {
            Ok(header) => self.read_header(header).await,
            Err(error) => return Err(self.bad_plan(&error)),
        }
        for place in 0..self.numbers.len() {
            if self.offsets[place + 1] > end {
                break;
            }
            let length = (self.offsets[place + 1] - self.offsets[place]) as usize;
            // What does not come now is fetched again.
            let Ok(sealed) = self.fill(&mut body, length).await? else { break };
            if self.take_section(Some(place)).is_some() {
                self.begin(place, &sealed)?;
            } else {
                self.kept.insert(place, sealed);
            }
        }
        Ok(Ok(()))
    }

    async fn read_header(&mut self, header: Header) {
        let (mut offset, mut number) = (u64::from(self.ticket.header_length), 0);
        self.offsets.push(offset);
        for section in &header.sections {
            offset += u64::from(section.length);
            self.offsets.push(offset);
            self.numbers.push(number);
            number += u64::from(section.ranges);
        }
        let of_files = |place: &usize| header.sections[*place].kind != SectionKind::Folders;
        *locked(&self.shared.sections) = (0..header.sections.len()).filter(of_files).collect();
        let counters = &self.shared.counters;
        counters.critical_left.store(header.totals.critical_entries, Ordering::Release);
        let zeros = header.groups.iter().map(|_| (AtomicU64::new(0), AtomicU64::new(0)));
        let _ = counters.groups.set(zeros.collect());
        let totals = header.totals;
        let is_all = totals.critical_entries == 0;
        let planned = Planned {
            files: totals.files,
            bytes: totals.bytes,
            fetched_bytes: totals.fetched_bytes,
            critical_files: if is_all { totals.files } else { totals.critical_files },
            critical_bytes: if is_all { totals.bytes } else { totals.critical_bytes },
            groups: header
                .groups
                .iter()
                .map(|group| GroupCounts {
                    path: group.path.as_slice().into(),
                    files: group.files,
                    bytes: group.bytes,
                })
                .collect(),
        };
        let _ = self.shared.header.set(header);
        self.shared.say(Event::Planned(planned)).await;
    }

    /// The next section to load, or this one if it is the next: what is
    /// wanted at the front goes first.
    fn take_section(&self, only: Option<usize>) -> Option<usize> {
        let mut sections = locked(&self.shared.sections);
        if let Some(only) = only {
            return sections.pop_front_if(|place| *place == only);
        }
        let fronts = locked(&self.shared.fronts).clone();
        let header = self.shared.header.get()?;
        let at = sections.iter().position(|place| {
            let span = &header.sections[*place].span;
            fronts.iter().any(|front| may_hold(span, &front.0))
        });
        match at {
            Some(at) => sections.remove(at),
            None => sections.pop_front(),
        }
    }

    /// Waits until readers may soon have nothing to do.
    async fn wait_until_needed(&self) -> Result<(), Ended> {
        let shared = &self.shared;
        loop {
            if shared.is_ended() {
                return Err(Ended);
            }
            let ready = shared.queue.len();
            let is_room = shared.counters.open.load(Ordering::Relaxed) < MAX_OPEN;
            let is_preparing = shared.unprepared.load(Ordering::Acquire) > PREPARING;
            if !is_preparing && (ready == 0 || (ready < 2 * shared.queue.allowed() && is_room)) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Hands a section of files to the threads; its ranges are queued when
    /// they know what is there already.
    fn begin(&self, place: usize, sealed: &[u8]) -> Result<(), Ended> {
        let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let is_last = place + 1 == self.numbers.len();
        let section = Section::open(&self.ticket.plan_key, number, is_last, sealed)
            .map_err(|error| self.bad_plan(&error))?;
        let shared = Arc::clone(&self.shared);
        let header = shared.header.get().ok_or(Ended)?;
        let packs = header.packs.len();
        let spares = section.ranges.iter().flat_map(|range| &range.blobs);
        let spares = spares.filter_map(|blob| Some(blob.spare.as_ref()?.pack));
        let mut named = section.ranges.iter().map(|range| range.pack).chain(spares);
        if named.any(|pack| pack as usize >= packs) {
            return Err(self.bad_plan(&PlanError::Malformed("a pack has no name")));
        }
        let is_critical = header.sections[place].kind == SectionKind::Critical;
        let (done, prepared) = oneshot::channel();
        shared.unprepared.fetch_add(1, Ordering::AcqRel);
        let number = self.numbers[place];
        shared.work.push(Task::Prepare { section, number, is_critical, done });
        let promises = Arc::clone(&self.promises);
        tokio::spawn(async move {
            if let Ok(ranges) = prepared.await {
                deliver(&shared, &promises, number, ranges);
            }
            shared.unprepared.fetch_sub(1, Ordering::AcqRel);
            shared.work.all_done();
        });
        Ok(())
    }

    /// Lets go of readers that wait for ranges the plan does not have.
    pub(crate) fn forget_promises(&self) {
        locked(&self.promises).clear();
    }

    fn folder_sections(&self) -> impl Iterator<Item = usize> + use<> {
        let sections = self.shared.header.get().map_or(&[][..], |header| &header.sections);
        let is_folders = |place: &usize| sections[*place].kind == SectionKind::Folders;
        (0..sections.len()).filter(is_folders).collect::<Vec<_>>().into_iter()
    }

    /// The last section that is worth fetching together with this one.
    fn batch_end(&self, first: usize) -> usize {
        let mut last = first;
        while self.length(first, last + 1).is_some_and(|length| length <= BATCH) {
            last += 1;
        }
        last
    }

    /// Bytes of some sections, from one to another.
    fn length(&self, first: usize, last: usize) -> Option<u64> {
        Some(self.offsets.get(last + 1)? - self.offsets.get(first)?)
    }

    /// Sets the attributes of all folders. Nothing is written into them any
    /// more.
    pub(crate) async fn finish_folders(&mut self) -> Result<(), Ended> {
        for place in self.folder_sections() {
            if !self.kept.contains_key(&place) {
                let batch = self.fetch(place, self.batch_end(place)).await?;
                self.kept.extend(batch);
            }
            let sealed = self.kept.remove(&place).ok_or(Ended)?;
            let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
            let is_last = place + 1 == self.numbers.len();
            let folders = Folders::open(&self.ticket.plan_key, number, is_last, &sealed)
                .map_err(|error| self.bad_plan(&error))?;
            let folders = Arc::new(folders);
            let parts = folder_parts(&folders, self.shared.target.is_root());
            // A folder that is made changes the one above it, which another
            // thread may have finished.
            if parts.len() > 1 {
                self.with_folders(&folders, &parts, true).await;
            }
            self.with_folders(&folders, &parts, false).await;
            if self.shared.is_ended() {
                return Err(Ended);
            }
        }
        Ok(())
    }

    /// Makes folders or sets their attributes, side by side.
    async fn with_folders(&self, folders: &Arc<Folders>, parts: &[(usize, usize)], make: bool) {
        let (done, mut all_done) = mpsc::channel(1);
        for (from, to) in parts.iter().copied() {
            let (folders, done) = (Arc::clone(folders), done.clone());
            self.shared.work.push(Task::Folders { folders, from, to, make, done });
        }
        drop(done);
        // Ends when the last part let go of its end.
        let _ = all_done.recv().await;
    }

    /// Lists every file that is not there, after the restore has ended before
    /// its time. What cannot be listed is counted.
    pub(crate) async fn list_missing(&mut self, problem: &str) {
        self.is_listing = true;
        let Some(header) = self.shared.header.get() else { return };
        let mut place = 0;
        while place < header.sections.len() {
            if header.sections[place].kind == SectionKind::Folders {
                break;
            }
            let Ok(batch) = self.fetch(place, self.batch_end(place)).await else { break };
            for (at, sealed) in batch {
                place = at + 1;
                if header.sections[at].kind == SectionKind::Folders {
                    continue;
                }
                let is_last = place == self.numbers.len();
                let number = u32::try_from(place).unwrap_or(u32::MAX);
                let opened = Section::open(&self.ticket.plan_key, number, is_last, &sealed);
                let Ok(section) = opened else { continue };
                let (shared, problem) = (Arc::clone(&self.shared), problem.to_owned());
                let listed = move || list_section(&shared, section, &problem);
                let _ = tokio::task::spawn_blocking(listed).await;
            }
        }
        let summary = self.shared.summary();
        let told = summary.files + summary.failed;
        let unlisted = header.totals.files.saturating_sub(told);
        self.shared.counters.unlisted.store(unlisted, Ordering::Release);
    }

    /// Whole sections, from one to another.
    async fn fetch(&self, first: usize, last: usize) -> Result<Vec<(usize, Vec<u8>)>, Ended> {
        let mut attempts = Attempts::default();
        loop {
            let mut line = self.line();
            match self.fetch_once(&mut line, first, last).await? {
                Ok(sections) => return Ok(sections),
                Err(_) if self.is_listing && attempts.count >= LISTING_TRIES => return Err(Ended),
                Err(trouble) => attempts.decide(self, trouble).await?,
            }
        }
    }

    async fn fetch_once(
        &self,
        line: &mut Line,
        first: usize,
        last: usize,
    ) -> Result<Result<Vec<(usize, Vec<u8>)>, Trouble>, Ended> {
        let (source, _) = self.shared.tickets.current();
        let object = Object::Plan(&self.ticket.plan);
        let (from, to) = (self.offsets[first], self.offsets[last + 1]);
        let mut body = match self.while_running(line.open(&source, object, from, to)).await? {
            Ok(body) => body,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let mut sections = Vec::with_capacity(last - first + 1);
        for place in first..=last {
            let length = (self.offsets[place + 1] - self.offsets[place]) as usize;
            match self.fill(&mut body, length).await? {
                Ok(sealed) => sections.push((place, sealed)),
                Err(trouble) => return Ok(Err(trouble)),
            }
        }
        Ok(Ok(sections))
    }

    async fn fill(
        &self,
        body: &mut Body<'_>,
        length: usize,
    ) -> Result<Result<Vec<u8>, Trouble>, Ended> {
        if length as u64 > MAX_SECTION {
            return Err(self.bad_plan(&PlanError::Malformed("a piece is too long")));
        }
        let mut bytes = vec![0; length];
        let heard = |count| self.shared.heard(count);
        let filled =
            self.while_running(body.fill(&mut bytes, self.shared.silence(), heard)).await?;
        Ok(filled.map(|()| bytes))
    }

    async fn while_running<T>(&self, work: impl Future<Output = T>) -> Result<T, Ended> {
        if self.is_listing {
            return Ok(work.await);
        }
        tokio::select! {
            () = self.shared.until_ended() => Err(Ended),
            done = work => Ok(done),
        }
    }

    fn bad_plan(&self, error: &PlanError) -> Ended {
        self.shared.abort(Cause::Plan, format!("failed to {error}"));
        Ended
    }
}

/// What was tried in vain.
#[derive(Debug, Default)]
struct Attempts {
    count: u32,
    since: Option<Instant>,
    refused: Option<u64>,
}

impl Attempts {
    /// Waits before the next attempt, or ends the restore.
    async fn decide(&mut self, loader: &Loader, trouble: Trouble) -> Result<(), Ended> {
        let shared = &loader.shared;
        self.count += 1;
        let lasted = self.since.get_or_insert_with(Instant::now).elapsed();
        let wait = backoff(self.count, shared.dice());
        let generation = shared.tickets.generation();
        let cause = match &trouble {
            Trouble::Missing(_) if self.count < MISSING_TRIES => None,
            Trouble::Missing(_) => Some(Cause::Plan),
            Trouble::Refused(_) if loader.is_listing => return Err(Ended),
            Trouble::Refused(_) if self.refused.is_some_and(|refused| refused != generation) => {
                Some(Cause::Ticket)
            }
            Trouble::Refused(_) => {
                self.refused = Some(generation);
                shared.is_plan_parked.store(true, Ordering::Release);
                if let (Some(reason), _) = shared.tickets.want(true) {
                    shared.say(Event::TicketWanted { reason }).await;
                }
                while shared.tickets.generation() == generation {
                    if shared.is_ended() {
                        return Err(Ended);
                    }
                    tokio::time::sleep(LOOK).await;
                }
                shared.is_plan_parked.store(false, Ordering::Release);
                return Ok(());
            }
            Trouble::Passing(_) | Trouble::Busy(_) if lasted < shared.options.patience => None,
            Trouble::Passing(_) | Trouble::Busy(_) => Some(Cause::StoreUnreachable),
        };
        if let Some(cause) = cause {
            shared.abort(cause, format!("the plan: {trouble}"));
            return Err(Ended);
        }
        loader.while_running(tokio::time::sleep(wait)).await
    }
}

/// Gives ranges to the readers that asked for them already, and queues the
/// others.
fn deliver(shared: &Shared, promises: &Promises, number: u64, ranges: Vec<Vec<Arc<RangeState>>>) {
    let fronts = locked(&shared.fronts).clone();
    let mut jobs = Vec::new();
    for (number, parts) in (number..).zip(ranges) {
        let mut promise = locked(promises).remove(&number);
        for range in parts {
            let fits = |promise: &mut Promise| {
                let FirstRange(pack, start, length) = promise.first;
                let end = range.blobs.last().map_or(0, |blob| blob.blob.end());
                let from = range.blobs.first().map_or(0, |blob| blob.blob.offset);
                pack == range.pack && start <= from && end <= start.saturating_add(length)
            };
            let range = match promise.take_if(fits) {
                Some(promise) => match promise.range.send(range) {
                    Ok(()) => continue,
                    Err(range) => range,
                },
                None => range,
            };
            let class = if is_wanted(&range, &fronts) {
                Class::Front
            } else if range.is_critical {
                Class::Critical
            } else {
                Class::Bulk
            };
            jobs.push(Job::new(range, class));
        }
    }
    shared.queue.push(jobs);
}

fn list_section(shared: &Shared, section: Section, problem: &str) {
    let folders: Arc<[Folder]> = section.folders.into();
    for file in section.files {
        let FileKind::Regular { shared: number, .. } = file.kind else { continue };
        let state = FileState::new(file, Arc::clone(&folders));
        if number.is_some_and(|number| !shared.list_once(number.get())) {
            continue;
        }
        let place = &state.file.place;
        let presence = shared
            .target
            .folder(state.folder(place))
            .and_then(|dir| Target::presence(&dir, &place.name, state.expected()));
        if !matches!(presence, Ok(Presence::Whole)) {
            state.list(shared, problem);
        }
    }
}
