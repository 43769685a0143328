//! Names of things. Each is its own type, so that a machine is never passed
//! where a host is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "specta", derive(specta::Type))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// One launch. Ten lower-case base32 characters.
    RunId
}
text_id! {
    /// What `destroy` takes: the cloud's own id of a rented machine.
    MachineId
}
text_id! {
    /// A physical machine (vast.ai `machine_id`).
    HostId
}
text_id! {
    /// Who owns a host (vast.ai `host_id`).
    OwnerId
}
text_id! {
    /// What the cloud rents out; used up by renting.
    OfferId
}
text_id! {
    /// This copy of the app (rules.md M1): eight lower-case base32 characters.
    InstallId
}
text_id! {
    /// A restic snapshot: 64 hexadecimal digits.
    SnapshotId
}

impl SnapshotId {
    /// The first eight digits, as restic prints them.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

/// A GPU cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum CloudId {
    /// vast.ai
    Vast,
    /// RunPod
    Runpod,
}

impl CloudId {
    /// All there are.
    pub const ALL: &'static [Self] = &[Self::Vast, Self::Runpod];

    /// As it stands in facts, the ledger and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vast => "vast",
            Self::Runpod => "runpod",
        }
    }
}

impl fmt::Display for CloudId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CloudId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "vast" => Ok(Self::Vast),
            "runpod" => Ok(Self::Runpod),
            other => Err(format!("no cloud is called \"{}\"", crate::clean(other, 40))),
        }
    }
}

/// A place in the race (rules.md R1): 1 to 15, and 16 to 30 in a second heat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(transparent)]
pub struct LaneNo(pub u8);

impl fmt::Display for LaneNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// The label every rented machine carries (rules.md M1):
/// `dumont/<install>-<run>/<lane>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label {
    /// Which copy of the app rented it.
    pub install: InstallId,
    /// For which run.
    pub run: RunId,
    /// In which lane.
    pub lane: LaneNo,
}

/// The text is no label of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read a label of the form dumont/<install>-<run>/<lane>")]
pub struct LabelError;

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dumont/{}-{}/{}", self.install, self.run, self.lane.0)
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let is_id = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let rest = text.strip_prefix("dumont/").ok_or(LabelError)?;
        let (owner, lane) = rest.split_once('/').ok_or(LabelError)?;
        let (install, run) = owner.split_once('-').ok_or(LabelError)?;
        let lane: u8 = lane.parse().map_err(|_| LabelError)?;
        if !is_id(install) || !is_id(run) || lane == 0 {
            return Err(LabelError);
        }
        Ok(Self { install: InstallId::new(install), run: RunId::new(run), lane: LaneNo(lane) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_label_is_read_back() {
        let label = Label {
            install: InstallId::new("k3j5w2ab"),
            run: RunId::new("q7m2x4n6pa"),
            lane: LaneNo(7),
        };
        assert_eq!(label.to_string(), "dumont/k3j5w2ab-q7m2x4n6pa/7");
        assert_eq!(label.to_string().parse(), Ok(label));
    }

    #[test]
    fn a_foreign_label_is_not_ours() {
        for text in [
            "",
            "race-1",
            "dumont/",
            "dumont/a/1",
            "dumont/a-b/0",
            "dumont/A-b/1",
            "dumont/a-b/1/2",
        ] {
            assert_eq!(text.parse::<Label>(), Err(LabelError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_a_label_never_panics(text in any::<String>()) {
            let _ = text.parse::<Label>();
        }
    }
}
