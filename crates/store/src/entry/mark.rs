//! The mark of an entry: one bit that tells a snapshot whether it has the entry (see [`crate::snapshot`]).

use super::{Entry, Header, MARKED};
use crate::snapshot::Mark;

impl Mark {
    /// The mark of no entry.
    pub(crate) const NONE: Self = Self(!MARKED);

    /// The other mark.
    pub(crate) fn turned(self) -> Self {
        Self(self.0 ^ MARKED)
    }
}

impl Entry {
    /// The mark.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.header().flags & MARKED)
    }

    /// Sets the mark. An entry made anew in place of another gets the other's.
    #[inline]
    pub(crate) fn set_mark(&mut self, mark: Mark) {
        // SAFETY: the allocation begins with an initialised header, and `self` is borrowed exclusively.
        let header = unsafe { self.0.cast::<Header>().as_mut() };
        debug_assert!(mark != Mark::NONE);
        header.flags = header.flags & !MARKED | mark.0;
    }
}
