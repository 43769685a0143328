//! Our agent on a machine: there since it booted or sent over SSH, started on a
//! ticket that goes through a pipe, and heard through its log.

use std::time::Duration;

use agent::event::{Control, TicketReason};
use bytes::Bytes;
use model::{Code, InstallRoute, LostReason, Tick};
use race::Input;
use remote::{JobEvent, Params, RemoteError, Script, follow};
use repository::Repository;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::agent_log::{AgentLog, Told};
use super::carried::Carried;
use super::{Bench, JOB, Trouble, machine_fault, run_fault, told_groups};
use crate::prepare::RestorePlan;

/// Where it is sent to.
const PATH: &str = "~/.dumont/agent";
/// What a ticket is good for; it is renewed while the restore runs.
const TICKET_VALID: Duration = Duration::from_hours(1);
/// A ticket that was asked for again within this time is not what is wrong.
const RENEW_AGAIN_MS: u64 = 1_000;
const TELL_MS: u64 = 10_000;

impl From<Box<Input>> for Trouble {
    fn from(input: Box<Input>) -> Self {
        Self::Told(input)
    }
}

/// Puts the agent on the machine and its plan beside the repository.
pub(super) async fn install(
    bench: &mut Bench,
    plan: &RestorePlan,
) -> Result<(InstallRoute, String), Trouble> {
    let repository = repository(bench).await?;
    let arch = &bench.report.arch;
    let carried = bench
        .context
        .agents
        .for_arch(arch)
        .cloned()
        .ok_or_else(|| Trouble::Tool(format!("this app carries no agent for {arch}")))?;
    let storing = async {
        let stored = plan.made.store(&repository).await;
        stored.map_err(|error| Trouble::Tool(format!("the plan could not be stored: {error}")))
    };
    let (placed, stored) = tokio::join!(place(bench, &carried), storing);
    let how = placed?;
    stored?;
    Ok((how, carried.sha256))
}

async fn place(bench: &mut Bench, carried: &Carried) -> Result<InstallRoute, Trouble> {
    let limit = bench.limit(bench.context.rules.deadlines.install_ms);
    loop {
        let params = Params::new().with("sha256", &carried.sha256);
        match bench.connection.run_ok(Script::AgentFind, &params, limit).await {
            Ok(output) if output.text().trim() == "present" => return Ok(InstallRoute::Fetched),
            Ok(_) => {}
            Err(error) if Bench::is_broken(&error) => {
                bench.reconnect().await?;
                continue;
            }
            Err(error) => {
                return Err(machine_fault(LostReason::ExecRefused, error.to_string()).into());
            }
        }
        match bench.push(PATH, carried, None, limit).await {
            Ok(_) => return Ok(InstallRoute::Pushed),
            Err(error) if Bench::is_broken(&error) => bench.reconnect().await?,
            Err(error) => return Err(Trouble::Tool(error.to_string())),
        }
    }
}

/// Restores with the agent that stands.
pub(super) async fn restore(bench: &mut Bench, plan: &RestorePlan) -> Result<Box<Input>, Trouble> {
    let repository = repository(bench).await?;
    start(bench, plan, &repository).await?;
    bench.tell(Input::RestoreStarted).await;

    let groups = told_groups(plan).into_iter().map(|(place, _)| place).collect();
    let mut log = AgentLog::new(plan.counts().bytes, groups);
    let mut offset = 0u64;
    let mut renewed: Option<Tick> = None;
    loop {
        let (sender, mut receiver) = mpsc::channel(64);
        let connection = bench.connection.clone();
        let following = follow(&connection, JOB, offset, &sender);
        tokio::pin!(following);
        let mut over = None;
        let mut wants = Vec::new();
        // Everything the log brought is read before its end counts.
        while over.is_none() || !receiver.is_empty() {
            tokio::select! {
                biased;
                Some(event) = receiver.recv() => if let JobEvent::Data(bytes) = event {
                    offset += bytes.len() as u64;
                    for told in log.read(&bytes) {
                        match told {
                            Told::Input(input) => bench.tell(*input).await,
                            Told::TicketWanted(reason) => wants.push(reason),
                        }
                    }
                },
                Some(path) = bench.front.recv(), if over.is_none() => {
                    say(bench, &Control::Front(path)).await;
                }
                result = &mut following, if over.is_none() => over = Some(result),
            }
            if let Some(reason) = wants.pop() {
                wants.clear();
                renew(bench, plan, &repository, reason, &mut renewed).await?;
            }
        }
        match over {
            Some(Ok(code)) => return log.end(code),
            Some(Err(error)) => {
                warn!(%error, "the restore's log was cut, reading on");
                bench.reconnect().await?;
            }
            None => {}
        }
    }
}

async fn start(
    bench: &mut Bench,
    plan: &RestorePlan,
    repository: &Repository,
) -> Result<(), Trouble> {
    let params = Params::new().with("target", &plan.target);
    loop {
        let ticket = line(&ticket(plan, repository).await?)?;
        let limit = bench.limit(10_000);
        match bench.connection.run_fed(Script::AgentStart, &params, ticket, limit).await {
            Ok(_) => return Ok(()),
            Err(error) if Bench::is_broken(&error) => bench.reconnect().await?,
            Err(RemoteError::Script { code: 77, .. }) => {
                let details = format!("{} cannot be written", plan.target);
                return Err(run_fault(Code::TargetReadOnly, details).into());
            }
            Err(RemoteError::Script { code: 69, stderr, .. }) => {
                return Err(Trouble::Tool(format!("the agent does not start: {stderr}")));
            }
            Err(error) => {
                return Err(machine_fault(LostReason::ExecRefused, error.to_string()).into());
            }
        }
    }
}

/// Sends a renewed ticket. A store that refuses a fresh one refuses the key.
async fn renew(
    bench: &mut Bench,
    plan: &RestorePlan,
    repository: &Repository,
    reason: TicketReason,
    renewed: &mut Option<Tick>,
) -> Result<(), Trouble> {
    let now = bench.context.clock.now();
    if renewed.is_some_and(|at| now.since(at) < RENEW_AGAIN_MS) {
        return Ok(());
    }
    debug!(?reason, "the ticket is renewed");
    *renewed = Some(now);
    let ticket = ticket(plan, repository).await?;
    say(bench, &ticket).await;
    Ok(())
}

async fn ticket(plan: &RestorePlan, repository: &Repository) -> Result<Control, Trouble> {
    let ticket = repository
        .ticket(&plan.made.plan, TICKET_VALID)
        .await
        .map_err(|error| Trouble::Tool(error.to_string()))?;
    Ok(Control::Ticket(Box::new(ticket)))
}

/// Tells the agent something. What does not arrive is asked for again.
async fn say(bench: &Bench, control: &Control) {
    let Ok(input) = line(control) else { return };
    let params = Params::new().with("job", JOB);
    if let Err(error) = bench.feed_aside(Script::JobTell, &params, input, TELL_MS).await {
        warn!(%error, "the agent could not be told");
    }
}

/// One line of the agent's input.
fn line(control: &Control) -> Result<Bytes, Trouble> {
    let mut line = serde_json::to_vec(control).map_err(|error| Trouble::Tool(error.to_string()))?;
    line.push(b'\n');
    Ok(line.into())
}

async fn repository(bench: &Bench) -> Result<Repository, Trouble> {
    bench
        .context
        .repository()
        .await
        .map_err(|error| Trouble::Told(run_fault(error.code, error.details)))
}
