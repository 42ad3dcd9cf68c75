//! Walking through the fields of a hash, and drawing some.

use spinel_structs::compact::Field;
use spinel_structs::listpack;
use spinel_structs::table::{self, Table};

use super::below;
use crate::UnixMillis;
use crate::value::Text;

/// A field of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashField<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// Its value.
    pub value: Text<'a>,
    /// When it expires.
    pub expiry: Option<UnixMillis>,
}

impl<'a> HashField<'a> {
    /// As it stands in a table.
    pub(super) fn of(field: &'a Field) -> Self {
        Self {
            name: Text::Bytes(field.name()),
            value: Text::Bytes(field.value()),
            expiry: field.expiry().map(UnixMillis),
        }
    }

    /// Whether its time has come.
    #[must_use]
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expiry.is_some_and(|at| at <= now)
    }
}

/// The fields of a hash; see [`Hash::iter`](super::Hash::iter).
pub enum HashIter<'a> {
    /// Of a small one.
    Packed(listpack::Pairs<'a>),
    /// Of a small one with fields that expire.
    Timed(super::timed::Iter<'a>),
    /// Of a large one.
    Table(table::Iter<'a, Field>),
}

impl<'a> Iterator for HashIter<'a> {
    type Item = HashField<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Packed(pairs) => pairs.next().map(|(name, value)| HashField {
                name: name.into(),
                value: value.into(),
                expiry: None,
            }),
            Self::Timed(fields) => fields.next(),
            Self::Table(fields) => fields.next().map(HashField::of),
        }
    }
}

/// The fields of a hash, to be drawn at random any number of times; see [`Hash::lots`](super::Hash::lots).
pub enum HashLots<'a> {
    /// Of a small one, or one of which not all are alive: the fields, found once.
    Some(Vec<HashField<'a>>),
    /// Of a large one.
    Table(&'a Table<Field>),
}

impl<'a> HashLots<'a> {
    /// A field at random; `None` if there is none.
    pub fn draw(&self, rng: &mut impl FnMut() -> u64) -> Option<HashField<'a>> {
        match self {
            Self::Some(fields) if fields.is_empty() => None,
            Self::Some(fields) => Some(fields[below(fields.len(), rng)]),
            Self::Table(table) => table.random(rng).map(HashField::of),
        }
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Some(fields) => fields.is_empty(),
            Self::Table(table) => table.is_empty(),
        }
    }
}
