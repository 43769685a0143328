//! Opening a repository, and creating an empty one.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::SignedDuration;
use model::At;
use object_store::client::HttpConnector;
use rand::TryRng;
use rand::rngs::SysRng;
use restic::{Config, Id, Key, KeyFile, KeyOwner, Nonce, Polynomial, ScryptParams, Time, Version};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::cache::Cache;
use crate::files::Folder;
use crate::location::Place;
use crate::snapshots::KnownSnapshots;
use crate::store::{Credentials, Store};
use crate::trees::{PackReads, RecentTrees};
use crate::{FileName, Index, Location, RepositoryError};

/// Passwords tried at once: each takes a core and up to 256 MiB, though 32 MiB
/// are usual.
const KEYS_AT_ONCE: usize = 4;
/// A repository with more keys than this is not somebody's.
const MAX_KEYS: usize = 100;
/// Config and key files are a few hundred bytes.
const MAX_LEN: u64 = 1 << 20;

/// How a repository is opened.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Where index, snapshots and trees are kept, sealed, each repository in
    /// a folder of its own. Safe to delete. Absent: kept until the repository
    /// is dropped.
    pub cache_dir: Option<PathBuf>,
    /// What carries HTTP instead of the usual client.
    pub http_connector: Option<Arc<dyn HttpConnector>>,
}

/// Who creates a repository; it stands in its key, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    /// The time.
    pub now: At,
    /// The user.
    pub username: String,
    /// The computer.
    pub hostname: String,
}

/// An open repository. Clones share everything.
#[derive(Clone)]
pub struct Repository(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) key: Key,
    pub(crate) config: Config,
    pub(crate) cache: Cache,
    pub(crate) index: Mutex<Option<Arc<Index>>>,
    pub(crate) snapshots: KnownSnapshots,
    pub(crate) packs: PackReads,
    pub(crate) recent: RecentTrees,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("location", self.0.store.location())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl Repository {
    /// Opens a repository: reads its config and finds the key that the
    /// password opens, the newest first.
    ///
    /// # Errors
    /// [`RepositoryError::NotARepository`], [`RepositoryError::PasswordWrong`],
    /// [`RepositoryError::TooNew`], [`RepositoryError::Damaged`] for the config
    /// or, when no other key opens, a key; the store's errors.
    #[tracing::instrument(skip_all, fields(repository = %location))]
    pub async fn open(
        location: &Location,
        credentials: Option<&Credentials>,
        password: &SecretString,
        options: &OpenOptions,
    ) -> Result<Self, RepositoryError> {
        let store = connect(location, credentials, options).await?;
        let (config, key_files) =
            tokio::join!(store.get(FileName::Config, MAX_LEN), read_key_files(&store));
        let nothing = || RepositoryError::NotARepository { location: location.to_string() };
        let sealed = config?.ok_or_else(nothing)?;
        let key = find_key(key_files?, password).await?.ok_or_else(nothing)?;
        let config = Config::open(&key, &sealed)
            .map_err(|error| RepositoryError::of_contents(FileName::Config, &error))?;
        Self::assemble(store, key, config, options)
    }

    /// Creates an empty repository of format 2, which restic accepts. An S3
    /// bucket must be there already, a local folder is made.
    ///
    /// # Errors
    /// [`RepositoryError::AlreadyExists`], [`RepositoryError::PasswordEmpty`],
    /// the store's errors.
    #[tracing::instrument(skip_all, fields(repository = %location))]
    pub async fn create(
        location: &Location,
        credentials: Option<&Credentials>,
        password: &SecretString,
        creator: &Creator,
        options: &OpenOptions,
    ) -> Result<Self, RepositoryError> {
        if password.expose_secret().is_empty() {
            return Err(RepositoryError::PasswordEmpty);
        }
        if let Place::Local(folder) = &location.0 {
            make_folders(folder.clone()).await?;
        }
        let store = connect(location, credentials, options).await?;
        let (config, keys) = tokio::join!(store.exists(FileName::Config), store.list(Folder::Keys));
        if config? || !keys?.is_empty() {
            return Err(RepositoryError::AlreadyExists { location: location.to_string() });
        }

        let bytes = Zeroizing::new(random()?);
        let key = Key::from_bytes(&bytes);
        let config = Config {
            version: Version::Two,
            id: Id::from_bytes(random()?),
            chunker_polynomial: random_polynomial()?,
        };
        let key_file = {
            let key = key.clone();
            let password = password.clone();
            let (salt, nonce) = (random()?, random::<{ restic::NONCE_LEN }>()?);
            let owner = owner(creator)?;
            blocking(move || {
                let password = password.expose_secret().as_bytes();
                KeyFile::create(&key, password, ScryptParams::DEFAULT, &salt, &nonce, owner)
                    .and_then(|file| file.to_json())
            })
            .await?
            .map_err(RepositoryError::internal)?
        };
        let nonce: Nonce = random()?;
        let sealed = config.seal(&key, &nonce).map_err(RepositoryError::internal)?;

        // The config last: without it there is no repository.
        store.put(FileName::Key(Id::of(&key_file)), key_file).await?;
        store.put_new(FileName::Config, sealed).await?;
        Self::assemble(store, key, config, options)
    }

    fn assemble(
        store: Store,
        key: Key,
        config: Config,
        options: &OpenOptions,
    ) -> Result<Self, RepositoryError> {
        let cache = Cache::new(options.cache_dir.as_deref(), config.id)?;
        Ok(Self(Arc::new(Inner {
            store,
            key,
            config,
            cache,
            index: Mutex::default(),
            snapshots: KnownSnapshots::default(),
            packs: PackReads::default(),
            recent: RecentTrees::default(),
        })))
    }

    /// The repository's own id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.0.config.id
    }

    /// Its format.
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.config.version
    }

    /// Where it lies.
    #[must_use]
    pub fn location(&self) -> &Location {
        self.0.store.location()
    }

    /// The store it lies in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The key that opens every blob.
    #[must_use]
    pub fn data_key(&self) -> &Key {
        &self.0.key
    }

    /// How far the store's clock is ahead of `now` (negative: behind), to
    /// about a second. Asks the store. `None` for a local folder.
    ///
    /// # Errors
    /// The store's, unless its refusal tells the time.
    pub async fn store_clock_skew(
        &self,
        now: At,
    ) -> Result<Option<SignedDuration>, RepositoryError> {
        self.0.store.clock_skew(now).await
    }
}

/// Runs what keeps a thread busy where it holds nothing up.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RepositoryError> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .map_err(RepositoryError::internal)
}

pub(crate) async fn connect(
    location: &Location,
    credentials: Option<&Credentials>,
    options: &OpenOptions,
) -> Result<Store, RepositoryError> {
    let (location, credentials) = (location.clone(), credentials.cloned());
    let connector = options.http_connector.clone();
    // Reads the system's certificates.
    blocking(move || Store::new(&location, credentials.as_ref(), connector)).await?
}

type ReadKey = (FileName, Result<KeyFile, RepositoryError>);

/// Every key file, readable or not.
async fn read_key_files(store: &Store) -> Result<Vec<ReadKey>, RepositoryError> {
    let ids = store.list(Folder::Keys).await?;
    let read = stream::iter(ids.into_iter().take(MAX_KEYS)).map(|id| async move {
        let file = FileName::Key(id);
        let json = match store.get(file, MAX_LEN).await {
            Ok(Some(json)) => json,
            // Removed since it was listed.
            Ok(None) => return Ok(None),
            Err(error @ RepositoryError::Damaged { .. }) => return Ok(Some((file, Err(error)))),
            Err(error) => return Err(error),
        };
        let key = if Id::of(&json) == id {
            KeyFile::parse(&json).map_err(|error| RepositoryError::of_contents(file, &error))
        } else {
            Err(RepositoryError::damaged(file, "its contents differ from its name"))
        };
        Ok(Some((file, key)))
    });
    let mut read = read.buffer_unordered(32);
    let mut keys = Vec::new();
    while let Some(key) = read.next().await {
        keys.extend(key?);
    }
    Ok(keys)
}

/// The data key; `None` if there are no key files at all.
async fn find_key(
    keys: Vec<ReadKey>,
    password: &SecretString,
) -> Result<Option<Key>, RepositoryError> {
    if keys.is_empty() {
        return Ok(None);
    }
    let mut damaged = None;
    let mut whole = Vec::new();
    for (file, key) in keys {
        match key {
            Ok(key) => whole.push((file, key)),
            Err(error) => damaged = Some(error),
        }
    }
    whole.sort_by_key(|(_, key)| {
        std::cmp::Reverse((key.owner.created.unix_seconds(), key.owner.created.nanoseconds()))
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let tries = stream::iter(whole).map(|(file, key)| {
        let password = password.clone();
        async move {
            let opened = blocking(move || key.open(password.expose_secret().as_bytes())).await?;
            match opened {
                Ok(key) => Ok(Some(key)),
                Err(restic::Error::WrongPassword) => Ok(None),
                Err(error) => Err(RepositoryError::of_contents(file, &error)),
            }
        }
    });
    let mut tries = tries.buffer_unordered(cores.min(KEYS_AT_ONCE));
    while let Some(tried) = tries.next().await {
        match tried {
            Ok(Some(key)) => return Ok(Some(key)),
            Ok(None) => {}
            Err(error @ RepositoryError::Damaged { .. }) => damaged = Some(error),
            Err(error) => return Err(error),
        }
    }
    // The key that this password opens may be the damaged one.
    Err(damaged.unwrap_or(RepositoryError::PasswordWrong))
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], RepositoryError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(RepositoryError::internal)?;
    Ok(bytes)
}

fn random_polynomial() -> Result<Polynomial, RepositoryError> {
    let mut failed = None;
    let polynomial = Polynomial::random(|| {
        SysRng.try_next_u64().unwrap_or_else(|error| {
            failed = Some(error);
            0
        })
    });
    match (polynomial, failed) {
        (Some(polynomial), None) => Ok(polynomial),
        (_, Some(error)) => Err(RepositoryError::internal(error)),
        (None, None) => Err(RepositoryError::internal("the system's random numbers are not")),
    }
}

fn owner(creator: &Creator) -> Result<KeyOwner, RepositoryError> {
    let ms = creator.now.unix_ms();
    let created = u32::try_from(ms.rem_euclid(1000) * 1_000_000)
        .map_err(RepositoryError::internal)
        .and_then(|nanoseconds| {
            Time::from_unix(ms.div_euclid(1000), nanoseconds).map_err(RepositoryError::internal)
        })?;
    Ok(KeyOwner { created, username: creator.username.clone(), hostname: creator.hostname.clone() })
}

/// The folders restic expects, closed to everybody else.
async fn make_folders(root: PathBuf) -> Result<(), RepositoryError> {
    let made = blocking(move || -> std::io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        for folder in ["keys", "locks", "snapshots", "index"] {
            builder.create(root.join(folder))?;
        }
        (0..=255).try_for_each(|n| builder.create(root.join("data").join(format!("{n:02x}"))))
    });
    made.await?.map_err(|error| RepositoryError::StoreUnreachable { details: error.to_string() })
}
