//! Which copies of the app are alive. Each holds a lock on a file of its own
//! beside the ledger, and the system takes it from a process that dies in
//! whatever way. So two copies can share a ledger: what one of them drives, the
//! other leaves alone, and takes over only when it is dead.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::ids::fresh_install;

/// This copy's own file, locked for as long as it lives.
#[derive(Debug)]
pub(super) struct Presence {
    folder: PathBuf,
    id: String,
    _lock: File,
}

impl Presence {
    /// From now on this copy is alive.
    pub(super) fn begin(ledger: &Path) -> std::io::Result<Self> {
        let folder = ledger.with_extension("alive");
        fs::create_dir_all(&folder)?;
        sweep(&folder);
        let id = fresh_install().to_string();
        let lock = File::create(folder.join(&id))?;
        lock.lock()?;
        Ok(Self { folder, id, _lock: lock })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether that copy is alive.
    pub(super) fn lives(&self, id: &str) -> bool {
        id == self.id || is_locked(&self.folder.join(id))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(&self.id));
    }
}

fn is_locked(file: &Path) -> bool {
    match File::open(file) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

/// Files of copies that died are of no use.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // One that was just made and is not locked yet may be somebody's.
        let is_old = entry
            .metadata()
            .and_then(|about| about.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() > 60));
        if is_old && !is_locked(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_lives_until_it_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.sqlite");
        let one = Presence::begin(&ledger).unwrap();
        let two = Presence::begin(&ledger).unwrap();
        assert!(one.lives(two.id()) && two.lives(one.id()) && one.lives(one.id()));
        let gone = two.id().to_owned();
        drop(two);
        assert!(!one.lives(&gone));
        assert!(!one.lives("nobody"));
    }
}
