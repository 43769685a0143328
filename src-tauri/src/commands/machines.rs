use model::{AppError, GuardView, MachineId, MachineMetrics, MachineView, SpendView, SweepView};
use tauri::State;

use crate::engine_slot::EngineSlot;
use crate::follow::Follower;

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
    follower: State<'_, Follower>,
    machine: MachineId,
) -> Result<(), AppError> {
    let done = engine.ready().await?.destroy(&machine).await;
    follower.changed();
    done
}

/// Halts a kept winner; its disk goes on costing money.
#[tauri::command]
#[specta::specta]
pub(crate) async fn machine_stop(
    engine: State<'_, EngineSlot>,
    follower: State<'_, Follower>,
    machine: MachineId,
) -> Result<(), AppError> {
    let done = engine.ready().await?.stop_machine(&machine).await;
    follower.changed();
    done
}

/// Starts a halted machine.
#[tauri::command]
#[specta::specta]
pub(crate) async fn machine_start(
    engine: State<'_, EngineSlot>,
    follower: State<'_, Follower>,
    machine: MachineId,
) -> Result<(), AppError> {
    let done = engine.ready().await?.start_machine(&machine).await;
    follower.changed();
    done
}

/// Gives a machine that this app did not rent another label.
#[tauri::command]
#[specta::specta]
pub(crate) async fn machine_label(
    engine: State<'_, EngineSlot>,
    machine: MachineId,
    label: String,
) -> Result<(), AppError> {
    engine.ready().await?.label_machine(&machine, &label).await
}

/// The last lines of a machine's log.
#[tauri::command]
#[specta::specta]
pub(crate) async fn machine_logs(
    engine: State<'_, EngineSlot>,
    machine: MachineId,
    lines: u32,
) -> Result<Vec<String>, AppError> {
    engine.ready().await?.machine_logs(&machine, lines).await
}

/// What a kept winner measures of itself now.
#[tauri::command]
#[specta::specta]
pub(crate) async fn machine_metrics(
    engine: State<'_, EngineSlot>,
    machine: MachineId,
) -> Result<MachineMetrics, AppError> {
    engine.ready().await?.machine_metrics(&machine).await
}

/// What is spent and what may be.
#[tauri::command]
#[specta::specta]
pub(crate) async fn spend(engine: State<'_, EngineSlot>) -> Result<SpendView, AppError> {
    engine.ready().await?.spend().await
}

/// Destroys what earlier runs left; winners are kept.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sweep(engine: State<'_, EngineSlot>) -> Result<SweepView, AppError> {
    engine.ready().await?.sweep(None).await
}

/// What earlier runs left and is not settled: machines, or labels.
#[tauri::command]
#[specta::specta]
pub(crate) async fn leftovers(engine: State<'_, EngineSlot>) -> Result<Vec<String>, AppError> {
    engine.ready().await?.open().await
}

/// Whether it is known what runs, and what is still being settled.
#[tauri::command]
#[specta::specta]
pub(crate) async fn guard(engine: State<'_, EngineSlot>) -> Result<GuardView, AppError> {
    engine.ready().await?.guard().await
}
