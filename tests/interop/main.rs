//! Real OpenSSH servers, real shells and real restic binaries: `remote` and
//! its scripts against what stands on a rented machine, and the whole engine
//! in front of it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

mod deadman;
mod dialling;
mod fleet;
mod jobs;
mod lag;
mod machine;
mod relay;
mod restores;
mod scripts;
mod workspace;
