//! `cargo practice`, `cargo verify`, `cargo bench-all`: everything a newcomer
//! needs, set-up included. Standard library only, so that it is there in
//! seconds.

mod agent;
mod bench;
#[cfg(target_os = "linux")]
mod cold;
mod packages;
mod practice;
mod run;
mod tools;
mod ui;
mod verify;

use std::process::ExitCode;

const HELP: &str = "\
cargo practice [--headless] [ARGUMENTS]
    sets up what is missing, builds, and opens the window on the practice
    cloud; without a display, or with --headless, launches in the terminal.
    ARGUMENTS go to the program.
cargo verify [--long]
    all set-up, all checks, all tests; --long adds what takes hours.
cargo agent
    the programs that go to rented machines; an app built after this carries
    them. Without them it restores with restic alone.
cargo bench-all [NAME] [ARGUMENTS]
    the benchmarks: every one, or the one named. \"restore\" takes --scale X
    (1 is the full size) and --rounds N; \"fuzz\" takes --seconds N a target
    and needs a nightly toolchain.";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = if arguments.is_empty() { String::new() } else { arguments.remove(0) };
    let result = match command.as_str() {
        "practice" => practice::practice(arguments),
        "verify" => verify::verify(&arguments),
        "bench" => bench::bench(&arguments),
        "agent" => agent::agent(&arguments),
        _ => Err(HELP.to_owned()),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
