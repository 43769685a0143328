//! What commands ask of the desktop: a seam, because typed commands name no
//! window system.

use std::sync::Arc;

use async_trait::async_trait;
use model::{AppError, Code};
use tauri::{AppHandle, Manager as _, Runtime};
use tauri_plugin_autostart::{AutoLaunchManager, ManagerExt as _};
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;

use crate::quit;

/// The desktop under the app.
#[derive(Clone)]
pub(crate) struct Desktop(pub(crate) Arc<dyn Deeds>);

/// What it can do.
#[async_trait]
pub(crate) trait Deeds: Send + Sync {
    /// Starts the app with the session, minimised; or no more.
    fn start_at_login(&self, on: bool) -> Result<(), AppError>;
    /// Lets a person choose a folder; `None` where they choose none.
    async fn choose_folder(&self) -> Option<String>;
    /// Ends the app.
    async fn quit(&self);
}

/// The desktop Tauri stands on.
pub(crate) struct Shell<R: Runtime>(pub(crate) AppHandle<R>);

#[async_trait]
impl<R: Runtime> Deeds for Shell<R> {
    fn start_at_login(&self, on: bool) -> Result<(), AppError> {
        let failed = |error: &dyn std::fmt::Display| {
            AppError::new(Code::Internal, format!("change what starts with the session: {error}"))
        };
        if self.0.try_state::<AutoLaunchManager>().is_none() {
            return Err(failed(&"this desktop has no such list"));
        }
        let manager = self.0.autolaunch();
        let changed = if on { manager.enable() } else { manager.disable() };
        match changed {
            // What is not on the list cannot be taken from it.
            Err(_) if !on && manager.is_enabled().is_ok_and(|enabled| !enabled) => Ok(()),
            other => other.map_err(|error| failed(&error)),
        }
    }

    async fn choose_folder(&self) -> Option<String> {
        let (tell, chosen) = oneshot::channel();
        self.0.dialog().file().pick_folder(move |folder| {
            let _ = tell.send(folder);
        });
        let folder = chosen.await.ok()??;
        Some(folder.into_path().ok()?.display().to_string())
    }

    async fn quit(&self) {
        quit::quit(&self.0).await;
    }
}
