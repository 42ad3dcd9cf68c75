//! What the engine and its worker say to each other: frames on a socket.
//!
//! ```text
//!   u32 length of what follows │ u8 kind │ fields
//!   field: u8 │ u32 │ u32 length, bytes │ u32 count, that many byte strings       (little endian)
//! ```
//!
//! The worker runs scripts of users: what comes from it is read as hostile. Nobody but these two reads this, and both are
//! the same program, so there is no version.

use std::io::{self, Read, Write};

use smallvec::SmallVec;

/// The longest frame.
const MOST_FRAME_BYTES: usize = 1 << 30;
/// Read at once at most, so that a length alone takes no memory.
const STEP_BYTES: usize = 1 << 20;
/// What is kept of the memory of a long frame.
const KEPT_BYTES: usize = 1 << 20;
const HEADER_BYTES: usize = 4;

/// Byte strings of a frame.
pub(super) type Words<'a> = SmallVec<[&'a [u8]; 16]>;

/// Kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    // To the worker.
    /// Number, whether it is a library, whether it wants texts, source.
    Compile = 1,
    /// Number.
    Release,
    /// Number: run a library for what it registers.
    Load,
    /// Number, name of the function, whether the client talks RESP3, keys, arguments.
    Run,
    /// The reply of a command.
    Reply,
    /// Whether a command may run: 0, 1, or 2 if there is none.
    Allowed,

    // From the worker.
    /// Compiled.
    Compiled = 32,
    /// Why not.
    Refused,
    /// Whether in RESP3, words: run a command.
    Command,
    /// Level, text.
    Log,
    /// Whether to the log, whether to replicas.
    Propagate,
    /// Words: may this command run?
    Check,
    /// What a library registered: name, description, whether there is one, flags; then the next.
    Registered,
    /// A reply: the value of the script.
    Done,
    /// Line of the source or zero, error.
    Failed,
}

impl Kind {
    const ALL: [Self; 15] = [
        Self::Compile,
        Self::Release,
        Self::Load,
        Self::Run,
        Self::Reply,
        Self::Allowed,
        Self::Compiled,
        Self::Refused,
        Self::Command,
        Self::Log,
        Self::Propagate,
        Self::Check,
        Self::Registered,
        Self::Done,
        Self::Failed,
    ];

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A frame to send.
#[derive(Debug, Default)]
pub(super) struct Frame(Vec<u8>);

impl Frame {
    pub(super) fn new(kind: Kind) -> Self {
        let mut frame = Self(vec![0; HEADER_BYTES]);
        frame.0.push(kind as u8);
        frame
    }

    pub(super) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub(super) fn number(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let mut frame = self.number(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        frame.0.extend_from_slice(bytes);
        frame
    }

    pub(super) fn words<W: AsRef<[u8]>>(self, words: &[W]) -> Self {
        let frame = self.number(u32::try_from(words.len()).unwrap_or(u32::MAX));
        words.iter().fold(frame, |frame, word| frame.bytes(word.as_ref()))
    }

    /// The buffer, for what goes on to the end of the frame; [`Frame::of_buffer`] takes it back.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn of_buffer(buffer: Vec<u8>) -> Self {
        Self(buffer)
    }

    /// Sends it.
    ///
    /// # Errors
    /// If the other side is gone, or the frame is too long.
    pub(super) fn send(mut self, to: &mut impl Write) -> io::Result<()> {
        let len = self.0.len() - HEADER_BYTES;
        if len > MOST_FRAME_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the frame is too long"));
        }
        self.0[..HEADER_BYTES].copy_from_slice(&(len as u32).to_le_bytes());
        to.write_all(&self.0)
    }
}

/// Frames as they come in.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were taken as a frame.
    taken: usize,
}

impl Inbox {
    /// Reads until there is a whole frame, which [`Inbox::frame`] gives.
    ///
    /// # Errors
    /// Of the socket; `WouldBlock` may be tried again. `UnexpectedEof` if the other side is gone, `InvalidData` if it is no
    /// frame.
    pub(super) fn wait(&mut self, from: &mut impl Read) -> io::Result<()> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer.shrink_to(KEPT_BYTES);
        }
        loop {
            let wanted = match self.buffer.first_chunk() {
                None => HEADER_BYTES,
                Some(len) => match u32::from_le_bytes(*len) as usize {
                    0 => return Err(invalid()),
                    len if len > MOST_FRAME_BYTES => return Err(invalid()),
                    len => HEADER_BYTES + len,
                },
            };
            if wanted > HEADER_BYTES && self.buffer.len() >= wanted {
                self.taken = wanted;
                return Ok(());
            }
            self.read_more(wanted, from)?;
        }
    }

    /// The frame that was waited for: its kind and its fields.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn frame(&self) -> io::Result<(Kind, Fields<'_>)> {
        let frame = self.buffer.get(HEADER_BYTES..self.taken).ok_or_else(invalid)?;
        let (kind, fields) = frame.split_first().ok_or_else(invalid)?;
        Ok((Kind::of(*kind).ok_or_else(invalid)?, Fields(fields)))
    }

    fn read_more(&mut self, wanted: usize, from: &mut impl Read) -> io::Result<()> {
        /// Small frames come with one call of the system.
        const LEAST_BYTES: usize = 4096;
        let len = self.buffer.len();
        let missing = wanted.saturating_sub(len).clamp(LEAST_BYTES, STEP_BYTES);
        self.buffer.resize(len + missing, 0);
        let read = from.read(&mut self.buffer[len..]);
        self.buffer.truncate(len + read.as_ref().map_or(0, |read| *read));
        match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// The fields of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// What is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// As the others: if it is not there.
    pub(super) fn byte(&mut self) -> io::Result<u8> {
        let (byte, rest) = self.0.split_first().ok_or_else(invalid)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(super) fn flag(&mut self) -> io::Result<bool> {
        Ok(self.byte()? != 0)
    }

    pub(super) fn number(&mut self) -> io::Result<u32> {
        let (number, rest) = self.0.split_first_chunk().ok_or_else(invalid)?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*number))
    }

    pub(super) fn bytes(&mut self) -> io::Result<&'a [u8]> {
        let len = self.number()? as usize;
        let (bytes, rest) = self.0.split_at_checked(len).ok_or_else(invalid)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn words(&mut self) -> io::Result<Words<'a>> {
        let count = self.number()?;
        (0..count).map(|_| self.bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_sent_is_received() {
        let mut sent = Vec::new();
        Frame::new(Kind::Run).number(7).byte(1).bytes(b"f").words(&[b"a", b"b"]).send(&mut sent).unwrap();
        Frame::new(Kind::Compiled).send(&mut sent).unwrap();
        let (mut from, mut inbox) = (&sent[..], Inbox::default());
        inbox.wait(&mut from).unwrap();
        let (kind, mut fields) = inbox.frame().unwrap();
        assert_eq!(kind, Kind::Run);
        assert_eq!((fields.number().unwrap(), fields.flag().unwrap()), (7, true));
        assert_eq!(fields.bytes().unwrap(), b"f");
        assert_eq!(fields.words().unwrap().as_slice(), [b"a", b"b"]);
        assert!(fields.is_empty() && fields.byte().is_err());
        inbox.wait(&mut from).unwrap();
        assert_eq!(inbox.frame().unwrap().0, Kind::Compiled);
        assert_eq!(inbox.wait(&mut from).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut from, mut inbox) = (&bytes[..], Inbox::default());
            while inbox.wait(&mut from).is_ok() {
                if let Ok((_, mut fields)) = inbox.frame() {
                    let _ = (fields.words(), fields.number(), fields.byte());
                }
            }
        }
    }
}
