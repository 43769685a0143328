//! Connection tests: what a key may do, told before it is needed.

use std::time::Instant;

use clouds::Cloud;
use model::{AppError, At, ConnectionReport, Right, RightCheck};
use repository::{Credentials, Location, OpenOptions, Repository, RepositoryError};
use secrecy::SecretString;

use crate::asking::cloud_error;
use crate::context::repository_error;

/// Tries a cloud's key: account and rights, nothing is changed.
///
/// # Errors
/// The key is refused, or the cloud does not answer.
pub async fn test_cloud(cloud: &dyn Cloud) -> Result<ConnectionReport, AppError> {
    let began = Instant::now();
    let account = cloud.account().await.map_err(|error| cloud_error(&error))?;
    let rights = cloud.rights().await.map_err(|error| cloud_error(&error))?;
    Ok(ConnectionReport {
        took_ms: took(began),
        rights,
        credit: account.credit,
        snapshots: None,
        empty: false,
        clock_off_ms: None,
    })
}

/// Tries a repository and the key of its object store. Rights to write and to
/// delete are tried on an object of a name of its own.
///
/// # Errors
/// The store refuses or does not answer, the password is wrong, or what is
/// there is no repository and not empty either.
pub async fn test_storage(
    location: &Location,
    credentials: Option<&Credentials>,
    password: &SecretString,
    options: &OpenOptions,
    now: At,
) -> Result<ConnectionReport, AppError> {
    let began = Instant::now();
    let (opened, rights) = tokio::join!(
        Repository::open(location, credentials, password, options),
        Repository::try_rights(location, credentials, options),
    );
    let rights = rights.map_err(repository_error)?;
    let check = |right, allowed, needed| RightCheck { right, allowed, needed };
    let rights = vec![
        check(Right::ListObjects, rights.list, true),
        check(Right::ReadObjects, rights.read, true),
        check(Right::WriteObjects, rights.write, false),
        check(Right::DeleteObjects, rights.delete, false),
    ];
    let (snapshots, empty, clock_off_ms) = match opened {
        Ok(repository) => {
            let list = repository.snapshots().await.map_err(repository_error)?;
            let skew = repository.store_clock_skew(now).await.map_err(repository_error)?;
            let off = skew.map(|skew| i64::try_from(skew.as_millis()).unwrap_or(i64::MAX));
            (Some(u32::try_from(list.snapshots.len()).unwrap_or(u32::MAX)), false, off)
        }
        Err(RepositoryError::NotARepository { .. }) => (None, true, None),
        Err(error) => return Err(repository_error(error)),
    };
    Ok(ConnectionReport {
        took_ms: took(began),
        rights,
        credit: None,
        snapshots,
        empty,
        clock_off_ms,
    })
}

fn took(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
