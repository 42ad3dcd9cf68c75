//! What the commands of single elements that expire share, fields of hashes, members of sets and elements of lists: amounts of
//! time, what they answer, and words that are read after the key was looked up, as Redis does, whose texts these are.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Encoder, Field, UnixMillis, Words, is_token};
use spinel_structs::number::parse_i64;

/// There is no such element.
pub(crate) const NO_ELEMENT: i64 = -2;
/// The element does not expire.
pub(crate) const NO_EXPIRY: i64 = -1;
/// The condition is not met.
pub(crate) const NOT_MET: i64 = 0;
/// The element expires at that time now.
pub(crate) const SET: i64 = 1;
/// The element expires no more.
pub(crate) const PERSISTED: i64 = 1;
/// The time has passed, and the element is removed.
pub(crate) const REMOVED: i64 = 2;

/// No element may expire later, as fields in Redis, which keeps times in 48 bits and some of them for itself.
const LATEST_MS: i64 = ((1 << 48) - 1) >> 2;

/// The key, for the documentation.
pub(crate) const KEY_ARG: ArgSpec = ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") };

/// All words behind the key, to be read when it was looked up.
#[derive(Clone, Copy)]
pub(crate) struct Rest<'a>(pub(crate) Words<'a>);

impl<'a> Field<'a> for Rest<'a> {
    const SHAPE: Shape = Shape { min_words: 0, optional: true, ..Shape::word(ArgKind::Block) };

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self(words.rest()))
    }
}

/// How many elements a command names, about, which is what it costs.
pub(crate) fn cost(words: &Rest<'_>) -> usize {
    words.0.len()
}

/// The reply where nothing is stored under the key: the same for each element.
pub(crate) fn reply_same(out: &mut Encoder, count: usize, code: i64) {
    out.array(count);
    (0..count).for_each(|_| out.integer(code));
}

/// A word that names elements, the count behind it, and the errors about both.
pub(crate) struct Counted {
    pub(crate) token: &'static str,
    pub(crate) is_missing: &'static str,
    pub(crate) is_none: &'static str,
    pub(crate) differs: &'static str,
}

impl Counted {
    /// Reads the word and the count.
    pub(crate) fn count(&self, words: &mut Words<'_>) -> Result<usize, CommandError> {
        if !words.take().is_ok_and(|word| is_token(word, self.token)) {
            return Err(CommandError::text(self.is_missing));
        }
        let count = words.take().map_err(|_| CommandError::Arity)?;
        let count = parse_i64(count).and_then(|count| usize::try_from(count).ok()).filter(|&count| count > 0);
        count.ok_or(CommandError::text(self.is_none))
    }

    /// Reads the word and the count, behind which there must be as many words and no more.
    pub(crate) fn read(&self, words: &mut Words<'_>) -> Result<(), CommandError> {
        if self.count(words)? == words.len() { Ok(()) } else { Err(CommandError::text(self.differs)) }
    }
}

/// What an amount of time counts, and from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    unit_ms: i64,
    is_absolute: bool,
}

impl Clock {
    pub(crate) const SECONDS: Self = Self { unit_ms: 1000, is_absolute: false };
    pub(crate) const MILLIS: Self = Self { unit_ms: 1, is_absolute: false };
    pub(crate) const SECONDS_AT: Self = Self { unit_ms: 1000, is_absolute: true };
    pub(crate) const MILLIS_AT: Self = Self { unit_ms: 1, is_absolute: true };

    /// The clock that one of the options `EX`, `PX`, `EXAT` and `PXAT` names.
    pub(crate) fn of_option(word: &[u8]) -> Option<Self> {
        let options = [
            ("EX", Self::SECONDS),
            ("PX", Self::MILLIS),
            ("EXAT", Self::SECONDS_AT),
            ("PXAT", Self::MILLIS_AT),
        ];
        options.into_iter().find(|(token, _)| is_token(word, token)).map(|(_, clock)| clock)
    }

    /// When the time that a word says comes, for the command of this name.
    pub(crate) fn time(
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
    pub(crate) fn tell(self, at: UnixMillis, now: UnixMillis) -> i64 {
        let base = if self.is_absolute { 0 } else { now.0 };
        (at.0 - base + self.unit_ms - 1) / self.unit_ms
    }
}
