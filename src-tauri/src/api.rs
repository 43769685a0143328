//! Everything the page can call and hear, once. The TypeScript bindings are
//! generated from it and checked by a test.

use tauri_specta::{Builder, ErrorHandlingMode, collect_commands, collect_events};

use crate::bridge::{LinkCame, QuitAsked, RecordsChanged, RunBegan, ScreenAsked, WorldChanged};
use crate::commands::{
    app, hosts, machines, offers, open, preferences, recipes, runs, secrets, settings, snapshots,
};

/// Commands and events with their types.
#[must_use]
pub fn builder<R: tauri::Runtime>() -> Builder<R> {
    Builder::new()
        .commands(collect_commands![
            app::app_info,
            app::app_quit,
            app::app_stay,
            app::engine_restart,
            app::folder_choose,
            app::link_take,
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
            machines::guard,
            machines::sweep,
            offers::launch_estimate,
            offers::offers_search,
            open::help_open,
            open::machine_open,
            open::machine_ssh,
            preferences::preferences_get,
            preferences::preferences_set,
            recipes::recipe_delete,
            recipes::recipe_save,
            recipes::recipes_list,
            runs::run_cancel,
            runs::run_launch,
            runs::run_next_wave,
            runs::run_watch,
            runs::runs_list,
            secrets::cloud_test,
            secrets::repository_create,
            secrets::secret_forget,
            secrets::secret_set,
            secrets::secrets_list,
            secrets::storage_forget,
            secrets::storage_set,
            secrets::storage_test,
            settings::settings_get,
            settings::settings_set,
            snapshots::prune_hint,
            snapshots::restore_move_to_front,
            snapshots::restore_start,
            snapshots::snapshot_count,
            snapshots::snapshot_count_each,
            snapshots::snapshot_tree,
            snapshots::snapshots_list,
        ])
        .events(collect_events![
            LinkCame,
            QuitAsked,
            RecordsChanged,
            RunBegan,
            ScreenAsked,
            WorldChanged,
        ])
        .error_handling(ErrorHandlingMode::Result)
        // Money and bytes stay far below 2^53.
        .dangerously_cast_bigints_to_number()
        .disable_serde_phases()
}
