//! What the commands of single fields share: `FIELDS numfields field ...`, amounts of time, and lists of fields for the journal.
//!
//! All of it is read after the key was looked up, as Redis does, whose texts these are. Where Valkey has other texts, Redis's
//! are given.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Encoder, Field, Key, Many, UnixMillis, UpdateContext, Words, is_token};
use spinel_store::Kind;
use spinel_structs::number::parse_i64;

/// No field may expire later, as in Redis, which keeps times in 48 bits and some of them for itself.
const LATEST_MS: i64 = ((1 << 48) - 1) >> 2;

/// The count and the names, for the documentation.
pub(super) const FIELDS_ARG: ArgSpec = Shape {
    children: &[
        Shape::word(ArgKind::Integer).arg("numfields", ""),
        Shape::word(ArgKind::String).repeated().arg("field", ""),
    ],
    ..Shape::word(ArgKind::Block)
}
.arg("fields", "FIELDS");

/// The key, for the documentation.
pub(super) const KEY_ARG: ArgSpec = ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") };

/// All words behind the key, to be read when it was looked up.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a>(pub(super) Words<'a>);

impl<'a> Field<'a> for Rest<'a> {
    const SHAPE: Shape = Shape { min_words: 0, optional: true, ..Shape::word(ArgKind::Block) };

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self(words.rest()))
    }
}

/// How many fields a command names, which is what it costs.
pub(super) fn cost(words: &Rest<'_>) -> usize {
    words.0.len()
}

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

/// What an amount of time counts, and from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    unit_ms: i64,
    is_absolute: bool,
}

impl Clock {
    pub(super) const SECONDS: Self = Self { unit_ms: 1000, is_absolute: false };
    pub(super) const MILLIS: Self = Self { unit_ms: 1, is_absolute: false };
    pub(super) const SECONDS_AT: Self = Self { unit_ms: 1000, is_absolute: true };
    pub(super) const MILLIS_AT: Self = Self { unit_ms: 1, is_absolute: true };

    /// The clock that one of the options `EX`, `PX`, `EXAT` and `PXAT` names.
    pub(super) fn of_option(word: &[u8]) -> Option<Self> {
        let options = [
            ("EX", Self::SECONDS),
            ("PX", Self::MILLIS),
            ("EXAT", Self::SECONDS_AT),
            ("PXAT", Self::MILLIS_AT),
        ];
        options.into_iter().find(|(token, _)| is_token(word, token)).map(|(_, clock)| clock)
    }

    /// When the time that a word says comes, for the command of this name.
    pub(super) fn time(
        self,
        word: &[u8],
        now: UnixMillis,
        command: &'static str,
    ) -> Result<UnixMillis, CommandError> {
        let amount = parse_i64(word).ok_or(CommandError::NotInteger)?;
        if amount < 0 {
            return Err(CommandError::text("ERR invalid expire time, must be >= 0"));
        }
        let base = if self.is_absolute { 0 } else { now.0 };
        let at = amount.checked_mul(self.unit_ms).and_then(|ms| ms.checked_add(base));
        let at = at.filter(|&at| at <= LATEST_MS).ok_or(CommandError::InvalidExpire(command))?;
        Ok(UnixMillis(at))
    }

    /// What a time is by this clock: what is left, or the point in time, in its unit, rounded up.
    pub(super) fn tell(self, at: UnixMillis, now: UnixMillis) -> i64 {
        let base = if self.is_absolute { 0 } else { now.0 };
        (at.0 - base + self.unit_ms - 1) / self.unit_ms
    }
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

/// The reply where there is no hash: the same for each field.
pub(super) fn reply_same(out: &mut Encoder, count: usize, code: i64) {
    out.array(count);
    (0..count).for_each(|_| out.integer(code));
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
