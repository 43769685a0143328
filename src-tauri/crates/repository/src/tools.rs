//! Programs for rented machines, beside the repository in `tools/`, so that a
//! machine fetches them from the store and not over this computer's uplink.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use object_store::{Error, ObjectStoreExt as _};

use crate::store::store_error;
use crate::{Repository, RepositoryError};

/// Where they lie, beside the repository's own folders.
const FOLDER: &str = "tools";

impl Repository {
    /// A signed address that reads this program, good for so long. `None` where
    /// it does not lie there, or where nothing signs: in a local folder.
    ///
    /// # Errors
    /// The store's.
    pub async fn tool_url(
        &self,
        name: &str,
        valid: Duration,
    ) -> Result<Option<String>, RepositoryError> {
        let store = self.store();
        let Some(signer) = store.signer() else { return Ok(None) };
        let path = store.path(&format!("{FOLDER}/{name}"));
        match store.objects().head(&path).await {
            Ok(_) => {}
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(store_error(&error)),
        }
        let url = signer.signed_url(Method::GET, &path, valid).await;
        Ok(Some(url.map_err(RepositoryError::internal)?.into()))
    }

    /// Puts a program there.
    ///
    /// # Errors
    /// The store's.
    pub async fn store_tool(&self, name: &str, program: Bytes) -> Result<(), RepositoryError> {
        self.store().put_object(&format!("{FOLDER}/{name}"), program).await
    }
}
