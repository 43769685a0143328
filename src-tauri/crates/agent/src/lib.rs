//! The program that stands on a rented machine and carries a restore plan out
//! as fast as line and cores allow; and the formats it shares with the desktop
//! that makes the plan.
//!
//! It holds only what its ticket brings: it can list nothing, write nothing to
//! the store and delete nothing there. It must never print a URL or a key,
//! never write outside of its target, never follow a symbolic link on the way,
//! and never let a byte into a file that was not authenticated and compared
//! with its hash. It starts no other program and needs nothing of the image it
//! runs on.

#[cfg(feature = "run")]
mod disk;
pub mod event;
#[cfg(feature = "run")]
mod line;
pub mod plan;
mod raw;
#[cfg(feature = "run")]
mod restore;
pub mod ticket;

pub use raw::RawPath;
#[cfg(feature = "run")]
pub use restore::{Options, Outcome, restore};
