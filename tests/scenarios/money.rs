//! What it costs, and what it may cost.

use model::{Caps, Code, FactBody, Money};
use practice::cloud::{ApiCall, Script};

use crate::stage::{Stage, good, host, plain, recipe, restorer};

#[tokio::test(start_paused = true)]
async fn the_receipt_is_close_to_the_clouds_own_bill() {
    let stage = Stage::new(good(8)).await;
    let story = stage.launch(recipe()).await;
    let ours = story.view.spent.micros();
    let theirs = stage.world.spent().micros();
    // The cloud bills from the call's arrival to the destruction, we from the
    // call's departure to the confirmation: never less.
    assert!(ours >= theirs, "ours {ours}, theirs {theirs}");
    assert!(ours <= theirs * 2, "ours {ours}, theirs {theirs}");
}

#[tokio::test(start_paused = true)]
async fn at_most_is_never_passed() {
    let hosts =
        (1..=20).map(|number| host(number).fate(practice::cloud::Fate::NeverBoots)).collect();
    let stage = Stage::new(hosts).await;
    let story = stage.launch(plain()).await;
    assert!(story.view.spent <= story.view.at_most, "{:?}", story.view.spent);
}

#[tokio::test(start_paused = true)]
async fn too_little_credit_rents_nothing() {
    let script = Script::of(good(8)).credit(Money::from_micros(1_200_000));
    let stage = Stage::of(script, restorer(1_000)).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.view.failure, Some(Code::CreditTooLow));
    assert_eq!(story.exit(), 5);
    assert_eq!(stage.world.count(ApiCall::Create), 0);
}

#[tokio::test(start_paused = true)]
async fn the_cap_of_a_run_is_checked_before_renting() {
    let caps = Caps { run: Some(Money::from_micros(100_000)), ..Caps::default() };
    let stage = Stage::new(good(8)).await.restart_with(caps).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.view.failure, Some(Code::CapReached));
    assert_eq!(story.exit(), 5);
    assert_eq!(stage.world.count(ApiCall::Create), 0);
}

#[tokio::test(start_paused = true)]
async fn losers_are_gone_within_three_seconds_and_the_lists_distance() {
    let stage = Stage::new(good(8)).await;
    let story = stage.launch(recipe()).await;
    let mut took: Vec<u64> = story
        .facts
        .iter()
        .filter_map(|fact| match fact.body {
            FactBody::MachineDestroyed { took_ms, confirmed: true, machine: Some(_), .. } => {
                Some(took_ms)
            }
            _ => None,
        })
        .collect();
    took.sort_unstable();
    assert!(took[took.len() / 2] <= 5_000, "{took:?}");
}
