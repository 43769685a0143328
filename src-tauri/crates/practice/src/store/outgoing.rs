//! An answer's body on its way through the gate, and the faults that strike
//! it there.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use s3s::{Body, StdError};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::fault::What;
use super::gate::{Barrier, Lane};
use super::journal::Entry;
use super::serve::Cut;

/// How a body ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Reset,
    Truncate,
    Stall,
}

/// What a fault does to one body.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// After so many bytes.
    ending: Option<(u64, Ending)>,
    /// Offset in the body.
    flip: Option<u64>,
}

impl Damage {
    /// `first` is the offset in the object at which the body begins.
    pub fn of(fault: Option<What>, first: u64) -> Self {
        let ending = match fault {
            Some(What::ResetAfter(bytes)) => Some((bytes, Ending::Reset)),
            Some(What::Truncate(bytes)) => Some((bytes, Ending::Truncate)),
            Some(What::Stall(bytes)) => Some((bytes, Ending::Stall)),
            _ => None,
        };
        let flip = match fault {
            Some(What::FlipByte(offset)) => offset.checked_sub(first),
            _ => None,
        };
        Self { ending, flip }
    }
}

/// The body as the connection sees it.
pub(super) struct Outgoing {
    inner: Body,
    /// Taken from `inner`, not through the gate yet.
    pending: Bytes,
    /// At the gate, with the time at which its last byte has crossed.
    crossing: Option<(Pin<Box<Sleep>>, Bytes)>,
    sent: u64,
    barrier: Arc<Barrier>,
    lane: Lane,
    damage: Damage,
    stop: CancellationToken,
    stalled: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    cut: Option<Arc<Cut>>,
    entry: Entry,
}

impl Outgoing {
    pub fn new(
        inner: Body,
        (barrier, damage): (Arc<Barrier>, Damage),
        stop: CancellationToken,
        cut: Option<Arc<Cut>>,
        entry: Entry,
    ) -> Self {
        Self {
            inner,
            pending: Bytes::new(),
            crossing: None,
            sent: 0,
            barrier,
            lane: Lane::default(),
            damage,
            stop,
            stalled: None,
            cut,
            entry,
        }
    }

    /// Ends the body before its time. What was sent so far has left this
    /// process when the connection breaks.
    fn poll_end(&mut self, ending: Ending, cx: &mut Context<'_>) -> Poll<StdError> {
        if ending == Ending::Stall {
            let stop = &self.stop;
            let stalled =
                self.stalled.get_or_insert_with(|| Box::pin(stop.clone().cancelled_owned()));
            ready!(stalled.as_mut().poll(cx));
            return Poll::Ready(io::Error::from(io::ErrorKind::ConnectionAborted).into());
        }
        if let Some(cut) = &self.cut {
            ready!(cut.poll_flushed(cx));
        }
        let kind = if ending == Ending::Reset {
            if let Some(cut) = &self.cut {
                cut.reset();
            }
            io::ErrorKind::ConnectionReset
        } else {
            io::ErrorKind::UnexpectedEof
        };
        Poll::Ready(io::Error::from(kind).into())
    }

    fn hand_out(&mut self, mut piece: Bytes) -> Frame<Bytes> {
        let inside = |offset: u64| usize::try_from(offset.checked_sub(self.sent)?).ok();
        if let Some(at) = self.damage.flip.and_then(inside).filter(|at| *at < piece.len()) {
            let mut bytes = Vec::from(piece);
            bytes[at] ^= 0xff;
            piece = bytes.into();
        }
        self.sent += piece.len() as u64;
        self.entry.sent(piece.len() as u64);
        Frame::data(piece)
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let this = &mut *self;
        loop {
            if let Some((crossed, piece)) = &mut this.crossing {
                ready!(crossed.as_mut().poll(cx));
                let piece = std::mem::take(piece);
                this.crossing = None;
                return Poll::Ready(Some(Ok(this.hand_out(piece))));
            }
            let left = match this.damage.ending {
                Some((after, ending)) if after <= this.sent => {
                    return Poll::Ready(Some(Err(ready!(this.poll_end(ending, cx)))));
                }
                Some((after, _)) => usize::try_from(after - this.sent).unwrap_or(usize::MAX),
                None => usize::MAX,
            };
            if this.pending.is_empty() {
                match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                    None => return Poll::Ready(None),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Some(Ok(frame)) => this.pending = frame.into_data().unwrap_or_default(),
                }
                continue;
            }
            let size = this.pending.len().min(left).min(this.barrier.piece());
            let piece = this.pending.split_to(size);
            match this.barrier.crossed(&mut this.lane, size) {
                None => return Poll::Ready(Some(Ok(this.hand_out(piece)))),
                Some(at) => {
                    this.crossing = Some((Box::pin(tokio::time::sleep_until(at)), piece));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.crossing.is_none() && self.pending.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting =
            self.pending.len() + self.crossing.as_ref().map_or(0, |(_, piece)| piece.len());
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + waiting as u64);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + waiting as u64);
        }
        hint
    }
}
