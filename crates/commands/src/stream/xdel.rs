//! `XDEL key id [id ...]`

use spinel_family::spec::ArgKind;
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Reply, Update, UpdateContext, Words,
};
use spinel_store::Stream;

use super::arguments::{KEY, ids, words};

/// Deletes entries of a stream by their IDs.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", complexity = "O(1) for each entry", flags(fast), manual, arity = -3)]
#[command(args = &[KEY, words("id", ArgKind::String)])]
pub(super) struct Xdel<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    ids: Words<'a>,
}

impl<'a> Parse<'a> for Xdel<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, ids: words.rest() })
    }
}

impl Update for Xdel<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let Some(stream) = cx.write::<Stream>(self.key)? else {
            out.integer(0);
            return Ok(());
        };
        let deleted = ids(self.ids)?.into_iter().filter(|id| stream.delete(*id)).count();
        if deleted > 0 {
            cx.changed(self.key, EventClass::Stream, "xdel");
            cx.add_dirty(deleted - 1);
        }
        out.integer(deleted as i64);
        Ok(())
    }
}
