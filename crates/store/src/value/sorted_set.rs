//! The sorted set value: a listpack while it is small, a counted tree with a member index when it is not.
//!
//! A sorted set starts as a listpack. It becomes a tree as soon as an addition breaks one of the limits and stays
//! one until it is gone, as in Redis; only results that are stored as a whole choose their encoding anew
//! ([`SortedSet::from_ascending`]). `OBJECT ENCODING` calls the tree by the name of its ancestor, `skiplist`.
//!
//! Every range is a range of ranks, counted from the lowest score: ranges by score or by member are turned into
//! ranks by two searches, so that skipping any number of elements costs nothing.
//!
//! Members may expire ([`expiry`]). Then the times stand in a table beside the tree, which has only the members that expire:
//! a sorted set without such members is what it was, byte for byte.
//!
//! What is deliberately absent: options and replies of commands, and NaN, which no sorted set holds.

mod expiry;
mod load;

pub use load::SortedSetLoader;

use std::ops::Range;

use hashbrown::HashSet;
use spinel_structs::hash::HashKey;
use spinel_structs::listpack::{Listpack, ListpackValue};
use spinel_structs::number::{format_double, format_score};
use spinel_structs::size_class::malloc_size;
use spinel_structs::sorted_set::{
    Inserted, LexBound, Members as TreeMembers, Order, PackedMembers, PackedSortedSet, ScoreBound,
    SortedSet as Tree,
};

use self::expiry::TimedTree;
use super::EncodingLimits;
use super::ahead::Body;
use super::draw::{Selection, below};

/// Members are drawn one by one, and what came already is rejected, up to this part of a set; beyond, walking
/// through is cheaper.
const REJECTION_DIVISOR: usize = 3;

/// Members with scores, ordered by score and then by bytes.
#[derive(Debug, Default)]
pub struct SortedSet {
    form: Form,
}

#[derive(Debug)]
enum Form {
    Packed(PackedSortedSet),
    Tree(Box<Tree>),
    Timed(Box<TimedTree>),
}

impl Default for Form {
    fn default() -> Self {
        Self::Packed(PackedSortedSet::new())
    }
}

/// Calls the same method of whichever form it is, to read.
macro_rules! either {
    ($form:expr, $inner:ident => $body:expr) => {
        match $form {
            Form::Packed($inner) => $body,
            Form::Tree($inner) => $body,
            Form::Timed(timed) => {
                let $inner = &timed.tree;
                $body
            }
        }
    };
}

impl SortedSet {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A set of `members`, which ascend by score and bytes and differ, in the encoding that fits.
    ///
    /// # Panics
    /// If the members do not ascend or one comes twice.
    #[must_use]
    pub fn from_ascending<M: AsRef<[u8]>>(
        members: &[(M, f64)],
        limits: &EncodingLimits,
        key: &HashKey,
    ) -> Self {
        let total: usize = members.iter().map(|(member, _)| member.as_ref().len()).sum();
        let fits = members.len() <= limits.zset_max_listpack_entries
            && members.iter().all(|(member, _)| member.as_ref().len() <= limits.zset_max_listpack_value)
            && !Listpack::new().would_exceed(total);
        let members = members.iter().map(|(member, score)| (member.as_ref(), *score));
        let form = if fits {
            Form::Packed(PackedSortedSet::from_ascending(members))
        } else {
            let tree = Tree::from_ascending(*key, members);
            Form::Tree(Box::new(tree.expect("the caller gives members that ascend and differ")))
        };
        Self { form }
    }

    /// What stands behind it.
    #[inline]
    pub(super) fn body(&self) -> Body<'_> {
        match &self.form {
            Form::Packed(packed) => Body::Packed(packed.as_bytes()),
            Form::Tree(tree) => Body::Table(tree.ahead()),
            Form::Timed(_) => Body::Elsewhere,
        }
    }

    /// The same members in the same encoding.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let form = match &self.form {
            Form::Packed(packed) => Form::Packed(packed.clone()),
            Form::Tree(tree) => Form::Tree(Box::new(copy_of(tree))),
            Form::Timed(timed) => Form::Timed(Box::new(timed.duplicate())),
        };
        Self { form }
    }

    /// Members.
    #[must_use]
    pub fn len(&self) -> usize {
        either!(&self.form, inner => inner.len())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    #[must_use]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        either!(&self.form, inner => inner.score(member))
    }

    /// The rank of a member, from 0 at the lowest score, and its score.
    #[must_use]
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        either!(&self.form, inner => inner.rank(member))
    }

    /// Adds a member or changes its score, which is not NaN. `key` hashes members, should it become a tree.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: &EncodingLimits, key: &HashKey) -> Inserted {
        match &mut self.form {
            Form::Packed(packed) => {
                let fits = packed.len() < limits.zset_max_listpack_entries
                    && member.len() <= limits.zset_max_listpack_value
                    && !packed.as_listpack().would_exceed(member.len());
                // A member that is there already changes its score without a look at the limits, as in Redis.
                if fits || packed.score(member).is_some() {
                    return packed.insert(member, score);
                }
                let mut tree = Box::new(packed.to_sorted_set(*key));
                let inserted = tree.insert(member, score);
                self.form = Form::Tree(tree);
                inserted
            }
            Form::Tree(tree) => tree.insert(member, score),
            Form::Timed(timed) => timed.tree.insert(member, score),
        }
    }

    /// Removes a member and returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.form {
            Form::Packed(packed) => packed.remove(member),
            Form::Tree(tree) => tree.remove(member),
            Form::Timed(timed) => {
                let score = timed.remove(member);
                self.drop_times_if_empty();
                score
            }
        }
    }

    /// Removes the member with the lowest score (descending: the highest) and shows it to `see`.
    pub fn pop<R>(&mut self, order: Order, see: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        match (&mut self.form, order) {
            (Form::Packed(packed), Order::Ascending) => packed.pop_first(see),
            (Form::Packed(packed), Order::Descending) => packed.pop_last(see),
            (Form::Tree(tree), Order::Ascending) => tree.pop_first(see),
            (Form::Tree(tree), Order::Descending) => tree.pop_last(see),
            (Form::Timed(timed), _) => {
                let seen = timed.pop(order, see);
                self.drop_times_if_empty();
                seen
            }
        }
    }

    /// Removes the members of these ranks, as far as they exist. Returns a set to be freed if they were so many that those
    /// that stay were moved.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> Option<Self> {
        let len = self.len();
        let ranks = ranks.start.min(len)..ranks.end.min(len);
        let moves = Self::removal_cost(len, ranks.len()) < ranks.len();
        let gone = match &mut self.form {
            Form::Packed(packed) => {
                packed.remove_range_by_rank(ranks);
                None
            }
            Form::Tree(tree) if moves => {
                Some(Form::Tree(std::mem::replace(tree, Box::new(rest(tree, ranks)))))
            }
            Form::Tree(tree) => {
                tree.remove_range_by_rank(ranks);
                None
            }
            Form::Timed(timed) if moves => {
                let staying = Box::new(timed.without(ranks));
                Some(Form::Timed(std::mem::replace(timed, staying)))
            }
            Form::Timed(timed) => {
                timed.remove_ranks(ranks);
                None
            }
        };
        self.drop_times_if_empty();
        gone.map(|form| Self { form })
    }

    /// How many members of so many [`remove_ranks`](Self::remove_ranks) touches to remove some: these, or twice those that
    /// stay, since moving takes longer than removing.
    #[must_use]
    pub fn removal_cost(len: usize, removed: usize) -> usize {
        removed.min((len - removed).saturating_mul(2))
    }

    /// The ranks of the members whose score lies within both bounds.
    #[must_use]
    pub fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        either!(&self.form, inner => inner.ranks_by_score(min, max))
    }

    /// The ranks of the members that lie within both bounds, when all scores are equal.
    #[must_use]
    pub fn ranks_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        either!(&self.form, inner => inner.ranks_by_lex(min, max))
    }

    /// The members of these ranks, as far as they exist, in ascending or descending order.
    #[must_use]
    pub fn members(&self, ranks: Range<usize>, order: Order) -> Members<'_> {
        let end = ranks.end.min(self.len());
        let start = match order {
            Order::Ascending => ranks.start,
            Order::Descending => self.len() - end,
        };
        let count = end.saturating_sub(ranks.start);
        Members(match &self.form {
            Form::Packed(packed) => Walk::Packed(packed.range_by_rank(start, count, order)),
            Form::Tree(tree) => Walk::Tree(tree.range_by_rank(start, count, order)),
            Form::Timed(timed) => Walk::Tree(timed.tree.range_by_rank(start, count, order)),
        })
    }

    /// All members in ascending order.
    #[must_use]
    pub fn iter(&self) -> Members<'_> {
        self.members(0..self.len(), Order::Ascending)
    }

    /// A member chosen at random, all with equal chances.
    #[must_use]
    pub fn random(&self, rng: &mut impl FnMut() -> u64) -> Option<(ListpackValue<'_>, f64)> {
        if self.is_empty() {
            return None;
        }
        let rank = below(self.len(), rng);
        self.members(rank..rank + 1, Order::Ascending).next()
    }

    /// Passes `count` different members to `visit`, or all if there are not so many; every choice has equal chances.
    pub fn sample(
        &self,
        count: usize,
        rng: &mut impl FnMut() -> u64,
        mut visit: impl FnMut(ListpackValue<'_>, f64),
    ) {
        if count > self.len() / REJECTION_DIVISOR {
            let mut selection = Selection::new(count, self.len());
            for (member, score) in self.iter() {
                if selection.takes_next(rng) {
                    visit(member, score);
                }
                if selection.is_complete() {
                    return;
                }
            }
            return;
        }
        let mut drawn = HashSet::with_capacity(count);
        while drawn.len() < count {
            let rank = below(self.len(), rng);
            if drawn.insert(rank) {
                let found = self.members(rank..rank + 1, Order::Ascending).next();
                let (member, score) = found.expect("the rank was drawn below the length");
                visit(member, score);
            }
        }
    }

    /// One step of a scan: passes some members to `see` and returns the next cursor, 0 after the last. A small
    /// set is passed whole.
    pub fn scan(&self, cursor: u64, mut see: impl FnMut(&[u8], f64)) -> u64 {
        match &self.form {
            Form::Packed(packed) => {
                let mut text = spinel_structs::number::IntBuffer::new();
                for (member, score) in packed.iter() {
                    see(member.to_bytes(&mut text), score);
                }
                0
            }
            Form::Tree(tree) => tree.scan(cursor, see),
            Form::Timed(timed) => timed.tree.scan(cursor, see),
        }
    }

    /// Appends the text of a score as `ZSCAN` shows it: a small set, as it is stored.
    pub fn write_scan_score(&self, score: f64, out: &mut Vec<u8>) {
        match &self.form {
            Form::Packed(_) => format_score(score, out),
            Form::Tree(_) | Form::Timed(_) => format_double(score, out),
        }
    }

    /// The name `OBJECT ENCODING` reports.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Packed(_) => "listpack",
            Form::Tree(_) | Form::Timed(_) => "skiplist",
        }
    }

    /// Bytes allocated.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let inner = match &self.form {
            Form::Packed(packed) => packed.memory_bytes(),
            Form::Tree(tree) => malloc_size(size_of::<Tree>()) + tree.memory_bytes(),
            Form::Timed(timed) => timed.memory_bytes(),
        };
        malloc_size(size_of::<Self>()) + inner
    }

    /// Roughly how many allocations freeing it takes.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.form {
            Form::Packed(_) => 1,
            Form::Tree(tree) => tree.len(),
            Form::Timed(timed) => timed.free_effort(),
        }
    }

    /// Frees up to `n` elements' worth of a set nobody will use any more and says how many elements are left. In
    /// between it is only fit to be dropped. (A tree forgets its index first, so that nothing seems to happen.)
    pub fn take_chunk(&mut self, n: usize) -> usize {
        match &mut self.form {
            Form::Packed(_) => {
                self.form = Form::default();
                0
            }
            Form::Tree(tree) => {
                tree.take_chunk(n);
                tree.len()
            }
            Form::Timed(timed) => timed.take_chunk(n),
        }
    }
}

/// The same members again.
fn copy_of(tree: &Tree) -> Tree {
    let copy = Tree::from_ascending(tree.hash_key(), tree.iter());
    copy.expect("a sorted set ascends and has no member twice")
}

/// The members that stay when those of some ranks go.
fn staying(tree: &Tree, gone: Range<usize>) -> impl Iterator<Item = (&[u8], f64)> {
    let head = tree.range_by_rank(0, gone.start, Order::Ascending);
    head.chain(tree.range_by_rank(gone.end, tree.len() - gone.end, Order::Ascending))
}

/// A tree of the members that stay when those of some ranks go.
fn rest(tree: &Tree, gone: Range<usize>) -> Tree {
    let rest = Tree::from_ascending(tree.hash_key(), staying(tree, gone));
    rest.expect("a sorted set ascends and has no member twice")
}

/// Members with their scores. It knows its length, and `nth` (so `skip`) costs one descent at most.
#[derive(Debug)]
pub struct Members<'a>(Walk<'a>);

#[derive(Debug)]
enum Walk<'a> {
    Packed(PackedMembers<'a>),
    Tree(TreeMembers<'a>),
}

impl<'a> Iterator for Members<'a> {
    type Item = (ListpackValue<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Packed(walk) => walk.next(),
            Walk::Tree(walk) => walk.next().map(|(member, score)| (ListpackValue::Bytes(member), score)),
        }
    }

    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Packed(walk) => walk.nth(n),
            Walk::Tree(walk) => walk.nth(n).map(|(member, score)| (ListpackValue::Bytes(member), score)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Walk::Packed(walk) => walk.size_hint(),
            Walk::Tree(walk) => walk.size_hint(),
        }
    }
}

impl ExactSizeIterator for Members<'_> {}

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

    fn listed(set: &SortedSet, ranks: Range<usize>, order: Order) -> Vec<(String, f64)> {
        let text = |(member, score): (ListpackValue<'_>, f64)| {
            (String::from_utf8(member.to_vec()).expect("the tests use text"), score)
        };
        set.members(ranks, order).map(text).collect()
    }

    #[test]
    fn a_set_becomes_a_tree_when_it_grows_beyond_a_limit_and_not_when_a_score_changes() {
        let mut set = SortedSet::new();
        for member in ["a", "b"] {
            assert_eq!(set.insert(member.as_bytes(), 1.0, &limits(2, 3), &key()), Inserted::Added);
        }
        assert_eq!(set.insert(b"b", 0.0, &limits(1, 0), &key()), Inserted::Updated { old: 1.0 });
        assert_eq!(set.encoding(), "listpack");
        assert_eq!(set.insert(b"c", 2.0, &limits(2, 3), &key()), Inserted::Added);
        assert_eq!(set.encoding(), "skiplist");
        let mut long = SortedSet::new();
        long.insert(b"long", 1.0, &limits(2, 3), &key());
        assert_eq!(long.encoding(), "skiplist");
    }

    #[test]
    fn both_forms_list_the_same_members_in_both_orders() {
        for entries in [0, 128] {
            let mut set = SortedSet::new();
            for (member, score) in [("a", 1.0), ("b", 2.0), ("5", 2.0), ("d", 4.0)] {
                set.insert(member.as_bytes(), score, &limits(entries, 64), &key());
            }
            let up: Vec<(String, f64)> = [("5", 2.0), ("b", 2.0)].map(|(m, s)| (m.to_owned(), s)).to_vec();
            let down: Vec<(String, f64)> = up.iter().rev().cloned().collect();
            assert_eq!(listed(&set, 1..3, Order::Ascending), up);
            assert_eq!(listed(&set, 1..3, Order::Descending), down);
            assert_eq!(listed(&set, 3..9, Order::Descending), [("d".to_owned(), 4.0)]);
            assert_eq!(set.rank(b"b"), Some((2, 2.0)));
            let copy = set.duplicate();
            assert_eq!(copy.encoding(), set.encoding());
            assert_eq!(listed(&copy, 0..9, Order::Ascending), listed(&set, 0..9, Order::Ascending));
        }
    }

    #[test]
    fn a_stored_result_is_small_again_when_it_fits() {
        let members = [("a", 1.0), ("b", 2.0)];
        assert_eq!(SortedSet::from_ascending(&members, &limits(2, 1), &key()).encoding(), "listpack");
        assert_eq!(SortedSet::from_ascending(&members, &limits(1, 1), &key()).encoding(), "skiplist");
        assert_eq!(SortedSet::from_ascending(&members, &limits(2, 0), &key()).encoding(), "skiplist");
    }

    #[test]
    fn few_that_stay_are_moved_and_the_others_can_be_freed_elsewhere() {
        for entries in [0, 500] {
            let mut set = SortedSet::new();
            for i in 0..100 {
                set.insert(format!("member {i}").as_bytes(), f64::from(i), &limits(entries, 64), &key());
            }
            let encoding = set.encoding();
            assert!(set.remove_ranks(0..0).is_none());
            assert!(set.remove_ranks(10..30).is_none());
            let gone = set.remove_ranks(4..usize::MAX).map(|gone| gone.len());
            assert_eq!(gone, (entries == 0).then_some(80));
            assert!(set.remove_ranks(9..20).is_none());
            let left: Vec<f64> = set.iter().map(|(_, score)| score).collect();
            assert_eq!((left, set.encoding()), (vec![0.0, 1.0, 2.0, 3.0], encoding));
            assert_eq!(set.score(b"member 3"), Some(3.0));
            assert_eq!(set.score(b"member 4"), None);
        }
    }

    #[test]
    fn freeing_in_slices_ends() {
        let mut set = SortedSet::new();
        for i in 0..1000 {
            set.insert(format!("member {i}").as_bytes(), f64::from(i), &limits(128, 64), &key());
        }
        let mut slices = 0;
        while set.take_chunk(100) > 0 {
            slices += 1;
        }
        assert!((10..30).contains(&slices), "{slices} slices");
    }
}
