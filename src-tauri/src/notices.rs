//! Notifications: the marks the user chose, failures, leftovers, caps. Never a
//! lost lane, one for an event, in the window's words and figures.

use model::{
    Caps, Fact, FactBody, MachineId, Money, Notify, OpenWith, Rate, RunView, SpendView, clean,
};
use tauri::{AppHandle, Manager as _, Runtime};
use tauri_plugin_notification::{Action, ActionType, NotificationExt as _};
use tracing::warn;

use crate::bridge::QuitAsked;
use crate::preferences::Kept;
use crate::words::Speech;
use crate::{open, windows};

/// Titles and places are short; what is longer is cut.
const LONGEST: usize = 120;
/// The share of a cap at which it is worth a word (rules.md M6).
const WARN_PERCENT: i64 = 80;
const OPEN_TERMINAL: &str = "open-terminal";
const LOOK: &str = "look";
const WITH_TERMINAL: &str = "machine";
const WITH_WINDOW: &str = "window";
const MACHINE: &str = "machine";

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) title: String,
    pub(crate) body: String,
    /// A machine that can be worked on already.
    pub(crate) machine: Option<MachineId>,
}

impl Notice {
    fn new(title: String, body: &[String]) -> Self {
        let body: Vec<&str> =
            body.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        Self { title, body: body.join(" "), machine: None }
    }

    fn on(mut self, machine: Option<&MachineId>) -> Self {
        self.machine = machine.cloned();
        self
    }
}

/// What a fact is worth saying. `view` has the fact in it.
pub(crate) fn of_fact(
    fact: &Fact,
    view: &RunView,
    wanted: Notify,
    speech: Speech,
) -> Option<Notice> {
    let winner = view.winner.and_then(|lane| view.lane(lane));
    let place = winner.map_or_else(String::new, |lane| {
        let title = clean(&view.title, LONGEST);
        let gpu = clean(&lane.brief.gpu, LONGEST);
        let location = clean(&lane.brief.location, LONGEST);
        let figures = [("title", title.as_str()), ("gpu", &gpu), ("place", &location)];
        speech.say("desktop.notice.onMachine", &figures)
    });
    let machine = winner.and_then(|lane| lane.machine.as_ref());
    let timed = |key: &str, ms: u64| speech.say(key, &[("time", &speech.seconds(ms))]);
    match &fact.body {
        FactBody::WinnerChosen { .. } if wanted.shell => {
            let price = winner.map_or(Rate::ZERO, |lane| lane.brief.usd_micros_per_hour);
            let price = speech.say("desktop.notice.price", &[("price", &speech.per_hour(price))]);
            let title = timed("desktop.notice.shell", fact.elapsed_ms);
            Some(Notice::new(title, &[place, price]).on(machine))
        }
        FactBody::CriticalRestored { bytes, .. } if wanted.critical => {
            let done = speech.say("desktop.notice.work", &[("bytes", &speech.bytes(*bytes))]);
            let title = timed("desktop.notice.critical", fact.elapsed_ms);
            Some(Notice::new(title, &[place, done]).on(machine))
        }
        FactBody::RunReady { complete_ms, .. } if wanted.complete => {
            let restored = view.restore.as_ref().map_or_else(String::new, |restore| {
                speech
                    .say("desktop.notice.verified", &[("bytes", &speech.bytes(restore.bytes_done))])
            });
            let lost: Vec<_> = view.lanes.iter().filter(|lane| lane.destroyed_confirmed).collect();
            let cost: Money = lost.iter().map(|lane| lane.spent).sum();
            let others = if lost.is_empty() {
                String::new()
            } else {
                let cost = speech.money(cost);
                speech.count("desktop.notice.others", lost.len(), &[("cost", &cost)])
            };
            let title = timed("desktop.notice.complete", *complete_ms);
            Some(Notice::new(title, &[place, restored, others]).on(machine))
        }
        FactBody::RunFailed { leftovers, .. } if !leftovers.is_empty() => {
            wanted.leftovers.then(|| left(leftovers, speech))
        }
        FactBody::RunCancelled { leftovers, .. } if !leftovers.is_empty() => {
            wanted.leftovers.then(|| left(leftovers, speech))
        }
        FactBody::RunFailed { code, details, .. } if wanted.failure => {
            let what = clean(&view.title, LONGEST);
            let sum = speech.say(
                "desktop.notice.ended",
                &[("title", &what), ("cost", &speech.money(view.spent))],
            );
            let kept = if view.kept.is_some() {
                speech.say("desktop.notice.kept", &[])
            } else {
                String::new()
            };
            let details = clean(details, LONGEST);
            Some(Notice::new(speech.title(*code).to_owned(), &[sum, kept, details]).on(machine))
        }
        _ => None,
    }
}

/// Machines that may still be running.
pub(crate) fn left(leftovers: &[String], speech: Speech) -> Notice {
    let names: Vec<String> = leftovers.iter().map(|name| clean(name, LONGEST)).collect();
    Notice::new(
        speech.count("desktop.notice.left", leftovers.len(), &[]),
        &[names.join(", "), speech.say("desktop.notice.keepAsking", &[])],
    )
}

/// Which caps have been spoken of, and how loudly, so that each is said once.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    day: Level,
    month: Level,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    #[default]
    Below,
    Near,
    Reached,
}

impl Level {
    fn of(spent: Money, cap: Option<Money>) -> Self {
        let Some(cap) = cap else { return Self::Below };
        if spent >= cap {
            Self::Reached
        } else if spent.micros().saturating_mul(100) >= cap.micros().saturating_mul(WARN_PERCENT) {
            Self::Near
        } else {
            Self::Below
        }
    }
}

/// What the sums are worth saying, beyond what was said.
pub(crate) fn of_spend(spend: &SpendView, told: &mut Told, speech: Speech) -> Vec<Notice> {
    let Caps { day, month, .. } = spend.caps;
    let mut notices = Vec::new();
    let mut look = |spent, cap: Option<Money>, told: &mut Level, near: &str, reached: &str| {
        let level = Level::of(spent, cap);
        if level > *told {
            let of = cap.unwrap_or_default();
            let figures = [("spent", speech.money(spent)), ("cap", speech.money(of))];
            let figures: Vec<(&str, &str)> =
                figures.iter().map(|(name, figure)| (*name, figure.as_str())).collect();
            let key = if level == Level::Reached { reached } else { near };
            notices.push(Notice::new(
                speech.say(key, &figures),
                &[speech.say("desktop.notice.capOf", &figures)],
            ));
        }
        *told = level;
    };
    look(spend.today, day, &mut told.day, "desktop.notice.dayNear", "desktop.notice.dayReached");
    look(
        spend.month,
        month,
        &mut told.month,
        "desktop.notice.monthNear",
        "desktop.notice.monthReached",
    );
    notices
}

/// The window went away and the app stays: said once.
pub(crate) fn stays<R: Runtime>(app: &AppHandle<R>, stake: &QuitAsked) {
    let speech = Speech::of(app.state::<Kept>().get().language);
    let why = if stake.machines > 0 {
        let price = speech.per_hour(stake.per_hour);
        speech.count("desktop.notice.staysMachines", stake.machines as usize, &[("price", &price)])
    } else if stake.run.is_some() {
        speech.say("desktop.notice.staysRun", &[])
    } else {
        speech.count("desktop.notice.staysUnsettled", stake.unsettled as usize, &[])
    };
    show(app, &Notice::new(speech.say("desktop.notice.stays", &[]), &[why]), speech);
}

/// Puts it up.
pub(crate) fn show<R: Runtime>(app: &AppHandle<R>, notice: &Notice, speech: Speech) {
    let notifications = app.notification();
    let look = Action::builder(LOOK, speech.say("desktop.notice.look", &[])).build();
    let terminal =
        Action::builder(OPEN_TERMINAL, speech.say("desktop.notice.terminal", &[])).build();
    let types = vec![
        ActionType::builder(WITH_WINDOW).actions(vec![look.clone()]).build(),
        ActionType::builder(WITH_TERMINAL).actions(vec![terminal, look]).build(),
    ];
    let shown = notifications.register_action_types(types).and_then(|()| {
        let kind = if notice.machine.is_some() { WITH_TERMINAL } else { WITH_WINDOW };
        let mut builder = notifications
            .builder()
            .title(&notice.title)
            .body(plain(&notice.body))
            .action_type_id(kind);
        if let Some(machine) = &notice.machine {
            builder = builder.extra(MACHINE, machine);
        }
        builder.show()
    });
    if let Err(error) = shown {
        warn!(%error, "no notification");
    }
}

/// Linux's servers read markup.
fn plain(text: &str) -> String {
    if cfg!(target_os = "linux") {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    } else {
        text.to_owned()
    }
}

/// Hears what is done with notifications.
pub(crate) fn listen<R: Runtime>(app: &AppHandle<R>) {
    let handle = app.clone();
    let heard = app.notification().on_action(move |action| {
        let machine = action
            .notification()
            .and_then(|shown| shown.extra().get(MACHINE)?.as_str().map(MachineId::new));
        match (action.action_id(), machine) {
            (OPEN_TERMINAL, Some(machine)) => {
                open::from_outside(&handle, machine, OpenWith::Terminal);
            }
            _ => windows::show(&handle),
        }
    });
    if let Err(error) = heard {
        warn!(%error, "notifications answer nothing");
    }
}
