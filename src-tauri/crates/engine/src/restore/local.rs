//! A restore into a folder on this computer: our agent as a part of this
//! process, or this computer's restic.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use agent::RawPath;
use agent::event::{Control, Event as AgentEvent};
use model::{Code, InstallRoute, LaneNo, RestoreTool, RunId, StandingTool, StoreAccess, Tool};
use race::Input;
use remote::parse_restic_version;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info_span};

use super::agent_log::{AgentLog, Told};
use super::by_restic::{self, ResticLogReader};
use super::{Trouble, run_fault, told_groups};
use crate::actor::Event;
use crate::context::{Context, Storage};
use crate::prepare::RestorePlan;

const TICKET_VALID: Duration = Duration::from_hours(1);
/// Events of the agent that may wait.
const EVENTS: usize = 256;

/// What a restore on this computer needs.
pub(crate) struct Here {
    pub(crate) context: Arc<Context>,
    pub(crate) run: RunId,
    pub(crate) folder: PathBuf,
    pub(crate) plan: RestorePlan,
    pub(crate) tool: Tool,
    pub(crate) stop: CancellationToken,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) front: mpsc::Receiver<RawPath>,
}

impl Here {
    async fn tell(&self, input: Input) {
        let (run, lane) = (self.run.clone(), LaneNo(0));
        let _ = self.events.send(Event::Winner { run, lane, input: Box::new(input) }).await;
    }

    async fn stands(&self, tool: RestoreTool, how: InstallRoute) {
        let (sha256, access) = (String::new(), StoreAccess::Own);
        let standing = StandingTool { tool, how, sha256, access };
        self.tell(Input::Installed { standing, fallback: None }).await;
    }

    /// Where the snapshot's root goes: the target below the folder.
    fn target(&self) -> PathBuf {
        self.folder.join(self.plan.target.trim_start_matches('/'))
    }
}

/// Restores until it is done or the run ends.
pub(crate) fn restore_here(here: Here) {
    let span = info_span!("restore", run = %here.run, task = "here");
    let stop = here.stop.clone();
    let task = async move {
        let mut here = here;
        let ended = match here.tool {
            Tool::Agent => by_agent(&mut here).await,
            Tool::Restic => by_restic(&here).await,
        };
        let input = match ended {
            Ok(input) | Err(Trouble::Told(input)) => input,
            Err(Trouble::Tool(details)) => run_fault(Code::Internal, details),
        };
        here.tell(*input).await;
    };
    tokio::spawn(
        async move {
            stop.run_until_cancelled(task).await;
        }
        .instrument(span),
    );
}

async fn by_agent(here: &mut Here) -> Result<Box<Input>, Trouble> {
    let repository = here
        .context
        .repository()
        .await
        .map_err(|error| Trouble::Told(run_fault(error.code, error.details)))?;
    let stored = here.plan.made.store(&repository).await;
    stored.map_err(|error| Trouble::Told(run_fault(error.code, error.details)))?;
    let ticket = || async {
        let ticket = repository.ticket(&here.plan.made.plan, TICKET_VALID).await;
        ticket.map_err(|error| Trouble::Told(run_fault(error.code(), error.to_string())))
    };
    let first = ticket().await?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let tool = RestoreTool { tool: Tool::Agent, version };
    here.stands(tool, InstallRoute::BuiltIn).await;
    here.tell(Input::RestoreStarted).await;

    let (events, mut told) = mpsc::channel::<AgentEvent>(EVENTS);
    let (controls, heard) = mpsc::channel(16);
    let target = here.target();
    let restoring = tokio::spawn(async move {
        agent::restore(first, &target, agent::Options::default(), events, heard).await
    });
    // A run that is over takes its restore along.
    let _guard = AbortOnDrop(restoring.abort_handle());
    let groups = told_groups(&here.plan).into_iter().map(|(place, _)| place).collect();
    let mut log = AgentLog::new(here.plan.counts().bytes, groups);
    let mut open = true;
    loop {
        tokio::select! {
            event = told.recv() => {
                let Some(event) = event else { break };
                match log.take(event) {
                    Some(Told::Input(input)) => here.tell(*input).await,
                    Some(Told::TicketWanted(_)) => {
                        let fresh = Box::new(ticket().await?);
                        let _ = controls.send(Control::Ticket(fresh)).await;
                    }
                    None => {}
                }
            }
            path = here.front.recv(), if open => match path {
                Some(path) => {
                    let _ = controls.send(Control::Front(path)).await;
                }
                None => open = false,
            },
        }
    }
    log.end(0)
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn by_restic(here: &Here) -> Result<Box<Input>, Trouble> {
    let storage = here.context.storage.as_ref().ok_or_else(|| {
        Trouble::Told(run_fault(Code::RepositoryMissing, "no repository is set up"))
    })?;
    let version = restic_version().await.ok_or_else(|| {
        let details = "this computer has no restic 0.14 or newer on its path";
        Trouble::Told(run_fault(Code::ToolMissing, details))
    })?;
    let restic = by_restic::Restic::of("restic", &version)
        .map_err(|details| Trouble::Told(run_fault(Code::ToolMissing, details)))?;
    here.stands(restic.tool(), InstallRoute::Present).await;
    here.tell(Input::RestoreStarted).await;
    let mut log = ResticLogReader::new(&here.context, &here.plan);
    let mut code = 0;
    for phase in by_restic::phases(&here.plan) {
        for input in log.read(format!("@phase {}\n", phase.name)) {
            here.tell(input).await;
        }
        let mut command = Command::new("restic");
        command
            .args(by_restic::arguments(&here.plan, &restic, &phase).map_err(Trouble::Told)?)
            .arg("--target")
            .arg(here.target());
        secrets(&mut command, storage);
        code = run(here, command, &mut log).await?;
        for input in log.read(format!("@done {} {code}\n", phase.name)) {
            here.tell(input).await;
        }
        if code != 0 {
            break;
        }
    }
    Ok(Box::new(log.end(code)))
}

/// The secrets go into the environment of that one process.
fn secrets(command: &mut Command, storage: &Storage) {
    // What the user's shell holds for another repository must not interfere.
    for name in ["RESTIC_PASSWORD_FILE", "RESTIC_PASSWORD_COMMAND", "RESTIC_REPOSITORY_FILE"] {
        command.env_remove(name);
    }
    command
        .env("RESTIC_REPOSITORY", storage.location.to_string())
        .env("RESTIC_PASSWORD", storage.password.expose_secret())
        .env("RESTIC_PROGRESS_FPS", "5");
    if let Some(keys) = &storage.credentials {
        command
            .env("AWS_ACCESS_KEY_ID", &keys.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.expose_secret());
        if let Some(token) = &keys.session_token {
            command.env("AWS_SESSION_TOKEN", token.expose_secret());
        }
    }
}

async fn run(here: &Here, mut command: Command, log: &mut ResticLogReader) -> Result<u32, Trouble> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| {
        Trouble::Told(run_fault(Code::ToolMissing, format!("start restic: {error}")))
    })?;
    let (lines, mut said) = mpsc::channel(EVENTS);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    tokio::spawn(copy(out, lines.clone()));
    tokio::spawn(copy(err, lines));
    while let Some(line) = said.recv().await {
        for input in log.read(&line) {
            here.tell(input).await;
        }
    }
    let status = child.wait().await;
    Ok(status.ok().and_then(|status| u32::try_from(status.code()?).ok()).unwrap_or(1))
}

async fn copy(from: Option<impl AsyncRead + Unpin>, lines: mpsc::Sender<String>) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from).lines();
    while let Ok(Some(line)) = from.next_line().await {
        if lines.send(line + "\n").await.is_err() {
            return;
        }
    }
}

async fn restic_version() -> Option<String> {
    let output = Command::new("restic").arg("version").stdin(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.strip_prefix("restic ")?.split_whitespace().next()?.to_owned();
    parse_restic_version(&version).map(|_| version)
}

/// Whether the folder can be made and written, before anything is begun.
pub(crate) fn can_be_written(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let probe = folder.join(format!(".dumont-{}", std::process::id()));
    std::fs::write(&probe, "")?;
    std::fs::remove_file(probe)
}
