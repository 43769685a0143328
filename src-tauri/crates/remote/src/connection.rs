//! One SSH connection to a machine, and scripts run over it.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::{Route, clean};
use russh::client::{self, Handle};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::debug;

use crate::answer::{ANSWER_LIMIT, Answer, endless};
use crate::proof::hex;
use crate::{BoxedStream, Params, RemoteError, Script};

const STDERR_LIMIT: usize = 16 << 10;
/// A server that allows few sessions needs a moment to free the last one.
const SESSION_PATIENCE: Duration = Duration::from_secs(2);
const SESSION_RETRY: Duration = Duration::from_millis(20);
/// How much of a body goes out between two looks at it.
const PIECE: usize = 64 << 10;
/// For saying that a session is over.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// What a script answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code.
    pub code: u32,
    /// Standard output.
    pub stdout: Bytes,
    /// Standard error, cleaned.
    pub stderr: String,
}

impl Output {
    /// Standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A logged-in connection. Cheap to share; closed when the last one is gone.
#[derive(Clone)]
pub struct Connection {
    handle: Arc<Handle<Client>>,
    host_key: PublicKey,
    route: Route,
}

impl Connection {
    pub(crate) fn new(handle: Handle<Client>, host_key: PublicKey, route: Route) -> Self {
        Self { handle: Arc::new(handle), host_key, route }
    }

    /// The key seen on the wire.
    #[must_use]
    pub const fn host_key(&self) -> &PublicKey {
        &self.host_key
    }

    /// Its fingerprint, `SHA256:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.host_key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Which way the connection took.
    #[must_use]
    pub const fn route(&self) -> Route {
        self.route
    }

    /// The other side is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Runs a script and waits for its end.
    ///
    /// # Errors
    /// The connection breaks, or the script does not end in time. An exit code
    /// is no error here; see [`Connection::run_ok`].
    pub async fn run(
        &self,
        script: Script,
        params: &Params,
        limit: Duration,
    ) -> Result<Output, RemoteError> {
        self.run_with(script, params, Bytes::new(), limit, &unwatched).await
    }

    /// Runs a script that takes further input behind its parameters, and has to
    /// end with 0.
    ///
    /// # Errors
    /// As [`Connection::run_ok`].
    pub async fn run_fed(
        &self,
        script: Script,
        params: &Params,
        input: Bytes,
        limit: Duration,
    ) -> Result<Output, RemoteError> {
        succeeded(script, self.run_with(script, params, input, limit, &unwatched).await?)
    }

    /// Runs a script that has to end with 0.
    ///
    /// # Errors
    /// As [`Connection::run`], and [`RemoteError::Script`] for any other code.
    pub async fn run_ok(
        &self,
        script: Script,
        params: &Params,
        limit: Duration,
    ) -> Result<Output, RemoteError> {
        succeeded(script, self.run(script, params, limit).await?)
    }

    /// Sends a file; its checksum is read back. `sent` hears how many bytes
    /// went out, and may end it.
    ///
    /// # Errors
    /// The connection breaks, the disk refuses, the checksum differs, or `sent`
    /// ended it.
    pub async fn upload(
        &self,
        path: &str,
        mode: &str,
        content: Content,
        limit: Duration,
        sent: impl Fn(u64) -> ControlFlow<()> + Send + Sync,
    ) -> Result<String, RemoteError> {
        use sha2::Digest as _;
        let params = Params::new().with("path", path).with("mode", mode);
        let (params, body, expected) = match content {
            Content::Plain(body) => {
                let expected = hex(&sha2::Sha256::digest(&body));
                (params, body, expected)
            }
            Content::Gzip { packed, sha256 } => (params.with("packed", "gzip"), packed, sha256),
        };
        let output = self.run_with(Script::Put, &params, body, limit, &sent).await?;
        let answer = succeeded(Script::Put, output)?.text();
        if answer.trim() == format!("sha256 {expected}") {
            Ok(expected)
        } else {
            Err(RemoteError::ChecksumDiffers { path: clean(path, 200) })
        }
    }

    /// A stream to a port of the machine's own loopback address.
    ///
    /// # Errors
    /// The connection breaks, or the machine refuses: nothing listens there, or
    /// its server forwards nothing.
    pub async fn open_port(&self, port: u16) -> Result<BoxedStream, RemoteError> {
        let here = "127.0.0.1";
        let channel = self
            .handle
            .channel_open_direct_tcpip(here, u32::from(port), here, 0)
            .await
            .map_err(broken)?;
        Ok(Box::new(channel.into_stream()))
    }

    /// Says good-bye, so that the server need not wait for a timeout.
    pub async fn close(&self) {
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "en").await;
    }

    async fn run_with(
        &self,
        script: Script,
        params: &Params,
        body: Bytes,
        limit: Duration,
        sent: &Watch<'_>,
    ) -> Result<Output, RemoteError> {
        let end = Instant::now() + limit;
        let late = || RemoteError::TimedOut { script: script.name() };
        let (mut reader, writer) =
            timeout_at(end, self.start(script)).await.unwrap_or_else(|_| Err(late()))?;
        let exchange = async {
            let sending = send(&writer, script, params, body, sent);
            let receiving = receive(&mut reader);
            tokio::pin!(sending, receiving);
            let mut is_sent = false;
            // Both at once: a script that answers while it is being sent its
            // input would stop reading if nobody read it. One that has ended
            // takes no more input; what it did not read shows in its answer.
            loop {
                tokio::select! {
                    output = &mut receiving => break output,
                    result = &mut sending, if !is_sent => {
                        is_sent = true;
                        match result {
                            Ok(()) => {}
                            Err(RemoteError::GivenUp) => break Err(RemoteError::GivenUp),
                            Err(error) => {
                                debug!(%error, script = script.name(), "the input was cut");
                            }
                        }
                    }
                }
            }
        };
        let result = timeout_at(end, exchange).await.unwrap_or_else(|_| Err(late()));
        if result.is_err() {
            // Until it is closed, the server keeps the session's place.
            let _ = timeout(CLOSE_LIMIT, writer.close()).await;
        }
        result
    }

    /// A channel on which `script` waits for its text.
    pub(crate) async fn start(
        &self,
        script: Script,
    ) -> Result<(ChannelReadHalf, ChannelWriteHalf<client::Msg>), RemoteError> {
        let channel = self.session().await?;
        channel.exec(true, script.command()).await.map_err(broken)?;
        Ok(channel.split())
    }

    async fn session(&self) -> Result<Channel<client::Msg>, RemoteError> {
        let end = Instant::now() + SESSION_PATIENCE;
        loop {
            match self.handle.channel_open_session().await {
                Ok(channel) => return Ok(channel),
                Err(russh::Error::ChannelOpenFailure(_)) if Instant::now() < end => {
                    sleep(SESSION_RETRY).await;
                }
                Err(error) => return Err(broken(error)),
            }
        }
    }
}

/// A file to send.
#[derive(Debug, Clone)]
pub enum Content {
    /// As it is.
    Plain(Bytes),
    /// Packed with gzip; it is unpacked over there.
    Gzip {
        /// What is sent.
        packed: Bytes,
        /// What it unpacks to hashes to.
        sha256: String,
    },
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("route", &self.route).finish_non_exhaustive()
    }
}

/// Hears how many bytes of a body went out, and may end it.
type Watch<'a> = dyn Fn(u64) -> ControlFlow<()> + Send + Sync + 'a;

pub(crate) const fn unwatched(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(crate) async fn send(
    writer: &ChannelWriteHalf<client::Msg>,
    script: Script,
    params: &Params,
    body: Bytes,
    sent: &Watch<'_>,
) -> Result<(), RemoteError> {
    let mut head = script.text().as_bytes().to_vec();
    head.extend_from_slice(&params.encode());
    writer.data_bytes(head).await.map_err(broken)?;
    let mut done = 0;
    while done < body.len() {
        let piece = body.slice(done..body.len().min(done + PIECE));
        done += piece.len();
        writer.data_bytes(piece).await.map_err(broken)?;
        if sent(done as u64).is_break() {
            return Err(RemoteError::GivenUp);
        }
    }
    writer.eof().await.map_err(broken)
}

async fn receive(reader: &mut ChannelReadHalf) -> Result<Output, RemoteError> {
    let (mut stdout, mut stderr, mut code) = (Vec::new(), Vec::new(), None);
    let mut answer = Answer::default();
    while let Some(message) = reader.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                stdout.extend_from_slice(&answer.take(&data)?);
                if stdout.len() > ANSWER_LIMIT {
                    return Err(endless());
                }
            }
            ChannelMsg::ExtendedData { data, .. } => {
                let room = STDERR_LIMIT.saturating_sub(stderr.len());
                stderr.extend_from_slice(&data[..data.len().min(room)]);
            }
            ChannelMsg::ExitStatus { exit_status } => code = Some(exit_status),
            ChannelMsg::ExitSignal { .. } => code = Some(code.unwrap_or(255)),
            ChannelMsg::Failure => {
                return Err(RemoteError::Ssh("the machine refuses to run commands".into()));
            }
            _ => {}
        }
    }
    let code = code.ok_or_else(|| RemoteError::Unreachable("the machine: it hung up".into()))?;
    let stderr = clean(&String::from_utf8_lossy(&stderr), 500);
    Ok(Output { code, stdout: stdout.into(), stderr })
}

pub(crate) fn succeeded(script: Script, output: Output) -> Result<Output, RemoteError> {
    if output.code == 0 {
        Ok(output)
    } else {
        Err(RemoteError::Script { script: script.name(), code: output.code, stderr: output.stderr })
    }
}

pub(crate) fn broken(error: impl fmt::Display) -> RemoteError {
    RemoteError::Unreachable(clean(&format!("the machine: {error}"), 200))
}

/// Our end of the conversation. What it does not override, above all every
/// channel a server may try to open, is refused.
#[derive(Clone)]
pub(crate) struct Client {
    pinned: Option<PublicKey>,
    seen: Arc<Mutex<Option<PublicKey>>>,
}

impl Client {
    pub(crate) fn new(pinned: Option<PublicKey>) -> Self {
        Self { pinned, seen: Arc::default() }
    }

    pub(crate) fn seen(&self) -> Option<PublicKey> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let key = shown.public_key();
        let fits = self.pinned.as_ref().is_none_or(|pinned| pinned.key_data() == key.key_data());
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
        Ok(fits)
    }
}
