//! Tickets: signed by the object store's own library, told as a date, a scope
//! and a signature each, from which the agent puts the URLs together again.

use std::time::Duration;

use agent::RawPath;
use agent::ticket::{Object, Signed, Source, Ticket};
use http::Method;
use secrecy::zeroize::Zeroizing;
use url::Url;

use super::{FOLDER, Plan};
use crate::location::Place;
use crate::{FileName, Repository, RepositoryError};

impl Repository {
    /// The right to read this plan and its packs, and nothing else, for so
    /// long. For a local folder it tells where that is.
    ///
    /// # Errors
    /// [`RepositoryError::Internal`] if the store's library signs in a way
    /// that the agent cannot put together again.
    pub async fn ticket(&self, plan: &Plan, valid: Duration) -> Result<Ticket, RepositoryError> {
        let source = match &self.location().0 {
            Place::Local(folder) => {
                let folder = std::path::absolute(folder).map_err(RepositoryError::internal)?;
                Source::Folder(RawPath(folder.into_os_string().into_encoded_bytes()))
            }
            Place::S3(_) => Source::Signed(self.sign(plan, valid).await?),
        };
        let first_packs = plan.first.iter().map(|first| first.0 as usize + 1).max().unwrap_or(0);
        Ok(Ticket {
            source,
            plan: plan.name.clone(),
            plan_key: plan.key.clone(),
            header_length: plan.header_length,
            head_length: plan.head_length,
            data_key: self.data_key().clone(),
            first: plan.first.clone(),
            first_packs: plan.packs().iter().take(first_packs).copied().collect(),
        })
    }

    async fn sign(&self, plan: &Plan, valid: Duration) -> Result<Signed, RepositoryError> {
        let store = self.store();
        let library =
            store.signer().ok_or_else(|| RepositoryError::internal("nothing signs here"))?;
        let name = format!("{FOLDER}/{}", plan.name);
        let packs = plan.packs().iter().map(|pack| FileName::Pack(*pack).to_string());
        let paths: Vec<_> =
            std::iter::once(name.clone()).chain(packs).map(|name| store.path(&name)).collect();
        let urls = library.signed_urls(Method::GET, &paths, valid).await;
        let urls =
            urls.map_err(|_| RepositoryError::internal("the store's library did not sign"))?;
        let [first, ..] = &urls[..] else {
            return Err(RepositoryError::internal("nothing was signed"));
        };
        let mut signed = parts(first, &name)?;
        for url in &urls {
            let date = value(url, "X-Amz-Date").ok_or_else(odd)?;
            match signed.dates.last_mut() {
                Some((last, count)) if *last == date => *count += 1,
                _ => signed.dates.push((date, 1)),
            }
            let signature = value(url, "X-Amz-Signature").ok_or_else(odd)?;
            let id = signature.parse::<restic::Id>().map_err(|_| odd())?;
            signed.signatures.push(*id.as_bytes());
        }
        let again = signed.path_and_query(Object::Plan(&plan.name)).ok_or_else(odd)?;
        if !is_same(first, &again) {
            return Err(odd());
        }
        Ok(signed)
    }
}

fn odd() -> RepositoryError {
    RepositoryError::internal("the store's library signs in an unknown way")
}

fn value(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// What all URLs share.
fn parts(url: &Url, name: &str) -> Result<Signed, RepositoryError> {
    let text = url.as_str();
    let address = text.split_once('?').map_or(text, |(address, _)| address);
    let base = address.strip_suffix(name).ok_or_else(odd)?;
    let credential = value(url, "X-Amz-Credential").ok_or_else(odd)?;
    let mut credential = credential.splitn(3, '/');
    let (Some(access_key_id), Some(_), Some(scope)) =
        (credential.next(), credential.next(), credential.next())
    else {
        return Err(odd());
    };
    let expires = value(url, "X-Amz-Expires").and_then(|seconds| seconds.parse().ok());
    Ok(Signed {
        base: base.to_owned(),
        access_key_id: access_key_id.to_owned(),
        session_token: value(url, "X-Amz-Security-Token").map(Zeroizing::new),
        scope: scope.to_owned(),
        expires_s: expires.ok_or_else(odd)?,
        dates: Vec::new(),
        signatures: Zeroizing::new(Vec::new()),
    })
}

/// Whether both ask for the same with the same signature, in whatever order.
fn is_same(url: &Url, path_and_query: &str) -> bool {
    let Ok(again) = url.join(path_and_query) else { return false };
    let sorted = |url: &Url| {
        let mut pairs: Vec<_> = url.query_pairs().into_owned().collect();
        pairs.sort();
        pairs
    };
    url.path() == again.path() && sorted(url) == sorted(&again)
}
