//! Whether the value is a collection with elements that expire: one bit, so that others need not look at the value for it.
//!
//! The bit is right when an entry is made. Whoever changes a collection through [`Entry::value_mut`] may leave it behind; it is
//! set right by [`Entry::refresh_timed`]. *A collection with elements that expire whose bit is not set is nowhere but in the
//! hands of whoever changes it.*

use std::sync::Arc;

use super::{Entry, Form, Header, TIMED};
use crate::UnixMillis;
use crate::value::{Hash, List, Set, SortedSet};
use spinel_structs::hash::HashKey;

/// The bit for a value, given by its form and its word.
#[inline]
pub(super) fn flag_of(form: Form, word: u64) -> u8 {
    if has_expiring_elements(form, word) { TIMED } else { 0 }
}

#[inline]
fn has_expiring_elements(form: Form, word: u64) -> bool {
    // SAFETY: in each of these forms the word points to a collection of the form's type, whoever made it: `into_word`, or
    // `Arc::into_raw`. It is owned by the entry that is being made, so it lives.
    unsafe {
        match form {
            Form::Hash => (*(word as *const Hash)).next_expiry().is_some(),
            Form::Set => (*(word as *const Set)).next_expiry().is_some(),
            Form::SortedSet => (*(word as *const SortedSet)).next_expiry().is_some(),
            Form::List => (*(word as *const List)).next_expiry().is_some(),
            _ => false,
        }
    }
}

/// Whether more than one has a part in the shared value of an entry.
///
/// # Safety
/// The word is that of a living `Arc<T>`.
unsafe fn is_held_by_others<T>(word: u64) -> bool {
    // SAFETY: by the contract of this function; the handle made of the word is forgotten, so the count is as before.
    let value = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(word as *const T) });
    Arc::strong_count(&value) > 1
}

impl Entry {
    /// Whether the value was a collection with elements that expire when the bit was set.
    #[inline]
    #[must_use]
    pub(crate) fn is_timed(&self) -> bool {
        self.header().flags & TIMED != 0
    }

    /// The earliest expiry of the elements of a collection.
    #[inline]
    #[must_use]
    pub fn next_element_expiry(&self) -> Option<UnixMillis> {
        if self.is_timed() { self.find_element_expiry() } else { None }
    }

    #[cold]
    fn find_element_expiry(&self) -> Option<UnixMillis> {
        self.value().next_expiry()
    }

    /// When the entry must be looked at: the earlier of its own expiry and of its elements'.
    #[inline]
    #[must_use]
    pub(crate) fn next_due(&self) -> Option<UnixMillis> {
        match (self.expiry(), self.next_element_expiry()) {
            (Some(own), Some(of_element)) => Some(own.min(of_element)),
            (own, of_element) => own.or(of_element),
        }
    }

    /// Sets the bit right after a change of the collection.
    pub(crate) fn refresh_timed(&mut self) {
        self.set_timed(self.find_element_expiry().is_some());
    }

    /// Lets elements of a set, sorted set or list that nobody else knows yet, named as in files, expire at the times given;
    /// those that it has not are passed over.
    pub fn set_element_expiries<'m>(
        &mut self,
        times: impl Iterator<Item = (&'m [u8], UnixMillis)>,
        hash_key: &HashKey,
    ) {
        let mut times = times.peekable();
        if times.peek().is_some() {
            self.value_mut().set_element_expiries(times, hash_key);
            self.refresh_timed();
        }
    }

    /// Sets the bit. An entry made anew in place of another gets the other's, since the database counts by it.
    pub(super) fn set_timed(&mut self, is_timed: bool) {
        // SAFETY: the allocation begins with an initialised header, and `self` is borrowed exclusively.
        let header = unsafe { self.0.cast::<Header>().as_mut() };
        header.flags = header.flags & !TIMED | if is_timed { TIMED } else { 0 };
    }

    /// Whether somebody else reads the collection at the moment, so that a change would have to copy it.
    pub(crate) fn is_being_read(&self) -> bool {
        let shape = self.shape();
        if !self.is_shared() {
            return false;
        }
        let word = self.word(shape);
        // SAFETY: by the rule of `shared` the word of each of these forms is of a living `Arc` of the form's type.
        unsafe {
            match shape.form {
                Form::Hash => is_held_by_others::<Hash>(word),
                Form::Set => is_held_by_others::<Set>(word),
                Form::SortedSet => is_held_by_others::<SortedSet>(word),
                Form::List => is_held_by_others::<List>(word),
                _ => false,
            }
        }
    }
}
