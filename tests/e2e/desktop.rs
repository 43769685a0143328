//! A desktop of its own for every test: a home folder, a session bus, a
//! keychain and a notification server. What one test's app does, no other
//! test's app sees, and neither does the desktop of whoever runs the tests.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, MapState,
};
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use crate::tray::Tray;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_dumont-cloud");
/// A port on which nothing listens: no test speaks to a real cloud.
const NOWHERE: &str = "http://127.0.0.1:9";
/// Protects the keychain's file, so that nothing in it can be read as text.
const KEYCHAIN_PASSWORD: &str = "keychain of a test";
const NEEDED: [&str; 5] =
    ["WebKitWebDriver", "dbus-daemon", "dunst", "gnome-keyring-daemon", "restic"];

/// One desktop. It ends with this.
pub struct Desktop {
    home: TempDir,
    address: String,
    environment: Vec<(&'static str, OsString)>,
    bus: Connection,
    pub tray: Tray,
    _servers: Vec<Child>,
}

impl Desktop {
    /// Puts it up. `None`, and it is said why, where this computer cannot.
    pub async fn start() -> Option<Self> {
        if std::env::var_os("DISPLAY").is_none() {
            println!("SKIPPED: there is no display; `xvfb-run` gives one");
            return None;
        }
        if let Some(missing) = NEEDED.iter().find(|name| !on_path(name)) {
            println!("SKIPPED: {missing} is not installed");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let place = |name: &str| home.path().join(name).into_os_string();
        let mut environment: Vec<(&'static str, OsString)> = vec![
            ("HOME", home.path().into()),
            ("LANG", "C.UTF-8".into()),
            ("LC_ALL", "C.UTF-8".into()),
            ("VAST_URL", NOWHERE.into()),
            ("XDG_CACHE_HOME", place(".cache")),
            ("XDG_CONFIG_HOME", place(".config")),
            ("XDG_DATA_HOME", place(".local/share")),
            ("XDG_RUNTIME_DIR", place("run")),
            ("XDG_STATE_HOME", place(".local/state")),
        ];
        for (_, folder) in environment.iter().filter(|(name, _)| name.starts_with("XDG_")) {
            std::fs::create_dir_all(folder).unwrap();
        }
        let (daemon, address) = session_bus(&environment).await;
        environment.push(("DBUS_SESSION_BUS_ADDRESS", address.clone().into()));
        let bus =
            zbus::connection::Builder::address(address.as_str()).unwrap().build().await.unwrap();
        let tray = Tray::hang(&bus).await;
        let keychain = keychain(&environment).await;
        let notices = Command::new("dunst")
            .args(["-conf", "/dev/null"])
            .envs(environment.iter().cloned())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let servers = vec![notices, keychain, daemon];
        let desktop = Self { home, address, environment, bus, tray, _servers: servers };
        desktop.owned("org.freedesktop.secrets").await;
        desktop.owned("org.freedesktop.Notifications").await;
        Some(desktop)
    }

    /// The folder below which everything is that a program of this desktop
    /// leaves.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Sets a variable for programs that start later.
    pub fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.retain(|(other, _)| *other != name);
        self.environment.push((name, value.into()));
    }

    /// A program on this desktop.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment.iter().cloned()).kill_on_drop(true);
        command
    }

    /// Processes of the app on this desktop.
    pub fn processes(&self) -> Vec<u32> {
        let program = Path::new(PROGRAM).canonicalize().unwrap();
        let ours = |id: &u32| {
            let process = PathBuf::from(format!("/proc/{id}"));
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            std::fs::read_link(process.join("exe")).is_ok_and(|exe| exe == program)
                && contains(&environment, self.address.as_bytes())
        };
        let ids = std::fs::read_dir("/proc").unwrap();
        ids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(ours)
            .collect()
    }

    /// Waits until no process of the app is left.
    pub async fn ended(&self, limit: Duration) {
        let end = Instant::now() + limit;
        while !self.processes().is_empty() {
            assert!(Instant::now() < end, "the app runs on after {limit:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for a notification whose title begins so, as the server has it:
    /// its title and body.
    pub async fn notice(&self, title: &str, limit: Duration) -> (String, String) {
        let end = Instant::now() + limit;
        loop {
            let notices = self.notices().await;
            if let Some(found) = notices.iter().find(|notice| notice.0.starts_with(title)) {
                return found.clone();
            }
            assert!(Instant::now() < end, "no \"{title}\" among {notices:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Every notification so far. What is still on the screen is put away.
    pub async fn notices(&self) -> Vec<(String, String)> {
        self.dunst("NotificationCloseAll").await;
        let answer = self.dunst("NotificationListHistory").await;
        let notices: Vec<HashMap<String, OwnedValue>> = answer.body().deserialize().unwrap();
        let text = |notice: &HashMap<String, OwnedValue>, name: &str| {
            notice.get(name).and_then(|value| value.downcast_ref::<String>().ok())
        };
        let read = |notice| Some((text(notice, "summary")?, text(notice, "body")?));
        notices.iter().filter_map(read).collect()
    }

    /// Presses the button of the notification on the screen, if there is one
    /// with a single button.
    pub async fn press_notice(&self) {
        self.ask_dunst("NotificationAction", &0_u32).await;
    }

    async fn dunst(&self, method: &str) -> zbus::Message {
        self.ask_dunst(method, &()).await
    }

    async fn ask_dunst<B>(&self, method: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let (name, path) = ("org.freedesktop.Notifications", "/org/freedesktop/Notifications");
        let interface = Some("org.dunstproject.cmd0");
        self.bus.call_method(Some(name), path, interface, method, body).await.unwrap()
    }

    /// Presses the cross of the app's window, as a window manager does.
    pub fn close_window(&self) {
        let (server, screen) = x11rb::connect(None).unwrap();
        let atom =
            |name: &str| server.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom;
        let (owner, ours) = (atom("_NET_WM_PID"), self.processes());
        let is_ours = |window: &u32| {
            let process = server
                .get_property(false, *window, owner, AtomEnum::CARDINAL, 0, 1)
                .unwrap()
                .reply()
                .is_ok_and(|owner| {
                    owner
                        .value32()
                        .and_then(|mut ids| ids.next())
                        .is_some_and(|id| ours.contains(&id))
                });
            let attributes = server.get_window_attributes(*window).unwrap().reply();
            process && attributes.is_ok_and(|seen| seen.map_state == MapState::VIEWABLE)
        };
        let root = server.setup().roots[screen].root;
        let windows = server.query_tree(root).unwrap().reply().unwrap().children;
        let window = windows.into_iter().find(is_ours).unwrap();
        let wish = [atom("WM_DELETE_WINDOW"), x11rb::CURRENT_TIME, 0, 0, 0];
        let event = ClientMessageEvent::new(32, window, atom("WM_PROTOCOLS"), wish);
        server.send_event(false, window, EventMask::NO_EVENT, event).unwrap().check().unwrap();
    }

    /// What the keychain keeps under this name, asked as any program may.
    pub async fn kept(&self, entry: &str) -> Option<String> {
        let name = Some("org.freedesktop.secrets");
        let ask = async |path: &str, interface: &str, method: &str, body: Body<'_>| {
            let interface = format!("org.freedesktop.Secret.{interface}");
            let interface = Some(interface.as_str());
            match body {
                Body::Session => {
                    let plain = ("plain", Value::from(""));
                    self.bus.call_method(name, path, interface, method, &plain).await
                }
                Body::Search(wanted) => {
                    self.bus.call_method(name, path, interface, method, &wanted).await
                }
                Body::Secret(session) => {
                    self.bus.call_method(name, path, interface, method, session).await
                }
            }
            .unwrap()
        };
        let root = "/org/freedesktop/secrets";
        let session = ask(root, "Service", "OpenSession", Body::Session).await;
        let (_, session): (OwnedValue, OwnedObjectPath) = session.body().deserialize().unwrap();
        let wanted = HashMap::from([("service", "cloud.dumont.app"), ("username", entry)]);
        let found = ask(root, "Service", "SearchItems", Body::Search(wanted)).await;
        let (items, _): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            found.body().deserialize().unwrap();
        let item = items.first()?;
        let secret = ask(item.as_str(), "Item", "GetSecret", Body::Secret(&session)).await;
        let (_, _, value, _): (OwnedObjectPath, Vec<u8>, Vec<u8>, String) =
            secret.body().deserialize().unwrap();
        Some(String::from_utf8(value).unwrap())
    }

    /// Waits until somebody has this name on the bus.
    async fn owned(&self, name: &str) {
        let names = DBusProxy::new(&self.bus).await.unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while !names.name_has_owner(name.try_into().unwrap()).await.unwrap() {
            assert!(Instant::now() < end, "nobody answers to {name}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What the keychain is asked with.
enum Body<'a> {
    Session,
    Search(HashMap<&'a str, &'a str>),
    Secret(&'a OwnedObjectPath),
}

async fn session_bus(environment: &[(&'static str, OsString)]) -> (Child, String) {
    let mut daemon = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--print-address=1"])
        .envs(environment.iter().cloned())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let address = lines.next_line().await.unwrap().unwrap();
    (daemon, address)
}

/// An unlocked keychain.
async fn keychain(environment: &[(&'static str, OsString)]) -> Child {
    let mut daemon = Command::new("gnome-keyring-daemon")
        .args(["--foreground", "--unlock", "--components=secrets"])
        .envs(environment.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut password = daemon.stdin.take().unwrap();
    password.write_all(KEYCHAIN_PASSWORD.as_bytes()).await.unwrap();
    daemon
}

fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// The bytes stand somewhere in these.
pub fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
