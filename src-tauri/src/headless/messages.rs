//! Every word the command line says to people, and the JSON it says to
//! programs.

use std::io::Write as _;
use std::time::Duration;

use engine::Check;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::{
    AppError, Cap, Code, Fact, FactBody, HostStanding, HostView, InstallRoute, LaneBrief, LaneNo,
    LostReason, MachineId, MachineView, OffersView, Ownership, Recipe, Rented, RunPhase, RunView,
    SnapshotGroup, StandingTool, Step, StoreAccess, SweepView, TreeEntry, TreeEntryKind, clean,
};
use serde::Serialize;
use serde_json::json;

/// This binary was built without the window.
#[cfg(not(feature = "window"))]
pub(super) const NO_WINDOW: &str = "This build works without a display and has no window. \
    `cargo practice` builds and opens the window; the subcommands above work here.";

/// How often the status line is drawn.
const REDRAW: Duration = Duration::from_millis(100);

/// Says things, in words or in JSON.
pub(super) struct Printer {
    json: bool,
}

impl Printer {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Says what is wrong and what to do, and returns the exit code.
    pub(super) fn error(&self, error: &AppError) -> u8 {
        if self.json {
            line(&json!({ "error": error }));
        } else {
            let (title, next) = words(error.code);
            eprintln!("{title} [{}]", error.code);
            if !error.details.is_empty() {
                eprintln!("  cause: {}", error.details);
            }
            eprintln!("  next:  {next}");
        }
        error.code.exit(false, false)
    }

    pub(super) fn live(&self) -> Live {
        Live::new(self.json)
    }

    pub(super) fn offers(&self, view: &OffersView) {
        if self.json {
            view.rows.iter().for_each(line);
            return;
        }
        let head = ["offer", "host", "GPU", "$/h", "down Mb/s", "reliab.", "place", "own boots"];
        let rows = view.rows.iter().map(|row| {
            let offer = &row.offer;
            let boots = row.history.as_ref().map_or_else(
                || "new".to_owned(),
                |record| match record.median_ready_ms {
                    Some(ms) => format!("{} of {}", seconds(ms), record.lanes),
                    None => format!("{} lanes, none ready", record.lanes),
                },
            );
            [
                offer.id.to_string(),
                offer.host.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
                format!("{} x {}", offer.num_gpus, offer.gpu),
                format!("{:.3}", offer.price.usd_per_hour()),
                format!("{:.0}", offer.inet_down_mbps),
                format!("{:.3}", offer.reliability),
                offer.location.clone(),
                boots,
            ]
        });
        table(head, rows);
        let more = if view.truncated { "; the cloud has more than it returned" } else { "" };
        out(&format!("{} offers of {} rows{more}", view.rows.len(), view.found));
    }

    pub(super) fn snapshots(&self, groups: &[SnapshotGroup]) {
        if self.json {
            groups.iter().for_each(line);
            return;
        }
        let head = ["snapshot", "taken", "host", "tags", "paths", "size", "new", "same contents"];
        let rows = groups.iter().map(|group| {
            let newest = &group.newest;
            let same: Vec<&str> = group.same.iter().map(|same| same.id.short()).collect();
            [
                newest.id.short().to_owned(),
                newest.time.to_string(),
                newest.hostname.clone(),
                newest.tags.join(","),
                newest.paths.join(","),
                newest.bytes.map_or_else(|| "-".to_owned(), bytes),
                newest.added_bytes.map_or_else(|| "-".to_owned(), bytes),
                if same.is_empty() { "-".to_owned() } else { same.join(",") },
            ]
        });
        table(head, rows);
    }

    pub(super) fn tree(&self, entries: &[TreeEntry]) {
        if self.json {
            entries.iter().for_each(line);
            return;
        }
        let rows = entries.iter().map(|entry| {
            let target = entry.target.as_ref().map(|target| format!(" -> {target}"));
            let slash = if entry.kind == TreeEntryKind::Folder { "/" } else { "" };
            [
                format!("{:04o}", entry.mode & 0o7777),
                entry.bytes.map_or_else(|| "-".to_owned(), bytes),
                entry.modified.map_or_else(|| "-".to_owned(), |at| at.to_string()),
                format!("{}{slash}{}", entry.name, target.unwrap_or_default()),
            ]
        });
        table(["mode", "size", "modified", "name"], rows);
    }

    pub(super) fn hosts(&self, hosts: &[HostView]) {
        if self.json {
            hosts.iter().for_each(line);
            return;
        }
        if hosts.is_empty() {
            out("no host was rented yet");
            return;
        }
        let head = [
            "host", "cloud", "GPU", "place", "rented", "won", "failed", "ready", "p90", "standing",
        ];
        let rows = hosts.iter().map(|host| {
            let record = &host.record;
            let time = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), seconds);
            let standing = match (host.standing, record.rests_until) {
                (HostStanding::Blocked, _) => "blocked".to_owned(),
                (HostStanding::Preferred, _) => "preferred".to_owned(),
                (HostStanding::None, Some(until)) => format!("rests until {until}"),
                (HostStanding::None, None) => "-".to_owned(),
            };
            [
                host.host.to_string(),
                host.cloud.to_string(),
                host.gpu.clone(),
                host.location.clone(),
                record.lanes.to_string(),
                record.wins.to_string(),
                record.failures.to_string(),
                time(record.median_ready_ms),
                time(record.p90_ready_ms),
                standing,
            ]
        });
        table(head, rows);
    }

    pub(super) fn recipes(&self, recipes: &[Recipe]) {
        if self.json {
            recipes.iter().for_each(line);
            return;
        }
        let head = ["recipe", "snapshot", "target", "critical", "GPU", "at most", "policy", "tool"];
        let any = || "any".to_owned();
        let rows = recipes.iter().map(|recipe| {
            [
                recipe.name.clone(),
                recipe.snapshot.to_string(),
                recipe.target.clone(),
                if recipe.critical.is_empty() { "-".to_owned() } else { recipe.critical.join(",") },
                recipe.filter.gpu.clone().unwrap_or_else(any),
                recipe.filter.max_price.map_or_else(any, |price| price.to_string()),
                recipe.policy.as_str().to_owned(),
                recipe.tool.as_str().to_owned(),
            ]
        });
        table(head, rows);
    }

    pub(super) fn machines(&self, machines: &[MachineView]) {
        if self.json {
            machines.iter().for_each(line);
            return;
        }
        if machines.is_empty() {
            out("no machines on the account");
            return;
        }
        let head = ["machine", "cloud", "whose", "state", "GPU", "$/h", "spent", "place", "ssh"];
        let rows = machines.iter().map(|view| {
            let address = view.addresses.direct.as_ref().or(view.addresses.proxy.as_ref());
            [
                view.machine.to_string(),
                view.cloud.to_string(),
                whose(view).to_owned(),
                state(view),
                format!("{} x {}", view.num_gpus, view.gpu),
                format!("{:.3}", view.price.usd_per_hour()),
                view.spent.to_string(),
                view.location.clone(),
                address.map_or_else(|| "-".to_owned(), ToString::to_string),
            ]
        });
        table(head, rows);
    }

    pub(super) fn destroyed(&self, machine: &MachineId) {
        if self.json {
            line(&json!({ "machine": machine, "destroyed": true, "confirmed": true }));
        } else {
            out(&format!("{machine} is gone: two complete lists of the cloud do not have it"));
        }
    }

    pub(super) fn sweep(&self, report: &SweepView) {
        if self.json {
            line(&json!({
                "destroyed": report.destroyed,
                "kept": report.kept,
                "unconfirmed": report.unconfirmed,
                "others": report.others,
            }));
            return;
        }
        let mut said = false;
        let mut say = |names: Vec<String>, what: &str| {
            if !names.is_empty() {
                said = true;
                out(&format!("{what}: {}", names.join(", ")));
            }
        };
        say(report.destroyed.clone(), "destroyed and confirmed gone");
        let name = |view: &MachineView| view.machine.to_string();
        say(report.kept.iter().map(name).collect(), "kept, a run's winner");
        say(report.unconfirmed.clone(), "NOT CONFIRMED GONE, may still cost money");
        say(report.others.iter().map(name).collect(), "not of this computer, left alone");
        if !said {
            out("nothing was left behind");
        }
    }

    pub(super) fn checks(&self, checks: &[Check]) {
        for check in checks {
            match (&check.result, self.json) {
                (Ok(found), true) => line(&json!({ "check": check.name, "found": found })),
                (Err(error), true) => line(&json!({ "check": check.name, "error": error })),
                (Ok(found), false) => out(&format!("ok    {:<12} {found}", check.name)),
                (Err(error), false) => {
                    let (title, next) = words(error.code);
                    out(&format!("WRONG {:<12} {title}: {}", check.name, error.details));
                    out(&format!("      {:<12} {next}", ""));
                }
            }
        }
    }
}

/// A run as it happens: a line a fact, and on a terminal a line that moves.
pub(super) struct Live {
    json: bool,
    bar: ProgressBar,
    ticks: tokio::time::Interval,
}

impl Live {
    fn new(json: bool) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{msg}").unwrap_or(ProgressStyle::default_spinner()),
        );
        if json {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { json, bar, ticks: tokio::time::interval(REDRAW) }
    }

    pub(super) async fn tick(&mut self) {
        self.ticks.tick().await;
    }

    pub(super) fn fact(&self, fact: &Fact, view: &RunView) {
        if self.json {
            line(fact);
        } else if let Some(text) = sentence(&fact.body, view) {
            let at = fact.elapsed_ms as f64 / 1_000.0;
            self.say(&format!("{at:7.1} s  {text}"));
        }
    }

    pub(super) fn cancelling(&self) {
        if !self.json {
            self.say(
                "           cancelling: every machine is being destroyed (again: do not wait)",
            );
        }
    }

    pub(super) fn redraw(&self, view: &RunView) {
        if !self.json {
            self.bar.set_message(status(view));
        }
    }

    pub(super) fn end(&self, view: &RunView) {
        self.bar.finish_and_clear();
        if !self.json {
            receipt(view);
        }
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| out(text));
    }
}

/// The moving line.
fn status(view: &RunView) -> String {
    let count = |test: &dyn Fn(&model::LaneView) -> bool| {
        view.lanes.iter().filter(|lane| test(lane)).count()
    };
    let racing = count(&|lane| lane.lost_ms.is_none() && view.winner != Some(lane.brief.lane));
    let cost = format!("{} spent, at most {}", view.spent, view.at_most);
    match view.phase {
        RunPhase::Preparing => "asking for offers, credit and the repository".to_owned(),
        RunPhase::Racing => {
            let out = count(&|lane| lane.lost_ms.is_some());
            let gone = count(&|lane| lane.destroyed_confirmed);
            format!("{racing} racing, {out} out, {gone} confirmed gone, {cost}")
        }
        RunPhase::Installing => format!("the winner gets its tool, {cost}"),
        RunPhase::Restoring => view.restore.as_ref().map_or_else(String::new, |restore| {
            let share = restore.bytes_done * 100 / restore.bytes.max(1);
            let eta = restore
                .eta_ms
                .map_or_else(String::new, |ms| format!(", about {} left", seconds(ms)));
            format!(
                "{share:3} %  {} of {}, {}/s{eta}",
                bytes(restore.bytes_done),
                bytes(restore.bytes),
                bytes(restore.bytes_per_s),
            )
        }),
        RunPhase::Ready | RunPhase::Failed | RunPhase::Cancelled => {
            let open = count(&|lane| {
                lane.lost_ms.is_some() && lane.machine.is_some() && lane.destroyed_ms.is_none()
            });
            format!("waiting for {open} destroyed machines to be confirmed gone")
        }
    }
}

/// The last words: what was rented, what is gone, what it cost.
fn receipt(view: &RunView) {
    let rented = view.lanes.iter().filter(|lane| lane.machine.is_some()).count();
    let gone =
        view.lanes.iter().filter(|lane| lane.machine.is_some() && lane.destroyed_confirmed).count();
    out("");
    out(&format!("  asked for ............ {:>3} machines", view.lanes.len()));
    out(&format!("  rented ............... {rented:>3}"));
    out(&format!("  confirmed gone ....... {gone:>3}"));
    out(&format!("  cost, estimate ....... {}", view.spent));
    if let Some(lane) = view.winner.and_then(|lane| view.lane(lane))
        && let Some(machine) = &lane.machine
    {
        out(&format!("  kept ................. {machine} ({})", place(&lane.brief)));
        out(&format!(
            "\n  `dumont-cloud destroy {machine}` ends it; until then it costs {}.",
            lane.brief.usd_micros_per_hour
        ));
    }
    if !view.leftovers.is_empty() {
        out(&format!("\n  MAY STILL BE RUNNING: {}", view.leftovers.join(", ")));
        out("  `dumont-cloud sweep` goes on destroying them.");
    }
}

/// A fact in words; facts that only move numbers have none.
fn sentence(fact: &FactBody, view: &RunView) -> Option<String> {
    Some(match fact {
        FactBody::RunStarted { title, policy, practice, .. } => {
            let cloud = if *practice { " on the practice cloud (free)" } else { "" };
            format!("launching {title}{cloud}, policy {}", policy.as_str())
        }
        FactBody::OffersRanked { found, usable, at_most_usd_micros, truncated, .. } => {
            let more = if *truncated { ", the cloud has more" } else { "" };
            format!("{usable} hosts of {found} offers{more}; at most {at_most_usd_micros}")
        }
        FactBody::HeatStarted { heat: 1 } => return None,
        FactBody::HeatStarted { heat } => format!("heat {heat}: the winner failed, racing again"),
        FactBody::WaveStarted { wave, lanes, .. } => {
            format!("wave {wave}: {} machines", lanes.len())
        }
        FactBody::LaneStarted { brief, replaces } => {
            let instead = replaces.map_or_else(String::new, |lane| format!(", for lane {lane}"));
            format!("lane {}  {}{instead}", brief.lane, place(brief))
        }
        FactBody::MachineRequested { .. } => return None,
        FactBody::CreateRefused { lane, reason, .. } => {
            format!("lane {lane}  refused: {reason}; no charge")
        }
        FactBody::CloudThrottled { cloud, wait_ms, lane, .. } => {
            let who = lane.map_or_else(String::new, |lane| format!("lane {lane}  "));
            format!("{who}waiting for {cloud}: too many requests, {}", seconds(*wait_ms))
        }
        FactBody::MachineRented { lane, machine, took_ms, .. } => {
            format!("lane {lane}  rented {machine} in {}", seconds(*took_ms))
        }
        FactBody::MachineBooted { lane, took_ms, .. } => {
            format!("lane {lane}  booted in {}", seconds(*took_ms))
        }
        FactBody::MachineSlow { lane, step, limit_ms, .. } => {
            format!("lane {lane}  slow in {}: over {}", step.as_str(), seconds(*limit_ms))
        }
        FactBody::DeadmanArmed { .. } => return None,
        FactBody::MachineConnected { lane, route, took_ms, .. } => {
            format!("lane {lane}  SSH answers ({}), proved, {}", route.as_str(), seconds(*took_ms))
        }
        FactBody::LaneLost { lane, step, reason, details, took_ms, rented, .. } => {
            lost(*lane, *step, *reason, details, *took_ms, *rented)
        }
        FactBody::WinnerChosen { lane, race_ms, .. } => {
            let place = view.lane(*lane).map_or_else(String::new, |lane| place(&lane.brief));
            format!("lane {lane}  WINS after {}: {place}", seconds(*race_ms))
        }
        FactBody::MachineDestroyed { lane, machine, confirmed, usd_micros, .. } => {
            match (machine, confirmed) {
                (Some(machine), true) => format!("lane {lane}  {machine} gone, {usd_micros}"),
                (None, true) => format!("lane {lane}  nothing had been rented, no charge"),
                (Some(machine), false) => format!("lane {lane}  {machine} NOT CONFIRMED GONE"),
                (None, false) => format!("lane {lane}  UNKNOWN whether a machine runs"),
            }
        }
        FactBody::MachineCharged { lane, machine, usd_micros, .. } => {
            format!("lane {lane}  {machine} was charged {usd_micros}")
        }
        FactBody::SpendWarned { cap, usd_micros, cap_usd_micros, reached } => {
            let of = match cap {
                Cap::Run => "this run's cap",
                Cap::Day => "today's cap",
                Cap::Month => "this month's cap",
            };
            let word = if *reached { "REACHED" } else { "near" };
            format!("{of} is {word}: {usd_micros} of {cap_usd_micros}")
        }
        FactBody::ToolInstalled { standing, fallback, took_ms, .. } => {
            installed(standing, fallback.as_deref(), *took_ms)
        }
        FactBody::RestorePlanned {
            snapshot, files, bytes: size, critical_files, target, ..
        } => {
            let first = match critical_files {
                0 => String::new(),
                some => format!("; {some} of them critical"),
            };
            let snapshot = snapshot.short();
            format!("snapshot {snapshot} to {target}: {files} files, {}{first}", bytes(*size))
        }
        FactBody::RestoreReordered { path, pending: true } => format!("{path} comes first now"),
        FactBody::RestoreReordered { path, pending: false } => {
            format!("{path}: nothing of it is still to come")
        }
        FactBody::InstallAdvanced { .. }
        | FactBody::RestoreAdvanced { .. }
        | FactBody::SpendCounted { .. } => return None,
        FactBody::CriticalRestored { files, took_ms, .. } => {
            format!("critical files are there ({files}), {}: work can start", seconds(*took_ms))
        }
        FactBody::RestoreExtended { .. } => "the restore may take longer than planned".to_owned(),
        FactBody::RestoreFinished { files, verified, failed, took_ms, .. } => {
            if *verified {
                format!(
                    "everything is restored and verified ({files} files), {}",
                    seconds(*took_ms)
                )
            } else {
                format!("the restore is incomplete: {} files failed", failed.len())
            }
        }
        FactBody::ReadyScriptStarted { problem: None, log, .. } => {
            format!("the on-ready script runs, its output is in {log}")
        }
        FactBody::ReadyScriptStarted { problem: Some(why), .. } => {
            format!("the on-ready script was NOT started: {why}")
        }
        FactBody::RunReady { shell_ms, critical_ms, complete_ms, .. } => format!(
            "READY: shell {}, critical {}, everything {}",
            seconds(*shell_ms),
            seconds(*critical_ms),
            seconds(*complete_ms)
        ),
        FactBody::MachineKept { machine, .. } => format!("{machine} is kept: work can have begun"),
        FactBody::RunFailed { code, details, .. } => {
            let (title, next) = words(*code);
            format!(
                "FAILED: {title} [{code}]\n           cause: {details}\n           next:  {next}"
            )
        }
        FactBody::RunCancelled { confirmed: true, .. } => {
            "cancelled: everything is destroyed, confirmed".to_owned()
        }
        FactBody::RunCancelled { confirmed: false, .. } => {
            "cancelled, but NOT everything is confirmed gone".to_owned()
        }
        FactBody::ClockJumped { gap_ms } => {
            format!("the computer slept for {}; deadlines start afresh", seconds(*gap_ms))
        }
    })
}

fn installed(standing: &StandingTool, fallback: Option<&str>, took_ms: u64) -> String {
    let how = match standing.how {
        InstallRoute::Present => "of the image",
        InstallRoute::Fetched => "fetched while it booted",
        InstallRoute::Pushed => "sent from here",
        InstallRoute::Package => "from its package manager",
        InstallRoute::BuiltIn => "of this app",
    };
    let access = match standing.access {
        StoreAccess::Own => "",
        StoreAccess::Ticket => ", reads by signed addresses",
        StoreAccess::Temporary => ", reads with keys that end within the hour",
        StoreAccess::Lasting => ", reads with YOUR OWN STORAGE KEYS: this store takes no others",
    };
    let instead = fallback.map_or_else(String::new, |why| format!(" (not the agent: {why})"));
    let (name, version) = (standing.tool.tool.as_str(), &standing.tool.version);
    format!("{name} {version} {how}{access}, {}{instead}", seconds(took_ms))
}

fn lost(
    lane: LaneNo,
    step: Step,
    reason: LostReason,
    details: &str,
    took_ms: u64,
    rented: Rented,
) -> String {
    let why = match reason {
        LostReason::Beaten => format!("beaten in {}", step.as_str()),
        LostReason::SlowBoot | LostReason::SlowConnect => format!("too slow in {}", step.as_str()),
        other => format!("{} in {}", other.as_str(), step.as_str()),
    };
    let then = match rented {
        Rented::No => "no charge",
        Rented::Yes => "being destroyed",
        Rented::Unknown => "maybe rented: looked up",
    };
    let cause = if details.is_empty() { String::new() } else { format!(" ({details})") };
    format!("lane {lane}  out: {why}, {}{cause}; {then}", seconds(took_ms))
}

fn place(brief: &LaneBrief) -> String {
    format!(
        "{} x {}, {}, {}, host {}",
        brief.num_gpus,
        brief.gpu,
        brief.location,
        brief.usd_micros_per_hour,
        brief.host.as_ref().map_or("-", model::HostId::as_str),
    )
}

const fn whose(view: &MachineView) -> &'static str {
    match view.ownership {
        Ownership::Ours if view.kept => "ours, kept",
        Ownership::Ours if view.condemned => "ours, being destroyed",
        Ownership::Ours => "ours",
        Ownership::OtherInstall => "another computer",
        Ownership::Foreign => "foreign",
    }
}

fn state(view: &MachineView) -> String {
    view.status.as_ref().map_or_else(
        || "not listed".to_owned(),
        |status| format!("{:?}", status.state).to_lowercase(),
    )
}

/// Says a line. A reader that went away is no reason to stop: machines may be
/// running.
fn out(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn line(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => out(&text),
        Err(error) => eprintln!("a line could not be written: {error}"),
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1_000.0)
}

fn bytes(count: u64) -> String {
    let count = count as f64;
    if count >= 1e9 {
        format!("{:.2} GB", count / 1e9)
    } else if count >= 1e6 {
        format!("{:.1} MB", count / 1e6)
    } else {
        format!("{:.0} kB", (count / 1e3).ceil())
    }
}

/// Columns as wide as their widest cell.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let rows: Vec<[String; N]> = rows.map(|row| row.map(|cell| clean(&cell, 60))).collect();
    let mut widths = head.map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: &[String; N]| {
        let cells: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out(cells.join("  ").trim_end());
    };
    print(&head.map(ToOwned::to_owned));
    rows.iter().for_each(print);
}

/// What went wrong, and what to do.
const fn words(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::Usage => ("This request makes no sense", "see --help"),
        Code::CloudKeyMissing => (
            "No cloud key is set up",
            "set VAST_API_KEY, enter a key in the window, or try --practice",
        ),
        Code::CloudKeyRefused => (
            "The cloud refuses the key",
            "check VAST_API_KEY, or make a new key on the cloud's site",
        ),
        Code::CloudKeyForbidden => {
            ("The key may not do this", "give the key the right to read and write instances")
        }
        Code::CreditTooLow => {
            ("The account has too little credit", "add credit on the cloud's site")
        }
        Code::SpendLimit => {
            ("The cloud limits what this account may spend", "wait, or ask the cloud to raise it")
        }
        Code::CloudUnreachable => ("The cloud does not answer", "check the network and try again"),
        Code::CloudAnswerUnknown => {
            ("The cloud answered something unknown", "try again; report it if it stays")
        }
        Code::RateLimited => {
            ("The cloud takes no more requests now", "wait a minute and try again")
        }
        Code::SearchQuotaUsedUp => {
            ("The day's searches are used up", "wait until midnight UTC, or use narrower filters")
        }
        Code::NoOffers => ("Nothing for rent passes the filters", "loosen the filters"),
        Code::PriceCap => ("Everything for rent is above the price cap", "raise --max-price"),
        Code::CapReached => {
            ("A spending cap would be passed", "raise the cap, or use fewer machines")
        }
        Code::RepositoryMissing => (
            "No repository is set up",
            "set RESTIC_REPOSITORY and RESTIC_PASSWORD, or launch with --snapshot none",
        ),
        Code::NotARepository => {
            ("There is no restic repository at that address", "check RESTIC_REPOSITORY")
        }
        Code::RepositoryPasswordWrong => {
            ("The repository's password is wrong", "check RESTIC_PASSWORD")
        }
        Code::RepositoryTooNew => ("The repository is of a newer format", "update this app"),
        Code::StorageKeyRefused => (
            "The object store refuses the key",
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
        ),
        Code::StorageUnreachable => {
            ("The object store does not answer", "check the network and RESTIC_REPOSITORY")
        }
        Code::RepositoryDamaged => {
            ("The repository is damaged", "run `restic check` and `restic repair`")
        }
        Code::PackDamaged => {
            ("A data pack is damaged or missing", "run `restic check --read-data`")
        }
        Code::SnapshotMissing => (
            "There is no such snapshot",
            "`dumont-cloud snapshots` lists them; none is --snapshot none",
        ),
        Code::SnapshotAmbiguous => {
            ("It is not clear which snapshot is meant", "choose one with --snapshot ID")
        }
        Code::CriticalPathMissing => {
            ("A critical path is not in the snapshot", "correct --critical")
        }
        Code::CriticalPathAmbiguous => {
            ("A critical path fits several entries", "write more of its path in --critical")
        }
        Code::RecipeMissing => ("There is no such recipe", "choose another with --recipe"),
        Code::DiskTooSmall => ("The disk is too small for the snapshot", "raise --disk"),
        Code::TargetReadOnly => ("The target folder cannot be written", "choose another --target"),
        Code::OwnClockOff => {
            ("This computer's clock is off", "set the clock: signed requests would be refused")
        }
        Code::KeychainLocked => ("The keychain is locked", "unlock it and try again"),
        Code::KeychainAbsent => {
            ("There is no keychain here", "bring keys in the environment (VAST_API_KEY, …)")
        }
        Code::Interrupted => ("The app ended in the middle of the run", "launch again"),
        Code::NoMachineReady => {
            ("No machine became ready", "try again, other filters, or --policy keep-racing")
        }
        Code::WinnerFailed => ("The winner failed", "launch again; its host rests for a day"),
        Code::ToolMissing => (
            "restic is missing or too old",
            "install restic 0.14 or newer, or use an image with it",
        ),
        Code::ProgramMissing => {
            ("A program is missing on this computer", "install it, or put it on the path")
        }
        Code::RestoreIncomplete => {
            ("The restore is incomplete", "the failed files are named above; restore again")
        }
        Code::RestoreTooSlow => {
            ("The restore took too long", "try --policy keep-racing, or hosts with a faster line")
        }
        Code::HostKeyChanged => {
            ("The machine shows another host key than before", "destroy it and launch again")
        }
        Code::MachineMissing => ("There is no such machine", "`dumont-cloud machines` lists them"),
        Code::MachineUnreachable => (
            "The machine does not answer over SSH",
            "`dumont-cloud machines` shows its state; try again, or destroy it",
        ),
        Code::MachineForeign => {
            ("This machine was not rented by this app", "destroy it on the cloud's own site")
        }
        Code::NoCapacity => (
            "Somebody else has this machine's GPUs now",
            "destroy it and launch again; what is only on its disk is lost",
        ),
        Code::RunInProgress => ("A run is going on", "wait for its end, or cancel it"),
        Code::StillRunning => (
            "A machine may still be running",
            "run `dumont-cloud sweep`, or look at the cloud's site",
        ),
        Code::AlreadyRunning => {
            ("Another copy of the app is at work here", "close it, or use another --data-dir")
        }
        Code::LedgerUnusable => (
            "The ledger cannot be used, so nothing may be rented",
            "check the data folder's rights and free space, or use --data-dir",
        ),
        Code::Internal => ("Something went wrong in this app", "report it with DUMONT_LOG=debug"),
    }
}
