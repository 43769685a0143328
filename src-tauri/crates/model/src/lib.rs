//! The words of Dumont Cloud: ids, money, offers, machines, recipes, runs,
//! facts and codes.
//!
//! Every other crate speaks in these types, the window included (its
//! TypeScript is generated from them). This crate does no IO, knows no async
//! runtime and sees no clock: time always comes in as a value.

mod code;
mod fact;
mod ids;
mod machine;
mod money;
mod offer;
mod policy;
mod preflight;
mod recipe;
mod run;
mod settings;
mod snapshot;
mod text;
mod time;
mod view;

pub use code::{AppError, Code, Remedy};
pub use fact::{
    BootSign, CloudCall, Fact, FactBody, InstallRoute, KeepReason, LaneBrief, LostReason,
    ProofState, Rented, RestoreGroup, RestoreTool, Route, StandingTool, Step, StoreAccess,
};
pub use ids::{
    CloudId, HostId, InstallId, Label, LabelError, LaneNo, MachineId, OfferId, OwnerId, RunId,
    SnapshotId,
};
pub use machine::{
    Addresses, Endpoint, GpuReading, MachineMetrics, MachineState, MachineStatus, MachineView,
    OpenWith, Ownership,
};
pub use money::{Money, Rate};
pub use offer::{HostRecord, Offer, OfferFilter, OfferOrder, Verification};
pub use policy::{Cap, Caps, Deadlines, RacePolicy, RaceRules};
pub use preflight::{Gpu, Preflight, Requirements};
pub use recipe::{
    LaunchRequest, Recipe, RestoreDestination, RestoreRequest, SnapshotSelector, Tool,
};
pub use run::{
    InstallView, LanePhase, LaneView, Marks, RateReading, ReadyScript, RestoreView, RunPhase,
    RunView,
};
pub use settings::{
    AtCap, ConnectionReport, Language, Notify, OwnFilter, Preferences, ProofPolicy, Right,
    RightCheck, SavedFilter, SecondWorth, Secret, SecretView, Settings, StorageSettings, Theme,
};
pub use snapshot::{PruneHint, SnapshotGroup, SnapshotView, TreeCount, TreeEntry, TreeEntryKind};
pub use text::{clean, path_bytes, path_text};
pub use time::{At, Tick};
pub use view::{
    AppInfo, CloudGuard, Estimate, Frame, GuardView, HostBoot, HostFailure, HostStanding, HostView,
    OfferRow, OffersView, RunSummary, SpendView, Spread, StepSpan, StepStat, SweepView,
};
