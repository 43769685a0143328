use model::{AppError, Estimate, LaunchRequest, OfferFilter, OfferOrder, OffersView};
use tauri::State;

use crate::engine_slot::EngineSlot;

/// What pressing *Launch* would mean.
#[tauri::command]
#[specta::specta]
pub(crate) async fn launch_estimate(
    engine: State<'_, EngineSlot>,
    request: LaunchRequest,
) -> Result<Estimate, AppError> {
    engine.ready().await?.estimate(&request).await
}

/// Offers of all clouds.
#[tauri::command]
#[specta::specta]
pub(crate) async fn offers_search(
    engine: State<'_, EngineSlot>,
    filter: OfferFilter,
    order: OfferOrder,
) -> Result<OffersView, AppError> {
    engine.ready().await?.offers(&filter, order).await
}
