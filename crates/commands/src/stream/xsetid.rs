//! `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`

use spinel_family::spec::ArgKind;
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Reply, Update, UpdateContext, Words, is_token,
};
use spinel_store::Stream;
use spinel_structs::stream::StreamId;

use super::arguments::{KEY, id, integer, option, since, word};

const ADDED_NEGATIVE: CommandError = CommandError::text("ERR entries_added must be positive");
const BELOW_DELETED: CommandError =
    CommandError::text("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
const BELOW_TOP: CommandError =
    CommandError::text("ERR The ID specified in XSETID is smaller than the target stream top item");
const ADDED_BELOW_LEN: CommandError =
    CommandError::text("ERR The entries_added specified in XSETID is smaller than the target stream length");

/// Sets the greatest ID of a stream, and what it counts.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", complexity = "O(1)", flags(denyoom, fast), manual, arity = -3)]
#[command(history = &[("7.0.0", "The options `ENTRIESADDED` and `MAXDELETEDID`.")])]
#[command(args = &[
    KEY,
    word("last-id", ArgKind::String),
    since("7.0.0", option("entries_added", "ENTRIESADDED", ArgKind::Integer)),
    since("7.0.0", option("max_deleted_entry_id", "MAXDELETEDID", ArgKind::String)),
])]
pub(super) struct Xsetid<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    last: StreamId,
    added: Option<u64>,
    max_deleted: Option<StreamId>,
}

impl<'a> Parse<'a> for Xsetid<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let last = id(words.take()?, 0)?;
        let (mut added, mut max_deleted) = (None, None);
        while let Some(name) = words.peek() {
            if words.len() < 2 {
                return Err(CommandError::Syntax);
            }
            words.skip_one();
            if is_token(name, "ENTRIESADDED") {
                added = Some(u64::try_from(integer(words)?).map_err(|_| ADDED_NEGATIVE)?);
            } else if is_token(name, "MAXDELETEDID") {
                let deleted = id(words.take()?, 0)?;
                if last < deleted {
                    return Err(BELOW_DELETED);
                }
                max_deleted = Some(deleted).filter(|deleted| *deleted != StreamId::MIN);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(Self { key, last, added, max_deleted })
    }
}

impl Update for Xsetid<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let stream = cx.write::<Stream>(self.key)?.ok_or(CommandError::NoSuchKey)?;
        if !stream.is_empty() {
            if self.last < stream.top_id() {
                return Err(BELOW_TOP);
            }
            if self.added.is_some_and(|added| added < stream.len() as u64) {
                return Err(ADDED_BELOW_LEN);
            }
        }
        stream.set_id(self.last, self.added, self.max_deleted);
        // Redis does not tell those who watch the key.
        cx.notify(EventClass::Stream, "xsetid", self.key);
        cx.add_dirty(1);
        out.ok();
        Ok(())
    }
}
