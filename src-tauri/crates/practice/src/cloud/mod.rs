//! A free vast.ai on this computer: the same HTTP API, nasty parts included,
//! over a market that exists only in memory (facts: vast.md, above all §9 and
//! §10). For practice mode and for every test. It rents nothing real, listens
//! on loopback only, and knows no machine from the inside: what happens
//! behind an instance's addresses is the practice machines' matter.

mod account;
mod api;
mod instance;
mod machines;
mod market;
mod query;
mod reply;
mod rows;
mod script;
mod seed;
mod serve;
mod world;

pub use api::router;
pub use instance::{Bill, Instance, SshKey};
pub use script::{
    ApiCall, ApiFault, Ask, Fate, Fault, Gpu, HostScript, HostSpec, Latency, RateLimit, RetryAfter,
    Script, TooMany, When,
};
pub use serve::{InProcess, Served, serve};
pub use world::{Call, World};
