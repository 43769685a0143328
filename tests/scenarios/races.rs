//! Races, good and bad.

use model::{
    Code, FactBody, LaneNo, LostReason, ProofPolicy, ProofState, RacePolicy, Recipe, Route,
    Settings, Step, Tool,
};
use practice::cloud::{ApiCall, Fate, Fault, RetryAfter, Script, TooMany, When};

use crate::stage::{Stage, good, host, plain, recipe, restorer};

#[tokio::test(start_paused = true)]
async fn a_good_race_restores_onto_the_first_that_is_ready() {
    let mut hosts = good(8);
    hosts[2] = host(3).boots(1_500, 200);
    let stage = Stage::new(hosts).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 0);
    assert_eq!(story.winner_host(), Some(3));
    assert!(story.all_losers_are_gone());
    let alive = stage.alive();
    assert_eq!(alive.len(), 1, "only the winner lives");
    assert_eq!(alive[0].host.machine, 3);
    let at = |wanted: &str| {
        story
            .facts
            .iter()
            .position(|fact| serde_json::to_value(fact).unwrap()["fact"] == wanted)
            .unwrap_or_else(|| panic!("no {wanted}"))
    };
    let order = [
        "run_started",
        "offers_ranked",
        "heat_started",
        "wave_started",
        "lane_started",
        "machine_requested",
        "machine_rented",
        "machine_booted",
        "machine_connected",
        "winner_chosen",
        "tool_installed",
        "critical_restored",
        "restore_finished",
        "run_ready",
    ];
    let places: Vec<usize> = order.iter().map(|fact| at(fact)).collect();
    assert!(places.is_sorted(), "{order:?} at {places:?}");
    let seqs: Vec<u64> = story.facts.iter().map(|fact| fact.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}

/// The scripted race of the first milestone: two hopeless machines, one gone,
/// one reachable by the relay only, one whose sshd never answers, one
/// unproved, and one good machine in wave 2.
#[tokio::test(start_paused = true)]
async fn the_good_one_in_wave_two_wins_and_the_facts_tell_why() {
    let mut hosts = vec![
        host(1).fate(Fate::NeverBoots),
        host(2).fate(Fate::NeverBoots),
        host(3).fate(Fate::OfferGone { status: 410 }),
        host(4).boots(9_000, 9_000).fate(Fate::ProxyOnly),
        host(5).fate(Fate::SshNever),
        host(6).fate(Fate::Unproved),
        host(7).boots(9_000, 1_000),
    ];
    // More than fifteen could be rented.
    hosts.extend((8..=30).map(|number| host(number).fate(Fate::NeverBoots)));
    let stage = Stage::new(hosts).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 0);
    assert_eq!(story.winner_host(), Some(7));
    let winner = story.winner_lane().unwrap();
    assert!((6..=10).contains(&winner.0), "in wave 2, not lane {winner}");
    assert_eq!(story.reason(1), Some(LostReason::SlowBoot));
    assert_eq!(story.reason(6), Some(LostReason::MachineNotProved));
    let refused: Vec<String> = story
        .facts
        .iter()
        .filter_map(|fact| match &fact.body {
            FactBody::CreateRefused { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].contains("no longer available"), "{refused:?}");
    assert_eq!(story.reason(2), Some(LostReason::SlowBoot));
    assert_eq!(story.reason(4), Some(LostReason::Beaten), "the relay was about to answer");
    assert_eq!(story.reason(5), Some(LostReason::SlowConnect));
    assert!(story.view.lanes.iter().all(|lane| lane.brief.lane.0 <= 15));
    assert!(stage.world.count(ApiCall::Create) <= 15, "never a sixteenth machine");
    assert!(story.all_losers_are_gone());
    assert_eq!(stage.alive().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_race_without_a_winner_leaves_nothing() {
    let hosts = (1..=20).map(|number| host(number).fate(Fate::NeverBoots)).collect();
    let stage = Stage::new(hosts).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 3);
    assert_eq!(story.view.failure, Some(Code::NoMachineReady));
    assert_eq!(stage.world.count(ApiCall::Create), 15);
    assert!(story.all_losers_are_gone());
    assert!(stage.alive().is_empty());
    let over =
        story.at(|fact| matches!(fact, FactBody::LaneLost { reason: LostReason::OutOfTime, .. }));
    assert!((180_000..182_000).contains(&over.unwrap()), "{over:?}");
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_bad_machine_is_told_apart() {
    let fates = [
        (
            Fate::DeadMessage { text: "OCI runtime create failed: no device".into() },
            LostReason::DeadMessage,
        ),
        (Fate::Exits { after_ms: 100 }, LostReason::Exited),
        (Fate::NeverStarts, LostReason::Stopped),
        (Fate::GoesOffline { after_ms: 100 }, LostReason::Offline),
        (Fate::HeartbeatLost { after_ms: 0, for_ms: 60_000 }, LostReason::UnknownState),
        (Fate::Vanishes { after_ms: 4_000 }, LostReason::Vanished),
        (Fate::DiskTooSmall, LostReason::DiskTooSmall),
        (Fate::TooFewGpus, LostReason::TooFewGpus),
        (Fate::ForeignArchitecture, LostReason::ForeignArchitecture),
        (Fate::ClockOff { ms: 700_000 }, LostReason::ClockSkew),
        (Fate::WrongProof, LostReason::MachineNotProved),
        (Fate::RefusedButRented, LostReason::CreateFailedRented),
    ];
    for (fate, reason) in fates {
        // Its server answers late, so that what the cloud says counts first;
        // the good one is later still.
        let late = matches!(
            reason,
            LostReason::Exited
                | LostReason::Offline
                | LostReason::UnknownState
                | LostReason::Vanished
        );
        let bad = host(1).boots(3_000, if late { 9_000 } else { 500 }).fate(fate.clone());
        let stage = Stage::new(vec![bad, host(2).boots(9_500, 5_000)]).await;
        // What our agent reads was signed here: its machine's clock is no matter.
        let tool = if reason == LostReason::ClockSkew { Tool::Restic } else { Tool::Agent };
        let story = stage.launch(Recipe { tool, ..recipe() }).await;
        assert_eq!(story.reason(1), Some(reason), "{fate:?}");
        assert_eq!(story.winner_host(), Some(2), "{fate:?}");
        assert_eq!(story.exit(), 0, "{fate:?}");
        assert_eq!(stage.alive().len(), 1, "{fate:?}");
        let rests =
            stage.engine.offers(&model::OfferFilter::default(), model::OfferOrder::Price).await;
        let hosts: Vec<String> = rests
            .unwrap()
            .rows
            .iter()
            .filter_map(|row| row.offer.host.clone())
            .map(|host| host.to_string())
            .collect();
        assert!(!hosts.contains(&"1".to_owned()), "{fate:?}: it rests for a day");
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_only_the_relay_reaches_can_win() {
    let stage = Stage::new(vec![host(1).fate(Fate::ProxyOnly)]).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 0);
    assert_eq!(
        story.count(|fact| matches!(fact, FactBody::MachineConnected { route: Route::Proxy, .. })),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_never_accepted_is_slow_and_not_fatal() {
    let stage =
        Stage::new(vec![host(1).fate(Fate::KeyNeverInstalled), host(2).boots(9_000, 4_000)]).await;
    let story = stage.launch(Recipe { policy: RacePolicy::KeepRacing, ..recipe() }).await;
    assert_eq!(story.winner_host(), Some(2));
    assert_eq!(story.reason(1), Some(LostReason::Beaten));
}

#[tokio::test(start_paused = true)]
async fn throttled_creates_wait_and_then_win() {
    let script = Script::of(good(6)).fault(
        ApiCall::Create,
        When::Nth(1),
        Fault::TooMany { shape: TooMany::Detail, retry_after: Some(RetryAfter::Seconds(3)) },
    );
    let stage = Stage::of(script, restorer(1_000)).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 0);
    let throttled =
        story.at(|fact| matches!(fact, FactBody::CloudThrottled { lane: Some(LaneNo(1)), .. }));
    let again = story
        .facts
        .iter()
        .filter(|fact| matches!(&fact.body, FactBody::MachineRequested { lane: LaneNo(1), .. }));
    let again: Vec<u64> = again.map(|fact| fact.elapsed_ms).collect();
    assert_eq!(again.len(), 2);
    assert!(again[1] >= throttled.unwrap() + 3_000, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_only_throttles_ends_the_run() {
    let script = Script::of(good(6)).fault(
        ApiCall::Create,
        When::From(1),
        Fault::TooMany { shape: TooMany::Text, retry_after: None },
    );
    let stage = Stage::of(script, restorer(1_000)).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 3);
    assert_eq!(story.view.failure, Some(Code::RateLimited));
    assert!(stage.world.instances().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_create_that_timed_out_and_yet_rented_is_found_and_destroyed() {
    for fault in [Fault::TimeoutButDone, Fault::ResetAfter, Fault::Garbage, Fault::Truncated] {
        let script = Script::of(good(8)).fault(ApiCall::Create, When::Nth(1), fault.clone());
        let stage = Stage::of(script, restorer(1_000)).await;
        let story = stage.launch(recipe()).await;
        assert_eq!(story.exit(), 0, "{fault:?}");
        assert!(story.all_losers_are_gone(), "{fault:?}");
        assert_eq!(stage.alive().len(), 1, "{fault:?}: the unknown one is found by its label");
        assert_ne!(story.winner_lane(), Some(LaneNo(1)), "{fault:?}: and never raced");
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_answered_500_and_rented_nothing_is_settled() {
    let script = Script::of(good(8)).fault(
        ApiCall::Create,
        When::Nth(1),
        Fault::Status { status: 500, body: "oops".into() },
    );
    let stage = Stage::of(script, restorer(1_000)).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 0);
    assert_eq!(
        story.count(|fact| matches!(
            fact,
            FactBody::MachineDestroyed { machine: None, confirmed: true, .. }
        )),
        1
    );
    assert!(story.view.elapsed_ms >= 120_000, "looked up for two minutes");
}

#[tokio::test(start_paused = true)]
async fn lists_and_destroys_that_fail_are_asked_again() {
    let script = Script::of(good(8))
        .fault(ApiCall::DestroyMany, When::Nth(1), Fault::ResetBefore)
        .fault(
            ApiCall::DestroyMany,
            When::Nth(2),
            Fault::TooMany { shape: TooMany::Threshold, retry_after: Some(RetryAfter::Seconds(2)) },
        )
        .fault(ApiCall::List, When::Chance(0.3), Fault::Truncated);
    let stage = Stage::of(script, restorer(1_000)).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 0);
    assert!(story.all_losers_are_gone());
    assert_eq!(stage.alive().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_in_mid_race_destroys_all_and_says_so() {
    let stage = Stage::new((1..=8).map(|n| host(n).boots(30_000, 500)).collect()).await;
    let run = stage.begin(recipe()).await;
    stage.until(&run, |fact| matches!(fact, FactBody::MachineRented { .. })).await;
    stage.clock.sleep(3_000).await;
    stage.engine.cancel(&run).await.unwrap();
    let story = stage.finish(&run).await;
    assert_eq!(story.exit(), 130);
    assert!(stage.alive().is_empty());
    assert_eq!(
        story.count(|fact| matches!(fact, FactBody::RunCancelled { confirmed: true, .. })),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_lists_fail_names_what_may_run() {
    let stage = Stage::new((1..=5).map(|n| host(n).boots(30_000, 500)).collect()).await;
    let run = stage.begin(recipe()).await;
    stage.until(&run, |fact| matches!(fact, FactBody::MachineRented { lane: LaneNo(5), .. })).await;
    stage.world.add_fault(
        ApiCall::List,
        When::From(1),
        Fault::Status { status: 502, body: String::new() },
    );
    stage.engine.cancel(&run).await.unwrap();
    let story = stage.finish(&run).await;
    assert_eq!(story.exit(), 6);
    assert_eq!(story.view.leftovers.len(), 5, "{:?}", story.view.leftovers);
    // The reaper goes on without the run.
    stage.world.clear_faults();
    stage.clock.sleep(20_000).await;
    assert!(stage.engine.open().await.unwrap().is_empty());
    assert!(stage.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_next_wave_can_be_started_by_hand() {
    let stage = Stage::new((1..=15).map(|n| host(n).boots(30_000, 500)).collect()).await;
    let run = stage.begin(plain()).await;
    stage.until(&run, |fact| matches!(fact, FactBody::MachineRented { .. })).await;
    stage.engine.next_wave(&run).await.unwrap();
    stage.clock.sleep(3_000).await;
    assert_eq!(stage.world.count(ApiCall::Create), 10);
    stage.engine.cancel(&run).await.unwrap();
    stage.finish(&run).await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_is_told_its_step() {
    let stage = Stage::new(vec![host(1).boots(3_000, 12_000), host(2).boots(9_000, 9_000)]).await;
    let story = stage.launch(plain()).await;
    let slow = story.facts.iter().any(|fact| {
        matches!(&fact.body, FactBody::MachineSlow { step: Step::Connect, lane: LaneNo(1), .. })
    });
    assert!(slow, "lane 1 passed its connect deadline and had no replacement");
}

#[tokio::test(start_paused = true)]
async fn history_prefers_fast_hosts_and_rests_bad_ones() {
    let mut hosts: Vec<_> = (1..=12).map(|number| host(number).boots(8_000, 500)).collect();
    hosts[11] = host(12).boots(1_000, 100);
    hosts[0] = host(1).boots(1_000, 500).fate(Fate::Exits { after_ms: 0 });
    let stage = Stage::new(hosts).await;
    let all = stage.launch(Recipe { policy: RacePolicy::AllAtOnce, ..plain() }).await;
    assert_eq!(all.winner_host(), Some(12));
    let machine = all.view.lane(all.winner_lane().unwrap()).unwrap().machine.clone().unwrap();
    stage.engine.destroy(&machine).await.unwrap();
    let second = stage.launch(plain()).await;
    let first_wave: Vec<String> = second
        .view
        .lanes
        .iter()
        .take(5)
        .filter_map(|lane| lane.brief.host.clone())
        .map(|host| host.to_string())
        .collect();
    assert!(first_wave.contains(&"12".to_owned()), "{first_wave:?}");
    assert!(!first_wave.contains(&"1".to_owned()), "{first_wave:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unproved_machine_wins_only_where_the_user_believes_the_first_key() {
    let unproved = || host(1).fate(Fate::NoProof);
    let stage = Stage::new(vec![unproved(), host(2).boots(9_500, 9_000)]).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.reason(1), Some(LostReason::Beaten), "it never counted as connected");
    assert_eq!(story.winner_host(), Some(2));

    let stage = Stage::new(vec![unproved(), host(2).fate(Fate::WrongProof)]).await;
    let settings = Settings { proof: ProofPolicy::FirstUse, ..Settings::default() };
    stage.engine.set_settings(settings).unwrap();
    let story = stage.launch(recipe()).await;
    assert_eq!(story.winner_host(), Some(1));
    let first_use = |fact: &FactBody| {
        matches!(fact, FactBody::MachineConnected { proof: ProofState::FirstUse, .. })
    };
    assert_eq!(story.count(first_use), 1, "shown amber");
}
