//! Offers: what a cloud rents out, with units in the names.

use serde::{Deserialize, Serialize};

use crate::{CloudId, HostId, Money, OfferId, OwnerId, Rate};

/// Clouds price disks by months of this many hours.
const HOURS_PER_MONTH: f64 = 720.0;

/// One thing that can be rented now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Offer {
    /// Which cloud.
    pub cloud: CloudId,
    /// What the create call takes.
    pub id: OfferId,
    /// The physical machine; absent where the cloud does not tell.
    pub host: Option<HostId>,
    /// Who owns it; absent where the cloud does not tell.
    pub owner: Option<OwnerId>,
    /// GPU model, as the cloud spells it: `RTX 4090`.
    pub gpu: String,
    /// How many GPUs.
    pub num_gpus: u32,
    /// Memory of one GPU.
    pub gpu_ram_mb: u64,
    /// Memory bandwidth of one GPU.
    pub gpu_mem_bw_gb_s: f64,
    /// CUDA compute capability × 100 (860 is 8.6).
    pub compute_cap: u32,
    /// Highest CUDA version the driver supports.
    pub cuda_max: f64,
    /// Driver version.
    pub driver: String,
    /// Deep-learning benchmark figure of the cloud.
    pub dlperf: f64,
    /// Peak TFLOPS of all GPUs.
    pub tflops: f64,
    /// The cloud's own ranking figure.
    pub score: f64,
    /// What an hour costs, with the disk asked for, without traffic.
    pub price: Rate,
    /// The GPU's part of the price.
    pub gpu_price: Rate,
    /// Disk: micro-dollars per GB and month of 720 h.
    pub disk_usd_micros_per_gb_month: u64,
    /// Traffic in: micro-dollars per GB.
    pub down_usd_micros_per_gb: u64,
    /// Traffic out: micro-dollars per GB.
    pub up_usd_micros_per_gb: u64,
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
    /// CPU cores of this offer's share.
    pub cpu_cores: f64,
    /// Clock rate.
    pub cpu_ghz: f64,
    /// `amd64`, `arm64`.
    pub cpu_arch: String,
    /// Main memory of this offer's share.
    pub cpu_ram_mb: u64,
    /// Bandwidth between CPU and GPU.
    pub pcie_bw_gb_s: f64,
    /// Uptime score, 0 to 1.
    pub reliability: f64,
    /// What the cloud thinks of the host.
    pub verification: Verification,
    /// In a data centre.
    pub datacenter: bool,
    /// As the cloud writes it: `Washington, US`.
    pub location: String,
    /// Two letters, where known.
    pub country: Option<String>,
    /// Open ports; 0 means no direct SSH.
    pub direct_ports: u32,
    /// The address does not change.
    pub static_ip: bool,
    /// How long the host promises to stay.
    pub duration_s: u64,
}

impl Offer {
    /// One of which nothing else is known.
    #[must_use]
    pub fn unknown(cloud: CloudId, id: OfferId) -> Self {
        Self {
            cloud,
            id,
            host: None,
            owner: None,
            gpu: String::new(),
            num_gpus: 0,
            gpu_ram_mb: 0,
            gpu_mem_bw_gb_s: 0.0,
            compute_cap: 0,
            cuda_max: 0.0,
            driver: String::new(),
            dlperf: 0.0,
            tflops: 0.0,
            score: 0.0,
            price: Rate::ZERO,
            gpu_price: Rate::ZERO,
            disk_usd_micros_per_gb_month: 0,
            down_usd_micros_per_gb: 0,
            up_usd_micros_per_gb: 0,
            inet_down_mbps: 0.0,
            inet_up_mbps: 0.0,
            disk_gb: 0.0,
            disk_bw_mb_s: 0.0,
            cpu: String::new(),
            cpu_cores: 0.0,
            cpu_ghz: 0.0,
            cpu_arch: String::new(),
            cpu_ram_mb: 0,
            pcie_bw_gb_s: 0.0,
            reliability: 0.0,
            verification: Verification::Unverified,
            datacenter: false,
            location: String::new(),
            country: None,
            direct_ports: 0,
            static_ip: false,
            duration_s: 0,
        }
    }

    /// Price of `gb` gigabytes coming in.
    #[must_use]
    pub fn download_cost(&self, gb: f64) -> Money {
        Money::from_usd(self.down_usd_micros_per_gb as f64 * gb.max(0.0) / 1e6)
    }

    /// What `gb` gigabytes of disk cost an hour.
    #[must_use]
    pub fn disk_price(&self, gb: u32) -> Rate {
        let usd_per_month = self.disk_usd_micros_per_gb_month as f64 * f64::from(gb) / 1e6;
        Rate::from_usd_per_hour(usd_per_month / HOURS_PER_MONTH)
    }

    /// Seconds the line needs for `bytes`, by the host's own speed test.
    #[must_use]
    pub fn download_seconds(&self, bytes: u64) -> f64 {
        if self.inet_down_mbps <= 0.0 {
            return f64::INFINITY;
        }
        bytes as f64 * 8.0 / (self.inet_down_mbps * 1e6)
    }
}

/// What the cloud thinks of a host.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Passed the cloud's tests.
    Verified,
    /// Not tested.
    #[default]
    Unverified,
    /// Passed once, fails now: a worse sign than never tested.
    Deverified,
}

/// Which offers to consider. Absent means "any".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the screen")]
pub struct OfferFilter {
    /// GPU model, exactly as the cloud spells it.
    pub gpu: Option<String>,
    /// How many GPUs.
    pub num_gpus: Option<u32>,
    /// Least memory of one GPU.
    pub min_gpu_ram_mb: Option<u64>,
    /// Most an hour may cost, disk included.
    pub max_price: Option<Rate>,
    /// Most a GB coming in may cost.
    pub max_down_usd_micros_per_gb: Option<u64>,
    /// Least uptime score.
    pub min_reliability: Option<f64>,
    /// Least measured download.
    pub min_inet_down_mbps: Option<f64>,
    /// Least measured upload.
    pub min_inet_up_mbps: Option<f64>,
    /// Disk to price in and to have.
    pub disk_gb: Option<u32>,
    /// Least disk read bandwidth.
    pub min_disk_bw_mb_s: Option<f64>,
    /// Least CPU cores.
    pub min_cpu_cores: Option<f64>,
    /// Least main memory.
    pub min_cpu_ram_mb: Option<u64>,
    /// Least CUDA version the driver must support.
    pub min_cuda: Option<f64>,
    /// Least compute capability × 100.
    pub min_compute_cap: Option<u32>,
    /// Least time the host promises to stay.
    pub min_duration_s: Option<u64>,
    /// Only these countries, two letters each; empty means anywhere.
    pub countries: Vec<String>,
    /// Only hosts the cloud verified.
    pub verified_only: bool,
    /// Only data centres.
    pub datacenter_only: bool,
    /// Only hosts with direct SSH.
    pub direct_only: bool,
    /// Only hosts with a fixed address.
    pub static_ip_only: bool,
    /// Never these hosts.
    pub without_hosts: Vec<HostId>,
    /// Only these clouds; empty means all that are set up.
    pub clouds: Vec<CloudId>,
}

/// How to sort offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum OfferOrder {
    /// Expected time to ready and price together, by our own history.
    #[default]
    Rank,
    /// Cheapest first.
    Price,
    /// Fastest line first.
    Download,
    /// Most reliable first.
    Reliability,
    /// Most performance for the money first.
    Value,
}

/// What we ourselves saw of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct HostRecord {
    /// How often we rented it.
    pub lanes: u32,
    /// How often it won.
    pub wins: u32,
    /// How often it failed by its own fault.
    pub failures: u32,
    /// Median time from create to a completed SSH command.
    pub median_ready_ms: Option<u64>,
    /// Nine of ten were faster.
    pub p90_ready_ms: Option<u64>,
    /// The last lanes, oldest first: ready in time or not.
    pub recent: Vec<bool>,
    /// It rests until this moment and is not rented.
    pub rests_until: Option<crate::At>,
    /// What the user thinks of it.
    pub standing: crate::HostStanding,
}
