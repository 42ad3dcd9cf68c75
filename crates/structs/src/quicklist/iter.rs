//! Walking a list's values.

use std::iter::FlatMap;
use std::ops::Range;

use super::chunks::{Chunk, Place};
use super::node::NodeIter;
use super::row::{self, Row};
use super::{Node, QuickList};
use crate::listpack::ListpackValue;

/// The values of a range of indexes, from either end.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    list: &'a QuickList,
    left: Range<usize>,
    front: Option<(Place, NodeIter<'a>)>,
    back: Option<(Place, NodeIter<'a>)>,
}

impl QuickList {
    /// All values, front to back; back to front by [`Iterator::rev`].
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len)
    }

    /// The values at `indexes`, cut to what exists. Only the end that is used is looked for.
    pub fn range(&self, indexes: Range<usize>) -> Iter<'_> {
        let end = indexes.end.min(self.len);
        Iter { list: self, left: indexes.start.min(end)..end, front: None, back: None }
    }

    /// The nodes, front to back.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes(self.chunks.iter().flat_map(|chunk| &chunk.nodes))
    }
}

type NodesOf<'a> = fn(&'a Chunk) -> &'a Row<Node>;

/// The nodes of a list; see [`QuickList::nodes`].
#[derive(Debug, Clone)]
pub struct Nodes<'a>(FlatMap<row::Iter<'a, Chunk>, &'a Row<Node>, NodesOf<'a>>);

impl<'a> Iterator for Nodes<'a> {
    type Item = &'a Node;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl DoubleEndedIterator for Nodes<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl<'a> Iter<'a> {
    /// The next value of a range that has one left.
    fn step(&mut self) -> Option<ListpackValue<'a>> {
        let list = self.list;
        let (place, values) = match &mut self.front {
            Some(front) => front,
            none => {
                let (place, offset) = list.locate(self.left.start)?;
                none.insert((place, list.node(place).iter_from(offset)))
            }
        };
        if let Some(value) = values.next() {
            return Some(value);
        }
        *place = list.place_after(*place)?;
        *values = list.node(*place).iter();
        values.next()
    }

    /// The last value of a range that has one left.
    fn step_back(&mut self) -> Option<ListpackValue<'a>> {
        let list = self.list;
        let (place, values) = match &mut self.back {
            Some(back) => back,
            none => {
                let (place, offset) = list.locate(self.left.end - 1)?;
                none.insert((place, list.node(place).iter_through(offset)))
            }
        };
        if let Some(value) = values.next_back() {
            return Some(value);
        }
        *place = list.place_before(*place)?;
        *values = list.node(*place).iter();
        values.next_back()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = ListpackValue<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let value = self.step();
        self.left.start += 1;
        value
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let value = self.step_back();
        self.left.end -= 1;
        value
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a QuickList {
    type Item = ListpackValue<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
