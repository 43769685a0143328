//! Everything the page can call and hear, once. The TypeScript bindings are
//! generated from it and checked by a test.

use tauri_specta::{Builder, ErrorHandlingMode, collect_commands, collect_events};

use crate::bridge::RunBegan;
use crate::commands::{app, machines, offers, recipes, runs, snapshots};

/// Commands and events with their types.
#[must_use]
pub fn builder<R: tauri::Runtime>() -> Builder<R> {
    Builder::new()
        .commands(collect_commands![
            app::app_info,
            machines::machine_destroy,
            machines::machines_list,
            offers::launch_estimate,
            offers::offers_search,
            recipes::recipes_list,
            runs::run_cancel,
            runs::run_launch,
            runs::run_next_wave,
            runs::run_watch,
            runs::runs_list,
            snapshots::snapshots_list,
        ])
        .events(collect_events![RunBegan])
        .typ::<model::Caps>()
        .error_handling(ErrorHandlingMode::Result)
        // Money and bytes stay far below 2^53.
        .dangerously_cast_bigints_to_number()
        .disable_serde_phases()
}
