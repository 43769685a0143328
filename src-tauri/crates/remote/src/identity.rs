//! The run's own SSH key: fresh for every run, never the user's (rules.md T1).

use std::fmt;
use std::sync::Arc;

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use secrecy::{ExposeSecret as _, SecretString};

use crate::RemoteError;

/// A key pair of one run.
#[derive(Clone)]
pub struct Identity(Arc<PrivateKey>);

impl Identity {
    /// A fresh ed25519 key.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn fresh() -> Result<Self, RemoteError> {
        let mut key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519)
            .map_err(|error| RemoteError::Ssh(format!("make a key: {error}")))?;
        key.set_comment("dumont");
        Ok(Self(Arc::new(key)))
    }

    /// The public half as it stands in `authorized_keys`. It is treated as a
    /// secret: a cloud's documented recovery recipe derives a machine's API
    /// key from it.
    #[must_use]
    pub fn public(&self) -> String {
        self.0.public_key().to_openssh().unwrap_or_default()
    }

    /// The private half, for the OS keychain.
    ///
    /// # Errors
    /// The key cannot be written out.
    pub fn to_secret(&self) -> Result<SecretString, RemoteError> {
        let text = self
            .0
            .to_openssh(LineEnding::LF)
            .map_err(|error| RemoteError::Ssh(format!("write the key: {error}")))?;
        Ok(SecretString::from(text.as_str()))
    }

    /// A key from the OS keychain.
    ///
    /// # Errors
    /// The text is no key.
    pub fn from_secret(secret: &SecretString) -> Result<Self, RemoteError> {
        let key = PrivateKey::from_openssh(secret.expose_secret())
            .map_err(|error| RemoteError::Ssh(format!("read the key: {error}")))?;
        Ok(Self(Arc::new(key)))
    }

    pub(crate) fn for_login(&self, hash: Option<HashAlg>) -> PrivateKeyWithHashAlg {
        PrivateKeyWithHashAlg::new(Arc::clone(&self.0), hash)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_the_keychain() {
        let key = Identity::fresh().unwrap();
        let again = Identity::from_secret(&key.to_secret().unwrap()).unwrap();
        assert_eq!(key.public(), again.public());
        assert!(key.public().starts_with("ssh-ed25519 "));
        assert_ne!(key.public(), Identity::fresh().unwrap().public());
    }
}
