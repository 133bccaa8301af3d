//! NUL-ended messages over any `embedded_io` byte stream, both directions bounded.
//!
//! Never blocks as long as the stream says when it is ready, and never holds more than
//! [`MAX_MESSAGE`] bytes in (and one read), or [`MAX_PENDING`] bytes or one reply out, whatever the other end does.

use std::collections::VecDeque;

use embedded_io::{Read, ReadReady, Write, WriteReady};

/// The longest request that is read, in bytes, its NUL included; the longest that means anything has a few hundred.
pub const MAX_MESSAGE: usize = 8 * 1024;

/// How many bytes wait for a client that does not read before it is given up, beside what the kernel keeps for it.
pub const MAX_PENDING: usize = 16 * 1024;

const CHUNK: usize = 4096;

/// Why a connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// a message without end
    #[error("message is longer than {MAX_MESSAGE} bytes")]
    TooLong,
    /// a client that does not read
    #[error("client does not read: {MAX_PENDING} bytes wait for it")]
    Stalled,
    /// the other end is gone
    #[error("connection closed by the other end")]
    Closed,
    /// the stream failed
    #[error("connection failed: {0:?}")]
    Stream(embedded_io::ErrorKind),
}

fn stream_error<E: embedded_io::Error>(error: E) -> FrameError {
    FrameError::Stream(error.kind())
}

/// Bytes that have come in and are not yet a whole message.
#[derive(Debug, Default)]
pub struct Inbox {
    buffer: Vec<u8>,
}

impl Inbox {
    /// Takes what the stream has now.
    ///
    /// # Errors
    /// [`FrameError::Closed`] at its end, [`FrameError::TooLong`] if a message does not end.
    pub fn fill<S: Read + ReadReady>(&mut self, stream: &mut S) -> Result<(), FrameError> {
        let mut chunk = [0; CHUNK];
        while stream.read_ready().map_err(stream_error)? {
            if self.buffer.len() >= MAX_MESSAGE {
                return Err(FrameError::TooLong);
            }
            match stream.read(&mut chunk).map_err(stream_error)? {
                0 => return Err(FrameError::Closed),
                n => self.buffer.extend_from_slice(&chunk[..n]),
            }
            if self.has_message() {
                break; // answer this one first: a client that floods waits its turn
            }
        }
        Ok(())
    }

    /// Waits for the next whole message.
    ///
    /// # Errors
    /// As [`Inbox::fill`].
    pub fn wait<S: Read>(&mut self, stream: &mut S) -> Result<Vec<u8>, FrameError> {
        let mut chunk = [0; CHUNK];
        loop {
            if let Some(message) = self.take() {
                return Ok(message);
            }
            match stream.read(&mut chunk).map_err(stream_error)? {
                0 => return Err(FrameError::Closed),
                n => self.buffer.extend_from_slice(&chunk[..n]),
            }
        }
    }

    /// Whether [`Inbox::take`] would give one.
    #[must_use]
    pub fn has_message(&self) -> bool {
        self.buffer.contains(&0)
    }

    /// The next whole message, without its NUL.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer.iter().position(|byte| *byte == 0)?;
        let rest = self.buffer.split_off(end + 1);
        let mut message = std::mem::replace(&mut self.buffer, rest);
        message.pop();
        Some(message)
    }
}

/// Bytes that wait until the stream takes them.
#[derive(Debug, Default)]
pub struct Outbox {
    pending: VecDeque<u8>,
}

impl Outbox {
    /// Queues one message and its NUL: a single one of any length, since it is this end that made it.
    ///
    /// # Errors
    /// [`FrameError::Stalled`] if too much waits already.
    pub fn push(&mut self, message: &[u8]) -> Result<(), FrameError> {
        if !self.is_empty() && self.pending.len() + message.len() >= MAX_PENDING {
            return Err(FrameError::Stalled);
        }
        self.pending.extend(message);
        self.pending.push_back(0);
        Ok(())
    }

    /// Hands over as much as the stream takes now.
    ///
    /// # Errors
    /// The stream's own.
    pub fn flush<S: Write + WriteReady>(&mut self, stream: &mut S) -> Result<(), FrameError> {
        while !self.pending.is_empty() && stream.write_ready().map_err(stream_error)? {
            let written = stream.write(self.pending.as_slices().0).map_err(stream_error)?;
            self.pending.drain(..written);
        }
        if self.is_empty() {
            self.pending = VecDeque::new(); // one long reply is no reason to keep its room
        }
        Ok(())
    }

    /// Whether everything was handed over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream with a script: what it will give, and how much it takes.
    #[derive(Default)]
    struct Script {
        input: VecDeque<Vec<u8>>,
        closed: bool,
        taken: Vec<u8>,
        room: usize,
    }

    impl embedded_io::ErrorType for Script {
        type Error = embedded_io::ErrorKind;
    }
    impl Read for Script {
        fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error> {
            let Some(mut bytes) = self.input.pop_front() else { return Ok(0) };
            let n = bytes.len().min(buf.len());
            buf[..n].copy_from_slice(&bytes[..n]);
            if n < bytes.len() {
                self.input.push_front(bytes.split_off(n));
            }
            Ok(n)
        }
    }
    impl ReadReady for Script {
        fn read_ready(&mut self) -> Result<bool, Self::Error> {
            Ok(!self.input.is_empty() || self.closed)
        }
    }
    impl Write for Script {
        fn write(&mut self, buf: &[u8]) -> Result<usize, Self::Error> {
            let n = buf.len().min(self.room);
            self.taken.extend_from_slice(&buf[..n]);
            self.room -= n;
            Ok(n)
        }
        fn flush(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }
    impl WriteReady for Script {
        fn write_ready(&mut self) -> Result<bool, Self::Error> {
            Ok(self.room > 0)
        }
    }

    fn received(chunks: &[&[u8]], closed: bool) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
        let mut stream =
            Script { input: chunks.iter().map(|c| c.to_vec()).collect(), closed, ..Script::default() };
        let (mut inbox, mut messages) = (Inbox::default(), Vec::new());
        loop {
            let filled = inbox.fill(&mut stream);
            let before = messages.len();
            while let Some(message) = inbox.take() {
                messages.push(message);
            }
            if filled.is_err() || messages.len() == before {
                return (messages, filled);
            }
        }
    }

    #[test]
    fn messages_are_cut_at_nul() {
        let long = vec![b'x'; MAX_MESSAGE + 1];
        let table: &[(&str, &[&[u8]], bool, &[&[u8]], Result<(), FrameError>)] = &[
            ("nothing yet", &[], false, &[], Ok(())),
            ("half a message", &[b"{\"a\""], false, &[], Ok(())),
            ("one", &[b"{}\0"], false, &[b"{}"], Ok(())),
            ("one in three pieces", &[b"{", b"}", b"\0"], false, &[b"{}"], Ok(())),
            ("two and a half in one piece", &[b"a\0b\0c"], false, &[b"a", b"b"], Ok(())),
            ("empty message", &[b"\0"], false, &[b""], Ok(())),
            ("end after a message", &[b"a\0"], true, &[b"a"], Err(FrameError::Closed)),
            ("end inside a message", &[b"a"], true, &[], Err(FrameError::Closed)),
            ("no end", &[&long], false, &[], Err(FrameError::TooLong)),
        ];
        for (name, chunks, closed, messages, end) in table {
            let (got, filled) = received(chunks, *closed);
            assert_eq!(&got.iter().map(Vec::as_slice).collect::<Vec<_>>(), messages, "{name}");
            assert_eq!(filled, *end, "{name}");
        }
    }

    #[test]
    fn a_client_that_does_not_read_is_given_up_and_one_that_reads_slowly_is_not() {
        let mut outbox = Outbox::default();
        let message = vec![b'm'; 1000];
        let queued = (0..).take_while(|_| outbox.push(&message).is_ok()).count();
        assert_eq!(queued, MAX_PENDING / 1001);
        assert_eq!(outbox.push(&message), Err(FrameError::Stalled));
        assert!(outbox.pending.capacity() <= 2 * MAX_PENDING);

        let mut stream = Script { room: 1500, ..Script::default() };
        outbox.flush(&mut stream).expect("takes what fits");
        assert_eq!(stream.taken.len(), 1500);
        assert_eq!(stream.taken[1000], 0);
        assert!(!outbox.is_empty());
        stream.room = usize::MAX;
        outbox.flush(&mut stream).expect("takes the rest");
        assert!(outbox.is_empty());
        assert_eq!(stream.taken.len(), queued * 1001);
        assert_eq!(outbox.pending.capacity(), 0, "the room is given back");
    }

    #[test]
    fn one_reply_may_be_long() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(&vec![b'm'; 4 * MAX_PENDING]), Ok(()));
        assert_eq!(outbox.push(b"m"), Err(FrameError::Stalled), "and no other beside it");
    }

    #[test]
    fn a_message_without_end_takes_bounded_room() {
        let endless = (0..10 * MAX_MESSAGE / CHUNK).map(|_| vec![b'x'; CHUNK]).collect();
        let mut stream = Script { input: endless, ..Script::default() };
        let mut inbox = Inbox::default();
        assert_eq!(inbox.fill(&mut stream), Err(FrameError::TooLong));
        assert!(inbox.buffer.capacity() <= 2 * (MAX_MESSAGE + CHUNK), "{}", inbox.buffer.capacity());
    }
}
