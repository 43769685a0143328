//! Machines: what is rented, as clouds and our ledger see it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{At, CloudId, HostId, LaneNo, MachineId, Money, OwnerId, Rate, RunId};

/// Where an SSH server may be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Who to log in as.
    pub user: String,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.port)
    }
}

/// Every way to a machine that is known now. They change while it boots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Addresses {
    /// Straight to the machine.
    pub direct: Option<Endpoint>,
    /// Through the cloud's relay, which may accept TCP before an SSH server exists.
    pub proxy: Option<Endpoint>,
}

impl Addresses {
    /// No address is known yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.direct.is_none() && self.proxy.is_none()
    }
}

/// What a cloud says a machine is doing. "Running" is no proof of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum MachineState {
    /// Accepted; nothing reported yet.
    Requested,
    /// A container record exists.
    Created,
    /// Pulling the image or starting.
    Loading,
    /// The container is up.
    Running,
    /// The container's process ended.
    Exited,
    /// Halted; the disk still costs money.
    Stopped,
    /// Paused.
    Frozen,
    /// Coming back.
    Rebooting,
    /// No heartbeat from the host.
    Unknown,
    /// The host is disconnected.
    Offline,
}

/// A state with the cloud's own words for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct MachineStatus {
    /// The state.
    pub state: MachineState,
    /// The cloud's words, cleaned.
    pub message: String,
    /// The words are one of the documented last words of a container that
    /// will never start.
    pub dead: bool,
}

/// A machine as the window and `machines` show it: the cloud's list laid over
/// our ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct MachineView {
    /// Which cloud.
    pub cloud: CloudId,
    /// What `destroy` takes.
    pub machine: MachineId,
    /// Ours (ledger or label), another install's, or unlabelled.
    pub ownership: Ownership,
    /// The label, cleaned.
    pub label: String,
    /// What the cloud says; absent when the list does not know it.
    pub status: Option<MachineStatus>,
    /// A winner the user has not destroyed.
    pub kept: bool,
    /// On its way out: destroy was called, gone is not confirmed.
    pub condemned: bool,
    /// For which run.
    pub run: Option<RunId>,
    /// In which lane.
    pub lane: Option<LaneNo>,
    /// The physical machine.
    pub host: Option<HostId>,
    /// Who owns it.
    pub owner: Option<OwnerId>,
    /// GPU model.
    pub gpu: String,
    /// How many.
    pub num_gpus: u32,
    /// As the cloud writes it.
    pub location: String,
    /// What an hour costs now.
    pub price: Rate,
    /// Since the create call left the queue.
    pub since: Option<At>,
    /// Estimate until now.
    pub spent: Money,
    /// When it stops by itself if it hears nothing from us until then.
    pub alone_until: Option<At>,
    /// How to reach it.
    pub addresses: Addresses,
}

/// Whose a machine is (rules.md M1, M3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// Its id is in our ledger or its label carries our install.
    Ours,
    /// Labelled by another copy of this app.
    OtherInstall,
    /// Not labelled by this app at all: shown read-only.
    Foreign,
}

/// What a machine measures of itself now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct MachineMetrics {
    /// When.
    pub at: At,
    /// Each GPU.
    pub gpus: Vec<GpuReading>,
    /// Main memory in use.
    pub memory_used_bytes: Option<u64>,
    /// Main memory there is.
    pub memory_bytes: Option<u64>,
    /// Share of all cores in use, in per cent, since the last reading.
    pub cpu_percent: Option<f64>,
    /// Disk in use where the workspace is.
    pub disk_used_bytes: Option<u64>,
    /// Disk there is.
    pub disk_bytes: Option<u64>,
    /// Bytes that came in since it booted.
    pub net_down_bytes: Option<u64>,
    /// Bytes that went out since it booted.
    pub net_up_bytes: Option<u64>,
}

/// One GPU now. What its driver does not tell is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct GpuReading {
    /// Model.
    pub name: String,
    /// Share of the time it computed.
    pub util_percent: Option<f64>,
    /// Memory in use.
    pub memory_used_mb: Option<u64>,
    /// Memory there is.
    pub memory_mb: Option<u64>,
    /// Temperature.
    pub temperature_c: Option<f64>,
    /// Fan.
    pub fan_percent: Option<f64>,
    /// Power drawn.
    pub power_w: Option<f64>,
    /// Power limit.
    pub power_limit_w: Option<f64>,
}

/// What a machine can be opened with on this computer: a closed list (rules.md T6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum OpenWith {
    /// The system's terminal, with SSH.
    Terminal,
    /// Visual Studio Code, over its own SSH.
    VsCode,
    /// Cursor, over its own SSH.
    Cursor,
    /// The browser, on a port that is forwarded to 127.0.0.1.
    Browser {
        /// The port on the machine.
        port: u16,
    },
}
