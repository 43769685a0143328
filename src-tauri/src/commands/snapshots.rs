use model::{AppError, SnapshotGroup};
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
