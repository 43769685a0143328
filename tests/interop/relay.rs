//! A cloud's relay: it accepts connections from the first moment, long before
//! the machine behind it has an SSH server, and may drop or mislead them.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::Endpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::machine::local;

/// What becomes of a connection that comes before the machine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Early {
    /// Held, and led on once the machine answers.
    Held,
    /// Accepted, silent for ever.
    Mute,
    /// Accepted and closed.
    Closed,
}

#[derive(Debug)]
pub struct Relay {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    early: Early,
    behind: AtomicU16,
    accepted: AtomicUsize,
    /// So many of the next connections stall after the server's greeting.
    stalls: AtomicUsize,
    /// A connection that is silent for so long is forgotten.
    forgets: Mutex<Option<Duration>>,
    open: Mutex<CancellationToken>,
}

impl Relay {
    /// In front of the server that listens at `behind`, now or later.
    pub async fn before(behind: u16, early: Early) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            early,
            behind: AtomicU16::new(behind),
            accepted: AtomicUsize::new(0),
            stalls: AtomicUsize::new(0),
            forgets: Mutex::default(),
            open: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { port, state, task }
    }

    pub fn endpoint(&self) -> Endpoint {
        local(self.port)
    }

    /// Connections accepted until now.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Breaks every connection.
    pub fn cut(&self) {
        std::mem::take(&mut *self.state.open.lock().unwrap()).cancel();
    }

    /// From now on connections lead to another machine.
    pub fn lead_to(&self, behind: u16) {
        self.state.behind.store(behind, Ordering::SeqCst);
    }

    /// From now on connections on which nobody says anything for so long go
    /// nowhere any more, as behind address translation; nobody is told.
    pub fn forget_after(&self, silence: Duration) {
        *self.state.forgets.lock().unwrap() = Some(silence);
    }

    /// The next connections pass the server's greeting on and nothing more.
    pub fn stall(&self, connections: usize) {
        self.state.stalls.store(connections, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let _ = stream.set_nodelay(true);
        state.accepted.fetch_add(1, Ordering::SeqCst);
        let cut = state.open.lock().unwrap().clone();
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            tokio::select! {
                () = cut.cancelled() => {}
                () = pass_on(stream, &state) => {}
            }
        });
    }
}

async fn pass_on(mut stream: TcpStream, state: &State) {
    let mut server = loop {
        match TcpStream::connect(("127.0.0.1", state.behind.load(Ordering::SeqCst))).await {
            Ok(server) => break server,
            Err(_) => match state.early {
                Early::Held => sleep(Duration::from_millis(5)).await,
                Early::Mute => std::future::pending().await,
                Early::Closed => return,
            },
        }
    };
    let _ = server.set_nodelay(true);
    let stalls = |left: usize| left.checked_sub(1);
    if state.stalls.fetch_update(Ordering::SeqCst, Ordering::SeqCst, stalls).is_ok() {
        let mut greeting = [0; 256];
        let length = server.read(&mut greeting).await.unwrap_or(0);
        let _ = stream.write_all(&greeting[..length]).await;
        std::future::pending::<()>().await;
    }
    let forgets = *state.forgets.lock().unwrap();
    match forgets {
        None => drop(copy_bidirectional(&mut stream, &mut server).await),
        Some(silence) => {
            let (last, (from, to), (back, forth)) =
                (Mutex::new(Instant::now()), stream.split(), server.split());
            tokio::join!(copy(from, forth, &last, silence), copy(back, to, &last, silence));
        }
    }
}

async fn copy(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    last: &Mutex<Instant>,
    silence: Duration,
) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let now = Instant::now();
        let silent = now - std::mem::replace(&mut *last.lock().unwrap(), now);
        if silent > silence {
            std::future::pending::<()>().await;
        }
        let _ = to.write_all(&bytes[..length]).await;
    }
    let _ = to.shutdown().await;
}
