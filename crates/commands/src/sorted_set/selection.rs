//! What the range commands select: a span, an order, a limit, and whether scores are wanted.
//!
//! `ZRANGE` and `ZRANGESTORE` say by options what the older commands say by their names; all are read here, in the
//! order in which Redis finds errors.

use std::ops::Range;

use spinel_family::{CommandError, Encoder, Field, Key, QueryContext, Reply, Words, is_token};
use spinel_store::ValueRef;
use spinel_store::value::SortedSet;
use spinel_structs::sorted_set::Order;

use super::reply::reply_members;
use super::span::Span;

/// Below this many elements the cost of a command is not worth two searches.
const SMALL: usize = 1024;

/// What the ends of the span are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Places in the order.
    Rank,
    /// Scores.
    Score,
    /// Members.
    Lex,
}

/// What a command's name leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Everything: `ZRANGE`.
    Open,
    /// Everything but whether scores are wanted: `ZRANGESTORE`.
    Store,
    /// Only limit and scores.
    Fixed(By, Order),
}

/// The elements that a range command is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selection<'a> {
    span: Span<'a>,
    order: Order,
    limit: Option<Limit>,
    with_scores: bool,
}

/// `LIMIT offset count`
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// Elements to skip; of negatively many nothing is left.
    offset: i64,
    /// Elements to keep; negative: all.
    count: i64,
}

/// The options as far as they were read.
struct Options {
    dialect: Dialect,
    by: Option<By>,
    order: Option<Order>,
    limit: Option<Limit>,
    with_scores: bool,
}

impl Options {
    fn new(dialect: Dialect) -> Self {
        let (by, order) = match dialect {
            Dialect::Open | Dialect::Store => (None, None),
            Dialect::Fixed(by, order) => (Some(by), Some(order)),
        };
        Self { dialect, by, order, limit: None, with_scores: false }
    }

    /// Reads one option. One that was decided already, be it by the same word, is a syntax error.
    fn read(&mut self, words: &mut Words<'_>) -> Result<(), CommandError> {
        let word = words.take()?;
        if is_token(word, "WITHSCORES") && self.dialect != Dialect::Store {
            self.with_scores = true;
        } else if is_token(word, "LIMIT") && words.len() >= 2 {
            self.limit = Some(Limit { offset: i64::parse(words)?, count: i64::parse(words)? });
        } else if is_token(word, "REV") && self.order.is_none() {
            self.order = Some(Order::Descending);
        } else if is_token(word, "BYLEX") && self.by.is_none() {
            self.by = Some(By::Lex);
        } else if is_token(word, "BYSCORE") && self.by.is_none() {
            self.by = Some(By::Score);
        } else {
            return Err(CommandError::Syntax);
        }
        Ok(())
    }
}

impl<'a> Selection<'a> {
    /// Reads the two ends and all that follows them.
    pub(super) fn parse(words: &mut Words<'a>, dialect: Dialect) -> Result<Self, CommandError> {
        let (start, stop) = (words.take()?, words.take()?);
        let mut options = Options::new(dialect);
        while !words.is_empty() {
            options.read(words)?;
        }
        let by = options.by.unwrap_or(By::Rank);
        let order = options.order.unwrap_or(Order::Ascending);
        // A limit of -1 elements is none, wherever it stands.
        let limit = options.limit.filter(|limit| limit.count != -1 || by != By::Rank);
        if limit.is_some() && by == By::Rank {
            return Err(CommandError::text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if options.with_scores && by == By::Lex {
            return Err(CommandError::text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (low, high) = match order {
            Order::Ascending => (start, stop),
            Order::Descending => (stop, start),
        };
        let span = match by {
            By::Rank => Span::ranks(start, stop)?,
            By::Score => Span::scores(low, high)?,
            By::Lex => Span::lex(low, high)?,
        };
        Ok(Self { span, order, limit, with_scores: options.with_scores })
    }

    /// The ranks of the elements selected, counted from the lowest score.
    pub(super) fn ranks(&self, zset: &SortedSet) -> Range<usize> {
        let ranks = self.span.of(zset, self.order);
        let Some(Limit { offset, count }) = self.limit else { return ranks };
        let Ok(offset) = usize::try_from(offset) else { return 0..0 };
        let left = ranks.len().saturating_sub(offset);
        let kept = usize::try_from(count).map_or(left, |count| count.min(left));
        let start = match self.order {
            _ if kept == 0 => return 0..0,
            Order::Ascending => ranks.start + offset,
            Order::Descending => ranks.end - offset - kept,
        };
        start..start + kept
    }

    /// The order in which Redis gives them.
    pub(super) fn order(&self) -> Order {
        self.order
    }

    /// Whether places tell how many they are before any is read.
    pub(super) fn is_counted(&self) -> bool {
        matches!(self.span, Span::Ranks(..))
    }

    /// Elements that reading the selection touches.
    pub(super) fn cost(&self, cx: &QueryContext<'_>, key: Key<'_>) -> usize {
        match cx.peek(key).map(spinel_store::Entry::value) {
            Some(ValueRef::SortedSet(zset)) if zset.len() > SMALL => self.ranks(zset).len(),
            _ => 0,
        }
    }

    /// Answers with the elements selected.
    pub(super) fn reply(&self, cx: &QueryContext<'_>, key: Key<'_>, out: &mut Encoder) -> Reply {
        match cx.read::<SortedSet>(key)? {
            None => out.array(0),
            Some(zset) => reply_members(zset.members(self.ranks(zset), self.order), self.with_scores, out),
        }
        Ok(())
    }
}
