//! What is restored: a practice workspace in a real restic repository, in the
//! practice object store.

use std::path::PathBuf;
use std::sync::OnceLock;

use engine::Storage;
use practice::store::{Store, StoreOptions};
use practice::workspace::{RepositoryPlan, Size, Workspace, find_restic, make_repository};
use repository::Credentials;
use secrecy::{ExposeSecret as _, SecretString};

const BUCKET: &str = "workspaces";
const PREFIX: &str = "one";
const RECIPE: &str = "default";
pub const PASSWORD: &str = "a password nobody else has";

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
        Some(Self { store, folder })
    }

    /// As an engine holds it; machines get keys that it makes.
    pub fn storage(&self) -> Storage {
        let location = format!("s3:{}/{BUCKET}/{PREFIX}", self.store.endpoint());
        let owner = Credentials {
            access_key_id: self.store.access_key().to_owned(),
            secret_access_key: self.store.secret_key().clone(),
            session_token: None,
            region: Some("auto".into()),
        };
        let location = location.parse().unwrap();
        let mut storage = Storage::new(location, Some(owner), SecretString::from(PASSWORD));
        storage.temporary = true;
        storage
    }

    /// Where the repository itself lies.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("store").join(BUCKET).join(PREFIX)
    }

    /// Where the newest snapshot's files still stand.
    pub fn source(&self) -> PathBuf {
        self.folder.path().join("source").join(Workspace::NAME)
    }

    /// What must not be found on a machine afterwards: the password, the owner's
    /// key, and how the session token of every temporary one begins.
    pub fn secrets(&self) -> Vec<String> {
        let owner = self.store.secret_key().expose_secret().to_owned();
        vec![PASSWORD.to_owned(), owner, "and0L2V5".to_owned()]
    }
}
