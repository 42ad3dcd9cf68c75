//! How far a group has come: counts of entries, known exactly or not at all.
//!
//! A group counts what it reads. The count stays true as long as no deleted entry lies ahead of it; else it can be told
//! again from an ID at either end of the stream, where the number of entries before it is certain.

use super::{Group, Stream, StreamId};

impl Stream {
    /// Whether an entry from `start` on was deleted, as far as one can know.
    fn has_deleted_from(&self, start: StreamId) -> bool {
        let deleted = self.max_deleted_id;
        self.len > 0 && deleted != StreamId::MIN && self.first_id <= deleted && start <= deleted
    }

    /// Entries ever added up to an ID; `None` where nobody can tell.
    #[must_use]
    pub fn entries_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last_id || id == self.last_id {
            return Some(self.entries_added);
        }
        if id > self.last_id {
            return None;
        }
        let deleted_ahead = self.max_deleted_id != StreamId::MIN && self.max_deleted_id >= self.first_id;
        if deleted_ahead || id > self.first_id {
            return None;
        }
        let before_first = self.entries_added.wrapping_sub(self.len as u64);
        Some(before_first.wrapping_add(u64::from(id == self.first_id)))
    }

    /// Entries that a group has still to read; `None` where nobody can tell.
    #[must_use]
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_deleted_from(group.last_id) => read,
            _ => self.entries_up_to(group.last_id)? as i64,
        };
        Some((self.entries_added as i64).wrapping_sub(read))
    }

    /// What a group's count becomes when it reads the entry `id`, which lies ahead of it.
    pub(super) fn count_read(&self, entries_read: Option<i64>, id: StreamId) -> Option<i64> {
        match entries_read {
            Some(read) if !self.has_deleted_from(id) => Some(read.wrapping_add(1)),
            other if self.entries_added == 0 => other,
            _ => self.entries_up_to(id).map(|count| count as i64),
        }
    }
}
