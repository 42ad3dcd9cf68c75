//! Typed replies appended to a byte buffer.
//!
//! Commands say what a reply *is* (a map, a double, a null); only this file knows what that looks like in each version of
//! the protocol. Where RESP2 has no such type, it gets the form Redis gives it there: a map is an array of keys and values
//! in turn, a double a bulk string, a push an array.
//!
//! The encoder does not check that as many elements follow as a header announced, and it never writes to a socket.

use crate::double::format_double;
use crate::protocol_error::ProtocolError;

/// The version of the protocol that a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Protocol {
    /// Version 2, which every connection starts with.
    #[default]
    Resp2,
    /// Version 3, after `HELLO 3`.
    Resp3,
}

/// Appends replies to a buffer of bytes, in the version of the protocol it was told.
#[derive(Debug, Default)]
pub struct Encoder {
    buf: Vec<u8>,
    protocol: Protocol,
}

/// The place of a header whose count is not known yet; see [`Encoder::finish`].
#[derive(Debug)]
#[must_use = "without its header the reply is not one"]
pub struct DeferredLen {
    at: usize,
    aggregate: Aggregate,
}

#[derive(Clone, Copy, Debug)]
enum Aggregate {
    Array,
    Map,
    Set,
    Push,
}

impl Aggregate {
    /// The header's type byte and count for `len` elements or pairs.
    #[inline]
    fn header(self, len: usize, protocol: Protocol) -> (u8, usize) {
        match (self, protocol) {
            (Self::Array, _) | (Self::Set | Self::Push, Protocol::Resp2) => (b'*', len),
            (Self::Map, Protocol::Resp2) => (b'*', len * 2),
            (Self::Map, Protocol::Resp3) => (b'%', len),
            (Self::Set, Protocol::Resp3) => (b'~', len),
            (Self::Push, Protocol::Resp3) => (b'>', len),
        }
    }
}

/// The buffer.
impl Encoder {
    /// An encoder with an empty buffer.
    pub fn new(protocol: Protocol) -> Self {
        Self::with_buffer(Vec::new(), protocol)
    }

    /// An encoder that appends to `buf`.
    pub fn with_buffer(buf: Vec<u8>, protocol: Protocol) -> Self {
        Self { buf, protocol }
    }

    /// The version that replies are written in.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Sets the version for the replies from here on.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// What was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buf
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Drops what was written and keeps the memory.
    pub fn clear(&mut self) {
        self.buf.clear();
    }

    /// Drops what was written after the first `len` bytes: takes a half-written reply back.
    pub fn truncate(&mut self, len: usize) {
        self.buf.truncate(len);
    }

    /// Takes what was written, memory and all, and leaves an empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buf)
    }

    /// The buffer.
    pub fn into_inner(self) -> Vec<u8> {
        self.buf
    }

    /// The buffer, for whoever appends bytes that are encoded already.
    pub fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Appends bytes that are encoded already.
    pub fn extend_raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }
}

/// Replies that are one value.
impl Encoder {
    /// `OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    /// A status such as `QUEUED`. Line breaks in it become blanks.
    pub fn simple(&mut self, text: &str) {
        self.buf.push(b'+');
        self.line(text.as_bytes());
    }

    /// An error: its code and its message, as in `ERR syntax error`. Line breaks at its end are dropped and others
    /// become blanks, as in Redis, because messages may quote what a client sent.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.buf.push(b'-');
        self.line(without_line_ends(text.as_ref()));
    }

    /// The error that answers bytes which are no request.
    pub fn protocol_error(&mut self, error: ProtocolError) {
        self.buf.extend_from_slice(b"-ERR ");
        error.write_to(&mut self.buf);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, number: i64) {
        if let Ok(number) = u8::try_from(number)
            && number < 100
        {
            self.small_header(b':', number);
        } else {
            self.long_header(b':', itoa::Buffer::new().format(number).as_bytes());
        }
    }

    /// A byte string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.buf.reserve(bytes.len() + MAX_HEADER_LEN + 2);
        if bytes.len() < 10 {
            self.buf.extend_from_slice(&[b'$', b'0' + bytes.len() as u8, b'\r', b'\n']);
        } else {
            self.header(b'$', bytes.len());
        }
        self.buf.extend_from_slice(bytes);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// An integer as a byte string.
    pub fn bulk_integer(&mut self, number: i64) {
        self.bulk(itoa::Buffer::new().format(number).as_bytes());
    }

    /// No value.
    #[inline]
    pub fn null(&mut self) {
        self.buf.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// No value where an array could have been. (RESP3 does not tell them apart.)
    pub fn null_array(&mut self) {
        self.buf.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// A double; RESP2: its text as a byte string. NaN is `nan` whatever its sign.
    pub fn double(&mut self, number: f64) {
        if self.protocol == Protocol::Resp3 {
            self.buf.push(b',');
            format_double(number, &mut self.buf);
            self.buf.extend_from_slice(b"\r\n");
            return;
        }
        let start = self.buf.len();
        format_double(number, &mut self.buf);
        let text_len = self.buf.len() - start;
        self.header(b'$', text_len);
        self.buf[start..].rotate_left(text_len);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A double whose text the caller has chosen; RESP2: a byte string.
    pub fn double_text(&mut self, text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.buf.push(b',');
                self.line(text);
            }
        }
    }

    /// True or false; RESP2: 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        self.buf.extend_from_slice(match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        });
    }

    /// An integer of any size in decimal digits; RESP2: a byte string.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => {
                self.buf.push(b'(');
                self.line(digits.as_bytes());
            }
        }
    }

    /// A text with its format, `txt` or `mkd`; RESP2: the text as a byte string.
    ///
    /// # Panics
    /// When `format` does not have three bytes.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        assert_eq!(format.len(), 3, "the format of a verbatim string has three bytes");
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.header(b'=', text.len() + 4);
                self.buf.extend_from_slice(format.as_bytes());
                self.buf.push(b':');
                self.buf.extend_from_slice(text);
                self.buf.extend_from_slice(b"\r\n");
            }
        }
    }
}

/// Headers of replies that hold others.
impl Encoder {
    /// An array; its `len` elements follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// A map; its `pairs` keys and values follow in turn. RESP2: an array of twice as many.
    pub fn map(&mut self, pairs: usize) {
        self.aggregate(Aggregate::Map, pairs);
    }

    /// A set; its `len` members follow. RESP2: an array.
    pub fn set(&mut self, len: usize) {
        self.aggregate(Aggregate::Set, len);
    }

    /// A message nobody asked for; its `len` elements follow, the first being its kind. RESP2: an array.
    pub fn push(&mut self, len: usize) {
        self.aggregate(Aggregate::Push, len);
    }

    /// What is to be known about the reply after it; `pairs` keys and values follow in turn, then that reply.
    ///
    /// # Panics
    /// In RESP2, which has nothing like it: the pairs would be taken for replies.
    pub fn attribute(&mut self, pairs: usize) {
        assert_eq!(self.protocol, Protocol::Resp3, "RESP2 has no attributes");
        self.header(b'|', pairs);
    }

    /// An array whose length is not known before its elements are written; they follow, then [`Encoder::finish`].
    pub fn deferred_array(&mut self) -> DeferredLen {
        self.deferred(Aggregate::Array)
    }

    /// A map whose number of pairs is not known yet.
    pub fn deferred_map(&mut self) -> DeferredLen {
        self.deferred(Aggregate::Map)
    }

    /// A set whose length is not known yet.
    pub fn deferred_set(&mut self) -> DeferredLen {
        self.deferred(Aggregate::Set)
    }

    /// A push whose length is not known yet.
    pub fn deferred_push(&mut self) -> DeferredLen {
        self.deferred(Aggregate::Push)
    }

    /// Puts the header in front of what was written since `deferred` was made: `len` elements, or pairs for a map. It moves
    /// those bytes, so whoever knows the count writes the header first. Of nested ones the inner is finished first.
    ///
    /// # Panics
    /// When the place is gone because the buffer was truncated.
    #[expect(clippy::needless_pass_by_value, reason = "a place is filled only once")]
    pub fn finish(&mut self, deferred: DeferredLen, len: usize) {
        let DeferredLen { at, aggregate } = deferred;
        let before = self.buf.len();
        self.aggregate(aggregate, len);
        let header_len = self.buf.len() - before;
        self.buf[at..].rotate_right(header_len);
    }

    fn deferred(&mut self, aggregate: Aggregate) -> DeferredLen {
        DeferredLen { at: self.buf.len(), aggregate }
    }

    #[inline]
    fn aggregate(&mut self, aggregate: Aggregate, len: usize) {
        let (sigil, count) = aggregate.header(len, self.protocol);
        self.header(sigil, count);
    }
}

/// Longest header: a type byte, the digits of the largest `u64`, and a line end.
const MAX_HEADER_LEN: usize = 1 + 20 + 2;

/// The bytes below the types.
impl Encoder {
    #[inline]
    fn header(&mut self, sigil: u8, count: usize) {
        if count < 100 {
            self.small_header(sigil, count as u8);
        } else {
            self.long_header(sigil, itoa::Buffer::new().format(count).as_bytes());
        }
    }

    /// A header with a number below 100, written at one stroke.
    #[inline]
    fn small_header(&mut self, sigil: u8, number: u8) {
        if number < 10 {
            self.buf.extend_from_slice(&[sigil, b'0' + number, b'\r', b'\n']);
        } else {
            let (tens, ones) = (b'0' + number / 10, b'0' + number % 10);
            self.buf.extend_from_slice(&[sigil, tens, ones, b'\r', b'\n']);
        }
    }

    fn long_header(&mut self, sigil: u8, digits: &[u8]) {
        self.buf.reserve(MAX_HEADER_LEN);
        self.buf.push(sigil);
        self.buf.extend_from_slice(digits);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// The rest of a line, kept one line.
    fn line(&mut self, text: &[u8]) {
        let start = self.buf.len();
        self.buf.extend_from_slice(text);
        if memchr::memchr2(b'\r', b'\n', text).is_some() {
            for byte in &mut self.buf[start..] {
                if matches!(byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
        self.buf.extend_from_slice(b"\r\n");
    }
}

/// A text without the line ends behind it.
fn without_line_ends(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

/// Appends a request: an array of byte strings, as every client sends its commands.
pub fn encode_command<I>(words: I, out: &mut Vec<u8>)
where
    I: IntoIterator<Item: AsRef<[u8]>, IntoIter: ExactSizeIterator>,
{
    let words = words.into_iter();
    let mut encoder = Encoder::with_buffer(std::mem::take(out), Protocol::Resp2);
    encoder.array(words.len());
    for word in words {
        encoder.bulk(word.as_ref());
    }
    *out = encoder.into_inner();
}

#[cfg(test)]
mod tests;
