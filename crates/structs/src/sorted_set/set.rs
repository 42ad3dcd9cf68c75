//! [`SortedSet`]: the tree and the member index together, as commands use them.

use super::edge::{Edge, LexBound, LexEdge, ScoreBound, ScoreEdge};
use super::element::Element;
use super::index::Index;
use super::node::{Inner, Leaf};
use super::range::{Members, Order};
use super::tree::Tree;
use crate::hash::HashKey;
use crate::size_class::malloc_size;
use crate::table::FetchAhead;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::ops::Range;

/// How many elements wait for their place in the index to be fetched while a range is removed.
const MOST_WAITING: usize = 16;

/// Members with scores, ordered by score and then by bytes.
///
/// ```
/// # use spinel_structs::hash::HashKey;
/// use spinel_structs::sorted_set::{Inserted, Order, ScoreBound, SortedSet};
///
/// let mut board = SortedSet::new(HashKey::from_bytes([7; 16]));
/// board.insert(b"ada", 36.0);
/// board.insert(b"grace", 85.0);
/// assert_eq!(board.insert(b"ada", 90.0), Inserted::Updated { old: 36.0 });
/// assert_eq!(board.rank(b"ada"), Some((1, 90.0)));
/// let best = board.range_by_score(ScoreBound::Exclusive(85.0), ScoreBound::Inclusive(f64::INFINITY), Order::Ascending);
/// assert_eq!(best.collect::<Vec<_>>(), [(&b"ada"[..], 90.0)]);
/// ```
#[derive(Debug)]
pub struct SortedSet {
    /// Aliases of the tree's elements. Declared, and therefore dropped, before the tree.
    index: Index,
    tree: Tree,
    /// Size classes of all elements together.
    element_bytes: usize,
}

/// What [`SortedSet::insert`] did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Inserted {
    /// The member is new.
    Added,
    /// The member had another score.
    Updated {
        /// That score.
        old: f64,
    },
    /// The member had this score already.
    Unchanged,
}

impl SortedSet {
    /// No members; they will be hashed under `key`.
    pub fn new(key: HashKey) -> Self {
        Self { index: Index::new(key), tree: Tree::new(), element_bytes: 0 }
    }

    /// A set of members that come in ascending order, built faster and packed tighter than by insertion. `None` when
    /// they do not ascend strictly, a member comes twice or a score is NaN.
    pub fn from_ascending<M: AsRef<[u8]>>(
        key: HashKey,
        members: impl IntoIterator<Item = (M, f64)>,
    ) -> Option<Self> {
        let mut set = Self::new(key);
        let mut elements: Vec<Element> = Vec::new();
        for (member, score) in members {
            let member = member.as_ref();
            let ascends = elements.last().is_none_or(|last| last.order(score, member).is_lt());
            if score.is_nan() || !ascends {
                return None;
            }
            elements.push(Element::new(member, score));
            set.element_bytes += element_bytes(member);
        }
        set.tree = Tree::from_ascending(elements);
        for element in set.tree.walk(0..set.tree.len(), Order::Ascending) {
            let hash = set.index.hash(element.member());
            if set.index.find(hash, element.member()).is_some() {
                return None;
            }
            // SAFETY: as in `insert`; and the loop's shared borrow of the tree keeps the element alive.
            set.index.insert(hash, unsafe { element.alias() });
        }
        Some(set)
    }

    /// The key under which members are hashed.
    pub fn hash_key(&self) -> HashKey {
        self.index.hash_key()
    }

    /// What looking for a member will read, to be fetched ahead under the member's hash.
    pub fn ahead(&self) -> &dyn FetchAhead {
        self.index.ahead()
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(Element::score)
    }

    /// Adds a member or changes its score, which must not be NaN.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Inserted {
        assert!(!score.is_nan(), "the score of a sorted set is never NaN");
        let hash = self.index.hash(member);
        match self.index.find(hash, member).map(|element| (element, element.score())) {
            None => {
                let element = Element::new(member, score);
                // SAFETY: 1. the alias lives in the index alone, and every path that takes an element out of the
                // tree for good removes its alias first (`remove`, `drain_by_rank`, `take_chunk`), as does dropping
                // the set by the order of its fields; 2. references from the index end before the tree is changed,
                // because both need the set: `&self` the one, `&mut self` the other.
                let alias = unsafe { element.alias() };
                self.tree.insert(element);
                self.index.insert(hash, alias);
                self.element_bytes += element_bytes(member);
                Inserted::Added
            }
            Some((_, old)) if old == score => Inserted::Unchanged,
            Some((element, old)) => {
                self.tree.rescore(self.tree.rank_of(element), score);
                Inserted::Updated { old }
            }
        }
    }

    /// Removes a member and returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let alias = self.index.remove(self.index.hash(member), member)?;
        let rank = self.tree.rank_of(alias.element());
        let element = self.tree.remove_at(rank);
        self.element_bytes -= element_bytes(member);
        Some(element.score())
    }

    /// The rank of a member, from 0 at the lowest score, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let element = self.find(member)?;
        Some((self.tree.rank_of(element), element.score()))
    }

    /// The member of a rank and its score.
    pub fn get_by_rank(&self, rank: usize) -> Option<(&[u8], f64)> {
        self.tree.get(rank).map(pair)
    }

    /// The member with the lowest score.
    pub fn first(&self) -> Option<(&[u8], f64)> {
        self.get_by_rank(0)
    }

    /// The member with the highest score.
    pub fn last(&self) -> Option<(&[u8], f64)> {
        self.get_by_rank(self.len().checked_sub(1)?)
    }

    /// Removes the member with the lowest score and shows it to `see`.
    pub fn pop_first<R>(&mut self, see: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        (!self.is_empty()).then(|| self.pop(0, see))
    }

    /// Removes the member with the highest score and shows it to `see`.
    pub fn pop_last<R>(&mut self, see: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        self.len().checked_sub(1).map(|rank| self.pop(rank, see))
    }

    /// All members in ascending order.
    pub fn iter(&self) -> Members<'_> {
        self.range_by_rank(0, self.len(), Order::Ascending)
    }

    /// Up to `count` members from the place `start`, counted from 0 at the end where `order` begins. Skipping and
    /// `nth` cost no more than one descent.
    pub fn range_by_rank(&self, start: usize, count: usize, order: Order) -> Members<'_> {
        let start = start.min(self.len());
        let end = start.saturating_add(count).min(self.len());
        let ranks = match order {
            Order::Ascending => start..end,
            Order::Descending => self.len() - end..self.len() - start,
        };
        Members(self.tree.walk(ranks, order))
    }

    /// The members whose score lies within both bounds; their number is known at once.
    pub fn range_by_score(&self, min: ScoreBound, max: ScoreBound, order: Order) -> Members<'_> {
        Members(self.tree.walk(self.ranks_by_score(min, max), order))
    }

    /// The members that lie within both bounds. Which ones is unspecified unless all scores are equal.
    pub fn range_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>, order: Order) -> Members<'_> {
        Members(self.tree.walk(self.ranks_by_lex(min, max), order))
    }

    /// Number of members whose score lies within both bounds.
    pub fn count_by_score(&self, min: ScoreBound, max: ScoreBound) -> usize {
        self.ranks_by_score(min, max).len()
    }

    /// Number of members that lie within both bounds, when all scores are equal.
    pub fn count_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> usize {
        self.ranks_by_lex(min, max).len()
    }

    /// The ranks of the members whose score lies within both bounds.
    pub fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        self.ranks_between(&ScoreEdge::at_start(min), &ScoreEdge::at_end(max))
    }

    /// The ranks of the members that lie within both bounds, when all scores are equal.
    pub fn ranks_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        self.ranks_between(&LexEdge::at_start(min), &LexEdge::at_end(max))
    }

    /// Removes the members of these ranks, as far as they exist, and returns how many they were.
    pub fn remove_range_by_rank(&mut self, ranks: Range<usize>) -> usize {
        self.drain_by_rank(ranks, |_, _| ())
    }

    /// Removes the members whose score lies within both bounds and returns how many they were.
    pub fn remove_range_by_score(&mut self, min: ScoreBound, max: ScoreBound) -> usize {
        self.remove_range_by_rank(self.ranks_by_score(min, max))
    }

    /// Removes the members that lie within both bounds, when all scores are equal, and returns how many they were.
    pub fn remove_range_by_lex(&mut self, min: LexBound<'_>, max: LexBound<'_>) -> usize {
        self.remove_range_by_rank(self.ranks_by_lex(min, max))
    }

    /// Removes the members of these ranks, as far as they exist, shows each to `see` in ascending order and returns
    /// how many they were.
    pub fn drain_by_rank(&mut self, ranks: Range<usize>, mut see: impl FnMut(&[u8], f64)) -> usize {
        let end = ranks.end.min(self.len());
        let start = ranks.start.min(end);
        let (index, bytes) = (&mut self.index, &mut self.element_bytes);
        // Between the tree and the index each element waits while its place in the index is fetched. Should anything
        // here panic, elements are leaked, not dropped while the index still knows them.
        let mut waiting: VecDeque<(u64, ManuallyDrop<Element>)> = VecDeque::new();
        let mut leave = |index: &mut Index, (hash, element): (u64, ManuallyDrop<Element>)| {
            see(element.member(), element.score());
            index.remove(hash, element.member()).expect("the index knows what is in the tree");
            *bytes -= element_bytes(element.member());
            drop(ManuallyDrop::into_inner(element));
        };
        self.tree.remove_range(start, end, &mut |element| {
            let element = ManuallyDrop::new(element);
            let hash = index.hash(element.member());
            index.fetch(hash);
            if waiting.len() == MOST_WAITING
                && let Some(first) = waiting.pop_front()
            {
                leave(index, first);
            }
            waiting.push_back((hash, element));
        });
        waiting.into_iter().for_each(|last| leave(index, last));
        end - start
    }

    /// A member drawn with equal chances for all (to within 2^-64 of the number of members), if `rng` gives uniform
    /// 64-bit numbers.
    pub fn random(&self, rng: &mut impl FnMut() -> u64) -> Option<(&[u8], f64)> {
        let rank = (u128::from(rng()) * self.len() as u128) >> 64;
        self.get_by_rank(rank as usize)
    }

    /// Passes some members to `see` and returns the next cursor, 0 after the last. Begin with 0. A member that stays
    /// from the first call to the last is passed at least once.
    pub fn scan(&self, cursor: u64, mut see: impl FnMut(&[u8], f64)) -> u64 {
        self.index.scan(cursor, |element| see(element.member(), element.score()))
    }

    /// Does up to `limit` elements' worth of freeing in a set nobody will use any more, and says how much it was.
    /// Called until it returns 0 it takes the set apart in slices. In between the set is only fit to be dropped:
    /// the index goes first, in no particular order, then the elements from the top.
    pub fn take_chunk(&mut self, limit: usize) -> usize {
        let forgotten = self.index.forget_chunk(limit);
        if forgotten > 0 {
            return forgotten;
        }
        let end = self.tree.len();
        let start = end.saturating_sub(limit);
        let bytes = &mut self.element_bytes;
        self.tree.remove_range(start, end, &mut |element| *bytes -= element_bytes(element.member()));
        end - start
    }

    /// Bytes on the heap, in size classes of the allocator.
    pub fn memory_bytes(&self) -> usize {
        let census = self.tree.census();
        self.element_bytes
            + census.leaves * malloc_size(size_of::<Leaf>())
            + census.inners * malloc_size(size_of::<Inner>())
            + self.index.memory_bytes()
    }

    /// Panics unless tree and index are in order and agree.
    pub fn check_invariants(&self) {
        self.tree.check_invariants();
        self.index.check_invariants();
        assert_eq!(self.index.len(), self.tree.len(), "index and tree have the same members");
        let mut bytes = 0;
        for element in self.tree.walk(0..self.len(), Order::Ascending) {
            let found = self.find(element.member()).expect("the index knows every member");
            assert!(std::ptr::eq(found.member(), element.member()), "index and tree share the element");
            bytes += element_bytes(element.member());
        }
        assert_eq!(bytes, self.element_bytes, "the bytes of the elements are counted");
    }

    fn find(&self, member: &[u8]) -> Option<&Element> {
        self.index.find(self.index.hash(member), member)
    }

    fn ranks_between<E: Edge>(&self, start: &E, end: &E) -> Range<usize> {
        let start = self.tree.rank_of_edge(start);
        start..self.tree.rank_of_edge(end).max(start)
    }

    fn pop<R>(&mut self, rank: usize, see: impl FnOnce(&[u8], f64) -> R) -> R {
        let element = self.tree.get(rank).expect("the caller looked at the length");
        self.index.remove(self.index.hash(element.member()), element.member());
        let element = self.tree.remove_at(rank);
        self.element_bytes -= element_bytes(element.member());
        see(element.member(), element.score())
    }
}

/// An element as callers see it.
pub(super) fn pair(element: &Element) -> (&[u8], f64) {
    (element.member(), element.score())
}

/// What the allocator gives for an element of this member.
fn element_bytes(member: &[u8]) -> usize {
    malloc_size(Element::layout_bytes(member.len()))
}
