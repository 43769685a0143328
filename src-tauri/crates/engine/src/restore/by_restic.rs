//! Stock restic on a machine: found or brought there, and its restore, critical
//! paths first. The restore survives a lost connection; it is read on from
//! where the last one stopped.

use std::convert::Infallible;
use std::ffi::OsString;
use std::time::Duration;

use model::{Code, InstallRoute, LostReason, RestoreTool, StandingTool, StoreAccess, Tool};
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
/// Where it is sent to.
const PATH: &str = "~/.dumont/restic";
/// Sending it for longer than this is no faster than other ways.
const LONGEST_PUSH: Duration = Duration::from_secs(8);
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

/// Puts restic on the machine: the image's own, the one that onstart fetched,
/// one that is sent, or one from the image's package manager.
pub(super) async fn install(bench: &mut Bench) -> Result<(Restic, StandingTool), Box<Input>> {
    let arch = bench.report.arch.clone();
    let at_hand = bench.context.stock.at_hand(&arch).await;
    let wanted = at_hand.as_ref().map(|stock| stock.carried.sha256.clone());
    let mut why = Vec::new();
    match find(bench, wanted.as_deref()).await? {
        Ok((restic, sha256)) => {
            let fetched = wanted.as_deref() == Some(sha256.as_str());
            let how = if fetched { InstallRoute::Fetched } else { InstallRoute::Present };
            return Ok(standing(bench, restic, how, sha256));
        }
        Err(absent) => why.push(absent),
    }
    match push(bench, &arch).await? {
        Ok((restic, sha256)) => return Ok(standing(bench, restic, InstallRoute::Pushed, sha256)),
        Err(not_sent) => why.push(not_sent),
    }
    match package(bench).await? {
        Ok((restic, sha256)) => return Ok(standing(bench, restic, InstallRoute::Package, sha256)),
        Err(not_installed) => why.push(not_installed),
    }
    Err(run_fault(Code::ToolMissing, why.join("; ")))
}

/// A restic that stands, or why there is none.
type Stands = Result<(Restic, String), String>;

fn standing(
    bench: &Bench,
    restic: Restic,
    how: InstallRoute,
    sha256: String,
) -> (Restic, StandingTool) {
    let access = bench.context.storage.as_ref().map_or(StoreAccess::Own, Storage::access);
    let standing = StandingTool { tool: restic.tool(), how, sha256, access };
    (restic, standing)
}

/// Runs a script, over another connection where this one breaks.
async fn ask(
    bench: &mut Bench,
    script: Script,
    params: &Params,
) -> Result<remote::Output, Box<Input>> {
    loop {
        let limit = bench.limit(bench.context.rules.deadlines.install_ms);
        match bench.connection.run(script, params, limit).await {
            Ok(output) => return Ok(output),
            Err(error) if Bench::is_broken(&error) => bench.reconnect().await?,
            Err(error) => return Err(machine_fault(LostReason::ExecRefused, error.to_string())),
        }
    }
}

async fn find(bench: &mut Bench, wanted: Option<&str>) -> Result<Stands, Box<Input>> {
    let params = wanted.map_or_else(Params::new, |sha256| Params::new().with("sha256", sha256));
    Ok(read_found(&ask(bench, Script::ResticFind, &params).await?.text()))
}

async fn push(bench: &mut Bench, arch: &str) -> Result<Stands, Box<Input>> {
    let stock = match bench.context.stock.get(arch).await {
        Ok(stock) => stock,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(why) = stock.refused_by(bench.report.libc.as_deref()) {
        return Ok(Err(why));
    }
    let limit = bench.limit(bench.context.rules.deadlines.install_ms);
    match bench.push(PATH, &stock.carried, Some(LONGEST_PUSH), limit).await {
        Ok(_) => find(bench, None).await,
        Err(RemoteError::GivenUp) => {
            Ok(Err("this computer's line is too slow to send restic".to_owned()))
        }
        Err(error) if Bench::is_broken(&error) => {
            bench.reconnect().await?;
            Ok(Err(format!("restic could not be sent: {error}")))
        }
        Err(error) => Ok(Err(format!("restic could not be sent: {error}"))),
    }
}

async fn package(bench: &mut Bench) -> Result<Stands, Box<Input>> {
    let how = InstallRoute::Package;
    bench.tell(Input::Installing { how, bytes_done: 0, bytes: None }).await;
    match ask(bench, Script::ResticPackage, &Params::new()).await?.code {
        0 => find(bench, None).await,
        69 => Ok(Err("the image has no package manager".to_owned())),
        _ => Ok(Err("the image's package manager installed none".to_owned())),
    }
}

/// The first that will do, of all that stand there.
fn read_found(text: &str) -> Stands {
    let mut why = None;
    let mut blocks: Vec<Vec<(&str, String)>> = Vec::new();
    for line in text.lines() {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        if name == "path" {
            blocks.push(Vec::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push((name, model::clean(value, 200)));
        }
    }
    for block in blocks {
        let field = |name: &str| {
            block
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.clone())
                .ok_or_else(|| format!("the machine did not tell restic's {name}"))
        };
        let read = || {
            let restic = Restic::of(&field("path")?, &field("version")?)?;
            Ok((restic, field("sha256")?))
        };
        match read() {
            Ok(found) => return Ok(found),
            Err(wrong) => why = Some(wrong),
        }
    }
    Err(why.unwrap_or_else(|| "the image has no restic".to_owned()))
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
    let keys = storage.machine_keys().map_err(|error| run_fault(error.code, error.details))?;
    if let Some(keys) = keys {
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

    #[test]
    fn the_first_restic_that_will_do_is_taken() {
        let block = |path: &str, version: &str| {
            format!("path {path}\nversion {version}\nsha256 of{version}\n")
        };
        let text = block("/usr/bin/restic", "0.9.6") + &block("/root/.dumont/restic", "0.19.1");
        let (restic, sha256) = read_found(&text).unwrap();
        assert_eq!((restic.path.as_str(), sha256.as_str()), ("/root/.dumont/restic", "of0.19.1"));
        let text = block("/usr/bin/restic", "0.18.1") + &block("/root/.dumont/restic", "0.19.1");
        assert_eq!(read_found(&text).unwrap().0.path, "/usr/bin/restic");
        assert!(read_found(&block("/r", "0.9.6")).unwrap_err().contains("older"));
        assert!(read_found("path /r\nversion 0.19.1\n").unwrap_err().contains("sha256"));
        assert!(read_found("").unwrap_err().contains("no restic"));
        // Of another architecture: it tells nothing.
        assert!(read_found("path /r\nversion \nsha256 x\n").is_err());
    }
}
