//! An SSH agent of the app's own. It holds keys of runs whose machines live,
//! signs with them, and takes nobody else's; it ends with the app.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use model::{AppError, Code};
use russh::keys::PrivateKey;
use russh::keys::agent::client::AgentClient;
use russh::keys::agent::server::{self, MessageType};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// Room for one message of the agent's own conversation.
const BUFFER: usize = 1 << 16;

/// The agent.
#[derive(Debug)]
pub(crate) struct Agent {
    socket: PathBuf,
    rule: Rule,
    /// The one conversation that may add keys.
    own: Mutex<Own>,
    task: JoinHandle<()>,
}

struct Own(AgentClient<DuplexStream>);

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Own(…)")
    }
}

/// What callers may do: list and sign. Keys are added while we add one.
#[derive(Debug, Clone, Default)]
struct Rule {
    adding: Arc<AtomicBool>,
}

impl server::Agent for Rule {
    async fn confirm_request(&self, message: MessageType) -> bool {
        match message {
            MessageType::RequestKeys | MessageType::Sign => true,
            MessageType::AddKeys => self.adding.load(Ordering::SeqCst),
            MessageType::RemoveKeys
            | MessageType::RemoveAllKeys
            | MessageType::Lock
            | MessageType::Unlock => false,
        }
    }
}

impl Agent {
    /// Starts one that listens in this folder.
    ///
    /// # Errors
    /// Nothing can listen there.
    pub(crate) fn start(folder: &Path) -> Result<Self, AppError> {
        let (own, far) = tokio::io::duplex(BUFFER);
        let rule = Rule::default();
        let (socket, callers) = platform::listen(folder).map_err(|error| {
            AppError::new(Code::Internal, format!("start an SSH agent: {error}"))
        })?;
        let far: Box<dyn Line> = Box::new(far);
        let ours = futures::stream::once(async move { Ok(far) });
        let listener = Box::pin(ours.chain(callers));
        let serving = rule.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = server::serve(listener, serving).await {
                tracing::warn!(%error, "the SSH agent ended");
            }
        });
        Ok(Self { socket, rule, own: Mutex::new(Own(AgentClient::connect(own))), task })
    }

    /// Where programs find it.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// It still answers.
    pub(crate) fn is_alive(&self) -> bool {
        !self.task.is_finished()
    }

    /// Takes a run's key.
    ///
    /// # Errors
    /// It is no key, or the agent has ended.
    pub(crate) async fn add(&self, identity: &SecretString) -> Result<(), AppError> {
        let broken = |error: &dyn std::fmt::Display| {
            AppError::new(Code::Internal, format!("give the SSH agent a key: {error}"))
        };
        let key =
            PrivateKey::from_openssh(identity.expose_secret()).map_err(|error| broken(&error))?;
        let mut own = self.own.lock().await;
        self.rule.adding.store(true, Ordering::SeqCst);
        let added = own.0.add_identity(&key, &[]).await;
        self.rule.adding.store(false, Ordering::SeqCst);
        added.map_err(|error| broken(&error))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
        #[cfg(unix)]
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// A conversation with the agent.
trait Line: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Line for T {}

#[cfg(unix)]
mod platform {
    use std::io;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    use futures::Stream;
    use futures::stream::unfold;
    use tokio::net::UnixListener;

    use super::Line;

    /// A socket of this user alone. Its path must be short, so the session's
    /// own folder is preferred.
    pub(super) fn listen(
        folder: &Path,
    ) -> io::Result<(PathBuf, impl Stream<Item = io::Result<Box<dyn Line>>> + Send + use<>)> {
        let session = directories::BaseDirs::new()
            .and_then(|dirs| dirs.runtime_dir().map(Path::to_owned))
            .filter(|folder| folder.is_dir());
        let name = format!("dumont-agent-{}.sock", std::process::id());
        let path = session.unwrap_or_else(|| folder.to_owned()).join(name);
        // One that an earlier process left.
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let callers = unfold(listener, |listener| async move {
            let caller = listener.accept().await;
            let caller = caller.map(|(stream, _)| Box::new(stream) as Box<dyn Line>);
            Some((caller, listener))
        });
        Ok((path, callers))
    }
}

#[cfg(windows)]
mod platform {
    use std::io;
    use std::path::{Path, PathBuf};

    use futures::Stream;
    use futures::stream::unfold;
    use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

    use super::Line;

    /// A pipe of this user alone, as pipes are where nothing else is said.
    pub(super) fn listen(
        _folder: &Path,
    ) -> io::Result<(PathBuf, impl Stream<Item = io::Result<Box<dyn Line>>> + Send + use<>)> {
        let path = PathBuf::from(format!(r"\\.\pipe\dumont-agent-{}", std::process::id()));
        let first = ServerOptions::new()
            .first_pipe_instance(true)
            .reject_remote_clients(true)
            .create(&path)?;
        let named = path.clone();
        let callers = unfold((first, named), |(pipe, path)| async move {
            let caller = next(pipe, &path).await;
            match caller {
                Ok((line, following)) => Some((Ok(line), (following, path))),
                Err(_) => None,
            }
        });
        Ok((path, callers))
    }

    /// The next caller, and the pipe for the one after.
    async fn next(
        pipe: NamedPipeServer,
        path: &Path,
    ) -> io::Result<(Box<dyn Line>, NamedPipeServer)> {
        pipe.connect().await?;
        let following = ServerOptions::new().reject_remote_clients(true).create(path)?;
        Ok((Box::new(pipe), following))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn it_signs_and_takes_nobody_else_s_keys() {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::start(folder.path()).unwrap();
        let mode = std::fs::metadata(agent.socket()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let identity = remote::Identity::fresh().unwrap();
        agent.add(&identity.to_secret().unwrap()).await.unwrap();
        let mut caller = AgentClient::connect_uds(agent.socket()).await.unwrap();
        let keys = caller.request_identities().await.unwrap();
        assert_eq!(keys.len(), 1);
        let public = keys[0].public_key().to_openssh().unwrap();
        assert!(identity.public().starts_with(&public), "{public}");

        let other = remote::Identity::fresh().unwrap().to_secret().unwrap();
        let other = PrivateKey::from_openssh(other.expose_secret()).unwrap();
        assert!(caller.add_identity(&other, &[]).await.is_err());
        assert!(caller.remove_all_identities().await.is_err());
        assert_eq!(caller.request_identities().await.unwrap().len(), 1);

        let socket = agent.socket().to_owned();
        drop(agent);
        assert!(!socket.exists());
    }
}
