//! The practice cloud: vast.ai's API, machines, an object store and a restic
//! repository on this computer, free of charge. People meet the app on it,
//! and every test runs against it.
//!
//! It is our own idea of the world, faults included, carried out from a seeded
//! script. It binds loopback addresses only, and its machines run nothing
//! their client names.

pub mod cloud;
pub mod machine;
pub mod pace;
pub mod store;
pub mod workspace;

mod embedded;

pub use embedded::{Options, Practice, PracticeError};
pub use machine::packed_agent;
