//! How the window looks and what it says by itself: one file in the data
//! folder, read once, written at every change. Dates of secrets are there too;
//! secrets never are.

use std::sync::Arc;

use model::{AppError, At, Code, Preferences, Secret};
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Runtime};
use tauri_plugin_store::{Store, StoreExt as _};
use tokio::sync::watch;

use crate::setup::World;

const FILE: &str = "preferences.json";
const PREFERENCES: &str = "preferences";
const SECRETS: &str = "secrets";
/// More saved filters than this are an accident.
const MOST_FILTERS: usize = 50;

/// When a secret was set here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SecretDate {
    pub(crate) secret: Secret,
    pub(crate) since: At,
}

/// The preferences, kept.
#[derive(Clone)]
pub(crate) struct Kept {
    now: Arc<watch::Sender<Preferences>>,
    file: Arc<dyn File>,
}

/// The file, whatever window system it was opened under.
trait File: Send + Sync {
    fn get(&self, key: &str) -> Option<serde_json::Value>;
    fn set(&self, key: &str, value: serde_json::Value) -> Result<(), AppError>;
}

impl<R: Runtime> File for Store<R> {
    fn get(&self, key: &str) -> Option<serde_json::Value> {
        Self::get(self, key)
    }

    fn set(&self, key: &str, value: serde_json::Value) -> Result<(), AppError> {
        Self::set(self, key, value);
        self.save().map_err(|error| {
            AppError::new(Code::LedgerUnusable, format!("write the preferences: {error}"))
        })
    }
}

impl Kept {
    /// Reads them. A file that cannot be read is as good as none.
    pub(crate) fn open<R: Runtime>(app: &AppHandle<R>, world: &World) -> Result<Self, AppError> {
        let file =
            app.store_builder(world.folder()?.join(FILE)).disable_auto_save().build().map_err(
                |error| {
                    AppError::new(Code::LedgerUnusable, format!("read the preferences: {error}"))
                },
            )?;
        let found = file.get(PREFERENCES).and_then(|value| serde_json::from_value(value).ok());
        Ok(Self { now: Arc::new(watch::Sender::new(found.unwrap_or_default())), file })
    }

    /// As they are now.
    pub(crate) fn get(&self) -> Preferences {
        self.now.borrow().clone()
    }

    /// Every change to come.
    pub(crate) fn watch(&self) -> watch::Receiver<Preferences> {
        self.now.subscribe()
    }

    /// Changes them.
    ///
    /// # Errors
    /// They make no sense, or the file cannot be written.
    pub(crate) fn set(&self, preferences: Preferences) -> Result<(), AppError> {
        if preferences.saved_filters.len() > MOST_FILTERS {
            let details = format!("at most {MOST_FILTERS} filters are kept");
            return Err(AppError::new(Code::Usage, details));
        }
        let value = serde_json::to_value(&preferences)
            .map_err(|error| AppError::new(Code::Internal, error.to_string()))?;
        self.file.set(PREFERENCES, value)?;
        self.now.send_replace(preferences);
        Ok(())
    }

    /// It was said that closing the window keeps the app in the tray.
    pub(crate) fn told_about_tray(&self) -> Result<(), AppError> {
        self.set(Preferences { told_about_tray: true, ..self.get() })
    }

    /// When each secret was set.
    pub(crate) fn secret_dates(&self) -> Vec<SecretDate> {
        self.file
            .get(SECRETS)
            .and_then(|value| serde_json::from_value(value).ok())
            .unwrap_or_default()
    }

    /// Remembers when a secret was set; or that it is not any more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn date_secret(&self, secret: &Secret, since: Option<At>) -> Result<(), AppError> {
        let mut dates = self.secret_dates();
        dates.retain(|date| date.secret != *secret);
        dates.extend(since.map(|since| SecretDate { secret: secret.clone(), since }));
        let value = serde_json::to_value(&dates)
            .map_err(|error| AppError::new(Code::Internal, error.to_string()))?;
        self.file.set(SECRETS, value)
    }
}
