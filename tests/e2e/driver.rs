//! As much of a browser driver's client as these tests need.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::Child;

use crate::desktop::{Desktop, PROGRAM};

/// The program's window in the hands of a driver.
pub struct Driver {
    session: String,
    http: reqwest::Client,
    _process: Child,
}

impl Driver {
    /// Starts the program under the driver, with everything it logs in a file
    /// `log` in its home.
    pub async fn start(desktop: &Desktop, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = File::create(desktop.home().join("log")).unwrap();
        let process = desktop
            .command("WebKitWebDriver")
            .arg(format!("--port={port}"))
            .env("DUMONT_LOG", "trace")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        // A driver that hangs must not hang the test.
        let http = reqwest::Client::builder().timeout(Duration::from_secs(40)).build().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        let options = json!({ "capabilities": { "alwaysMatch": {
            "webkitgtk:browserOptions": { "binary": PROGRAM, "args": arguments }
        }}});
        let end = Instant::now() + Duration::from_mins(1);
        let created = loop {
            let asked = http.post(format!("{base}/session")).json(&options).send().await;
            match asked {
                Ok(answer) => break answer.json::<Value>().await.unwrap(),
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let id = created["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{created}"));
        Self { session: format!("{base}/session/{id}"), http, _process: process }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/{path}", self.session);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["value"].take()
    }

    /// Runs a script in the page.
    pub async fn script(&self, script: &str) -> Value {
        let value = self.post("execute/sync", json!({ "script": script, "args": [] })).await;
        assert!(value.get("error").is_none(), "{script}: {value}");
        value
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
                let text = self.script("return document.body.innerText").await;
                println!("no {what} after {limit:?}; the page says:\n{text}");
                let name = format!("failed-{}", std::process::id());
                panic!("no {what}: {}", self.picture(&name).await.display());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the page says this.
    pub async fn says(&self, words: &str, limit: Duration) {
        let script = format!("return document.body.innerText.includes({})", json!(words));
        self.until(words, &script, limit).await;
    }

    /// Waits for a button or link whose words begin so, and clicks it.
    pub async fn press(&self, words: &str) {
        self.find(words).await;
        self.click("[data-hand]").await;
    }

    /// The same, where the app ends before it can say that it was clicked.
    pub async fn press_last(&self, words: &str) {
        self.find(words).await;
        let element = self.element("[data-hand]").await;
        let url = format!("{}/element/{element}/click", self.session);
        let _ = self.http.post(url).json(&json!({})).send().await;
    }

    async fn find(&self, words: &str) {
        // Only what can be seen and pressed counts.
        let mark = format!(
            "const found = [...document.querySelectorAll('button, a')].find(one => \
             one.innerText.trim().startsWith({}) && !one.disabled && one.checkVisibility() && \
             !one.closest('[inert]')); \
             document.querySelector('[data-hand]')?.removeAttribute('data-hand'); \
             found?.setAttribute('data-hand', ''); return !!found",
            json!(words)
        );
        self.until(words, &mark, Duration::from_secs(20)).await;
    }

    /// Clicks what a CSS selector finds.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        let answer = self.post(&format!("element/{element}/click"), json!({})).await;
        assert!(answer.is_null(), "{selector} cannot be clicked: {answer}");
    }

    /// Types into what a CSS selector finds.
    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        let answer = self.post(&format!("element/{element}/value"), json!({ "text": text })).await;
        assert!(answer.is_null(), "{selector} takes no text: {answer}");
    }

    async fn element(&self, selector: &str) -> String {
        let found =
            self.post("element", json!({ "using": "css selector", "value": selector })).await;
        let element = found.as_object().and_then(|element| element.values().next()?.as_str());
        element.unwrap_or_else(|| panic!("no {selector}: {found}")).to_owned()
    }

    /// A picture of the page, kept for people.
    pub async fn picture(&self, name: &str) -> PathBuf {
        // The driver waits for the page to be drawn anew; one at rest never is.
        let stir = "let left = 20; const timer = setInterval(() => { left -= 1; \
                    document.body.style.opacity = left % 2 ? '0.999' : ''; \
                    if (left === 0) clearInterval(timer); }, 50);";
        self.script(stir).await;
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
