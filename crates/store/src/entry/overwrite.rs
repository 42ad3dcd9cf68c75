//! New values for entries that are there, in their place where that is possible.

use std::ptr::NonNull;

use super::{
    Entry, Form, HEADER, Header, MAX_INLINE_TEXT, NewValue, OwnedValue, SHARED, Shape, TIMED, laid_out, timed,
};
use crate::UnixMillis;

impl Entry {
    /// Overwrites the value and the expiry; keeps the allocation when its parts keep their lengths. Returns the
    /// old value if it had an allocation of its own.
    pub fn overwrite(
        &mut self,
        value: NewValue<'_>,
        expiry: Option<UnixMillis>,
        access: u32,
    ) -> Option<OwnedValue> {
        let shape = self.shape();
        if let NewValue::Text(text) | NewValue::Plain(text) = value
            && shape.has_expiry == expiry.is_some()
            && self.refill(shape, text)
        {
            self.set_expiry(expiry);
            self.touch(access);
            return None;
        }
        let (form, word, text) = laid_out(value);
        let has_word = form != Form::Text;
        let same_parts = has_word == (shape.form != Form::Text) && text.len() == shape.text_len;
        if !same_parts || expiry.is_some() != shape.has_expiry {
            let mut rebuilt = Self::build(self.key(), form, word, text, expiry, access);
            rebuilt.set_mark(self.mark());
            let old = std::mem::replace(self, rebuilt);
            if shape.is_inline() {
                old.forget_value();
                return None;
            }
            return Some(old.into_value());
        }
        // An old value of a single word or text is not made and handed on: that would be half of the work.
        let old = if shape.is_inline() { None } else { Some(self.owned(shape)) };
        // SAFETY: the parts of this shape and of the new value are the same, so the words and the text go where
        // such parts were written before; `text` cannot overlap what `self` borrows exclusively.
        unsafe {
            let header = self.0.cast::<Header>().as_mut();
            header.form = form;
            header.flags = header.flags & !(SHARED | TIMED) | timed::flag_of(form, word);
            if has_word {
                self.0.add(shape.word_at()).cast::<u64>().write(word);
            }
            if let Some(at) = expiry {
                self.0.add(HEADER).cast::<i64>().write(at.0);
            }
            self.0
                .add(shape.key_at() + shape.key_len)
                .copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
        }
        self.touch(access);
        old
    }

    /// Puts a long string into the buffer of the one there is, if it fits and fills at least half of it.
    fn refill(&mut self, shape: Shape, text: &[u8]) -> bool {
        if shape.form != Form::Raw || text.len() <= MAX_INLINE_TEXT || self.is_shared() {
            return false;
        }
        let bytes = self.pointee_mut::<Vec<u8>>(shape);
        let fits = (bytes.capacity() / 2..=bytes.capacity()).contains(&text.len());
        if fits {
            bytes.clear();
            bytes.extend_from_slice(text);
        }
        fits
    }

    /// Sets an integer string in place; false if the value is kept in another form.
    pub fn set_int(&mut self, n: i64) -> bool {
        let shape = self.shape();
        if shape.form != Form::Int {
            return false;
        }
        // SAFETY: the form has a word at this place.
        unsafe { self.0.add(shape.word_at()).cast::<u64>().write(n as u64) };
        true
    }
}
