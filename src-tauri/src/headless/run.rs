//! `launch`, `rent` and `restore`: every fact as it happens, to the run's end.

use engine::Handle;
use model::{AppError, Code, RestoreRequest, RunId, RunView};

use super::arguments::CheckedLaunch;
use super::interrupt::Interrupts;
use super::messages::Printer;

pub(super) async fn launch(
    engine: &Handle,
    launch: CheckedLaunch,
    printer: &Printer,
) -> Result<u8, AppError> {
    let request = launch.request(engine)?;
    let interrupts = interrupts()?;
    follow(engine, engine.launch(request).await?, interrupts, printer).await
}

pub(super) async fn restore(
    engine: &Handle,
    request: RestoreRequest,
    printer: &Printer,
) -> Result<u8, AppError> {
    let interrupts = interrupts()?;
    follow(engine, engine.restore(request).await?, interrupts, printer).await
}

fn interrupts() -> Result<Interrupts, AppError> {
    Interrupts::listen()
        .map_err(|error| AppError::new(Code::Internal, format!("listen for Ctrl-C: {error}")))
}

async fn follow(
    engine: &Handle,
    run: RunId,
    mut interrupts: Interrupts,
    printer: &Printer,
) -> Result<u8, AppError> {
    let mut facts = engine.follow(&run, 0).await?;
    let mut view = RunView::new(run.clone());
    let mut live = printer.live();
    loop {
        tokio::select! {
            fact = facts.next() => match fact {
                Some(fact) => {
                    view.apply(&fact);
                    live.fact(&fact, &view);
                }
                None => break,
            },
            () = interrupts.next() => {
                live.cancelling();
                engine.cancel(&run).await?;
            }
            () = live.tick() => live.redraw(&view),
        }
    }
    live.end(&view);
    view.exit_code()
        .ok_or_else(|| AppError::new(Code::Internal, "the run's facts ended before the run did"))
}
