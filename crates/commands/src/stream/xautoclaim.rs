//! `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`

use spinel_family::spec::ArgKind;
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, QueryContext, Reply, Update, UpdateContext, Words, is_token,
};
use spinel_store::{Stream, Typed};
use spinel_structs::number::parse_i64;
use spinel_structs::stream::{Group, StreamId};

use super::arguments::{CONSUMER, COUNT, GROUP, KEY, range_start, token, word};
use super::claiming::{Claimant, Claimed};
use super::groups::{find, no_key_or_group};
use super::reply::reply_id;

const BAD_MIN_IDLE: CommandError = CommandError::text("ERR Invalid min-idle-time argument for XAUTOCLAIM");
const BAD_COUNT: CommandError = CommandError::text("ERR COUNT must be > 0");

/// Entries claimed where nothing else is said.
const DEFAULT_COUNT: usize = 100;
/// Entries looked at for each that is claimed at most.
const LOOKED_AT: usize = 10;
/// The greatest count.
const COUNT_MAX: i64 = i64::MAX / 16;

/// Gives pending entries that nobody has touched for a time to another consumer.
#[derive(Command)]
#[command(group = Stream, since = "6.2.0", flags(fast), tips("nondeterministic_output"), manual, arity = -6)]
#[command(complexity = "O(1) if the count is small")]
#[command(history = &[("7.0.0", "The reply ends in the entries that were deleted and are no longer pending.")])]
#[command(args = &[
    KEY,
    GROUP,
    CONSUMER,
    word("min-idle-time", ArgKind::String),
    word("start", ArgKind::String),
    COUNT,
    token("justid", "JUSTID"),
])]
pub(super) struct Xautoclaim<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    group: &'a [u8],
    consumer: &'a [u8],
    min_idle_ms: i64,
    start: StreamId,
    count: usize,
    just_id: bool,
}

impl<'a> Parse<'a> for Xautoclaim<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (key, group, consumer) = (words.key()?, words.take()?, words.take()?);
        let min_idle_ms = parse_i64(words.take()?).ok_or(BAD_MIN_IDLE)?.max(0);
        let start = range_start(words.take()?)?;
        let (mut count, mut just_id) = (DEFAULT_COUNT, false);
        while let Ok(name) = words.take() {
            if is_token(name, "COUNT") && !words.is_empty() {
                let wanted = parse_i64(words.take()?).filter(|count| (1..=COUNT_MAX).contains(count));
                count = wanted.ok_or(BAD_COUNT)? as usize;
            } else if is_token(name, "JUSTID") {
                just_id = true;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(Self { key, group, consumer, min_idle_ms, start, count, just_id })
    }
}

impl Update for Xautoclaim<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let stream = cx.peek(self.key).and_then(|entry| Stream::of(entry.value()));
        let pending = stream.and_then(|stream| stream.group(self.group)).map_or(0, Group::pending_len);
        self.count.saturating_mul(LOOKED_AT).min(pending)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if find(cx, self.key, self.group)?.is_none() {
            return Err(no_key_or_group(self.key, self.group, ""));
        }
        let now_ms = cx.now().0;
        let claimant = Claimant {
            name: self.consumer,
            now_ms,
            just_id: self.just_id,
            deliveries: None,
            delivered_ms: now_ms,
        };
        cx.count_no_more_uses();
        let Some(stream) = cx.write::<Stream>(self.key)? else { return Ok(()) };
        // The cursor comes first but is known last.
        let mut entries = Encoder::new(out.protocol());
        let (mut claimed, mut deleted, mut taken) = (Claimed::default(), Vec::new(), 0);
        let (mut left, mut attempts) = (self.count, self.count * LOOKED_AT);
        let next = stream.with_group(self.group, |stream, group| {
            group.note_asking(self.consumer, now_ms);
            let mut from = Some(self.start);
            let next = loop {
                let Some(start) = from else { break None };
                let Some((id, pending)) = group.pending_from(start).next().map(|(id, p)| (id, *p)) else {
                    break None;
                };
                if left == 0 || attempts == 0 {
                    break Some(id);
                }
                attempts -= 1;
                from = id.next();
                if !stream.contains(id) {
                    claimed.drop_deleted(group, id, pending);
                    deleted.push(id);
                    left -= 1;
                } else if self.min_idle_ms == 0 || pending.is_due(self.min_idle_ms, now_ms) {
                    claimant.take(&mut claimed, (stream, group), (id, Some(pending)), &mut entries);
                    taken += 1;
                    left -= 1;
                }
            };
            claimed.finish(group);
            next
        });
        out.array(3);
        reply_id(next.flatten().unwrap_or(StreamId::MIN), out);
        out.array(taken);
        out.extend_raw(entries.as_bytes());
        out.array(deleted.len());
        deleted.iter().for_each(|id| reply_id(*id, out));
        cx.propagate_nothing();
        claimed.tell(cx, (self.key, self.group));
        Ok(())
    }
}
