//! The subcommands that answer and end.

use engine::Handle;
use model::{AppError, InstallId, MachineId, OfferFilter, OfferOrder, SnapshotId};

use super::arguments::SnapshotOptions;
use super::messages::Printer;

pub(super) async fn offers(
    engine: &Handle,
    filter: &OfferFilter,
    order: OfferOrder,
    printer: &Printer,
) -> Result<u8, AppError> {
    let view = engine.offers(filter, order).await?;
    printer.offers(&view);
    Ok(0)
}

pub(super) async fn snapshots(
    engine: &Handle,
    options: &SnapshotOptions,
    printer: &Printer,
) -> Result<u8, AppError> {
    let mut groups = engine.snapshots().await?;
    groups.retain(|group| {
        options.wants(&group.newest) || group.same.iter().any(|same| options.wants(same))
    });
    printer.snapshots(&groups);
    Ok(0)
}

pub(super) async fn tree(
    engine: &Handle,
    (snapshot, folder): &(SnapshotId, String),
    printer: &Printer,
) -> Result<u8, AppError> {
    printer.tree(&engine.snapshot_tree(snapshot, folder).await?);
    Ok(0)
}

pub(super) fn hosts(engine: &Handle, printer: &Printer) -> Result<u8, AppError> {
    printer.hosts(&engine.hosts()?);
    Ok(0)
}

pub(super) fn recipes(engine: &Handle, printer: &Printer) -> Result<u8, AppError> {
    printer.recipes(&engine.recipes()?);
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

pub(super) async fn sweep(
    engine: &Handle,
    install: Option<String>,
    printer: &Printer,
) -> Result<u8, AppError> {
    let report = engine.sweep(install.map(InstallId::new).as_ref()).await?;
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
        .map(|error| error.code.exit(false, false))
        .max()
        .unwrap_or(0))
}
