//! Nothing that costs money is forgotten: surveys, two copies of the app, and
//! leases of winners.

use model::{CloudId, FactBody, MachineState, Recipe, RunPhase};
use practice::cloud::{ApiCall, Fault, Script, When};

use crate::stage::{Stage, good, plain, recipe, restorer};

/// Long enough for a survey with its two lists.
const SURVEY_MS: u64 = 620_000;
const HOUR_MS: u64 = 3_600_000;

#[tokio::test(start_paused = true)]
async fn one_of_ours_that_no_book_knows_is_destroyed() {
    let stage = Stage::new(good(8)).await;
    let run = stage.begin(plain()).await;
    let label = stage.finish(&run).await.facts.into_iter().find_map(|fact| match fact.body {
        FactBody::MachineRequested { label, .. } => Some(label),
        _ => None,
    });
    let (ours, _) = label.as_deref().and_then(|label| label.split_once('-')).unwrap();
    let lost = stage.rent(70, &format!("{ours}-aaaaaaaaaa/3")).await;
    let other = stage.rent(80, "dumont/aaaaaaaa-bbbbbbbbbb/3").await;
    stage.clock.sleep(SURVEY_MS).await;
    let left: Vec<String> = stage.alive().iter().map(|one| one.id.to_string()).collect();
    assert!(!left.contains(&lost.to_string()), "ours is destroyed");
    assert!(left.contains(&other.to_string()), "another computer's is not");
    assert_eq!(left.len(), 2, "and the winner lives");
    // By hand it goes, with the name of its copy of the app.
    let report = stage.engine.sweep(Some(&model::InstallId::new("aaaaaaaa"))).await.unwrap();
    assert_eq!(report.destroyed, [other.to_string()]);
    assert_eq!(stage.alive().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_sees_nothing_says_so() {
    let stage = Stage::new(good(8)).await;
    stage.world.set_key(Some("another key".into()));
    let error = stage.engine.sweep(None).await.unwrap_err();
    assert_eq!(error.code, model::Code::CloudKeyRefused);
    stage.clock.sleep(SURVEY_MS).await;
    let guard = stage.engine.guard().await.unwrap();
    assert_eq!(guard.clouds[0].cloud, CloudId::Vast);
    assert!(guard.clouds[0].problem.is_some(), "red, not silence");
    stage.world.set_key(Some(crate::stage::KEY.into()));
    stage.engine.sweep(None).await.unwrap();
    let guard = stage.engine.guard().await.unwrap();
    assert!(guard.clouds[0].problem.is_none() && guard.clouds[0].last.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_a_living_copy_drives_the_other_leaves_alone() {
    let stage = Stage::of(Script::of(good(8)), restorer(60_000)).await;
    let run = stage.begin(recipe()).await;
    stage.until(&run, |fact| matches!(fact, FactBody::MachineRented { .. })).await;
    let other = stage.beside().await;
    let report = other.sweep(None).await.unwrap();
    assert!(report.destroyed.is_empty(), "{report:?}");
    let story = stage.finish(&run).await;
    assert_eq!(story.exit(), 0);
    assert_eq!(other.view(&run).await.unwrap().phase, RunPhase::Ready);
    assert_eq!(stage.alive().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_winner_that_ended_elsewhere_is_told() {
    let stage = Stage::new(good(8)).await;
    let story = stage.launch(recipe()).await;
    let machine = stage.alive()[0].id;
    assert!(stage.world.destroy(machine));
    stage.clock.sleep(SURVEY_MS).await;
    assert!(stage.engine.machines().await.unwrap().is_empty());
    let view = stage.engine.view(&story.view.run).await.unwrap();
    let lane = view.lane(view.winner.unwrap()).unwrap();
    assert!(lane.destroyed_confirmed);
}

#[tokio::test(start_paused = true)]
async fn a_winner_lives_for_as_long_as_it_hears_from_us() {
    let stage = Stage::new(good(8)).await;
    stage.launch(recipe()).await;
    // Far beyond a racer's lease, and beyond the hours alone.
    stage.clock.sleep(14 * HOUR_MS).await;
    let machines = stage.engine.machines().await.unwrap();
    assert_eq!(stage.alive().len(), 1);
    let left = machines[0].alone_until.unwrap().unix_ms() - stage.clock.wall().unix_ms();
    assert!((11 * 3_600_000..=12 * 3_600_000).contains(&left), "{left} ms");
}

/// A recipe's winner, left alone for fourteen hours.
async fn left_alone(hours_alone: u32) -> Option<MachineState> {
    let stage = Stage::new(good(8)).await;
    stage.launch(Recipe { hours_alone, ..recipe() }).await;
    stage.lose_power();
    stage.clock.sleep(14 * HOUR_MS).await;
    let stage = stage.restart().await;
    let machines = stage.engine.machines().await.unwrap();
    machines.first().and_then(|view| view.status.as_ref()).map(|status| status.state)
}

#[tokio::test(start_paused = true)]
async fn a_winner_alone_stops_and_is_not_destroyed() {
    assert_eq!(left_alone(12).await, Some(MachineState::Exited));
    assert_eq!(left_alone(24).await, Some(MachineState::Running));
    assert_eq!(left_alone(0).await, Some(MachineState::Running), "0 means never");
}

#[tokio::test(start_paused = true)]
async fn racers_of_a_dead_desktop_end_themselves() {
    let stage = Stage::new((1..=8).map(|n| crate::stage::host(n).boots(4_000, 900_000)).collect());
    let stage = stage.await;
    let run = stage.begin(plain()).await;
    stage.until(&run, |fact| matches!(fact, FactBody::MachineBooted { .. })).await;
    stage.lose_power();
    stage.clock.sleep(350_000).await;
    assert!(stage.alive().is_empty(), "each within its lease and half a minute");
}

#[tokio::test(start_paused = true)]
async fn a_survey_that_fails_is_made_again() {
    let stage = Stage::new(good(8)).await;
    stage.launch(plain()).await;
    let stage = stage.restart().await;
    let broken = Fault::Status { status: 502, body: "Bad Gateway".into() };
    stage.world.add_fault(ApiCall::List, When::From(1), broken);
    stage.clock.sleep(30_000).await;
    assert!(stage.engine.guard().await.unwrap().clouds[0].problem.is_some());
    stage.world.clear_faults();
    stage.clock.sleep(90_000).await;
    assert!(stage.engine.guard().await.unwrap().clouds[0].last.is_some());
}
