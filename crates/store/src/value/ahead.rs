//! Fetching a value ahead, step by step: each step asks for what the next reads.
//!
//! A collection stands behind its entry; behind that its listpack, or its table; in the table a bucket, and behind that an
//! element. Each is in a cache line of its own, which is seldom in the cache, and whose place is known only when the one before has
//! arrived. A command that goes this way waits up to five times. So many values are fetched at the same time.

use spinel_structs::table::{FetchAhead, prefetch_bytes, prefetch_value};

use super::{Hash, List, Set, SortedSet};

/// Bytes fetched of a listpack, or of an intset. Behind so many the processor has noticed by itself where this leads.
const PACKED_BYTES: usize = 192;
/// Bytes fetched of a long string: of more than that copying is what takes the time.
const STRING_BYTES: usize = 512;
/// Bytes of a string that are fetched with its entry.
const ENTRY_BYTES: usize = 64;

/// What stands behind an entry, or in it but behind what was fetched.
#[derive(Clone, Copy)]
pub(crate) enum Behind<'a> {
    /// A string in the entry.
    Inline(&'a [u8]),
    /// A string with an allocation of its own.
    Raw(&'a Vec<u8>),
    /// A list.
    List(&'a List),
    /// A set.
    Set(&'a Set),
    /// A hash.
    Hash(&'a Hash),
    /// A sorted set.
    SortedSet(&'a SortedSet),
}

/// What stands behind the head of a value.
pub(super) enum Body<'a> {
    /// Bytes that are read from the beginning.
    Packed(&'a [u8]),
    /// Bytes that are read from either end.
    Ends(&'a [u8]),
    /// A table.
    Table(&'a dyn FetchAhead),
    /// Something that is not fetched ahead.
    Elsewhere,
}

impl<'a> Behind<'a> {
    /// Asks for the value itself, or for what its entry has of it; whether there is more.
    #[inline]
    pub(crate) fn prefetch_head(self) -> bool {
        match self {
            Self::Inline(text) => {
                prefetch_bytes(&text[text.len().min(ENTRY_BYTES)..], STRING_BYTES);
                return false;
            }
            Self::Raw(bytes) => prefetch_value(bytes),
            Self::List(list) => prefetch_value(list),
            Self::Set(set) => prefetch_value(set),
            Self::Hash(hash) => prefetch_value(hash),
            Self::SortedSet(zset) => prefetch_value(zset),
        }
        true
    }

    /// Asks for what stands behind the head, when that has arrived: bytes, or a table, which is returned.
    #[inline]
    pub(crate) fn prefetch_body(self) -> Option<&'a dyn FetchAhead> {
        let body = match self {
            Self::Inline(_) => return None,
            Self::Raw(bytes) => {
                prefetch_bytes(bytes, STRING_BYTES);
                return None;
            }
            Self::List(list) => list.body(),
            Self::Set(set) => set.body(),
            Self::Hash(hash) => hash.body(),
            Self::SortedSet(zset) => zset.body(),
        };
        match body {
            Body::Packed(bytes) => prefetch_bytes(bytes, PACKED_BYTES),
            Body::Ends(bytes) => {
                prefetch_bytes(bytes, PACKED_BYTES);
                prefetch_bytes(&bytes[bytes.len().saturating_sub(1)..], 1);
            }
            Body::Table(table) => {
                table.prefetch_head();
                return Some(table);
            }
            Body::Elsewhere => {}
        }
        None
    }
}
