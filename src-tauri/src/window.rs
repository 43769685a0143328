//! The app with its window and its tray icon.

use std::process::ExitCode;

use tauri::{RunEvent, Runtime, WindowEvent};
use tracing::error;

use crate::engine_slot::EngineSlot;
use crate::setup::World;
use crate::{api, tray, windows};

/// Puts the app together, but for its window: the engine's commands and events
/// on any runtime.
pub fn compose<R: Runtime>(builder: tauri::Builder<R>, engine: EngineSlot) -> tauri::Builder<R> {
    let api = api::builder();
    builder.manage(engine).invoke_handler(api.invoke_handler()).setup(move |app| {
        api.mount_events(app);
        windows::open(app.handle())?;
        Ok(())
    })
}

/// Opens the window and stays until the app ends.
pub(crate) fn run(world: World) -> ExitCode {
    let builder = compose(tauri::Builder::default(), EngineSlot::start(world));
    let app = match builder.build(tauri::generate_context!()) {
        Ok(app) => app,
        Err(error) => {
            error!(%error, "the window does not open");
            return ExitCode::FAILURE;
        }
    };
    #[cfg(target_os = "linux")]
    windows::hint_slightly();
    app.run(|app, event| match event {
        RunEvent::Ready => {
            if let Err(error) = tray::put_up(app) {
                // Some desktops have no tray; the window does everything too.
                error!(%error, "no tray icon");
            }
        }
        RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. } => {
            // Nothing that costs money is left behind by closing a window.
            api.prevent_close();
            tray::quit(app);
        }
        _ => {}
    });
    ExitCode::SUCCESS
}
