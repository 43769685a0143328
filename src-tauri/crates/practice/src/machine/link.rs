//! The wire between a machine's SSH server and its caller. It can die: a dead
//! wire stays open and brings nothing any more, as in life.

use std::sync::Arc;

use remote::BoxedStream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Machine, ssh};

/// Serves SSH over this stream until one side leaves, the machine ends or its
/// link dies.
pub(super) async fn serve(machine: Arc<Machine>, stream: BoxedStream) {
    let (inside, outside) = tokio::io::duplex(1 << 18);
    let world = machine.world.clone();
    let (dies, ends) = (machine.link_dies_at(), machine.ends_at());
    let server = tokio::spawn(ssh::serve(Arc::clone(&machine), Box::new(inside)));
    let (mut from_caller, mut to_caller) = tokio::io::split(stream);
    let (mut from_server, mut to_server) = tokio::io::split(outside);
    let carry = async {
        // Either direction's end ends the other: SSH needs both.
        tokio::select! {
            () = copy(&mut from_caller, &mut to_server) => {}
            () = copy(&mut from_server, &mut to_caller) => {}
        }
    };
    let at = |moment: Option<model::At>| {
        let world = world.clone();
        async move {
            match moment {
                Some(moment) => world.wait_until(moment).await,
                None => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        () = carry => {}
        () = at(ends) => {}
        () = at(dies) => {
            server.abort();
            machine.stop.cancelled().await;
        }
    }
    server.abort();
}

async fn copy(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length) = from.read(&mut buffer).await {
        if length == 0 || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
