//! The agent against real restic: repositories that restic made, lying in the
//! practice store, restored by both, compared to the last attribute; and the
//! agent against every fault that a store and a line can have.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../../restic/tests/common/mod.rs"]
#[expect(dead_code, reason = "shared with other crates' tests")]
mod common;
mod compare;
mod faults;
mod program;
mod rights;
mod stage;
mod steering;
mod variants;
#[path = "../../../../../tests/interop/weed.rs"]
mod weed;
