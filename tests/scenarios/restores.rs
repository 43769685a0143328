//! What can happen to a winner.

use model::{
    Code, FactBody, LostReason, Recipe, RestoreDestination, RestoreRequest, SnapshotSelector,
};
use practice::cloud::Fate;
use practice::machine::Restorer;

use crate::repository;
use crate::stage::{Stage, good, host, plain, recipe, restorer};

#[tokio::test(start_paused = true)]
async fn progress_marks_and_counts_are_told() {
    let stage = Stage::of(practice::cloud::Script::of(good(5)), restorer(10_000)).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 0);
    let marks = story.view.marks;
    let (shell, critical, complete) =
        (marks.shell_ms.unwrap(), marks.critical_ms.unwrap(), marks.complete_ms.unwrap());
    assert!(shell < critical && critical < complete, "{marks:?}");
    assert!((9_000..12_000).contains(&(complete - shell)), "{marks:?}");
    let restore = story.view.restore.as_ref().unwrap();
    assert_eq!((restore.files, restore.bytes), (repository::FILES, repository::BYTES));
    assert_eq!(restore.critical_bytes, repository::CRITICAL_BYTES);
    assert!(restore.verified);
    assert!(story.count(|fact| matches!(fact, FactBody::RestoreAdvanced { .. })) >= 20);
    let etas: Vec<u64> = story
        .facts
        .iter()
        .filter_map(|fact| match fact.body {
            FactBody::RestoreAdvanced { eta_ms, .. } => eta_ms,
            _ => None,
        })
        .collect();
    assert!(etas.iter().any(|eta| (3_000..7_000).contains(eta)), "{etas:?}");
}

#[tokio::test(start_paused = true)]
async fn without_critical_paths_critical_is_complete() {
    let stage = Stage::of(
        practice::cloud::Script::of(good(5)),
        Restorer::Scripted(practice::machine::ScriptedRestore {
            files: repository::FILES,
            bytes: repository::BYTES,
            critical_bytes: 0,
            ms: 2_000,
        }),
    )
    .await;
    let story = stage.launch(Recipe { critical: Vec::new(), ..recipe() }).await;
    assert_eq!(story.exit(), 0);
    assert_eq!(story.view.marks.critical_ms, story.view.marks.complete_ms);
    assert_eq!(story.count(|fact| matches!(fact, FactBody::CriticalRestored { .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn a_plain_machine_is_ready_with_its_shell() {
    let stage = Stage::new(good(5)).await;
    let story = stage.launch(plain()).await;
    assert_eq!(story.exit(), 0);
    assert_eq!(story.view.marks.shell_ms, story.view.marks.complete_ms);
    assert_eq!(story.count(|fact| matches!(fact, FactBody::ToolInstalled { .. })), 0);
}

/// Winners that fail by their own fault: destroyed, and a second heat wins.
#[tokio::test(start_paused = true)]
async fn a_failed_winner_is_replaced_in_a_second_heat() {
    for (fate, reason) in [
        (Fate::LinkDies { after_ms: 3_000 }, LostReason::LinkLost),
        (Fate::RestoreStalls { after_ms: 1_000 }, LostReason::RestoreStalled),
    ] {
        let mut hosts = good(20);
        hosts[0] = host(1).boots(1_000, 100).fate(fate.clone());
        let stage = Stage::of(
            practice::cloud::Script::of(hosts),
            Restorer::Scripted(practice::machine::ScriptedRestore {
                files: repository::FILES,
                bytes: repository::BYTES,
                // Nothing is critical before the fault.
                critical_bytes: 0,
                ms: 40_000,
            }),
        )
        .await;
        let story = stage.launch(Recipe { critical: Vec::new(), ..recipe() }).await;
        assert_eq!(story.exit(), 0, "{fate:?}");
        assert_eq!(story.reason(1), Some(reason), "{fate:?}");
        assert_eq!(story.count(|fact| matches!(fact, FactBody::HeatStarted { heat: 2 })), 1);
        assert!(story.winner_lane().unwrap().0 > 15, "{fate:?}");
        assert!(story.all_losers_are_gone(), "{fate:?}");
        assert_eq!(stage.alive().len(), 1, "{fate:?}");
        assert_ne!(stage.alive()[0].host.machine, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_winner_that_refuses_commands_never_wins() {
    // Its pre-flight is a command too.
    let mut hosts = good(6);
    hosts[0] = host(1).boots(1_000, 100).fate(Fate::ExecRefused);
    let stage = Stage::new(hosts).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 0);
    assert_ne!(story.winner_host(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_machine_with_its_critical_files_is_kept_when_its_link_dies() {
    let mut hosts = good(20);
    hosts[0] = host(1).boots(1_000, 100).fate(Fate::LinkDies { after_ms: 12_000 });
    let stage = Stage::of(practice::cloud::Script::of(hosts), restorer(60_000)).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 4);
    assert_eq!(story.count(|fact| matches!(fact, FactBody::MachineKept { .. })), 1);
    let alive = stage.alive();
    assert_eq!(alive.len(), 1);
    assert_eq!(alive[0].host.machine, 1, "work can have begun on it");
    let kept = stage.engine.machines().await.unwrap();
    assert!(kept[0].kept);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_be_written_is_no_machines_fault() {
    let hosts = (1..=6).map(|n| host(n).fate(Fate::TargetReadOnly)).collect();
    let stage = Stage::new(hosts).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 4);
    assert_eq!(story.view.failure, Some(Code::TargetReadOnly));
    assert_eq!(story.count(|fact| matches!(fact, FactBody::HeatStarted { .. })), 1);
    assert!(stage.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_image_without_restic_is_said_plainly() {
    let stage = Stage::of(practice::cloud::Script::of(good(5)), Restorer::Absent).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 4);
    assert_eq!(story.view.failure, Some(Code::ToolMissing));
    assert!(stage.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_restore_ends_on_its_machine_and_leaves_that_alone() {
    let stage = Stage::of(practice::cloud::Script::of(good(5)), restorer(60_000)).await;
    stage.launch(plain()).await;
    let machine = model::MachineId::new(stage.alive()[0].id.to_string());
    let request = RestoreRequest {
        recipe: None,
        snapshot: SnapshotSelector::Latest,
        destination: RestoreDestination::Machine { machine },
        target: Some("/".into()),
        include: Vec::new(),
        critical: vec!["/workspace/code".into()],
        tool: model::Tool::Agent,
    };
    let run = stage.engine.restore(request.clone()).await.unwrap();
    stage.until(&run, |fact| matches!(fact, FactBody::CriticalRestored { .. })).await;
    stage.engine.cancel(&run).await.unwrap();
    let story = stage.finish(&run).await;
    assert_eq!(story.exit(), 130);
    assert_eq!(stage.alive().len(), 1, "the machine was there before, and stays");
    stage.clock.sleep(1_000).await;
    // Were the first still at work, the second would only listen to it.
    let again = stage.engine.restore(request).await.unwrap();
    let story = stage.finish(&again).await;
    assert_eq!(story.exit(), 0);
    let took = story.facts.iter().find_map(|fact| match fact.body {
        FactBody::RestoreFinished { took_ms, .. } => Some(took_ms),
        _ => None,
    });
    assert!(took.unwrap() >= 60_000, "{took:?}");
}
