//! Changes anywhere in a list: inserting beside an element, replacing, removing.

use super::chunks::{Chunk, Place};
use super::{Node, QuickList};

/// The end a search begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first element.
    Front,
    /// The last element.
    Back,
}

/// On which side of an element a new one goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl QuickList {
    /// Inserts an element before the one at `index`; false when there is none.
    pub fn insert_before(&mut self, index: usize, value: &[u8]) -> bool {
        self.insert_beside(index, value, Side::Before)
    }

    /// Inserts an element after the one at `index`; false when there is none.
    pub fn insert_after(&mut self, index: usize, value: &[u8]) -> bool {
        self.insert_beside(index, value, Side::After)
    }

    /// Replaces the element at `index`; false when there is none.
    pub fn replace(&mut self, index: usize, value: &[u8]) -> bool {
        let Some((place, offset)) = self.locate(index) else { return false };
        let large = self.limits.is_large(value.len());
        match self.node(place) {
            Node::Packed(_) if !large => self.change(place, |node| {
                let pack = node.pack_mut();
                let pos = isize::try_from(offset).ok().and_then(|offset| pack.seek(offset));
                pack.replace(pos.expect("the offset is that of an element"), value);
            }),
            Node::Plain(_) if large => self.change(place, |node| *node = Node::Plain(value.into())),
            Node::Packed(_) | Node::Plain(_) => {
                self.insert_at(place, offset, value, Side::After);
                self.remove_range(index, 1);
            }
        }
        true
    }

    /// Removes up to `count` elements from `start` on; returns how many.
    pub fn remove_range(&mut self, start: usize, count: usize) -> usize {
        let before = self.len;
        self.detach_range(start, count);
        before - self.len
    }

    /// Like [`remove_range`](QuickList::remove_range), but hands out the nodes that went as a whole, so that
    /// many of them can be freed elsewhere. (Elements that shared a node with remaining ones are gone.)
    pub fn detach_range(&mut self, start: usize, count: usize) -> QuickList {
        let mut gone = QuickList::new(self.limits);
        let mut left = count.min(self.len.saturating_sub(start));
        let Some((mut place, offset)) = self.locate(start).filter(|_| left > 0) else { return gone };
        let first_chunk = place.chunk;
        if offset > 0 {
            let here = left.min(self.node(place).len() - offset);
            self.remove_in_node(place, offset, here);
            left -= here;
            match self.place_after(place) {
                Some(next) if left > 0 => place = next,
                _ => return gone,
            }
        }
        while left > 0 {
            let removed = if place.node == 0 && self.chunks[place.chunk].elements <= left {
                self.detach_chunks(place.chunk, left, &mut gone)
            } else {
                self.detach_nodes(place, left, &mut gone)
            };
            if removed == 0 {
                self.remove_in_node(place, 0, left);
                break;
            }
            left -= removed;
            match self.place_moved_to(place) {
                Some(next) => place = next,
                None => break,
            }
        }
        self.join_chunks(first_chunk);
        gone
    }

    /// Removes up to `limit` elements equal to `value`, searching from one end; returns how many.
    pub fn remove_equal(&mut self, value: &[u8], limit: usize, from: End) -> usize {
        let mut left = limit;
        let mut next = match from {
            End::Front => self.first_place(),
            End::Back => self.last_place(),
        };
        while let Some(place) = next.filter(|_| left > 0) {
            left -= self.change(place, |node| remove_equal_in_node(node, value, left, from));
            let emptied = match self.node(place) {
                Node::Packed(pack) => pack.is_empty(),
                // Not emptied, but taken out as it is.
                Node::Plain(only) => **only == *value,
            };
            // Going back, earlier places stay what they are; going forward, what followed moves up.
            next = match from {
                End::Front if emptied => Some(place),
                End::Front => self.place_after(place),
                End::Back => self.place_before(place),
            };
            if emptied {
                left -= self.remove_node(place).len();
                next = next.and_then(|next| self.place_moved_to(next));
            }
        }
        self.join_small_chunks();
        limit - left
    }

    fn insert_beside(&mut self, index: usize, value: &[u8], side: Side) -> bool {
        let Some((place, offset)) = self.locate(index) else { return false };
        self.insert_at(place, offset, value, side);
        true
    }

    /// Inserts beside the element at `offset` of the node at `place`, where Redis would.
    fn insert_at(&mut self, place: Place, offset: usize, value: &[u8], side: Side) {
        let limits = self.limits;
        let node = self.node(place);
        let cut = match side {
            Side::Before => offset,
            Side::After => offset + 1,
        };
        if node.has_room(limits, value.len()) {
            return self.change(place, |node| insert_in_pack(node, cut, value));
        }
        let neighbour = match side {
            Side::Before if cut == 0 => Some(self.place_before(place)),
            Side::After if cut == node.len() => Some(self.place_after(place)),
            Side::Before | Side::After => None,
        };
        match neighbour {
            Some(Some(near)) if self.node(near).has_room(limits, value.len()) => {
                let end = if side == Side::Before { self.node(near).len() } else { 0 };
                self.change(near, |node| insert_in_pack(node, end, value));
            }
            Some(_) if side == Side::After => {
                self.insert_node_after(place, Node::of(value, limits));
            }
            Some(Some(before)) => {
                self.insert_node_after(before, Node::of(value, limits));
            }
            Some(None) => self.push_node_front(Node::of(value, limits)),
            None => self.split_and_insert(place, cut, value, side),
        }
    }

    /// Splits a full node before its element `cut` and inserts there.
    fn split_and_insert(&mut self, place: Place, cut: usize, value: &[u8], side: Side) {
        let tail = Node::Packed(self.change(place, |node| node.pack_mut().split_off(cut)));
        if self.limits.is_large(value.len()) {
            let plain = self.insert_node_after(place, Node::of(value, self.limits));
            self.insert_node_after(plain, tail);
            return;
        }
        let tail = self.insert_node_after(place, tail);
        // The part without the element at hand takes the new one.
        match side {
            Side::Before => {
                let head = self.place_before(tail).expect("the tail was inserted behind it");
                self.change(head, |node| node.pack_mut().push_back(value));
                self.join_around(tail);
            }
            Side::After => {
                self.change(tail, |node| node.pack_mut().push_front(value));
                let head = self.place_before(tail).expect("the tail was inserted behind it");
                self.join_around(head);
            }
        }
    }

    /// Joins nodes around `centre` where they fit into one: the two before it, the two after it, then itself
    /// with what is beside it.
    fn join_around(&mut self, centre: Place) {
        let mut centre = centre;
        if let Some(next) = self.place_after(centre) {
            self.join_with_next(next);
        }
        if let Some(before) = self.place_before(centre).and_then(|before| self.place_before(before))
            && self.join_with_next(before)
        {
            centre = self.place_after(before).expect("the centre follows");
        }
        if let Some(before) = self.place_before(centre)
            && self.join_with_next(before)
        {
            centre = before;
        }
        self.join_with_next(centre);
        self.join_chunks(centre.chunk);
    }

    /// Appends the node after `place` to the one there, if both fit into one.
    fn join_with_next(&mut self, place: Place) -> bool {
        let Some(next) = self.place_after(place) else { return false };
        if !self.node(place).may_merge(self.node(next), self.limits) {
            return false;
        }
        let mut next = self.remove_node(next);
        self.change(place, |node| node.pack_mut().append(next.pack_mut()));
        true
    }

    /// Removes `count` elements from `offset` of a node, and the node with its last element.
    pub(super) fn remove_in_node(&mut self, place: Place, offset: usize, count: usize) {
        if offset == 0 && count >= self.node(place).len() {
            self.remove_node(place);
        } else {
            self.change(place, |node| node.pack_mut().remove_range(offset, count));
        }
    }

    /// Moves whole chunks from `at` on, holding at most `most` elements, to `gone`; returns the elements.
    fn detach_chunks(&mut self, at: usize, most: usize, gone: &mut QuickList) -> usize {
        let mut elements = 0;
        let fits = |chunk: &&Chunk| {
            elements += chunk.elements;
            elements <= most
        };
        let count = self.chunks.iter().skip(at).take_while(fits).count();
        let drained = self.chunks.drain(at..at + count);
        let before = gone.len;
        for chunk in drained {
            gone.len += chunk.elements;
            gone.chunks.push_back(chunk);
        }
        self.len -= gone.len - before;
        gone.len - before
    }

    /// Moves whole nodes of one chunk from `place` on, holding at most `most` elements, to `gone`; returns the
    /// elements.
    fn detach_nodes(&mut self, place: Place, most: usize, gone: &mut QuickList) -> usize {
        let chunk = &mut self.chunks[place.chunk];
        let mut elements = 0;
        let fits = |node: &&Node| {
            elements += node.len();
            elements <= most
        };
        let count = chunk.nodes.iter().skip(place.node).take_while(fits).count();
        let before = gone.len;
        for node in chunk.nodes.drain(place.node..place.node + count) {
            gone.push_node_back(node);
        }
        let removed = gone.len - before;
        chunk.elements -= removed;
        self.len -= removed;
        removed
    }

    /// Joins small neighbouring chunks all along the list.
    fn join_small_chunks(&mut self) {
        let mut at = 0;
        while at + 1 < self.chunks.len() {
            let before = self.chunks.len();
            self.join_chunks(at);
            if self.chunks.len() == before {
                at += 1;
            }
        }
    }
}

/// Inserts before the element at `offset` of a packed node, or at its end.
fn insert_in_pack(node: &mut Node, offset: usize, value: &[u8]) {
    let pack = node.pack_mut();
    match isize::try_from(offset).ok().and_then(|offset| pack.seek(offset)) {
        Some(pos) => {
            pack.insert_before(pos, value);
        }
        None => pack.push_back(value),
    }
}

/// Removes up to `limit` elements equal to `value` from a packed node; returns how many.
fn remove_equal_in_node(node: &mut Node, value: &[u8], limit: usize, from: End) -> usize {
    let Node::Packed(pack) = node else { return 0 };
    let mut removed = 0;
    match from {
        End::Front => {
            let mut next = pack.find(value, 0);
            while let Some(pos) = next.filter(|_| removed < limit) {
                removed += 1;
                next = pack.remove(pos).and_then(|after| pack.find_after(after, value, 0));
            }
        }
        End::Back => {
            let mut next = pack.last();
            while let Some(pos) = next.filter(|_| removed < limit) {
                next = pack.prev(pos);
                if pack.get(pos).eq_bytes(value) {
                    pack.remove(pos);
                    removed += 1;
                }
            }
        }
    }
    removed
}
