//! A short array of at most `N` items, stored in place: the body of every tree node.
//!
//! An `Option` of a pointer is the pointer, so an empty place costs nothing and the array needs no raw memory:
//! `| len | item 0 | item 1 | ... | item len-1 | free ... |`. Inserting and removing move the items behind, which
//! for some dozen words is a single copy inside a few cache lines.

/// Up to `N` items in order.
#[derive(Debug)]
pub(super) struct Slots<T, const N: usize> {
    len: usize,
    items: [Option<T>; N],
}

const FILLED: &str = "every place below the length holds an item";

impl<T, const N: usize> Slots<T, N> {
    /// Most items that fit.
    pub(super) const CAPACITY: usize = N;

    /// No items.
    pub(super) fn new() -> Self {
        Self { len: 0, items: [const { None }; N] }
    }

    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether no further item fits.
    pub(super) fn is_full(&self) -> bool {
        self.len == N
    }

    /// The item at `at`, which must be below the length.
    pub(super) fn get(&self, at: usize) -> &T {
        self.items[at].as_ref().expect(FILLED)
    }

    /// As [`Self::get`], to change.
    pub(super) fn get_mut(&mut self, at: usize) -> &mut T {
        self.items[at].as_mut().expect(FILLED)
    }

    /// The neighbours `at` and `at + 1`, to change both.
    pub(super) fn pair_mut(&mut self, at: usize) -> (&mut T, &mut T) {
        let (left, right) = self.items.split_at_mut(at + 1);
        (left[at].as_mut().expect(FILLED), right[0].as_mut().expect(FILLED))
    }

    /// The filled places, each `Some`.
    pub(super) fn filled(&self) -> &[Option<T>] {
        &self.items[..self.len]
    }

    /// The items in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.filled().iter().map(|item| item.as_ref().expect(FILLED))
    }

    /// The first `at` for which `is_left` is false, when it is true for all before and false for all behind.
    pub(super) fn partition(&self, is_left: impl Fn(&T) -> bool) -> usize {
        self.filled().partition_point(|item| is_left(item.as_ref().expect(FILLED)))
    }

    /// Puts an item at `at` and moves those behind. There must be room.
    pub(super) fn insert(&mut self, at: usize, item: T) {
        assert!(at <= self.len && self.len < N, "an item is inserted into a gap of a node with room");
        self.len += 1;
        self.items[at..self.len].rotate_right(1);
        self.items[at] = Some(item);
    }

    /// Takes the item at `at` out and closes the gap.
    pub(super) fn remove(&mut self, at: usize) -> T {
        let item = self.items[at].take().expect(FILLED);
        self.items[at..self.len].rotate_left(1);
        self.len -= 1;
        item
    }

    /// Takes the items `from..to` out, in order, and closes the gap.
    pub(super) fn drain(&mut self, from: usize, to: usize, mut take: impl FnMut(T)) {
        assert!(from <= to && to <= self.len, "only filled places can be drained");
        for slot in &mut self.items[from..to] {
            take(slot.take().expect(FILLED));
        }
        self.items[from..self.len].rotate_left(to - from);
        self.len -= to - from;
    }

    /// Moves the last `count` items in front of those of the right neighbour.
    pub(super) fn move_tail(&mut self, count: usize, right: &mut Self) {
        let kept = self.len - count;
        right.len += count;
        right.items[..right.len].rotate_right(count);
        right.items[..count].swap_with_slice(&mut self.items[kept..self.len]);
        self.len = kept;
    }

    /// Moves the first `count` items behind those of the left neighbour.
    pub(super) fn move_head(&mut self, count: usize, left: &mut Self) {
        let start = left.len;
        left.len += count;
        left.items[start..left.len].swap_with_slice(&mut self.items[..count]);
        self.items[..self.len].rotate_left(count);
        self.len -= count;
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;
    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

    type Short = Slots<Box<u32>, 8>;

    fn content(slots: &Short) -> Vec<u32> {
        slots.iter().map(|item| **item).collect()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(usize, u32),
        Remove(usize),
        Drain(usize, usize),
        MoveTail(usize),
        MoveHead(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..8usize, any::<u32>()).prop_map(|(at, value)| Step::Insert(at, value)),
            1 => (0..8usize).prop_map(Step::Remove),
            1 => (0..8usize, 0..8usize).prop_map(|(a, b)| Step::Drain(a.min(b), a.max(b))),
            1 => (0..8usize).prop_map(Step::MoveTail),
            1 => (0..8usize).prop_map(Step::MoveHead),
        ]
    }

    proptest! {
        #[test]
        fn two_neighbours_behave_like_two_vectors(steps in prop::collection::vec(step(), 0..80)) {
            let (mut left, mut right) = (Short::new(), Short::new());
            let (mut left_model, mut right_model) = (Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Insert(at, value) if !left.is_full() => {
                        let at = at % (left.len() + 1);
                        left.insert(at, Box::new(value));
                        left_model.insert(at, value);
                    }
                    Step::Remove(at) if left.len() > 0 => {
                        let at = at % left.len();
                        prop_assert_eq!(*left.remove(at), left_model.remove(at));
                    }
                    Step::Drain(from, to) if to <= left.len() => {
                        let mut drained = Vec::new();
                        left.drain(from, to, |item| drained.push(*item));
                        prop_assert_eq!(drained, left_model.drain(from..to).collect::<Vec<_>>());
                    }
                    Step::MoveTail(count) => {
                        let count = count.min(left.len()).min(8 - right.len());
                        left.move_tail(count, &mut right);
                        let tail = left_model.split_off(left_model.len() - count);
                        right_model.splice(..0, tail);
                    }
                    Step::MoveHead(count) => {
                        let count = count.min(right.len()).min(8 - left.len());
                        right.move_head(count, &mut left);
                        left_model.extend(right_model.drain(..count));
                    }
                    Step::Insert(..) | Step::Remove(_) | Step::Drain(..) => {}
                }
                prop_assert_eq!(content(&left), left_model.clone());
                prop_assert_eq!(content(&right), right_model.clone());
            }
        }
    }
}
