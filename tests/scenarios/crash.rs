//! The app ends in mid-run and comes back.

use model::{Code, FactBody, MachineId, Ownership, RunPhase};
use practice::cloud::{ApiCall, Fault, Script, When};

use crate::stage::{Stage, good, host, recipe, restorer};

/// Long enough for every look-up and confirmation.
async fn settle(stage: &Stage) {
    stage.clock.sleep(200_000).await;
}

#[tokio::test(start_paused = true)]
async fn racers_of_a_dead_process_are_destroyed() {
    let stage = Stage::new((1..=8).map(|n| host(n).boots(60_000, 500)).collect()).await;
    let run = stage.begin(recipe()).await;
    stage.until(&run, |fact| matches!(fact, FactBody::MachineRented { .. })).await;
    let stage = stage.restart().await;
    settle(&stage).await;
    assert!(stage.alive().is_empty());
    assert!(stage.engine.open().await.unwrap().is_empty());
    let view = stage.engine.view(&run).await.unwrap();
    assert_eq!(view.phase, RunPhase::Failed);
    assert_eq!(view.failure, Some(Code::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn a_restore_goes_on_after_the_restart() {
    let stage = Stage::of(Script::of(good(8)), restorer(100_000)).await;
    let run = stage.begin(recipe()).await;
    stage.until(&run, |fact| matches!(fact, FactBody::WinnerChosen { .. })).await;
    let stage = stage.restart().await;
    stage.clock.sleep(30_000).await;
    let alive = stage.alive();
    assert_eq!(alive.len(), 1, "only the winner lives");
    let machines = stage.engine.machines().await.unwrap();
    assert!(machines[0].kept);
    let view = stage.engine.view(&run).await.unwrap();
    assert!(view.lanes.iter().filter(|lane| lane.machine.is_some()).count() >= 4);
    assert_eq!(view.phase, RunPhase::Restoring);
    let story = stage.finish(&run).await;
    assert_eq!(story.exit(), 0);
    assert!(story.all_losers_are_gone());
    assert_eq!(stage.alive().len(), 1);
    let mut spent = story.facts.iter().filter_map(|fact| match fact.body {
        FactBody::SpendCounted { usd_micros, .. } => Some(usd_micros),
        _ => None,
    });
    assert!(spent.by_ref().is_sorted(), "what was spent before the restart is still spent");
}

#[tokio::test(start_paused = true)]
async fn a_create_nobody_heard_of_is_found_after_the_restart() {
    let script = Script::of(good(8)).fault(ApiCall::Create, When::From(1), Fault::TimeoutButDone);
    let stage = Stage::of(script, restorer(1_000)).await;
    let run = stage.begin(recipe()).await;
    stage.clock.sleep(2_000).await;
    assert_eq!(stage.alive().len(), 5);
    let stage = stage.restart().await;
    settle(&stage).await;
    assert!(stage.alive().is_empty());
    let view = stage.engine.view(&run).await.unwrap();
    assert_eq!(view.phase, RunPhase::Failed);
}

#[tokio::test(start_paused = true)]
async fn machines_of_others_are_never_touched() {
    let stage = Stage::new(good(8)).await;
    let foreign = stage.rent(70, "my own").await;
    let other = stage.rent(80, "dumont/aaaaaaaa-bbbbbbbbbb/3").await;
    let stage = stage.restart().await;
    let report = stage.engine.sweep(None).await.unwrap();
    assert!(report.destroyed.is_empty());
    assert_eq!(report.others.len(), 2);
    assert_eq!(stage.alive().len(), 2);
    let machines = stage.engine.machines().await.unwrap();
    let whose = |machine: &MachineId| {
        machines.iter().find(|view| view.machine == *machine).unwrap().ownership
    };
    assert_eq!(whose(&foreign), Ownership::Foreign);
    assert_eq!(whose(&other), Ownership::OtherInstall);
    // By hand, what another copy of the app rented may be destroyed; what no
    // copy rented may not.
    let refused = stage.engine.destroy(&foreign).await.unwrap_err();
    assert_eq!(refused.code, Code::MachineForeign);
    stage.engine.destroy(&other).await.unwrap();
    let unknown = stage.engine.destroy(&MachineId::new("1")).await.unwrap_err();
    assert_eq!(unknown.code, Code::MachineMissing);
    assert_eq!(stage.alive().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_reads_the_same_after_a_restart() {
    let stage = Stage::new(good(8)).await;
    let story = stage.launch(recipe()).await;
    let run = story.view.run.clone();
    let stage = stage.restart().await;
    assert_eq!(stage.engine.view(&run).await.unwrap(), story.view);
    let history = stage.engine.runs(5).unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].marks, story.view.marks);
    assert_eq!(history[0].steps.last().unwrap().to_ms, story.view.marks.complete_ms.unwrap());
}
