//! The repository's config: its version decides whether anything else can be
//! read, so that is looked at first.

use serde::{Deserialize, Serialize};

use crate::{Error, Id, Key, Nonce, Polynomial, json};

const WHAT: &str = "a repository's config";

/// The format of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Nothing is compressed.
    One,
    /// Blobs, indexes and snapshots may be compressed.
    Two,
}

/// The file `config`: what the whole repository shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The format.
    pub version: Version,
    /// The repository's own id: random, the name of no file.
    pub id: Id,
    /// Along which files are cut.
    pub chunker_polynomial: Polynomial,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::VersionTooNew`], whatever else such a config holds;
    /// [`Error::Json`] or [`Error::Malformed`] if it is no config.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let version = match json::parse::<Head>(WHAT, json)?.version {
            0 => return Err(Error::malformed(WHAT, "there is no version 0")),
            1 => Version::One,
            2 => Version::Two,
            newer => return Err(Error::VersionTooNew(newer)),
        };
        let body: ConfigJson = json::parse(WHAT, json)?;
        Ok(Self { version, id: body.id, chunker_polynomial: body.chunker_polynomial })
    }

    /// Writes it.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let version = match self.version {
            Version::One => 1,
            Version::Two => 2,
        };
        let body = ConfigJson { version, id: self.id, chunker_polynomial: self.chunker_polynomial };
        json::to_vec(WHAT, &body)
    }

    /// Opens the sealed file.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], and those of [`Self::parse`].
    pub fn open(key: &Key, sealed: &[u8]) -> Result<Self, Error> {
        Self::parse(&key.open(sealed)?)
    }

    /// Seals it. A config is never compressed.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(&self, key: &Key, nonce: &Nonce) -> Result<Vec<u8>, Error> {
        Ok(key.seal(nonce, &self.to_json()?))
    }
}

#[derive(Serialize, Deserialize)]
struct ConfigJson {
    version: u32,
    id: Id,
    chunker_polynomial: Polynomial,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_config_is_read_back() {
        for version in [Version::One, Version::Two] {
            let config = Config {
                version,
                id: Id::of(b"x"),
                chunker_polynomial: "3da3358b4dc173".parse().unwrap(),
            };
            assert_eq!(Config::parse(&config.to_json().unwrap()), Ok(config.clone()));
            let key = Key::from_bytes(&[3; 64]);
            assert_eq!(Config::open(&key, &config.seal(&key, &[1; 16]).unwrap()), Ok(config));
        }
    }

    #[test]
    fn a_newer_version_is_its_own_error() {
        assert_eq!(
            Config::parse(br#"{"version":3,"id":{"new":"shape"}}"#),
            Err(Error::VersionTooNew(3))
        );
        assert!(matches!(Config::parse(br#"{"version":0}"#), Err(Error::Malformed { .. })));
        assert!(matches!(Config::parse(br#"{"version":2}"#), Err(Error::Json { .. })));
    }

    proptest! {
        #[test]
        fn reading_a_config_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Config::parse(&bytes);
        }
    }
}
