//! A practice machine's SSH server. It lets the run's key in and runs commands
//! of ours alone: no shell, no terminal, no subsystem, no forwarding.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use remote::{BoxedStream, Script};
use russh::server::{
    self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId};
use sha2::{Digest as _, Sha256};
use tracing::debug;

use super::{Machine, scripts};
use crate::cloud::Fate;

/// What a shell answers to a command it does not know.
pub(super) const NOT_FOUND: u32 = 127;

/// Serves one connection to its end.
pub(super) async fn serve(machine: Arc<Machine>, stream: BoxedStream) {
    let config = server::Config {
        keys: vec![machine.shown_key()],
        // A refused key is tried again soon; nobody is to be slowed down.
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        inactivity_timeout: None,
        nodelay: true,
        ..server::Config::default()
    };
    let id = machine.id;
    let handler = Caller { machine, channels: HashMap::new() };
    match server::run_stream(Arc::new(config), stream, handler).await {
        Ok(session) => {
            if let Err(error) = session.await {
                debug!(machine = id, %error, "a conversation ended");
            }
        }
        Err(error) => debug!(machine = id, %error, "no conversation"),
    }
}

struct Caller {
    machine: Arc<Machine>,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl server::Handler for Caller {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(if self.machine.accepts(offer.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(
        &mut self,
        _user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(if self.machine.accepts(key.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        self.channels.insert(channel.id(), channel);
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let refused = self
            .machine
            .instance()
            .is_none_or(|instance| instance.host.script.fate == Fate::ExecRefused);
        let Some(open) = self.channels.remove(&channel).filter(|_| !refused) else {
            return session.channel_failure(channel);
        };
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(command).into_owned();
        tokio::spawn(execute(Arc::clone(&self.machine), open, command));
        Ok(())
    }
}

/// Receives a script, and carries it out if it is one of ours.
async fn execute(machine: Arc<Machine>, channel: Channel<Msg>, command: String) {
    use tokio::io::AsyncReadExt as _;
    let stop = machine.stop.clone();
    let work = async {
        let (mut reader, writer) = channel.split();
        let Some(length) = Script::length_in(&command) else {
            let _ = writer.extended_data_bytes(1, "command not found\n").await;
            let _ = writer.exit_status(NOT_FOUND).await;
            let _ = writer.eof().await;
            let _ = writer.close().await;
            return;
        };
        let _ = writer.data_bytes(remote::ANSWER_MARK).await;
        let mut input = reader.make_reader();
        let mut text = vec![0; length];
        let code = if input.read_exact(&mut text).await.is_err() {
            NOT_FOUND
        } else {
            match Script::by_sha256(&Sha256::digest(&text).into()) {
                Some(script) => scripts::run(&machine, script, &mut input, &writer).await,
                None => NOT_FOUND,
            }
        };
        let _ = writer.exit_status(code).await;
        let _ = writer.eof().await;
        let _ = writer.close().await;
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}
