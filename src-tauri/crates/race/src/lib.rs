//! The race as a pure state machine: rules R1 to R15.
//!
//! [`Race::handle`] takes what was seen and the time it is, and returns what
//! is to be done; [`Race::poll_timeout`] says when to come back at the latest.
//! There is no IO here, no clock, no async runtime, and no cloud has a name
//! that means anything: so every interleaving can be tested, and is.

mod effect;
mod input;
mod lane;
mod plan;
mod pool;
mod queue;
mod race;
mod resume;
mod winner;

pub use effect::{Condemned, Effect, Ending, Outcome};
pub use input::{Answer, Input, Progress, Ranking, RestoreEnd, Sighting};
pub use plan::{CloudPace, Mode, Plan};
pub use pool::Ranked;
pub use race::Race;
pub use resume::{Resumed, Unsettled};
