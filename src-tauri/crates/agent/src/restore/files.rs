//! Files under way: from the first byte to the last attribute. A file gets its
//! attributes the moment its last blob lands; there is no second walk.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::shared::Shared;
use crate::RawPath;
use crate::disk::{Expected, Origin, fatal};
use crate::event::{Event, Part};
use crate::plan::{self, FileKind, Folder, Place};

/// Contents shorter than this are written even if they are zeros.
const SHORTEST_HOLE: usize = 4096;

/// A file that is being restored.
#[derive(Debug)]
pub(crate) struct FileState {
    pub(crate) file: plan::File,
    folders: Arc<[Folder]>,
    /// Writes to come.
    left: AtomicU32,
    stand: Mutex<Stand>,
}

/// How far a file is.
#[derive(Debug)]
enum Stand {
    /// Nothing of it is there.
    Untouched,
    /// It is there in part. `None` where too many files are open.
    Begun { file: Option<Arc<File>>, origin: Origin },
    /// It is there, or will never be.
    Settled,
}

impl FileState {
    pub(crate) fn new(file: plan::File, folders: Arc<[Folder]>) -> Self {
        let state =
            Self { file, folders, left: AtomicU32::new(0), stand: Mutex::new(Stand::Untouched) };
        state.left.store(state.writes(), Ordering::Relaxed);
        state
    }

    const fn writes(&self) -> u32 {
        match self.file.kind {
            FileKind::Regular { writes, .. } => writes,
            _ => 0,
        }
    }

    fn stand(&self) -> MutexGuard<'_, Stand> {
        self.stand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn folder(&self, place: &Place) -> &Folder {
        // Checked when the plan was read.
        &self.folders[place.folder as usize]
    }

    pub(crate) fn path(&self, place: &Place) -> RawPath {
        let folder = &self.folder(place).path;
        RawPath(if folder.is_empty() {
            place.name.to_vec()
        } else {
            [folder, &b"/"[..], &place.name].concat()
        })
    }

    /// Whether it or one of its names lies at this path or below it.
    pub(crate) fn is_below(&self, path: &[u8]) -> bool {
        let fits = |place: &Place| is_below(&self.path(place).0, path);
        fits(&self.file.place) || self.file.links.iter().any(fits)
    }

    pub(crate) fn expected(&self) -> Expected {
        let size = match self.file.kind {
            FileKind::Regular { size, .. } => size,
            _ => 0,
        };
        Expected { size, modified: self.file.attributes.modified }
    }

    pub(crate) fn is_settled(&self) -> bool {
        matches!(*self.stand(), Stand::Settled)
    }

    /// It stands there in part already, and is gone on with.
    pub(crate) fn resume(&self, shared: &Shared, file: &Arc<File>) {
        let kept = shared.may_keep_open().then(|| Arc::clone(file));
        *self.stand() = Stand::Begun { file: kept, origin: Origin::Old };
    }

    /// A file that was resumed, to compare what is there.
    pub(crate) fn resumed(&self) -> Option<Arc<File>> {
        match &*self.stand() {
            Stand::Begun { file: Some(file), origin: Origin::Old } => Some(Arc::clone(file)),
            _ => None,
        }
    }

    /// Writes a blob's contents, which were verified, where they belong.
    pub(crate) fn write(&self, shared: &Shared, offset: u64, contents: &[u8]) {
        let (file, origin) = match self.begin(shared) {
            Ok(Some(begun)) => begun,
            Ok(None) => return,
            Err(error) => return self.fail_io(shared, &error),
        };
        let is_hole = origin != Origin::Old && contents.len() >= SHORTEST_HOLE && is_zero(contents);
        let written = if !is_hole {
            write_all_at(&file, contents, offset)
        } else if self.writes() == 1 {
            file.set_len(self.expected().size)
        } else {
            Ok(())
        };
        if let Err(error) = written {
            return self.fail_io(shared, &error);
        }
        shared.landed(&self.file, contents.len() as u64);
        self.landed(shared, Some((file, origin)));
    }

    /// One write is done, or was not necessary.
    pub(crate) fn landed(&self, shared: &Shared, at_hand: Option<(Arc<File>, Origin)>) {
        // The last one to come sees what all the others wrote.
        if self.left.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let begun = match at_hand {
            Some(begun) => Ok(Some(begun)),
            None => self.begin(shared),
        };
        match begun {
            Ok(Some((file, origin))) => self.finish(shared, &file, origin),
            Ok(None) => {}
            Err(error) => self.fail_io(shared, &error),
        }
    }

    /// The open file; `None` if there is nothing more to do for it.
    fn begin(&self, shared: &Shared) -> io::Result<Option<(Arc<File>, Origin)>> {
        let mut stand = self.stand();
        let begun = match &*stand {
            Stand::Settled => return Ok(None),
            Stand::Begun { file: Some(file), origin } => {
                return Ok(Some((Arc::clone(file), *origin)));
            }
            Stand::Begun { file: None, origin } => Some(*origin),
            Stand::Untouched => None,
        };
        let place = &self.file.place;
        let dir = shared.target.folder(self.folder(place))?;
        let (file, origin) = if let Some(origin) = begun {
            (shared.target.reopen(&dir, &place.name)?, origin)
        } else {
            let (attributes, at_once) = (&self.file.attributes, self.writes() <= 1);
            let made = shared.target.create(&dir, &place.name, attributes, at_once)?;
            // Once, so that holes need no writing and order does not matter.
            if !at_once {
                made.0.set_len(self.expected().size)?;
            }
            made
        };
        let file = Arc::new(file);
        // What is written at once need not be found again.
        let is_kept = self.left.load(Ordering::Relaxed) > 1 && shared.may_keep_open();
        let kept = is_kept.then(|| Arc::clone(&file));
        *stand = Stand::Begun { file: kept, origin };
        Ok(Some((file, origin)))
    }

    fn settle(&self, shared: &Shared) -> bool {
        let before = std::mem::replace(&mut *self.stand(), Stand::Settled);
        if matches!(before, Stand::Begun { file: Some(_), .. }) {
            shared.closed_one();
        }
        !matches!(before, Stand::Settled)
    }

    fn finish(&self, shared: &Shared, file: &File, origin: Origin) {
        let problems = shared.target.finish(file, origin, &self.file.attributes);
        if self.settle(shared) {
            self.done(shared, &problems, false);
        }
    }

    /// Makes a file of no bytes.
    pub(crate) fn make_empty(&self, shared: &Shared) {
        match self.begin(shared) {
            Ok(Some((file, origin))) => self.finish(shared, &file, origin),
            Ok(None) => {}
            Err(error) => self.fail_io(shared, &error),
        }
    }

    /// Makes a link, pipe or device.
    pub(crate) fn make_special(&self, shared: &Shared) {
        let place = &self.file.place;
        let made = shared.target.folder(self.folder(place)).and_then(|dir| {
            shared.target.special(&dir, &place.name, &self.file.kind, &self.file.attributes)
        });
        match made {
            Ok(problems) => self.keep(shared, &problems),
            Err(error) => self.fail_io(shared, &error),
        }
    }

    /// It was there before, whole.
    pub(crate) fn keep(&self, shared: &Shared, problems: &[String]) {
        if self.settle(shared) {
            self.done(shared, problems, true);
        }
    }

    /// Gives it its further names and counts it.
    fn done(&self, shared: &Shared, problems: &[String], was_there: bool) {
        let mut names = 1;
        for link in &self.file.links {
            match self.link(shared, link) {
                Ok(()) => names += 1,
                Err(error) => {
                    if let Some(cause) = fatal(&error) {
                        shared.abort(cause, error.to_string());
                    }
                    shared.failed(self.path(link), &error.to_string());
                }
            }
        }
        if !problems.is_empty() {
            shared.counters.imperfect.fetch_add(1, Ordering::Relaxed);
            shared.tell(Event::Failed {
                path: self.path(&self.file.place),
                part: Part::Attributes,
                problem: problems.join("; "),
            });
        }
        shared.restored(&self.file, names, self.expected().size, was_there);
    }

    fn link(&self, shared: &Shared, link: &Place) -> io::Result<()> {
        let place = &self.file.place;
        let dir = shared.target.folder(self.folder(place))?;
        let other = shared.target.folder(self.folder(link))?;
        shared.target.link((&dir, &place.name), (&other, &link.name))
    }

    fn fail_io(&self, shared: &Shared, error: &io::Error) {
        match fatal(error) {
            Some(cause) => shared.abort(cause, error.to_string()),
            None => self.fail(shared, &error.to_string()),
        }
    }

    /// It will not be restored. What is there of it is removed: half a file
    /// under its own name looks like a whole one.
    pub(crate) fn fail(&self, shared: &Shared, problem: &str) {
        let was_begun = matches!(*self.stand(), Stand::Begun { .. });
        if !self.settle(shared) {
            return;
        }
        let place = &self.file.place;
        if was_begun && let Ok(dir) = shared.target.folder(self.folder(place)) {
            let _ = shared.target.remove(&dir, &place.name);
        }
        self.list(shared, problem);
        shared.given_up(&self.file);
    }

    /// Tells that all its names are not restored.
    pub(crate) fn list(&self, shared: &Shared, problem: &str) {
        for place in std::iter::once(&self.file.place).chain(&self.file.links) {
            shared.failed(self.path(place), problem);
        }
    }
}

/// Whether a path is another or lies below it.
pub(crate) fn is_below(path: &[u8], above: &[u8]) -> bool {
    above.is_empty() || path.strip_prefix(above).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

fn is_zero(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<32>();
    blocks.iter().all(|block| *block == [0; 32]) && rest.iter().all(|byte| *byte == 0)
}

#[cfg(unix)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                bytes = &mut bytes[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}
