//! The shell: the binary without a display, as a user runs it, and the window's
//! typed edge without a window.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

mod binary;
#[cfg(feature = "window")]
mod edge;
mod killed;
mod launch;
mod layout;
mod refusals;
mod world;
