//! The desktop shell: composes the engine with the real world or the practice
//! world, and shows it in a window or in a terminal. The engine's crates know
//! neither.

#[cfg(feature = "window")]
pub mod api;
#[cfg(feature = "window")]
mod bridge;
#[cfg(feature = "window")]
mod commands;
#[cfg(feature = "window")]
pub mod engine_slot;
mod headless;
mod logging;
pub mod setup;
#[cfg(feature = "window")]
mod tray;
#[cfg(feature = "window")]
pub mod window;
#[cfg(feature = "window")]
mod windows;

use std::process::ExitCode;

use clap::Parser as _;

/// Runs the program.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = headless::Arguments::parse();
    logging::start();
    setup::install_tls();
    match &arguments.command {
        Some(_) => headless::run(arguments),
        None => open_window(&arguments),
    }
}

#[cfg(feature = "window")]
fn open_window(arguments: &headless::Arguments) -> ExitCode {
    window::run(arguments.common.window_world())
}

#[cfg(not(feature = "window"))]
fn open_window(_: &headless::Arguments) -> ExitCode {
    headless::no_window()
}
