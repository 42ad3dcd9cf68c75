//! The expiries of elements. The list itself goes on to hold and show an element whose time has come until its owner, who is
//! told the earliest time, removes it: before any command sees the list, so that every index is right.
//!
//! An element has no name: its time is kept by its place, and every edit of the list tells which places came and went
//! ([`PlaceTimes`]), in O(log k) for k elements that expire. Each of these takes 48 bytes more; the quicklist stays as it is, so
//! that other servers know the list.

use std::ops::Range;

use spinel_structs::place_times::{self, PlaceTimes};
use spinel_structs::quicklist::QuickList;
use spinel_structs::size_class::malloc_size;

use super::{Form, List};
use crate::UnixMillis;

/// A list of which some elements expire.
#[derive(Clone, Debug)]
pub(super) struct TimedList {
    pub(super) elements: QuickList,
    /// Of one element at least.
    times: PlaceTimes,
}

impl TimedList {
    pub(super) fn take_chunk(&mut self, n: usize) -> usize {
        let times = self.times.len();
        self.times.take_chunk(n);
        let mut freed = times - self.times.len();
        while freed < n {
            let Some(node) = self.elements.take_node() else { break };
            freed += node.len();
        }
        self.elements.len() + self.times.len()
    }
}

impl List {
    #[inline]
    pub(super) fn is_timed(&self) -> bool {
        matches!(self.form, Form::Timed(_))
    }

    /// What was detached from another.
    pub(super) fn of_parts(elements: QuickList, times: PlaceTimes) -> Self {
        let form = if times.is_empty() {
            Form::Plain(elements)
        } else {
            Form::Timed(Box::new(TimedList { elements, times }))
        };
        Self { form }
    }

    /// When the element at an index expires, if there is such an element.
    #[must_use]
    pub fn expiry(&self, index: usize) -> Option<Option<UnixMillis>> {
        (index < self.len()).then(|| match &self.form {
            Form::Plain(_) => None,
            Form::Timed(timed) => timed.times.get(index).map(UnixMillis),
        })
    }

    /// Sets, changes or removes the expiry of the element at an index; false if there is no such element.
    #[inline]
    pub fn set_expiry(&mut self, index: usize, expiry: Option<UnixMillis>) -> bool {
        if index >= self.len() {
            return false;
        }
        if self.is_timed() || expiry.is_some() {
            self.change_expiry(index, expiry);
        }
        true
    }

    #[cold]
    fn change_expiry(&mut self, index: usize, expiry: Option<UnixMillis>) {
        if let Form::Plain(elements) = &mut self.form {
            let elements = std::mem::take(elements);
            self.form = Form::Timed(Box::new(TimedList { elements, times: PlaceTimes::default() }));
        }
        if let Form::Timed(timed) = &mut self.form {
            timed.times.set(index, expiry.map(|at| at.0));
        }
        self.drop_times_if_empty();
    }

    /// With the last element that expires goes what is kept of them.
    fn drop_times_if_empty(&mut self) {
        if let Form::Timed(timed) = &mut self.form
            && timed.times.is_empty()
        {
            self.form = Form::Plain(std::mem::take(&mut timed.elements));
        }
    }

    /// Elements were inserted in front of what was at an index.
    #[inline]
    pub(super) fn note_opened(&mut self, index: usize, count: usize) {
        if let Form::Timed(timed) = &mut self.form {
            timed.times.opened(index, count);
        }
    }

    /// Takes the times of elements that are about to be removed, which there are.
    #[inline]
    pub(super) fn take_times(&mut self, indexes: Range<usize>) -> PlaceTimes {
        match &mut self.form {
            Form::Plain(_) => PlaceTimes::default(),
            Form::Timed(timed) => {
                let times = timed.times.closed(indexes);
                self.drop_times_if_empty();
                times
            }
        }
    }

    /// The earliest expiry of an element.
    #[inline]
    #[must_use]
    pub fn next_expiry(&self) -> Option<UnixMillis> {
        match &self.form {
            Form::Plain(_) => None,
            Form::Timed(timed) => timed.times.earliest().map(UnixMillis),
        }
    }

    /// Removes up to `limit` elements whose time has come, those nearest to the head; gives the indexes they had, ascending.
    pub fn remove_due(&mut self, now: UnixMillis, limit: usize) -> Vec<usize> {
        let Form::Timed(timed) = &self.form else { return Vec::new() };
        let due = timed.times.due(now.0, limit);
        self.remove_at(&due);
        due
    }

    /// Removes the elements at indexes that ascend. Those side by side go together.
    pub fn remove_at(&mut self, indexes: &[usize]) {
        for run in indexes.chunk_by(|one, next| one + 1 == *next).rev() {
            drop(self.detach(run[0]..run[0] + run.len()));
        }
    }

    /// The indexes of the elements that expire, ascending, with their times.
    #[must_use]
    pub fn expiring(&self) -> ExpiringPlaces<'_> {
        ExpiringPlaces(match &self.form {
            Form::Plain(_) => None,
            Form::Timed(timed) => Some(timed.times.iter()),
        })
    }

    /// How many elements expire.
    pub(super) fn times_count(&self) -> usize {
        match &self.form {
            Form::Plain(_) => 0,
            Form::Timed(timed) => timed.times.len(),
        }
    }

    pub(super) fn times_bytes(&self) -> usize {
        match &self.form {
            Form::Plain(_) => 0,
            Form::Timed(timed) => malloc_size(size_of::<TimedList>()) + timed.times.memory_bytes(),
        }
    }

    /// Panics when something is not as it should be. For tests; takes time in proportion to the list.
    pub fn check_invariants(&self) {
        self.elements().check_invariants();
        if let Form::Timed(timed) = &self.form {
            timed.times.check_invariants();
            assert!(!timed.times.is_empty(), "some element expires");
            let last = timed.times.iter().last();
            assert!(last.is_some_and(|(index, _)| index < self.len()), "it is in the list");
        }
    }
}

/// Indexes of elements that expire, ascending, with their times.
pub struct ExpiringPlaces<'a>(Option<place_times::Iter<'a>>);

impl Iterator for ExpiringPlaces<'_> {
    type Item = (usize, UnixMillis);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.as_mut()?.next().map(|(index, at)| (index, UnixMillis(at)))
    }
}

#[cfg(test)]
#[path = "expiry_tests.rs"]
mod tests;
