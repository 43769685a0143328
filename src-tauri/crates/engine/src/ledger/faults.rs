//! Kills this process at a write of the ledger: for the tests of what comes
//! after such a death. Compiled with the feature `faults` alone.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::Connection;

/// At which moment to die, counted from 1. Every write has two: before it is
/// committed, and after, before anything follows from it.
const DIE_AT: &str = "DUMONT_DIE_AT";

static MOMENTS: AtomicU32 = AtomicU32::new(0);
static DEATH: LazyLock<Option<u32>> = LazyLock::new(|| std::env::var(DIE_AT).ok()?.parse().ok());

pub(super) fn arm(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.commit_hook(Some(|| {
        moment();
        false
    }))?;
    connection.wal_hook(Some(|_: &mut _, _| {
        moment();
        Ok(())
    }))
}

fn moment() {
    let moment = MOMENTS.fetch_add(1, Ordering::Relaxed) + 1;
    if *DEATH == Some(moment) {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // Nothing more of this process is written.
        loop {
            std::thread::park();
        }
    }
}
