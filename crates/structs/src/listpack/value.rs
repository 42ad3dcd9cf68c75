//! What an entry holds, borrowed from the listpack.

use crate::number::{IntBuffer, i64_digits, parse_f64, parse_i64};

/// The value of one entry: an integer that was stored as one, or a string.
///
/// To a client both are bytes. Equality therefore compares texts: `Int(5)` equals `Bytes(b"5")`, which
/// a listpack written elsewhere may contain.
#[derive(Debug, Clone, Copy)]
pub enum ListpackValue<'a> {
    /// An integer, kept without its text.
    Int(i64),
    /// A string of any bytes.
    Bytes(&'a [u8]),
}

impl<'a> ListpackValue<'a> {
    /// Whether the value's text is `other`.
    #[inline]
    pub fn eq_bytes(&self, other: &[u8]) -> bool {
        match *self {
            ListpackValue::Int(value) => parse_i64(other) == Some(value),
            ListpackValue::Bytes(bytes) => bytes == other,
        }
    }

    /// The value's text; an integer is written into `buffer`.
    #[inline]
    pub fn to_bytes<'b>(&self, buffer: &'b mut IntBuffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            ListpackValue::Int(value) => buffer.format(value).as_bytes(),
            ListpackValue::Bytes(bytes) => bytes,
        }
    }

    /// The value's text in an allocation of its own.
    pub fn to_vec(&self) -> Vec<u8> {
        self.to_bytes(&mut IntBuffer::new()).to_vec()
    }

    /// Appends the value's text to `out`.
    #[inline]
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_bytes(&mut IntBuffer::new()));
    }

    /// Bytes in the value's text.
    #[inline]
    pub fn len(&self) -> usize {
        match *self {
            ListpackValue::Int(value) => i64_digits(value),
            ListpackValue::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether the value's text is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self, ListpackValue::Bytes([]))
    }

    /// The value as an integer, if its text is a canonical one.
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            ListpackValue::Int(value) => Some(value),
            ListpackValue::Bytes(bytes) => parse_i64(bytes),
        }
    }

    /// The value as a double, if its text is one: how a sorted set keeps its scores.
    #[inline]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            ListpackValue::Int(value) => Some(value as f64),
            ListpackValue::Bytes(bytes) => parse_f64(bytes),
        }
    }
}

impl PartialEq for ListpackValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (ListpackValue::Int(mine), ListpackValue::Int(theirs)) => mine == theirs,
            (value, ListpackValue::Bytes(bytes)) | (ListpackValue::Bytes(bytes), value) => {
                value.eq_bytes(bytes)
            }
        }
    }
}

impl Eq for ListpackValue<'_> {}
