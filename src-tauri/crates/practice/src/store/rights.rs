//! Who may do what. `s3s` verifies the signatures; this module tells it the
//! secrets and then judges the request, so that a temporary credential is
//! refused here exactly where the real store would refuse it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::ListObjectsV2Input;
use s3s::dto::{CopyObjectInput, CopySource, DeleteObjectsInput, ListObjectsInput};
use s3s::{S3Request, S3Result, s3_error};
use secrecy::{ExposeSecret, SecretString};

use super::{locked, temporary};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal / $operation:literal,)*) => {
        /// What a key may be used for, named as R2 names it (facts/r2.md,
        /// "Temporary credentials"), and the three that only owners have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Every action the store knows.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// R2's name for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            fn of_operation(name: &str) -> Option<Self> {
                match name { $($operation => Some(Self::$name),)* _ => None }
            }
        }
    };
}

actions! {
    /// Metadata of an object.
    HeadObject = "HeadObject" / "HeadObject",
    /// An object or a range of it.
    GetObject = "GetObject" / "GetObject",
    /// The bucket's region.
    GetBucketLocation = "GetBucketLocation" / "GetBucketLocation",
    /// The old listing.
    ListObjectsV1 = "ListObjectsV1" / "ListObjects",
    /// The listing.
    ListObjectsV2 = "ListObjectsV2" / "ListObjectsV2",
    /// Parts of an upload.
    ListParts = "ListParts" / "ListParts",
    /// Write an object, over an old one too.
    PutObject = "PutObject" / "PutObject",
    /// Delete one object.
    DeleteObject = "DeleteObject" / "DeleteObject",
    /// Delete many objects.
    DeleteObjects = "DeleteObjects" / "DeleteObjects",
    /// Copy within the store; the source needs `GetObject`.
    CopyObject = "CopyObject" / "CopyObject",
    /// Begin an upload in parts.
    CreateMultipartUpload = "CreateMultipartUpload" / "CreateMultipartUpload",
    /// One part.
    UploadPart = "UploadPart" / "UploadPart",
    /// Give an upload up.
    AbortMultipartUpload = "AbortMultipartUpload" / "AbortMultipartUpload",
    /// Make an object of the parts.
    CompleteMultipartUpload = "CompleteMultipartUpload" / "CompleteMultipartUpload",
    /// Is there such a bucket? Allowed to every key that may do anything in it.
    HeadBucket = "HeadBucket" / "HeadBucket",
    /// A new bucket.
    CreateBucket = "CreateBucket" / "CreateBucket",
    /// All buckets.
    ListBuckets = "ListBuckets" / "ListBuckets",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key pair and what it may do.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Access key id. Temporary credentials may share it with their parent and
    /// with each other; the session token tells them apart.
    pub access_key: String,
    /// Secret access key.
    pub secret_key: SecretString,
    /// Session token; absent for a lasting key.
    pub session_token: Option<SecretString>,
    /// What it may do; absent means everything.
    pub actions: Option<BTreeSet<Action>>,
    /// The only bucket; absent means all, and the list of them.
    pub bucket: Option<String>,
    /// Keys must begin with one of these; with no objects either, empty means
    /// all keys.
    pub prefixes: Vec<String>,
    /// Or be one of these.
    pub objects: Vec<String>,
    /// From when on it is worthless, by the store's clock.
    pub expires: Option<SystemTime>,
}

impl Grant {
    /// A key that may do everything for ever.
    #[must_use]
    pub fn owner(access_key: impl Into<String>, secret_key: SecretString) -> Self {
        Self {
            access_key: access_key.into(),
            secret_key,
            session_token: None,
            actions: None,
            bucket: None,
            prefixes: Vec::new(),
            objects: Vec::new(),
            expires: None,
        }
    }

    fn is(&self, access_key: &str, session_token: Option<&SecretString>) -> bool {
        let text = |token: &SecretString| token.expose_secret().to_owned();
        self.access_key == access_key
            && self.session_token.as_ref().map(text) == session_token.map(text)
    }

    fn allows(&self, action: Action) -> bool {
        self.actions.as_ref().is_none_or(|actions| {
            actions.contains(&action) || (action == Action::HeadBucket && !actions.is_empty())
        })
    }

    fn covers_bucket(&self, bucket: &str) -> bool {
        self.bucket.as_deref().is_none_or(|own| own == bucket)
    }

    /// Keys that begin like this: for an object its key, for a listing its prefix.
    fn covers_keys(&self, start: &str) -> bool {
        (self.prefixes.is_empty() && self.objects.is_empty())
            || self.prefixes.iter().any(|own| start.starts_with(own.as_str()))
            || self.objects.iter().any(|own| own == start)
    }

    /// The same, and what its parent may not, this may not either.
    fn within(mut self, parent: &Self) -> Option<Self> {
        self.actions = match (self.actions, &parent.actions) {
            (Some(own), Some(parents)) => Some(own.intersection(parents).copied().collect()),
            (own, parents) => own.or_else(|| parents.clone()),
        };
        let narrower = self.prefixes.iter().chain(&self.objects).all(|key| parent.covers_keys(key))
            && !(self.prefixes.is_empty() && self.objects.is_empty() && !parent.covers_keys(""));
        let bucket = self.bucket.as_deref().is_none_or(|bucket| parent.covers_bucket(bucket));
        self.expires = match (self.expires, parent.expires) {
            (Some(own), Some(parents)) => Some(own.min(parents)),
            (own, parents) => own.or(parents),
        };
        (narrower && bucket).then_some(self)
    }
}

/// All grants of a store.
#[derive(Debug, Default)]
pub(super) struct Rights(Mutex<Vec<Arc<Grant>>>);

impl Rights {
    pub fn add(&self, grant: Grant) {
        let mut grants = locked(&self.0);
        grants.retain(|old| !old.is(&grant.access_key, grant.session_token.as_ref()));
        grants.push(Arc::new(grant));
    }

    pub fn remove(&self, access_key: &str) {
        locked(&self.0).retain(|grant| grant.access_key != access_key);
    }

    fn find(&self, access_key: &str, caller: &Caller) -> S3Result<Arc<Grant>> {
        let token = caller.session_token.as_ref();
        let grants = locked(&self.0);
        if let Some(grant) = grants.iter().find(|grant| grant.is(access_key, token)) {
            return Ok(grant.clone());
        }
        let parent = grants.iter().find(|grant| grant.is(access_key, None));
        if let (Some(parent), Some(token)) = (parent, token) {
            let text = token.expose_secret();
            if let Some(derived) = temporary::read(text, parent, &caller.host, caller.now)? {
                let refused = || s3_error!(AccessDenied, "no token may do more than its parent");
                return derived.within(parent).map(Arc::new).ok_or_else(refused);
            }
        }
        if grants.iter().any(|grant| grant.access_key == access_key) {
            return Err(s3_error!(InvalidToken, "the session token is not one of this key's"));
        }
        Err(s3_error!(InvalidAccessKeyId))
    }
}

/// One request's caller, as `s3s` asks about it.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub rights: Arc<Rights>,
    pub session_token: Option<SecretString>,
    /// The host it speaks to, with port.
    pub host: String,
    /// The store's clock.
    pub now: SystemTime,
}

impl Caller {
    fn grant(&self, access_key: &str) -> S3Result<Arc<Grant>> {
        let grant = self.rights.find(access_key, self)?;
        if grant.expires.is_some_and(|end| end <= self.now) {
            return Err(s3_error!(ExpiredToken, "the credentials have expired"));
        }
        Ok(grant)
    }
}

#[async_trait::async_trait]
impl S3Auth for Caller {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        Ok(SecretKey::from(self.grant(access_key)?.secret_key.expose_secret()))
    }
}

#[async_trait::async_trait]
impl S3Access for Caller {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = cx.credentials() else {
            return Err(s3_error!(AccessDenied, "requests must be signed"));
        };
        let grant = self.grant(&credentials.access_key)?;
        let Some(action) = Action::of_operation(cx.s3_op().name()) else {
            return Err(s3_error!(NotImplemented));
        };
        let path = cx.s3_path();
        let allowed = grant.allows(action)
            && match path.get_bucket_name() {
                Some(bucket) => grant.covers_bucket(bucket),
                None => grant.bucket.is_none(),
            }
            && path.get_object_key().is_none_or(|key| grant.covers_keys(key));
        if !allowed {
            return Err(s3_error!(AccessDenied, "this key may not {action} here"));
        }
        cx.extensions_mut().insert(grant);
        Ok(())
    }

    async fn list_objects(&self, req: &mut S3Request<ListObjectsInput>) -> S3Result<()> {
        within(req, |grant| grant.covers_keys(req.input.prefix.as_deref().unwrap_or_default()))
    }

    async fn list_objects_v2(&self, req: &mut S3Request<ListObjectsV2Input>) -> S3Result<()> {
        within(req, |grant| grant.covers_keys(req.input.prefix.as_deref().unwrap_or_default()))
    }

    async fn delete_objects(&self, req: &mut S3Request<DeleteObjectsInput>) -> S3Result<()> {
        let doomed = &req.input.delete.objects;
        within(req, |grant| doomed.iter().all(|object| grant.covers_keys(&object.key)))
    }

    async fn copy_object(&self, req: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        within(req, |grant| match &req.input.copy_source {
            CopySource::Bucket { bucket, key, .. } => {
                grant.allows(Action::GetObject)
                    && grant.covers_bucket(bucket)
                    && grant.covers_keys(key)
            }
            _ => false,
        })
    }
}

/// The part of the judgement that needs the request's body or query.
fn within<T>(req: &S3Request<T>, covered: impl FnOnce(&Grant) -> bool) -> S3Result<()> {
    match req.extensions.get::<Arc<Grant>>() {
        Some(grant) if covered(grant) => Ok(()),
        _ => Err(s3_error!(AccessDenied, "this key may not touch all of these objects")),
    }
}
