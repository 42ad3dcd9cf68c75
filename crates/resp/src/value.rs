//! Replies as values: what a client, a test or a proxy holds after decoding.
//!
//! A value keeps what the wire said: the three nulls stay apart, maps and sets keep their order and their duplicates.
//! Strings are bytes, for nothing on the wire promises an encoding. There is no conversion to Rust types here.

use std::fmt;

use crate::encoder::{Encoder, Protocol};

/// A reply.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `+OK`
    SimpleString(Vec<u8>),
    /// `-ERR message`, or the long form `!`: code and message as they came.
    Error(Vec<u8>),
    /// `:1`
    Integer(i64),
    /// `$3`, in one piece or streamed.
    Bulk(Vec<u8>),
    /// `_`, the null of RESP3.
    Null,
    /// `$-1`, the null of RESP2.
    NullBulk,
    /// `*-1`, the null of RESP2 where an array could have been.
    NullArray,
    /// `*2`
    Array(Vec<Value>),
    /// `%1`
    Map(Vec<(Value, Value)>),
    /// `~2`
    Set(Vec<Value>),
    /// `>2`, a message nobody asked for.
    Push(Vec<Value>),
    /// `,1.5`
    Double(f64),
    /// `#t`
    Boolean(bool),
    /// `(123`: an optional sign and decimal digits.
    BigNumber(Vec<u8>),
    /// `=7`: three bytes of format (`txt`, `mkd`) and the text.
    Verbatim {
        /// How the text is meant to be shown.
        format: [u8; 3],
        /// The text.
        text: Vec<u8>,
    },
    /// `|1`: pairs that say something about a reply, and that reply.
    Attribute {
        /// What is said.
        pairs: Vec<(Value, Value)>,
        /// Of what it is said.
        value: Box<Value>,
    },
}

impl Value {
    /// Whether it is one of the three nulls.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::NullBulk | Self::NullArray)
    }

    /// The error's code and message, if it is one.
    pub fn as_error(&self) -> Option<&[u8]> {
        match self {
            Self::Error(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of any kind of string, errors excepted.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::SimpleString(bytes) | Self::Bulk(bytes) | Self::Verbatim { text: bytes, .. } => Some(bytes),
            _ => None,
        }
    }

    /// Appends the value as it stands on the wire, whichever version its type belongs to. What came streamed goes out whole,
    /// and an error with line breaks in its long form.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut encoder = Encoder::with_buffer(std::mem::take(out), Protocol::Resp3);
        self.encode(&mut encoder);
        *out = encoder.into_inner();
    }

    fn encode(&self, wire: &mut Encoder) {
        match self {
            Self::SimpleString(text) => write_line(wire, b'+', text),
            Self::Error(text) if text.iter().any(|byte| matches!(byte, b'\r' | b'\n')) => {
                write_line(wire, b'!', text.len().to_string().as_bytes());
                wire.extend_raw(text);
                wire.extend_raw(b"\r\n");
            }
            Self::Error(text) => write_line(wire, b'-', text),
            Self::Integer(number) => wire.integer(*number),
            Self::Bulk(bytes) => wire.bulk(bytes),
            Self::Null => wire.null(),
            Self::NullBulk => wire.extend_raw(b"$-1\r\n"),
            Self::NullArray => wire.extend_raw(b"*-1\r\n"),
            Self::Array(items) => {
                wire.array(items.len());
                encode_all(items, wire);
            }
            Self::Map(pairs) => {
                wire.map(pairs.len());
                encode_pairs(pairs, wire);
            }
            Self::Set(items) => {
                wire.set(items.len());
                encode_all(items, wire);
            }
            Self::Push(items) => {
                wire.push(items.len());
                encode_all(items, wire);
            }
            Self::Double(number) => wire.double(*number),
            Self::Boolean(value) => wire.boolean(*value),
            Self::BigNumber(digits) => write_line(wire, b'(', digits),
            Self::Verbatim { format, text } => {
                write_line(wire, b'=', (text.len() + 4).to_string().as_bytes());
                for part in [&format[..], b":", text, b"\r\n"] {
                    wire.extend_raw(part);
                }
            }
            Self::Attribute { pairs, value } => {
                wire.attribute(pairs.len());
                encode_pairs(pairs, wire);
                value.encode(wire);
            }
        }
    }
}

fn encode_all(items: &[Value], wire: &mut Encoder) {
    for item in items {
        item.encode(wire);
    }
}

fn encode_pairs(pairs: &[(Value, Value)], wire: &mut Encoder) {
    for (key, value) in pairs {
        key.encode(wire);
        value.encode(wire);
    }
}

fn write_line(wire: &mut Encoder, sigil: u8, text: &[u8]) {
    for part in [&[sigil][..], text, b"\r\n"] {
        wire.extend_raw(part);
    }
}

/// One line, near to the wire: `+OK`, `-ERR no`, `1`, `"bulk"`, `[a, b]`, `%{k: v}`, `~[a]`, `>[a]`, `|{k: v} reply`; the
/// nulls are `null`, `null-bulk` and `null-array`, a big number `(1` and a verbatim string `txt:"text"`.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SimpleString(text) => write!(f, "+{}", text.escape_ascii()),
            Self::Error(text) => write!(f, "-{}", text.escape_ascii()),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Bulk(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Null => f.write_str("null"),
            Self::NullBulk => f.write_str("null-bulk"),
            Self::NullArray => f.write_str("null-array"),
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Map(pairs) => {
                f.write_str("%")?;
                debug_pairs(pairs, f)
            }
            Self::Set(items) => {
                f.write_str("~")?;
                f.debug_list().entries(items).finish()
            }
            Self::Push(items) => {
                f.write_str(">")?;
                f.debug_list().entries(items).finish()
            }
            Self::Double(number) => write!(f, "{number:?}"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::BigNumber(digits) => write!(f, "({}", digits.escape_ascii()),
            Self::Verbatim { format, text } => {
                write!(f, "{}:\"{}\"", format.escape_ascii(), text.escape_ascii())
            }
            Self::Attribute { pairs, value } => {
                f.write_str("|")?;
                debug_pairs(pairs, f)?;
                f.write_str(" ")?;
                value.fmt(f)
            }
        }
    }
}

fn debug_pairs(pairs: &[(Value, Value)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_map().entries(pairs.iter().map(|(key, value)| (key, value))).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_is_one_compact_line() {
        let value = Value::Array(vec![
            Value::SimpleString(b"OK".to_vec()),
            Value::Map(vec![(Value::Bulk(b"k\0".to_vec()), Value::Integer(1))]),
            Value::Attribute {
                pairs: vec![(Value::Null, Value::NullBulk)],
                value: Box::new(Value::NullArray),
            },
            Value::Set(vec![Value::Boolean(true), Value::Double(1.0)]),
            Value::Push(vec![Value::BigNumber(b"12".to_vec())]),
            Value::Verbatim { format: *b"txt", text: b"hi".to_vec() },
            Value::Error(b"ERR no".to_vec()),
        ]);
        assert_eq!(
            format!("{value:?}"),
            r#"[+OK, %{"k\x00": 1}, |{null: null-bulk} null-array, ~[true, 1.0], >[(12], txt:"hi", -ERR no]"#
        );
    }

    #[test]
    fn an_error_with_line_breaks_goes_out_in_its_long_form() {
        let mut out = Vec::new();
        Value::Error(b"ERR a\nb".to_vec()).write_to(&mut out);
        assert_eq!(out, b"!7\r\nERR a\nb\r\n");
    }
}
