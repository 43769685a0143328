use model::{AppError, Frame, LaunchRequest, RunId, RunSummary};
use tauri::State;
use tauri::ipc::Channel;

use crate::bridge;
use crate::engine_slot::EngineSlot;
use crate::follow::Follower;

/// Begins a run; it goes on by itself.
#[tauri::command]
#[specta::specta]
pub(crate) async fn run_launch(
    engine: State<'_, EngineSlot>,
    follower: State<'_, Follower>,
    request: LaunchRequest,
) -> Result<RunId, AppError> {
    let run = engine.ready().await?.launch(request).await?;
    follower.began(&run);
    Ok(run)
}

/// Sends the run's state, then every fact, until it is over.
#[tauri::command]
#[specta::specta]
pub(crate) async fn run_watch(
    engine: State<'_, EngineSlot>,
    run: RunId,
    frames: Channel<Frame>,
) -> Result<(), AppError> {
    bridge::watch(&engine.ready().await?, &run, frames).await
}

/// Cancels a run and destroys everything of it; the second time without
/// waiting for confirmations.
#[tauri::command]
#[specta::specta]
pub(crate) async fn run_cancel(engine: State<'_, EngineSlot>, run: RunId) -> Result<(), AppError> {
    engine.ready().await?.cancel(&run).await
}

/// Starts the next wave early.
#[tauri::command]
#[specta::specta]
pub(crate) async fn run_next_wave(
    engine: State<'_, EngineSlot>,
    run: RunId,
) -> Result<(), AppError> {
    engine.ready().await?.next_wave(&run).await
}

/// The newest runs, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn runs_list(
    engine: State<'_, EngineSlot>,
    limit: u32,
) -> Result<Vec<RunSummary>, AppError> {
    engine.ready().await?.runs(limit)
}
