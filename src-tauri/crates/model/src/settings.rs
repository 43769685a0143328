//! What the user sets once: money, trust, storage, and how the window looks.
//! Secrets are not here; they live in the keychain alone.

use serde::{Deserialize, Serialize};

use crate::{At, Caps, CloudId, Money, OfferFilter, OfferOrder};

/// What the engine goes by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
pub struct Settings {
    /// Where the workspaces are kept.
    pub storage: Option<StorageSettings>,
    /// Spending caps.
    pub caps: Caps,
    /// What happens to a winner when a cap is reached.
    pub at_cap: AtCap,
    /// How a machine has to prove that it is the one rented (rules.md T2).
    pub proof: ProofPolicy,
    /// What a second of waiting is worth, in ranking.
    pub worth: SecondWorth,
}

/// Where the workspaces are kept, in restic's own terms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
pub struct StorageSettings {
    /// `s3:https://ACCOUNT.r2.cloudflarestorage.com/BUCKET/PREFIX`, or a folder.
    pub location: String,
    /// Region; absent means `auto` for R2 and `us-east-1` elsewhere.
    pub region: Option<String>,
}

/// What happens to a winner when a cap is reached (rules.md M6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum AtCap {
    /// It is kept, and the app raises an alarm.
    #[default]
    Keep,
    /// It is saved and then destroyed; kept if the save fails.
    SaveAndDestroy,
}

/// How a machine has to prove that it is the one rented (rules.md T2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum ProofPolicy {
    /// Without its proof a machine loses.
    #[default]
    Require,
    /// The first key seen is believed, and shown in amber.
    FirstUse,
}

/// What a second of waiting is worth, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(transparent)]
pub struct SecondWorth(pub u64);

impl Default for SecondWorth {
    fn default() -> Self {
        Self(10_000)
    }
}

/// How the window looks and what it says by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the screen")]
pub struct Preferences {
    /// Colours.
    pub theme: Theme,
    /// Words, numbers and dates.
    pub language: Language,
    /// What is worth a notification.
    pub notify: Notify,
    /// Single letters work as shortcuts outside text fields.
    pub letter_keys: bool,
    /// The app starts with the session, minimised.
    pub start_at_login: bool,
    /// The side bar is a rail of icons.
    pub rail: bool,
    /// Filters of the Offers screen kept under a name.
    pub saved_filters: Vec<SavedFilter>,
    /// It was said once that closing the window keeps the app in the tray.
    pub told_about_tray: bool,
    /// The first-run guide was finished or put away.
    pub guided: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            language: Language::default(),
            notify: Notify::default(),
            letter_keys: true,
            start_at_login: false,
            rail: false,
            saved_filters: Vec::new(),
            told_about_tray: false,
            guided: false,
        }
    }
}

/// Colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Theme {
    #[default]
    System,
    Dark,
    Light,
    HighContrast,
}

/// Words, numbers and dates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub enum Language {
    /// As the system speaks.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Brazilian Portuguese.
    #[serde(rename = "pt-BR")]
    Portuguese,
}

/// What is worth a notification. A lost lane never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the screen")]
pub struct Notify {
    /// SSH answers.
    pub shell: bool,
    /// Work can start.
    pub critical: bool,
    /// Everything is restored.
    pub complete: bool,
    /// A run failed.
    pub failure: bool,
    /// A machine nobody owns, or one whose end is not confirmed.
    pub leftovers: bool,
    /// A cap at 80 % or reached.
    pub caps: bool,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            shell: false,
            critical: true,
            complete: true,
            failure: true,
            leftovers: true,
            caps: true,
        }
    }
}

/// A filter of the Offers screen under a name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
pub struct SavedFilter {
    /// As the user called it.
    pub name: String,
    /// The filter.
    pub filter: OfferFilter,
    /// What the window filters by itself.
    pub own: OwnFilter,
    /// Its order.
    pub order: OfferOrder,
}

/// What no server filters by: our own history, and figures put together from
/// several. Absent means "any".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
pub struct OwnFilter {
    /// Most a host's own median time to a completed SSH command may be.
    pub max_ready_ms: Option<u64>,
    /// Least deep-learning performance per dollar and hour.
    pub min_value: Option<f64>,
    /// Least bandwidth between CPU and GPU.
    pub min_pcie_bw_gb_s: Option<f64>,
    /// Least open ports.
    pub min_direct_ports: Option<u32>,
}

/// A secret the user can set, never read back (rules.md T9).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Secret {
    /// A cloud's API key.
    CloudKey {
        /// Which cloud.
        cloud: CloudId,
    },
    /// The repository's password.
    RepositoryPassword,
    /// The object store's access key id.
    StorageKeyId,
    /// The object store's secret access key.
    StorageKeySecret,
    /// The object store's session token.
    StorageToken,
    /// A login at a container registry: `-u NAME -p TOKEN HOST`.
    RegistryLogin {
        /// The name recipes use for it.
        name: String,
    },
}

/// What may be known of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SecretView {
    /// Which.
    pub secret: Secret,
    /// One is kept.
    pub set: bool,
    /// When it was set here.
    pub since: Option<At>,
    /// Its last four characters; never of a password.
    pub last4: Option<String>,
}

/// What a connection test found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ConnectionReport {
    /// How long the test took.
    pub took_ms: u64,
    /// What the key may do, as far as it could be told without changing
    /// anything that matters.
    pub rights: Vec<RightCheck>,
    /// Money on the account.
    pub credit: Option<Money>,
    /// Snapshots in the repository; absent where there is no repository yet.
    pub snapshots: Option<u32>,
    /// The address holds no repository: one can be created.
    pub empty: bool,
    /// This computer's clock minus the server's.
    pub clock_off_ms: Option<i64>,
}

/// One right of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RightCheck {
    /// Which.
    pub right: Right,
    /// Whether the key has it; absent where it could not be told.
    pub allowed: Option<bool>,
    /// Launches need it.
    pub needed: bool,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Right {
    SearchOffers,
    ReadMachines,
    ChangeMachines,
    ReadCharges,
    ListObjects,
    ReadObjects,
    WriteObjects,
    DeleteObjects,
}
