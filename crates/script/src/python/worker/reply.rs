//! The reply of a command, as a value of a script.
//!
//! | reply | value |
//! |---|---|
//! | bulk string | `bytes`; `str` if the script asks for texts |
//! | status, verbatim string | `str` |
//! | integer, big number | `int` |
//! | double | `float` |
//! | boolean | `bool` |
//! | null | `None` |
//! | array, push | `list` |
//! | map | `dict` |
//! | set | `set` |
//! | error | an exception |
//!
//! Keys of maps and members of sets that Python cannot hash make a list of the aggregate. The replies are our own server's;
//! still nothing here trusts them: what is no reply becomes `None`.

use memchr::memchr;
use monty_types::{DictPairs, MontyObject};
use num_bigint::BigInt;

use super::errors::error_value;

/// How byte strings become values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strings {
    /// `bytes`
    Bytes,
    /// `str`
    Text,
}

/// A byte string that is asked for as a text, but is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotText;

impl Strings {
    /// The value of a byte string.
    pub(super) fn value_of(self, bytes: Vec<u8>) -> Result<MontyObject, NotText> {
        match self {
            Self::Bytes => Ok(MontyObject::Bytes(bytes)),
            Self::Text => String::from_utf8(bytes).map(MontyObject::String).map_err(|_| NotText),
        }
    }
}

/// The value of a reply.
pub(super) fn value_of(reply: &[u8], strings: Strings) -> Result<MontyObject, NotText> {
    let mut reader = Reader { rest: reply, strings, frames: Vec::new() };
    let mut value = reader.read()?;
    loop {
        value = match value {
            Read::Value(value) => match reader.frames.pop() {
                None => return Ok(value),
                Some(mut frame) => {
                    frame.items.push(value);
                    reader.go_on(frame)?
                }
            },
            Read::Opened(frame) => reader.go_on(frame)?,
        };
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    Map,
    Set,
    /// What is said about a reply, which scripts do not get to see.
    Attribute,
}

/// An aggregate under way.
struct Frame {
    shape: Shape,
    left: usize,
    items: Vec<MontyObject>,
}

/// What a step yields.
enum Read {
    Value(MontyObject),
    Opened(Frame),
}

struct Reader<'r> {
    rest: &'r [u8],
    strings: Strings,
    frames: Vec<Frame>,
}

impl<'r> Reader<'r> {
    fn line(&mut self) -> &'r [u8] {
        let end = memchr(b'\r', self.rest).unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 2..).unwrap_or_default();
        line
    }

    /// The bytes that follow a header which says how many.
    fn counted(&mut self, header: &[u8]) -> Option<&'r [u8]> {
        let len = usize::try_from(integer(header)?).ok()?;
        let bytes = self.rest.get(..len)?;
        self.rest = self.rest.get(len + 2..).unwrap_or_default();
        Some(bytes)
    }

    /// Reads the next element of an aggregate, or closes it.
    fn go_on(&mut self, mut frame: Frame) -> Result<Read, NotText> {
        if frame.left > 0 {
            frame.left -= 1;
            self.frames.push(frame);
            return self.read();
        }
        match frame.shape {
            Shape::Array => Ok(Read::Value(MontyObject::List(frame.items))),
            Shape::Map => Ok(Read::Value(map_of(frame.items))),
            Shape::Set if frame.items.iter().all(is_hashable) => {
                Ok(Read::Value(MontyObject::Set(frame.items)))
            }
            Shape::Set => Ok(Read::Value(MontyObject::List(frame.items))),
            // The reply itself follows, in its place.
            Shape::Attribute => self.read(),
        }
    }

    fn read(&mut self) -> Result<Read, NotText> {
        let Some((&sigil, rest)) = self.rest.split_first() else { return Ok(Read::Value(MontyObject::None)) };
        self.rest = rest;
        let line = self.line();
        let value = match sigil {
            b':' => MontyObject::Int(integer(line).unwrap_or_default()),
            b'$' | b'*' if line.starts_with(b"-") => MontyObject::None,
            b'$' => self.strings.value_of(self.counted(line).unwrap_or_default().to_vec())?,
            b'+' => text(line),
            b'-' => error_value(line),
            b'*' | b'>' => return Ok(self.open(Shape::Array, line)),
            b'%' => return Ok(self.open(Shape::Map, line)),
            b'~' => return Ok(self.open(Shape::Set, line)),
            b'|' => return Ok(self.open(Shape::Attribute, line)),
            b'#' => MontyObject::Bool(line == b"t"),
            b',' => MontyObject::Float(double(line)),
            b'(' => big_number(line),
            // The format and a colon come first.
            b'=' => text(self.counted(line).and_then(|text| text.get(4..)).unwrap_or_default()),
            _ => MontyObject::None,
        };
        Ok(Read::Value(value))
    }

    fn open(&self, shape: Shape, header: &[u8]) -> Read {
        let len = integer(header).and_then(|len| usize::try_from(len).ok()).unwrap_or_default();
        // Every element takes bytes.
        let len = len.min(self.rest.len());
        let left = if matches!(shape, Shape::Map | Shape::Attribute) { 2 * len } else { len };
        Read::Opened(Frame { shape, left, items: Vec::with_capacity(left) })
    }
}

/// A map as `dict`; as a list of its keys and values if a key cannot be hashed.
fn map_of(items: Vec<MontyObject>) -> MontyObject {
    if !items.iter().step_by(2).all(is_hashable) {
        return MontyObject::List(items);
    }
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    MontyObject::Dict(DictPairs::from(pairs))
}

fn is_hashable(value: &MontyObject) -> bool {
    !matches!(value, MontyObject::List(_) | MontyObject::Dict(_) | MontyObject::Set(_))
}

fn text(bytes: &[u8]) -> MontyObject {
    MontyObject::String(String::from_utf8_lossy(bytes).into_owned())
}

fn integer(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn double(text: &[u8]) -> f64 {
    // `inf`, `-inf` and `nan` among them.
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

fn big_number(digits: &[u8]) -> MontyObject {
    match BigInt::parse_bytes(digits, 10) {
        Some(number) => i64::try_from(&number).map_or(MontyObject::BigInt(number), MontyObject::Int),
        None => MontyObject::None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_python_cannot_hash_makes_lists() {
        let value = value_of(b"%1\r\n*1\r\n:1\r\n:2\r\n", Strings::Bytes).unwrap();
        assert_eq!(value.py_repr(), "[[1], 2]");
        let value = value_of(b"~2\r\n*1\r\n:1\r\n:2\r\n", Strings::Bytes).unwrap();
        assert_eq!(value.py_repr(), "[[1], 2]");
        let value = value_of(b"%1\r\n$1\r\na\r\n*1\r\n_\r\n", Strings::Text).unwrap();
        assert_eq!(value.py_repr(), "{'a': [None]}");
        assert_eq!(value_of(b"*1\r\n$1\r\n\xff\r\n", Strings::Text), Err(NotText));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_value(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = value_of(&bytes, Strings::Bytes);
        }

        #[test]
        fn any_aggregates_are_a_value(text in "([*~%|>][0-9]{1,3}\r\n|:1\r\n|_\r\n|\\$1\r\na\r\n|#t\r\n|,1.5\r\n|-E x\r\n){0,20}") {
            let _ = value_of(text.as_bytes(), Strings::Text);
        }
    }
}
