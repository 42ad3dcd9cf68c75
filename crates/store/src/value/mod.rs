//! The values a key can hold. How a value is encoded is known only inside its own module.
//!
//! Every collection type offers, besides what [`Typed`] asks for: `encoding`, `memory_bytes`, `free_effort`, and
//! `duplicate`, which gives a copy that shares nothing with the original and has the same encoding (`COPY`).

mod ahead;
pub(crate) mod array;
mod distinct;
mod draw;
mod due;
mod expiring;
mod hash;
mod list;
mod removed;
mod set;
mod sorted_set;
pub(crate) mod stream;
mod timed_table;

use std::any::Any;
use std::sync::Arc;

use spinel_structs::listpack::ListpackValue;
use spinel_structs::size_class::malloc_size;
use spinel_structs::stream::{BlockLimits, Memory};

use crate::UnixMillis;

pub(crate) use ahead::Behind;
pub use array::{Array, ArrayRange};
pub use distinct::LoadError;
pub use expiring::ExpiringElements;
pub use hash::{Hash, HashField, HashIter, HashLoader, HashLots};
pub use list::{End, ExpiringPlaces, List, ListElement, ListElements, ListNode, ListNodes};
pub use removed::RemovedElements;
pub use set::{ExpiringMembers, Set, SetIter, SetLoader, TakenMember};
pub use sorted_set::{Members, SortedSet, SortedSetLoader};
pub use stream::Stream;

/// The thresholds at which collections change from compact to large encodings, as in `redis.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodingLimits {
    /// `hash-max-listpack-entries`, in fields.
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`, in bytes.
    pub hash_max_listpack_value: usize,
    /// `list-max-listpack-size`: elements if positive, -1 to -5 for 4 to 64 KiB.
    pub list_max_listpack_size: i32,
    /// The size in bytes from which a list element gets a node of its own (`DEBUG QUICKLIST-PACKED-THRESHOLD`).
    pub list_packed_threshold: usize,
    /// `set-max-intset-entries`, in members.
    pub set_max_intset_entries: usize,
    /// `set-max-listpack-entries`, in members.
    pub set_max_listpack_entries: usize,
    /// `set-max-listpack-value`, in bytes.
    pub set_max_listpack_value: usize,
    /// `stream-node-max-bytes` and `stream-node-max-entries`.
    pub stream_blocks: BlockLimits,
    /// `stream-idmp-duration` and `stream-idmp-maxsize`.
    pub stream_memory: Memory,
    /// `zset-max-listpack-entries`, in members.
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`, in bytes.
    pub zset_max_listpack_value: usize,
}

impl Default for EncodingLimits {
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            list_packed_threshold: 1 << 30,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            stream_blocks: BlockLimits::default(),
            stream_memory: Memory::default(),
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
        }
    }
}

/// The type of a value, as `TYPE` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A hash.
    Hash,
    /// A sorted set.
    SortedSet,
    /// A stream.
    Stream,
    /// An array.
    Array,
}

impl Kind {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::SortedSet => "zset",
            Self::Stream => "stream",
            Self::Array => "array",
        }
    }
}

/// The contents of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// A canonical decimal integer.
    Int(i64),
    /// Any other bytes.
    Bytes(&'a [u8]),
}

impl<'a> From<ListpackValue<'a>> for Text<'a> {
    fn from(value: ListpackValue<'a>) -> Self {
        match value {
            ListpackValue::Int(n) => Self::Int(n),
            ListpackValue::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl<'a> Text<'a> {
    /// Calls `with` with the bytes; an integer is written out on the stack.
    pub fn with_bytes<R>(self, with: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Int(n) => with(itoa::Buffer::new().format(n).as_bytes()),
            Self::Bytes(bytes) => with(bytes),
        }
    }

    /// The bytes, owned.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.with_bytes(<[u8]>::len)
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// A value to read.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    /// A string.
    String(Text<'a>),
    /// A list.
    List(&'a List),
    /// A set.
    Set(&'a Set),
    /// A hash.
    Hash(&'a Hash),
    /// A sorted set.
    SortedSet(&'a SortedSet),
    /// A stream.
    Stream(&'a Stream),
    /// An array.
    Array(&'a Array),
}

impl ValueRef<'_> {
    /// Elements of a collection, with pending entries of a stream; 1 for a string.
    #[must_use]
    pub fn elements(&self) -> usize {
        match self {
            Self::String(_) => 1,
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::Hash(hash) => hash.len(),
            Self::SortedSet(zset) => zset.len(),
            Self::Stream(stream) => stream::elements(stream),
            Self::Array(array) => array::elements(array),
        }
    }

    /// The earliest expiry of an element: a field, a member, an element of a list.
    #[must_use]
    pub fn next_expiry(&self) -> Option<UnixMillis> {
        match self {
            Self::Hash(hash) => hash.next_expiry(),
            Self::Set(set) => set.next_expiry(),
            Self::SortedSet(zset) => zset.next_expiry(),
            Self::List(list) => list.next_expiry(),
            Self::String(_) | Self::Stream(_) | Self::Array(_) => None,
        }
    }
}

/// A value to change in place.
pub enum ValueMut<'a> {
    /// A string; changed through the entry.
    String,
    /// A list.
    List(&'a mut List),
    /// A set.
    Set(&'a mut Set),
    /// A hash.
    Hash(&'a mut Hash),
    /// A sorted set.
    SortedSet(&'a mut SortedSet),
    /// A stream.
    Stream(&'a mut Stream),
    /// An array.
    Array(&'a mut Array),
}

/// A value to store.
pub enum NewValue<'a> {
    /// A string; stored as an integer if it is a canonical one.
    Text(&'a [u8]),
    /// A string; stored as bytes even if it is a canonical integer (what `INCRBYFLOAT` leaves).
    Plain(&'a [u8]),
    /// An integer string.
    Int(i64),
    /// A string with room to grow, reported as `raw`.
    Raw(Vec<u8>),
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

impl NewValue<'_> {
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) | Self::Plain(_) | Self::Int(_) | Self::Raw(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Hash(_) => Kind::Hash,
            Self::SortedSet(_) => Kind::SortedSet,
            Self::Stream(_) => Kind::Stream,
            Self::Array(_) => Kind::Array,
        }
    }
}

/// A value taken out of the data set.
pub enum OwnedValue {
    /// A string kept inline: nothing to free.
    Inline,
    /// A string with an allocation of its own.
    Raw(Box<Vec<u8>>),
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
    /// A part in a value that somebody still reads, who frees it if he is the last.
    Shared(Arc<dyn Any + Send + Sync>),
}

impl OwnedValue {
    /// Frees up to about `elements` of it; false when nothing is left but the empty shell.
    pub fn free_some(&mut self, elements: usize) -> bool {
        match self {
            Self::Inline | Self::Raw(_) | Self::Shared(_) => false,
            Self::List(list) => list.take_chunk(elements) > 0,
            Self::Set(set) => set.take_chunk(elements) > 0,
            Self::Hash(hash) => hash.take_chunk(elements) > 0,
            Self::SortedSet(zset) => zset.take_chunk(elements) > 0,
            Self::Stream(stream) => stream.take_chunk(elements) > 0,
            Self::Array(array) => array.take_chunk(elements) > 0,
        }
    }

    /// Bytes allocated, of a long list about; none if somebody still reads it, who may keep it for as long as that takes.
    #[must_use]
    pub fn estimated_bytes(&self) -> usize {
        match self {
            Self::Inline | Self::Shared(_) => 0,
            Self::Raw(bytes) => raw_bytes(bytes),
            Self::List(list) => list.estimated_bytes(),
            Self::Set(set) => set.memory_bytes(),
            Self::Hash(hash) => hash.memory_bytes(),
            Self::SortedSet(zset) => zset.memory_bytes(),
            Self::Stream(stream) => stream::memory_bytes(stream),
            Self::Array(array) => array.memory_bytes(),
        }
    }

    /// Roughly how many allocations freeing it takes; giving 16 KiB back to the system counts as one.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match self {
            Self::Inline => 0,
            // By the time it is dropped it may be the last part.
            Self::Shared(_) => usize::MAX,
            Self::Raw(bytes) => 1 + (bytes.capacity() >> 14),
            Self::List(list) => list.free_effort(),
            Self::Set(set) => set.free_effort(),
            Self::Hash(hash) => hash.free_effort(),
            Self::SortedSet(zset) => zset.free_effort(),
            Self::Stream(stream) => stream.parts(),
            Self::Array(array) => array.free_effort(),
        }
    }
}

/// Bytes allocated for a string that does not stand in its entry.
pub(crate) fn raw_bytes(bytes: &Vec<u8>) -> usize {
    malloc_size(size_of::<Vec<u8>>()) + malloc_size(bytes.capacity())
}

/// A collection type, for access to a key's value by type.
pub trait Typed: Sized {
    /// Its kind.
    const KIND: Kind;
    /// The value as this type.
    fn of(value: ValueRef<'_>) -> Option<&Self>;
    /// The value as this type, to change.
    fn of_mut(value: ValueMut<'_>) -> Option<&mut Self>;
    /// An empty one.
    fn empty() -> Self;
    /// Whether it has no elements (and its key must go).
    fn is_empty(&self) -> bool;
    /// To store it.
    fn into_new(self: Box<Self>) -> NewValue<'static>;
}

macro_rules! typed {
    ($($name:ident),*) => {$(
        impl Typed for $name {
            const KIND: Kind = Kind::$name;
            fn of(value: ValueRef<'_>) -> Option<&Self> {
                match value {
                    ValueRef::$name(inner) => Some(inner),
                    _ => None,
                }
            }
            fn of_mut(value: ValueMut<'_>) -> Option<&mut Self> {
                match value {
                    ValueMut::$name(inner) => Some(inner),
                    _ => None,
                }
            }
            fn empty() -> Self {
                Self::new()
            }
            fn is_empty(&self) -> bool {
                self.len() == 0
            }
            fn into_new(self: Box<Self>) -> NewValue<'static> {
                NewValue::$name(self)
            }
        }
    )*};
}

typed!(List, Set, Hash, SortedSet);
