//! The target where there is no Unix: for practice and for restores onto this
//! computer. Owners, modes, attributes, pipes and devices do not exist there.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Expected, Origin, Presence};
use crate::plan::{Attributes, FileKind, Folder, Moment};

/// A folder below the target.
#[derive(Debug)]
pub(crate) struct Dir {
    path: PathBuf,
    /// It was made here, so that nothing can lie in it but what we put there.
    pub(crate) is_fresh: bool,
}

/// The folder that the snapshot's root becomes.
#[derive(Debug)]
pub(crate) struct Target {
    root: PathBuf,
}

fn time(moment: Moment) -> SystemTime {
    let nanoseconds = Duration::from_nanos(moment.nanoseconds.into());
    let seconds = Duration::from_secs(moment.seconds.unsigned_abs());
    let whole = if moment.seconds < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    whole.and_then(|whole| whole.checked_add(nanoseconds)).unwrap_or(UNIX_EPOCH)
}

/// A name that this system has, and that leads nowhere else.
fn name(bytes: &[u8]) -> io::Result<&str> {
    let odd = || io::Error::new(io::ErrorKind::InvalidFilename, "this system has no such name");
    let text = std::str::from_utf8(bytes).map_err(|_| odd())?;
    let is_odd = |c: char| c.is_control() || r#"\/:*?"<>|"#.contains(c);
    if text.contains(is_odd) || text.ends_with(['.', ' ']) {
        return Err(odd());
    }
    Ok(text)
}

impl Target {
    /// Opens the target, which is made if it is missing.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let probe = path.join(format!(".dumont-{}", std::process::id()));
        fs::create_dir(&probe)?;
        fs::remove_dir(&probe)?;
        Ok(Self { root: path.to_owned() })
    }

    /// A folder, made with all above it where it is missing.
    pub(crate) fn folder(&self, folder: &Folder) -> io::Result<Arc<Dir>> {
        let mut path = self.root.clone();
        let mut is_fresh = false;
        for own in folder.path.split(|c| *c == b'/').filter(|own| !own.is_empty()) {
            path.push(name(own)?);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => is_fresh = false,
                Ok(_) => {
                    fs::remove_file(&path)?;
                    fs::create_dir(&path)?;
                    is_fresh = true;
                }
                Err(_) => match fs::create_dir(&path) {
                    Ok(()) => is_fresh = true,
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => is_fresh = false,
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(Arc::new(Dir { path, is_fresh }))
    }

    /// What stands at a name.
    pub(crate) fn presence(dir: &Dir, own: &[u8], expected: Expected) -> io::Result<Presence> {
        let path = dir.path.join(name(own)?);
        let found = if dir.is_fresh { None } else { fs::symlink_metadata(path).ok() };
        let Some(found) = found else { return Ok(Presence::Absent) };
        Ok(if !found.is_file() || found.len() != expected.size {
            Presence::Other
        } else if found.modified()? == time(expected.modified) {
            Presence::Whole
        } else {
            Presence::SameSize
        })
    }

    /// Opens a file that stands there, to read and write.
    pub(crate) fn reopen(&self, dir: &Dir, own: &[u8]) -> io::Result<File> {
        let path = dir.path.join(name(own)?);
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        File::options().read(true).write(true).open(path)
    }

    /// Nothing is to be set.
    pub(crate) fn refresh(&self, _: &Dir, _: &[u8], _: &Attributes) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Folders' attributes are not set here, so that nothing is refused.
    pub(crate) const fn is_root(&self) -> bool {
        true
    }

    /// A new and empty file, in the place of whatever stands there.
    pub(crate) fn create(
        &self,
        dir: &Dir,
        own: &[u8],
        _: &Attributes,
        _: bool,
    ) -> io::Result<(File, Origin)> {
        let path = dir.path.join(name(own)?);
        let create = || File::options().read(true).write(true).create_new(true).open(&path);
        let made = match create() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(dir, own)?;
                create()
            }
            made => made,
        };
        Ok((made?, Origin::New))
    }

    /// Removes a file, or a folder that is empty.
    pub(crate) fn remove(&self, dir: &Dir, own: &[u8]) -> io::Result<()> {
        let path = dir.path.join(name(own)?);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir(path),
            Ok(_) => fs::remove_file(path),
            Err(_) => Ok(()),
        }
    }

    /// Sets a file's times. What could not be set is told.
    pub(crate) fn finish(&self, file: &File, _: Origin, wanted: &Attributes) -> Vec<String> {
        let times = FileTimes::new()
            .set_accessed(time(wanted.accessed))
            .set_modified(time(wanted.modified));
        let set = file.set_times(times);
        set.err().map(|error| format!("times: {error}")).into_iter().collect()
    }

    /// There is nothing but links, and those only for some users.
    pub(crate) fn special(
        &self,
        dir: &Dir,
        own: &[u8],
        what: &FileKind,
        _: &Attributes,
    ) -> io::Result<Vec<String>> {
        let FileKind::Symlink(target) = what else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this system has nothing like it",
            ));
        };
        let target = std::str::from_utf8(target)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))?;
        self.remove(dir, own)?;
        #[cfg(windows)]
        std::os::windows::fs::symlink_file(target, dir.path.join(name(own)?))?;
        #[cfg(not(windows))]
        let _ = target;
        Ok(Vec::new())
    }

    /// Gives a file a further name, in the place of whatever stands there.
    pub(crate) fn link(
        &self,
        (dir, own): (&Dir, &[u8]),
        (other, further): (&Dir, &[u8]),
    ) -> io::Result<()> {
        self.remove(other, further)?;
        fs::hard_link(dir.path.join(name(own)?), other.path.join(name(further)?))
    }

    /// A folder, made where it is missing.
    pub(crate) fn make_folder(&self, path: &[u8], _: &Attributes) -> io::Result<Arc<Dir>> {
        self.folder(&Folder { path: path.into(), ..Folder::default() })
    }

    /// The same; there are no attributes to be set.
    pub(crate) fn finish_folder(
        &self,
        path: &[u8],
        wanted: &Attributes,
    ) -> io::Result<Vec<String>> {
        self.make_folder(path, wanted).map(|_| Vec::new())
    }
}
