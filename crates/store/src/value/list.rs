//! The list value: a quicklist, and when its limits apply.
//!
//! As in Redis, how many elements a node takes is decided when the list is made and kept when the configuration
//! changes; the size from which an element gets a node of its own is always the configured one.
//!
//! A list of which elements expire has their times beside the quicklist ([`expiry`]); any other pays for that with one
//! comparison an edit, and with no memory.
//!
//! What it does not do: keep lists of a single listpack apart (Redis does so from 7.2 on), compress nodes.

mod expiry;

use std::ops::Range;

use spinel_structs::listpack::Needle;
use spinel_structs::quicklist::{Fill, Limits, QuickList};
use spinel_structs::size_class::malloc_size;

use super::EncodingLimits;
use super::ahead::Body;
use expiry::TimedList;

pub use expiry::ExpiringPlaces;
pub use spinel_structs::listpack::ListpackValue as ListElement;
pub use spinel_structs::quicklist::{End, Iter as ListElements, Node as ListNode, Nodes as ListNodes};

/// A list of byte strings.
#[derive(Debug, Default)]
pub struct List {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Plain(QuickList),
    /// Some elements expire.
    Timed(Box<TimedList>),
}

// The form stands where the quicklist has bits to spare.
const _: () = assert!(size_of::<List>() == size_of::<QuickList>());

impl Default for Form {
    fn default() -> Self {
        Self::Plain(QuickList::default())
    }
}

impl List {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What stands behind it.
    #[inline]
    pub(super) fn body(&self) -> Body<'_> {
        match &self.form {
            Form::Plain(elements) => elements.only_node().map_or(Body::Elsewhere, Body::Ends),
            Form::Timed(_) => Body::Elsewhere,
        }
    }

    #[inline]
    fn elements(&self) -> &QuickList {
        match &self.form {
            Form::Plain(elements) => elements,
            Form::Timed(timed) => &timed.elements,
        }
    }

    #[inline]
    fn elements_mut(&mut self) -> &mut QuickList {
        match &mut self.form {
            Form::Plain(elements) => elements,
            Form::Timed(timed) => &mut timed.elements,
        }
    }

    /// Elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements().is_empty()
    }

    /// The element at an index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<ListElement<'_>> {
        self.elements().get(index)
    }

    /// The element at an end.
    #[must_use]
    pub fn peek(&self, end: End) -> Option<ListElement<'_>> {
        match end {
            End::Front => self.elements().front(),
            End::Back => self.elements().back(),
        }
    }

    /// The elements at `indexes`, cut to what exists, from either end.
    #[must_use]
    pub fn range(&self, indexes: Range<usize>) -> ListElements<'_> {
        self.elements().range(indexes)
    }

    /// The indexes of the elements equal to `value`, sought from one end among the `within` elements nearest to it.
    pub fn find<'a>(&'a self, value: &'a [u8], from: End, within: usize) -> impl Iterator<Item = usize> + 'a {
        let needle = Needle::new(value);
        let (len, within) = (self.len(), within.min(self.len()));
        let mut elements = match from {
            End::Front => self.range(0..within),
            End::Back => self.range(len - within..len),
        };
        let next = move || match from {
            End::Front => elements.next(),
            End::Back => elements.next_back(),
        };
        std::iter::from_fn(next)
            .enumerate()
            .filter(move |(_, element)| needle.matches(*element))
            .map(move |(seen, _)| if from == End::Front { seen } else { len - 1 - seen })
    }

    /// The index of the first element equal to `value`.
    #[must_use]
    pub fn first_equal(&self, value: &[u8]) -> Option<usize> {
        self.elements().find(value, 0)
    }

    /// Adds elements at an end, one after the other.
    pub fn push<'v>(
        &mut self,
        end: End,
        values: impl IntoIterator<Item = &'v [u8]>,
        limits: &EncodingLimits,
    ) {
        let before = self.len();
        let elements = self.open(limits);
        for value in values {
            match end {
                End::Front => elements.push_front(value),
                End::Back => elements.push_back(value),
            }
        }
        if end == End::Front {
            let count = self.len() - before;
            self.note_opened(0, count);
        }
    }

    /// Removes the element at an end after showing it to `visit`; returns what that made of it.
    pub fn pop<R>(&mut self, end: End, visit: impl FnOnce(ListElement<'_>) -> R) -> Option<R> {
        if self.is_timed() {
            self.take_time_at(end);
        }
        match end {
            End::Front => self.elements_mut().pop_front_with(visit),
            End::Back => self.elements_mut().pop_back_with(visit),
        }
    }

    #[cold]
    fn take_time_at(&mut self, end: End) {
        if let Some(last) = self.len().checked_sub(1) {
            let index = if end == End::Front { 0 } else { last };
            drop(self.take_times(index..index + 1));
        }
    }

    /// Inserts before the element at `index`; false if there is none.
    pub fn insert_before(&mut self, index: usize, value: &[u8], limits: &EncodingLimits) -> bool {
        let is_done = self.open(limits).insert_before(index, value);
        if is_done {
            self.note_opened(index, 1);
        }
        is_done
    }

    /// Inserts after the element at `index`; false if there is none.
    pub fn insert_after(&mut self, index: usize, value: &[u8], limits: &EncodingLimits) -> bool {
        let is_done = self.open(limits).insert_after(index, value);
        if is_done {
            self.note_opened(index + 1, 1);
        }
        is_done
    }

    /// Replaces the element at `index`, by one that does not expire; false if there is none.
    pub fn replace(&mut self, index: usize, value: &[u8], limits: &EncodingLimits) -> bool {
        self.set_expiry(index, None);
        self.open(limits).replace(index, value)
    }

    /// Removes up to `limit` elements equal to `value`, sought from one end; returns how many.
    pub fn remove_equal(&mut self, value: &[u8], limit: usize, from: End) -> usize {
        if self.is_timed() {
            let mut indexes: Vec<usize> = self.find(value, from, usize::MAX).take(limit).collect();
            indexes.sort_unstable();
            indexes.into_iter().rev().for_each(|index| drop(self.take_times(index..index + 1)));
        }
        self.elements_mut().remove_equal(value, limit, from)
    }

    /// Removes the elements at `indexes`; gives what went by whole nodes, to be freed elsewhere, and their times.
    #[must_use]
    pub fn detach(&mut self, indexes: Range<usize>) -> Self {
        let end = indexes.end.min(self.len());
        let indexes = indexes.start.min(end)..end;
        let times = self.take_times(indexes.clone());
        let elements = self.elements_mut().detach_range(indexes.start, indexes.len());
        Self::of_parts(elements, times)
    }

    /// The limit of a node, as `list-max-listpack-size` stood when the list was made.
    #[must_use]
    pub fn node_limit(&self) -> i64 {
        self.elements().limits().fill.to_config()
    }

    /// How many nodes it has: O(nodes / 64).
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.elements().node_count()
    }

    /// The nodes, as dumps and snapshots hold them.
    pub fn nodes(&self) -> ListNodes<'_> {
        self.elements().nodes()
    }

    /// Adds a whole node at the back, as dumps and snapshots hold it.
    pub fn push_node(&mut self, node: ListNode, limits: &EncodingLimits) {
        self.open(limits).push_node(node);
    }

    /// The name `OBJECT ENCODING` reports.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        "quicklist"
    }

    /// Bytes allocated.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        malloc_size(size_of::<Self>()) + self.elements().memory_bytes() + self.times_bytes()
    }

    /// About as many, for a moment at the most.
    #[must_use]
    pub fn estimated_bytes(&self) -> usize {
        malloc_size(size_of::<Self>()) + self.elements().estimated_bytes() + self.times_bytes()
    }

    /// Frees up to about `n` elements, by whole nodes, or times, and says how many are left.
    pub fn take_chunk(&mut self, n: usize) -> usize {
        if let Form::Timed(timed) = &mut self.form {
            return timed.take_chunk(n);
        }
        let mut freed = 0;
        while freed < n {
            let Some(node) = self.elements_mut().take_node() else { break };
            freed += node.len();
        }
        self.len()
    }

    /// Roughly how many allocations freeing it takes: its nodes, and those of the times.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        self.elements().node_count() + self.times_count()
    }

    /// A copy that shares nothing with this one.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self { form: self.form.clone() }
    }

    /// The elements, to be added to within the limits.
    fn open(&mut self, limits: &EncodingLimits) -> &mut QuickList {
        let elements = self.elements_mut();
        let fill = if elements.is_empty() {
            Fill::from_config(i64::from(limits.list_max_listpack_size))
        } else {
            elements.limits().fill
        };
        let nodes = Limits::with_fill(fill);
        elements.set_limits(nodes.packed_threshold(limits.list_packed_threshold as u64).unwrap_or(nodes));
        elements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str], limits: &EncodingLimits) -> List {
        let mut list = List::new();
        list.push(End::Back, values.iter().map(|value| value.as_bytes()), limits);
        list
    }

    fn two_a_node() -> EncodingLimits {
        EncodingLimits { list_max_listpack_size: 2, ..EncodingLimits::default() }
    }

    #[test]
    fn a_list_keeps_the_node_size_it_was_made_with() {
        let mut list = list(&["a", "b", "c", "d"], &two_a_node());
        list.push(End::Back, [&b"e"[..], b"f"], &EncodingLimits::default());
        assert_eq!(list.free_effort(), 3);
        let plain = EncodingLimits { list_packed_threshold: 1, ..EncodingLimits::default() };
        list.push(End::Back, [&b"g"[..]], &plain);
        assert!(matches!(list.nodes().next_back(), Some(ListNode::Plain(_))));
    }

    #[test]
    fn equal_elements_are_found_from_either_end() {
        let list = list(&["a", "7", "a", "b", "a"], &two_a_node());
        let found = |value: &str, from, within| list.find(value.as_bytes(), from, within).collect::<Vec<_>>();
        assert_eq!(found("a", End::Front, usize::MAX), [0, 2, 4]);
        assert_eq!(found("a", End::Front, 2), [0]);
        assert_eq!(found("a", End::Back, 4), [4, 2]);
        assert_eq!(found("7", End::Back, 4), [1]);
        assert!(found("07", End::Front, 9).is_empty());
        assert_eq!(
            ["a", "7", "b", "c"].map(|value| list.first_equal(value.as_bytes())),
            [Some(0), Some(1), Some(3), None]
        );
    }

    #[test]
    fn a_list_is_freed_in_slices_and_taken_apart_by_nodes() {
        let mut list = list(&["a", "b", "c", "d", "e", "f"], &two_a_node());
        let copy = list.duplicate();
        let gone = list.detach(1..5);
        assert_eq!((list.len(), gone.len()), (2, 2));
        assert_eq!(copy.len(), 6);
        let mut copy = copy;
        assert_eq!(copy.take_chunk(3), 2);
        assert_eq!(copy.take_chunk(3), 0);
    }
}
