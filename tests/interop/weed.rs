//! SeaweedFS: an S3 server that is not ours.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Method;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Its one bucket.
pub const BUCKET: &str = "repository";
/// Its owner's key.
pub const KEY_ID: &str = "owner";
pub const KEY_SECRET: &str = "secretsecret";

/// A SeaweedFS of our own; it ends with this.
pub struct Weed {
    server: Child,
    endpoint: String,
    _folder: TempDir,
}

impl Weed {
    /// `None`, with the reason printed, where there is none.
    pub async fn start() -> Option<Self> {
        let Some(weed) = std::env::var_os("DUMONT_WEED").filter(|path| Path::new(path).is_file())
        else {
            println!("SKIPPED: SeaweedFS, DUMONT_WEED names none");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("s3.json");
        let actions = r#"["Admin","Read","Write","List"]"#;
        let identity = format!(
            r#"{{"identities":[{{"name":"owner","credentials":[{{"accessKey":"{KEY_ID}","secretKey":"{KEY_SECRET}"}}],"actions":{actions}}}]}}"#
        );
        fs::write(&config, identity).unwrap();
        let [master, volume, filer, s3] = [port(), port(), port(), port()];
        let server = Command::new(weed)
            .args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"])
            .args([format!("-master.port={master}"), format!("-volume.port={volume}")])
            .args([format!("-filer.port={filer}"), format!("-s3.port={s3}")])
            // What else it would listen for, others may have taken.
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args(["-volume.max=5", "-master.volumeSizeLimitMB=64"])
            .arg(format!("-s3.config={}", config.display()))
            .arg(format!("-dir={}", folder.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{s3}");
        let started = Self { server, endpoint, _folder: folder };
        let filer = format!("127.0.0.1:{filer}");
        for _ in 0..240 {
            tokio::time::sleep(Duration::from_millis(250)).await;
            // A bucket is a folder of its.
            let is_up = TcpStream::connect(&filer).await.is_ok()
                && TcpStream::connect(("127.0.0.1", s3)).await.is_ok()
                && status(&filer, Method::POST, &format!("/buckets/{BUCKET}/")).await / 100 == 2;
            if is_up {
                return Some(started);
            }
        }
        panic!("SeaweedFS did not come up");
    }

    /// `http://127.0.0.1:PORT`, where it speaks S3.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
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

/// The status of an answer to a request without a body.
pub async fn status(authority: &str, method: Method, path: &str) -> u16 {
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[9..12]).parse().unwrap()
}
