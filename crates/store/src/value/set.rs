//! The set value: different byte strings.
//!
//! A small set of integers is an intset, sorted and searched by bisection, byte for byte that of Redis. Any other set,
//! or one beyond the limit of the configuration, is a table of [`Member`]s, one allocation each, and stays one.
//!
//! | members | bytes for each |
//! |---|---|
//! | integers in an intset | 2, 4 or 8, as the widest needs |
//! | of up to 7 bytes in a table | 8, and 8 to 16 of the table |
//! | of 8 to 15 bytes in a table | 16, and 8 to 16 of the table |
//! | that expires, in a table | 8 more, and some 24 of the index |
//!
//! The bytes of all members are counted as they come and go, so that the memory a set takes is known at any time.
//!
//! Members may expire ([`expiry`]). Those that do carry their time, and an index orders them; a set without any has neither.
//!
//! Members go in and out as [`Text`]: an integer is never written out only to be read again.

mod expiry;
mod load;

pub use expiry::ExpiringMembers;
pub use load::SetLoader;

use spinel_structs::compact::Member;
use spinel_structs::hash::HashKey;
use spinel_structs::intset::IntSet;
use spinel_structs::number::parse_i64;
use spinel_structs::size_class::malloc_size;
use spinel_structs::table;

use super::draw::{Selection, below, sample_table};
use super::timed_table::TimedTable;
use super::{EncodingLimits, Text};
use crate::UnixMillis;

/// No intset grows beyond this, whatever the configuration allows.
const MAX_INTS: usize = 1 << 30;
/// When more than this many are taken out for each that stays, those that stay are moved instead.
const MOVE_STAYING_RATIO: usize = 5;

/// A set of byte strings.
#[derive(Debug)]
pub struct Set {
    form: Form,
}

#[derive(Debug)]
enum Form {
    Ints(IntSet),
    Table(Box<Members>),
}

/// The large form.
type Members = TimedTable<Member>;

/// A member taken out of a set.
#[derive(Debug)]
pub enum TakenMember {
    /// An integer.
    Int(i64),
    /// A byte string.
    Bytes(Member),
}

impl TakenMember {
    /// What it says.
    #[must_use]
    pub fn text(&self) -> Text<'_> {
        match self {
            Self::Int(n) => Text::Int(*n),
            Self::Bytes(member) => Text::Bytes(member.as_bytes()),
        }
    }
}

const _: () = assert!(size_of::<Set>() == 24, "no larger than the small form");

impl Default for Set {
    fn default() -> Self {
        Self::new()
    }
}

impl Set {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { form: Form::Ints(IntSet::new()) }
    }

    /// Members.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Ints(ints) => ints.len(),
            Form::Table(members) => members.table.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name `OBJECT ENCODING` reports.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Ints(_) => "intset",
            Form::Table(_) => "hashtable",
        }
    }

    /// Whether there is such a member.
    #[must_use]
    pub fn contains(&self, member: Text<'_>) -> bool {
        match &self.form {
            Form::Ints(ints) => integer(member).is_some_and(|n| ints.contains(n)),
            Form::Table(members) => member.with_bytes(|bytes| members.contains(bytes)),
        }
    }

    /// Adds a member; returns whether it is new.
    pub fn add(&mut self, member: Text<'_>, limits: &EncodingLimits, hash_key: &HashKey) -> bool {
        match (&mut self.form, integer(member)) {
            (Form::Ints(ints), Some(n)) => {
                let is_new = ints.add(n);
                if is_new && ints.len() > limits.set_max_intset_entries.min(MAX_INTS) {
                    self.make_table(hash_key);
                }
                is_new
            }
            (Form::Ints(_), None) => {
                let members = self.make_table(hash_key);
                member.with_bytes(|bytes| members.add(bytes))
            }
            (Form::Table(members), _) => member.with_bytes(|bytes| members.add(bytes)),
        }
    }

    /// Removes a member; returns whether it was there.
    pub fn remove(&mut self, member: Text<'_>) -> bool {
        match &mut self.form {
            Form::Ints(ints) => integer(member).is_some_and(|n| ints.remove(n)),
            Form::Table(members) => member.with_bytes(|bytes| members.remove(bytes)),
        }
    }

    /// All members.
    #[must_use]
    pub fn iter(&self) -> SetIter<'_> {
        match &self.form {
            Form::Ints(ints) => SetIter::Ints { ints, at: 0 },
            Form::Table(members) => SetIter::Table(members.table.iter()),
        }
    }

    /// Passes some members to `visit` and returns the cursor of the next ones, 0 after the last. Begin with 0. A small
    /// set is passed at once, whatever the cursor.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Text<'_>)) -> u64 {
        match &self.form {
            Form::Ints(_) => {
                self.iter().for_each(visit);
                0
            }
            Form::Table(members) => {
                members.table.scan(cursor, &mut |member: &Member| visit(Text::Bytes(member.as_bytes())))
            }
        }
    }

    /// A member at random.
    pub fn random(&self, rng: &mut impl FnMut() -> u64) -> Option<Text<'_>> {
        match &self.form {
            Form::Ints(ints) if ints.is_empty() => None,
            Form::Ints(ints) => ints.get(below(ints.len(), rng)).map(Text::Int),
            Form::Table(members) => members.table.random(rng).map(|member| Text::Bytes(member.as_bytes())),
        }
    }

    /// Passes `count` different members at random to `visit`, or all if there are not so many.
    pub fn sample(&self, count: usize, rng: &mut impl FnMut() -> u64, mut visit: impl FnMut(Text<'_>)) {
        match &self.form {
            Form::Ints(ints) => {
                let mut selection = Selection::new(count, ints.len());
                self.iter().filter(|_| selection.takes_next(rng)).for_each(visit);
            }
            Form::Table(members) => {
                sample_table(&members.table, count, rng, |member| visit(Text::Bytes(member.as_bytes())));
            }
        }
    }

    /// Takes a member out at random.
    pub fn take_random(&mut self, rng: &mut impl FnMut() -> u64) -> Option<TakenMember> {
        match &mut self.form {
            Form::Ints(ints) if ints.is_empty() => None,
            Form::Ints(ints) => {
                let n = ints.get(below(ints.len(), rng)).expect("the index is below the length");
                ints.remove(n);
                Some(TakenMember::Int(n))
            }
            Form::Table(members) => members.take_random(rng).map(TakenMember::Bytes),
        }
    }

    /// Takes `count` members, which must not be all, out at random and passes each to `visit`. Returns a set to be
    /// freed if they were so many that those that stay were moved; a set of integers is then small again.
    pub fn take_sample(
        &mut self,
        count: usize,
        rng: &mut impl FnMut() -> u64,
        limits: &EncodingLimits,
        mut visit: impl FnMut(Text<'_>),
    ) -> Option<Self> {
        debug_assert!(count < self.len(), "some members stay");
        match &mut self.form {
            Form::Ints(ints) => {
                let mut selection = Selection::new(count, ints.len());
                let mut staying = IntSet::new();
                for n in ints.iter() {
                    if selection.takes_next(rng) {
                        visit(Text::Int(n));
                    } else {
                        staying.add(n);
                    }
                }
                *ints = staying;
                None
            }
            Form::Table(members) if count >= (members.table.len() - count) * MOVE_STAYING_RATIO => {
                let hash_key = members.hash_key;
                let mut staying = Self::new();
                for _ in 0..members.table.len() - count {
                    let member = members.take_random(rng).expect("fewer are taken than there are");
                    staying.add(Text::Bytes(member.as_bytes()), limits, &hash_key);
                    if let Some(at) = member.expiry() {
                        staying.set_expiry(Text::Bytes(member.as_bytes()), Some(UnixMillis(at)), &hash_key);
                    }
                }
                members.table.iter().for_each(|member| visit(Text::Bytes(member.as_bytes())));
                Some(std::mem::replace(self, staying))
            }
            Form::Table(members) => {
                for _ in 0..count {
                    let member = members.take_random(rng).expect("fewer are taken than there are");
                    visit(Text::Bytes(member.as_bytes()));
                }
                None
            }
        }
    }

    /// Bytes allocated.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let own = malloc_size(size_of::<Self>());
        match &self.form {
            Form::Ints(ints) => own + malloc_size(ints.memory_bytes()),
            Form::Table(members) => own + members.memory_bytes(),
        }
    }

    /// Roughly how many allocations freeing it takes; giving 16 KiB back to the system counts as one.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.form {
            Form::Ints(ints) => 1 + (ints.memory_bytes() >> 14),
            Form::Table(members) => members.table.len() + (members.memory_bytes() >> 14),
        }
    }

    /// Drops up to `n` members, whichever are the cheapest to reach; returns how many are left.
    pub fn take_chunk(&mut self, n: usize) -> usize {
        match &mut self.form {
            Form::Ints(ints) => {
                *ints = IntSet::new();
                0
            }
            Form::Table(members) => members.take_chunk(n),
        }
    }

    /// A copy that shares nothing with this one.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let form = match &self.form {
            Form::Ints(ints) => Form::Ints(ints.clone()),
            Form::Table(members) => Form::Table(Box::new(members.duplicate())),
        };
        Self { form }
    }

    /// Panics when something is not as it should be. For tests; takes time in proportion to the set.
    pub fn check_invariants(&self) {
        match &self.form {
            Form::Ints(ints) => ints.check_invariants(),
            Form::Table(members) => members.check_invariants(),
        }
    }

    /// Moves a set of integers into a table.
    fn make_table(&mut self, hash_key: &HashKey) -> &mut Members {
        if let Form::Ints(ints) = &self.form {
            let mut members = Members::new(hash_key);
            for n in ints.iter() {
                Text::Int(n).with_bytes(|bytes| members.add(bytes));
            }
            self.form = Form::Table(Box::new(members));
        }
        match &mut self.form {
            Form::Table(members) => members,
            Form::Ints(_) => unreachable!("it was just made a table"),
        }
    }
}

impl Members {
    fn contains(&self, bytes: &[u8]) -> bool {
        self.find(bytes).is_some()
    }

    fn add(&mut self, bytes: &[u8]) -> bool {
        self.add_with(bytes, || Member::new(bytes))
    }
}

/// The members of a set; see [`Set::iter`].
pub enum SetIter<'a> {
    /// Of a small set of integers.
    Ints {
        /// The set.
        ints: &'a IntSet,
        /// The index of the next member.
        at: usize,
    },
    /// Of a table.
    Table(table::Iter<'a, Member>),
}

impl<'a> Iterator for SetIter<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        match self {
            Self::Ints { ints, at } => {
                let n = ints.get(*at)?;
                *at += 1;
                Some(Text::Int(n))
            }
            Self::Table(members) => members.next().map(|member| Text::Bytes(member.as_bytes())),
        }
    }
}

/// The integer a text says in its canonical form.
fn integer(text: Text<'_>) -> Option<i64> {
    match text {
        Text::Int(n) => Some(n),
        Text::Bytes(bytes) => parse_i64(bytes),
    }
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
