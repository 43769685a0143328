use model::{AppError, Recipe};
use tauri::State;

use crate::engine_slot::EngineSlot;
use crate::follow::Follower;

/// The recipes, the default first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn recipes_list(engine: State<'_, EngineSlot>) -> Result<Vec<Recipe>, AppError> {
    engine.ready().await?.recipes()
}

/// Keeps a recipe, in the place of the one called `replaces`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn recipe_save(
    engine: State<'_, EngineSlot>,
    follower: State<'_, Follower>,
    recipe: Recipe,
    replaces: Option<String>,
) -> Result<(), AppError> {
    engine.ready().await?.save_recipe(&recipe, replaces.as_deref())?;
    follower.changed();
    Ok(())
}

/// Forgets a recipe; the last one stays.
#[tauri::command]
#[specta::specta]
pub(crate) async fn recipe_delete(
    engine: State<'_, EngineSlot>,
    follower: State<'_, Follower>,
    name: String,
) -> Result<(), AppError> {
    engine.ready().await?.delete_recipe(&name)?;
    follower.changed();
    Ok(())
}
