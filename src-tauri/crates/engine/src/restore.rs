//! The winner's tasks: the restore tool, and the restore itself with stock
//! restic, critical paths first. The restore survives a lost connection; it
//! is read on from where the last one stopped.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Addresses, Code, FactBody, InstallRoute, LaneNo, LostReason, RestoreTool, RunId, Tick, Tool,
};
use race::{Input, Progress};
use remote::{
    Connection, Dial, JobEvent, Params, RemoteError, Script, follow, parse_restic_version, reach,
};
use secrecy::ExposeSecret as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info_span, warn};

use crate::actor::Event;
use crate::clock::Clock;
use crate::context::{Context, Storage};
use crate::prepare::RestorePlan;
use crate::restic_log::{Blame, LogEvent, ResticLog};

/// The oldest restic that does what we ask of it.
const OLDEST_RESTIC: (u32, u32) = (0, 14);
/// From here on restic reports progress and counts by itself.
const RESTIC_COUNTS: (u32, u32) = (0, 16);
/// From here on restic takes a folder of a snapshot as the root.
const RESTIC_TAKES_FOLDERS: (u32, u32) = (0, 17);
/// Connections to the object store.
const CONNECTIONS: u32 = 32;
/// Throughput is measured over this time.
const RATE_WINDOW_MS: u64 = 3_000;
/// The name under which the script keeps its job.
const JOB: &str = "restore";

/// restic on the winner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restic {
    path: String,
    version: String,
    number: (u32, u32),
}

/// What every task on the winner needs.
pub(crate) struct Bench {
    pub(crate) context: Arc<Context>,
    pub(crate) run: RunId,
    pub(crate) lane: LaneNo,
    pub(crate) connection: Connection,
    /// How to come back when the connection breaks, to this very machine.
    pub(crate) dial: Dial,
    pub(crate) addresses: watch::Receiver<Addresses>,
    pub(crate) stop: CancellationToken,
    pub(crate) events: mpsc::Sender<Event>,
}

impl Bench {
    async fn tell(&self, input: Input) {
        let (run, lane) = (self.run.clone(), self.lane);
        let _ = self.events.send(Event::Winner { run, lane, input: Box::new(input) }).await;
    }

    fn limit(&self, ms: u64) -> Duration {
        self.context.clock.real_time(ms).max(Duration::from_secs(2))
    }

    /// A connection that works: this one, or the next that can be had.
    async fn reconnect(&mut self) -> Result<(), Box<Input>> {
        self.tell(Input::LinkDown).await;
        match reach(&self.dial, self.addresses.clone(), Arc::new(|_| {})).await {
            Ok(reached) => {
                self.connection = reached.connection;
                self.tell(Input::LinkUp).await;
                Ok(())
            }
            Err(error) => Err(Box::new(Input::WinnerFault {
                reason: LostReason::HostKeyChanged,
                details: error.to_string(),
            })),
        }
    }
}

/// Runs a task of the winner until it ends or the run does.
pub(crate) fn spawn<F>(bench: Bench, name: &'static str, task: impl FnOnce(Bench) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let span = info_span!("winner", run = %bench.run, task = name);
    let stop = bench.stop.clone();
    let task = task(bench);
    tokio::spawn(
        async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        }
        .instrument(span),
    );
}

/// What will be restored, as a fact.
pub(crate) fn planned(plan: &RestorePlan) -> FactBody {
    let view = plan.resolved.snapshot.view();
    FactBody::RestorePlanned {
        snapshot: view.id,
        taken: view.time,
        files: plan.counts.files,
        bytes: plan.counts.bytes,
        critical_files: plan.counts.critical_files,
        critical_bytes: plan.counts.critical_bytes,
        target: plan.target.clone(),
    }
}

/// Finds restic on the winner.
pub(crate) async fn install(mut bench: Bench) {
    let input = loop {
        let limit = bench.limit(bench.context.rules.deadlines.install_ms);
        let found = bench.connection.run(Script::ResticFind, &Params::new(), limit).await;
        match found {
            Ok(output) if output.code == 0 => match read_found(&output.text()) {
                Ok((restic, sha256)) => {
                    let version = restic.version.clone();
                    let (run, lane) = (bench.run.clone(), bench.lane);
                    let found = Event::ResticFound { run, lane, restic };
                    let _ = bench.events.send(found).await;
                    break Input::Installed {
                        tool: RestoreTool { tool: Tool::Restic, version },
                        how: InstallRoute::Present,
                        sha256,
                    };
                }
                Err(details) => break Input::RunFault { code: Code::ToolMissing, details },
            },
            Ok(output) => {
                let details = format!("the image has no restic (code {})", output.code);
                break Input::RunFault { code: Code::ToolMissing, details };
            }
            Err(RemoteError::Unreachable(_) | RemoteError::Ssh(_)) => {
                if let Err(input) = bench.reconnect().await {
                    break *input;
                }
            }
            Err(error) => {
                break Input::WinnerFault {
                    reason: LostReason::ExecRefused,
                    details: error.to_string(),
                };
            }
        }
    };
    bench.tell(input).await;
}

fn read_found(text: &str) -> Result<(Restic, String), String> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .map(|value| model::clean(value, 200))
            .ok_or_else(|| format!("the machine did not tell restic's {name}"))
    };
    let version = field("version")?;
    let number = parse_restic_version(&version)
        .ok_or_else(|| format!("\"{version}\" is no version of restic"))?;
    if number < OLDEST_RESTIC {
        return Err(format!("the image has restic {version}, older than 0.14"));
    }
    Ok((Restic { path: field("path")?, version, number }, field("sha256")?))
}

/// Restores with stock restic.
pub(crate) async fn restore(mut bench: Bench, plan: RestorePlan, restic: Restic) {
    let Err(input) = try_restore(&mut bench, &plan, &restic).await;
    bench.tell(*input).await;
}

/// Ends with what there is to say of the end.
async fn try_restore(
    bench: &mut Bench,
    plan: &RestorePlan,
    restic: &Restic,
) -> Result<Infallible, Box<Input>> {
    let storage = bench
        .context
        .storage
        .as_ref()
        .ok_or_else(|| run_fault(Code::RepositoryMissing, "no repository is set up"))?;
    let params = parameters(storage, plan, restic)?;
    loop {
        let limit = bench.limit(10_000);
        match bench.connection.run_ok(Script::ResticRestore, &params, limit).await {
            Ok(_) => break,
            Err(RemoteError::Unreachable(_) | RemoteError::Ssh(_)) => bench.reconnect().await?,
            Err(RemoteError::Script { code: 77, .. }) => {
                let details = format!("{} cannot be written", plan.target);
                return Err(run_fault(Code::TargetReadOnly, details));
            }
            Err(error) => {
                return Err(Box::new(Input::WinnerFault {
                    reason: LostReason::ExecRefused,
                    details: error.to_string(),
                }));
            }
        }
    }
    bench.tell(Input::RestoreStarted).await;

    let mut log = ResticLog::new(plan.counts.clone());
    let mut speed = Speed::new(bench.context.clock.clone());
    let mut offset = 0u64;
    loop {
        let (sender, mut receiver) = mpsc::channel(64);
        let connection = bench.connection.clone();
        let following = follow(&connection, JOB, offset, &sender);
        tokio::pin!(following);
        let mut over = None;
        // Everything the log brought is read before its end counts.
        while over.is_none() || !receiver.is_empty() {
            tokio::select! {
                biased;
                Some(event) = receiver.recv() => if let JobEvent::Data(bytes) = event {
                    offset += bytes.len() as u64;
                    for event in log.read(&bytes) {
                        bench.tell(input_of(event, plan, &mut speed)).await;
                    }
                },
                result = &mut following, if over.is_none() => over = Some(result),
            }
        }
        match over {
            Some(Ok(code)) => return Err(Box::new(ended(log, code))),
            Some(Err(error)) => {
                warn!(%error, "the restore's log was cut, reading on");
                bench.reconnect().await?;
            }
            None => {}
        }
    }
}

fn run_fault(code: Code, details: impl Into<String>) -> Box<Input> {
    Box::new(Input::RunFault { code, details: details.into() })
}

fn ended(log: ResticLog, code: u32) -> Input {
    match log.end(code) {
        Ok(end) => Input::RestoreDone(end),
        Err(Blame::Machine(reason, details)) => Input::WinnerFault { reason, details },
        Err(Blame::Run(code, details)) => Input::RunFault { code, details },
    }
}

fn input_of(event: LogEvent, plan: &RestorePlan, speed: &mut Speed) -> Input {
    match event {
        LogEvent::CriticalDone => Input::CriticalDone {
            files: plan.counts.critical_files,
            bytes: plan.counts.critical_bytes,
        },
        LogEvent::Progress { files, bytes } => {
            let bytes_per_s = speed.measure(bytes);
            let rest = plan.counts.bytes.saturating_sub(bytes);
            Input::Progress(Progress {
                files_done: files,
                bytes_done: bytes,
                bytes: plan.counts.bytes,
                bytes_per_s,
                eta_ms: (bytes_per_s > 0).then(|| rest.saturating_mul(1_000) / bytes_per_s),
            })
        }
    }
}

fn parameters(
    storage: &Storage,
    plan: &RestorePlan,
    restic: &Restic,
) -> Result<Params, Box<Input>> {
    let mut snapshot = plan.resolved.snapshot.id.to_string();
    if let Some(folder) = &plan.resolved.folder {
        if restic.number < RESTIC_TAKES_FOLDERS {
            let details = format!(
                "a folder of a snapshot as the root needs restic 0.17, the image has {}",
                restic.version
            );
            return Err(run_fault(Code::ToolMissing, details));
        }
        snapshot = format!("{snapshot}:{folder}");
    }
    let mut params = Params::new()
        .with("restic", &restic.path)
        .with("snapshot", snapshot)
        .with("target", &plan.target)
        .with("repository", storage.location.to_string())
        .with("password", storage.password.expose_secret())
        .with("option", format!("s3.connections={CONNECTIONS}"));
    for critical in &plan.counts.critical {
        params = params.with("critical", pattern(&critical.path));
    }
    if restic.number < RESTIC_COUNTS {
        params = params.with("verify", "yes");
    }
    if let Some(keys) = storage.machine_credentials.as_ref().or(storage.credentials.as_ref()) {
        if let Some(region) = &keys.region {
            params = params.with("option", format!("s3.region={region}"));
        }
        params = params
            .with("key_id", &keys.access_key_id)
            .with("key_secret", keys.secret_access_key.expose_secret());
        if let Some(token) = &keys.session_token {
            params = params.with("key_token", token.expose_secret());
        }
    }
    Ok(params)
}

/// A path as a restic pattern that matches nothing else.
fn pattern(path: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(path.len());
    for &byte in path {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\') {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern
}

/// Throughput over the last seconds.
#[derive(Debug)]
struct Speed {
    clock: Clock,
    readings: VecDeque<(Tick, u64)>,
}

impl Speed {
    fn new(clock: Clock) -> Self {
        let readings = VecDeque::from([(clock.now(), 0)]);
        Self { clock, readings }
    }

    fn measure(&mut self, bytes: u64) -> u64 {
        let now = self.clock.now();
        self.readings.push_back((now, bytes));
        while self.readings.len() > 2 && now.since(self.readings[1].0) >= RATE_WINDOW_MS {
            self.readings.pop_front();
        }
        let (then, before) = self.readings[0];
        bytes.saturating_sub(before).saturating_mul(1_000) / now.since(then).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_only_itself() {
        assert_eq!(pattern(b"/w/a*b[c]?\\d"), b"/w/a\\*b\\[c\\]\\?\\\\d");
    }

    #[test]
    fn what_the_machine_says_of_restic_is_read() {
        let text = "path /usr/bin/restic\nversion 0.14.0\nsha256 00ff\n";
        let (restic, sha256) = read_found(text).unwrap();
        assert_eq!((restic.path.as_str(), restic.number), ("/usr/bin/restic", (0, 14)));
        assert_eq!(sha256, "00ff");
        assert!(read_found("path /x\nversion 0.9.6\nsha256 0\n").is_err());
        assert!(read_found("version 0.14.0\n").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn throughput_is_that_of_the_last_seconds() {
        let clock = Clock::on_tokio_time(model::At::default());
        let mut speed = Speed::new(clock.clone());
        clock.sleep(1_000).await;
        assert_eq!(speed.measure(5_000), 5_000);
        for second in 1..=10u64 {
            clock.sleep(1_000).await;
            speed.measure(5_000 + second * 100);
        }
        clock.sleep(1_000).await;
        assert_eq!(speed.measure(5_000 + 1_100), 100);
    }
}
