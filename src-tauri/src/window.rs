//! The app with its window and its tray icon.

use std::process::ExitCode;
use std::sync::Arc;

use tauri::{Manager as _, RunEvent, Runtime, WindowEvent};
use tauri_plugin_autostart::MacosLauncher;
use tracing::{debug, error};

use crate::desktop::{Desktop, Shell};
use crate::engine_slot::EngineSlot;
use crate::follow::Follower;
use crate::links::Asked;
use crate::open::Opened;
use crate::preferences::Kept;
use crate::quit::Asking;
use crate::setup::World;
use crate::tray::Tray;
use crate::{api, follow, links, notices, quit, tray, windows};

/// Given to a start with the session: the window waits in the tray.
pub(crate) const MINIMISED: &str = "--minimised";

/// Puts the app together, but for what only a desktop has: the engine's
/// commands and events on any runtime.
pub fn compose<R: Runtime>(builder: tauri::Builder<R>, engine: EngineSlot) -> tauri::Builder<R> {
    let api = api::builder();
    let world = engine.world().clone();
    builder
        .plugin(tauri_plugin_store::Builder::new().build())
        .manage(engine)
        .manage(Asked::default())
        .manage(Asking::default())
        .manage(Follower::default())
        .manage(Opened::default())
        .manage(Tray::<R>::default())
        .invoke_handler(api.invoke_handler())
        .setup(move |app| {
            api.mount_events(app);
            app.manage(Kept::open(app.handle(), &world)?);
            app.manage(Desktop(Arc::new(Shell(app.handle().clone()))));
            windows::open(app.handle())?;
            Ok(())
        })
}

/// Opens the window and stays until the app ends.
pub(crate) fn run(world: World, minimised: bool) -> ExitCode {
    // A second start hands itself over to the first and ends here, before
    // anything of it touches the data folder.
    let builder = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| windows::show(app)))
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, Some(vec![MINIMISED])))
        .plugin(windows::states());
    let builder = compose(builder, EngineSlot::waiting(world));
    let app = match builder.build(tauri::generate_context!()) {
        Ok(app) => app,
        Err(error) => {
            error!(%error, "the window does not open");
            return ExitCode::FAILURE;
        }
    };
    #[cfg(target_os = "linux")]
    windows::hint_slightly();
    app.run(move |app, event| match event {
        RunEvent::Ready => {
            app.state::<EngineSlot>().begin();
            if !minimised {
                windows::show(app);
            }
            if let Err(error) = tray::put_up(app) {
                // Some desktops have no tray; the window does everything too.
                error!(%error, "no tray icon");
            }
            notices::listen(app);
            links::listen(app);
            tauri::async_runtime::spawn(follow::follow(app.clone()));
        }
        RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. } => {
            // Nothing that costs money is left behind by closing a window.
            api.prevent_close();
            quit::close(app);
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => windows::show(app),
        RunEvent::Exit => debug!("the app ends"),
        _ => {}
    });
    ExitCode::SUCCESS
}
