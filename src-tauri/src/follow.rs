//! Follows what goes on, from the first engine to the last: facts of every
//! run, what is kept and what it costs. The tray shows it, notifications tell
//! it, and the page hears that its lists are old.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::{Handle, Rental, RentalState};
use model::{AppError, Fact, FactBody, MachineId, Money, Rate, RunId, RunView, SpendView};
use tauri::{AppHandle, Manager as _, Runtime};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{debug, warn};

use crate::bridge::{RecordsChanged, WorldChanged};
use crate::engine_slot::EngineSlot;
use crate::notices::{self, Told};
use crate::preferences::Kept;
use crate::tray;
use crate::words::Speech;

/// The tray's figures are as old as this at most; a race's, a second.
const LOOK: Duration = Duration::from_secs(1);
/// Sums are asked for this often while something costs money.
const SUMS_EVERY: u32 = 60;
/// Costs in the tray change this often.
const COSTS_EVERY: u32 = 15;

/// What commands and the tray tell the follower.
#[derive(Debug)]
pub(crate) enum News {
    /// A run began.
    Began(RunId),
    /// Recipes, caps or machines are others.
    Changed,
}

/// Where news is told.
#[derive(Debug)]
pub(crate) struct Follower {
    tell: mpsc::UnboundedSender<News>,
    heard: Mutex<Option<mpsc::UnboundedReceiver<News>>>,
}

impl Default for Follower {
    fn default() -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        Self { tell, heard: Mutex::new(Some(heard)) }
    }
}

impl Follower {
    /// A run began: it is followed from now on.
    pub(crate) fn began(&self, run: &RunId) {
        let _ = self.tell.send(News::Began(run.clone()));
    }

    /// Something changed that the tray shows.
    pub(crate) fn changed(&self) {
        let _ = self.tell.send(News::Changed);
    }
}

/// A winner that lives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptMachine {
    pub(crate) machine: MachineId,
    pub(crate) title: String,
    pub(crate) gpu: String,
    pub(crate) spent: Money,
}

/// Everything the tray shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Scene {
    pub(crate) practice: bool,
    /// What is impossible now.
    pub(crate) problems: Vec<AppError>,
    /// The run that goes on.
    pub(crate) live: Option<RunView>,
    /// Winners that live.
    pub(crate) kept: Vec<KeptMachine>,
    /// What everything we rented costs an hour.
    pub(crate) per_hour: Rate,
    /// Names and titles, the default first.
    pub(crate) recipes: Vec<(String, String)>,
    /// Sums, once known.
    pub(crate) spend: Option<SpendView>,
    /// What earlier runs left and nobody confirmed in time.
    pub(crate) left: Vec<String>,
}

impl Scene {
    /// Something costs money.
    const fn costs(&self) -> bool {
        self.live.is_some() || self.per_hour.micros_per_hour() > 0
    }
}

/// Follows until the app ends.
pub(crate) async fn follow<R: Runtime>(app: AppHandle<R>) {
    let Some(mut news) = app.state::<Follower>().heard.lock().await.take() else { return };
    let mut preferences = app.state::<Kept>().watch();
    let mut engines = app.state::<EngineSlot>().engines();
    let mut next = engines.next().await;
    while let Some(engine) = next {
        WorldChanged::tell(&app);
        let mut watcher = Watcher::new(app.clone(), engine).await;
        next = loop {
            tokio::select! {
                next = engines.next() => break next,
                told = news.recv() => match told {
                    Some(News::Began(run)) => watcher.began(&run).await,
                    Some(News::Changed) => watcher.look(),
                    None => return,
                },
                Some(fact) = watcher.facts.recv() => watcher.fact(&fact),
                _ = watcher.clock.tick() => watcher.tick().await,
                Ok(()) = preferences.changed() => watcher.draw(),
            }
        };
    }
}

/// One engine's follower.
struct Watcher<R: Runtime> {
    app: AppHandle<R>,
    engine: Option<Handle>,
    scene: Scene,
    views: Vec<RunView>,
    tell: mpsc::UnboundedSender<Fact>,
    facts: mpsc::UnboundedReceiver<Fact>,
    clock: Interval,
    ticks: u32,
    told: Told,
    /// What earlier runs left, at the last look.
    open: BTreeSet<String>,
    told_left: BTreeSet<String>,
}

impl<R: Runtime> Watcher<R> {
    async fn new(app: AppHandle<R>, engine: Result<Handle, AppError>) -> Self {
        let (tell, facts) = mpsc::unbounded_channel();
        let mut clock = interval(LOOK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let slot = app.state::<EngineSlot>();
        let scene = Scene {
            practice: slot.practice().await,
            problems: slot.problems(),
            ..Scene::default()
        };
        let engine = engine.ok();
        let mut watcher = Self {
            app,
            engine,
            scene,
            views: Vec::new(),
            tell,
            facts,
            clock,
            ticks: 0,
            told: Told::default(),
            open: BTreeSet::new(),
            told_left: BTreeSet::new(),
        };
        let live = match &watcher.engine {
            Some(engine) => engine.live_run().await.ok().flatten(),
            None => None,
        };
        if let Some(run) = live {
            watcher.began(&run).await;
        }
        watcher.look();
        watcher.sums().await;
        watcher.draw();
        watcher
    }

    fn speech(&self) -> Speech {
        Speech::of(self.app.state::<Kept>().get().language)
    }

    /// Follows a run's facts to its end.
    async fn began(&mut self, run: &RunId) {
        let Some(engine) = &self.engine else { return };
        if self.views.iter().any(|view| view.run == *run) {
            return;
        }
        match engine.watch(run).await {
            Ok((view, mut facts)) => {
                self.views.push(view);
                let tell = self.tell.clone();
                tokio::spawn(async move {
                    while let Some(fact) = facts.next().await {
                        if tell.send(fact).is_err() {
                            return;
                        }
                    }
                });
            }
            Err(error) => warn!(%run, %error, "a run is not followed"),
        }
        self.live();
        self.draw();
    }

    fn fact(&mut self, fact: &Fact) {
        let wanted = self.app.state::<Kept>().get().notify;
        let speech = self.speech();
        let Some(view) = self.views.iter_mut().find(|view| view.run == fact.run) else { return };
        view.apply(fact);
        if let Some(notice) = notices::of_fact(fact, view, wanted, speech) {
            notices::show(&self.app, &notice, speech);
        }
        if changes_records(&fact.body) {
            RecordsChanged::tell(&self.app);
            self.records();
        }
        self.live();
    }

    /// The run that goes on, the newest of them.
    fn live(&mut self) {
        self.scene.live = self.views.iter().rev().find(|view| !view.phase.is_over()).cloned();
    }

    async fn tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(COSTS_EVERY) {
            self.records();
        }
        if self.ticks.is_multiple_of(SUMS_EVERY) {
            if self.scene.costs() {
                self.sums().await;
            }
            self.leftovers().await;
        }
        self.draw();
    }

    /// Everything that is at home, anew.
    fn look(&mut self) {
        let slot = self.app.state::<EngineSlot>();
        self.scene.problems = slot.problems();
        if let Some(engine) = &self.engine {
            let recipes = engine.recipes().unwrap_or_default();
            self.scene.recipes =
                recipes.into_iter().map(|recipe| (recipe.name, recipe.title)).collect();
        }
        self.records();
        self.live();
        self.draw();
    }

    /// What is rented, as the ledger has it.
    fn records(&mut self) {
        let Some(engine) = &self.engine else { return };
        let context = engine.context();
        let rentals = match context.ledger.unsettled() {
            Ok(rentals) => rentals,
            Err(error) => {
                warn!(%error, "the tray does not know what runs");
                return;
            }
        };
        let now = context.clock.wall();
        let kept = |rental: &Rental| {
            let lived = u64::try_from(now.unix_ms() - rental.intended.unix_ms()).unwrap_or(0);
            let recipe = engine.recipe_of(&rental.run).ok().flatten();
            Some(KeptMachine {
                machine: rental.machine.clone()?,
                title: recipe.map_or_else(|| rental.gpu.clone(), |recipe| recipe.title),
                gpu: rental.gpu.clone(),
                spent: rental.price.cost(lived),
            })
        };
        self.scene.per_hour = rentals.iter().map(|rental| rental.price).sum();
        self.scene.kept = rentals
            .iter()
            .filter(|rental| rental.state == RentalState::Kept)
            .filter_map(kept)
            .collect();
    }

    async fn sums(&mut self) {
        let Some(engine) = &self.engine else { return };
        match engine.spend().await {
            Ok(spend) => {
                let wanted = self.app.state::<Kept>().get().notify.caps;
                let speech = self.speech();
                let notices = notices::of_spend(&spend, &mut self.told, speech);
                if wanted && !self.scene.practice {
                    for notice in &notices {
                        notices::show(&self.app, notice, speech);
                    }
                }
                self.scene.spend = Some(spend);
            }
            Err(error) => debug!(%error, "no sums now"),
        }
    }

    /// What stands open for a minute is worth a word.
    async fn leftovers(&mut self) {
        let Some(engine) = &self.engine else { return };
        let Ok(open) = engine.open().await else { return };
        let open: BTreeSet<String> = open.into_iter().collect();
        let stuck: Vec<String> = open.intersection(&self.open).cloned().collect();
        let fresh: Vec<String> =
            stuck.iter().filter(|name| !self.told_left.contains(*name)).cloned().collect();
        if !fresh.is_empty() && self.app.state::<Kept>().get().notify.leftovers {
            let speech = self.speech();
            notices::show(&self.app, &notices::left(&fresh, speech), speech);
        }
        self.told_left.extend(fresh);
        self.open = open;
        self.scene.left = stuck;
    }

    fn draw(&self) {
        tray::draw(&self.app, &self.scene, self.speech());
    }
}

/// After this fact lists of machines, runs or sums are old.
const fn changes_records(body: &FactBody) -> bool {
    matches!(
        body,
        FactBody::MachineDestroyed { .. }
            | FactBody::WinnerChosen { .. }
            | FactBody::RunReady { .. }
            | FactBody::RunFailed { .. }
            | FactBody::RunCancelled { .. }
            | FactBody::MachineKept { .. }
    )
}
