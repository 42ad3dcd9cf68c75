//! A value that was read.

use std::borrow::Cow;

use spinel_store::{Array, Hash, Kind, List, NewValue, Set, SortedSet, Stream};

use super::{Cursor, Fault, Str};

/// Longer strings are handed over with their allocation.
const COPIED_TEXT_BYTES: usize = 255;

/// A value that was read; a string may still lie where it was read from.
#[derive(Debug)]
pub enum Value<'a> {
    /// A string.
    Text(Cow<'a, [u8]>),
    /// A string that is an integer.
    Int(i64),
    /// A list.
    List(Box<List>),
    /// A set.
    Set(Box<Set>),
    /// A hash.
    Hash(Box<Hash>),
    /// A sorted set.
    SortedSet(Box<SortedSet>),
    /// A stream.
    Stream(Box<Stream>),
    /// An array.
    Array(Box<Array>),
}

impl<'a> Value<'a> {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) | Self::Int(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Hash(_) => Kind::Hash,
            Self::SortedSet(_) => Kind::SortedSet,
            Self::Stream(_) => Kind::Stream,
            Self::Array(_) => Kind::Array,
        }
    }

    /// Hands it to `store`, which makes an entry of it.
    pub fn into_new<R>(self, store: impl FnOnce(NewValue<'_>) -> R) -> R {
        match self {
            Self::Text(Cow::Owned(text)) if text.len() > COPIED_TEXT_BYTES => store(NewValue::Raw(text)),
            Self::Text(text) => store(NewValue::Text(&text)),
            Self::Int(n) => store(NewValue::Int(n)),
            Self::List(list) => store(NewValue::List(list)),
            Self::Set(set) => store(NewValue::Set(set)),
            Self::Hash(hash) => store(NewValue::Hash(hash)),
            Self::SortedSet(zset) => store(NewValue::SortedSet(zset)),
            Self::Stream(stream) => store(NewValue::Stream(stream)),
            Self::Array(array) => store(NewValue::Array(array)),
        }
    }

    pub(super) fn list(list: List) -> Option<Value<'a>> {
        (!list.is_empty()).then(|| Self::List(Box::new(list)))
    }

    pub(super) fn set(set: Set) -> Option<Value<'a>> {
        (!set.is_empty()).then(|| Self::Set(Box::new(set)))
    }

    pub(super) fn hash(hash: Hash) -> Option<Value<'a>> {
        (!hash.is_empty()).then(|| Self::Hash(Box::new(hash)))
    }

    /// A stream, which is a value even when it is empty.
    pub(super) fn stream(stream: Stream) -> Option<Value<'a>> {
        Some(Self::Stream(Box::new(stream)))
    }

    pub(super) fn array(array: Array) -> Option<Value<'a>> {
        (!array.is_empty()).then(|| Self::Array(Box::new(array)))
    }

    pub(super) fn sorted_set(zset: SortedSet) -> Option<Value<'a>> {
        (!zset.is_empty()).then(|| Self::SortedSet(Box::new(zset)))
    }
}

/// A string; its content decides how it is kept.
pub(super) fn string<'a>(cursor: &mut Cursor<'a>) -> Result<Value<'a>, Fault> {
    Ok(match cursor.string()? {
        Str::Int(n) => Value::Int(n),
        other => Value::Text(other.into_cow()?),
    })
}
