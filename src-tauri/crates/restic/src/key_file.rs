//! Passwords and key files. A key file is read before anything is
//! authenticated, so what it asks for is bounded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Error, Key, Nonce, Time, json};

const WHAT: &str = "a key file";

/// How much work a password costs: scrypt's N, r and p.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScryptParams {
    log_n: u8,
    r: u32,
    p: u32,
}

impl ScryptParams {
    /// What new keys get: 32 MiB and about a quarter of a second.
    pub const DEFAULT: Self = Self { log_n: 15, r: 8, p: 3 };

    /// The most memory a key may ask for, in bytes. restic stays below 64 MiB.
    const MAX_MEMORY: u64 = 256 << 20;
    /// The most work, N·r·p. restic calibrates to half a second, about 2²⁰.
    const MAX_WORK: u64 = 1 << 25;

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Malformed`] if N is no power of two above 1, or r or p is
    /// zero; [`Error::KeyTooCostly`] if deriving would take more memory or time
    /// than any honest key.
    pub fn new(n: u64, r: u32, p: u32) -> Result<Self, Error> {
        if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
            return Err(Error::malformed(WHAT, "its scrypt parameters make no sense"));
        }
        let block = u64::from(r) * 128;
        let memory = block.checked_mul(n.saturating_add(u64::from(p)));
        let work = n.checked_mul(u64::from(r)).and_then(|work| work.checked_mul(u64::from(p)));
        match (memory, work) {
            (Some(..=Self::MAX_MEMORY), Some(..=Self::MAX_WORK)) => {
                Ok(Self { log_n: n.ilog2() as u8, r, p })
            }
            _ => Err(Error::KeyTooCostly),
        }
    }

    fn derive(self, password: &[u8], salt: &[u8]) -> Result<Key, Error> {
        let params = scrypt::Params::new(self.log_n, self.r, self.p)
            .map_err(|_| Error::malformed(WHAT, "its scrypt parameters make no sense"))?;
        let mut bytes = Zeroizing::new([0; Key::LEN]);
        scrypt::scrypt(password, salt, &params, bytes.as_mut_slice())
            .map_err(|_| Error::malformed(WHAT, "its scrypt parameters make no sense"))?;
        Ok(Key::from_bytes(&bytes))
    }
}

/// Who made a key, and when. For people only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// When it was made.
    pub created: Time,
    /// By whom.
    pub username: String,
    /// On which computer.
    pub hostname: String,
}

/// A file below `keys/`: the data key, sealed with a key derived from a
/// password. A repository has one for each password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// Who made it.
    pub owner: KeyOwner,
    params: ScryptParams,
    salt: Vec<u8>,
    data: Vec<u8>,
}

impl KeyFile {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Malformed`] if it is no key file;
    /// [`Error::KeyTooCostly`].
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let body: KeyFileJson = json::parse(WHAT, json)?;
        if body.kdf != "scrypt" {
            return Err(Error::malformed(WHAT, "its key derivation is unknown"));
        }
        let params = ScryptParams::new(body.n, body.r, body.p)?;
        let decode = |text: &str| {
            BASE64.decode(text).map_err(|_| Error::malformed(WHAT, "salt or data is not base64"))
        };
        Ok(Self {
            owner: KeyOwner {
                created: body.created,
                username: body.username,
                hostname: body.hostname,
            },
            params,
            salt: decode(&body.salt)?,
            data: decode(&body.data)?,
        })
    }

    /// Writes it.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        json::to_vec(
            WHAT,
            &KeyFileJson {
                created: self.owner.created,
                username: self.owner.username.clone(),
                hostname: self.owner.hostname.clone(),
                kdf: "scrypt".into(),
                n: 1 << self.params.log_n,
                r: self.params.r,
                p: self.params.p,
                salt: BASE64.encode(&self.salt),
                data: BASE64.encode(&self.data),
            },
        )
    }

    /// The data key. Takes as long as the key's maker chose, often half a
    /// second, and up to 256 MiB.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], which a damaged key file also looks like;
    /// [`Error::Json`] or [`Error::Malformed`] if what opens is no key.
    pub fn open(&self, password: &[u8]) -> Result<Key, Error> {
        let derived = self.params.derive(password, &self.salt)?;
        let json = derived.open(&self.data).map_err(|_| Error::WrongPassword)?;
        Key::parse(&Zeroizing::new(json))
    }

    /// Seals the data key with a password. Salt and nonce are random.
    ///
    /// # Errors
    /// None in practice.
    pub fn create(
        key: &Key,
        password: &[u8],
        params: ScryptParams,
        salt: &[u8; 64],
        nonce: &Nonce,
        owner: KeyOwner,
    ) -> Result<Self, Error> {
        let derived = params.derive(password, salt)?;
        Ok(Self { owner, params, salt: salt.to_vec(), data: derived.seal(nonce, &key.to_json()) })
    }
}

#[derive(Serialize, Deserialize)]
struct KeyFileJson {
    #[serde(default)]
    created: Time,
    #[serde(default)]
    username: String,
    #[serde(default)]
    hostname: String,
    kdf: String,
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
    salt: String,
    data: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owner() -> KeyOwner {
        KeyOwner { created: Time::ZERO, username: "someone".into(), hostname: "laptop".into() }
    }

    #[test]
    fn the_right_password_opens_and_no_other() {
        let key = Key::from_bytes(&std::array::from_fn(|i| i as u8));
        let params = ScryptParams::new(16, 2, 1).unwrap();
        let file = KeyFile::create(&key, b"right", params, &[4; 64], &[5; 16], owner()).unwrap();
        let read = KeyFile::parse(&file.to_json().unwrap()).unwrap();
        assert_eq!(read, file);
        assert_eq!(read.open(b"right").unwrap().to_json(), key.to_json());
        assert_eq!(read.open(b"wrong").unwrap_err(), Error::WrongPassword);
    }

    #[test]
    fn a_key_that_would_eat_the_memory_is_refused() {
        for (n, r, p) in [
            (1 << 30, 8, 1),
            (1 << 15, 1 << 20, 1),
            (1 << 15, 8, 1 << 20),
            (1 << 63, u32::MAX, u32::MAX),
            (2, 1, u32::MAX),
            (2, u32::MAX, 1),
        ] {
            assert_eq!(ScryptParams::new(n, r, p), Err(Error::KeyTooCostly), "{n} {r} {p}");
        }
        for (n, r, p) in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (16, 0, 1), (16, 8, 0)] {
            let refused = ScryptParams::new(n, r, p);
            assert!(matches!(refused, Err(Error::Malformed { .. })), "{n} {r} {p}");
        }
        let default = ScryptParams::DEFAULT;
        assert_eq!(ScryptParams::new(1 << default.log_n, default.r, default.p), Ok(default));
        assert!(ScryptParams::new(1 << 17, 8, 1).is_ok());
    }

    proptest! {
        #[test]
        fn reading_a_key_file_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = KeyFile::parse(&bytes);
        }

        #[test]
        fn reading_any_parameters_never_panics(n: u64, r: u32, p: u32, salt: String, data: String) {
            let json = format!(
                r#"{{"kdf":"scrypt","N":{n},"r":{r},"p":{p},"salt":{salt:?},"data":{data:?}}}"#
            );
            let _ = KeyFile::parse(json.as_bytes());
        }
    }
}
