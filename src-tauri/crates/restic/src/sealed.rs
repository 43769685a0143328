//! Whole files that are sealed: index, snapshot, config. In version 2 a file
//! may be compressed, told by its first byte.

use crate::compress::{compress, decompress};
use crate::{Error, Key, Nonce, Version};

/// The longest index or snapshot that is read, in bytes. restic keeps index
/// files below 10 MB.
const MAX_LEN: usize = 1 << 30;

/// First byte of a compressed file; JSON begins with `{` or `[`.
const COMPRESSED: u8 = 2;

pub(crate) fn open(what: &'static str, key: &Key, sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let plain = key.open(sealed)?;
    match plain.split_first() {
        Some((b'{' | b'[', _)) => Ok(plain),
        Some((&COMPRESSED, rest)) => decompress(rest, MAX_LEN),
        _ => Err(Error::malformed(what, "its encoding is unknown")),
    }
}

pub(crate) fn seal(
    key: &Key,
    nonce: &Nonce,
    version: Version,
    json: &[u8],
) -> Result<Vec<u8>, Error> {
    match version {
        Version::One => Ok(key.seal(nonce, json)),
        Version::Two => {
            let mut plain = vec![COMPRESSED];
            plain.extend(compress(json)?);
            Ok(key.seal(nonce, &plain))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_the_encoding() {
        let key = Key::from_bytes(&[3; 64]);
        for version in [Version::One, Version::Two] {
            let sealed = seal(&key, &[1; 16], version, b"{}").unwrap();
            assert_eq!(open("an index", &key, &sealed).unwrap(), b"{}");
        }
        for plain in [&b""[..], b"\x01{}", b"x"] {
            let sealed = key.seal(&[1; 16], plain);
            assert!(matches!(open("an index", &key, &sealed), Err(Error::Malformed { .. })));
        }
        let sealed = key.seal(&[1; 16], b"\x02not zstd");
        assert_eq!(open("an index", &key, &sealed), Err(Error::Decompress));
    }
}
