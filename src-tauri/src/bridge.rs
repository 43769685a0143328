//! From the engine to the page: the only code that emits. A watched run is its
//! folded state first and then every fact, over one channel.

use engine::Handle;
use model::{AppError, Frame, RunId};
use serde::{Deserialize, Serialize};
use tauri::ipc::Channel;
use tauri::{AppHandle, Runtime};
use tauri_specta::Event as _;
use tracing::debug;

/// A run began elsewhere than in the page: from the tray.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, tauri_specta::Event)]
pub struct RunBegan {
    /// The run.
    pub run: RunId,
}

impl RunBegan {
    pub(crate) fn tell<R: Runtime>(app: &AppHandle<R>, run: RunId) {
        if let Err(error) = (Self { run }).emit(app) {
            debug!(%error, "nobody hears that a run began");
        }
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
