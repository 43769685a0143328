//! What a machine holds cannot do anything but read its plan and its packs:
//! tried against the practice store and, where it is there, SeaweedFS.

use std::fs;
use std::path::Path;

use agent::ticket::{Object, Source, Ticket};
use http::Method;
use object_store::ObjectStoreExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use repository::{Credentials, OpenOptions, Plan, PlanRequest, Repository};

use crate::common::{PASSWORD, Restic, files, fill_odd, restics};
use crate::compare::assert_equal;
use crate::stage::{Stage, VALID, hasty, run};
use crate::weed::{BUCKET, KEY_ID, KEY_SECRET, Weed, status};

fn filled(binary: &Path) -> Restic {
    let restic = Restic::init_cheap(binary, "2");
    fill_odd(&restic.beside("source"));
    restic.run(["backup", "source"]);
    restic
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_reads_its_packs_and_nothing_else() {
    let Some(binary) = restics().pop() else { return };
    let stage = Stage::open(filled(&binary)).await;
    let plan = stage.plan(&[]).await;
    assert_reads_only(&stage.ticket(&plan).await, &plan).await;
}

/// Tries all that a thief would try.
async fn assert_reads_only(ticket: &Ticket, plan: &Plan) {
    let Source::Signed(signed) = &ticket.source else { panic!("it is no folder") };
    let pack = plan.packs()[0];
    let path = |object| signed.path_and_query(object).unwrap().to_string();
    let plan_url = path(Object::Plan(&ticket.plan));
    let pack_url = path(Object::Pack(0, pack));

    let ask = async |method: Method, path: &str| status(signed.authority(), method, path).await;
    assert_eq!(ask(Method::GET, &plan_url).await, 200);
    assert_eq!(ask(Method::GET, &pack_url).await, 200);
    for method in [Method::PUT, Method::DELETE, Method::POST] {
        assert_ne!(ask(method.clone(), &pack_url).await / 100, 2, "{method}");
    }
    let (object, query) = pack_url.split_once('?').unwrap();
    let (bucket, _) = object[1..].split_once('/').unwrap();
    for other in [
        format!("/{bucket}/config?{query}"),
        format!("/{bucket}/index/{pack}?{query}"),
        format!("/{bucket}?{query}"),
        format!("/{bucket}?list-type=2&{query}"),
        format!("/{bucket}?list-type=2&prefix=data%2F&{query}"),
        format!("{object}?uploads&{query}"),
        format!("{object}?acl&{query}"),
        object.to_owned(),
        pack_url.replace("X-Amz-Expires=3600", "X-Amz-Expires=600000"),
    ] {
        assert_eq!(ask(Method::GET, &other).await / 100, 4, "{other}");
    }
    // They are still there.
    assert_eq!(ask(Method::GET, &pack_url).await, 200);
    // The key's id is no key.
    let (base, _) = signed.base.rsplit_once(bucket).unwrap();
    let stranger =
        client(base.trim_end_matches('/'), bucket, &signed.access_key_id, &"x".repeat(64));
    assert!(stranger.get(&"config".into()).await.is_err());
}

fn client(endpoint: &str, bucket: &str, key: &str, secret: &str) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(bucket)
        .with_access_key_id(key)
        .with_secret_access_key(secret)
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn seaweedfs_grants_no_more() {
    let Some(binary) = restics().pop() else { return };
    let Some(weed) = Weed::start().await else { return };
    let restic = filled(&binary);
    let endpoint = weed.endpoint();
    let store = client(endpoint, BUCKET, KEY_ID, KEY_SECRET);
    for folder in ["keys", "index", "snapshots", "data"] {
        for (name, bytes) in files(&restic.repository().join(folder)) {
            let path = match folder {
                "data" => format!("data/{}/{name}", &name[..2]),
                folder => format!("{folder}/{name}"),
            };
            store.put(&path.into(), bytes.into()).await.unwrap();
        }
    }
    let config = fs::read(restic.repository().join("config")).unwrap();
    store.put(&"config".into(), config.into()).await.unwrap();

    let location = format!("s3:{endpoint}/{BUCKET}").parse().unwrap();
    let credentials = Credentials {
        access_key_id: KEY_ID.into(),
        secret_access_key: KEY_SECRET.to_owned().into(),
        session_token: None,
        region: None,
    };
    let options = OpenOptions::default();
    let password = PASSWORD.to_owned().into();
    let repository =
        Repository::open(&location, Some(&credentials), &password, &options).await.unwrap();
    let latest = "latest".parse().unwrap();
    let root = repository.resolve(&latest, "none", &[]).await.unwrap().root;
    let request = PlanRequest { root, include: Vec::new(), critical: Vec::new() };
    let plan = repository.plan(&request).await.unwrap();
    repository.store_plan(&plan).await.unwrap();
    let ticket = repository.ticket(&plan, VALID).await.unwrap();
    let target = restic.beside("target");
    run(ticket.clone(), &target, hasty()).await.expect_whole();
    let theirs = restic.beside("theirs");
    restic.run(["restore", "latest", "--target", theirs.to_str().unwrap()]);
    assert_equal(&target, &theirs);
    assert_reads_only(&ticket, &plan).await;
}
