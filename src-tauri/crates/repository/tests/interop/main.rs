//! The desktop's view of repositories: in local folders, made by real restic,
//! and on S3, answered in process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bucket;
#[cfg(unix)]
#[path = "../../../restic/tests/common/mod.rs"]
mod common;
mod large;
#[cfg(unix)]
mod listing;
#[cfg(unix)]
mod local;
mod s3;
