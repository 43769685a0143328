//! Ending: closing the window, quitting, and what is asked before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{Handle, RentalState};
use model::{Rate, RunId};
use tauri::{AppHandle, Manager as _, Runtime};
use tracing::warn;

use crate::bridge::QuitAsked;
use crate::engine_slot::EngineSlot;
use crate::notices;
use crate::preferences::Kept;
use crate::windows;

/// A run that is cancelled by quitting gets this long to confirm it.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether the question was asked already: a second wish is an answer.
#[derive(Debug, Default)]
pub(crate) struct Asking(AtomicBool);

impl Asking {
    /// The question is off the table.
    pub(crate) fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// What would go on costing, or be cut off, if the app ended now.
#[derive(Debug, Default)]
struct AtStake {
    machines: u32,
    per_hour: Rate,
    run: Option<RunId>,
}

impl AtStake {
    async fn of(engine: &Handle) -> Self {
        let run = engine.live_run().await.unwrap_or_default();
        let kept: Vec<Rate> = engine
            .context()
            .ledger
            .unsettled()
            .unwrap_or_default()
            .into_iter()
            .filter(|rental| rental.state == RentalState::Kept)
            .map(|rental| rental.price)
            .collect();
        Self {
            machines: u32::try_from(kept.len()).unwrap_or(u32::MAX),
            per_hour: kept.into_iter().sum(),
            run,
        }
    }

    const fn is_nothing(&self) -> bool {
        self.machines == 0 && self.run.is_none()
    }
}

/// The window's cross: the app stays in the tray while anything costs money,
/// and says so once.
pub(crate) fn close<R: Runtime>(app: &AppHandle<R>) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let stake = stake(&app).await;
        if stake.is_nothing() {
            app.exit(0);
            return;
        }
        windows::hide(&app);
        let kept = app.state::<Kept>();
        if !kept.get().told_about_tray {
            notices::stays(&app, stake.machines, stake.per_hour);
            if let Err(error) = kept.told_about_tray() {
                warn!(%error, "it will be said again that the app stays");
            }
        }
    });
}

/// Quits, after asking if anything is at stake.
pub(crate) fn ask<R: Runtime>(app: &AppHandle<R>) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let stake = stake(&app).await;
        let asked = app.state::<Asking>().0.swap(true, Ordering::Relaxed);
        if stake.is_nothing() || asked {
            quit(&app).await;
            return;
        }
        windows::show(&app);
        let AtStake { machines, per_hour, run } = stake;
        QuitAsked { machines, per_hour, run }.tell(&app);
    });
}

/// Ends the app; a run in progress is cancelled first, and everything of it
/// destroyed.
pub(crate) async fn quit<R: Runtime>(app: &AppHandle<R>) {
    let slot = app.state::<EngineSlot>();
    if let Some(engine) = slot.now() {
        let cancelled = async {
            if let Ok(Some(run)) = engine.live_run().await
                && engine.cancel(&run).await.is_ok()
                && let Ok(mut facts) = engine.follow(&run, u64::MAX).await
            {
                while facts.next().await.is_some() {}
            }
        };
        // What is not confirmed by then stands in the ledger and is destroyed
        // at the next start.
        let _ = tokio::time::timeout(PATIENCE, cancelled).await;
    }
    app.exit(0);
}

async fn stake<R: Runtime>(app: &AppHandle<R>) -> AtStake {
    match app.state::<EngineSlot>().now() {
        Some(engine) => AtStake::of(&engine).await,
        None => AtStake::default(),
    }
}
