use model::{AppError, Settings};
use tauri::State;

use crate::engine_slot::EngineSlot;

/// What the engine goes by.
#[tauri::command]
#[specta::specta]
pub(crate) async fn settings_get(engine: State<'_, EngineSlot>) -> Result<Settings, AppError> {
    Ok(engine.ready().await?.settings())
}

/// Changes what the engine goes by.
#[tauri::command]
#[specta::specta]
pub(crate) async fn settings_set(
    engine: State<'_, EngineSlot>,
    settings: Settings,
) -> Result<(), AppError> {
    engine.ready().await?.set_settings(settings)
}
