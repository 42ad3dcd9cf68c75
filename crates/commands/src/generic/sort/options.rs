//! The options of `SORT`, and which keys they reach for.

use smallvec::SmallVec;
use spinel_family::spec::Reach;
use spinel_family::{CommandError, Field, Key, Words, is_token};

use super::pattern::Pattern;
use crate::arguments::STORE;

/// The options, understood.
pub(super) struct Options<'a> {
    /// The order is asked for by elements if there is no pattern.
    pub(super) by: Option<Pattern<'a>>,
    /// `BY` something without an asterisk: nothing is sorted.
    pub(super) is_unsorted: bool,
    pub(super) is_descending: bool,
    pub(super) is_alpha: bool,
    pub(super) offset: i64,
    /// Below zero: all.
    pub(super) count: i64,
    pub(super) gets: SmallVec<[Pattern<'a>; 4]>,
    pub(super) store: Option<Key<'a>>,
}

impl<'a> Options<'a> {
    /// Reads the words behind the key.
    pub(super) fn parse(mut words: Words<'a>, may_store: bool) -> Result<Self, CommandError> {
        let mut options = Self {
            by: None,
            is_unsorted: false,
            is_descending: false,
            is_alpha: false,
            offset: 0,
            count: -1,
            gets: SmallVec::new(),
            store: None,
        };
        while let Ok(word) = words.take() {
            let is = |token, values| is_token(word, token) && words.len() >= values;
            if is("ASC", 0) {
                options.is_descending = false;
            } else if is("DESC", 0) {
                options.is_descending = true;
            } else if is("ALPHA", 0) {
                options.is_alpha = true;
            } else if is("LIMIT", 2) {
                options.offset = i64::parse(&mut words)?;
                options.count = i64::parse(&mut words)?;
            } else if may_store && is("STORE", 1) {
                options.store = Some(words.key()?);
            } else if is("BY", 1) {
                let pattern = words.take()?;
                options.is_unsorted |= !Pattern::has_asterisk(pattern);
                options.by = Some(Pattern::new(pattern));
            } else if is("GET", 1) {
                options.gets.push(Pattern::new(words.take()?));
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }

    /// What sorting so many elements costs: each is touched, and looked up for every pattern.
    pub(super) fn cost(&self, elements: usize) -> usize {
        let lookups = usize::from(self.by.is_some() && !self.is_unsorted) + self.gets.len();
        elements.saturating_mul(1 + lookups)
    }

    /// The places in the order that are wanted, among so many elements.
    pub(super) fn range(&self, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(0).min(len);
        let count = usize::try_from(self.count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}

pub(super) fn reach_of_sort(words: &mut dyn Iterator<Item = &[u8]>) -> Reach {
    reach(words, true)
}

pub(super) fn reach_of_sort_ro(words: &mut dyn Iterator<Item = &[u8]>) -> Reach {
    reach(words, false)
}

/// The destination, and whether patterns reach for keys that have no word. Words that are no options are passed over.
fn reach(words: &mut dyn Iterator<Item = &[u8]>, may_store: bool) -> Reach {
    let mut reach = Reach::default();
    let mut words = words.enumerate().skip(2);
    while let Some((_, word)) = words.next() {
        if is_token(word, "LIMIT") {
            words.nth(1);
        } else if is_token(word, "BY") || is_token(word, "GET") {
            reach.is_beyond |= words.next().is_some_and(|(_, pattern)| Pattern::has_asterisk(pattern));
        } else if may_store && is_token(word, "STORE") {
            reach.key = words.next().map(|(at, _)| (at, STORE)).or(reach.key);
        }
    }
    reach
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_destination_counts_and_only_patterns_reach_beyond() {
        let of = |line: &str| {
            let found = reach_of_sort(&mut line.split(' ').map(str::as_bytes));
            (found.key.map(|(at, _)| at), found.is_beyond)
        };
        assert_eq!(of("sort a"), (None, false));
        assert_eq!(of("sort a store b limit 1 2 desc Store c"), (Some(9), false));
        assert_eq!(of("sort a by store get # store b"), (Some(7), false));
        assert_eq!(of("sort a by w*"), (None, true));
        assert_eq!(of("sort a get # get h*->f store"), (None, true));
        let mut words = ["sort_ro", "a", "store", "b"].into_iter().map(str::as_bytes);
        assert!(reach_of_sort_ro(&mut words).key.is_none());
    }
}
