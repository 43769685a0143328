//! The program is killed in the middle of a race. What comes after leaves
//! nothing behind but a winner.

use std::time::Duration;

use practice::cloud::{ApiCall, Fault, Script, When};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::binary::{end, run};
use crate::world::World;

/// Ten here; the money rules' own tests kill many more.
const SEEDS: u64 = 10;
/// At most this many at a time.
const AT_A_TIME: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_race_leaves_nothing_but_a_winner() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(AT_A_TIME));
    let mut races = tokio::task::JoinSet::new();
    for seed in 1..=SEEDS {
        let gate = std::sync::Arc::clone(&gate);
        races.spawn(async move {
            let _place = gate.acquire().await.unwrap();
            one(seed).await;
        });
    }
    while let Some(race) = races.join_next().await {
        race.unwrap();
    }
}

async fn one(seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let script = Script::seeded(seed)
        .fault(ApiCall::Create, When::Chance(0.15), Fault::TimeoutButDone)
        .fault(ApiCall::Create, When::Chance(0.1), Fault::ResetAfter)
        .fault(ApiCall::List, When::Chance(0.1), Fault::Truncated);
    let world = World::start(script).await;
    let launch = ["launch", "--snapshot", "none", "--gpu", "RTX 4090"];
    let mut child = world.program(&launch).spawn().unwrap();
    // From before the first create to after the win.
    tokio::time::sleep(Duration::from_millis(dice.random_range(200..2_500))).await;
    child.kill().await.unwrap();
    let _ = end(child).await;
    let rented = world.cloud.instances().len();

    let swept = run(world.program(&["sweep"])).await;
    assert_eq!(swept.code, 0, "seed {seed}: {:?} {}", swept.lines, swept.stderr);
    let kept: Vec<String> = swept.lines[0]["kept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|view| view["machine"].as_str().unwrap().to_owned())
        .collect();
    assert!(kept.len() <= 1, "seed {seed}: {kept:?}");
    let left: Vec<String> = world
        .cloud
        .alive()
        .iter()
        .map(|instance| instance.id.to_string())
        .filter(|id| !kept.contains(id))
        .collect();
    assert!(left.is_empty(), "seed {seed}: {left:?} left of {rented}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_destroys_everything() {
    let hosts =
        (1..=20).map(|number| practice::cloud::HostSpec::new(number).boots(60_000, 500)).collect();
    let world = World::start(Script::of(hosts)).await;
    let child = world.program(&["launch", "--snapshot", "none"]).spawn().unwrap();
    while world.cloud.alive().len() < 5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = child.id().unwrap().to_string();
    let told = tokio::process::Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
    assert!(told.success());
    let ended = end(child).await;
    assert_eq!(ended.code, 130, "{}", ended.stderr);
    assert_eq!(ended.facts("run_cancelled")[0]["confirmed"], true);
    assert!(world.cloud.alive().is_empty());
}
