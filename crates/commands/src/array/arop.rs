//! `AROP key start end <SUM | MIN | MAX | AND | OR | XOR | MATCH value | USED>`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Choice, Command, CommandError, Encoder, Field, Key, Parse, Query, QueryContext, Reply, Words,
};
use spinel_store::value::{Array, ArrayRange};

use super::aggregate::{Number, Sum};
use super::index::{Index, cost_of_range, reply_number};
use crate::arguments::{choice, key, word};

/// What is computed.
#[derive(Choice, Clone, Copy, Debug)]
enum Operation {
    #[arg(token = "SUM")]
    Sum,
    #[arg(token = "MIN")]
    Min,
    #[arg(token = "MAX")]
    Max,
    #[arg(token = "AND")]
    And,
    #[arg(token = "OR")]
    Or,
    #[arg(token = "XOR")]
    Xor,
    #[arg(token = "MATCH")]
    Match,
    #[arg(token = "USED")]
    Used,
}

const MATCH: &[ArgSpec] = &[choice("match", "MATCH"), word("value", ArgKind::String)];

const OPERATIONS: &[ArgSpec] = &[
    choice("sum", "SUM"),
    choice("min", "MIN"),
    choice("max", "MAX"),
    choice("and", "AND"),
    choice("or", "OR"),
    choice("xor", "XOR"),
    Shape { children: MATCH, ..Shape::word(ArgKind::Block) }.arg("match", ""),
    choice("used", "USED"),
];

const ARGS: &[ArgSpec] = &[
    key("key", 0),
    word("start", ArgKind::Integer),
    word("end", ArgKind::Integer),
    Shape { children: OPERATIONS, ..Shape::word(ArgKind::OneOf) }.arg("operation", ""),
];

/// Computes something of an array's values in a range.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", manual, arity = -5, args = ARGS)]
#[command(complexity = "O(N) for N values in the range")]
pub(super) struct Arop<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    low: u64,
    high: u64,
    operation: Operation,
    /// What values are compared with.
    value: Option<&'a [u8]>,
}

impl<'a> Parse<'a> for Arop<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (key, Index(a), Index(b)) = (words.key()?, Index::parse(words)?, Index::parse(words)?);
        let word = words.peek().ok_or(CommandError::Syntax)?;
        let operation = Operation::take(word, words)?.ok_or(CommandError::Syntax)?;
        let value = if matches!(operation, Operation::Match) { Some(words.take()?) } else { None };
        if !words.is_empty() {
            return Err(CommandError::Syntax);
        }
        Ok(Self { key, low: a.min(b), high: a.max(b), operation, value })
    }
}

impl Query for Arop<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        cost_of_range(cx, self.key, self.low, self.high)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let array = cx.read::<Array>(self.key)?;
        let values = array.map(|array| array.range(self.low, self.high));
        let numbers = values.clone().into_iter().flatten().filter_map(|(_, value)| Number::of(value));
        let bits = numbers.clone().map(Number::truncated);
        match self.operation {
            Operation::Sum => {
                let add = |sum: Option<Sum>, number| Some(sum.unwrap_or_default().add(number));
                reply_text(out, numbers.fold(None, add).map(Sum::text));
            }
            Operation::Min => {
                let least = numbers.reduce(|a, b| if b.is_below(a) { b } else { a });
                reply_text(out, least.map(Number::text));
            }
            Operation::Max => {
                let greatest = numbers.reduce(|a, b| if a.is_below(b) { b } else { a });
                reply_text(out, greatest.map(Number::text));
            }
            Operation::And => reply_bits(out, bits.reduce(|a, b| a & b)),
            Operation::Or => reply_bits(out, bits.reduce(|a, b| a | b)),
            Operation::Xor => reply_bits(out, bits.reduce(|a, b| a ^ b)),
            Operation::Match => reply_number(out, count_equal(values, self.value.unwrap_or_default())),
            Operation::Used => reply_number(out, values.into_iter().flatten().count() as u64),
        }
        Ok(())
    }
}

fn count_equal(values: Option<ArrayRange<'_>>, wanted: &[u8]) -> u64 {
    let values = values.into_iter().flatten();
    values.filter(|(_, value)| value.with_bytes(|bytes| bytes == wanted)).count() as u64
}

fn reply_bits(out: &mut Encoder, bits: Option<i64>) {
    match bits {
        Some(bits) => out.integer(bits),
        None => out.null(),
    }
}

fn reply_text(out: &mut Encoder, text: Option<Vec<u8>>) {
    match text {
        Some(text) => out.bulk(&text),
        None => out.null(),
    }
}
