//! Repositories on S3.

use jiff::SignedDuration;
use model::{At, Code};
use repository::{
    AddressStyle, Creator, Credentials, Location, OpenOptions, Repository, RepositoryError,
};
use secrecy::SecretString;

use crate::bucket::{Bucket, Fault};

const R2: &str = "s3:https://0123.r2.cloudflarestorage.com/workspace/some/folder";

fn location(text: &str) -> Location {
    text.parse().unwrap()
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "key-id".into(),
        secret_access_key: "very-secret".to_owned().into(),
        session_token: Some("session-token".to_owned().into()),
        region: None,
    }
}

fn password() -> SecretString {
    "password".to_owned().into()
}

fn options(bucket: &Bucket) -> OpenOptions {
    OpenOptions { cache_dir: None, http_connector: Some(bucket.connector()) }
}

async fn open(bucket: &Bucket, location: &Location) -> Result<Repository, RepositoryError> {
    Repository::open(location, Some(&credentials()), &password(), &options(bucket)).await
}

async fn create(bucket: &Bucket, location: &Location) -> Result<Repository, RepositoryError> {
    let creator = Creator {
        now: At::from_unix_ms(1_795_435_200_123),
        username: "someone".into(),
        hostname: "laptop".into(),
    };
    let credentials = credentials();
    Repository::create(location, Some(&credentials), &password(), &creator, &options(bucket)).await
}

#[tokio::test]
async fn requests_are_signed_for_the_right_place() {
    let aws = "s3:https://s3.eu-central-1.amazonaws.com/workspace/some/folder";
    let local = "s3:http://127.0.0.1:9000/workspace/some/folder";
    for (place, style, host, region) in [
        (R2, AddressStyle::Path, "https://0123.r2.cloudflarestorage.com/workspace", "auto"),
        (R2, AddressStyle::Host, "https://workspace.0123.r2.cloudflarestorage.com", "auto"),
        (
            aws,
            AddressStyle::Path,
            "https://s3.eu-central-1.amazonaws.com/workspace",
            "eu-central-1",
        ),
        (local, AddressStyle::Path, "http://127.0.0.1:9000/workspace", "us-east-1"),
    ] {
        let bucket = Bucket::default();
        let location = location(place).with_address_style(style);
        let created = create(&bucket, &location).await.unwrap();
        let opened = open(&bucket, &location).await.unwrap();
        assert_eq!(opened.id(), created.id());
        assert!(opened.snapshots().await.unwrap().snapshots.is_empty());
        assert!(opened.store().signer().is_some());

        let requests = bucket.requests();
        assert!(requests.len() >= 8);
        for request in requests {
            let is_list = request.uri.contains("list-type=2");
            let below = if is_list { host.to_owned() } else { format!("{host}/some/folder/") };
            assert!(request.uri.starts_with(&below), "{}", request.uri);
            let authorization = request.header("authorization");
            assert!(authorization.contains("Credential=key-id/"), "{authorization}");
            assert!(
                authorization.contains(&format!("/{region}/s3/aws4_request")),
                "{authorization}"
            );
            assert_eq!(request.header("x-amz-security-token"), "session-token");
            assert_eq!(request.header("x-amz-content-sha256").len(), 64, "the payload is signed");
            assert!(!format!("{request:?}").contains("very-secret"));
        }
    }
}

#[tokio::test]
async fn everything_can_run_as_a_task_of_its_own() {
    let bucket = Bucket::default();
    let task = tokio::spawn(async move {
        let location = location(R2);
        create(&bucket, &location).await.unwrap();
        let repository = open(&bucket, &location).await.unwrap();
        let nowhere = restic::Id::of(b"");
        let latest = repository.resolve(&"latest".parse().unwrap(), "muse", &[]).await;
        [
            latest.unwrap_err().code(),
            repository.list(nowhere).await.unwrap_err().code(),
            repository.find(nowhere, "/a").await.unwrap_err().code(),
            repository.counts(nowhere, &[]).await.unwrap_err().code(),
        ]
    });
    let missing = Code::RepositoryDamaged;
    assert_eq!(task.await.unwrap(), [Code::SnapshotMissing, missing, missing, missing]);
}

#[tokio::test]
async fn a_region_that_is_given_is_used() {
    let bucket = Bucket::default();
    let credentials = Credentials { region: Some("elsewhere".into()), ..credentials() };
    let location = location(R2);
    let opened =
        Repository::open(&location, Some(&credentials), &password(), &options(&bucket)).await;
    assert_eq!(opened.unwrap_err().code(), Code::NotARepository);
    for request in bucket.requests() {
        assert!(request.header("authorization").contains("/elsewhere/s3/"));
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_asked() {
    let bucket = Bucket::default();
    let opened = Repository::open(&location(R2), None, &password(), &options(&bucket)).await;
    assert_eq!(opened.unwrap_err().code(), Code::StorageKeyRefused);
    assert!(bucket.requests().is_empty());
}

#[tokio::test]
async fn a_repository_is_never_created_over_another() {
    let bucket = Bucket::default();
    let location = location(R2);
    create(&bucket, &location).await.unwrap();
    let before = bucket.paths();
    let again = create(&bucket, &location).await.unwrap_err();
    assert!(matches!(again, RepositoryError::AlreadyExists { .. }), "{again}");
    assert_eq!(bucket.paths(), before);

    // A key without a config: somebody is creating one right now.
    let other = Bucket::default();
    other.put(&format!("/workspace/some/folder/keys/{}", restic::Id::of(b"")), "{}");
    let refused = create(&other, &location).await.unwrap_err();
    assert!(matches!(refused, RepositoryError::AlreadyExists { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_store_without_conditional_writes_will_do() {
    let bucket = Bucket::default();
    bucket.refuse_conditions();
    let created = create(&bucket, &location(R2)).await.unwrap();
    assert_eq!(open(&bucket, &location(R2)).await.unwrap().id(), created.id());
}

#[tokio::test(start_paused = true)]
async fn each_refusal_is_what_it_says() {
    let bucket = Bucket::default();
    let location = location(R2);
    let repository = create(&bucket, &location).await.unwrap();
    for (fault, code) in [
        (Fault::Refusal(403, "AccessDenied"), Code::StorageKeyRefused),
        (Fault::Refusal(403, "InvalidAccessKeyId"), Code::StorageKeyRefused),
        (Fault::Refusal(403, "SignatureDoesNotMatch"), Code::StorageKeyRefused),
        (Fault::Refusal(401, "Unauthorized"), Code::StorageKeyRefused),
        (Fault::Refusal(400, "ExpiredToken"), Code::StorageKeyRefused),
        (Fault::Refusal(403, "RequestTimeTooSkewed"), Code::OwnClockOff),
        (Fault::Refusal(404, "NoSuchBucket"), Code::NotARepository),
        (Fault::Refusal(503, "SlowDown"), Code::StorageUnreachable),
        (Fault::Unreachable, Code::StorageUnreachable),
    ] {
        bucket.fail_always(Some(fault.clone()));
        let error = open(&bucket, &location).await.unwrap_err();
        assert_eq!(error.code(), code, "{fault:?}: {error}");
        if code != Code::NotARepository {
            assert_eq!(repository.snapshots().await.unwrap_err().code(), code, "{fault:?}");
        }
        if let Fault::Refusal(status @ (400..=403), name) = fault {
            assert!(error.to_string().contains(name), "{status}: {error}");
        }
    }
    bucket.fail_always(None);
    open(&bucket, &location).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_passing_fault_is_not_noticed() {
    let bucket = Bucket::default();
    let location = location(R2);
    create(&bucket, &location).await.unwrap();
    for fault in [Fault::Unreachable, Fault::Refusal(503, "SlowDown"), Fault::Refusal(429, "Slow")]
    {
        bucket.fail_once(fault.clone());
        bucket.fail_once(fault);
        open(&bucket, &location).await.unwrap();
    }
}

#[tokio::test]
async fn the_stores_clock_is_compared_with_ours() {
    let bucket = Bucket::default();
    let location = location(R2);
    let repository = create(&bucket, &location).await.unwrap();
    let now = At::from_unix_ms(1_795_435_200_000);
    assert_eq!(repository.store_clock_skew(now).await.unwrap(), None);

    bucket.set_date("Mon, 23 Nov 2026 14:00:00 GMT");
    let skew = repository.store_clock_skew(now).await.unwrap();
    assert_eq!(skew, Some(SignedDuration::from_hours(2)));
    bucket.fail_always(Some(Fault::Refusal(403, "RequestTimeTooSkewed")));
    let skew = repository.store_clock_skew(now).await.unwrap();
    assert_eq!(skew, Some(SignedDuration::from_hours(2)));
}

#[cfg(unix)]
#[tokio::test]
async fn a_repository_that_restic_made_is_read_from_s3() {
    use crate::common::{PASSWORD, Restic, files, fill_odd, restics};

    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    fill_odd(&source);
    for _ in 0..5 {
        restic.run([std::ffi::OsStr::new("backup"), source.as_os_str()]);
    }
    let bucket = Bucket::default();
    let put = |name: &str, bytes: Vec<u8>| {
        bucket.put(&format!("/workspace/some/folder/{name}"), bytes);
    };
    put("config", std::fs::read(restic.repository().join("config")).unwrap());
    for folder in ["keys", "index", "snapshots"] {
        for (name, bytes) in files(&restic.repository().join(folder)) {
            put(&format!("{folder}/{name}"), bytes);
        }
    }
    for (name, bytes) in files(&restic.repository().join("data")) {
        put(&format!("data/{}/{name}", &name[..2]), bytes);
    }
    // A stranger's file is none of ours.
    put("snapshots/readme.txt", b"hello".to_vec());

    let password = PASSWORD.to_owned().into();
    let (credentials, options) = (credentials(), options(&bucket));
    let s3 = Repository::open(&location(R2), Some(&credentials), &password, &options).await;
    let s3 = s3.unwrap();
    let here = location(restic.repository().to_str().unwrap());
    let here = Repository::open(&here, None, &password, &OpenOptions::default()).await.unwrap();
    assert_eq!(s3.snapshots().await.unwrap().snapshots.len(), 5);
    let root = s3.resolve(&"latest".parse().unwrap(), "muse", &[]).await.unwrap().root;
    let counts = s3.counts(root, &[]).await.unwrap();
    assert_eq!(counts, here.counts(root, &[]).await.unwrap());

    // Every file once; what is known is not asked for again.
    let gets: Vec<_> = bucket
        .requests()
        .into_iter()
        .filter(|request| request.method == http::Method::GET && !request.uri.contains("list-type"))
        .map(|request| request.uri)
        .collect();
    let unique: std::collections::BTreeSet<_> = gets.iter().collect();
    assert_eq!(unique.len(), gets.len(), "{gets:#?}");
    s3.counts(root, &[]).await.unwrap();
    assert!(bucket.requests().is_empty());
}
