//! `launch`: every fact as it happens, to the run's end.

use engine::Handle;
use model::{AppError, Code, RunView};

use super::arguments::CheckedLaunch;
use super::interrupt::Interrupts;
use super::messages::Printer;

pub(super) async fn launch(
    engine: &Handle,
    launch: CheckedLaunch,
    printer: &Printer,
) -> Result<u8, AppError> {
    let request = launch.request(engine)?;
    let mut interrupts = Interrupts::listen()
        .map_err(|error| AppError::new(Code::Internal, format!("listen for Ctrl-C: {error}")))?;
    let run = engine.launch(request).await?;
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
