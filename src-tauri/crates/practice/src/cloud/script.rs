//! What the practice cloud will do: its hosts, how each of them behaves, and
//! which API calls go wrong. Pure data, written by hand for a test or dealt
//! from a seed; carried out by [`World`](super::World) and by the practice
//! machines. It decides nothing by itself and knows no clock.

use model::{Money, Verification};
use serde::{Deserialize, Serialize};

/// A practice cloud before it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// Source of every chance in this world.
    pub seed: u64,
    /// Machines for rent.
    pub hosts: Vec<HostSpec>,
    /// What goes wrong with API calls.
    pub faults: Vec<ApiFault>,
    /// How long API calls take.
    pub latency: Latency,
    /// How long a destroyed machine still stands in lists.
    pub destroy_lag_ms: u64,
    /// Rate limits; none by default (facts: vast.md §7 calls them soft).
    pub limits: Vec<RateLimit>,
    /// Rows a day that searches may return.
    pub search_rows_per_day: Option<u32>,
    /// Money on the account at the start.
    pub credit: Money,
    /// When no more than this is left, every machine of the account is stopped.
    pub balance_threshold: Money,
    /// The only key that is good; absent: any is.
    pub key: Option<String>,
    /// What a wrong key gets: 401 or 404 (§3.4 reports both).
    pub wrong_key_status: u16,
    /// Whether loading costs as running does (§8: nobody knows; so yes).
    pub bill_loading: bool,
    /// Gigabytes of image pull that are metered as traffic (§8: nobody knows).
    pub metered_pull_gb: f64,
}

impl Script {
    /// A world of exactly these hosts, without latencies or faults.
    #[must_use]
    pub fn of(hosts: Vec<HostSpec>) -> Self {
        Self {
            seed: 0,
            hosts,
            faults: Vec::new(),
            latency: Latency::default(),
            destroy_lag_ms: 300,
            limits: Vec::new(),
            search_rows_per_day: None,
            credit: Money::from_micros(25_000_000),
            balance_threshold: Money::ZERO,
            key: None,
            wrong_key_status: 404,
            bill_loading: true,
            metered_pull_gb: 0.0,
        }
    }

    /// The same with one more fault.
    #[must_use]
    pub fn fault(mut self, call: ApiCall, when: When, what: Fault) -> Self {
        self.faults.push(ApiFault { call, when, what });
        self
    }

    /// The same, open only to this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same with one more rate limit.
    #[must_use]
    pub fn limit(mut self, limit: RateLimit) -> Self {
        self.limits.push(limit);
        self
    }

    /// The same with this much money on the account.
    #[must_use]
    pub const fn credit(mut self, credit: Money) -> Self {
        self.credit = credit;
        self
    }
}

/// How long API calls take, in milliseconds. A create takes what its host's
/// script says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// A search.
    pub search_ms: u64,
    /// A page of the list.
    pub list_ms: u64,
    /// A destroy call.
    pub destroy_ms: u64,
    /// Every other call.
    pub other_ms: u64,
}

/// A physical machine for rent, with units in the names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostSpec {
    /// Vast's `machine_id`.
    pub machine: u64,
    /// Vast's `host_id`: who owns it.
    pub owner: u64,
    /// GPU model.
    pub gpu: Gpu,
    /// GPUs in the machine; 0 makes it a storage offer.
    pub num_gpus: u32,
    /// What can be rented of it; they may overlap.
    pub asks: Vec<Ask>,
    /// Dollars an hour and GPU.
    pub usd_per_gpu_hour: f64,
    /// Dollars a GB and month of 720 h.
    pub storage_usd_per_gb_month: f64,
    /// Dollars a GB coming in.
    pub down_usd_per_gb: f64,
    /// Dollars a GB going out.
    pub up_usd_per_gb: f64,
    /// Measured download.
    pub inet_down_mbps: f64,
    /// Measured upload.
    pub inet_up_mbps: f64,
    /// Free disk.
    pub disk_gb: f64,
    /// Disk read bandwidth.
    pub disk_bw_mb_s: f64,
    /// CPU model.
    pub cpu: String,
    /// Cores of the whole machine.
    pub cpu_cores: u32,
    /// Clock rate.
    pub cpu_ghz: f64,
    /// Main memory of the whole machine.
    pub cpu_ram_mb: u64,
    /// `City, CC`.
    pub place: String,
    /// Uptime score, 0 to 1.
    pub reliability: f64,
    /// What Vast thinks of it.
    pub verification: Verification,
    /// Open ports; 0 means no direct SSH.
    pub direct_ports: u32,
    /// The address does not change.
    pub static_ip: bool,
    /// In a data centre.
    pub datacenter: bool,
    /// How long the owner promises to stay.
    pub duration_s: u64,
    /// Highest CUDA version of the driver.
    pub cuda_max: f64,
    /// Driver version.
    pub driver: String,
    /// Other renters' complaints.
    pub reports: Vec<String>,
    /// How it behaves.
    pub script: HostScript,
}

/// A part of a machine that can be rented; used up by renting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Vast's `ask_contract_id`.
    pub id: u64,
    /// Which GPUs of the machine.
    pub gpus: Vec<u32>,
}

/// A GPU model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    /// As Vast spells it.
    pub name: String,
    /// Memory.
    pub ram_mb: u64,
    /// Memory bandwidth.
    pub mem_bw_gb_s: f64,
    /// Compute capability × 100.
    pub compute_cap: u32,
    /// Peak TFLOPS.
    pub tflops: f64,
    /// Vast's benchmark figure.
    pub dlperf: f64,
    /// Power limit.
    pub watts: u32,
}

impl HostSpec {
    /// A good single RTX 4090 that boots in three seconds, to be changed by
    /// the methods below. Its ask has the number of the machine × 10; every
    /// machine has its own owner.
    #[must_use]
    pub fn new(machine: u64) -> Self {
        Self {
            machine,
            owner: machine + 500_000,
            gpu: Gpu {
                name: "RTX 4090".into(),
                ram_mb: 24_564,
                mem_bw_gb_s: 1008.0,
                compute_cap: 890,
                tflops: 82.6,
                dlperf: 100.0,
                watts: 450,
            },
            num_gpus: 1,
            asks: vec![Ask { id: machine * 10, gpus: vec![0] }],
            usd_per_gpu_hour: 0.4,
            storage_usd_per_gb_month: 0.2,
            down_usd_per_gb: 0.002_6,
            up_usd_per_gb: 0.002_6,
            inet_down_mbps: 2_000.0,
            inet_up_mbps: 1_000.0,
            disk_gb: 500.0,
            disk_bw_mb_s: 3_000.0,
            cpu: "AMD EPYC 7763 64-Core Processor".into(),
            cpu_cores: 32,
            cpu_ghz: 3.5,
            cpu_ram_mb: 128_000,
            place: "Oslo, NO".into(),
            reliability: 0.995,
            verification: Verification::Verified,
            direct_ports: 100,
            static_ip: false,
            datacenter: false,
            duration_s: 30 * 86_400,
            cuda_max: 12.8,
            driver: "570.86.15".into(),
            reports: Vec::new(),
            script: HostScript::default(),
        }
    }

    /// The same with another owner.
    #[must_use]
    pub const fn owner(mut self, owner: u64) -> Self {
        self.owner = owner;
        self
    }

    /// The same with this price an hour and GPU.
    #[must_use]
    pub const fn price(mut self, usd: f64) -> Self {
        self.usd_per_gpu_hour = usd;
        self
    }

    /// The same with that many GPUs, rented out as these asks.
    #[must_use]
    pub fn asks(mut self, num_gpus: u32, asks: Vec<Ask>) -> Self {
        self.num_gpus = num_gpus;
        self.asks = asks;
        self
    }

    /// The same elsewhere: `City, CC`.
    #[must_use]
    pub fn place(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// The same with another model's name.
    #[must_use]
    pub fn gpu(mut self, name: impl Into<String>) -> Self {
        self.gpu.name = name.into();
        self
    }

    /// The same, running `running_ms` after it is rented, with an SSH server
    /// `ssh_ms` after that.
    #[must_use]
    pub const fn boots(mut self, running_ms: u64, ssh_ms: u64) -> Self {
        self.script.loading_ms = running_ms / 3;
        self.script.running_ms = running_ms;
        self.script.ssh_ms = ssh_ms;
        self
    }

    /// The same with a create call that takes this long.
    #[must_use]
    pub const fn create_takes(mut self, ms: u64) -> Self {
        self.script.create_ms = ms;
        self
    }

    /// The same, in lists only this long after it is rented.
    #[must_use]
    pub const fn visible_after(mut self, ms: u64) -> Self {
        self.script.visible_ms = ms;
        self
    }

    /// The same with another fate.
    #[must_use]
    pub fn fate(mut self, fate: Fate) -> Self {
        self.script.fate = fate;
        self
    }
}

/// How a host behaves once somebody rents it. Times are milliseconds of the
/// world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostScript {
    /// How long the create call takes. The machine exists, and costs, from the
    /// moment the call arrives.
    pub create_ms: u64,
    /// From the answered create to `loading`.
    pub loading_ms: u64,
    /// From the answered create to `running`.
    pub running_ms: u64,
    /// From `running` to an SSH server that answers.
    pub ssh_ms: u64,
    /// From the answered create to the first list that has it.
    pub visible_ms: u64,
    /// Reachable straight.
    pub direct: bool,
    /// Reachable through the relay, which accepts TCP from the start.
    pub proxy: bool,
    /// What becomes of it.
    pub fate: Fate,
}

impl Default for HostScript {
    fn default() -> Self {
        Self {
            create_ms: 0,
            loading_ms: 1_000,
            running_ms: 3_000,
            ssh_ms: 500,
            visible_ms: 0,
            direct: true,
            proxy: true,
            fate: Fate::Good,
        }
    }
}

/// What becomes of a rented machine. `after_ms` counts from `running` unless
/// it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// It works.
    Good,

    // The create call.
    /// Somebody else was faster: refused with 404 or 410, nothing rented.
    OfferGone {
        /// 404 or 410.
        status: u16,
    },
    /// Refused, with a contract id: a stopped machine exists.
    RefusedButRented,

    // The boot, as the API tells it.
    /// Stuck in `loading`.
    NeverBoots,
    /// Stays `created` with these last words.
    DeadMessage {
        /// The words.
        text: String,
    },
    /// Outbid at once: every plan says `stopped`, no status ever comes.
    NeverStarts,
    /// The container ends.
    Exits {
        /// How long it ran.
        after_ms: u64,
    },
    /// The cloud stops it.
    Stops {
        /// How long it ran.
        after_ms: u64,
    },
    /// The host is disconnected for good.
    GoesOffline {
        /// How long it ran.
        after_ms: u64,
    },
    /// The host's heartbeat is lost for a while.
    HeartbeatLost {
        /// How long it ran.
        after_ms: u64,
        /// For how long.
        for_ms: u64,
    },
    /// It leaves the list by itself.
    Vanishes {
        /// From the answered create.
        after_ms: u64,
    },

    // The machine itself.
    /// Nothing ever listens.
    SshNever,
    /// The direct address never answers.
    ProxyOnly,
    /// No key is ever accepted.
    KeyNeverInstalled,
    /// A man in the middle: the host key on the wire is not in the proof.
    Unproved,
    /// The proof's hash is wrong.
    WrongProof,
    /// There is no proof: its onstart never ran.
    NoProof,
    /// Another host key after a while.
    HostKeyChanges {
        /// From the first SSH server.
        after_ms: u64,
    },
    /// The link dies for good.
    LinkDies {
        /// From the first SSH server.
        after_ms: u64,
    },
    /// Every command is refused.
    ExecRefused,
    /// The disk is smaller than any restore.
    DiskTooSmall,
    /// A GPU is missing.
    TooFewGpus,
    /// Not an amd64 machine.
    ForeignArchitecture,
    /// Its clock is off.
    ClockOff {
        /// How far; positive is fast.
        ms: i64,
    },
    /// The restore's traffic stops.
    RestoreStalls {
        /// From the restore's start.
        after_ms: u64,
    },
    /// The target folder cannot be written.
    TargetReadOnly,
}

/// API calls, as faults and limits name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApiCall {
    /// Offers, in any form.
    Search,
    /// One machine, also by `launch_instance`.
    Create,
    /// Several machines.
    CreateMany,
    /// All machines.
    List,
    /// One machine.
    Show,
    /// One machine.
    Destroy,
    /// Several machines.
    DestroyMany,
    /// A key on one machine.
    AttachKey,
    /// The account.
    User,
    /// Anything else.
    Other,
}

/// An API call that goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiFault {
    /// Which call.
    pub call: ApiCall,
    /// Which of them.
    pub when: When,
    /// How.
    pub what: Fault,
}

/// Which of many calls, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Only this one.
    Nth(u32),
    /// This one and all later ones.
    From(u32),
    /// Each with this chance, 0 to 1, out of the world's seed.
    Chance(f64),
}

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Not done; answered so.
    Status {
        /// HTTP status.
        status: u16,
        /// Body.
        body: String,
    },
    /// Not done; too many requests.
    TooMany {
        /// In which words.
        shape: TooMany,
        /// Whether and how it says how long to wait.
        retry_after: Option<RetryAfter>,
    },
    /// Done; answered so all the same.
    StatusButDone {
        /// HTTP status.
        status: u16,
        /// Body.
        body: String,
    },
    /// Done; answered with what the call before was answered.
    Repeat,
    /// Done, and never answered.
    TimeoutButDone,
    /// Not done, and never answered.
    Timeout,
    /// Not done; the connection is closed without an answer.
    ResetBefore,
    /// Done; the connection is closed without an answer.
    ResetAfter,
    /// No connection at all. Over sockets, where the listener cannot unlisten
    /// for one call, it is [`Fault::ResetBefore`].
    Unsent,
    /// A well-formed answer without rows.
    EmptyList,
    /// Done; answered with bytes that mean nothing.
    Garbage,
    /// Done; half of the JSON is answered.
    Truncated,
    /// Done, but later.
    Delay {
        /// How much later.
        ms: u64,
    },
}

/// "Too many requests" in its three shapes (§7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TooMany {
    /// JSON with `detail`.
    Detail,
    /// Plain text.
    Text,
    /// Plain text that names a threshold.
    Threshold,
}

/// How an answer says how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryAfter {
    /// In seconds.
    Seconds(u64),
    /// As a date this many seconds ahead.
    Date(u64),
}

/// A token bucket over one kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Which call.
    pub call: ApiCall,
    /// Tokens that come back a second.
    pub per_second: f64,
    /// Tokens at most.
    pub burst: u32,
    /// What an empty bucket answers.
    pub shape: TooMany,
    /// Whether it says when the next token comes.
    pub says_when: bool,
}
