use model::{AppError, MachineId, MachineView};
use tauri::State;

use crate::engine_slot::EngineSlot;

/// Every machine of every cloud's account.
#[tauri::command]
#[specta::specta]
pub(crate) async fn machines_list(
    engine: State<'_, EngineSlot>,
) -> Result<Vec<MachineView>, AppError> {
    engine.ready().await?.machines().await
}

/// Destroys one machine and answers when it is gone.
#[tauri::command]
#[specta::specta]
pub(crate) async fn machine_destroy(
    engine: State<'_, EngineSlot>,
    machine: MachineId,
) -> Result<(), AppError> {
    engine.ready().await?.destroy(&machine).await
}
