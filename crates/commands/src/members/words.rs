//! `MEMBERS nummembers member ...`, and lists of members for the journal.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Encoder, Field, Key, Many, UnixMillis, UpdateContext, Words, is_token};
use spinel_structs::number::parse_i64;

use super::Membered;

/// The count and the members, for the documentation.
pub(crate) const MEMBERS_ARG: ArgSpec = Shape {
    children: &[
        Shape::word(ArgKind::Integer).arg("nummembers", ""),
        Shape::word(ArgKind::String).repeated().arg("member", ""),
    ],
    ..Shape::word(ArgKind::Block)
}
.arg("members", "MEMBERS");

/// Reads the word `MEMBERS` and the count behind it.
pub(super) fn member_count(words: &mut Words<'_>) -> Result<usize, CommandError> {
    if !words.take().is_ok_and(|word| is_token(word, "MEMBERS")) {
        return Err(CommandError::text(
            "ERR Mandatory argument MEMBERS is missing or not at the right position",
        ));
    }
    let count = words.take().map_err(|_| CommandError::Arity)?;
    let count = parse_i64(count).and_then(|count| usize::try_from(count).ok()).filter(|&count| count > 0);
    count.ok_or(CommandError::text("ERR Number of members must be a positive integer"))
}

/// Reads `MEMBERS nummembers member ...` to the end of the command.
pub(crate) fn named_members<'a>(words: &mut Words<'a>) -> Result<Many<'a, &'a [u8]>, CommandError> {
    if member_count(words)? != words.len() {
        return Err(CommandError::text("ERR The `nummembers` parameter must match the number of arguments"));
    }
    Many::parse(words)
}

/// The reply where there is no collection: the same for each member.
pub(super) fn reply_same(out: &mut Encoder, count: usize, code: i64) {
    out.array(count);
    (0..count).for_each(|_| out.integer(code));
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
