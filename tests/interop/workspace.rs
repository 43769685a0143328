//! What is restored: a practice workspace in a real restic repository, in the
//! practice object store.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use engine::Storage;
use practice::store::{Action, Grant, Store, StoreOptions};
use practice::workspace::{RepositoryPlan, Size, Workspace, find_restic, make_repository};
use repository::Credentials;
use secrecy::{ExposeSecret as _, SecretString};

const BUCKET: &str = "workspaces";
const PREFIX: &str = "one";
const RECIPE: &str = "default";
pub const PASSWORD: &str = "a password nobody else has";
pub const MACHINE_SECRET: &str = "a-secret-that-only-reads-1234567890";

/// The restic of this computer.
pub fn restic() -> Option<PathBuf> {
    static RESTIC: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        // A thread of its own: the caller may be within a runtime already.
        let find = || tokio::runtime::Runtime::new().unwrap().block_on(find_restic());
        Some(std::thread::spawn(find).join().unwrap()?.0)
    };
    RESTIC.get_or_init(find).clone()
}

/// A repository behind S3.
pub struct Shelf {
    pub store: Store,
    keys: Grant,
    folder: tempfile::TempDir,
}

impl Shelf {
    /// `None`, with the reason printed, where there is no restic.
    pub async fn of(size: Size) -> Option<Self> {
        let Some(restic) = restic() else {
            println!("SKIPPED: no restic here");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        make_repository(&RepositoryPlan {
            restic,
            source: folder.path().join("source"),
            location: folder.path().join("store").join(BUCKET).join(PREFIX),
            recipe: RECIPE.into(),
            password: SecretString::from(PASSWORD),
            seed: 3,
            size,
        })
        .await
        .unwrap();
        let options = StoreOptions::new(folder.path().join("store"), BUCKET);
        let store = Store::start(options).await.unwrap();
        let keys = Grant {
            access_key: "reader".into(),
            secret_key: SecretString::from(MACHINE_SECRET),
            session_token: None,
            actions: Some(BTreeSet::from([
                Action::GetObject,
                Action::HeadObject,
                Action::ListObjectsV2,
                Action::GetBucketLocation,
            ])),
            bucket: Some(BUCKET.into()),
            prefixes: vec![format!("{PREFIX}/")],
            expires: None,
        };
        store.grant(keys.clone());
        Some(Self { store, keys, folder })
    }

    /// As an engine holds it: the owner's keys here, the reader's over there.
    pub fn storage(&self) -> Storage {
        let location = format!("s3:{}/{BUCKET}/{PREFIX}", self.store.endpoint());
        let credentials = |id: &str, secret: &SecretString| Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: secret.clone(),
            session_token: None,
            region: Some("auto".into()),
        };
        let owner = credentials(self.store.access_key(), self.store.secret_key());
        let location = location.parse().unwrap();
        let mut storage = Storage::new(location, Some(owner), SecretString::from(PASSWORD));
        storage.machine_credentials =
            Some(credentials(&self.keys.access_key, &self.keys.secret_key));
        storage
    }

    /// Where the newest snapshot's files still stand.
    pub fn source(&self) -> PathBuf {
        self.folder.path().join("source").join(Workspace::NAME)
    }

    /// What must not be found on a machine afterwards.
    pub fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned(), self.keys.secret_key.expose_secret().to_owned()]
    }
}
