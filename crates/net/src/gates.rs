//! Replies held back until the journal is safe: what a client reads of a write, its own or another's, was written down.
//!
//! ```text
//!  out:   [ sent | released |   until position 7   |  until position 9 ]
//! ```
//!
//! Commands go on meanwhile; only bytes wait.

use std::collections::VecDeque;

use spinel_engine::journal::JournalPosition;

/// What of a connection's replies must wait, and for what.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    /// Ends of replies with the positions they wait for, both ascending.
    closed: VecDeque<(usize, JournalPosition)>,
    /// What stands before the first gate may be sent; meaningless without a gate.
    released: usize,
}

impl Gates {
    /// How far replies may be sent; `None` if there is no gate.
    #[inline]
    pub(crate) fn released(&self) -> Option<usize> {
        (!self.closed.is_empty()).then_some(self.released)
    }

    /// Makes the replies from `start` to `end` wait for `position`.
    pub(crate) fn close(&mut self, start: usize, end: usize, position: JournalPosition) {
        if self.closed.is_empty() {
            self.released = start;
        }
        match self.closed.back_mut() {
            Some(last) if last.1 == position => last.0 = end,
            _ => self.closed.push_back((end, position)),
        }
    }

    /// Opens the gates that waited for what is safe now.
    pub(crate) fn open(&mut self, safe: JournalPosition) {
        while let Some(&(end, position)) = self.closed.front()
            && position <= safe
        {
            self.released = end;
            self.closed.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_released_in_order_as_far_as_the_journal_is_safe() {
        let mut gates = Gates::default();
        assert_eq!(gates.released(), None);
        gates.close(10, 30, JournalPosition(7));
        gates.close(10, 40, JournalPosition(7));
        gates.close(10, 50, JournalPosition(9));
        assert_eq!(gates.released(), Some(10));
        gates.open(JournalPosition(6));
        assert_eq!(gates.released(), Some(10));
        gates.open(JournalPosition(8));
        assert_eq!(gates.released(), Some(40));
        gates.open(JournalPosition(9));
        assert_eq!(gates.released(), None);
    }
}
