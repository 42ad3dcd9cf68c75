//! Walking through a stretch of ranks, upwards or downwards.
//!
//! Leaves carry no links to their neighbours. A walk knows the rank it has reached, and finds the next leaf from the
//! root by that rank: a few cached nodes every fifty elements, in exchange for leaves that are nothing but elements
//! and a removal that has no links to mend. For the same reason skipping ahead costs one descent.

use super::element::Element;
use super::set::pair;
use super::tree::Tree;
use crate::table::prefetch;
use std::ops::Range;

/// The direction of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the lowest score up.
    Ascending,
    /// From the highest score down.
    Descending,
}

/// How many elements ahead a walk fetches: each waits for memory on its own, while the caller is busy with another.
const FETCH_AHEAD: usize = 8;

/// The elements of consecutive ranks.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    tree: &'a Tree,
    /// What is left of the leaf reached.
    window: &'a [Option<Element>],
    /// Ranks not yet entered into a window: `from..to`.
    from: usize,
    to: usize,
    order: Order,
}

impl<'a> Walk<'a> {
    /// The elements of these ranks, as far as they exist.
    pub(super) fn new(tree: &'a Tree, ranks: Range<usize>, order: Order) -> Self {
        let to = ranks.end.min(tree.len());
        Self { tree, window: &[], from: ranks.start.min(to), to, order }
    }

    /// Elements still to come.
    pub(super) fn remaining(&self) -> usize {
        self.window.len() + self.to - self.from
    }

    /// Passes over the next `count` elements with at most one descent.
    pub(super) fn pass_over(&mut self, count: usize) {
        let inside = count.min(self.window.len());
        let outside = (count - inside).min(self.to - self.from);
        match self.order {
            Order::Ascending => {
                self.window = &self.window[inside..];
                self.from += outside;
            }
            Order::Descending => {
                self.window = &self.window[..self.window.len() - inside];
                self.to -= outside;
            }
        }
    }

    /// Moves the window to the next leaf and begins to fetch its elements.
    fn advance(&mut self) {
        match self.order {
            Order::Ascending => {
                let (leaf, at) = self.tree.leaf_at(self.from);
                let end = leaf.len().min(at + (self.to - self.from));
                self.window = &leaf.filled()[at..end];
                self.from += end - at;
                self.window
                    .iter()
                    .take(FETCH_AHEAD + 1)
                    .flatten()
                    .for_each(|element| prefetch(element.address()));
            }
            Order::Descending => {
                let (leaf, last) = self.tree.leaf_at(self.to - 1);
                let start = (last + 1).saturating_sub(self.to - self.from);
                self.window = &leaf.filled()[start..=last];
                self.to -= last + 1 - start;
                let first = self.window.iter().rev().take(FETCH_AHEAD + 1);
                first.flatten().for_each(|element| prefetch(element.address()));
            }
        }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a Element;

    fn next(&mut self) -> Option<&'a Element> {
        if self.window.is_empty() {
            if self.from == self.to {
                return None;
            }
            self.advance();
        }
        let (next, rest, ahead) = match self.order {
            Order::Ascending => {
                let (next, rest) = self.window.split_first()?;
                (next, rest, rest.get(FETCH_AHEAD))
            }
            Order::Descending => {
                let (next, rest) = self.window.split_last()?;
                (next, rest, rest.len().checked_sub(FETCH_AHEAD + 1).map(|at| &rest[at]))
            }
        };
        if let Some(Some(ahead)) = ahead {
            prefetch(ahead.address());
        }
        self.window = rest;
        next.as_ref()
    }

    fn nth(&mut self, count: usize) -> Option<&'a Element> {
        self.pass_over(count);
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining(), Some(self.remaining()))
    }
}

/// Members of a [`SortedSet`](super::SortedSet) with their scores. It knows its length, and `nth` (so `skip`) passes
/// over any number of members at the cost of one descent.
#[derive(Debug)]
pub struct Members<'a>(pub(super) Walk<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], f64);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(pair)
    }

    fn nth(&mut self, count: usize) -> Option<Self::Item> {
        self.0.nth(count).map(pair)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Members<'_> {}
