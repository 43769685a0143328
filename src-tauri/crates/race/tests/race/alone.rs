//! Runs that do not begin with a race.

use model::{Code, FactBody, KeepReason, LaneNo, Marks, Money};
use race::{Effect, Ending, Input, RestoreEnd, Resumed, Unsettled};

use crate::table::{Table, machine, ranked, restored};

fn kept(table: &Table, wanted: KeepReason) -> usize {
    table.count(|fact| matches!(fact, FactBody::MachineKept { reason, .. } if *reason == wanted))
}

fn touched(table: &Table) -> bool {
    table.has_effect(|effect| {
        matches!(effect, Effect::Destroy(_) | Effect::Create { .. } | Effect::Settle { .. })
    })
}

#[test]
fn a_restore_of_its_own_reaches_every_mark_and_rents_nothing() {
    for destination in [Some(machine(9)), None] {
        let mut table = Table::restoring(destination.clone());
        assert!(table.has_effect(|effect| *effect == Effect::Install { lane: LaneNo(0) }));
        table.until(500);
        table.install();
        table.until(900);
        table.give([Input::CriticalDone { files: 1, bytes: 1 }]);
        table.until(2_000);
        table.give([restored()]);
        let ready = table.facts.iter().find_map(|(_, fact)| match fact {
            FactBody::RunReady { machine, shell_ms, critical_ms, complete_ms } => {
                Some((machine.clone(), *shell_ms, *critical_ms, *complete_ms))
            }
            _ => None,
        });
        assert_eq!(ready, Some((destination, 0, 900, 2_000)));
        assert_eq!(table.outcome().unwrap().exit, 0);
        assert!(!touched(&table));
        assert_eq!(table.count(|fact| matches!(fact, FactBody::SpendCounted { .. })), 0);
    }
}

/// However it fails, the machine stays.
#[test]
fn a_failed_restore_of_its_own_destroys_nothing() {
    type Trouble<'a> = &'a dyn Fn(&mut Table);
    let stall = |table: &mut Table| table.until(40_000);
    let late = |table: &mut Table| table.until(11_000);
    let faults: [(Trouble<'_>, Code); 4] = [
        (&late, Code::WinnerFailed),
        (
            &|table: &mut Table| {
                table.install();
                stall(table);
            },
            Code::WinnerFailed,
        ),
        (
            &|table: &mut Table| {
                table.install();
                table.give([Input::RunFault { code: Code::PackDamaged, details: "x".into() }]);
            },
            Code::PackDamaged,
        ),
        (
            &|table: &mut Table| {
                table.install();
                let failed = vec!["/a".into()];
                table.give([Input::RestoreDone(RestoreEnd { failed, ..RestoreEnd::default() })]);
            },
            Code::RestoreIncomplete,
        ),
    ];
    for (fail, code) in faults {
        let mut table = Table::restoring(Some(machine(9)));
        fail(&mut table);
        let outcome = table.outcome().unwrap();
        assert_eq!((outcome.ending, outcome.exit), (Ending::Failed(code), 4));
        assert_eq!(kept(&table, KeepReason::NotOfThisRun), 1);
        assert!(!touched(&table));
    }
}

#[test]
fn a_restore_of_its_own_is_refused_and_cancelled_without_a_trace() {
    let mut table = Table::restoring(Some(machine(9)));
    table.install();
    table.give([Input::Cancel]);
    let outcome = table.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.exit), (Ending::Cancelled, 130));
    assert!(!touched(&table));
}

fn resumed(marks: Marks, unsettled: Vec<Unsettled>) -> Resumed {
    Resumed {
        lane: LaneNo(3),
        ranked: ranked(3),
        machine: machine(3),
        marks,
        elapsed_ms: 60_000,
        spent_by_winner: Money::from_micros(3_000),
        spent: Money::from_micros(2_000),
        unsettled,
    }
}

#[test]
fn a_resumed_winner_ends_ready_with_its_old_marks() {
    let shell = Marks { shell_ms: Some(7_000), ..Marks::default() };
    let loser = Unsettled {
        lane: LaneNo(1),
        ranked: ranked(1),
        machine: Some(machine(1)),
        spent: Money::ZERO,
    };
    let mut table = Table::resumed(resumed(shell, vec![loser]));
    table.install();
    table.until(3_000);
    table.give([restored()]);
    assert_eq!(table.outcome(), None, "a loser is not confirmed gone");
    table.give([Input::Gone { lane: LaneNo(1) }]);
    let ready = |fact: &FactBody| {
        matches!(
            fact,
            FactBody::RunReady { shell_ms: 7_000, critical_ms: 63_000, complete_ms: 63_000, .. }
        )
    };
    assert_eq!(table.count(ready), 1);
    assert_eq!(table.outcome().unwrap().exit, 0);
    let spent = table.facts.iter().rev().find_map(|(_, fact)| match fact {
        FactBody::SpendCounted { usd_micros, .. } => Some(*usd_micros),
        _ => None,
    });
    assert!(spent.unwrap() > Money::from_micros(5_000));
}

#[test]
fn a_resumed_winner_that_fails_is_destroyed_unless_work_can_have_begun() {
    let mut table = Table::resumed(resumed(Marks::default(), Vec::new()));
    table.until(11_000);
    assert_eq!(table.condemned().len(), 1);
    assert!(!table.has_effect(|effect| matches!(effect, Effect::Search { .. })), "no second heat");
    table.reap();
    assert_eq!(table.outcome().unwrap().exit, 4);

    let critical = Marks { critical_ms: Some(9_000), ..Marks::default() };
    let mut table = Table::resumed(resumed(critical, Vec::new()));
    table.until(11_000);
    assert_eq!(kept(&table, KeepReason::CriticalRestored), 1);
    assert!(table.condemned().is_empty());
    assert_eq!(table.outcome().unwrap().exit, 4);
}
