//! The state of the practice cloud: offers that are used up by renting,
//! machines that live and cost by the clock, keys, money, faults still to
//! come. One lock, never held across a wait; every rule of the market is
//! applied under it, so two calls cannot rent the same GPUs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, mem};

use model::{At, Money};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::instance::{Bill, Boot, BootKind, Instance, SshKey};
use super::reply::Reply;
use super::script::{ApiCall, ApiFault, Fate, Fault, HostSpec, RateLimit, Script, When};
use super::seed::Dice;
use crate::pace::Pace;

/// Calls remembered one by one; the counters go on.
const CALLS: usize = 20_000;
/// A create that comes this soon after another lost a race; later the offer
/// was gone before the call (§3.4 words both).
const RACE_MS: i64 = 2_000;
const DAY_MS: i64 = 86_400_000;

/// The practice cloud's state. Clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    pace: Pace,
    start: At,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct State {
    pub script: Script,
    /// The script's, shared with the machines rented of them.
    #[serde(skip)]
    hosts: Vec<Arc<HostSpec>>,
    slots: Vec<Slot>,
    /// Asks that are used up or withdrawn, and when.
    used: BTreeMap<u64, At>,
    pub instances: BTreeMap<u64, Instance>,
    next_instance: u64,
    next_ask: u64,
    next_key: u64,
    pub account_keys: Vec<SshKey>,
    /// Money paid in.
    paid: Money,
    dice: Dice,
    counts: BTreeMap<ApiCall, u32>,
    /// Day and rows of searches on it.
    rows: (i64, u32),
    #[serde(skip)]
    buckets: BTreeMap<ApiCall, (f64, At)>,
    #[serde(skip)]
    calls: VecDeque<Call>,
    /// The last answer to each kind of call.
    #[serde(skip)]
    pub answered: BTreeMap<ApiCall, Reply>,
    /// Texts behind the result addresses of logs and commands.
    #[serde(skip)]
    pub results: BTreeMap<u64, String>,
}

/// A part of a host that is or was on the market.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Slot {
    pub host: usize,
    pub ask: u64,
    pub gpus: Vec<u32>,
    withdrawn: bool,
}

/// A request the cloud received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When.
    pub at: At,
    /// What kind.
    pub call: ApiCall,
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
}

/// What a renter asks for.
#[derive(Clone)]
pub(super) struct Order {
    pub ask: u64,
    pub image: String,
    pub label: Option<String>,
    pub onstart: String,
    pub env: BTreeMap<String, String>,
    pub disk_gb: f64,
    pub runtype: String,
    pub template: Option<String>,
    pub bid: Option<f64>,
    pub cancel_unavail: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RentOutcome {
    Rented {
        id: u64,
        api_key: String,
        create_ms: u64,
    },
    /// Refused; a stopped machine exists all the same.
    RefusedButRented {
        id: u64,
        create_ms: u64,
    },
    /// Somebody was faster.
    LostRace {
        create_ms: u64,
    },
    /// There was no such offer.
    NoSuchAsk {
        create_ms: u64,
    },
    NoCredit,
    DiskTooLarge,
}

impl World {
    /// A new world. `start` is the moment its clock, `pace`, began.
    #[must_use]
    pub fn new(script: Script, pace: Pace, start: At) -> Self {
        let hosts: Vec<_> = script.hosts.iter().cloned().map(Arc::new).collect();
        let slots = hosts
            .iter()
            .enumerate()
            .flat_map(|(index, host)| {
                host.asks.iter().map(move |ask| Slot {
                    host: index,
                    ask: ask.id,
                    gpus: ask.gpus.clone(),
                    withdrawn: false,
                })
            })
            .collect();
        let state = State {
            hosts,
            slots,
            used: BTreeMap::new(),
            instances: BTreeMap::new(),
            next_instance: 7_835_610,
            next_ask: 31_000_000,
            next_key: 1,
            account_keys: Vec::new(),
            paid: script.credit,
            dice: Dice::new(script.seed),
            counts: BTreeMap::new(),
            rows: (0, 0),
            buckets: BTreeMap::new(),
            calls: VecDeque::new(),
            answered: BTreeMap::new(),
            results: BTreeMap::new(),
            script,
        };
        Self::from_state(state, pace, start)
    }

    fn from_state(state: State, pace: Pace, start: At) -> Self {
        let (changes, _) = watch::channel(0);
        Self(Arc::new(Inner { pace, start, state: Mutex::new(state), changes }))
    }

    /// The world as JSON, with all times as moments, so that it can go on
    /// later. It holds what renters gave their machines: secrets included.
    ///
    /// # Errors
    /// Never in practice: every field has a JSON form.
    pub fn save(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(&*self.state())
    }

    /// A saved world that goes on at `start`, the moment `pace` began. Time in
    /// between has passed and has cost.
    ///
    /// # Errors
    /// When the JSON is no saved world.
    pub fn load(
        saved: serde_json::Value,
        pace: Pace,
        start: At,
    ) -> Result<Self, serde_json::Error> {
        let mut state: State = serde_json::from_value(saved)?;
        state.hosts = state.script.hosts.iter().cloned().map(Arc::new).collect();
        state.slots.retain(|slot| slot.host < state.hosts.len());
        // Addresses belonged to the listeners of another process.
        for instance in state.instances.values_mut() {
            instance.direct = None;
            instance.proxy = None;
        }
        Ok(Self::from_state(state, pace, start))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changed(&self) {
        self.0.changes.send_modify(|version| *version = version.wrapping_add(1));
    }

    /// The moment it is in this world.
    #[must_use]
    pub fn now(&self) -> At {
        self.0.start.after_ms(i64::try_from(self.0.pace.now_ms()).unwrap_or(i64::MAX))
    }

    /// Its clock.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.0.pace
    }

    /// Waits until that moment of this world.
    pub async fn wait_until(&self, at: At) {
        let ms = u64::try_from(at.unix_ms() - self.0.start.unix_ms()).unwrap_or(0);
        self.0.pace.sleep_until(ms).await;
    }

    /// Changes its value whenever a machine is rented, destroyed, started,
    /// stopped, labelled or given a key. What passes with time alone, such as
    /// a boot, is no change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Every machine that ever was, oldest first.
    #[must_use]
    pub fn instances(&self) -> Vec<Instance> {
        self.state().instances.values().cloned().collect()
    }

    /// One machine, also a destroyed one.
    #[must_use]
    pub fn instance(&self, id: u64) -> Option<Instance> {
        self.state().instances.get(&id).cloned()
    }

    /// Machines that exist and cost now.
    #[must_use]
    pub fn alive(&self) -> Vec<Instance> {
        let now = self.now();
        self.state().instances.values().filter(|one| one.is_alive(now)).cloned().collect()
    }

    /// What a machine has cost by now.
    #[must_use]
    pub fn bill(&self, id: u64) -> Option<Bill> {
        let now = self.now();
        let state = self.state();
        state.instances.get(&id).map(|one| state.bill(one, now))
    }

    /// What all machines have cost by now.
    #[must_use]
    pub fn spent(&self) -> Money {
        let now = self.now();
        self.state().spent(now)
    }

    /// Money left on the account.
    #[must_use]
    pub fn credit(&self) -> Money {
        let now = self.now();
        self.state().credit(now)
    }

    /// Money comes onto the account.
    pub fn pay(&self, money: Money) {
        self.state().paid += money;
    }

    /// The last requests, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// How many requests of this kind there were.
    #[must_use]
    pub fn count(&self, call: ApiCall) -> u32 {
        self.state().counts.get(&call).copied().unwrap_or(0)
    }

    /// Where a machine's practice SSH servers listen. The API shows the direct
    /// address once the container runs, the relay's at once.
    pub fn set_addresses(
        &self,
        id: u64,
        direct: Option<(String, u16)>,
        proxy: Option<(String, u16)>,
    ) {
        if let Some(instance) = self.state().instances.get_mut(&id) {
            instance.direct = direct;
            instance.proxy = proxy;
        }
    }

    /// Traffic of a machine, to be billed.
    pub fn add_traffic(&self, id: u64, down_bytes: u64, up_bytes: u64) {
        if let Some(instance) = self.state().instances.get_mut(&id) {
            instance.down_bytes = instance.down_bytes.saturating_add(down_bytes);
            instance.up_bytes = instance.up_bytes.saturating_add(up_bytes);
        }
    }

    /// From now on only this key is good; `None`: any is.
    pub fn set_key(&self, key: Option<String>) {
        self.state().script.key = key;
    }

    /// One more thing goes wrong. Calls made already count for
    /// [`When::Nth`].
    pub fn add_fault(&self, call: ApiCall, when: When, what: Fault) {
        self.state().script.faults.push(ApiFault { call, when, what });
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&self) {
        self.state().script.faults.clear();
    }

    /// Halts a machine, as somebody else with the same key would. False: there
    /// is none.
    #[must_use]
    pub fn stop(&self, id: u64) -> bool {
        let now = self.now();
        let done = self.state().stop(id, now);
        if done {
            self.changed();
        }
        done
    }

    /// Destroys a machine, as somebody else with the same key would. False:
    /// there is none.
    #[must_use]
    pub fn destroy(&self, id: u64) -> bool {
        let now = self.now();
        let done = self.state().destroy(id, now);
        if done {
            self.changed();
        }
        done
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl State {
    /// Notes a request, and says which fault, if any, befalls it.
    pub fn record(&mut self, call: Call) -> Option<Fault> {
        let kind = call.call;
        let count = self.counts.entry(kind).or_default();
        *count = count.saturating_add(1);
        let count = *count;
        if self.calls.len() == CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(call);

        let mut fault = None;
        for one in self.script.faults.iter().filter(|one| one.call == kind) {
            let hits = match one.when {
                When::Nth(nth) => count == nth,
                When::From(first) => count >= first,
                When::Chance(chance) => self.dice.unit() < chance,
            };
            if hits && fault.is_none() {
                fault = Some(one.what.clone());
            }
        }
        fault
    }

    /// Takes a token. An empty bucket gives the limit and the wait in
    /// milliseconds.
    pub fn take_token(&mut self, call: ApiCall, now: At) -> Result<(), (RateLimit, u64)> {
        let Some(limit) = self.script.limits.iter().find(|limit| limit.call == call).copied()
        else {
            return Ok(());
        };
        let full = f64::from(limit.burst.max(1));
        let (tokens, since) = self.buckets.get(&call).copied().unwrap_or((full, now));
        let age_s = (now.unix_ms() - since.unix_ms()).max(0) as f64 / 1e3;
        let tokens = (tokens + age_s * limit.per_second).min(full);
        let left = if tokens >= 1.0 { tokens - 1.0 } else { tokens };
        self.buckets.insert(call, (left, now));
        if tokens >= 1.0 {
            return Ok(());
        }
        let wait_ms = (1.0 - tokens) / limit.per_second.max(1e-6) * 1e3;
        Err((limit, wait_ms.ceil() as u64))
    }

    /// Counts rows of a search against the day's quota.
    pub fn count_rows(&mut self, rows: u32, now: At) {
        let day = now.unix_ms().div_euclid(DAY_MS);
        if self.rows.0 != day {
            self.rows = (day, 0);
        }
        self.rows.1 = self.rows.1.saturating_add(rows);
    }

    /// When the quota is used up: the second it is filled again.
    pub fn quota_reset(&self, now: At) -> Option<i64> {
        let day = now.unix_ms().div_euclid(DAY_MS);
        let most = self.script.search_rows_per_day?;
        (self.rows.0 == day && self.rows.1 >= most).then(|| (day + 1) * DAY_MS / 1_000)
    }

    /// What can be rented now.
    pub fn offers(&self, now: At) -> impl Iterator<Item = (&Slot, &HostSpec)> {
        self.slots
            .iter()
            .filter(move |slot| !slot.withdrawn && !self.is_taken(slot, now))
            .map(|slot| (slot, &*self.hosts[slot.host]))
    }

    /// Every host there is.
    pub fn hosts(&self) -> impl Iterator<Item = &HostSpec> {
        self.hosts.iter().map(|host| &**host)
    }

    fn is_taken(&self, slot: &Slot, now: At) -> bool {
        let machine = self.hosts[slot.host].machine;
        self.instances.values().any(|one| {
            one.host.machine == machine
                && one.is_alive(now)
                && one.gpus.iter().any(|gpu| slot.gpus.contains(gpu))
        })
    }

    pub fn rent(&mut self, order: Order, now: At) -> RentOutcome {
        if self.credit(now) <= self.script.balance_threshold {
            return RentOutcome::NoCredit;
        }
        let found = self.slots.iter().position(|slot| slot.ask == order.ask && !slot.withdrawn);
        let taken_lately = |since: Option<At>| {
            since.is_some_and(|since| now.unix_ms() - since.unix_ms() < RACE_MS)
        };
        let Some(index) = found else {
            let used = self.used.get(&order.ask).copied();
            return if taken_lately(used) {
                self.lost_race(order, now)
            } else {
                RentOutcome::NoSuchAsk { create_ms: 0 }
            };
        };
        let slot = self.slots[index].clone();
        let host = Arc::clone(&self.hosts[slot.host]);
        let create_ms = host.script.create_ms;
        if let Fate::OfferGone { status } = host.script.fate {
            self.slots[index].withdrawn = true;
            self.used.insert(order.ask, now);
            return if status == 410 {
                RentOutcome::LostRace { create_ms }
            } else {
                RentOutcome::NoSuchAsk { create_ms }
            };
        }
        if self.is_taken(&slot, now) {
            let newest = self.instances.values().filter(|one| one.host.machine == host.machine);
            let since = newest.map(|one| one.requested).max();
            return if taken_lately(since) {
                self.lost_race(order, now)
            } else {
                RentOutcome::NoSuchAsk { create_ms }
            };
        }
        if order.disk_gb > host.disk_gb {
            return RentOutcome::DiskTooLarge;
        }
        let low_bid = order.bid.is_some_and(|bid| bid < min_bid(&host, slot.gpus.len()));
        let refused = low_bid || host.script.fate == Fate::RefusedButRented;
        self.used.insert(mem::replace(&mut self.slots[index].ask, self.next_ask), now);
        self.next_ask += 1;
        let id = self.add_instance(order, &host, slot.gpus, now);
        if refused {
            self.stop(id, now);
            return RentOutcome::RefusedButRented { id, create_ms };
        }
        let api_key = self.instances[&id].api_key.clone();
        RentOutcome::Rented { id, api_key, create_ms }
    }

    /// Without `cancel_unavail` a lost race leaves a stopped machine behind,
    /// and the answer does not say so (§3.1).
    fn lost_race(&mut self, order: Order, now: At) -> RentOutcome {
        let create_ms = 0;
        if !order.cancel_unavail {
            let used = order.ask;
            let host = self
                .instances
                .values()
                .find(|one| one.ask == used)
                .map(|one| Arc::clone(&one.host))
                .or_else(|| {
                    let slot = self.slots.iter().find(|slot| slot.ask == used)?;
                    Some(Arc::clone(&self.hosts[slot.host]))
                });
            if let Some(host) = host {
                let id = self.add_instance(order, &host, Vec::new(), now);
                self.stop(id, now);
            }
        }
        RentOutcome::LostRace { create_ms }
    }

    fn add_instance(&mut self, order: Order, host: &Arc<HostSpec>, gpus: Vec<u32>, now: At) -> u64 {
        let id = self.next_instance;
        self.next_instance += 1;
        let api_key =
            (0..4).fold(String::new(), |key, _| format!("{key}{:016x}", self.dice.next()));
        let create_ms = i64::try_from(host.script.create_ms).unwrap_or(i64::MAX);
        let rented = now.after_ms(create_ms);
        let instance = Instance {
            id,
            ask: order.ask,
            host: Arc::clone(host),
            gpus,
            label: order.label,
            image: order.image,
            onstart: order.onstart,
            env: order.env,
            disk_gb: order.disk_gb,
            runtype: order.runtype,
            template: order.template,
            bid: order.bid,
            api_key,
            keys: self.account_keys.clone(),
            requested: now,
            rented,
            destroyed: None,
            direct: None,
            proxy: None,
            down_bytes: 0,
            up_bytes: 0,
            boot: Boot { at: rented, kind: BootKind::First },
            stopped: None,
            billed_gpu_ms: 0,
        };
        self.instances.insert(id, instance);
        id
    }

    fn alive_mut(&mut self, id: u64, now: At) -> Option<&mut Instance> {
        self.instances.get_mut(&id).filter(|one| one.is_alive(now))
    }

    pub fn destroy(&mut self, id: u64, now: At) -> bool {
        self.alive_mut(id, now).map(|one| one.destroyed = Some(now)).is_some()
    }

    pub fn stop(&mut self, id: u64, now: At) -> bool {
        let bill_loading = self.script.bill_loading;
        self.alive_mut(id, now).map(|one| one.stop(now, bill_loading)).is_some()
    }

    pub fn boot(&mut self, id: u64, now: At, kind: BootKind) -> bool {
        let bill_loading = self.script.bill_loading;
        self.alive_mut(id, now).map(|one| one.boot_again(now, kind, bill_loading)).is_some()
    }

    /// A machine that exists.
    pub fn alive(&mut self, id: u64, now: At) -> Option<&mut Instance> {
        self.alive_mut(id, now)
    }

    /// The next number for a key.
    pub fn new_key(&mut self, text: String, now: At) -> SshKey {
        let id = self.next_key;
        self.next_key += 1;
        SshKey { id, text, since: now }
    }

    pub fn bill(&self, instance: &Instance, now: At) -> Bill {
        instance.bill(now, self.script.bill_loading, self.script.metered_pull_gb)
    }

    pub fn spent(&self, now: At) -> Money {
        self.instances.values().map(|one| self.bill(one, now).total()).sum()
    }

    pub fn credit(&self, now: At) -> Money {
        self.paid - self.spent(now)
    }

    /// Near zero Vast stops everything on the account at once (§8). True if it
    /// did so now.
    pub fn stop_all_if_broke(&mut self, now: At) -> bool {
        let broke = self.credit(now) <= self.script.balance_threshold;
        let running: Vec<u64> = self
            .instances
            .values()
            .filter(|one| broke && one.is_alive(now) && one.stopped.is_none())
            .map(|one| one.id)
            .collect();
        for id in &running {
            self.stop(*id, now);
        }
        !running.is_empty()
    }
}

/// Dollars an hour below which a bid is refused.
pub(super) fn min_bid(host: &HostSpec, gpus: usize) -> f64 {
    (host.usd_per_gpu_hour * gpus as f64 * 0.5 * 1e4).round() / 1e4
}
