//! Temporary credentials as R2 takes them (facts/r2.md): a session token that
//! was signed with a lasting key's secret, without asking the store. It is
//! verified here field by field, by code that shares nothing with what makes it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use s3s::{S3Result, s3_error};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Action, Grant};

/// Actions that R2 knows and this store has no operation for.
const WITHOUT_OPERATION: [&str; 2] = ["ListMultipartUploads", "UploadPartCopy"];
const LONGEST: Duration = Duration::from_hours(7 * 24);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    alg: String,
    typ: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    sub: String,
    iss: String,
    aud: String,
    iat: u64,
    exp: u64,
    bucket: String,
    scope: String,
    actions: Option<Vec<String>>,
    paths: Option<Paths>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Paths {
    #[serde(default)]
    prefix_paths: Vec<String>,
    #[serde(default)]
    object_paths: Vec<String>,
}

/// What a session token allows; `None` where it is of another kind. An endless
/// or ended one is refused by its end, which the caller compares too.
pub(super) fn read(
    token: &str,
    parent: &Grant,
    host: &str,
    now: SystemTime,
) -> S3Result<Option<Grant>> {
    let invalid = |why: &str| s3_error!(InvalidToken, "the session token: {why}");
    let text = BASE64_STANDARD.decode(token).ok().and_then(|text| String::from_utf8(text).ok());
    let Some(jwt) = text.as_deref().and_then(|text| text.strip_prefix("jwt/")) else {
        return Ok(None);
    };
    let mut parts = jwt.split('.');
    let (Some(head), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(invalid("has not three parts"));
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(parent.secret_key.expose_secret().as_bytes())
        .map_err(|_| invalid("cannot be verified"))?;
    mac.update(format!("{head}.{claims}").as_bytes());
    let signature =
        BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid("is not signed"))?;
    mac.verify_slice(&signature).map_err(|_| invalid("was not signed by its issuer"))?;

    let head: Head = part(head).ok_or_else(|| invalid("has an odd head"))?;
    let claims: Claims = part(claims).ok_or_else(|| invalid("has odd claims"))?;
    if head.alg != "HS256" || head.typ != "JWT" {
        return Err(invalid("is not signed with HS256"));
    }
    if claims.iss != parent.access_key {
        return Err(invalid("names another issuer"));
    }
    if claims.aud != host {
        return Err(invalid("is meant for another host"));
    }
    // The account is the first part of an endpoint's name.
    let account = host.split(':').next().and_then(|name| name.split('.').next());
    if account != Some(claims.sub.as_str()) {
        return Err(invalid("is of another account"));
    }
    let life = claims.exp.checked_sub(claims.iat).map(Duration::from_secs);
    if life.is_none_or(|life| life.is_zero() || life > LONGEST) {
        return Err(invalid("lives for longer than seven days, or not at all"));
    }
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    // A clock may be a little ahead of ours.
    if at(claims.iat) > now + Duration::from_mins(15) {
        return Err(invalid("begins in the future"));
    }
    let mut actions =
        scope(&claims.scope).ok_or_else(|| invalid("has a scope that there is not"))?;
    if let Some(named) = &claims.actions {
        let known = |name: &String| Action::ALL.iter().find(|action| action.as_str() == name);
        let named: Option<BTreeSet<Action>> = named
            .iter()
            .filter(|name| !WITHOUT_OPERATION.contains(&name.as_str()))
            .map(|name| known(name).copied())
            .collect();
        let named = named.ok_or_else(|| invalid("names an action that there is not"))?;
        actions.retain(|action| named.contains(action));
    }
    let paths = claims.paths.unwrap_or_default();
    Ok(Some(Grant {
        access_key: parent.access_key.clone(),
        secret_key: SecretString::from(hex(&Sha256::digest(jwt))),
        session_token: Some(SecretString::from(token)),
        actions: Some(actions),
        bucket: Some(claims.bucket),
        prefixes: paths.prefix_paths,
        objects: paths.object_paths,
        expires: Some(at(claims.exp)),
    }))
}

fn part<T: for<'a> Deserialize<'a>>(text: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn scope(name: &str) -> Option<BTreeSet<Action>> {
    use Action as A;
    let read = [
        A::HeadObject,
        A::GetObject,
        A::GetBucketLocation,
        A::ListObjectsV1,
        A::ListObjectsV2,
        A::ListParts,
    ];
    let write = [
        A::PutObject,
        A::DeleteObject,
        A::DeleteObjects,
        A::CopyObject,
        A::CreateMultipartUpload,
        A::UploadPart,
        A::AbortMultipartUpload,
        A::CompleteMultipartUpload,
    ];
    match name {
        "object-read-only" | "admin-read-only" => Some(read.into_iter().collect()),
        "object-read-write" | "admin-read-write" => Some(read.into_iter().chain(write).collect()),
        _ => None,
    }
}
