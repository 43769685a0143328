//! Somebody sits between the app and a machine, with a host key of their own:
//! the whole engine loses that lane before it has told anything (rules.md T2).

use model::{Code, FactBody, LostReason, Recipe, RunView, Tool};
use practice::workspace::{Size, compare};
use remote::Onstart;

use crate::dialling::one_preflight_of;
use crate::fleet::{Berth, Fleet, begin, finish};
use crate::machine::{Machine, Spec};
use crate::workspace::{Shelf, restic};

/// Reached through the relay alone, and up first.
fn watched(number: u64) -> Berth {
    let mut berth = Berth::new(number, machine());
    berth.host = berth.host.boots(300, 200);
    berth.host.script.direct = false;
    berth
}

/// Whatever tool a launch would take, it could work here.
fn machine() -> Spec {
    Spec { restic: restic(), ..Spec::default() }
}

/// Pre-flights were asked and nothing else, and nothing in them is secret.
fn assert_nothing_heard(machine: &Machine, onstart: &str, secrets: &[String]) {
    let heard = machine.overheard();
    assert!(!heard.is_empty());
    let lane = Onstart::parse(onstart).unwrap();
    let own = lane.secret.hex();
    let key = lane.key.split(' ').nth(1).unwrap().to_owned();
    let ticket = ["X-Amz-Signature", "data_key", "\"plan\""].map(ToOwned::to_owned);
    for command in &heard {
        assert_preflight(command);
        for secret in secrets.iter().chain([&own, &key]).chain(&ticket) {
            assert!(!command.contains(secret.as_str()), "it heard {secret}");
        }
    }
}

/// Or the beginning of one that was given up.
fn assert_preflight(heard: &str) {
    let whole = String::from_utf8(one_preflight_of("/")).unwrap();
    assert!(whole.starts_with(heard), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_through_a_man_in_the_middle_ends_before_anything_is_told() {
    let Some(shelf) = Shelf::of(Size::Small).await else { return };
    for tool in [Tool::Agent, Tool::Restic] {
        let Some(fleet) = Fleet::of(vec![watched(1)]).await else { return };
        let ship = &fleet.ships[&1];
        ship.relay.lead_to(ship.machine.start_middleman());
        let engine = fleet.engine(Some(shelf.storage())).await;
        let run = begin(&engine, Recipe { tool, ..Recipe::default() }).await;
        let facts = finish(&engine, &run).await;
        let view = RunView::replay(run, &facts);
        assert_eq!(view.exit_code(), Some(3), "{:?} {}", view.failure, view.details);
        assert_eq!(view.failure, Some(Code::NoMachineReady));
        assert_eq!(view.lanes[0].reason, Some(LostReason::MachineNotProved));
        assert!(!facts.iter().any(|fact| matches!(
            fact.body,
            FactBody::MachineConnected { .. } | FactBody::WinnerChosen { .. }
        )));
        assert!(fleet.world.alive().is_empty());
        let onstart = &fleet.world.instances()[0].onstart;
        assert_nothing_heard(&ship.machine, onstart, &shelf.secrets());
    }
}

/// The one in the middle is faster, and loses all the same.
#[tokio::test(flavor = "multi_thread")]
async fn another_machine_wins_over_one_behind_a_man_in_the_middle() {
    let Some(shelf) = Shelf::of(Size::Small).await else { return };
    let good = Berth::new(2, machine());
    let Some(fleet) = Fleet::of(vec![watched(1), good]).await else { return };
    let ship = &fleet.ships[&1];
    ship.relay.lead_to(ship.machine.start_middleman());
    let engine = fleet.engine(Some(shelf.storage())).await;
    let run = begin(&engine, Recipe::default()).await;
    let facts = finish(&engine, &run).await;
    let view = RunView::replay(run, &facts);
    assert_eq!(view.exit_code(), Some(0), "{:?} {}", view.failure, view.details);
    let host = |lane: &model::LaneView| lane.brief.host.as_ref().unwrap().as_str().to_owned();
    let winner = view.lane(view.winner.unwrap()).unwrap();
    assert_eq!(host(winner), "2");
    let lost = view.lanes.iter().find(|lane| host(lane) == "1").unwrap();
    assert_eq!(lost.reason, Some(LostReason::MachineNotProved));
    assert!(lost.destroyed_confirmed);
    let watched = fleet.world.instances().into_iter().find(|one| one.host.machine == 1).unwrap();
    assert_nothing_heard(&ship.machine, &watched.onstart, &shelf.secrets());
    let restored = fleet.ships[&2].machine.path("/workspace");
    let differences = compare(&shelf.source(), &restored).unwrap();
    assert!(differences.is_empty(), "{differences}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_way_answers_first_a_man_in_the_middle_of_one_hears_nothing() {
    let mut berth = watched(1);
    berth.host.script.direct = true;
    let Some(fleet) = Fleet::of(vec![berth]).await else { return };
    let ship = &fleet.ships[&1];
    ship.relay.lead_to(ship.machine.start_middleman());
    let engine = fleet.engine(None).await;
    let run = begin(&engine, crate::fleet::plain()).await;
    let facts = finish(&engine, &run).await;
    let view = RunView::replay(run, &facts);
    match view.exit_code() {
        Some(0) => assert_eq!(view.lanes[0].reason, None),
        Some(3) => assert_eq!(view.lanes[0].reason, Some(LostReason::MachineNotProved)),
        other => panic!("{other:?} {:?} {}", view.failure, view.details),
    }
    ship.machine.overheard().iter().for_each(|heard| assert_preflight(heard));
}
