//! What the commands of single elements that expire share, fields of hashes and members of sets: amounts of time, and words
//! that are read after the key was looked up, as Redis does, whose texts these are.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Field, UnixMillis, Words, is_token};
use spinel_structs::number::parse_i64;

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
