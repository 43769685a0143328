//! Real OpenSSH servers, real shells and real restic binaries: `remote` and
//! its scripts against what stands on a rented machine, and the whole engine
//! in front of it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

#[path = "../../src-tauri/crates/restic/tests/common/mod.rs"]
#[expect(dead_code, reason = "shared with other crates' tests")]
mod common;
#[path = "../../src-tauri/crates/agent/tests/interop/compare.rs"]
#[expect(dead_code, reason = "shared with the agent's tests")]
mod compare;
mod deadman;
mod dialling;
mod fleet;
mod jobs;
mod lag;
mod machine;
mod many;
mod middle;
mod probe;
mod relay;
mod restores;
mod scripts;
mod weed;
mod wild;
mod workspace;
