//! Restores: the tool on the machine and its work, read from its log wherever
//! the connection breaks; or the same on this computer.

mod agent_log;
mod by_agent;
mod by_restic;
mod carried;
mod local;
mod plans;
mod restic_log;
mod speed;
mod stock;

use std::sync::Arc;
use std::time::Duration;

use agent::RawPath;
use bytes::Bytes;
use model::{
    Addresses, Code, FactBody, InstallRoute, LaneNo, LostReason, Preflight, RestoreGroup,
    RestoreTool, RunId, StandingTool, StoreAccess, Tool, path_text,
};
use race::Input;
use remote::{Connection, Content, Dial, Output, Params, RemoteError, Script, reach};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, info_span, warn};

use crate::actor::Event;
use crate::context::Context;
use crate::prepare::RestorePlan;

use by_restic::Restic;
pub use carried::Agents;
use carried::Carried;
pub(crate) use local::{Here, can_be_written, restore_here};
pub use plans::Plans;
pub(crate) use plans::{MadePlan, Wanted};
use speed::Uplink;
pub use stock::{RELEASES, Release, SOURCE, Stock};

/// The name under which the scripts keep the restore's job.
const JOB: &str = "restore";
/// For how long a run waits for its on-ready script to start.
const SCRIPT_START_MS: u64 = 10_000;
/// Longer than the script itself waits.
const JOB_STOP_MS: u64 = 30_000;
/// How often an upload is told of.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// Parts of the tree that are told apart at most.
const GROUPS_TOLD: usize = 24;

/// What stands on the winner and is about to work.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// Our agent; its ticket is made when it starts.
    Agent,
    /// Stock restic.
    Restic(Restic),
}

/// What every task on a machine needs.
pub(crate) struct Bench {
    pub(crate) context: Arc<Context>,
    pub(crate) run: RunId,
    pub(crate) lane: LaneNo,
    pub(crate) connection: Connection,
    /// How to come back when the connection breaks, to this very machine.
    pub(crate) dial: Dial,
    pub(crate) addresses: watch::Receiver<Addresses>,
    /// What the machine told about itself.
    pub(crate) report: Preflight,
    pub(crate) stop: CancellationToken,
    pub(crate) events: mpsc::Sender<Event>,
    /// Paths that are wanted first.
    pub(crate) front: mpsc::Receiver<RawPath>,
}

impl Bench {
    async fn tell(&self, input: Input) {
        let (run, lane) = (self.run.clone(), self.lane);
        let _ = self.events.send(Event::Winner { run, lane, input: Box::new(input) }).await;
    }

    fn limit(&self, ms: u64) -> Duration {
        self.context.clock.real_time(ms).max(Duration::from_secs(2))
    }

    /// Sends a program. One that would take longer than `longest`, as it goes
    /// at first, is given up.
    async fn push(
        &self,
        path: &str,
        program: &Carried,
        longest: Option<Duration>,
        limit: Duration,
    ) -> Result<String, RemoteError> {
        let unpacks = self.report.tools.iter().any(|tool| tool == "gunzip");
        let content = if unpacks {
            let (packed, sha256) = (program.packed.clone(), program.sha256.clone());
            Content::Gzip { packed, sha256 }
        } else {
            Content::Plain(program.program.clone())
        };
        let bytes = match &content {
            Content::Gzip { packed: bytes, .. } | Content::Plain(bytes) => bytes.len() as u64,
        };
        let (told, mut sent) = watch::channel(0);
        let uplink = Uplink::new(self.context.clock.clone(), bytes, longest);
        let pushing = self.connection.upload(path, "0700", content, limit, move |done| {
            let _ = told.send(done);
            uplink.judge(done)
        });
        tokio::pin!(pushing);
        let mut look = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                pushed = &mut pushing => return pushed,
                _ = look.tick() => if sent.has_changed().unwrap_or(false) {
                    let bytes_done = *sent.borrow_and_update();
                    let (how, bytes) = (InstallRoute::Pushed, Some(bytes));
                    self.tell(Input::Installing { how, bytes_done, bytes }).await;
                },
            }
        }
    }

    /// Runs a short script beside the bench's own work: over a connection of its
    /// own where the server allows one session.
    pub(crate) async fn run_aside(
        &self,
        script: Script,
        params: &Params,
        limit_ms: u64,
    ) -> Result<Output, RemoteError> {
        self.feed_aside(script, params, Bytes::new(), limit_ms).await
    }

    async fn feed_aside(
        &self,
        script: Script,
        params: &Params,
        input: Bytes,
        limit_ms: u64,
    ) -> Result<Output, RemoteError> {
        let limit = self.limit(limit_ms);
        match self.connection.run_fed(script, params, input.clone(), limit).await {
            Err(error) if Self::is_broken(&error) => {
                debug!(%error, ?script, "run over a connection of its own");
            }
            done => return done,
        }
        let reached = reach(&self.dial, self.addresses.clone(), Arc::new(|_| {})).await?;
        let done = reached.connection.run_fed(script, params, input, limit).await;
        reached.connection.close().await;
        done
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

    /// Whether a failed call is worth another connection.
    const fn is_broken(error: &RemoteError) -> bool {
        matches!(error, RemoteError::Unreachable(_) | RemoteError::Ssh(_))
    }
}

/// Runs a task on a machine until it ends or the run does.
pub(crate) fn spawn<F>(bench: Bench, name: &'static str, task: impl FnOnce(Bench) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let span = info_span!("restore", run = %bench.run, task = name);
    let stop = bench.stop.clone();
    let task = task(bench);
    tokio::spawn(
        async move {
            stop.run_until_cancelled(task).await;
        }
        .instrument(span),
    );
}

/// Puts the plan beside the repository while the machines still race, and takes
/// away plans that nobody will carry out any more.
pub(crate) fn lay_out(context: &Arc<Context>, plan: &RestorePlan) {
    let (context, made) = (Arc::clone(context), Arc::clone(&plan.made));
    tokio::spawn(async move {
        let Ok(repository) = context.repository().await else { return };
        if let Err(error) = made.store(&repository).await {
            // It is put there again, and the user told, when a winner stands.
            debug!(%error, "the plan could not be stored");
        }
        if let Err(error) = repository.delete_old_plans(context.clock.wall()).await {
            debug!(%error, "old plans could not be deleted");
        }
    });
}

/// What will be restored, as a fact.
pub(crate) fn planned(plan: &RestorePlan) -> FactBody {
    let view = plan.resolved.snapshot.view();
    let counts = &plan.made.plan.counts;
    let groups = told_groups(plan).into_iter().map(|(_, group)| group).collect();
    FactBody::RestorePlanned {
        snapshot: view.id,
        taken: view.time,
        files: counts.files,
        bytes: counts.bytes,
        critical_files: counts.critical_files,
        critical_bytes: counts.critical_bytes,
        target: plan.target.clone(),
        fetched_bytes: Some(plan.made.plan.totals.fetched_bytes),
        groups,
    }
}

/// The largest parts of the tree with their places in the plan, in the tree's
/// order.
fn told_groups(plan: &RestorePlan) -> Vec<(usize, RestoreGroup)> {
    let mut groups: Vec<_> = plan.made.plan.groups.iter().enumerate().collect();
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.bytes));
    groups.truncate(GROUPS_TOLD);
    groups.sort_by_key(|(place, _)| *place);
    let told = |group: &agent::plan::Group| RestoreGroup {
        path: path_text(&group.path),
        files: group.files,
        bytes: group.bytes,
    };
    groups.into_iter().map(|(place, group)| (place, told(group))).collect()
}

/// Puts the tool on the machine: the one that is asked for, or restic in its
/// place.
pub(crate) async fn install(mut bench: Bench, plan: RestorePlan, tool: Tool) {
    let mut cause = None;
    if tool == Tool::Agent {
        match by_agent::install(&mut bench, &plan).await {
            Ok((how, sha256)) => {
                let (run, lane) = (bench.run.clone(), bench.lane);
                let standing = Standing::Agent;
                let _ = bench.events.send(Event::ToolStands { run, lane, standing }).await;
                let version = env!("CARGO_PKG_VERSION").to_owned();
                let standing = StandingTool {
                    tool: RestoreTool { tool: Tool::Agent, version },
                    how,
                    sha256,
                    access: StoreAccess::Ticket,
                };
                bench.tell(Input::Installed { standing, fallback: None }).await;
                return;
            }
            Err(Trouble::Tool(why)) => cause = Some(why),
            Err(Trouble::Told(input)) => {
                bench.tell(*input).await;
                return;
            }
        }
    }
    match by_restic::install(&mut bench).await {
        Ok((restic, stands)) => {
            let (run, lane) = (bench.run.clone(), bench.lane);
            let standing = Standing::Restic(restic);
            let _ = bench.events.send(Event::ToolStands { run, lane, standing }).await;
            bench.tell(Input::Installed { standing: stands, fallback: cause }).await;
        }
        Err(input) => {
            let input = match (*input, cause) {
                // What was wrong with the first tool is the more useful word.
                (Input::RunFault { code: Code::ToolMissing, details }, Some(cause)) => {
                    let details = format!("{cause}; {details}");
                    Input::RunFault { code: Code::ToolMissing, details }
                }
                (input, _) => input,
            };
            bench.tell(input).await;
        }
    }
}

/// Restores with the tool that stands.
pub(crate) async fn restore(mut bench: Bench, plan: RestorePlan, standing: Standing) {
    let input = match standing {
        Standing::Restic(restic) => by_restic::restore(&mut bench, &plan, &restic).await,
        Standing::Agent => match by_agent::restore(&mut bench, &plan).await {
            Ok(input) | Err(Trouble::Told(input)) => input,
            Err(Trouble::Tool(cause)) => fall_back(&mut bench, &plan, cause).await,
        },
    };
    bench.tell(*input).await;
}

/// The agent failed by its own fault in its work: restic does it all again.
async fn fall_back(bench: &mut Bench, plan: &RestorePlan, cause: String) -> Box<Input> {
    tracing::warn!(%cause, "restic takes over from the agent");
    match by_restic::install(bench).await {
        Ok((restic, standing)) => {
            bench.tell(Input::FellBack { standing, cause }).await;
            by_restic::restore(bench, plan, &restic).await
        }
        Err(input) => match *input {
            Input::RunFault { code: Code::ToolMissing, details } => {
                let details = format!("{cause}; {details}");
                Box::new(Input::RunFault { code: Code::ToolMissing, details })
            }
            other => Box::new(other),
        },
    }
}

/// Where the on-ready script's output goes.
pub(crate) const SCRIPT_LOG: &str = "~/.dumont/jobs/ready/log";

/// Starts the recipe's own script and does not wait for its end.
pub(crate) async fn start_script(mut bench: Bench, script: String) {
    let limit = bench.limit(SCRIPT_START_MS);
    let starting = async {
        loop {
            let params = Params::new().with("length", script.len().to_string());
            let script = Bytes::from(script.clone());
            let connection = bench.connection.clone();
            match connection.run_fed(Script::ReadyStart, &params, script, limit).await {
                Ok(_) => return None,
                Err(error) if Bench::is_broken(&error) => {
                    if let Err(input) = bench.reconnect().await {
                        return Some(format!("{input:?}"));
                    }
                }
                Err(error) => return Some(error.to_string()),
            }
        }
    };
    let started = tokio::time::timeout(limit, starting).await;
    let problem = started.unwrap_or_else(|_| Some("the machine did not answer".to_owned()));
    let run = bench.run.clone();
    let _ = bench.events.send(Event::ScriptStarted { run, problem }).await;
}

/// Ends the restore's job on a machine that lives on.
pub(crate) async fn stop_job(bench: Bench) {
    let params = Params::new().with("job", JOB);
    match bench.run_aside(Script::JobStop, &params, JOB_STOP_MS).await {
        Ok(_) => debug!(run = %bench.run, "the restore's job is ended"),
        Err(error) => warn!(run = %bench.run, %error, "the restore's job may go on"),
    }
}

/// Why a step with a tool failed.
enum Trouble {
    /// The tool's own fault: another one may do.
    Tool(String),
    /// Anything else, as the race is told.
    Told(Box<Input>),
}

fn run_fault(code: Code, details: impl Into<String>) -> Box<Input> {
    Box::new(Input::RunFault { code, details: details.into() })
}

fn machine_fault(reason: LostReason, details: impl Into<String>) -> Box<Input> {
    Box::new(Input::WinnerFault { reason, details: details.into() })
}
