//! The two kinds of tree nodes and what an inner node knows about each child.
//!
//! ```text
//! Leaf   512 bytes:  | len | 63 element pointers                                             |
//! Inner 1280 bytes:  | len | 31 times: pointer and kind 16 | elements below 8 | landmark 16   |
//! ```
//!
//! Both sizes are classes of the usual allocators or just below one. A leaf is short enough to shift in a few cache
//! lines, an inner node short enough that a set of a few hundred members does not pay for one that is mostly empty.

use super::edge::{Edge, KeyEdge, Landmark};
use super::element::Element;
use super::slots::Slots;
use crate::table::prefetch;
use std::ops::Range;

/// Elements in a full leaf. Unit tests make do with a few, so that small sets already have many levels.
pub(super) const LEAF_CAPACITY: usize = if cfg!(test) { 9 } else { 63 };
/// Children of a full inner node.
pub(super) const INNER_CAPACITY: usize = if cfg!(test) { 8 } else { 31 };

/// A leaf is searched in strides of this many elements, then within one.
const STRIDE: usize = 8;

/// Elements in order.
pub(super) type Leaf = Slots<Element, LEAF_CAPACITY>;
/// Children in order, all of one height.
pub(super) type Inner = Slots<Child, INNER_CAPACITY>;

const _: () = assert!(cfg!(test) || (size_of::<Leaf>() == 512 && size_of::<Inner>() <= 1280));
const _: () = assert!(LEAF_CAPACITY >= 8 && INNER_CAPACITY >= 8, "splitting in thirds needs some content");

/// A node on the heap.
#[derive(Debug)]
pub(super) enum Node {
    /// Bottom of the tree.
    Leaf(Box<Leaf>),
    /// Any other level.
    Inner(Box<Inner>),
}

/// A subtree as its parent sees it.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) node: Node,
    /// Elements in the subtree.
    pub(super) count: usize,
    /// Landmark of the first of them.
    pub(super) landmark: Landmark,
}

/// How many nodes a tree has, kept while they come and go so that its memory is known at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Census {
    pub(super) leaves: usize,
    pub(super) inners: usize,
}

impl Node {
    /// A leaf without elements.
    pub(super) fn empty_leaf(census: &mut Census) -> Self {
        census.leaves += 1;
        Self::Leaf(Box::new(Leaf::new()))
    }

    /// An inner node without children.
    pub(super) fn empty_inner(census: &mut Census) -> Self {
        census.inners += 1;
        Self::Inner(Box::new(Inner::new()))
    }

    /// A node without content of the same height, when this is a leaf, or to take children of this inner node.
    pub(super) fn empty_like(&self, census: &mut Census) -> Self {
        match self {
            Self::Leaf(_) => Self::empty_leaf(census),
            Self::Inner(_) => Self::empty_inner(census),
        }
    }

    /// Elements of a leaf, children of an inner node.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.len(),
            Self::Inner(inner) => inner.len(),
        }
    }

    /// Whether this is a leaf.
    pub(super) fn is_leaf(&self) -> bool {
        matches!(self, Self::Leaf(_))
    }

    /// Most the node can hold of what [`Self::len`] counts.
    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Leaf(_) => Leaf::CAPACITY,
            Self::Inner(_) => Inner::CAPACITY,
        }
    }

    /// Whether nothing more fits.
    pub(super) fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// Elements in the subtree, counted from the level below.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.len(),
            Self::Inner(inner) => inner.iter().map(|child| child.count).sum(),
        }
    }

    /// The first element of a subtree that is not empty.
    pub(super) fn first(&self) -> &Element {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return leaf.get(0),
                Self::Inner(inner) => node = &inner.get(0).node,
            }
        }
    }

    /// The landmark of the first element, unless the subtree is empty.
    pub(super) fn landmark(&self) -> Landmark {
        match self {
            _ if self.len() == 0 => Landmark::NONE,
            Self::Leaf(leaf) => Landmark::of(leaf.get(0)),
            Self::Inner(inner) => inner.get(0).landmark,
        }
    }

    /// Where a new key would enter this node: the gap of a leaf, the child of an inner node.
    pub(super) fn entrance(&self, key: &KeyEdge<'_>) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.gap(key),
            Self::Inner(inner) => inner.choose(key),
        }
    }

    /// Moves the last `count` of this node's content to the front of its right neighbour.
    pub(super) fn move_tail(&mut self, count: usize, right: &mut Self) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => left.move_tail(count, right),
            (Self::Inner(left), Self::Inner(right)) => left.move_tail(count, right),
            _ => unreachable!("siblings have the same height"),
        }
    }

    /// Moves the first `count` of this node's content to the end of its left neighbour.
    pub(super) fn move_head(&mut self, count: usize, left: &mut Self) {
        match (self, left) {
            (Self::Leaf(right), Self::Leaf(left)) => right.move_head(count, left),
            (Self::Inner(right), Self::Inner(left)) => right.move_head(count, left),
            _ => unreachable!("siblings have the same height"),
        }
    }

    /// Takes the subtree apart and hands out its elements in order.
    pub(super) fn dissolve(self, census: &mut Census, take: &mut impl FnMut(Element)) {
        match self {
            Self::Leaf(mut leaf) => {
                census.leaves -= 1;
                let len = leaf.len();
                leaf.hand_out(0, len, take);
            }
            Self::Inner(mut inner) => {
                census.inners -= 1;
                let len = inner.len();
                inner.drain(0, len, |child| child.node.dissolve(census, take));
            }
        }
    }
}

impl Child {
    /// What a parent notes about this node.
    pub(super) fn of(node: Node) -> Self {
        Self { count: node.count(), landmark: node.landmark(), node }
    }

    /// Notes anew what changed in the node.
    pub(super) fn refresh(&mut self) {
        self.count = self.node.count();
        self.landmark = self.node.landmark();
    }

    /// Whether the first element of the subtree, which is not empty, lies left of the edge.
    pub(super) fn is_left_of(&self, edge: &impl Edge) -> bool {
        edge.is_right_of_landmark(self.landmark).unwrap_or_else(|| edge.is_right_of(self.node.first()))
    }
}

impl Leaf {
    /// Number of elements left of the edge.
    ///
    /// Looking at an element mostly means waiting for memory, and a bisection would wait six times in a row. So every
    /// eighth element is fetched at once, then those between the two that enclose the edge: two waits.
    pub(super) fn gap(&self, edge: &impl Edge) -> usize {
        let posts = self.len() / STRIDE;
        let post = |number: usize| number * STRIDE + STRIDE - 1;
        (0..posts).for_each(|number| prefetch(self.get(post(number)).address()));
        let passed = bisect(0..posts, |number| edge.is_right_of(self.get(post(number))));
        let start = passed * STRIDE;
        let end = self.len().min(start + STRIDE - 1);
        (start..end).for_each(|at| prefetch(self.get(at).address()));
        bisect(start..end, |at| edge.is_right_of(self.get(at)))
    }

    /// Takes out the elements `from..to`, in order, fetching them all before the first is looked at.
    pub(super) fn hand_out(&mut self, from: usize, to: usize, take: &mut impl FnMut(Element)) {
        (from..to).for_each(|at| prefetch(self.get(at).address()));
        self.drain(from, to, take);
    }

    /// The place of this very element, which is told by its address without looking at any other.
    pub(super) fn place_of(&self, element: &Element) -> Option<usize> {
        let address = element.address();
        self.iter().position(|other| other.address() == address)
    }
}

/// The first number of the range for which `is_left` is false, when it is true before and false behind.
fn bisect(range: Range<usize>, is_left: impl Fn(usize) -> bool) -> usize {
    let Range { mut start, mut end } = range;
    while start < end {
        let middle = start.midpoint(end);
        if is_left(middle) {
            start = middle + 1;
        } else {
            end = middle;
        }
    }
    start
}

impl Inner {
    /// The child in which the edge runs: the last one whose first element lies left of it, else the first one.
    pub(super) fn choose(&self, edge: &impl Edge) -> usize {
        self.partition(|child| child.is_left_of(edge)).saturating_sub(1)
    }

    /// The child that holds the element of this rank, and the rank of that child's first element.
    pub(super) fn locate(&self, rank: usize) -> (usize, usize) {
        let mut start = 0;
        for (at, child) in self.iter().enumerate() {
            if rank - start < child.count {
                return (at, start);
            }
            start += child.count;
        }
        panic!("a rank below the number of elements lies in one of the children")
    }

    /// Elements in the children before `at`.
    pub(super) fn count_before(&self, at: usize) -> usize {
        self.iter().take(at).map(|child| child.count).sum()
    }
}
