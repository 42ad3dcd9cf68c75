//! The words after `STREAMS`: keys, and as many IDs.

use spinel_family::{CommandError, Encoder, Key, Many, Protocol, Timeout, Words};
use spinel_structs::number::parse_i64;

const UNBALANCED: CommandError = CommandError::text(
    "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
);
const TIMEOUT_NOT_INTEGER: CommandError = CommandError::text("ERR timeout is not an integer or out of range");

/// Entries that a client gets at most who had to wait for them and named no count.
pub(super) const WAITED_COUNT: usize = 1000;

/// Keys with their IDs.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) keys: Many<'a, Key<'a>>,
    ids: Words<'a>,
}

impl<'a> Sources<'a> {
    /// Reads all that is left.
    pub(super) fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        if words.len() % 2 == 1 {
            return Err(UNBALANCED);
        }
        let half = words.len() / 2;
        let keys = <Many<'a, Key<'a>> as spinel_family::Field<'a>>::parse(&mut words.split(half)?)?;
        Ok(Self { keys, ids: words.rest() })
    }

    /// Each key with the word that stands for its ID.
    pub(super) fn iter(self) -> impl Iterator<Item = (Key<'a>, &'a [u8])> {
        self.keys.keys().zip(super::arguments::all_words(self.ids))
    }
}

/// Reads the milliseconds of `BLOCK`.
pub(super) fn timeout(words: &mut Words<'_>) -> Result<Timeout, CommandError> {
    let millis = parse_i64(words.take()?).ok_or(TIMEOUT_NOT_INTEGER)?;
    let millis = u64::try_from(millis).map_err(|_| CommandError::TimeoutNegative)?;
    Ok(Timeout { millis: (millis > 0).then_some(millis) })
}

/// Reads a count, of which 0 and less mean no limit.
pub(super) fn count(words: &mut Words<'_>) -> Result<Option<usize>, CommandError> {
    let count = super::arguments::integer(words)?;
    Ok(usize::try_from(count).ok().filter(|count| *count > 0))
}

/// Writes what comes before the entries of a stream; the streams are pairs or the entries of a map.
pub(super) fn reply_name(key: Key<'_>, out: &mut Encoder) {
    if out.protocol() == Protocol::Resp2 {
        out.array(2);
    }
    out.bulk(key.bytes);
}
