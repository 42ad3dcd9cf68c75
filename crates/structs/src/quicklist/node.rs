//! One link of a list: a listpack of elements, or a single large one.

use super::Limits;
use crate::listpack::{self, Listpack, ListpackValue, Needle};

/// What an added element may cost at most besides its own bytes, for deciding whether a node has room.
const ENTRY_OVERHEAD: usize = 8;

/// What two listpacks are guessed to save by becoming one.
const MERGE_SAVING: usize = 11;

/// One node of a list; never empty while in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Several elements.
    Packed(Listpack),
    /// A single element too large for a listpack.
    Plain(Box<[u8]>),
}

impl Node {
    /// A node with one element.
    pub(super) fn of(value: &[u8], limits: Limits) -> Self {
        if limits.is_large(value.len()) {
            return Node::Plain(value.into());
        }
        let mut pack = Listpack::with_capacity(Listpack::new().byte_len() + Listpack::entry_size(value));
        pack.push_back(value);
        Node::Packed(pack)
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.len(),
            Node::Plain(_) => 1,
        }
    }

    /// Whether there is no element; false for every node of a list.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            Node::Packed(pack) => pack.is_empty(),
            Node::Plain(_) => false,
        }
    }

    /// Bytes of the listpack, or of the plain element.
    #[inline]
    pub fn byte_len(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.byte_len(),
            Node::Plain(value) => value.len(),
        }
    }

    /// Bytes of heap the node holds.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.memory_bytes(),
            Node::Plain(value) => value.len(),
        }
    }

    /// The values, from either end.
    #[inline]
    pub fn iter(&self) -> NodeIter<'_> {
        match self {
            Node::Packed(pack) => NodeIter::Packed(pack.iter()),
            Node::Plain(value) => NodeIter::Plain(Some(value)),
        }
    }

    /// The values from `offset` on.
    pub(super) fn iter_from(&self, offset: usize) -> NodeIter<'_> {
        match self {
            Node::Packed(pack) => NodeIter::Packed(pack.iter_from(seek(pack, offset))),
            Node::Plain(value) => NodeIter::Plain(Some(value)),
        }
    }

    /// The values up to and including the one at `offset`.
    pub(super) fn iter_through(&self, offset: usize) -> NodeIter<'_> {
        match self {
            Node::Packed(pack) => NodeIter::Packed(pack.iter_through(seek(pack, offset))),
            Node::Plain(value) => NodeIter::Plain(Some(value)),
        }
    }

    /// The value at `offset`, which exists.
    pub(super) fn value(&self, offset: usize) -> ListpackValue<'_> {
        match self {
            Node::Packed(pack) => pack.get(seek(pack, offset)),
            Node::Plain(value) => ListpackValue::Bytes(value),
        }
    }

    /// The offset of the first element at or after `offset`, which exists, that equals `value`.
    pub(super) fn find(&self, value: &[u8], offset: usize) -> Option<usize> {
        match self {
            Node::Packed(pack) => {
                pack.find_after(seek(pack, offset), value, 0)?;
                let needle = Needle::new(value);
                self.iter_from(offset).position(|element| needle.matches(element)).map(|found| offset + found)
            }
            Node::Plain(only) => (**only == *value).then_some(0),
        }
    }

    /// Whether an element of `bytes` may join this node.
    #[inline]
    pub(super) fn has_room(&self, limits: Limits, bytes: usize) -> bool {
        match self {
            Node::Packed(pack) => {
                let total = pack.byte_len() + bytes + ENTRY_OVERHEAD;
                !limits.is_large(bytes) && limits.fill.allows(total, pack.len() + 1)
            }
            Node::Plain(_) => false,
        }
    }

    /// Whether this node and the one after it may become one.
    pub(super) fn may_merge(&self, next: &Node, limits: Limits) -> bool {
        match (self, next) {
            (Node::Packed(first), Node::Packed(second)) => {
                let bytes = (first.byte_len() + second.byte_len()).saturating_sub(MERGE_SAVING);
                limits.fill.allows(bytes, first.len() + second.len())
            }
            (Node::Plain(_), _) | (_, Node::Plain(_)) => false,
        }
    }

    /// The listpack, in a place where the node is known to be none of a single large element.
    pub(super) fn pack_mut(&mut self) -> &mut Listpack {
        match self {
            Node::Packed(pack) => pack,
            Node::Plain(_) => panic!("a plain node is never changed in part"),
        }
    }
}

fn seek(pack: &Listpack, offset: usize) -> listpack::Pos {
    let index = isize::try_from(offset).expect("an offset is below the node's length");
    pack.seek(index).expect("an offset is below the node's length")
}

/// The values of one node, from either end.
#[derive(Debug, Clone)]
pub enum NodeIter<'a> {
    /// Of a listpack.
    Packed(listpack::Iter<'a>),
    /// The single large one, until it was given.
    Plain(Option<&'a [u8]>),
}

impl<'a> Iterator for NodeIter<'a> {
    type Item = ListpackValue<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            NodeIter::Packed(values) => values.next(),
            NodeIter::Plain(value) => value.take().map(ListpackValue::Bytes),
        }
    }
}

impl DoubleEndedIterator for NodeIter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            NodeIter::Packed(values) => values.next_back(),
            NodeIter::Plain(value) => value.take().map(ListpackValue::Bytes),
        }
    }
}
