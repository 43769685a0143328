//! What the race wants done.

use model::{CloudId, Code, FactBody, LaneNo, MachineId, Offer};

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write this fact, then show it.
    Record(Box<FactBody>),
    /// Search for offers: at the beginning of a heat answer with
    /// [`crate::Input::Offers`], in mid-race with [`crate::Input::MoreOffers`].
    Search {
        /// A heat begins; otherwise more offers are wanted.
        heat: Option<u8>,
    },
    /// Write the intent, then rent. Never cancelled.
    Create {
        /// Lane.
        lane: LaneNo,
        /// Offer.
        offer: Box<Offer>,
        /// Label.
        label: String,
    },
    /// Watch this machine and dial it.
    Watch {
        /// Lane.
        lane: LaneNo,
        /// Cloud.
        cloud: CloudId,
        /// Machine.
        machine: MachineId,
    },
    /// Stop watching and dialling.
    Leave {
        /// Lane.
        lane: LaneNo,
    },
    /// The create's outcome is unknown: keep the call open for a while, look
    /// the machine up by label, answer with [`crate::Input::Settled`].
    Settle {
        /// Lane.
        lane: LaneNo,
        /// Cloud.
        cloud: CloudId,
        /// Label.
        label: String,
    },
    /// Hand these to the reaper; it answers [`crate::Input::Gone`] for each.
    /// Never cancelled.
    Destroy(Vec<Condemned>),
    /// Put the restore tool on the winner.
    Install {
        /// Lane; 0 where there was no race.
        lane: LaneNo,
    },
    /// Restore onto the winner.
    Restore {
        /// Lane; 0 where there was no race.
        lane: LaneNo,
    },
    /// The run is over and everything that can be settled is.
    End(Outcome),
}

/// A machine for the reaper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condemned {
    /// Lane.
    pub lane: LaneNo,
    /// Cloud.
    pub cloud: CloudId,
    /// Machine.
    pub machine: MachineId,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How.
    pub ending: Ending,
    /// The headless exit code (product.md §8).
    pub exit: u8,
    /// What may still be running.
    pub leftovers: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything is restored.
    Ready,
    /// It failed.
    Failed(Code),
    /// The user cancelled.
    Cancelled,
}
