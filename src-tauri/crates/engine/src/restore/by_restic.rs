//! Stock restic on a machine: found or brought there, and its restore, critical
//! paths first. The restore survives a lost connection; it is read on from
//! where the last one stopped.

use std::convert::Infallible;
use std::ffi::OsString;

use model::{Code, InstallRoute, LostReason, RestoreTool, Tool};
use race::{Input, Progress};
use remote::{JobEvent, Params, RemoteError, Script, follow, parse_restic_version};
use repository::Counts;
use secrecy::ExposeSecret as _;
use tokio::sync::mpsc;
use tracing::warn;

use super::restic_log::{Blame, LogEvent, ResticLog};
use super::speed::Speed;
use super::{Bench, JOB, machine_fault, run_fault};
use crate::context::{Context, Storage};
use crate::prepare::RestorePlan;

/// The oldest restic that does what we ask of it.
const OLDEST_RESTIC: (u32, u32) = (0, 14);
/// From here on restic reports progress and counts by itself.
const RESTIC_COUNTS: (u32, u32) = (0, 16);
/// From here on restic takes a folder of a snapshot as the root.
const RESTIC_TAKES_FOLDERS: (u32, u32) = (0, 17);
/// Connections to the object store.
const CONNECTIONS: u32 = 32;

/// restic on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restic {
    path: String,
    version: String,
    number: (u32, u32),
}

impl Restic {
    /// # Errors
    /// Its version is none, or too old.
    pub(super) fn of(path: &str, version: &str) -> Result<Self, String> {
        let number = parse_restic_version(version)
            .ok_or_else(|| format!("\"{version}\" is no version of restic"))?;
        if number < OLDEST_RESTIC {
            return Err(format!("restic {version} is older than 0.14"));
        }
        Ok(Self { path: path.to_owned(), version: version.to_owned(), number })
    }

    pub(super) fn tool(&self) -> RestoreTool {
        RestoreTool { tool: Tool::Restic, version: self.version.clone() }
    }
}

/// Puts restic on the machine.
pub(super) async fn install(
    bench: &mut Bench,
) -> Result<(Restic, InstallRoute, String), Box<Input>> {
    loop {
        let limit = bench.limit(bench.context.rules.deadlines.install_ms);
        let found = bench.connection.run(Script::ResticFind, &Params::new(), limit).await;
        match found {
            Ok(output) if output.code == 0 => {
                let (restic, sha256) = read_found(&output.text())
                    .map_err(|details| run_fault(Code::ToolMissing, details))?;
                return Ok((restic, InstallRoute::Present, sha256));
            }
            Ok(output) => {
                let details = format!("the image has no restic (code {})", output.code);
                return Err(run_fault(Code::ToolMissing, details));
            }
            Err(error) if Bench::is_broken(&error) => bench.reconnect().await?,
            Err(error) => return Err(machine_fault(LostReason::ExecRefused, error.to_string())),
        }
    }
}

fn read_found(text: &str) -> Result<(Restic, String), String> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .map(|value| model::clean(value, 200))
            .ok_or_else(|| format!("the machine did not tell restic's {name}"))
    };
    let restic = Restic::of(&field("path")?, &field("version")?)?;
    Ok((restic, field("sha256")?))
}

/// Restores with stock restic; what there is to say of the end.
pub(super) async fn restore(bench: &mut Bench, plan: &RestorePlan, restic: &Restic) -> Box<Input> {
    let Err(input) = try_restore(bench, plan, restic).await;
    input
}

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
            Err(error) if Bench::is_broken(&error) => bench.reconnect().await?,
            Err(RemoteError::Script { code: 77, .. }) => {
                let details = format!("{} cannot be written", plan.target);
                return Err(run_fault(Code::TargetReadOnly, details));
            }
            Err(error) => return Err(machine_fault(LostReason::ExecRefused, error.to_string())),
        }
    }
    bench.tell(Input::RestoreStarted).await;

    let mut log = ResticLogReader::new(&bench.context, plan);
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
                    for input in log.read(&bytes) {
                        bench.tell(input).await;
                    }
                },
                result = &mut following, if over.is_none() => over = Some(result),
            }
        }
        match over {
            Some(Ok(code)) => return Err(Box::new(log.end(code))),
            Some(Err(error)) => {
                warn!(%error, "the restore's log was cut, reading on");
                bench.reconnect().await?;
            }
            None => {}
        }
    }
}

/// Reads restic's log as inputs for the race.
pub(super) struct ResticLogReader {
    log: ResticLog,
    counts: Counts,
    speed: Speed,
}

impl ResticLogReader {
    pub(super) fn new(context: &Context, plan: &RestorePlan) -> Self {
        let counts = plan.counts().clone();
        let log = ResticLog::new(counts.clone());
        Self { log, counts, speed: Speed::new(context.clock.clone()) }
    }

    /// Takes further bytes of the log.
    pub(super) fn read(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Input> {
        let events = self.log.read(bytes.as_ref());
        events.into_iter().map(|event| self.input_of(event)).collect()
    }

    /// How it ended, with its exit code.
    pub(super) fn end(self, code: u32) -> Input {
        match self.log.end(code) {
            Ok(end) => Input::RestoreDone(end),
            Err(Blame::Machine(reason, details)) => Input::WinnerFault { reason, details },
            Err(Blame::Run(code, details)) => Input::RunFault { code, details },
        }
    }

    fn input_of(&mut self, event: LogEvent) -> Input {
        let Counts { critical_files, critical_bytes, bytes: all, .. } = self.counts;
        match event {
            LogEvent::CriticalDone => {
                Input::CriticalDone { files: critical_files, bytes: critical_bytes }
            }
            LogEvent::Progress { files, bytes } => {
                let bytes_per_s = self.speed.measure(bytes);
                let rest = all.saturating_sub(bytes);
                Input::Progress(Progress {
                    files_done: files,
                    bytes_done: bytes,
                    bytes: all,
                    bytes_per_s,
                    eta_ms: (bytes_per_s > 0).then(|| rest.saturating_mul(1_000) / bytes_per_s),
                    ..Progress::default()
                })
            }
        }
    }
}

/// A part of the restore: the critical paths, or the rest.
pub(super) struct Phase {
    pub(super) name: &'static str,
    flag: &'static str,
    paths: Vec<Vec<u8>>,
}

/// The parts, as the script on a machine has them too.
pub(super) fn phases(plan: &RestorePlan) -> Vec<Phase> {
    let critical: Vec<Vec<u8>> =
        plan.counts().critical.iter().map(|path| pattern(&path.path)).collect();
    let include: Vec<Vec<u8>> = plan.include.iter().map(|path| pattern(path.as_bytes())).collect();
    let rest = if include.is_empty() {
        Phase { name: "rest", flag: "--exclude", paths: critical.clone() }
    } else {
        Phase { name: "rest", flag: "--include", paths: include }
    };
    if critical.is_empty() {
        return vec![rest];
    }
    vec![Phase { name: "critical", flag: "--include", paths: critical }, rest]
}

/// restic's arguments for one part, without the target.
pub(super) fn arguments(
    plan: &RestorePlan,
    restic: &Restic,
    phase: &Phase,
) -> Result<Vec<OsString>, Box<Input>> {
    let mut arguments: Vec<OsString> = vec!["restore".into(), snapshot(plan, restic)?.into()];
    arguments.extend(["--json", "--no-lock", "-o"].map(OsString::from));
    arguments.push(format!("s3.connections={CONNECTIONS}").into());
    for path in &phase.paths {
        arguments.push(phase.flag.into());
        arguments.push(String::from_utf8_lossy(path).into_owned().into());
    }
    if restic.number < RESTIC_COUNTS {
        arguments.push("--verify".into());
    }
    Ok(arguments)
}

fn snapshot(plan: &RestorePlan, restic: &Restic) -> Result<String, Box<Input>> {
    let id = plan.resolved.snapshot.id;
    match &plan.resolved.folder {
        None => Ok(id.to_string()),
        Some(folder) if restic.number >= RESTIC_TAKES_FOLDERS => Ok(format!("{id}:{folder}")),
        Some(_) => {
            let details = format!(
                "a folder of a snapshot as the root needs restic 0.17, there is {}",
                restic.version
            );
            Err(run_fault(Code::ToolMissing, details))
        }
    }
}

fn parameters(
    storage: &Storage,
    plan: &RestorePlan,
    restic: &Restic,
) -> Result<Params, Box<Input>> {
    let mut params = Params::new()
        .with("restic", &restic.path)
        .with("snapshot", snapshot(plan, restic)?)
        .with("target", &plan.target)
        .with("repository", storage.location.to_string())
        .with("password", storage.password.expose_secret())
        .with("option", format!("s3.connections={CONNECTIONS}"));
    for critical in &plan.counts().critical {
        params = params.with("critical", pattern(&critical.path));
    }
    for path in &plan.include {
        params = params.with("include", pattern(path.as_bytes()));
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

/// A path as a restic pattern that matches nothing else, but for names that
/// differ from it in a line break alone: those cannot be told to a script.
fn pattern(path: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(path.len());
    for &byte in path {
        if byte == b'\n' {
            pattern.push(b'?');
            continue;
        }
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\') {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern
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
}
