//! Files of the repository kept on this computer, sealed as they are stored.
//! Everything here may be deleted at any time; what cannot be read or written
//! is as if it were not there. All calls block.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use restic::Id;
use tempfile::{NamedTempFile, TempDir};

use crate::{FileName, RepositoryError};

/// One repository's folder in the cache.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    /// Where the caller gave no folder: gone with the repository's handle.
    _borrowed: Option<TempDir>,
}

impl Cache {
    pub(crate) fn new(folder: Option<&Path>, repository: Id) -> Result<Self, RepositoryError> {
        let borrowed = match folder {
            Some(_) => None,
            None => Some(tempfile::tempdir().map_err(RepositoryError::internal)?),
        };
        let folder = folder.or(borrowed.as_ref().map(TempDir::path)).unwrap_or(Path::new(""));
        Ok(Self { root: folder.join(repository.to_string()), _borrowed: borrowed })
    }

    fn path(&self, file: FileName) -> PathBuf {
        self.root.join(file.to_string())
    }

    pub(crate) fn read(&self, file: FileName) -> Option<Vec<u8>> {
        fs::read(self.path(file)).ok()
    }

    pub(crate) fn write(&self, file: FileName, bytes: &[u8]) {
        let path = self.path(file);
        let written = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(&self.root);
            fs::create_dir_all(folder)?;
            // Renamed when complete, so that nobody reads half a file.
            let mut temporary = NamedTempFile::new_in(folder)?;
            temporary.write_all(bytes)?;
            temporary.persist(&path)?;
            Ok(())
        };
        if let Err(error) = written() {
            tracing::warn!(%file, %error, "a file could not be cached");
        }
    }

    pub(crate) fn remove(&self, file: FileName) {
        // What is not there is removed.
        let _ = fs::remove_file(self.path(file));
    }

    /// Removes the files of a folder (`snapshots`, `data`) that the repository
    /// does not have any more.
    pub(crate) fn keep_only(&self, folder: &str, kept: &HashSet<Id>) {
        let mut folders = vec![self.root.join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let id = name.to_str().and_then(|name| name.parse().ok());
                if id.is_some_and(|id| !kept.contains(&id)) {
                    let _ = fs::remove_file(entry.path());
                } else if id.is_none() && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_repository_lost_leaves_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path()), Id::of(b"repository")).unwrap();
        let (old, new) = (Id::of(b"old"), Id::of(b"new"));
        for id in [old, new] {
            cache.write(FileName::Snapshot(id), b"s");
            cache.write(FileName::Pack(id), b"p");
        }
        cache.keep_only("snapshots", &HashSet::from([new]));
        assert_eq!(cache.read(FileName::Snapshot(old)), None);
        assert_eq!(cache.read(FileName::Snapshot(new)).as_deref(), Some(&b"s"[..]));
        assert_eq!(cache.read(FileName::Pack(old)).as_deref(), Some(&b"p"[..]));
        cache.keep_only("data", &HashSet::from([new]));
        assert_eq!(cache.read(FileName::Pack(old)), None);
        assert_eq!(cache.read(FileName::Pack(new)).as_deref(), Some(&b"p"[..]));
        cache.remove(FileName::Pack(new));
        assert_eq!(cache.read(FileName::Pack(new)), None);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cache = Cache::new(Some(file.path()), Id::of(b"repository")).unwrap();
        cache.write(FileName::Config, b"x");
        assert_eq!(cache.read(FileName::Config), None);
    }
}
