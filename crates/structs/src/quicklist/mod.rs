//! The list type: a long sequence as a chain of listpacks.
//!
//! # The idea
//! One [listpack](crate::listpack) per list would be the smallest, but each change moves all bytes behind
//! it. One allocation per element would make changes cheap and everything else dear. A quicklist lies
//! between: nodes of some kilobytes, each a listpack, so that a change moves at most one node's bytes and
//! the memory is nearly that of a single listpack.
//!
//! # The picture
//! ```text
//! QuickList
//!  └─ chunks: Row ── Chunk { elements: 8021 } ── Chunk { elements: 7777 } ── ...
//!                      └─ nodes: Row, at most 64
//!                           Packed [a b c d ...]   a listpack, 8 KiB by default
//!                           Plain  [xxxxxxxxxx]    one element too large for a listpack
//!                           Packed [e f ...]
//! ```
//! A row of one lies where the row is: a short list is one allocation beside its listpack.
//!
//! Instead of a linked list, nodes lie in chunks of at most 64, in order, and each chunk knows how many
//! elements its nodes hold. To find an index, whole chunks are passed over by their counts, which lie
//! together in memory, then at most 64 nodes, then one listpack is walked; from whichever end is nearer.
//! A tree would make that O(log n), but the ends, which are what lists live from, would pay for it.
//!
//! # When a node is full
//! [`Limits`] say it, as `list-max-listpack-size` does: a number of elements (within 8 KiB), or 4 to 64 KiB.
//! An element of the packed threshold (1 GiB) or more becomes a plain node. Where elements go follows
//! Redis 7.0: into the node at hand if it has room; else, at its edge, into the neighbour or a new node;
//! else the node is split there, and small neighbours are joined again.
//!
//! # Costs
//! | | |
//! |---|---|
//! | push and pop at either end | O(1), and one node's `memmove` at the front |
//! | index, insert, replace | O(nodes / 64) and one node |
//! | remove a range | the same, and O(1) for each 64 nodes that go |
//! | search | O(n) |
//!
//! # Sizes
//! A list is 56 bytes with its only chunk, whose only node lies in it. Of more, a chunk takes 40, a node 24, both with up to
//! as much again in unused capacity. Measured: 10 million elements of ten bytes, in nodes of 8 KiB, make 14,685 nodes in 230 chunks
//! and 12.07 bytes an element, so a search by index reads at most 115 counts, 64 node heads and half a node.
//! With one element a node they take 44 bytes each. A list of one element of three bytes holds 12 bytes of heap.
//!
//! # What it does not do
//! Nodes are not compressed; a compressed one would be a third kind of [`Node`]. The list does not know its
//! encoding's name, blocking, or what an element means.
//!
//! # Credits
//! The quicklist is by Matt Stancliff (Redis 3.2), its listpack nodes and plain nodes by the authors of
//! Redis 7.0. Their node limits and placement are kept, being visible through `DEBUG`, dumps and memory.

mod chunks;
mod edit;
mod iter;
mod limits;
mod node;
mod row;
#[cfg(test)]
mod tests;

use crate::listpack::{Listpack, ListpackValue};
use chunks::{CHUNK_MAX, Chunk};
pub use edit::End;
pub use iter::{Iter, Nodes};
pub use limits::{Fill, Limits};
pub use node::{Node, NodeIter};
use row::Row;

/// More elements than a configured limit ever puts into one node, and still within what a listpack's header
/// can count.
const NODE_ELEMENTS_MAX: usize = 32_768;

const _: () = assert!(size_of::<QuickList>() == 56 && size_of::<Chunk>() == 40);

/// A list of elements; see the [module](self).
#[derive(Debug, Clone)]
pub struct QuickList {
    chunks: Row<Chunk>,
    len: usize,
    limits: Limits,
}

impl QuickList {
    /// An empty list, which holds no heap yet.
    pub fn new(limits: Limits) -> Self {
        QuickList { chunks: Row::new(), len: 0, limits }
    }

    /// The limits of nodes.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Changes the limits for what is done from now on; nodes stay as they are until changed.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The bytes of the only node, if there is no other.
    #[inline]
    pub fn only_node(&self) -> Option<&[u8]> {
        let Row::One(Chunk { nodes: Row::One(node), .. }) = &self.chunks else { return None };
        Some(match node {
            Node::Packed(pack) => pack.as_bytes(),
            Node::Plain(bytes) => bytes,
        })
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of nodes: O(chunks).
    pub fn node_count(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.nodes.len()).sum()
    }

    /// Bytes of heap the list holds: O(nodes).
    pub fn memory_bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(Chunk::memory_bytes).sum();
        self.chunks.memory_bytes() + chunks
    }

    /// About as many bytes as [`memory_bytes`](Self::memory_bytes), from some of the nodes if there are many.
    pub fn estimated_bytes(&self) -> usize {
        /// Chunks looked at, or up to twice as many.
        const CHUNKS: usize = 64;
        let step = (self.chunks.len() / CHUNKS).max(1);
        let some = self.chunks.iter().step_by(step);
        let looked_at = self.chunks.len().div_ceil(step);
        let bytes: usize = some.map(Chunk::memory_bytes).sum();
        let all = (bytes as u128 * self.chunks.len() as u128).checked_div(looked_at as u128).unwrap_or(0);
        self.chunks.memory_bytes() + all as usize
    }

    /// The first element.
    pub fn front(&self) -> Option<ListpackValue<'_>> {
        self.chunks.front()?.nodes.front()?.iter().next()
    }

    /// The last element.
    pub fn back(&self) -> Option<ListpackValue<'_>> {
        self.chunks.back()?.nodes.back()?.iter().next_back()
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<ListpackValue<'_>> {
        let (place, offset) = self.locate(index)?;
        Some(self.node(place).value(offset))
    }

    /// The index of the first element at or after `start` that equals `value`. Goes node by node, which is several times
    /// as fast as comparing what [`range`](Self::range) yields.
    pub fn find(&self, value: &[u8], start: usize) -> Option<usize> {
        let (mut place, mut offset) = self.locate(start)?;
        let mut passed = start - offset;
        loop {
            let node = self.node(place);
            if let Some(found) = node.find(value, offset) {
                return Some(passed + found);
            }
            (passed, offset) = (passed + node.len(), 0);
            place = self.place_after(place)?;
        }
    }

    /// Adds an element at the front.
    pub fn push_front(&mut self, value: &[u8]) {
        match self.first_place() {
            Some(place) if self.node(place).has_room(self.limits, value.len()) => {
                self.change(place, |node| node.pack_mut().push_front(value));
            }
            _ => self.push_node_front(Node::of(value, self.limits)),
        }
    }

    /// Adds an element at the back.
    pub fn push_back(&mut self, value: &[u8]) {
        match self.last_place() {
            Some(place) if self.node(place).has_room(self.limits, value.len()) => {
                self.change(place, |node| node.pack_mut().push_back(value));
            }
            _ => self.push_node_back(Node::of(value, self.limits)),
        }
    }

    /// Removes the first element after showing it to `visit`; returns what that made of it.
    pub fn pop_front_with<R>(&mut self, visit: impl FnOnce(ListpackValue<'_>) -> R) -> Option<R> {
        let result = visit(self.front()?);
        let place = self.first_place()?;
        self.remove_in_node(place, 0, 1);
        Some(result)
    }

    /// Removes the last element after showing it to `visit`; returns what that made of it.
    pub fn pop_back_with<R>(&mut self, visit: impl FnOnce(ListpackValue<'_>) -> R) -> Option<R> {
        let result = visit(self.back()?);
        let place = self.last_place()?;
        self.remove_in_node(place, self.node(place).len() - 1, 1);
        Some(result)
    }

    /// Removes and returns the first element.
    pub fn pop_front(&mut self) -> Option<Vec<u8>> {
        self.pop_front_with(|value| value.to_vec())
    }

    /// Removes and returns the last element.
    pub fn pop_back(&mut self) -> Option<Vec<u8>> {
        self.pop_back_with(|value| value.to_vec())
    }

    /// Adds a whole node at the back, as files hold them. An empty one is dropped; one with more elements
    /// than a node can count cheaply is spread over several.
    pub fn push_node(&mut self, node: Node) {
        match node {
            Node::Packed(pack) if pack.is_empty() => {}
            Node::Packed(pack) if pack.len() > NODE_ELEMENTS_MAX => self.push_all(&pack),
            node => self.push_node_back(node),
        }
    }

    fn push_all(&mut self, pack: &Listpack) {
        let mut text = Vec::new();
        for value in pack {
            text.clear();
            value.write_to(&mut text);
            self.push_back(&text);
        }
    }

    /// Takes the last node out, so that a huge list can be freed in slices.
    pub fn take_node(&mut self) -> Option<Node> {
        let place = self.last_place()?;
        Some(self.remove_node(place))
    }

    /// Panics when an internal rule is broken; for tests.
    pub fn check_invariants(&self) {
        for chunk in &self.chunks {
            assert!((1..=CHUNK_MAX).contains(&chunk.nodes.len()), "a chunk has 1 to 64 nodes");
            assert_eq!(chunk.elements, chunk.nodes.iter().map(Node::len).sum::<usize>());
            for node in &chunk.nodes {
                assert!(!node.is_empty(), "no node is empty");
                if let Node::Packed(pack) = node {
                    pack.check_invariants();
                }
            }
        }
        assert_eq!(self.len, self.chunks.iter().map(|chunk| chunk.elements).sum::<usize>());
    }
}

impl Default for QuickList {
    fn default() -> Self {
        QuickList::new(Limits::default())
    }
}

impl<V: AsRef<[u8]>> Extend<V> for QuickList {
    fn extend<I: IntoIterator<Item = V>>(&mut self, values: I) {
        for value in values {
            self.push_back(value.as_ref());
        }
    }
}
