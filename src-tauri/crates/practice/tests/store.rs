//! The practice store from outside: over its socket with `object_store`, plain
//! HTTP and restic, and without a socket under a paused clock.
#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests")]

use std::collections::BTreeSet;
use std::path::{Path as FsPath, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, StatusCode};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    RetryConfig, UpdateVersion, WriteMultipart,
};
use practice::store::{
    Action, Gate, Grant, KeyMatch, RequestMatch, Store, StoreFault, StoreOptions, What, When,
};
use practice::workspace::{RepositoryPlan, Size, compare, find_restic, make_repository};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

const BUCKET: &str = "workspaces";

async fn start() -> (TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::start(StoreOptions::new(root.path(), BUCKET)).await.unwrap();
    (root, store)
}

fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

/// The owner's client over the socket.
fn client(store: &Store) -> AmazonS3 {
    store.client().with_retry(no_retries()).build().unwrap()
}

/// The owner's client without a socket.
fn inside(store: &Store) -> AmazonS3 {
    let client = store.client().with_http_connector(store.connector());
    client.with_retry(no_retries()).build().unwrap()
}

fn client_of(store: &Store, grant: &Grant) -> AmazonS3 {
    let mut client = AmazonS3Builder::new()
        .with_endpoint(store.endpoint())
        .with_allow_http(true)
        .with_region("auto")
        .with_bucket_name(BUCKET)
        .with_retry(no_retries())
        .with_access_key_id(&grant.access_key)
        .with_secret_access_key(grant.secret_key.expose_secret());
    if let Some(token) = &grant.session_token {
        client = client.with_token(token.expose_secret());
    }
    client.build().unwrap()
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

async fn put(client: &AmazonS3, key: &str, bytes: impl Into<Bytes>) {
    client.put(&Path::from(key), PutPayload::from(bytes.into())).await.unwrap();
}

async fn get(client: &AmazonS3, key: &str) -> object_store::Result<Bytes> {
    client.get(&Path::from(key)).await?.bytes().await
}

async fn keys(client: &AmazonS3, prefix: &str) -> Vec<String> {
    let prefix = Path::from(prefix);
    let listed = client.list(Some(&prefix)).map_ok(|meta| meta.location.to_string());
    let mut keys: Vec<String> = listed.try_collect().await.unwrap();
    keys.sort();
    keys
}

#[expect(clippy::needless_pass_by_value, reason = "it is called with fresh answers")]
#[track_caller]
fn assert_denied<T: std::fmt::Debug>(result: object_store::Result<T>) {
    assert!(matches!(result, Err(Error::PermissionDenied { .. })), "{result:?}");
}

#[expect(clippy::needless_pass_by_value, reason = "it is called with fresh answers")]
#[track_caller]
fn assert_missing<T: std::fmt::Debug>(result: object_store::Result<T>) {
    assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
}

// What clients do

#[tokio::test]
async fn objects_are_written_read_listed_copied_and_deleted() {
    let (root, store) = start().await;
    let client = client(&store);
    let body = noise(1_000_000);
    put(&client, "repo/data/ab/pack", body.clone()).await;
    put(&client, "repo/data/cd/pack", "two").await;
    put(&client, "repo/config", "").await;
    put(&client, "odd/é 😀 + & = ? # % ' \" *", "odd").await;

    assert_eq!(std::fs::read(root.path().join("workspaces/repo/data/ab/pack")).unwrap(), body);
    let meta = client.head(&Path::from("repo/data/ab/pack")).await.unwrap();
    assert_eq!(meta.size, 1_000_000);
    assert_eq!(meta.e_tag.unwrap().len(), 34, "an MD5 in quotes");
    let age = SystemTime::now().duration_since(meta.last_modified.into()).unwrap();
    assert!(age < Duration::from_mins(1), "{age:?}");
    assert_eq!(get(&client, "repo/data/ab/pack").await.unwrap(), body);
    assert_eq!(get(&client, "repo/config").await.unwrap(), "");
    assert_eq!(get(&client, "odd/é 😀 + & = ? # % ' \" *").await.unwrap(), "odd");
    assert_missing(get(&client, "repo/data/ab").await);
    assert_missing(get(&client, "repo/nothing").await);

    let under = keys(&client, "repo").await;
    assert_eq!(under, ["repo/config", "repo/data/ab/pack", "repo/data/cd/pack"]);
    let page = client.list_with_delimiter(Some(&Path::from("repo/data"))).await.unwrap();
    let folders: Vec<_> = page.common_prefixes.iter().map(ToString::to_string).collect();
    assert_eq!(folders, ["repo/data/ab", "repo/data/cd"]);
    assert!(page.objects.is_empty());
    let after = client.list_with_offset(None, &Path::from("repo/config"));
    assert_eq!(after.count().await, 2);

    client.copy(&Path::from("repo/data/cd/pack"), &Path::from("copy/of/it")).await.unwrap();
    assert_eq!(get(&client, "copy/of/it").await.unwrap(), "two");
    client.delete(&Path::from("copy/of/it")).await.unwrap();
    assert_missing(get(&client, "copy/of/it").await);
    assert!(!root.path().join("workspaces/copy").exists(), "empty folders go");
    let doomed = futures::stream::iter(["repo/data/ab/pack", "repo/config", "repo/not-there"]);
    let doomed = doomed.map(|key| Ok(Path::from(key))).boxed();
    client.delete_stream(doomed).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(keys(&client, "repo").await, ["repo/data/cd/pack"]);
}

#[tokio::test]
async fn ranges_are_cut_as_http_says() {
    let (_root, store) = start().await;
    let client = client(&store);
    let body = noise(700_000);
    put(&client, "pack", body.clone()).await;
    let range = async |range: GetRange| {
        let options = GetOptions { range: Some(range), ..GetOptions::default() };
        client.get_opts(&Path::from("pack"), options).await?.bytes().await
    };
    assert_eq!(range(GetRange::Bounded(5..10)).await.unwrap(), body[5..10]);
    assert_eq!(range(GetRange::Bounded(100..600_001)).await.unwrap(), body[100..600_001]);
    assert_eq!(range(GetRange::Bounded(699_999..900_000)).await.unwrap(), body[699_999..]);
    assert_eq!(range(GetRange::Offset(300_000)).await.unwrap(), body[300_000..]);
    assert_eq!(range(GetRange::Suffix(7)).await.unwrap(), body[699_993..]);
    assert!(range(GetRange::Offset(700_000)).await.is_err());
    let asked = store.requests();
    assert_eq!(asked[1].range.as_deref(), Some("bytes=5-9"));
    assert_eq!((asked[1].status, asked[1].bytes), (Some(206), 5));
    assert_eq!(asked.last().unwrap().status, Some(416));
}

#[tokio::test]
async fn large_objects_arrive_in_parts() {
    let (root, store) = start().await;
    let client = client(&store);
    let body = noise(12 << 20);
    let upload = client.put_multipart(&Path::from("models/big")).await.unwrap();
    let mut writer = WriteMultipart::new_with_chunk_size(upload, 5 << 20);
    writer.write(&body);
    writer.finish().await.unwrap();
    assert_eq!(get(&client, "models/big").await.unwrap(), body);
    let parts = store.requests().iter().filter(|asked| asked.method == Method::PUT).count();
    assert_eq!(parts, 3);

    let mut upload = client.put_multipart(&Path::from("models/small-parts")).await.unwrap();
    upload.put_part("too small".into()).await.unwrap();
    upload.put_part("the last may be".into()).await.unwrap();
    assert!(upload.complete().await.is_err());
    upload.abort().await.unwrap();
    assert!(upload.abort().await.is_err(), "it is gone");
    assert_missing(get(&client, "models/small-parts").await);
    let left = std::fs::read_dir(root.path().join(".incoming")).unwrap().count();
    assert_eq!(left, 0, "nothing half-written is left");
}

#[tokio::test]
async fn parts_can_be_listed() {
    use object_store::multipart::MultipartStore;
    let (_root, store) = start().await;
    let client = client(&store);
    let path = Path::from("models/big");
    let id = client.create_multipart(&path).await.unwrap();
    for part in 0..3 {
        client.put_part(&path, &id, part, PutPayload::from_static(b"part")).await.unwrap();
    }
    let query = format!("uploadId={id}&max-parts=2");
    let page = Presigned::new(&store).query(&query).get("models/big").await.text().await.unwrap();
    assert_eq!(page.matches("<PartNumber>").count(), 2, "{page}");
    assert!(page.contains("<NextPartNumberMarker>2</NextPartNumberMarker>"), "{page}");
    let query = format!("uploadId={id}&part-number-marker=2");
    let page = Presigned::new(&store).query(&query).get("models/big").await.text().await.unwrap();
    assert!(page.contains("<PartNumber>3</PartNumber>"), "{page}");
    assert!(page.contains("<IsTruncated>false</IsTruncated>"), "{page}");
}

#[tokio::test]
async fn both_listings_page_and_encode() {
    let (_root, store) = start().await;
    let client = client(&store);
    for key in ["a b", "dir/1", "dir/2", "dir2/1", "z"] {
        put(&client, key, "x").await;
    }
    let page =
        async |query: &str| Presigned::new(&store).query(query).get("").await.text().await.unwrap();
    let first = page("list-type=2&delimiter=%2F&max-keys=2&encoding-type=url").await;
    assert!(
        first.contains("<Key>a+b</Key>") && first.contains("<Prefix>dir%2F</Prefix>"),
        "{first}"
    );
    assert!(first.contains("<KeyCount>2</KeyCount>"), "{first}");
    let token = between(&first, "<NextContinuationToken>", "</NextContinuationToken>");
    let rest = page(&format!("list-type=2&delimiter=%2F&continuation-token={token}")).await;
    assert!(rest.contains("<Prefix>dir2/</Prefix>") && rest.contains("<Key>z</Key>"), "{rest}");
    assert!(!rest.contains("<Prefix>dir/</Prefix>"), "{rest}");

    let first = page("delimiter=%2F&max-keys=2").await;
    assert_eq!(between(&first, "<NextMarker>", "</NextMarker>"), "dir/");
    let rest = page("delimiter=%2F&marker=dir%2F").await;
    assert!(rest.contains("<Prefix>dir2/</Prefix>") && !rest.contains("<Prefix>dir/</Prefix>"));
    let wrong = Presigned::new(&store).query("list-type=2&continuation-token=%21").get("").await;
    assert_eq!(wrong.status(), 400);
}

#[tokio::test]
async fn buckets_are_made_found_and_listed() {
    let (root, store) = start().await;
    let ask = async |method: Method, path: &str, query: &str| {
        let request = Presigned::new(&store).method(method).query(query);
        let response = request.send(path).await;
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(ask(Method::HEAD, "/workspaces", "").await.0, 200);
    assert_eq!(ask(Method::HEAD, "/missing", "").await.0, 404);
    assert_eq!(ask(Method::PUT, "/another", "").await.0, 200);
    assert_eq!(ask(Method::PUT, "/another", "").await.0, 409);
    assert!(root.path().join("another").is_dir());
    let (status, text) = ask(Method::GET, "/workspaces", "location=").await;
    assert!(status == 200 && text.contains("LocationConstraint"), "{text}");
    let (_, text) = ask(Method::GET, "/", "").await;
    assert!(text.contains("<Name>another</Name>") && text.contains("<Name>workspaces</Name>"));
    assert!(!text.contains(".incoming"), "{text}");
    assert_eq!(ask(Method::GET, "/workspaces", "versioning=").await.0, 501);
    assert_eq!(ask(Method::GET, "/.incoming/x", "").await.0, 400);
}

#[tokio::test]
async fn conditions_hold() {
    let (_root, store) = start().await;
    let client = client(&store);
    let path = Path::from("plan");
    let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let first = client.put_opts(&path, "one".into(), create()).await.unwrap();
    let again = client.put_opts(&path, "two".into(), create()).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    let update = |e_tag: Option<String>| PutOptions {
        mode: PutMode::Update(UpdateVersion { e_tag, version: None }),
        ..PutOptions::default()
    };
    client.put_opts(&path, "two".into(), update(first.e_tag.clone())).await.unwrap();
    let stale = client.put_opts(&path, "three".into(), update(first.e_tag.clone())).await;
    assert!(matches!(stale, Err(Error::Precondition { .. })), "{stale:?}");

    let get = async |options: GetOptions| client.get_opts(&path, options).await.map(|_| ());
    let now = client.head(&path).await.unwrap();
    let same = GetOptions { if_none_match: now.e_tag.clone(), ..GetOptions::default() };
    assert!(matches!(get(same).await, Err(Error::NotModified { .. })));
    let other = GetOptions { if_match: first.e_tag, ..GetOptions::default() };
    assert!(matches!(get(other).await, Err(Error::Precondition { .. })));
    let matching = GetOptions { if_match: now.e_tag, ..GetOptions::default() };
    get(matching).await.unwrap();
    let since = GetOptions { if_modified_since: Some(now.last_modified), ..GetOptions::default() };
    assert!(matches!(get(since).await, Err(Error::NotModified { .. })));
}

#[tokio::test]
async fn a_key_below_an_object_is_refused() {
    let (_root, store) = start().await;
    let client = client(&store);
    put(&client, "a", "file").await;
    put(&client, "b/c", "file").await;
    assert!(client.put(&Path::from("a/b"), "x".into()).await.is_err());
    assert!(client.put(&Path::from("b"), "x".into()).await.is_err());
    assert_eq!(get(&client, "a").await.unwrap(), "file");
    assert_eq!(get(&client, "b/c").await.unwrap(), "file");
}

// Who may do what

#[tokio::test]
async fn a_wrong_secret_an_unknown_key_and_no_key_are_refused() {
    let (_root, store) = start().await;
    put(&client(&store), "a", "x").await;
    let with = |key: &str, secret: &str| {
        let client = store.client().with_access_key_id(key).with_secret_access_key(secret);
        client.with_retry(no_retries()).build().unwrap()
    };
    assert_denied(get(&with(store.access_key(), "wrong"), "a").await);
    assert_denied(get(&with("unknown", store.secret_key().expose_secret()), "a").await);
    let url = format!("{}/{BUCKET}/a", store.endpoint());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 403);
    let unsigned = store.client().with_skip_signature(true).build().unwrap();
    assert_denied(unsigned.put(&Path::from("a"), "y".into()).await);
    assert_eq!(get(&client(&store), "a").await.unwrap(), "x");
}

fn read_only(store: &Store, token: &str) -> Grant {
    Grant {
        access_key: store.access_key().to_owned(),
        secret_key: format!("secret of {token}").into(),
        session_token: Some(token.into()),
        actions: Some(BTreeSet::from([
            Action::GetObject,
            Action::HeadObject,
            Action::ListObjectsV2,
        ])),
        bucket: Some(BUCKET.into()),
        prefixes: vec!["repo/".into()],
        objects: Vec::new(),
        expires: None,
    }
}

#[tokio::test]
async fn a_grant_allows_what_it_says_and_nothing_else() {
    let (_root, store) = start().await;
    let owner = client(&store);
    put(&owner, "repo/config", "mine").await;
    put(&owner, "other/config", "not mine").await;
    let grant = read_only(&store, "session 1");
    store.grant(grant.clone());
    let reader = client_of(&store, &grant);

    assert_eq!(get(&reader, "repo/config").await.unwrap(), "mine");
    reader.head(&Path::from("repo/config")).await.unwrap();
    assert_eq!(keys(&reader, "repo").await, ["repo/config"]);
    assert_denied(get(&reader, "other/config").await);
    assert_denied(get(&reader, "repository").await);
    for prefix in [None, Some(Path::from("other"))] {
        let error = reader.list(prefix.as_ref()).try_collect::<Vec<_>>().await.unwrap_err();
        assert!(error.to_string().contains("AccessDenied"), "{error}");
    }
    assert_denied(reader.put(&Path::from("repo/config"), "x".into()).await);
    assert_denied(reader.delete(&Path::from("repo/config")).await);
    assert_denied(reader.copy(&Path::from("repo/config"), &Path::from("repo/copy")).await);
    assert_denied(reader.put_multipart(&Path::from("repo/big")).await.map(drop));

    let elsewhere = Presigned::of(&store, &grant).method(Method::GET);
    assert_eq!(elsewhere.send("/another/repo/config").await.status(), 403);
    let buckets = Presigned::of(&store, &grant).send("/").await;
    assert_eq!(buckets.status(), 403);
    let known = Presigned::of(&store, &grant).method(Method::HEAD);
    assert_eq!(known.send("/workspaces").await.status(), 200);
    assert_eq!(get(&owner, "repo/config").await.unwrap(), "mine");
}

#[tokio::test]
async fn a_grant_that_writes_stays_within_its_prefix() {
    let (_root, store) = start().await;
    let owner = client(&store);
    put(&owner, "other/secret", "not mine").await;
    put(&owner, "repo/a", "mine").await;
    let grant = Grant {
        actions: None,
        session_token: Some("writer".into()),
        ..read_only(&store, "writer")
    };
    store.grant(grant.clone());
    let writer = client_of(&store, &grant);
    put(&writer, "repo/b", "new").await;
    writer.copy(&Path::from("repo/a"), &Path::from("repo/c")).await.unwrap();
    assert_denied(writer.copy(&Path::from("other/secret"), &Path::from("repo/d")).await);
    let doomed = ["repo/a", "other/secret"].map(|key| Ok(Path::from(key)));
    let doomed = futures::stream::iter(doomed).boxed();
    assert!(writer.delete_stream(doomed).try_collect::<Vec<_>>().await.is_err());
    assert_eq!(keys(&owner, "").await, ["other/secret", "repo/a", "repo/b", "repo/c"]);
}

#[tokio::test]
async fn session_tokens_tell_credentials_apart_and_end() {
    let (_root, store) = start().await;
    put(&client(&store), "repo/config", "x").await;
    let (one, two) = (read_only(&store, "one"), read_only(&store, "two"));
    store.grant(one.clone());
    store.grant(two.clone());
    get(&client_of(&store, &one), "repo/config").await.unwrap();
    get(&client_of(&store, &two), "repo/config").await.unwrap();

    let forged = Grant { session_token: two.session_token.clone(), ..one.clone() };
    assert_denied(get(&client_of(&store, &forged), "repo/config").await);
    let without = Grant { session_token: None, ..one.clone() };
    assert_denied(get(&client_of(&store, &without), "repo/config").await);
    let unknown = Grant { session_token: Some("three".into()), ..one.clone() };
    assert!(get(&client_of(&store, &unknown), "repo/config").await.is_err());

    let soon = SystemTime::now() + Duration::from_mins(10);
    store.grant(Grant { expires: Some(soon), ..one.clone() });
    get(&client_of(&store, &one), "repo/config").await.unwrap();
    store.set_clock_offset(700);
    assert!(get(&client_of(&store, &one), "repo/config").await.is_err(), "expired");
    get(&client_of(&store, &two), "repo/config").await.unwrap();
    store.set_clock_offset(0);
    store.revoke(store.access_key());
    assert_denied(get(&client(&store), "repo/config").await);
}

/// Temporary credentials of R2, made by hand.
struct Token {
    head: serde_json::Value,
    claims: serde_json::Value,
    secret: SecretString,
}

impl Token {
    fn of(store: &Store) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let host = store.endpoint().trim_start_matches("http://").to_owned();
        Self {
            head: serde_json::json!({ "alg": "HS256", "typ": "JWT" }),
            claims: serde_json::json!({
                "sub": host.split('.').next().unwrap(),
                "iss": store.access_key(),
                "aud": host,
                "iat": now,
                "exp": now + 600,
                "bucket": BUCKET,
                "scope": "object-read-only",
                "actions": ["GetObject", "HeadObject", "ListObjectsV2"],
                "paths": { "prefixPaths": ["repo/"], "objectPaths": ["shared/one"] },
            }),
            secret: store.secret_key().clone(),
        }
    }

    fn with(mut self, claim: &str, value: serde_json::Value) -> Self {
        self.claims[claim] = value;
        self
    }

    fn grant(&self) -> Grant {
        use base64::Engine as _;
        use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
        let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&self.head), part(&self.claims));
        let key = self.secret.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(signed.as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        let jwt = format!("{signed}.{signature}");
        let digest = Sha256::digest(&jwt);
        let secret: String = format!("{:x}", bytes::Bytes::copy_from_slice(&digest));
        Grant {
            session_token: Some(BASE64_STANDARD.encode(format!("jwt/{jwt}")).into()),
            ..Grant::owner(self.claims["iss"].as_str().unwrap(), secret.into())
        }
    }
}

#[tokio::test]
async fn a_temporary_key_is_made_without_asking_and_does_what_it_says() {
    let (_root, store) = start().await;
    let owner = client(&store);
    for key in ["repo/config", "repo/data/ab/pack", "other/config", "shared/one", "shared/one2"] {
        put(&owner, key, key.to_owned()).await;
    }
    let reader = client_of(&store, &Token::of(&store).grant());
    assert_eq!(get(&reader, "repo/config").await.unwrap(), "repo/config");
    assert_eq!(get(&reader, "shared/one").await.unwrap(), "shared/one");
    reader.head(&Path::from("repo/config")).await.unwrap();
    assert_eq!(keys(&reader, "repo").await, ["repo/config", "repo/data/ab/pack"]);
    assert_denied(get(&reader, "other/config").await);
    assert_denied(get(&reader, "shared/one2").await);
    assert!(reader.list(None).try_collect::<Vec<_>>().await.is_err());
    assert_denied(reader.put(&Path::from("repo/new"), "x".into()).await);
    assert_denied(reader.delete(&Path::from("repo/config")).await);

    // Fewer actions, and one that the scope does not hold.
    let only = |actions: &[&str]| Token::of(&store).with("actions", actions.into()).grant();
    let getter = client_of(&store, &only(&["GetObject", "PutObject"]));
    get(&getter, "repo/config").await.unwrap();
    assert!(getter.list(Some(&Path::from("repo"))).try_collect::<Vec<_>>().await.is_err());
    assert_denied(getter.put(&Path::from("repo/new"), "x".into()).await);
    let writer = Token::of(&store).with("scope", "object-read-write".into());
    let writer = client_of(&store, &writer.with("actions", ["PutObject"].into()).grant());
    put(&writer, "repo/new", "x").await;
    assert_denied(get(&writer, "repo/new").await);
    assert_denied(writer.put(&Path::from("other/new"), "x".into()).await);

    // It ends by itself, and with its parent.
    store.set_clock_offset(580);
    get(&reader, "repo/config").await.unwrap();
    store.set_clock_offset(601);
    let error = get(&reader, "repo/config").await.unwrap_err().to_string();
    assert!(error.contains("ExpiredToken"), "{error}");
    store.set_clock_offset(0);
    store.revoke(store.access_key());
    assert!(get(&reader, "repo/config").await.is_err());
}

#[tokio::test]
async fn each_field_of_a_temporary_key_is_verified() {
    use serde_json::json;
    let (_root, store) = start().await;
    put(&client(&store), "repo/config", "x").await;
    let narrow = Grant {
        access_key: "narrow".into(),
        secret_key: "the narrow one's secret".into(),
        ..read_only(&store, "")
    };
    store.grant(Grant { session_token: None, ..narrow.clone() });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let refused = [
        Token::of(&store).with("sub", json!("another-account")),
        Token::of(&store).with("aud", json!("127.0.0.1:1")),
        Token::of(&store).with("bucket", json!("another-bucket")),
        Token::of(&store).with("scope", json!("everything")),
        Token::of(&store).with("actions", json!(["GetObject", "Anything"])),
        Token::of(&store).with("exp", json!(now - 1)),
        Token::of(&store).with("exp", json!(now + 8 * 24 * 3_600)),
        Token::of(&store).with("iat", json!(now + 3_000)),
        Token::of(&store).with("iat", json!("today")),
        Token::of(&store).with("surprise", json!(1)),
        Token::of(&store).with("paths", json!({ "prefix": ["repo/"] })),
        Token { secret: "not the parent's".into(), ..Token::of(&store) },
        Token { head: json!({ "alg": "none", "typ": "JWT" }), ..Token::of(&store) },
        // More than its own parent may do.
        Token {
            secret: narrow.secret_key.clone(),
            ..Token::of(&store).with("iss", json!("narrow")).with("paths", json!({}))
        },
    ];
    for token in refused {
        let got = get(&client_of(&store, &token.grant()), "repo/config").await;
        assert!(got.is_err(), "{}", token.claims);
    }
    // Of the same parent, and no more than that: good. Its parts, mixed: not.
    let child = Token { secret: narrow.secret_key.clone(), ..Token::of(&store) };
    let child =
        child.with("iss", json!("narrow")).with("paths", json!({ "prefixPaths": ["repo/"] }));
    get(&client_of(&store, &child.grant()), "repo/config").await.unwrap();
    let (one, two) = (Token::of(&store), Token::of(&store).with("exp", json!(now + 60)));
    let mixed = Grant { session_token: two.grant().session_token, ..one.grant() };
    assert_denied(get(&client_of(&store, &mixed), "repo/config").await);
}

#[tokio::test]
async fn a_presigned_url_works_until_it_expires() {
    let (_root, store) = start().await;
    let client = client(&store);
    put(&client, "repo/data/ab/a pack", "packed").await;
    let path = Path::from("repo/data/ab/a pack");
    let url = client.signed_url(Method::GET, &path, Duration::from_mins(1)).await.unwrap();
    let ask = async |url: &str| {
        let response = reqwest::get(url).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(ask(url.as_str()).await, (200, "packed".into()));
    let part = reqwest::Client::new().get(url.clone()).header("range", "bytes=1-3");
    let part = part.send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.text().await.unwrap()), (206, "ack".into()));

    assert_eq!(ask(&url.as_str().replace("/ab/", "/cd/")).await.0, 403, "another object");
    assert_eq!(ask(&url.as_str().replace("Expires=60", "Expires=6000")).await.0, 403);
    let put = reqwest::Client::new().put(url.clone()).body("x").send().await.unwrap();
    assert_eq!(put.status(), 403, "another method");
    store.set_clock_offset(61);
    let (status, text) = ask(url.as_str()).await;
    assert!(status == 403 && text.contains("expired"), "{status} {text}");
    store.set_clock_offset(0);

    let old = Presigned::new(&store).signed_ago(120).lives(60).get("repo/data/ab/a pack").await;
    assert_eq!(old.status(), 403);
    let long = Presigned::new(&store).lives(700_000).get("repo/data/ab/a pack").await;
    assert_eq!(long.status(), 400);
}

#[tokio::test]
async fn a_presigned_url_of_a_grant_is_no_more_than_the_grant() {
    let (_root, store) = start().await;
    put(&client(&store), "repo/config", "x").await;
    put(&client(&store), "other", "x").await;
    let grant = read_only(&store, "session");
    store.grant(grant.clone());
    let ask = async |key: &str| Presigned::of(&store, &grant).get(key).await.status().as_u16();
    assert_eq!(ask("repo/config").await, 200);
    assert_eq!(ask("other").await, 403);
}

#[tokio::test]
async fn the_stores_clock_shows_and_counts() {
    let (_root, store) = start().await;
    put(&client(&store), "a", "x").await;
    let date = async || {
        let response = reqwest::get(store.endpoint()).await.unwrap();
        let date = response.headers()["date"].to_str().unwrap().to_owned();
        jiff::fmt::rfc2822::parse(&date).unwrap().timestamp().as_second()
    };
    let now =
        || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    assert!((date().await - now()).abs() <= 2);
    store.set_clock_offset(-7200);
    assert!((date().await - now() + 7200).abs() <= 2);
    assert_denied(get(&client(&store), "a").await);
    store.set_clock_offset(600);
    get(&client(&store), "a").await.unwrap();
}

#[tokio::test]
async fn old_signatures_and_forms_are_refused() {
    let (_root, store) = start().await;
    let http = reqwest::Client::new();
    let url = format!("{}/{BUCKET}/a", store.endpoint());
    let header = http.get(&url).header("authorization", "AWS key:c2lnbmF0dXJl").send();
    assert_eq!(header.await.unwrap().status(), 400);
    let query = format!("{url}?AWSAccessKeyId=k&Expires=9999999999&Signature=c2lnbmF0dXJl");
    assert_eq!(http.get(query).send().await.unwrap().status(), 400);
    let form = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na\r\n--b\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--b--\r\n";
    let form = http.post(format!("{}/{BUCKET}", store.endpoint())).body(form);
    let form = form.header("content-type", "multipart/form-data; boundary=b").send();
    assert_eq!(form.await.unwrap().status(), 403);
}

// Nothing outside

#[tokio::test]
async fn no_key_leads_out_of_the_bucket() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("outside"), "secret").unwrap();
    let store = Store::start(StoreOptions::new(root.path().join("store"), BUCKET)).await.unwrap();
    let inner = root.path().join("store/another");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("object"), "secret").unwrap();
    for raw in [
        "../../outside",
        "..%2F..%2Foutside",
        "%2e%2e/%2e%2e/outside",
        "a/../../another/object",
        "a%2F..%2F..%2Fanother%2Fobject",
        "%2Fetc%2Fpasswd",
        "/etc/passwd",
        "./a",
        "a//b",
        "a/",
        "nul%00byte",
        "..%5C..%5Coutside%00",
    ] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
            let request = Presigned::new(&store).method(method.clone());
            let (status, body) = request.send_raw(&format!("/{BUCKET}/{raw}")).await;
            assert_eq!(status, 400, "{method} {raw}: {body}");
            assert!(!body.contains("secret"), "{raw}");
        }
    }
    for raw in ["/..", "/../outside", "/.incoming/x", "/%2e%2e/outside", "/%2Fetc/passwd"] {
        let (status, body) = Presigned::new(&store).send_raw(raw).await;
        assert_eq!(status, 400, "{raw}: {body}");
    }
    let copy = Presigned::new(&store).method(Method::PUT);
    let source = format!("{BUCKET}/../another/object");
    let (status, _) =
        copy.header("x-amz-copy-source", &source).send_raw(&format!("/{BUCKET}/c")).await;
    assert_eq!(status, 400);
    assert_eq!(std::fs::read_to_string(root.path().join("outside")).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(root.path().join("store/workspaces")).unwrap().count(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_pipes_in_the_folder_are_no_objects() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("file"), "secret").unwrap();
    let (root, store) = start().await;
    let client = client(&store);
    put(&client, "real/file", "mine").await;
    let bucket = root.path().join(BUCKET);
    symlink(outside.path(), bucket.join("folder")).unwrap();
    symlink(outside.path().join("file"), bucket.join("file")).unwrap();
    symlink("../..", bucket.join("up")).unwrap();
    symlink(outside.path(), root.path().join("linked-bucket")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(bucket.join("pipe")).status();
    assert!(pipe.unwrap().success());

    for key in ["folder/file", "file", "up/linked-bucket/file", "pipe"] {
        assert_missing(get(&client, key).await);
    }
    assert!(client.put(&Path::from("folder/new"), "x".into()).await.is_err());
    assert_eq!(Presigned::new(&store).send("/linked-bucket/file").await.status(), 404);
    put(&client, "file", "a file of its own now").await;
    client.delete(&Path::from("folder/file")).await.unwrap();
    assert_eq!(std::fs::read_to_string(outside.path().join("file")).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(keys(&client, "").await, ["file", "real/file"]);
}

#[tokio::test]
async fn nonsense_on_the_socket_harms_nobody() {
    let (_root, store) = start().await;
    let address = store.endpoint().replace("http://", "");
    for nonsense in [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(5000)),
        format!(
            "PUT /{BUCKET}/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"
        ),
        "GET /%ff%fe?X-Amz-Signature=%ff HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
    ] {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        socket.write_all(nonsense.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{nonsense:?}");
    }
    put(&client(&store), "a", "x").await;
    assert_eq!(get(&client(&store), "a").await.unwrap(), "x");
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let (root, store) = start().await;
    put(&client(&store), "a", "old").await;
    let address = store.endpoint().replace("http://", "");
    let target = Presigned::new(&store).method(Method::PUT).target(&format!("/{BUCKET}/a"));
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let head =
        format!("PUT {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1000\r\n\r\nhalf");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(get(&client(&store), "a").await.unwrap(), "old");
    assert_eq!(std::fs::read_dir(root.path().join(".incoming")).unwrap().count(), 0);
}

// The gate and the faults

fn fault(key: &str, when: When, what: What) -> StoreFault {
    StoreFault { matches: RequestMatch::get(KeyMatch::Contains(key.into())), when, what }
}

#[tokio::test(start_paused = true)]
async fn latency_comes_before_every_answer_and_costs_no_real_time() {
    let (_root, store) = start().await;
    let client = Arc::new(inside(&store));
    put(&client, "a", "x").await;
    store.set_gate(Gate { latency: Duration::from_secs(40), ..Gate::default() });
    let begun = tokio::time::Instant::now();
    get(&client, "a").await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 40);
    assert_missing(get(&client, "b").await);
    assert_eq!(begun.elapsed().as_secs(), 80, "errors too");
    let all = (0..32).map(|_| get(&client, "a"));
    futures::future::try_join_all(all).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 120, "side by side");
    assert_eq!(store.counters().most_in_flight, 32);
    assert_eq!(store.counters().in_flight, 0);
    assert_eq!(store.counters().connections, 0);
    assert_eq!(store.requests()[2].at.as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn bandwidth_is_shared_and_capped() {
    let (_root, store) = start().await;
    let client = inside(&store);
    put(&client, "pack", noise(1_000_000)).await;
    let time = async |streams: usize| {
        let begun = tokio::time::Instant::now();
        let all = (0..streams).map(|_| get(&client, "pack"));
        for body in futures::future::try_join_all(all).await.unwrap() {
            assert_eq!(body.len(), 1_000_000);
        }
        begun.elapsed().as_millis()
    };
    let (line, stream) = (Some(1_000_000), Some(250_000));
    store.set_gate(Gate { line_bytes_per_s: line, ..Gate::default() });
    assert!((1000..1010).contains(&time(1).await));
    assert!((4000..4010).contains(&time(4).await));
    store.set_gate(Gate { stream_bytes_per_s: stream, ..Gate::default() });
    assert!((4000..4010).contains(&time(1).await));
    assert!((4000..4010).contains(&time(8).await), "each for itself");
    store.set_gate(Gate { line_bytes_per_s: line, stream_bytes_per_s: stream, ..Gate::default() });
    assert!((4000..4010).contains(&time(2).await));
    assert!((8000..8010).contains(&time(8).await));
    store.set_gate(Gate::default());
    assert_eq!(time(8).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_line_is_shared_fairly() {
    let (_root, store) = start().await;
    let client = inside(&store);
    put(&client, "large", noise(1_000_000)).await;
    put(&client, "small", noise(50_000)).await;
    store.set_gate(Gate { line_bytes_per_s: Some(100_000), ..Gate::default() });
    let begun = tokio::time::Instant::now();
    let small = async {
        get(&client, "small").await.unwrap();
        begun.elapsed()
    };
    let (large, small) = tokio::join!(get(&client, "large"), small);
    large.unwrap();
    assert!(small < Duration::from_millis(1100), "half the line each: {small:?}");
}

#[tokio::test(start_paused = true)]
async fn faults_strike_inside_the_process() {
    let (_root, store) = start().await;
    let client = inside(&store);
    let body = noise(600_000);
    put(&client, "data/pack", body.clone()).await;
    let (first, always) = (When::First(1), When::Always);
    let hour = Duration::from_hours(1);

    store.set_faults(vec![fault("data/", first, What::Status(StatusCode::SERVICE_UNAVAILABLE))]);
    let error = get(&client, "data/pack").await.unwrap_err().to_string();
    assert!(error.contains("503") && error.contains("SlowDown"), "{error}");
    assert_eq!(get(&client, "data/pack").await.unwrap(), body);
    assert_eq!(store.faults_struck(), [1]);

    store.set_faults(vec![fault("data/", always, What::Missing)]);
    assert_missing(get(&client, "data/pack").await);
    store.set_faults(vec![fault("data/", always, What::Reset)]);
    assert!(get(&client, "data/pack").await.is_err());
    store.set_faults(vec![fault("data/", always, What::Silence)]);
    assert!(tokio::time::timeout(hour, get(&client, "data/pack")).await.is_err());

    store.set_faults(vec![fault("data/", always, What::Stall(1000))]);
    let mut stream = client.get(&Path::from("data/pack")).await.unwrap().into_stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), body[..1000]);
    assert!(tokio::time::timeout(hour, stream.next()).await.is_err());

    for what in [What::Truncate(300_000), What::ResetAfter(300_000)] {
        store.set_faults(vec![fault("data/", always, what)]);
        let mut stream = client.get(&Path::from("data/pack")).await.unwrap().into_stream();
        let mut got = Vec::new();
        let broken = loop {
            match stream.next().await {
                Some(Ok(bytes)) => got.extend(bytes),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broken && got == body[..300_000], "{what:?}: {}", got.len());
    }

    store.set_faults(vec![fault("data/", always, What::FlipByte(500_000))]);
    let mut damaged = body.clone();
    damaged[500_000] ^= 0xff;
    assert_eq!(get(&client, "data/pack").await.unwrap(), damaged);
    let range = client.get_range(&Path::from("data/pack"), 499_990..500_010).await.unwrap();
    assert_eq!(range, damaged[499_990..500_010], "the offset is the object's");
    let range = client.get_range(&Path::from("data/pack"), 500_001..500_010).await.unwrap();
    assert_eq!(range, body[500_001..500_010]);
    assert_eq!(store.requests().last().unwrap().fault, Some(0));
}

#[tokio::test]
async fn faults_break_real_connections() {
    let (_root, store) = start().await;
    let body = noise(3_000_000);
    put(&client(&store), "data/pack", body.clone()).await;
    let ask = async || {
        let mut response = Presigned::new(&store).try_get("data/pack").await?;
        let mut got = Vec::new();
        while let Some(bytes) = response.chunk().await? {
            got.extend(bytes);
        }
        Ok::<_, reqwest::Error>(got)
    };
    assert_eq!(ask().await.unwrap(), body);
    let always = When::Always;
    store.set_faults(vec![fault("data/", always, What::Reset)]);
    assert!(ask().await.is_err());

    for (what, at_least) in
        [(What::Truncate(2_000_000), 2_000_000), (What::ResetAfter(2_000_000), 0)]
    {
        store.set_faults(vec![fault("data/", always, what)]);
        let mut response = Presigned::new(&store).try_get("data/pack").await.unwrap();
        assert_eq!(response.content_length(), Some(3_000_000), "it promises all");
        let mut got = 0;
        let broken = loop {
            match response.chunk().await {
                Ok(Some(bytes)) => got += bytes.len(),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(broken && (at_least..=2_000_000).contains(&got), "{what:?}: {got}");
        assert_eq!(store.requests().last().unwrap().bytes, 2_000_000);
    }

    store.set_faults(vec![fault("data/", always, What::Stall(100_000))]);
    let mut response = Presigned::new(&store).try_get("data/pack").await.unwrap();
    let mut got = 0;
    while got < 100_000 {
        got += response.chunk().await.unwrap().unwrap().len();
    }
    assert_eq!(got, 100_000);
    store.set_faults(Vec::new());
    assert_eq!(ask().await.unwrap(), body, "other connections are well");
    store.stop().await;
    assert!(response.chunk().await.is_err(), "the stalled one ends with the store");
}

#[tokio::test]
async fn a_failed_upload_says_why_and_object_store_tries_again() {
    let (_root, store) = start().await;
    let client = store.client().build().unwrap();
    store.set_faults(vec![StoreFault {
        matches: RequestMatch { method: Some(Method::PUT), key: KeyMatch::StartsWith("up".into()) },
        when: When::First(2),
        what: What::Status(StatusCode::INTERNAL_SERVER_ERROR),
    }]);
    put(&client, "up/load", noise(8 << 20)).await;
    assert_eq!(store.faults_struck(), [2]);
    assert_eq!(get(&client, "up/load").await.unwrap().len(), 8 << 20);
    let puts = store.requests().into_iter().filter(|asked| asked.method == Method::PUT);
    assert_eq!(puts.map(|asked| asked.status.unwrap()).collect::<Vec<_>>(), [500, 500, 200]);
}

#[tokio::test]
async fn connections_are_kept_and_end_with_the_store() {
    let (_root, store) = start().await;
    let client = client(&store);
    put(&client, "a", "x").await;
    for _ in 0..20 {
        get(&client, "a").await.unwrap();
    }
    assert_eq!(store.counters().connections, 1);
    assert_eq!(store.counters().requests, 21);
    let address = store.endpoint().replace("http://", "");
    store.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_dropped_store_listens_no_more() {
    let (_root, store) = start().await;
    let address = store.endpoint().replace("http://", "");
    drop(store);
    let refused = async { while TcpStream::connect(&address).await.is_ok() {} };
    tokio::time::timeout(Duration::from_mins(1), refused).await.unwrap();
}

#[tokio::test]
async fn what_stands_in_the_folder_is_served() {
    let root = tempfile::tempdir().unwrap();
    let bucket = root.path().join(BUCKET);
    std::fs::create_dir_all(bucket.join("repo")).unwrap();
    std::fs::write(bucket.join("repo/config"), "written by another program").unwrap();
    let store = Store::start(StoreOptions::new(root.path(), BUCKET)).await.unwrap();
    let client = client(&store);
    let before = client.head(&Path::from("repo/config")).await.unwrap();
    assert_eq!(before.size, 26);
    std::fs::write(bucket.join("repo/config"), "changed by another program").unwrap();
    let changed = std::fs::File::open(bucket.join("repo/config")).unwrap();
    changed.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
    let after = client.head(&Path::from("repo/config")).await.unwrap();
    assert_ne!(before.e_tag, after.e_tag);
    assert_eq!(after.last_modified.timestamp(), 1_700_000_000);
}

#[tokio::test]
async fn a_store_needs_a_folder_and_a_bucket_that_exist() {
    let root = tempfile::tempdir().unwrap();
    for name in ["..", "a/b", "", "UPPER", ".incoming"] {
        let error = Store::start(StoreOptions::new(root.path(), name)).await.unwrap_err();
        assert!(error.to_string().contains("not a bucket's name"), "{error}");
    }
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::start(StoreOptions::new(&file, BUCKET)).await.unwrap_err();
    assert!(error.to_string().starts_with("open the practice store's folder"), "{error}");
}

// restic

async fn restic(program: &FsPath, store: &Store, home: &FsPath, arguments: &[&str]) -> String {
    let repository = format!("s3:{}/{BUCKET}/made/by restic", store.endpoint());
    let output = Command::new(program)
        .env_clear()
        .env("HOME", home)
        .env("RESTIC_PASSWORD", "practice")
        .env("RESTIC_REPOSITORY", repository)
        .env("AWS_ACCESS_KEY_ID", store.access_key())
        .env("AWS_SECRET_ACCESS_KEY", store.secret_key().expose_secret())
        .args(["-o", "s3.connections=32", "--no-cache"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "restic {arguments:?}: {said}{complained}");
    said.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn restic_backs_up_restores_and_checks() {
    let Some((program, version)) = find_restic().await else {
        println!("SKIPPED: no restic on this computer");
        return;
    };
    println!("restic {version}");
    let (root, store) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let made = make_repository(&RepositoryPlan {
        restic: program.clone(),
        source: folder.path().join("source"),
        location: root.path().join(BUCKET).join("made/here"),
        recipe: "practice".into(),
        password: SecretString::from("practice"),
        seed: 11,
        size: Size::Small,
    })
    .await
    .unwrap();
    let source = made.workspace.folder();
    let run = async |arguments: &[&str]| restic(&program, &store, folder.path(), arguments).await;

    // A repository that restic itself made through the store.
    run(&["init"]).await;
    run(&["backup", "--tag", "one", source.to_str().unwrap()]).await;
    run(&["check", "--read-data"]).await;
    let target = folder.path().join("restored");
    run(&["restore", "latest", "--target", target.to_str().unwrap()]).await;
    let inner: PathBuf = source.strip_prefix("/").unwrap().into();
    let differences = compare(&source, &target.join(inner)).unwrap();
    assert!(differences.is_empty(), "{differences}");
    run(&["backup", "--tag", "two", source.to_str().unwrap()]).await;
    run(&["forget", "--keep-last", "1", "--prune"]).await;

    // The one that was made in the store's folder.
    let url = format!("s3:{}/{BUCKET}/made/here", store.endpoint());
    run(&["--repo", &url, "check", "--read-data"]).await;
    let target = folder.path().join("restored too");
    let id = made.snapshots[2].id.as_str();
    run(&["--repo", &url, "restore", id, "--target", target.to_str().unwrap()]).await;
    let differences = compare(&source, &target.join("workspace")).unwrap();
    assert!(differences.is_empty(), "{differences}");
    let failed = store.requests().into_iter().filter(|asked| asked.status == Some(403)).count();
    assert_eq!(failed, 0);
}

// A measurement

/// 300 MB in 75 objects of 4 MiB, 32 at once. Run with
/// `cargo test --release -p practice --test store -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn throughput() {
    const OBJECTS: usize = 75;
    const BYTES: usize = 4 << 20;
    let (root, store) = start().await;
    for at in 0..OBJECTS {
        std::fs::write(root.path().join(BUCKET).join(format!("{at}")), noise(BYTES)).unwrap();
    }
    let client = Arc::new(client(&store));
    let urls: Vec<String> =
        (0..OBJECTS).map(|at| Presigned::new(&store).url(&format!("/{BUCKET}/{at}"))).collect();
    let http = reqwest::Client::new();
    for round in ["first (hashing)", "second", "third"] {
        let begun = std::time::Instant::now();
        let gets = futures::stream::iter(urls.clone()).map(|url| {
            let http = http.clone();
            tokio::spawn(async move {
                let mut response = http.get(url).send().await.unwrap();
                let mut got = 0;
                while let Some(bytes) = response.chunk().await.unwrap() {
                    got += bytes.len();
                }
                got
            })
        });
        let got: usize =
            gets.buffer_unordered(32).map(Result::unwrap).fold(0, async |a, b| a + b).await;
        assert_eq!(got, OBJECTS * BYTES);
        let seconds = begun.elapsed().as_secs_f64();
        println!("reqwest, {round}: {:.0} MB/s", got as f64 / 1e6 / seconds);
    }
    let begun = std::time::Instant::now();
    let gets = futures::stream::iter(0..OBJECTS).map(|at| {
        let client = client.clone();
        tokio::spawn(async move { get(&client, &at.to_string()).await.unwrap().len() })
    });
    let got: usize =
        gets.buffer_unordered(32).map(Result::unwrap).fold(0, async |a, b| a + b).await;
    println!("object_store: {:.0} MB/s", got as f64 / 1e6 / begun.elapsed().as_secs_f64());
    assert_eq!(store.counters().most_in_flight, 32);
}

// Signing by hand: clients tidy up the paths that these tests are about

struct Presigned<'a> {
    store: &'a Store,
    access_key: String,
    secret: SecretString,
    token: Option<SecretString>,
    method: Method,
    query: String,
    headers: Vec<(String, String)>,
    signed_ago: u64,
    lives: u64,
}

impl<'a> Presigned<'a> {
    fn new(store: &'a Store) -> Self {
        Self {
            store,
            access_key: store.access_key().to_owned(),
            secret: store.secret_key().clone(),
            token: None,
            method: Method::GET,
            query: String::new(),
            headers: Vec::new(),
            signed_ago: 0,
            lives: 60,
        }
    }

    fn of(store: &'a Store, grant: &Grant) -> Self {
        Self {
            access_key: grant.access_key.clone(),
            secret: grant.secret_key.clone(),
            token: grant.session_token.clone(),
            ..Self::new(store)
        }
    }

    fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// `name=value&…`, percent-encoded.
    fn query(self, query: &str) -> Self {
        Self { query: query.into(), ..self }
    }

    /// Sent, but not signed.
    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn signed_ago(self, seconds: u64) -> Self {
        Self { signed_ago: seconds, ..self }
    }

    fn lives(self, seconds: u64) -> Self {
        Self { lives: seconds, ..self }
    }

    async fn get(self, key: &str) -> reqwest::Response {
        self.try_get(key).await.unwrap()
    }

    async fn try_get(self, key: &str) -> reqwest::Result<reqwest::Response> {
        reqwest::get(self.url(&format!("/{BUCKET}/{}", encode(key, true)))).await
    }

    async fn send(self, path: &str) -> reqwest::Response {
        let (method, url) = (self.method.clone(), self.url(path));
        reqwest::Client::new().request(method, url).send().await.unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{}", self.store.endpoint(), self.target(path))
    }

    /// Sends the path as it is, and no body.
    async fn send_raw(self, path: &str) -> (u16, String) {
        let address = self.store.endpoint().replace("http://", "");
        let mut socket = TcpStream::connect(&address).await.unwrap();
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: {address}\r\n", self.method, self.target(path));
        for (name, value) in &self.headers {
            head = format!("{head}{name}: {value}\r\n");
        }
        head += "Content-Length: 0\r\nConnection: close\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        (answer[9..12].parse().unwrap(), answer)
    }

    fn target(&self, path: &str) -> String {
        let signed = SystemTime::now() - Duration::from_secs(self.signed_ago);
        let date =
            jiff::Timestamp::try_from(signed).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!("{}/auto/s3/aws4_request", &date[..8]);
        let mut pairs: Vec<(String, String)> = self
            .query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let mut add = |name: &str, value: &str| pairs.push((name.into(), encode(value, false)));
        add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
        add("X-Amz-Credential", &format!("{}/{scope}", self.access_key));
        add("X-Amz-Date", &date);
        add("X-Amz-Expires", &self.lives.to_string());
        add("X-Amz-SignedHeaders", "host");
        if let Some(token) = &self.token {
            add("X-Amz-Security-Token", token.expose_secret());
        }
        pairs.sort();
        let query: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = query.join("&");
        let host = self.store.endpoint().replace("http://", "");
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8().unwrap();
        let canonical = format!(
            "{}\n{}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD",
            self.method,
            encode(&decoded, true),
        );
        let text =
            format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let mut key = format!("AWS4{}", self.secret.expose_secret()).into_bytes();
        for part in [&date[..8], "auto", "s3", "aws4_request"] {
            key = hmac(&key, part);
        }
        format!("{path}?{query}&X-Amz-Signature={}", hex(&hmac(&key, &text)))
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn encode(text: &str, keep_slashes: bool) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        b'/' if keep_slashes => "/".into(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}")).1;
    rest.split_once(end).unwrap().0
}
