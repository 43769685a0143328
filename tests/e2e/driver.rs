//! As much of a browser driver's client as these tests need.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// The program's window in the hands of a driver.
pub struct Driver {
    session: String,
    http: reqwest::Client,
    _process: Child,
}

impl Driver {
    /// Starts the program under the driver. `None` where this machine cannot.
    pub async fn start(arguments: &[&str]) -> Option<Self> {
        if std::env::var_os("DISPLAY").is_none() || !on_path("WebKitWebDriver") {
            println!("SKIPPED: no display or no WebKitWebDriver here");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("WebKitWebDriver")
            .arg(format!("--port={port}"))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // A driver that hangs must not hang the test.
        let http = reqwest::Client::builder().timeout(Duration::from_secs(40)).build().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        let options = json!({ "capabilities": { "alwaysMatch": {
            "webkitgtk:browserOptions": {
                "binary": env!("CARGO_BIN_EXE_dumont-cloud"),
                "args": arguments,
            }
        }}});
        let end = Instant::now() + Duration::from_mins(1);
        let created = loop {
            let asked = http.post(format!("{base}/session")).json(&options).send().await;
            match asked {
                Ok(answer) => break answer.json::<Value>().await.unwrap(),
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let id = created["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{created}"));
        Some(Self { session: format!("{base}/session/{id}"), http, _process: process })
    }

    /// Runs a script in the page.
    pub async fn script(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        let answer =
            self.http.post(format!("{}/execute/sync", self.session)).json(&body).send().await;
        answer.unwrap().json::<Value>().await.unwrap()["value"].take()
    }

    /// Waits until the script answers something true.
    pub async fn until(&self, what: &str, script: &str, limit: Duration) -> Value {
        let end = Instant::now() + limit;
        loop {
            let value = self.script(script).await;
            if !matches!(value, Value::Null | Value::Bool(false)) && value != json!("") {
                return value;
            }
            if Instant::now() > end {
                self.picture("failed").await;
                let text = self.script("return document.body.innerText").await;
                panic!("no {what} after {limit:?}; the page says:\n{text}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks what a CSS selector finds.
    pub async fn click(&self, selector: &str) {
        let body = json!({ "using": "css selector", "value": selector });
        let found = self.http.post(format!("{}/element", self.session)).json(&body).send().await;
        let found: Value = found.unwrap().json().await.unwrap();
        let element = found["value"]
            .as_object()
            .and_then(|element| element.values().next())
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {selector}: {found}"));
        let url = format!("{}/element/{element}/click", self.session);
        self.http.post(url).json(&json!({})).send().await.unwrap();
    }

    /// A picture of the page, kept for people.
    pub async fn picture(&self, name: &str) -> PathBuf {
        let answer = self.http.get(format!("{}/screenshot", self.session)).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/e2e");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, decode(answer["value"].as_str().unwrap())).unwrap();
        path
    }

    pub async fn close(self) {
        let _ = self.http.delete(&self.session).send().await;
    }
}

fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Base64, as pictures come.
fn decode(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let bytes: Vec<u8> =
        text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').collect();
    bytes
        .chunks(4)
        .flat_map(|chunk| {
            let word = chunk.iter().fold(0, |word, byte| word << 6 | value(*byte))
                << (6 * (4 - chunk.len()));
            word.to_be_bytes()[1..chunk.len()].to_vec()
        })
        .collect()
}
