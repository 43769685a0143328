//! The actor: one loop that owns every run. Whatever happens anywhere reaches
//! it as an [`Event`] of a closed list; it asks the pure races and carries out
//! what they want. It never waits for the world.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent::RawPath;
use clouds::{Charge, Listed};
use model::{
    Addresses, AppError, At, CloudId, Code, FactBody, GuardView, InstallId, Label, LaneNo,
    LaunchRequest, LostReason, MachineId, MachineState, ProofPolicy, ProofState, RacePolicy,
    Recipe, RestoreDestination, RestoreRequest, RunId, SnapshotSelector, Tick, Tool,
};
use race::{
    Answer, CloudPace, Condemned, Effect, Ending, Input, Mode, Outcome, Plan, Race, Ranking,
    Sighting,
};
use remote::{Expect, Identity};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use crate::context::Context;
use crate::ids::fresh_run;
use crate::lane::{self, Dialled, Lane};
use crate::lease::Leased;
use crate::ledger::{Intent, LedgerError, Rental};
use crate::links;
use crate::order::order;
use crate::orphans::Orphans;
use crate::prepare::{Prepared, RestorePlan, plan_restore, prepare, search_again};
use crate::reaper::{Reaper, Sight};
use crate::restore::{self, Bench, Here, Standing};
use crate::run::{Run, Script, Seat, Story};
use crate::spend::Warned;
use crate::survey::{self, Asked, Tower};
use crate::vault::SecretName;

/// A machine that lists had and then miss for this long has vanished.
const VANISHED_AFTER_MS: u64 = 2_000;
/// Events handled in one batch at most (rules.md R10).
const BATCH: usize = 256;
/// A nap longer than this is no nap of ours: the computer slept (R14).
const SLEPT_MS: u64 = 5_000;
/// Paths that may wait to be moved to the front.
const FRONT: usize = 16;

/// Everything that can happen.
pub(crate) enum Event {
    Request(Request),
    Prepared { run: RunId, result: Result<(Arc<Prepared>, Ranking), AppError> },
    Searched { run: RunId, heat: Option<u8>, result: Result<Ranking, AppError> },
    CreateSent { run: RunId, lane: LaneNo },
    CreateAnswered { run: RunId, lane: LaneNo, answer: Answer },
    Banner { run: RunId, lane: LaneNo },
    Reached { run: RunId, lane: LaneNo, result: Dialled },
    ToolStands { run: RunId, lane: LaneNo, standing: Standing },
    Seated { run: RunId, result: Result<Box<Seated>, AppError> },
    Winner { run: RunId, lane: LaneNo, input: Box<Input> },
    ScriptStarted { run: RunId, problem: Option<String> },
    Attached { run: RunId, result: Result<Box<(LaunchRequest, Seated)>, AppError> },
    Leased(Leased),
    Charged { cloud: CloudId, charges: Vec<Charge> },
    Sight { cloud: CloudId, sight: Sight },
}

/// What a run without a race needs.
pub(crate) struct Seated {
    pub(crate) plan: RestorePlan,
    /// Absent: this computer.
    pub(crate) seat: Option<Seat>,
}

/// What a [`crate::Handle`] asks for.
pub(crate) enum Request {
    Launch { request: Box<LaunchRequest>, reply: oneshot::Sender<Result<RunId, AppError>> },
    Restore { request: Box<RestoreRequest>, reply: oneshot::Sender<Result<RunId, AppError>> },
    Front { run: RunId, path: RawPath, reply: oneshot::Sender<bool> },
    Watch { run: RunId, reply: oneshot::Sender<Option<Watched>> },
    Cancel { run: RunId },
    NextWave { run: RunId },
    Destroy { cloud: CloudId, machine: MachineId, reply: oneshot::Sender<Result<(), AppError>> },
    Survey { install: Option<InstallId>, reply: oneshot::Sender<Result<(), AppError>> },
    Guard { reply: oneshot::Sender<GuardView> },
    Live { reply: oneshot::Sender<Option<RunId>> },
    Open { reply: oneshot::Sender<Vec<String>> },
}

/// A live run's state and the facts to come.
pub(crate) struct Watched {
    pub(crate) view: model::RunView,
    pub(crate) facts: mpsc::Receiver<model::Fact>,
}

/// Somebody waits for a machine's end.
struct Awaited {
    cloud: CloudId,
    machine: MachineId,
    reply: oneshot::Sender<Result<(), AppError>>,
}

pub(crate) struct Actor {
    pub(crate) context: Arc<Context>,
    pub(crate) install: InstallId,
    pub(crate) events: mpsc::Sender<Event>,
    inbox: mpsc::Receiver<Event>,
    pub(crate) reapers: BTreeMap<CloudId, Reaper>,
    pub(crate) runs: BTreeMap<RunId, Run>,
    pub(crate) orphans: Orphans,
    pub(crate) towers: BTreeMap<CloudId, Tower>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) next_survey: Tick,
    pub(crate) next_leases: Tick,
    pub(crate) next_charges: Tick,
    /// Machines destroyed by hand whose end somebody waits for.
    awaited: Vec<Awaited>,
    /// When this last worked.
    awake: Tick,
}

impl Actor {
    /// Reads the ledger, starts the reapers and sets them to what an earlier
    /// process left.
    pub(crate) fn new(
        context: Arc<Context>,
        install: InstallId,
        events: mpsc::Sender<Event>,
        inbox: mpsc::Receiver<Event>,
        sights: &mpsc::UnboundedSender<(CloudId, Sight)>,
    ) -> Result<Self, LedgerError> {
        let reapers: BTreeMap<CloudId, Reaper> = context
            .clouds
            .iter()
            .map(|cloud| {
                let sights = sights.clone();
                let tell = move |cloud, sight| {
                    let _ = sights.send((cloud, sight));
                };
                (cloud.id(), Reaper::start(Arc::clone(cloud), context.clock.clone(), tell))
            })
            .collect();
        let next_survey = context.clock.now().after(survey::FIRST_MS);
        let mut actor = Self {
            context,
            install,
            events,
            inbox,
            reapers,
            runs: BTreeMap::new(),
            orphans: Orphans::default(),
            towers: BTreeMap::new(),
            asked: Vec::new(),
            next_survey,
            next_leases: next_survey,
            next_charges: next_survey,
            awaited: Vec::new(),
            awake: Tick(0),
        };
        if actor.context.attends {
            let now = actor.context.clock.wall();
            let recovery = actor.orphans.take_over(&actor.context.ledger, now)?;
            actor.recover(recovery);
        } else {
            let never = Tick(u64::MAX);
            (actor.next_survey, actor.next_leases, actor.next_charges) = (never, never, never);
        }
        Ok(actor)
    }

    pub(crate) async fn work(mut self, mut sights: mpsc::UnboundedReceiver<(CloudId, Sight)>) {
        let mut batch = Vec::new();
        loop {
            let chores = self.next_survey.min(self.next_leases).min(self.next_charges);
            let wake = self.runs.values().filter_map(Run::wake_at).min();
            let wake = wake.unwrap_or(chores).min(chores);
            let clock = self.context.clock.clone();
            tokio::select! {
                received = self.inbox.recv_many(&mut batch, BATCH) => if received == 0 { return },
                Some((cloud, sight)) = sights.recv() => {
                    batch.push(Event::Sight { cloud, sight });
                }
                () = clock.sleep_until(wake) => {}
            }
            while let Ok((cloud, sight)) = sights.try_recv() {
                batch.push(Event::Sight { cloud, sight });
            }
            for event in batch.drain(..) {
                if let Err(error) = self.take(event) {
                    self.ledger_failed(&error);
                }
            }
            self.ask_races();
            let now = self.context.clock.now();
            // Whoever slept knows nothing of what happened meanwhile.
            let slept = now.since(self.awake) > SLEPT_MS && now.since(wake) > SLEPT_MS;
            self.awake = now;
            if let Err(error) = self.do_chores(now, slept) {
                self.ledger_failed(&error);
            }
        }
    }

    /// What comes round again and again.
    fn do_chores(&mut self, now: Tick, slept: bool) -> Result<(), LedgerError> {
        if self.context.attends && (slept || now >= self.next_survey) {
            self.survey();
        }
        if now >= self.next_leases || (self.context.attends && slept) {
            self.renew_leases()?;
        }
        if now >= self.next_charges {
            self.ask_charges()?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), LedgerError> {
        match event {
            Event::Request(request) => self.request(request)?,
            Event::Prepared { run, result } => self.prepared(&run, result)?,
            Event::Searched { run, heat, result } => {
                let input = match (heat, result) {
                    (Some(_), Ok(ranking)) => Input::Offers(ranking),
                    (Some(_), Err(error)) => {
                        Input::Refused { code: error.code, details: error.details }
                    }
                    (None, Ok(ranking)) => Input::MoreOffers(ranking.offers),
                    (None, Err(error)) => {
                        debug!(%error, "the fresh search brought nothing");
                        Input::MoreOffers(Vec::new())
                    }
                };
                self.give(&run, input);
            }
            Event::CreateSent { run, lane } => self.give(&run, Input::CreateSent { lane }),
            Event::CreateAnswered { run, lane, answer } => {
                self.create_answered(&run, lane, answer)?;
            }
            Event::Banner { run, lane } => self.give(&run, Input::Banner { lane }),
            Event::Reached { run, lane, result } => self.reached(&run, lane, *result)?,
            Event::ToolStands { run, lane, standing } => {
                if let Some(run) = self.winner_of(&run, lane) {
                    run.standing = Some(standing);
                }
            }
            Event::Seated { run, result } => self.seated(&run, result)?,
            Event::Winner { run, lane, input } => {
                if let Some(run) = self.winner_of(&run, lane) {
                    run.inbox.push(*input);
                }
            }
            Event::ScriptStarted { run, problem } => self.script_started(&run, problem)?,
            Event::Attached { run, result } => self.attached(&run, result)?,
            Event::Leased(leased) => self.leased(&leased)?,
            Event::Charged { cloud, charges } => self.charged(cloud, &charges)?,
            Event::Sight { cloud, sight } => self.saw(cloud, sight)?,
        }
        Ok(())
    }

    pub(crate) fn give(&mut self, run: &RunId, input: Input) {
        if let Some(run) = self.runs.get_mut(run) {
            run.inbox.push(input);
        }
    }

    /// The run, if this lane is its winner now: a task of an earlier winner
    /// has nothing to say any more.
    fn winner_of(&mut self, run: &RunId, lane: LaneNo) -> Option<&mut Run> {
        self.runs.get_mut(run).filter(|run| run.race.winner().is_some_and(|(no, _)| no == lane))
    }

    fn prepared(
        &mut self,
        id: &RunId,
        result: Result<(Arc<Prepared>, Ranking), AppError>,
    ) -> Result<(), LedgerError> {
        let (prepared, ranking) = match result {
            Ok(all) => all,
            Err(error) => {
                self.give(id, Input::Refused { code: error.code, details: error.details });
                return Ok(());
            }
        };
        let planned = prepared.restore.as_ref().map(restore::planned);
        if let Some(run) = self.runs.get_mut(id) {
            run.plan.clone_from(&prepared.restore);
            if let Some(plan) = run.plan.as_ref().filter(|_| run.request.recipe.tool == Tool::Agent)
            {
                restore::lay_out(&self.context, plan);
            }
            run.prepared = Some(prepared);
            run.inbox.push(Input::Offers(ranking));
        }
        match planned {
            Some(fact) => self.record(id, fact),
            None => Ok(()),
        }
    }

    /// The machine of a restore of its own is reached and the plan made.
    fn seated(
        &mut self,
        id: &RunId,
        result: Result<Box<Seated>, AppError>,
    ) -> Result<(), LedgerError> {
        match result {
            Ok(seated) => {
                let Seated { plan, seat } = *seated;
                let planned = restore::planned(&plan);
                if let Some(run) = self.runs.get_mut(id) {
                    run.plan = Some(plan);
                    run.seat = seat;
                    run.inbox.push(Input::Prepared);
                }
                self.record(id, planned)
            }
            Err(error) => {
                self.give(id, Input::Refused { code: error.code, details: error.details });
                Ok(())
            }
        }
    }

    // ---- requests ---------------------------------------------------------

    fn request(&mut self, request: Request) -> Result<(), LedgerError> {
        match request {
            Request::Launch { request, reply } => {
                let started = self.launch(*request);
                let _ = reply.send(started);
            }
            Request::Restore { request, reply } => {
                let started = self.begin_restore(*request);
                let _ = reply.send(started);
            }
            Request::Front { run, path, reply } => {
                let front = self.runs.get(&run).and_then(|run| run.front.clone());
                let _ = reply.send(front.is_some_and(|front| front.try_send(path).is_ok()));
            }
            Request::Watch { run, reply } => {
                let watched = self
                    .runs
                    .get_mut(&run)
                    .map(|run| Watched { view: run.story.view.clone(), facts: run.story.watch() });
                let _ = reply.send(watched);
            }
            Request::Cancel { run } => self.give(&run, Input::Cancel),
            Request::NextWave { run } => self.give(&run, Input::NextWave),
            Request::Destroy { cloud, machine, reply } => self.destroy(cloud, machine, reply)?,
            Request::Survey { install, reply } => {
                let left = self.reapers.keys().copied().collect();
                self.asked.push(Asked { install, left, failures: 0, reply });
                self.survey();
            }
            Request::Guard { reply } => {
                let _ = reply.send(self.guard());
            }
            Request::Live { reply } => {
                let live = self.runs.iter().find(|(_, run)| !run.story.view.phase.is_over());
                let _ = reply.send(live.map(|(id, _)| id.clone()));
            }
            Request::Open { reply } => {
                let _ = reply.send(self.orphans.open());
            }
        }
        Ok(())
    }

    fn launch(&mut self, request: LaunchRequest) -> Result<RunId, AppError> {
        request.recipe.check()?;
        self.context.some_cloud()?;
        let identity = fresh_identity()?;
        let context = &self.context;
        let (id, at, now) = (fresh_run(), context.clock.wall(), context.clock.now());
        context.ledger.begin_run(&id, at, context.practice, &request.recipe)?;
        let ready = context.ledger.ready_times()?;
        let mode = Mode::Launch;
        let policy = request.recipe.policy;
        let plan = Plan {
            restores: request.recipe.snapshot != SnapshotSelector::None,
            median_launch_ms: crate::ledger::quantile(&ready, 0.5),
            ..self.race_plan(id.clone(), mode, policy)
        };
        self.begin(plan, request, identity, None, (at, now))
    }

    /// A restore that no race precedes.
    fn begin_restore(&mut self, request: RestoreRequest) -> Result<RunId, AppError> {
        let context = &self.context;
        let mut recipe = context.recipe(request.recipe.as_deref())?;
        recipe.snapshot = request.snapshot;
        recipe.tool = request.tool;
        recipe.policy = RacePolicy::KeepRacing;
        recipe.critical = request.critical;
        recipe.target = request.target.unwrap_or_else(|| "/".into());
        recipe.check()?;
        if recipe.snapshot == SnapshotSelector::None {
            return Err(AppError::new(Code::Usage, "a restore needs a snapshot"));
        }
        let machine = match &request.destination {
            RestoreDestination::Machine { machine } => Some(machine.clone()),
            RestoreDestination::Local { .. } => None,
        };
        if let Some(machine) = &machine {
            let busy = self.runs.values().any(|run| {
                !run.story.view.phase.is_over()
                    && run.race.winner().is_some_and(|(_, at)| at == Some(machine))
            });
            if busy {
                let details = format!("another run restores onto {machine}");
                return Err(AppError::new(Code::RunInProgress, details));
            }
        }
        let (id, at, now) = (fresh_run(), context.clock.wall(), context.clock.now());
        context.ledger.begin_run(&id, at, context.practice, &recipe)?;
        let mode = Mode::Restore { machine };
        let plan = self.race_plan(id, mode, recipe.policy);
        let launch = LaunchRequest { recipe, only_offers: Vec::new() };
        // Never used: the machine knows the key of the run that rented it.
        let identity = fresh_identity()?;
        let destination = Some((request.destination, request.include));
        self.begin(plan, launch, identity, destination, (at, now))
    }

    pub(crate) fn race_plan(&self, run: RunId, mode: Mode, policy: RacePolicy) -> Plan {
        let context = &self.context;
        let pace = |cloud: &Arc<dyn clouds::Cloud>| CloudPace {
            cloud: cloud.id(),
            create_spacing_ms: u64::try_from(cloud.capabilities().create_spacing.as_millis())
                .unwrap_or(0),
        };
        Plan {
            install: self.install.clone(),
            run,
            rules: context.rules,
            policy,
            clouds: context.clouds.iter().map(pace).collect(),
            mode,
            restores: true,
            median_launch_ms: None,
        }
    }

    fn begin(
        &mut self,
        plan: Plan,
        request: LaunchRequest,
        identity: Identity,
        restore: Option<(RestoreDestination, Vec<String>)>,
        (at, now): (At, Tick),
    ) -> Result<RunId, AppError> {
        let id = plan.run.clone();
        let context = &self.context;
        let (race, effects) = Race::new(plan, now);
        let recipe = &request.recipe;
        let (destination, include) = restore.unzip();
        let started = FactBody::RunStarted {
            recipe: recipe.name.clone(),
            title: recipe.title.clone(),
            policy: recipe.policy,
            tool: recipe.tool,
            practice: context.practice,
            destination: destination.clone(),
        };
        let mut run = Run {
            request,
            race,
            prepared: None,
            identity,
            lanes: BTreeMap::new(),
            plan: None,
            standing: None,
            seat: None,
            destination,
            include: include.unwrap_or_default(),
            script: Script::None,
            warned: Warned::default(),
            front: None,
            stop: CancellationToken::new(),
            started: now,
            elapsed_before_ms: 0,
            inbox: Vec::new(),
            story: Story::new(id.clone(), at),
        };
        run.story.tell(&context.ledger, at, 0, started)?;
        info!(run = %id, "a run begins");
        let rents = run.destination.is_none();
        self.runs.insert(id.clone(), run);
        if rents {
            self.keep_run_key(&id);
        }
        self.carry_out(&id, effects)?;
        Ok(id)
    }

    /// A machine destroyed by hand. A racer or a winner at work is destroyed
    /// by cancelling its run.
    fn destroy(
        &mut self,
        cloud: CloudId,
        machine: MachineId,
        reply: oneshot::Sender<Result<(), AppError>>,
    ) -> Result<(), LedgerError> {
        let at_work = self.runs.values_mut().find(|run| run.lane_of(&machine).is_some());
        match at_work {
            Some(run) if !run.story.view.phase.is_over() => run.inbox.push(Input::Cancel),
            Some(_) | None => {
                let ledger = &self.context.ledger;
                ledger.condemn([(cloud, machine.clone())], self.context.clock.wall())?;
                if let Some(rental) = ledger.rental(cloud, &machine)?
                    && !self.runs.contains_key(&rental.run)
                {
                    // Whoever condemns a machine drives its run to the end.
                    ledger.drive(&rental.run)?;
                    self.orphans.adopt_run(ledger, &rental.run)?;
                }
                if let Some(reaper) = self.reapers.get(&cloud) {
                    reaper.condemn(vec![machine.clone()]);
                }
            }
        }
        self.awaited.push(Awaited { cloud, machine, reply });
        Ok(())
    }

    // ---- what was seen ----------------------------------------------------

    fn create_answered(
        &mut self,
        id: &RunId,
        lane: LaneNo,
        answer: Answer,
    ) -> Result<(), LedgerError> {
        if let Some(run) = self.runs.get(id) {
            let settles = !matches!(answer, Answer::Unknown(_));
            let reaper = run.lanes.get(&lane).and_then(|lane| self.reapers.get(&lane.cloud));
            if settles && let Some(reaper) = reaper {
                reaper.stop_looking_up(self.label(id, lane));
            }
            self.give(id, Input::CreateAnswered { lane, answer });
            return Ok(());
        }
        // The run is over; its ledger rows are not.
        let at = self.context.clock.wall();
        let found =
            self.context.ledger.rentals_of(id)?.into_iter().rfind(|rental| rental.lane == lane);
        let Some(rental) = found else { return Ok(()) };
        match answer {
            Answer::Rented(machine) | Answer::RentedButFailed(machine, _) => {
                self.orphans.found(&self.context.ledger, id, lane, rental.cloud, &machine, at)?;
                if let Some(reaper) = self.reapers.get(&rental.cloud) {
                    reaper.stop_looking_up(rental.label);
                    reaper.condemn(vec![machine]);
                }
            }
            Answer::OfferRefused(_) | Answer::AccountRefused(..) | Answer::Throttled { .. } => {
                self.orphans.not_found(&self.context.ledger, id, lane, at)?;
            }
            Answer::Unknown(_) => {}
        }
        Ok(())
    }

    fn reached(
        &mut self,
        id: &RunId,
        no: LaneNo,
        result: Result<remote::Reached, remote::RemoteError>,
    ) -> Result<(), LedgerError> {
        let wall = self.context.clock.wall();
        let practice = self.context.practice;
        let Some(run) = self.runs.get_mut(id) else { return Ok(()) };
        let Some(lane) = run.lanes.get_mut(&no) else { return Ok(()) };
        match result {
            Ok(reached) => {
                let mut report = reached.report.preflight;
                report.clock_skew_ms = reached
                    .report
                    .clock_unix_ms
                    .map(|machine| machine - wall.unix_ms())
                    // A scaled practice world runs ahead of its machines.
                    .filter(|_| !practice || (self.context.clock.scale() - 1.0).abs() < 0.01);
                let connection = reached.connection;
                if let Some(machine) = &lane.machine {
                    let key = connection.host_key().to_openssh().unwrap_or_default();
                    self.context.ledger.pin(lane.cloud, machine, &key)?;
                }
                let input = Input::Connected {
                    lane: no,
                    route: connection.route(),
                    proof: if reached.proved { ProofState::Proved } else { ProofState::FirstUse },
                    host_key: connection.fingerprint(),
                    report: report.clone(),
                };
                lane.connection = Some(connection);
                lane.report = report;
                run.inbox.push(input);
            }
            Err(error) => {
                let reason = match error {
                    remote::RemoteError::HostKeyChanged { .. } => LostReason::HostKeyChanged,
                    _ => LostReason::MachineNotProved,
                };
                run.inbox.push(Input::Failed { lane: no, reason, details: error.to_string() });
            }
        }
        Ok(())
    }

    fn saw(&mut self, cloud: CloudId, sight: Sight) -> Result<(), LedgerError> {
        let at = self.context.clock.wall();
        match sight {
            Sight::Listed(machines) => {
                let now = self.context.clock.now();
                for run in self.runs.values_mut() {
                    read_list(run, cloud, &machines, now);
                    run.inbox.push(Input::Listed { cloud });
                }
            }
            Sight::Gone(machine) => {
                self.context.ledger.gone(cloud, &machine, at)?;
                self.charge_is_due();
                for run in self.runs.values_mut() {
                    if let Some(lane) = run.lane_of(&machine) {
                        run.inbox.push(Input::Gone { lane });
                    }
                }
                if let Some(rental) = self.context.ledger.rental(cloud, &machine)? {
                    self.orphans.gone(&self.context.ledger, &rental, at)?;
                    let run = self.context.ledger.rentals_of(&rental.run)?;
                    let is_over = run.iter().all(Rental::is_over);
                    if is_over && !self.runs.contains_key(&rental.run) {
                        self.forget(&rental.run, Some(&machine));
                    }
                }
                let (done, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.awaited)
                    .into_iter()
                    .partition(|awaited| awaited.cloud == cloud && awaited.machine == machine);
                self.awaited = open;
                for awaited in done {
                    let _ = awaited.reply.send(Ok(()));
                }
            }
            Sight::Found { label, machine } => {
                let Ok(Label { run, lane, .. }) = label.parse() else { return Ok(()) };
                if self.runs.contains_key(&run) {
                    self.give(&run, Input::Settled { lane, machine: Some(machine) });
                } else {
                    self.orphans.found(&self.context.ledger, &run, lane, cloud, &machine, at)?;
                    if let Some(reaper) = self.reapers.get(&cloud) {
                        reaper.condemn(vec![machine]);
                    }
                }
            }
            Sight::NotFound { label } => {
                let Ok(Label { run, lane, .. }) = label.parse() else { return Ok(()) };
                if self.runs.contains_key(&run) {
                    self.give(&run, Input::Settled { lane, machine: None });
                } else {
                    self.orphans.not_found(&self.context.ledger, &run, lane, at)?;
                }
            }
            Sight::Surveyed(machines) => self.surveyed(cloud, &machines)?,
            Sight::SurveyFailed(error) => self.survey_failed(cloud, &error),
            Sight::Throttled { call, wait_ms } => {
                let fact = FactBody::CloudThrottled { cloud, call, lane: None, wait_ms };
                let ids: Vec<RunId> = self.runs.keys().cloned().collect();
                for id in ids {
                    self.record(&id, fact.clone())?;
                }
            }
        }
        Ok(())
    }

    // ---- races ------------------------------------------------------------

    fn ask_races(&mut self) {
        let now = self.context.clock.now();
        let due: Vec<RunId> = self
            .runs
            .iter()
            .filter(|(_, run)| {
                !run.inbox.is_empty() || run.wake_at().is_some_and(|wake| wake <= now)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            let Some(run) = self.runs.get_mut(&id) else { continue };
            let inbox = std::mem::take(&mut run.inbox);
            let effects = run.race.handle(now, inbox);
            if let Err(error) = self.carry_out(&id, effects) {
                self.ledger_failed(&error);
            }
        }
    }

    pub(crate) fn carry_out(
        &mut self,
        id: &RunId,
        effects: Vec<Effect>,
    ) -> Result<(), LedgerError> {
        for effect in effects {
            match effect {
                Effect::Record(fact) => self.record(id, *fact)?,
                Effect::Search { heat } => self.search(id, heat),
                Effect::Create { lane, offer, label } => self.create(id, lane, &offer, &label)?,
                Effect::Watch { lane, cloud, machine } => self.watch(id, lane, cloud, machine),
                Effect::Leave { lane } => self.leave(id, lane),
                Effect::Settle { cloud, label, .. } => {
                    if let Some(reaper) = self.reapers.get(&cloud) {
                        reaper.look_up(label, self.context.rules.lookup_limit_ms);
                    }
                }
                Effect::Destroy(condemned) => self.condemn(condemned)?,
                Effect::Install { lane } => self.install(id, lane),
                Effect::Restore { lane } => self.restore(id, lane),
                Effect::End(outcome) => self.end(id, &outcome)?,
            }
        }
        Ok(())
    }

    pub(crate) fn record(&mut self, id: &RunId, fact: FactBody) -> Result<(), LedgerError> {
        let (at, now) = (self.context.clock.wall(), self.context.clock.now());
        let Some(run) = self.runs.get_mut(id) else { return Ok(()) };
        run.keep(&self.context.ledger, at, &fact)?;
        if let FactBody::WinnerChosen { cloud, machine, .. } = &fact {
            self.first_lease(id, *cloud, machine);
        }
        if let FactBody::RunReady { machine: Some(_), .. } = &fact {
            self.start_ready_script(id);
        }
        let Some(run) = self.runs.get_mut(id) else { return Ok(()) };
        let elapsed_ms = run.elapsed_before_ms + now.since(run.started);
        let counted = match &fact {
            FactBody::SpendCounted { usd_micros, .. } => Some(*usd_micros),
            _ => None,
        };
        run.story.tell(&self.context.ledger, at, elapsed_ms, fact)?;
        match counted {
            Some(spent) => self.mind_caps(id, spent),
            None => Ok(()),
        }
    }

    /// The run's key goes into the keychain before anything is rented, so that
    /// whatever process comes later can reach the winner.
    fn keep_run_key(&self, id: &RunId) {
        let Some(run) = self.runs.get(id) else { return };
        let Ok(secret) = run.identity.to_secret() else { return };
        let (vault, name) = (Arc::clone(&self.context.vault), SecretName::RunKey(id.clone()));
        tokio::spawn(async move {
            if let Err(error) = vault.set(&name, secret).await {
                error!(%error, "the run's key could not be kept");
            }
        });
    }

    fn search(&self, id: &RunId, heat: Option<u8>) {
        let Some(run) = self.runs.get(id) else { return };
        let destination = run.destination.clone().map(|to| (to, run.include.clone()));
        let (context, events) = (Arc::clone(&self.context), self.events.clone());
        let (request, prepared, run) = (run.request.clone(), run.prepared.clone(), id.clone());
        if let Some((destination, include)) = destination {
            tokio::spawn(async move {
                let result = seat(&context, &request.recipe, &destination, &include).await;
                let result = result.map(Box::new);
                let _ = events.send(Event::Seated { run, result }).await;
            });
            return;
        }
        tokio::spawn(async move {
            let event = match prepared {
                None => {
                    let result = prepare(&context, &request).await;
                    Event::Prepared { run, result }
                }
                Some(prepared) => {
                    let result = search_again(&context, &request, &prepared).await;
                    Event::Searched { run, heat, result }
                }
            };
            let _ = events.send(event).await;
        });
    }

    /// The intent is on the disk before the call leaves.
    fn create(
        &mut self,
        id: &RunId,
        no: LaneNo,
        offer: &model::Offer,
        label: &str,
    ) -> Result<(), LedgerError> {
        let at = self.context.clock.wall();
        let Some(run) = self.runs.get_mut(id) else { return Ok(()) };
        let Some(cloud) = self.context.cloud(offer.cloud) else { return Ok(()) };
        let Some(prepared) = &run.prepared else { return Ok(()) };
        let recipe = &run.request.recipe;
        let lane = Lane::new(offer, &recipe.image, run.stop.child_token());
        let of_lane = (label.to_owned(), lane.secret.clone(), run.identity.public());
        let order = order(&self.context, cloud.as_ref(), prepared, recipe, offer, of_lane);
        let order = match order {
            Ok(order) => order,
            Err(error) => {
                let answer = Answer::AccountRefused(error.code, error.details);
                run.inbox.push(Input::CreateAnswered { lane: no, answer });
                return Ok(());
            }
        };
        let intent = Intent { run: id, lane: no, label, offer, at };
        if let Err(error) = self.context.ledger.intend(&intent) {
            // Nothing may be rented; the lane is told so, as by the cloud.
            let code = model::Code::LedgerUnusable;
            let answer = Answer::AccountRefused(code, error.to_string());
            run.inbox.push(Input::CreateAnswered { lane: no, answer });
            return Err(error);
        }
        run.lanes.insert(no, lane);
        lane::create(Arc::clone(cloud), order, id.clone(), no, self.events.clone());
        Ok(())
    }

    fn watch(&mut self, id: &RunId, no: LaneNo, cloud: CloudId, machine: MachineId) {
        let Some(run) = self.runs.get_mut(id) else { return };
        let Some(lane) = run.lanes.get_mut(&no) else { return };
        lane.machine = Some(machine.clone());
        if let Some(reaper) = self.reapers.get(&cloud) {
            reaper.watch();
        }
        let stop = lane.stop.clone();
        if let Some(cloud) = self.context.cloud(cloud) {
            lane::attach_key(
                Arc::clone(cloud),
                self.context.clock.clone(),
                machine,
                &run.identity,
                stop.clone(),
            );
        }
        let dial = lane::dialling(
            Arc::clone(&self.context.transport),
            &self.context.clock,
            &run.identity,
            match self.context.settings.get().proof {
                ProofPolicy::Require => Expect::Proof(lane.secret.clone()),
                ProofPolicy::FirstUse => Expect::FirstUse(lane.secret.clone()),
            },
            &run.request.recipe.target,
        );
        let addresses = lane.addresses.subscribe();
        lane::dial(dial, addresses, id.clone(), no, stop, self.events.clone());
    }

    fn leave(&mut self, id: &RunId, no: LaneNo) {
        let Some(run) = self.runs.get_mut(id) else { return };
        let Some(lane) = run.lanes.get_mut(&no) else { return };
        lane.stop.cancel();
        lane.connection = None;
        if lane.machine.is_some()
            && let Some(reaper) = self.reapers.get(&lane.cloud)
        {
            reaper.unwatch();
        }
    }

    /// From the ledger's word on nothing stops it.
    fn condemn(&self, condemned: Vec<Condemned>) -> Result<(), LedgerError> {
        let mut by_cloud: BTreeMap<CloudId, Vec<MachineId>> = BTreeMap::new();
        for one in condemned {
            by_cloud.entry(one.cloud).or_default().push(one.machine);
        }
        let all = by_cloud
            .iter()
            .flat_map(|(cloud, machines)| machines.iter().map(|machine| (*cloud, machine.clone())));
        let written = self.context.ledger.condemn(all, self.context.clock.wall());
        // A ledger that cannot be written is no reason to let machines run.
        for (cloud, machines) in by_cloud {
            if let Some(reaper) = self.reapers.get(&cloud) {
                reaper.condemn(machines);
            }
        }
        written
    }

    /// What a task on the winner needs, and the way to say what is wanted first.
    pub(crate) fn bench(&mut self, id: &RunId, no: LaneNo) -> Option<Bench> {
        let run = self.runs.get_mut(id)?;
        let (connection, dial, addresses, report, stop) = if let Some(seat) = &run.seat {
            let (connection, dial) = (seat.connection.clone(), seat.dial.clone());
            let stop = run.stop.child_token();
            (connection, dial, seat.addresses.subscribe(), seat.report.clone(), stop)
        } else {
            let lane = run.lanes.get(&no)?;
            let connection = lane.connection.clone()?;
            let dial = lane::dialling(
                Arc::clone(&self.context.transport),
                &self.context.clock,
                &run.identity,
                Expect::Pinned(connection.host_key().clone()),
                &run.request.recipe.target,
            );
            let addresses = lane.addresses.subscribe();
            (connection, dial, addresses, lane.report.clone(), lane.stop.clone())
        };
        let (front, wanted) = mpsc::channel(FRONT);
        run.front = Some(front);
        Some(Bench {
            context: Arc::clone(&self.context),
            run: id.clone(),
            lane: no,
            connection,
            dial,
            addresses,
            report,
            stop,
            events: self.events.clone(),
            front: wanted,
        })
    }

    fn install(&mut self, id: &RunId, no: LaneNo) {
        let Some(run) = self.runs.get_mut(id) else { return };
        let (Some(plan), tool) = (run.plan.clone(), run.request.recipe.tool) else { return };
        if let Some(RestoreDestination::Local { folder }) = &run.destination {
            let (front, wanted) = mpsc::channel(FRONT);
            run.front = Some(front);
            restore::restore_here(Here {
                context: Arc::clone(&self.context),
                run: id.clone(),
                folder: folder.into(),
                plan,
                tool,
                stop: run.stop.child_token(),
                events: self.events.clone(),
                front: wanted,
            });
            return;
        }
        if let Some(bench) = self.bench(id, no) {
            restore::spawn(bench, "install", move |bench| restore::install(bench, plan, tool));
        }
    }

    fn restore(&mut self, id: &RunId, no: LaneNo) {
        let Some(run) = self.runs.get(id) else { return };
        // On this computer one task does both.
        let (Some(plan), Some(standing)) = (run.plan.clone(), run.standing.clone()) else { return };
        let Some(bench) = self.bench(id, no) else { return };
        restore::spawn(bench, "restore", move |bench| restore::restore(bench, plan, standing));
    }

    /// The recipe's own script, on a machine that is ready. The run is not over
    /// before it was started.
    fn start_ready_script(&mut self, id: &RunId) {
        let Some(run) = self.runs.get(id) else { return };
        let script = run.request.recipe.on_ready.clone();
        let Some((lane, _)) = run.race.winner() else { return };
        if script.is_empty() || run.destination.is_some() {
            return;
        }
        let Some(bench) = self.bench(id, lane) else { return };
        if let Some(run) = self.runs.get_mut(id) {
            run.script = Script::Starting;
        }
        // Not ended by the machine's end: the run waits for its word.
        tokio::spawn(restore::start_script(bench, script));
    }

    fn script_started(&mut self, id: &RunId, problem: Option<String>) -> Result<(), LedgerError> {
        let Some(run) = self.runs.get_mut(id) else { return Ok(()) };
        let before = std::mem::replace(&mut run.script, Script::None);
        if let Some((_, Some(machine))) = run.race.winner() {
            let log = restore::SCRIPT_LOG.to_owned();
            let machine = machine.clone();
            self.record(id, FactBody::ReadyScriptStarted { machine, log, problem })?;
        }
        match before {
            Script::Awaited(outcome) => self.end(id, &outcome),
            Script::None | Script::Starting => Ok(()),
        }
    }

    fn end(&mut self, id: &RunId, outcome: &Outcome) -> Result<(), LedgerError> {
        if let Some(run) = self.runs.get_mut(id)
            && !matches!(run.script, Script::None)
        {
            run.script = Script::Awaited(outcome.clone());
            return Ok(());
        }
        if outcome.ending == Ending::Cancelled {
            self.stop_job(id);
        }
        let Some(run) = self.runs.remove(id) else { return Ok(()) };
        info!(run = %id, ?outcome, "the run is over");
        for lane in run.lanes.values() {
            let watched = lane.machine.is_some() && !lane.stop.is_cancelled();
            if watched && let Some(reaper) = self.reapers.get(&lane.cloud) {
                reaper.unwatch();
            }
        }
        run.stop.cancel();
        let rentals = self.context.ledger.rentals_of(id)?;
        if run.destination.is_none() && rentals.iter().all(Rental::is_over) {
            self.forget(id, None);
        }
        if outcome.leftovers.is_empty() {
            self.context.ledger.end_run(id, self.context.clock.wall())?;
        } else {
            // What is not settled goes on without the run.
            self.orphans.adopt(&self.context.ledger, run.story.view)?;
        }
        Ok(())
    }

    /// A restore that is cancelled ends on the machine too, if that lives on.
    fn stop_job(&mut self, id: &RunId) {
        let seated = self.runs.get(id).is_some_and(|run| run.seat.is_some());
        if let Some(bench) = self.bench(id, LaneNo(1)).filter(|_| seated) {
            tokio::spawn(restore::stop_job(bench));
        }
    }

    fn label(&self, run: &RunId, lane: LaneNo) -> String {
        Label { install: self.install.clone(), run: run.clone(), lane }.to_string()
    }

    /// Without a ledger nothing may be rented: every run is cancelled, and the
    /// reapers go on with what they know. A row of another version is no loss
    /// of the ledger.
    fn ledger_failed(&mut self, error: &LedgerError) {
        if matches!(error, LedgerError::Row(_)) {
            error!(%error, "the ledger holds a row of another version");
            return;
        }
        error!(%error, "the ledger failed; all runs are cancelled");
        for run in self.runs.values_mut() {
            run.inbox.push(Input::Cancel);
        }
    }
}

pub(crate) fn fresh_identity() -> Result<Identity, AppError> {
    Identity::fresh().map_err(|error| AppError::new(Code::Internal, error.to_string()))
}

/// Reaches where a restore of its own goes, and makes its plan.
async fn seat(
    context: &Context,
    recipe: &Recipe,
    destination: &RestoreDestination,
    include: &[String],
) -> Result<Seated, AppError> {
    let planning = async {
        let repository = context.repository().await?;
        plan_restore(context, &repository, recipe, include).await
    };
    let seating = async {
        match destination {
            RestoreDestination::Local { folder } => {
                let folder = std::path::PathBuf::from(folder);
                tokio::task::spawn_blocking(move || restore::can_be_written(&folder))
                    .await
                    .map_err(|error| AppError::new(Code::Internal, error.to_string()))?
                    .map_err(|error| AppError::new(Code::TargetReadOnly, error.to_string()))?;
                Ok(None)
            }
            RestoreDestination::Machine { machine } => {
                links::seat(context, machine, &recipe.target).await.map(Some)
            }
        }
    };
    let (plan, seat) = tokio::try_join!(planning, seating)?;
    Ok(Seated { plan, seat })
}

/// What one complete list says about a run's machines.
fn read_list(run: &mut Run, cloud: CloudId, machines: &[Listed], now: Tick) {
    let mut inputs = Vec::new();
    for (no, lane) in &mut run.lanes {
        let Some(machine) = lane.machine.as_ref().filter(|_| lane.cloud == cloud) else { continue };
        if lane.stop.is_cancelled() {
            continue;
        }
        let Some(row) = machines.iter().find(|row| row.machine == *machine) else {
            if lane.listed {
                let since = *lane.missing.get_or_insert(now);
                if now.since(since) >= VANISHED_AFTER_MS {
                    inputs.push(Input::Failed {
                        lane: *no,
                        reason: LostReason::Vanished,
                        details: "the cloud does not list it any more".into(),
                    });
                }
            }
            continue;
        };
        lane.listed = true;
        lane.missing = None;
        if !row.addresses.is_empty() {
            update(&lane.addresses, &row.addresses);
        }
        let addressed = !row.addresses.is_empty();
        inputs.push(Input::Seen {
            lane: *no,
            sighting: Sighting {
                state: row.status.state,
                message: row.status.message.clone(),
                dead: row.status.dead && row.status.state != MachineState::Running,
                addressed,
            },
        });
    }
    run.inbox.extend(inputs);
}

/// Dialling starts afresh only where an address really changed.
fn update(known: &tokio::sync::watch::Sender<Addresses>, seen: &Addresses) {
    known.send_if_modified(|known| {
        let next = Addresses {
            direct: seen.direct.clone().or_else(|| known.direct.clone()),
            proxy: seen.proxy.clone().or_else(|| known.proxy.clone()),
        };
        let changed = *known != next;
        *known = next;
        changed
    });
}
