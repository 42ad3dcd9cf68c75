//! Where the nodes are: the chunks, and finding, adding and removing nodes in them.

use super::row::Row;
use super::{Node, QuickList};

/// The most nodes in a chunk.
pub(super) const CHUNK_MAX: usize = 64;

/// Two neighbouring chunks become one when they have no more nodes than this together: less than the most,
/// so that a chunk just joined is not split by the next few insertions.
const JOIN_MAX: usize = 48;

/// A run of nodes and how many elements they hold together.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) elements: usize,
    pub(super) nodes: Row<Node>,
}

impl Chunk {
    fn of(node: Node) -> Self {
        Chunk { elements: node.len(), nodes: Row::One(node) }
    }

    /// Bytes of heap it holds.
    pub(super) fn memory_bytes(&self) -> usize {
        self.nodes.memory_bytes() + self.nodes.iter().map(Node::memory_bytes).sum::<usize>()
    }
}

/// The place of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) chunk: usize,
    pub(super) node: usize,
}

impl QuickList {
    /// The node that holds the element at `index`, and the element's offset in it.
    pub(super) fn locate(&self, index: usize) -> Option<(Place, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 { self.locate_forward(index) } else { self.locate_backward(index) }
    }

    fn locate_forward(&self, index: usize) -> Option<(Place, usize)> {
        let mut left = index;
        for (at, chunk) in self.chunks.iter().enumerate() {
            if left >= chunk.elements {
                left -= chunk.elements;
                continue;
            }
            for (node_at, node) in chunk.nodes.iter().enumerate() {
                let length = node.len();
                if left < length {
                    return Some((Place { chunk: at, node: node_at }, left));
                }
                left -= length;
            }
        }
        None
    }

    fn locate_backward(&self, index: usize) -> Option<(Place, usize)> {
        // Elements from the wanted one to the end.
        let mut left = self.len - index;
        for (at, chunk) in (0..self.chunks.len()).rev().zip(self.chunks.iter().rev()) {
            if left > chunk.elements {
                left -= chunk.elements;
                continue;
            }
            for (node_at, node) in (0..chunk.nodes.len()).rev().zip(chunk.nodes.iter().rev()) {
                let length = node.len();
                if left <= length {
                    return Some((Place { chunk: at, node: node_at }, length - left));
                }
                left -= length;
            }
        }
        None
    }

    #[inline]
    pub(super) fn node(&self, place: Place) -> &Node {
        &self.chunks[place.chunk].nodes[place.node]
    }

    pub(super) fn first_place(&self) -> Option<Place> {
        (!self.chunks.is_empty()).then_some(Place { chunk: 0, node: 0 })
    }

    pub(super) fn last_place(&self) -> Option<Place> {
        let chunk = self.chunks.len().checked_sub(1)?;
        Some(Place { chunk, node: self.chunks[chunk].nodes.len() - 1 })
    }

    pub(super) fn place_after(&self, place: Place) -> Option<Place> {
        let Place { chunk, node } = place;
        if node + 1 < self.chunks[chunk].nodes.len() {
            Some(Place { chunk, node: node + 1 })
        } else {
            (chunk + 1 < self.chunks.len()).then_some(Place { chunk: chunk + 1, node: 0 })
        }
    }

    pub(super) fn place_before(&self, place: Place) -> Option<Place> {
        let Place { chunk, node } = place;
        if node > 0 {
            return Some(Place { chunk, node: node - 1 });
        }
        let chunk = chunk.checked_sub(1)?;
        Some(Place { chunk, node: self.chunks[chunk].nodes.len() - 1 })
    }

    /// Where the node is that followed those just removed at `place`.
    pub(super) fn place_moved_to(&self, place: Place) -> Option<Place> {
        let chunk = self.chunks.get(place.chunk)?;
        if place.node < chunk.nodes.len() {
            return Some(place);
        }
        (place.chunk + 1 < self.chunks.len()).then_some(Place { chunk: place.chunk + 1, node: 0 })
    }

    /// Changes a node, keeping the counts right; it may not be left empty for longer than the caller runs.
    #[inline]
    pub(super) fn change<R>(&mut self, place: Place, change: impl FnOnce(&mut Node) -> R) -> R {
        let chunk = &mut self.chunks[place.chunk];
        let node = &mut chunk.nodes[place.node];
        let before = node.len();
        let result = change(node);
        let after = node.len();
        chunk.elements = chunk.elements - before + after;
        self.len = self.len - before + after;
        result
    }

    pub(super) fn push_node_front(&mut self, node: Node) {
        self.len += node.len();
        match self.chunks.front_mut() {
            Some(chunk) if chunk.nodes.len() < CHUNK_MAX => {
                chunk.elements += node.len();
                chunk.nodes.push_front(node);
            }
            _ => self.chunks.push_front(Chunk::of(node)),
        }
    }

    pub(super) fn push_node_back(&mut self, node: Node) {
        self.len += node.len();
        match self.chunks.back_mut() {
            Some(chunk) if chunk.nodes.len() < CHUNK_MAX => {
                chunk.elements += node.len();
                chunk.nodes.push_back(node);
            }
            _ => self.chunks.push_back(Chunk::of(node)),
        }
    }

    /// Adds a node after the one at `place`; returns its place. Earlier nodes keep theirs.
    pub(super) fn insert_node_after(&mut self, place: Place, node: Node) -> Place {
        let mut place = Place { node: place.node + 1, ..place };
        let chunk = &mut self.chunks[place.chunk];
        if chunk.nodes.len() == CHUNK_MAX {
            let half = CHUNK_MAX / 2;
            let nodes = chunk.nodes.split_off(half);
            let elements = nodes.iter().map(Node::len).sum();
            chunk.elements -= elements;
            self.chunks.insert(place.chunk + 1, Chunk { elements, nodes });
            if place.node > half {
                place = Place { chunk: place.chunk + 1, node: place.node - half };
            }
        }
        self.len += node.len();
        let chunk = &mut self.chunks[place.chunk];
        chunk.elements += node.len();
        chunk.nodes.insert(place.node, node);
        place
    }

    /// Takes a node out. Earlier nodes keep their places; the following ones move up.
    pub(super) fn remove_node(&mut self, place: Place) -> Node {
        let chunk = &mut self.chunks[place.chunk];
        let node = chunk.nodes.remove(place.node).expect("a place is that of a node");
        chunk.elements -= node.len();
        self.len -= node.len();
        if chunk.nodes.is_empty() {
            self.chunks.remove(place.chunk);
        }
        node
    }

    /// Joins the chunk at `at` with a neighbour if both are small; places may all change.
    pub(super) fn join_chunks(&mut self, at: usize) {
        for first in [at, at.wrapping_sub(1)] {
            let Some(second) = first.checked_add(1).filter(|&second| second < self.chunks.len()) else {
                continue;
            };
            if self.chunks[first].nodes.len() + self.chunks[second].nodes.len() <= JOIN_MAX {
                let Some(tail) = self.chunks.remove(second) else { continue };
                let chunk = &mut self.chunks[first];
                chunk.elements += tail.elements;
                chunk.nodes.append(tail.nodes);
            }
        }
    }
}
