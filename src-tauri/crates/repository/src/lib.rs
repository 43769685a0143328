//! The restic repository as the desktop sees it: where it lies, opening and
//! creating it, its snapshots, index and trees, and what a restore will bring.
//!
//! It reads through the `object_store` crate (local folders and S3) and keeps
//! what never changes in a cache folder, sealed as it is stored, so that a
//! second look costs next to nothing and a lost laptop gives nothing away. It
//! never writes a secret into an error, a trace or the cache, never trusts a
//! file whose hash it has not compared, and sees no clock.

mod cache;
mod clock;
mod counts;
mod error;
mod files;
mod index;
mod load;
mod location;
mod open;
mod plan;
mod prune;
mod rights;
mod select;
mod snapshots;
mod store;
mod temporary;
mod tools;
mod trees;

pub use counts::{Counts, CriticalPath};
pub use error::RepositoryError;
pub use files::FileName;
pub use index::{Index, Located};
pub use location::{AddressStyle, Location};
pub use object_store::client::HttpConnector;
pub use open::{Creator, OpenOptions, Repository};
pub use plan::{Plan, PlanRequest};
pub use rights::StoreRights;
pub use select::Resolved;
pub use snapshots::{SnapshotList, StoredSnapshot};
pub use store::{Credentials, Store};
pub use temporary::TemporaryUse;
pub use trees::TreeSet;
