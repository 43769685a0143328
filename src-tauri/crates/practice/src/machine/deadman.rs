//! The dead-man's switch of a practice machine (rules.md T3): what onstart arms
//! on a real one.

use std::sync::Arc;

use model::At;
use remote::Deadman;
use tokio::sync::watch;
use tracing::info;

use super::{Machine, ms};

/// What happens when nobody renews the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Destroy,
    Stop,
    Never,
}

/// A lease: until when, and what then. Absent until the container runs.
pub(crate) type Lease = watch::Sender<Option<(At, Then)>>;

/// Runs the switch until the machine is gone.
pub(super) async fn watch_over(machine: Arc<Machine>, deadman: Deadman) {
    let world = &machine.world;
    let Some(start) = machine.instance().and_then(|instance| instance.running_at()) else { return };
    world.wait_until(start).await;
    let lease = ms(u64::from(deadman.lease_s) * 1_000);
    let late = world.now() > deadman.not_after;
    let first = if late { world.now() } else { start.after_ms(lease) };
    machine.lease.send_replace(Some((first, Then::Destroy)));
    let mut renewed = machine.lease.subscribe();
    loop {
        let Some((until, then)) = *renewed.borrow_and_update() else { return };
        tokio::select! {
            changed = renewed.changed() => if changed.is_err() { return },
            () = world.wait_until(until), if then != Then::Never => {
                info!(machine = machine.id, ?then, "nobody renewed its lease");
                let _ = match then {
                    Then::Destroy => world.destroy(machine.id),
                    Then::Stop => world.stop(machine.id),
                    Then::Never => false,
                };
                return;
            }
        }
    }
}
