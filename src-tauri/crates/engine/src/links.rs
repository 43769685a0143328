//! Connections to machines that live on after their run: kept winners. One a
//! machine, opened when it is first needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{AppError, Code, MachineId, RunId};
use remote::{Connection, Expect, Identity, Reached, RemoteError, reach};
use tokio::sync::{Mutex, watch};

use crate::asking::{ask, cloud_error};
use crate::context::Context;
use crate::lane::dialling;
use crate::ledger::{Rental, RentalState};
use crate::run::Seat;
use crate::vault::SecretName;

/// A machine that does not answer within this is not reached.
const REACH_MS: u64 = 20_000;

/// What is kept of each machine between calls.
#[derive(Debug, Default)]
pub(crate) struct Link {
    connection: Option<Connection>,
    /// The last reading of its processor: time worked, time there was.
    pub(crate) cpu_ticks: Option<(u64, u64)>,
}

/// Connections to kept winners.
#[derive(Debug, Default)]
pub struct Links(Mutex<BTreeMap<MachineId, Arc<Mutex<Link>>>>);

impl Links {
    /// The link to this machine; waits for whoever uses it.
    pub(crate) async fn of(&self, machine: &MachineId) -> Arc<Mutex<Link>> {
        let mut links = self.0.lock().await;
        Arc::clone(links.entry(machine.clone()).or_default())
    }

    /// Nobody needs it any more.
    pub(crate) async fn forget(&self, machine: &MachineId) {
        self.0.lock().await.remove(machine);
    }
}

impl Link {
    /// A connection to the machine, the last one or a new one.
    pub(crate) async fn connection(
        &mut self,
        context: &Context,
        machine: &MachineId,
    ) -> Result<Connection, AppError> {
        if let Some(open) = self.connection.as_ref().filter(|open| !open.is_closed()) {
            return Ok(open.clone());
        }
        let fresh = connect(context, machine).await?;
        self.connection = Some(fresh.clone());
        Ok(fresh)
    }
}

/// Reaches a kept winner with its run's key, and no other machine.
pub(crate) async fn connect(
    context: &Context,
    machine: &MachineId,
) -> Result<Connection, AppError> {
    let target = target(context, &kept(context, machine)?.run)?;
    Ok(seat(context, machine, &target).await?.connection)
}

/// The same, with all that a restore to `target` needs to work on it.
pub(crate) async fn seat(
    context: &Context,
    machine: &MachineId,
    target: &str,
) -> Result<Seat, AppError> {
    let rental = kept(context, machine)?;
    let identity = identity(context, &rental.run).await?;
    let unreachable = |details: String| AppError::new(Code::MachineUnreachable, details);
    let pinned = rental
        .host_key
        .as_deref()
        .and_then(|key| key.parse().ok())
        .ok_or_else(|| unreachable(format!("no host key is pinned for {machine}")))?;
    let cloud = context.cloud(rental.cloud).ok_or_else(|| {
        AppError::new(Code::CloudKeyMissing, format!("no key for {} is set", rental.cloud))
    })?;
    let shown = ask(context, || cloud.show(machine)).await;
    let listed = shown.map_err(|error| cloud_error(&error))?;
    let listed = listed.ok_or_else(|| {
        AppError::new(Code::MachineMissing, format!("the cloud knows no machine {machine}"))
    })?;
    if listed.addresses.is_empty() {
        let state = format!("{:?}", listed.status.state).to_lowercase();
        return Err(unreachable(format!("{machine} has no address: it is {state}")));
    }
    let dial = dialling(
        Arc::clone(&context.transport),
        &context.clock,
        &identity,
        Expect::Pinned(pinned),
        target,
    );
    let (addresses, known) = watch::channel(listed.addresses);
    let reaching = reach(&dial, known, Arc::new(|_| {}));
    let reached = tokio::select! {
        reached = reaching => reached.map_err(|error| match error {
            RemoteError::HostKeyChanged { .. } => {
                AppError::new(Code::HostKeyChanged, error.to_string())
            }
            other => unreachable(other.to_string()),
        })?,
        () = context.clock.sleep(REACH_MS) => {
            return Err(unreachable(format!("{machine} does not answer over SSH")));
        }
    };
    let Reached { connection, report, .. } = reached;
    Ok(Seat { connection, dial, addresses, report: report.preflight })
}

/// The rental behind a machine that lives on.
pub(crate) fn kept(context: &Context, machine: &MachineId) -> Result<Rental, AppError> {
    for cloud in &context.clouds {
        if let Some(rental) = context.ledger.rental(cloud.id(), machine)? {
            if rental.state == RentalState::Kept {
                return Ok(rental);
            }
            let details = format!("{machine} is no winner that is kept");
            return Err(AppError::new(Code::MachineMissing, details));
        }
    }
    Err(AppError::new(Code::MachineForeign, format!("{machine} was not rented by this app")))
}

/// The key of the run that rented it.
pub(crate) async fn identity(context: &Context, run: &RunId) -> Result<Identity, AppError> {
    let secret = context.vault.get(&SecretName::RunKey(run.clone())).await?.ok_or_else(|| {
        AppError::new(Code::MachineUnreachable, format!("the SSH key of run {run} is not kept"))
    })?;
    Identity::from_secret(&secret)
        .map_err(|error| AppError::new(Code::MachineUnreachable, error.to_string()))
}

/// Where that run's workspace is.
pub(crate) fn target(context: &Context, run: &RunId) -> Result<String, AppError> {
    Ok(context.ledger.run(run)?.map_or_else(|| "/".into(), |row| row.recipe.target))
}
