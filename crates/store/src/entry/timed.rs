//! Whether the value is a hash with fields that expire: one bit, so that others need not look at the value for it.
//!
//! The bit is right when an entry is made. Whoever changes a hash through [`Entry::value_mut`] may leave it behind; it is set
//! right by [`Entry::refresh_timed`]. *A hash with fields that expire whose bit is not set is nowhere but in the hands of
//! whoever changes it.*

use std::sync::Arc;

use super::{Entry, Form, Header, TIMED};
use crate::UnixMillis;
use crate::value::{Hash, ValueRef};

/// The bit for a value, given by its form and its word.
#[inline]
pub(super) fn flag_of(form: Form, word: u64) -> u8 {
    if form == Form::Hash && is_timed_hash(word) { TIMED } else { 0 }
}

fn is_timed_hash(word: u64) -> bool {
    // SAFETY: the word of this form points to a hash, whoever made it: `into_word`, or `Arc::into_raw`. It is owned by the
    // entry that is being made, so it lives.
    let hash = unsafe { &*(word as *const Hash) };
    hash.next_expiry().is_some()
}

impl Entry {
    /// Whether the value was a hash with fields that expire when the bit was set.
    #[inline]
    #[must_use]
    pub(crate) fn is_timed(&self) -> bool {
        self.header().flags & TIMED != 0
    }

    /// The earliest expiry of the fields of a hash.
    #[inline]
    #[must_use]
    pub fn next_field_expiry(&self) -> Option<UnixMillis> {
        if self.is_timed() { self.find_field_expiry() } else { None }
    }

    #[cold]
    fn find_field_expiry(&self) -> Option<UnixMillis> {
        match self.value() {
            ValueRef::Hash(hash) => hash.next_expiry(),
            ValueRef::String(_)
            | ValueRef::List(_)
            | ValueRef::Set(_)
            | ValueRef::SortedSet(_)
            | ValueRef::Stream(_) => None,
        }
    }

    /// When the entry must be looked at: the earlier of its own expiry and of its fields'.
    #[inline]
    #[must_use]
    pub(crate) fn next_due(&self) -> Option<UnixMillis> {
        match (self.expiry(), self.next_field_expiry()) {
            (Some(own), Some(of_field)) => Some(own.min(of_field)),
            (own, of_field) => own.or(of_field),
        }
    }

    /// Sets the bit right after a change of the hash.
    pub(crate) fn refresh_timed(&mut self) {
        self.set_timed(self.find_field_expiry().is_some());
    }

    /// Sets the bit. An entry made anew in place of another gets the other's, since the database counts by it.
    pub(super) fn set_timed(&mut self, is_timed: bool) {
        // SAFETY: the allocation begins with an initialised header, and `self` is borrowed exclusively.
        let header = unsafe { self.0.cast::<Header>().as_mut() };
        header.flags = header.flags & !TIMED | if is_timed { TIMED } else { 0 };
    }

    /// Whether somebody else reads the value at the moment, so that a change would have to copy it.
    pub(crate) fn is_being_read(&self) -> bool {
        let shape = self.shape();
        if !self.is_shared() || shape.form != Form::Hash {
            return false;
        }
        // SAFETY: by the rule of `shared` the word is of a living `Arc<Hash>`; the handle made of it is forgotten, so the
        // count is as before.
        let hash = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(self.word(shape) as *const Hash) });
        Arc::strong_count(&hash) > 1
    }
}
