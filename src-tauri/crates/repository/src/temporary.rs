//! Temporary credentials, made here from a lasting key (facts of Cloudflare R2:
//! "temporary credentials, made locally"). A rented machine gets these and never
//! the key itself.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::location::{Place, R2_SUFFIX};
use crate::{Credentials, Location, RepositoryError};

/// The longest that a store accepts.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// What temporary credentials are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemporaryUse {
    /// restic reads one repository: it has to list, and writes nothing.
    Restore,
}

impl TemporaryUse {
    const fn scope(self) -> &'static str {
        match self {
            Self::Restore => "object-read-only",
        }
    }

    const fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Restore => &["GetObject", "HeadObject", "ListObjectsV2"],
        }
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    bucket: &'a str,
    scope: &'a str,
    actions: &'a [&'a str],
    paths: Paths,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Paths {
    prefix_paths: Vec<String>,
}

impl Location {
    /// Whether this store takes temporary credentials that are made without
    /// asking it.
    #[must_use]
    pub fn takes_temporary_credentials(&self) -> bool {
        matches!(&self.0, Place::S3(place) if place.host_name().ends_with(R2_SUFFIX))
    }

    /// Credentials that are good for this repository and this use alone, and
    /// end by themselves. As with every signature, their times are this
    /// computer's.
    ///
    /// # Errors
    /// The repository is in no object store, or the key is itself temporary.
    pub fn temporary_credentials(
        &self,
        parent: &Credentials,
        usage: TemporaryUse,
        valid: Duration,
    ) -> Result<Credentials, RepositoryError> {
        self.made_at(jiff::Timestamp::now().as_second(), parent, usage, valid)
    }

    fn made_at(
        &self,
        from: i64,
        parent: &Credentials,
        usage: TemporaryUse,
        valid: Duration,
    ) -> Result<Credentials, RepositoryError> {
        let Place::S3(place) = &self.0 else {
            return Err(RepositoryError::invalid("a folder takes no credentials"));
        };
        if parent.session_token.is_some() {
            return Err(RepositoryError::invalid("a temporary key makes no other"));
        }
        let seconds = i64::try_from(valid.min(LONGEST).as_secs()).unwrap_or(0);
        let claims = Claims {
            sub: place.host_name().split('.').next().unwrap_or_default(),
            iss: &parent.access_key_id,
            aud: &place.host,
            iat: from,
            exp: from + seconds,
            bucket: &place.bucket,
            scope: usage.scope(),
            actions: usage.actions(),
            paths: Paths {
                prefix_paths: if place.prefix.is_empty() {
                    Vec::new()
                } else {
                    vec![format!("{}/", place.prefix)]
                },
            },
        };
        let key = EncodingKey::from_secret(parent.secret_access_key.expose_secret().as_bytes());
        let token = key
            .and_then(|key| jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key))
            .map_err(|error| RepositoryError::invalid(format!("no token was made: {error}")))?;
        Ok(Credentials {
            access_key_id: parent.access_key_id.clone(),
            secret_access_key: SecretString::from(
                Sha256::digest(&token)
                    .iter()
                    .fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
            ),
            session_token: Some(SecretString::from(BASE64_STANDARD.encode(format!("jwt/{token}")))),
            region: parent.region.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R2: &str = "s3:https://0f1e2d.r2.cloudflarestorage.com/workspaces/muse/talk";

    fn parent() -> Credentials {
        Credentials {
            access_key_id: "parent-id".into(),
            secret_access_key: SecretString::from("parent-secret"),
            session_token: None,
            region: None,
        }
    }

    fn part(token: &str, index: usize) -> serde_json::Value {
        use base64::prelude::BASE64_URL_SAFE_NO_PAD;
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_token_says_what_the_recipe_asks_for() {
        let location: Location = R2.parse().unwrap();
        assert!(location.takes_temporary_credentials());
        let hour = Duration::from_hours(1);
        let made = location.made_at(1_800_000_000, &parent(), TemporaryUse::Restore, hour).unwrap();
        assert_eq!(made.access_key_id, "parent-id");
        let token = made.session_token.unwrap();
        let token = BASE64_STANDARD.decode(token.expose_secret()).unwrap();
        let token = String::from_utf8(token).unwrap();
        let token = token.strip_prefix("jwt/").unwrap();
        assert_eq!(part(token, 0), serde_json::json!({ "typ": "JWT", "alg": "HS256" }));
        assert_eq!(
            part(token, 1),
            serde_json::json!({
                "sub": "0f1e2d",
                "iss": "parent-id",
                "aud": "0f1e2d.r2.cloudflarestorage.com",
                "iat": 1_800_000_000,
                "exp": 1_800_003_600,
                "bucket": "workspaces",
                "scope": "object-read-only",
                "actions": ["GetObject", "HeadObject", "ListObjectsV2"],
                "paths": { "prefixPaths": ["muse/talk/"] },
            })
        );
        let digest = Sha256::digest(token.as_bytes());
        let hex: String = format!("{:x}", bytes::Bytes::copy_from_slice(&digest));
        assert_eq!(made.secret_access_key.expose_secret(), hex);
    }

    #[test]
    fn other_stores_take_none_and_a_temporary_key_makes_none() {
        let elsewhere: Location = "s3:https://s3.eu-central-1.amazonaws.com/b/p".parse().unwrap();
        assert!(!elsewhere.takes_temporary_credentials());
        let folder: Location = "/srv/repository".parse().unwrap();
        let usage = TemporaryUse::Restore;
        assert!(folder.temporary_credentials(&parent(), usage, LONGEST).is_err());
        let temporary = Credentials { session_token: Some(SecretString::from("t")), ..parent() };
        let location: Location = R2.parse().unwrap();
        assert!(location.temporary_credentials(&temporary, usage, LONGEST).is_err());
    }
}
