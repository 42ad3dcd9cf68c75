//! What the commands of single fields share: `FIELDS numfields field ...`, and lists of fields for the journal.
//!
//! All of it is read after the key was looked up, as Redis does, whose texts these are. Where Valkey has other texts, Redis's
//! are given.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Encoder, Field, Key, Many, UnixMillis, UpdateContext, Words, is_token};
use spinel_store::Kind;
use spinel_structs::number::parse_i64;

pub(super) use crate::element_words::{Clock, KEY_ARG, Rest, cost, reply_same};

/// The count and the names, for the documentation.
pub(super) const FIELDS_ARG: ArgSpec = Shape {
    children: &[
        Shape::word(ArgKind::Integer).arg("numfields", ""),
        Shape::word(ArgKind::String).repeated().arg("field", ""),
    ],
    ..Shape::word(ArgKind::Block)
}
.arg("fields", "FIELDS");

pub(super) const BAD_COUNT: CommandError =
    CommandError::text("ERR Number of fields must be a positive integer");

/// Reads `FIELDS numfields field ...` to the end of the command; a count that is none is the error `bad_count`.
pub(super) fn named_fields<'a>(
    words: &mut Words<'a>,
    bad_count: CommandError,
) -> Result<Many<'a, &'a [u8]>, CommandError> {
    if !words.take().is_ok_and(|word| is_token(word, "FIELDS")) {
        return Err(CommandError::text(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let count = words.take().map_err(|_| CommandError::Arity)?;
    let count = parse_i64(count).filter(|&count| count > 0).ok_or(bad_count)?;
    if usize::try_from(count) != Ok(words.len()) {
        return Err(CommandError::text("ERR The `numfields` parameter must match the number of arguments"));
    }
    Many::parse(words)
}

/// Whether there is a hash at a key, to change it: no error but of another type.
pub(super) fn has_hash(cx: &mut UpdateContext<'_>, key: Key<'_>) -> Result<bool, CommandError> {
    match cx.find_mut(key).map(|entry| entry.kind()) {
        None => Ok(false),
        Some(Kind::Hash) => Ok(true),
        Some(_) => Err(CommandError::WrongType),
    }
}

/// The fields that a command without other words names, of which those whose time has come are gone then.
pub(super) fn settled_fields<'a>(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    Rest(mut words): Rest<'a>,
) -> Result<Many<'a, &'a [u8]>, CommandError> {
    let exists = has_hash(cx, key)?;
    let fields = named_fields(&mut words, BAD_COUNT)?;
    if exists {
        cx.settle_fields(key, fields.items());
    }
    Ok(fields)
}

/// As [`reply_same`], with nulls.
pub(super) fn reply_nulls(out: &mut Encoder, count: usize) {
    out.array(count);
    (0..count).for_each(|_| out.null());
}

/// The journal records that these fields were removed.
pub(super) fn propagate_removal(cx: &mut UpdateContext<'_>, key: Key<'_>, fields: &[&[u8]]) {
    let words = [b"HDEL".as_slice(), key.bytes];
    cx.propagate_as(words.iter().chain(fields));
}

/// The journal records that these fields expire at a time.
pub(super) fn propagate_expiry(cx: &mut UpdateContext<'_>, key: Key<'_>, at: UnixMillis, fields: &[&[u8]]) {
    let (at, count) = (at.0.to_string(), fields.len().to_string());
    let words = [b"HPEXPIREAT".as_slice(), key.bytes, at.as_bytes(), b"FIELDS", count.as_bytes()];
    cx.propagate_as(words.iter().chain(fields));
}
