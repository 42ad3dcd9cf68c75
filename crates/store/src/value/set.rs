//! The set value: different byte strings.
//!
//! A small set of integers is an intset, sorted and searched by bisection; another small one a listpack, searched from its
//! beginning: both byte for byte those of Redis. Beyond the limits of the configuration a set is a table of [`Member`]s, one
//! allocation each, and stays one.
//!
//! | members | bytes for each |
//! |---|---|
//! | integers in an intset | 2, 4 or 8, as the widest needs |
//! | in a listpack | their length and 2, at most 10 for an integer |
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
use spinel_structs::listpack::{self, Listpack, ListpackValue};
use spinel_structs::number::parse_i64;
use spinel_structs::size_class::malloc_size;
use spinel_structs::table;

use super::ahead::Body;
use super::draw::{Selection, below, sample_table};
use super::timed_table::TimedTable;
use super::{EncodingLimits, Text};
use crate::UnixMillis;

/// No intset grows beyond this, whatever the configuration allows.
const MAX_INTS: usize = 1 << 30;
/// When more than this many are taken out for each that stays, those that stay are moved instead.
const MOVE_STAYING_RATIO: usize = 5;
/// From this part of a table on, those to be taken out are chosen on a walk through it, instead of drawn one by one.
const WALK_DIVISOR: usize = 16;

/// A set of byte strings.
#[derive(Debug)]
pub struct Set {
    form: Form,
}

#[derive(Debug)]
enum Form {
    Ints(IntSet),
    /// Boxed for the sake of intsets, which would grow by a word.
    Packed(Box<Listpack>),
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

const _: () = assert!(size_of::<Set>() == 24, "no larger than an intset");

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
            Form::Packed(pack) => pack.len(),
            Form::Table(members) => members.table.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name `OBJECT ENCODING` reports. A listpack goes by the name that Redis 7.0 has for any set of other things than
    /// integers.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Ints(_) => "intset",
            Form::Packed(_) | Form::Table(_) => "hashtable",
        }
    }

    /// What stands behind it.
    #[inline]
    pub(super) fn body(&self) -> Body<'_> {
        match &self.form {
            Form::Ints(ints) => Body::Packed(ints.as_bytes()),
            Form::Packed(pack) => Body::Packed(pack.as_bytes()),
            Form::Table(members) => Body::Table(&members.table),
        }
    }

    /// Whether there is such a member.
    #[must_use]
    pub fn contains(&self, member: Text<'_>) -> bool {
        match &self.form {
            Form::Ints(ints) => integer(member).is_some_and(|n| ints.contains(n)),
            Form::Packed(pack) => member.with_bytes(|bytes| pack.find(bytes, 0).is_some()),
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
            (Form::Ints(ints), None) => {
                if ints.len() < limits.set_max_listpack_entries {
                    self.form = Form::Packed(Box::new(packed(ints)));
                }
                member.with_bytes(|bytes| self.add_bytes(bytes, limits, hash_key))
            }
            (Form::Packed(_) | Form::Table(_), _) => {
                member.with_bytes(|bytes| self.add_bytes(bytes, limits, hash_key))
            }
        }
    }

    /// Adds to a set that is no intset, or that is to be none any more.
    fn add_bytes(&mut self, member: &[u8], limits: &EncodingLimits, hash_key: &HashKey) -> bool {
        if let Form::Packed(pack) = &mut self.form {
            if pack.find(member, 0).is_some() {
                return false;
            }
            let is_small = pack.len() < limits.set_max_listpack_entries
                && member.len() <= limits.set_max_listpack_value
                && !pack.would_exceed(member.len());
            if is_small {
                pack.push_back(member);
                return true;
            }
        }
        self.make_table(hash_key).add(member)
    }

    /// Removes a member; returns whether it was there.
    pub fn remove(&mut self, member: Text<'_>) -> bool {
        match &mut self.form {
            Form::Ints(ints) => integer(member).is_some_and(|n| ints.remove(n)),
            Form::Packed(pack) => {
                let found = member.with_bytes(|bytes| pack.find(bytes, 0));
                if let Some(at) = found {
                    pack.remove(at);
                }
                found.is_some()
            }
            Form::Table(members) => member.with_bytes(|bytes| members.remove(bytes)),
        }
    }

    /// All members.
    #[must_use]
    pub fn iter(&self) -> SetIter<'_> {
        match &self.form {
            Form::Ints(ints) => SetIter::Ints { ints, at: 0 },
            Form::Packed(pack) => SetIter::Packed(pack.iter()),
            Form::Table(members) => SetIter::Table(members.table.iter()),
        }
    }

    /// Passes some members to `visit` and returns the cursor of the next ones, 0 after the last. Begin with 0. A small
    /// set is passed at once, whatever the cursor.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Text<'_>)) -> u64 {
        match &self.form {
            Form::Ints(_) | Form::Packed(_) => {
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
            Form::Ints(_) | Form::Packed(_) if self.is_empty() => None,
            Form::Ints(ints) => ints.get(below(ints.len(), rng)).map(Text::Int),
            Form::Packed(pack) => pack.at(below(pack.len(), rng)).map(Text::from),
            Form::Table(members) => members.table.random(rng).map(|member| Text::Bytes(member.as_bytes())),
        }
    }

    /// Passes `count` different members at random to `visit`, or all if there are not so many.
    pub fn sample(&self, count: usize, rng: &mut impl FnMut() -> u64, mut visit: impl FnMut(Text<'_>)) {
        match &self.form {
            Form::Ints(_) | Form::Packed(_) => {
                let mut selection = Selection::new(count, self.len());
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
            Form::Packed(pack) => {
                let len = pack.len();
                let at = (len > 0).then(|| below(len, rng))?;
                let pos = pack.seek(at as isize).expect("the index is below the length");
                let taken = match pack.get(pos) {
                    ListpackValue::Int(n) => TakenMember::Int(n),
                    ListpackValue::Bytes(bytes) => TakenMember::Bytes(Member::new(bytes)),
                };
                pack.remove(pos);
                Some(taken)
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
            Form::Packed(pack) => {
                let mut selection = Selection::new(count, pack.len());
                let mut staying = Listpack::new();
                for member in pack.iter() {
                    if selection.takes_next(rng) {
                        visit(member.into());
                    } else {
                        Text::from(member).with_bytes(|bytes| staying.push_back(bytes));
                    }
                }
                **pack = staying;
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
            Form::Table(members)
                if count >= members.table.len() / WALK_DIVISOR && !members.has_expiries() =>
            {
                let mut selection = Selection::new(count, members.table.len());
                let chosen = |_: &Member| selection.takes_next(rng);
                members.take_where(chosen, |member| visit(Text::Bytes(member.as_bytes())));
                None
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
            Form::Packed(pack) => own + malloc_size(size_of::<Listpack>()) + malloc_size(pack.memory_bytes()),
            Form::Table(members) => own + members.memory_bytes(),
        }
    }

    /// Roughly how many allocations freeing it takes; giving 16 KiB back to the system counts as one.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.form {
            Form::Ints(ints) => 1 + (ints.memory_bytes() >> 14),
            Form::Packed(pack) => 1 + (pack.memory_bytes() >> 14),
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
            Form::Packed(pack) => {
                pack.clear();
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
            Form::Packed(pack) => Form::Packed(pack.clone()),
            Form::Table(members) => Form::Table(Box::new(members.duplicate())),
        };
        Self { form }
    }

    /// Panics when something is not as it should be. For tests; takes time in proportion to the set.
    pub fn check_invariants(&self) {
        match &self.form {
            Form::Ints(ints) => ints.check_invariants(),
            Form::Packed(pack) => {
                pack.check_invariants();
                let mut members: Vec<_> = pack.iter().map(|member| member.to_vec()).collect();
                members.sort_unstable();
                assert!(members.windows(2).all(|pair| pair[0] != pair[1]), "no member twice");
            }
            Form::Table(members) => members.check_invariants(),
        }
    }

    /// Moves a small set into a table.
    fn make_table(&mut self, hash_key: &HashKey) -> &mut Members {
        if !matches!(self.form, Form::Table(_)) {
            let mut members = Members::new(hash_key);
            for member in self.iter() {
                member.with_bytes(|bytes| members.add(bytes));
            }
            self.form = Form::Table(Box::new(members));
        }
        match &mut self.form {
            Form::Table(members) => members,
            Form::Ints(_) | Form::Packed(_) => unreachable!("it was just made a table"),
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
    /// Of another small set.
    Packed(listpack::Iter<'a>),
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
            Self::Packed(members) => members.next().map(Text::from),
            Self::Table(members) => members.next().map(|member| Text::Bytes(member.as_bytes())),
        }
    }
}

/// The listpack of a small set of integers.
fn packed(ints: &IntSet) -> Listpack {
    let mut pack = Listpack::new();
    ints.iter().for_each(|n| pack.push_back_int(n));
    pack
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
