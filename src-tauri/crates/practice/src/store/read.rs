//! An object's bytes, read off the runtime and one chunk ahead, so that disk
//! and line work at the same time and memory stays at two chunks a stream.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use s3s::StdError;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::task::{JoinHandle, spawn_blocking};

use super::files::CHUNK;

/// The rest of a range whose first chunk is read already.
#[derive(Debug)]
pub(super) struct Reading {
    ready: Option<Bytes>,
    ahead: Option<JoinHandle<io::Result<(File, Bytes)>>>,
    /// To be read after `ahead`.
    unread: u64,
    /// To be handed out.
    left: usize,
}

impl Reading {
    /// Reads the first chunk; blocks.
    pub fn start(mut file: File, range: &Range<u64>) -> io::Result<(File, Bytes)> {
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start))?;
        }
        let count = chunk(range.end - range.start);
        read(file, count)
    }

    /// Goes on where [`Self::start`] stopped.
    pub fn resume(file: File, first: Bytes, range: &Range<u64>) -> Self {
        let length = range.end - range.start;
        let unread = length - first.len() as u64;
        let mut reading = Self {
            ready: Some(first),
            ahead: None,
            unread,
            left: usize::try_from(length).unwrap_or(usize::MAX),
        };
        reading.read_ahead(file);
        reading
    }

    fn read_ahead(&mut self, file: File) {
        let count = chunk(self.unread);
        if count > 0 {
            self.unread -= count as u64;
            self.ahead = Some(spawn_blocking(move || read(file, count)));
        }
    }
}

fn chunk(left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK)
}

fn read(file: File, count: usize) -> io::Result<(File, Bytes)> {
    let mut bytes = Vec::with_capacity(count);
    let mut rest = file.take(count as u64);
    rest.read_to_end(&mut bytes)?;
    if bytes.len() < count {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((rest.into_inner(), bytes.into()))
}

impl Stream for Reading {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let bytes = if let Some(bytes) = self.ready.take() {
            bytes
        } else if let Some(ahead) = &mut self.ahead {
            let read = ready!(Pin::new(ahead).poll(cx));
            self.ahead = None;
            match read.map_err(io::Error::other).and_then(|read| read) {
                Ok((file, bytes)) => {
                    self.read_ahead(file);
                    bytes
                }
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        } else {
            return Poll::Ready(None);
        };
        self.left -= bytes.len();
        Poll::Ready(Some(Ok(bytes)))
    }
}

impl ByteStream for Reading {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(self.left)
    }
}
