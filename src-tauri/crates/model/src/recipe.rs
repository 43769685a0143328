//! Recipes: what to launch.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AppError, Code, OfferFilter, OfferId, RacePolicy};

/// Everything one gesture needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
pub struct Recipe {
    /// `[a-z0-9-]{1,64}`: in tags, deep links and on the command line.
    pub name: String,
    /// As the window shows it.
    pub title: String,
    /// What to restore.
    pub snapshot: SnapshotSelector,
    /// The workspace's paths: they tell its snapshots from others in one repository.
    pub paths: Vec<String>,
    /// Where the snapshot's root is put.
    pub target: String,
    /// Work can start when these are restored.
    pub critical: Vec<String>,
    /// Which offers.
    pub filter: OfferFilter,
    /// Container image.
    pub image: String,
    /// Name of the stored registry login, if the image is private.
    pub registry_login: Option<String>,
    /// Environment of the container.
    pub env: BTreeMap<String, String>,
    /// Ports to open: `8888/tcp`.
    pub ports: Vec<String>,
    /// Disk; absent means derived from the snapshot.
    pub disk_gb: Option<u32>,
    /// Shell lines added to our own onstart.
    pub onstart: String,
    /// The cloud's template, if any.
    pub template: Option<String>,
    /// What happens to slow machines.
    pub policy: RacePolicy,
    /// What restores.
    pub tool: Tool,
    /// Script run on the machine when it is ready.
    pub on_ready: String,
    /// Hours the machine may live without this computer; 0 means for ever.
    pub hours_alone: u32,
}

impl Recipe {
    /// The image vast.ai keeps ready on many hosts.
    pub const DEFAULT_IMAGE: &'static str = "vastai/base-image:@vastai-automatic-tag";

    /// Disk to rent for a snapshot of `bytes` (product.md §8).
    #[must_use]
    pub fn disk_gb_for(&self, bytes: u64) -> u32 {
        self.disk_gb.unwrap_or_else(|| {
            let gb = (bytes as f64 / 1e9).mul_add(1.3, 10.0).ceil();
            (gb as u32).max(20)
        })
    }

    /// # Errors
    /// [`Code::Usage`] with the field that makes no sense.
    pub fn check(&self) -> Result<(), AppError> {
        let bad = |details: String| Err(AppError::new(Code::Usage, details));
        let name_fits = (1..=64).contains(&self.name.len())
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !name_fits {
            return bad(format!(
                "a recipe's name is 1 to 64 of a-z, 0-9 and \"-\", not \"{}\"",
                crate::clean(&self.name, 80)
            ));
        }
        if !self.target.starts_with('/') {
            return bad(format!(
                "the target is an absolute path on the machine, not \"{}\"",
                crate::clean(&self.target, 80)
            ));
        }
        if self.image.is_empty() || self.image.len() > 1024 {
            return bad("an image name has 1 to 1024 characters".into());
        }
        if self.image.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return bad("an image name has no spaces".into());
        }
        if self.disk_gb.is_some_and(|gb| gb < 8) {
            return bad("a machine's disk has at least 8 GB".into());
        }
        if self.filter.num_gpus == Some(0) {
            return bad("a machine has at least one GPU".into());
        }
        Ok(())
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            name: "default".into(),
            title: "Default".into(),
            snapshot: SnapshotSelector::Latest,
            paths: Vec::new(),
            target: "/".into(),
            critical: Vec::new(),
            filter: OfferFilter { verified_only: true, ..OfferFilter::default() },
            image: Self::DEFAULT_IMAGE.into(),
            registry_login: None,
            env: BTreeMap::new(),
            ports: Vec::new(),
            disk_gb: None,
            onstart: String::new(),
            template: None,
            policy: RacePolicy::Strict,
            tool: Tool::default(),
            on_ready: String::new(),
            hours_alone: 12,
        }
    }
}

/// What restores the snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// Our own agent, on a plan made here.
    #[default]
    Agent,
    /// Stock restic.
    Restic,
}

impl Tool {
    /// As it stands in facts and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Restic => "restic",
        }
    }
}

/// Which snapshot: `latest`, `none`, or an id with an optional folder in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SnapshotSelector {
    /// The newest of this recipe's workspace.
    #[default]
    Latest,
    /// A plain machine, nothing restored.
    None,
    /// A fixed one.
    Id {
        /// The id or the beginning of it, lower-case hexadecimal.
        prefix: String,
        /// Only what is below this folder, which becomes the root.
        folder: Option<String>,
    },
}

impl fmt::Display for SnapshotSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::None => f.write_str("none"),
            Self::Id { prefix, folder: None } => f.write_str(prefix),
            Self::Id { prefix, folder: Some(folder) } => write!(f, "{prefix}:{folder}"),
        }
    }
}

impl FromStr for SnapshotSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => return Ok(Self::Latest),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let (prefix, folder) = match text.split_once(':') {
            Some((prefix, folder)) => (prefix, Some(folder)),
            None => (text, None),
        };
        let hex = prefix.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !hex || !(4..=64).contains(&prefix.len()) {
            return Err(format!(
                "a snapshot is \"latest\", \"none\", or 4 to 64 hexadecimal digits with an \
                 optional \":/folder\", not \"{}\"",
                crate::clean(text, 80)
            ));
        }
        if folder.is_some_and(|folder| !folder.starts_with('/')) {
            return Err("the folder in a snapshot starts with \"/\"".into());
        }
        Ok(Self::Id { prefix: prefix.into(), folder: folder.map(Into::into) })
    }
}

impl TryFrom<String> for SnapshotSelector {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SnapshotSelector> for String {
    fn from(selector: SnapshotSelector) -> Self {
        selector.to_string()
    }
}

#[cfg(feature = "specta")]
impl specta::Type for SnapshotSelector {
    fn definition(types: &mut specta::Types) -> specta::datatype::DataType {
        <String as specta::Type>::definition(types)
    }
}

/// One launch as it is asked for: a recipe with the overrides already in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(default)]
pub struct LaunchRequest {
    /// The recipe.
    pub recipe: Recipe,
    /// Only these offers, in this order; empty means search and rank.
    pub only_offers: Vec<OfferId>,
}

/// A restore of its own: onto a machine that runs, or into a local folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RestoreRequest {
    /// Where to.
    pub destination: RestoreDestination,
    /// Which snapshot.
    pub snapshot: SnapshotSelector,
    /// The recipe whose workspace `latest` means; absent means the default.
    pub recipe: Option<String>,
    /// Where the snapshot's root is put: on the machine, or below the folder.
    pub target: Option<String>,
    /// Only these paths and what is below them; empty means everything.
    pub include: Vec<String>,
    /// Restored first.
    pub critical: Vec<String>,
    /// What restores.
    pub tool: Tool,
}

/// Where a restore goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RestoreDestination {
    /// One of our machines that runs.
    Machine {
        /// Which.
        machine: crate::MachineId,
    },
    /// A folder on this computer.
    Local {
        /// Which.
        folder: String,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn selectors_are_read_as_documented() {
        for text in ["latest", "none", "b41f09c2", "b41f09c2:/workspace"] {
            assert_eq!(text.parse::<SnapshotSelector>().unwrap().to_string(), text);
        }
        for text in ["", "b4", "LATEST", "b41f09c2:workspace", "zzzz", "../etc"] {
            assert!(text.parse::<SnapshotSelector>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_disk_follows_the_snapshot() {
        let recipe = Recipe::default();
        assert_eq!(recipe.disk_gb_for(0), 20);
        assert_eq!(recipe.disk_gb_for(7_120_000_000), 20);
        assert_eq!(recipe.disk_gb_for(20_000_000_000), 36);
        assert_eq!(Recipe { disk_gb: Some(9), ..recipe }.disk_gb_for(0), 9);
    }

    #[test]
    fn a_recipe_that_makes_no_sense_is_refused() {
        let good = Recipe::default();
        assert_eq!(good.check(), Ok(()));
        for bad in [
            Recipe { name: "My Recipe".into(), ..good.clone() },
            Recipe { name: String::new(), ..good.clone() },
            Recipe { target: "workspace".into(), ..good.clone() },
            Recipe { image: "a b".into(), ..good.clone() },
            Recipe { disk_gb: Some(4), ..good.clone() },
        ] {
            assert_eq!(bad.check().unwrap_err().code, Code::Usage, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_a_selector_never_panics(text in any::<String>()) {
            if let Ok(selector) = text.parse::<SnapshotSelector>() {
                prop_assert_eq!(selector.to_string(), text);
            }
        }
    }
}
