//! `XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-ms] [RETRYCOUNT count] [FORCE] [JUSTID]
//! [LASTID id]`

use spinel_family::spec::ArgKind;
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Reply, Update, UpdateContext, Words, is_token, printed,
};
use spinel_store::Stream;
use spinel_structs::number::parse_i64;
use spinel_structs::stream::StreamId;

use super::arguments::{CONSUMER, GROUP, KEY, id, option, token, word, words};
use super::claiming::{Claimant, Claimed};
use super::groups::{find, no_key_or_group};
use super::propagation::record_group_id;

const BAD_MIN_IDLE: CommandError = CommandError::text("ERR Invalid min-idle-time argument for XCLAIM");
const BAD_IDLE: CommandError = CommandError::text("ERR Invalid IDLE option argument for XCLAIM");
const BAD_TIME: CommandError = CommandError::text("ERR Invalid TIME option argument for XCLAIM");
const BAD_COUNT: CommandError = CommandError::text("ERR Invalid RETRYCOUNT option argument for XCLAIM");

/// Gives pending entries to another consumer.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", flags(fast), tips("nondeterministic_output"), manual, arity = -6)]
#[command(complexity = "O(log(N)) for each entry, N being the number of entries pending")]
#[command(args = &[
    KEY,
    GROUP,
    CONSUMER,
    word("min-idle-time", ArgKind::String),
    words("id", ArgKind::String),
    option("ms", "IDLE", ArgKind::Integer),
    option("unix-time-milliseconds", "TIME", ArgKind::UnixTime),
    option("count", "RETRYCOUNT", ArgKind::Integer),
    token("force", "FORCE"),
    token("justid", "JUSTID"),
    option("id", "LASTID", ArgKind::String),
])]
pub(super) struct Xclaim<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    group: &'a [u8],
    consumer: &'a [u8],
    words: Words<'a>,
}

/// The words after the consumer's name, understood.
struct Options {
    min_idle_ms: i64,
    ids: Vec<StreamId>,
    delivered_ms: Option<i64>,
    deliveries: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
}

impl<'a> Parse<'a> for Xclaim<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (key, group, consumer) = (words.key()?, words.take()?, words.take()?);
        Ok(Self { key, group, consumer, words: words.rest() })
    }
}

impl Options {
    fn parse(mut words: Words<'_>, now_ms: i64) -> Result<Self, CommandError> {
        let min_idle_ms = parse_i64(words.take()?).ok_or(BAD_MIN_IDLE)?.max(0);
        let mut ids = Vec::with_capacity(words.len());
        while let Some(id) = words.peek().and_then(|word| id(word, 0).ok()) {
            ids.push(id);
            words.skip_one();
        }
        let mut options = Self {
            min_idle_ms,
            ids,
            delivered_ms: None,
            deliveries: None,
            force: false,
            just_id: false,
            last_id: StreamId::MIN,
        };
        while !words.is_empty() {
            options.take(&mut words, now_ms)?;
        }
        Ok(options)
    }

    fn take(&mut self, words: &mut Words<'_>, now_ms: i64) -> Result<(), CommandError> {
        let name = words.take()?;
        let more = !words.is_empty();
        let number = |words: &mut Words<'_>, error| parse_i64(words.take()?).ok_or(error);
        if is_token(name, "FORCE") {
            self.force = true;
        } else if is_token(name, "JUSTID") {
            self.just_id = true;
        } else if is_token(name, "IDLE") && more {
            self.delivered_ms = Some(now_ms.wrapping_sub(number(words, BAD_IDLE)?));
        } else if is_token(name, "TIME") && more {
            self.delivered_ms = Some(number(words, BAD_TIME)?);
        } else if is_token(name, "RETRYCOUNT") && more {
            // Below zero it is as if none was given.
            self.deliveries = u64::try_from(number(words, BAD_COUNT)?).ok();
        } else if is_token(name, "LASTID") && more {
            self.last_id = id(words.take()?, 0)?;
        } else {
            return Err(CommandError::quoting("ERR Unrecognized XCLAIM option '", printed(name), "'"));
        }
        Ok(())
    }
}

impl Update for Xclaim<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if find(cx, self.key, self.group)?.is_none() {
            return Err(no_key_or_group(self.key, self.group, ""));
        }
        let now_ms = cx.clock_time().0;
        let options = Options::parse(self.words, now_ms)?;
        // A time in the future, or before all times, is a client's clock that is wrong.
        let delivered_ms = options.delivered_ms.filter(|ms| (0..=now_ms).contains(ms)).unwrap_or(now_ms);
        let claimant = Claimant {
            name: self.consumer,
            now_ms,
            just_id: options.just_id,
            deliveries: options.deliveries,
            delivered_ms,
        };
        cx.count_no_more_uses();
        let Some(stream) = cx.write::<Stream>(self.key)? else { return Ok(()) };
        let length = out.deferred_array();
        let (mut claimed, mut count) = (Claimed::default(), 0);
        let moved = stream.with_group(self.group, |stream, group| {
            let moved = (options.last_id > group.last_id).then_some(options.last_id);
            group.last_id = group.last_id.max(options.last_id);
            group.note_asking(self.consumer, now_ms);
            for &id in &options.ids {
                let pending = group.pending(id).copied();
                if !stream.contains(id) {
                    if let Some(pending) = pending {
                        claimed.drop_deleted(group, id, pending);
                    }
                    continue;
                }
                let is_due = match pending {
                    None => options.force,
                    Some(pending) => options.min_idle_ms == 0 || pending.is_due(options.min_idle_ms, now_ms),
                };
                if is_due {
                    claimant.take(&mut claimed, (stream, group), (id, pending), out);
                    count += 1;
                }
            }
            claimed.finish(group);
            moved.map(|last_id| (last_id, group.entries_read))
        });
        out.finish(length, count);
        cx.propagate_nothing();
        let place = (self.key, self.group);
        if !claimed.tell(cx, place)
            && let Some(Some((last_id, entries_read))) = moved
        {
            record_group_id(cx, place, last_id, entries_read);
            cx.add_dirty(1);
        }
        Ok(())
    }
}
