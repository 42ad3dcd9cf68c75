//! `XACK key group id [id ...]`

use spinel_family::spec::ArgKind;
use spinel_family::{Command, CommandError, Encoder, Key, Parse, Reply, Update, UpdateContext, Words};
use spinel_store::Stream;

use super::arguments::{GROUP, KEY, ids, words};
use super::groups::find;

/// Acknowledges entries of a group: they are no longer pending.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", complexity = "O(1) for each ID", flags(fast), manual, arity = -4)]
#[command(args = &[KEY, GROUP, words("id", ArgKind::String)])]
pub(super) struct Xack<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    group: &'a [u8],
    ids: Words<'a>,
}

impl<'a> Parse<'a> for Xack<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, group: words.take()?, ids: words.rest() })
    }
}

impl Update for Xack<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if find(cx, self.key, self.group)?.is_none() {
            out.integer(0);
            return Ok(());
        }
        let ids = ids(self.ids)?;
        cx.count_no_more_uses();
        let group = cx.write::<Stream>(self.key)?.and_then(|stream| stream.group_mut(self.group));
        let acknowledged =
            group.map_or(0, |group| ids.into_iter().filter(|id| group.acknowledge(*id)).count());
        cx.add_dirty(acknowledged);
        out.integer(acknowledged as i64);
        Ok(())
    }
}
