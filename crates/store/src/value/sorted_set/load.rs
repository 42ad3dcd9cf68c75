//! Sorted sets from outside, as dumps and snapshots hold them: a listpack of pairs, or members one by one.

use std::cmp::Ordering;

use spinel_structs::hash::HashKey;
use spinel_structs::listpack::{Listpack, ListpackValue};
use spinel_structs::sorted_set::{PackedSortedSet, SortedSet as Tree};

use super::{Form, SortedSet};
use crate::value::EncodingLimits;
use crate::value::distinct::{LoadError, all_differ};

impl SortedSet {
    /// The listpack of a small set, as dumps and snapshots hold it.
    #[must_use]
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Packed(packed) => Some(packed.as_listpack()),
            Form::Tree(_) | Form::Timed(_) => None,
        }
    }

    /// Takes over a listpack of members and scores. It stays one unless it has too many members or bytes; how long the
    /// members are is, as in Redis, looked at when the set is changed.
    ///
    /// # Errors
    /// When a score is missing or not a number, members are not in order or one comes twice.
    pub fn from_listpack(pack: Listpack, limits: &EncodingLimits, key: &HashKey) -> Result<Self, LoadError> {
        if !pack.len().is_multiple_of(2) {
            return Err(LoadError::Odd);
        }
        if !all_differ(pack.pairs().map(|(member, _)| member), key) {
            return Err(LoadError::Repeated);
        }
        let packed = PackedSortedSet::from_ordered_listpack(pack).ok_or(LoadError::Unordered)?;
        let is_large =
            packed.len() > limits.zset_max_listpack_entries || packed.as_listpack().would_exceed(0);
        let form =
            if is_large { Form::Tree(Box::new(packed.to_sorted_set(*key))) } else { Form::Packed(packed) };
        Ok(Self { form })
    }
}

/// A sorted set whose members come one by one from outside, in any order.
///
/// Their bytes are collected in one block; files hold them in descending order, which is only turned around.
#[derive(Default)]
pub struct SortedSetLoader {
    bytes: Vec<u8>,
    members: Vec<Loaded>,
    longest: usize,
}

/// Where a member's bytes end (they begin where those of the member pushed before it end), and its score.
#[derive(Clone, Copy)]
struct Loaded {
    start: usize,
    length: usize,
    score: f64,
}

impl SortedSetLoader {
    /// Ready for members; `count` of them need no further allocation for their places.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self { members: Vec::with_capacity(count), ..Self::default() }
    }

    /// Adds a member.
    ///
    /// # Errors
    /// When the score is not a number.
    pub fn push(&mut self, member: &[u8], score: f64) -> Result<(), LoadError> {
        if score.is_nan() {
            return Err(LoadError::NotANumber);
        }
        self.longest = self.longest.max(member.len());
        self.members.push(Loaded { start: self.bytes.len(), length: member.len(), score });
        self.bytes.extend_from_slice(member);
        Ok(())
    }

    /// The set.
    ///
    /// # Errors
    /// When a member came twice.
    pub fn finish(mut self, limits: &EncodingLimits, key: &HashKey) -> Result<SortedSet, LoadError> {
        self.sort();
        let total = self.bytes.len();
        let fits = self.members.len() <= limits.zset_max_listpack_entries
            && self.longest <= limits.zset_max_listpack_value
            && !Listpack::new().would_exceed(total);
        let members = || self.members.iter().map(|member| (self.text(*member), member.score));
        if !fits {
            // They ascend by score and bytes, so what is refused comes twice.
            let tree = Tree::from_ascending(*key, members()).ok_or(LoadError::Repeated)?;
            return Ok(SortedSet { form: Form::Tree(Box::new(tree)) });
        }
        if !all_differ(members().map(|(member, _)| ListpackValue::Bytes(member)), key) {
            return Err(LoadError::Repeated);
        }
        Ok(SortedSet { form: Form::Packed(PackedSortedSet::from_ascending(members())) })
    }

    fn text(&self, member: Loaded) -> &[u8] {
        &self.bytes[member.start..member.start + member.length]
    }

    /// Puts the members in ascending order.
    fn sort(&mut self) {
        let mut members = std::mem::take(&mut self.members);
        if members.is_sorted_by(|one, other| self.order(*one, *other).is_ge()) {
            members.reverse();
        } else if !members.is_sorted_by(|one, other| self.order(*one, *other).is_le()) {
            members.sort_unstable_by(|one, other| self.order(*one, *other));
        }
        self.members = members;
    }

    fn order(&self, one: Loaded, other: Loaded) -> Ordering {
        let by_score = one.score.partial_cmp(&other.score).expect("no score is NaN: `push` looked");
        by_score.then_with(|| self.text(one).cmp(self.text(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> HashKey {
        HashKey::from_bytes([7; 16])
    }

    fn limits(entries: usize, value: usize) -> EncodingLimits {
        EncodingLimits {
            zset_max_listpack_entries: entries,
            zset_max_listpack_value: value,
            ..EncodingLimits::default()
        }
    }

    fn load(members: &[(&str, f64)], limits: &EncodingLimits) -> Result<SortedSet, LoadError> {
        let mut loader = SortedSetLoader::with_capacity(members.len());
        for (member, score) in members {
            loader.push(member.as_bytes(), *score)?;
        }
        loader.finish(limits, &key())
    }

    #[test]
    fn loaded_members_are_put_in_order_whatever_order_they_come_in() {
        let ascending = [("b", -1.0), ("a", 2.0), ("c", 2.0), ("d", f64::INFINITY)];
        let mut descending = ascending;
        descending.reverse();
        let mixed = [ascending[2], ascending[0], ascending[3], ascending[1]];
        for members in [ascending, descending, mixed] {
            for (limits, encoding) in
                [(limits(4, 1), "listpack"), (limits(3, 1), "skiplist"), (limits(4, 0), "skiplist")]
            {
                let set = load(&members, &limits).unwrap();
                assert_eq!(set.encoding(), encoding);
                let listed = set.iter().map(|(member, score)| (member.to_vec(), score));
                assert!(
                    listed.eq(ascending.iter().map(|(member, score)| (member.as_bytes().to_vec(), *score)))
                );
            }
        }
    }

    #[test]
    fn members_that_come_twice_and_scores_that_are_no_numbers_are_refused() {
        for entries in [0, 9] {
            let limits = limits(entries, 9);
            assert_eq!(load(&[("a", 1.0), ("b", 2.0), ("a", 3.0)], &limits).err(), Some(LoadError::Repeated));
            assert_eq!(load(&[("a", 1.0), ("a", 1.0)], &limits).err(), Some(LoadError::Repeated));
            assert_eq!(load(&[("a", f64::NAN)], &limits).err(), Some(LoadError::NotANumber));
        }
    }

    #[test]
    fn a_listpack_is_taken_over_as_it_is_or_moved_when_it_has_too_many_members() {
        let pack: Listpack = ["a", "1", "b", "2.5"].iter().collect();
        let set = SortedSet::from_listpack(pack.clone(), &limits(2, 0), &key()).unwrap();
        assert_eq!(set.as_listpack(), Some(&pack));
        let set = SortedSet::from_listpack(pack, &limits(1, 9), &key()).unwrap();
        assert_eq!((set.encoding(), set.score(b"b"), set.as_listpack()), ("skiplist", Some(2.5), None));
        let refused = |words: &[&str]| {
            SortedSet::from_listpack(words.iter().collect(), &limits(9, 9), &key()).map(|set| set.len())
        };
        assert_eq!(refused(&["a", "1", "b"]), Err(LoadError::Odd));
        assert_eq!(refused(&["a", "1", "a", "2"]), Err(LoadError::Repeated));
        assert_eq!(refused(&["a", "2", "b", "1"]), Err(LoadError::Unordered));
        assert_eq!(refused(&["b", "1", "a", "1"]), Err(LoadError::Unordered));
        assert_eq!(refused(&["a", "nan"]), Err(LoadError::Unordered));
        assert_eq!(refused(&["a", "one"]), Err(LoadError::Unordered));
    }
}
