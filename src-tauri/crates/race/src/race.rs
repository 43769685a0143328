//! The race itself: from offers to a winner, and from a winner to the end of
//! the run.

use std::collections::BTreeSet;
use std::mem;

use model::{
    BootSign, CloudCall, CloudId, Code, FactBody, LaneNo, LostReason, MachineId, MachineState,
    Marks, Money, Preflight, ProofState, RacePolicy, Rate, Rented, Requirements, Route, Step, Tick,
};

use crate::lane::{Fate, Lane, State};
use crate::pool::Pool;
use crate::queue::Queue;
use crate::winner::{Stage, Winner};
use crate::{
    Answer, Condemned, Effect, Ending, Input, Mode, Outcome, Plan, Ranked, Ranking, Sighting,
};

/// How often the cost is told while something costs money.
const SPEND_EVERY_MS: u64 = 2_000;

/// One run: up to two heats, a winner, its restore, the end.
#[derive(Debug, Clone)]
pub struct Race {
    pub(crate) plan: Plan,
    /// What a machine must have; known with the offers.
    requirements: Requirements,
    pub(crate) now: Tick,
    started: Tick,
    pub(crate) phase: Phase,
    heat: u8,
    /// A spending cap is reached: nothing more is rented.
    capped: bool,
    /// When the first create of this heat was written to a socket.
    t0: Option<Tick>,
    /// When the first create of this heat was handed out.
    first_create: Option<Tick>,
    waves_started: u8,
    /// The one fresh search of this heat was asked for.
    searched: bool,
    searching: bool,
    pool: Pool,
    queues: Vec<Queue>,
    /// Lanes of all heats that started.
    pub(crate) lanes: Vec<Lane>,
    pub(crate) winner: Option<Winner>,
    /// Why the last heat's winner failed.
    pub(crate) fell: Option<(Code, String)>,
    /// What an earlier process of this run took and spent.
    pub(crate) before: Before,
    asleep: Option<Asleep>,
    spend_told: Tick,
    pub(crate) out: Vec<Effect>,
    condemned: Vec<Condemned>,
}

/// What an earlier process of this run took and spent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Before {
    pub(crate) elapsed_ms: u64,
    pub(crate) spent: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waits for offers, credit and repository, or for a heat's fresh search.
    Searching {
        since: Tick,
    },
    Racing,
    /// A winner gets its tool and its snapshot.
    Finishing,
    /// The end is decided; machines are being settled.
    Closing {
        ending: Ending,
        details: String,
        kept: Option<MachineId>,
        since: Tick,
    },
    Over,
}

/// After a gap in time nothing is judged until every cloud was seen again (R14).
#[derive(Debug, Clone)]
struct Asleep {
    unseen: BTreeSet<CloudId>,
    since: Tick,
}

impl Race {
    /// A race at its start: it asks for offers.
    #[must_use]
    pub fn new(plan: Plan, now: Tick) -> (Self, Vec<Effect>) {
        let queues =
            plan.clouds.iter().map(|pace| Queue::new(pace.cloud, pace.create_spacing_ms)).collect();
        let pool = Pool::new(plan.rules.lanes_per_owner);
        let race = Self {
            plan,
            requirements: Requirements::default(),
            now,
            started: now,
            phase: Phase::Searching { since: now },
            heat: 1,
            capped: false,
            t0: None,
            first_create: None,
            waves_started: 0,
            searched: false,
            searching: false,
            pool,
            queues,
            lanes: Vec::new(),
            winner: None,
            fell: None,
            before: Before::default(),
            asleep: None,
            spend_told: now,
            out: Vec::new(),
            condemned: Vec::new(),
        };
        (race, vec![Effect::Search { heat: Some(1) }])
    }

    /// Takes everything that was seen at `now` and says what is to be done.
    /// Inputs handled together are one batch in the sense of R10.
    pub fn handle(&mut self, now: Tick, batch: impl IntoIterator<Item = Input>) -> Vec<Effect> {
        let gap = now.since(self.now);
        self.now = self.now.max(now);
        if gap > self.plan.rules.sleep_gap_ms && self.phase != Phase::Over {
            self.fell_asleep(gap);
        }
        let mut batch: Vec<Input> = batch.into_iter().collect();
        connected_in_lane_order(&mut batch);
        for input in batch {
            self.take(input);
        }
        self.judge();
        self.flush();
        mem::take(&mut self.out)
    }

    /// When to call [`Race::handle`] again at the latest. `None` once over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Tick> {
        if self.phase == Phase::Over {
            return None;
        }
        let rules = &self.plan.rules;
        let mut next = self.now.after(rules.heartbeat_ms);
        let mut at = |tick: Tick| {
            if tick > self.now {
                next = next.min(tick);
            }
        };
        if self.phase == Phase::Racing {
            for lane in &self.lanes {
                if let Some((step, since)) = lane.step() {
                    at(since.after(self.limit(step) + 1));
                }
                if let Some(since) = lane.unknown_since {
                    at(since.after(rules.unknown_limit_ms + 1));
                }
            }
            for queue in &self.queues {
                if let Some(tick) = queue.next_at() {
                    at(tick);
                }
            }
            if let Some(t0) = self.t0 {
                at(t0.after(u64::from(self.waves_started) * rules.wave_gap_ms));
            }
        }
        Some(next)
    }

    /// The run is over and everything that can be settled is.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// The winner's lane and machine, from `winner_chosen` on; lane 0 where
    /// there was no race, no machine for a folder on this computer.
    #[must_use]
    pub fn winner(&self) -> Option<(LaneNo, Option<&MachineId>)> {
        self.winner.as_ref().map(|winner| (winner.lane, winner.machine.as_ref()))
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Tick => {}
            Input::Offers(ranking) => self.offers(ranking),
            Input::Prepared => self.prepared(),
            Input::Refused { code, details } => self.refused(code, details),
            Input::MoreOffers(offers) => self.more_offers(offers),
            Input::CreateSent { lane } => self.create_sent(lane),
            Input::CreateAnswered { lane, answer } => self.create_answered(lane, answer),
            Input::Settled { lane, machine } => self.settled(lane, machine),
            Input::Seen { lane, sighting } => self.seen(lane, &sighting),
            Input::Listed { cloud } => self.listed(cloud),
            Input::Banner { lane } => self.booted(lane, BootSign::Banner),
            Input::Connected { lane, route, proof, host_key, report } => {
                self.connected(lane, route, proof, host_key, report);
            }
            Input::Failed { lane, reason, details } => self.failed(lane, reason, details),
            Input::Gone { lane } => self.gone(lane),
            Input::NextWave => {
                if self.phase == Phase::Racing {
                    self.start_wave();
                }
            }
            Input::Cancel => self.cancel(),
            Input::CapReached { details } => {
                self.capped = true;
                if matches!(self.phase, Phase::Searching { .. } | Phase::Racing) {
                    self.close(Ending::Failed(Code::CapReached), details, LostReason::CapReached);
                }
            }
            Input::Installing { .. }
            | Input::Installed { .. }
            | Input::FellBack { .. }
            | Input::Fronted { .. }
            | Input::RestoreStarted
            | Input::Progress(_)
            | Input::CriticalDone { .. }
            | Input::RestoreDone(_)
            | Input::WinnerFault { .. }
            | Input::RunFault { .. }
            | Input::LinkDown
            | Input::LinkUp => {
                if self.phase == Phase::Finishing {
                    self.take_from_winner(input);
                }
            }
        }
    }

    // ---- offers and heats -------------------------------------------------

    fn offers(&mut self, ranking: Ranking) {
        if !matches!(self.phase, Phase::Searching { .. }) {
            return;
        }
        self.requirements = ranking.requirements;
        self.pool.begin_heat(ranking.offers);
        if self.pool.is_empty() {
            self.refused(Code::NoOffers, "no offer is left that was not tried".to_owned());
            return;
        }
        let first = self.first_lane();
        let last = first + self.plan.rules.lanes - 1;
        self.record(FactBody::OffersRanked {
            found: ranking.found,
            usable: u32::try_from(self.pool.len()).unwrap_or(u32::MAX),
            truncated: ranking.truncated,
            planned: self.pool.preview((first..=last).map(LaneNo)),
            at_most_usd_micros: ranking.at_most,
            took_ms: match self.phase {
                Phase::Searching { since } => self.now.since(since),
                _ => 0,
            },
        });
        self.record(FactBody::HeatStarted { heat: self.heat });
        self.phase = Phase::Racing;
        self.start_wave();
        if self.plan.policy == RacePolicy::AllAtOnce {
            while self.waves_started < self.waves() {
                self.start_wave();
            }
        }
    }

    fn prepared(&mut self) {
        let (Phase::Searching { .. }, Mode::Restore { machine }) = (&self.phase, &self.plan.mode)
        else {
            return;
        };
        let lane = LaneNo(0);
        self.winner = Some(Winner::new(lane, machine.clone(), self.now));
        self.phase = Phase::Finishing;
        self.out.push(Effect::Install { lane });
    }

    fn refused(&mut self, code: Code, details: String) {
        if !matches!(self.phase, Phase::Searching { .. }) {
            return;
        }
        // Where there is no further heat, the run ends of what its winner died of.
        let (code, details) = match (code, self.fell.take()) {
            (Code::NoOffers | Code::PriceCap, Some((fell, why))) => {
                (fell, format!("{why}; no other machine was tried: {details}"))
            }
            _ => (code, details),
        };
        self.close(Ending::Failed(code), details, LostReason::RunEnded);
    }

    fn more_offers(&mut self, offers: Vec<Ranked>) {
        if !mem::take(&mut self.searching) || self.phase != Phase::Racing {
            return;
        }
        self.pool.add(offers);
        let seeking: Vec<LaneNo> = self
            .lanes
            .iter()
            .filter(|lane| lane.state == State::Seeking)
            .map(|lane| lane.no)
            .collect();
        for lane in seeking {
            self.seek_offer(lane);
        }
    }

    pub(crate) fn begin_second_heat(&mut self) {
        self.heat += 1;
        self.t0 = None;
        self.first_create = None;
        self.waves_started = 0;
        self.searched = false;
        self.searching = false;
        self.winner = None;
        self.phase = Phase::Searching { since: self.now };
        self.out.push(Effect::Search { heat: Some(self.heat) });
    }

    pub(crate) const fn another_heat_is_allowed(&self) -> bool {
        self.heat < self.plan.rules.heats && !self.capped
    }

    const fn first_lane(&self) -> u8 {
        (self.heat - 1) * self.plan.rules.lanes + 1
    }

    const fn waves(&self) -> u8 {
        self.plan.rules.lanes.div_ceil(self.plan.rules.wave_lanes)
    }

    // ---- lanes start ------------------------------------------------------

    /// Starts the next wave's lanes that have not started (R1).
    fn start_wave(&mut self) {
        if self.waves_started >= self.waves() {
            return;
        }
        let first = self.first_lane() + self.waves_started * self.plan.rules.wave_lanes;
        let last = (first + self.plan.rules.wave_lanes - 1)
            .min(self.first_lane() + self.plan.rules.lanes - 1);
        self.waves_started += 1;
        let lanes: Vec<LaneNo> =
            (first..=last).map(LaneNo).filter(|no| self.lane(*no).is_none()).collect();
        self.record(FactBody::WaveStarted {
            heat: self.heat,
            wave: self.waves_started,
            lanes: lanes.clone(),
        });
        for lane in lanes {
            self.start_lane(lane, None);
        }
    }

    fn start_lane(&mut self, no: LaneNo, replaces: Option<LaneNo>) {
        self.lanes.push(Lane::new(no, replaces));
        self.lanes.sort_by_key(|lane| lane.no);
        self.seek_offer(no);
    }

    /// Gives the lane the best offer and a place in the create queue (R3).
    fn seek_offer(&mut self, no: LaneNo) {
        if let Some(ranked) = self.pool.take() {
            let cloud = ranked.offer.cloud;
            let Some(lane) = self.lane_mut(no) else { return };
            let brief = ranked.brief(no);
            lane.ranked = Some(ranked);
            lane.state = State::Queued;
            let replaces = lane.replaces;
            self.record(FactBody::LaneStarted { brief, replaces });
            let spacing = self.plan.create_spacing_ms(cloud);
            if let Some(queue) = self.queue_mut(cloud) {
                queue.join(no);
            } else {
                let mut queue = Queue::new(cloud, spacing);
                queue.join(no);
                self.queues.push(queue);
            }
            return;
        }
        if !self.searched {
            self.searched = true;
            self.searching = true;
            self.out.push(Effect::Search { heat: None });
        }
        if self.searching {
            if let Some(lane) = self.lane_mut(no) {
                lane.state = State::Seeking;
            }
            return;
        }
        self.lose(no, Step::Offers, LostReason::NoOffer, String::new());
    }

    /// Lets creates leave their queues.
    fn pump(&mut self) {
        if self.phase != Phase::Racing || self.asleep.is_some() {
            return;
        }
        let now = self.now;
        for index in 0..self.queues.len() {
            while let Some(no) = self.queues.get_mut(index).and_then(|queue| queue.next(now)) {
                let label = self.plan.label(no);
                let Some(lane) = self.lane_mut(no) else { continue };
                let Some(ranked) = &lane.ranked else { continue };
                let offer = Box::new(ranked.offer.clone());
                lane.state = State::Creating { since: now };
                lane.billed_from = Some(now);
                self.first_create.get_or_insert(now);
                self.record(FactBody::MachineRequested {
                    lane: no,
                    cloud: offer.cloud,
                    offer: offer.id.clone(),
                    label: label.clone(),
                });
                self.out.push(Effect::Create { lane: no, offer, label });
            }
        }
    }

    fn create_sent(&mut self, no: LaneNo) {
        let now = self.now;
        let Some(lane) = self.lane_mut(no) else { return };
        if let State::Creating { since } = &mut lane.state {
            *since = now;
            lane.billed_from = Some(now);
            self.t0.get_or_insert(now);
        }
    }

    // ---- answers ----------------------------------------------------------

    fn create_answered(&mut self, no: LaneNo, answer: Answer) {
        let now = self.now;
        let Some(lane) = self.lane(no) else { return };
        let (Some(cloud), Some(ranked)) = (lane.cloud(), lane.ranked.as_ref()) else { return };
        let offer = ranked.offer.id.clone();
        let State::Creating { since } = lane.state else {
            self.create_answered_late(no, cloud, answer);
            return;
        };
        self.t0.get_or_insert(since);
        let took_ms = now.since(since);
        match answer {
            Answer::Rented(machine) => {
                if let Some(queue) = self.queue_mut(cloud) {
                    queue.rented();
                }
                if let Some(lane) = self.lane_mut(no) {
                    lane.state = State::Booting { since: now, machine: machine.clone() };
                }
                self.record(FactBody::MachineRented {
                    lane: no,
                    cloud,
                    machine: machine.clone(),
                    took_ms,
                });
                self.out.push(Effect::Watch { lane: no, cloud, machine });
            }
            Answer::OfferRefused(reason) => {
                let Some(lane) = self.lane_mut(no) else { return };
                lane.refusals += 1;
                lane.billed_from = None;
                lane.state = State::Queued;
                let no_more = lane.refusals > self.plan.rules.retries_after_refusal;
                let details = reason.clone();
                self.record(FactBody::CreateRefused { lane: no, offer, reason, took_ms });
                if no_more {
                    self.lose(no, Step::Create, LostReason::OffersRefused, details);
                } else {
                    self.seek_offer(no);
                }
            }
            Answer::AccountRefused(code, reason) => {
                let Some(lane) = self.lane_mut(no) else { return };
                lane.billed_from = None;
                lane.state = State::Queued;
                let details = reason.clone();
                self.record(FactBody::CreateRefused { lane: no, offer, reason, took_ms });
                self.close(Ending::Failed(code), details, LostReason::RunEnded);
            }
            Answer::Throttled { wait_ms } => {
                if let Some(lane) = self.lane_mut(no) {
                    lane.state = State::Queued;
                    lane.billed_from = None;
                }
                if let Some(queue) = self.queue_mut(cloud) {
                    queue.throttle(no, now.after(wait_ms));
                }
                self.record(FactBody::CloudThrottled {
                    cloud,
                    call: CloudCall::Create,
                    lane: Some(no),
                    wait_ms,
                });
            }
            Answer::RentedButFailed(machine, details) => {
                self.record(FactBody::MachineRented {
                    lane: no,
                    cloud,
                    machine: machine.clone(),
                    took_ms,
                });
                if let Some(lane) = self.lane_mut(no) {
                    lane.state = State::Booting { since: now, machine };
                }
                self.lose_at(no, Step::Create, LostReason::CreateFailedRented, details, took_ms);
            }
            Answer::Unknown(details) => {
                self.lose(no, Step::Create, LostReason::CreateUnknown, details);
            }
        }
    }

    /// An answer for a lane that is out already (R7).
    fn create_answered_late(&mut self, no: LaneNo, cloud: CloudId, answer: Answer) {
        match answer {
            Answer::Rented(machine) | Answer::RentedButFailed(machine, _) => {
                self.turned_up(no, cloud, machine);
            }
            Answer::OfferRefused(_) | Answer::AccountRefused(..) | Answer::Throttled { .. } => {
                self.never_rented(no, cloud);
            }
            Answer::Unknown(_) => {}
        }
    }

    fn settled(&mut self, no: LaneNo, machine: Option<MachineId>) {
        let Some(cloud) = self.lane(no).and_then(Lane::cloud) else { return };
        match machine {
            Some(machine) => self.turned_up(no, cloud, machine),
            None => self.never_rented(no, cloud),
        }
    }

    /// A machine of a create of unknown outcome: destroyed, never raced.
    fn turned_up(&mut self, no: LaneNo, cloud: CloudId, machine: MachineId) {
        let now = self.now;
        let Some(lane) = self.lane_mut(no) else { return };
        let State::Lost { fate, .. } = &mut lane.state else { return };
        if matches!(fate, Fate::Condemned(_) | Fate::Gone) {
            return;
        }
        *fate = Fate::Condemned(machine.clone());
        lane.billed_until = None;
        let took_ms = lane.billed_from.map_or(0, |from| now.since(from));
        self.record(FactBody::MachineRented { lane: no, cloud, machine: machine.clone(), took_ms });
        self.condemned.push(Condemned { lane: no, cloud, machine });
    }

    fn never_rented(&mut self, no: LaneNo, cloud: CloudId) {
        let now = self.now;
        let Some(lane) = self.lane_mut(no) else { return };
        let State::Lost { fate, at, .. } = &mut lane.state else { return };
        if !matches!(fate, Fate::Unknown | Fate::Unconfirmed(None)) {
            return;
        }
        *fate = Fate::Nothing;
        let took_ms = now.since(*at);
        // Nothing was rented, so nothing was spent after all.
        lane.billed_from = None;
        self.record(FactBody::MachineDestroyed {
            lane: no,
            cloud,
            machine: None,
            confirmed: true,
            took_ms,
            usd_micros: Money::ZERO,
        });
    }

    // ---- signs of life ----------------------------------------------------

    fn seen(&mut self, no: LaneNo, sighting: &Sighting) {
        let now = self.now;
        let Some(lane) = self.lane_mut(no) else { return };
        if !matches!(lane.state, State::Booting { .. } | State::Connecting { .. }) {
            return;
        }
        if sighting.state == MachineState::Unknown {
            lane.unknown_since.get_or_insert(now);
        } else {
            lane.unknown_since = None;
        }
        let reason = match sighting.state {
            MachineState::Exited => Some(LostReason::Exited),
            MachineState::Stopped => Some(LostReason::Stopped),
            MachineState::Offline => Some(LostReason::Offline),
            _ if sighting.dead => Some(LostReason::DeadMessage),
            MachineState::Requested
            | MachineState::Created
            | MachineState::Loading
            | MachineState::Running
            | MachineState::Frozen
            | MachineState::Rebooting
            | MachineState::Unknown => None,
        };
        if let Some(reason) = reason {
            self.failed(no, reason, sighting.message.clone());
        } else if sighting.state == MachineState::Running && sighting.addressed {
            self.booted(no, BootSign::List);
        }
    }

    fn booted(&mut self, no: LaneNo, by: BootSign) {
        let now = self.now;
        let Some(lane) = self.lane_mut(no) else { return };
        let State::Booting { since, machine } = &lane.state else { return };
        let took_ms = now.since(*since);
        let machine = machine.clone();
        lane.state = State::Connecting { since: now, machine: machine.clone() };
        lane.slow = None;
        self.record(FactBody::MachineBooted { lane: no, machine, by, took_ms });
    }

    fn connected(
        &mut self,
        no: LaneNo,
        route: Route,
        proof: ProofState,
        host_key: String,
        report: Preflight,
    ) {
        self.booted(no, BootSign::Banner);
        let now = self.now;
        let Some(lane) = self.lane(no) else { return };
        let State::Connecting { since, machine } = &lane.state else { return };
        let took_ms = now.since(*since);
        let machine = machine.clone();
        self.record(FactBody::DeadmanArmed {
            lane: no,
            machine: machine.clone(),
            armed: report.deadman_armed,
        });
        if let Err(reason) = self.requirements.check(&report) {
            self.failed(no, reason, describe(&report));
            return;
        }
        self.record(FactBody::MachineConnected {
            lane: no,
            machine: machine.clone(),
            route,
            proof,
            host_key,
            report,
            took_ms,
        });
        // Whoever is still connecting is in a race without a winner.
        self.win(no, machine);
    }

    fn failed(&mut self, no: LaneNo, reason: LostReason, details: String) {
        let Some(lane) = self.lane(no) else { return };
        let step = match lane.state {
            State::Booting { .. } => Step::Boot,
            State::Connecting { .. } => Step::Connect,
            State::Seeking
            | State::Queued
            | State::Creating { .. }
            | State::Won { .. }
            | State::Lost { .. } => return,
        };
        self.lose(no, step, reason, details);
    }

    fn gone(&mut self, no: LaneNo) {
        let now = self.now;
        let Some(lane) = self.lane_mut(no) else { return };
        let Some(cloud) = lane.cloud() else { return };
        let State::Lost { fate, at, .. } = &mut lane.state else { return };
        let (Fate::Condemned(machine) | Fate::Unconfirmed(Some(machine))) = fate else { return };
        let machine = machine.clone();
        let took_ms = now.since(*at);
        *fate = Fate::Gone;
        lane.billed_until = Some(now);
        let usd_micros = lane.spent(now);
        self.record(FactBody::MachineDestroyed {
            lane: no,
            cloud,
            machine: Some(machine),
            confirmed: true,
            took_ms,
            usd_micros,
        });
    }

    // ---- a lane is lost ---------------------------------------------------

    pub(crate) fn lose(&mut self, no: LaneNo, step: Step, reason: LostReason, details: String) {
        let took_ms =
            self.lane(no).and_then(Lane::step).map_or(0, |(_, since)| self.now.since(since));
        self.lose_at(no, step, reason, details, took_ms);
    }

    pub(crate) fn lose_at(
        &mut self,
        no: LaneNo,
        step: Step,
        reason: LostReason,
        details: String,
        took_ms: u64,
    ) {
        let now = self.now;
        let Some(lane) = self.lane_mut(no) else { return };
        let cloud = lane.cloud();
        let (fate, rented, machine) = match &lane.state {
            State::Seeking | State::Queued => (Fate::Nothing, Rented::No, None),
            State::Creating { .. } => (Fate::Unknown, Rented::Unknown, None),
            State::Booting { machine, .. }
            | State::Connecting { machine, .. }
            | State::Won { machine } => {
                (Fate::Condemned(machine.clone()), Rented::Yes, Some(machine.clone()))
            }
            State::Lost { .. } => return,
        };
        let was_open = !matches!(lane.state, State::Seeking | State::Queued);
        lane.state = State::Lost { reason, at: now, fate };
        lane.unknown_since = None;
        if let Some(queue) = cloud.and_then(|cloud| self.queue_mut(cloud)) {
            queue.leave(no);
        }
        self.record(FactBody::LaneLost {
            lane: no,
            step,
            reason,
            details,
            took_ms,
            rented,
            machine: machine.clone(),
        });
        if was_open {
            self.out.push(Effect::Leave { lane: no });
        }
        match (cloud, rented, machine) {
            (Some(cloud), Rented::Yes, Some(machine)) => {
                self.condemned.push(Condemned { lane: no, cloud, machine });
            }
            (Some(cloud), Rented::Unknown, _) => {
                let label = self.plan.label(no);
                self.out.push(Effect::Settle { lane: no, cloud, label });
            }
            _ => {}
        }
        self.replace(no);
    }

    /// R2: the lane five places on starts at once.
    fn replace(&mut self, lost: LaneNo) {
        if self.phase != Phase::Racing {
            return;
        }
        if let Some(next) = self.replacement(lost)
            && self.lane(next).is_none()
        {
            self.start_lane(next, Some(lost));
        }
    }

    /// The lane that replaces this one, where the heat has it.
    fn replacement(&self, no: LaneNo) -> Option<LaneNo> {
        let next = no.0 + self.plan.rules.wave_lanes;
        (next < self.first_lane() + self.plan.rules.lanes).then_some(LaneNo(next))
    }

    /// R8: lane n+5 has started, or can start now.
    fn can_be_replaced(&self, no: LaneNo) -> bool {
        let Some(next) = self.replacement(no) else { return false };
        self.lane(next).map_or_else(
            || !self.pool.is_empty(),
            |lane| {
                !matches!(
                    lane.state,
                    State::Seeking | State::Lost { reason: LostReason::NoOffer, .. }
                )
            },
        )
    }

    // ---- the end of the race ----------------------------------------------

    /// R10, in one step.
    fn win(&mut self, no: LaneNo, machine: MachineId) {
        let race_ms = self.t0.map_or(0, |t0| self.now.since(t0));
        let Some(lane) = self.lane_mut(no) else { return };
        lane.state = State::Won { machine: machine.clone() };
        let Some(ranked) = &lane.ranked else { return };
        let (cloud, host, owner) =
            (ranked.offer.cloud, ranked.offer.host.clone(), ranked.offer.owner.clone());
        self.phase = Phase::Finishing;
        self.record(FactBody::WinnerChosen {
            lane: no,
            cloud,
            machine: machine.clone(),
            host,
            owner,
            race_ms,
        });
        self.lose_all_racing(LostReason::Beaten);
        self.winner = Some(Winner::new(no, Some(machine), self.now));
        self.tell_spend();
        if self.plan.restores {
            self.out.push(Effect::Install { lane: no });
        } else {
            self.ready();
        }
    }

    fn lose_all_racing(&mut self, reason: LostReason) {
        let racing: Vec<(LaneNo, Step)> = self
            .lanes
            .iter()
            .filter(|lane| lane.is_racing())
            .map(|lane| {
                let step = match lane.state {
                    State::Seeking => Step::Offers,
                    State::Booting { .. } => Step::Boot,
                    State::Connecting { .. } => Step::Connect,
                    State::Queued
                    | State::Creating { .. }
                    | State::Won { .. }
                    | State::Lost { .. } => Step::Create,
                };
                (lane.no, step)
            })
            .collect();
        for (no, step) in racing {
            self.lose(no, step, reason, String::new());
        }
    }

    /// Everything is there.
    pub(crate) fn ready(&mut self) {
        let Some(winner) = &self.winner else { return };
        let since_start = |tick: Option<Tick>| {
            self.before.elapsed_ms + tick.unwrap_or(self.now).since(self.started)
        };
        let Marks { shell_ms, critical_ms, .. } = winner.before;
        let fact = FactBody::RunReady {
            machine: winner.machine.clone(),
            shell_ms: shell_ms.unwrap_or_else(|| since_start(Some(winner.won))),
            critical_ms: critical_ms.unwrap_or_else(|| since_start(winner.critical)),
            complete_ms: since_start(winner.complete),
        };
        let kept = winner.machine.clone();
        self.record(fact);
        self.phase =
            Phase::Closing { ending: Ending::Ready, details: String::new(), kept, since: self.now };
    }

    /// The winner's machine outlives its failed run.
    pub(crate) fn close_keeping_winner(&mut self, code: Code, details: String) {
        let kept = self.winner.as_ref().and_then(|winner| winner.machine.clone());
        self.phase =
            Phase::Closing { ending: Ending::Failed(code), details, kept, since: self.now };
    }

    /// The run ends and nothing is kept.
    pub(crate) fn close(&mut self, ending: Ending, details: String, reason: LostReason) {
        if matches!(self.phase, Phase::Closing { .. } | Phase::Over) {
            return;
        }
        self.phase = Phase::Closing { ending, details, kept: None, since: self.now };
        self.lose_all_racing(reason);
        if let Some(winner) = self.winner.take() {
            let took_ms = self.now.since(winner.won);
            let step = winner.step();
            self.lose_at(winner.lane, step, reason, String::new(), took_ms);
        }
    }

    fn cancel(&mut self) {
        match &self.phase {
            Phase::Searching { .. } | Phase::Racing | Phase::Finishing => {
                self.close(Ending::Cancelled, String::new(), LostReason::Cancelled);
            }
            Phase::Closing { .. } => {
                // The second time: do not wait for confirmations.
                self.give_up_waiting();
            }
            Phase::Over => {}
        }
    }

    // ---- time -------------------------------------------------------------

    fn fell_asleep(&mut self, gap: u64) {
        self.record(FactBody::ClockJumped { gap_ms: gap });
        self.asleep = Some(Asleep {
            unseen: self.plan.clouds.iter().map(|pace| pace.cloud).collect(),
            since: self.now,
        });
        // The race's own clock stands still while nobody can act.
        let shift = |tick: &mut Tick| *tick = tick.after(gap);
        for tick in self.t0.iter_mut().chain(self.first_create.iter_mut()) {
            shift(tick);
        }
        match &mut self.phase {
            Phase::Searching { since } | Phase::Closing { since, .. } => shift(since),
            Phase::Racing | Phase::Finishing | Phase::Over => {}
        }
        if let Some(winner) = &mut self.winner {
            winner.shift(gap);
        }
    }

    fn listed(&mut self, cloud: CloudId) {
        if let Some(asleep) = &mut self.asleep {
            asleep.unseen.remove(&cloud);
            if asleep.unseen.is_empty() {
                self.wake();
            }
        }
    }

    /// Running steps get a fresh deadline (R14).
    fn wake(&mut self) {
        self.asleep = None;
        let now = self.now;
        for lane in &mut self.lanes {
            match &mut lane.state {
                State::Creating { since }
                | State::Booting { since, .. }
                | State::Connecting { since, .. } => *since = now,
                State::Seeking | State::Queued | State::Won { .. } | State::Lost { .. } => {}
            }
            if lane.unknown_since.is_some() {
                lane.unknown_since = Some(now);
            }
        }
    }

    const fn limit(&self, step: Step) -> u64 {
        let deadlines = &self.plan.rules.deadlines;
        match step {
            Step::Offers => deadlines.offers_ms,
            Step::Create => deadlines.create_ms,
            Step::Boot => deadlines.boot_ms,
            Step::Connect => deadlines.connect_ms,
            Step::Install => deadlines.install_ms,
            Step::Restore => deadlines.restore_ms,
        }
    }

    /// Judges everything that depends on the time it is.
    fn judge(&mut self) {
        if let Some(asleep) = &self.asleep {
            // Nobody saw the clouds for as long as a race may take: give up.
            if self.now.since(asleep.since) <= self.plan.rules.race_limit_ms {
                return;
            }
            self.wake();
            if self.phase == Phase::Racing {
                let details = "the clouds did not answer after a pause".to_owned();
                let ending = Ending::Failed(Code::CloudUnreachable);
                self.close(ending, details, LostReason::RunEnded);
            }
        }
        if let Phase::Searching { since } = self.phase
            && self.now.since(since) > self.plan.rules.deadlines.offers_ms
        {
            let details = "offers, credit and repository were not all answered in time".to_owned();
            let ending = Ending::Failed(Code::CloudUnreachable);
            self.close(ending, details, LostReason::RunEnded);
        }
        if self.phase == Phase::Racing {
            self.judge_race();
        }
        if self.phase == Phase::Finishing {
            self.judge_winner();
        }
        if self.lanes.iter().any(Lane::is_billed)
            && self.now.since(self.spend_told) >= SPEND_EVERY_MS
        {
            self.tell_spend();
        }
        self.judge_closing();
    }

    fn judge_race(&mut self) {
        let rules = self.plan.rules;
        // The limit counts from the first create even if nobody ever told us
        // that it reached a socket.
        let t = self.t0.or(self.first_create).map_or(0, |t0| self.now.since(t0));
        if t >= rules.race_limit_ms {
            let details = format!("no machine was ready after {} s", rules.race_limit_ms / 1000);
            let ending = Ending::Failed(Code::NoMachineReady);
            self.close(ending, details, LostReason::OutOfTime);
            return;
        }
        let rented = self.lanes.iter().any(Lane::counts_as_rented);
        if t >= rules.throttle_limit_ms && !rented && self.queues.iter().any(Queue::is_throttled) {
            let details = "the cloud rented nothing for a minute, only \"too many requests\"";
            let ending = Ending::Failed(Code::RateLimited);
            self.close(ending, details.to_owned(), LostReason::RunEnded);
            return;
        }
        while self.waves_started < self.waves()
            && self.t0.is_some_and(|t0| {
                self.now.since(t0) >= u64::from(self.waves_started) * rules.wave_gap_ms
            })
        {
            self.start_wave();
        }
        self.judge_lanes();
        self.pump();
        let alive = self.lanes.iter().any(Lane::is_racing);
        let can_start = self.waves_started < self.waves() && !self.pool.is_empty();
        if !alive && !can_start && self.phase == Phase::Racing {
            let details = "every machine that could be rented is out".to_owned();
            let ending = Ending::Failed(Code::NoMachineReady);
            self.close(ending, details, LostReason::RunEnded);
        }
    }

    fn judge_lanes(&mut self) {
        let rules = self.plan.rules;
        let numbers: Vec<LaneNo> =
            self.lanes.iter().filter(|lane| lane.is_racing()).map(|lane| lane.no).collect();
        for no in numbers {
            let Some(lane) = self.lane(no) else { continue };
            if lane.unknown_since.is_some_and(|at| self.now.since(at) > rules.unknown_limit_ms) {
                self.failed(no, LostReason::UnknownState, "no heartbeat from the host".into());
                continue;
            }
            let Some((step, since)) = lane.step() else { continue };
            let limit_ms = self.limit(step);
            if self.now.since(since) <= limit_ms {
                continue;
            }
            let reason = match step {
                Step::Create => {
                    let details = format!("no answer in {} s", limit_ms / 1000);
                    self.lose(no, step, LostReason::CreateUnknown, details);
                    continue;
                }
                Step::Boot => LostReason::SlowBoot,
                Step::Connect => LostReason::SlowConnect,
                Step::Offers | Step::Install | Step::Restore => continue,
            };
            if self.plan.policy == RacePolicy::Strict && self.can_be_replaced(no) {
                self.lose(no, step, reason, String::new());
            } else if lane.slow != Some(step)
                && let Some(machine) = lane.machine().cloned()
            {
                if let Some(lane) = self.lane_mut(no) {
                    lane.slow = Some(step);
                }
                self.record(FactBody::MachineSlow { lane: no, machine, step, limit_ms });
            }
        }
    }

    fn judge_closing(&mut self) {
        let Phase::Closing { ending, since, .. } = &self.phase else { return };
        let rules = &self.plan.rules;
        let open: Vec<&Lane> = self.lanes.iter().filter(|lane| self.is_open(lane)).collect();
        let late = |lane: &&Lane| {
            let patience = match (&lane.state, ending) {
                // Look-ups by label take their time; only a cancel does not wait for them.
                (State::Lost { fate: Fate::Unknown, .. }, Ending::Ready | Ending::Failed(_)) => {
                    rules.lookup_limit_ms + rules.close_limit_ms
                }
                _ => rules.close_limit_ms,
            };
            self.now.since(*since) >= patience
        };
        if open.is_empty() {
            self.finish();
        } else if open.iter().all(late) {
            self.give_up_waiting();
        }
    }

    /// Something of this lane may still run, and it is not the kept winner.
    fn is_open(&self, lane: &Lane) -> bool {
        let Phase::Closing { kept, .. } = &self.phase else { return false };
        match &lane.state {
            State::Won { machine } => kept.as_ref() != Some(machine),
            _ => !lane.is_settled(),
        }
    }

    /// Names what is not confirmed and ends the run; the reaper goes on.
    fn give_up_waiting(&mut self) {
        let now = self.now;
        let mut facts = Vec::new();
        for lane in &mut self.lanes {
            let cloud = lane.cloud();
            let State::Lost { fate, at, .. } = &mut lane.state else { continue };
            let machine = match fate {
                Fate::Condemned(machine) => Some(machine.clone()),
                Fate::Unknown => None,
                Fate::Nothing | Fate::Gone | Fate::Unconfirmed(_) => continue,
            };
            *fate = Fate::Unconfirmed(machine.clone());
            let took_ms = now.since(*at);
            if let Some(cloud) = cloud {
                facts.push(FactBody::MachineDestroyed {
                    lane: lane.no,
                    cloud,
                    machine,
                    confirmed: false,
                    took_ms,
                    usd_micros: lane.spent(now),
                });
            }
        }
        for fact in facts {
            self.record(fact);
        }
        self.finish();
    }

    fn finish(&mut self) {
        let Phase::Closing { ending, details, kept, .. } =
            mem::replace(&mut self.phase, Phase::Over)
        else {
            return;
        };
        self.tell_spend();
        let leftovers: Vec<String> = self
            .lanes
            .iter()
            .filter_map(|lane| match &lane.state {
                State::Lost { fate: Fate::Unconfirmed(machine), .. } => Some(
                    machine.as_ref().map_or_else(|| self.plan.label(lane.no), ToString::to_string),
                ),
                _ => None,
            })
            .collect();
        let rented = self.lanes.iter().filter(|lane| lane.counts_as_rented()).count();
        let exit = match ending {
            _ if !leftovers.is_empty() => 6,
            Ending::Ready => 0,
            Ending::Failed(code) => code.exit(rented > 0 || kept.is_some(), self.winner.is_some()),
            Ending::Cancelled => 130,
        };
        match ending {
            Ending::Ready => {}
            Ending::Failed(code) => self.record(FactBody::RunFailed {
                code,
                remedy: code.remedy(),
                details,
                rented: u32::try_from(rented).unwrap_or(u32::MAX),
                leftovers: leftovers.clone(),
            }),
            Ending::Cancelled => self.record(FactBody::RunCancelled {
                confirmed: leftovers.is_empty(),
                leftovers: leftovers.clone(),
            }),
        }
        self.out.push(Effect::End(Outcome { ending, exit, leftovers }));
    }

    fn tell_spend(&mut self) {
        self.spend_told = self.now;
        if self.keeps_machine() {
            return;
        }
        let billed: Vec<&Lane> = self.lanes.iter().filter(|lane| lane.is_billed()).collect();
        let price: Rate = billed
            .iter()
            .filter_map(|lane| lane.ranked.as_ref())
            .map(|ranked| ranked.offer.price)
            .sum();
        let fact = FactBody::SpendCounted {
            usd_micros: self.before.spent
                + self.lanes.iter().map(|lane| lane.spent(self.now)).sum::<Money>(),
            machines: u32::try_from(billed.len()).unwrap_or(u32::MAX),
            usd_micros_per_hour: price,
        };
        self.record(fact);
    }

    // ---- small things -----------------------------------------------------

    pub(crate) fn record(&mut self, fact: FactBody) {
        self.out.push(Effect::Record(Box::new(fact)));
    }

    /// Everything condemned in this batch leaves in one bulk call.
    fn flush(&mut self) {
        if !self.condemned.is_empty() {
            let condemned = mem::take(&mut self.condemned);
            self.out.push(Effect::Destroy(condemned));
        }
    }

    pub(crate) const fn stage(&self) -> Option<Stage> {
        match &self.winner {
            Some(winner) => Some(winner.stage),
            None => None,
        }
    }

    fn lane(&self, no: LaneNo) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.no == no)
    }

    pub(crate) fn lane_mut(&mut self, no: LaneNo) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.no == no)
    }

    fn queue_mut(&mut self, cloud: CloudId) -> Option<&mut Queue> {
        self.queues.iter_mut().find(|queue| queue.cloud == cloud)
    }
}

/// R10: of several connected in one batch the lower lane comes first; nothing
/// else changes its place.
fn connected_in_lane_order(batch: &mut [Input]) {
    let lane_of = |input: &Input| match input {
        Input::Connected { lane, .. } => Some(*lane),
        _ => None,
    };
    let places: Vec<usize> =
        (0..batch.len()).filter(|index| lane_of(&batch[*index]).is_some()).collect();
    let mut connected: Vec<Input> = places.iter().map(|index| batch[*index].clone()).collect();
    connected.sort_by_key(lane_of);
    for (index, input) in places.into_iter().zip(connected) {
        batch[index] = input;
    }
}

fn describe(report: &Preflight) -> String {
    let gpus: Vec<String> =
        report.gpus.iter().map(|gpu| format!("{} {} MB", gpu.name, gpu.memory_mb)).collect();
    let skew = report.clock_skew_ms.map_or_else(|| "unknown".into(), |ms| format!("{ms} ms"));
    format!(
        "{} GB free, {}, {}, clock off by {skew}",
        report.disk_free_bytes / 1_000_000_000,
        if gpus.is_empty() { "no GPU".to_owned() } else { gpus.join(", ") },
        report.arch,
    )
}
