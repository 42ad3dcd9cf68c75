//! `INDEXES numindexes index ...` and `ELEMENTS numelements element ...`, and lists of indexes for the journal.

use smallvec::SmallVec;
use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Key, UnixMillis, UpdateContext, Words};
use spinel_structs::number::parse_i64;

use crate::element_words::Counted;

/// The count and the indexes, for the documentation.
pub(super) const INDEXES_ARG: ArgSpec = Shape {
    children: &[
        Shape::word(ArgKind::Integer).arg("numindexes", ""),
        Shape::word(ArgKind::Integer).repeated().arg("index", ""),
    ],
    ..Shape::word(ArgKind::Block)
}
.arg("indexes", "INDEXES");

/// The count and the elements, for the documentation.
pub(super) const ELEMENTS_ARG: ArgSpec = Shape {
    children: &[
        Shape::word(ArgKind::Integer).arg("numelements", ""),
        Shape::word(ArgKind::String).repeated().arg("element", ""),
    ],
    ..Shape::word(ArgKind::Block)
}
.arg("elements", "ELEMENTS");

const INDEXES: Counted = Counted {
    token: "INDEXES",
    is_missing: "ERR Mandatory argument INDEXES is missing or not at the right position",
    is_none: "ERR Number of indexes must be a positive integer",
    differs: "ERR The `numindexes` parameter must match the number of arguments",
};

pub(super) const ELEMENTS: Counted = Counted {
    token: "ELEMENTS",
    is_missing: "ERR Mandatory argument ELEMENTS is missing or not at the right position",
    is_none: "ERR Number of elements must be a positive integer",
    differs: "ERR The `numelements` parameter must match the number of arguments",
};

/// Reads `INDEXES numindexes index ...` to the end of the command.
pub(super) fn named_indexes(words: &mut Words<'_>) -> Result<SmallVec<[i64; 8]>, CommandError> {
    INDEXES.read(words)?;
    let mut indexes = SmallVec::with_capacity(words.len());
    while let Ok(word) = words.take() {
        indexes.push(parse_i64(word).ok_or(CommandError::NotInteger)?);
    }
    Ok(indexes)
}

/// The journal records that the elements at these indexes expire at a time.
pub(super) fn propagate_expiry(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    UnixMillis(at): UnixMillis,
    indexes: &[usize],
) {
    propagate(cx, &[b"LPEXPIREAT", key.bytes, at.to_string().as_bytes()], indexes);
}

/// The journal records that the elements at these indexes expire no more.
pub(super) fn propagate_persistence(cx: &mut UpdateContext<'_>, key: Key<'_>, indexes: &[usize]) {
    propagate(cx, &[b"LPERSIST", key.bytes], indexes);
}

fn propagate(cx: &mut UpdateContext<'_>, head: &[&[u8]], indexes: &[usize]) {
    if !cx.is_recorded() {
        return;
    }
    let numbers = [indexes.len()].into_iter().chain(indexes.iter().copied());
    let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
    let head = head.iter().copied().chain([INDEXES.token.as_bytes()]);
    cx.propagate_as(head.chain(numbers.iter().map(String::as_bytes)));
}
