//! The one binary: with a subcommand it works without a display, without one
//! it opens the window.

use std::process::ExitCode;

fn main() -> ExitCode {
    dumont_shell::run()
}
