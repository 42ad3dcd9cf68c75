//! IDs as clients write them, the errors about them, and parts of descriptions that several commands share.

use spinel_family::spec::{ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape};
use spinel_family::{CommandError, Words, printed};
use spinel_structs::number::parse_i64;
use spinel_structs::stream::StreamId;

/// Texts longer than this are no IDs.
const ID_TEXT_MAX: usize = 127;

const INVALID_ID: CommandError =
    CommandError::text("ERR Invalid stream ID specified as stream command argument");
const INVALID_START: CommandError = CommandError::text("ERR invalid start ID for the interval");
const INVALID_END: CommandError = CommandError::text("ERR invalid end ID for the interval");

/// What stands where `XADD` expects the ID of the new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewId {
    /// `*`
    Auto,
    /// `ms-*`
    AutoSeq(u64),
    /// `ms-seq`
    Given(StreamId),
}

/// Reads an ID; a missing number is `missing_seq`. `-` and `+` are no IDs.
pub(super) fn id(word: &[u8], missing_seq: u64) -> Result<StreamId, CommandError> {
    match new_id(word, missing_seq)? {
        NewId::Given(id) => Ok(id),
        NewId::Auto | NewId::AutoSeq(_) => Err(INVALID_ID),
    }
}

/// Reads the ID of a new entry.
pub(super) fn new_id(word: &[u8], missing_seq: u64) -> Result<NewId, CommandError> {
    let text = printed(word);
    if word.len() > ID_TEXT_MAX || matches!(text, b"-" | b"+") {
        return Err(INVALID_ID);
    }
    if text == b"*" {
        return Ok(NewId::Auto);
    }
    let hyphen = text.iter().position(|&byte| byte == b'-');
    let ms = number(&text[..hyphen.unwrap_or(text.len())])?;
    let seq = match hyphen {
        None => missing_seq,
        Some(at) if text[at + 1..] == *b"*" => return Ok(NewId::AutoSeq(ms)),
        Some(at) => number(&text[at + 1..])?,
    };
    Ok(NewId::Given(StreamId { ms, seq }))
}

/// A number as C's `strtoull` takes it, but without a minus sign before what is an integer.
fn number(text: &[u8]) -> Result<u64, CommandError> {
    if let Some(value) = parse_i64(text) {
        return u64::try_from(value).map_err(|_| INVALID_ID);
    }
    if text.is_empty() {
        return Err(INVALID_ID);
    }
    let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x0B).count();
    let (negative, digits) = match &text[blanks..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(INVALID_ID);
    }
    let value = digits.iter().try_fold(0u64, |value, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(10)?.checked_add(u64::from(digit)) }
    });
    value.map(|value| if negative { value.wrapping_neg() } else { value }).ok_or(INVALID_ID)
}

/// Reads an end of a range, which may be `-` or `+`, or left out itself with `(` before it.
fn bound(word: &[u8], missing_seq: u64) -> Result<(StreamId, bool), CommandError> {
    match printed(word) {
        // The length is that of the word, whatever is printed of it.
        [b'(', ..] if word.len() > 1 => Ok((id(&word[1..], missing_seq)?, true)),
        b"-" => Ok((StreamId::MIN, false)),
        b"+" => Ok((StreamId::MAX, false)),
        _ => Ok((id(word, missing_seq)?, false)),
    }
}

/// Reads the beginning of a range.
pub(super) fn range_start(word: &[u8]) -> Result<StreamId, CommandError> {
    match bound(word, 0)? {
        (id, false) => Ok(id),
        (id, true) => id.next().ok_or(INVALID_START),
    }
}

/// Reads the end of a range.
pub(super) fn range_end(word: &[u8]) -> Result<StreamId, CommandError> {
    match bound(word, u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => id.previous().ok_or(INVALID_END),
    }
}

/// Reads all words as IDs.
pub(super) fn ids(mut words: Words<'_>) -> Result<Vec<StreamId>, CommandError> {
    let mut all = Vec::with_capacity(words.len());
    while !words.is_empty() {
        all.push(id(words.take()?, 0)?);
    }
    Ok(all)
}

/// The next word as an integer.
pub(super) fn integer(words: &mut Words<'_>) -> Result<i64, CommandError> {
    parse_i64(words.take()?).ok_or(CommandError::NotInteger)
}

/// The words of a command again, for the journal.
pub(super) fn all_words<'a>(mut words: Words<'a>) -> impl Iterator<Item = &'a [u8]> + Clone {
    std::iter::from_fn(move || words.take().ok())
}

/// A required word.
pub(super) const fn word(name: &'static str, kind: ArgKind) -> ArgSpec {
    Shape::word(kind).arg(name, "")
}

/// One or more words.
pub(super) const fn words(name: &'static str, kind: ArgKind) -> ArgSpec {
    Shape::word(kind).repeated().arg(name, "")
}

/// A token that may be left out.
pub(super) const fn token(name: &'static str, token: &'static str) -> ArgSpec {
    Shape::word(ArgKind::PureToken).or_absent().arg(name, token)
}

/// A token of a choice.
pub(super) const fn choice(name: &'static str, token: &'static str) -> ArgSpec {
    Shape::word(ArgKind::PureToken).arg(name, token)
}

/// An option with a value.
pub(super) const fn option(name: &'static str, token: &'static str, kind: ArgKind) -> ArgSpec {
    Shape::word(kind).or_absent().arg(name, token)
}

/// Several arguments under one name.
pub(super) const fn group(kind: ArgKind, name: &'static str, children: &'static [ArgSpec]) -> ArgSpec {
    Shape { children, ..Shape::word(kind) }.arg(name, "")
}

/// The same argument, introduced by a later version than the command.
pub(super) const fn since(version: &'static str, arg: ArgSpec) -> ArgSpec {
    ArgSpec { since: version, ..arg }
}

/// The key.
pub(super) const KEY: ArgSpec = ArgSpec { key_spec: Some(0), ..word("key", ArgKind::Key) };
/// `STREAMS key [key ...] id [id ...]`
pub(super) const STREAMS: ArgSpec = ArgSpec {
    token: "STREAMS",
    ..group(
        ArgKind::Block,
        "streams",
        &[ArgSpec { key_spec: Some(0), ..words("key", ArgKind::Key) }, words("id", ArgKind::String)],
    )
};
/// `COUNT count`
pub(super) const COUNT: ArgSpec = option("count", "COUNT", ArgKind::Integer);
/// `MAXCOUNT maxcount`
pub(super) const MAX_COUNT: ArgSpec = since("8.10.0", option("maxcount", "MAXCOUNT", ArgKind::Integer));
/// `MAXSIZE maxsize`
pub(super) const MAX_SIZE: ArgSpec = since("8.10.0", option("maxsize", "MAXSIZE", ArgKind::Integer));
/// `BLOCK milliseconds`
pub(super) const BLOCK: ArgSpec = option("milliseconds", "BLOCK", ArgKind::Integer);
/// The ID of an entry.
pub(super) const ID: ArgSpec = word("id", ArgKind::String);
/// The name of a group.
pub(super) const GROUP: ArgSpec = word("group", ArgKind::String);
/// The name of a consumer.
pub(super) const CONSUMER: ArgSpec = word("consumer", ArgKind::String);

/// The keys after `STREAMS`.
pub(super) const fn streams_from(start_from: i32) -> KeySpec {
    KeySpec {
        flags: KeyFlags::RO.with(KeyFlags::ACCESS),
        begin: Begin::Keyword { word: "STREAMS", start_from },
        find: Find::Range { last: -1, step: 1, limit: 2 },
        notes: "",
    }
}

/// One key at a place.
pub(super) const fn key_at(at: i32, flags: KeyFlags, notes: &'static str) -> KeySpec {
    KeySpec { flags, begin: Begin::Index(at), find: Find::Range { last: 0, step: 1, limit: 0 }, notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_c_reads_numbers() {
        let given = |ms, seq| Ok(NewId::Given(StreamId { ms, seq }));
        assert_eq!(new_id(b"5-3", 9), given(5, 3));
        assert_eq!(new_id(b"5", 9), given(5, 9));
        assert_eq!(new_id(b"05- +3", 9), given(5, 3));
        assert_eq!(new_id(b" 05-+3", 9), given(5, 3));
        assert_eq!(new_id(b"5--03", 9), given(5, u64::MAX - 2));
        assert_eq!(new_id(b"18446744073709551615-1\0x", 9), given(u64::MAX, 1));
        assert_eq!(new_id(b"5-*", 9), Ok(NewId::AutoSeq(5)));
        assert_eq!(new_id(b"*", 9), Ok(NewId::Auto));
        for bad in [
            &b""[..],
            b"-",
            b"+",
            b"5-",
            b"-5",
            b"5--3",
            b"x",
            b"5-3x",
            b"18446744073709551616",
            &[b'0'; 128],
        ] {
            assert_eq!(new_id(bad, 9), Err(INVALID_ID), "{bad:?}");
        }
    }

    #[test]
    fn ends_of_ranges_may_be_open() {
        assert_eq!(range_start(b"(5-3"), Ok(StreamId::new(5, 4)));
        assert_eq!(range_end(b"(5"), Ok(StreamId::new(5, u64::MAX - 1)));
        assert_eq!((range_start(b"-"), range_end(b"+")), (Ok(StreamId::MIN), Ok(StreamId::MAX)));
        // Redis reads up to the first NUL.
        assert_eq!((range_start(b"-\0x"), range_end(b"+\0x")), (Ok(StreamId::MIN), Ok(StreamId::MAX)));
        assert_eq!(range_start(b"(5-3\0x"), Ok(StreamId::new(5, 4)));
        assert_eq!(range_start(b"(18446744073709551615-18446744073709551615"), Err(INVALID_START));
        assert_eq!(range_end(b"(0-0"), Err(INVALID_END));
        assert_eq!((range_start(b"(-"), range_start(b"(")), (Err(INVALID_ID), Err(INVALID_ID)));
    }
}
