//! Elements that expire, as files name them: a member by itself, an element of a list by its index.

use spinel_structs::hash::HashKey;
use spinel_structs::number::parse_i64;

use super::{ExpiringMembers, ExpiringPlaces, Text, ValueMut, ValueRef};
use crate::UnixMillis;

/// Elements of a set, sorted set or list that expire, with their times.
pub enum ExpiringElements<'a> {
    /// Members, in no order.
    Members(ExpiringMembers<'a>),
    /// Elements of a list, by their indexes, ascending.
    Places(ExpiringPlaces<'a>),
}

impl<'a> Iterator for ExpiringElements<'a> {
    type Item = (Text<'a>, UnixMillis);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Members(members) => members.next().map(|(member, at)| (Text::Bytes(member), at)),
            Self::Places(places) => places.next().map(|(index, at)| (Text::Int(index as i64), at)),
        }
    }
}

impl<'a> ValueRef<'a> {
    /// The members of a set or sorted set and the elements of a list that expire, with their times.
    #[must_use]
    pub fn expiring_elements(self) -> Option<ExpiringElements<'a>> {
        match self {
            Self::Set(set) => Some(ExpiringElements::Members(set.expiring())),
            Self::SortedSet(zset) => Some(ExpiringElements::Members(zset.expiring())),
            Self::List(list) => Some(ExpiringElements::Places(list.expiring())),
            Self::Hash(_) | Self::String(_) | Self::Stream(_) | Self::Array(_) => None,
        }
    }
}

impl ValueMut<'_> {
    /// Lets elements of a set, sorted set or list, named as in files, expire at the times given; those that it has not are
    /// passed over.
    pub fn set_element_expiries<'m>(
        self,
        times: impl Iterator<Item = (&'m [u8], UnixMillis)>,
        hash_key: &HashKey,
    ) {
        match self {
            Self::Set(set) => times.for_each(|(member, at)| {
                set.set_expiry(Text::Bytes(member), Some(at), hash_key);
            }),
            Self::SortedSet(zset) => times.for_each(|(member, at)| {
                zset.set_expiry(member, Some(at), hash_key);
            }),
            Self::List(list) => times.for_each(|(index, at)| {
                if let Some(index) = parse_i64(index).and_then(|index| usize::try_from(index).ok()) {
                    list.set_expiry(index, Some(at));
                }
            }),
            Self::String | Self::Hash(_) | Self::Stream(_) | Self::Array(_) => {}
        }
    }
}
