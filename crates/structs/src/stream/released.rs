//! The order in which pending entries of a group were released (`XNACK`): first released, first given to somebody.
//!
//! ```text
//!  order: turn 7 ─▶ ID 30-0     turns: ID 10-0 ─▶ 9
//!         turn 9 ─▶ ID 10-0            ID 30-0 ─▶ 7
//! ```
//! Whichever is claimed or acknowledged goes in O(log n), wherever it stands. A group of which nothing was released has two
//! empty trees, which take no memory elsewhere.

use std::collections::BTreeMap;

use super::StreamId;
use super::group::tree_bytes;

/// IDs by the order of their release.
#[derive(Clone, Debug, Default)]
pub(super) struct Released {
    order: BTreeMap<u64, StreamId>,
    turns: BTreeMap<StreamId, u64>,
}

impl Released {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = StreamId> + Clone {
        self.order.values().copied()
    }

    /// Adds one at the end; it is not among them.
    pub(super) fn push(&mut self, id: StreamId) {
        let turn = self.order.last_key_value().map_or(0, |(turn, _)| turn + 1);
        self.order.insert(turn, id);
        let before = self.turns.insert(id, turn);
        debug_assert!(before.is_none(), "an entry is released once");
    }

    pub(super) fn remove(&mut self, id: StreamId) {
        if let Some(turn) = self.turns.remove(&id) {
            self.order.remove(&turn);
        }
    }

    /// Takes any; false if there is none.
    pub(super) fn pop(&mut self) -> bool {
        let last = self.order.pop_last();
        if let Some((_, id)) = last {
            self.turns.remove(&id);
        }
        last.is_some()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        tree_bytes::<u64, StreamId>(self.len()) + tree_bytes::<StreamId, u64>(self.len())
    }

    pub(super) fn check_invariants(&self) {
        assert_eq!(self.order.len(), self.turns.len());
        for (turn, id) in &self.order {
            assert_eq!(self.turns.get(id), Some(turn));
        }
    }
}
