//! What a key of the object store may do, found out by trying.

use bytes::Bytes;
use object_store::{Error, ObjectStoreExt as _, PutPayload};

use crate::open::connect;
use crate::{Credentials, FileName, Location, OpenOptions, Repository, RepositoryError};

/// What a key may do; absent where it could not be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreRights {
    /// List objects.
    pub list: Option<bool>,
    /// Read an object.
    pub read: Option<bool>,
    /// Write an object.
    pub write: Option<bool>,
    /// Delete an object.
    pub delete: Option<bool>,
}

impl Repository {
    /// Tries a key. Writing and deleting are tried on an empty object of a
    /// fresh name beside the repository, where restic does not look; a key that
    /// may write and not delete leaves it there.
    ///
    /// # Errors
    /// The store does not answer, or knows no such key.
    pub async fn try_rights(
        location: &Location,
        credentials: Option<&Credentials>,
        options: &OpenOptions,
    ) -> Result<StoreRights, RepositoryError> {
        let store = connect(location, credentials, options).await?;
        let config = store.path(&FileName::Config.to_string());
        let list = async {
            let first = store.objects().list_with_delimiter(Some(&store.path(""))).await;
            allowed(&first.map(drop))
        };
        let read = async { allowed(&store.objects().head(&config).await.map(drop)) };
        let (list, read) = tokio::join!(list, read);
        let name = store.path(&format!("plans/test-{:016x}", rand::random::<u64>()));
        let written = store.objects().put(&name, PutPayload::from(Bytes::new())).await;
        let write = allowed(&written.map(drop));
        let delete = if write == Some(false) {
            // Nothing was written; whether it could be deleted is not known.
            None
        } else {
            allowed(&store.objects().delete(&name).await)
        };
        Ok(StoreRights { list, read, write, delete })
    }
}

fn allowed(tried: &Result<(), Error>) -> Option<bool> {
    match tried {
        Ok(()) | Err(Error::NotFound { .. }) => Some(true),
        Err(Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) => Some(false),
        Err(_) => None,
    }
}
