//! The tray icon: Launch, Open, Quit. Everything is in the menu, because Linux
//! gives no clicks.

use std::time::Duration;

use model::LaunchRequest;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Manager as _, Runtime};
use tracing::warn;

use crate::bridge::RunBegan;
use crate::engine_slot::EngineSlot;
use crate::windows;

const LAUNCH: &str = "launch";
const OPEN: &str = "open";
const QUIT: &str = "quit";
/// A run that is cancelled by quitting gets this long to confirm it.
const QUIT_PATIENCE: Duration = Duration::from_secs(15);

/// Puts it up.
pub(crate) fn put_up<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    let menu = Menu::with_items(
        app,
        &[
            &MenuItem::with_id(app, LAUNCH, "Launch", true, None::<&str>)?,
            &MenuItem::with_id(app, OPEN, "Open Dumont Cloud", true, None::<&str>)?,
            &PredefinedMenuItem::separator(app)?,
            &MenuItem::with_id(app, QUIT, "Quit", true, None::<&str>)?,
        ],
    )?;
    let mut tray = TrayIconBuilder::with_id("main")
        .menu(&menu)
        .tooltip("Dumont Cloud")
        .show_menu_on_left_click(true)
        .on_menu_event(|app, event| chosen(app, event.id().as_ref()));
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.build(app)?;
    Ok(())
}

fn chosen<R: Runtime>(app: &AppHandle<R>, item: &str) {
    let app = app.clone();
    match item {
        LAUNCH => {
            tauri::async_runtime::spawn(async move { launch(&app).await });
        }
        OPEN => windows::show(&app),
        QUIT => quit(&app),
        _ => {}
    }
}

/// Launches the default recipe and shows the race.
async fn launch<R: Runtime>(app: &AppHandle<R>) {
    let slot = app.state::<EngineSlot>();
    let begun = async {
        let engine = slot.ready().await?;
        if let Some(run) = engine.live_run().await? {
            return Ok(run);
        }
        let recipe = engine.context().recipe(None)?;
        engine.launch(LaunchRequest { recipe, only_offers: Vec::new() }).await
    };
    windows::show(app);
    match begun.await {
        Ok(run) => RunBegan::tell(app, run),
        Err(error) => warn!(%error, "the tray could not launch"),
    }
}

/// Ends the app; a run in progress is cancelled first, and everything of it
/// destroyed.
pub(crate) fn quit<R: Runtime>(app: &AppHandle<R>) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
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
            // What is not confirmed by then stands in the ledger and is
            // destroyed at the next start.
            let _ = tokio::time::timeout(QUIT_PATIENCE, cancelled).await;
        }
        app.exit(0);
    });
}
