use model::{AppError, Preferences};
use tauri::State;

use crate::desktop::Desktop;
use crate::preferences::Kept;

/// How the window looks and what it says by itself.
#[tauri::command]
#[specta::specta]
#[expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the shell hands its state over so, and a command answers or fails"
)]
pub(crate) fn preferences_get(kept: State<'_, Kept>) -> Result<Preferences, AppError> {
    Ok(kept.get())
}

/// Changes that, at once.
#[tauri::command]
#[specta::specta]
pub(crate) async fn preferences_set(
    kept: State<'_, Kept>,
    desktop: State<'_, Desktop>,
    preferences: Preferences,
) -> Result<(), AppError> {
    let before = kept.get();
    if preferences.start_at_login != before.start_at_login {
        desktop.0.start_at_login(preferences.start_at_login)?;
    }
    // What was said once is not unsaid by a page that did not hear it.
    let told_about_tray = preferences.told_about_tray || before.told_about_tray;
    kept.set(Preferences { told_about_tray, ..preferences })
}
