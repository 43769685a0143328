//! Jobs on the machine outlive the connection that started them: they write a
//! log and, at their end, a status; any later connection reads on from where
//! the last one stopped.

use bytes::{Buf as _, Bytes, BytesMut};
use russh::ChannelMsg;
use tokio::sync::mpsc;

use crate::answer::Answer;
use crate::connection::{broken, send, unwatched};
use crate::{Connection, Params, RemoteError, Script};

/// A script that starts a job.
#[derive(Debug, Clone)]
pub struct JobStart {
    /// The script.
    pub script: Script,
    /// Its parameters, secrets included.
    pub params: Params,
    /// The name under which the script keeps its job.
    pub job: &'static str,
}

/// What a job's log brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// Further bytes of the log.
    Data(Bytes),
    /// The job ended with this code.
    Ended(u32),
}

/// Reads a job's log from `offset` until the job ends. Everything that came
/// was handed to `events` before an error is returned, so that the caller can
/// go on from there over another connection.
///
/// # Errors
/// The connection breaks, or the machine knows no such job.
pub async fn follow(
    connection: &Connection,
    job: &str,
    offset: u64,
    events: &mpsc::Sender<JobEvent>,
) -> Result<u32, RemoteError> {
    let script = Script::JobFollow;
    let params = Params::new().with("job", job).with("offset", offset.to_string());
    let (mut reader, writer) = connection.start(script).await?;
    send(&writer, script, &params, Bytes::new(), &unwatched).await?;
    let (mut answer, mut frames) = (Answer::default(), Frames::default());
    while let Some(message) = reader.wait().await {
        let ChannelMsg::Data { data } = message else { continue };
        frames.push(&answer.take(&data)?);
        while let Some(event) = frames.next().map_err(|details| RemoteError::NotUnderstood {
            script: script.name(),
            details: details.into(),
        })? {
            let ended = match event {
                JobEvent::Ended(code) => Some(code),
                JobEvent::Data(_) => None,
            };
            events.send(event).await.map_err(broken)?;
            if let Some(code) = ended {
                return Ok(code);
            }
        }
    }
    Err(RemoteError::Unreachable("the machine: it hung up".into()))
}

/// Reads `data LENGTH`, that many bytes, …, `status CODE` in any pieces.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
    /// Bytes of the open data frame that have not come yet.
    open: usize,
}

impl Frames {
    /// Takes what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event; `None` until more comes.
    ///
    /// # Errors
    /// It is neither.
    #[expect(clippy::should_implement_trait, reason = "it goes on after `None`")]
    pub fn next(&mut self) -> Result<Option<JobEvent>, &'static str> {
        loop {
            if self.open > 0 {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                let length = self.open.min(self.buffer.len());
                self.open -= length;
                return Ok(Some(JobEvent::Data(self.buffer.split_to(length).freeze())));
            }
            let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
                return if self.buffer.len() > 200 { Err("a frame without end") } else { Ok(None) };
            };
            let line = self.buffer.split_to(end);
            self.buffer.advance(1);
            let line = std::str::from_utf8(&line).map_err(|_| "a frame that is no text")?;
            match line.split_once(' ') {
                Some(("data", length)) => {
                    self.open = length.parse().map_err(|_| "a frame without a length")?;
                }
                Some(("status", code)) => {
                    let code = code.trim().parse().map_err(|_| "a status without a code")?;
                    return Ok(Some(JobEvent::Ended(code)));
                }
                _ if line == "missing" => return Err("the machine knows no such job"),
                _ => return Err("neither data nor status"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_are_read_in_any_pieces() {
        let whole = b"data 5\nab\ncddata 3\nxyzstatus 4\n";
        for piece in 1..whole.len() {
            let mut frames = Frames::default();
            let (mut data, mut ended) = (Vec::new(), None);
            for bytes in whole.chunks(piece) {
                frames.push(bytes);
                while let Some(event) = frames.next().unwrap() {
                    match event {
                        JobEvent::Data(bytes) => data.extend_from_slice(&bytes),
                        JobEvent::Ended(code) => ended = Some(code),
                    }
                }
            }
            assert_eq!(data, b"ab\ncdxyz");
            assert_eq!(ended, Some(4));
        }
    }

    proptest! {
        #[test]
        fn hostile_frames_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut frames = Frames::default();
            frames.push(&bytes);
            while let Ok(Some(_)) = frames.next() {}
        }
    }
}
