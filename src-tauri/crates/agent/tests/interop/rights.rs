//! What a machine holds cannot do anything but read its plan and its packs:
//! tried against the practice store and, where it is there, SeaweedFS.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use agent::ticket::{Object, Source, Ticket};
use http::Method;
use object_store::ObjectStoreExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use repository::{Credentials, OpenOptions, Plan, PlanRequest, Repository};

use crate::common::{PASSWORD, Restic, files, fill_odd, restics};
use crate::compare::assert_equal;
use crate::stage::{Stage, VALID, hasty, run};

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

/// A SeaweedFS of our own; it ends with this.
struct Weed(Child);

impl Drop for Weed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free, and that has a free companion 10,000 above.
fn port() -> u16 {
    loop {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if free < 50_000 && TcpListener::bind(("127.0.0.1", free + 10_000)).is_ok() {
            return free;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seaweedfs_grants_no_more() {
    let Some(binary) = restics().pop() else { return };
    let Some(weed) = std::env::var_os("DUMONT_WEED").filter(|path| Path::new(path).is_file())
    else {
        println!("SKIPPED: SeaweedFS, DUMONT_WEED names none");
        return;
    };
    let restic = filled(&binary);
    let folder = restic.beside("weed");
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("s3.json");
    let (key, secret) = ("owner", "secretsecret");
    let actions = r#"["Admin","Read","Write","List"]"#;
    let identity = format!(
        r#"{{"identities":[{{"name":"owner","credentials":[{{"accessKey":"{key}","secretKey":"{secret}"}}],"actions":{actions}}}]}}"#
    );
    fs::write(&config, identity).unwrap();
    let [master, volume, filer, s3] = [port(), port(), port(), port()];
    let child = Command::new(weed)
        .args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"])
        .args([format!("-master.port={master}"), format!("-volume.port={volume}")])
        .args([format!("-filer.port={filer}"), format!("-s3.port={s3}")])
        // What else it would listen for, others may have taken.
        .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
        .args(["-volume.max=5", "-master.volumeSizeLimitMB=64"])
        .arg(format!("-s3.config={}", config.display()))
        .arg(format!("-dir={}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _weed = Weed(child.unwrap());
    let mut is_up = false;
    for _ in 0..240 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let filer = format!("127.0.0.1:{filer}");
        // A bucket is a folder of its.
        is_up = tokio::net::TcpStream::connect(&filer).await.is_ok()
            && tokio::net::TcpStream::connect(("127.0.0.1", s3)).await.is_ok()
            && status(&filer, Method::POST, "/buckets/repository/").await / 100 == 2;
        if is_up {
            break;
        }
    }
    assert!(is_up, "SeaweedFS did not come up");

    let endpoint = format!("http://127.0.0.1:{s3}");
    let store = client(&endpoint, "repository", key, secret);
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

    let location = format!("s3:{endpoint}/repository").parse().unwrap();
    let credentials = Credentials {
        access_key_id: key.into(),
        secret_access_key: secret.to_owned().into(),
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

/// The status of an answer.
async fn status(authority: &str, method: Method, path: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(authority).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[9..12]).parse().unwrap()
}
