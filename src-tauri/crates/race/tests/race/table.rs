//! A race on a table: offers laid out by hand, answers given by hand, every
//! effect and fact kept.

use model::{
    CloudId, FactBody, Gpu, HostId, InstallId, InstallRoute, LaneNo, LostReason, MachineId,
    MachineState, Money, Offer, OfferId, OwnerId, Preflight, ProofState, RacePolicy, RaceRules,
    Rate, Requirements, RestoreTool, Route, RunId, StandingTool, StoreAccess, Tick, Tool,
    Verification,
};
use race::{
    Answer, CloudPace, Condemned, Effect, Input, Mode, Outcome, Plan, Progress, Race, Ranked,
    Ranking, RestoreEnd, Resumed, Sighting,
};

pub fn offer(number: u32) -> Offer {
    Offer {
        cloud: CloudId::Vast,
        id: OfferId::new(format!("{}", 9000 + number)),
        host: Some(HostId::new(format!("{}", 100 + number))),
        owner: Some(OwnerId::new(format!("{}", 10 + number))),
        gpu: "RTX 4090".into(),
        num_gpus: 1,
        gpu_ram_mb: 24_564,
        gpu_mem_bw_gb_s: 900.0,
        compute_cap: 890,
        cuda_max: 12.8,
        driver: "570.86.15".into(),
        dlperf: 80.0,
        tflops: 82.0,
        score: 100.0,
        price: Rate::from_micros_per_hour(360_000),
        gpu_price: Rate::from_micros_per_hour(350_000),
        disk_usd_micros_per_gb_month: 150_000,
        down_usd_micros_per_gb: 2_000,
        up_usd_micros_per_gb: 2_000,
        inet_down_mbps: 900.0,
        inet_up_mbps: 500.0,
        disk_gb: 400.0,
        disk_bw_mb_s: 3_000.0,
        cpu: "EPYC 7543".into(),
        cpu_cores: 16.0,
        cpu_ghz: 2.8,
        cpu_arch: "amd64".into(),
        cpu_ram_mb: 64_000,
        pcie_bw_gb_s: 20.0,
        reliability: 0.99,
        verification: Verification::Verified,
        datacenter: false,
        location: "Wilmington, US".into(),
        country: Some("US".into()),
        direct_ports: 20,
        static_ip: true,
        duration_s: 864_000,
    }
}

pub fn ranked(number: u32) -> Ranked {
    Ranked { offer: offer(number), history: None }
}

pub fn good_report() -> Preflight {
    Preflight {
        disk_free_bytes: 400_000_000_000,
        gpus: vec![Gpu { name: "RTX 4090".into(), memory_mb: 24_564 }],
        arch: "x86_64".into(),
        clock_skew_ms: Some(20),
        deadman_armed: true,
        ..Preflight::default()
    }
}

pub fn plan(policy: RacePolicy) -> Plan {
    Plan {
        install: InstallId::new("k3j5w2ab"),
        run: RunId::new("q7m2x4n6pa"),
        rules: RaceRules::default(),
        policy,
        clouds: vec![CloudPace { cloud: CloudId::Vast, create_spacing_ms: 0 }],
        mode: Mode::Launch,
        restores: true,
        median_launch_ms: None,
    }
}

pub fn requirements() -> Requirements {
    Requirements {
        disk_bytes: 8_000_000_000,
        num_gpus: 1,
        gpu_ram_mb: 24_000,
        cuda_tenths: 0,
        clock_skew_ms: Some(600_000),
    }
}

/// A race with everything it said.
pub struct Table {
    pub race: Race,
    pub now: u64,
    pub facts: Vec<(u64, FactBody)>,
    pub effects: Vec<(u64, Effect)>,
}

impl Table {
    /// A race that waits for offers.
    pub fn empty(plan: Plan) -> Self {
        let (race, effects) = Race::new(plan, Tick(0));
        let mut table = Self { race, now: 0, facts: Vec::new(), effects: Vec::new() };
        table.keep(effects);
        table
    }

    /// A race with this many offers, whose first wave's creates are on the wire.
    pub fn with_offers(policy: RacePolicy, offers: u32) -> Self {
        Self::with_plan(plan(policy), (1..=offers).map(ranked).collect())
    }

    pub fn with_plan(plan: Plan, offers: Vec<Ranked>) -> Self {
        let mut table = Self::empty(plan);
        let found = offers.len() as u32;
        table.give([Input::Offers(Ranking {
            offers,
            found,
            truncated: false,
            at_most: Money::from_micros(75_000),
            requirements: requirements(),
        })]);
        table.send_creates();
        table
    }

    /// A restore of its own, onto this machine or into a folder here.
    pub fn restoring(machine: Option<MachineId>) -> Self {
        let mode = Mode::Restore { machine };
        let mut table = Self::empty(Plan { mode, ..plan(RacePolicy::KeepRacing) });
        table.give([Input::Prepared]);
        table
    }

    /// The winner of a run that lost its process, restored onto again.
    pub fn resumed(resumed: Resumed) -> Self {
        let (race, effects) = Race::resume(plan(RacePolicy::Strict), resumed, Tick(0));
        let mut table = Self { race, now: 0, facts: Vec::new(), effects: Vec::new() };
        table.keep(effects);
        table
    }

    pub fn give(&mut self, inputs: impl IntoIterator<Item = Input>) {
        let effects = self.race.handle(Tick(self.now), inputs);
        self.keep(effects);
    }

    fn keep(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Record(fact) = &effect {
                self.facts.push((self.now, (**fact).clone()));
            }
            self.effects.push((self.now, effect));
        }
    }

    /// Lets time pass to `at`, waking whenever the race asks for it.
    pub fn until(&mut self, at: u64) {
        while let Some(next) = self.race.poll_timeout() {
            if next.0 > at {
                break;
            }
            self.now = self.now.max(next.0);
            self.give([Input::Tick]);
            self.send_creates();
        }
        self.now = self.now.max(at);
        self.give([Input::Tick]);
        self.send_creates();
    }

    /// Every create that was handed out is written to its socket.
    pub fn send_creates(&mut self) {
        let open: Vec<LaneNo> = self
            .effects
            .iter()
            .filter_map(|(at, effect)| match effect {
                Effect::Create { lane, .. } if *at == self.now => Some(*lane),
                _ => None,
            })
            .collect();
        for lane in open {
            self.give([Input::CreateSent { lane }]);
        }
    }

    pub fn rent(&mut self, lane: u8) {
        self.give([Input::CreateAnswered {
            lane: LaneNo(lane),
            answer: Answer::Rented(machine(lane)),
        }]);
    }

    pub fn refuse(&mut self, lane: u8) {
        self.give([Input::CreateAnswered {
            lane: LaneNo(lane),
            answer: Answer::OfferRefused("no_such_ask".into()),
        }]);
        self.send_creates();
    }

    pub fn see(&mut self, lane: u8, state: MachineState) {
        self.give([seen(lane, state)]);
        self.send_creates();
    }

    pub fn boot(&mut self, lane: u8) {
        self.give([Input::Banner { lane: LaneNo(lane) }]);
    }

    pub fn connect(&mut self, lane: u8) {
        self.give([connected(lane)]);
    }

    /// Rented, alive, connected: the lane wins.
    pub fn win(&mut self, lane: u8) {
        self.rent(lane);
        self.boot(lane);
        self.connect(lane);
    }

    pub fn install(&mut self) {
        self.give([installed(), Input::RestoreStarted]);
    }

    pub fn progress(&mut self, bytes_done: u64, eta_ms: Option<u64>) {
        self.give([Input::Progress(Progress {
            files_done: 0,
            bytes_done,
            bytes: 1_000_000,
            bytes_per_s: 1_000,
            eta_ms,
            ..Progress::default()
        })]);
    }

    /// The reaper did its work on everything condemned so far.
    pub fn reap(&mut self) {
        let lanes: Vec<LaneNo> = self.condemned().iter().map(|one| one.lane).collect();
        for lane in lanes {
            self.give([Input::Gone { lane }]);
        }
    }

    pub fn condemned(&self) -> Vec<Condemned> {
        self.effects
            .iter()
            .filter_map(|(_, effect)| match effect {
                Effect::Destroy(condemned) => Some(condemned.clone()),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// Lanes whose create was handed out, with the time.
    pub fn creates(&self) -> Vec<(u64, u8)> {
        self.effects
            .iter()
            .filter_map(|(at, effect)| match effect {
                Effect::Create { lane, .. } => Some((*at, lane.0)),
                _ => None,
            })
            .collect()
    }

    /// Why a lane was lost, and when.
    pub fn lost(&self, lane: u8) -> Option<(u64, LostReason)> {
        self.facts.iter().find_map(|(at, fact)| match fact {
            FactBody::LaneLost { lane: lost, reason, .. } if lost.0 == lane => Some((*at, *reason)),
            _ => None,
        })
    }

    pub fn count(&self, matches: impl Fn(&FactBody) -> bool) -> usize {
        self.facts.iter().filter(|(_, fact)| matches(fact)).count()
    }

    pub fn has_effect(&self, matches: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(|(_, effect)| matches(effect))
    }

    pub fn outcome(&self) -> Option<Outcome> {
        self.effects.iter().find_map(|(_, effect)| match effect {
            Effect::End(outcome) => Some(outcome.clone()),
            _ => None,
        })
    }
}

pub fn machine(lane: u8) -> MachineId {
    MachineId::new(format!("{}", 7000 + u32::from(lane)))
}

pub fn seen(lane: u8, state: MachineState) -> Input {
    Input::Seen {
        lane: LaneNo(lane),
        sighting: Sighting { state, message: String::new(), dead: false, addressed: true },
    }
}

pub fn connected(lane: u8) -> Input {
    connected_with(lane, good_report())
}

pub fn connected_with(lane: u8, report: Preflight) -> Input {
    Input::Connected {
        lane: LaneNo(lane),
        route: Route::Direct,
        proof: ProofState::Proved,
        host_key: "SHA256:q4Xn".into(),
        report,
    }
}

pub fn installed() -> Input {
    Input::Installed {
        standing: StandingTool {
            tool: RestoreTool { tool: Tool::Restic, version: "0.19.1".into() },
            how: InstallRoute::Present,
            sha256: String::new(),
            access: StoreAccess::Own,
        },
        fallback: None,
    }
}

pub fn restored() -> Input {
    Input::RestoreDone(RestoreEnd {
        files: 10,
        bytes: 1_000_000,
        verified: true,
        ..RestoreEnd::default()
    })
}
