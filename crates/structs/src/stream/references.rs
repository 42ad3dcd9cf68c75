//! Entries that groups have still to read or to acknowledge.

use super::{Stream, StreamId};

/// What becomes of an entry that groups refer to when it is deleted or trimmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// It goes, and stays pending where it is (`KEEPREF`).
    #[default]
    Keep,
    /// It goes, and is pending nowhere any more (`DELREF`).
    Remove,
    /// It stays until every group has read and acknowledged it (`ACKED`).
    Respect,
}

impl Stream {
    /// Whether a group has still to read or to acknowledge an entry.
    #[must_use]
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| group.last_id < id || group.pending(id).is_some())
    }

    /// An entry is pending in no group any more; says in how many it was.
    pub fn acknowledge_everywhere(&mut self, id: StreamId) -> usize {
        self.groups.values_mut().filter_map(|group| group.acknowledge(id).then_some(())).count()
    }

    /// Removes the oldest entries one by one, as long as there are more than `len` or they are below `min`, and not more than
    /// `limit` of them; those that are referenced stay. Returns how many went.
    pub(super) fn trim_unreferenced(&mut self, to: super::TrimTo, limit: Option<usize>) -> usize {
        let goal = match to {
            super::TrimTo::Len(len) => self.len.saturating_sub(len),
            super::TrimTo::MinId(_) => usize::MAX,
        };
        let goal = goal.min(limit.unwrap_or(usize::MAX));
        let end = match to {
            super::TrimTo::Len(_) => Some(StreamId::MAX),
            super::TrimTo::MinId(id) => id.previous(),
        };
        let Some(end) = end else { return 0 };
        let ids = self.range(StreamId::MIN, end).map(|entry| entry.id);
        let ids: Vec<StreamId> = ids.filter(|id| !self.is_referenced(*id)).take(goal).collect();
        let deleted_before = self.max_deleted_id;
        let count = ids.into_iter().filter(|id| self.delete(*id)).count();
        // What is trimmed does not count as deleted.
        self.max_deleted_id = deleted_before;
        count
    }
}
