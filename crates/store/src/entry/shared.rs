//! Values that more than one entry owns: how a long command reads one without holding its shard.
//!
//! ```text
//! entry in the database ─▶ ┌────────┬────────┬───────┐
//!                          │ strong │ weak   │ value │ ─▶ its elements
//! entry of the reader ───▶ └────────┴────────┴───────┘
//! ```
//!
//! [`Entry::share`] moves the value's head, not its elements, from its `Box` into an `Arc`, whose word points to the
//! value just the same, so that reading knows no difference. Both entries only read the value from then on. Whoever is
//! about to change it makes it his own first ([`Entry::unshare`]): by taking it if the other has gone meanwhile, else by
//! copying it. Whoever removes it gives up his part, and the last one frees it.
//!
//! Two entries that share a value have the same value: a reader that comes back tells by
//! [`Entry::has_same_value`] whether anything has changed.
//!
//! The rule that makes this safe: *the flag [`SHARED`] is set if and only if the word came from `Arc::into_raw` of
//! the form's type, and for each such entry one strong count is held.*

use std::sync::Arc;

use super::{Entry, Form, SHARED, Shape, from_word, into_word};
use crate::value::{Array, Hash, List, OwnedValue, Set, SortedSet, Stream};

/// Values are read by several threads at a time.
const _: () = {
    const fn read_by_many<T: Send + Sync>() {}
    read_by_many::<Vec<u8>>();
    read_by_many::<List>();
    read_by_many::<Set>();
    read_by_many::<Hash>();
    read_by_many::<SortedSet>();
    read_by_many::<Stream>();
    read_by_many::<Array>();
};

impl Entry {
    #[inline]
    pub(super) fn is_shared(&self) -> bool {
        self.header().flags & SHARED != 0
    }

    pub(super) fn set_shared(&mut self, shared: bool) {
        // SAFETY: the allocation begins with an initialised header, and `self` is borrowed exclusively.
        let header = unsafe { self.0.cast::<super::Header>().as_mut() };
        header.flags = header.flags & !SHARED | if shared { SHARED } else { 0 };
    }

    fn set_word(&mut self, shape: Shape, word: u64) {
        debug_assert!(shape.form != Form::Text);
        // SAFETY: every form but `Text` has a word at this place.
        unsafe { self.0.add(shape.word_at()).cast::<u64>().write(word) };
    }

    /// Another entry with the same key, expiry and value; the value is not copied, unless it stands in the entry itself.
    #[must_use]
    pub fn share(&mut self) -> Self {
        let shape = self.shape();
        let (word, text): (u64, &[u8]) = match shape.form {
            Form::Text => (0, self.inline_text(shape)),
            Form::Int => (self.word(shape), b""),
            Form::Raw => (self.share_word::<Vec<u8>>(shape), b""),
            Form::List => (self.share_word::<List>(shape), b""),
            Form::Set => (self.share_word::<Set>(shape), b""),
            Form::Hash => (self.share_word::<Hash>(shape), b""),
            Form::SortedSet => (self.share_word::<SortedSet>(shape), b""),
            Form::Stream => (self.share_word::<Stream>(shape), b""),
            Form::Array => (self.share_word::<Array>(shape), b""),
        };
        let mut other = Self::build(self.key(), shape.form, word, text, self.expiry(), self.access());
        other.set_shared(self.is_shared());
        other
    }

    /// Makes sure the word is an `Arc`'s and takes one more strong count of it, for the word returned.
    fn share_word<T>(&mut self, shape: Shape) -> u64 {
        if !self.is_shared() {
            let value: Box<T> = from_word(self.word(shape));
            self.set_word(shape, Arc::<T>::into_raw(Arc::from(value)) as u64);
            self.set_shared(true);
        }
        let word = self.word(shape);
        // SAFETY: by the module's rule the word is of a living `Arc<T>`.
        unsafe { Arc::increment_strong_count(word as *const T) };
        word
    }

    /// Whether both have the same expiry and the same value: one that they share, or an equal one that stands in the
    /// entry itself.
    #[must_use]
    pub fn has_same_value(&self, other: &Self) -> bool {
        let (shape, others) = (self.shape(), other.shape());
        if shape.form != others.form || self.expiry() != other.expiry() {
            return false;
        }
        match shape.form {
            Form::Text => self.inline_text(shape) == other.inline_text(others),
            _ => self.word(shape) == other.word(others),
        }
    }

    /// Makes the value this entry's own.
    #[inline]
    pub(super) fn unshare(&mut self) {
        if self.is_shared() {
            self.take_over();
        }
    }

    #[cold]
    fn take_over(&mut self) {
        let shape = self.shape();
        let word = match shape.form {
            Form::Text | Form::Int => return,
            Form::Raw => own_word(self.word(shape), Vec::<u8>::clone),
            Form::List => own_word(self.word(shape), List::duplicate),
            Form::Set => own_word(self.word(shape), Set::duplicate),
            Form::Hash => own_word(self.word(shape), Hash::duplicate),
            Form::SortedSet => own_word(self.word(shape), SortedSet::duplicate),
            Form::Stream => own_word(self.word(shape), Stream::clone),
            Form::Array => own_word(self.word(shape), Array::clone),
        };
        self.set_word(shape, word);
        self.set_shared(false);
    }

    /// The part in a shared value. The caller overwrites the word or gives the entry up without dropping it.
    #[cold]
    pub(super) fn owned_by_many(&self, shape: Shape) -> OwnedValue {
        let word = self.word(shape);
        match shape.form {
            Form::Text | Form::Int => OwnedValue::Inline,
            Form::Raw => part(word, OwnedValue::Raw),
            Form::List => part(word, OwnedValue::List),
            Form::Set => part(word, OwnedValue::Set),
            Form::Hash => part(word, OwnedValue::Hash),
            Form::SortedSet => part(word, OwnedValue::SortedSet),
            Form::Stream => part(word, OwnedValue::Stream),
            Form::Array => part(word, OwnedValue::Array),
        }
    }
}

fn from_shared_word<T>(word: u64) -> Arc<T> {
    // SAFETY: by the module's rule the word came from `Arc::<T>::into_raw`; its owner gives it up with its count.
    unsafe { Arc::from_raw(word as *const T) }
}

/// The word of a box with the value, or with a copy if somebody else has a part in it.
fn own_word<T>(word: u64, copy: impl FnOnce(&T) -> T) -> u64 {
    let value = Arc::try_unwrap(from_shared_word(word)).unwrap_or_else(|shared| copy(&shared));
    into_word(Box::new(value))
}

/// The value, whole if nobody else has a part in it.
fn part<T: Send + Sync + 'static>(word: u64, whole: impl FnOnce(Box<T>) -> OwnedValue) -> OwnedValue {
    match Arc::try_unwrap(from_shared_word::<T>(word)) {
        Ok(value) => whole(Box::new(value)),
        Err(shared) => OwnedValue::Shared(shared),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{EncodingLimits, Kind, NewValue, Text};
    use crate::{HashKey, UnixMillis};

    fn big_set(members: usize) -> Entry {
        let (limits, hash_key) = (EncodingLimits::default(), HashKey::from_bytes([1; 16]));
        let mut set = Set::new();
        for i in 0..members {
            set.add(Text::Bytes(format!("member:{i}").as_bytes()), &limits, &hash_key);
        }
        Entry::new(b"key", NewValue::Set(Box::new(set)), Some(UnixMillis(5)), 1)
    }

    fn members(entry: &Entry) -> usize {
        entry.value().elements()
    }

    fn change(entry: &mut Entry) {
        let crate::ValueMut::Set(set) = entry.value_mut() else { panic!("it is a set") };
        set.remove(Text::Bytes(b"member:7"));
    }

    #[test]
    fn a_reader_keeps_what_it_saw_whatever_becomes_of_the_entry() {
        let mut entry = big_set(1000);
        let reader = entry.share();
        assert_eq!(
            (reader.key(), reader.expiry(), reader.kind()),
            (&b"key"[..], Some(UnixMillis(5)), Kind::Set)
        );
        assert!(reader.has_same_value(&entry));
        change(&mut entry);
        assert!(!reader.has_same_value(&entry));
        assert_eq!((members(&entry), members(&reader)), (999, 1000));
        drop(entry);
        assert_eq!(members(&reader), 1000);
    }

    #[test]
    fn a_value_is_taken_whole_again_once_its_reader_has_gone() {
        let mut entry = big_set(1000);
        drop(entry.share());
        assert!(matches!(entry.into_value(), OwnedValue::Set(set) if set.len() == 1000));
        let mut entry = big_set(1000);
        let reader = entry.share();
        assert!(matches!(entry.into_value(), OwnedValue::Shared(_)));
        assert!(matches!(reader.into_value(), OwnedValue::Set(set) if set.len() == 1000));
    }

    #[test]
    fn a_shared_value_survives_new_expiries_new_names_and_new_values() {
        let mut entry = big_set(1000);
        let reader = entry.share();
        entry.set_expiry(None);
        assert!(!reader.has_same_value(&entry), "the expiry is part of what was seen");
        let mut entry = entry.rekey(b"another key");
        assert_eq!((members(&entry), members(&reader)), (1000, 1000));
        assert!(matches!(entry.overwrite(NewValue::Int(3), None, 1), Some(OwnedValue::Shared(_))));
        assert_eq!((members(&entry), members(&reader)), (1, 1000));
        change_text(&mut entry);
    }

    fn change_text(entry: &mut Entry) {
        entry.make_raw().push(b'x');
        let reader = entry.share();
        entry.make_raw().push(b'y');
        assert_eq!(reader.text().map(Text::to_vec), Some(b"3x".to_vec()));
        assert_eq!(entry.text().map(Text::to_vec), Some(b"3xy".to_vec()));
    }

    #[test]
    fn strings_in_the_entry_are_copied_and_compared() {
        for text in [&b"12"[..], b"text", b""] {
            let mut entry = Entry::new(b"k", NewValue::Text(text), None, 1);
            let reader = entry.share();
            assert!(reader.has_same_value(&entry));
            let _ = entry.overwrite(NewValue::Text(b"other"), None, 1);
            assert!(!reader.has_same_value(&entry));
        }
    }
}
