//! The reaper of one cloud: everything condemned is destroyed until two
//! complete lists say it is gone (rules.md M2), and creates of unknown outcome
//! are looked up by label (R7). It also makes the list calls for everybody
//! else, one a second at most (R5).
//!
//! It stands outside every run and every cancellation. What it has to do
//! stands in the ledger before it hears of it, so a crash loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clouds::{Cloud, CloudError, CloudErrorKind, Listed};
use model::{CloudCall, CloudId, MachineId, Tick};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::clock::Clock;

/// Two lists this far apart have to miss a machine (M2).
const LISTS_APART_MS: u64 = 2_000;
/// A machine may not be visible for this long after it was rented.
const VISIBLE_AFTER_MS: u64 = 10_000;
/// A machine that is still listed this long after an accepted destroy call is
/// destroyed again.
const ASK_AGAIN_MS: u64 = 5_000;
/// Failed calls are repeated after 1, 2, 4, … s, at most this.
const BACKOFF_LIMIT_MS: u64 = 10_000;
/// For how long a good answer to an account call vouches for the key.
const KEY_PROVED_MS: u64 = 60_000;

/// The desk at which a cloud's reaper takes orders.
#[derive(Debug, Clone)]
pub struct Reaper {
    // Unbounded: an order to destroy is never dropped and never waits.
    orders: mpsc::UnboundedSender<Order>,
}

#[derive(Debug)]
enum Order {
    /// Lists are wanted every second, or no longer.
    Watch(bool),
    Condemn(Vec<MachineId>),
    LookUp {
        label: String,
        limit_ms: u64,
    },
    StopLookingUp {
        label: String,
    },
    Survey,
}

/// What the reaper saw or achieved.
#[derive(Debug, Clone)]
pub enum Sight {
    /// One complete list.
    Listed(Arc<Vec<Listed>>),
    /// One complete list under a key that was proved, as [`Reaper::survey`]
    /// wanted it.
    Surveyed(Arc<Vec<Listed>>),
    /// It could not be had; it is tried again.
    SurveyFailed(CloudError),
    /// A condemned machine is gone.
    Gone(MachineId),
    /// A create of unknown outcome did rent.
    Found {
        /// Label looked up.
        label: String,
        /// The machine.
        machine: MachineId,
    },
    /// A create of unknown outcome rented nothing.
    NotFound {
        /// Label looked up.
        label: String,
    },
    /// The cloud said "too many requests".
    Throttled {
        /// Which call.
        call: CloudCall,
        /// How long it waits.
        wait_ms: u64,
    },
}

impl Reaper {
    /// Starts the reaper of `cloud`. It ends when the last desk is dropped and
    /// nothing is left to reap.
    pub fn start(
        cloud: Arc<dyn Cloud>,
        clock: Clock,
        tell: impl Fn(CloudId, Sight) + Send + Sync + 'static,
    ) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let desk = Desk::new(cloud, clock, Box::new(tell));
        tokio::spawn(desk.work(inbox));
        Self { orders }
    }

    /// Lists every second from now on; calls add up.
    pub fn watch(&self) {
        let _ = self.orders.send(Order::Watch(true));
    }

    /// Takes one [`Reaper::watch`] back.
    pub fn unwatch(&self) {
        let _ = self.orders.send(Order::Watch(false));
    }

    /// Destroys these until they are gone.
    pub fn condemn(&self, machines: Vec<MachineId>) {
        let _ = self.orders.send(Order::Condemn(machines));
    }

    /// Looks for a machine with this label for `limit_ms`.
    pub fn look_up(&self, label: String, limit_ms: u64) {
        let _ = self.orders.send(Order::LookUp { label, limit_ms });
    }

    /// Asks until one complete list came, under a key that is proved.
    pub fn survey(&self) {
        let _ = self.orders.send(Order::Survey);
    }

    /// The outcome is known after all.
    pub fn stop_looking_up(&self, label: String) {
        let _ = self.orders.send(Order::StopLookingUp { label });
    }
}

struct Desk {
    cloud: Arc<dyn Cloud>,
    clock: Clock,
    tell: Box<dyn Fn(CloudId, Sight) + Send + Sync>,
    watchers: usize,
    surveying: bool,
    condemned: BTreeMap<MachineId, Condemned>,
    lookups: BTreeMap<String, LookUp>,
    /// Machines that some list had.
    listed: BTreeSet<MachineId>,
    lists: Caller,
    destroys: Caller,
    key_proved: Option<Tick>,
    answers: (mpsc::UnboundedSender<Answer>, mpsc::UnboundedReceiver<Answer>),
}

#[derive(Debug)]
struct Condemned {
    since: Tick,
    /// When a destroy call for it was last accepted.
    accepted: Option<Tick>,
    ask_at: Tick,
    /// When the first of an unbroken row of lists without it was asked for.
    absent: Option<Tick>,
}

#[derive(Debug)]
struct LookUp {
    since: Tick,
    limit_ms: u64,
    /// The next look, when nobody else wants lists.
    next: u64,
}

/// One call at a time, with patience after failures.
#[derive(Debug, Default)]
struct Caller {
    open: bool,
    not_before: Tick,
    failures: u32,
}

impl Caller {
    fn may_call(&self, now: Tick) -> bool {
        !self.open && now >= self.not_before
    }

    fn succeeded(&mut self, next: Tick) {
        self.open = false;
        self.failures = 0;
        self.not_before = next;
    }

    /// Returns how long it will wait.
    fn failed(&mut self, now: Tick, error: &CloudError) -> u64 {
        self.open = false;
        let backoff = (1_000u64 << self.failures.min(6)).min(BACKOFF_LIMIT_MS);
        self.failures += 1;
        let wait_ms = match error.kind {
            CloudErrorKind::Throttled { retry_after: Some(wait) } => {
                u64::try_from(wait.as_millis()).unwrap_or(BACKOFF_LIMIT_MS).max(1)
            }
            _ => backoff,
        };
        self.not_before = now.after(wait_ms);
        wait_ms
    }
}

enum Answer {
    List {
        asked: Tick,
        result: Result<Vec<Listed>, CloudError>,
        key: Option<Result<(), CloudError>>,
    },
    Destroy {
        machines: Vec<MachineId>,
        result: Result<(), CloudError>,
    },
}

impl Desk {
    fn new(
        cloud: Arc<dyn Cloud>,
        clock: Clock,
        tell: Box<dyn Fn(CloudId, Sight) + Send + Sync>,
    ) -> Self {
        Self {
            cloud,
            clock,
            tell,
            watchers: 0,
            surveying: false,
            condemned: BTreeMap::new(),
            lookups: BTreeMap::new(),
            listed: BTreeSet::new(),
            lists: Caller::default(),
            destroys: Caller::default(),
            key_proved: None,
            answers: mpsc::unbounded_channel(),
        }
    }

    async fn work(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut open = true;
        while open || !self.is_idle() {
            self.call();
            let wake = self.wake_at();
            let clock = self.clock.clone();
            tokio::select! {
                order = orders.recv(), if open => if let Some(order) = order {
                    self.take(order);
                } else {
                    open = false;
                    self.watchers = 0;
                },
                Some(answer) = self.answers.1.recv() => self.hear(answer),
                () = async {
                    match wake {
                        Some(wake) => clock.sleep_until(wake).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.condemned.is_empty()
            && self.lookups.is_empty()
            && !self.lists.open
            && !self.destroys.open
    }

    fn take(&mut self, order: Order) {
        let now = self.clock.now();
        match order {
            Order::Watch(true) => self.watchers += 1,
            Order::Watch(false) => self.watchers = self.watchers.saturating_sub(1),
            Order::Condemn(machines) => {
                for machine in machines {
                    self.condemned.entry(machine).or_insert(Condemned {
                        since: now,
                        accepted: None,
                        ask_at: now,
                        absent: None,
                    });
                }
            }
            Order::LookUp { label, limit_ms } => {
                self.lookups.entry(label).or_insert(LookUp { since: now, limit_ms, next: 1_000 });
            }
            Order::StopLookingUp { label } => {
                self.lookups.remove(&label);
            }
            Order::Survey => self.surveying = true,
        }
    }

    /// Makes every call that is due. Calls run on their own and are never cut.
    fn call(&mut self) {
        let now = self.clock.now();
        let due: Vec<MachineId> = self
            .condemned
            .iter()
            .filter(|(_, condemned)| condemned.ask_at <= now)
            .map(|(machine, _)| machine.clone())
            .collect();
        if !due.is_empty() && self.destroys.may_call(now) {
            self.destroys.open = true;
            let (cloud, answers) = (Arc::clone(&self.cloud), self.answers.0.clone());
            tokio::spawn(async move {
                let result = cloud.destroy(&due).await;
                let _ = answers.send(Answer::Destroy { machines: due, result });
            });
        }
        if self.wants_list(now) && self.lists.may_call(now) {
            self.lists.open = true;
            let (cloud, answers) = (Arc::clone(&self.cloud), self.answers.0.clone());
            let key_is_old = self.key_proved.is_none_or(|proved| now.since(proved) > KEY_PROVED_MS);
            let prove_key = key_is_old && (self.surveying || !self.condemned.is_empty());
            tokio::spawn(async move {
                let (result, key) = if prove_key {
                    let (list, account) = tokio::join!(cloud.list(), cloud.account());
                    (list, Some(account.map(|_| ())))
                } else {
                    (cloud.list().await, None)
                };
                let _ = answers.send(Answer::List { asked: now, result, key });
            });
        }
    }

    fn wants_list(&self, now: Tick) -> bool {
        self.watchers > 0
            || self.surveying
            || !self.condemned.is_empty()
            || self.lookups.values().any(|look| now.since(look.since) >= look.next)
    }

    fn wake_at(&self) -> Option<Tick> {
        let now = self.clock.now();
        let list_at = if self.lists.open {
            None
        } else if self.watchers > 0 || self.surveying || !self.condemned.is_empty() {
            Some(self.lists.not_before)
        } else {
            self.lookups
                .values()
                .map(|look| look.since.after(look.next).max(self.lists.not_before))
                .min()
        };
        let destroy_at = if self.destroys.open {
            None
        } else {
            self.condemned
                .values()
                .map(|condemned| condemned.ask_at.max(self.destroys.not_before))
                .min()
        };
        list_at.into_iter().chain(destroy_at).min().map(|at| at.max(now.after(1)))
    }

    fn hear(&mut self, answer: Answer) {
        let now = self.clock.now();
        match answer {
            Answer::Destroy { machines, result } => match result {
                Ok(()) => {
                    self.destroys.succeeded(now);
                    for machine in &machines {
                        if let Some(condemned) = self.condemned.get_mut(machine) {
                            condemned.accepted = Some(now);
                            condemned.ask_at = now.after(ASK_AGAIN_MS);
                        }
                    }
                }
                Err(error) => {
                    let wait_ms = self.destroys.failed(now, &error);
                    warn!(cloud = %self.cloud.id(), %error, wait_ms, "a destroy call failed");
                    self.tell_if_throttled(&error, CloudCall::Destroy, wait_ms);
                }
            },
            Answer::List { asked, result, key } => {
                let key_fault = match key {
                    Some(Ok(())) => {
                        self.key_proved = Some(now);
                        None
                    }
                    Some(Err(error)) => {
                        debug!(cloud = %self.cloud.id(), %error, "the key could not be proved");
                        self.key_proved = None;
                        Some(error)
                    }
                    None => None,
                };
                match result {
                    Ok(machines) => {
                        let spacing = self.cloud.capabilities().list_spacing;
                        let spacing_ms = u64::try_from(spacing.as_millis()).unwrap_or(1_000);
                        self.lists.succeeded(asked.after(spacing_ms).max(now));
                        self.read(asked, &machines);
                        let machines = Arc::new(machines);
                        (self.tell)(self.cloud.id(), Sight::Listed(Arc::clone(&machines)));
                        if self.surveying && self.key_proved.is_some() {
                            self.surveying = false;
                            (self.tell)(self.cloud.id(), Sight::Surveyed(machines));
                        } else if let Some(error) = key_fault.filter(|_| self.surveying) {
                            self.lists.failed(now, &error);
                            (self.tell)(self.cloud.id(), Sight::SurveyFailed(error));
                        }
                    }
                    Err(error) => {
                        let wait_ms = self.lists.failed(now, &error);
                        debug!(cloud = %self.cloud.id(), %error, wait_ms, "a list call failed");
                        if error.kind == CloudErrorKind::KeyRefused {
                            self.key_proved = None;
                        }
                        self.tell_if_throttled(&error, CloudCall::List, wait_ms);
                        if self.surveying {
                            (self.tell)(self.cloud.id(), Sight::SurveyFailed(error));
                        }
                    }
                }
            }
        }
    }

    /// Reads one complete list that was asked for at `asked`.
    fn read(&mut self, asked: Tick, machines: &[Listed]) {
        let now = self.clock.now();
        let listed = |machine: &MachineId| machines.iter().any(|row| row.machine == *machine);
        self.listed.extend(machines.iter().map(|row| row.machine.clone()));
        let mut gone = Vec::new();
        for (machine, condemned) in &mut self.condemned {
            if listed(machine) {
                condemned.absent = None;
                // It was accepted and yet the machine stands there.
                if condemned.accepted.is_some_and(|at| asked.since(at) > ASK_AGAIN_MS) {
                    condemned.ask_at = now;
                }
                continue;
            }
            // Only lists asked for after an accepted call count, and a machine
            // that no list ever had may simply not be visible yet.
            let accepted = condemned.accepted.is_some_and(|at| at <= asked);
            let visible =
                self.listed.contains(machine) || asked.since(condemned.since) >= VISIBLE_AFTER_MS;
            if !accepted {
                continue;
            }
            let first = *condemned.absent.get_or_insert(asked);
            if visible && asked.since(first) >= LISTS_APART_MS && self.key_proved.is_some() {
                gone.push(machine.clone());
            }
        }
        for machine in gone {
            self.condemned.remove(&machine);
            (self.tell)(self.cloud.id(), Sight::Gone(machine));
        }
        let labels: Vec<String> = self.lookups.keys().cloned().collect();
        for label in labels {
            let found = machines.iter().find(|row| row.label == label);
            let Some(look) = self.lookups.get_mut(&label) else { continue };
            let waited = asked.since(look.since);
            if let Some(row) = found {
                let machine = row.machine.clone();
                self.lookups.remove(&label);
                (self.tell)(self.cloud.id(), Sight::Found { label, machine });
            } else if waited >= look.limit_ms {
                self.lookups.remove(&label);
                (self.tell)(self.cloud.id(), Sight::NotFound { label });
            } else {
                while look.next <= waited {
                    look.next *= 2;
                }
                look.next = look.next.min(look.limit_ms);
            }
        }
    }

    fn tell_if_throttled(&self, error: &CloudError, call: CloudCall, wait_ms: u64) {
        if matches!(error.kind, CloudErrorKind::Throttled { .. }) {
            (self.tell)(self.cloud.id(), Sight::Throttled { call, wait_ms });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use clouds::{Account, Capabilities, Charge, CreateAnswer, CreateOrder, Found, HostReport};
    use model::{
        Addresses, At, HostId, MachineState, MachineStatus, OfferFilter, Rate, RightCheck,
    };

    use super::*;

    /// A cloud whose answers are written down beforehand; the last list
    /// answer repeats.
    #[derive(Debug, Default)]
    struct Scripted {
        lists: Mutex<VecDeque<Result<Vec<&'static str>, CloudErrorKind>>>,
        destroys: Mutex<VecDeque<Result<(), CloudErrorKind>>>,
        destroyed: Mutex<Vec<Vec<MachineId>>>,
        listed: Mutex<u32>,
        key_is_bad: bool,
    }

    fn row(text: &str) -> Listed {
        let (id, label) = text.split_once(' ').unwrap_or((text, ""));
        Listed {
            machine: MachineId::new(id),
            label: label.into(),
            status: MachineStatus {
                state: MachineState::Running,
                message: String::new(),
                dead: false,
            },
            addresses: Addresses::default(),
            host: None,
            owner: None,
            gpu: String::new(),
            num_gpus: 1,
            location: String::new(),
            price: Rate::ZERO,
            started: None,
        }
    }

    #[async_trait]
    impl Cloud for Scripted {
        fn id(&self) -> CloudId {
            CloudId::Vast
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities {
                per_host_offers: true,
                create_spacing: std::time::Duration::ZERO,
                list_spacing: std::time::Duration::from_secs(1),
                onstart_chars: 4_000,
            }
        }

        async fn search(&self, _: &OfferFilter) -> Result<Found, CloudError> {
            Ok(Found::default())
        }

        async fn create(&self, _: &CreateOrder) -> CreateAnswer {
            CreateAnswer::Unknown { reason: String::new() }
        }

        async fn list(&self) -> Result<Vec<Listed>, CloudError> {
            *self.listed.lock().unwrap() += 1;
            let mut lists = self.lists.lock().unwrap();
            let answer = if lists.len() > 1 { lists.pop_front() } else { lists.front().cloned() };
            match answer.unwrap_or_else(|| Ok(Vec::new())) {
                Ok(rows) => Ok(rows.into_iter().map(row).collect()),
                Err(kind) => Err(CloudError::new(kind, "scripted")),
            }
        }

        async fn destroy(&self, machines: &[MachineId]) -> Result<(), CloudError> {
            self.destroyed.lock().unwrap().push(machines.to_vec());
            let answer = self.destroys.lock().unwrap().pop_front();
            answer.unwrap_or(Ok(())).map_err(|kind| CloudError::new(kind, "scripted"))
        }

        async fn attach_key(&self, _: &MachineId, _: &str) -> Result<(), CloudError> {
            Ok(())
        }

        async fn account(&self) -> Result<Account, CloudError> {
            if self.key_is_bad {
                return Err(CloudError::new(CloudErrorKind::KeyRefused, "scripted"));
            }
            Ok(Account { credit: None })
        }

        fn deadman_api(&self) -> Option<String> {
            None
        }

        fn time(&self) -> Option<At> {
            None
        }

        async fn show(&self, _: &MachineId) -> Result<Option<Listed>, CloudError> {
            not_asked()
        }

        async fn label(&self, _: &MachineId, _: &str) -> Result<(), CloudError> {
            not_asked()
        }

        async fn stop(&self, _: &MachineId) -> Result<(), CloudError> {
            not_asked()
        }

        async fn start(&self, _: &MachineId) -> Result<(), CloudError> {
            not_asked()
        }

        async fn logs(&self, _: &MachineId, _: u32) -> Result<Vec<String>, CloudError> {
            not_asked()
        }

        async fn rights(&self) -> Result<Vec<RightCheck>, CloudError> {
            not_asked()
        }

        async fn charges(&self, _: At, _: At) -> Result<Vec<Charge>, CloudError> {
            not_asked()
        }

        async fn reports(&self, _: &HostId) -> Result<Vec<HostReport>, CloudError> {
            not_asked()
        }
    }

    /// The reaper asks for nothing but lists, destruction and the account.
    fn not_asked<T>() -> Result<T, CloudError> {
        panic!("a reaper does not ask for this")
    }

    struct Bench {
        reaper: Reaper,
        clock: Clock,
        sights: mpsc::UnboundedReceiver<Sight>,
    }

    fn bench(cloud: Arc<Scripted>) -> Bench {
        let clock = Clock::on_tokio_time(At::from_unix_ms(0));
        let (tell, sights) = mpsc::unbounded_channel();
        let reaper = Reaper::start(cloud, clock.clone(), move |_, sight| {
            let _ = tell.send(sight);
        });
        Bench { reaper, clock, sights }
    }

    impl Bench {
        /// When the machine was said to be gone, if within `ms`.
        async fn gone_within(&mut self, ms: u64) -> Option<u64> {
            let end = self.clock.now().after(ms);
            loop {
                tokio::select! {
                    sight = self.sights.recv() => match sight {
                        Some(Sight::Gone(_)) => return Some(self.clock.now().0),
                        Some(_) => {}
                        None => return None,
                    },
                    () = self.clock.sleep_until(end) => return None,
                }
            }
        }
    }

    fn scripted(lists: Vec<Result<Vec<&'static str>, CloudErrorKind>>) -> Scripted {
        Scripted { lists: Mutex::new(lists.into()), ..Scripted::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn gone_needs_two_lists_two_seconds_apart() {
        let cloud = Arc::new(scripted(vec![Ok(vec!["1", "2"]), Ok(vec!["2"])]));
        let mut bench = bench(Arc::clone(&cloud));
        bench.reaper.condemn(vec![MachineId::new("1")]);
        let gone = bench.gone_within(60_000).await.unwrap();
        assert!((3_000..5_000).contains(&gone), "gone after {gone} ms");
        assert_eq!(cloud.destroyed.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_or_broken_list_is_never_nothing() {
        let cloud = Arc::new(scripted(vec![
            Ok(vec!["1"]),
            Err(CloudErrorKind::NotUnderstood),
            Err(CloudErrorKind::Unreachable),
            Err(CloudErrorKind::KeyRefused),
        ]));
        let mut bench = bench(cloud);
        bench.reaper.condemn(vec![MachineId::new("1")]);
        assert_eq!(bench.gone_within(600_000).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_list_under_a_bad_key_is_never_nothing() {
        let cloud = Arc::new(Scripted { key_is_bad: true, ..scripted(vec![Ok(vec![])]) });
        let mut bench = bench(cloud);
        bench.reaper.condemn(vec![MachineId::new("1")]);
        assert_eq!(bench.gone_within(600_000).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_no_list_ever_had_gets_ten_seconds_to_appear() {
        let mut lists = vec![Ok(vec![]); 6];
        lists.extend([Ok(vec!["1"]), Ok(vec!["1"])]);
        let cloud = Arc::new(scripted(lists));
        let mut bench = bench(Arc::clone(&cloud));
        bench.reaper.condemn(vec![MachineId::new("1")]);
        assert_eq!(bench.gone_within(30_000).await, None, "it appeared and stands there");
        assert!(cloud.destroyed.lock().unwrap().len() > 2, "and is destroyed again and again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_destroy_is_repeated_and_lists_before_it_do_not_count() {
        let cloud = Arc::new(Scripted {
            destroys: Mutex::new(
                vec![
                    Err(CloudErrorKind::Unreachable),
                    Err(CloudErrorKind::Throttled {
                        retry_after: Some(std::time::Duration::from_secs(7)),
                    }),
                ]
                .into(),
            ),
            ..scripted(vec![Ok(vec!["1"]), Ok(vec![])])
        });
        let mut bench = bench(Arc::clone(&cloud));
        bench.reaper.condemn(vec![MachineId::new("1")]);
        let gone = bench.gone_within(60_000).await.unwrap();
        assert_eq!(cloud.destroyed.lock().unwrap().len(), 3);
        assert!(gone >= 10_000, "not before the accepted call at 8 s and two lists: {gone}");
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_destroyed_in_one_call() {
        let cloud = Arc::new(scripted(vec![Ok(vec![])]));
        let bench = bench(Arc::clone(&cloud));
        bench.reaper.condemn((0..14).map(|id| MachineId::new(id.to_string())).collect());
        bench.clock.sleep(500).await;
        assert_eq!(cloud.destroyed.lock().unwrap()[0].len(), 14);
    }

    #[tokio::test(start_paused = true)]
    async fn a_label_is_looked_up_rarely_and_to_the_end() {
        let cloud = Arc::new(scripted(vec![Ok(vec!["9 other"])]));
        let mut bench = bench(Arc::clone(&cloud));
        bench.reaper.look_up("dumont/a-b/1".into(), 120_000);
        let mut not_found = None;
        while not_found.is_none() {
            if let Some(Sight::NotFound { .. }) = bench.sights.recv().await {
                not_found = Some(bench.clock.now().0);
            }
        }
        assert!((120_000..121_500).contains(&not_found.unwrap()), "{not_found:?}");
        assert!(*cloud.listed.lock().unwrap() <= 9, "1, 2, 4, … 64, 120 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_label_that_turns_up_is_told() {
        let cloud = Arc::new(scripted(vec![Ok(vec![]), Ok(vec![]), Ok(vec!["7001 dumont/a-b/1"])]));
        let mut bench = bench(cloud);
        bench.reaper.look_up("dumont/a-b/1".into(), 120_000);
        loop {
            if let Some(Sight::Found { machine, .. }) = bench.sights.recv().await {
                assert_eq!(machine, MachineId::new("7001"));
                break;
            }
        }
        assert_eq!(bench.clock.now().0, 4_000);
    }

    #[tokio::test(start_paused = true)]
    async fn watchers_get_one_list_a_second_however_many_they_are() {
        let cloud = Arc::new(scripted(vec![Ok(vec![])]));
        let bench = bench(Arc::clone(&cloud));
        (0..15).for_each(|_| bench.reaper.watch());
        bench.clock.sleep(10_500).await;
        let listed = *cloud.listed.lock().unwrap();
        assert!((10..=11).contains(&listed), "{listed}");
        (0..15).for_each(|_| bench.reaper.unwatch());
        bench.clock.sleep(60_000).await;
        assert!(*cloud.listed.lock().unwrap() <= listed + 1);
    }
}
