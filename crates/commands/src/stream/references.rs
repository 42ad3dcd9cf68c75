//! `KEEPREF | DELREF | ACKED`, and `IDS numids id [id ...]`: what commands of Redis 8.2 say of entries that groups refer to.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Words, is_token};
use spinel_structs::number::parse_i64;
use spinel_structs::stream::{References, StreamId};

use super::arguments::{choice, group, ids, word, words};

const NOT_POSITIVE: CommandError = CommandError::text("ERR Number of IDs must be a positive integer");
const NOT_MATCHING: CommandError =
    CommandError::text("ERR The `numids` parameter must match the number of arguments");

/// `KEEPREF | DELREF | ACKED`
pub(super) const CONDITION: ArgSpec = Shape {
    children: &[choice("keepref", "KEEPREF"), choice("delref", "DELREF"), choice("acked", "ACKED")],
    ..Shape::word(ArgKind::OneOf)
}
.or_absent()
.arg("condition", "");

/// `IDS numids id [id ...]`
pub(super) const IDS: ArgSpec = ArgSpec {
    token: "IDS",
    ..group(ArgKind::Block, "ids", &[word("numids", ArgKind::Integer), words("id", ArgKind::String)])
};

/// The word for what becomes of references.
pub(super) fn references(word: &[u8]) -> Option<References> {
    if is_token(word, "KEEPREF") {
        Some(References::Keep)
    } else if is_token(word, "DELREF") {
        Some(References::Remove)
    } else if is_token(word, "ACKED") {
        Some(References::Respect)
    } else {
        None
    }
}

/// Reads what follows `IDS`.
pub(super) fn listed_ids<'a>(words: &mut Words<'a>) -> Result<Words<'a>, CommandError> {
    let count = parse_i64(words.take()?).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| *count > 0).ok_or(NOT_POSITIVE)?;
    words.split(count).map_err(|_| NOT_MATCHING)
}

/// IDs with what becomes of references to them.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) references: References,
    ids: Words<'a>,
}

impl<'a> Listed<'a> {
    /// Reads all words that are left; of several lists the last one counts, as in Redis.
    pub(super) fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (mut chosen, mut listed) = (None, None);
        while let Ok(name) = words.take() {
            if is_token(name, "IDS") && !words.is_empty() {
                listed = Some(listed_ids(words)?);
            } else if let Some(references) = references(name).filter(|_| chosen.is_none()) {
                chosen = Some(references);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let ids = listed.ok_or(CommandError::Syntax)?;
        Ok(Self { references: chosen.unwrap_or_default(), ids })
    }

    /// How many IDs there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The IDs.
    pub(super) fn ids(&self) -> Result<Vec<StreamId>, CommandError> {
        ids(self.ids)
    }
}
