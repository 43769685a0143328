//! An object's key as the path of a file. Only keys that are plain relative
//! paths exist here; a key that names its way out of the bucket is refused
//! before any file is touched, and `cap-std` stands behind this check.

use std::path::Path;

use s3s::{S3Error, S3Result, s3_error};

/// A key every component of which is the name of a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    /// # Errors
    /// `InvalidArgument` for a key that cannot be a path inside the bucket.
    pub fn parse(key: &str) -> S3Result<Self> {
        match key.split('/').find_map(|part| trouble(part, cfg!(windows))) {
            None => Ok(Self(key.to_owned())),
            Some(trouble) => Err(refused(trouble)),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Relative to the bucket's folder.
    pub fn path(&self) -> &Path {
        Path::new(&self.0)
    }
}

fn refused(trouble: &'static str) -> S3Error {
    s3_error!(InvalidArgument, "this store keeps objects as files; the key {trouble}")
}

fn trouble(part: &str, windows: bool) -> Option<&'static str> {
    if part.is_empty() {
        Some("has an empty component")
    } else if matches!(part, "." | "..") {
        Some("has a component of dots")
    } else if part.contains('\0') {
        Some("has a NUL character")
    } else if part.len() > 255 {
        Some("has a component of more than 255 bytes")
    } else if windows && is_foreign_to_windows(part) {
        Some("has a component that Windows cannot store")
    } else {
        None
    }
}

fn is_foreign_to_windows(part: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];
    let stem = part.split('.').next().unwrap_or(part).trim_end().to_ascii_lowercase();
    part.chars().any(|c| c.is_control() || r#"\:*?"<>|"#.contains(c))
        || part.ends_with(['.', ' '])
        || DEVICES.contains(&stem.trim_end_matches(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_leave_the_bucket_do_not_exist() {
        for key in ["..", "../a", "a/../b", "a/..", "/a", "a//b", "a/", "", ".", "a/./b", "a\0b"] {
            assert!(Key::parse(key).is_err(), "{key:?}");
        }
        assert!(Key::parse(&format!("a/{}", "x".repeat(256))).is_err());
    }

    #[test]
    fn odd_names_are_names() {
        for key in ["a", "data/ab/cd", ".hidden", "...", "a b", "é/😀", "-x", "a\nb", "%2e%2e"] {
            assert_eq!(Key::parse(key).unwrap().as_str(), key);
        }
    }

    #[test]
    fn windows_has_names_of_its_own() {
        for part in ["a:b", "a\\b", "nul", "NUL.txt", "com1", "LPT9.log", "a.", "a ", "?"] {
            assert!(trouble(part, true).is_some(), "{part:?}");
        }
        for part in ["a", "console", "com", "a.b", ".ssh"] {
            let device = part == "com";
            assert_eq!(trouble(part, true).is_some(), device, "{part:?}");
        }
    }
}
