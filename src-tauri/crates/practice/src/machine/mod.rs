//! Practice machines: an SSH server for every machine the practice cloud has
//! rented, with a disk of its own.
//!
//! A practice machine never starts a shell or a program named by its client
//! (rules.md T5). It knows our own remote scripts by their hash and carries
//! each out in Rust inside its folder; anything else is refused.

mod deadman;
mod disk;
mod job;
mod link;
mod scripts;
mod ssh;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use model::{At, Endpoint, Route};
use remote::{BoxedStream, Onstart, Transport};
use russh::keys::{Algorithm, PrivateKey, PublicKey, ssh_key::LineEnding};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, warn};

use crate::cloud::{Fate, Instance, World};
use disk::Disk;
use job::Jobs;

pub use job::{Restorer, ScriptedRestore};

/// How long a relay holds a connection nobody answers.
const RELAY_PATIENCE_MS: u64 = 5_000;
/// Everything here listens on this computer only.
const HERE: &str = "127.0.0.1";

/// What these machines take for our agent, packed with gzip as it is sent. They
/// bring its work along and start no program.
#[must_use]
pub fn packed_agent() -> Bytes {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Memory takes every byte.
    let _ = packer.write_all(b"the practice agent");
    packer.finish().unwrap_or_default().into()
}

/// All practice machines of a world. They end when this is dropped.
#[derive(Debug, Clone)]
pub struct Machines(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    world: World,
    folder: PathBuf,
    restorer: Restorer,
    listens: bool,
    running: Mutex<BTreeMap<u64, Arc<Machine>>>,
    _stop: DropGuard,
}

/// One machine: what outlives a connection.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) id: u64,
    pub(crate) world: World,
    pub(crate) disk: Disk,
    pub(crate) jobs: Jobs,
    /// The key its own files name.
    own_key: PrivateKey,
    /// The key a man in the middle shows.
    foreign_key: PrivateKey,
    pub(crate) onstart: Option<Onstart>,
    /// The lease of its dead-man's switch.
    pub(crate) lease: deadman::Lease,
    /// Ends with the machine.
    pub(crate) stop: CancellationToken,
}

impl Machines {
    /// Machines that listen on ports of 127.0.0.1 which the kernel picks.
    /// `folder` holds their disks.
    #[must_use]
    pub fn listen(world: World, folder: PathBuf, restorer: Restorer) -> Self {
        Self::start(world, folder, restorer, true)
    }

    /// Machines that are reached through [`Machines::transport`] alone, so
    /// that whole races run in virtual time.
    #[must_use]
    pub fn in_process(world: World, folder: PathBuf, restorer: Restorer) -> Self {
        Self::start(world, folder, restorer, false)
    }

    fn start(world: World, folder: PathBuf, restorer: Restorer, listens: bool) -> Self {
        let stop = CancellationToken::new();
        let mut changes = world.changes();
        changes.mark_changed();
        let machines = Self(Arc::new(Inner {
            world,
            folder,
            restorer,
            listens,
            running: Mutex::default(),
            _stop: stop.clone().drop_guard(),
        }));
        let weak = Arc::downgrade(&machines.0);
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(inner) = weak.upgrade() else { return };
                Self(inner).follow(&stop);
            }
        });
        machines
    }

    /// A way to the machines without sockets.
    #[must_use]
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(InProcess(self.clone()))
    }

    /// Where a machine's root is on this computer's disk.
    #[must_use]
    pub fn root(&self, id: u64) -> PathBuf {
        root(&self.0.folder, id)
    }

    /// Starts machines that were rented, ends machines that are gone.
    fn follow(&self, stop: &CancellationToken) {
        let inner = &self.0;
        let now = inner.world.now();
        for instance in inner.world.instances() {
            let mut running = inner.running.lock().unwrap_or_else(PoisonError::into_inner);
            if !instance.is_alive(now) {
                if let Some(machine) = running.remove(&instance.id) {
                    machine.stop.cancel();
                    debug!(machine = instance.id, "ends");
                }
                continue;
            }
            if running.contains_key(&instance.id) {
                continue;
            }
            match self.make(&instance, stop.child_token()) {
                Ok(machine) => {
                    running.insert(instance.id, Arc::clone(&machine));
                    drop(running);
                    machine.arm();
                    self.open_doors(&instance, &machine);
                }
                Err(error) => warn!(machine = instance.id, %error, "does not start"),
            }
        }
    }

    fn make(&self, instance: &Instance, stop: CancellationToken) -> io::Result<Arc<Machine>> {
        let inner = &self.0;
        let root = root(&inner.folder, instance.id);
        std::fs::create_dir_all(&root)?;
        Ok(Arc::new(Machine {
            id: instance.id,
            world: inner.world.clone(),
            disk: Disk::open(&root)?,
            jobs: Jobs::new(inner.restorer.clone()),
            own_key: host_key(&inner.folder, instance.id)?,
            foreign_key: fresh_key()?,
            onstart: Onstart::parse(&instance.onstart),
            lease: deadman::Lease::new(None),
            stop,
        }))
    }

    /// Gives the machine its addresses. Without sockets they are names only
    /// [`InProcess`] knows.
    fn open_doors(&self, instance: &Instance, machine: &Arc<Machine>) {
        let (id, script) = (instance.id, &instance.host.script);
        let world = &self.0.world;
        if !self.0.listens {
            let name = |route: Route| (format!("{}.{id}.practice", route.as_str()), 22);
            world.set_addresses(
                id,
                script.direct.then(|| name(Route::Direct)),
                script.proxy.then(|| name(Route::Proxy)),
            );
            return;
        }
        let door = |route| match door(Arc::clone(machine), route) {
            Ok(port) => Some((HERE.to_owned(), port)),
            Err(error) => {
                warn!(machine = id, %error, "cannot listen");
                None
            }
        };
        let direct = script.direct.then(|| door(Route::Direct)).flatten();
        let proxy = script.proxy.then(|| door(Route::Proxy)).flatten();
        world.set_addresses(id, direct, proxy);
    }

    fn find(&self, id: u64) -> Option<Arc<Machine>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

impl Machine {
    /// Starts its dead-man's switch, if onstart holds one.
    fn arm(self: &Arc<Self>) {
        let Some(deadman) = self.onstart.as_ref().and_then(|onstart| onstart.deadman.clone())
        else {
            return;
        };
        let (machine, stop) = (Arc::clone(self), self.stop.clone());
        tokio::spawn(async move {
            stop.run_until_cancelled(deadman::watch_over(machine, deadman)).await;
        });
    }

    /// As the world has it now.
    pub(crate) fn instance(&self) -> Option<Instance> {
        self.world.instance(self.id)
    }

    /// When its SSH server answers on this route, if it ever does.
    fn answers_at(&self, route: Route) -> Option<At> {
        let instance = self.instance()?;
        let silent = route == Route::Direct && instance.host.script.fate == Fate::ProxyOnly;
        instance.ssh_at().filter(|_| !silent)
    }

    /// Whether an SSH server answers on this route now.
    pub(crate) fn answers(&self, route: Route) -> bool {
        let now = self.world.now();
        self.instance().is_some_and(|instance| instance.is_up(now))
            && self.answers_at(route).is_some_and(|at| now >= at)
    }

    /// The key shown on the wire now.
    pub(crate) fn shown_key(&self) -> PrivateKey {
        let Some(instance) = self.instance() else { return self.own_key.clone() };
        let foreign = match instance.host.script.fate {
            Fate::Unproved => true,
            Fate::HostKeyChanges { after_ms } => {
                instance.ssh_at().is_some_and(|at| self.world.now() >= at.after_ms(ms(after_ms)))
            }
            _ => false,
        };
        if foreign { self.foreign_key.clone() } else { self.own_key.clone() }
    }

    /// When its link dies for good, if it does.
    pub(crate) fn link_dies_at(&self) -> Option<At> {
        let instance = self.instance()?;
        match instance.host.script.fate {
            Fate::LinkDies { after_ms } => Some(instance.ssh_at()?.after_ms(ms(after_ms))),
            _ => None,
        }
    }

    /// When its container ends by itself, if it does.
    pub(crate) fn ends_at(&self) -> Option<At> {
        self.instance()?.ends_at()
    }

    /// Whether this key may log in.
    pub(crate) fn accepts(&self, key: &PublicKey) -> bool {
        let Some(instance) = self.instance() else { return false };
        if instance.host.script.fate == Fate::KeyNeverInstalled {
            return false;
        }
        let own = self.onstart.iter().map(|onstart| onstart.key.as_str());
        own.chain(instance.keys.iter().map(|key| key.text.as_str()))
            .filter_map(|text| text.parse::<PublicKey>().ok())
            .any(|known| known.key_data() == key.key_data())
    }

    /// The file onstart writes: host keys and their hash (rules.md T2).
    pub(crate) fn proof(&self) -> Option<String> {
        let onstart = self.onstart.as_ref()?;
        let key = self.own_key.public_key().to_openssh().ok()?;
        let key = key.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let fate = self.instance()?.host.script.fate.clone();
        if fate == Fate::NoProof {
            return None;
        }
        let wrong = fate == Fate::WrongProof;
        let hash = if wrong { "0".repeat(64) } else { onstart.secret.hash_of(&key) };
        Some(format!("{key}\nhash {hash}\n"))
    }
}

/// Listens for a machine. The port is taken at once; a direct one refuses
/// until the machine's server answers, a relay's accepts from the start.
fn door(machine: Arc<Machine>, route: Route) -> io::Result<u16> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into())?;
    let port = socket.local_addr()?.port();
    let stop = machine.stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            result = attend(machine, route, socket) => if let Err(error) = result {
                warn!(%error, "a practice machine stopped listening");
            },
        }
    });
    Ok(port)
}

async fn attend(machine: Arc<Machine>, route: Route, socket: TcpSocket) -> io::Result<()> {
    if route == Route::Direct {
        match machine.answers_at(route) {
            Some(at) => machine.world.wait_until(at).await,
            None => std::future::pending().await,
        }
    }
    let listener: TcpListener = socket.listen(64)?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                connections.spawn(receive(Arc::clone(&machine), route, Box::new(stream)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A connection arrived on this route.
async fn receive(machine: Arc<Machine>, route: Route, stream: BoxedStream) {
    if machine.answers(route) {
        link::serve(machine, stream).await;
    } else if route == Route::Proxy {
        // The relay took the connection; behind it nobody is there.
        machine.world.pace().sleep(RELAY_PATIENCE_MS).await;
    }
}

/// Reaches machines by the names they have without sockets.
#[derive(Debug)]
struct InProcess(Machines);

#[async_trait]
impl Transport for InProcess {
    async fn open(&self, endpoint: &Endpoint) -> io::Result<BoxedStream> {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let mut parts = endpoint.host.split('.');
        let route = match parts.next() {
            Some("direct") => Route::Direct,
            Some("proxy") => Route::Proxy,
            _ => return Err(refused()),
        };
        let id = parts.next().and_then(|id| id.parse().ok()).ok_or_else(refused)?;
        let machine = self.0.find(id).ok_or_else(refused)?;
        if route == Route::Direct && !machine.answers(route) {
            return Err(refused());
        }
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let stop = machine.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = receive(machine, route, Box::new(theirs)) => {}
            }
        });
        Ok(Box::new(ours))
    }
}

fn root(folder: &Path, id: u64) -> PathBuf {
    folder.join(id.to_string()).join("root")
}

/// A machine keeps its host key on its disk, beside what its renter sees.
fn host_key(folder: &Path, id: u64) -> io::Result<PrivateKey> {
    let path = folder.join(id.to_string()).join("host_key");
    if let Ok(text) = std::fs::read_to_string(&path)
        && let Ok(key) = PrivateKey::from_openssh(&text)
    {
        return Ok(key);
    }
    let key = fresh_key()?;
    let text = key.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
    std::fs::write(&path, text.as_bytes())?;
    Ok(key)
}

fn fresh_key() -> io::Result<PrivateKey> {
    PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).map_err(io::Error::other)
}

pub(crate) fn ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
