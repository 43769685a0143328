//! What is fixed before a race begins.

use model::{CloudId, InstallId, LaneNo, MachineId, RacePolicy, RaceRules, RunId};

/// What is fixed before a race begins.
#[derive(Debug, Clone)]
pub struct Plan {
    /// This copy of the app, for labels.
    pub install: InstallId,
    /// This run, for labels.
    pub run: RunId,
    /// Every number.
    pub rules: RaceRules,
    /// What happens to slow machines.
    pub policy: RacePolicy,
    /// The clouds that take part.
    pub clouds: Vec<CloudPace>,
    /// What the run is about.
    pub mode: Mode,
    /// A snapshot is to be restored; without one the race is the whole run.
    pub restores: bool,
    /// How long a launch usually takes, where history tells (rules.md R12).
    pub median_launch_ms: Option<u64>,
}

/// What a run is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mode {
    /// Machines race, the winner is restored onto.
    #[default]
    Launch,
    /// A restore of its own: nothing is rented, nothing destroyed.
    Restore {
        /// Onto this machine; absent: into a folder on this computer.
        machine: Option<MachineId>,
    },
}

/// How a cloud wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudPace {
    /// Cloud.
    pub cloud: CloudId,
    /// Least time between two create calls.
    pub create_spacing_ms: u64,
}

impl Plan {
    pub(crate) fn label(&self, lane: LaneNo) -> String {
        model::Label { install: self.install.clone(), run: self.run.clone(), lane }.to_string()
    }

    pub(crate) fn create_spacing_ms(&self, cloud: CloudId) -> u64 {
        self.clouds.iter().find(|pace| pace.cloud == cloud).map_or(0, |pace| pace.create_spacing_ms)
    }
}
