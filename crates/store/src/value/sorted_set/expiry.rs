//! The expiries of members. As in a set, the sorted set itself goes on to hold and show a member whose time has come until its
//! owner, who is told the earliest time, removes it: before any command sees the set, so that every rank is right.
//!
//! The times are not in the tree's elements, which stay as small as they are, but in a table of their own: a copy of each
//! member that expires with its time, and the index by time. Such a member of 16 bytes takes some 68 bytes more.

use std::ops::Range;

use spinel_structs::compact::Member;
use spinel_structs::hash::HashKey;
use spinel_structs::size_class::malloc_size;
use spinel_structs::sorted_set::{Order, SortedSet as Tree};

use super::{Form, SortedSet, copy_of, rest, staying};
use crate::UnixMillis;
use crate::value::set::ExpiringMembers;
use crate::value::timed_table::TimedTable;

/// A tree of which some members expire.
#[derive(Debug)]
pub(super) struct TimedTree {
    pub(super) tree: Tree,
    /// The members that expire, one at least.
    times: TimedTable<Member>,
}

impl TimedTree {
    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.tree.remove(member)?;
        self.times.remove(member);
        Some(score)
    }

    pub(super) fn pop<R>(&mut self, order: Order, see: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        let Self { tree, times } = self;
        let see = |member: &[u8], score: f64| {
            times.remove(member);
            see(member, score)
        };
        match order {
            Order::Ascending => tree.pop_first(see),
            Order::Descending => tree.pop_last(see),
        }
    }

    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        let Self { tree, times } = self;
        tree.drain_by_rank(ranks, |member, _| {
            times.remove(member);
        });
    }

    /// What stays when the members of some ranks go.
    pub(super) fn without(&self, ranks: Range<usize>) -> Self {
        let mut times = TimedTable::new(&self.tree.hash_key());
        for (member, _) in staying(&self.tree, ranks.clone()) {
            if let Some(timed) = self.times.find(member) {
                times.add_with(member, || timed.clone());
            }
        }
        Self { tree: rest(&self.tree, ranks), times }
    }

    pub(super) fn duplicate(&self) -> Self {
        Self { tree: copy_of(&self.tree), times: self.times.duplicate() }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        malloc_size(size_of::<Self>()) + self.tree.memory_bytes() + self.times.memory_bytes()
    }

    pub(super) fn free_effort(&self) -> usize {
        self.tree.len() + self.times.len()
    }

    pub(super) fn take_chunk(&mut self, n: usize) -> usize {
        let times = self.times.take_chunk(n);
        if times == 0 {
            self.tree.take_chunk(n);
        }
        self.tree.len() + times
    }
}

impl SortedSet {
    /// When a member expires, if there is such a member.
    #[must_use]
    pub fn expiry(&self, member: &[u8]) -> Option<Option<UnixMillis>> {
        self.score(member)?;
        Some(match &self.form {
            Form::Packed(_) | Form::Tree(_) => None,
            Form::Timed(timed) => timed.times.find(member).and_then(Member::expiry).map(UnixMillis),
        })
    }

    /// Sets, changes or removes the expiry of a member; false if there is no such member.
    pub fn set_expiry(&mut self, member: &[u8], expiry: Option<UnixMillis>, hash_key: &HashKey) -> bool {
        if self.score(member).is_none() {
            return false;
        }
        let Some(at) = expiry else {
            if let Form::Timed(timed) = &mut self.form {
                timed.times.remove(member);
                self.drop_times_if_empty();
            }
            return true;
        };
        let times = &mut self.make_timed(hash_key).times;
        if !times.add_with(member, || Member::with_expiry(member, Some(at.0))) {
            times.set_expiry(member, Some(at));
        }
        true
    }

    fn make_timed(&mut self, hash_key: &HashKey) -> &mut TimedTree {
        let tree = match std::mem::take(&mut self.form) {
            Form::Packed(packed) => packed.to_sorted_set(*hash_key),
            Form::Tree(tree) => *tree,
            Form::Timed(timed) => {
                self.form = Form::Timed(timed);
                return self.timed();
            }
        };
        let times = TimedTable::new(&tree.hash_key());
        self.form = Form::Timed(Box::new(TimedTree { tree, times }));
        self.timed()
    }

    fn timed(&mut self) -> &mut TimedTree {
        match &mut self.form {
            Form::Timed(timed) => timed,
            Form::Packed(_) | Form::Tree(_) => unreachable!("it was just made one with times"),
        }
    }

    /// With the last member that expires goes the table of them.
    pub(super) fn drop_times_if_empty(&mut self) {
        if !matches!(&self.form, Form::Timed(timed) if timed.times.len() == 0) {
            return;
        }
        if let Form::Timed(timed) = std::mem::take(&mut self.form) {
            self.form = Form::Tree(Box::new(timed.tree));
        }
    }

    /// The earliest expiry of a member.
    #[inline]
    #[must_use]
    pub fn next_expiry(&self) -> Option<UnixMillis> {
        match &self.form {
            Form::Packed(_) | Form::Tree(_) => None,
            Form::Timed(timed) => timed.times.next_expiry(),
        }
    }

    /// Removes up to `limit` members whose time has come, the earliest first, and hands them out; returns how many.
    pub fn remove_due(&mut self, now: UnixMillis, limit: usize, mut removed: impl FnMut(&[u8])) -> usize {
        let Form::Timed(timed) = &mut self.form else { return 0 };
        let TimedTree { tree, times } = &mut **timed;
        let count = times.remove_due(now, limit, &mut |member| {
            tree.remove(member).expect("a member with a time is in the tree");
            removed(member);
        });
        self.drop_times_if_empty();
        count
    }

    /// The members that expire, with their times.
    #[must_use]
    pub fn expiring(&self) -> ExpiringMembers<'_> {
        ExpiringMembers(match &self.form {
            Form::Packed(_) | Form::Tree(_) => None,
            Form::Timed(timed) => Some(timed.times.iter()),
        })
    }

    /// Panics when something is not as it should be. For tests; takes time in proportion to the set.
    pub fn check_invariants(&self) {
        match &self.form {
            Form::Packed(packed) => packed.check_invariants(),
            Form::Tree(tree) => tree.check_invariants(),
            Form::Timed(timed) => {
                timed.tree.check_invariants();
                timed.times.check_invariants();
                assert!(timed.times.len() > 0, "some member expires");
                for member in timed.times.iter() {
                    assert!(member.expiry().is_some(), "what is in the table expires");
                    assert!(timed.tree.score(member.as_bytes()).is_some(), "it is in the tree, too");
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "expiry_tests.rs"]
mod tests;
