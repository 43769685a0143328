//! Loading many small files at once: from the cache where they are there and
//! whole, else from the store.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use restic::{Id, Key};

use crate::files::Folder;
use crate::open::{Inner, blocking};
use crate::{FileName, RepositoryError};

/// Requests under way at once.
const REQUESTS: usize = 32;
/// No index or snapshot is longer, in bytes.
const MAX_LEN: u64 = 512 << 20;

/// What came of one file.
pub(crate) type Outcome<T> = (Id, Result<T, RepositoryError>);

impl Inner {
    /// Reads files of one folder. Each damaged file is its own outcome; a file
    /// that is gone since it was listed has none.
    pub(crate) async fn load<T: Send + 'static>(
        self: &Arc<Self>,
        folder: Folder,
        ids: Vec<Id>,
        read: fn(&Key, &[u8]) -> Result<T, restic::Error>,
    ) -> Result<Vec<Outcome<T>>, RepositoryError> {
        let mut outcomes = Vec::with_capacity(ids.len());
        let mut missing = Vec::new();
        for (id, outcome) in self.load_cached(folder, ids, read).await? {
            match outcome {
                Some(outcome) => outcomes.push((id, outcome)),
                None => missing.push(id),
            }
        }

        let fetched: Vec<Option<Outcome<T>>> = stream::iter(missing)
            .map(|id| self.fetch(folder.file(id), id, read))
            .buffer_unordered(REQUESTS)
            .try_collect()
            .await?;
        outcomes.extend(fetched.into_iter().flatten());
        Ok(outcomes)
    }

    /// What the cache has of these files; `None` where it has none.
    async fn load_cached<T: Send + 'static>(
        self: &Arc<Self>,
        folder: Folder,
        ids: Vec<Id>,
        read: fn(&Key, &[u8]) -> Result<T, restic::Error>,
    ) -> Result<Vec<(Id, Option<Result<T, RepositoryError>>)>, RepositoryError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = ids.len().div_ceil(threads).max(1);
        let shares: Vec<Vec<Id>> = ids.chunks(share).map(<[Id]>::to_vec).collect();
        let jobs = shares.into_iter().map(|ids| {
            let inner = Arc::clone(self);
            blocking(move || {
                ids.into_iter()
                    .map(|id| {
                        let file = folder.file(id);
                        let sealed = inner.cache.read(file).filter(|bytes| Id::of(bytes) == id);
                        let outcome = sealed.map(|sealed| inner.read(file, &sealed, read));
                        (id, outcome)
                    })
                    .collect::<Vec<_>>()
            })
        });
        let parts = futures::future::try_join_all(jobs).await?;
        Ok(parts.into_iter().flatten().collect())
    }

    async fn fetch<T: Send + 'static>(
        self: &Arc<Self>,
        file: FileName,
        id: Id,
        read: fn(&Key, &[u8]) -> Result<T, restic::Error>,
    ) -> Result<Option<Outcome<T>>, RepositoryError> {
        let sealed: Bytes = match self.store.get(file, MAX_LEN).await {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return Ok(None),
            Err(error @ RepositoryError::Damaged { .. }) => return Ok(Some((id, Err(error)))),
            Err(error) => return Err(error),
        };
        let inner = Arc::clone(self);
        let outcome = blocking(move || {
            if Id::of(&sealed) != id {
                return Err(RepositoryError::damaged(file, "its contents differ from its name"));
            }
            inner.cache.write(file, &sealed);
            inner.read(file, &sealed, read)
        })
        .await?;
        Ok(Some((id, outcome)))
    }

    fn read<T>(
        &self,
        file: FileName,
        sealed: &[u8],
        read: fn(&Key, &[u8]) -> Result<T, restic::Error>,
    ) -> Result<T, RepositoryError> {
        read(&self.key, sealed).map_err(|error| RepositoryError::of_contents(file, &error))
    }
}
