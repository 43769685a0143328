//! From the engine to the page: the only code that emits, but for the tray. A
//! watched run is its folded state first and then every fact, over one channel.

use engine::Handle;
use model::{AppError, Frame, Rate, RunId};
use serde::{Deserialize, Serialize};
use tauri::ipc::Channel;
use tauri::{AppHandle, Runtime};
use tauri_specta::Event;
use tracing::debug;

/// A run began elsewhere than in the page: from the tray.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, tauri_specta::Event)]
pub struct RunBegan {
    /// The run.
    pub run: RunId,
}

/// An engine is up, or failed to be: everything the page knows may be another
/// world's.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, tauri_specta::Event)]
pub struct WorldChanged;

/// Machines, runs or costs are others than before.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, tauri_specta::Event)]
pub struct RecordsChanged;

/// A link came; the page takes it with `link_take`.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, tauri_specta::Event)]
pub struct LinkCame;

/// Somebody wants to quit while something costs money: the page asks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, specta::Type, tauri_specta::Event)]
pub struct QuitAsked {
    /// Winners that would go on.
    pub machines: u32,
    /// What they cost an hour.
    pub per_hour: Rate,
    /// Machines of ended runs that are not confirmed destroyed.
    pub unsettled: u32,
    /// A run that would be cancelled.
    pub run: Option<RunId>,
}

/// A screen is asked for from outside the page.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, tauri_specta::Event)]
pub struct ScreenAsked {
    /// Which.
    pub screen: Screen,
}

/// Screens that can be asked for from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "kebab-case")]
pub enum Screen {
    /// What runs.
    Machines,
    /// The settings.
    Settings,
}

/// Says it to the page, if there is one.
fn tell<R: Runtime, E: Event + Serialize + Clone>(app: &AppHandle<R>, event: &E) {
    if let Err(error) = event.emit(app) {
        debug!(%error, event = E::NAME, "nobody hears");
    }
}

impl RunBegan {
    pub(crate) fn tell<R: Runtime>(app: &AppHandle<R>, run: RunId) {
        tell(app, &Self { run });
    }
}

impl WorldChanged {
    pub(crate) fn tell<R: Runtime>(app: &AppHandle<R>) {
        tell(app, &Self);
    }
}

impl RecordsChanged {
    pub(crate) fn tell<R: Runtime>(app: &AppHandle<R>) {
        tell(app, &Self);
    }
}

impl LinkCame {
    pub(crate) fn tell<R: Runtime>(app: &AppHandle<R>) {
        tell(app, &Self);
    }
}

impl QuitAsked {
    pub(crate) fn tell<R: Runtime>(&self, app: &AppHandle<R>) {
        tell(app, self);
    }
}

impl ScreenAsked {
    pub(crate) fn tell<R: Runtime>(app: &AppHandle<R>, screen: Screen) {
        tell(app, &Self { screen });
    }
}

/// Sends a run's state and facts until it is over or nobody listens.
///
/// # Errors
/// There is no such run.
pub(crate) async fn watch(
    engine: &Handle,
    run: &RunId,
    frames: Channel<Frame>,
) -> Result<(), AppError> {
    let (view, mut facts) = engine.watch(run).await?;
    if frames.send(Frame::View { view }).is_err() {
        return Ok(());
    }
    tauri::async_runtime::spawn(async move {
        while let Some(fact) = facts.next().await {
            if frames.send(Frame::Fact { fact }).is_err() {
                return;
            }
        }
    });
    Ok(())
}
