use model::{
    AppError, PruneHint, RestoreRequest, RunId, SnapshotGroup, SnapshotId, TreeCount, TreeEntry,
};
use tauri::State;

use crate::engine_slot::EngineSlot;
use crate::follow::Follower;

/// All snapshots, folded by identical contents.
#[tauri::command]
#[specta::specta]
pub(crate) async fn snapshots_list(
    engine: State<'_, EngineSlot>,
) -> Result<Vec<SnapshotGroup>, AppError> {
    engine.ready().await?.snapshots().await
}

/// Whether `restic prune --repack-small` would make stock restic's restores faster.
#[tauri::command]
#[specta::specta]
pub(crate) async fn prune_hint(
    engine: State<'_, EngineSlot>,
) -> Result<Option<PruneHint>, AppError> {
    engine.ready().await?.prune_hint().await
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

/// What these entries of a snapshot would bring; all of it where none is named.
#[tauri::command]
#[specta::specta]
pub(crate) async fn snapshot_count(
    engine: State<'_, EngineSlot>,
    snapshot: SnapshotId,
    paths: Vec<String>,
) -> Result<TreeCount, AppError> {
    engine.ready().await?.count_entries(&snapshot, &paths).await
}

/// What each of these entries of a snapshot brings by itself.
#[tauri::command]
#[specta::specta]
pub(crate) async fn snapshot_count_each(
    engine: State<'_, EngineSlot>,
    snapshot: SnapshotId,
    paths: Vec<String>,
) -> Result<Vec<TreeCount>, AppError> {
    engine.ready().await?.count_each(&snapshot, paths).await
}

/// Begins a restore onto a machine that runs or into a folder here; watched
/// like any run.
#[tauri::command]
#[specta::specta]
pub(crate) async fn restore_start(
    engine: State<'_, EngineSlot>,
    follower: State<'_, Follower>,
    request: RestoreRequest,
) -> Result<RunId, AppError> {
    let run = engine.ready().await?.restore(request).await?;
    follower.began(&run);
    Ok(run)
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
