//! How a hash is written: it depends on its form, on whether its fields expire, and on what the version can hold.

use spinel_store::value::{HashField, HashIter};
use spinel_store::{Hash, UnixMillis};
use spinel_structs::listpack::Listpack;

use super::EncodeOptions;
use super::text::{put_length, put_text};
use crate::opcode::ValueType;
use crate::version::Target;

/// What is written of a hash.
#[derive(Clone, Copy)]
pub(super) enum Written<'a> {
    /// Its listpack of pairs.
    Pack(&'a Listpack),
    /// A listpack of pairs, made of its listpack of triples.
    PackWithoutTimes,
    /// Its listpack of triples.
    TimedPack(&'a Listpack, UnixMillis),
    /// Its fields, by themselves.
    Fields(Times),
}

/// What is written of the times of fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Nothing,
    /// Before the field, counted from the earliest of the hash.
    SinceEarliest(UnixMillis),
    /// Behind the field, as they are.
    Absolute,
}

impl<'a> Written<'a> {
    pub(super) fn of(hash: &'a Hash, target: Target) -> Self {
        if let Some(pack) = hash.as_listpack() {
            return Self::Pack(pack);
        }
        match (hash.next_expiry().filter(|_| target.has_field_expiries()), hash.as_timed_listpack()) {
            (None, Some(_)) => Self::PackWithoutTimes,
            (None, None) => Self::Fields(Times::Nothing),
            (Some(_), _) if target == Target::Valkey80 => Self::Fields(Times::Absolute),
            (Some(earliest), Some(pack)) => Self::TimedPack(pack, earliest),
            (Some(earliest), None) => Self::Fields(Times::SinceEarliest(earliest)),
        }
    }

    pub(super) fn value_type(self, target: Target) -> ValueType {
        match self {
            Self::Pack(_) | Self::PackWithoutTimes if target.has_listpacks() => ValueType::HashListpack,
            Self::Pack(_) | Self::PackWithoutTimes => ValueType::HashZiplist,
            Self::TimedPack(..) => ValueType::TimedHashListpack,
            Self::Fields(Times::Nothing) => ValueType::Hash,
            Self::Fields(Times::SinceEarliest(_)) => ValueType::TimedHash,
            Self::Fields(Times::Absolute) => ValueType::ExpiringHash,
        }
    }
}

/// The fields of a hash as a listpack of pairs.
pub(super) fn pairs(hash: &Hash) -> Listpack {
    let mut pack = Listpack::new();
    for field in hash.iter() {
        field.name.with_bytes(|name| field.value.with_bytes(|value| pack.push_pair(name, value)));
    }
    pack
}

/// Writes the next field; false if there is none.
pub(super) fn put_field(
    out: &mut Vec<u8>,
    fields: &mut HashIter<'_>,
    times: Times,
    options: EncodeOptions,
) -> bool {
    let Some(HashField { name, value, expiry }) = fields.next() else { return false };
    if let Times::SinceEarliest(earliest) = times {
        put_length(out, expiry.map_or(0, |at| (at.0 - earliest.0) as u64 + 1));
    }
    put_text(out, name, options);
    put_text(out, value, options);
    if times == Times::Absolute {
        out.extend_from_slice(&expiry.map_or(-1, |at| at.0).to_le_bytes());
    }
    true
}
