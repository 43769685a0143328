//! Everything that reads what clouds and machines answer, by the name of its
//! fuzz target; as in `parsers.rs`, whatever comes in must come back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clouds::{Cloud, CreateAnswer, CreateOrder, Http, HttpError, SearchOptions, Vast};
use model::{At, HostId, MachineId, OfferFilter, OfferId};
use remote::{Frames, JobEvent, LaneSecret, Onstart};
use secrecy::{ExposeSecret as _, SecretString};

pub type Parser = fn(&[u8]);

/// All of them.
pub const ALL: [(&str, Parser); 6] = [
    ("agent_event", agent_event),
    ("cloud_answer", cloud_answer),
    ("job_frames", job_frames),
    ("metrics", metrics),
    ("onstart", onstart),
    ("preflight", preflight),
];

/// What our agent tells, or whoever stands in its place.
pub fn agent_event(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        text.lines().for_each(|line| drop(serde_json::from_str::<agent::event::Event>(line)));
    }
}

const KEY: &str = "a-key-nobody-else-has";

/// A cloud that answers everything alike.
#[derive(Debug)]
struct Same {
    status: u16,
    body: Bytes,
}

#[async_trait]
impl Http for Same {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let response = http::Response::builder()
            .status(self.status)
            .header("retry-after", self.body.slice(..self.body.len().min(12)).as_ref())
            .body(self.body.clone());
        response.map_err(|error| HttpError { unsent: false, cause: error.to_string() })
    }
}

/// The first byte chooses the status.
pub fn cloud_answer(data: &[u8]) {
    const STATUS: [u16; 8] = [200, 400, 401, 403, 404, 410, 429, 500];
    let Some((first, body)) = data.split_first() else { return };
    let status = STATUS[usize::from(first & 7)];
    let http = Arc::new(Same { status, body: Bytes::copy_from_slice(body) });
    let search = SearchOptions { spacing: Duration::ZERO, ..SearchOptions::default() };
    let vast = Vast::new("http://127.0.0.1:1", SecretString::from(KEY), http, search)
        .expect("a loopback address");
    // Waits for another try take no time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(ask(&vast));
}

async fn ask(vast: &Vast) {
    let machines = [MachineId::new("7"), MachineId::new("8")];
    let at = At::from_unix_ms(1_795_435_200_000);
    let order = CreateOrder {
        offer: OfferId::new("7"),
        image: "ubuntu".into(),
        disk_gb: 20,
        label: "dumont/aaaaaaaa-bbbbbbbbbb/1".into(),
        onstart: SecretString::from("#!/bin/sh"),
        env: Vec::new(),
        ports: Vec::new(),
        template: None,
        registry_login: None,
    };
    let gpu = OfferFilter { gpu: Some("RTX 4090".into()), ..OfferFilter::default() };
    let _ = vast.search(&gpu).await;
    let mut told = Vec::new();
    match vast.create(&order).await {
        CreateAnswer::Refused { reason, .. }
        | CreateAnswer::RentedButFailed { reason, .. }
        | CreateAnswer::Unknown { reason } => told.push(reason),
        CreateAnswer::Rented { .. } | CreateAnswer::Throttled { .. } => {}
    }
    let mut note = |error: Option<clouds::CloudError>| told.extend(error.map(|it| it.details));
    note(vast.list().await.err());
    note(vast.destroy(&machines).await.err());
    note(vast.destroy(&machines[..1]).await.err());
    note(vast.show(&machines[0]).await.err());
    note(vast.attach_key(&machines[0], "ssh-ed25519 A").await.err());
    note(vast.label(&machines[0], "a").await.err());
    note(vast.stop(&machines[0]).await.err());
    note(vast.start(&machines[0]).await.err());
    note(vast.logs(&machines[0], 5).await.err());
    note(vast.account().await.err());
    note(vast.rights().await.err());
    note(vast.charges(at, at.after_ms(1)).await.err());
    note(vast.reports(&HostId::new("7")).await.err());
    for text in told {
        assert!(!text.contains(KEY), "a key is never quoted: {text}");
        assert!(!text.chars().any(char::is_control), "what a cloud says is cleaned");
    }
}

/// The first byte tells the length of the pieces in which the rest comes.
pub fn job_frames(data: &[u8]) {
    let Some((piece, rest)) = data.split_first() else { return };
    let read = |pieces: usize| {
        let (mut frames, mut log, mut ended) = (Frames::default(), Vec::new(), None);
        for bytes in rest.chunks(pieces) {
            frames.push(bytes);
            loop {
                match frames.next() {
                    Ok(Some(JobEvent::Data(bytes))) => log.extend_from_slice(&bytes),
                    Ok(Some(JobEvent::Ended(code))) => ended = ended.or(Some(code)),
                    Ok(None) => break,
                    Err(_) => return (log, ended),
                }
            }
        }
        (log, ended)
    };
    let _ = (read(usize::from(*piece).max(1)), read(rest.len().max(1)));
}

pub fn metrics(data: &[u8]) {
    let reading = remote::parse_metrics(&String::from_utf8_lossy(data));
    assert!(reading.gpus.len() <= 64);
    if let Some((busy, all)) = reading.cpu_ticks {
        assert!(busy <= all);
    }
}

/// The assignments of a machine's onstart, read back by whoever carries it out
/// without a shell.
pub fn onstart(data: &[u8]) {
    let Ok(head) = std::str::from_utf8(data) else { return };
    let secret = || LaneSecret::from_hex(&"7".repeat(64)).expect("a secret");
    let known = Onstart::new(secret(), "ssh-ed25519 A".into()).render();
    let body = known.expose_secret().split_once("\nL=\n").expect("its last assignment").1;
    for text in [head.to_owned(), format!("{head}{body}"), format!("{head}{body}{head}")] {
        if let Some(onstart) = Onstart::parse(&text) {
            assert!(Onstart::parse(onstart.render().expose_secret()).is_some());
        }
    }
}

pub fn preflight(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = remote::parse_restic_version(&text);
    let Ok(report) = remote::parse_preflight(&text) else { return };
    let seen = report.preflight;
    let gpus = seen.gpus.iter().map(|gpu| &gpu.name);
    let texts = [&seen.libc, &seen.restic, &seen.driver].into_iter().flatten();
    for text in gpus.chain(texts).chain(&seen.tools).chain([&seen.arch]) {
        assert!(!text.chars().any(char::is_control), "what a machine says is cleaned");
    }
    if let Some(proof) = report.proof {
        // Nobody guesses a fresh secret.
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
        let key = key.parse().expect("a key");
        assert!(
            proof.check(&LaneSecret::from_hex(&"7".repeat(64)).expect("a secret"), &key).is_err()
        );
    }
}
