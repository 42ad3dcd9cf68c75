//! A stretch of a sorted set: between two ranks, two scores or two members.
//!
//! Whatever it was asked by, a span becomes a range of ranks; the rest is the same for all.

use std::ops::Range;

use spinel_family::CommandError;
use spinel_store::value::SortedSet;
use spinel_structs::number::{parse_i64, parse_range_bound};
use spinel_structs::sorted_set::{LexBound, Order, ScoreBound};

/// Two ends, both included unless they say otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span<'a> {
    /// Places from the end where the order begins; negative ones from the other.
    Ranks(i64, i64),
    /// Scores, the lower one first.
    Scores(ScoreBound, ScoreBound),
    /// Members, the lower one first.
    Lex(LexBound<'a>, LexBound<'a>),
}

impl<'a> Span<'a> {
    /// Reads two places.
    pub(super) fn ranks(start: &[u8], stop: &[u8]) -> Result<Self, CommandError> {
        let read = |word| parse_i64(word).ok_or(CommandError::NotInteger);
        Ok(Self::Ranks(read(start)?, read(stop)?))
    }

    /// Reads two scores.
    pub(super) fn scores(min: &[u8], max: &[u8]) -> Result<Self, CommandError> {
        let (Some(min), Some(max)) = (score_bound(min), score_bound(max)) else {
            return Err(CommandError::text("ERR min or max is not a float"));
        };
        Ok(Self::Scores(min, max))
    }

    /// Reads two members.
    pub(super) fn lex(min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        let (Some(min), Some(max)) = (lex_bound(min), lex_bound(max)) else {
            return Err(CommandError::text("ERR min or max not valid string range item"));
        };
        Ok(Self::Lex(min, max))
    }

    /// The ranks it covers, counted from the lowest score whatever the order.
    pub(super) fn of(self, zset: &SortedSet, order: Order) -> Range<usize> {
        match self {
            Self::Ranks(start, stop) => {
                let places = places(start, stop, zset.len());
                match order {
                    Order::Ascending => places,
                    Order::Descending => zset.len() - places.end..zset.len() - places.start,
                }
            }
            Self::Scores(min, max) => zset.ranks_by_score(min, max),
            Self::Lex(min, max) => zset.ranks_by_lex(min, max),
        }
    }
}

/// The places from `start` to `stop` among `len`.
fn places(start: i64, stop: i64, len: usize) -> Range<usize> {
    let count = i64::try_from(len).expect("nothing in memory has more elements");
    let from_front = |at: i64| if at < 0 { count + at } else { at };
    let start = from_front(start).max(0);
    let stop = from_front(stop).min(count - 1);
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

fn score_bound(word: &[u8]) -> Option<ScoreBound> {
    let bound = parse_range_bound(word)?;
    Some(if bound.exclusive {
        ScoreBound::Exclusive(bound.score)
    } else {
        ScoreBound::Inclusive(bound.score)
    })
}

/// `-`, `+`, `[member` or `(member`. As in Redis, a NUL byte ends the first two.
fn lex_bound(word: &[u8]) -> Option<LexBound<'_>> {
    match word {
        [b'-'] | [b'-', 0, ..] => Some(LexBound::Min),
        [b'+'] | [b'+', 0, ..] => Some(LexBound::Max),
        [b'[', member @ ..] => Some(LexBound::Inclusive(member)),
        [b'(', member @ ..] => Some(LexBound::Exclusive(member)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn places_are_clamped_to_what_is_there() {
        let cases = [
            ((0, -1), 0..5),
            ((-2, 100), 3..5),
            ((i64::MIN, 1), 0..2),
            ((3, 2), 0..0),
            ((5, 9), 0..0),
            ((0, -6), 0..0),
            ((0, i64::MIN), 0..0),
            ((i64::MAX, i64::MAX), 0..0),
        ];
        for ((start, stop), expected) in cases {
            assert_eq!(places(start, stop, 5), expected, "{start} to {stop}");
        }
        assert_eq!(places(0, -1, 0), 0..0);
    }
}
