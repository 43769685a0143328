//! The app dies in the middle of a race, at every write of its ledger and at
//! random moments while the cloud stumbles, and starts again. What comes after
//! leaves nothing behind but a winner, and touches nothing that is not ours.
//!
//! The process that dies is this test's own program, started once more.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod cloud;
mod process;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use practice::cloud::{ApiCall, Fault, HostSpec, RetryAfter, Script, TooMany, When};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use cloud::{End, Town};

/// At most so many at a time: they mostly wait.
const AT_A_TIME: usize = 8;
/// A race that fails by itself is run again.
const TRIES: u32 = 10;
/// Seeds of every day; `--long` plays more.
const SEEDS: u64 = 40;
const MANY_SEEDS: u64 = 200;
/// A race has more writes than this, however it goes.
const MOMENTS_AT_LEAST: u32 = 100;

/// The process that dies; not a test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the tests themselves"]
async fn the_process() {
    process::live().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn death_at_every_write_leaves_nothing_but_a_winner() {
    let hosts: Vec<HostSpec> = (1..=9).map(|number| host(number).boots(2_000, 300)).collect();
    let hosts = Arc::new(hosts);
    let (mut moment, mut survivor) = (0u32, None::<u32>);
    let mut hit = Vec::new();
    let mut lives = JoinSet::new();
    loop {
        while survivor.is_none() && lives.len() < AT_A_TIME {
            moment += 1;
            let (hosts, at) = (Arc::clone(&hosts), moment);
            lives.spawn(async move {
                for _ in 0..TRIES {
                    let town = Town::of(Script::of(hosts.to_vec())).await;
                    let end = town.die_at(at).await;
                    town.settle(&format!("moment {at}")).await;
                    if end != End::Failed {
                        return (at, end);
                    }
                }
                panic!("no race came as far as moment {at}");
            });
        }
        let Some(ended) = lives.join_next().await else { break };
        match ended.unwrap() {
            (at, End::Died) => hit.push(at),
            // It had no such moment, and came to its end.
            (at, _) => survivor = survivor.min(Some(at)).or(Some(at)),
        }
    }
    let last = survivor.unwrap() - 1;
    // One race has a few writes more than another.
    hit.retain(|at| *at <= last);
    hit.sort_unstable();
    println!("killed at each of {last} moments of a race's ledger");
    assert_eq!(hit, (1..=last).collect::<Vec<u32>>(), "every moment was hit");
    assert!(last >= MOMENTS_AT_LEAST, "only {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn death_at_any_time_while_the_cloud_stumbles_leaves_nothing_but_a_winner() {
    let long = std::env::var_os("DUMONT_LONG").is_some();
    let seeds = if long { MANY_SEEDS } else { SEEDS };
    let gate = Arc::new(Semaphore::new(AT_A_TIME));
    let killed = Arc::new(AtomicUsize::new(0));
    let mut races = JoinSet::new();
    for seed in 1..=seeds {
        let (gate, killed) = (Arc::clone(&gate), Arc::clone(&killed));
        races.spawn(async move {
            let _place = gate.acquire().await.unwrap();
            if stumble(seed).await {
                killed.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    races.join_all().await;
    let killed = killed.load(Ordering::Relaxed);
    println!("{seeds} races with a stumbling cloud, {killed} of them killed in the middle");
    assert!(killed as u64 > seeds / 2, "only {killed} of {seeds} were killed");
}

/// Whether the process was killed before it ended by itself.
async fn stumble(seed: u64) -> bool {
    let mut dice = StdRng::seed_from_u64(seed);
    let words = |status: u16, text: &str| (status, text.to_owned());
    let (status, body) = words(500, "Internal Server Error");
    let script = Script::seeded(seed)
        .fault(ApiCall::Create, When::Chance(0.1), Fault::TimeoutButDone)
        .fault(ApiCall::Create, When::Chance(0.1), Fault::ResetAfter)
        .fault(ApiCall::Create, When::Chance(0.1), Fault::StatusButDone { status, body })
        .fault(ApiCall::DestroyMany, When::Chance(0.3), too_many())
        .fault(ApiCall::Destroy, When::Chance(0.3), too_many())
        .fault(ApiCall::List, When::Chance(0.1), Fault::Truncated)
        .fault(ApiCall::List, When::Chance(0.05), Fault::EmptyList)
        .fault(ApiCall::List, When::Chance(0.05), Fault::Repeat)
        .fault(ApiCall::List, When::Chance(0.05), Fault::ResetBefore);
    let town = Town::of(script).await;
    let mut process = town.process(None);
    let half_a_life = Duration::from_millis(dice.random_range(50..1_000));
    tokio::time::sleep(half_a_life).await;
    if dice.random_bool(0.25) {
        town.revoke_key();
    }
    tokio::time::sleep(half_a_life).await;
    let died = cloud::kill(&mut process).await;
    if dice.random_bool(0.3) {
        // It dies once more while it cleans up.
        let mut again = town.sweeper();
        tokio::time::sleep(Duration::from_millis(dice.random_range(50..600))).await;
        cloud::kill(&mut again).await;
    }
    town.restore_key();
    town.settle(&format!("seed {seed}")).await;
    died
}

fn too_many() -> Fault {
    Fault::TooMany { shape: TooMany::Text, retry_after: Some(RetryAfter::Seconds(2)) }
}

fn host(number: u64) -> HostSpec {
    HostSpec::new(number).price(0.30 + number as f64 / 1_000.0).create_takes(200)
}
