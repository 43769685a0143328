//! GPU clouds behind one trait, so that a further one is one more file.
//!
//! What differs between clouds reaches the rest as [`Capabilities`], never as
//! a question which cloud it is. This crate decides nothing: it says what a
//! call did, and above all whether anything was rented.

mod answer;
mod http;
mod vast;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use model::{
    Addresses, At, CloudId, Code, HostId, MachineId, MachineStatus, Money, Offer, OfferFilter,
    OfferId, OwnerId, Rate, RightCheck,
};
use secrecy::SecretString;

pub use http::{Http, HttpError, MAX_ANSWER_BYTES, Timeout, Wire};
pub use vast::{SearchOptions, Vast};

/// A GPU cloud.
#[async_trait]
pub trait Cloud: Send + Sync + fmt::Debug {
    /// Which one.
    fn id(&self) -> CloudId;

    /// What it can do and how it wants to be asked.
    fn capabilities(&self) -> Capabilities;

    /// Where a machine finds the API, to end itself (rules.md T3); `None` where
    /// it cannot.
    fn deadman_api(&self) -> Option<String>;

    /// The time it is by the cloud's own clock, from its last answer.
    fn time(&self) -> Option<At>;

    /// What can be rented now. Filters go to the server and are checked again
    /// here, because servers take some of them loosely.
    async fn search(&self, filter: &OfferFilter) -> Result<Found, CloudError>;

    /// Rents. Never repeats the call by itself, whatever happens to it.
    async fn create(&self, order: &CreateOrder) -> CreateAnswer;

    /// Every machine of the account: all pages, shape checked. Anything less
    /// is an error, never a short list (rules.md M2).
    async fn list(&self) -> Result<Vec<Listed>, CloudError>;

    /// Asks for the destruction of all of them in one call where the cloud
    /// can. Machines that are gone already are no error. Only [`Cloud::list`]
    /// tells whether they are gone.
    async fn destroy(&self, machines: &[MachineId]) -> Result<(), CloudError>;

    /// Installs a public key on one machine, never on the account.
    async fn attach_key(&self, machine: &MachineId, public_key: &str) -> Result<(), CloudError>;

    /// One machine; `None` where the cloud says itself that there is none.
    /// Nothing about money is decided by it: only [`Cloud::list`] does that.
    async fn show(&self, machine: &MachineId) -> Result<Option<Listed>, CloudError>;

    /// Changes a machine's label.
    async fn label(&self, machine: &MachineId, label: &str) -> Result<(), CloudError>;

    /// Halts a machine; its disk goes on costing money.
    async fn stop(&self, machine: &MachineId) -> Result<(), CloudError>;

    /// Starts a halted machine; [`CloudErrorKind::NoCapacity`] when somebody
    /// else has its GPUs.
    async fn start(&self, machine: &MachineId) -> Result<(), CloudError>;

    /// The last lines of a machine's log, cleaned.
    async fn logs(&self, machine: &MachineId, lines: u32) -> Result<Vec<String>, CloudError>;

    /// Credit and the key's standing. Success proves the key.
    async fn account(&self) -> Result<Account, CloudError>;

    /// What the key may do, found out without changing anything.
    async fn rights(&self) -> Result<Vec<RightCheck>, CloudError>;

    /// What the cloud charged for each machine between two moments, whole days
    /// at least.
    async fn charges(&self, from: At, to: At) -> Result<Vec<Charge>, CloudError>;

    /// What other renters say of a host.
    async fn reports(&self, host: &HostId) -> Result<Vec<HostReport>, CloudError>;
}

/// What a cloud can do and how it wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Offers name physical machines.
    pub per_host_offers: bool,
    /// Least time between two create calls.
    pub create_spacing: Duration,
    /// Least time between two list calls.
    pub list_spacing: Duration,
    /// Longest onstart script, in characters.
    pub onstart_chars: usize,
}

/// The answer to a search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Offers that pass every filter.
    pub offers: Vec<Offer>,
    /// Rows the server returned, over all orders, each counted once.
    pub rows: u32,
    /// Rows among them that could not be read and are left out.
    pub unreadable: u32,
    /// The server held more rows than it returned.
    pub truncated: bool,
    /// When nothing is left: the filter that removed the last row.
    pub emptied_by: Option<&'static str>,
}

/// What to rent.
#[derive(Debug, Clone)]
pub struct CreateOrder {
    /// The offer.
    pub offer: OfferId,
    /// Container image.
    pub image: String,
    /// Disk.
    pub disk_gb: u32,
    /// Label, by which the machine is found again.
    pub label: String,
    /// Script text run at the container's start; carries secrets.
    pub onstart: SecretString,
    /// Environment of the container.
    pub env: Vec<(String, String)>,
    /// Ports to open: `8888/tcp`.
    pub ports: Vec<String>,
    /// Template, if any.
    pub template: Option<String>,
    /// Registry login as `-u NAME -p TOKEN HOST`, if the image is private.
    pub registry_login: Option<SecretString>,
}

/// What a create call did.
#[derive(Debug)]
pub enum CreateAnswer {
    /// A machine is ours.
    Rented {
        /// Its id.
        machine: MachineId,
    },
    /// Refused, and it is proved that nothing was rented.
    Refused {
        /// Whether another offer can help.
        refusal: Refusal,
        /// The cloud's words, cleaned.
        reason: String,
    },
    /// Too many requests; nothing was rented.
    Throttled {
        /// How long the cloud asks to wait, when it says so.
        retry_after: Option<Duration>,
    },
    /// An error that names a machine: rented, and of no use.
    RentedButFailed {
        /// Its id.
        machine: MachineId,
        /// The cloud's words, cleaned.
        reason: String,
    },
    /// Nobody knows: timeout, reset, 5xx, or an answer we do not understand.
    Unknown {
        /// What was seen, cleaned.
        reason: String,
    },
}

/// Whether another offer can help after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Only this offer is refused: take the next.
    Offer,
    /// Every offer would get the same answer: credit, key, spend limit.
    Account(Code),
}

/// A machine as the cloud lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// What `destroy` takes.
    pub machine: MachineId,
    /// Label, as it is.
    pub label: String,
    /// State.
    pub status: MachineStatus,
    /// Ways to it.
    pub addresses: Addresses,
    /// Physical machine.
    pub host: Option<HostId>,
    /// Owner.
    pub owner: Option<OwnerId>,
    /// GPU model.
    pub gpu: String,
    /// How many.
    pub num_gpus: u32,
    /// As the cloud writes it, cleaned.
    pub location: String,
    /// What an hour costs now.
    pub price: Rate,
    /// Since when it exists.
    pub started: Option<At>,
}

/// The account behind the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Money left, where the cloud tells.
    pub credit: Option<Money>,
}

/// What the cloud charged for one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Machine.
    pub machine: MachineId,
    /// All of it.
    pub total: Money,
    /// Of that, the GPUs.
    pub gpu: Money,
    /// Of that, the disk.
    pub disk: Money,
    /// Of that, traffic in.
    pub down: Money,
    /// Of that, traffic out.
    pub up: Money,
}

/// What another renter says of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReport {
    /// What kind of trouble, cleaned.
    pub problem: String,
    /// In their words, cleaned.
    pub message: String,
}

/// Why a call that rents nothing failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{details}")]
pub struct CloudError {
    /// What it means.
    pub kind: CloudErrorKind,
    /// The particular cause, cleaned, without secrets.
    pub details: String,
}

/// What a failed call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudErrorKind {
    /// The key is wrong or revoked.
    KeyRefused,
    /// The key is right but may not do this.
    Forbidden,
    /// Too many requests.
    Throttled {
        /// How long the cloud asks to wait, when it says so.
        retry_after: Option<Duration>,
    },
    /// The day's search rows are used up.
    QuotaUsedUp,
    /// No such machine or offer.
    NotFound,
    /// The request was refused as wrong.
    Refused,
    /// Somebody else has what is asked for.
    NoCapacity,
    /// No answer: network, timeout, 5xx.
    Unreachable,
    /// An answer we do not understand. Never read as "nothing".
    NotUnderstood,
    /// The API's address is one to which no key may go.
    BadAddress,
}

impl CloudError {
    /// An error with its particular cause.
    #[must_use]
    pub fn new(kind: CloudErrorKind, details: impl Into<String>) -> Self {
        Self { kind, details: details.into() }
    }

    /// The code this error becomes when it ends something.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self.kind {
            CloudErrorKind::KeyRefused => Code::CloudKeyRefused,
            CloudErrorKind::Forbidden => Code::CloudKeyForbidden,
            CloudErrorKind::Throttled { .. } => Code::RateLimited,
            CloudErrorKind::QuotaUsedUp => Code::SearchQuotaUsedUp,
            CloudErrorKind::NotFound => Code::MachineMissing,
            CloudErrorKind::Unreachable => Code::CloudUnreachable,
            CloudErrorKind::NoCapacity => Code::NoCapacity,
            CloudErrorKind::Refused | CloudErrorKind::NotUnderstood => Code::CloudAnswerUnknown,
            CloudErrorKind::BadAddress => Code::Usage,
        }
    }

    /// Asking again later can help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self.kind, CloudErrorKind::Throttled { .. } | CloudErrorKind::Unreachable)
    }
}
