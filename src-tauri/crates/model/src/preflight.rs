//! What a machine tells about itself in its first command, and what it must
//! have to stay in the race (rules.md R9).

use serde::{Deserialize, Serialize};

use crate::LostReason;

/// One GPU as the driver reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Gpu {
    /// Model.
    pub name: String,
    /// Memory.
    pub memory_mb: u64,
}

/// A machine's first report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
pub struct Preflight {
    /// Free where the restore goes.
    pub disk_free_bytes: u64,
    /// As the driver reports them.
    pub gpus: Vec<Gpu>,
    /// Driver version.
    pub driver: Option<String>,
    /// CUDA version of the driver.
    pub cuda: Option<String>,
    /// `uname -m`.
    pub arch: String,
    /// `glibc 2.36`, `musl`; absent when it could not be told.
    pub libc: Option<String>,
    /// The machine's clock minus ours.
    pub clock_skew_ms: Option<i64>,
    /// Version of a restic on the path.
    pub restic: Option<String>,
    /// Which of the programs we may use are there.
    pub tools: Vec<String>,
    /// The dead-man's switch is armed (rules.md T3).
    pub deadman_armed: bool,
}

/// What a machine must have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Requirements {
    /// Size of the restore plus what must stay free.
    pub disk_bytes: u64,
    /// Least GPUs.
    pub num_gpus: u32,
    /// Least memory of each, as the driver counts it.
    pub gpu_ram_mb: u64,
    /// Least CUDA version its driver supports, in tenths; 0 means any.
    pub cuda_tenths: u32,
    /// Most the clock may be off, where the machine signs its own requests.
    pub clock_skew_ms: Option<u64>,
}

/// Drivers report a little less memory than the market lists.
const GPU_RAM_SLACK_PERCENT: u64 = 8;

impl Requirements {
    /// Why this machine cannot do the job, if it cannot.
    ///
    /// # Errors
    /// The reason the lane is lost.
    pub fn check(&self, report: &Preflight) -> Result<(), LostReason> {
        if report.arch != "x86_64" && report.arch != "aarch64" {
            return Err(LostReason::ForeignArchitecture);
        }
        if report.disk_free_bytes < self.disk_bytes {
            return Err(LostReason::DiskTooSmall);
        }
        let least_ram = self.gpu_ram_mb * (100 - GPU_RAM_SLACK_PERCENT) / 100;
        let fit = report.gpus.iter().filter(|gpu| gpu.memory_mb >= least_ram).count();
        if fit < self.num_gpus as usize {
            return Err(LostReason::TooFewGpus);
        }
        if self.cuda_tenths > 0
            && let Some(cuda) = report.cuda.as_deref().and_then(tenths)
            && cuda < self.cuda_tenths
        {
            return Err(LostReason::CudaTooOld);
        }
        if let (Some(limit), Some(skew)) = (self.clock_skew_ms, report.clock_skew_ms)
            && skew.unsigned_abs() > limit
        {
            return Err(LostReason::ClockSkew);
        }
        Ok(())
    }
}

/// `12.8` as 128.
fn tenths(version: &str) -> Option<u32> {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let minor: u32 = minor.get(..1)?.parse().ok()?;
    major.parse::<u32>().ok()?.checked_mul(10)?.checked_add(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Preflight {
        Preflight {
            disk_free_bytes: 10,
            gpus: vec![Gpu { name: "RTX 4090".into(), memory_mb: 24_564 }],
            arch: "x86_64".into(),
            cuda: Some("12.8".into()),
            clock_skew_ms: Some(-700_000),
            ..Preflight::default()
        }
    }

    #[test]
    fn each_requirement_has_its_own_reason() {
        let needs = Requirements {
            disk_bytes: 10,
            num_gpus: 1,
            gpu_ram_mb: 24_564,
            cuda_tenths: 128,
            clock_skew_ms: None,
        };
        assert_eq!(needs.check(&report()), Ok(()));
        assert_eq!(
            Requirements { disk_bytes: 11, ..needs }.check(&report()),
            Err(LostReason::DiskTooSmall)
        );
        assert_eq!(
            Requirements { num_gpus: 2, ..needs }.check(&report()),
            Err(LostReason::TooFewGpus)
        );
        assert_eq!(
            Requirements { cuda_tenths: 129, ..needs }.check(&report()),
            Err(LostReason::CudaTooOld)
        );
        // A driver that does not tell is not held against the machine.
        let silent = Preflight { cuda: Some("N/A".into()), ..report() };
        assert_eq!(needs.check(&silent), Ok(()));
        assert_eq!(
            Requirements { clock_skew_ms: Some(600_000), ..needs }.check(&report()),
            Err(LostReason::ClockSkew)
        );
        let foreign = Preflight { arch: "riscv64".into(), ..report() };
        assert_eq!(needs.check(&foreign), Err(LostReason::ForeignArchitecture));
    }
}
