use model::{AppError, Recipe};
use tauri::State;

use crate::engine_slot::EngineSlot;

/// The recipes, the default first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn recipes_list(engine: State<'_, EngineSlot>) -> Result<Vec<Recipe>, AppError> {
    Ok(engine.ready().await?.context().recipes.clone())
}
