//! Fresh names.

use model::{InstallId, RunId};
use rand::RngExt as _;

const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A name for a run.
pub(crate) fn fresh_run() -> RunId {
    RunId::new(base32(10))
}

/// A name for this copy of the app.
pub(crate) fn fresh_install() -> InstallId {
    InstallId::new(base32(8))
}

fn base32(length: usize) -> String {
    let mut dice = rand::rng();
    (0..length).map(|_| char::from(BASE32[dice.random_range(0..BASE32.len())])).collect()
}
