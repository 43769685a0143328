use model::{AppError, CloudId, HostId, HostStanding, HostView};
use tauri::State;

use crate::engine_slot::EngineSlot;

/// Every host we know, the fastest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn hosts_list(engine: State<'_, EngineSlot>) -> Result<Vec<HostView>, AppError> {
    engine.ready().await?.hosts()
}

/// Keeps what the user thinks of a host.
#[tauri::command]
#[specta::specta]
pub(crate) async fn host_set_standing(
    engine: State<'_, EngineSlot>,
    cloud: CloudId,
    host: HostId,
    standing: HostStanding,
) -> Result<(), AppError> {
    engine.ready().await?.set_standing(cloud, &host, standing)
}
