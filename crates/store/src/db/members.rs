//! Collections whose elements expire: their keys are on record in the index of expiries like keys that expire themselves, by
//! the earliest time of their elements (fields of hashes, members of sets and sorted sets, elements of lists).
//!
//! What must hold: *for every collection with elements that expire there is a record of its key in a slot that begins no later
//! than the earliest of their times*, unless that lies beyond the horizon. A record too many does no harm: whoever looks at it
//! finds nothing due.

use spinel_structs::bytes::equal;

use super::Db;
use super::expire::Expired;
use crate::expiry::Record;
use crate::value::{Hash, Kind, Typed, ValueMut};
use crate::{Entry, Key, UnixMillis};

/// What a change made of the expiries of a collection's elements.
#[derive(Clone, Copy)]
pub(super) struct TimedChange {
    was_timed: Option<Kind>,
    pub(super) is_timed: Option<Kind>,
    before: Option<UnixMillis>,
    next: Option<UnixMillis>,
}

impl TimedChange {
    /// What was counted before and the earliest expiry then, and the entry as it is now.
    pub(super) fn of(was_timed: Option<Kind>, before: Option<UnixMillis>, entry: &Entry) -> Self {
        let next = entry.next_element_expiry();
        Self { was_timed, is_timed: entry.is_timed().then(|| entry.kind()), before, next }
    }
}

impl Db {
    /// Changes the collection at a key, the expiries of its elements included; `None`, with nothing done, if there is no key.
    pub fn change_collection<R>(
        &mut self,
        key: Key<'_>,
        now: UnixMillis,
        change: impl FnOnce(ValueMut<'_>) -> R,
    ) -> Option<R> {
        self.set_clock(now);
        let entry = self.table.find_mut(key.hash, |entry| equal(entry.key(), key.bytes))?;
        self.past.before_change(entry);
        let was_timed = entry.is_timed().then(|| entry.kind());
        let before = entry.next_element_expiry();
        let result = change(entry.value_mut());
        entry.refresh_timed();
        let change = TimedChange::of(was_timed, before, entry);
        if was_timed.is_some() || change.is_timed.is_some() {
            self.elements_changed(key.hash, change);
        }
        Some(result)
    }

    /// As [`change_collection`](Self::change_collection); `None` as well if the collection is of another type.
    pub fn change_typed<T: Typed, R>(
        &mut self,
        key: Key<'_>,
        now: UnixMillis,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        self.change_collection(key, now, |value| T::of_mut(value).map(change)).flatten()
    }

    /// As [`change_typed`](Self::change_typed), for hashes.
    pub fn change_hash<R>(
        &mut self,
        key: Key<'_>,
        now: UnixMillis,
        change: impl FnOnce(&mut Hash) -> R,
    ) -> Option<R> {
        self.change_typed(key, now, change)
    }

    /// Notes that the earliest expiry of a collection's elements has become another.
    #[cold]
    pub(super) fn elements_changed(&mut self, hash: u64, change: TimedChange) {
        let TimedChange { was_timed, is_timed, before, next } = change;
        if let Some(at) = next
            && before.is_none_or(|before| at < before)
            && self.horizon.is_near(at)
        {
            self.expiries.note(Record::of(hash), at);
        }
        if let Some(kind) = was_timed {
            *self.timed.of(kind) -= 1;
        }
        if let Some(kind) = is_timed {
            *self.timed.of(kind) += 1;
        }
        self.publish_counts();
        self.tidy_if_crowded();
    }

    /// Whether a command that wants to see the key of this hash may have to wait for elements to be removed: a set, sorted set
    /// or list may be there of which some are due, or which is counted among those with times and has none any more.
    #[inline]
    #[must_use]
    pub fn has_due_members(&self, hash: u64, now: UnixMillis) -> bool {
        self.timed.others > 0 && self.find_due_members(hash, now)
    }

    fn find_due_members(&self, hash: u64, now: UnixMillis) -> bool {
        let is_due = |entry: &Entry| {
            entry.is_timed()
                && entry.kind() != Kind::Hash
                && entry.next_element_expiry().is_none_or(|at| at <= now)
        };
        self.table.find(hash, is_due).is_some()
    }

    /// Removes up to `limit` elements of the set, sorted set or list at a key whose time has come, and the key with the last
    /// of them.
    pub fn remove_due_members(&mut self, key: Key<'_>, now: UnixMillis, limit: usize) -> Option<Expired> {
        if self.find(key).is_none_or(|entry| entry.kind() == Kind::Hash) {
            return None;
        }
        self.remove_due_elements(key, now, |value| value.remove_due(now, limit))
    }
}

#[cfg(test)]
#[path = "members_tests.rs"]
mod tests;
