//! What it costs, and what it may cost.

use model::{Cap, Caps, Code, FactBody, Money, Settings};
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

/// A day, or a month, in which this much was spent already, and a cap that one
/// more run might pass.
async fn spent_before(caps: impl Fn(Money) -> Caps) -> Stage {
    let stage = Stage::new(good(40)).await;
    stage.launch(recipe()).await;
    // The kept winner runs on.
    stage.clock.sleep(1_800_000).await;
    let spent = stage.engine.spend().await.unwrap();
    let bill = stage.world.spent().micros();
    assert!((spent.today.micros() - bill).abs() < bill / 5, "{spent:?}, bill {bill}");
    stage.restart_with(caps(spent.today)).await
}

#[tokio::test(start_paused = true)]
async fn the_caps_of_day_and_month_count_what_was_spent() {
    let one = Money::from_micros(1);
    for (caps, word) in [
        (
            Box::new(|spent| Caps { day: Some(spent + one), ..Caps::default() })
                as Box<dyn Fn(_) -> _>,
            "day",
        ),
        (Box::new(|spent| Caps { month: Some(spent + one), ..Caps::default() }), "month"),
    ] {
        let stage = spent_before(caps).await;
        let before = stage.world.count(ApiCall::Create);
        let story = stage.launch(plain()).await;
        assert_eq!(story.view.failure, Some(Code::CapReached), "{word}");
        assert_eq!(story.exit(), 5);
        assert!(story.view.details.contains(word), "{}", story.view.details);
        assert_eq!(stage.world.count(ApiCall::Create), before, "nothing was rented");
    }
}

/// Machines that never boot, and a cap that the worst case respects when it is
/// pressed and that is lowered while they race.
async fn race_into(caps: impl Fn(Money, Money) -> Caps) -> crate::stage::Story {
    let hosts =
        (1..=20).map(|number| host(number).fate(practice::cloud::Fate::NeverBoots)).collect();
    let stage = Stage::new(hosts).await;
    let run = stage.begin(plain()).await;
    stage.until(&run, |fact| matches!(fact, FactBody::WaveStarted { wave: 2, .. })).await;
    let (spent, view) =
        (stage.engine.spend().await.unwrap(), stage.engine.view(&run).await.unwrap());
    let settings = Settings { caps: caps(view.spent, spent.today), ..Settings::default() };
    stage.engine.set_settings(settings).unwrap();
    let story = stage.finish(&run).await;
    assert!(stage.alive().is_empty());
    assert!(story.all_losers_are_gone());
    story
}

#[tokio::test(start_paused = true)]
async fn each_cap_stops_a_race_in_the_middle() {
    let soon = |spent: Money| Some(spent + Money::from_micros(2_000));
    for (cap, caps) in [
        (
            Cap::Run,
            Box::new(|run, _| Caps { run: soon(run), ..Caps::default() })
                as Box<dyn Fn(Money, Money) -> Caps>,
        ),
        (Cap::Day, Box::new(|_, today| Caps { day: soon(today), ..Caps::default() })),
        (Cap::Month, Box::new(|_, today| Caps { month: soon(today), ..Caps::default() })),
    ] {
        let story = race_into(caps).await;
        assert_eq!(story.view.failure, Some(Code::CapReached), "{cap:?}");
        assert_eq!(story.exit(), 3);
        let of_cap = |reached| {
            move |fact: &FactBody| {
                matches!(fact, FactBody::SpendWarned { cap: of, reached: is, .. }
                    if *of == cap && *is == reached)
            }
        };
        assert_eq!(story.count(of_cap(true)), 1, "{cap:?}: told once");
        let late = story.at(of_cap(true)).unwrap();
        let creates = story.facts.iter().filter(|fact| {
            matches!(fact.body, FactBody::MachineRequested { .. }) && fact.elapsed_ms > late
        });
        assert_eq!(creates.count(), 0, "nothing is rented any more");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cap_never_destroys_a_winner() {
    let stage = Stage::of(Script::of(good(8)), restorer(100_000)).await;
    let run = stage.begin(recipe()).await;
    stage.until(&run, |fact| matches!(fact, FactBody::ToolInstalled { .. })).await;
    let caps = Caps { run: Some(Money::from_micros(3_000)), ..Caps::default() };
    stage.engine.set_settings(Settings { caps, ..Settings::default() }).unwrap();
    let story = stage.finish(&run).await;
    assert_eq!(story.exit(), 0);
    let levels: Vec<bool> = story
        .facts
        .iter()
        .filter_map(|fact| match fact.body {
            FactBody::SpendWarned { reached, .. } => Some(reached),
            _ => None,
        })
        .collect();
    assert_eq!(levels, [false, true], "a warning, then the alarm");
    assert!(story.view.caps[0].reached);
    assert_eq!(stage.alive().len(), 1);
    // Nothing more is rented.
    let refused = stage.launch(plain()).await;
    assert_eq!((refused.view.failure, refused.exit()), (Some(Code::CapReached), 5));
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_everything_on_the_account_must_stay() {
    let dear = host(30).price(8.0);
    let hosts: Vec<_> = good(8).into_iter().chain([dear]).collect();
    let script = Script::of(hosts).credit(Money::from_micros(9_500_000));
    let stage = Stage::of(script, restorer(1_000)).await;
    stage.launch(plain()).await;
    // Somebody else's machine, on the same account, at eight dollars an hour.
    stage.rent(300, "my own").await;
    stage.clock.sleep(700_000).await;
    let story = stage.launch(plain()).await;
    assert_eq!(story.view.failure, Some(Code::CreditTooLow), "{}", story.view.details);
    assert_eq!(story.exit(), 5);
}

#[tokio::test(start_paused = true)]
async fn receipts_equal_the_clouds_own_bill() {
    let stage = Stage::new(good(8)).await;
    let story = stage.launch(recipe()).await;
    assert!(story.view.lanes.iter().all(|lane| !lane.charged), "an estimate until then");
    stage.clock.sleep(120_000).await;
    let view = stage.engine.view(&story.view.run).await.unwrap();
    let mut bills = 0;
    for lane in &view.lanes {
        let Some(machine) = &lane.machine else { continue };
        let bill = stage.world.bill(machine.as_str().parse().unwrap()).unwrap().total();
        if Some(lane.brief.lane) == view.winner {
            continue;
        }
        bills += 1;
        assert!(lane.charged, "{machine}");
        assert!((lane.spent.micros() - bill.micros()).abs() <= 1, "{lane:?}, bill {bill}");
    }
    assert!(bills >= 4);
    // The winner, too, once it is gone.
    let winner = view.lane(view.winner.unwrap()).unwrap().machine.clone().unwrap();
    stage.engine.destroy(&winner).await.unwrap();
    stage.clock.sleep(120_000).await;
    let spend = stage.engine.spend().await.unwrap();
    let bill = stage.world.spent();
    assert!((spend.month.micros() - bill.micros()).abs() <= 10, "{spend:?}, bill {bill}");
    assert_eq!(spend.estimated, Money::ZERO);
    let view = stage.engine.view(&story.view.run).await.unwrap();
    let receipt: Money = view.lanes.iter().map(|lane| lane.spent).sum();
    assert!((receipt.micros() - bill.micros()).abs() <= 10, "{receipt}, bill {bill}");
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
    println!("losers gone after {took:?} ms, the two lists' distance of 2000 ms included");
    assert!(took[took.len() / 2] <= 5_000, "{took:?}");
}
