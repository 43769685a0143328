//! What a machine holds cannot do anything but read its plan and its packs.

use agent::ticket::{Object, Source};
use http::Method;
use object_store::aws::AmazonS3Builder;

use crate::common::{Restic, fill_odd, restics};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_reads_its_packs_and_nothing_else() {
    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    fill_odd(&restic.beside("source"));
    restic.run(["backup", "source"]);
    let stage = Stage::open(restic).await;
    let plan = stage.plan(&[]).await;
    let ticket = stage.ticket(&plan).await;
    let Source::Signed(signed) = &ticket.source else { panic!("it is no folder") };
    let pack = plan.packs()[0];
    let path = |object| signed.path_and_query(object).unwrap().to_string();
    let plan_url = path(Object::Plan(&ticket.plan));
    let pack_url = path(Object::Pack(0, pack));

    let ask = async |method: Method, path: &str| status(signed.authority(), method, path).await;
    assert_eq!(ask(Method::GET, &plan_url).await, 200);
    assert_eq!(ask(Method::GET, &pack_url).await, 200);
    for method in [Method::PUT, Method::DELETE, Method::POST, Method::HEAD] {
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
    // The key's id is no key.
    let stranger = AmazonS3Builder::new()
        .with_endpoint(stage.store.endpoint())
        .with_allow_http(true)
        .with_region("auto")
        .with_bucket_name(bucket)
        .with_access_key_id(&signed.access_key_id)
        .with_secret_access_key("x".repeat(64))
        .build()
        .unwrap();
    let read = object_store::ObjectStoreExt::get(&stranger, &"config".into()).await;
    assert!(read.is_err());
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
