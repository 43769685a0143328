//! The machine's proof (rules.md T2): only the container that was started
//! with our onstart knows the lane's secret, so only it can say which host
//! keys are its own.

use std::fmt;

use rand::Rng as _;
use russh::keys::PublicKey;
use sha2::{Digest as _, Sha256};

use crate::RemoteError;

/// The secret of one lane, sent only inside onstart.
#[derive(Clone, PartialEq, Eq)]
pub struct LaneSecret([u8; 32]);

impl LaneSecret {
    /// A fresh one.
    #[must_use]
    pub fn fresh() -> Self {
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// As it stands in onstart: 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// From 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// `H(S‖H(S‖keys))`, secret and hashes as hexadecimal text, keys one a
    /// line: what onstart computes with the machine's own `sha256sum`.
    #[must_use]
    pub fn hash_of(&self, keys: &str) -> String {
        let secret = self.hex();
        let inner = hex(&Sha256::digest(format!("{secret}{keys}")));
        hex(&Sha256::digest(format!("{secret}{inner}")))
    }
}

impl fmt::Debug for LaneSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LaneSecret(…)")
    }
}

/// What the machine showed: its host keys and the hash over them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// `type base64`, sorted.
    pub keys: Vec<String>,
    /// The hash.
    pub hash: String,
}

impl Proof {
    /// Whether the key seen on the wire belongs to the machine that was rented.
    ///
    /// # Errors
    /// [`RemoteError::NotProved`], with what does not fit.
    pub fn check(&self, secret: &LaneSecret, seen: &PublicKey) -> Result<(), RemoteError> {
        if !same(&secret.hash_of(&self.keys.join("\n")), &self.hash) {
            return Err(RemoteError::NotProved("its proof does not know the lane's secret".into()));
        }
        let seen = seen.to_openssh().unwrap_or_default();
        let seen = seen.split(' ').take(2).collect::<Vec<_>>().join(" ");
        if !self.keys.contains(&seen) {
            return Err(RemoteError::NotProved(
                "the host key on the wire is not one of the machine's own".into(),
            ));
        }
        Ok(())
    }
}

/// Compares without telling by its time where the difference is.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use russh::keys::{Algorithm, PrivateKey};

    use super::*;

    fn host_key() -> PublicKey {
        PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap().public_key().clone()
    }

    fn line(key: &PublicKey) -> String {
        key.to_openssh().unwrap().split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_the_rented_machine_can_prove_itself() {
        let (secret, own, other) = (LaneSecret::fresh(), host_key(), host_key());
        let mut keys = vec![line(&own), line(&host_key())];
        keys.sort();
        let proof = Proof { hash: secret.hash_of(&keys.join("\n")), keys };
        assert!(proof.check(&secret, &own).is_ok());
        assert!(proof.check(&secret, &other).is_err(), "a man in the middle");
        assert!(proof.check(&LaneSecret::fresh(), &own).is_err(), "another lane's secret");
        let mut grown = proof.clone();
        grown.keys.push(line(&other));
        assert!(grown.check(&secret, &other).is_err(), "a key added on the way");
    }

    #[test]
    fn a_secret_is_read_back_and_nothing_else_is() {
        let secret = LaneSecret::fresh();
        assert_eq!(LaneSecret::from_hex(&secret.hex()), Some(secret));
        assert_eq!(LaneSecret::from_hex("zz"), None);
        assert_eq!(LaneSecret::from_hex(&"é".repeat(32)), None);
    }
}
