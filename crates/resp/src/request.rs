//! Finding commands in the bytes a client sent.
//!
//! The usual command lies in the buffer as a whole, and its words are few and short. Then one loop walks it, reading each
//! header's few digits by hand and jumping over the words, and the spans go straight to the caller's vector. Whatever is
//! unusual (a line that is not yet complete, an odd number, an error, limits that are very low) leaves that loop for the
//! careful path. When data arrives in pieces, the parser remembers where it stood, so that no byte is looked at twice
//! however small the pieces are.
//!
//! What is accepted was found out by sending bytes to Redis 7.0.15; where the limit of a line is concerned, Redis judges by
//! what one `read` happened to bring, and this parser by the line alone, so that its verdict never depends on the pieces.
//!
//! It neither owns the receive buffer nor decides how to read into it, and knows nothing of what commands mean.

use memchr::memchr2;

use crate::args::{OwnedArgs, Span};
use crate::inline::split_words;
use crate::number::{digit, parse_integer, short_length};
use crate::protocol_error::ProtocolError;

/// What a request may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Longest word in bytes (`proto-max-bulk-len`).
    pub max_bulk_len: u64,
    /// Most words of a command.
    pub max_multibulk_len: u64,
    /// Longest inline line, and longest line of a header, in bytes without its end. Headers of up to ten bytes are read
    /// whatever it says.
    pub max_inline_len: usize,
    /// Whether the client has authenticated, or need not. Else 10 words of 16,384 bytes are the most it may send.
    pub authenticated: bool,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            max_bulk_len: 512 * 1024 * 1024,
            max_multibulk_len: i32::MAX as u64,
            max_inline_len: 64 * 1024,
            authenticated: true,
        }
    }
}

impl RequestLimits {
    /// Most words, and longest word in bytes, before authentication.
    const UNAUTHENTICATED: (u64, u64) = (10, 16_384);
    /// Most words, and longest word in bytes, of a usual command: those of one digit and of two.
    const USUAL: (u64, u64) = (9, 99);

    /// Whether usual commands need no other check.
    #[inline]
    fn admit_usual(&self) -> bool {
        const { assert!(Self::USUAL.0 <= Self::UNAUTHENTICATED.0 && Self::USUAL.1 <= Self::UNAUTHENTICATED.1) };
        self.max_multibulk_len >= Self::USUAL.0 && self.max_bulk_len >= Self::USUAL.1
    }

    fn check_count(&self, count: u64) -> Result<(), ProtocolError> {
        if count > self.max_multibulk_len {
            Err(ProtocolError::InvalidMultibulkLength)
        } else if !self.authenticated && count > Self::UNAUTHENTICATED.0 {
            Err(ProtocolError::UnauthenticatedMultibulkLength)
        } else {
            Ok(())
        }
    }

    #[inline]
    fn check_bulk(&self, len: u64) -> Result<(), ProtocolError> {
        if len > self.max_bulk_len {
            Err(ProtocolError::InvalidBulkLength)
        } else if !self.authenticated && len > Self::UNAUTHENTICATED.1 {
            Err(ProtocolError::UnauthenticatedBulkLength)
        } else {
            Ok(())
        }
    }
}

/// What [`RequestParser::parse`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole command of `consumed` bytes; its spans were appended. No span means that there is nothing to execute: an
    /// empty line, `*0` or `*-1`.
    Complete {
        /// Bytes of the buffer the command took.
        consumed: usize,
    },
    /// A whole inline command. Its words own their bytes, for quotes and escapes are resolved.
    Inline {
        /// Bytes of the buffer the command took.
        consumed: usize,
        /// At least one word.
        words: OwnedArgs,
    },
    /// The command goes on after the bytes so far.
    Incomplete,
}

/// Reads one command after the other; see [`RequestParser::parse`]. Idle it is small and owns nothing.
#[derive(Debug, Default)]
pub struct RequestParser {
    /// Words of the command that are still to come; 0 between commands and while its first line is incomplete.
    words_left: usize,
    /// Where the header in progress starts, or, when `word_len` is known, the word itself.
    pos: usize,
    /// Length of the word in progress, once its header was read.
    word_len: Option<usize>,
    /// The line in progress has no end before this offset.
    scanned: usize,
    /// Words of an incomplete command.
    spans: Vec<Span>,
}

/// A header line: its number (if it is one) and where the next thing starts.
struct Line {
    number: Option<i64>,
    next: usize,
}

impl RequestParser {
    /// Reads the command at the start of `buf`.
    ///
    /// On [`Parsed::Complete`] the spans of its words were appended to `spans`, as offsets into `buf`; the caller removes the
    /// consumed bytes before the next call. On [`Parsed::Incomplete`] `spans` is as it was, and the caller calls again with
    /// the same bytes and more behind them. An empty `buf` is incomplete.
    ///
    /// # Errors
    /// A [`ProtocolError`] when no command can be read; `spans` is as it was and the parser starts afresh.
    #[inline]
    pub fn parse(
        &mut self,
        buf: &[u8],
        limits: &RequestLimits,
        spans: &mut Vec<Span>,
    ) -> Result<Parsed, ProtocolError> {
        if self.words_left == 0
            && limits.admit_usual()
            && let Some(consumed) = usual_command(buf, spans)
        {
            self.scanned = 0;
            return Ok(Parsed::Complete { consumed });
        }
        let result = if self.words_left > 0 {
            self.resume(buf, limits, spans)
        } else {
            match buf {
                [b'*', header @ ..] => self.start(buf, header, limits, spans),
                [] => Ok(Parsed::Incomplete),
                _ => self.inline(buf, limits),
            }
        };
        if result.is_err() {
            self.reset();
        }
        result
    }

    /// Forgets the command in progress.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// How many bytes more than the `buffered` ones the command in progress is known to need at least; 0 if unknown.
    ///
    /// It is the client's word: a reader sizes its next read by it, but must not allocate what it cannot spare.
    pub fn missing_hint(&self, buffered: usize) -> usize {
        match self.word_len {
            Some(len) => self.pos.saturating_add(len).saturating_add(2).saturating_sub(buffered),
            None => 0,
        }
    }

    /// A multibulk of which nothing is known yet. `header` is `buf` without its first byte.
    #[inline]
    fn start(
        &mut self,
        buf: &[u8],
        header: &[u8],
        limits: &RequestLimits,
        spans: &mut Vec<Span>,
    ) -> Result<Parsed, ProtocolError> {
        let (count, pos) = match short_length(header) {
            Some((count, used)) => (count, used + 1),
            None => match self.header(buf, 0, limits, ProtocolError::TooBigMultibulkCount)? {
                None => return Ok(Parsed::Incomplete),
                Some(Line { number: None, .. }) => return Err(ProtocolError::InvalidMultibulkLength),
                Some(Line { number: Some(count), next }) => (usize::try_from(count).unwrap_or(0), next),
            },
        };
        // The fast path may have read a line whose start was searched by an earlier call.
        self.scanned = 0;
        if count == 0 {
            return Ok(Parsed::Complete { consumed: pos });
        }
        limits.check_count(count as u64)?;
        let before = spans.len();
        match self.words(buf, pos, count, limits, spans) {
            Ok(Some(consumed)) => Ok(Parsed::Complete { consumed }),
            Ok(None) => {
                self.spans.extend(spans.drain(before..));
                Ok(Parsed::Incomplete)
            }
            Err(error) => {
                spans.truncate(before);
                Err(error)
            }
        }
    }

    /// A multibulk some of whose words were read by an earlier call.
    #[cold]
    fn resume(
        &mut self,
        buf: &[u8],
        limits: &RequestLimits,
        spans: &mut Vec<Span>,
    ) -> Result<Parsed, ProtocolError> {
        debug_assert!(buf.len() >= self.pos, "the caller took away bytes of an incomplete command");
        let mut words = std::mem::take(&mut self.spans);
        let (mut pos, mut left) = (self.pos, self.words_left);
        if let Some(len) = self.word_len {
            if !holds_word(buf, pos, len) {
                self.spans = words;
                return Ok(Parsed::Incomplete);
            }
            self.word_len = None;
            words.push(Span { start: pos, end: pos + len });
            pos += len + 2;
            left -= 1;
        }
        match self.words(buf, pos, left, limits, &mut words)? {
            Some(consumed) => {
                spans.append(&mut words);
                self.reset();
                Ok(Parsed::Complete { consumed })
            }
            None => {
                self.spans = words;
                Ok(Parsed::Incomplete)
            }
        }
    }

    /// Reads `left` words from `pos` on and yields the end of the last, or notes where it got to.
    #[inline]
    fn words(
        &mut self,
        buf: &[u8],
        mut pos: usize,
        mut left: usize,
        limits: &RequestLimits,
        spans: &mut Vec<Span>,
    ) -> Result<Option<usize>, ProtocolError> {
        while left > 0 {
            let short = match &buf[pos..] {
                [b'$', header @ ..] => short_length(header),
                _ => None,
            };
            let (len, start) = match short {
                Some((len, used)) => (len, pos + 1 + used),
                None => match self.odd_bulk_header(buf, pos, limits)? {
                    Some(found) => found,
                    None => {
                        (self.pos, self.words_left) = (pos, left);
                        return Ok(None);
                    }
                },
            };
            limits.check_bulk(len as u64)?;
            if !holds_word(buf, start, len) {
                (self.pos, self.words_left, self.word_len) = (start, left, Some(len));
                return Ok(None);
            }
            spans.push(Span { start, end: start + len });
            pos = start + len + 2;
            left -= 1;
        }
        Ok(Some(pos))
    }

    /// The header of a word that the fast path did not understand: the word's length and start, if the line is complete.
    #[cold]
    fn odd_bulk_header(
        &mut self,
        buf: &[u8],
        pos: usize,
        limits: &RequestLimits,
    ) -> Result<Option<(usize, usize)>, ProtocolError> {
        let Some(line) = self.header(buf, pos, limits, ProtocolError::TooBigBulkCount)? else {
            return Ok(None);
        };
        if buf[pos] != b'$' {
            return Err(ProtocolError::ExpectedDollar(buf[pos]));
        }
        let len = line.number.and_then(|number| usize::try_from(number).ok());
        Ok(Some((len.ok_or(ProtocolError::InvalidBulkLength)?, line.next)))
    }

    /// The line at `start`, less its first byte, as a number; `None` until its end is there. As in Redis a NUL hides all
    /// that follows, and the byte after the carriage return must be there but may be anything.
    #[cold]
    fn header(
        &mut self,
        buf: &[u8],
        start: usize,
        limits: &RequestLimits,
        too_big: ProtocolError,
    ) -> Result<Option<Line>, ProtocolError> {
        let from = self.scanned.max(start);
        let found = memchr2(b'\r', 0, &buf[from..]).map(|at| from + at);
        let end = found.filter(|&at| buf[at] == b'\r');
        if end.unwrap_or(buf.len()) - start > limits.max_inline_len {
            return Err(too_big);
        }
        self.scanned = found.unwrap_or(buf.len());
        Ok(match end {
            Some(end) if end + 1 < buf.len() => {
                self.scanned = 0;
                Some(Line { number: buf.get(start + 1..end).and_then(parse_integer), next: end + 2 })
            }
            _ => None,
        })
    }

    /// A line of blank-separated words. It ends with a line feed, before which a carriage return is dropped.
    #[cold]
    fn inline(&mut self, buf: &[u8], limits: &RequestLimits) -> Result<Parsed, ProtocolError> {
        let found = memchr2(b'\n', 0, &buf[self.scanned..]).map(|at| self.scanned + at);
        let end = found.filter(|&at| buf[at] == b'\n');
        if end.unwrap_or(buf.len()) > limits.max_inline_len {
            return Err(ProtocolError::TooBigInlineRequest);
        }
        let Some(end) = end else {
            self.scanned = found.unwrap_or(buf.len());
            return Ok(Parsed::Incomplete);
        };
        self.scanned = 0;
        let line = &buf[..end];
        let words = split_words(line.strip_suffix(b"\r").unwrap_or(line))?;
        let consumed = end + 1;
        Ok(if words.args().is_empty() {
            Parsed::Complete { consumed }
        } else {
            Parsed::Inline { consumed, words }
        })
    }
}

/// The usual command: whole, of at most nine words of less than a hundred bytes each ([`RequestLimits::USUAL`]), its name of
/// less than ten, and all of it spelt as clients do. Yields its length; `None`, and `spans` as it was, for any other.
///
/// A function of its own, so that what it counts with stays in registers.
#[inline(never)]
fn usual_command(buf: &[u8], spans: &mut Vec<Span>) -> Option<usize> {
    let (count, name) = usual_header(buf.first_chunk()?)?;
    let before = spans.len();
    let mut rest = buf.get(name.end + 2..)?;
    spans.push(name);
    for _ in 1..count {
        let Some((span, behind)) = usual_word(rest, buf.len()) else {
            spans.truncate(before);
            return None;
        };
        spans.push(span);
        rest = behind;
    }
    Some(buf.len() - rest.len())
}

/// How many words a usual command has and where its name is, of at most nine bytes; from its first bytes, looked at all
/// together: `*2\r\n$3\r\n`.
#[inline(always)]
fn usual_header(bytes: &[u8; 8]) -> Option<(u8, Span)> {
    const SPELT: u64 = u64::from_le_bytes(*b"*\0\r\n$\0\r\n");
    const DIGITS: u64 = u64::from_le_bytes([0, 0xff, 0, 0, 0, 0xff, 0, 0]);
    if u64::from_le_bytes(*bytes) & !DIGITS != SPELT {
        return None;
    }
    let (count, len) = (bytes[1].wrapping_sub(b'0'), bytes[5].wrapping_sub(b'0'));
    let is_usual = (1..=9).contains(&count) && len <= 9;
    is_usual.then_some((count, Span { start: bytes.len(), end: bytes.len() + usize::from(len) }))
}

/// The word of a usual command at the start of `rest`, which ends where the buffer of `len` bytes does; and what follows it.
#[inline(always)]
fn usual_word(rest: &[u8], len: usize) -> Option<(Span, &[u8])> {
    // No word takes less than six bytes, and no header of the usual kind more.
    let (word_len, header) = match rest.first_chunk::<6>()? {
        [b'$', a @ b'0'..=b'9', b'\r', ..] => (digit(*a), 4),
        [b'$', a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', ..] => (digit(*a) * 10 + digit(*b), 5),
        _ => return None,
    };
    let behind = rest.get(header + word_len + 2..)?;
    let start = len - rest.len() + header;
    Some((Span { start, end: start + word_len }, behind))
}

/// Whether a word of `len` bytes from `start` on, and the two bytes after it, are in `buf`.
#[inline(always)]
fn holds_word(buf: &[u8], start: usize, len: usize) -> bool {
    buf.len() - start >= len.saturating_add(2)
}

#[cfg(test)]
mod tests;
