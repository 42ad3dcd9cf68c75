//! Times of some elements of a long sequence, which stay with their elements while others come and go around them.
//!
//! # The idea
//! The elements of a list have no names, only indexes, and every edit changes those of all elements behind it. So what is kept
//! of an element that has a time is not its index but its distance from the one before it that has one: its *step*. An edit
//! changes one step, wherever it is. The steps stand in a balanced tree whose nodes know the sum of their subtree's, so that an
//! index is found on one way down; and its earliest time, so that no second index by time is needed.
//!
//! # The picture
//! ```text
//! index     0  1  2  3  4  5  6  7
//! element   a  b [C] d  e [F] g [H]                   C, F and H have times
//! step            3        3     2
//!
//!                 F: step 3, width 8, earliest of C, F, H
//!                 ├─ C: step 3, width 3
//!                 └─ H: step 2, width 2               index of H: 8 - 1
//! ```
//! What is pushed and popped at the front would change the first step each time. Instead indexes are counted from a point far
//! ahead of the sequence, from where it begins at [`base`](PlaceTimes::base), and that number changes: no node is touched.
//! What is pushed at the back touches nothing at all.
//!
//! # Costs
//! With k elements that have times: O(1) for pushing at either end; O(log k) for popping, inserting, for removing any range, for
//! looking at a time and setting one. The tree is an AVL tree (Adelson-Velsky and Landis, 1962) that is cut and joined as a
//! whole (Blelloch, Ferizovic and Sun, "Just Join for Parallel Ordered Sets", 2016): a range that is removed is three cuts, and
//! goes as a tree that somebody else may free.
//!
//! # Sizes
//! A node takes 48 bytes, the head 24.
//!
//! # What it does not do
//! It knows nothing of the elements, nor how many there are: who removes one says so.

mod tree;

use std::ops::Range;

use tree::{Node, Tree};

/// Where a new sequence begins: no more elements than this are ever pushed at its front.
const ORIGIN: u64 = 1 << 62;

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct PlaceTimes {
    root: Tree,
    /// The place of index 0.
    base: u64,
}

impl Default for PlaceTimes {
    fn default() -> Self {
        Self { root: None, base: ORIGIN }
    }
}

impl PlaceTimes {
    /// Times.
    pub fn len(&self) -> usize {
        tree::count(&self.root)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The time of the element at an index.
    pub fn get(&self, index: usize) -> Option<i64> {
        let (place, at) = tree::from(&self.root, self.place(index))?;
        (place == self.place(index)).then_some(at)
    }

    /// Sets, changes or removes the time of the element at an index.
    pub fn set(&mut self, index: usize, time: Option<i64>) {
        let place = self.place(index);
        let Some(at) = time else {
            self.cut_out(place..place + 1, 0);
            return;
        };
        if self.root.as_mut().is_some_and(|root| root.set_time(place, at)) {
            return;
        }
        let (before, mut behind) = tree::split(self.root.take(), place);
        let step = place + 1 - tree::width(&before);
        if let Some(behind) = &mut behind {
            behind.shift(0, -signed(step));
        }
        self.root = Some(tree::join(before, Node::alone(step, at), behind));
    }

    /// The earliest time.
    #[inline]
    pub fn earliest(&self) -> Option<i64> {
        self.root.as_ref().map(|root| root.earliest())
    }

    /// The indexes, ascending, of up to `limit` elements whose time is `now` or has passed.
    pub fn due(&self, now: i64, limit: usize) -> Vec<usize> {
        let mut places = Vec::new();
        tree::collect_due(&self.root, now, limit, 0, &mut places);
        places.into_iter().map(|place| self.index(place)).collect()
    }

    /// Elements were inserted in front of the one at an index, or of the end.
    #[inline]
    pub fn opened(&mut self, index: usize, count: usize) {
        if index == 0 {
            self.base -= count as u64;
        } else {
            let place = self.place(index);
            self.shift(place, signed(count as u64));
        }
    }

    /// Elements are removed. Gives their times, to be freed.
    pub fn closed(&mut self, indexes: Range<usize>) -> Self {
        let places = self.place(indexes.start)..self.place(indexes.end);
        let count = places.end - places.start;
        // At the front the rest stays where it is.
        let (closing, advance) = if indexes.start == 0 { (0, count) } else { (count, 0) };
        let has_some = tree::from(&self.root, places.start).is_some_and(|(place, _)| place < places.end);
        let gone = if has_some {
            self.cut_out(places, closing)
        } else {
            self.shift(places.end, -signed(closing));
            None
        };
        self.base += advance;
        Self { root: gone, base: 0 }
    }

    /// Drops up to `n` times, for freeing them in slices.
    pub fn take_chunk(&mut self, n: usize) {
        for _ in 0..n {
            let Some(root) = self.root.take() else { return };
            self.root = root.without_last();
        }
    }

    /// The indexes of the elements that have times, ascending, with these.
    pub fn iter(&self) -> Iter<'_> {
        Iter { steps: tree::Steps::new(&self.root), base: self.base }
    }

    /// Bytes of heap behind the head.
    pub fn memory_bytes(&self) -> usize {
        self.len() * size_of::<Node>()
    }

    /// Takes the times of some places out, and `closing` of these places, which is all of them or none.
    fn cut_out(&mut self, places: Range<u64>, closing: u64) -> Tree {
        let (before, rest) = tree::split(self.root.take(), places.start);
        let (gone, mut behind) = tree::split(rest, places.end - tree::width(&before));
        if let Some(behind) = &mut behind {
            behind.shift(0, signed(tree::width(&gone)) - signed(closing));
        }
        self.root = tree::concat(before, behind);
        gone
    }

    /// Moves everything from a place on.
    fn shift(&mut self, place: u64, by: i64) {
        if let Some(root) = &mut self.root
            && place < root.width()
        {
            root.shift(place, by);
        }
    }

    fn place(&self, index: usize) -> u64 {
        self.base + index as u64
    }

    fn index(&self, place: u64) -> usize {
        (place - self.base) as usize
    }

    /// Panics when something is not as it should be. For tests; takes time in proportion to the times.
    pub fn check_invariants(&self) {
        if let Some(root) = &self.root {
            root.check_invariants();
        }
        let mut last = None;
        for (index, _) in self {
            assert!(last < Some(index), "indexes ascend from 0 on");
            last = Some(index);
        }
    }
}

/// Places lie below twice [`ORIGIN`].
fn signed(places: u64) -> i64 {
    places as i64
}

impl<'a> IntoIterator for &'a PlaceTimes {
    type Item = (usize, i64);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Indexes and times; see [`PlaceTimes::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    steps: tree::Steps<'a>,
    base: u64,
}

impl Iterator for Iter<'_> {
    type Item = (usize, i64);

    fn next(&mut self) -> Option<Self::Item> {
        self.steps.next().map(|(place, at)| ((place - self.base) as usize, at))
    }
}

#[cfg(test)]
mod tests;
