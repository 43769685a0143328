//! Snapshot files: what was backed up, when and where.

use serde::{Deserialize, Serialize};

use crate::json::null_is_default;
use crate::{Error, Id, Key, Nonce, Time, Version, json, sealed};

const WHAT: &str = "a snapshot";

/// A file below `snapshots/`: one backup. Texts are as the backup wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub time: Time,
    /// The snapshot it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Id>,
    /// Its root folder.
    pub tree: Id,
    /// What was backed up.
    #[serde(default, deserialize_with = "null_is_default")]
    pub paths: Vec<String>,
    /// On which computer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// By whom.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// By whom, as a number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// By which group, as a number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// Patterns that were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub excludes: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub tags: Vec<String>,
    /// The snapshot it was rewritten from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Id>,
    /// What wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub program_version: String,
    /// Counts, which restic 0.17 and newer write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<SnapshotSummary>,
}

/// What a backup counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSummary {
    /// When it began.
    #[serde(default)]
    pub backup_start: Time,
    /// When it ended.
    #[serde(default)]
    pub backup_end: Time,
    /// Files that the parent did not have.
    #[serde(default)]
    pub files_new: u64,
    /// Files that differ from the parent's.
    #[serde(default)]
    pub files_changed: u64,
    /// Files as in the parent.
    #[serde(default)]
    pub files_unmodified: u64,
    /// Folders that the parent did not have.
    #[serde(default)]
    pub dirs_new: u64,
    /// Folders that differ from the parent's.
    #[serde(default)]
    pub dirs_changed: u64,
    /// Folders as in the parent.
    #[serde(default)]
    pub dirs_unmodified: u64,
    /// Data blobs added.
    #[serde(default)]
    pub data_blobs: u64,
    /// Tree blobs added.
    #[serde(default)]
    pub tree_blobs: u64,
    /// Bytes added, before compression.
    #[serde(default)]
    pub data_added: u64,
    /// Bytes added to the repository.
    #[serde(default)]
    pub data_added_packed: u64,
    /// Files in the snapshot.
    #[serde(default)]
    pub total_files_processed: u64,
    /// Bytes in the snapshot's files.
    #[serde(default)]
    pub total_bytes_processed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Snapshot {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Json`].
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        json::parse(WHAT, json)
    }

    /// Writes it.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        json::to_vec(WHAT, self)
    }

    /// Opens the sealed file.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], [`Error::Decompress`], [`Error::Json`].
    pub fn open(key: &Key, sealed: &[u8]) -> Result<Self, Error> {
        Self::parse(&sealed::open(WHAT, key, sealed)?)
    }

    /// Seals it.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(&self, key: &Key, nonce: &Nonce, version: Version) -> Result<Vec<u8>, Error> {
        sealed::seal(key, nonce, version, &self.to_json()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snapshot(paths: Vec<String>, tags: Vec<String>, hostname: String) -> Snapshot {
        Snapshot {
            time: "2026-11-23T12:00:00.5+01:00".parse().unwrap(),
            parent: Some(Id::of(b"parent")),
            tree: Id::of(b"tree"),
            paths,
            hostname,
            username: "root".into(),
            uid: 0,
            gid: 5,
            excludes: Vec::new(),
            tags,
            original: None,
            program_version: String::new(),
            summary: None,
        }
    }

    #[test]
    fn null_is_an_empty_list() {
        let tree = Id::of(b"tree");
        let json = format!(r#"{{"time":"2024-01-01T00:00:00Z","tree":"{tree}","paths":null}}"#);
        let snapshot = Snapshot::parse(json.as_bytes()).unwrap();
        assert!(snapshot.paths.is_empty() && snapshot.summary.is_none());
        assert!(Snapshot::parse(br#"{"time":"2024-01-01T00:00:00Z","tree":null}"#).is_err());
    }

    proptest! {
        #[test]
        fn a_snapshot_is_read_back(
            paths: Vec<String>,
            tags: Vec<String>,
            hostname: String,
            two: bool,
        ) {
            let snapshot = snapshot(paths, tags, hostname);
            let key = Key::from_bytes(&[3; 64]);
            let version = if two { Version::Two } else { Version::One };
            let sealed = snapshot.seal(&key, &[1; 16], version).unwrap();
            prop_assert_eq!(Snapshot::open(&key, &sealed), Ok(snapshot));
        }

        #[test]
        fn reading_a_snapshot_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Snapshot::parse(&bytes);
        }

        #[test]
        fn reading_a_damaged_snapshot_never_panics(
            at in any::<prop::sample::Index>(),
            byte: u8,
        ) {
            let mut json = snapshot(vec!["/a".into()], Vec::new(), "h".into()).to_json().unwrap();
            let at = at.index(json.len());
            json[at] = byte;
            let _ = Snapshot::parse(&json);
        }
    }
}
