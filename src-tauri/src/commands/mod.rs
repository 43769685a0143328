//! What the page can ask: each decodes, makes one call of the engine, and
//! encodes.

pub(crate) mod app;
pub(crate) mod hosts;
pub(crate) mod machines;
pub(crate) mod offers;
pub(crate) mod open;
pub(crate) mod preferences;
pub(crate) mod recipes;
pub(crate) mod runs;
pub(crate) mod secrets;
pub(crate) mod settings;
pub(crate) mod snapshots;
