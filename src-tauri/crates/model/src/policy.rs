//! Every number of rules.md, once.

use serde::{Deserialize, Serialize};

use crate::Money;

/// What happens to a machine that passes a deadline (rules.md R8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum RacePolicy {
    /// Destroyed at once when it can be replaced.
    #[default]
    Strict,
    /// Marked slow, raced on.
    KeepRacing,
    /// All lanes start at once; slow ones are raced on.
    AllAtOnce,
}

impl RacePolicy {
    /// As it stands in facts and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::KeepRacing => "keep-racing",
            Self::AllAtOnce => "all-at-once",
        }
    }
}

/// How long each step may take, in milliseconds (rules.md R6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Deadlines {
    /// From `run_started` to ranked offers.
    pub offers_ms: u64,
    /// From the request leaving the queue to the parsed answer.
    pub create_ms: u64,
    /// From that answer to the first sign of life.
    pub boot_ms: u64,
    /// From there to the parsed pre-flight.
    pub connect_ms: u64,
    /// From `winner_chosen` to the tool's checksum read back.
    pub install_ms: u64,
    /// From the tool's start to everything restored.
    pub restore_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            offers_ms: 10_000,
            create_ms: 10_000,
            boot_ms: 10_000,
            connect_ms: 10_000,
            install_ms: 10_000,
            restore_ms: 120_000,
        }
    }
}

/// The numbers of the race.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RaceRules {
    /// Step deadlines.
    pub deadlines: Deadlines,
    /// Lanes a wave (R1).
    pub wave_lanes: u8,
    /// Lanes a heat, a hard cap (R2).
    pub lanes: u8,
    /// From wave to wave (R1).
    pub wave_gap_ms: u64,
    /// Lanes an owner while other owners have offers (R3).
    pub lanes_per_owner: u8,
    /// Further offers a lane may try after a refusal (R4).
    pub retries_after_refusal: u8,
    /// No rental for this long under throttling ends the run (R5).
    pub throttle_limit_ms: u64,
    /// How long a create may stay unanswered before it is abandoned for good (R7).
    pub create_open_ms: u64,
    /// How long an unknown create is looked up by label (R7).
    pub lookup_limit_ms: u64,
    /// The whole race, from the first create (R8, R15).
    pub race_limit_ms: u64,
    /// The cloud may not know a machine's state for this long (R9).
    pub unknown_limit_ms: u64,
    /// Clock skew a lane may have when the machine signs its own requests (R9).
    pub clock_skew_limit_ms: u64,
    /// Free disk beyond the restore's own size (R9).
    pub spare_disk_bytes: u64,
    /// Heats a run (R11).
    pub heats: u8,
    /// The link to the winner may be gone this long (R11).
    pub link_limit_ms: u64,
    /// No byte restored for this long is the machine's fault (R12).
    pub stall_limit_ms: u64,
    /// Destroyed machines not confirmed by then are named (R13).
    pub close_limit_ms: u64,
    /// A gap between ticks beyond this is sleep (R14).
    pub sleep_gap_ms: u64,
    /// How often the race looks at its own clock.
    pub heartbeat_ms: u64,
    /// A host that failed by its own fault is left alone for this long (R11).
    pub host_rest_ms: u64,
    /// A racer lives without a word from us for this long (T3).
    pub racer_lease_ms: u64,
    /// How often a winner is told that we are still there (T3).
    pub winner_renewal_ms: u64,
}

impl Default for RaceRules {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            wave_lanes: 5,
            lanes: 15,
            wave_gap_ms: 10_000,
            lanes_per_owner: 2,
            retries_after_refusal: 3,
            throttle_limit_ms: 60_000,
            create_open_ms: 60_000,
            lookup_limit_ms: 120_000,
            race_limit_ms: 180_000,
            unknown_limit_ms: 3_000,
            clock_skew_limit_ms: 600_000,
            spare_disk_bytes: 1_000_000_000,
            heats: 2,
            link_limit_ms: 15_000,
            stall_limit_ms: 20_000,
            close_limit_ms: 60_000,
            sleep_gap_ms: 5_000,
            heartbeat_ms: 1_000,
            host_rest_ms: 24 * 3_600_000,
            racer_lease_ms: 300_000,
            winner_renewal_ms: 900_000,
        }
    }
}

/// How much may be spent (rules.md M5). Absent means no cap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
pub struct Caps {
    /// One run, winner's first hour included.
    pub run: Option<Money>,
    /// One day in the user's zone.
    pub day: Option<Money>,
    /// One month in the user's zone.
    pub month: Option<Money>,
}

/// What a spending cap is counted over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Cap {
    Run,
    Day,
    Month,
}
