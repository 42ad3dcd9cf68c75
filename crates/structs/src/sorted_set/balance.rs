//! How nodes share their content: making room before an insertion, repairing after a removal.
//!
//! A full node first gives to a neighbour; only when the neighbours are full as well do two nodes become three
//! (Knuth's B*-tree). Under random insertion nodes are four fifths full that way instead of seven tenths. At the
//! very end (or beginning) of the children a full node is left as it is and a fresh one opened beside it, so that
//! ascending and descending input fills leaves completely.
//!
//! After a removal a node at most half full looks for a neighbour to merge with, leaving some room; one below a third
//! levels out with a neighbour if it cannot merge. No minimum is promised beyond "not empty": a node that has no
//! sibling, or was opened at the end, stays small until its neighbourhood changes.

use super::edge::KeyEdge;
use super::node::{Census, Child, Inner};

impl Inner {
    /// Makes room in the full child `at`, into which `key` is about to go. This node itself has room for one more
    /// child. Returns the child to enter instead; it is not full, and empty only when it was opened for this key.
    pub(super) fn make_room(&mut self, at: usize, key: &KeyEdge<'_>, census: &mut Census) -> usize {
        let node = &self.get(at).node;
        let entrance = node.entrance(key);
        let end = if node.is_leaf() { node.len() } else { node.len() - 1 };
        if at + 1 == self.len() && entrance == end {
            return self.open_behind(at, census);
        }
        if at == 0 && entrance == 0 {
            return self.open_before(at, census);
        }
        if at > 0 && has_worthwhile_room(self.get(at - 1)) {
            self.level(at - 1);
        } else if at + 1 < self.len() && has_worthwhile_room(self.get(at + 1)) {
            self.level(at);
        } else if self.len() == 1 {
            self.split_one(census);
        } else {
            self.split_two(at.saturating_sub(1), census);
        }
        self.choose(key)
    }

    /// Restores the shape around the child `at`, from which something was removed.
    pub(super) fn repair(&mut self, at: usize, census: &mut Census) {
        let node = &self.get(at).node;
        let (len, capacity) = (node.len(), node.capacity());
        if len == 0 {
            self.remove(at).node.dissolve(census, &mut |_| unreachable!("the node is empty"));
            return;
        }
        if len > capacity / 2 {
            return;
        }
        let left = (at > 0).then(|| self.get(at - 1).node.len());
        let right = (at + 1 < self.len()).then(|| self.get(at + 1).node.len());
        let fits = |other: Option<usize>| other.is_some_and(|other| other + len <= capacity - capacity / 8);
        if fits(left) {
            self.merge(at - 1, census);
        } else if fits(right) {
            self.merge(at, census);
        } else if len < capacity / 3 && left.is_some() {
            self.level(at - 1);
        } else if len < capacity / 3 && right.is_some() {
            self.level(at);
        }
    }

    /// Opens a node behind the last child: an empty leaf, or an inner node that takes over the last grandchild.
    fn open_behind(&mut self, at: usize, census: &mut Census) -> usize {
        let child = self.get_mut(at);
        let mut fresh = child.node.empty_like(census);
        if !fresh.is_leaf() {
            child.node.move_tail(1, &mut fresh);
            child.refresh();
        }
        self.insert(at + 1, Child::of(fresh));
        at + 1
    }

    /// Opens a node before the first child, as [`Self::open_behind`] does behind the last.
    fn open_before(&mut self, at: usize, census: &mut Census) -> usize {
        let child = self.get_mut(at);
        let mut fresh = child.node.empty_like(census);
        if !fresh.is_leaf() {
            child.node.move_head(1, &mut fresh);
            child.refresh();
        }
        self.insert(at, Child::of(fresh));
        at
    }

    /// Lets the children `at` and `at + 1` have equally much.
    fn level(&mut self, at: usize) {
        let (left, right) = self.pair_mut(at);
        let (left_len, right_len) = (left.node.len(), right.node.len());
        if left_len > right_len {
            left.node.move_tail((left_len - right_len) / 2, &mut right.node);
        } else {
            right.node.move_head((right_len - left_len) / 2, &mut left.node);
        }
        left.refresh();
        right.refresh();
    }

    /// Splits the only child in two.
    fn split_one(&mut self, census: &mut Census) {
        let child = self.get_mut(0);
        let mut fresh = child.node.empty_like(census);
        child.node.move_tail(child.node.len() / 2, &mut fresh);
        child.refresh();
        self.insert(1, Child::of(fresh));
    }

    /// Makes three of the children `at` and `at + 1`: a third of each goes to a new one between them.
    fn split_two(&mut self, at: usize, census: &mut Census) {
        let (left, right) = self.pair_mut(at);
        let mut fresh = left.node.empty_like(census);
        let third = (left.node.len() + right.node.len()) / 3;
        left.node.move_tail(left.node.len() - third, &mut fresh);
        right.node.move_head(right.node.len() - third, &mut fresh);
        left.refresh();
        right.refresh();
        self.insert(at + 1, Child::of(fresh));
    }

    /// Lets the child `at` take over the content of `at + 1`.
    fn merge(&mut self, at: usize, census: &mut Census) {
        let mut right = self.remove(at + 1);
        let left = self.get_mut(at);
        right.node.move_head(right.node.len(), &mut left.node);
        left.refresh();
        right.node.dissolve(census, &mut |_| unreachable!("the node was emptied"));
    }
}

/// Whether giving to this neighbour is worth it: with hardly any room it would be full again at once.
fn has_worthwhile_room(neighbour: &Child) -> bool {
    let capacity = neighbour.node.capacity();
    capacity - neighbour.node.len() >= 2 + capacity / 16
}
