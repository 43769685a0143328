//! The subcommands (product.md §8): the same engine without a display. One
//! JSON object a line with `--json`, words for people without.

mod arguments;
mod interrupt;
mod lists;
mod messages;
mod run;

use std::process::ExitCode;

use model::{AppError, Code, OfferFilter, RestoreRequest, SnapshotId};

use arguments::CheckedLaunch;
pub(crate) use arguments::{Arguments, Command};
use messages::Printer;

use crate::setup::{self, Running, World};

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
    let asked = match &command {
        Command::Launch(options) => Asked::Launch(options.check()?),
        Command::Rent { offer, options } => Asked::Launch(options.check()?.only(offer)),
        Command::Restore(options) => Asked::Restore(options.check()?),
        Command::Offers(options) => Asked::Offers(options.filter()?),
        Command::Snapshots(options) => Asked::Snapshots(options.entry()?),
        _ => Asked::Nothing,
    };
    let world = World { attends: command.attends(), ..common.world() };
    let running: Running = setup::start(&world).await?;
    let engine = &running.engine;
    match (command, asked) {
        (_, Asked::Launch(launch)) => run::launch(engine, launch, printer).await,
        (_, Asked::Restore(request)) => run::restore(engine, request, printer).await,
        (Command::Offers(options), Asked::Offers(filter)) => {
            lists::offers(engine, &filter, options.order(), printer).await
        }
        (_, Asked::Snapshots(Some(entry))) => lists::tree(engine, &entry, printer).await,
        (Command::Snapshots(options), _) => lists::snapshots(engine, &options, printer).await,
        (Command::Machines, _) => lists::machines(engine, printer).await,
        (Command::Destroy { machine }, _) => lists::destroy(engine, &machine, printer).await,
        (Command::Sweep { install }, _) => lists::sweep(engine, install, printer).await,
        (Command::Hosts, _) => lists::hosts(engine, printer),
        (Command::Recipes, _) => lists::recipes(engine, printer),
        (Command::Doctor, _) => lists::doctor(engine, printer).await,
        _ => Ok(2),
    }
}

/// What a command line asks for, where that takes reading.
enum Asked {
    Nothing,
    Launch(CheckedLaunch),
    Restore(RestoreRequest),
    Offers(OfferFilter),
    Snapshots(Option<(SnapshotId, String)>),
}
