use model::{AppError, AppInfo};
use tauri::State;

use crate::engine_slot::EngineSlot;

/// What the window asks once at its start.
#[tauri::command]
#[specta::specta]
pub(crate) async fn app_info(engine: State<'_, EngineSlot>) -> Result<AppInfo, AppError> {
    let practice = engine.practice();
    // The window opens before the engine is ready; it asks again with its
    // first real question.
    let run = match engine.now() {
        Some(handle) => handle.current_run()?,
        None => None,
    };
    Ok(AppInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        practice,
        os: std::env::consts::OS.into(),
        run,
        problems: Vec::new(),
    })
}
