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
mod desktop;
#[cfg(feature = "window")]
pub mod engine_slot;
#[cfg(feature = "window")]
mod follow;
mod headless;
#[cfg(feature = "window")]
mod links;
mod logging;
#[cfg(feature = "window")]
mod notices;
#[cfg(feature = "window")]
mod open;
#[cfg(feature = "window")]
mod preferences;
#[cfg(feature = "window")]
mod quit;
#[cfg(feature = "window")]
mod secrets;
pub mod setup;
#[cfg(feature = "window")]
mod tray;
#[cfg(feature = "window")]
pub mod window;
#[cfg(feature = "window")]
mod windows;
#[cfg(feature = "window")]
mod words;

use std::process::ExitCode;

/// Runs the program.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = headless::Arguments::read();
    logging::start();
    setup::install_tls();
    match &arguments.command {
        Some(_) => headless::run(arguments),
        None => open_window(&arguments),
    }
}

#[cfg(feature = "window")]
fn open_window(arguments: &headless::Arguments) -> ExitCode {
    window::run(arguments.common.window_world(), arguments.minimised)
}

#[cfg(not(feature = "window"))]
fn open_window(_: &headless::Arguments) -> ExitCode {
    headless::no_window()
}
