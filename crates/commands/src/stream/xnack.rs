//! `XNACK key group SILENT | FAIL | FATAL IDS numids id [id ...] [RETRYCOUNT count] [FORCE]`
//!
//! Behaves as the public documentation of Redis 8.8 says, and as the tests of its clients expect.

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Reply, Update, UpdateContext, Words, is_token,
};
use spinel_store::Stream;
use spinel_structs::number::parse_i64;
use spinel_structs::stream::{Group, Pending, StreamId};

use super::arguments::{GROUP, KEY, choice, ids, option, token};
use super::groups::{find, no_key_or_group};
use super::propagation::record_release;
use super::references::{IDS, listed_ids};

const BAD_MODE: CommandError = CommandError::text("ERR mode must be SILENT, FAIL, or FATAL");
const BAD_COUNT: CommandError = CommandError::text("ERR RETRYCOUNT must be a non-negative integer");

/// Gives pending entries back to the group, so that any consumer may claim them at once.
#[derive(Command)]
#[command(group = Stream, since = "8.8.0", complexity = "O(1) for each ID", flags(fast), manual, arity = -7)]
#[command(args = &[
    KEY,
    GROUP,
    Shape {
        children: &[choice("silent", "SILENT"), choice("fail", "FAIL"), choice("fatal", "FATAL")],
        ..Shape::word(ArgKind::OneOf)
    }
    .arg("mode", ""),
    IDS,
    option("count", "RETRYCOUNT", ArgKind::Integer),
    token("force", "FORCE"),
])]
pub(super) struct Xnack<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    group: &'a [u8],
    mode: Mode,
    ids: Words<'a>,
    deliveries: Option<u64>,
    force: bool,
}

/// What the delivery that failed counts for.
#[derive(Clone, Copy)]
enum Mode {
    /// Nothing: the consumer went away.
    Silent,
    /// One.
    Fail,
    /// More than any limit: nobody shall try again.
    Fatal,
}

impl Mode {
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        let modes = [("SILENT", Self::Silent), ("FAIL", Self::Fail), ("FATAL", Self::Fatal)];
        let found = modes.into_iter().find(|(name, _)| is_token(word, name));
        found.map(|(_, mode)| mode).ok_or(BAD_MODE)
    }

    /// How often an entry counts as delivered afterwards.
    fn deliveries(self, before: u64) -> u64 {
        match self {
            Self::Silent => before.saturating_sub(1),
            Self::Fail => before,
            Self::Fatal => Pending::DELIVERIES_MAX,
        }
    }
}

impl<'a> Parse<'a> for Xnack<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (key, group) = (words.key()?, words.take()?);
        let mode = Mode::parse(words.take()?)?;
        let (mut listed, mut deliveries, mut force) = (None, None, false);
        while let Ok(name) = words.take() {
            if is_token(name, "IDS") && !words.is_empty() {
                listed = Some(listed_ids(words)?);
            } else if is_token(name, "RETRYCOUNT") && !words.is_empty() {
                let count = parse_i64(words.take()?).ok_or(CommandError::NotInteger)?;
                deliveries = Some(u64::try_from(count).map_err(|_| BAD_COUNT)?);
            } else if is_token(name, "FORCE") {
                force = true;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let ids = listed.ok_or(CommandError::Syntax)?;
        Ok(Self { key, group, mode, ids, deliveries, force })
    }
}

impl Xnack<'_> {
    /// How often an entry counts as delivered once it is released; `None` if it cannot be.
    fn released(&self, stream: &Stream, group: &Group, id: StreamId) -> Option<u64> {
        let before = match group.pending(id) {
            Some(pending) => pending.deliveries,
            None if self.force && stream.contains(id) => 0,
            None => return None,
        };
        Some(self.deliveries.unwrap_or(self.mode.deliveries(before)))
    }
}

impl Update for Xnack<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if find(cx, self.key, self.group)?.is_none() {
            return Err(no_key_or_group(self.key, self.group, ""));
        }
        let ids = ids(self.ids)?;
        cx.count_no_more_uses();
        let Some(stream) = cx.write::<Stream>(self.key)? else { return Ok(()) };
        let mut released = Vec::with_capacity(ids.len());
        stream.with_group(self.group, |stream, group| {
            for id in ids {
                let Some(deliveries) = self.released(stream, group, id) else { continue };
                group.release(id, deliveries);
                released.push((id, deliveries));
            }
        });
        out.integer(released.len() as i64);
        cx.propagate_nothing();
        for release in &released {
            record_release(cx, (self.key, self.group), *release);
        }
        if !released.is_empty() {
            cx.add_dirty(released.len());
            cx.signal(self.key);
        }
        Ok(())
    }
}
