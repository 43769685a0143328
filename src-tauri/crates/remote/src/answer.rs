//! Where a script's answer begins on a machine whose login talks.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::{ANSWER_MARK, RemoteError};

/// No script of ours answers more, and no login says more; more is a hostile
/// machine.
pub(crate) const ANSWER_LIMIT: usize = 8 << 20;

/// Drops what stands before the mark.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    begun: bool,
    dropped: usize,
    /// The last bytes before the mark: it may come in pieces.
    tail: BytesMut,
}

impl Answer {
    /// What of these bytes belongs to the answer.
    ///
    /// # Errors
    /// The login has talked for too long.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Bytes, RemoteError> {
        if self.begun {
            return Ok(Bytes::copy_from_slice(bytes));
        }
        self.tail.extend_from_slice(bytes);
        let mark = self.tail.windows(ANSWER_MARK.len()).position(|part| part == ANSWER_MARK);
        if let Some(mark) = mark {
            self.begun = true;
            self.tail.advance(mark + ANSWER_MARK.len());
            return Ok(std::mem::take(&mut self.tail).freeze());
        }
        let noise = self.tail.len().saturating_sub(ANSWER_MARK.len());
        self.tail.advance(noise);
        self.dropped += noise;
        if self.dropped > ANSWER_LIMIT {
            return Err(endless());
        }
        Ok(Bytes::new())
    }
}

pub(crate) fn endless() -> RemoteError {
    RemoteError::Ssh("the machine answers without end".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_begins_after_the_mark_in_any_pieces() {
        let whole = b"Welcome\n\n--dumont-no\n--dumont--\nsha256 00\n--dumont--\nrest";
        for piece in 1..whole.len() {
            let mut answer = Answer::default();
            let read: Vec<u8> =
                whole.chunks(piece).flat_map(|bytes| answer.take(bytes).unwrap()).collect();
            assert_eq!(read, b"sha256 00\n--dumont--\nrest", "pieces of {piece}");
        }
    }

    #[test]
    fn a_login_that_never_ends_is_refused() {
        let mut answer = Answer::default();
        let noise = vec![b'x'; 1 << 20];
        assert!((0..8).all(|_| answer.take(&noise).is_ok()));
        assert!(answer.take(&noise).is_err());
    }
}
