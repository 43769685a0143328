//! The ledger: one database file with everything that must outlive this
//! process. What can cost money is written with a full sync before it
//! happens; everything else follows without one.

mod boots;
mod choices;
#[cfg(feature = "faults")]
mod faults;
mod presence;
mod rentals;
mod runs;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{AppError, Code, InstallId};
use presence::Presence;
use rusqlite::{Connection, OptionalExtension as _, params};

pub use boots::Boot;
pub(crate) use boots::quantile;
pub use rentals::{Intent, Rental, RentalState};

/// Every version of the schema, each a step from the one before. A step that
/// was released is never changed.
const MIGRATIONS: &[&str] =
    &[include_str!("schema.sql"), include_str!("choices.sql"), include_str!("owners.sql")];

/// How long to wait for another copy of the app to let go of the file.
const BUSY: Duration = Duration::from_secs(5);

/// Why the ledger cannot be used. Nothing is rented without it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database says no.
    #[error("use the ledger: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A newer app wrote the file.
    #[error("read the ledger: it has version {found}, this app knows {known}")]
    TooNew {
        /// Version of the file.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// The file that says that this copy of the app is alive.
    #[error("say that this copy is alive: {0}")]
    Presence(#[from] std::io::Error),
    /// A row does not read back.
    #[error("read the ledger: {0}")]
    Row(#[from] serde_json::Error),
}

impl From<LedgerError> for AppError {
    fn from(error: LedgerError) -> Self {
        Self::new(Code::LedgerUnusable, error.to_string())
    }
}

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    /// Every commit is on the disk when it returns.
    durable: Mutex<Connection>,
    /// A commit may be lost with the computer's power, never half of one.
    quick: Mutex<Connection>,
    presence: Presence,
}

impl Ledger {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let mut durable = Connection::open(path)?;
        durable.busy_timeout(BUSY)?;
        durable.pragma_update(None, "journal_mode", "WAL")?;
        durable.pragma_update(None, "synchronous", "FULL")?;
        migrate(&mut durable)?;
        #[cfg_attr(not(feature = "faults"), expect(unused_mut, reason = "the hook changes it"))]
        let mut quick = Connection::open(path)?;
        quick.busy_timeout(BUSY)?;
        quick.pragma_update(None, "synchronous", "NORMAL")?;
        #[cfg(feature = "faults")]
        for connection in [&mut durable, &mut quick] {
            faults::arm(connection)?;
        }
        let presence = Presence::begin(path)?;
        Ok(Self { durable: Mutex::new(durable), quick: Mutex::new(quick), presence })
    }

    /// The name of this copy of the app (rules.md M1), made once.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn install(&self, fresh: impl FnOnce() -> InstallId) -> Result<InstallId, LedgerError> {
        let connection = self.durable();
        let found: Option<String> = connection
            .query_row("SELECT value FROM meta WHERE name = 'install'", [], |row| row.get(0))
            .optional()?;
        if let Some(found) = found {
            return Ok(InstallId::new(found));
        }
        let install = fresh();
        connection.execute(
            "INSERT INTO meta (name, value) VALUES ('install', ?1)",
            params![install.as_str()],
        )?;
        Ok(install)
    }

    fn durable(&self) -> MutexGuard<'_, Connection> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn quick(&self) -> MutexGuard<'_, Connection> {
        self.quick.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the file to the newest version, step by step, each a transaction.
fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = MIGRATIONS.len() as u32;
    if found > known {
        return Err(LedgerError::TooNew { found, known });
    }
    for (version, step) in (1u32..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A ledger in a folder that goes with the guard.
    pub(crate) fn ledger() -> (Ledger, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
        (ledger, folder)
    }

    #[test]
    fn a_ledger_of_a_newer_app_is_refused_and_left_alone() {
        let (ledger, folder) = ledger();
        ledger.durable().pragma_update(None, "user_version", 99).unwrap();
        drop(ledger);
        let path = folder.path().join("ledger.sqlite");
        assert!(matches!(Ledger::open(&path), Err(LedgerError::TooNew { found: 99, .. })));
    }

    #[test]
    fn the_install_is_made_once() {
        let (ledger, folder) = ledger();
        let first = ledger.install(|| InstallId::new("k3j5w2ab")).unwrap();
        drop(ledger);
        let again = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
        assert_eq!(again.install(|| InstallId::new("other")).unwrap(), first);
    }

    #[test]
    fn a_file_that_is_no_ledger_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        std::fs::write(&path, "this is no database, it is a letter to a friend").unwrap();
        let error = AppError::from(Ledger::open(&path).unwrap_err());
        assert_eq!(error.code, Code::LedgerUnusable);
    }
}
