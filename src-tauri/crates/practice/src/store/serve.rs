//! The store on a loopback port: HTTP/1.1 with keep-alive, and connections
//! that can be cut in the ways real networks cut them.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::front::Front;
use super::locked;

/// How long answers under way may take to finish when the store stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves until `stop`, then lets answers under way finish.
pub(super) async fn serve(listener: TcpListener, front: Arc<Front>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    front.journal.connected();
                    connections.spawn(converse(stream, front.clone(), stop.clone()));
                }
                // Out of file handles, most likely: wait until there are some.
                Err(error) => {
                    tracing::warn!(%error, "practice store cannot accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    let farewell = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

async fn converse(stream: TcpStream, front: Arc<Front>, stop: CancellationToken) {
    // Without it small answers wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let cut = Arc::new(Cut::default());
    let io = TokioIo::new(Line { stream, cut: cut.clone() });
    let service = service_fn(move |request| {
        let (front, cut) = (front.clone(), cut.clone());
        async move { front.answer(request, Some(cut)).await }
    });
    let connection = http1::Builder::new().serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "practice store's connection ended early");
    }
}

/// Lets a body break its own connection.
#[derive(Debug, Default)]
pub(super) struct Cut {
    reset: AtomicBool,
    flush: Mutex<Flush>,
}

#[derive(Debug, Default)]
enum Flush {
    #[default]
    Unwanted,
    Wanted(Waker),
    Done,
}

impl Cut {
    /// The connection will end in a reset instead of in order.
    pub fn reset(&self) {
        self.reset.store(true, Ordering::Release);
    }

    /// Ready once everything handed to the connection before the first call
    /// has been written to the socket.
    pub fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut flush = locked(&self.flush);
        if matches!(*flush, Flush::Done) {
            return Poll::Ready(());
        }
        *flush = Flush::Wanted(cx.waker().clone());
        Poll::Pending
    }

    fn flushed(&self) {
        let mut flush = locked(&self.flush);
        if matches!(*flush, Flush::Wanted(_))
            && let Flush::Wanted(waker) = std::mem::replace(&mut *flush, Flush::Done)
        {
            waker.wake();
        }
    }
}

/// A socket that can end in a reset.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    cut: Arc<Cut>,
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.cut.reset.load(Ordering::Acquire) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes only after it has written all it holds.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.cut.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
