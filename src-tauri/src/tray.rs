//! The tray icon. Its shape says what goes on, and everything can be done in
//! its menu, because Linux gives no clicks.

use std::sync::{Mutex, PoisonError};

use model::{LanePhase, LaunchRequest, MachineId, RunPhase, RunView};
use tauri::image::Image;
use tauri::menu::{IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager as _, Runtime};
use tracing::warn;

use crate::bridge::{RunBegan, Screen, ScreenAsked};
use crate::engine_slot::EngineSlot;
use crate::follow::{Follower, Scene};
use crate::words::Speech;
use crate::{open, quit, windows};

const ID: &str = "main";
const LAUNCH: &str = "launch:";
const TERMINAL: &str = "terminal:";
const VS_CODE: &str = "vs-code:";
const CURSOR: &str = "cursor:";
const DESTROY: &str = "destroy:";
const RUN: &str = "run";
const CANCEL: &str = "cancel";
const MACHINES: &str = "machines";
const OPEN: &str = "open";
const SETTINGS: &str = "settings";
const QUIT: &str = "quit";

/// What the icon's shape says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A watch: nothing runs.
    Idle,
    /// A swept dial: a race or a restore.
    Running,
    /// A filled face with a tick: a machine is ready.
    Ready,
    /// A triangle: somebody has to act.
    NeedsYou,
}

impl Shape {
    fn of(scene: &Scene) -> Self {
        if !scene.problems.is_empty() || !scene.left.is_empty() {
            Self::NeedsYou
        } else if scene.live.is_some() {
            Self::Running
        } else if scene.kept.is_empty() {
            Self::Idle
        } else {
            Self::Ready
        }
    }

    fn image(self) -> tauri::Result<Image<'static>> {
        Image::from_bytes(match self {
            Self::Idle => include_bytes!("../../icons/tray/idle.png"),
            Self::Running => include_bytes!("../../icons/tray/running.png"),
            Self::Ready => include_bytes!("../../icons/tray/ready.png"),
            Self::NeedsYou => include_bytes!("../../icons/tray/needs-you.png"),
        })
    }
}

/// A line of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// Only says something.
    Text(String),
    /// Does something.
    Item { id: String, text: String },
    /// Opens further ones.
    More { text: String, entries: Vec<Entry> },
    /// Parts from what follows.
    Line,
}

impl Entry {
    fn item(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Item { id: id.into(), text: text.into() }
    }

    /// Alike but for words: only these change in place.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(_), Self::Text(_)) | (Self::Line, Self::Line) => true,
            (Self::Item { id, .. }, Self::Item { id: other, .. }) => id == other,
            (Self::More { entries, .. }, Self::More { entries: others, .. }) => {
                entries.len() == others.len()
                    && entries.iter().zip(others).all(|(one, other)| one.is_like(other))
            }
            _ => false,
        }
    }
}

/// The whole menu.
fn menu_of(scene: &Scene, speech: Speech) -> Vec<Entry> {
    let mut menu = vec![Entry::Text(headline(scene, speech))];
    for problem in scene.problems.iter().take(1) {
        menu.push(Entry::Text(speech.title(problem.code).to_owned()));
    }
    if !scene.left.is_empty() {
        let text = speech.count("desktop.tray.left", scene.left.len(), &[]);
        menu.push(Entry::item(MACHINES, text));
    }
    if let Some(view) = &scene.live {
        menu.push(Entry::item(RUN, run_line(view, speech)));
        let key = if view.marks.critical_ms.is_some() {
            "desktop.tray.cancelAsk"
        } else {
            "desktop.tray.cancel"
        };
        menu.push(Entry::item(CANCEL, speech.say(key, &[])));
    }
    let at_work = scene.live.as_ref().and_then(|view| view.lane(view.winner?)?.machine.as_ref());
    for kept in &scene.kept {
        let id = kept.machine.as_str();
        if at_work == Some(&kept.machine) {
            continue;
        }
        let spent = speech.money(kept.spent);
        let figures = [("title", kept.title.as_str()), ("gpu", &kept.gpu), ("spent", &spent)];
        let text = speech.say("desktop.tray.machine", &figures);
        let entries = vec![
            Entry::item(format!("{TERMINAL}{id}"), speech.say("desktop.tray.terminal", &[])),
            Entry::item(format!("{VS_CODE}{id}"), speech.say("desktop.tray.vsCode", &[])),
            Entry::item(format!("{CURSOR}{id}"), speech.say("desktop.tray.cursor", &[])),
            Entry::Line,
            Entry::item(format!("{DESTROY}{id}"), speech.say("desktop.tray.destroy", &[])),
        ];
        menu.push(Entry::More { text, entries });
    }
    menu.push(Entry::Line);
    for (name, title) in &scene.recipes {
        let text = speech.say("desktop.tray.launch", &[("title", title)]);
        menu.push(Entry::item(format!("{LAUNCH}{name}"), text));
    }
    menu.push(Entry::Line);
    if let Some(spend) = scene.spend.as_ref().filter(|_| !scene.practice) {
        let spent = speech.money(spend.today);
        menu.push(Entry::Text(match spend.caps.day {
            Some(cap) => {
                let cap = speech.money(cap);
                speech.say("desktop.tray.todayOf", &[("spent", &spent), ("cap", &cap)])
            }
            None => speech.say("desktop.tray.today", &[("spent", &spent)]),
        }));
    }
    menu.push(Entry::item(OPEN, speech.say("desktop.tray.open", &[])));
    menu.push(Entry::item(SETTINGS, speech.say("desktop.tray.settings", &[])));
    menu.push(Entry::Line);
    menu.push(Entry::item(QUIT, speech.say("desktop.tray.quit", &[])));
    menu
}

/// The first line, and the tooltip where there is one.
fn headline(scene: &Scene, speech: Speech) -> String {
    if scene.per_hour.micros_per_hour() == 0 {
        let key = if scene.practice { "desktop.tray.idlePractice" } else { "desktop.tray.idle" };
        return speech.say(key, &[]);
    }
    let price = speech.per_hour(scene.per_hour);
    let key = if scene.practice { "desktop.tray.runningPractice" } else { "desktop.tray.running" };
    speech.say(key, &[("price", &price)])
}

fn run_line(view: &RunView, speech: Speech) -> String {
    let figures = [("title", view.title.as_str())];
    match view.phase {
        RunPhase::Preparing => speech.say("desktop.tray.preparing", &figures),
        RunPhase::Racing | RunPhase::Installing => {
            let racing = view
                .lanes
                .iter()
                .filter(|lane| !matches!(lane.phase, LanePhase::Lost | LanePhase::Won))
                .count();
            speech.count("desktop.tray.racing", racing, &figures)
        }
        RunPhase::Restoring | RunPhase::Ready | RunPhase::Failed | RunPhase::Cancelled => {
            let done = view.restore.as_ref().map_or(0, |restore| {
                (u128::from(restore.bytes_done) * 100)
                    .checked_div(u128::from(restore.bytes))
                    .unwrap_or(0)
            });
            let done = format!("{done} %");
            speech.say("desktop.tray.restoring", &[("title", &view.title), ("done", &done)])
        }
    }
}

/// What stands in the tray now.
pub(crate) struct Tray<R: Runtime>(Mutex<Option<Shown<R>>>);

impl<R: Runtime> Default for Tray<R> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

struct Shown<R: Runtime> {
    icon: TrayIcon<R>,
    menu: Menu<R>,
    shape: Shape,
    entries: Vec<Entry>,
    /// Items in the order of `entries`, those inside others included.
    items: Vec<MenuItem<R>>,
    submenus: Vec<Submenu<R>>,
}

/// Puts it up, empty; the follower fills it.
pub(crate) fn put_up<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    let menu = Menu::new(app)?;
    // A menu that is empty when it is shown first stays empty on some desktops.
    let speech = Speech::of(app.state::<crate::preferences::Kept>().get().language);
    let entries = menu_of(&Scene::default(), speech);
    let (items, submenus) = fill(app, &menu, &entries)?;
    let icon = TrayIconBuilder::with_id(ID)
        .menu(&menu)
        .icon(Shape::Idle.image()?)
        .icon_as_template(true)
        .tooltip("Dumont Cloud")
        .show_menu_on_left_click(true)
        .on_menu_event(|app, event| chosen(app, event.id().as_ref()))
        .build(app)?;
    let shown = Shown { icon, menu, shape: Shape::Idle, entries, items, submenus };
    *app.state::<Tray<R>>().0.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    app.state::<Follower>().changed();
    Ok(())
}

/// Shows this, changing no more than has changed.
pub(crate) fn draw<R: Runtime>(app: &AppHandle<R>, scene: &Scene, speech: Speech) {
    let tray = app.state::<Tray<R>>();
    let mut shown = tray.0.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(shown) = shown.as_mut() else { return };
    if let Err(error) = redraw(app, shown, scene, speech) {
        warn!(%error, "the tray shows something old");
    }
}

fn redraw<R: Runtime>(
    app: &AppHandle<R>,
    shown: &mut Shown<R>,
    scene: &Scene,
    speech: Speech,
) -> tauri::Result<()> {
    let shape = Shape::of(scene);
    if shape != shown.shape {
        shown.icon.set_icon(Some(shape.image()?))?;
        shown.icon.set_icon_as_template(true)?;
        shown.shape = shape;
    }
    let entries = menu_of(scene, speech);
    if entries == shown.entries {
        return Ok(());
    }
    shown.icon.set_tooltip(Some(format!("Dumont Cloud: {}", headline(scene, speech))))?;
    #[cfg(target_os = "macos")]
    {
        let costs = scene.per_hour.micros_per_hour() > 0;
        shown.icon.set_title(costs.then(|| speech.per_hour(scene.per_hour)))?;
    }
    let alike = entries.len() == shown.entries.len()
        && entries.iter().zip(&shown.entries).all(|(new, old)| new.is_like(old));
    if alike {
        reword(shown, &entries)?;
    } else {
        // Linux keeps the menu it was given first: its lines are exchanged.
        while !shown.menu.items()?.is_empty() {
            shown.menu.remove_at(0)?;
        }
        (shown.items, shown.submenus) = fill(app, &shown.menu, &entries)?;
    }
    shown.entries = entries;
    Ok(())
}

/// Changes words in place, so that an open menu stays open.
fn reword<R: Runtime>(shown: &Shown<R>, entries: &[Entry]) -> tauri::Result<()> {
    fn walk<R: Runtime>(
        entries: &[Entry],
        items: &mut std::slice::Iter<'_, MenuItem<R>>,
        submenus: &mut std::slice::Iter<'_, Submenu<R>>,
    ) -> tauri::Result<()> {
        for entry in entries {
            match entry {
                Entry::Text(text) | Entry::Item { text, .. } => {
                    if let Some(item) = items.next()
                        && item.text()? != *text
                    {
                        item.set_text(text)?;
                    }
                }
                Entry::More { text, entries } => {
                    if let Some(submenu) = submenus.next()
                        && submenu.text()? != *text
                    {
                        submenu.set_text(text)?;
                    }
                    walk(entries, items, submenus)?;
                }
                Entry::Line => {}
            }
        }
        Ok(())
    }
    walk(entries, &mut shown.items.iter(), &mut shown.submenus.iter())
}

type Made<R> = (Vec<MenuItem<R>>, Vec<Submenu<R>>);

fn fill<R: Runtime>(
    app: &AppHandle<R>,
    menu: &Menu<R>,
    entries: &[Entry],
) -> tauri::Result<Made<R>> {
    fn make<R: Runtime>(
        app: &AppHandle<R>,
        entries: &[Entry],
        append: &dyn Fn(&dyn IsMenuItem<R>) -> tauri::Result<()>,
        made: &mut Made<R>,
    ) -> tauri::Result<()> {
        for entry in entries {
            match entry {
                Entry::Text(text) => {
                    let item = MenuItem::new(app, text, false, None::<&str>)?;
                    append(&item)?;
                    made.0.push(item);
                }
                Entry::Item { id, text } => {
                    let item = MenuItem::with_id(app, id, text, true, None::<&str>)?;
                    append(&item)?;
                    made.0.push(item);
                }
                Entry::More { text, entries } => {
                    let submenu = Submenu::new(app, text, true)?;
                    append(&submenu)?;
                    made.1.push(submenu.clone());
                    make(app, entries, &|item| submenu.append(item), made)?;
                }
                Entry::Line => append(&PredefinedMenuItem::separator(app)?)?,
            }
        }
        Ok(())
    }
    let mut made = (Vec::new(), Vec::new());
    make(app, entries, &|item| menu.append(item), &mut made)?;
    Ok(made)
}

fn chosen<R: Runtime>(app: &AppHandle<R>, item: &str) {
    let machine = |prefix: &str| item.strip_prefix(prefix).map(MachineId::new);
    if let Some(recipe) = item.strip_prefix(LAUNCH) {
        launch(app, recipe.to_owned());
    } else if let Some(machine) = machine(TERMINAL) {
        open::from_outside(app, machine, model::OpenWith::Terminal);
    } else if let Some(machine) = machine(VS_CODE) {
        open::from_outside(app, machine, model::OpenWith::VsCode);
    } else if let Some(machine) = machine(CURSOR) {
        open::from_outside(app, machine, model::OpenWith::Cursor);
    } else if machine(DESTROY).is_some() || item == MACHINES {
        // Destroying asks, and only the page can.
        windows::show(app);
        ScreenAsked::tell(app, Screen::Machines);
    } else {
        match item {
            RUN => show_run(app),
            CANCEL => cancel(app),
            OPEN => windows::show(app),
            SETTINGS => {
                windows::show(app);
                ScreenAsked::tell(app, Screen::Settings);
            }
            QUIT => quit::ask(app),
            _ => {}
        }
    }
}

/// Launches a recipe and shows the race.
fn launch<R: Runtime>(app: &AppHandle<R>, recipe: String) {
    let app = app.clone();
    windows::show(&app);
    tauri::async_runtime::spawn(async move {
        let begun = async {
            let engine = app.state::<EngineSlot>().ready().await?;
            if let Some(run) = engine.live_run().await? {
                return Ok(run);
            }
            let recipe = engine.context().recipe(Some(&recipe))?;
            engine.launch(LaunchRequest { recipe, only_offers: Vec::new() }).await
        };
        match begun.await {
            Ok(run) => {
                app.state::<Follower>().began(&run);
                RunBegan::tell(&app, run);
            }
            Err(error) => warn!(%error, "the tray could not launch"),
        }
    });
}

fn show_run<R: Runtime>(app: &AppHandle<R>) {
    let app = app.clone();
    windows::show(&app);
    tauri::async_runtime::spawn(async move {
        if let Some(engine) = app.state::<EngineSlot>().now()
            && let Ok(Some(run)) = engine.live_run().await
        {
            RunBegan::tell(&app, run);
        }
    });
}

/// Cancels at once while nobody can have begun to work; later the page asks.
fn cancel<R: Runtime>(app: &AppHandle<R>) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let Some(engine) = app.state::<EngineSlot>().now() else { return };
        let Ok(Some(run)) = engine.live_run().await else { return };
        let begun = engine.view(&run).await.is_ok_and(|view| view.marks.critical_ms.is_some());
        if begun {
            windows::show(&app);
            RunBegan::tell(&app, run);
        } else if let Err(error) = engine.cancel(&run).await {
            warn!(%error, "the tray could not cancel");
        }
    });
}
