//! Indexes in words and in replies.

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{CommandError, Encoder, Field, Key, QueryContext, Words};
use spinel_store::value::Array;
use spinel_store::{Text, Typed};
use spinel_structs::array::{ArrayValue, CURSOR_EXHAUSTED, INDEX_MAX};
use spinel_structs::number::parse_u64;

use crate::collection::reply_element;

const INVALID: CommandError = CommandError::text("ERR invalid array index");

/// An index: 0 to 2^64 - 2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index(pub(super) u64);

impl<'a> Field<'a> for Index {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Self::of(words.take()?)
    }
}

impl Index {
    pub(super) fn of(word: &[u8]) -> Result<Self, CommandError> {
        parse_u64(word).filter(|&index| index <= INDEX_MAX).map(Self).ok_or(INVALID)
    }
}

/// An index, or the number behind the last one, at which nothing can be appended.
#[derive(Clone, Copy, Debug)]
pub(super) struct CursorIndex(pub(super) u64);

impl<'a> Field<'a> for CursorIndex {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        const _: () = assert!(CURSOR_EXHAUSTED == u64::MAX, "every number is a cursor");
        parse_u64(words.take()?).map(Self).ok_or(INVALID)
    }
}

/// Writes an index or another number that may be too large for an integer.
pub(super) fn reply_number(out: &mut Encoder, number: u64) {
    match i64::try_from(number) {
        Ok(number) => out.integer(number),
        Err(_) => out.big_number(&number.to_string()),
    }
}

/// Writes the value of a place that may be empty.
pub(super) fn reply_value(out: &mut Encoder, value: Option<ArrayValue<'_>>) {
    match value {
        Some(value) => reply_element(out, Text::from(value)),
        None => out.null(),
    }
}

/// Places from one index to another, both included, in any order.
pub(super) fn span(a: u64, b: u64) -> usize {
    usize::try_from(a.abs_diff(b)).unwrap_or(usize::MAX).saturating_add(1)
}

/// Bytes of a value that take as long as touching one.
const BYTES_PER_VALUE: usize = 256;

/// What it costs to look at the values between two indexes: their number, more if they are long.
pub(super) fn cost_of_range(cx: &QueryContext<'_>, key: Key<'_>, a: u64, b: u64) -> usize {
    let Some(array) = cx.peek(key).and_then(|entry| Array::of(entry.value())) else { return 0 };
    let values = usize::try_from(array.count()).unwrap_or(usize::MAX).max(1);
    let each = 1 + array.memory_bytes() / values / BYTES_PER_VALUE;
    span(a, b).min(values).saturating_mul(each)
}
