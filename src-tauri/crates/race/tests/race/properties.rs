//! Whatever happens in whatever order, the promises hold.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    CloudId, Code, FactBody, LaneNo, LostReason, MachineId, MachineState, RacePolicy, Step,
};
use proptest::prelude::*;
use race::{Answer, Effect, Input, Ranking};

use crate::table::{
    Table, connected, connected_with, good_report, installed, plan, ranked, requirements, restored,
    seen,
};

/// What the world does next.
#[derive(Debug, Clone)]
enum Move {
    Wait(u64),
    Answer {
        pick: usize,
        how: How,
    },
    Sent {
        pick: usize,
    },
    Life {
        lane: u8,
        sign: Sign,
    },
    MoreOffers {
        from: u32,
        count: u32,
    },
    SecondHeat {
        count: u32,
    },
    Gone {
        pick: usize,
    },
    Settle {
        pick: usize,
    },
    Winner(WinnerMove),
    Listed,
    NextWave,
    Cancel,
    CapReached,
    /// Two connections in one batch.
    Photo {
        a: u8,
        b: u8,
    },
}

#[derive(Debug, Clone, Copy)]
enum How {
    Rented,
    Refused,
    Account,
    Throttled(u64),
    RentedButFailed,
    Unknown { rented: bool },
}

#[derive(Debug, Clone, Copy)]
enum Sign {
    Banner,
    Connected,
    ConnectedPoor,
    State(MachineState),
    Failed,
}

#[derive(Debug, Clone, Copy)]
enum WinnerMove {
    Installed,
    Started,
    Progress(u64),
    Critical,
    Done,
    Incomplete,
    Fault,
    RunFault,
    LinkDown,
    LinkUp,
}

fn moves() -> impl Strategy<Value = Move> {
    let state = prop_oneof![
        Just(MachineState::Loading),
        Just(MachineState::Running),
        Just(MachineState::Exited),
        Just(MachineState::Unknown),
        Just(MachineState::Offline),
    ];
    let how = prop_oneof![
        6 => Just(How::Rented),
        2 => Just(How::Refused),
        1 => Just(How::Account),
        2 => (0u64..15_000).prop_map(How::Throttled),
        1 => Just(How::RentedButFailed),
        2 => any::<bool>().prop_map(|rented| How::Unknown { rented }),
    ];
    let sign = prop_oneof![
        4 => Just(Sign::Banner),
        2 => Just(Sign::Connected),
        1 => Just(Sign::ConnectedPoor),
        4 => state.prop_map(Sign::State),
        1 => Just(Sign::Failed),
    ];
    let winner = prop_oneof![
        4 => Just(WinnerMove::Installed),
        2 => Just(WinnerMove::Started),
        4 => (0u64..1_000_000).prop_map(WinnerMove::Progress),
        1 => Just(WinnerMove::Critical),
        1 => Just(WinnerMove::Done),
        1 => Just(WinnerMove::Incomplete),
        1 => Just(WinnerMove::Fault),
        1 => Just(WinnerMove::RunFault),
        1 => Just(WinnerMove::LinkDown),
        1 => Just(WinnerMove::LinkUp),
    ];
    prop_oneof![
        12 => (0u64..4_000).prop_map(Move::Wait),
        1 => (0u64..40_000).prop_map(Move::Wait),
        14 => (any::<usize>(), how).prop_map(|(pick, how)| Move::Answer { pick, how }),
        6 => any::<usize>().prop_map(|pick| Move::Sent { pick }),
        14 => (1u8..=30, sign).prop_map(|(lane, sign)| Move::Life { lane, sign }),
        2 => (1u32..60, 0u32..10).prop_map(|(from, count)| Move::MoreOffers { from, count }),
        3 => (0u32..40).prop_map(|count| Move::SecondHeat { count }),
        6 => any::<usize>().prop_map(|pick| Move::Gone { pick }),
        3 => any::<usize>().prop_map(|pick| Move::Settle { pick }),
        6 => winner.prop_map(Move::Winner),
        2 => Just(Move::Listed),
        1 => Just(Move::NextWave),
        1 => Just(Move::Cancel),
        1 => Just(Move::CapReached),
        1 => (1u8..=15, 1u8..=15).prop_map(|(a, b)| Move::Photo { a, b }),
    ]
}

/// The world as it really is, beside the race that only hears of it.
struct World {
    table: Table,
    /// Creates on the wire, not answered: lane and whether a machine was
    /// rented behind the silence.
    open: Vec<u8>,
    /// Machines that really exist.
    alive: BTreeMap<String, u8>,
    /// Creates whose caller does not know what became of them.
    unknown: BTreeMap<u8, Option<String>>,
    to_settle: BTreeSet<u8>,
    seen_effects: usize,
    next_machine: u32,
    ever_rented: BTreeMap<u8, u32>,
    strict: bool,
    sleeping: bool,
}

impl World {
    fn new(policy: RacePolicy, offers: u32, spacing: u64) -> Self {
        let mut fixed = plan(policy);
        fixed.clouds[0].create_spacing_ms = spacing;
        let mut table = Table::empty(fixed);
        table.give([Input::Offers(Ranking {
            offers: (1..=offers).map(ranked).collect(),
            requirements: requirements(),
            ..Ranking::default()
        })]);
        let mut world = Self {
            table,
            open: Vec::new(),
            alive: BTreeMap::new(),
            unknown: BTreeMap::new(),
            to_settle: BTreeSet::new(),
            seen_effects: 0,
            next_machine: 1,
            ever_rented: BTreeMap::new(),
            strict: policy == RacePolicy::Strict,
            sleeping: false,
        };
        world.look();
        world
    }

    fn give(&mut self, inputs: Vec<Input>) {
        self.table.give(inputs);
        self.look();
    }

    fn wait(&mut self, ms: u64) {
        let end = self.table.now + ms;
        while let Some(next) = self.table.race.poll_timeout() {
            if next.0 > end || self.table.race.is_over() {
                break;
            }
            self.table.now = self.table.now.max(next.0);
            self.give(vec![Input::Tick]);
        }
        self.table.now = end;
        self.give(vec![Input::Tick]);
    }

    /// Reads what the race wants and checks every promise that can be checked
    /// from outside.
    fn look(&mut self) {
        let effects: Vec<Effect> = self.table.effects[self.seen_effects..]
            .iter()
            .map(|(_, effect)| effect.clone())
            .collect();
        self.seen_effects = self.table.effects.len();
        for effect in effects {
            match effect {
                Effect::Create { lane, .. } => {
                    assert!(!self.open.contains(&lane.0), "two creates of one lane at a time");
                    assert!(lane.0 >= 1 && lane.0 <= 30);
                    self.open.push(lane.0);
                }
                Effect::Settle { lane, .. } => {
                    self.to_settle.insert(lane.0);
                }
                Effect::Destroy(condemned) => {
                    for one in condemned {
                        let machine = one.machine.to_string();
                        assert!(
                            self.alive.contains_key(&machine),
                            "destroyed twice, or never rented: {machine}"
                        );
                    }
                }
                Effect::Record(_)
                | Effect::Search { .. }
                | Effect::Watch { .. }
                | Effect::Leave { .. }
                | Effect::Install { .. }
                | Effect::Restore { .. } => {}
                Effect::End(outcome) => {
                    let kept = self
                        .table
                        .race
                        .winner()
                        .and_then(|(_, machine)| machine)
                        .map(ToString::to_string);
                    let left = self.alive.keys().filter(|machine| Some(*machine) != kept.as_ref());
                    assert!(
                        !outcome.leftovers.is_empty() || left.count() == 0,
                        "said everything is gone while machines run"
                    );
                }
            }
        }
        self.check();
    }

    fn check(&mut self) {
        let mut winners: BTreeMap<u8, u32> = BTreeMap::new();
        let mut heat = 1;
        let mut since: BTreeMap<u8, (Step, u64)> = BTreeMap::new();
        let mut started: BTreeSet<u8> = BTreeSet::new();
        let mut no_offer: BTreeSet<u8> = BTreeSet::new();
        let mut over = false;
        for (at, fact) in &self.table.facts {
            match fact {
                FactBody::HeatStarted { heat: number } => heat = *number,
                FactBody::WinnerChosen { .. } => {
                    *winners.entry(heat).or_default() += 1;
                    over = true;
                    since.clear();
                }
                FactBody::LaneStarted { brief, .. } => {
                    started.insert(brief.lane.0);
                }
                // Until it finds another offer the lane replaces nobody.
                FactBody::CreateRefused { lane, .. } => {
                    started.remove(&lane.0);
                }
                FactBody::MachineRented { lane, .. } => {
                    since.insert(lane.0, (Step::Boot, *at));
                }
                FactBody::MachineBooted { lane, .. } => {
                    since.insert(lane.0, (Step::Connect, *at));
                }
                FactBody::LaneLost { lane, reason, .. } => {
                    since.remove(&lane.0);
                    if *reason == LostReason::NoOffer {
                        no_offer.insert(lane.0);
                    }
                }
                FactBody::ClockJumped { .. } => self.sleeping = true,
                FactBody::MachineDestroyed { lane, .. } => {
                    since.remove(&lane.0);
                }
                _ => {}
            }
        }
        for (heat, count) in winners {
            assert!(count <= 1, "{count} winners in heat {heat}");
        }
        for heat in [1u8, 2] {
            let lanes = (heat - 1) * 15 + 1..=heat * 15;
            let rented: u32 = self
                .ever_rented
                .iter()
                .filter(|(lane, _)| lanes.contains(lane))
                .map(|(_, n)| n)
                .sum();
            assert!(rented <= 15, "{rented} machines rented in heat {heat}");
        }
        // Sleep hands out fresh deadlines, so only races that never slept are
        // checked against the plain sum.
        if self.strict && !over && !self.sleeping && self.table.outcome().is_none() {
            for (lane, (step, at)) in since {
                let replaced = started.contains(&(lane + 5))
                    && (lane - 1) / 15 == (lane + 4) / 15
                    && !no_offer.contains(&(lane + 5));
                if replaced && self.table.lost(lane).is_none() {
                    assert!(
                        self.table.now - at <= 10_000,
                        "lane {lane} outlived its {step:?} deadline with a replacement"
                    );
                }
            }
        }
    }

    fn rent(&mut self, lane: u8) -> MachineId {
        let machine = format!("{}", 70_000 + self.next_machine);
        self.next_machine += 1;
        self.alive.insert(machine.clone(), lane);
        *self.ever_rented.entry(lane).or_default() += 1;
        MachineId::new(machine)
    }

    fn answer(&mut self, lane: u8, how: How) {
        let answer = match how {
            How::Rented => Answer::Rented(self.rent(lane)),
            How::Refused => Answer::OfferRefused("no_such_ask".into()),
            How::Account => Answer::AccountRefused(Code::CreditTooLow, "no credit".into()),
            How::Throttled(wait_ms) => Answer::Throttled { wait_ms },
            How::RentedButFailed => Answer::RentedButFailed(self.rent(lane), "bid too low".into()),
            How::Unknown { rented } => {
                let machine = rented.then(|| self.rent(lane).to_string());
                self.unknown.insert(lane, machine);
                Answer::Unknown("reset".into())
            }
        };
        self.give(vec![Input::CreateAnswered { lane: LaneNo(lane), answer }]);
    }

    fn step(&mut self, what: &Move) {
        match *what {
            Move::Wait(ms) if ms > 5_000 => {
                // Asleep: nobody wakes the race in between.
                self.table.now += ms;
                self.give(vec![Input::Tick]);
            }
            Move::Wait(ms) => self.wait(ms),
            Move::Answer { pick, how } => {
                if !self.open.is_empty() {
                    let lane = self.open.remove(pick % self.open.len());
                    self.answer(lane, how);
                }
            }
            Move::Sent { pick } => {
                if !self.open.is_empty() {
                    let lane = self.open[pick % self.open.len()];
                    self.give(vec![Input::CreateSent { lane: LaneNo(lane) }]);
                }
            }
            Move::Life { lane, sign } => {
                let input = match sign {
                    Sign::Banner => Input::Banner { lane: LaneNo(lane) },
                    Sign::Connected => connected(lane),
                    Sign::ConnectedPoor => {
                        connected_with(lane, model::Preflight { gpus: vec![], ..good_report() })
                    }
                    Sign::State(state) => seen(lane, state),
                    Sign::Failed => Input::Failed {
                        lane: LaneNo(lane),
                        reason: LostReason::HostKeyChanged,
                        details: String::new(),
                    },
                };
                self.give(vec![input]);
            }
            Move::MoreOffers { from, count } => {
                self.give(vec![Input::MoreOffers((from..from + count).map(ranked).collect())]);
            }
            Move::SecondHeat { count } => {
                self.give(vec![Input::Offers(Ranking {
                    offers: (1..=count).map(ranked).collect(),
                    requirements: requirements(),
                    ..Ranking::default()
                })]);
            }
            Move::Gone { pick } => {
                let condemned = self.condemned_alive();
                if !condemned.is_empty() {
                    let (lane, machine) = condemned[pick % condemned.len()].clone();
                    self.alive.remove(&machine);
                    self.give(vec![Input::Gone { lane: LaneNo(lane) }]);
                }
            }
            Move::Settle { pick } => {
                let lanes: Vec<u8> = self.to_settle.iter().copied().collect();
                if !lanes.is_empty() {
                    self.settle(lanes[pick % lanes.len()]);
                }
            }
            Move::Winner(winner) => self.give(vec![winner_input(winner)]),
            Move::Listed => self.give(vec![Input::Listed { cloud: CloudId::Vast }]),
            Move::NextWave => self.give(vec![Input::NextWave]),
            Move::Cancel => self.give(vec![Input::Cancel]),
            Move::CapReached => self.give(vec![Input::CapReached { details: String::new() }]),
            Move::Photo { a, b } => {
                self.give(vec![connected(a.max(b)), connected(a.min(b))]);
            }
        }
    }

    /// The look-ups by label end with the truth. A create that is still on
    /// the wire is looked up too: the open call is cut, nothing was rented.
    fn settle(&mut self, lane: u8) {
        self.to_settle.remove(&lane);
        self.open.retain(|open| *open != lane);
        let machine = self.unknown.remove(&lane).flatten().map(MachineId::new);
        self.give(vec![Input::Settled { lane: LaneNo(lane), machine }]);
    }

    fn condemned_alive(&self) -> Vec<(u8, String)> {
        self.table
            .condemned()
            .iter()
            .filter(|one| self.alive.contains_key(one.machine.as_str()))
            .map(|one| (one.lane.0, one.machine.to_string()))
            .collect()
    }

    /// From here on the user and the machines are silent; only the reaper and
    /// the look-ups do their duty.
    fn drain_with_reaper(&mut self) {
        for _ in 0..2_000 {
            if self.table.race.is_over() {
                break;
            }
            for (lane, machine) in self.condemned_alive() {
                self.alive.remove(&machine);
                self.give(vec![Input::Gone { lane: LaneNo(lane) }]);
            }
            for lane in self.to_settle.clone() {
                self.settle(lane);
            }
            self.wait(1_000);
        }
    }
}

fn winner_input(winner: WinnerMove) -> Input {
    match winner {
        WinnerMove::Installed => installed(),
        WinnerMove::Started => Input::RestoreStarted,
        WinnerMove::Progress(bytes_done) => Input::Progress(race::Progress {
            bytes_done,
            bytes: 1_000_000,
            ..race::Progress::default()
        }),
        WinnerMove::Critical => Input::CriticalDone { files: 1, bytes: 1 },
        WinnerMove::Done => restored(),
        WinnerMove::Incomplete => Input::RestoreDone(race::RestoreEnd::default()),
        WinnerMove::Fault => {
            Input::WinnerFault { reason: LostReason::DiskFailed, details: String::new() }
        }
        WinnerMove::RunFault => Input::RunFault { code: Code::PackDamaged, details: String::new() },
        WinnerMove::LinkDown => Input::LinkDown,
        WinnerMove::LinkUp => Input::LinkUp,
    }
}

fn policies() -> impl Strategy<Value = RacePolicy> {
    prop_oneof![
        3 => Just(RacePolicy::Strict),
        1 => Just(RacePolicy::KeepRacing),
        1 => Just(RacePolicy::AllAtOnce),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// Never two winners a heat, never over the cap, no lane with a
    /// replacement outlives a deadline under `strict` (all checked after
    /// every input), and in the end nothing is alive but a kept winner.
    #[test]
    fn every_machine_ends_gone_or_is_the_winner(
        policy in policies(),
        offers in 1u32..40,
        spacing in prop_oneof![Just(0u64), Just(150)],
        moves in prop::collection::vec(moves(), 0..160),
    ) {
        let mut world = World::new(policy, offers, spacing);
        for what in &moves {
            world.step(what);
        }
        world.drain_with_reaper();
        prop_assert!(world.table.race.is_over(), "the race never ends");
        let outcome = world.table.outcome().expect("an end");
        let kept = world.table.race.winner().and_then(|(_, machine)| machine).map(ToString::to_string);
        for (lane, machine) in world.condemned_alive() {
            world.alive.remove(&machine);
            world.give(vec![Input::Gone { lane: LaneNo(lane) }]);
        }
        for lane in world.to_settle.clone() {
            world.settle(lane);
        }
        for (_, machine) in world.condemned_alive() {
            world.alive.remove(&machine);
        }
        let left: Vec<&String> =
            world.alive.keys().filter(|machine| Some(*machine) != kept.as_ref()).collect();
        prop_assert!(left.is_empty(), "left behind: {left:?}, outcome {outcome:?}");
        if outcome.exit == 0 {
            prop_assert!(kept.is_some());
        }
    }

    /// With no further input at all the timeouts alone lead to an end.
    #[test]
    fn the_timeouts_alone_lead_to_an_end(
        policy in policies(),
        offers in 1u32..40,
        moves in prop::collection::vec(moves(), 0..80),
    ) {
        let mut world = World::new(policy, offers, 150);
        for what in &moves {
            world.step(what);
        }
        let mut wakes = 0;
        while let Some(next) = world.table.race.poll_timeout() {
            prop_assert!(next.0 > world.table.now || wakes == 0, "the race spins");
            world.table.now = world.table.now.max(next.0);
            world.give(vec![Input::Tick]);
            wakes += 1;
            prop_assert!(wakes < 20_000, "no end after {wakes} wakes");
        }
        prop_assert!(world.table.outcome().is_some());
    }

    /// After the end, after a cancel and after a win, nothing is rented.
    #[test]
    fn nothing_is_rented_after_a_win_or_a_cancel(
        policy in policies(),
        moves in prop::collection::vec(moves(), 0..120),
    ) {
        let mut world = World::new(policy, 40, 150);
        for what in &moves {
            world.step(what);
        }
        let mut closed = false;
        for (_, effect) in &world.table.effects {
            match effect {
                Effect::Record(fact) => match **fact {
                    FactBody::WinnerChosen { .. }
                    | FactBody::LaneLost { reason: LostReason::Cancelled, .. }
                    | FactBody::RunFailed { .. }
                    | FactBody::RunCancelled { .. } => closed = true,
                    FactBody::HeatStarted { .. } => closed = false,
                    _ => {}
                },
                Effect::Create { .. } => prop_assert!(!closed, "a create after the end"),
                _ => {}
            }
        }
    }
}
