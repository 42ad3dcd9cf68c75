//! `XDELEX key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]`,
//! `XACKDEL key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]`

use spinel_family::spec::KeyFlags;
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Reply, Update, UpdateContext, Words,
};
use spinel_store::Stream;
use spinel_structs::stream::{References, StreamId};

use super::arguments::{GROUP, KEY, key_at};
use super::groups::find;
use super::references::{CONDITION, IDS, Listed};

/// Deletes entries of a stream, and says what becomes of references to them.
#[derive(Command)]
#[command(group = Stream, since = "8.2.0", complexity = "O(1) for each ID", flags(fast), manual, arity = -5)]
#[command(args = &[KEY, CONDITION, IDS])]
pub(super) struct Xdelex<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    listed: Listed<'a>,
}

/// Acknowledges entries in a group, and deletes them from the stream.
#[derive(Command)]
#[command(group = Stream, since = "8.2.0", complexity = "O(1) for each ID", flags(fast), manual, arity = -6)]
#[command(keys = &[key_at(1, KeyFlags::RW.with(KeyFlags::UPDATE).with(KeyFlags::DELETE), "")])]
#[command(args = &[KEY, GROUP, CONDITION, IDS])]
pub(super) struct Xackdel<'a> {
    key: Key<'a>,
    group: &'a [u8],
    listed: Listed<'a>,
}

/// What became of an entry, as it is replied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    NotFound = -1,
    Deleted = 1,
    StillReferenced = 2,
}

impl<'a> Parse<'a> for Xdelex<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, listed: Listed::parse(words)? })
    }
}

impl<'a> Parse<'a> for Xackdel<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, group: words.take()?, listed: Listed::parse(words)? })
    }
}

/// Nothing is there: so it is for each ID, whatever it looks like.
fn reply_nothing(listed: Listed<'_>, out: &mut Encoder) {
    out.array(listed.len());
    (0..listed.len()).for_each(|_| out.integer(Outcome::NotFound as i64));
}

/// Counts, notifies and replies.
fn tell(cx: &mut UpdateContext<'_>, key: Key<'_>, outcomes: &[Outcome], changes: usize, out: &mut Encoder) {
    out.array(outcomes.len());
    outcomes.iter().for_each(|outcome| out.integer(*outcome as i64));
    if outcomes.contains(&Outcome::Deleted) {
        cx.touch_watchers(key);
        cx.notify(EventClass::Stream, "xdel", key);
    }
    cx.add_dirty(changes);
}

impl Update for Xdelex<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let references = self.listed.references;
        let Some(stream) = cx.write::<Stream>(self.key)? else {
            reply_nothing(self.listed, out);
            return Ok(());
        };
        let ids = self.listed.ids()?;
        let (mut outcomes, mut changes) = (Vec::with_capacity(ids.len()), 0);
        for id in ids {
            if references == References::Respect && stream.is_referenced(id) {
                outcomes.push(Outcome::StillReferenced);
                continue;
            }
            let deleted = stream.delete(id);
            changes += usize::from(deleted);
            if references == References::Remove {
                changes += stream.acknowledge_everywhere(id);
            }
            outcomes.push(if deleted { Outcome::Deleted } else { Outcome::NotFound });
        }
        tell(cx, self.key, &outcomes, changes, out);
        Ok(())
    }
}

impl Update for Xackdel<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if find(cx, self.key, self.group)?.is_none() {
            reply_nothing(self.listed, out);
            return Ok(());
        }
        let ids = self.listed.ids()?;
        cx.count_no_more_uses();
        let Some(stream) = cx.write::<Stream>(self.key)? else { return Ok(()) };
        let (mut outcomes, mut changes) = (Vec::with_capacity(ids.len()), 0);
        for id in ids {
            outcomes.push(self.acknowledge(stream, id, &mut changes));
        }
        tell(cx, self.key, &outcomes, changes, out);
        Ok(())
    }
}

impl Xackdel<'_> {
    fn acknowledge(&self, stream: &mut Stream, id: StreamId, changes: &mut usize) -> Outcome {
        if !stream.group_mut(self.group).is_some_and(|group| group.acknowledge(id)) {
            return Outcome::NotFound;
        }
        *changes += 1;
        match self.listed.references {
            References::Respect if stream.is_referenced(id) => return Outcome::StillReferenced,
            References::Remove => *changes += stream.acknowledge_everywhere(id),
            References::Keep | References::Respect => {}
        }
        *changes += usize::from(stream.delete(id));
        Outcome::Deleted
    }
}
