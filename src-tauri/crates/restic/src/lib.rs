//! The restic repository format, versions 1 and 2, as pure data: keys, sealed
//! files, blobs, packs, indexes, trees and snapshots, read and written.
//!
//! The desktop reads repositories with it, and the program on a rented machine
//! opens blobs with it, so it stays small. It does no IO, sees no clock and
//! makes no random numbers: bytes, times and nonces come in as values. What it
//! reads is hostile until authenticated: no parser panics, and none allocates
//! by a length field alone. Secrets never show in `Debug` or in an error.
//!
//! Specification: `doc/design.rst` of restic.

mod blob;
mod compress;
mod config;
mod crypto;
mod error;
mod id;
mod index;
mod json;
#[cfg(feature = "kdf")]
mod key_file;
mod pack;
mod polynomial;
mod quote;
mod sealed;
mod snapshot;
mod time;
mod tree;

pub use blob::{BlobEntry, BlobKind, BlobOpener};
pub use compress::{compress, decompress};
pub use config::{Config, Version};
pub use crypto::{Key, MAC_LEN, NONCE_LEN, Nonce, OVERHEAD};
pub use error::Error;
pub use id::Id;
pub use index::{Index, IndexedPack};
#[cfg(feature = "kdf")]
pub use key_file::{KeyFile, KeyOwner, ScryptParams};
pub use pack::{Pack, PackBuilder, PackHeader};
pub use polynomial::Polynomial;
pub use quote::{quote, unquote};
pub use snapshot::{Snapshot, SnapshotSummary};
pub use time::Time;
pub use tree::{ExtendedAttribute, LinkTarget, Mode, Name, Node, NodeKind, Tree};
