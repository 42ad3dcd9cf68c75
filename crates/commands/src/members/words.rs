//! `MEMBERS nummembers member ...`, and lists of members for the journal.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Field, Key, Many, UnixMillis, UpdateContext, Words};

use super::Membered;
use crate::element_words::Counted;

/// The count and the members, for the documentation.
pub(crate) const MEMBERS_ARG: ArgSpec = Shape {
    children: &[
        Shape::word(ArgKind::Integer).arg("nummembers", ""),
        Shape::word(ArgKind::String).repeated().arg("member", ""),
    ],
    ..Shape::word(ArgKind::Block)
}
.arg("members", "MEMBERS");

/// `MEMBERS nummembers`
pub(super) const MEMBERS: Counted = Counted {
    token: "MEMBERS",
    is_missing: "ERR Mandatory argument MEMBERS is missing or not at the right position",
    is_none: "ERR Number of members must be a positive integer",
    differs: "ERR The `nummembers` parameter must match the number of arguments",
};

/// Reads `MEMBERS nummembers member ...` to the end of the command.
pub(crate) fn named_members<'a>(words: &mut Words<'a>) -> Result<Many<'a, &'a [u8]>, CommandError> {
    MEMBERS.read(words)?;
    Many::parse(words)
}

/// The journal records that these members were removed.
pub(super) fn propagate_removal<T: Membered>(cx: &mut UpdateContext<'_>, key: Key<'_>, members: &[&[u8]]) {
    let words = [T::NAMES.remove_words.as_bytes(), key.bytes];
    cx.propagate_as(words.iter().chain(members));
}

/// The journal records that these members expire at a time.
pub(super) fn propagate_expiry<T: Membered>(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    at: UnixMillis,
    members: &[&[u8]],
) {
    let (at, count) = (at.0.to_string(), members.len().to_string());
    let name = T::NAMES.expire_words.as_bytes();
    let words = [name, key.bytes, at.as_bytes(), b"MEMBERS", count.as_bytes()];
    cx.propagate_as(words.iter().chain(members));
}

/// The journal records that these members expire no more.
pub(super) fn propagate_persistence<T: Membered>(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    members: &[&[u8]],
) {
    let count = members.len().to_string();
    let words = [T::NAMES.persist_words.as_bytes(), key.bytes, b"MEMBERS", count.as_bytes()];
    cx.propagate_as(words.iter().chain(members));
}
