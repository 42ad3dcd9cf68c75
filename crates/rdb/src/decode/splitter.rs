//! Cutting a file into runs of whole records, to be decoded elsewhere.
//!
//! The file is read in chunks into a buffer; a scan goes past whole records by their lengths alone, and when there are
//! enough of them the buffer is given away and its unscanned rest becomes the next one. A record that is longer than a
//! chunk lets the buffer grow with the bytes that come, never with those that are announced. The scan remembers where
//! within a record it stopped, so no byte is looked at twice.

use std::fmt;
use std::io::{self, Read};

use super::record::{self, Refused};
use super::skip::{Stage, skip};
use super::{Cursor, DecodeContext, DecodeError, Fault, Mark, Record, marks};
use crate::checksum::Checksum;
use crate::version::{Origin, SIGNATURE_BYTES, SignatureError};

/// Bytes asked of the source at a time.
const CHUNK_BYTES: usize = 128 << 10;
/// Records are handed out when they have at least so many bytes.
const RUN_BYTES: usize = 192 << 10;

/// Why a file is not read.
#[derive(Debug)]
pub enum ReadError {
    /// The source failed.
    Io(io::Error),
    /// It is no file of ours, or of an unknown version.
    Signature(SignatureError),
    /// It is damaged, or holds something that is not supported.
    Decode(DecodeError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Signature(SignatureError::Signature) => {
                f.write_str("Wrong signature trying to load DB from file")
            }
            Self::Signature(SignatureError::Version(version)) => {
                write!(f, "Can't handle RDB format version {version}")
            }
            Self::Decode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

/// A part of a file.
#[derive(Debug)]
pub enum Piece {
    /// Keys, one after the other.
    Records(Records),
    /// Anything else.
    Mark(Mark),
}

/// A run of whole records, not yet decoded.
#[derive(Debug)]
pub struct Records {
    bytes: Vec<u8>,
    /// Where the first record begins in `bytes`.
    start: usize,
    /// Where that is in the file.
    offset: u64,
    count: usize,
    origin: Origin,
}

impl Records {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Their bytes in the file.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Where the first one begins in the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Decodes them one by one. After an error comes nothing more.
    pub fn decode<'a>(
        &'a self,
        cx: DecodeContext<'a>,
    ) -> impl Iterator<Item = Result<Record<'a>, DecodeError>> + 'a {
        let mut place = 0;
        std::iter::from_fn(move || {
            let next = self.decode_at(&mut place, cx)?;
            if next.is_err() {
                place = self.byte_len();
            }
            Some(next)
        })
    }

    /// Decodes the record at `place` and moves it to the next one; `None` at the end.
    pub(super) fn decode_at(
        &self,
        place: &mut usize,
        cx: DecodeContext<'_>,
    ) -> Option<Result<Record<'_>, DecodeError>> {
        let bytes = &self.bytes[self.start + *place..];
        if bytes.is_empty() {
            return None;
        }
        let mut cursor = Cursor::new(bytes);
        let read = record::read(&mut cursor, self.origin.family, cx);
        *place += cursor.position();
        let offset = self.offset + *place as u64;
        Some(read.map_err(|Refused { fault, key }| DecodeError { fault, offset, key }))
    }
}

/// Cuts a file into runs of whole records, which any number of threads decode, and what stands between them.
#[derive(Debug)]
pub struct Splitter<R> {
    source: R,
    buffer: Vec<u8>,
    /// Bytes of the buffer that came from the source.
    filled: usize,
    /// The first byte of the buffer that was not handed out, and its place in the file.
    start: usize,
    offset: u64,
    /// Where the scan stands, and where the record begins in which it stands.
    scanned: usize,
    record: usize,
    stage: Stage,
    /// Records between `start` and `record`.
    count: usize,
    origin: Option<Origin>,
    checksum: Checksum,
    source_ended: bool,
    finished: bool,
}

impl<R: Read> Splitter<R> {
    /// Ready to read from the first byte of a file.
    pub fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            filled: 0,
            start: 0,
            offset: 0,
            scanned: 0,
            record: 0,
            stage: Stage::Head,
            count: 0,
            origin: None,
            checksum: Checksum::new(),
            source_ended: false,
            finished: false,
        }
    }

    /// Bytes of the file that were handed out.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Who wrote the file.
    ///
    /// # Errors
    /// When the source fails, or the first bytes are not those of a known version.
    pub fn origin(&mut self) -> Result<Origin, ReadError> {
        if let Some(origin) = self.origin {
            return Ok(origin);
        }
        loop {
            if let Some(signature) = self.buffer[..self.filled].first_chunk::<SIGNATURE_BYTES>() {
                let origin = Origin::parse(signature).map_err(ReadError::Signature)?;
                self.origin = Some(origin);
                self.pass(SIGNATURE_BYTES);
                return Ok(origin);
            }
            if !self.fill()? {
                return Err(self.error(Fault::Truncated.into()));
            }
        }
    }

    /// The next part; `None` after the end.
    ///
    /// # Errors
    /// When the source fails or the file is damaged; there is nothing more to expect then.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, ReadError> {
        if self.finished {
            return Ok(None);
        }
        let origin = self.origin()?;
        loop {
            match self.scan(origin) {
                Ok(()) => {}
                Err(Refused { fault: Fault::Truncated, .. }) => {
                    if self.pending_bytes() < RUN_BYTES && self.fill()? {
                        continue;
                    }
                    if self.count == 0 {
                        self.finished = true;
                        return Err(self.error(Fault::Truncated.into()));
                    }
                }
                // What came before is still handed out; then the scan comes here again.
                Err(refused) if self.count == 0 => {
                    self.finished = true;
                    return Err(self.error(refused));
                }
                Err(_) => {}
            }
            if self.count > 0 {
                return Ok(Some(Piece::Records(self.hand_out(origin))));
            }
            match self.read_mark(origin) {
                Ok(mark) => {
                    self.finished = matches!(mark, Mark::Eof(_));
                    return Ok(Some(Piece::Mark(mark)));
                }
                Err(Fault::Truncated) if self.fill()? => {}
                Err(fault) => {
                    self.finished = true;
                    return Err(self.error(fault.into()));
                }
            }
        }
    }

    /// The source, and the bytes that were read from it beyond the end of the file.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        let mut rest = self.buffer;
        rest.truncate(self.filled);
        rest.drain(..self.start);
        (rest, self.source)
    }

    fn pending_bytes(&self) -> usize {
        self.record - self.start
    }

    /// Goes past records until there are enough or something else comes.
    fn scan(&mut self, origin: Origin) -> Result<(), Refused> {
        loop {
            if matches!(self.stage, Stage::Head) {
                if self.pending_bytes() >= RUN_BYTES {
                    return Ok(());
                }
                if !marks::begin_record(&self.buffer[self.record..self.filled], origin.family)? {
                    return Ok(());
                }
            }
            let mut cursor = Cursor::new(&self.buffer[self.scanned..self.filled]);
            let outcome = skip(&mut cursor, &mut self.stage, origin.family);
            self.scanned += cursor.position();
            outcome?;
            self.record = self.scanned;
            self.count += 1;
        }
    }

    fn read_mark(&mut self, origin: Origin) -> Result<Mark, Fault> {
        let bytes = &self.buffer[self.start..self.filled];
        let mut cursor = Cursor::new(bytes);
        let mark = marks::read(&mut cursor, origin, || {
            let mut checksum = self.checksum.clone();
            checksum.update(&bytes[..1]);
            checksum.value()
        })?;
        let passed = cursor.position();
        self.pass(passed);
        Ok(mark)
    }

    /// Marks bytes as handed out.
    fn pass(&mut self, count: usize) {
        let end = self.start + count;
        self.checksum.update(&self.buffer[self.start..end]);
        self.offset += count as u64;
        self.start = end;
        self.scanned = end;
        self.record = end;
    }

    fn hand_out(&mut self, origin: Origin) -> Records {
        let (start, offset) = (self.start, self.offset);
        let (scanned, stage) = (self.scanned, self.stage);
        self.pass(self.record - start);
        let rest = self.buffer[self.start..self.filled].to_vec();
        self.filled = rest.len();
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        bytes.truncate(self.start);
        (self.scanned, self.stage) = (scanned - self.start, stage);
        (self.start, self.record) = (0, 0);
        Records { bytes, start, offset, count: std::mem::take(&mut self.count), origin }
    }

    /// Reads more from the source; whether there was more.
    fn fill(&mut self) -> Result<bool, ReadError> {
        if self.source_ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.scanned -= self.start;
            self.record -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.filled < CHUNK_BYTES / 2 {
            self.buffer.resize(self.filled + CHUNK_BYTES, 0);
        }
        let count = loop {
            match self.source.read(&mut self.buffer[self.filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(ReadError::Io)?,
            }
        };
        self.filled += count;
        self.source_ended = count == 0;
        Ok(count > 0)
    }

    fn error(&self, Refused { fault, key }: Refused) -> ReadError {
        let offset = self.offset + (self.scanned - self.start) as u64;
        ReadError::Decode(DecodeError { fault, offset, key })
    }
}
