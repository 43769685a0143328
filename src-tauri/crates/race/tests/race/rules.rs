//! R1 to R15, one after the other.

use model::{
    Code, FactBody, LaneNo, LostReason, MachineState, OwnerId, Preflight, RacePolicy, Rented, Step,
};
use race::{Answer, Effect, Ending, Input, RestoreEnd};

use crate::table::{
    Table, connected, connected_with, good_report, installed, machine, plan, ranked, restored, seen,
};

fn answered(lane: u8, answer: Answer) -> Input {
    Input::CreateAnswered { lane: LaneNo(lane), answer }
}

#[test]
fn r1_waves_of_five_start_ten_seconds_apart() {
    let mut table = Table::with_offers(RacePolicy::KeepRacing, 20);
    for lane in 1..=15 {
        table.until(if lane <= 5 { 100 } else { table.now });
        if lane <= 5 {
            table.rent(lane);
        }
    }
    table.until(10_500);
    (6..=10).for_each(|lane| table.rent(lane));
    table.until(20_500);
    let expected: Vec<(u64, u8)> =
        (1..=15).map(|lane| (u64::from((lane - 1) / 5) * 10_000, lane)).collect();
    assert_eq!(table.creates(), expected);
}

#[test]
fn r1_the_clock_starts_when_the_first_create_is_written_to_a_socket() {
    let mut table = Table::empty(plan(RacePolicy::KeepRacing));
    table.give([Input::Offers(race::Ranking {
        offers: (1..=20).map(ranked).collect(),
        ..race::Ranking::default()
    })]);
    table.now = 700;
    table.give([Input::CreateSent { lane: LaneNo(1) }]);
    for lane in 1..=5 {
        table.rent(lane);
    }
    table.until(10_699);
    assert_eq!(table.creates().len(), 5);
    table.until(10_700);
    assert_eq!(table.creates().len(), 10);
}

#[test]
fn r1_the_next_wave_can_be_started_early() {
    let mut table = Table::with_offers(RacePolicy::KeepRacing, 20);
    table.until(3_000);
    table.give([Input::NextWave]);
    assert_eq!(table.creates().len(), 10);
    (1..=10).for_each(|lane| table.rent(lane));
    table.until(19_999);
    assert_eq!(table.creates().len(), 10, "wave 2's own tick finds nothing left to start");
    table.until(20_000);
    assert_eq!(table.creates().len(), 15);
}

#[test]
fn r2_a_lost_lane_is_replaced_at_once_and_never_by_a_sixteenth() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(500);
    (1..=5).for_each(|lane| table.rent(lane));
    table.until(2_000);
    table.see(3, MachineState::Exited);
    assert_eq!(table.creates().last(), Some(&(2_000, 8)));
    assert_eq!(
        table.count(
            |fact| matches!(fact, FactBody::LaneStarted { brief, replaces: Some(LaneNo(3)) } if brief.lane == LaneNo(8))
        ),
        1
    );
    table.rent(8);
    table.see(8, MachineState::Exited);
    table.rent(13);
    table.see(13, MachineState::Exited);
    assert!(table.creates().iter().all(|(_, lane)| *lane <= 15));
    table.until(200_000);
    assert_eq!(table.creates().len(), 15);
}

#[test]
fn r2_all_at_once_starts_all_fifteen() {
    let table = Table::with_offers(RacePolicy::AllAtOnce, 20);
    assert_eq!(table.creates(), (1..=15).map(|lane| (0, lane)).collect::<Vec<_>>());
}

#[test]
fn r3_no_host_twice_and_two_lanes_an_owner_while_others_exist() {
    let mut offers: Vec<_> = (1..=12).map(ranked).collect();
    for ranked in offers.iter_mut().take(6) {
        ranked.offer.owner = Some(OwnerId::new("77"));
    }
    // A second ask of host 101, ranked best of all that follow.
    let mut overlap = ranked(1);
    overlap.offer.id = model::OfferId::new("9999");
    offers.insert(1, overlap);
    let table = Table::with_plan(plan(RacePolicy::AllAtOnce), offers);
    let briefs: Vec<(String, String)> = table
        .facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            FactBody::LaneStarted { brief, .. } => Some((
                brief.host.as_ref().unwrap().to_string(),
                brief.owner.as_ref().unwrap().to_string(),
            )),
            _ => None,
        })
        .collect();
    assert_eq!(briefs.len(), 12);
    let mut hosts: Vec<_> = briefs.iter().map(|(host, _)| host).collect();
    hosts.sort();
    hosts.dedup();
    assert_eq!(hosts.len(), 12, "no host twice");
    let first_eight = &briefs[..8];
    assert_eq!(
        first_eight.iter().filter(|(_, owner)| owner == "77").count(),
        2,
        "while six other owners have offers"
    );
    assert_eq!(
        briefs.iter().filter(|(_, owner)| owner == "77").count(),
        6,
        "then their turn comes"
    );
}

#[test]
fn r3_one_fresh_search_then_fewer_lanes() {
    let mut table = Table::with_offers(RacePolicy::AllAtOnce, 7);
    let searches = |table: &Table| {
        table
            .effects
            .iter()
            .filter(|(_, effect)| matches!(effect, Effect::Search { heat: None }))
            .count()
    };
    assert_eq!(searches(&table), 1);
    table.give([Input::MoreOffers(vec![ranked(7), ranked(30)])]);
    table.send_creates();
    assert_eq!(table.creates().len(), 8, "an offer that was used already does not count");
    assert_eq!(searches(&table), 1);
    for lane in 9..=15 {
        assert_eq!(table.lost(lane), Some((0, LostReason::NoOffer)));
    }
}

#[test]
fn r3_the_first_create_waits_for_offers_credit_and_repository() {
    let mut table = Table::empty(plan(RacePolicy::Strict));
    table.until(5_000);
    assert!(table.creates().is_empty());
    table.give([Input::Refused {
        code: Code::RepositoryPasswordWrong,
        details: "wrong password".into(),
    }]);
    let outcome = table.outcome().unwrap();
    assert_eq!(outcome.ending, Ending::Failed(Code::RepositoryPasswordWrong));
    assert_eq!(outcome.exit, 5);
    assert!(table.creates().is_empty());
}

#[test]
fn r4_a_refusal_is_no_loss_but_the_next_offer() {
    let mut table = Table::with_offers(RacePolicy::Strict, 30);
    table.until(300);
    for _ in 0..3 {
        table.refuse(2);
        assert_eq!(table.lost(2), None);
    }
    assert_eq!(table.creates().iter().filter(|(_, lane)| *lane == 2).count(), 4);
    table.refuse(2);
    assert_eq!(table.lost(2), Some((300, LostReason::OffersRefused)));
    assert_eq!(table.creates().last(), Some(&(300, 7)), "the lost lane is replaced");
}

#[test]
fn r4_what_every_offer_would_get_ends_the_run() {
    let credit = || Answer::AccountRefused(Code::CreditTooLow, "insufficient_credit".into());
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.until(300);
    table.give([answered(1, credit())]);
    for lane in 2..=5 {
        table.give([answered(lane, credit())]);
    }
    assert_eq!(table.outcome().unwrap().exit, 5, "nothing was rented");

    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.until(300);
    table.rent(1);
    table.give([answered(2, credit())]);
    (3..=5).for_each(|lane| table.give([answered(lane, credit())]));
    assert_eq!(table.condemned().len(), 1);
    assert_eq!(table.outcome(), None, "not before it is gone");
    table.reap();
    assert_eq!(table.outcome().unwrap().exit, 3);
}

#[test]
fn r5_too_many_requests_is_waited_out_with_the_clock_stopped() {
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.until(200);
    table.give([answered(1, Answer::Throttled { wait_ms: 9_000 })]);
    (2..=5).for_each(|lane| table.rent(lane));
    table.until(9_199);
    assert_eq!(table.creates().len(), 5);
    table.until(9_200);
    assert_eq!(table.creates().last(), Some(&(9_200, 1)), "same lane, same offer");
    table.until(19_000);
    assert_eq!(table.lost(1), None, "its create clock started at 9.2 s");
    table.until(19_300);
    assert_eq!(table.lost(1).unwrap().1, LostReason::CreateUnknown);
}

#[test]
fn r5_a_minute_without_one_rental_is_rate_limited() {
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    let mut seen_creates: Vec<(u64, u8)> = Vec::new();
    while table.outcome().is_none() && table.now < 100_000 {
        let open: Vec<(u64, u8)> =
            table.creates().into_iter().filter(|create| !seen_creates.contains(create)).collect();
        seen_creates.extend(&open);
        for (_, lane) in open {
            table.give([answered(lane, Answer::Throttled { wait_ms: 1_000 })]);
        }
        table.until(table.now + 500);
    }
    let outcome = table.outcome().unwrap();
    assert_eq!(outcome.ending, Ending::Failed(Code::RateLimited));
    assert_eq!(outcome.exit, 3);
    assert!(table.now >= 60_000);
    assert!(table.condemned().is_empty());
}

#[test]
fn r6_an_answer_in_the_deadlines_own_tick_is_in_time() {
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.until(10_000);
    table.rent(1);
    assert_eq!(table.lost(1), None);
    table.now = 10_001;
    table.give([Input::Tick]);
    assert_eq!(table.lost(2), Some((10_001, LostReason::CreateUnknown)));
    table.until(20_000);
    table.boot(1);
    assert_eq!(table.lost(1), None);
    table.until(30_000);
    table.connect(1);
    assert_eq!(table.race.winner().unwrap().0, LaneNo(1));
    table.until(40_000);
    table.install();
    assert_eq!(table.count(|fact| matches!(fact, FactBody::ToolInstalled { .. })), 1);
}

#[test]
fn r7_an_unanswered_create_is_counted_looked_up_and_never_raced() {
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.until(10_100);
    assert_eq!(table.lost(1).unwrap().1, LostReason::CreateUnknown);
    let label = "dumont/k3j5w2ab-q7m2x4n6pa/1";
    assert!(table.has_effect(
        |effect| matches!(effect, Effect::Settle { lane: LaneNo(1), label: wanted, .. } if wanted == label)
    ));
    table.until(14_000);
    table.rent(1);
    assert_eq!(table.condemned().last().unwrap().machine, machine(1));
    table.boot(1);
    table.connect(1);
    assert_eq!(table.race.winner(), None);
}

#[test]
fn r7_an_error_that_names_a_machine_is_rented_destroyed_and_lost() {
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.until(400);
    table.give([answered(1, Answer::RentedButFailed(machine(1), "bid too low".into()))]);
    assert_eq!(table.lost(1), Some((400, LostReason::CreateFailedRented)));
    assert_eq!(table.condemned()[0].machine, machine(1));
}

#[test]
fn r7_look_ups_that_find_nothing_settle_the_lane() {
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.give([answered(1, Answer::Unknown("connection reset".into()))]);
    assert_eq!(
        table.count(|fact| matches!(fact, FactBody::LaneLost { rented: Rented::Unknown, .. })),
        1
    );
    table.until(5_000);
    table.give([Input::Settled { lane: LaneNo(1), machine: None }]);
    assert_eq!(
        table.count(|fact| matches!(
            fact,
            FactBody::MachineDestroyed { machine: None, confirmed: true, .. }
        )),
        1
    );
}

#[test]
fn r8_strict_loses_what_can_be_replaced_and_keeps_what_cannot() {
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.until(1_000);
    (1..=5).for_each(|lane| table.rent(lane));
    table.until(11_000);
    assert_eq!(table.lost(1), None);
    table.until(11_001);
    assert_eq!(table.lost(1), Some((11_001, LostReason::SlowBoot)));
    (6..=10).for_each(|lane| table.rent(lane));
    table.until(20_500);
    (11..=15).for_each(|lane| table.rent(lane));
    table.until(60_000);
    for lane in 11..=15 {
        assert_eq!(table.lost(lane), None, "the last wave has no replacement");
    }
    assert_eq!(
        table.count(|fact| matches!(fact, FactBody::MachineSlow { step: Step::Boot, .. })),
        5
    );
    table.until(180_000);
    assert_eq!(table.lost(11), Some((180_000, LostReason::OutOfTime)));
}

#[test]
fn r8_strict_keeps_a_slow_lane_when_offers_are_used_up() {
    let mut table = Table::with_offers(RacePolicy::Strict, 5);
    table.until(1_000);
    (1..=5).for_each(|lane| table.rent(lane));
    table.until(12_000);
    assert_eq!(table.lost(1), None);
    table.give([Input::MoreOffers(vec![ranked(50)])]);
    table.send_creates();
    assert_eq!(
        table.lost(1),
        Some((12_000, LostReason::SlowBoot)),
        "a replacement turned up, so the deadline counts again"
    );
    assert_eq!(table.lost(2), None);
}

#[test]
fn r8_other_policies_only_mark_slow_lanes() {
    for policy in [RacePolicy::KeepRacing, RacePolicy::AllAtOnce] {
        let mut table = Table::with_offers(policy, 30);
        table.until(500);
        table.rent(1);
        table.until(30_000);
        assert_eq!(table.lost(1), None);
        table.boot(1);
        table.until(45_000);
        let slow = |step| {
            table.count(|fact| {
                matches!(fact, FactBody::MachineSlow { lane: LaneNo(1), step: s, .. } if *s == step)
            })
        };
        assert_eq!((slow(Step::Boot), slow(Step::Connect)), (1, 1));
        table.connect(1);
        assert_eq!(table.race.winner().unwrap().0, LaneNo(1));
    }
}

#[test]
fn r9_what_loses_a_lane_at_once_in_every_policy() {
    for policy in [RacePolicy::Strict, RacePolicy::KeepRacing, RacePolicy::AllAtOnce] {
        let mut table = Table::with_offers(policy, 40);
        table.until(500);
        (1..=5).for_each(|lane| table.rent(lane));
        table.see(1, MachineState::Exited);
        table.see(2, MachineState::Stopped);
        table.see(3, MachineState::Offline);
        table.give([Input::Failed {
            lane: LaneNo(4),
            reason: LostReason::MachineNotProved,
            details: String::new(),
        }]);
        let mut dead = seen(5, MachineState::Created);
        if let Input::Seen { sighting, .. } = &mut dead {
            sighting.dead = true;
        }
        table.give([dead]);
        for (lane, reason) in [
            (1, LostReason::Exited),
            (2, LostReason::Stopped),
            (3, LostReason::Offline),
            (4, LostReason::MachineNotProved),
            (5, LostReason::DeadMessage),
        ] {
            assert_eq!(table.lost(lane), Some((500, reason)));
        }
        assert_eq!(table.condemned().len(), 5);
    }
}

#[test]
fn r9_unknown_loses_only_after_three_seconds() {
    let mut table = Table::with_offers(RacePolicy::KeepRacing, 40);
    table.until(500);
    table.rent(1);
    table.rent(2);
    table.see(1, MachineState::Unknown);
    table.see(2, MachineState::Unknown);
    table.until(2_500);
    table.see(2, MachineState::Loading);
    table.until(3_500);
    assert_eq!(table.lost(1), None);
    table.until(3_501);
    assert_eq!(table.lost(1), Some((3_501, LostReason::UnknownState)));
    assert_eq!(table.lost(2), None);
}

#[test]
fn r9_the_pre_flight_decides() {
    for (report, reason) in [
        (Preflight { disk_free_bytes: 1, ..good_report() }, LostReason::DiskTooSmall),
        (Preflight { gpus: vec![], ..good_report() }, LostReason::TooFewGpus),
        (Preflight { arch: "riscv64".into(), ..good_report() }, LostReason::ForeignArchitecture),
        (Preflight { clock_skew_ms: Some(601_000), ..good_report() }, LostReason::ClockSkew),
    ] {
        let mut table = Table::with_offers(RacePolicy::KeepRacing, 40);
        table.until(500);
        table.rent(1);
        table.boot(1);
        table.give([connected_with(1, report)]);
        assert_eq!(table.lost(1), Some((500, reason)));
        assert_eq!(table.race.winner(), None);
    }
}

#[test]
fn r9_the_list_alone_boots_a_machine_only_with_an_address() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(500);
    table.rent(1);
    let mut addressless = seen(1, MachineState::Running);
    if let Input::Seen { sighting, .. } = &mut addressless {
        sighting.addressed = false;
    }
    table.give([addressless]);
    assert_eq!(table.count(|fact| matches!(fact, FactBody::MachineBooted { .. })), 0);
    table.see(1, MachineState::Running);
    assert_eq!(table.count(|fact| matches!(fact, FactBody::MachineBooted { .. })), 1);
}

#[test]
fn r10_the_lower_lane_of_one_batch_wins_and_the_rest_leave_in_one_call() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    (1..=4).for_each(|lane| table.rent(lane));
    (1..=4).for_each(|lane| table.boot(lane));
    table.until(2_000);
    table.give([connected(4), connected(2)]);
    assert_eq!(table.race.winner().unwrap().0, LaneNo(2));
    assert_eq!(table.count(|fact| matches!(fact, FactBody::WinnerChosen { .. })), 1);
    assert_eq!(table.lost(4), Some((2_000, LostReason::Beaten)));
    let calls: Vec<usize> = table
        .effects
        .iter()
        .filter_map(|(_, effect)| match effect {
            Effect::Destroy(condemned) => Some(condemned.len()),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [3], "one bulk call");
    assert!(
        table.has_effect(|effect| matches!(effect, Effect::Settle { lane: LaneNo(5), .. })),
        "a create in flight goes as R7"
    );
    let before = table.creates().len();
    table.until(30_000);
    assert_eq!(table.creates().len(), before, "no create leaves any more");
}

#[test]
fn r10_a_cancel_handled_earlier_beats_a_connection() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    table.rent(1);
    table.boot(1);
    table.give([Input::Cancel, connected(1)]);
    assert_eq!(table.race.winner(), None);
    assert_eq!(table.lost(1), Some((300, LostReason::Cancelled)));
}

#[test]
fn r11_a_failed_winner_is_replaced_by_a_second_heat_and_no_third() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    table.win(1);
    table.until(10_301);
    assert_eq!(table.lost(1), Some((10_301, LostReason::InstallTooSlow)));
    assert!(table.has_effect(|effect| matches!(effect, Effect::Search { heat: Some(2) })));
    table.give([Input::Offers(race::Ranking {
        offers: (1..=40).map(ranked).collect(),
        ..race::Ranking::default()
    })]);
    table.send_creates();
    let second: Vec<u8> =
        table.creates().iter().map(|(_, lane)| *lane).filter(|lane| *lane > 15).collect();
    assert_eq!(second, [16, 17, 18, 19, 20]);
    table.win(16);
    table.install();
    table.give([Input::WinnerFault { reason: LostReason::DiskFailed, details: String::new() }]);
    assert!(!table.has_effect(|effect| matches!(effect, Effect::Search { heat: Some(3) })));
    (2..=5).chain(17..=20).for_each(|lane| {
        table.give([Input::Settled { lane: LaneNo(lane), machine: None }]);
    });
    table.reap();
    let outcome = table.outcome().unwrap();
    assert_eq!(outcome.ending, Ending::Failed(Code::WinnerFailed));
    assert_eq!(outcome.exit, 4);
}

#[test]
fn r11_without_another_offer_the_run_ends_of_what_its_winner_died_of() {
    let no_offers = Input::Refused { code: Code::NoOffers, details: "all rest".into() };
    for nothing in [Input::Offers(race::Ranking::default()), no_offers] {
        let mut table = Table::with_offers(RacePolicy::Strict, 5);
        table.until(300);
        table.win(1);
        table.install();
        let reason = LostReason::HostKeyChanged;
        table.give([Input::WinnerFault { reason, details: "another key".into() }, nothing]);
        (2..=5).for_each(|lane| table.give([Input::Settled { lane: LaneNo(lane), machine: None }]));
        table.reap();
        let outcome = table.outcome().unwrap();
        assert_eq!((outcome.ending, outcome.exit), (Ending::Failed(Code::HostKeyChanged), 4));
    }
}

#[test]
fn r11_the_link_may_be_gone_for_fifteen_seconds() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    table.win(1);
    table.install();
    table.give([Input::LinkDown]);
    table.until(15_000);
    table.progress(5, None);
    table.give([Input::LinkUp, Input::LinkDown]);
    table.until(30_000);
    assert_eq!(table.lost(1), None);
    table.progress(6, None);
    table.until(30_001);
    assert_eq!(table.lost(1), Some((30_001, LostReason::LinkLost)));
}

#[test]
fn r11_what_no_machine_cures_never_starts_a_heat() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    table.win(1);
    table.install();
    table.give([Input::RunFault { code: Code::PackDamaged, details: "pack 3f2a".into() }]);
    assert!(!table.has_effect(|effect| matches!(effect, Effect::Search { heat: Some(2) })));
    (2..=5).for_each(|lane| table.give([Input::Settled { lane: LaneNo(lane), machine: None }]));
    table.reap();
    let outcome = table.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.exit), (Ending::Failed(Code::PackDamaged), 4));
}

#[test]
fn r11_a_machine_with_its_critical_files_is_kept() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    table.win(1);
    table.install();
    table.give([Input::CriticalDone { files: 3, bytes: 30 }]);
    table.give([Input::RestoreDone(RestoreEnd {
        files: 9,
        bytes: 90,
        verified: false,
        failed: vec!["/a".into()],
        ..RestoreEnd::default()
    })]);
    (2..=5).for_each(|lane| table.give([Input::Settled { lane: LaneNo(lane), machine: None }]));
    assert_eq!(table.count(|fact| matches!(fact, FactBody::MachineKept { .. })), 1);
    assert!(table.condemned().iter().all(|one| one.machine != machine(1)));
    assert_eq!(table.outcome().unwrap().exit, 4);
}

/// A strict race whose lane 1 restores past the deadline, a byte a second.
fn past_the_deadline(
    policy: RacePolicy,
    critical: bool,
    eta: Option<u64>,
    launch: Option<u64>,
) -> Table {
    let mut fixed = plan(policy);
    fixed.median_launch_ms = launch;
    let mut table = Table::with_plan(fixed, (1..=40).map(ranked).collect());
    table.until(300);
    table.win(1);
    table.install();
    if critical {
        table.give([Input::CriticalDone { files: 1, bytes: 1 }]);
    }
    for second in 1..=121 {
        table.until(300 + second * 1_000);
        table.progress(second, eta);
    }
    table
}

#[test]
fn r12_a_restore_past_its_deadline_is_destroyed_under_strict() {
    let table = past_the_deadline(RacePolicy::Strict, false, Some(90_000), Some(40_000));
    assert_eq!(table.lost(1).unwrap().1, LostReason::RestoreTooSlow);
    assert!(table.has_effect(|effect| matches!(effect, Effect::Search { heat: Some(2) })));
    let table = past_the_deadline(RacePolicy::Strict, false, Some(1), None);
    assert!(table.lost(1).is_some(), "without history there is nothing to compare with");
}

#[test]
fn r12_it_goes_on_when_work_can_start_or_the_rest_is_short() {
    let table = past_the_deadline(RacePolicy::Strict, true, None, None);
    assert_eq!(table.lost(1), None);
    let extended = |table: &Table, critical: bool| {
        table.count(|fact| {
            matches!(fact, FactBody::RestoreExtended { critical_done, .. } if *critical_done == critical)
        })
    };
    assert_eq!(extended(&table, true), 1);
    let table = past_the_deadline(RacePolicy::Strict, false, Some(10_000), Some(40_000));
    assert_eq!(table.lost(1), None);
    assert_eq!(extended(&table, false), 1);
}

#[test]
fn r12_other_policies_let_it_finish() {
    let mut table = past_the_deadline(RacePolicy::KeepRacing, false, None, None);
    assert_eq!(table.lost(1), None);
    table.give([restored()]);
    assert_eq!(table.count(|fact| matches!(fact, FactBody::RunReady { .. })), 1);
}

#[test]
fn r12_no_byte_for_twenty_seconds_is_the_machines_fault() {
    let mut table = Table::with_offers(RacePolicy::KeepRacing, 40);
    table.until(300);
    table.win(1);
    table.install();
    table.progress(5, None);
    table.until(20_300);
    table.progress(5, None);
    assert_eq!(table.lost(1), None);
    table.until(20_301);
    assert_eq!(table.lost(1), Some((20_301, LostReason::RestoreStalled)));
}

#[test]
fn r13_a_cancel_destroys_everything_and_waits_for_it() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    table.win(1);
    table.install();
    table.give([Input::CriticalDone { files: 1, bytes: 1 }]);
    (2..=5).for_each(|lane| table.give([Input::Settled { lane: LaneNo(lane), machine: None }]));
    table.give([Input::Cancel]);
    assert!(table.condemned().iter().any(|one| one.machine == machine(1)), "the winner too");
    assert_eq!(table.outcome(), None);
    table.reap();
    let outcome = table.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.exit), (Ending::Cancelled, 130));
    assert_eq!(
        table.count(|fact| matches!(fact, FactBody::RunCancelled { confirmed: true, .. })),
        1
    );
}

#[test]
fn r13_unconfirmed_after_a_minute_is_named_and_exit_6() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    table.rent(1);
    table.give([Input::Cancel]);
    table.until(60_299);
    assert_eq!(table.outcome(), None);
    table.until(60_300);
    let outcome = table.outcome().unwrap();
    assert_eq!(outcome.exit, 6);
    assert_eq!(outcome.leftovers[0], machine(1).to_string());
    assert_eq!(outcome.leftovers.len(), 5, "creates of unknown outcome are named by label");
    assert!(outcome.leftovers[1].starts_with("dumont/k3j5w2ab-"));
}

#[test]
fn r13_a_second_cancel_does_not_wait() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    table.rent(1);
    table.give([Input::Cancel]);
    table.give([Input::Cancel]);
    assert_eq!(table.outcome().unwrap().exit, 6);
    assert_eq!(
        table.count(|fact| matches!(fact, FactBody::MachineDestroyed { confirmed: false, .. })),
        5
    );
}

#[test]
fn r13_a_cancel_before_offers_ends_at_once() {
    let mut table = Table::empty(plan(RacePolicy::Strict));
    table.give([Input::Cancel]);
    assert_eq!(table.outcome().unwrap().exit, 130);
}

#[test]
fn r14_after_a_sleep_nothing_is_judged_until_every_cloud_was_seen() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    (1..=5).for_each(|lane| table.rent(lane));
    // The lid was closed for an hour.
    table.now = 3_600_000;
    table.give([Input::Tick]);
    table.until(3_620_000);
    assert_eq!(table.lost(1), None);
    assert_eq!(table.creates().len(), 5);
    table.give([Input::Listed { cloud: model::CloudId::Vast }]);
    table.until(3_630_000);
    assert_eq!(table.lost(1), None, "a fresh ten seconds");
    table.until(3_630_001);
    assert_eq!(table.lost(1).unwrap().1, LostReason::SlowBoot);
    assert_eq!(table.count(|fact| matches!(fact, FactBody::ClockJumped { .. })), 1);
    let spent = table.facts.iter().rev().find_map(|(_, fact)| match fact {
        FactBody::SpendCounted { usd_micros, .. } => Some(usd_micros.micros()),
        _ => None,
    });
    assert!(spent.unwrap() > 5 * 360_000, "money counts the gap: {spent:?}");
}

#[test]
fn r14_clouds_that_stay_silent_end_the_race() {
    let mut table = Table::with_offers(RacePolicy::Strict, 40);
    table.until(300);
    table.rent(1);
    table.now = 3_600_000;
    table.give([Input::Tick]);
    table.until(3_781_000);
    assert!(table.condemned().iter().any(|one| one.machine == machine(1)));
}

#[test]
fn r15_no_winner_is_exit_3_and_nothing_is_left() {
    let mut table = Table::with_offers(RacePolicy::Strict, 15);
    table.give([Input::MoreOffers(Vec::new())]);
    let mut rented = Vec::new();
    while table.outcome().is_none() && table.now < 400_000 {
        let open: Vec<u8> = table
            .creates()
            .iter()
            .map(|(_, lane)| *lane)
            .filter(|lane| !rented.contains(lane))
            .collect();
        for lane in open {
            rented.push(lane);
            table.rent(lane);
            table.see(lane, MachineState::Exited);
        }
        table.reap();
        table.until(table.now + 1_000);
    }
    let outcome = table.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.exit), (Ending::Failed(Code::NoMachineReady), 3));
    assert!(table.now < 10_000, "nothing alive and no lane can start: no need to wait");
    assert_eq!(rented.len(), 15);
}

#[test]
fn a_run_without_a_snapshot_is_ready_with_its_winner() {
    let mut fixed = plan(RacePolicy::Strict);
    fixed.restores = false;
    let mut table = Table::with_plan(fixed, (1..=20).map(ranked).collect());
    table.until(300);
    table.win(3);
    assert_eq!(table.count(|fact| matches!(fact, FactBody::RunReady { .. })), 1);
    for lane in [1, 2, 4, 5] {
        table.give([Input::Settled { lane: LaneNo(lane), machine: None }]);
    }
    assert_eq!(table.outcome().unwrap().exit, 0);
}

#[test]
fn without_critical_paths_both_marks_are_written() {
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.until(300);
    table.win(1);
    table.give([installed(), Input::RestoreStarted]);
    table.until(5_000);
    table.give([restored()]);
    let order: Vec<&str> = table
        .facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            FactBody::CriticalRestored { .. } => Some("critical"),
            FactBody::RestoreFinished { .. } => Some("finished"),
            FactBody::RunReady { critical_ms, complete_ms, .. } => {
                assert_eq!(critical_ms, complete_ms);
                Some("ready")
            }
            _ => None,
        })
        .collect();
    assert_eq!(order, ["critical", "finished", "ready"]);
}

#[test]
fn a_cap_in_mid_race_destroys_the_racers() {
    let mut table = Table::with_offers(RacePolicy::Strict, 20);
    table.until(300);
    (1..=5).for_each(|lane| table.rent(lane));
    table.give([Input::CapReached { details: "run cap $0.50".into() }]);
    assert_eq!(table.condemned().len(), 5);
    table.reap();
    let outcome = table.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.exit), (Ending::Failed(Code::CapReached), 3));
}
