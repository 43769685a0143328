//! The object store that holds the repository: a local folder or S3. Every
//! answer of a store is told apart here, and nowhere else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use model::At;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpConnector, ReqwestConnector};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig,
};
use restic::Id;
use secrecy::{ExposeSecret, SecretString};

use crate::clock::{DateLog, DatedConnector};
use crate::files::Folder;
use crate::location::{AddressStyle, Place, S3Place};
use crate::{FileName, Location, RepositoryError};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a store may stay silent in the middle of an answer. There is no
/// limit on the whole answer: a pack over a slow line takes minutes.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// After this long nothing is tried again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_RETRIES: usize = 4;

/// What an S3 store asks for. Shows neither secret.
#[derive(Clone)]
pub struct Credentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: SecretString,
    /// Session token, for temporary credentials.
    pub session_token: Option<SecretString>,
    /// Region to sign for; absent: by the endpoint's host (`auto` on R2).
    pub region: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("region", &self.region).finish_non_exhaustive()
    }
}

/// The store behind a repository.
#[derive(Debug)]
pub struct Store {
    backend: Backend,
    prefix: Path,
    location: Location,
    dates: DateLog,
}

#[derive(Debug)]
enum Backend {
    Local(LocalFileSystem),
    S3(AmazonS3),
}

impl Store {
    /// Connects nothing yet.
    ///
    /// # Errors
    /// [`RepositoryError::NotARepository`] if a local folder is not there,
    /// [`RepositoryError::StoreKeyRefused`] if S3 gets no credentials,
    /// [`RepositoryError::LocationInvalid`].
    pub(crate) fn new(
        location: &Location,
        credentials: Option<&Credentials>,
        connector: Option<Arc<dyn HttpConnector>>,
    ) -> Result<Self, RepositoryError> {
        let dates = DateLog::default();
        let (backend, prefix) = match &location.0 {
            Place::Local(folder) => {
                let store = LocalFileSystem::new_with_prefix(folder).map_err(|_| {
                    RepositoryError::NotARepository { location: location.to_string() }
                })?;
                (Backend::Local(store.with_fsync(true)), Path::default())
            }
            Place::S3(place) => {
                let credentials = credentials.ok_or_else(|| RepositoryError::StoreKeyRefused {
                    details: "no access key is given".into(),
                })?;
                let inner = connector.unwrap_or_else(|| Arc::new(ReqwestConnector::default()) as _);
                let connector = DatedConnector { inner, dates: dates.clone() };
                let store = s3(place, credentials, connector)
                    .map_err(|error| RepositoryError::invalid(innermost(&error)))?;
                let prefix = Path::parse(&place.prefix)
                    .map_err(|error| RepositoryError::invalid(error.to_string()))?;
                (Backend::S3(store), prefix)
            }
        };
        Ok(Self { backend, prefix, location: location.clone(), dates })
    }

    /// Where the repository lies.
    #[must_use]
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// The objects themselves; see [`Self::path`] for their names.
    #[must_use]
    pub fn objects(&self) -> &dyn ObjectStore {
        match &self.backend {
            Backend::Local(store) => store,
            Backend::S3(store) => store,
        }
    }

    /// What signs URLs; a local folder has nothing of the kind.
    #[must_use]
    pub fn signer(&self) -> Option<&dyn Signer> {
        match &self.backend {
            Backend::Local(_) => None,
            Backend::S3(store) => Some(store),
        }
    }

    /// An object's name, relative to the repository: `config`, `tools/agent`.
    #[must_use]
    pub fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), Path::join)
    }

    /// A whole file; `None` if there is none of that name.
    pub(crate) async fn get(
        &self,
        file: FileName,
        max_len: u64,
    ) -> Result<Option<Bytes>, RepositoryError> {
        let path = self.path(&file.to_string());
        let result = match self.objects().get(&path).await {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(store_error(&error)),
        };
        if result.meta.size > max_len {
            return Err(RepositoryError::damaged(
                file,
                format_args!("it is longer than {max_len} bytes"),
            ));
        }
        result.bytes().await.map(Some).map_err(|error| store_error(&error))
    }

    /// The ids of the files in a folder. Foreign names are left out.
    pub(crate) async fn list(&self, folder: Folder) -> Result<Vec<Id>, RepositoryError> {
        let path = self.path(&folder.to_string());
        let listed: Result<Vec<_>, _> = self
            .objects()
            .list(Some(&path))
            .try_filter_map(|object| async move {
                Ok(object.location.filename().and_then(|name| name.parse::<Id>().ok()))
            })
            .try_collect()
            .await;
        match listed {
            Ok(ids) => Ok(ids),
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(store_error(&error)),
        }
    }

    pub(crate) async fn exists(&self, file: FileName) -> Result<bool, RepositoryError> {
        match self.objects().head(&self.path(&file.to_string())).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(store_error(&error)),
        }
    }

    pub(crate) async fn put(&self, file: FileName, bytes: Vec<u8>) -> Result<(), RepositoryError> {
        let path = self.path(&file.to_string());
        match self.objects().put(&path, bytes.into()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(store_error(&error)),
        }
    }

    /// Writes a file that must not be there yet. Stores that cannot tell
    /// write it all the same.
    pub(crate) async fn put_new(
        &self,
        file: FileName,
        bytes: Vec<u8>,
    ) -> Result<(), RepositoryError> {
        let path = self.path(&file.to_string());
        let payload = PutPayload::from(bytes);
        match self.objects().put_opts(&path, payload.clone(), PutMode::Create.into()).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {
                Err(RepositoryError::AlreadyExists { location: self.location.to_string() })
            }
            Err(error) if s3_code(&error.to_string()) == Some("NotImplemented") => {
                match self.objects().put(&path, payload).await {
                    Ok(_) => Ok(()),
                    Err(error) => Err(store_error(&error)),
                }
            }
            Err(error) => Err(store_error(&error)),
        }
    }

    /// Writes an object beside the repository's own files.
    pub(crate) async fn put_object(&self, name: &str, bytes: Bytes) -> Result<(), RepositoryError> {
        match self.objects().put(&self.path(name), bytes.into()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(store_error(&error)),
        }
    }

    /// The objects in a folder beside the repository's own, each with the time
    /// it was written, in milliseconds since 1970.
    pub(crate) async fn list_objects(
        &self,
        folder: &str,
    ) -> Result<Vec<(Path, i64)>, RepositoryError> {
        let listed: Result<Vec<_>, _> = self
            .objects()
            .list(Some(&self.path(folder)))
            .map_ok(|object| (object.location, object.last_modified.timestamp_millis()))
            .try_collect()
            .await;
        match listed {
            Ok(objects) => Ok(objects),
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(store_error(&error)),
        }
    }

    /// Deletes an object; one that is gone is deleted.
    pub(crate) async fn delete_object(&self, path: &Path) -> Result<(), RepositoryError> {
        match self.objects().delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(store_error(&error)),
        }
    }

    /// How far the store's clock is ahead of `now`, to about a second; `None`
    /// for a local folder and for a store that tells no time.
    pub(crate) async fn clock_skew(
        &self,
        now: At,
    ) -> Result<Option<SignedDuration>, RepositoryError> {
        if self.location.is_local() {
            return Ok(None);
        }
        self.dates.take();
        let asked = self.exists(FileName::Config).await;
        match self.dates.take() {
            // A refusal tells the time too, above all one because of the clock.
            Some(date) => {
                let now = Timestamp::from_millisecond(now.unix_ms())
                    .map_err(RepositoryError::internal)?;
                Ok(Some(date.duration_since(now)))
            }
            None => asked.map(|_| None),
        }
    }
}

fn s3(
    place: &S3Place,
    credentials: &Credentials,
    connector: DatedConnector,
) -> object_store::Result<AmazonS3> {
    let options = ClientOptions::new()
        .with_allow_http(!place.https)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_read_timeout(READ_TIMEOUT)
        .with_timeout_disabled();
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_TIMEOUT,
    };
    let mut builder = AmazonS3Builder::new()
        .with_endpoint(place.endpoint())
        .with_bucket_name(&place.bucket)
        .with_region(credentials.region.as_deref().unwrap_or_else(|| place.region()))
        .with_virtual_hosted_style_request(place.style == AddressStyle::Host)
        .with_access_key_id(&credentials.access_key_id)
        .with_secret_access_key(credentials.secret_access_key.expose_secret())
        .with_client_options(options)
        .with_retry(retry)
        .with_http_connector(connector);
    if let Some(token) = &credentials.session_token {
        builder = builder.with_token(token.expose_secret());
    }
    builder.build()
}

/// S3 codes that mean the key, whatever the status they come with.
const KEY_CODES: [&str; 12] = [
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidSecurity",
    "InvalidToken",
    "InvalidTokenId",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "Unauthorized",
    "UnauthorizedAccess",
    "UnrecognizedClientException",
];

/// S3 codes that mean this computer's clock.
const CLOCK_CODES: [&str; 2] = ["RequestTimeTooSkewed", "RequestExpired"];

pub(crate) fn store_error(error: &object_store::Error) -> RepositoryError {
    let text = error.to_string();
    let code = s3_code(&text);
    let details = match code {
        // Never the whole answer: it repeats the access key id and what was signed.
        Some(code) => {
            let message = between(&text, "<Message>", "</Message>").unwrap_or_default();
            model::clean(&format!("{code}: {message}"), 300)
        }
        None => model::clean(&innermost(error), 300),
    };
    let refused = matches!(
        error,
        object_store::Error::Unauthenticated { .. } | object_store::Error::PermissionDenied { .. }
    );
    // R2 answers a key of the wrong length with 400.
    let bad_key = code == Some("InvalidArgument") && details.contains("access key");
    match code {
        Some(code) if CLOCK_CODES.contains(&code) => RepositoryError::ClockOff { details },
        Some(code) if KEY_CODES.contains(&code) => RepositoryError::StoreKeyRefused { details },
        _ if refused || bad_key => RepositoryError::StoreKeyRefused { details },
        _ => RepositoryError::StoreUnreachable { details },
    }
}

/// The code in an S3 error document.
fn s3_code(text: &str) -> Option<&str> {
    between(text, "<Code>", "</Code>")
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(inner, _)| inner)
}

/// The cause at the bottom: the layers above repeat it and name URLs.
fn innermost(error: &object_store::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    // An answer without an S3 document may repeat anything: its first line will do.
    cause.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use model::Code;
    use object_store::Error;

    use super::*;

    fn document(code: &str, message: &str) -> Box<dyn std::error::Error + Send + Sync> {
        format!(
            "Error performing GET https://host/bucket/config in 1ms - Server returned non-2xx \
             status code: 4xx: <?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}\
             </Message><AWSAccessKeyId>AKIDSECRET</AWSAccessKeyId></Error>"
        )
        .into()
    }

    #[test]
    fn each_refusal_is_what_it_says() {
        let path = || "config".to_owned();
        for (error, code) in [
            (
                Error::PermissionDenied { path: path(), source: document("AccessDenied", "No.") },
                Code::StorageKeyRefused,
            ),
            (
                Error::Unauthenticated { path: path(), source: document("Unauthorized", "No.") },
                Code::StorageKeyRefused,
            ),
            (
                Error::Generic { store: "S3", source: document("InvalidAccessKeyId", "No.") },
                Code::StorageKeyRefused,
            ),
            (
                Error::Generic {
                    store: "S3",
                    source: document("InvalidArgument", "Credential access key has length 3"),
                },
                Code::StorageKeyRefused,
            ),
            (
                Error::PermissionDenied { path: path(), source: "no document".into() },
                Code::StorageKeyRefused,
            ),
            (
                Error::PermissionDenied {
                    path: path(),
                    source: document("RequestTimeTooSkewed", "The difference is too large."),
                },
                Code::OwnClockOff,
            ),
            (
                Error::Generic { store: "S3", source: document("SlowDown", "Later.") },
                Code::StorageUnreachable,
            ),
            (
                Error::Generic { store: "S3", source: "connection refused".into() },
                Code::StorageUnreachable,
            ),
        ] {
            let ours = store_error(&error);
            assert_eq!(ours.code(), code, "{error}");
            assert!(!ours.to_string().contains("SECRET"), "{ours}");
        }
        let error = Error::Generic { store: "S3", source: document("SlowDown", "Later\x1b[0m.") };
        let details = "SlowDown: Later[0m.".into();
        assert_eq!(store_error(&error), RepositoryError::StoreUnreachable { details });
    }

    #[test]
    fn credentials_never_show() {
        let credentials = Credentials {
            access_key_id: "AKIDSECRET".into(),
            secret_access_key: "SECRET".to_owned().into(),
            session_token: Some("SECRET".to_owned().into()),
            region: Some("auto".into()),
        };
        assert!(!format!("{credentials:?}").contains("SECRET"));
    }
}
