//! The mark of an entry: one bit that tells a snapshot whether it has the entry (see [`crate::snapshot`]).

use super::{Entry, Header, MARKED};
use crate::snapshot::Mark;

impl Entry {
    /// The mark.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.header().flags & MARKED != 0)
    }

    /// Sets the mark. An entry made anew in place of another gets the other's.
    #[inline]
    pub(crate) fn set_mark(&mut self, mark: Mark) {
        // SAFETY: the allocation begins with an initialised header, and `self` is borrowed exclusively.
        let header = unsafe { self.0.cast::<Header>().as_mut() };
        header.flags = header.flags & !MARKED | if mark.0 { MARKED } else { 0 };
    }
}
