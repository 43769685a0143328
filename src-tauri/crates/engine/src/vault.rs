//! Where secrets live: the OS keychain, and nowhere else. Headless runs may
//! take them from the environment instead, practice brings its own.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use model::{AppError, CloudId, Code, RunId, Secret};
use secrecy::{ExposeSecret as _, SecretString};

/// Under this name the keychain files everything of ours.
const SERVICE: &str = "cloud.dumont.app";

/// A secret's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretName {
    /// A cloud's API key.
    CloudKey(CloudId),
    /// The repository's password.
    RepositoryPassword,
    /// The object store's access key id.
    StorageKeyId,
    /// The object store's secret access key.
    StorageKeySecret,
    /// The object store's session token.
    StorageToken,
    /// A login at a container registry, under the name recipes use for it.
    RegistryLogin(String),
    /// The SSH key of a run whose winner lives.
    RunKey(RunId),
    /// This copy of the app (rules.md M1); not secret, but not to be lost.
    Install,
}

impl From<&Secret> for SecretName {
    fn from(secret: &Secret) -> Self {
        match secret {
            Secret::CloudKey { cloud } => Self::CloudKey(*cloud),
            Secret::RepositoryPassword => Self::RepositoryPassword,
            Secret::StorageKeyId => Self::StorageKeyId,
            Secret::StorageKeySecret => Self::StorageKeySecret,
            Secret::StorageToken => Self::StorageToken,
            Secret::RegistryLogin { name } => Self::RegistryLogin(name.clone()),
        }
    }
}

impl SecretName {
    fn entry(&self) -> String {
        match self {
            Self::CloudKey(cloud) => format!("cloud-key-{cloud}"),
            Self::RepositoryPassword => "repository-password".into(),
            Self::StorageKeyId => "storage-key-id".into(),
            Self::StorageKeySecret => "storage-key-secret".into(),
            Self::StorageToken => "storage-token".into(),
            Self::RegistryLogin(name) => format!("registry-login-{name}"),
            Self::RunKey(run) => format!("run-key-{run}"),
            Self::Install => "install".into(),
        }
    }

    /// The environment variable that overrides it, in the field's own names.
    const fn variable(&self) -> Option<&'static str> {
        match self {
            Self::CloudKey(CloudId::Vast) => Some("VAST_API_KEY"),
            Self::CloudKey(CloudId::Runpod) => Some("RUNPOD_API_KEY"),
            Self::RepositoryPassword => Some("RESTIC_PASSWORD"),
            Self::StorageKeyId => Some("AWS_ACCESS_KEY_ID"),
            Self::StorageKeySecret => Some("AWS_SECRET_ACCESS_KEY"),
            Self::StorageToken => Some("AWS_SESSION_TOKEN"),
            Self::RegistryLogin(_) | Self::RunKey(_) | Self::Install => None,
        }
    }
}

/// Keeps secrets.
#[async_trait]
pub trait Vault: Send + Sync + std::fmt::Debug {
    /// The secret, if one is kept.
    ///
    /// # Errors
    /// [`Code::KeychainLocked`], [`Code::KeychainAbsent`].
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, AppError>;

    /// Keeps a secret in place of an earlier one.
    ///
    /// # Errors
    /// As [`Vault::get`].
    async fn set(&self, name: &SecretName, secret: SecretString) -> Result<(), AppError>;

    /// Forgets a secret; an unknown one is no error.
    ///
    /// # Errors
    /// As [`Vault::get`].
    async fn forget(&self, name: &SecretName) -> Result<(), AppError>;
}

#[async_trait]
impl<V: Vault + ?Sized> Vault for Arc<V> {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, AppError> {
        (**self).get(name).await
    }

    async fn set(&self, name: &SecretName, secret: SecretString) -> Result<(), AppError> {
        (**self).set(name, secret).await
    }

    async fn forget(&self, name: &SecretName) -> Result<(), AppError> {
        (**self).forget(name).await
    }
}

/// The OS keychain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keychain;

impl Keychain {
    /// Keychain calls block, some of them on a person typing a password.
    async fn entry<T: Send + 'static>(
        name: &SecretName,
        call: impl FnOnce(keyring::v1::Entry) -> keyring::v1::Result<T> + Send + 'static,
    ) -> Result<Option<T>, AppError> {
        let entry = name.entry();
        let called = tokio::task::spawn_blocking(move || {
            keyring::v1::Entry::new(SERVICE, &entry).and_then(call)
        });
        match called.await {
            Ok(Ok(value)) => Ok(Some(value)),
            Ok(Err(keyring::v1::Error::NoEntry)) => Ok(None),
            Ok(Err(error @ keyring::v1::Error::NoStorageAccess(_))) => {
                Err(AppError::new(Code::KeychainLocked, error.to_string()))
            }
            Ok(Err(error)) => Err(AppError::new(Code::KeychainAbsent, error.to_string())),
            Err(error) => Err(AppError::new(Code::Internal, format!("ask the keychain: {error}"))),
        }
    }
}

#[async_trait]
impl Vault for Keychain {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, AppError> {
        let text = Self::entry(name, |entry| entry.get_password()).await?;
        Ok(text.map(SecretString::from))
    }

    async fn set(&self, name: &SecretName, secret: SecretString) -> Result<(), AppError> {
        Self::entry(name, move |entry| entry.set_password(secret.expose_secret())).await?;
        Ok(())
    }

    async fn forget(&self, name: &SecretName) -> Result<(), AppError> {
        Self::entry(name, |entry| entry.delete_credential()).await?;
        Ok(())
    }
}

/// Secrets in memory: for practice, for tests, and laid over the keychain
/// where the environment has them.
#[derive(Debug, Default)]
pub struct MemoryVault(Mutex<BTreeMap<SecretName, SecretString>>);

impl MemoryVault {
    /// With these secrets.
    #[must_use]
    pub fn with(secrets: impl IntoIterator<Item = (SecretName, SecretString)>) -> Self {
        Self(Mutex::new(secrets.into_iter().collect()))
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, AppError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    async fn set(&self, name: &SecretName, secret: SecretString) -> Result<(), AppError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), secret);
        Ok(())
    }

    async fn forget(&self, name: &SecretName) -> Result<(), AppError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }
}

/// Secrets in a file that only this user reads: for practice worlds. Their
/// secrets open nothing outside this computer, and like their machines they
/// have to outlive the process.
#[derive(Debug)]
pub struct FileVault {
    path: PathBuf,
    lock: Mutex<()>,
}

impl FileVault {
    /// The vault in this file, which need not exist.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path, lock: Mutex::new(()) }
    }

    fn read(&self) -> std::io::Result<BTreeMap<String, String>> {
        match std::fs::read(&self.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        }
    }

    /// A reader finds the old file or the new one, whole.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Result<(), AppError> {
        let _alone = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let write = || {
            let mut secrets = self.read()?;
            change(&mut secrets);
            let fresh = self.path.with_extension(format!("new-{}", std::process::id()));
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&fresh)?.write_all(&serde_json::to_vec(&secrets)?)?;
            std::fs::rename(fresh, &self.path)
        };
        write().map_err(|error| Self::error(&error))
    }

    fn error(error: &std::io::Error) -> AppError {
        AppError::new(Code::KeychainAbsent, error.to_string())
    }
}

#[async_trait]
impl Vault for FileVault {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, AppError> {
        let mut secrets = self.read().map_err(|error| Self::error(&error))?;
        Ok(secrets.remove(&name.entry()).map(SecretString::from))
    }

    async fn set(&self, name: &SecretName, secret: SecretString) -> Result<(), AppError> {
        self.change(|secrets| {
            secrets.insert(name.entry(), secret.expose_secret().to_owned());
        })
    }

    async fn forget(&self, name: &SecretName) -> Result<(), AppError> {
        self.change(|secrets| {
            secrets.remove(&name.entry());
        })
    }
}

/// The environment over another vault: headless runs only.
#[derive(Debug)]
pub struct EnvironmentFirst<V> {
    /// Asked where the environment has nothing, and for everything kept.
    pub then: V,
}

#[async_trait]
impl<V: Vault> Vault for EnvironmentFirst<V> {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretString>, AppError> {
        let found = name
            .variable()
            .and_then(|variable| std::env::var(variable).ok())
            .filter(|value| !value.is_empty());
        match found {
            Some(value) => Ok(Some(SecretString::from(value))),
            None => match self.then.get(name).await {
                // A server without a keychain is fine where the environment
                // brings the rest.
                Err(error) if error.code == Code::KeychainAbsent => Ok(None),
                other => other,
            },
        }
    }

    async fn set(&self, name: &SecretName, secret: SecretString) -> Result<(), AppError> {
        match self.then.set(name, secret).await {
            Err(error) if error.code == Code::KeychainAbsent => Ok(()),
            other => other,
        }
    }

    async fn forget(&self, name: &SecretName) -> Result<(), AppError> {
        match self.then.forget(name).await {
            Err(error) if error.code == Code::KeychainAbsent => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_kept_replaced_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        let vaults: [&dyn Vault; 2] = [&MemoryVault::default(), &FileVault::at(file.clone())];
        for vault in vaults {
            let name = SecretName::CloudKey(CloudId::Vast);
            assert!(vault.get(&name).await.unwrap().is_none());
            vault.set(&name, SecretString::from("one")).await.unwrap();
            vault.set(&name, SecretString::from("two")).await.unwrap();
            assert_eq!(vault.get(&name).await.unwrap().unwrap().expose_secret(), "two");
            vault.forget(&name).await.unwrap();
            assert!(vault.get(&name).await.unwrap().is_none());
        }
        #[cfg(unix)]
        {
            let about = std::fs::metadata(file).unwrap();
            assert_eq!(
                std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777,
                0o600
            );
        }
    }
}
