//! The engine: one actor that owns every run, a ledger that outlives it, a
//! reaper a cloud that nothing stops. It knows no window and no command line;
//! both talk to its [`Handle`] and read its facts.
//!
//! Invariants: no create call without an intent on the disk; no destroy is
//! ever cancelled; an empty or failed list means *unknown*; no secret is ever
//! an argument, a log field or a fact; no wall clock but [`Clock`].

mod access;
mod actor;
mod asking;
mod charges;
mod choices;
mod clock;
mod context;
mod cost;
mod handle;
mod hosts;
mod ids;
mod lane;
mod lease;
mod ledger;
mod links;
mod machines;
mod order;
mod orphans;
mod prepare;
mod probe;
mod queries;
mod rank;
mod reaper;
mod restore;
mod resume;
mod run;
mod spend;
mod standalone;
mod survey;
mod trees;
mod vault;

pub use access::{Access, Forward};
pub use clock::Clock;
pub use context::{Context, SettingsCell, Storage, Warm};
pub use cost::{WorstCase, worst_case};
pub use handle::{Check, Handle, Subscription};
pub use ledger::{Boot, Intent, Ledger, LedgerError, Rental, RentalState};
pub use links::Links;
pub use probe::{test_cloud, test_storage};
pub use rank::{RankWeights, Records, RestoreSize, rank};
pub use restore::{Agents, Plans, RELEASES, Release, SOURCE, Stock};
pub use vault::{EnvironmentFirst, FileVault, Keychain, MemoryVault, SecretName, Vault};

#[cfg(test)]
mod tests {
    //! Things the unit tests share.

    use model::{CloudId, HostId, Offer, OfferId, OwnerId, Rate, Verification};

    /// An ordinary offer; numbers tell offers apart.
    pub(crate) fn offer(number: u32) -> Offer {
        Offer {
            cloud: CloudId::Vast,
            id: OfferId::new((9_000 + number).to_string()),
            host: Some(HostId::new((100 + number).to_string())),
            owner: Some(OwnerId::new((10 + number).to_string())),
            gpu: "RTX 4090".into(),
            num_gpus: 1,
            gpu_ram_mb: 24_564,
            gpu_mem_bw_gb_s: 900.0,
            compute_cap: 890,
            cuda_max: 12.8,
            driver: "570.86.15".into(),
            dlperf: 80.0,
            tflops: 82.0,
            score: 100.0,
            price: Rate::from_micros_per_hour(360_000),
            gpu_price: Rate::from_micros_per_hour(350_000),
            disk_usd_micros_per_gb_month: 150_000,
            down_usd_micros_per_gb: 2_000,
            up_usd_micros_per_gb: 2_000,
            inet_down_mbps: 900.0,
            inet_up_mbps: 500.0,
            disk_gb: 400.0,
            disk_bw_mb_s: 3_000.0,
            cpu: "EPYC 7543".into(),
            cpu_cores: 16.0,
            cpu_ghz: 2.8,
            cpu_arch: "amd64".into(),
            cpu_ram_mb: 64_000,
            pcie_bw_gb_s: 20.0,
            reliability: 0.99,
            verification: Verification::Verified,
            datacenter: false,
            location: "Wilmington, US".into(),
            country: Some("US".into()),
            direct_ports: 20,
            static_ip: true,
            duration_s: 864_000,
        }
    }
}
