//! Looks at the restore as a whole, twenty times a second: tells how far it is,
//! widens and narrows, sets second readers to what is slow, and ends what
//! cannot go on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::queue::{Class, Job};
use super::read::Flight;
use super::shared::{Shared, locked};
use crate::event::{Cause, Event, Progress};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(50);
/// Rates are of so long, in milliseconds.
const RATE_WINDOW_MS: u64 = 3_000;
/// Silence after which a second reader is set to a range, in milliseconds, at
/// least; else so many times the usual wait for a first byte.
const HEDGE_MS: u64 = 700;
const HEDGE_LATENCIES: u64 = 5;
/// A range is slow when it has come at less than this part of the usual rate
/// for so long, in milliseconds.
const SLOW: u64 = 6;
const SLOW_MS: u64 = 1_000;
/// What would take longer than this is divided when readers are idle, in
/// milliseconds.
const DIVIDE_MS: u64 = 400;

/// A store is given up only after each request had its own time, in
/// milliseconds.
const SLACK_MS: u64 = 10_000;

/// Throughput over the last seconds.
#[derive(Debug, Default)]
struct Rate(VecDeque<(u64, u64)>);

impl Rate {
    fn measure(&mut self, now_ms: u64, bytes: u64) -> u64 {
        self.0.push_back((now_ms, bytes));
        while self.0.len() > 2 && now_ms.saturating_sub(self.0[1].0) >= RATE_WINDOW_MS {
            self.0.pop_front();
        }
        let (then, before) = self.0[0];
        let took = now_ms.saturating_sub(then);
        bytes.saturating_sub(before).saturating_mul(1_000).checked_div(took).unwrap_or(0)
    }
}

/// Runs until the restore ends.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut restored, mut fetched) = (Rate::default(), Rate::default());
    let mut told = None;
    loop {
        looks.tick().await;
        let now_ms = shared.elapsed_ms();
        let flights = shared.flights.all();
        widen(&shared, &flights);
        help(&shared, &flights);
        if let (Some(reason), _) = shared.tickets.want(false) {
            shared.say(Event::TicketWanted { reason }).await;
        }
        judge(&shared, now_ms);
        let report = u64::try_from(shared.options.report.as_millis()).unwrap_or(u64::MAX);
        if told.is_none_or(|told| now_ms.saturating_sub(told) >= report) {
            told = Some(now_ms);
            let progress = progress(&shared, &flights, &mut restored, &mut fetched);
            shared.say(Event::Progress(progress)).await;
        }
    }
}

/// How far it is now.
pub(crate) fn last_progress(shared: &Shared) -> Progress {
    progress(shared, &[], &mut Rate::default(), &mut Rate::default())
}

fn progress(
    shared: &Shared,
    flights: &[Arc<Flight>],
    restored: &mut Rate,
    fetched: &mut Rate,
) -> Progress {
    let summary = shared.summary();
    let counters = &shared.counters;
    let landed = counters.landed_bytes.load(Ordering::Relaxed);
    let new = landed.saturating_sub(summary.kept_bytes);
    let bytes_per_s = restored.measure(summary.elapsed_ms, new);
    let fetched_bytes_per_s = fetched.measure(summary.elapsed_ms, summary.fetched_bytes);
    let totals = shared.header.get().map(|header| header.totals).unwrap_or_default();
    let left = totals.bytes.saturating_sub(landed);
    let is_all = totals.critical_entries == 0;
    Progress {
        elapsed_ms: summary.elapsed_ms,
        files: summary.files,
        bytes: landed,
        fetched_bytes: summary.fetched_bytes,
        bytes_per_s,
        fetched_bytes_per_s,
        eta_ms: left.saturating_mul(1_000).checked_div(bytes_per_s),
        connections: u32::try_from(flights.len()).unwrap_or(u32::MAX),
        critical_files: if is_all {
            summary.files
        } else {
            counters.critical_files.load(Ordering::Relaxed)
        },
        critical_bytes: if is_all {
            landed
        } else {
            counters.critical_bytes.load(Ordering::Relaxed)
        },
        failed: summary.failed,
        groups: counters
            .groups
            .get()
            .into_iter()
            .flatten()
            .map(|(files, bytes)| (files.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed)))
            .collect(),
    }
}

fn widen(shared: &Shared, flights: &[Arc<Flight>]) {
    let mut width = locked(&shared.width);
    let is_full =
        flights.len() >= width.now() && !shared.memory.is_short() && shared.queue.len() > 0;
    let bytes = shared.counters.fetched_bytes.load(Ordering::Relaxed);
    width.measure(shared.start.elapsed(), bytes, is_full);
    shared.queue.allow(width.now());
}

/// Sets second readers to what is silent or slow, and divides what the last
/// readers still have before them when others have nothing to do.
fn help(shared: &Shared, flights: &[Arc<Flight>]) {
    let on_line = |flight: &&Arc<Flight>| !flight.is_waiting.load(Ordering::Relaxed);
    let is_calm = !shared.memory.is_short();
    let patience = (shared.latency_ms() * HEDGE_LATENCIES).max(HEDGE_MS);
    let mut rates: Vec<u64> = flights.iter().filter_map(|flight| rate(flight)).collect();
    rates.sort_unstable();
    let usual = rates.get(rates.len() / 2).copied().unwrap_or(0);
    let mut idle = shared.queue.allowed().saturating_sub(flights.len());
    let is_tail = shared.queue.len() == 0 && locked(&shared.sections).is_empty();
    for flight in flights.iter().filter(on_line) {
        if flight.job.is_hedge || flight.is_hedged.load(Ordering::Relaxed) {
            continue;
        }
        let left = flight.left();
        let rate = rate(flight);
        let is_silent = flight.silent_ms(shared) > patience;
        let is_slow = is_calm
            && millis(flight.began.elapsed()) > SLOW_MS
            && left > 1 << 20
            && rate.is_some_and(|rate| rate < usual / SLOW);
        let (at, to) = (flight.at.load(Ordering::Relaxed), flight.to.load(Ordering::Relaxed));
        if is_silent || is_slow {
            flight.is_hedged.store(true, Ordering::Relaxed);
            let range = Arc::clone(&flight.job.range);
            let job = Job::new(range, Class::Urgent);
            shared.queue.push([Job { from: at, to, is_hedge: true, ..job }]);
        } else if is_tail
            && is_calm
            && idle > 0
            && to.saturating_sub(at) > 3
            && rate.is_some_and(|rate| left.saturating_mul(1000) / rate.max(1) > DIVIDE_MS)
        {
            idle -= 1;
            let middle = at + (to - at).div_ceil(2) + 1;
            flight.to.store(middle, Ordering::Relaxed);
            let range = Arc::clone(&flight.job.range);
            let job = Job::new(range, flight.job.class);
            shared.queue.push([Job { from: middle, to, ..job }]);
        }
    }
}

/// Bytes a second since the first byte; `None` as long as little is known.
fn rate(flight: &Flight) -> Option<u64> {
    let took = millis(flight.began.elapsed());
    let bytes = flight.bytes.load(Ordering::Relaxed);
    (took > 200 && bytes > 0).then(|| bytes.saturating_mul(1_000) / took)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Ends what cannot go on.
fn judge(shared: &Shared, now_ms: u64) {
    let patience = shared.options.patience;
    let is_parked = shared.queue.has_parked() || shared.is_plan_parked.load(Ordering::Acquire);
    if is_parked {
        if let (_, Some(wanted)) = shared.tickets.want(false)
            && wanted > patience
        {
            let details = "no renewed ticket came".to_owned();
            shared.abort(Cause::TicketExpired, details);
        }
        return;
    }
    let silent = now_ms.saturating_sub(shared.heard_ms.load(Ordering::Relaxed));
    let is_wanted = shared.counters.open.load(Ordering::Relaxed) > 0
        && shared.work.is_idle()
        && !shared.memory.is_short();
    if is_wanted && silent > millis(patience) + SLACK_MS {
        let details = format!("nothing came for {} s", silent / 1_000);
        shared.abort(Cause::StoreUnreachable, details);
    }
}
