//! The engine's place while the window is already open: it takes a moment to
//! start, and may fail to.

use engine::Handle;
use model::{AppError, Code};
use tokio::sync::watch;

use crate::setup::{self, Running, World};

type Started = Option<Result<Running, AppError>>;

/// Where the engine is, or will be.
#[derive(Debug)]
pub struct EngineSlot {
    started: watch::Receiver<Started>,
    practice: bool,
}

impl EngineSlot {
    /// Starts the engine of this world in the background.
    #[must_use]
    pub fn start(world: World) -> Self {
        let (sender, started) = watch::channel(None);
        let practice = world.practice.is_some();
        tauri::async_runtime::spawn(async move {
            let result = setup::start(&world).await;
            let _ = sender.send(Some(result));
            // The practice world ends with its sender.
            sender.closed().await;
        });
        Self { started, practice }
    }

    /// Everything runs on the practice cloud.
    pub(crate) const fn practice(&self) -> bool {
        self.practice
    }

    /// The engine, if it is there already.
    pub(crate) fn now(&self) -> Option<Handle> {
        match &*self.started.borrow() {
            Some(Ok(running)) => Some(running.engine.clone()),
            Some(Err(_)) | None => None,
        }
    }

    /// The engine, once it is there.
    ///
    /// # Errors
    /// It could not be started: why.
    pub(crate) async fn ready(&self) -> Result<Handle, AppError> {
        let mut started = self.started.clone();
        let settled = started
            .wait_for(Option::is_some)
            .await
            .map_err(|_| AppError::new(Code::Internal, "the engine was never started"))?;
        match &*settled {
            Some(Ok(running)) => Ok(running.engine.clone()),
            Some(Err(error)) => Err(error.clone()),
            None => Err(AppError::new(Code::Internal, "the engine was never started")),
        }
    }
}
