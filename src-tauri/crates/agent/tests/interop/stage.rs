//! A repository in the practice store, and the agent let loose on it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agent::event::{Cause, Control, Event, Part, Summary};
use agent::ticket::Ticket;
use agent::{Options, restore};
use practice::store::{Store, StoreOptions};
use repository::{Credentials, OpenOptions, Plan, PlanRequest, Repository};
use tokio::sync::mpsc;

use crate::common::Restic;

/// The bucket is the folder in which [`Restic`] has its repository.
const BUCKET: &str = "repository";
/// How long tickets are good for.
pub const VALID: Duration = Duration::from_hours(1);

/// A store with one repository, which restic reaches as a folder.
pub struct Stage {
    pub restic: Restic,
    pub store: Store,
    pub repository: Repository,
}

impl Stage {
    /// Serves the repository that restic has made.
    pub async fn open(restic: Restic) -> Self {
        let root = restic.beside("");
        let store = Store::start(StoreOptions::new(root, BUCKET)).await.unwrap();
        let repository = open(&store, &restic).await;
        Self { restic, store, repository }
    }

    /// Makes a plan of the newest snapshot and stores it.
    pub async fn plan(&self, critical: &[&str]) -> Plan {
        let request = PlanRequest {
            root: self.root().await,
            include: Vec::new(),
            critical: critical.iter().map(ToString::to_string).collect(),
        };
        let plan = self.repository.plan(&request).await.unwrap();
        self.repository.store_plan(&plan).await.unwrap();
        plan
    }

    /// The newest snapshot's root.
    pub async fn root(&self) -> restic::Id {
        let latest = "latest".parse().unwrap();
        self.repository.resolve(&latest, "none", &[]).await.unwrap().root
    }

    pub async fn ticket(&self, plan: &Plan) -> Ticket {
        self.repository.ticket(plan, VALID).await.unwrap()
    }

    /// Restores the newest snapshot with the agent.
    pub async fn restore(&self, name: &str, options: Options) -> (PathBuf, Run) {
        let plan = self.plan(&[]).await;
        let ticket = self.ticket(&plan).await;
        let target = self.restic.beside(name);
        (target.clone(), run(ticket, &target, options).await)
    }

    /// Restores the newest snapshot with restic.
    pub fn restore_with_restic(&self, name: &str) -> PathBuf {
        let target = self.restic.beside(name);
        let args = ["restore", "latest", "--target"].map(OsStr::new);
        self.restic.run(args.into_iter().chain([target.as_os_str()]));
        target
    }
}

async fn open(store: &Store, restic: &Restic) -> Repository {
    let location = format!("s3:{}/{BUCKET}", store.endpoint()).parse().unwrap();
    let credentials = Credentials {
        access_key_id: store.access_key().to_owned(),
        secret_access_key: store.secret_key().clone(),
        session_token: None,
        region: None,
    };
    let password = restic.password.clone().into();
    let options = OpenOptions::default();
    Repository::open(&location, Some(&credentials), &password, &options).await.unwrap()
}

/// What a restore told.
#[derive(Debug)]
pub struct Run {
    pub outcome: Result<Summary, (Cause, Summary)>,
    pub events: Vec<Event>,
    /// The longest time between two events.
    pub longest_silence: Duration,
}

impl Run {
    /// Everything is there.
    pub fn expect_whole(&self) -> Summary {
        let failed = self.failed();
        let summary = self.outcome.unwrap_or_else(|error| panic!("{error:?} {:#?}", self.events));
        assert!(summary.is_whole() && summary.imperfect == 0, "{summary:?} {failed:#?}");
        assert!(failed.is_empty(), "{failed:#?}");
        summary
    }

    /// The entries that are said not to be restored, sorted.
    pub fn failed(&self) -> Vec<String> {
        let mut failed: Vec<_> = self
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Failed { path, part: Part::Contents, .. } => Some(path.to_string()),
                _ => None,
            })
            .collect();
        failed.sort();
        failed
    }

    pub fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }
}

/// Options for tests: quick to give up, and quick to tell.
pub fn hasty() -> Options {
    Options {
        report: Duration::from_millis(50),
        patience: Duration::from_secs(3),
        ..Options::default()
    }
}

/// Runs the agent to its end.
pub async fn run(ticket: Ticket, target: &Path, options: Options) -> Run {
    run_steered(ticket, target, options, async |_, _| {}).await
}

/// Runs the agent and answers its events.
pub async fn run_steered(
    ticket: Ticket,
    target: &Path,
    options: Options,
    mut answer: impl AsyncFnMut(&Event, &mpsc::Sender<Control>),
) -> Run {
    let (events, mut told) = mpsc::channel(16);
    let (steer, controls) = mpsc::channel(16);
    let target = target.to_owned();
    let restoring =
        tokio::spawn(async move { restore(ticket, &target, options, events, controls).await });
    let mut all = Vec::new();
    let mut last = Instant::now();
    let mut longest_silence = Duration::ZERO;
    while let Some(event) = told.recv().await {
        longest_silence = longest_silence.max(last.elapsed());
        last = Instant::now();
        answer(&event, &steer).await;
        all.push(event);
    }
    Run { outcome: restoring.await.unwrap(), events: all, longest_silence }
}
