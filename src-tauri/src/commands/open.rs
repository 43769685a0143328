use model::{AppError, MachineId, OpenWith};
use tauri::State;

use crate::engine_slot::EngineSlot;
use crate::open::{HelpPage, Opened};

/// Opens a kept winner in a program of this computer, from a closed list.
#[tauri::command]
#[specta::specta]
pub(crate) async fn machine_open(
    engine: State<'_, EngineSlot>,
    opened: State<'_, Opened>,
    machine: MachineId,
    program: OpenWith,
) -> Result<(), AppError> {
    opened.open(&engine.ready().await?, engine.world(), &machine, program).await
}

/// What a person types to reach a kept winner; it works from then on.
#[tauri::command]
#[specta::specta]
pub(crate) async fn machine_ssh(
    engine: State<'_, EngineSlot>,
    opened: State<'_, Opened>,
    machine: MachineId,
) -> Result<String, AppError> {
    opened.command(&engine.ready().await?, engine.world(), &machine).await
}

/// Opens a page of a cloud's own in the browser.
#[tauri::command]
#[specta::specta]
pub(crate) fn help_open(page: HelpPage) -> Result<(), AppError> {
    page.open()
}
