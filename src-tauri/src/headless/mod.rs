//! The subcommands (product.md §8): the same engine without a display. One
//! JSON object a line with `--json`, words for people without.

mod arguments;
mod interrupt;
mod launch;
mod lists;
mod messages;

use std::process::ExitCode;

use model::{AppError, Code};

pub(crate) use arguments::{Arguments, Command};
use messages::Printer;

use crate::setup::{self, Running};

/// Runs a subcommand to its exit code.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let printer = Printer::new(arguments.common.json);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = AppError::new(Code::Internal, format!("start a runtime: {error}"));
            return ExitCode::from(printer.error(&error));
        }
    };
    let exit = runtime.block_on(async {
        match command(arguments, &printer).await {
            Ok(exit) => exit,
            Err(error) => printer.error(&error),
        }
    });
    // A connection that is being said good-bye to is no reason to wait.
    runtime.shutdown_background();
    ExitCode::from(exit)
}

/// This build has no window to open.
#[cfg(not(feature = "window"))]
pub(crate) fn no_window() -> ExitCode {
    use clap::CommandFactory as _;
    let _ = Arguments::command().print_help();
    eprintln!("\n{}", messages::NO_WINDOW);
    ExitCode::from(2)
}

async fn command(arguments: Arguments, printer: &Printer) -> Result<u8, AppError> {
    let common = arguments.common;
    let Some(command) = arguments.command else { return Ok(2) };
    // What makes no sense is refused before anything is started.
    let request = match &command {
        Command::Launch(options) => Some(options.check()?),
        _ => None,
    };
    let running: Running = setup::start(&common.world()).await?;
    let engine = &running.engine;
    match command {
        Command::Launch(_) => {
            let Some(request) = request else { return Ok(2) };
            launch::launch(engine, request, printer).await
        }
        Command::Offers(options) => lists::offers(engine, &options, printer).await,
        Command::Snapshots => lists::snapshots(engine, printer).await,
        Command::Machines => lists::machines(engine, printer).await,
        Command::Destroy { machine } => lists::destroy(engine, &machine, printer).await,
        Command::Sweep => lists::sweep(engine, printer).await,
        Command::Doctor => lists::doctor(engine, printer).await,
    }
}
