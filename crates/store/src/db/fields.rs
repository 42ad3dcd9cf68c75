//! Hashes whose fields expire: their keys are on record in the index of expiries like keys that expire themselves, by the
//! earliest time of their fields.
//!
//! What must hold: *for every hash with fields that expire there is a record of its key in a slot that begins no later than
//! the earliest of their times*, unless that lies beyond the horizon. A record too many does no harm: whoever looks at it
//! finds nothing due.

use spinel_structs::bytes::equal;

use super::Db;
use crate::expiry::Record;
use crate::value::{Hash, ValueMut};
use crate::{Key, UnixMillis};

impl Db {
    /// Changes the fields of the hash at a key, their expiries included; `None`, with nothing done, if there is none.
    pub fn change_hash<R>(
        &mut self,
        key: Key<'_>,
        now: UnixMillis,
        change: impl FnOnce(&mut Hash) -> R,
    ) -> Option<R> {
        self.set_clock(now);
        let entry = self.table.find_mut(key.hash, |entry| equal(entry.key(), key.bytes))?;
        self.past.before_change(entry);
        let (was_timed, before) = (entry.is_timed(), entry.next_field_expiry());
        let ValueMut::Hash(hash) = entry.value_mut() else { return None };
        let result = change(hash);
        entry.refresh_timed();
        let next = entry.next_field_expiry();
        if was_timed || next.is_some() {
            self.fields_changed(key.hash, was_timed, before, next);
        }
        Some(result)
    }

    /// Notes that the earliest expiry of a hash's fields has become another.
    #[cold]
    pub(super) fn fields_changed(
        &mut self,
        hash: u64,
        was_timed: bool,
        before: Option<UnixMillis>,
        next: Option<UnixMillis>,
    ) {
        if let Some(at) = next
            && before.is_none_or(|before| at < before)
            && self.horizon.is_near(at)
        {
            self.expiries.note(Record::of(hash), at);
        }
        self.timed = self.timed + usize::from(next.is_some()) - usize::from(was_timed);
        self.publish_counts();
        self.tidy_if_crowded();
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
