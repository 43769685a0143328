//! Whole launches onto real machines, with stock restic on them.

use std::fs;
use std::path::Path;

use model::{Code, FactBody, Recipe, RunView};
use practice::workspace::{Size, Workspace, compare};

use crate::fleet::{Berth, Fleet, begin, finish};
use crate::machine::{Machine, Shell, Spec, within};
use crate::workspace::{Shelf, restic};

fn recipe() -> Recipe {
    Recipe { critical: Workspace::critical(), ..Recipe::default() }
}

fn with_restic(shell: Shell) -> Spec {
    Spec { restic: restic(), ..Spec::of(shell) }
}

/// Files under `folder` that hold one of these texts.
fn holding(folder: &Path, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                if secrets.iter().any(|secret| text.contains(secret.as_str())) {
                    found.push(entry.path().display().to_string());
                }
            }
        }
    }
    found
}

/// Nothing of ours is left on the disk or in a process that still runs (T4).
fn assert_nothing_told(machine: &Machine, secrets: &[String]) {
    // What changed on the disk, and the file systems in memory beside it.
    for folder in [machine.changes(), machine.path("/root"), machine.path("/tmp")] {
        assert_eq!(holding(&folder, secrets), Vec::<String>::new());
    }
    for process in fs::read_dir(machine.path("/proc")).unwrap().flatten() {
        for file in ["cmdline", "environ"] {
            let text = fs::read(process.path().join(file)).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            assert!(!secrets.iter().any(|secret| text.contains(secret.as_str())), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_restores_every_byte_onto_a_real_machine() {
    let Some(shelf) = Shelf::of(Size::Full).await else { return };
    for shell in Shell::ALL {
        let Some(fleet) = Fleet::of(vec![Berth::new(1, with_restic(shell))]).await else { return };
        let engine = fleet.engine(Some(shelf.storage())).await;
        let run = begin(&engine, recipe()).await;
        let facts = finish(&engine, &run).await;
        let view = RunView::replay(run, &facts);
        assert_eq!(view.exit_code(), Some(0), "{shell:?}: {:?} {}", view.failure, view.details);
        let (critical, complete) =
            (view.marks.critical_ms.unwrap(), view.marks.complete_ms.unwrap());
        assert!(critical < complete, "{shell:?}: {critical} {complete}");

        let machine = &fleet.ships[&1].machine;
        let restored = machine.path("/workspace");
        let differences = compare(&shelf.source(), &restored).unwrap();
        assert!(differences.is_empty(), "{shell:?}: {differences}");
        assert_nothing_told(machine, &shelf.secrets());
    }
}

/// The link breaks several times; the restore goes on over there and is read
/// on from where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_outlives_its_connections() {
    let Some(shelf) = Shelf::of(Size::Full).await else { return };
    let mut berth = Berth::new(1, with_restic(Shell::Dash));
    berth.host.script.direct = false;
    let Some(fleet) = Fleet::of(vec![berth]).await else { return };
    // Slow enough that the restore is cut in its middle.
    shelf.store.set_gate(practice::store::Gate {
        line_bytes_per_s: Some(12_000_000),
        ..practice::store::Gate::default()
    });
    let engine = fleet.engine(Some(shelf.storage())).await;
    let run = begin(&engine, recipe()).await;
    let mut facts = engine.follow(&run, 0).await.unwrap();
    let (mut cuts, mut next) = (0, 0);
    while let Some(fact) = within(facts.next()).await {
        if let FactBody::ToolInstalled { .. } | FactBody::CriticalRestored { .. } = fact.body {
            next = fact.elapsed_ms + 400;
        }
        if let FactBody::RestoreAdvanced { .. } = fact.body
            && fact.elapsed_ms > next
            && cuts < 3
        {
            fleet.ships[&1].relay.cut();
            (cuts, next) = (cuts + 1, fact.elapsed_ms + 1_000);
        }
    }
    assert!(cuts > 0, "the restore was over before it could be cut");
    let view = engine.view(&run).await.unwrap();
    assert_eq!(view.exit_code(), Some(0), "{:?} {}", view.failure, view.details);
    let restored = fleet.ships[&1].machine.path("/workspace");
    let differences = compare(&shelf.source(), &restored).unwrap();
    assert!(differences.is_empty(), "{differences}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_be_written_is_no_machines_fault() {
    let Some(shelf) = Shelf::of(Size::Small).await else { return };
    let berths = (1..=2).map(|number| Berth::new(number, with_restic(Shell::Dash))).collect();
    let Some(fleet) = Fleet::of(berths).await else { return };
    let engine = fleet.engine(Some(shelf.storage())).await;
    for ship in fleet.ships.values() {
        ship.machine.run("mkdir /fixed; mount -t tmpfs -o ro fixed /fixed");
    }
    let run = begin(&engine, Recipe { target: "/fixed/workspace".into(), ..recipe() }).await;
    let facts = finish(&engine, &run).await;
    let view = RunView::replay(run, &facts);
    assert_eq!((view.exit_code(), view.failure), (Some(4), Some(Code::TargetReadOnly)));
    let gone = |fact: &model::Fact| {
        matches!(fact.body, FactBody::MachineDestroyed { confirmed: true, .. })
    };
    assert_eq!(facts.iter().filter(|fact| gone(fact)).count(), 2);
    assert!(fleet.world.alive().is_empty());
}
