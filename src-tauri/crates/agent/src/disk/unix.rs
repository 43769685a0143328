//! The target on Unix: every step is taken from an open folder by one name,
//! never by a path, so that nobody can lead it astray.

use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use platform::permissions;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps, XattrFlags, chownat, fchmod,
    fchown, fgetxattr, flistxattr, fremovexattr, fsetxattr, fstat, futimens, linkat, lsetxattr,
    mkdirat, openat, readlinkat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Resource, Uid, getrlimit, setrlimit};

use super::{Expected, Origin, Presence};
use crate::plan::{Attributes, FileKind, Folder, Moment};

/// Folders kept open while there is room for as many.
const MAX_OPEN_FOLDERS: u64 = 1024;
/// The longest list of attribute names that Linux gives, in bytes.
const MAX_XATTR_NAMES: usize = 64 << 10;

const FOLDER: OFlags =
    OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::RDONLY);

/// An open folder below the target.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
    /// It was made here, so that nothing can lie in it but what we put there.
    pub(crate) is_fresh: bool,
    /// And what is made in it belongs to this process's own user and group.
    is_own: bool,
    /// The permissions that the system gave it as they were asked for: neither
    /// the umask nor an inherited list takes these from what is made in it.
    granted: u32,
}

/// The folder that the snapshot's root becomes.
#[derive(Debug)]
pub(crate) struct Target {
    root: Arc<Dir>,
    folders: Mutex<OpenFolders>,
    uid: u32,
    gid: u32,
}

/// Folders that were used lately. The older half is let go when the younger is
/// full.
#[derive(Debug, Default)]
struct OpenFolders {
    young: HashMap<Box<[u8]>, Arc<Dir>>,
    old: HashMap<Box<[u8]>, Arc<Dir>>,
    half: usize,
}

impl OpenFolders {
    fn get(&mut self, path: &[u8]) -> Option<Arc<Dir>> {
        if let Some(dir) = self.young.get(path) {
            return Some(Arc::clone(dir));
        }
        let (path, dir) = self.old.remove_entry(path)?;
        self.put(path, &dir);
        Some(dir)
    }

    fn put(&mut self, path: Box<[u8]>, dir: &Arc<Dir>) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(path, Arc::clone(dir));
    }
}

fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

#[cfg(not(target_vendor = "apple"))]
mod platform {
    use std::ffi::OsStr;

    use rustix::fs::{FileType, Mode, mknodat};

    use super::Dir;

    pub(super) const fn permissions(bits: u32) -> Mode {
        Mode::from_raw_mode(bits)
    }

    pub(super) fn make_node(
        dir: &Dir,
        path: &OsStr,
        kind: FileType,
        device: u64,
    ) -> rustix::io::Result<()> {
        mknodat(&dir.fd, path, kind, Mode::RUSR | Mode::WUSR, device)
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    use std::ffi::OsStr;

    use rustix::fs::{FileType, Mode};
    use rustix::io::Errno;

    use super::Dir;

    pub(super) const fn permissions(bits: u32) -> Mode {
        Mode::from_raw_mode((bits & 0o7777) as u16)
    }

    /// There is no call that makes one in an open folder.
    pub(super) const fn make_node(
        _: &Dir,
        _: &OsStr,
        _: FileType,
        _: u64,
    ) -> rustix::io::Result<()> {
        Err(Errno::NOSYS)
    }
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

impl Target {
    /// Opens the target, which is made if it is missing. The target itself may
    /// be a symbolic link: the user named it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        let half = raise_limit() / 2;
        let target = Self {
            root: Arc::new(Dir { fd, is_fresh: false, is_own: false, granted: 0 }),
            folders: Mutex::new(OpenFolders { half, ..OpenFolders::default() }),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        };
        target.probe()?;
        Ok(target)
    }

    /// Finds out before anything is fetched that nothing can be written.
    fn probe(&self) -> io::Result<()> {
        let probe = format!(".dumont-{}", std::process::id());
        match mkdirat(&self.root.fd, &probe, Mode::RWXU) {
            Ok(()) => Ok(unlinkat(&self.root.fd, &probe, AtFlags::REMOVEDIR)?),
            Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A folder, made with all above it where it is missing.
    pub(crate) fn folder(&self, folder: &Folder) -> io::Result<Arc<Dir>> {
        if folder.path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        let known = self.locked().get(&folder.path);
        match known {
            Some(dir) => Ok(dir),
            None => self.enter(&folder.path, Some(folder)),
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, OpenFolders> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, path: &[u8], folder: Option<&Folder>) -> io::Result<Arc<Dir>> {
        let (above, own) = match path.iter().rposition(|c| *c == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&b""[..], path),
        };
        let parent = if above.is_empty() {
            Arc::clone(&self.root)
        } else {
            let known = self.locked().get(above);
            match known {
                Some(dir) => dir,
                None => self.enter(above, None)?,
            }
        };
        let dir = Arc::new(self.enter_one(&parent, own, folder)?);
        self.locked().put(path.into(), &dir);
        Ok(dir)
    }

    fn enter_one(&self, parent: &Dir, own: &[u8], folder: Option<&Folder>) -> io::Result<Dir> {
        let own = name(own);
        let bits = folder.map_or(0o700, |folder| folder.mode & 0o777 | 0o700);
        let make = || mkdirat(&parent.fd, own, permissions(bits));
        let mut outcome = self.writable(parent, make);
        if outcome == Err(Errno::EXIST) {
            let stat = statat(&parent.fd, own, AtFlags::SYMLINK_NOFOLLOW)?;
            if kind(&stat) != FileType::Directory {
                unlinkat(&parent.fd, own, AtFlags::empty())?;
                outcome = make();
            }
        }
        let is_fresh = match outcome {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        let fd = match openat(&parent.fd, own, FOLDER, Mode::empty()) {
            // Without the right to look into one's own folder.
            Err(Errno::ACCESS) => {
                rustix::fs::chmodat(&parent.fd, own, Mode::RWXU, AtFlags::empty())?;
                openat(&parent.fd, own, FOLDER, Mode::empty())?
            }
            opened => opened?,
        };
        // Whoever is the group of a new folder is that of new files in it.
        let fresh = if is_fresh { fstat(&fd).ok() } else { None };
        let is_own = fresh.is_some_and(|stat| {
            (stat.st_uid, stat.st_gid, stat.st_mode & 0o2000) == (self.uid, self.gid, 0)
        }) && folder
            .is_some_and(|folder| (folder.uid, folder.gid) == (self.uid, self.gid));
        #[expect(clippy::useless_conversion, reason = "other systems count in other types")]
        let granted = fresh.map_or(0, |stat| u32::from(stat.st_mode) & 0o777);
        if let Some(folder) = folder.filter(|_| is_fresh && !is_own) {
            // Tried again, and judged, when its attributes are set.
            let _ = fchown(&fd, Some(Uid::from_raw(folder.uid)), Some(Gid::from_raw(folder.gid)));
        }
        Ok(Dir { fd, is_fresh, is_own, granted })
    }

    /// Tries again in a folder that its owner may not write into.
    fn writable<T>(&self, dir: &Dir, attempt: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        match attempt() {
            Err(Errno::ACCESS) if self.uid != 0 => {
                let mode = fstat(&dir.fd)?.st_mode & 0o7777;
                fchmod(&dir.fd, Mode::from_raw_mode(mode | 0o700))?;
                attempt()
            }
            done => done,
        }
    }

    /// What stands at a name.
    pub(crate) fn presence(dir: &Dir, own: &[u8], expected: Expected) -> io::Result<Presence> {
        if dir.is_fresh {
            return Ok(Presence::Absent);
        }
        let stat = match statat(&dir.fd, name(own), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Presence::Absent),
            Err(error) => return Err(error.into()),
        };
        let is_same_size = kind(&stat) == FileType::RegularFile
            && u64::try_from(stat.st_size).is_ok_and(|size| size == expected.size);
        if !is_same_size {
            return Ok(Presence::Other);
        }
        #[expect(clippy::useless_conversion, reason = "other systems count in other types")]
        let modified = (i64::from(stat.st_mtime), i128::from(stat.st_mtime_nsec));
        let wanted = (expected.modified.seconds, i128::from(expected.modified.nanoseconds));
        Ok(if modified == wanted { Presence::Whole } else { Presence::SameSize })
    }

    /// Opens a file that stands there, to read and write.
    pub(crate) fn reopen(&self, dir: &Dir, own: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = match openat(&dir.fd, name(own), flags, Mode::empty()) {
            Err(Errno::ACCESS) if self.uid != 0 => {
                let mode = Mode::RUSR | Mode::WUSR;
                rustix::fs::chmodat(&dir.fd, name(own), mode, AtFlags::empty())?;
                openat(&dir.fd, name(own), flags, Mode::empty())?
            }
            opened => opened?,
        };
        let stat = fstat(&fd)?;
        // What has other names is not ours to change.
        if kind(&stat) != FileType::RegularFile || stat.st_nlink > 1 {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(fd.into())
    }

    /// Sets the attributes of a file that stands there whole.
    pub(crate) fn refresh(
        &self,
        dir: &Dir,
        own: &[u8],
        wanted: &Attributes,
    ) -> io::Result<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat(&dir.fd, name(own), flags, Mode::empty()) {
            Err(Errno::ACCESS) if self.uid != 0 => {
                let mode = Mode::RUSR | Mode::WUSR;
                rustix::fs::chmodat(&dir.fd, name(own), mode, AtFlags::empty())?;
                openat(&dir.fd, name(own), flags, Mode::empty())?
            }
            opened => opened?,
        };
        Ok(self.set_all(&file, Origin::Old, wanted))
    }

    /// Whether nothing is refused to this process.
    pub(crate) const fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// A new and empty file, in the place of whatever stands there. One that is
    /// written at once is made with its mode where that can be: it saves one
    /// call of the five that a small file takes.
    pub(crate) fn create(
        &self,
        dir: &Dir,
        own: &[u8],
        wanted: &Attributes,
        at_once: bool,
    ) -> io::Result<(File, Origin)> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let is_own = dir.is_own && (wanted.uid, wanted.gid) == (self.uid, self.gid);
        let (mode, origin) = if !is_own {
            (Mode::RUSR | Mode::WUSR, Origin::New)
        } else if at_once && wanted.mode & !dir.granted == 0 && wanted.xattrs.is_empty() {
            (permissions(wanted.mode), Origin::Whole)
        } else {
            (Mode::RUSR | Mode::WUSR, Origin::Own)
        };
        let make = || openat(&dir.fd, name(own), flags, mode);
        let fd = self.replacing(dir, own, make)?;
        Ok((fd.into(), origin))
    }

    fn replacing<T>(
        &self,
        dir: &Dir,
        own: &[u8],
        make: impl Fn() -> Result<T, Errno>,
    ) -> io::Result<T> {
        match self.writable(dir, &make) {
            Err(Errno::EXIST) => {
                self.remove(dir, own)?;
                Ok(make()?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Removes a file, or a folder that is empty.
    pub(crate) fn remove(&self, dir: &Dir, own: &[u8]) -> io::Result<()> {
        let own = name(own);
        match self.writable(dir, || unlinkat(&dir.fd, own, AtFlags::empty())) {
            Err(Errno::ISDIR | Errno::PERM) => Ok(unlinkat(&dir.fd, own, AtFlags::REMOVEDIR)?),
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sets a file's attributes, its time last: whoever sees that one knows
    /// that everything else is there. What could not be set is told.
    pub(crate) fn finish(&self, file: &File, origin: Origin, wanted: &Attributes) -> Vec<String> {
        self.set_all(file, origin, wanted)
    }

    fn set_all(
        &self,
        file: &impl std::os::fd::AsFd,
        origin: Origin,
        wanted: &Attributes,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        let mut note = |what: &str, result: Result<(), Errno>| {
            if let Err(error) = result {
                problems.push(format!("{what}: {}", io::Error::from(error)));
            }
        };
        if !matches!(origin, Origin::Own | Origin::Whole) {
            let (uid, gid) = (Uid::from_raw(wanted.uid), Gid::from_raw(wanted.gid));
            note("owner", self.own(fchown(file, Some(uid), Some(gid))));
        }
        let is_old = origin == Origin::Old;
        if !wanted.xattrs.is_empty() || is_old {
            for (what, result) in set_xattrs(file, is_old, wanted) {
                note(&what, result);
            }
        }
        if origin != Origin::Whole {
            note("mode", fchmod(file, permissions(wanted.mode)));
        }
        note("times", futimens(file, &times(wanted)));
        problems
    }

    /// Whoever is not root cannot give files away, and is not told so every
    /// time.
    fn own(&self, result: Result<(), Errno>) -> Result<(), Errno> {
        match result {
            Err(Errno::PERM) if self.uid != 0 => Ok(()),
            other => other,
        }
    }

    /// Makes a link, pipe or device with its attributes, in the place of
    /// whatever stands there.
    pub(crate) fn special(
        &self,
        dir: &Dir,
        own: &[u8],
        what: &FileKind,
        wanted: &Attributes,
    ) -> io::Result<Vec<String>> {
        let path = name(own);
        let make_node = |kind: FileType, device: u64| {
            self.replacing(dir, own, || platform::make_node(dir, path, kind, device))
        };
        let is_link = matches!(what, FileKind::Symlink(_));
        match what {
            FileKind::Symlink(target) => {
                if !is_link_to(dir, own, target) {
                    self.replacing(dir, own, || symlinkat(name(target), &dir.fd, path))?;
                }
            }
            FileKind::Fifo => make_node(FileType::Fifo, 0)?,
            FileKind::CharDevice(device) => make_node(FileType::CharacterDevice, *device)?,
            FileKind::BlockDevice(device) => make_node(FileType::BlockDevice, *device)?,
            FileKind::Regular { .. } | FileKind::Lost(_) => {}
        }

        let mut problems = Vec::new();
        let mut note = |what: &str, result: Result<(), Errno>| {
            if let Err(error) = result {
                problems.push(format!("{what}: {}", io::Error::from(error)));
            }
        };
        let (uid, gid) = (Uid::from_raw(wanted.uid), Gid::from_raw(wanted.gid));
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        note("owner", self.own(chownat(&dir.fd, path, Some(uid), Some(gid), flags)));
        for xattr in &wanted.xattrs {
            // There is no call that takes a folder and a name.
            let mut full = format!("/proc/self/fd/{}/", dir.fd.as_raw_fd()).into_bytes();
            full.extend_from_slice(own);
            let set = lsetxattr(name(&full), &*xattr.name, &xattr.value, XattrFlags::empty());
            note(&shown(&xattr.name), set);
        }
        if !is_link {
            let mode = permissions(wanted.mode);
            note("mode", rustix::fs::chmodat(&dir.fd, path, mode, AtFlags::empty()));
        }
        note("times", utimensat(&dir.fd, path, &times(wanted), flags));
        Ok(problems)
    }

    /// Gives a file a further name, in the place of whatever stands there.
    pub(crate) fn link(
        &self,
        (dir, own): (&Dir, &[u8]),
        (other, further): (&Dir, &[u8]),
    ) -> io::Result<()> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if !other.is_fresh
            && let (Ok(a), Ok(b)) =
                (statat(&dir.fd, name(own), flags), statat(&other.fd, name(further), flags))
            && (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
        {
            return Ok(());
        }
        self.replacing(other, further, || {
            linkat(&dir.fd, name(own), &other.fd, name(further), AtFlags::empty())
        })
    }

    /// A folder, made where it is missing.
    pub(crate) fn make_folder(&self, path: &[u8], wanted: &Attributes) -> io::Result<Arc<Dir>> {
        let folder =
            Folder { path: path.into(), mode: wanted.mode, uid: wanted.uid, gid: wanted.gid };
        self.folder(&folder)
    }

    /// Sets the attributes of a folder, which is made where it is missing.
    pub(crate) fn finish_folder(
        &self,
        path: &[u8],
        wanted: &Attributes,
    ) -> io::Result<Vec<String>> {
        let dir = self.make_folder(path, wanted)?;
        let origin = if dir.is_fresh { Origin::New } else { Origin::Old };
        Ok(self.set_all(&dir.fd, origin, wanted))
    }
}

/// As many open files as the system allows, and how many of them may be
/// folders.
fn raise_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_none_or(|maximum| limit.current.is_some_and(|now| now < maximum)) {
        let wanted = limit.maximum.unwrap_or(1 << 16).min(1 << 16);
        if limit.current.is_some_and(|now| now < wanted) {
            let raised = rustix::process::Rlimit { current: Some(wanted), ..limit };
            if setrlimit(Resource::Nofile, raised).is_ok() {
                limit.current = Some(wanted);
            }
        }
    }
    let room = limit.current.map_or(MAX_OPEN_FOLDERS, |now| now / 4);
    usize::try_from(room.clamp(16, MAX_OPEN_FOLDERS)).unwrap_or(16)
}

fn is_link_to(dir: &Dir, own: &[u8], target: &[u8]) -> bool {
    !dir.is_fresh
        && readlinkat(&dir.fd, name(own), Vec::new())
            .is_ok_and(|found: CString| found.as_bytes() == target)
}

fn times(wanted: &Attributes) -> Timestamps {
    let spec =
        |moment: Moment| Timespec { tv_sec: moment.seconds, tv_nsec: moment.nanoseconds.into() };
    Timestamps { last_access: spec(wanted.accessed), last_modification: spec(wanted.modified) }
}

fn shown(xattr: &[u8]) -> String {
    format!("attribute {}", restic::quote(xattr))
}

fn set_xattrs(
    file: &impl std::os::fd::AsFd,
    is_old: bool,
    wanted: &Attributes,
) -> Vec<(String, Result<(), Errno>)> {
    let mut results = Vec::new();
    if is_old {
        let mut names = vec![0u8; MAX_XATTR_NAMES];
        let length = flistxattr(file, &mut names[..]).unwrap_or(0);
        for found in names[..length].split(|c| *c == 0).filter(|found| !found.is_empty()) {
            // What the system itself attaches cannot always be taken off.
            if !wanted.xattrs.iter().any(|xattr| *xattr.name == *found) {
                let _ = fremovexattr(file, found);
            }
        }
    }
    for xattr in &wanted.xattrs {
        if is_old {
            let mut value = vec![0u8; xattr.value.len()];
            let is_set = fgetxattr(file, &*xattr.name, &mut value[..])
                .is_ok_and(|length| value[..length] == *xattr.value);
            if is_set {
                continue;
            }
        }
        let set = fsetxattr(file, &*xattr.name, &xattr.value, XattrFlags::empty());
        results.push((shown(&xattr.name), set));
    }
    results
}
