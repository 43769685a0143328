use model::{AppError, RestoreRequest, RunId, SnapshotGroup, SnapshotId, TreeEntry};
use tauri::State;

use crate::engine_slot::EngineSlot;

/// All snapshots, folded by identical contents.
#[tauri::command]
#[specta::specta]
pub(crate) async fn snapshots_list(
    engine: State<'_, EngineSlot>,
) -> Result<Vec<SnapshotGroup>, AppError> {
    engine.ready().await?.snapshots().await
}

/// What lies in one folder of a snapshot.
#[tauri::command]
#[specta::specta]
pub(crate) async fn snapshot_tree(
    engine: State<'_, EngineSlot>,
    snapshot: SnapshotId,
    folder: String,
) -> Result<Vec<TreeEntry>, AppError> {
    engine.ready().await?.snapshot_tree(&snapshot, &folder).await
}

/// Begins a restore onto a machine that runs or into a folder here; watched
/// like any run.
#[tauri::command]
#[specta::specta]
pub(crate) async fn restore_start(
    engine: State<'_, EngineSlot>,
    request: RestoreRequest,
) -> Result<RunId, AppError> {
    engine.ready().await?.restore(request).await
}

/// Moves a path of a running restore to the front.
#[tauri::command]
#[specta::specta]
pub(crate) async fn restore_move_to_front(
    engine: State<'_, EngineSlot>,
    run: RunId,
    path: String,
) -> Result<(), AppError> {
    engine.ready().await?.move_to_front(&run, &path).await
}
