//! What can be done with a machine that lives on: look at it, stop it, name
//! it. Destroying is the reaper's (see [`crate::Handle::destroy`]).

use std::sync::Arc;

use clouds::Cloud;
use model::{AppError, Code, MachineId, MachineMetrics, Ownership};
use remote::{Params, Script, parse_metrics};

use crate::asking::{ask, cloud_error};
use crate::handle::Handle;
use crate::links;
use crate::queries;

/// A reading that takes longer is of no use.
const READING_MS: u64 = 10_000;
const LABEL_CHARS: usize = 200;

impl Handle {
    /// Halts a machine of ours. Its disk goes on costing money.
    ///
    /// # Errors
    /// It is not ours, it races, or the cloud refuses.
    pub async fn stop_machine(&self, machine: &MachineId) -> Result<(), AppError> {
        let cloud = self.settled(machine)?;
        self.context().links.forget(machine).await;
        cloud.stop(machine).await.map_err(|error| cloud_error(&error))
    }

    /// Starts a halted machine of ours.
    ///
    /// # Errors
    /// It is not ours, the cloud refuses, or somebody else has its GPUs.
    pub async fn start_machine(&self, machine: &MachineId) -> Result<(), AppError> {
        let cloud = self.settled(machine)?;
        cloud.start(machine).await.map_err(|error| cloud_error(&error))
    }

    /// The last lines of a machine's log, as its cloud has it.
    ///
    /// # Errors
    /// The machine is foreign or unknown, or the cloud has no log of it.
    pub async fn machine_logs(
        &self,
        machine: &MachineId,
        lines: u32,
    ) -> Result<Vec<String>, AppError> {
        let cloud = self.cloud_of(machine).await?;
        let told = ask(self.context(), || cloud.logs(machine, lines)).await;
        told.map_err(|error| cloud_error(&error))
    }

    /// What a kept winner measures of itself now.
    ///
    /// # Errors
    /// It is no kept winner, or does not answer.
    pub async fn machine_metrics(&self, machine: &MachineId) -> Result<MachineMetrics, AppError> {
        let context = self.context();
        let rental = links::kept(context, machine)?;
        let target = links::target(context, &rental.run)?;
        let link = context.links.of(machine).await;
        let mut link = link.lock().await;
        let connection = link.connection(context, machine).await?;
        let params = Params::new().with("target", target);
        let limit = context.clock.real_time(READING_MS);
        let output = connection
            .run_ok(Script::Metrics, &params, limit)
            .await
            .map_err(|error| AppError::new(Code::MachineUnreachable, error.to_string()))?;
        let reading = parse_metrics(&output.text());
        let before = std::mem::replace(&mut link.cpu_ticks, reading.cpu_ticks);
        let cpu_percent = before.zip(reading.cpu_ticks).and_then(|(before, now)| {
            let (worked, all) = (now.0.checked_sub(before.0)?, now.1.checked_sub(before.1)?);
            (all > 0).then(|| worked as f64 * 100.0 / all as f64)
        });
        Ok(MachineMetrics {
            at: context.clock.wall(),
            memory_used_bytes: reading
                .memory_bytes
                .zip(reading.available_bytes)
                .map(|(all, free)| all.saturating_sub(free)),
            memory_bytes: reading.memory_bytes,
            cpu_percent,
            disk_used_bytes: reading.disk_used_bytes,
            disk_bytes: reading.disk_bytes,
            net_down_bytes: reading.net_bytes.map(|net| net.0),
            net_up_bytes: reading.net_bytes.map(|net| net.1),
            gpus: reading.gpus,
        })
    }

    /// Gives a machine that is not ours another label. Ours keep theirs: by it
    /// they are found again.
    ///
    /// # Errors
    /// It is ours, unknown, or the cloud refuses.
    pub async fn label_machine(&self, machine: &MachineId, label: &str) -> Result<(), AppError> {
        let views = queries::machines(self).await?;
        let view = views.into_iter().find(|view| view.machine == *machine).ok_or_else(|| {
            AppError::new(Code::MachineMissing, format!("no machine is called {machine}"))
        })?;
        if view.ownership != Ownership::Foreign {
            let details = format!("{machine} is found again by its label {}", view.label);
            return Err(AppError::new(Code::Usage, details));
        }
        if label.starts_with("dumont/") || label.chars().count() > LABEL_CHARS {
            let details = format!("a label has at most {LABEL_CHARS} characters, not ours");
            return Err(AppError::new(Code::Usage, details));
        }
        let cloud = self.cloud_of(machine).await?;
        cloud.label(machine, label).await.map_err(|error| cloud_error(&error))
    }

    /// The cloud of a kept winner.
    fn settled(&self, machine: &MachineId) -> Result<&Arc<dyn Cloud>, AppError> {
        let rental = links::kept(self.context(), machine)?;
        self.context().cloud(rental.cloud).ok_or_else(|| {
            AppError::new(Code::CloudKeyMissing, format!("no key for {} is set", rental.cloud))
        })
    }

    /// The cloud on whose account the machine is.
    async fn cloud_of(&self, machine: &MachineId) -> Result<&Arc<dyn Cloud>, AppError> {
        let views = queries::machines(self).await?;
        views
            .into_iter()
            .find(|view| view.machine == *machine)
            .and_then(|view| self.context().cloud(view.cloud))
            .ok_or_else(|| {
                AppError::new(Code::MachineMissing, format!("no machine is called {machine}"))
            })
    }
}
