//! Ending: closing the window, quitting, and what is asked before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{Handle, Rental, RentalState};
use model::RunId;
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
impl QuitAsked {
    async fn of(engine: &Handle) -> Self {
        let run = engine.live_run().await.unwrap_or_default();
        Self::among(&engine.context().ledger.unsettled().unwrap_or_default(), run)
    }

    /// The lanes of a run that goes on are its own affair.
    fn among(rentals: &[Rental], run: Option<RunId>) -> Self {
        let count = |rentals: &[&Rental]| u32::try_from(rentals.len()).unwrap_or(u32::MAX);
        let (kept, others): (Vec<_>, Vec<_>) =
            rentals.iter().partition(|rental| rental.state == RentalState::Kept);
        let of_ended: Vec<_> =
            others.into_iter().filter(|rental| Some(&rental.run) != run.as_ref()).collect();
        Self {
            machines: count(&kept),
            per_hour: kept.iter().map(|rental| rental.price).sum(),
            unsettled: count(&of_ended),
            run,
        }
    }

    const fn is_nothing(&self) -> bool {
        self.machines == 0 && self.unsettled == 0 && self.run.is_none()
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
            notices::stays(&app, &stake);
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
        stake.tell(&app);
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

async fn stake<R: Runtime>(app: &AppHandle<R>) -> QuitAsked {
    match app.state::<EngineSlot>().now() {
        Some(engine) => QuitAsked::of(&engine).await,
        None => QuitAsked::default(),
    }
}

#[cfg(test)]
mod tests {
    use model::{At, CloudId, LaneNo, MachineId, Money, Rate};

    use super::*;

    fn rental(run: &str, state: RentalState) -> Rental {
        Rental {
            id: 1,
            run: RunId::new(run),
            lane: LaneNo(1),
            cloud: CloudId::Vast,
            label: String::new(),
            host: None,
            owner: None,
            gpu: String::new(),
            num_gpus: 1,
            location: String::new(),
            price: Rate::from_micros_per_hour(400_000),
            state,
            machine: Some(MachineId::new("7")),
            host_key: None,
            intended: At::default(),
            condemned: None,
            settled: None,
            traffic: Money::ZERO,
            charged: None,
            lease: None,
        }
    }

    #[test]
    fn whatever_may_cost_money_is_at_stake() {
        assert!(QuitAsked::among(&[], None).is_nothing());
        assert!(!QuitAsked::among(&[], Some(RunId::new("a"))).is_nothing());
        for state in [RentalState::Intended, RentalState::Rented, RentalState::Condemned] {
            let left = QuitAsked::among(&[rental("a", state)], None);
            assert_eq!((left.machines, left.unsettled), (0, 1), "{state:?}");
            assert!(!left.is_nothing());
        }
        let rentals = [
            rental("a", RentalState::Kept),
            rental("b", RentalState::Rented),
            rental("c", RentalState::Condemned),
            rental("c", RentalState::Kept),
        ];
        let stake = QuitAsked::among(&rentals, Some(RunId::new("b")));
        assert_eq!((stake.machines, stake.unsettled), (2, 1));
        assert_eq!(stake.per_hour, Rate::from_micros_per_hour(800_000));
    }
}
