//! Walking through a stretch of ranks, upwards or downwards.
//!
//! Leaves carry no links to their neighbours. A walk knows the rank it has reached, and finds the next leaf from the
//! root by that rank: a few cached nodes every fifty elements, in exchange for leaves that are nothing but elements
//! and a removal that has no links to mend. For the same reason skipping ahead costs one descent.

use super::element::Element;
use super::tree::Tree;

/// The direction of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the lowest score up.
    Ascending,
    /// From the highest score down.
    Descending,
}

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
    /// The elements of the ranks `from..to`, as far as they exist.
    pub(super) fn new(tree: &'a Tree, from: usize, to: usize, order: Order) -> Self {
        let to = to.min(tree.len());
        Self { tree, window: &[], from: from.min(to), to, order }
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

    /// Moves the window to the next leaf.
    fn advance(&mut self) {
        match self.order {
            Order::Ascending => {
                let (leaf, at) = self.tree.leaf_at(self.from);
                let end = leaf.len().min(at + (self.to - self.from));
                self.window = &leaf.filled()[at..end];
                self.from += end - at;
            }
            Order::Descending => {
                let (leaf, last) = self.tree.leaf_at(self.to - 1);
                let start = (last + 1).saturating_sub(self.to - self.from);
                self.window = &leaf.filled()[start..=last];
                self.to -= last + 1 - start;
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
        let (next, rest) = match self.order {
            Order::Ascending => self.window.split_first()?,
            Order::Descending => self.window.split_last()?,
        };
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
