//! The engine from outside: what the window and the command line hold.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{
    AppError, CloudId, Code, Fact, GuardView, InstallId, LaunchRequest, MachineId, Ownership,
    RunId, RunView, SweepView,
};
use tokio::sync::{mpsc, oneshot};

use crate::actor::{Actor, Event, Request, Watched};
use crate::context::Context;
use crate::ids::fresh_install;
use crate::ledger::{Ledger, RentalState};
use crate::queries;
use crate::vault::SecretName;

/// Events that may wait for the actor.
const INBOX: usize = 4_096;
/// A destruction that is not confirmed by then is named.
const CONFIRM_MS: u64 = 60_000;

/// A running engine. Clones are the same engine.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) context: Arc<Context>,
    pub(crate) install: InstallId,
    events: mpsc::Sender<Event>,
}

/// A run's facts from some point on, to its end.
#[derive(Debug)]
pub struct Subscription {
    context: Arc<Context>,
    run: RunId,
    backlog: VecDeque<Fact>,
    live: Option<mpsc::Receiver<Fact>>,
    seq: u64,
}

/// One line of a doctor's report.
#[derive(Debug, Clone)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What was found, or what is wrong.
    pub result: Result<String, AppError>,
}

impl Handle {
    /// Starts the engine: reads the ledger, and sets the reapers to whatever
    /// an earlier process left.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub async fn start(context: Context) -> Result<Self, AppError> {
        let install = install(&context).await?;
        if let Some(settings) = context.ledger.settings()? {
            context.settings.set(settings);
        }
        let context = Arc::new(context);
        let (events, inbox) = mpsc::channel(INBOX);
        let (sights, seen) = mpsc::unbounded_channel();
        let actor =
            Actor::new(Arc::clone(&context), install.clone(), events.clone(), inbox, &sights)?;
        drop(sights);
        tokio::spawn(actor.work(seen));
        Ok(Self { context, install, events })
    }

    /// What the engine works with.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Begins a run. It goes on by itself; [`Handle::follow`] tells how.
    ///
    /// # Errors
    /// The request makes no sense, or nothing is set up to launch with.
    pub async fn launch(&self, request: LaunchRequest) -> Result<RunId, AppError> {
        let request = Box::new(request);
        self.ask(|reply| Request::Launch { request, reply }).await?
    }

    /// A run's state as it is now.
    ///
    /// # Errors
    /// The ledger cannot be read, or knows no such run.
    pub async fn view(&self, run: &RunId) -> Result<RunView, AppError> {
        Ok(self.watch(run).await?.0)
    }

    /// A run's state and every fact after it.
    ///
    /// # Errors
    /// As [`Handle::view`].
    pub async fn watch(&self, run: &RunId) -> Result<(RunView, Subscription), AppError> {
        let subscription = self.follow(run, u64::MAX).await?;
        let facts = self.context.ledger.facts(run, 0)?;
        if facts.is_empty() && subscription.live.is_none() {
            let details = format!("the ledger knows no run {run}");
            return Err(AppError::new(Code::Usage, details));
        }
        let mut view = RunView::new(run.clone());
        for fact in facts.iter().filter(|fact| fact.seq <= subscription.seq) {
            view.apply(fact);
        }
        Ok((view, subscription))
    }

    /// Every fact of a run after `seq`, those to come included. `u64::MAX`
    /// means only those to come.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn follow(&self, run: &RunId, seq: u64) -> Result<Subscription, AppError> {
        let which = run.clone();
        let watched: Option<Watched> =
            self.ask(|reply| Request::Watch { run: which, reply }).await?;
        let told = match &watched {
            Some(watched) => watched.view.seq,
            None => self.context.ledger.view(run)?.seq,
        };
        let backlog: VecDeque<Fact> = if seq >= told {
            VecDeque::new()
        } else {
            let facts = self.context.ledger.facts(run, seq)?;
            facts.into_iter().filter(|fact| fact.seq <= told).collect()
        };
        Ok(Subscription {
            context: Arc::clone(&self.context),
            run: run.clone(),
            backlog,
            live: watched.map(|watched| watched.facts),
            seq: told,
        })
    }

    /// Cancels a run and destroys everything of it. The second time: does not
    /// wait for confirmations.
    ///
    /// # Errors
    /// The engine has stopped.
    pub async fn cancel(&self, run: &RunId) -> Result<(), AppError> {
        self.send(Request::Cancel { run: run.clone() }).await
    }

    /// Starts the next wave early.
    ///
    /// # Errors
    /// The engine has stopped.
    pub async fn next_wave(&self, run: &RunId) -> Result<(), AppError> {
        self.send(Request::NextWave { run: run.clone() }).await
    }

    /// Destroys one machine and waits until it is gone.
    ///
    /// # Errors
    /// No machine of ours or of another install has that id, or it is not
    /// confirmed gone in time ([`Code::StillRunning`]).
    pub async fn destroy(&self, machine: &MachineId) -> Result<(), AppError> {
        let cloud = self.find(machine).await?;
        let (reply, gone) = oneshot::channel();
        self.send(Request::Destroy { cloud, machine: machine.clone(), reply }).await?;
        let clock = &self.context.clock;
        tokio::select! {
            answer = gone => answer.unwrap_or_else(|_| Err(stopped())),
            () = clock.sleep(CONFIRM_MS) => {
                let details = format!("{machine} is not confirmed gone; the reaper goes on");
                Err(AppError::new(Code::StillRunning, details))
            }
        }
    }

    /// Destroys what earlier runs left, and says what it found (rules.md M3).
    /// Winners whose restore was cut off are reached and restored on; those
    /// that cannot be, and on which no work can have begun, are destroyed.
    /// `install` names another copy of the app whose machines go, too.
    ///
    /// # Errors
    /// A cloud's machines cannot be listed under a good key: nothing is known
    /// then.
    pub async fn sweep(&self, install: Option<&InstallId>) -> Result<SweepView, AppError> {
        let mut before = self.open().await?;
        let install = install.cloned();
        self.ask(|reply| Request::Survey { install, reply }).await??;
        before.extend(self.open().await?);
        before.sort();
        before.dedup();
        let hopeless = self.end_cut_off_runs().await?;
        before.extend(hopeless);
        let mut report = SweepView::default();
        for view in self.machines().await? {
            match view.ownership {
                Ownership::Ours if view.kept => report.kept.push(view),
                Ownership::Ours => {}
                Ownership::OtherInstall | Ownership::Foreign => report.others.push(view),
            }
        }
        let clock = &self.context.clock;
        let limit_ms = self.context.rules.lookup_limit_ms + CONFIRM_MS;
        let end = clock.now().after(limit_ms);
        loop {
            let open = self.open().await?;
            if open.is_empty() || clock.now() >= end {
                report.destroyed =
                    before.iter().filter(|name| !open.contains(name)).cloned().collect();
                report.unconfirmed = open;
                return Ok(report);
            }
            clock.sleep(200).await;
        }
    }

    /// Waits for restores that were cut off and go on, and destroys the winners
    /// of those that do not: nobody watches them any more.
    async fn end_cut_off_runs(&self) -> Result<Vec<String>, AppError> {
        let (context, clock) = (&self.context, &self.context.clock);
        loop {
            if self.guard().await?.resuming == 0 {
                break;
            }
            clock.sleep(200).await;
        }
        let mut hopeless = Vec::new();
        for rental in context.ledger.unsettled()? {
            let Some(machine) = rental.machine.filter(|_| rental.state == RentalState::Kept) else {
                continue;
            };
            let view = context.ledger.view(&rental.run)?;
            let was_cut_off = view.failure == Some(Code::Interrupted) && view.restore.is_some();
            if !was_cut_off || view.marks.critical_ms.is_some() {
                continue;
            }
            hopeless.push(machine.to_string());
            let (reply, _) = oneshot::channel();
            self.send(Request::Destroy { cloud: rental.cloud, machine, reply }).await?;
        }
        Ok(hopeless)
    }

    /// Whether it is known what runs, and what is still being settled.
    ///
    /// # Errors
    /// The engine has stopped.
    pub async fn guard(&self) -> Result<GuardView, AppError> {
        self.ask(|reply| Request::Guard { reply }).await
    }

    /// The run that is going on, if one is.
    ///
    /// # Errors
    /// The engine has stopped.
    pub async fn live_run(&self) -> Result<Option<RunId>, AppError> {
        self.ask(|reply| Request::Live { reply }).await
    }

    /// What earlier runs left and is not settled.
    ///
    /// # Errors
    /// The engine has stopped.
    pub async fn open(&self) -> Result<Vec<String>, AppError> {
        self.ask(|reply| Request::Open { reply }).await
    }

    /// Which cloud has the machine, if it may be destroyed by hand.
    async fn find(&self, machine: &MachineId) -> Result<CloudId, AppError> {
        for cloud in &self.context.clouds {
            if let Some(rental) = self.context.ledger.rental(cloud.id(), machine)?
                && rental.state != RentalState::Gone
            {
                return Ok(cloud.id());
            }
        }
        let listed = queries::machines(self).await?;
        match listed.into_iter().find(|view| view.machine == *machine) {
            Some(view) if view.ownership == Ownership::Foreign => {
                let details = format!("{machine} carries no label of this app");
                Err(AppError::new(Code::MachineForeign, details))
            }
            Some(view) => Ok(view.cloud),
            None => {
                let details = format!("no machine is called {machine}");
                Err(AppError::new(Code::MachineMissing, details))
            }
        }
    }

    pub(crate) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, AppError> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply)).await?;
        answer.await.map_err(|_| stopped())
    }

    async fn send(&self, request: Request) -> Result<(), AppError> {
        self.events.send(Event::Request(request)).await.map_err(|_| stopped())
    }
}

impl Subscription {
    /// The next fact; `None` once the run is over and everything was told.
    pub async fn next(&mut self) -> Option<Fact> {
        loop {
            let fact = if let Some(fact) = self.backlog.pop_front() {
                fact
            } else if let Some(live) = &mut self.live {
                let Some(fact) = live.recv().await else {
                    // The run is over, or this reader was too slow: the ledger
                    // has the rest.
                    self.live = None;
                    continue;
                };
                fact
            } else {
                self.backlog = self.rest();
                self.backlog.pop_front()?
            };
            self.seq = self.seq.max(fact.seq);
            return Some(fact);
        }
    }

    fn rest(&self) -> VecDeque<Fact> {
        self.context.ledger.facts(&self.run, self.seq).map(Into::into).unwrap_or_default()
    }
}

/// The name of this copy of the app: kept in keychain and ledger (M1), so that
/// losing one of them loses nothing.
async fn install(context: &Context) -> Result<InstallId, AppError> {
    use secrecy::{ExposeSecret as _, SecretString};
    let remembered = context.vault.get(&SecretName::Install).await.unwrap_or_default();
    let ledger: &Ledger = &context.ledger;
    let install = ledger.install(|| {
        remembered.as_ref().map_or_else(fresh_install, |text| InstallId::new(text.expose_secret()))
    })?;
    if remembered.is_none() {
        let text = SecretString::from(install.as_str());
        // A keychain that cannot be written now is told where it matters.
        let _ = context.vault.set(&SecretName::Install, text).await;
    }
    Ok(install)
}

fn stopped() -> AppError {
    AppError::new(Code::Internal, "the engine has stopped")
}
