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
//! What is deliberately absent: expiries of single fields.

mod load;

pub use load::HashLoader;

use spinel_structs::compact::Field;
use spinel_structs::hash::{HashKey, hash_bytes};
use spinel_structs::listpack::{self, Listpack, ListpackValue};
use spinel_structs::size_class::malloc_size;
use spinel_structs::table::{self, Table};

use super::draw::{Selection, below, sample_table};
use super::{EncodingLimits, Text};

/// A hash: byte strings by name.
#[derive(Debug)]
pub struct Hash {
    form: Form,
}

#[derive(Debug)]
enum Form {
    Packed(Listpack),
    Table(Box<Fields>),
}

/// The large form.
#[derive(Debug)]
struct Fields {
    table: Table<Field>,
    hash_key: HashKey,
    /// What the fields' own allocations take.
    field_bytes: usize,
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

    /// Fields.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Packed(pack) => pack.len() / 2,
            Form::Table(fields) => fields.table.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.form {
            Form::Packed(pack) => pack.is_empty(),
            Form::Table(fields) => fields.table.is_empty(),
        }
    }

    /// The name `OBJECT ENCODING` reports.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Packed(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<Text<'_>> {
        match &self.form {
            Form::Packed(pack) => pack.find_pair(name).map(|(_, value)| text(pack.get(value))),
            Form::Table(fields) => fields.find(name).map(|field| Text::Bytes(field.value())),
        }
    }

    /// Whether there is a field of this name.
    #[must_use]
    pub fn contains(&self, name: &[u8]) -> bool {
        match &self.form {
            Form::Packed(pack) => pack.find(name, 1).is_some(),
            Form::Table(fields) => fields.find(name).is_some(),
        }
    }

    /// Sets a field; returns whether it is new.
    pub fn set(&mut self, name: &[u8], value: &[u8], limits: &EncodingLimits, hash_key: &HashKey) -> bool {
        let is_long = name.len().max(value.len()) > limits.hash_max_listpack_value;
        match &mut self.form {
            Form::Packed(pack) if is_long || pack.would_exceed(name.len() + value.len()) => {
                self.make_table(hash_key).set(name, value)
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
            Form::Table(fields) => fields.set(name, value),
        }
    }

    /// Removes a field; returns whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match &mut self.form {
            Form::Packed(pack) => {
                let Some(at) = pack.find(name, 1) else { return false };
                pack.remove_run(at, 2);
                true
            }
            Form::Table(fields) => fields.remove(name),
        }
    }

    /// All fields: name and value.
    #[must_use]
    pub fn iter(&self) -> HashIter<'_> {
        match &self.form {
            Form::Packed(pack) => HashIter::Packed(pack.pairs()),
            Form::Table(fields) => HashIter::Table(fields.table.iter()),
        }
    }

    /// Passes some fields to `visit` and returns the cursor of the next ones, 0 after the last. Begin with 0. A small
    /// hash is passed at once, whatever the cursor.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Text<'_>, Text<'_>)) -> u64 {
        match &self.form {
            Form::Packed(_) => {
                self.iter().for_each(|(name, value)| visit(name, value));
                0
            }
            Form::Table(fields) => fields.table.scan(cursor, &mut |field: &Field| {
                visit(Text::Bytes(field.name()), Text::Bytes(field.value()));
            }),
        }
    }

    /// A field at random.
    pub fn random(&self, rng: &mut impl FnMut() -> u64) -> Option<(Text<'_>, Text<'_>)> {
        match &self.form {
            Form::Packed(pack) if pack.is_empty() => None,
            Form::Packed(pack) => pack.pairs().nth(below(pack.len() / 2, rng)).map(texts),
            Form::Table(fields) => fields.table.random(rng).map(parts),
        }
    }

    /// Passes `count` different fields at random to `visit`, or all if there are not so many.
    pub fn sample(
        &self,
        count: usize,
        rng: &mut impl FnMut() -> u64,
        mut visit: impl FnMut(Text<'_>, Text<'_>),
    ) {
        match &self.form {
            Form::Packed(_) => {
                let mut selection = Selection::new(count, self.len());
                for (name, value) in self.iter().filter(|_| selection.takes_next(rng)) {
                    visit(name, value);
                }
            }
            Form::Table(fields) => sample_table(&fields.table, count, rng, |field| {
                let (name, value) = parts(field);
                visit(name, value);
            }),
        }
    }

    /// To draw many fields at random, each draw from all of them.
    #[must_use]
    pub fn lots(&self) -> HashLots<'_> {
        match &self.form {
            Form::Packed(_) => HashLots::Packed(self.iter().collect()),
            Form::Table(fields) => HashLots::Table(&fields.table),
        }
    }

    /// Bytes allocated.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let own = malloc_size(size_of::<Self>());
        match &self.form {
            Form::Packed(pack) => own + malloc_size(pack.memory_bytes()),
            Form::Table(fields) => own + fields.memory_bytes(),
        }
    }

    /// Roughly how many allocations freeing it takes; giving 16 KiB back to the system counts as one.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.form {
            Form::Packed(pack) => 1 + (pack.memory_bytes() >> 14),
            Form::Table(fields) => fields.table.len() + (fields.memory_bytes() >> 14),
        }
    }

    /// Drops up to `n` fields, whichever are the cheapest to reach; returns how many are left.
    pub fn take_chunk(&mut self, n: usize) -> usize {
        match &mut self.form {
            Form::Packed(pack) => {
                pack.clear();
                0
            }
            Form::Table(fields) => {
                let field_bytes = &mut fields.field_bytes;
                fields.table.take_chunk(n, |field| *field_bytes -= field.memory_bytes());
                fields.table.len()
            }
        }
    }

    /// A copy that shares nothing with this one.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let form = match &self.form {
            Form::Packed(pack) => Form::Packed(pack.clone()),
            Form::Table(fields) => Form::Table(Box::new(fields.duplicate())),
        };
        Self { form }
    }

    /// Panics when something is not as it should be. For tests; takes time in proportion to the hash.
    pub fn check_invariants(&self) {
        match &self.form {
            Form::Packed(pack) => assert!(pack.len().is_multiple_of(2), "a listpack of pairs"),
            Form::Table(fields) => {
                fields.table.check_invariants();
                let field_bytes: usize = fields.table.iter().map(Field::memory_bytes).sum();
                assert_eq!(field_bytes, fields.field_bytes, "the bytes of the fields are counted");
            }
        }
    }

    /// Moves a small hash into a table.
    fn make_table(&mut self, hash_key: &HashKey) -> &mut Fields {
        if let Form::Packed(pack) = &self.form {
            let mut fields = Fields::new(hash_key);
            for (name, value) in pack.pairs().map(texts) {
                name.with_bytes(|name| value.with_bytes(|value| fields.set(name, value)));
            }
            self.form = Form::Table(Box::new(fields));
        }
        match &mut self.form {
            Form::Table(fields) => fields,
            Form::Packed(_) => unreachable!("it was just made a table"),
        }
    }
}

impl Fields {
    fn new(hash_key: &HashKey) -> Self {
        Self { table: Table::new(*hash_key), hash_key: *hash_key, field_bytes: 0 }
    }

    fn find(&self, name: &[u8]) -> Option<&Field> {
        self.table.find(hash_bytes(&self.hash_key, name), |field| field.name() == name)
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        match self.table.entry(hash_bytes(&self.hash_key, name), |field| field.name() == name) {
            table::Entry::Occupied(slot) => {
                let field = slot.into_mut();
                self.field_bytes -= field.memory_bytes();
                field.set_value(value);
                self.field_bytes += field.memory_bytes();
                false
            }
            table::Entry::Vacant(slot) => {
                let field = slot.insert(Field::new(name, value));
                self.field_bytes += field.memory_bytes();
                true
            }
        }
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let removed = self.table.remove(hash_bytes(&self.hash_key, name), |field| field.name() == name);
        self.field_bytes -= removed.as_ref().map_or(0, Field::memory_bytes);
        removed.is_some()
    }

    fn memory_bytes(&self) -> usize {
        malloc_size(size_of::<Self>()) + self.table.memory_bytes() + self.field_bytes
    }

    fn duplicate(&self) -> Self {
        let mut copy = Self::new(&self.hash_key);
        for field in &self.table {
            copy.table.insert_unique(hash_bytes(&self.hash_key, field.name()), field.clone());
        }
        copy.field_bytes = self.field_bytes;
        copy
    }
}

/// The fields of a hash; see [`Hash::iter`].
pub enum HashIter<'a> {
    /// Of a small one.
    Packed(listpack::Pairs<'a>),
    /// Of a large one.
    Table(table::Iter<'a, Field>),
}

impl<'a> Iterator for HashIter<'a> {
    type Item = (Text<'a>, Text<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Packed(pairs) => pairs.next().map(texts),
            Self::Table(fields) => fields.next().map(parts),
        }
    }
}

/// The fields of a hash, to be drawn at random any number of times; see [`Hash::lots`].
pub enum HashLots<'a> {
    /// Of a small one: all fields, found once.
    Packed(Vec<(Text<'a>, Text<'a>)>),
    /// Of a large one.
    Table(&'a Table<Field>),
}

impl<'a> HashLots<'a> {
    /// A field at random; `None` if there is none.
    pub fn draw(&self, rng: &mut impl FnMut() -> u64) -> Option<(Text<'a>, Text<'a>)> {
        match self {
            Self::Packed(fields) if fields.is_empty() => None,
            Self::Packed(fields) => Some(fields[below(fields.len(), rng)]),
            Self::Table(table) => table.random(rng).map(parts),
        }
    }
}

fn text(value: ListpackValue<'_>) -> Text<'_> {
    match value {
        ListpackValue::Int(n) => Text::Int(n),
        ListpackValue::Bytes(bytes) => Text::Bytes(bytes),
    }
}

fn texts<'a>((name, value): (ListpackValue<'a>, ListpackValue<'a>)) -> (Text<'a>, Text<'a>) {
    (text(name), text(value))
}

fn parts(field: &Field) -> (Text<'_>, Text<'_>) {
    (Text::Bytes(field.name()), Text::Bytes(field.value()))
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
