use model::{AppError, AppInfo};
use tauri::State;

use crate::desktop::Desktop;
use crate::engine_slot::EngineSlot;
use crate::links::Asked;
use crate::quit::Asking;
use crate::setup;

/// What the window asks once at its start, and whenever the world changed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn app_info(engine: State<'_, EngineSlot>) -> Result<AppInfo, AppError> {
    let practice = engine.practice().await;
    // The window opens before the engine is ready; it hears when that is up.
    let run = match engine.now() {
        Some(handle) => handle.current_run()?,
        None => None,
    };
    Ok(AppInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        practice,
        practice_asked: engine.world().practice.is_some(),
        os: std::env::consts::OS.into(),
        clouds: setup::CLOUDS.to_vec(),
        run,
        problems: engine.problems(),
    })
}

/// Starts the engine anew: after the keychain was unlocked, or storage came
/// back.
#[tauri::command]
#[specta::specta]
pub(crate) async fn engine_restart(engine: State<'_, EngineSlot>) -> Result<(), AppError> {
    engine.restart().await
}

/// Ends the app; a run in progress is cancelled first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn app_quit(desktop: State<'_, Desktop>) -> Result<(), AppError> {
    desktop.0.quit().await;
    Ok(())
}

/// The app stays, after it asked whether to end.
#[tauri::command]
#[specta::specta]
#[expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the shell hands its state over so, and a command answers or fails"
)]
pub(crate) fn app_stay(asking: State<'_, Asking>) -> Result<(), AppError> {
    asking.end();
    Ok(())
}

/// The recipe a link asked for, once.
#[tauri::command]
#[specta::specta]
#[expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the shell hands its state over so, and a command answers or fails"
)]
pub(crate) fn link_take(asked: State<'_, Asked>) -> Result<Option<String>, AppError> {
    Ok(asked.take())
}

/// Lets the user choose a folder of this computer.
#[tauri::command]
#[specta::specta]
pub(crate) async fn folder_choose(desktop: State<'_, Desktop>) -> Result<Option<String>, AppError> {
    Ok(desktop.0.choose_folder().await)
}
