//! Names of nodes: any bytes that can name something inside a folder, and
//! never anything outside of it.

use std::fmt;

use crate::{Error, quote, unquote};

/// A node's name: not empty, not `.` or `..`, without `/` and NUL. Not
/// necessarily UTF-8.
#[derive(Clone)]
pub struct Name {
    bytes: Box<[u8]>,
    /// How the tree spells it where that differs from [`quote`]: which
    /// characters are printable depends on the Unicode version of the restic
    /// that wrote the tree.
    spelling: Option<Box<str>>,
}

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, Error> {
        let bytes = bytes.into();
        if matches!(&*bytes, b"" | b"." | b"..") || bytes.iter().any(|c| matches!(c, b'/' | 0)) {
            return Err(Error::malformed("a tree", "a name leads out of its folder"));
        }
        Ok(Self { bytes, spelling: None })
    }

    pub(super) fn from_quoted(quoted: &str) -> Result<Self, Error> {
        let plain = quoted.bytes().all(|c| matches!(c, b' '..=b'~') && c != b'\\' && c != b'"');
        if plain {
            return Self::new(quoted.as_bytes());
        }
        let mut name = Self::new(unquote(quoted)?)?;
        name.spelling = (quote(&name.bytes) != quoted).then(|| quoted.into());
        Ok(name)
    }

    pub(super) fn quoted(&self) -> std::borrow::Cow<'_, str> {
        match &self.spelling {
            Some(spelling) => spelling.as_ref().into(),
            None => quote(&self.bytes).into(),
        }
    }

    /// The bytes, as the file system has them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

/// For people: bytes that are no UTF-8 become U+FFFD. Not yet cleaned of
/// control characters.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", quote(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_spelling_is_kept() {
        // A character that some Unicode version does not know is escaped.
        let name = Name::from_quoted(r"a\u00e9").unwrap();
        assert_eq!(name.as_bytes(), "a\u{e9}".as_bytes());
        assert_eq!(name.quoted(), r"a\u00e9");
        assert_eq!(name, Name::from_quoted("a\u{e9}").unwrap());
    }
}
