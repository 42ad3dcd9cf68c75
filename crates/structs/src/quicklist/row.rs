//! A queue whose only item lies in it: what a short list's one chunk, and its one node, need no allocation for.

use std::collections::{VecDeque, vec_deque};
use std::iter::Chain;
use std::ops::{Index, IndexMut, Range};
use std::slice;

/// Items in order, cheap to add and take at both ends. One that held several once is a queue from then on.
#[derive(Debug, Clone)]
pub(super) enum Row<T> {
    One(T),
    /// None, or several; one only after there were several.
    Many(VecDeque<T>),
}

/// The items of a row, from either end.
pub(super) type Iter<'a, T> = Chain<slice::Iter<'a, T>, slice::Iter<'a, T>>;

impl<T> Row<T> {
    /// An empty one, which holds no heap yet.
    pub(super) const fn new() -> Self {
        Self::Many(VecDeque::new())
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(items) => items.len(),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of heap it holds, without what the items hold.
    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(items) => items.capacity() * size_of::<T>(),
        }
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        match self {
            Self::One(item) => (at == 0).then_some(item),
            Self::Many(items) => items.get(at),
        }
    }

    #[inline]
    fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match self {
            Self::One(item) => (at == 0).then_some(item),
            Self::Many(items) => items.get_mut(at),
        }
    }

    #[inline]
    pub(super) fn front(&self) -> Option<&T> {
        self.get(0)
    }

    #[inline]
    pub(super) fn back(&self) -> Option<&T> {
        self.get(self.len().wrapping_sub(1))
    }

    #[inline]
    pub(super) fn front_mut(&mut self) -> Option<&mut T> {
        self.get_mut(0)
    }

    #[inline]
    pub(super) fn back_mut(&mut self) -> Option<&mut T> {
        self.get_mut(self.len().wrapping_sub(1))
    }

    #[inline]
    pub(super) fn iter(&self) -> Iter<'_, T> {
        let (front, back) = match self {
            Self::One(item) => (slice::from_ref(item), &[][..]),
            Self::Many(items) => items.as_slices(),
        };
        front.iter().chain(back)
    }

    pub(super) fn push_front(&mut self, item: T) {
        self.insert(0, item);
    }

    pub(super) fn push_back(&mut self, item: T) {
        self.insert(self.len(), item);
    }

    /// Adds an item before the one at `at`, or behind all.
    pub(super) fn insert(&mut self, at: usize, item: T) {
        match self {
            Self::Many(items) if items.capacity() == 0 => *self = Self::One(item),
            _ => self.as_many().insert(at, item),
        }
    }

    /// Takes an item out; those behind it move up.
    pub(super) fn remove(&mut self, at: usize) -> Option<T> {
        if let Self::Many(items) = self {
            return items.remove(at);
        }
        match (at, std::mem::replace(self, Self::new())) {
            (0, Self::One(item)) => Some(item),
            (_, row) => {
                *self = row;
                None
            }
        }
    }

    /// Takes a run of items out.
    pub(super) fn drain(&mut self, run: Range<usize>) -> vec_deque::Drain<'_, T> {
        self.as_many().drain(run)
    }

    /// Takes the items from `at` on out.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        Self::Many(self.as_many().split_off(at))
    }

    /// Appends all items of another row.
    pub(super) fn append(&mut self, mut other: Self) {
        self.as_many().append(other.as_many());
    }

    fn as_many(&mut self) -> &mut VecDeque<T> {
        if let Self::One(_) = self
            && let Self::One(item) = std::mem::replace(self, Self::Many(VecDeque::with_capacity(2)))
        {
            self.as_many().push_back(item);
        }
        match self {
            Self::Many(items) => items,
            Self::One(_) => unreachable!("it was just made a queue"),
        }
    }
}

impl<T> Index<usize> for Row<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: usize) -> &T {
        self.get(at).expect("a place is that of an item")
    }
}

impl<T> IndexMut<usize> for Row<T> {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut T {
        self.get_mut(at).expect("a place is that of an item")
    }
}

impl<'a, T> IntoIterator for &'a Row<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_does_what_a_vector_does(steps in prop::collection::vec((0u8..9, any::<u8>()), 0..40)) {
            let (mut row, mut model) = (Row::new(), Vec::new());
            for (step, item) in steps {
                let at = usize::from(item) % (model.len() + 1);
                match step {
                    0 | 1 => {
                        row.push_back(item);
                        model.push(item);
                    }
                    2 => {
                        row.push_front(item);
                        model.insert(0, item);
                    }
                    3 => {
                        row.insert(at, item);
                        model.insert(at, item);
                    }
                    4 | 5 => {
                        let expected = (at < model.len()).then(|| model.remove(at));
                        prop_assert_eq!(row.remove(at), expected);
                    }
                    6 => prop_assert!(row.drain(at..row.len()).eq(model.drain(at..))),
                    7 => prop_assert!(row.split_off(at).iter().eq(&model.split_off(at))),
                    _ => {
                        row.append(row.clone());
                        model.extend_from_within(..);
                    }
                }
                prop_assert!(row.iter().eq(&model) && row.iter().rev().eq(model.iter().rev()));
                prop_assert_eq!((row.len(), row.is_empty()), (model.len(), model.is_empty()));
                prop_assert_eq!((row.front(), row.back()), (model.first(), model.last()));
                prop_assert_eq!(row.front_mut().copied(), model.first().copied());
                prop_assert_eq!(row.back_mut().copied(), model.last().copied());
            }
        }
    }

    #[test]
    fn one_item_takes_no_heap() {
        let mut row = Row::new();
        row.push_back(1);
        assert_eq!((row.memory_bytes(), row.get(0), row.get(1)), (0, Some(&1), None));
        assert_eq!((row.remove(1), row.remove(0), row.remove(0)), (None, Some(1), None));
        row.push_front(2);
        assert_eq!(row.memory_bytes(), 0);
        row.push_front(3);
        assert!(row.memory_bytes() > 0);
    }
}
