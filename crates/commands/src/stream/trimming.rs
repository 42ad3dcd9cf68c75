//! How a stream is trimmed, as `XADD` and `XTRIM` are told.

use spinel_family::spec::{ArgKind, ArgSpec};
use spinel_family::{CommandError, UpdateContext, Words, is_token, printed};
use spinel_store::Stream;
use spinel_structs::stream::{References, Trim, TrimTo};

use super::arguments::{choice, group, id, integer, option, since, word};
use super::idempotence::Said;
use super::references::references;

const TWICE: CommandError =
    CommandError::text("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
const MAXLEN_NEGATIVE: CommandError = CommandError::text("ERR The MAXLEN argument must be >= 0.");
const LIMIT_NEGATIVE: CommandError = CommandError::text("ERR The LIMIT argument must be >= 0.");
const LIMIT_ALONE: CommandError =
    CommandError::text("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
const LIMIT_EXACT: CommandError =
    CommandError::text("ERR syntax error, LIMIT cannot be used without the special ~ option");

/// Blocks that are removed at most where nothing else is said.
const BLOCKS_MAX: usize = 100;
/// Entries that are removed at most where nothing else is said and blocks take any number.
const ENTRIES_DEFAULT: usize = 10_000;
/// Entries that are removed at most where nothing else is said.
const ENTRIES_MAX: usize = 1_000_000;

/// `MAXLEN | MINID [= | ~] threshold [LIMIT count]`
pub(super) const TRIM: ArgSpec = group(
    ArgKind::Block,
    "trim",
    &[
        group(
            ArgKind::OneOf,
            "strategy",
            &[choice("maxlen", "MAXLEN"), since("6.2.0", choice("minid", "MINID"))],
        ),
        ArgSpec {
            flags: spinel_family::spec::ArgFlags { optional: true, multiple: false, multiple_token: false },
            ..group(ArgKind::OneOf, "operator", &[choice("equal", "="), choice("approximately", "~")])
        },
        word("threshold", ArgKind::String),
        since("6.2.0", option("count", "LIMIT", ArgKind::Integer)),
    ],
);

/// What was said so far.
#[derive(Clone, Copy, Default)]
pub(super) struct TrimOptions {
    trimming: Option<Trimming>,
    limit: Option<usize>,
    references: Option<References>,
}

/// To what a stream is trimmed, and where that stands.
#[derive(Clone, Copy)]
struct Trimming {
    to: TrimTo,
    approximate: bool,
    /// Words left after the threshold.
    left_after: usize,
}

impl TrimOptions {
    /// Reads an option if the next word is one.
    pub(super) fn take(&mut self, words: &mut Words<'_>) -> Result<bool, CommandError> {
        let Some(name) = words.peek() else { return Ok(false) };
        if let Some(chosen) = references(name).filter(|_| self.references.is_none()) {
            self.references = Some(chosen);
            words.skip_one();
            return Ok(true);
        }
        if words.len() < 2 {
            return Ok(false);
        }
        let by_len = is_token(name, "MAXLEN");
        if by_len || is_token(name, "MINID") {
            if self.trimming.is_some() {
                return Err(TWICE);
            }
            words.skip_one();
            let mark = words.peek().filter(|_| words.len() > 1).map(printed);
            let approximate = mark == Some(b"~");
            if approximate || mark == Some(b"=") {
                words.skip_one();
            }
            let to = if by_len {
                let len = integer(words)?;
                TrimTo::Len(usize::try_from(len).map_err(|_| MAXLEN_NEGATIVE)?)
            } else {
                TrimTo::MinId(id(words.take()?, 0)?)
            };
            self.trimming = Some(Trimming { to, approximate, left_after: words.len() });
            return Ok(true);
        }
        if is_token(name, "LIMIT") {
            words.skip_one();
            self.limit = Some(usize::try_from(integer(words)?).map_err(|_| LIMIT_NEGATIVE)?);
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether a threshold was given.
    pub(super) fn is_given(&self) -> bool {
        self.trimming.is_some()
    }

    /// Looks whether what was said makes sense together.
    pub(super) fn check(&self, is_replayed: bool) -> Result<(), CommandError> {
        match self.trimming {
            None if self.limit.is_some_and(|limit| limit > 0) => Err(LIMIT_ALONE),
            Some(Trimming { approximate: false, .. }) | None if self.limit.is_some() && !is_replayed => {
                Err(LIMIT_EXACT)
            }
            _ => Ok(()),
        }
    }

    /// How the stream is trimmed, if it is.
    pub(super) fn trim(&self, cx: &UpdateContext<'_>) -> Option<Trim> {
        let Trimming { to, approximate, .. } = self.trimming?;
        let limit = match self.limit {
            _ if cx.is_replayed() || !approximate => 0,
            Some(limit) => limit,
            None => match cx.settings().encodings.stream_blocks.entries.saturating_mul(BLOCKS_MAX) {
                0 => ENTRIES_DEFAULT,
                entries => entries.min(ENTRIES_MAX),
            },
        };
        let references = self.references.unwrap_or_default();
        Some(Trim { to, by_blocks: approximate, limit: (limit > 0).then_some(limit), references })
    }

    /// The words of the command with what the stream was really trimmed to, so that no limit is needed. The options end
    /// where `behind` words are left; the next of them is an ID, of which `id` takes the place.
    pub(super) fn exact(
        &self,
        mut words: Words<'_>,
        stream: &Stream,
        (behind, id): (usize, Option<&[u8]>),
    ) -> Vec<Vec<u8>> {
        let trimmed = self.trimming.filter(|trimming| trimming.approximate);
        let mut all = Vec::with_capacity(words.len());
        while let Ok(word) = words.take() {
            let left = words.len();
            // A producer or message may have any name.
            if left > behind && Said::words_behind(word) > 0 {
                all.push(word.to_vec());
                let names = (0..Said::words_behind(word)).filter_map(|_| words.take().ok());
                all.extend(names.map(<[u8]>::to_vec));
                continue;
            }
            let word = match (trimmed, id) {
                (Some(_), _) if left > behind && is_token(word, "LIMIT") => {
                    words.skip_one();
                    continue;
                }
                (Some(trimming), _) if left == trimming.left_after + 1 => b"=".to_vec(),
                (Some(trimming), _) if left == trimming.left_after => match trimming.to {
                    TrimTo::Len(_) => stream.len().to_string().into_bytes(),
                    TrimTo::MinId(_) => stream.first_block_id().to_string().into_bytes(),
                },
                (_, Some(id)) if left == behind => id.to_vec(),
                _ => word.to_vec(),
            };
            all.push(word);
        }
        all
    }

    /// Whether the journal must be told otherwise.
    pub(super) fn is_approximate(&self) -> bool {
        self.trimming.is_some_and(|trimming| trimming.approximate)
    }
}
