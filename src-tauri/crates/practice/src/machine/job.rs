//! Jobs that outlive a connection: the restore. Our agent does it, as a
//! library, or the desktop's restic, with arguments built here; or, in virtual
//! time, a script of numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use agent::event::{Control, Event, Progress, Summary};
use agent::ticket::{Source, Ticket};
use bytes::Bytes;
use model::At;
use remote::Decoded;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::{OnceCell, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Machine;
use super::scripts::text;
use crate::workspace::Version;

/// restic reports progress and counts from here on.
const RESTIC_COUNTS: (u32, u32) = (0, 16);
/// How often an old restic is measured from outside.
const MEASURE_MS: u64 = 200;
/// What may follow `-o`.
const OPTIONS: [&str; 2] = ["s3.connections=", "s3.region="];
const KILLED: u32 = 130;
/// Events of our agent that may wait.
const EVENTS: usize = 256;

/// Who restores.
#[derive(Debug, Clone)]
pub enum Restorer {
    /// Nobody: the machines have no restic.
    Absent,
    /// The desktop's restic, from this repository alone.
    Restic {
        /// The program.
        path: PathBuf,
        /// Its version.
        version: Version,
        /// The only repository it is let near.
        repository: String,
        /// Its checksum, computed once.
        sha256: Arc<OnceCell<Option<String>>>,
    },
    /// Numbers instead of files, for tests in virtual time.
    Scripted(ScriptedRestore),
}

/// A restore that only tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptedRestore {
    /// All files.
    pub files: u64,
    /// All bytes.
    pub bytes: u64,
    /// Bytes of the critical part.
    pub critical_bytes: u64,
    /// How long it takes.
    pub ms: u64,
}

impl Restorer {
    /// The desktop's restic.
    #[must_use]
    pub fn restic(path: PathBuf, version: Version, repository: String) -> Self {
        Self::Restic { path, version, repository, sha256: Arc::default() }
    }

    pub(super) fn version(&self) -> Option<String> {
        match self {
            Self::Absent => None,
            Self::Restic { version, .. } => Some(version.to_string()),
            Self::Scripted(_) => Some("0.19.1".into()),
        }
    }

    /// Version and checksum.
    pub(super) async fn identity(&self) -> Option<(String, String)> {
        let version = self.version()?;
        match self {
            Self::Absent => None,
            Self::Restic { path, sha256, .. } => {
                let hash = sha256
                    .get_or_init(|| async {
                        let content = tokio::fs::read(path).await.ok()?;
                        Some(format!("{:x}", Bytes::copy_from_slice(&Sha256::digest(content))))
                    })
                    .await;
                Some((version, hash.clone()?))
            }
            Self::Scripted(_) => Some((version, "0".repeat(64))),
        }
    }
}

/// The jobs of one machine.
#[derive(Debug)]
pub(crate) struct Jobs {
    restorer: Restorer,
    jobs: Mutex<BTreeMap<String, Arc<Job>>>,
}

/// One job: its log, and its end.
#[derive(Debug)]
pub(crate) struct Job {
    log: watch::Sender<Log>,
    /// Its input, if it takes any.
    input: Option<mpsc::Sender<Control>>,
    stop: CancellationToken,
}

/// What a job has said.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) bytes: Vec<u8>,
    pub(crate) status: Option<u32>,
}

impl Job {
    pub(crate) fn log(&self) -> watch::Receiver<Log> {
        self.log.subscribe()
    }

    /// Lines for its input. Whether it takes any.
    pub(crate) async fn tell(&self, said: &[u8]) -> bool {
        let Some(input) = self.input.as_ref().filter(|input| !input.is_closed()) else {
            return false;
        };
        for line in String::from_utf8_lossy(said).lines() {
            if let Ok(control) = Control::parse(line) {
                let _ = input.send(control).await;
            }
        }
        true
    }

    fn say(&self, line: &str) {
        self.log.send_modify(|log| {
            log.bytes.extend_from_slice(line.as_bytes());
            log.bytes.push(b'\n');
        });
    }

    fn say_event(&self, event: &Event) {
        match serde_json::to_string(event) {
            Ok(line) => self.say(&line),
            Err(error) => warn!(%error, "an event could not be written"),
        }
    }

    fn end(&self, code: u32) {
        self.log.send_modify(|log| log.status = Some(code));
    }
}

impl Jobs {
    pub(crate) fn new(restorer: Restorer) -> Self {
        Self { restorer, jobs: Mutex::default() }
    }

    pub(crate) const fn restorer(&self) -> &Restorer {
        &self.restorer
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn stop(&self, name: &str) {
        if let Some(job) = self.find(name) {
            job.stop.cancel();
        }
    }

    /// Starts a restore, unless one runs.
    pub(crate) fn restore(
        &self,
        machine: &Arc<Machine>,
        params: &Decoded,
        target: PathBuf,
        stalls_at: Option<At>,
    ) -> Result<(), String> {
        if self.restores() {
            return Ok(());
        }
        let work: Work = match &self.restorer {
            Restorer::Absent => return Err("there is no restic".into()),
            Restorer::Restic { path, version, repository, .. } => {
                Work::Restic(Box::new(Order::read(params, path, *version, repository, target)?))
            }
            Restorer::Scripted(script) => Work::Scripted(*script),
        };
        self.begin(machine, work, None, stalls_at);
        Ok(())
    }

    /// Starts our agent on a ticket, unless a restore runs.
    pub(crate) fn carry_out_plan(
        &self,
        machine: &Arc<Machine>,
        ticket: &[u8],
        target: PathBuf,
        stalls_at: Option<At>,
    ) -> Result<(), String> {
        if self.restores() {
            return Ok(());
        }
        let (input, controls) = mpsc::channel(16);
        let work = match &self.restorer {
            Restorer::Absent => return Err("there is no agent".into()),
            Restorer::Restic { repository, .. } => {
                let ticket = read_ticket(ticket, repository)?;
                Work::Plan(Box::new(Mutex::new(Some(PlanOrder { ticket, target, controls }))))
            }
            Restorer::Scripted(script) => Work::ScriptedPlan(*script),
        };
        self.begin(machine, work, Some(input), stalls_at);
        Ok(())
    }

    fn restores(&self) -> bool {
        self.find("restore").is_some_and(|job| job.log.borrow().status.is_none())
    }

    fn begin(
        &self,
        machine: &Arc<Machine>,
        work: Work,
        input: Option<mpsc::Sender<Control>>,
        stalls_at: Option<At>,
    ) {
        let job = Arc::new(Job {
            log: watch::channel(Log::default()).0,
            input,
            stop: machine.stop.child_token(),
        });
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert("restore".into(), Arc::clone(&job));
        let machine = Arc::clone(machine);
        tokio::spawn(async move {
            let stop = job.stop.clone();
            let stalled = async {
                match stalls_at {
                    Some(at) => machine.world.wait_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                code = work.carry_out(&machine, &job) => job.end(code),
                () = stop.cancelled() => job.end(KILLED),
                // Nothing is heard of it any more, not even an end.
                () = stalled => stop.cancelled().await,
            }
        });
    }
}

/// A ticket for this repository and no other: the agent would read whatever it
/// names, and whoever sends it may be anybody.
fn read_ticket(line: &[u8], repository: &str) -> Result<Ticket, String> {
    let line = String::from_utf8_lossy(line);
    let Ok(Control::Ticket(ticket)) = Control::parse(line.trim_end()) else {
        return Err("the input is no ticket".into());
    };
    let ours = match &ticket.source {
        Source::Folder(_) => false,
        Source::Signed(signed) => {
            repository.strip_prefix("s3:").is_some_and(|url| signed.base == format!("{url}/"))
        }
    };
    if !ours {
        return Err("practice machines know the practice repository only".into());
    }
    Ok(*ticket)
}

enum Work {
    Restic(Box<Order>),
    Plan(Box<Mutex<Option<PlanOrder>>>),
    Scripted(ScriptedRestore),
    ScriptedPlan(ScriptedRestore),
}

/// A plan for our agent.
struct PlanOrder {
    ticket: Ticket,
    target: PathBuf,
    controls: mpsc::Receiver<Control>,
}

impl PlanOrder {
    async fn carry_out(self, job: &Job) -> u32 {
        let (events, mut told) = mpsc::channel(EVENTS);
        let options = agent::Options::default();
        let restoring = agent::restore(self.ticket, &self.target, options, events, self.controls);
        let telling = async {
            while let Some(event) = told.recv().await {
                job.say_event(&event);
            }
        };
        match tokio::join!(restoring, telling).0 {
            Ok(summary) => u32::from(!summary.is_whole()),
            Err((cause, _)) => u32::from(cause.exit_code()),
        }
    }
}

impl Work {
    async fn carry_out(&self, machine: &Machine, job: &Arc<Job>) -> u32 {
        match self {
            Self::Restic(order) => order.carry_out(machine, job).await,
            Self::Plan(order) => {
                let order = order.lock().unwrap_or_else(PoisonError::into_inner).take();
                match order {
                    Some(order) => order.carry_out(job).await,
                    None => KILLED,
                }
            }
            Self::Scripted(script) => script.carry_out(machine, job).await,
            Self::ScriptedPlan(script) => script.carry_out_plan(machine, job).await,
        }
    }
}

impl ScriptedRestore {
    async fn carry_out(&self, machine: &Machine, job: &Job) -> u32 {
        const STEPS: u64 = 20;
        let pace = machine.world.pace();
        let status = |bytes: u64, files: u64| {
            format!(
                "{{\"message_type\":\"status\",\"files_restored\":{files},\"bytes_restored\":{bytes}}}"
            )
        };
        let summary = |bytes: u64, files: u64| status(bytes, files).replace("status", "summary");
        let start = pace.now_ms();
        if self.critical_bytes > 0 {
            job.say("@phase critical");
            pace.sleep_until(start + self.ms / 10).await;
            job.say(&summary(self.critical_bytes, 1));
            job.say("@done critical 0");
        }
        job.say("@phase rest");
        let rest = self.bytes - self.critical_bytes;
        for step in 1..=STEPS {
            pace.sleep_until(start + self.ms / 10 + (self.ms - self.ms / 10) * step / STEPS).await;
            job.say(&status(rest * step / STEPS, self.files * step / STEPS));
        }
        job.say(&summary(rest, self.files));
        job.say("@done rest 0");
        0
    }

    /// The same, as our agent tells it.
    async fn carry_out_plan(&self, machine: &Machine, job: &Job) -> u32 {
        const STEPS: u64 = 20;
        let pace = machine.world.pace();
        let start = pace.now_ms();
        let elapsed = || pace.now_ms().saturating_sub(start);
        job.say_event(&Event::Started { version: "0.0.0".into() });
        let mut critical = 0;
        if self.critical_bytes > 0 {
            pace.sleep_until(start + self.ms / 10).await;
            critical = 1;
            job.say_event(&Event::Critical {
                elapsed_ms: elapsed(),
                files: 1,
                bytes: self.critical_bytes,
                failed: 0,
            });
        }
        let progress = |step: u64| Progress {
            elapsed_ms: elapsed(),
            files: critical.max(self.files * step / STEPS),
            bytes: self.critical_bytes.max(self.bytes * step / STEPS),
            bytes_per_s: self.bytes * 1_000 / self.ms.max(1),
            eta_ms: Some(self.ms.saturating_sub(elapsed())),
            connections: 32,
            ..Progress::default()
        };
        for step in 1..=STEPS {
            pace.sleep_until(start + self.ms / 10 + (self.ms - self.ms / 10) * step / STEPS).await;
            job.say_event(&Event::Progress(progress(step)));
        }
        if self.critical_bytes == 0 {
            job.say_event(&Event::Critical {
                elapsed_ms: elapsed(),
                files: self.files,
                bytes: self.bytes,
                failed: 0,
            });
        }
        job.say_event(&Event::Complete(Summary {
            elapsed_ms: elapsed(),
            files: self.files,
            bytes: self.bytes,
            fetched_bytes: self.bytes,
            ..Summary::default()
        }));
        0
    }
}

/// A restore with the desktop's restic: every argument is ours.
struct Order {
    restic: PathBuf,
    target: PathBuf,
    snapshot: String,
    critical: Vec<String>,
    options: Vec<String>,
    verify: bool,
    environment: Vec<(&'static str, String)>,
}

impl Order {
    fn read(
        params: &Decoded,
        restic: &Path,
        version: Version,
        repository: &str,
        target: PathBuf,
    ) -> Result<Self, String> {
        let snapshot = text(params, "snapshot");
        let id = snapshot.split(':').next().unwrap_or_default();
        if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("the snapshot is no full id".into());
        }
        if text(params, "repository") != repository {
            return Err("practice machines know the practice repository only".into());
        }
        let all = |name: &str| -> Vec<String> {
            params
                .values
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                .collect()
        };
        let options = all("option");
        if let Some(odd) =
            options.iter().find(|option| !OPTIONS.iter().any(|known| option.starts_with(known)))
        {
            return Err(format!("no restore of ours takes the option {odd}"));
        }
        Ok(Self {
            restic: restic.to_owned(),
            target,
            snapshot,
            critical: all("critical"),
            options,
            verify: (version.major, version.minor) < RESTIC_COUNTS,
            environment: vec![
                ("RESTIC_REPOSITORY", repository.to_owned()),
                ("RESTIC_PASSWORD", text(params, "password")),
                ("AWS_ACCESS_KEY_ID", text(params, "key_id")),
                ("AWS_SECRET_ACCESS_KEY", text(params, "key_secret")),
                ("AWS_SESSION_TOKEN", text(params, "key_token")),
            ],
        })
    }

    async fn carry_out(&self, machine: &Machine, job: &Arc<Job>) -> u32 {
        let mut code = 0;
        if !self.critical.is_empty() {
            job.say("@phase critical");
            code = self.phase(machine, job, "--include").await;
            job.say(&format!("@done critical {code}"));
        }
        if code == 0 {
            job.say("@phase rest");
            code = self.phase(machine, job, "--exclude").await;
            job.say(&format!("@done rest {code}"));
        }
        code
    }

    async fn phase(&self, machine: &Machine, job: &Arc<Job>, flag: &str) -> u32 {
        let cache = machine.disk.folder_for_program(b"/root/.dumont/jobs/restore/cache");
        let Ok(cache) = cache else { return 1 };
        let mut command = Command::new(&self.restic);
        command
            .arg("restore")
            .arg(&self.snapshot)
            .arg("--target")
            .arg(&self.target)
            .args(["--json", "--no-lock"])
            .args(self.options.iter().flat_map(|option| ["-o", option]))
            .args(self.critical.iter().flat_map(|path| [flag, path.as_str()]))
            .args(self.verify.then_some("--verify"))
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("RESTIC_CACHE_DIR", cache)
            .env("RESTIC_PROGRESS_FPS", "5")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                job.say(&format!("Fatal: {error}"));
                return 126;
            }
        };
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let meter = meter(child.id().filter(|_| self.verify), job);
        let wait = async {
            let ((), (), status) = tokio::join!(copy(out, job), copy(err, job), child.wait());
            status
        };
        let status = tokio::select! {
            status = wait => status,
            () = meter => return 1,
        };
        match status {
            Ok(status) => status.code().and_then(|code| u32::try_from(code).ok()).unwrap_or(KILLED),
            Err(error) => {
                warn!(%error, "restic could not be waited for");
                1
            }
        }
    }
}

async fn copy(from: Option<impl AsyncRead + Unpin>, job: &Job) {
    let Some(from) = from else { return };
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        job.say(&line);
    }
}

/// Tells how much an old restic has written, where the kernel counts it.
/// Never ends by itself.
async fn meter(process: Option<u32>, job: &Job) {
    if let Some(process) = process {
        let path = format!("/proc/{process}/io");
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(MEASURE_MS)).await;
            let Ok(text) = tokio::fs::read_to_string(&path).await else { break };
            if let Some(written) = text.lines().find_map(|line| line.strip_prefix("wchar: ")) {
                job.say(&format!("@io {written}"));
            }
        }
    }
    std::future::pending::<()>().await;
}
