//! The stream value. A stream is a value even without entries: its last ID and its groups live on.

use spinel_structs::size_class::malloc_size;
use spinel_structs::stream::Idempotence;
pub use spinel_structs::stream::Stream;

use super::{Kind, NewValue, Typed, ValueMut, ValueRef};

/// The name `OBJECT ENCODING` reports.
pub(crate) const ENCODING: &str = "stream";

/// Entries, pending entries of all groups, and messages remembered of producers.
pub(super) fn elements(stream: &Stream) -> usize {
    let pending = stream.groups().map(|(_, group)| group.pending_len()).sum::<usize>();
    stream.len() + pending + stream.idempotence().map_or(0, Idempotence::len)
}

/// Bytes allocated.
pub(crate) fn memory_bytes(stream: &Stream) -> usize {
    malloc_size(size_of::<Stream>()) + stream.memory_bytes()
}

impl Typed for Stream {
    const KIND: Kind = Kind::Stream;

    fn of(value: ValueRef<'_>) -> Option<&Self> {
        match value {
            ValueRef::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    fn of_mut(value: ValueMut<'_>) -> Option<&mut Self> {
        match value {
            ValueMut::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    fn empty() -> Self {
        Self::new()
    }

    /// Its key never goes by itself.
    fn is_empty(&self) -> bool {
        false
    }

    fn into_new(self: Box<Self>) -> NewValue<'static> {
        NewValue::Stream(self)
    }
}
