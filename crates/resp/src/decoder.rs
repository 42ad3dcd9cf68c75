//! Decoding replies into [`Value`]s, in pieces as they arrive.
//!
//! Aggregates under construction live on a stack of their own instead of the call stack, so a reply can stop anywhere and
//! go on later, and no depth of nesting can overflow anything. Elements that are complete are kept; only the header of the
//! element in progress is read again. Memory grows with the bytes received, never by a count the other side announced.
//!
//! Streamed strings and aggregates of RESP3 yield the same values as those with a length.

use std::fmt;

use memchr::memchr;

use crate::number::parse_integer;
use crate::value::Value;

/// Bytes that are no reply, or one beyond the limits. After it the rest of the connection's bytes has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// No reply starts with this byte.
    UnknownType(u8),
    /// A length that is no number or may not be negative.
    InvalidLength,
    /// An integer that is none, or outside the range of `i64`.
    InvalidInteger,
    /// A double that is none.
    InvalidDouble,
    /// A boolean other than `t` and `f`.
    InvalidBoolean,
    /// A big number with anything but digits in it.
    InvalidBigNumber,
    /// A null with something in it.
    InvalidNull,
    /// A verbatim string without its format.
    InvalidVerbatim,
    /// A string that does not end where its length says.
    MissingLineEnd,
    /// A streamed string that goes on with anything but a piece, a piece or an end of nothing, or an end amid a pair.
    InvalidStream,
    /// Aggregates nested deeper than [`DecodeLimits::max_depth`].
    TooDeep,
    /// A line, string or aggregate longer than its limit.
    TooLong,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType(byte) => write!(f, "no reply starts with '{}'", byte.escape_ascii()),
            Self::InvalidLength => f.write_str("invalid length"),
            Self::InvalidInteger => f.write_str("invalid integer"),
            Self::InvalidDouble => f.write_str("invalid double"),
            Self::InvalidBoolean => f.write_str("invalid boolean"),
            Self::InvalidBigNumber => f.write_str("invalid big number"),
            Self::InvalidNull => f.write_str("invalid null"),
            Self::InvalidVerbatim => f.write_str("verbatim string without a format"),
            Self::MissingLineEnd => f.write_str("string without a line end where its length says"),
            Self::InvalidStream => f.write_str("streamed reply out of order"),
            Self::TooDeep => f.write_str("reply nested too deeply"),
            Self::TooLong => f.write_str("reply too long"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// What a reply may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Most aggregates within each other.
    pub max_depth: usize,
    /// Longest string in bytes; for a streamed one its pieces together.
    pub max_bulk_len: usize,
    /// Longest line in bytes: simple strings, errors, numbers, headers.
    pub max_line_len: usize,
    /// Most elements (or pairs) of one aggregate.
    pub max_elements: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            max_depth: 512,
            max_bulk_len: 512 * 1024 * 1024,
            max_line_len: 1024 * 1024,
            max_elements: u32::MAX as usize,
        }
    }
}

/// Decodes one reply after the other; see [`ReplyDecoder::decode`].
#[derive(Debug, Default)]
pub struct ReplyDecoder {
    limits: DecodeLimits,
    /// Aggregates in progress, the outermost first.
    open: Vec<Frame>,
    /// Where the next element starts.
    pos: usize,
    /// The line at `pos` has no end before this offset.
    scanned: usize,
}

/// An aggregate in progress.
#[derive(Debug)]
struct Frame {
    shape: Shape,
    /// Elements still to come; unknown while streaming.
    left: Option<usize>,
    /// The elements so far. A streamed string has its bytes here, as one value.
    items: Vec<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Array,
    Set,
    Push,
    Map,
    /// Pairs, and as the last element the value they belong to.
    Attribute,
    /// The pieces of a streamed string.
    Pieces,
}

/// What one step through the bytes yields.
enum Element {
    Value(Value),
    Open(Frame),
    /// The end of a streamed aggregate or string.
    End,
    /// A piece of a streamed string was added to it.
    Piece,
}

impl ReplyDecoder {
    /// A decoder with other limits than the default ones.
    pub fn with_limits(limits: DecodeLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Forgets the reply in progress.
    pub fn reset(&mut self) {
        self.open.clear();
        (self.pos, self.scanned) = (0, 0);
    }

    /// Decodes the reply at the start of `buf` and yields it with the number of its bytes, which the caller removes before the
    /// next call; `None` if it goes on after the bytes so far: then the caller calls again with the same bytes and more
    /// behind them.
    ///
    /// # Errors
    /// A [`DecodeError`]; the decoder starts afresh.
    pub fn decode(&mut self, buf: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
        let result = self.step_on(buf);
        match result {
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => self.reset(),
        }
        result
    }

    fn step_on(&mut self, buf: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
        while let Some(element) = self.element(buf)? {
            let mut value = match element {
                Element::Value(value) => value,
                Element::Piece => continue,
                Element::Open(frame) if frame.left == Some(0) => frame.close(),
                Element::Open(frame) => {
                    if self.open.len() >= self.limits.max_depth {
                        return Err(DecodeError::TooDeep);
                    }
                    self.open.push(frame);
                    continue;
                }
                Element::End => self.end_stream()?,
            };
            loop {
                let Some(frame) = self.open.last_mut() else {
                    return Ok(Some((value, self.pos)));
                };
                frame.items.push(value);
                let Some(left) = &mut frame.left else { break };
                *left -= 1;
                if *left > 0 {
                    break;
                }
                value = self.open.pop().expect("it is there: its last element was just added").close();
            }
        }
        Ok(None)
    }

    /// The element at `pos`, which moves behind it; `None` if the element is not complete.
    fn element(&mut self, buf: &[u8]) -> Result<Option<Element>, DecodeError> {
        let Some(sigil) = buf.get(self.pos) else { return Ok(None) };
        self.check_type(*sigil)?;
        let Some((line, next)) = self.line(buf)? else { return Ok(None) };
        let (sigil, text) = (line[0], &line[1..]);
        let element = match sigil {
            b'+' => Element::Value(Value::SimpleString(text.to_vec())),
            b'-' => Element::Value(Value::Error(text.to_vec())),
            b':' => Element::Value(Value::Integer(read_integer(text)?)),
            b',' => Element::Value(Value::Double(read_double(text)?)),
            b'#' => Element::Value(Value::Boolean(read_boolean(text)?)),
            b'(' => Element::Value(Value::BigNumber(read_big_number(text)?)),
            b'_' if text.is_empty() => Element::Value(Value::Null),
            b'_' => return Err(DecodeError::InvalidNull),
            b'.' if text.is_empty() => Element::End,
            b'$' if text == b"?" => {
                Element::Open(Frame { shape: Shape::Pieces, left: None, items: Vec::new() })
            }
            b'$' if text == b"-1" => Element::Value(Value::NullBulk),
            b'*' if text == b"-1" => Element::Value(Value::NullArray),
            b'$' | b'=' | b'!' | b';' => return self.string(buf, sigil, text, next),
            b'*' => self.open_frame(Shape::Array, text)?,
            b'~' => self.open_frame(Shape::Set, text)?,
            b'>' => self.open_frame(Shape::Push, text)?,
            b'%' => self.open_frame(Shape::Map, text)?,
            b'|' => self.open_frame(Shape::Attribute, text)?,
            other => return Err(DecodeError::UnknownType(other)),
        };
        self.pos = next;
        Ok(Some(element))
    }

    /// Whether an element of this type may come next. It is known before its line is complete.
    fn check_type(&self, sigil: u8) -> Result<(), DecodeError> {
        let streaming = self.open.last().filter(|frame| frame.left.is_none()).map(|frame| frame.shape);
        let expected = match sigil {
            b';' => streaming == Some(Shape::Pieces),
            b'.' => streaming.is_some_and(|shape| shape != Shape::Pieces),
            b'+' | b'-' | b':' | b',' | b'#' | b'(' | b'_' | b'$' | b'=' | b'!' | b'*' | b'~' | b'>'
            | b'%' | b'|' => streaming != Some(Shape::Pieces),
            other => return Err(DecodeError::UnknownType(other)),
        };
        if expected { Ok(()) } else { Err(DecodeError::InvalidStream) }
    }

    /// The line at `pos` with its type byte and without its end, and where the next one starts.
    fn line<'a>(&mut self, buf: &'a [u8]) -> Result<Option<(&'a [u8], usize)>, DecodeError> {
        let start = self.pos;
        let mut from = self.scanned.max(start);
        while let Some(found) = memchr(b'\r', &buf[from..]) {
            let end = from + found;
            match buf.get(end + 1) {
                Some(b'\n') => {
                    self.check_line(end - start)?;
                    self.scanned = 0;
                    return Ok(Some((&buf[start..end], end + 2)));
                }
                Some(_) => from = end + 1,
                None => {
                    self.check_line(end - start)?;
                    self.scanned = end;
                    return Ok(None);
                }
            }
        }
        self.check_line(buf.len() - start)?;
        self.scanned = buf.len();
        Ok(None)
    }

    fn check_line(&self, len: usize) -> Result<(), DecodeError> {
        if len > self.limits.max_line_len { Err(DecodeError::TooLong) } else { Ok(()) }
    }

    /// A string of announced length whose bytes start at `start`.
    fn string(
        &mut self,
        buf: &[u8],
        sigil: u8,
        len: &[u8],
        start: usize,
    ) -> Result<Option<Element>, DecodeError> {
        let len = read_length(len)?;
        if len > self.limits.max_bulk_len {
            return Err(DecodeError::TooLong);
        }
        if sigil == b';' && len == 0 {
            self.pos = start;
            return Ok(Some(Element::End));
        }
        let Some(bytes) = bulk_at(buf, start, len)? else { return Ok(None) };
        let element = match sigil {
            b'$' => Element::Value(Value::Bulk(bytes.to_vec())),
            b'!' => Element::Value(Value::Error(bytes.to_vec())),
            b'=' => {
                let [a, b, c, b':', text @ ..] = bytes else { return Err(DecodeError::InvalidVerbatim) };
                Element::Value(Value::Verbatim { format: [*a, *b, *c], text: text.to_vec() })
            }
            _ => {
                self.add_piece(bytes)?;
                Element::Piece
            }
        };
        self.pos = start + len + 2;
        Ok(Some(element))
    }

    fn add_piece(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let Some(Frame { shape: Shape::Pieces, items, .. }) = self.open.last_mut() else {
            return Err(DecodeError::InvalidStream);
        };
        if items.is_empty() {
            items.push(Value::Bulk(Vec::new()));
        }
        if let Some(Value::Bulk(so_far)) = items.first_mut() {
            if so_far.len() + bytes.len() > self.limits.max_bulk_len {
                return Err(DecodeError::TooLong);
            }
            so_far.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn open_frame(&self, shape: Shape, len: &[u8]) -> Result<Element, DecodeError> {
        if len == b"?" && !matches!(shape, Shape::Push | Shape::Attribute) {
            return Ok(Element::Open(Frame { shape, left: None, items: Vec::new() }));
        }
        let len = read_length(len)?;
        if len > self.limits.max_elements {
            return Err(DecodeError::TooLong);
        }
        let elements = shape.elements(len).ok_or(DecodeError::TooLong)?;
        let items = Vec::with_capacity(elements.min(TRUSTED_ELEMENTS));
        Ok(Element::Open(Frame { shape, left: Some(elements), items }))
    }

    fn end_stream(&mut self) -> Result<Value, DecodeError> {
        match self.open.pop() {
            Some(frame) if frame.left.is_none() && frame.is_whole() => Ok(frame.close()),
            _ => Err(DecodeError::InvalidStream),
        }
    }
}

/// For how many announced elements memory is reserved before they have arrived.
const TRUSTED_ELEMENTS: usize = 16;

impl Shape {
    /// How many values stand for an announced length.
    fn elements(self, len: usize) -> Option<usize> {
        match self {
            Self::Array | Self::Set | Self::Push | Self::Pieces => Some(len),
            Self::Map => len.checked_mul(2),
            Self::Attribute => len.checked_mul(2)?.checked_add(1),
        }
    }
}

impl Frame {
    /// Whether a streamed aggregate may end here.
    fn is_whole(&self) -> bool {
        self.shape != Shape::Map || self.items.len().is_multiple_of(2)
    }

    /// The value of an aggregate all of whose elements are there.
    fn close(mut self) -> Value {
        match self.shape {
            Shape::Array => Value::Array(self.items),
            Shape::Set => Value::Set(self.items),
            Shape::Push => Value::Push(self.items),
            Shape::Map => Value::Map(pair_up(self.items)),
            Shape::Attribute => {
                let value = self.items.pop().expect("an attribute closes with the value it belongs to");
                Value::Attribute { pairs: pair_up(self.items), value: Box::new(value) }
            }
            Shape::Pieces => self.items.pop().unwrap_or(Value::Bulk(Vec::new())),
        }
    }
}

fn pair_up(items: Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

/// The `len` bytes at `start`, if they and their line end are there.
pub(crate) fn bulk_at(buf: &[u8], start: usize, len: usize) -> Result<Option<&[u8]>, DecodeError> {
    let Some(rest) = buf.get(start..).filter(|rest| rest.len() >= len.saturating_add(2)) else {
        return Ok(None);
    };
    if &rest[len..len + 2] != b"\r\n" {
        return Err(DecodeError::MissingLineEnd);
    }
    Ok(Some(&rest[..len]))
}

pub(crate) fn read_length(text: &[u8]) -> Result<usize, DecodeError> {
    parse_integer(text).and_then(|len| usize::try_from(len).ok()).ok_or(DecodeError::InvalidLength)
}

/// RESP3 allows a plus sign, which Redis never sends.
fn read_integer(text: &[u8]) -> Result<i64, DecodeError> {
    let unsigned = text.strip_prefix(b"+").filter(|digits| !digits.starts_with(b"-"));
    parse_integer(unsigned.unwrap_or(text)).ok_or(DecodeError::InvalidInteger)
}

/// A decimal number with an optional exponent, or `inf`, `-inf`, `nan`, and the `-nan` that C prints.
fn read_double(text: &[u8]) -> Result<f64, DecodeError> {
    match text {
        b"inf" => return Ok(f64::INFINITY),
        b"-inf" => return Ok(f64::NEG_INFINITY),
        b"nan" | b"-nan" => return Ok(f64::NAN),
        _ => {}
    }
    let numeric = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let text = std::str::from_utf8(text).ok().filter(|_| numeric);
    text.and_then(|text| text.parse().ok()).ok_or(DecodeError::InvalidDouble)
}

fn read_boolean(text: &[u8]) -> Result<bool, DecodeError> {
    match text {
        b"t" => Ok(true),
        b"f" => Ok(false),
        _ => Err(DecodeError::InvalidBoolean),
    }
}

fn read_big_number(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecodeError::InvalidBigNumber);
    }
    Ok(text.to_vec())
}

#[cfg(test)]
mod tests;
