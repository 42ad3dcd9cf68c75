//! What both exchanges need of our side: how values are read and written, and what their encodings are called.

use spinel_rdb::decode::DecodeContext;
use spinel_rdb::encode::EncodeOptions;
use spinel_rdb::{Target, decode};
use spinel_store::{EncodingLimits, Entry, HashKey, ValueRef};

/// What values are built for: the limits of the reference as it starts.
pub(super) struct Ours {
    limits: EncodingLimits,
    hash_key: HashKey,
}

impl Ours {
    pub(super) fn new() -> Self {
        Self { limits: EncodingLimits::default(), hash_key: HashKey::from_bytes([5; 16]) }
    }

    pub(super) fn cx(&self) -> DecodeContext<'_> {
        DecodeContext { limits: &self.limits, hash_key: &self.hash_key }
    }
}

/// Every way of writing that the reference reads.
pub(super) fn ways() -> impl Iterator<Item = EncodeOptions> {
    [Target::V9, Target::V10].into_iter().flat_map(|target| {
        [false, true].map(|compression| EncodeOptions { compression, target, is_lowest: false })
    })
}

/// An entry that holds a value.
pub(super) fn entry(value: decode::Value<'_>) -> Entry {
    value.into_new(|value| Entry::new(b"", value, None, 0))
}

/// The encoding of a collection; of a string, nothing.
pub(super) fn encoding(entry: &Entry) -> Option<&'static str> {
    match entry.value() {
        ValueRef::String(_) => None,
        ValueRef::List(list) => Some(list.encoding()),
        ValueRef::Set(set) => Some(set.encoding()),
        ValueRef::Hash(hash) => Some(hash.encoding()),
        ValueRef::SortedSet(zset) => Some(zset.encoding()),
        ValueRef::Stream(_) => Some("stream"),
        ValueRef::Array(_) => Some("sliced-array"),
    }
}
