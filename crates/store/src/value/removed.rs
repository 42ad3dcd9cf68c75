//! Elements of collections that were removed because their time had come: by their names or, in a list, by their places.

use super::ValueMut;
use crate::UnixMillis;

/// Elements that were removed from a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovedElements {
    /// Fields of a hash, members of a set or sorted set, by name.
    Named(Vec<Box<[u8]>>),
    /// Elements of a list.
    Placed {
        /// The indexes they had before any was removed, ascending.
        indexes: Vec<usize>,
        /// The length that the list had.
        len: usize,
    },
}

impl RemovedElements {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Named(names) => names.len(),
            Self::Placed { indexes, .. } => indexes.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ValueMut<'_> {
    /// Removes up to `limit` elements whose time has come, the earliest first, those of a list from the head on; says which,
    /// and whether none is left.
    pub(crate) fn remove_due(self, now: UnixMillis, limit: usize) -> (RemovedElements, bool) {
        let mut names: Vec<Box<[u8]>> = Vec::new();
        let mut removed = |name: &[u8]| names.push(name.into());
        let is_empty = match self {
            Self::Hash(hash) => {
                hash.remove_due(now, limit, &mut removed);
                hash.is_empty()
            }
            Self::Set(set) => {
                set.remove_due(now, limit, &mut removed);
                set.is_empty()
            }
            Self::SortedSet(zset) => {
                zset.remove_due(now, limit, &mut removed);
                zset.is_empty()
            }
            Self::List(list) => {
                let len = list.len();
                let indexes = list.remove_due(now, limit);
                return (RemovedElements::Placed { indexes, len }, list.is_empty());
            }
            Self::String | Self::Stream(_) | Self::Array(_) => false,
        };
        (RemovedElements::Named(names), is_empty)
    }
}
