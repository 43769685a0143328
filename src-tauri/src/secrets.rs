//! Secrets: from the page into the keychain, tried on the way, never back
//! (rules.md T9). A cloud's key stays while a machine of it may run (M8).

use std::sync::Arc;

use engine::{SecretName, Vault};
use model::{
    AppError, At, CloudId, Code, ConnectionReport, Secret, SecretView, Settings, StorageSettings,
};
use repository::{Creator, OpenOptions, Repository};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::engine_slot::EngineSlot;
use crate::preferences::Kept;
use crate::setup;

/// Longest secret; a service account's key has 2,400 characters.
const LONGEST: usize = 8_192;
const LAST: usize = 4;
/// Shorter keys would be told by their last characters.
const LEAST_FOR_LAST: usize = 12;

/// Where workspaces would be kept, with what was typed for it. What is absent
/// is the kept one.
#[derive(Deserialize, specta::Type)]
pub(crate) struct StorageForm {
    /// Address and region.
    pub(crate) storage: StorageSettings,
    /// The repository's password.
    pub(crate) password: Option<String>,
    /// The object store's access key id.
    pub(crate) key_id: Option<String>,
    /// The object store's secret access key.
    pub(crate) key_secret: Option<String>,
    /// The object store's session token.
    pub(crate) token: Option<String>,
}

/// What was typed, out of the page's hands.
struct Typed {
    secret: Secret,
    value: SecretString,
}

impl StorageForm {
    fn typed(&mut self) -> Result<Vec<Typed>, AppError> {
        let all = [
            (Secret::RepositoryPassword, self.password.take()),
            (Secret::StorageKeyId, self.key_id.take()),
            (Secret::StorageKeySecret, self.key_secret.take()),
            (Secret::StorageToken, self.token.take()),
        ];
        all.into_iter()
            .filter_map(|(secret, text)| {
                let text = text.filter(|text| !text.is_empty())?;
                Some(value(&text).map(|value| Typed { secret, value }))
            })
            .collect()
    }
}

/// Text of the page as a secret.
fn value(text: &str) -> Result<SecretString, AppError> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.len() > LONGEST || trimmed.chars().any(char::is_control) {
        let details = format!("a key or password is one line of at most {LONGEST} characters");
        return Err(AppError::new(Code::Usage, details));
    }
    Ok(SecretString::from(trimmed))
}

/// Everything secrets are dealt with through.
pub(crate) struct Secrets<'a> {
    pub(crate) slot: &'a EngineSlot,
    pub(crate) kept: &'a Kept,
}

impl Secrets<'_> {
    fn vault(&self) -> Arc<dyn Vault> {
        Arc::clone(&self.slot.world().vault)
    }

    /// What is kept: never more than the last characters, and of passwords
    /// nothing.
    ///
    /// # Errors
    /// The keychain is locked or absent.
    pub(crate) async fn list(&self) -> Result<Vec<SecretView>, AppError> {
        let dates = self.kept.secret_dates();
        let mut secrets: Vec<Secret> =
            setup::CLOUDS.iter().map(|cloud| Secret::CloudKey { cloud: *cloud }).collect();
        secrets.extend([
            Secret::RepositoryPassword,
            Secret::StorageKeyId,
            Secret::StorageKeySecret,
            Secret::StorageToken,
        ]);
        let registries = dates.iter().map(|date| &date.secret);
        secrets.extend(
            registries.filter(|secret| matches!(secret, Secret::RegistryLogin { .. })).cloned(),
        );
        let mut views = Vec::new();
        for secret in secrets {
            let found = self.vault().get(&SecretName::from(&secret)).await?;
            let since = dates.iter().find(|date| date.secret == secret).map(|date| date.since);
            views.push(SecretView {
                set: found.is_some(),
                since: since.filter(|_| found.is_some()),
                last4: found.as_ref().and_then(|value| last4(&secret, value)),
                secret,
            });
        }
        Ok(views)
    }

    /// Keeps one secret, and begins anew with it.
    ///
    /// # Errors
    /// A run is going on; a machine of that cloud may run and the new key does
    /// not list it; the keychain refuses.
    pub(crate) async fn set(&self, secret: Secret, text: String) -> Result<(), AppError> {
        let value = value(&text)?;
        check_name(&secret)?;
        self.slot.refuse_in_a_run().await?;
        if let Secret::CloudKey { cloud } = &secret {
            self.keeps_machines(*cloud, Some(&value)).await?;
        }
        self.keep(&Typed { secret, value }).await?;
        self.slot.restart().await
    }

    /// Forgets one secret, and begins anew without it.
    ///
    /// # Errors
    /// As [`Secrets::set`].
    pub(crate) async fn forget(&self, secret: Secret) -> Result<(), AppError> {
        self.slot.refuse_in_a_run().await?;
        if let Secret::CloudKey { cloud } = &secret {
            self.keeps_machines(*cloud, None).await?;
        }
        self.vault().forget(&SecretName::from(&secret)).await?;
        self.kept.date_secret(&secret, None)?;
        self.slot.restart().await
    }

    /// Tries a cloud's key, the typed or the kept one.
    ///
    /// # Errors
    /// There is none, it is refused, or the cloud does not answer.
    pub(crate) async fn test_cloud(
        &self,
        cloud: CloudId,
        typed: Option<String>,
    ) -> Result<ConnectionReport, AppError> {
        let key = match typed {
            Some(text) => value(&text)?,
            None => self.vault().get(&SecretName::CloudKey(cloud)).await?.ok_or_else(|| {
                AppError::new(Code::CloudKeyMissing, format!("no key of {cloud} is kept"))
            })?,
        };
        engine::test_cloud(setup::cloud(cloud, key)?.as_ref()).await
    }

    /// Tries a repository, with what was typed or is kept.
    ///
    /// # Errors
    /// As [`engine::test_storage`].
    pub(crate) async fn test_storage(
        &self,
        mut form: StorageForm,
    ) -> Result<ConnectionReport, AppError> {
        let way = self.way(&mut form).await?;
        engine::test_storage(
            &way.location,
            way.credentials.as_ref(),
            &way.password,
            &OpenOptions::default(),
            now(),
        )
        .await
    }

    /// Keeps where workspaces are, and what was typed for it.
    ///
    /// # Errors
    /// A run is going on, the address makes no sense, the keychain refuses.
    pub(crate) async fn set_storage(&self, mut form: StorageForm) -> Result<(), AppError> {
        setup::location(&form.storage)?;
        let typed = form.typed()?;
        self.slot.refuse_in_a_run().await?;
        for secret in &typed {
            self.keep(secret).await?;
        }
        self.settle(Some(form.storage)).await
    }

    /// Forgets where workspaces are. What is there stays.
    ///
    /// # Errors
    /// A run is going on, or the keychain refuses.
    pub(crate) async fn forget_storage(&self) -> Result<(), AppError> {
        self.slot.refuse_in_a_run().await?;
        let secrets = [
            Secret::RepositoryPassword,
            Secret::StorageKeyId,
            Secret::StorageKeySecret,
            Secret::StorageToken,
        ];
        for secret in &secrets {
            self.vault().forget(&SecretName::from(secret)).await?;
            self.kept.date_secret(secret, None)?;
        }
        self.settle(None).await
    }

    /// Creates an empty repository there, and keeps it.
    ///
    /// # Errors
    /// One is there already, the store refuses, or as [`Secrets::set_storage`].
    pub(crate) async fn create(&self, mut form: StorageForm) -> Result<(), AppError> {
        self.slot.refuse_in_a_run().await?;
        let storage = form.storage.clone();
        let way = self.way(&mut form).await?;
        let creator = Creator { now: now(), username: "dumont".into(), hostname: hostname() };
        let options = OpenOptions::default();
        Repository::create(
            &way.location,
            way.credentials.as_ref(),
            &way.password,
            &creator,
            &options,
        )
        .await
        .map_err(|error| AppError::new(error.code(), error.to_string()))?;
        for secret in &way.typed {
            self.keep(secret).await?;
        }
        self.settle(Some(storage)).await
    }

    async fn keep(&self, typed: &Typed) -> Result<(), AppError> {
        self.vault().set(&SecretName::from(&typed.secret), typed.value.clone()).await?;
        self.kept.date_secret(&typed.secret, Some(now()))
    }

    /// Keeps the storage among the settings and begins anew with it.
    async fn settle(&self, storage: Option<StorageSettings>) -> Result<(), AppError> {
        let engine = self.slot.ready().await?;
        engine.set_settings(Settings { storage, ..engine.settings() })?;
        self.slot.restart().await
    }

    /// How to a repository: what was typed, and of the rest what is kept.
    async fn way(&self, form: &mut StorageForm) -> Result<Way, AppError> {
        let typed = form.typed()?;
        let vault = self.vault();
        let find = async |secret: Secret| match typed.iter().find(|typed| typed.secret == secret) {
            Some(typed) => Ok(Some(typed.value.clone())),
            None => vault.get(&SecretName::from(&secret)).await,
        };
        let password = find(Secret::RepositoryPassword).await?.ok_or_else(|| {
            AppError::new(Code::RepositoryPasswordWrong, "the repository needs a password")
        })?;
        let credentials = setup::credentials(
            &form.storage,
            find(Secret::StorageKeyId).await?,
            find(Secret::StorageKeySecret).await?,
            find(Secret::StorageToken).await?,
        );
        Ok(Way { location: setup::location(&form.storage)?, credentials, password, typed })
    }

    /// # Errors
    /// A machine of this cloud may run, and the new key does not list it.
    async fn keeps_machines(
        &self,
        cloud: CloudId,
        key: Option<&SecretString>,
    ) -> Result<(), AppError> {
        let rentals = self.slot.world().unsettled(cloud)?;
        if rentals.is_empty() {
            return Ok(());
        }
        let listed = match key {
            Some(key) => setup::cloud(cloud, key.clone())?
                .list()
                .await
                .map_err(|error| AppError::new(error.code(), error.details))?,
            None => Vec::new(),
        };
        let lost: Vec<&str> = rentals
            .iter()
            .filter(|rental| {
                !listed.iter().any(|row| {
                    rental.machine.as_ref() == Some(&row.machine) || rental.label == row.label
                })
            })
            .map(|rental| rental.machine.as_ref().map_or(rental.label.as_str(), |id| id.as_str()))
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        let details = format!("this key is needed for {}", lost.join(", "));
        Err(AppError::new(Code::StillRunning, details))
    }
}

struct Way {
    location: repository::Location,
    credentials: Option<repository::Credentials>,
    password: SecretString,
    typed: Vec<Typed>,
}

/// A registry login's name is part of the keychain's entry.
fn check_name(secret: &Secret) -> Result<(), AppError> {
    match secret {
        Secret::RegistryLogin { name }
            if name.is_empty()
                || name.len() > 64
                || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) =>
        {
            let details = "a login's name is 1 to 64 letters, digits, \".\", \"-\" and \"_\"";
            Err(AppError::new(Code::Usage, details))
        }
        _ => Ok(()),
    }
}

fn last4(secret: &Secret, value: &SecretString) -> Option<String> {
    let is_key =
        matches!(secret, Secret::CloudKey { .. } | Secret::StorageKeyId | Secret::StorageKeySecret);
    let text = value.expose_secret();
    let count = text.chars().count();
    (is_key && count >= LEAST_FOR_LAST).then(|| text.chars().skip(count - LAST).collect())
}

fn now() -> At {
    engine::Clock::real().wall()
}

fn hostname() -> String {
    let name = std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME"));
    name.ok()
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map(|name| model::clean(&name, 64))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "desktop".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_show_their_end() {
        let value = SecretString::from("abcdefghijkl9f3a");
        let cloud = Secret::CloudKey { cloud: CloudId::Vast };
        assert_eq!(last4(&cloud, &value).as_deref(), Some("9f3a"));
        for hidden in [
            Secret::RepositoryPassword,
            Secret::StorageToken,
            Secret::RegistryLogin { name: "ghcr".into() },
        ] {
            assert_eq!(last4(&hidden, &value), None, "{hidden:?}");
        }
        assert_eq!(last4(&cloud, &SecretString::from("short-key")), None);
    }

    #[test]
    fn what_is_no_line_is_no_secret() {
        for bad in [String::new(), "  ".into(), "a\nb".into(), "x".repeat(LONGEST + 1)] {
            assert_eq!(value(&bad).unwrap_err().code, Code::Usage);
        }
        assert_eq!(value(" key \n").unwrap().expose_secret(), "key");
    }
}
