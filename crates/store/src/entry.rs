//! One key with its value: a single allocation behind a thin pointer.
//!
//! ```text
//!  0       4     5      6        7         8
//! ┌───────┬─────┬──────┬────────┬─────────┬──────────────┬────────────────┬────────────┬─────┬──────┐
//! │access │form │flags │key_len │text_len │ expiry (8)   │ long key len(8)│ word (8)   │ key │ text │
//! └───────┴─────┴──────┴────────┴─────────┴──────────────┴────────────────┴────────────┴─────┴──────┘
//!                                           if HAS_EXPIRY   if LONG_KEY      unless text
//! ```
//!
//! A 16-byte key with a 32-byte string takes 56 bytes, 64 with an expiry: exactly what was asked of the
//! allocator. A string of up to 255 bytes stands inline; integers and pointers to larger values stand in the
//! word. The access field says of the last use what the policy of eviction wants to know ([`usage`](crate::usage)).
//!
//! A value that a long command reads without holding its shard is shared ([`shared`]): the word is an `Arc`'s then, and
//! whoever wants to change it while the reader is at work gets a copy.
//!
//! `unsafe` in this file is about one thing: the allocation has the layout above, computed in one place
//! ([`Layout`] in `shape`), and the header says which optional parts there are.

mod mark;
mod overwrite;
mod shared;
mod timed;

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use spinel_structs::hash::{HashKey, hash_bytes};
use spinel_structs::size_class::malloc_size;
use spinel_structs::table::TableItem;

use crate::UnixMillis;
use crate::value::{
    Array, Behind, Hash, Kind, List, NewValue, OwnedValue, Set, SortedSet, Stream, Text, ValueMut, ValueRef,
    array, raw_bytes, stream,
};

const HEADER: usize = 8;
const HAS_EXPIRY: u8 = 1;
const LONG_KEY: u8 = 2;
/// The word came from an `Arc`, not from a `Box`.
const SHARED: u8 = 4;
/// See [`crate::snapshot`].
const MARKED: u8 = 8;
/// See [`timed`].
const TIMED: u8 = 16;
/// The longest string kept inline.
const MAX_INLINE_TEXT: usize = 255;
/// The longest string that reports itself as `embstr`.
const MAX_EMBSTR: usize = 44;

/// Bytes from which on an entry lies in two cache lines more often than in one.
const WIDE: usize = 40;

/// How the value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    Text,
    Int,
    Raw,
    List,
    Set,
    Hash,
    SortedSet,
    Stream,
    Array,
}

#[repr(C)]
struct Header {
    access: AtomicU32,
    form: Form,
    flags: u8,
    key_len: u8,
    text_len: u8,
}

const _: () = assert!(size_of::<Header>() == HEADER);

/// A key with its value, expiry and access clock.
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns its allocation and everything its word points to, all of which is `Send`.
unsafe impl Send for Entry {}

/// Where the parts of an entry stand, from the three facts that decide it.
#[derive(Clone, Copy)]
struct Shape {
    form: Form,
    has_expiry: bool,
    key_len: usize,
    text_len: usize,
}

impl Shape {
    fn long_key(self) -> bool {
        self.key_len > 255
    }

    fn long_key_at(self) -> usize {
        HEADER + 8 * usize::from(self.has_expiry)
    }

    fn word_at(self) -> usize {
        self.long_key_at() + 8 * usize::from(self.long_key())
    }

    fn key_at(self) -> usize {
        self.word_at() + 8 * usize::from(self.form != Form::Text)
    }

    /// Whether the value owns nothing.
    fn is_inline(self) -> bool {
        matches!(self.form, Form::Text | Form::Int)
    }

    fn size(self) -> usize {
        self.key_at() + self.key_len + self.text_len
    }

    fn layout(self) -> Layout {
        Layout::from_size_align(self.size(), 8).expect("a key and an inline string fit the address space")
    }
}

impl Entry {
    /// Makes an entry.
    #[must_use]
    pub fn new(key: &[u8], value: NewValue<'_>, expiry: Option<UnixMillis>, access: u32) -> Self {
        let (form, word, text) = laid_out(value);
        Self::build(key, form, word, text, expiry, access)
    }

    fn build(
        key: &[u8],
        form: Form,
        word: u64,
        text: &[u8],
        expiry: Option<UnixMillis>,
        access: u32,
    ) -> Self {
        let shape = Shape { form, has_expiry: expiry.is_some(), key_len: key.len(), text_len: text.len() };
        let layout = shape.layout();
        // SAFETY: the layout is never empty, it has at least the header.
        let start = unsafe { alloc(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        let flags = if shape.has_expiry { HAS_EXPIRY } else { 0 }
            | if shape.long_key() { LONG_KEY } else { 0 }
            | timed::flag_of(form, word);
        let header = Header {
            access: AtomicU32::new(access),
            form,
            flags,
            key_len: if shape.long_key() { 0 } else { key.len() as u8 },
            text_len: text.len() as u8,
        };
        // SAFETY: `shape` computed the offsets below from the same facts as the size just allocated, so every
        // write stays inside it; words are aligned because the header and all words are 8 bytes each.
        unsafe {
            start.cast::<Header>().write(header);
            if let Some(at) = expiry {
                start.add(HEADER).cast::<i64>().write(at.0);
            }
            if shape.long_key() {
                start.add(shape.long_key_at()).cast::<u64>().write(key.len() as u64);
            }
            if form != Form::Text {
                start.add(shape.word_at()).cast::<u64>().write(word);
            }
            start.add(shape.key_at()).copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            start
                .add(shape.key_at() + key.len())
                .copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
        }
        Self(start)
    }

    fn header(&self) -> &Header {
        // SAFETY: the allocation begins with an initialised header and lives as long as `self`.
        unsafe { self.0.cast::<Header>().as_ref() }
    }

    #[inline]
    fn shape(&self) -> Shape {
        let header = self.header();
        let has_expiry = header.flags & HAS_EXPIRY != 0;
        let key_len = if header.flags & LONG_KEY != 0 {
            // SAFETY: the flag says that this word was written.
            unsafe { self.0.add(HEADER + 8 * usize::from(has_expiry)).cast::<u64>().read() as usize }
        } else {
            usize::from(header.key_len)
        };
        Shape { form: header.form, has_expiry, key_len, text_len: usize::from(header.text_len) }
    }

    /// The key.
    #[inline]
    #[must_use]
    pub fn key(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: `key_len` bytes were written at `key_at` when the entry was built.
        unsafe { std::slice::from_raw_parts(self.0.add(shape.key_at()).as_ptr(), shape.key_len) }
    }

    /// When it expires.
    #[inline]
    #[must_use]
    pub fn expiry(&self) -> Option<UnixMillis> {
        if self.header().flags & HAS_EXPIRY == 0 {
            return None;
        }
        // SAFETY: the flag says that this word was written.
        Some(UnixMillis(unsafe { self.0.add(HEADER).cast::<i64>().read() }))
    }

    /// Whether its time has come.
    #[inline]
    #[must_use]
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expiry().is_some_and(|at| at <= now)
    }

    /// What is recorded of its use; see [`usage`](crate::usage).
    #[inline]
    #[must_use]
    pub fn access(&self) -> u32 {
        self.header().access.load(Ordering::Relaxed)
    }

    /// Records a use.
    #[inline]
    pub fn touch(&self, access: u32) {
        self.header().access.store(access, Ordering::Relaxed);
    }

    /// The type of the value.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.header().form {
            Form::Text | Form::Int | Form::Raw => Kind::String,
            Form::List => Kind::List,
            Form::Set => Kind::Set,
            Form::Hash => Kind::Hash,
            Form::SortedSet => Kind::SortedSet,
            Form::Stream => Kind::Stream,
            Form::Array => Kind::Array,
        }
    }

    fn word(&self, shape: Shape) -> u64 {
        debug_assert!(shape.form != Form::Text);
        // SAFETY: every form but `Text` has a word, written when the entry was built.
        unsafe { self.0.add(shape.word_at()).cast::<u64>().read() }
    }

    fn pointee<T>(&self, shape: Shape) -> &T {
        // SAFETY: 1. the caller matched the form, so the word is a pointer that `into_word::<T>` made;
        // 2. the entry owns it and `self` is borrowed for as long as the result.
        unsafe { &*(self.word(shape) as *const T) }
    }

    fn pointee_mut<T>(&mut self, shape: Shape) -> &mut T {
        // SAFETY: as in `pointee`, with `self` borrowed exclusively.
        unsafe { &mut *(self.word(shape) as *mut T) }
    }

    fn inline_text(&self, shape: Shape) -> &[u8] {
        // SAFETY: `text_len` bytes were written after the key when the entry was built.
        unsafe {
            std::slice::from_raw_parts(self.0.add(shape.key_at() + shape.key_len).as_ptr(), shape.text_len)
        }
    }

    /// The value.
    #[inline]
    #[must_use]
    pub fn value(&self) -> ValueRef<'_> {
        let shape = self.shape();
        match shape.form {
            Form::Text => ValueRef::String(Text::Bytes(self.inline_text(shape))),
            Form::Int => ValueRef::String(Text::Int(self.word(shape) as i64)),
            Form::Raw => ValueRef::String(Text::Bytes(self.pointee::<Vec<u8>>(shape))),
            Form::List => ValueRef::List(self.pointee::<List>(shape)),
            Form::Set => ValueRef::Set(self.pointee::<Set>(shape)),
            Form::Hash => ValueRef::Hash(self.pointee::<Hash>(shape)),
            Form::SortedSet => ValueRef::SortedSet(self.pointee::<SortedSet>(shape)),
            Form::Stream => ValueRef::Stream(self.pointee::<Stream>(shape)),
            Form::Array => ValueRef::Array(self.pointee::<Array>(shape)),
        }
    }

    /// What stands behind the entry, to be fetched ahead.
    #[inline]
    pub(crate) fn behind(&self) -> Option<Behind<'_>> {
        let shape = self.shape();
        Some(match shape.form {
            Form::Text => Behind::Inline(self.inline_text(shape)),
            Form::Raw => Behind::Raw(self.pointee::<Vec<u8>>(shape)),
            Form::List => Behind::List(self.pointee::<List>(shape)),
            Form::Set => Behind::Set(self.pointee::<Set>(shape)),
            Form::Hash => Behind::Hash(self.pointee::<Hash>(shape)),
            Form::SortedSet => Behind::SortedSet(self.pointee::<SortedSet>(shape)),
            Form::Int | Form::Stream | Form::Array => return None,
        })
    }

    /// The string, if it is one.
    #[inline]
    #[must_use]
    pub fn text(&self) -> Option<Text<'_>> {
        let shape = self.shape();
        match shape.form {
            Form::Text => Some(Text::Bytes(self.inline_text(shape))),
            Form::Int => Some(Text::Int(self.word(shape) as i64)),
            Form::Raw => Some(Text::Bytes(self.pointee::<Vec<u8>>(shape))),
            _ => None,
        }
    }

    /// The value, to change in place.
    pub fn value_mut(&mut self) -> ValueMut<'_> {
        self.unshare();
        let shape = self.shape();
        match shape.form {
            Form::Text | Form::Int | Form::Raw => ValueMut::String,
            Form::List => ValueMut::List(self.pointee_mut::<List>(shape)),
            Form::Set => ValueMut::Set(self.pointee_mut::<Set>(shape)),
            Form::Hash => ValueMut::Hash(self.pointee_mut::<Hash>(shape)),
            Form::SortedSet => ValueMut::SortedSet(self.pointee_mut::<SortedSet>(shape)),
            Form::Stream => ValueMut::Stream(self.pointee_mut::<Stream>(shape)),
            Form::Array => ValueMut::Array(self.pointee_mut::<Array>(shape)),
        }
    }

    /// The bytes of a string as a growable buffer, reported as `raw` from now on.
    ///
    /// # Panics
    /// If the value is not a string.
    pub fn make_raw(&mut self) -> &mut Vec<u8> {
        if self.header().form != Form::Raw {
            let bytes = self.text().expect("the caller checked the type").to_vec();
            let mut rebuilt = Self::build(
                self.key(),
                Form::Raw,
                into_word(Box::new(bytes)),
                b"",
                self.expiry(),
                self.access(),
            );
            rebuilt.set_mark(self.mark());
            *self = rebuilt;
        }
        self.unshare();
        let shape = self.shape();
        self.pointee_mut::<Vec<u8>>(shape)
    }

    /// Sets, changes or removes the expiry.
    pub fn set_expiry(&mut self, expiry: Option<UnixMillis>) {
        let shape = self.shape();
        match expiry {
            Some(at) if shape.has_expiry => {
                // SAFETY: the flag says that this word exists.
                unsafe { self.0.add(HEADER).cast::<i64>().write(at.0) };
            }
            None if !shape.has_expiry => {}
            _ => {
                let word = if shape.form == Form::Text { 0 } else { self.word(shape) };
                let text = if shape.form == Form::Text { self.inline_text(shape) } else { b"" };
                let mut rebuilt = Self::build(self.key(), shape.form, word, text, expiry, self.access());
                rebuilt.set_mark(self.mark());
                rebuilt.set_timed(self.is_timed());
                let old = std::mem::replace(self, rebuilt);
                self.set_shared(old.is_shared());
                old.forget_value();
            }
        }
    }

    /// Makes a copy under another key of a value that was taken out; used by RENAME.
    #[must_use]
    pub fn rekey(self, key: &[u8]) -> Self {
        let shape = self.shape();
        let word = if shape.form == Form::Text { 0 } else { self.word(shape) };
        let text = if shape.form == Form::Text { self.inline_text(shape) } else { b"" };
        let mut rebuilt = Self::build(key, shape.form, word, text, self.expiry(), self.access());
        rebuilt.set_shared(self.is_shared());
        self.forget_value();
        rebuilt
    }

    /// A copy under a key, which may be another: same value, encoding and expiry, nothing shared.
    #[must_use]
    pub fn duplicate(&self, key: &[u8], access: u32) -> Self {
        let shape = self.shape();
        let (word, text): (u64, &[u8]) = match shape.form {
            Form::Text => (0, self.inline_text(shape)),
            Form::Int => (self.word(shape), b""),
            Form::Raw => (into_word(Box::new(self.pointee::<Vec<u8>>(shape).clone())), b""),
            Form::List => (into_word(Box::new(self.pointee::<List>(shape).duplicate())), b""),
            Form::Set => (into_word(Box::new(self.pointee::<Set>(shape).duplicate())), b""),
            Form::Hash => (into_word(Box::new(self.pointee::<Hash>(shape).duplicate())), b""),
            Form::SortedSet => (into_word(Box::new(self.pointee::<SortedSet>(shape).duplicate())), b""),
            Form::Stream => (into_word(Box::new(self.pointee::<Stream>(shape).clone())), b""),
            Form::Array => (into_word(Box::new(self.pointee::<Array>(shape).clone())), b""),
        };
        Self::build(key, shape.form, word, text, self.expiry(), access)
    }

    /// Frees the allocation but not what the word owns, which lives on elsewhere.
    fn forget_value(self) {
        let layout = self.shape().layout();
        let start = self.0;
        std::mem::forget(self);
        // SAFETY: `start` was allocated with this layout in `build` and is not used again.
        unsafe { dealloc(start.as_ptr(), layout) };
    }

    /// The value, taken out.
    #[must_use]
    pub fn into_value(self) -> OwnedValue {
        let value = self.owned(self.shape());
        self.forget_value();
        value
    }

    /// The value as its owner. The caller overwrites the word or gives the entry up without dropping it.
    fn owned(&self, shape: Shape) -> OwnedValue {
        if self.is_shared() {
            return self.owned_by_many(shape);
        }
        match shape.form {
            Form::Text | Form::Int => OwnedValue::Inline,
            Form::Raw => OwnedValue::Raw(from_word(self.word(shape))),
            Form::List => OwnedValue::List(from_word(self.word(shape))),
            Form::Set => OwnedValue::Set(from_word(self.word(shape))),
            Form::Hash => OwnedValue::Hash(from_word(self.word(shape))),
            Form::SortedSet => OwnedValue::SortedSet(from_word(self.word(shape))),
            Form::Stream => OwnedValue::Stream(from_word(self.word(shape))),
            Form::Array => OwnedValue::Array(from_word(self.word(shape))),
        }
    }

    /// The name `OBJECT ENCODING` reports.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        let shape = self.shape();
        match self.value() {
            ValueRef::String(Text::Int(_)) => "int",
            ValueRef::String(Text::Bytes(bytes)) => {
                if shape.form == Form::Text && bytes.len() <= MAX_EMBSTR {
                    "embstr"
                } else {
                    "raw"
                }
            }
            ValueRef::List(list) => list.encoding(),
            ValueRef::Set(set) => set.encoding(),
            ValueRef::Hash(hash) => hash.encoding(),
            ValueRef::SortedSet(zset) => zset.encoding(),
            ValueRef::Stream(_) => stream::ENCODING,
            ValueRef::Array(_) => array::ENCODING,
        }
    }

    /// Bytes allocated for the entry and its value.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let shape = self.shape();
        let value = match shape.form {
            Form::Text | Form::Int => 0,
            Form::Raw => raw_bytes(self.pointee::<Vec<u8>>(shape)),
            Form::List => self.pointee::<List>(shape).memory_bytes(),
            Form::Set => self.pointee::<Set>(shape).memory_bytes(),
            Form::Hash => self.pointee::<Hash>(shape).memory_bytes(),
            Form::SortedSet => self.pointee::<SortedSet>(shape).memory_bytes(),
            Form::Stream => stream::memory_bytes(self.pointee::<Stream>(shape)),
            Form::Array => self.pointee::<Array>(shape).memory_bytes(),
        };
        malloc_size(shape.size()) + value
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let whole = Self(self.0);
        drop(whole.into_value());
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("key", &self.key()).field("encoding", &self.encoding()).finish()
    }
}

impl TableItem for Entry {
    fn hash_again(&self, key: &HashKey) -> u64 {
        hash_bytes(key, self.key())
    }

    fn address(&self) -> *const u8 {
        self.0.as_ptr()
    }

    #[inline]
    fn is_wide(&self) -> bool {
        self.shape().size() > WIDE
    }
}

/// How a new value is laid out: its form, its word (0 if it has none) and its inline text.
#[inline]
fn laid_out(value: NewValue<'_>) -> (Form, u64, &[u8]) {
    match value {
        NewValue::Text(text) => match spinel_structs::number::parse_i64(text) {
            Some(n) => (Form::Int, n as u64, b""),
            None => laid_out_plainly(text),
        },
        NewValue::Plain(text) => laid_out_plainly(text),
        NewValue::Int(n) => (Form::Int, n as u64, b""),
        NewValue::Raw(bytes) => (Form::Raw, into_word(Box::new(bytes)), b""),
        NewValue::List(list) => (Form::List, into_word(list), b""),
        NewValue::Set(set) => (Form::Set, into_word(set), b""),
        NewValue::Hash(hash) => (Form::Hash, into_word(hash), b""),
        NewValue::SortedSet(zset) => (Form::SortedSet, into_word(zset), b""),
        NewValue::Stream(stream) => (Form::Stream, into_word(stream), b""),
        NewValue::Array(array) => (Form::Array, into_word(array), b""),
    }
}

/// How a string is laid out that is kept as bytes.
#[inline]
fn laid_out_plainly(text: &[u8]) -> (Form, u64, &[u8]) {
    if text.len() <= MAX_INLINE_TEXT {
        (Form::Text, 0, text)
    } else {
        (Form::Raw, into_word(Box::new(text.to_vec())), b"")
    }
}

fn into_word<T>(value: Box<T>) -> u64 {
    Box::into_raw(value) as u64
}

fn from_word<T>(word: u64) -> Box<T> {
    // SAFETY: the word was made by `into_word::<T>` and its owner gives it up.
    unsafe { Box::from_raw(word as *mut T) }
}
