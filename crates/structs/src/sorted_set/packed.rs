//! [`PackedSortedSet`]: the sorted set of few members, a listpack of `member, score, member, score, ...` in order.
//!
//! Below a hundred members or so nothing beats reading a kilobyte from front to back, so every operation here is a
//! walk, O(n), and every range is first turned into ranks. The bytes are those of Redis 7 (`zset-listpack`): a score is
//! stored as an integer when it is one up to 2^62 and else as its 17-digit text, a zero loses its sign. How many members
//! and how long ones are few and short is for the owner to decide; [`PackedSortedSet::to_sorted_set`] and
//! [`PackedSortedSet::from_ascending`] lead over to the large form and back.
//!
//! The read API is that of [`SortedSet`], except that members come as [`ListpackValue`]s, because some are stored
//! as integers.

use super::edge::{LexBound, LexEdge, ScoreBound, ScoreEdge};
use super::range::Order;
use super::set::{Inserted, SortedSet};
use crate::hash::HashKey;
use crate::listpack::{Listpack, ListpackValue, Pos};
use crate::number::{IntBuffer, format_score};
use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;

/// Few members with scores, in one allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedSortedSet {
    pack: Listpack,
}

impl PackedSortedSet {
    /// No members.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes it is made of.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.pack.as_bytes()
    }

    /// Takes over a listpack from elsewhere. `None` unless it holds members and scores in order, no member twice.
    pub fn from_listpack(pack: Listpack) -> Option<Self> {
        let set = Self::from_ordered_listpack(pack)?;
        let mut members = HashSet::new();
        set.iter().all(|(member, _)| members.insert(member.to_vec())).then_some(set)
    }

    /// Takes over a listpack whose members, as the caller has made sure, differ. `None` unless it holds members and
    /// scores in order.
    pub fn from_ordered_listpack(pack: Listpack) -> Option<Self> {
        let (mut text, mut text_before) = (IntBuffer::new(), IntBuffer::new());
        let mut before: Option<(ListpackValue<'_>, f64)> = None;
        let mut values = pack.iter();
        while let Some(member) = values.next() {
            let score = values.next()?.as_f64().filter(|score| !score.is_nan())?;
            let ascends = before.is_none_or(|(name, before)| {
                let (name, member) = (name.to_bytes(&mut text_before), member.to_bytes(&mut text));
                order(before, name, score, member).is_lt()
            });
            if !ascends {
                return None;
            }
            before = Some((member, score));
        }
        Some(Self { pack })
    }

    /// A set of members that come in ascending order and differ, as a [`SortedSet`] gives them.
    pub fn from_ascending<'a>(members: impl IntoIterator<Item = (&'a [u8], f64)>) -> Self {
        let mut set = Self::new();
        let mut text = Vec::new();
        for (member, score) in members {
            set.pack.push_pair(member, score_text(score, &mut text));
        }
        set.pack.shrink_to_fit();
        set
    }

    /// The same members in the large form.
    pub fn to_sorted_set(&self, key: HashKey) -> SortedSet {
        let members = self.iter().map(|(member, score)| (member.to_vec(), score));
        SortedSet::from_ascending(key, members).expect("a packed set ascends and has no member twice")
    }

    /// The bytes, as they go into files.
    pub fn as_listpack(&self) -> &Listpack {
        &self.pack
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.pack.len() / 2
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.pack.is_empty()
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.pack.memory_bytes()
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let (_, score) = self.pack.find_pair(member)?;
        Some(self.score_at(score))
    }

    /// Adds a member or changes its score, which must not be NaN.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Inserted {
        assert!(!score.is_nan(), "the score of a sorted set is never NaN");
        let old = match self.pack.find_pair(member) {
            None => None,
            Some((pos, old)) => {
                let old = self.score_at(old);
                if old == score {
                    return Inserted::Unchanged;
                }
                self.pack.remove_run(pos, 2);
                Some(old)
            }
        };
        let behind = self.first_behind(member, score);
        self.pack.insert_pair_before(behind, member, score_text(score, &mut Vec::new()));
        old.map_or(Inserted::Added, |old| Inserted::Updated { old })
    }

    /// Removes a member and returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (pos, score) = self.pack.find_pair(member)?;
        let score = self.score_at(score);
        self.pack.remove_run(pos, 2);
        Some(score)
    }

    /// The rank of a member, from 0 at the lowest score, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let found = self.iter().enumerate().find(|(_, (other, _))| other.eq_bytes(member));
        found.map(|(rank, (_, score))| (rank, score))
    }

    /// The member of a rank and its score.
    pub fn get_by_rank(&self, rank: usize) -> Option<(ListpackValue<'_>, f64)> {
        self.range_by_rank(rank, 1, Order::Ascending).next()
    }

    /// The member with the lowest score.
    pub fn first(&self) -> Option<(ListpackValue<'_>, f64)> {
        self.get_by_rank(0)
    }

    /// The member with the highest score.
    pub fn last(&self) -> Option<(ListpackValue<'_>, f64)> {
        self.range_by_rank(0, 1, Order::Descending).next()
    }

    /// Removes the member with the lowest score and shows it to `see`.
    pub fn pop_first<R>(&mut self, see: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        let pos = self.pack.first()?;
        Some(self.take(pos, see))
    }

    /// Removes the member with the highest score and shows it to `see`.
    pub fn pop_last<R>(&mut self, see: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        let pos = self.pack.seek(-2)?;
        Some(self.take(pos, see))
    }

    /// All members in ascending order.
    pub fn iter(&self) -> PackedMembers<'_> {
        self.range_by_rank(0, usize::MAX, Order::Ascending)
    }

    /// Up to `count` members from the place `start`, counted from 0 at the end where `order` begins.
    pub fn range_by_rank(&self, start: usize, count: usize, order: Order) -> PackedMembers<'_> {
        let remaining = count.min(self.len().saturating_sub(start));
        let next = match order {
            _ if remaining == 0 => None,
            Order::Ascending => self.pair_at(start),
            Order::Descending => self.pair_at(self.len() - 1 - start),
        };
        PackedMembers { set: self, next, remaining, order }
    }

    /// The members whose score lies within both bounds; their number is known at once.
    pub fn range_by_score(&self, min: ScoreBound, max: ScoreBound, order: Order) -> PackedMembers<'_> {
        self.range_of(self.ranks_by_score(min, max), order)
    }

    /// The members that lie within both bounds. Which ones is unspecified unless all scores are equal.
    pub fn range_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>, order: Order) -> PackedMembers<'_> {
        self.range_of(self.ranks_by_lex(min, max), order)
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
        let left_of = |edge: ScoreEdge| self.iter().take_while(|pair| edge.is_right_of_score(pair.1)).count();
        let start = left_of(ScoreEdge::at_start(min));
        start..left_of(ScoreEdge::at_end(max)).max(start)
    }

    /// The ranks of the members that lie within both bounds, when all scores are equal.
    pub fn ranks_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        let mut text = IntBuffer::new();
        let mut left_of = |edge: LexEdge<'_>| {
            self.iter().take_while(|pair| edge.is_right_of_member(pair.0.to_bytes(&mut text))).count()
        };
        let start = left_of(LexEdge::at_start(min));
        start..left_of(LexEdge::at_end(max)).max(start)
    }

    /// Removes the members of these ranks, as far as they exist, and returns how many they were.
    pub fn remove_range_by_rank(&mut self, ranks: Range<usize>) -> usize {
        self.pack.remove_range(ranks.start.saturating_mul(2), ranks.len().saturating_mul(2)) / 2
    }

    /// Removes the members whose score lies within both bounds and returns how many they were.
    pub fn remove_range_by_score(&mut self, min: ScoreBound, max: ScoreBound) -> usize {
        self.remove_range_by_rank(self.ranks_by_score(min, max))
    }

    /// Removes the members that lie within both bounds, when all scores are equal, and returns how many they were.
    pub fn remove_range_by_lex(&mut self, min: LexBound<'_>, max: LexBound<'_>) -> usize {
        self.remove_range_by_rank(self.ranks_by_lex(min, max))
    }

    /// A member drawn with equal chances for all, if `rng` gives uniform 64-bit numbers.
    pub fn random(&self, rng: &mut impl FnMut() -> u64) -> Option<(ListpackValue<'_>, f64)> {
        let rank = (u128::from(rng()) * self.len() as u128) >> 64;
        self.get_by_rank(rank as usize)
    }

    /// Panics unless the bytes are a well-formed listpack of members and scores in order, no member twice.
    pub fn check_invariants(&self) {
        self.pack.check_invariants();
        assert!(
            Self::from_listpack(self.pack.clone()).is_some(),
            "members ascend and differ: {:?}",
            self.pack
        );
    }

    fn range_of(&self, ranks: Range<usize>, order: Order) -> PackedMembers<'_> {
        let start = match order {
            Order::Ascending => ranks.start,
            Order::Descending => self.len() - ranks.end,
        };
        self.range_by_rank(start, ranks.len(), order)
    }

    /// The place of the member of a rank.
    fn pair_at(&self, rank: usize) -> Option<Pos> {
        self.pack.seek(isize::try_from(rank.checked_mul(2)?).ok()?)
    }

    fn score_at(&self, pos: Pos) -> f64 {
        self.pack.get(pos).as_f64().expect("every second value is a score")
    }

    fn score_after(&self, member: Pos) -> (Pos, f64) {
        let pos = self.pack.next(member).expect("a score follows every member");
        (pos, self.score_at(pos))
    }

    /// The place of the first member behind this score and member.
    fn first_behind(&self, member: &[u8], score: f64) -> Option<Pos> {
        let mut text = IntBuffer::new();
        let mut next = self.pack.first();
        while let Some(pos) = next {
            let (score_pos, other) = self.score_after(pos);
            if order(other, self.pack.get(pos).to_bytes(&mut text), score, member).is_gt() {
                break;
            }
            next = self.pack.next(score_pos);
        }
        next
    }

    fn take<R>(&mut self, pos: Pos, see: impl FnOnce(&[u8], f64) -> R) -> R {
        let (_, score) = self.score_after(pos);
        let seen = see(self.pack.get(pos).to_bytes(&mut IntBuffer::new()), score);
        self.pack.remove_run(pos, 2);
        seen
    }
}

/// Members of a [`PackedSortedSet`] with their scores. It knows its length.
#[derive(Debug, Clone)]
pub struct PackedMembers<'a> {
    set: &'a PackedSortedSet,
    /// The next member, while any remain.
    next: Option<Pos>,
    remaining: usize,
    order: Order,
}

impl<'a> Iterator for PackedMembers<'a> {
    type Item = (ListpackValue<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        self.remaining = self.remaining.checked_sub(1)?;
        let pack = &self.set.pack;
        let member = self.next?;
        let (score_pos, score) = self.set.score_after(member);
        self.next = match self.order {
            Order::Ascending => pack.next(score_pos),
            Order::Descending => pack.prev(member).and_then(|score| pack.prev(score)),
        };
        Some((pack.get(member), score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for PackedMembers<'_> {}

/// The order of two elements: by score, then by bytes.
fn order(score: f64, member: &[u8], other_score: f64, other: &[u8]) -> Ordering {
    score.partial_cmp(&other_score).expect("no score is NaN").then_with(|| member.cmp(other))
}

/// The text that a score is stored as; the listpack turns that of an integer into one.
fn score_text(score: f64, text: &mut Vec<u8>) -> &[u8] {
    text.clear();
    format_score(score, text);
    text
}
