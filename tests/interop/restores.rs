//! Whole launches onto real machines, with our agent and with stock restic.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::{Release, Stock};
use model::{Code, Fact, FactBody, InstallRoute, Recipe, RunView, StandingTool, StoreAccess, Tool};
use practice::workspace::{Size, Workspace, compare};
use sha2::{Digest as _, Sha256};

use crate::fleet::{Berth, Fleet, begin, carried, finish};
use crate::machine::{Machine, Shell, Spec, within};
use crate::workspace::{Shelf, restic};

fn recipe(tool: Tool) -> Recipe {
    Recipe { tool, critical: Workspace::critical(), ..Recipe::default() }
}

/// A machine on which this tool can work.
fn spec(tool: Tool, shell: Shell) -> Spec {
    match tool {
        // Nothing may come of restic where our agent is what is tested.
        Tool::Agent => Spec::of(shell),
        Tool::Restic => Spec { restic: restic(), ..Spec::of(shell) },
    }
}

/// The tools there are here.
pub fn tools() -> Vec<Tool> {
    if carried().is_empty() {
        println!("SKIPPED our agent: it was not built");
        return vec![Tool::Restic];
    }
    vec![Tool::Agent, Tool::Restic]
}

/// What stood on the winner, and how it came there.
pub fn stood(facts: &[Fact]) -> (&StandingTool, Option<&str>) {
    let stood = facts.iter().find_map(|fact| match &fact.body {
        FactBody::ToolInstalled { standing, fallback, .. } => Some((standing, fallback.as_deref())),
        _ => None,
    });
    stood.unwrap()
}

/// Files under `folder` that hold one of these texts.
fn holding(folder: &Path, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                // What was restored is compared with what was saved.
                if entry.file_name() != Workspace::NAME {
                    folders.push(entry.path());
                }
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
pub fn assert_nothing_told(machine: &Machine, secrets: &[String]) {
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
    for (tool, shell) in tools().into_iter().flat_map(|tool| Shell::ALL.map(|shell| (tool, shell)))
    {
        let Some(fleet) = Fleet::of(vec![Berth::new(1, spec(tool, shell))]).await else { return };
        let engine = fleet.engine(Some(shelf.storage())).await;
        let run = begin(&engine, recipe(tool)).await;
        let facts = finish(&engine, &run).await;
        let (standing, fallback) = stood(&facts);
        assert_eq!((standing.tool.tool, fallback), (tool, None), "{shell:?}");
        let view = RunView::replay(run, &facts);
        assert_eq!(view.exit_code(), Some(0), "{shell:?}: {:?} {}", view.failure, view.details);
        let (critical, complete) =
            (view.marks.critical_ms.unwrap(), view.marks.complete_ms.unwrap());
        // Our agent may be done before its log is first read.
        let apart = u64::from(tool == Tool::Restic);
        assert!(critical + apart <= complete, "{shell:?}: {critical} {complete}");

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
    for tool in tools() {
        outlives(&shelf, tool).await;
    }
}

async fn outlives(shelf: &Shelf, tool: Tool) {
    let mut berth = Berth::new(1, spec(tool, Shell::Dash));
    berth.host.script.direct = false;
    let Some(fleet) = Fleet::of(vec![berth]).await else { return };
    // Slow enough that the restore is cut in its middle.
    shelf.store.set_gate(practice::store::Gate {
        line_bytes_per_s: Some(12_000_000),
        ..practice::store::Gate::default()
    });
    let engine = fleet.engine(Some(shelf.storage())).await;
    let run = begin(&engine, recipe(tool)).await;
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
    assert!(cuts > 0, "{tool:?}: the restore was over before it could be cut");
    let view = engine.view(&run).await.unwrap();
    assert_eq!(view.exit_code(), Some(0), "{tool:?}: {:?} {}", view.failure, view.details);
    assert_eq!(view.restore.unwrap().fallback, None);
    let restored = fleet.ships[&1].machine.path("/workspace");
    let differences = compare(&shelf.source(), &restored).unwrap();
    assert!(differences.is_empty(), "{differences}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_be_written_is_no_machines_fault() {
    let Some(shelf) = Shelf::of(Size::Small).await else { return };
    for tool in tools() {
        cannot_be_written(&shelf, tool).await;
    }
}

async fn cannot_be_written(shelf: &Shelf, tool: Tool) {
    let berths = (1..=2).map(|number| Berth::new(number, spec(tool, Shell::Dash))).collect();
    let Some(fleet) = Fleet::of(berths).await else { return };
    let engine = fleet.engine(Some(shelf.storage())).await;
    for ship in fleet.ships.values() {
        ship.machine.run("mkdir /fixed; mount -t tmpfs -o ro fixed /fixed");
    }
    let run = begin(&engine, Recipe { target: "/fixed/workspace".into(), ..recipe(tool) }).await;
    let facts = finish(&engine, &run).await;
    let view = RunView::replay(run, &facts);
    let ended = (view.exit_code(), view.failure);
    assert_eq!(ended, (Some(4), Some(Code::TargetReadOnly)), "{tool:?}: {}", view.details);
    let gone = |fact: &model::Fact| {
        matches!(fact.body, FactBody::MachineDestroyed { confirmed: true, .. })
    };
    assert_eq!(facts.iter().filter(|fact| gone(fact)).count(), 2);
    assert!(fleet.world.alive().is_empty());
}

/// product.md §6: the broken files are named, the rest is restored.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_pack_costs_its_files_and_no_others() {
    let Some(shelf) = Shelf::of(Size::Full).await else { return };
    let pack = shelf.damage_a_pack();
    for tool in tools() {
        let Some(fleet) = Fleet::of(vec![Berth::new(1, spec(tool, Shell::Dash))]).await else {
            return;
        };
        let engine = fleet.engine(Some(shelf.storage())).await;
        let run = begin(&engine, Recipe { critical: Vec::new(), ..recipe(tool) }).await;
        let facts = finish(&engine, &run).await;
        let view = RunView::replay(run, &facts);
        assert_eq!(view.exit_code(), Some(4), "{tool:?}: {}", view.details);
        let code = match tool {
            Tool::Agent => Code::RestoreIncomplete,
            Tool::Restic => Code::PackDamaged,
        };
        assert_eq!(view.failure, Some(code), "{tool:?}: {}", view.details);
        let failed = facts.iter().find_map(|fact| match &fact.body {
            FactBody::RestoreFinished { failed, verified, .. } => Some((failed.clone(), *verified)),
            _ => None,
        });
        let machine = &fleet.ships[&1].machine;
        let restored = machine.path("/workspace");
        let differences = compare(&shelf.source(), &restored).unwrap();
        assert!(!differences.is_empty(), "{tool:?}");
        if tool == Tool::Agent {
            let (failed, verified) = failed.unwrap();
            assert!(!verified && !failed.is_empty());
            assert!(view.details.contains(&pack), "{}", view.details);
            for difference in differences.0 {
                let path = format!("/workspace/{}", difference.path.display());
                let is_its = |name: &String| name.starts_with(&path) && name.contains(&pack[..8]);
                assert!(failed.iter().any(is_its), "{difference} is not among {failed:?}");
            }
        }
    }
}

/// An image that has none, or one too old, gets restic by the first way that
/// there is.
#[tokio::test(flavor = "multi_thread")]
async fn restic_comes_by_the_first_way_there_is() {
    const OLD: &str = "#!/bin/sh\necho 'restic 0.9.6 compiled with go1.13.4 on linux/amd64'\n";
    type Furnish<'a> = &'a (dyn Fn(&Machine) + Sync);
    const MUSL: &str = "#!/bin/sh\necho 'musl libc (x86_64)'\n";
    /// What installs restic here, in the place of a package manager.
    const MANAGER: &str = "#!/bin/sh\ncp /var/restic /usr/local/bin/restic\n";
    let Some(shelf) = Shelf::of(Size::Small).await else { return };
    let Some(own) = restic() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut bzip = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip.write_all(&fs::read(&own).unwrap()).unwrap();
    let packed = bzip.finish().unwrap();
    let sha256 = format!("{:x}", bytes::Bytes::copy_from_slice(&Sha256::digest(&packed)));
    fs::write(folder.path().join(format!("restic-{sha256}.bz2")), packed).unwrap();
    let sha256 = Box::leak(sha256.into_boxed_str());
    let release = Release { arch: std::env::consts::ARCH, path: "restic.bz2", sha256 };
    let nobody = Arc::new(clouds::Wire::new(Duration::from_secs(1)).unwrap());
    let released = || {
        let base = "http://127.0.0.1:1".to_owned();
        Stock::new(
            folder.path().to_owned(),
            base,
            vec![release],
            Arc::<clouds::Wire>::clone(&nobody) as _,
        )
    };

    let old = |machine: &Machine| machine.write("/usr/local/bin/restic", OLD, 0o755);
    let musl = |machine: &Machine| {
        machine.run("rm -f /usr/bin/getconf /usr/bin/apt-get");
        machine.write("/usr/bin/ldd", MUSL, 0o755);
    };
    let packaged = |machine: &Machine| {
        musl(machine);
        fs::copy(&own, machine.path("/var/restic")).unwrap();
        machine.write("/usr/bin/apt-get", MANAGER, 0o755);
    };
    let ways: [(&str, Furnish<'_>, Stock, Option<InstallRoute>); 5] = [
        ("sent, this computer's own", &|_| {}, Stock::default(), Some(InstallRoute::Pushed)),
        ("sent beside an old one", &old, released(), Some(InstallRoute::Pushed)),
        ("fetched, from the second launch on", &|_| {}, released(), Some(InstallRoute::Fetched)),
        ("packaged", &packaged, Stock::default(), Some(InstallRoute::Package)),
        ("none", &musl, Stock::default(), None),
    ];
    for (what, furnish, stock, route) in ways {
        let Some(fleet) = Fleet::of(vec![Berth::new(1, Spec::default())]).await else { return };
        furnish(&fleet.ships[&1].machine);
        let engine = fleet.engine_with(Some(shelf.storage()), stock).await;
        let run = begin(&engine, recipe(Tool::Restic)).await;
        let facts = finish(&engine, &run).await;
        let view = RunView::replay(run, &facts);
        let Some(route) = route else {
            let ended = (view.exit_code(), view.failure);
            assert_eq!(ended, (Some(4), Some(Code::ToolMissing)), "{what}: {}", view.details);
            for word in ["no restic", "glibc", "package manager"] {
                assert!(view.details.contains(word), "{what}: {}", view.details);
            }
            continue;
        };
        assert_eq!(view.exit_code(), Some(0), "{what}: {:?} {}", view.failure, view.details);
        let (standing, fallback) = stood(&facts);
        assert_eq!((standing.how, fallback), (route, None), "{what}");
        assert_eq!(standing.access, StoreAccess::Temporary, "{what}");
        let restored = fleet.ships[&1].machine.path("/workspace");
        let differences = compare(&shelf.source(), &restored).unwrap();
        assert!(differences.is_empty(), "{what}: {differences}");
    }
}
