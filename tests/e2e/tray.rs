//! The place where tray icons hang, and a hand that uses their menus. It is
//! what a desktop's panel is: it owns the watcher's name, icons report to it,
//! and their menus are read and clicked over the bus.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use zbus::message::Header;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Structure, Value};
use zbus::{Connection, interface};

use tokio::sync::watch;

/// One level of a menu, as it goes over the bus: number, properties, children.
type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

/// Who has an icon here, and at which path.
type Icon = (String, String);

/// The panel.
pub struct Tray {
    bus: Connection,
    icon: watch::Receiver<Option<Icon>>,
}

/// A line of a menu that can be read.
#[derive(Debug, Clone)]
pub struct Line {
    id: i32,
    pub label: String,
    enabled: bool,
}

struct Watcher(watch::Sender<Option<Icon>>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
#[expect(clippy::needless_pass_by_value, reason = "the bus hands its header over so")]
impl Watcher {
    fn register_status_notifier_item(&self, path: &str, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        self.0.send_replace(Some((sender, path.to_owned())));
    }

    #[zbus(property)]
    #[expect(clippy::unused_self, reason = "a property of the interface")]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

impl Tray {
    /// Hangs it on this bus.
    pub async fn hang(bus: &Connection) -> Self {
        let (tell, icon) = watch::channel(None);
        bus.object_server().at("/StatusNotifierWatcher", Watcher(tell)).await.unwrap();
        bus.request_name("org.kde.StatusNotifierWatcher").await.unwrap();
        Self { bus: bus.clone(), icon }
    }

    /// Waits for an icon's menu to have a line that begins so.
    pub async fn line(&self, label: &str, limit: Duration) -> Line {
        let end = Instant::now() + limit;
        loop {
            let lines = self.lines().await;
            if let Some(line) = lines.iter().find(|line| line.label.starts_with(label)) {
                return line.clone();
            }
            assert!(Instant::now() < end, "no \"{label}\" in the tray after {limit:?}: {lines:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Chooses the line that begins so.
    pub async fn choose(&self, label: &str, limit: Duration) {
        let line = self.line(label, limit).await;
        assert!(line.enabled, "{line:?}");
        let (name, menu) = self.menu().await.unwrap();
        let event = (line.id, "clicked", Value::from(0_i32), 0_u32);
        let interface = Some("com.canonical.dbusmenu");
        let sent = self.bus.call_method(Some(name), menu, interface, "Event", &event).await;
        sent.unwrap();
    }

    /// Every line of the menu, those inside others too.
    async fn lines(&self) -> Vec<Line> {
        let Some((name, menu)) = self.menu().await else { return Vec::new() };
        let interface = Some("com.canonical.dbusmenu");
        let all = (0_i32, -1_i32, Vec::<String>::new());
        let answer = self.bus.call_method(Some(name), menu, interface, "GetLayout", &all).await;
        let Ok(answer) = answer else { return Vec::new() };
        let (_, root): (u32, Layout) = answer.body().deserialize().unwrap();
        let mut lines = Vec::new();
        walk(root, &mut lines);
        lines
    }

    /// Whose menu, and where it is.
    async fn menu(&self) -> Option<(String, OwnedObjectPath)> {
        let (name, path) = self.icon.borrow().clone()?;
        let wanted = ("org.kde.StatusNotifierItem", "Menu");
        let interface = Some("org.freedesktop.DBus.Properties");
        let answer = self.bus.call_method(Some(name.as_str()), path, interface, "Get", &wanted);
        let value: OwnedValue = answer.await.ok()?.body().deserialize().unwrap();
        Some((name, OwnedObjectPath::try_from(value).unwrap()))
    }
}

fn walk((id, about, children): Layout, lines: &mut Vec<Line>) {
    let label = about.get("label").and_then(|value| value.downcast_ref::<String>().ok());
    let enabled = about.get("enabled").and_then(|value| value.downcast_ref::<bool>().ok());
    if let Some(label) = label {
        // A single underscore marks a key, two are one.
        let label = label.replace("__", "\0").replace('_', "").replace('\0', "_");
        lines.push(Line { id, label, enabled: enabled.unwrap_or(true) });
    }
    for child in children {
        let child = Structure::try_from(child).unwrap();
        walk(child.try_into().unwrap(), lines);
    }
}
