use model::{AppError, CloudId, ConnectionReport, Secret, SecretView};
use tauri::State;

use crate::engine_slot::EngineSlot;
use crate::preferences::Kept;
use crate::secrets::{Secrets, StorageForm};

/// What may be known of the secrets.
#[tauri::command]
#[specta::specta]
pub(crate) async fn secrets_list(
    slot: State<'_, EngineSlot>,
    kept: State<'_, Kept>,
) -> Result<Vec<SecretView>, AppError> {
    Secrets { slot: &slot, kept: &kept }.list().await
}

/// Keeps a secret in the keychain and starts the engine with it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn secret_set(
    slot: State<'_, EngineSlot>,
    kept: State<'_, Kept>,
    secret: Secret,
    value: String,
) -> Result<(), AppError> {
    Secrets { slot: &slot, kept: &kept }.set(secret, value).await
}

/// Forgets a secret and starts the engine without it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn secret_forget(
    slot: State<'_, EngineSlot>,
    kept: State<'_, Kept>,
    secret: Secret,
) -> Result<(), AppError> {
    Secrets { slot: &slot, kept: &kept }.forget(secret).await
}

/// Tries a cloud's key: the typed one, else the kept one. Changes nothing.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cloud_test(
    slot: State<'_, EngineSlot>,
    kept: State<'_, Kept>,
    cloud: CloudId,
    key: Option<String>,
) -> Result<ConnectionReport, AppError> {
    Secrets { slot: &slot, kept: &kept }.test_cloud(cloud, key).await
}

/// Tries a repository with what was typed, and of the rest what is kept.
#[tauri::command]
#[specta::specta]
pub(crate) async fn storage_test(
    slot: State<'_, EngineSlot>,
    kept: State<'_, Kept>,
    form: StorageForm,
) -> Result<ConnectionReport, AppError> {
    Secrets { slot: &slot, kept: &kept }.test_storage(form).await
}

/// Keeps where workspaces are and starts the engine with it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn storage_set(
    slot: State<'_, EngineSlot>,
    kept: State<'_, Kept>,
    form: StorageForm,
) -> Result<(), AppError> {
    Secrets { slot: &slot, kept: &kept }.set_storage(form).await
}

/// Forgets where workspaces are; what is there stays.
#[tauri::command]
#[specta::specta]
pub(crate) async fn storage_forget(
    slot: State<'_, EngineSlot>,
    kept: State<'_, Kept>,
) -> Result<(), AppError> {
    Secrets { slot: &slot, kept: &kept }.forget_storage().await
}

/// Creates an empty repository and keeps it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn repository_create(
    slot: State<'_, EngineSlot>,
    kept: State<'_, Kept>,
    form: StorageForm,
) -> Result<(), AppError> {
    Secrets { slot: &slot, kept: &kept }.create(form).await
}
