//! The desktop shell: composes the engine with the real world or the practice
//! world, and shows it in a window or in a terminal. The engine's crates know
//! neither.

mod headless;
mod logging;
mod setup;
#[cfg(feature = "window")]
mod window;

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
    window::run(&arguments.common)
}

#[cfg(not(feature = "window"))]
fn open_window(_: &headless::Arguments) -> ExitCode {
    headless::no_window()
}
