//! The inputs of `ZUNION` and its kin: sorted sets, sets (whose members all score 1), and missing keys.

use std::borrow::Cow;

use spinel_family::{CommandError, Key, QueryContext};
use spinel_store::value::{Set, SortedSet};
use spinel_store::{Text, ValueRef};
use spinel_structs::listpack::ListpackValue;

/// A member and its score; the bytes are borrowed where they stand as such.
pub(crate) type Scored<'a> = (Cow<'a, [u8]>, f64);

/// One input.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Missing,
    Set(&'a Set),
    Sorted(&'a SortedSet),
}

impl<'a> Source<'a> {
    /// Looks a key up.
    pub(super) fn open(cx: &'a QueryContext<'_>, key: Key<'_>) -> Result<Self, CommandError> {
        cx.value(key).map_or(Ok(Self::Missing), Self::of)
    }

    fn of(value: ValueRef<'a>) -> Result<Self, CommandError> {
        match value {
            ValueRef::Set(set) => Ok(Self::Set(set)),
            ValueRef::SortedSet(zset) => Ok(Self::Sorted(zset)),
            ValueRef::String(_)
            | ValueRef::List(_)
            | ValueRef::Hash(_)
            | ValueRef::Stream(_)
            | ValueRef::Array(_) => Err(CommandError::WrongType),
        }
    }

    /// Members of a key that may be missing or no input at all, without a trace of the look-up.
    pub(super) fn peek_len(cx: &QueryContext<'_>, key: Key<'_>) -> usize {
        cx.peek(key).and_then(|entry| Source::of(entry.value()).ok()).map_or(0, |source| source.len())
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Set(set) => set.len(),
            Self::Sorted(zset) => zset.len(),
        }
    }

    /// The score of a member.
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Set(set) => set.contains(Text::Bytes(member)).then_some(1.0),
            Self::Sorted(zset) => zset.score(member),
        }
    }

    /// The members; those of a sorted set in ascending order.
    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = Scored<'a>> + 'a> {
        match *self {
            Self::Missing => Box::new(std::iter::empty()),
            Self::Set(set) => Box::new(set.iter().map(|member| (text_bytes(member), 1.0))),
            Self::Sorted(zset) => Box::new(zset.iter().map(|(member, score)| (to_bytes(member), score))),
        }
    }
}

/// The bytes of a member; an integer is written out.
pub(crate) fn to_bytes(member: ListpackValue<'_>) -> Cow<'_, [u8]> {
    match member {
        ListpackValue::Bytes(bytes) => Cow::Borrowed(bytes),
        ListpackValue::Int(_) => Cow::Owned(member.to_vec()),
    }
}

/// The bytes of a member of a set.
fn text_bytes(member: Text<'_>) -> Cow<'_, [u8]> {
    match member {
        Text::Bytes(bytes) => Cow::Borrowed(bytes),
        Text::Int(_) => Cow::Owned(member.to_vec()),
    }
}
