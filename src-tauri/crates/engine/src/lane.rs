//! One lane's tasks: the create call, and the dialling until the machine has
//! proved itself.

use std::sync::Arc;
use std::time::Duration;

use clouds::{Cloud, CreateAnswer, CreateOrder, Refusal};
use model::{Addresses, CloudId, LaneNo, MachineId, Offer, Preflight, Route, RunId, Tick};
use race::Answer;
use rand::RngExt as _;
use remote::{Connection, Dial, Expect, Identity, LaneSecret, Reached, RemoteError};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, info_span};

use crate::actor::Event;
use crate::clock::Clock;
use crate::ledger::Boot;

/// Wait after "too many requests" without a time: 1 s ± 20 % (rules.md R5).
const THROTTLE_MS: std::ops::RangeInclusive<u64> = 800..=1_200;
/// A machine may not be visible yet when its key is attached.
const ATTACH_TRIES: u32 = 5;

/// A lane as the engine sees it.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) cloud: CloudId,
    /// What it took.
    pub(crate) offer: Offer,
    pub(crate) secret: LaneSecret,
    pub(crate) machine: Option<MachineId>,
    /// Ways to the machine, as they become known.
    pub(crate) addresses: watch::Sender<Addresses>,
    pub(crate) stop: CancellationToken,
    pub(crate) connection: Option<Connection>,
    /// What it told about itself.
    pub(crate) report: Preflight,
    /// A list had the machine.
    pub(crate) listed: bool,
    /// Since when complete lists have missed it, after one had it.
    pub(crate) missing: Option<Tick>,
    /// Its story, for the ledger.
    pub(crate) boot: Boot,
}

impl Lane {
    pub(crate) fn new(offer: &Offer, image: &str, stop: CancellationToken) -> Self {
        Self {
            cloud: offer.cloud,
            offer: offer.clone(),
            secret: LaneSecret::fresh(),
            machine: None,
            addresses: watch::channel(Addresses::default()).0,
            stop,
            connection: None,
            report: Preflight::default(),
            listed: false,
            missing: None,
            boot: Boot {
                cloud: Some(offer.cloud),
                host: offer.host.clone(),
                owner: offer.owner.clone(),
                gpu: offer.gpu.clone(),
                location: offer.location.clone(),
                image: image.to_owned(),
                ..Boot::default()
            },
        }
    }
}

/// Sends the create call. It is never cancelled: its answer may name a
/// machine that costs money.
pub(crate) fn create(
    cloud: Arc<dyn Cloud>,
    order: CreateOrder,
    run: RunId,
    lane: LaneNo,
    events: mpsc::Sender<Event>,
) {
    let span = info_span!("create", %run, %lane);
    let task = async move {
        let _ = events.send(Event::CreateSent { run: run.clone(), lane }).await;
        let answer = read_answer(cloud.create(&order).await);
        debug!(?answer, "answered");
        let _ = events.send(Event::CreateAnswered { run, lane, answer }).await;
    };
    tokio::spawn(task.instrument(span));
}

fn read_answer(answer: CreateAnswer) -> Answer {
    match answer {
        CreateAnswer::Rented { machine } => Answer::Rented(machine),
        CreateAnswer::Refused { refusal: Refusal::Offer, reason } => Answer::OfferRefused(reason),
        CreateAnswer::Refused { refusal: Refusal::Account(code), reason } => {
            Answer::AccountRefused(code, reason)
        }
        CreateAnswer::Throttled { retry_after } => {
            let wait = retry_after.filter(|wait| !wait.is_zero());
            let wait_ms = wait.map_or_else(
                || rand::rng().random_range(THROTTLE_MS),
                |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1),
            );
            Answer::Throttled { wait_ms }
        }
        CreateAnswer::RentedButFailed { machine, reason } => {
            Answer::RentedButFailed(machine, reason)
        }
        CreateAnswer::Unknown { reason } => Answer::Unknown(reason),
    }
}

/// Attaches the run's key to the machine, beside what onstart does (T1).
pub(crate) fn attach_key(
    cloud: Arc<dyn Cloud>,
    clock: Clock,
    machine: MachineId,
    identity: &Identity,
    stop: CancellationToken,
) {
    let key = identity.public();
    tokio::spawn(async move {
        for attempt in 0..ATTACH_TRIES {
            tokio::select! {
                () = stop.cancelled() => return,
                attached = cloud.attach_key(&machine, &key) => match attached {
                    Ok(()) => return,
                    Err(error) => debug!(%machine, %error, attempt, "the key is not attached yet"),
                },
            }
            clock.sleep(1_000).await;
        }
    });
}

/// Dials the machine until it has proved itself, turned out to be another, or
/// the lane is over.
pub(crate) fn dial(
    dial: Dial,
    addresses: watch::Receiver<Addresses>,
    run: RunId,
    lane: LaneNo,
    stop: CancellationToken,
    events: mpsc::Sender<Event>,
) {
    let span = info_span!("dial", %run, %lane);
    let task = async move {
        let (banner_run, banners) = (run.clone(), events.clone());
        let on_banner = Arc::new(move |_: Route| {
            // A lost banner only costs precision: lists and the connection
            // itself tell the same.
            let _ = banners.try_send(Event::Banner { run: banner_run.clone(), lane });
        });
        tokio::select! {
            () = stop.cancelled() => {}
            result = remote::reach(&dial, addresses, on_banner) => {
                let _ = events.send(Event::Reached { run, lane, result: Box::new(result) }).await;
            }
        }
    };
    tokio::spawn(task.instrument(span));
}

/// How a lane's machine is dialled.
pub(crate) fn dialling(
    transport: Arc<dyn remote::Transport>,
    clock: &Clock,
    identity: &Identity,
    expect: Expect,
    target: &str,
) -> Dial {
    Dial {
        transport,
        identity: identity.clone(),
        expect,
        target: target.to_owned(),
        retry: remote::Retry {
            every: clock.real_time(250),
            attempt: clock.real_time(10_000).max(Duration::from_secs(2)),
            keep_alive: clock.real_time(2_000).max(Duration::from_millis(200)),
        },
    }
}

/// The result of dialling, as it travels in an event.
pub(crate) type Dialled = Box<Result<Reached, RemoteError>>;
