//! Everything the page can call and hear, once. The TypeScript bindings are
//! generated from it and checked by a test.

use tauri_specta::{Builder, ErrorHandlingMode, collect_commands, collect_events};

use crate::bridge::RunBegan;
use crate::commands::{app, hosts, machines, offers, recipes, runs, settings, snapshots};

/// Commands and events with their types.
#[must_use]
pub fn builder<R: tauri::Runtime>() -> Builder<R> {
    Builder::new()
        .commands(collect_commands![
            app::app_info,
            hosts::host_set_standing,
            hosts::hosts_list,
            machines::leftovers,
            machines::machine_destroy,
            machines::machine_label,
            machines::machine_logs,
            machines::machine_metrics,
            machines::machine_start,
            machines::machine_stop,
            machines::machines_list,
            machines::spend,
            machines::sweep,
            offers::launch_estimate,
            offers::offers_search,
            recipes::recipe_delete,
            recipes::recipe_save,
            recipes::recipes_list,
            runs::run_cancel,
            runs::run_launch,
            runs::run_next_wave,
            runs::run_watch,
            runs::runs_list,
            settings::settings_get,
            settings::settings_set,
            snapshots::restore_move_to_front,
            snapshots::restore_start,
            snapshots::snapshot_tree,
            snapshots::snapshots_list,
        ])
        .events(collect_events![RunBegan])
        .typ::<model::ConnectionReport>()
        .typ::<model::OpenWith>()
        .typ::<model::Preferences>()
        .typ::<model::SecretView>()
        .error_handling(ErrorHandlingMode::Result)
        // Money and bytes stay far below 2^53.
        .dangerously_cast_bigints_to_number()
        .disable_serde_phases()
}
