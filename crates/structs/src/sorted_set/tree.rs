//! The counted B+tree: the elements of a sorted set in order, found by place or by rank.
//!
//! Inner nodes know how many elements lie below each child, so the rank of an element is the sum of the counts left
//! of its path, and a rank leads down to its element the same way. Insertion makes room on the way down (nodes that
//! are full are dealt with before they are entered), so it never has to come back up; removal repairs on the way
//! back.
//!
//! The shape is kept by `balance`; this module moves along it. The tree does not know duplicates and does not look for them: its owner asks the member index first.

use super::edge::{Edge, KeyEdge};
use super::element::Element;
use super::node::{Census, Child, INNER_CAPACITY, Inner, Leaf, Node};
use super::range::{Order, Walk};
use std::mem::ManuallyDrop;
use std::ops::Range;

/// Elements by score and member.
#[derive(Debug)]
pub(super) struct Tree {
    root: Node,
    len: usize,
    census: Census,
}

impl Tree {
    /// No elements.
    pub(super) fn new() -> Self {
        let mut census = Census { leaves: 0, inners: 0 };
        Self { root: Node::empty_leaf(&mut census), len: 0, census }
    }

    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many nodes there are.
    pub(super) fn census(&self) -> Census {
        self.census
    }

    /// The topmost node.
    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// Number of elements left of the edge.
    pub(super) fn rank_of_edge(&self, edge: &impl Edge) -> usize {
        let (start, leaf) = self.seek(edge);
        start + leaf.gap(edge)
    }

    /// The rank of an element of this tree, from 0.
    pub(super) fn rank_of(&self, element: &Element) -> usize {
        let (start, leaf) = self.seek(&KeyEdge::behind(element.score(), element.member()));
        start + leaf.place_of(element).expect("an element of this tree lies where its key leads")
    }

    /// The element of this rank.
    pub(super) fn get(&self, rank: usize) -> Option<&Element> {
        if rank >= self.len {
            return None;
        }
        let (leaf, at) = self.leaf_at(rank);
        Some(leaf.get(at))
    }

    /// The leaf and the place in it of the element of this rank, which must be below the length.
    pub(super) fn leaf_at(&self, mut rank: usize) -> (&Leaf, usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, rank),
                Node::Inner(inner) => {
                    let (at, start) = inner.locate(rank);
                    rank -= start;
                    node = &inner.get(at).node;
                }
            }
        }
    }

    /// Adds an element whose score and member are not in the tree yet.
    pub(super) fn insert(&mut self, element: Element) {
        // Should the way down panic, the element is leaked, not dropped while an alias of it may be about.
        let element = ManuallyDrop::new(element);
        let (leaf, gap) = self.make_gap(&KeyEdge::behind(element.score(), element.member()));
        debug_assert!(gap == 0 || leaf.get(gap - 1).order(element.score(), element.member()).is_lt());
        leaf.insert(gap, ManuallyDrop::into_inner(element));
        self.len += 1;
    }

    /// Takes out the element of this rank, which must be below the length.
    pub(super) fn remove_at(&mut self, rank: usize) -> Element {
        assert!(rank < self.len, "only an element that is there can be removed");
        let element = remove_below(&mut self.root, rank, &mut self.census);
        self.len -= 1;
        self.lower_root();
        element
    }

    /// Takes out the elements of the ranks `from..to`, in order.
    pub(super) fn remove_range(&mut self, from: usize, to: usize, take: &mut impl FnMut(Element)) {
        assert!(from <= to && to <= self.len, "a range of ranks lies within the tree");
        if from == to {
            return;
        }
        remove_range_below(&mut self.root, from, to, &mut self.census, take);
        self.len -= to - from;
        self.lower_root();
    }

    /// Gives the element of this rank another score: in its place when that keeps the order, else by moving it.
    pub(super) fn rescore(&mut self, rank: usize, score: f64) {
        let (leaf, at) = self.leaf_at(rank);
        let member = leaf.get(at).member();
        let before =
            if at > 0 { Some(leaf.get(at - 1)) } else { rank.checked_sub(1).and_then(|rank| self.get(rank)) };
        let behind = if at + 1 < leaf.len() { Some(leaf.get(at + 1)) } else { self.get(rank + 1) };
        if before.is_none_or(|before| before.order(score, member).is_lt())
            && behind.is_none_or(|behind| behind.order(score, member).is_gt())
        {
            rescore_below(&mut self.root, rank, score);
        } else {
            let mut element = self.remove_at(rank);
            element.set_score(score);
            self.insert(element);
        }
    }

    /// The elements of these ranks, as far as they exist.
    pub(super) fn walk(&self, ranks: Range<usize>, order: Order) -> Walk<'_> {
        Walk::new(self, ranks, order)
    }

    /// Builds a tree of elements that come in ascending order, every node full but the last of each level.
    pub(super) fn from_ascending(elements: impl IntoIterator<Item = Element>) -> Self {
        let mut tree = Self::new();
        let mut level = Vec::new();
        let mut leaf = Leaf::new();
        for element in elements {
            if leaf.is_full() {
                level.push(Child::of(Node::Leaf(Box::new(std::mem::replace(&mut leaf, Leaf::new())))));
            }
            debug_assert!(
                leaf.len() == 0 || leaf.get(leaf.len() - 1).order(element.score(), element.member()).is_lt()
            );
            leaf.insert(leaf.len(), element);
            tree.len += 1;
        }
        level.push(Child::of(Node::Leaf(Box::new(leaf))));
        tree.census.leaves = level.len();
        while level.len() > 1 {
            let mut above = Vec::with_capacity(level.len().div_ceil(INNER_CAPACITY));
            let mut children = level.into_iter().peekable();
            while children.peek().is_some() {
                let mut inner = Inner::new();
                for child in children.by_ref().take(INNER_CAPACITY) {
                    inner.insert(inner.len(), child);
                }
                above.push(Child::of(Node::Inner(Box::new(inner))));
            }
            tree.census.inners += above.len();
            level = above;
        }
        tree.root = level.pop().expect("there is at least one leaf").node;
        tree
    }

    /// The leaf in which the edge runs, and the rank of its first element.
    fn seek(&self, edge: &impl Edge) -> (usize, &Leaf) {
        let mut rank = 0;
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return (rank, leaf),
                Node::Inner(inner) => {
                    let at = inner.choose(edge);
                    rank += inner.count_before(at);
                    node = &inner.get(at).node;
                }
            }
        }
    }

    /// Leads `key` down to a leaf with room, noting it in the counts and landmarks of the path.
    fn make_gap(&mut self, key: &KeyEdge<'_>) -> (&mut Leaf, usize) {
        if self.root.is_full() {
            self.raise_root();
        }
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let gap = leaf.gap(key);
                    return (leaf, gap);
                }
                Node::Inner(inner) => {
                    let mut at = inner.choose(key);
                    if inner.get(at).node.is_full() {
                        at = inner.make_room(at, key, &mut self.census);
                    }
                    let child = inner.get_mut(at);
                    if child.count == 0 || (at == 0 && !child.is_left_of(key)) {
                        child.landmark = key.landmark();
                    }
                    child.count += 1;
                    node = &mut child.node;
                }
            }
        }
    }

    /// Puts a level on top, with the old root as its only child.
    fn raise_root(&mut self) {
        let top = Node::empty_inner(&mut self.census);
        let old = std::mem::replace(&mut self.root, top);
        let Node::Inner(inner) = &mut self.root else { unreachable!("an inner node was just put there") };
        inner.insert(0, Child::of(old));
    }

    /// Takes levels off the top while they hold a single child or nothing.
    fn lower_root(&mut self) {
        while let Node::Inner(inner) = &mut self.root {
            match inner.len() {
                0 => self.root = Node::empty_leaf(&mut self.census),
                1 => self.root = inner.remove(0).node,
                _ => return,
            }
            self.census.inners -= 1;
        }
    }
}

fn remove_below(node: &mut Node, rank: usize, census: &mut Census) -> Element {
    match node {
        Node::Leaf(leaf) => leaf.remove(rank),
        Node::Inner(inner) => {
            let (at, start) = inner.locate(rank);
            let child = inner.get_mut(at);
            let element = remove_below(&mut child.node, rank - start, census);
            child.count -= 1;
            if rank == start {
                child.landmark = child.node.landmark();
            }
            inner.repair(at, census);
            element
        }
    }
}

/// Removes the ranks `from..to` of the subtree: whole children at once, the two cut ones by descending.
fn remove_range_below(
    node: &mut Node,
    from: usize,
    to: usize,
    census: &mut Census,
    take: &mut impl FnMut(Element),
) {
    let inner = match node {
        Node::Leaf(leaf) => return leaf.hand_out(from, to, take),
        Node::Inner(inner) => inner,
    };
    let (mut at, mut start) = inner.locate(from);
    let seam = at;
    let mut whole = None;
    while start < to {
        let child = inner.get_mut(at);
        let (count, cut_from, cut_to) =
            (child.count, from.saturating_sub(start), child.count.min(to - start));
        if cut_from == 0 && cut_to == count {
            let (first, _) = whole.unwrap_or((at, at));
            whole = Some((first, at + 1));
        } else {
            if let Some((first, end)) = whole.take() {
                inner.drain(first, end, |child| child.node.dissolve(census, take));
                at = first;
            }
            let child = inner.get_mut(at);
            remove_range_below(&mut child.node, cut_from, cut_to, census, take);
            child.count -= cut_to - cut_from;
            child.landmark = child.node.landmark();
        }
        at += 1;
        start += count;
    }
    if let Some((first, end)) = whole {
        inner.drain(first, end, |child| child.node.dissolve(census, take));
    }
    for at in [seam + 1, seam] {
        if at < inner.len() {
            inner.repair(at, census);
        }
    }
}

/// Sets the score of the element of this rank and the landmarks that name it.
fn rescore_below(node: &mut Node, rank: usize, score: f64) {
    match node {
        Node::Leaf(leaf) => leaf.get_mut(rank).set_score(score),
        Node::Inner(inner) => {
            let (at, start) = inner.locate(rank);
            let child = inner.get_mut(at);
            rescore_below(&mut child.node, rank - start, score);
            child.landmark = child.node.landmark();
        }
    }
}
