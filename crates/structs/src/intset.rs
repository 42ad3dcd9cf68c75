//! A sorted array of integers, each as wide as the widest needs.
//!
//! # The idea
//! A set that holds only integers and is small needs neither hashes nor pointers: sorted in one block it
//! is searched by bisection. All members take the same width, the smallest of 2, 4 and 8 bytes that holds
//! every one of them. The first member that does not fit widens all; the block never narrows again.
//!
//! # The bytes
//! ```text
//!  width    length   members, ascending, width bytes each
//! +--------+--------+----+----+----+ ··· +----+
//! | u32 LE | u32 LE |    |    |    |     |    |
//! +--------+--------+----+----+----+ ··· +----+
//! ```
//! Exactly the intset of Redis, which goes into RDB files as it is, little-endian everywhere.
//!
//! # Sizes and costs
//! 8 bytes and 2, 4 or 8 for each member: 512 members take 1032, 2056 or 4104 bytes. Membership O(log n),
//! member by index O(1), adding and removing O(n) for the `memmove`. An [`IntSet`] is 24 bytes beside its
//! block, which has no unused capacity beyond an eighth.
//!
//! # What it does not do
//! It sets no limit on its length: the collection decides when to move to a hash table.
//!
//! # Source
//! Pieter Noordhuis's `intset.c` of Redis defines the format; the facts are from the payloads of Redis 7.0.

use std::fmt;

/// Bytes before the first member.
const HEADER: usize = 8;

/// Bytes a member takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Two = 2,
    Four = 4,
    Eight = 8,
}

impl Width {
    fn of(value: i64) -> Self {
        if i16::try_from(value).is_ok() {
            Width::Two
        } else if i32::try_from(value).is_ok() {
            Width::Four
        } else {
            Width::Eight
        }
    }

    fn bytes(self) -> usize {
        self as usize
    }
}

/// Why bytes are not an intset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntSetError {
    /// Too short to hold a header.
    TooShort,
    /// The width is none of 2, 4 and 8.
    WrongWidth,
    /// Width times length differs from the number of bytes.
    WrongLength,
    /// The member at this index is not greater than the one before it.
    Unsorted(usize),
}

impl fmt::Display for IntSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntSetError::TooShort => f.write_str("intset shorter than its header"),
            IntSetError::WrongWidth => f.write_str("intset width is none of 2, 4 and 8"),
            IntSetError::WrongLength => f.write_str("intset length differs from the bytes given"),
            IntSetError::Unsorted(index) => write!(f, "intset member {index} is out of order"),
        }
    }
}

impl std::error::Error for IntSetError {}

/// A set of integers in one sorted block; see the [module](self) for the format.
#[derive(Clone, PartialEq, Eq)]
pub struct IntSet {
    bytes: Vec<u8>,
}

impl Default for IntSet {
    fn default() -> Self {
        IntSet::new()
    }
}

impl IntSet {
    /// An empty set.
    pub fn new() -> Self {
        IntSet { bytes: vec![2, 0, 0, 0, 0, 0, 0, 0] }
    }

    /// Takes `bytes` as an intset after checking all of them: O(n), no copy.
    ///
    /// # Errors
    /// An [`IntSetError`] with the first fault found. An empty set is accepted here; whether a key may hold
    /// one is for the caller to say.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, IntSetError> {
        if bytes.len() < HEADER {
            return Err(IntSetError::TooShort);
        }
        if !matches!(bytes[..4], [2 | 4 | 8, 0, 0, 0]) {
            return Err(IntSetError::WrongWidth);
        }
        let set = IntSet { bytes };
        let members = set.bytes.len() - HEADER;
        if set.len().checked_mul(set.width().bytes()) != Some(members) {
            return Err(IntSetError::WrongLength);
        }
        let unsorted = set.iter().zip(set.iter().skip(1)).position(|(before, after)| before >= after);
        match unsorted {
            Some(index) => Err(IntSetError::Unsorted(index + 1)),
            None => Ok(set),
        }
    }

    /// The whole block, as it goes into files.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of members.
    #[inline]
    pub fn len(&self) -> usize {
        let b = &self.bytes;
        u32::from_le_bytes([b[4], b[5], b[6], b[7]]) as usize
    }

    /// Whether there is no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER
    }

    /// Bytes of heap the set holds.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether `value` is a member.
    #[inline]
    pub fn contains(&self, value: i64) -> bool {
        Width::of(value) <= self.width() && self.search(value).is_ok()
    }

    /// The member at `index` in ascending order: with a random index, a fair random member.
    #[inline]
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.member(self.width(), index))
    }

    /// The smallest member.
    pub fn min(&self) -> Option<i64> {
        self.get(0)
    }

    /// The greatest member.
    pub fn max(&self) -> Option<i64> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The members in ascending order; in descending order by [`Iterator::rev`].
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone + '_ {
        let width = self.width();
        (0..self.len()).map(move |index| self.member(width, index))
    }

    /// Adds `value`; returns whether it was new.
    pub fn add(&mut self, value: i64) -> bool {
        self.widen(Width::of(value));
        let Err(index) = self.search(value) else { return false };
        let width = self.width().bytes();
        let at = HEADER + index * width;
        let length = self.bytes.len();
        self.reserve(width);
        self.bytes.resize(length + width, 0);
        self.bytes.copy_within(at..length, at + width);
        self.bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        self.set_len(self.len() + 1);
        true
    }

    /// Removes `value`; returns whether it was a member.
    pub fn remove(&mut self, value: i64) -> bool {
        if Width::of(value) > self.width() {
            return false;
        }
        let Ok(index) = self.search(value) else { return false };
        let width = self.width().bytes();
        let at = HEADER + index * width;
        self.bytes.drain(at..at + width);
        self.set_len(self.len() - 1);
        if self.bytes.len() <= self.bytes.capacity() / 4 * 3 {
            self.bytes.shrink_to_fit();
        }
        true
    }

    /// Panics when an internal rule is broken; for tests.
    pub fn check_invariants(&self) {
        if let Err(error) = IntSet::from_bytes(self.bytes.clone()) {
            panic!("{error}");
        }
        for value in self.iter() {
            assert!(Width::of(value) <= self.width());
        }
    }

    fn width(&self) -> Width {
        match self.bytes[0] {
            2 => Width::Two,
            4 => Width::Four,
            _ => Width::Eight,
        }
    }

    #[inline]
    fn member(&self, width: Width, index: usize) -> i64 {
        let at = HEADER + index * width.bytes();
        let b = &self.bytes[at..at + width.bytes()];
        match width {
            Width::Two => i64::from(i16::from_le_bytes([b[0], b[1]])),
            Width::Four => i64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            Width::Eight => i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
        }
    }

    /// The index of `value`, or the one where it would be inserted.
    fn search(&self, value: i64) -> Result<usize, usize> {
        let width = self.width();
        let (mut low, mut high) = (0, self.len());
        // Ascending input is the common case: look at the last member first.
        if let Some(last) = high.checked_sub(1)
            && self.member(width, last) < value
        {
            return Err(high);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match self.member(width, middle).cmp(&value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// Rewrites all members in `width` if that is wider than the present one.
    fn widen(&mut self, width: Width) {
        if width <= self.width() {
            return;
        }
        let mut bytes = Vec::with_capacity(HEADER + (self.len() + 1) * width.bytes());
        bytes.extend_from_slice(&(width as u32).to_le_bytes());
        bytes.extend_from_slice(&self.bytes[4..HEADER]);
        for value in self.iter() {
            bytes.extend_from_slice(&value.to_le_bytes()[..width.bytes()]);
        }
        self.bytes = bytes;
    }

    /// Makes room for `extra` bytes: to the next 16, or an eighth more once that is larger.
    fn reserve(&mut self, extra: usize) {
        let needed = self.bytes.len() + extra;
        if needed > self.bytes.capacity() {
            let room = (needed + needed / 8).next_multiple_of(16);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
    }

    fn set_len(&mut self, length: usize) {
        let length = u32::try_from(length).expect("a set has fewer than 2^32 members");
        self.bytes[4..HEADER].copy_from_slice(&length.to_le_bytes());
    }
}

impl fmt::Debug for IntSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<i64> for IntSet {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> Self {
        let mut set = IntSet::new();
        for value in values {
            set.add(value);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn members_lie_sorted_in_the_narrowest_common_width() {
        let mut set: IntSet = [3, -1, 2].into_iter().collect();
        assert_eq!(set.as_bytes(), [2, 0, 0, 0, 3, 0, 0, 0, 0xFF, 0xFF, 2, 0, 3, 0]);
        assert!(set.add(32_768) && !set.add(2));
        assert_eq!(set.as_bytes()[..12], [4, 0, 0, 0, 4, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert!(set.add(i64::MIN));
        assert_eq!((set.as_bytes().len(), set.min(), set.max()), (48, Some(i64::MIN), Some(32_768)));
        assert!(set.remove(i64::MIN) && set.remove(32_768));
        assert_eq!(set.as_bytes()[0], 8, "a set never narrows");
        set.check_invariants();
    }

    #[test]
    fn each_width_ends_where_its_integer_type_ends() {
        let widths = [
            (32_767, 2),
            (-32_768, 2),
            (32_768, 4),
            (-32_769, 4),
            (2_147_483_647, 4),
            (-2_147_483_648, 4),
            (2_147_483_648, 8),
            (-2_147_483_649, 8),
        ];
        for (value, width) in widths {
            let set: IntSet = [value].into_iter().collect();
            assert_eq!((set.as_bytes()[0], set.get(0)), (width, Some(value)));
        }
    }

    #[test]
    fn damaged_bytes_are_named_and_refused() {
        let parse = |bytes: &[u8]| IntSet::from_bytes(bytes.to_vec()).err();
        assert_eq!(parse(&[2, 0, 0, 0, 0, 0, 0]), Some(IntSetError::TooShort));
        assert_eq!(parse(&[3, 0, 0, 0, 0, 0, 0, 0]), Some(IntSetError::WrongWidth));
        assert_eq!(parse(&[2, 0, 0, 1, 0, 0, 0, 0]), Some(IntSetError::WrongWidth));
        assert_eq!(parse(&[2, 0, 0, 0, 1, 0, 0, 0]), Some(IntSetError::WrongLength));
        assert_eq!(parse(&[8, 0, 0, 0, 255, 255, 255, 255]), Some(IntSetError::WrongLength));
        assert_eq!(parse(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0]), Some(IntSetError::Unsorted(1)));
        assert_eq!(parse(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0xFF, 0xFF]), Some(IntSetError::Unsorted(1)));
        assert_eq!(parse(&[2, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    fn member() -> impl Strategy<Value = i64> {
        prop_oneof![4 => -20i64..20, 2 => -40_000i64..40_000, 1 => any::<i32>().prop_map(i64::from), 1 => any::<i64>()]
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_sorted_set(steps in prop::collection::vec((any::<bool>(), member()), 0..80)) {
            let mut set = IntSet::new();
            let mut model = BTreeSet::new();
            for (adds, value) in steps {
                if adds {
                    prop_assert_eq!(set.add(value), model.insert(value));
                } else {
                    prop_assert_eq!(set.remove(value), model.remove(&value));
                }
                set.check_invariants();
                prop_assert!(set.memory_bytes() <= set.as_bytes().len() * 4 / 3 + 32);
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert!(set.iter().rev().eq(model.iter().rev().copied()));
            prop_assert_eq!((set.min(), set.max()), (model.first().copied(), model.last().copied()));
            prop_assert_eq!(set.get(set.len()), None);
            for value in -25..25 {
                prop_assert_eq!(set.contains(value), model.contains(&value));
            }
            prop_assert_eq!(IntSet::from_bytes(set.as_bytes().to_vec()).unwrap(), set);
        }

        #[test]
        fn hostile_bytes_are_refused_or_a_sound_set(mut bytes in prop::collection::vec(any::<u8>(), 0..60), width in 0u8..9) {
            if bytes.len() >= HEADER {
                let length = (bytes.len() - HEADER).checked_div(usize::from(width)).unwrap_or(7) as u32;
                bytes[..4].copy_from_slice(&[width, 0, 0, 0]);
                bytes[4..HEADER].copy_from_slice(&length.to_le_bytes());
            }
            if let Ok(set) = IntSet::from_bytes(bytes) {
                set.check_invariants();
            }
        }
    }
}
