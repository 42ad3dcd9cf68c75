//! The hash value: names with values.
//!
//! Small ones are a listpack of pairs, searched from its beginning; beyond the limits of the configuration the fields
//! move to a table of [`Field`]s, one allocation each, and stay there. The listpack is byte for byte that of Redis.
//!
//! | fields of 8 + 7 bytes | bytes for each |
//! |---|---|
//! | in a listpack | 19 |
//! | in a table | 24, and 8 to 16 of the table |
//!
//! The bytes of all fields are counted as they come and go, so that the memory a hash takes is known at any time.
//!
//! Fields may expire ([`expiry`]). Then a small hash is a listpack of triples ([`timed`]), which it stays; in a table the
//! fields that expire carry their time, and an index orders them ([`timed_table`](super::timed_table)). A hash without such fields has neither.

mod expiry;
mod fields;
mod iter;
mod load;
mod timed;

pub use iter::{HashField, HashIter, HashLots};
pub use load::HashLoader;

use spinel_structs::compact::Field;
use spinel_structs::hash::HashKey;
use spinel_structs::listpack::Listpack;
use spinel_structs::size_class::malloc_size;

use self::fields::{Fields, OldExpiry};
use self::timed::TimedPack;
use super::ahead::Body;
use super::draw::{Selection, below, sample_table};
use super::{EncodingLimits, Text};
use crate::UnixMillis;

/// A hash: byte strings by name.
#[derive(Debug)]
pub struct Hash {
    form: Form,
}

#[derive(Debug)]
enum Form {
    Packed(Listpack),
    Timed(Box<TimedPack>),
    Table(Box<Fields>),
}

const _: () = assert!(size_of::<Hash>() == 24, "no larger than the small form");

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl Hash {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { form: Form::Packed(Listpack::new()) }
    }

    /// Fields, with those whose time has come and that are not removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Packed(pack) => pack.len() / 2,
            Form::Timed(pack) => pack.len(),
            Form::Table(fields) => fields.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.form {
            Form::Packed(pack) => pack.is_empty(),
            Form::Timed(pack) => pack.len() == 0,
            Form::Table(fields) => fields.table().is_empty(),
        }
    }

    /// The name `OBJECT ENCODING` reports.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Packed(_) => "listpack",
            Form::Timed(_) => "listpackex",
            Form::Table(_) => "hashtable",
        }
    }

    /// What stands behind it.
    #[inline]
    pub(super) fn body(&self) -> Body<'_> {
        match &self.form {
            Form::Packed(pack) => Body::Packed(pack.as_bytes()),
            Form::Timed(_) => Body::Elsewhere,
            Form::Table(fields) => Body::Table(&fields.table),
        }
    }

    /// The value of a field that is alive.
    #[inline]
    #[must_use]
    pub fn get(&self, name: &[u8], now: UnixMillis) -> Option<Text<'_>> {
        match &self.form {
            Form::Packed(pack) => pack.find_pair(name).map(|(_, value)| pack.get(value).into()),
            Form::Timed(pack) => pack.get(name, now),
            Form::Table(fields) => {
                let field = fields.find(name).filter(|field| !is_over(field.expiry(), now))?;
                Some(Text::Bytes(field.value()))
            }
        }
    }

    /// Whether there is a field of this name that is alive.
    #[must_use]
    pub fn contains(&self, name: &[u8], now: UnixMillis) -> bool {
        match &self.form {
            Form::Packed(pack) => pack.find(name, 1).is_some(),
            Form::Timed(_) | Form::Table(_) => self.get(name, now).is_some(),
        }
    }

    /// Sets a field, which does not expire then; returns whether it is new.
    pub fn set(&mut self, name: &[u8], value: &[u8], limits: &EncodingLimits, hash_key: &HashKey) -> bool {
        self.put(name, value, OldExpiry::Drop, limits, hash_key)
    }

    /// Sets a field, which keeps the expiry that it has; returns whether it is new.
    pub fn set_value(
        &mut self,
        name: &[u8],
        value: &[u8],
        limits: &EncodingLimits,
        hash_key: &HashKey,
    ) -> bool {
        self.put(name, value, OldExpiry::Keep, limits, hash_key)
    }

    #[inline]
    fn put(
        &mut self,
        name: &[u8],
        value: &[u8],
        old: OldExpiry,
        limits: &EncodingLimits,
        hash_key: &HashKey,
    ) -> bool {
        let is_long = name.len().max(value.len()) > limits.hash_max_listpack_value;
        match &mut self.form {
            Form::Packed(pack) if is_long || pack.would_exceed(name.len() + value.len()) => {
                self.make_table(hash_key).set(name, value, old)
            }
            Form::Packed(pack) => {
                let found = pack.find_pair(name);
                match found {
                    Some((_, at)) => pack.replace(at, value),
                    None => pack.push_pair(name, value),
                }
                if pack.len() / 2 > limits.hash_max_listpack_entries {
                    self.make_table(hash_key);
                }
                found.is_none()
            }
            Form::Timed(pack) if is_long || pack.would_exceed(name.len() + value.len()) => {
                self.make_table(hash_key).set(name, value, old)
            }
            Form::Timed(pack) => {
                let is_new = pack.set(name, value, old);
                if pack.len() > limits.hash_max_listpack_entries {
                    self.make_table(hash_key);
                }
                is_new
            }
            Form::Table(fields) => fields.set(name, value, old),
        }
    }

    /// Removes a field, alive or not; returns whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match &mut self.form {
            Form::Packed(pack) => {
                let Some(at) = pack.find(name, 1) else { return false };
                pack.remove_run(at, 2);
                true
            }
            Form::Timed(pack) => pack.remove(name),
            Form::Table(fields) => fields.remove(name),
        }
    }

    /// All fields, alive or not.
    #[must_use]
    pub fn iter(&self) -> HashIter<'_> {
        match &self.form {
            Form::Packed(pack) => HashIter::Packed(pack.pairs()),
            Form::Timed(pack) => HashIter::Timed(pack.iter()),
            Form::Table(fields) => HashIter::Table(fields.iter()),
        }
    }

    /// The fields that are alive.
    pub fn live(&self, now: UnixMillis) -> impl Iterator<Item = HashField<'_>> {
        self.iter().filter(move |field| !field.is_expired(now))
    }

    /// How many fields are alive; takes time in proportion to the hash if some are not.
    #[must_use]
    pub fn live_len(&self, now: UnixMillis) -> usize {
        if self.is_due(now) { self.live(now).count() } else { self.len() }
    }

    /// Passes some fields that are alive to `visit` and returns the cursor of the next ones, 0 after the last. Begin with
    /// 0. A small hash is passed at once, whatever the cursor.
    pub fn scan(&self, cursor: u64, now: UnixMillis, mut visit: impl FnMut(Text<'_>, Text<'_>)) -> u64 {
        match &self.form {
            Form::Packed(_) | Form::Timed(_) => {
                self.live(now).for_each(|field| visit(field.name, field.value));
                0
            }
            Form::Table(fields) => fields.scan(cursor, &mut |field: &Field| {
                if !is_over(field.expiry(), now) {
                    visit(Text::Bytes(field.name()), Text::Bytes(field.value()));
                }
            }),
        }
    }

    /// A field at random of those that are alive.
    pub fn random(&self, now: UnixMillis, rng: &mut impl FnMut() -> u64) -> Option<HashField<'_>> {
        match &self.form {
            _ if self.is_due(now) => self.lots(now).draw(rng),
            Form::Packed(pack) if pack.is_empty() => None,
            Form::Packed(_) | Form::Timed(_) if self.is_empty() => None,
            Form::Packed(_) | Form::Timed(_) => self.iter().nth(below(self.len(), rng)),
            Form::Table(fields) => fields.table().random(rng).map(HashField::of),
        }
    }

    /// Passes `count` different fields at random to `visit`, or all if there are not so many; of those that are alive.
    pub fn sample(
        &self,
        count: usize,
        now: UnixMillis,
        rng: &mut impl FnMut() -> u64,
        mut visit: impl FnMut(Text<'_>, Text<'_>),
    ) {
        match &self.form {
            Form::Table(fields) if !self.is_due(now) => sample_table(fields.table(), count, rng, |field| {
                visit(Text::Bytes(field.name()), Text::Bytes(field.value()));
            }),
            Form::Packed(_) | Form::Timed(_) | Form::Table(_) => {
                let mut selection = Selection::new(count, self.live_len(now));
                for field in self.live(now).filter(|_| selection.takes_next(rng)) {
                    visit(field.name, field.value);
                }
            }
        }
    }

    /// To draw many fields at random, each draw from all that are alive.
    #[must_use]
    pub fn lots(&self, now: UnixMillis) -> HashLots<'_> {
        match &self.form {
            Form::Table(fields) if !self.is_due(now) => HashLots::Table(fields.table()),
            Form::Packed(_) | Form::Timed(_) | Form::Table(_) => HashLots::Some(self.live(now).collect()),
        }
    }

    /// Bytes allocated.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let own = malloc_size(size_of::<Self>());
        match &self.form {
            Form::Packed(pack) => own + malloc_size(pack.memory_bytes()),
            Form::Timed(pack) => own + pack.memory_bytes(),
            Form::Table(fields) => own + fields.memory_bytes(),
        }
    }

    /// Roughly how many allocations freeing it takes; giving 16 KiB back to the system counts as one.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.form {
            Form::Packed(pack) => 1 + (pack.memory_bytes() >> 14),
            Form::Timed(pack) => 1 + (pack.memory_bytes() >> 14),
            Form::Table(fields) => fields.len() + (fields.memory_bytes() >> 14),
        }
    }

    /// Drops up to `n` fields, whichever are the cheapest to reach; returns how many are left.
    pub fn take_chunk(&mut self, n: usize) -> usize {
        match &mut self.form {
            Form::Packed(pack) => {
                pack.clear();
                0
            }
            Form::Timed(pack) => {
                pack.clear();
                0
            }
            Form::Table(fields) => fields.take_chunk(n),
        }
    }

    /// A copy that shares nothing with this one.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let form = match &self.form {
            Form::Packed(pack) => Form::Packed(pack.clone()),
            Form::Timed(pack) => Form::Timed(pack.clone()),
            Form::Table(fields) => Form::Table(Box::new(fields.duplicate())),
        };
        Self { form }
    }

    /// Panics when something is not as it should be. For tests; takes time in proportion to the hash.
    pub fn check_invariants(&self) {
        match &self.form {
            Form::Packed(pack) => assert!(pack.len().is_multiple_of(2), "a listpack of pairs"),
            Form::Timed(pack) => pack.check_invariants(),
            Form::Table(fields) => fields.check_invariants(),
        }
    }

    /// Moves a small hash into a table.
    fn make_table(&mut self, hash_key: &HashKey) -> &mut Fields {
        if !matches!(self.form, Form::Table(_)) {
            let mut fields = Fields::new(hash_key);
            for HashField { name, value, expiry } in self.iter() {
                name.with_bytes(|name| value.with_bytes(|value| fields.add(name, value, expiry)));
            }
            self.form = Form::Table(Box::new(fields));
        }
        match &mut self.form {
            Form::Table(fields) => fields,
            Form::Packed(_) | Form::Timed(_) => unreachable!("it was just made a table"),
        }
    }
}

/// Whether a time of expiry has come.
#[inline]
fn is_over(expiry: Option<i64>, now: UnixMillis) -> bool {
    expiry.is_some_and(|at| at <= now.0)
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
