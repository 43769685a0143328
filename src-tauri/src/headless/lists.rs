//! The subcommands that answer and end.

use engine::Handle;
use model::{AppError, MachineId};

use super::arguments::OfferOptions;
use super::messages::Printer;

pub(super) async fn offers(
    engine: &Handle,
    options: &OfferOptions,
    printer: &Printer,
) -> Result<u8, AppError> {
    let view = engine.offers(&options.filter()?, options.order()).await?;
    printer.offers(&view);
    Ok(0)
}

pub(super) async fn snapshots(engine: &Handle, printer: &Printer) -> Result<u8, AppError> {
    printer.snapshots(&engine.snapshots().await?);
    Ok(0)
}

pub(super) async fn machines(engine: &Handle, printer: &Printer) -> Result<u8, AppError> {
    printer.machines(&engine.machines().await?);
    Ok(0)
}

pub(super) async fn destroy(
    engine: &Handle,
    machine: &str,
    printer: &Printer,
) -> Result<u8, AppError> {
    let machine = MachineId::new(machine);
    engine.destroy(&machine).await?;
    printer.destroyed(&machine);
    Ok(0)
}

pub(super) async fn sweep(engine: &Handle, printer: &Printer) -> Result<u8, AppError> {
    let report = engine.sweep().await?;
    printer.sweep(&report);
    Ok(if report.unconfirmed.is_empty() { 0 } else { 6 })
}

/// Exit code of the worst finding.
pub(super) async fn doctor(engine: &Handle, printer: &Printer) -> Result<u8, AppError> {
    let checks = engine.doctor().await;
    printer.checks(&checks);
    Ok(checks
        .iter()
        .filter_map(|check| check.result.as_ref().err())
        .map(|error| error.code.exit(false))
        .max()
        .unwrap_or(0))
}
