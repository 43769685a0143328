//! Machines in programs outside the app: a terminal, editors, the browser, and
//! nothing else (rules.md T6, T8). Keys stay in an SSH agent of the app's own;
//! programs get a host's name.

mod agent;
mod config;
mod programs;

use std::collections::BTreeMap;

use engine::{Forward, Handle};
use model::{AppError, Code, MachineId, OpenWith};
use tauri::{AppHandle, Manager as _, Runtime};
use tokio::sync::Mutex;
use tracing::warn;

use crate::engine_slot::EngineSlot;
use crate::setup::World;
use agent::Agent;
use config::Config;

/// The name programs know a machine by.
pub(crate) const HOST: &str = "dumont";

/// Pages of others that the window may lead to: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, specta::Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HelpPage {
    /// Where vast.ai shows API keys.
    VastKeys,
    /// Where vast.ai takes money.
    VastBilling,
    /// Where vast.ai lists machines.
    VastMachines,
    /// Where RunPod shows API keys.
    RunpodKeys,
    /// Where RunPod takes money.
    RunpodBilling,
    /// Where RunPod lists machines.
    RunpodMachines,
    /// Where Cloudflare makes R2 keys.
    R2Keys,
    /// How a restic repository is repaired.
    ResticRepair,
    /// Where restic comes from.
    ResticInstall,
}

impl HelpPage {
    const fn address(self) -> &'static str {
        match self {
            Self::VastKeys => "https://cloud.vast.ai/manage-keys/",
            Self::VastBilling => "https://cloud.vast.ai/billing/",
            Self::VastMachines => "https://cloud.vast.ai/instances/",
            Self::RunpodKeys => "https://console.runpod.io/user/settings",
            Self::RunpodBilling => "https://console.runpod.io/user/billing",
            Self::RunpodMachines => "https://console.runpod.io/pods",
            Self::R2Keys => "https://dash.cloudflare.com/?to=/:account/r2/api-tokens",
            Self::ResticRepair => {
                "https://restic.readthedocs.io/en/stable/077_troubleshooting.html"
            }
            Self::ResticInstall => "https://restic.readthedocs.io/en/stable/020_installation.html",
        }
    }

    /// Opens it in the browser.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn open(self) -> Result<(), AppError> {
        open::that_detached(self.address()).map_err(|error| {
            AppError::new(Code::ProgramMissing, format!("open a browser: {error}"))
        })
    }
}

/// What stands open.
#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    agent: Option<Agent>,
    config: Config,
    forwards: BTreeMap<(MachineId, u16), Forward>,
}

impl Opened {
    /// Opens a machine with one of the programs there are.
    ///
    /// # Errors
    /// It is no kept winner, does not answer, or the program is not there.
    pub(crate) async fn open(
        &self,
        engine: &Handle,
        world: &World,
        machine: &MachineId,
        with: OpenWith,
    ) -> Result<(), AppError> {
        if let OpenWith::Browser { port } = with {
            let here = self.forward(engine, machine, port).await?;
            return open::that_detached(format!("http://127.0.0.1:{here}/")).map_err(|error| {
                AppError::new(Code::ProgramMissing, format!("open a browser: {error}"))
            });
        }
        let folder = self.prepare(engine, world, machine).await?;
        let config = config::file(world)?;
        match with {
            OpenWith::Terminal => programs::terminal(&config),
            OpenWith::VsCode => programs::editor(&["code"], &folder),
            OpenWith::Cursor => programs::editor(&["cursor"], &folder),
            OpenWith::Browser { .. } => Ok(()),
        }
    }

    /// What a person types to reach the machine.
    ///
    /// # Errors
    /// As [`Opened::open`].
    pub(crate) async fn command(
        &self,
        engine: &Handle,
        world: &World,
        machine: &MachineId,
    ) -> Result<String, AppError> {
        self.prepare(engine, world, machine).await?;
        Ok(format!("ssh {HOST}"))
    }

    /// A machine's port here; the same forward for every asker.
    async fn forward(
        &self,
        engine: &Handle,
        machine: &MachineId,
        port: u16,
    ) -> Result<u16, AppError> {
        let mut state = self.0.lock().await;
        let key = (machine.clone(), port);
        if let Some(forward) = state.forwards.get(&key) {
            return Ok(forward.port);
        }
        let forward = engine.forward(machine, port).await?;
        let here = forward.port;
        state.forwards.insert(key, forward);
        Ok(here)
    }

    /// Puts the run's key into the agent and the machine into the
    /// configuration; answers where work begins on it.
    async fn prepare(
        &self,
        engine: &Handle,
        world: &World,
        machine: &MachineId,
    ) -> Result<String, AppError> {
        let access = engine.access(machine).await?;
        let mut state = self.0.lock().await;
        let agent = match state.agent.take() {
            Some(agent) if agent.is_alive() => agent,
            _ => Agent::start(&config::folder(world)?)?,
        };
        let socket = agent.socket().to_owned();
        let added = agent.add(&access.identity).await;
        state.agent = Some(agent);
        added?;
        let folder = access.folder.clone();
        state.config.add(&access);
        state.config.write(world, &socket)?;
        Ok(folder)
    }
}

/// Opens a machine from the tray or a notification.
pub(crate) fn from_outside<R: Runtime>(app: &AppHandle<R>, machine: MachineId, with: OpenWith) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let slot = app.state::<EngineSlot>();
        let opened = app.state::<Opened>();
        let result = async {
            let engine = slot.ready().await?;
            opened.open(&engine, slot.world(), &machine, with).await
        };
        if let Err(error) = result.await {
            warn!(%error, "the machine does not open");
            crate::windows::show(&app);
        }
    });
}
