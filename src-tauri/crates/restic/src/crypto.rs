//! Sealing: AES-256-CTR with Poly1305-AES over the ciphertext. A sealed
//! message is nonce ‖ ciphertext ‖ tag.

use std::fmt;

use aes::cipher::{BlockCipherEncrypt, KeyInit, KeyIvInit, StreamCipher};
use aes::{Aes128, Aes256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ctr::Ctr128BE;
use poly1305::Poly1305;
use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use crate::{Error, json};

/// Bytes of a nonce.
pub const NONCE_LEN: usize = 16;
/// Bytes of an authentication tag.
pub const MAC_LEN: usize = 16;
/// How much longer a sealed message is than its contents, in bytes.
pub const OVERHEAD: usize = NONCE_LEN + MAC_LEN;

/// A number used once. Sealing two messages under one key and nonce reveals
/// both, so take it from the system's random numbers.
pub type Nonce = [u8; NONCE_LEN];

/// A key that seals and opens: the repository's data key, or one derived from
/// a password. Wiped when dropped.
pub struct Key {
    encrypt: [u8; 32],
    mac_k: [u8; 16],
    mac_r: [u8; 16],
}

impl Key {
    /// Bytes that make a key.
    pub const LEN: usize = 64;

    /// A key of 64 random (or derived) bytes: 32 for encryption, 16 for the
    /// tag's AES key, 16 for its polynomial.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let mut key = Self { encrypt: [0; 32], mac_k: [0; 16], mac_r: [0; 16] };
        key.encrypt.copy_from_slice(&bytes[..32]);
        key.mac_k.copy_from_slice(&bytes[32..48]);
        key.mac_r.copy_from_slice(&bytes[48..]);
        clamp(&mut key.mac_r);
        key
    }

    /// The bytes that [`Self::from_bytes`] takes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::LEN]> {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        bytes[..32].copy_from_slice(&self.encrypt);
        bytes[32..48].copy_from_slice(&self.mac_k);
        bytes[48..].copy_from_slice(&self.mac_r);
        bytes
    }

    /// The data key as it stands inside a key file.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Malformed`] if it is no key.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let text: MasterKeyJson<'_> = json::parse("a data key", json)?;
        let mut key = Self { encrypt: [0; 32], mac_k: [0; 16], mac_r: [0; 16] };
        decode(text.encrypt, &mut key.encrypt)?;
        decode(text.mac.k, &mut key.mac_k)?;
        decode(text.mac.r, &mut key.mac_r)?;
        clamp(&mut key.mac_r);
        Ok(key)
    }

    /// The data key as it stands inside a key file.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let field = |bytes: &[u8]| {
            // Room for the longest field, so that no copy is left behind by growing.
            let mut text = Zeroizing::new(String::with_capacity(44));
            BASE64.encode_string(bytes, &mut text);
            text
        };
        let mut out = Zeroizing::new(Vec::with_capacity(160));
        for part in [
            r#"{"mac":{"k":""#,
            &field(&self.mac_k),
            r#"","r":""#,
            &field(&self.mac_r),
            r#""},"encrypt":""#,
            &field(&self.encrypt),
            r#""}"#,
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        out
    }

    /// Seals `plain`. The nonce must never be used again with this key.
    #[must_use]
    pub fn seal(&self, nonce: &Nonce, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
        sealed.extend_from_slice(nonce);
        sealed.extend_from_slice(plain);
        self.apply_keystream(nonce, &mut sealed[NONCE_LEN..]);
        let tag = self.tag(nonce, &sealed[NONCE_LEN..]);
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Authenticates and decrypts where the message stands; the contents are
    /// the returned part of it.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`]; the message is then left as it was.
    pub fn open_in_place<'a>(&self, sealed: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        let (nonce, rest) =
            sealed.split_first_chunk_mut::<NONCE_LEN>().ok_or(Error::NotAuthentic)?;
        let (cipher_text, tag) =
            rest.split_last_chunk_mut::<MAC_LEN>().ok_or(Error::NotAuthentic)?;
        if !is_equal(&self.tag(nonce, cipher_text), tag) {
            return Err(Error::NotAuthentic);
        }
        self.apply_keystream(nonce, cipher_text);
        Ok(cipher_text)
    }

    /// Authenticates and decrypts.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`].
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let mut message = sealed.to_vec();
        let len = self.open_in_place(&mut message)?.len();
        message.drain(..NONCE_LEN);
        message.truncate(len);
        Ok(message)
    }

    fn apply_keystream(&self, nonce: &Nonce, data: &mut [u8]) {
        Ctr128BE::<Aes256>::new(&self.encrypt.into(), &(*nonce).into()).apply_keystream(data);
    }

    fn tag(&self, nonce: &Nonce, cipher_text: &[u8]) -> [u8; MAC_LEN] {
        let mut block = (*nonce).into();
        Aes128::new(&self.mac_k.into()).encrypt_block(&mut block);
        let mut key = Zeroizing::new([0; 32]);
        key[..16].copy_from_slice(&self.mac_r);
        key[16..].copy_from_slice(&block);
        Poly1305::new(&(*key).into()).compute_unpadded(cipher_text).into()
    }
}

/// Clears the bits that Poly1305 wants clear.
fn clamp(r: &mut [u8; 16]) {
    for i in [3, 7, 11, 15] {
        r[i] &= 0x0f;
    }
    for i in [4, 8, 12] {
        r[i] &= 0xfc;
    }
}

/// Compares without telling by its time where the first difference is.
fn is_equal(a: &[u8; MAC_LEN], b: &[u8; MAC_LEN]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b))) == 0
}

fn decode<const N: usize>(text: &str, out: &mut [u8; N]) -> Result<(), Error> {
    let bad = Error::malformed("a data key", "a part is not of the right length");
    // One group more than needed: the decoder asks for room by the group.
    let mut buffer = Zeroizing::new([0; 48]);
    let len = BASE64.decode_slice(text, buffer.as_mut_slice()).map_err(|_| bad.clone())?;
    if len != N {
        return Err(bad);
    }
    out.copy_from_slice(&buffer[..N]);
    Ok(())
}

#[derive(Deserialize)]
struct MasterKeyJson<'a> {
    #[serde(borrow)]
    mac: MacKeyJson<'a>,
    encrypt: &'a str,
}

#[derive(Deserialize)]
struct MacKeyJson<'a> {
    k: &'a str,
    r: &'a str,
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self { encrypt: self.encrypt, mac_k: self.mac_k, mac_r: self.mac_r }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.encrypt.zeroize();
        self.mac_k.zeroize();
        self.mac_r.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> Key {
        Key::from_bytes(&std::array::from_fn(|i| (i * 7 + 3) as u8))
    }

    /// Poly1305-AES test vectors of D. J. Bernstein's paper, appendix B.
    #[test]
    fn the_tag_is_poly1305_aes() {
        let hex = |text: &str| -> Vec<u8> {
            text.split(' ').map(|b| u8::from_str_radix(b, 16).unwrap()).collect()
        };
        for (message, r, k, nonce, tag) in [
            (
                "f3 f6",
                "85 1f c4 0c 34 67 ac 0b e0 5c c2 04 04 f3 f7 00",
                "ec 07 4c 83 55 80 74 17 01 42 5b 62 32 35 ad d6",
                "fb 44 73 50 c4 e8 68 c5 2a c3 27 5c f9 d4 32 7e",
                "f4 c6 33 c3 04 4f c1 45 f8 4f 33 5c b8 19 53 de",
            ),
            (
                "66 3c ea 19 0f fb 83 d8 95 93 f3 f4 76 b6 bc 24 d7 e6 79 10 7e a2 6a db 8c af 66 52 d0 65 61 36",
                "48 44 3d 0b b0 d2 11 09 c8 9a 10 0b 5c e2 c2 08",
                "6a cb 5f 61 a7 17 6d d3 20 c5 c1 eb 2e dc dc 74",
                "ae 21 2a 55 39 97 29 59 5d ea 45 8b c6 21 ff 0e",
                "0e e1 c1 6b b7 3f 0f 4f d1 98 81 75 3c 01 cd be",
            ),
        ] {
            let key = Key {
                encrypt: [0; 32],
                mac_k: hex(k).try_into().unwrap(),
                mac_r: hex(r).try_into().unwrap(),
            };
            assert_eq!(key.tag(&hex(nonce).try_into().unwrap(), &hex(message)), hex(tag)[..]);
        }
    }

    #[test]
    fn a_key_never_shows() {
        assert_eq!(format!("{:?}", key()), "Key(…)");
    }

    #[test]
    fn a_key_is_read_back_from_its_bytes() {
        assert_eq!(Key::from_bytes(&key().to_bytes()).to_json(), key().to_json());
    }

    #[test]
    fn a_key_is_read_back_from_its_json() {
        let json = key().to_json();
        assert_eq!(Key::parse(&json).unwrap().to_json(), json);
        assert!(Key::parse(br#"{"mac":{"k":"AAAA","r":"AAAA"},"encrypt":"AAAA"}"#).is_err());
        assert!(Key::parse(b"{}").is_err());
    }

    #[test]
    fn another_key_does_not_open() {
        let sealed = key().seal(&[1; 16], b"contents");
        let other = Key::from_bytes(&[9; 64]);
        assert_eq!(other.open(&sealed), Err(Error::NotAuthentic));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened(plain in any::<Vec<u8>>(), nonce in any::<Nonce>()) {
            let mut sealed = key().seal(&nonce, &plain);
            prop_assert_eq!(sealed.len(), plain.len() + OVERHEAD);
            prop_assert_eq!(key().open(&sealed).unwrap(), &plain[..]);
            prop_assert_eq!(key().open_in_place(&mut sealed).unwrap(), &plain[..]);
        }

        #[test]
        fn a_flipped_bit_is_noticed(
            plain in any::<Vec<u8>>(),
            at in any::<prop::sample::Index>(),
            bit in 0u32..8,
        ) {
            let mut sealed = key().seal(&[5; 16], &plain);
            let at = at.index(sealed.len());
            sealed[at] ^= 1u8 << bit;
            prop_assert_eq!(key().open(&sealed), Err(Error::NotAuthentic));
        }

        #[test]
        fn opening_never_panics(bytes in any::<Vec<u8>>()) {
            prop_assert!(key().open(&bytes).is_err());
        }

        #[test]
        fn reading_a_key_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Key::parse(&bytes);
        }
    }
}
