//! The engine's place while the window is already open: it takes a moment to
//! start, may fail to, and is started anew in place when keys or storage
//! change. Each engine lives on threads of its own and ends with them, as it
//! would with the process: what it left is in the ledger.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::Handle;
use model::{AppError, Code, Settings};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::setup::{self, Chosen, Running, World};

/// How far the engine is.
#[derive(Debug)]
enum Stage {
    /// Keys are being looked for.
    Choosing,
    /// It is known which world it will be.
    Starting { practice: bool },
    /// It is up, or why it is not; the how manieth it is.
    Up(u64, Result<Box<Running>, AppError>),
}

/// Where the engine is, or will be.
#[derive(Debug)]
pub struct EngineSlot {
    world: World,
    stage: Arc<watch::Sender<Stage>>,
    threads: Mutex<Option<Runtime>>,
    /// One restart at a time.
    restart: tokio::sync::Mutex<()>,
    begun: AtomicU64,
}

impl EngineSlot {
    /// A slot whose engine is started later, by [`EngineSlot::begin`].
    #[must_use]
    pub fn waiting(world: World) -> Self {
        Self {
            world,
            stage: Arc::new(watch::Sender::new(Stage::Choosing)),
            threads: Mutex::new(None),
            restart: tokio::sync::Mutex::new(()),
            begun: AtomicU64::new(0),
        }
    }

    /// Starts the engine of this world in the background.
    #[must_use]
    pub fn start(world: World) -> Self {
        let slot = Self::waiting(world);
        slot.begin();
        slot
    }

    /// Starts the engine in the background.
    pub fn begin(&self) {
        self.begin_with(None);
    }

    /// The world as it was asked for.
    pub(crate) const fn world(&self) -> &World {
        &self.world
    }

    /// Everything runs on the practice cloud.
    pub(crate) async fn practice(&self) -> bool {
        let mut stage = self.stage.subscribe();
        match stage.wait_for(|stage| !matches!(stage, Stage::Choosing)).await.as_deref() {
            Ok(Stage::Starting { practice }) => *practice,
            Ok(Stage::Up(_, Ok(running))) => running.practice(),
            Ok(Stage::Up(_, Err(_)) | Stage::Choosing) | Err(_) => false,
        }
    }

    /// What is impossible now, the worst first.
    pub(crate) fn problems(&self) -> Vec<AppError> {
        match &*self.stage.borrow() {
            Stage::Up(_, Ok(running)) => running.problems.clone(),
            Stage::Up(_, Err(error)) => vec![error.clone()],
            Stage::Choosing | Stage::Starting { .. } => Vec::new(),
        }
    }

    /// The engine, if it is there already.
    pub(crate) fn now(&self) -> Option<Handle> {
        match &*self.stage.borrow() {
            Stage::Up(_, Ok(running)) => Some(running.engine.clone()),
            Stage::Up(_, Err(_)) | Stage::Choosing | Stage::Starting { .. } => None,
        }
    }

    /// The engine, once it is there.
    ///
    /// # Errors
    /// It could not be started: why.
    pub(crate) async fn ready(&self) -> Result<Handle, AppError> {
        let mut stage = self.stage.subscribe();
        match stage.wait_for(|stage| matches!(stage, Stage::Up(..))).await.as_deref() {
            Ok(Stage::Up(_, Ok(running))) => Ok(running.engine.clone()),
            Ok(Stage::Up(_, Err(error))) => Err(error.clone()),
            Ok(Stage::Choosing | Stage::Starting { .. }) | Err(_) => Err(never_started()),
        }
    }

    /// Tells of every engine, the one that is up included.
    pub(crate) fn engines(&self) -> Engines {
        Engines { stage: self.stage.subscribe(), seen: 0 }
    }

    /// Starts the engine anew, with the keys and the storage that are kept now.
    /// The settings stay as they are.
    ///
    /// # Errors
    /// A run is going on ([`Code::RunInProgress`]), or the new engine does not
    /// start.
    pub(crate) async fn restart(&self) -> Result<(), AppError> {
        let _one = self.restart.lock().await;
        self.refuse_in_a_run().await?;
        let settings = match &*self.stage.borrow() {
            // Practice in place of a world that is closed has never seen the
            // user's own settings.
            Stage::Up(_, Ok(running)) if !running.practice() || running.problems.is_empty() => {
                Some(running.engine.settings())
            }
            _ => None,
        };
        self.stage.send_replace(Stage::Choosing);
        self.end();
        self.begin_with(settings);
        self.ready().await.map(drop)
    }

    /// # Errors
    /// A run is going on.
    pub(crate) async fn refuse_in_a_run(&self) -> Result<(), AppError> {
        // One that is only starting has no run yet, but may be about to
        // re-attach to one.
        let Ok(engine) = self.ready().await else { return Ok(()) };
        match engine.live_run().await? {
            Some(run) => Err(AppError::new(Code::RunInProgress, format!("run {run} is going on"))),
            None => Ok(()),
        }
    }

    fn begin_with(&self, settings: Option<Settings>) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let threads = match Runtime::new() {
            Ok(threads) => threads,
            Err(error) => {
                let error = AppError::new(Code::Internal, format!("start threads: {error}"));
                self.stage.send_replace(Stage::Up(number, Err(error)));
                return;
            }
        };
        let (world, stage) = (self.world.clone(), Arc::clone(&self.stage));
        threads.spawn(async move {
            let started = async {
                let chosen = setup::choose(&world).await?;
                let practice = matches!(chosen, Chosen::Practice { .. });
                stage.send_replace(Stage::Starting { practice });
                let running = setup::open(&world, chosen).await?;
                if let Some(settings) = settings {
                    running.engine.set_settings(settings)?;
                }
                Ok(running)
            };
            let started = started.await;
            stage.send_replace(Stage::Up(number, started.map(Box::new)));
        });
        *self.threads.lock().unwrap_or_else(PoisonError::into_inner) = Some(threads);
    }

    fn end(&self) {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(threads) = threads {
            threads.shutdown_background();
        }
    }
}

impl Drop for EngineSlot {
    fn drop(&mut self) {
        self.end();
    }
}

/// Every engine there is, one after the other.
#[derive(Debug)]
pub(crate) struct Engines {
    stage: watch::Receiver<Stage>,
    seen: u64,
}

impl Engines {
    /// The next one, once it is up; or why it is not. `None` when there will
    /// be no further one.
    pub(crate) async fn next(&mut self) -> Option<Result<Handle, AppError>> {
        let seen = self.seen;
        let newer = |stage: &Stage| matches!(stage, Stage::Up(number, _) if *number > seen);
        let stage = self.stage.wait_for(newer).await.ok()?;
        let Stage::Up(number, result) = &*stage else { return None };
        let next = result.as_ref().map(|running| running.engine.clone()).map_err(Clone::clone);
        self.seen = *number;
        Some(next)
    }
}

fn never_started() -> AppError {
    AppError::new(Code::Internal, "the engine was never started")
}
