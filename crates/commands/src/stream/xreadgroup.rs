//! `XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]`

use spinel_family::spec::ArgKind;
use spinel_family::{
    Attempt, Blocking, Command, CommandError, Encoder, EventClass, Key, Parse, Protocol, Timeout,
    UpdateContext, WaitFor, WaitKeys, Words, is_token,
};
use spinel_store::{Stream, Typed};
use spinel_structs::number::parse_i64;
use spinel_structs::stream::{ConsumerId, Group, Pending, StreamId};

use super::arguments::{BLOCK, CONSUMER, COUNT, GROUP, STREAMS, group, id, streams_from, token};
use super::groups::{find, no_key_or_group};
use super::propagation::{Claim, record_claim, record_consumer, record_group_id};
use super::reply::{range_cost, reply_claimed, reply_entry, reply_id};
use super::sources::{Sources, WAITED_COUNT, count, reply_name, timeout};
use super::xread::begin_streams;

const GROUP_MISSING: CommandError = CommandError::text("ERR Missing GROUP option for XREADGROUP");
const LAST_MISPLACED: CommandError = CommandError::text(
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
);
const MIN_IDLE_NOT_INTEGER: CommandError =
    CommandError::text("ERR min-idle-time is not an integer or out of range");
const MIN_IDLE_NEGATIVE: CommandError = CommandError::text("ERR min-idle-time must be a positive integer");
const STREAM_GONE: CommandError = CommandError::text("UNBLOCKED the stream key no longer exists");
const GROUP_GONE: CommandError =
    CommandError::text("NOGROUP the consumer group this client was blocked on no longer exists");

/// Returns entries that no consumer of a group was given yet, or those pending for one consumer.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", flags(movablekeys), manual, arity = -7)]
#[command(complexity = "O(N) for N entries returned of each stream")]
#[command(keys = &[streams_from(4)])]
#[command(args = &[
    spinel_family::spec::ArgSpec { token: "GROUP", ..group(ArgKind::Block, "group_consumer", &[GROUP, CONSUMER]) },
    COUNT,
    BLOCK,
    token("noack", "NOACK"),
    STREAMS,
])]
pub(super) struct Xreadgroup<'a> {
    reader: Reader<'a>,
    block: Option<Timeout>,
    sources: Sources<'a>,
}

/// Who reads, and how.
#[derive(Clone, Copy)]
struct Reader<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    count: Option<usize>,
    /// Entries are not pending afterwards.
    no_ack: bool,
    /// Milliseconds after which entries pending elsewhere are taken over, before new ones are read.
    claim_ms: Option<i64>,
}

/// What is read of a stream.
#[derive(Clone, Copy)]
enum Wanted {
    /// What no consumer was given.
    New,
    /// What is pending for the consumer after this ID.
    Pending(StreamId),
}

impl<'a> Parse<'a> for Xreadgroup<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (mut limit, mut block, mut who, mut no_ack, mut claim_ms) = (None, None, None, false, None);
        loop {
            let name = words.take()?;
            let more = words.len();
            if is_token(name, "BLOCK") && more > 0 {
                block = Some(timeout(words)?);
            } else if is_token(name, "COUNT") && more > 0 {
                limit = count(words)?;
            } else if is_token(name, "STREAMS") && more > 0 {
                let sources = Sources::parse(words)?;
                let (group, consumer) = who.ok_or(GROUP_MISSING)?;
                let reader = Reader { group, consumer, count: limit, no_ack, claim_ms };
                return Ok(Self { reader, block, sources });
            } else if is_token(name, "GROUP") && more >= 2 {
                who = Some((words.take()?, words.take()?));
            } else if is_token(name, "CLAIM") && more > 0 {
                let min_idle_ms = parse_i64(words.take()?).ok_or(MIN_IDLE_NOT_INTEGER)?;
                claim_ms = Some(min_idle_ms).filter(|ms| *ms >= 0);
                claim_ms.ok_or(MIN_IDLE_NEGATIVE)?;
            } else if is_token(name, "NOACK") {
                no_ack = true;
            } else {
                return Err(CommandError::Syntax);
            }
        }
    }
}

impl Xreadgroup<'_> {
    /// What is wanted of each stream; all of them and the group must be there.
    fn wanted(&self, cx: &UpdateContext<'_>) -> Result<Vec<Wanted>, CommandError> {
        let mut all = Vec::with_capacity(self.sources.keys.len());
        for (key, word) in self.sources.iter() {
            let group = self.reader.group;
            if find(cx, key, group)?.is_none() {
                return Err(no_key_or_group(key, group, " in XREADGROUP with GROUP option"));
            }
            all.push(match word {
                b"$" => return Err(LAST_MISPLACED),
                b">" => Wanted::New,
                _ => match id(word, 0)? {
                    // The greatest ID is how Redis notes `>`.
                    StreamId::MAX => Wanted::New,
                    id => Wanted::Pending(id),
                },
            });
        }
        Ok(all)
    }

    /// Entries that this will touch.
    fn cost(&self, cx: &UpdateContext<'_>, wanted: &[Wanted]) -> usize {
        let most = self.reader.count.unwrap_or(usize::MAX);
        let cost = |key: Key<'_>, wanted: Wanted| {
            let stream = Stream::of(cx.peek(key)?.value())?;
            let group = stream.group(self.reader.group)?;
            let looked_at = if self.reader.claim_ms.is_some() { group.pending_len() } else { 0 };
            Some(
                looked_at
                    + match wanted {
                        Wanted::New if group.last_id >= stream.last_id() => 0,
                        Wanted::New => range_cost(stream, (group.last_id, StreamId::MAX), most),
                        Wanted::Pending(_) => {
                            let consumer = group.find(self.reader.consumer)?;
                            group.consumer(consumer).pending_len().min(most)
                        }
                    },
            )
        };
        self.sources.keys.keys().zip(wanted).map(|(key, wanted)| cost(key, *wanted).unwrap_or(0)).sum()
    }

    /// Serves a client that waited, from the one key that became ready.
    fn serve_waiting(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        for key in self.sources.keys.keys().filter(|key| cx.may_serve(*key)).collect::<Vec<_>>() {
            let stream = cx.peek(key).and_then(|entry| Stream::of(entry.value())).ok_or(STREAM_GONE)?;
            let group = stream.group(self.reader.group).ok_or(GROUP_GONE)?;
            if stream.last_id() > group.last_id {
                begin_streams(1, out);
                let reader = Reader { count: self.reader.count.or(Some(WAITED_COUNT)), ..self.reader };
                reader.read(cx, key, Wanted::New, out)?;
                return Ok(Attempt::Served);
            }
        }
        Ok(Attempt::NotReady)
    }
}

/// What reading left to tell.
#[derive(Default)]
struct Given {
    created: bool,
    claims: Vec<Claim>,
    /// How many of them were pending before.
    claimed: usize,
    last_id: StreamId,
    entries_read: Option<i64>,
    advanced: bool,
}

impl Reader<'_> {
    /// Reads one stream, and replies with its name and the entries.
    fn read(
        &self,
        cx: &mut UpdateContext<'_>,
        key: Key<'_>,
        wanted: Wanted,
        out: &mut Encoder,
    ) -> Result<(), CommandError> {
        let (now_ms, is_recorded) = (cx.now().0, cx.is_recorded());
        reply_name(key, out);
        let stream = cx.write::<Stream>(key)?.ok_or(STREAM_GONE)?;
        let read = |stream: &Stream, group: &mut Group| {
            let found = group.find(self.consumer);
            let created = found.is_none();
            let Some(consumer) = found.or_else(|| group.create(self.consumer, now_ms)) else {
                return Given::default();
            };
            group.consumer_mut(consumer).seen_ms = now_ms;
            let mut given = match wanted {
                Wanted::New => self.give_new(stream, group, consumer, (now_ms, is_recorded), out),
                Wanted::Pending(after) => {
                    self.repeat_pending(stream, group, consumer, (after, now_ms), out);
                    Given::default()
                }
            };
            given.created = created;
            (given.last_id, given.entries_read) = (group.last_id, group.entries_read);
            given
        };
        let given = stream.with_group(self.group, read).ok_or(GROUP_GONE)?;
        self.tell(cx, key, &given);
        Ok(())
    }

    /// Gives entries to the consumer that the group has not come to.
    fn give_new(
        &self,
        stream: &Stream,
        group: &mut Group,
        consumer: ConsumerId,
        (now_ms, is_recorded): (i64, bool),
        out: &mut Encoder,
    ) -> Given {
        let mut given = Given::default();
        let length = out.deferred_array();
        let mut count = 0;
        let mut most = self.count.unwrap_or(usize::MAX);
        for (id, pending) in self.due(stream, group, now_ms) {
            let Some(entry) = stream.get(id) else { continue };
            reply_claimed(entry, now_ms.saturating_sub(pending.delivered_ms).max(0), pending.deliveries, out);
            let deliveries = pending.deliveries.wrapping_add(1);
            let pending = Pending { consumer, delivered_ms: now_ms, deliveries };
            group.assign(id, pending);
            given.claims.push(Claim { id, pending, consumer: self.consumer.into() });
            count += 1;
        }
        most -= count.min(most);
        given.claimed = count;
        let entries = group.last_id.next().map(|start| stream.range(start, StreamId::MAX));
        for entry in entries.into_iter().flatten().take(most) {
            let id = entry.id;
            given.advanced |= stream.advance(group, id);
            match self.claim_ms {
                Some(_) => reply_claimed(entry, 0, 0, out),
                None => reply_entry(entry, out),
            }
            if !self.no_ack {
                group.deliver(id, consumer, now_ms);
                if is_recorded {
                    let pending = Pending { consumer, delivered_ms: now_ms, deliveries: 1 };
                    // Each claim tells how far the group had come by then.
                    given.claims.push(Claim { id, pending, consumer: self.consumer.into() });
                }
            }
            count += 1;
        }
        if count > 0 {
            group.consumer_mut(consumer).active_ms = Some(now_ms);
        }
        out.finish(length, count);
        given
    }

    /// The entries that have been pending for long enough to be taken over, those first that were delivered first.
    fn due(&self, stream: &Stream, group: &Group, now_ms: i64) -> Vec<(StreamId, Pending)> {
        let Some(min_idle_ms) = self.claim_ms else { return Vec::new() };
        let idle = |pending: &Pending| now_ms.saturating_sub(pending.delivered_ms);
        let pending = group.pending_from(StreamId::MIN).map(|(id, pending)| (id, *pending));
        let due = pending.filter(|(id, pending)| idle(pending) >= min_idle_ms && stream.contains(*id));
        let mut due: Vec<(StreamId, Pending)> = due.collect();
        due.sort_by_key(|(id, pending)| (pending.delivered_ms, *id));
        due.truncate(self.count.unwrap_or(usize::MAX));
        due
    }

    /// Gives the consumer again what is pending for it.
    fn repeat_pending(
        &self,
        stream: &Stream,
        group: &mut Group,
        consumer: ConsumerId,
        (after, now_ms): (StreamId, i64),
        out: &mut Encoder,
    ) {
        let length = out.deferred_array();
        let start = after.next().unwrap_or(StreamId::MIN);
        let ids = group.consumer(consumer).pending_from(start);
        let ids: Vec<StreamId> = ids.take(self.count.unwrap_or(usize::MAX)).collect();
        for id in &ids {
            match stream.get(*id) {
                Some(entry) => {
                    reply_entry(entry, out);
                    if let Some(pending) = group.pending(*id).copied() {
                        let deliveries = pending.deliveries.wrapping_add(1);
                        group.assign(*id, Pending { delivered_ms: now_ms, deliveries, ..pending });
                    }
                }
                // It was deleted from the stream.
                None => {
                    out.array(2);
                    reply_id(*id, out);
                    out.null_array();
                }
            }
        }
        out.finish(length, ids.len());
    }

    /// Counts, notifies and records what was given.
    fn tell(&self, cx: &mut UpdateContext<'_>, key: Key<'_>, given: &Given) {
        let place = (key, self.group);
        if given.created {
            cx.add_dirty(1);
            cx.notify(EventClass::Stream, "xgroup-createconsumer", key);
            // A claim would create the consumer, too.
            if given.claims.is_empty() {
                record_consumer(cx, place, self.consumer);
            }
        }
        for (at, claim) in given.claims.iter().enumerate() {
            // What was claimed does not lie ahead of the group.
            record_claim(cx, place, claim, if at < given.claimed { StreamId::MIN } else { claim.id });
        }
        // Claims tell up to where the group has read, but not how many entries that were.
        if given.advanced {
            record_group_id(cx, place, given.last_id, given.entries_read);
        }
        cx.add_dirty(1);
    }
}

impl Blocking for Xreadgroup<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        if self.block.is_some() && cx.is_in_script() {
            return Err(CommandError::text(
                "ERR xreadgroup command is not allowed with BLOCK option from scripts",
            ));
        }
        // What was done is recorded in other words, or not at all.
        cx.propagate_nothing();
        if cx.is_retry() {
            return self.serve_waiting(cx, out);
        }
        let wanted = self.wanted(cx)?;
        cx.check_cost(self.cost(cx, &wanted))?;
        let begin = out.len();
        let length = match out.protocol() {
            Protocol::Resp2 => out.deferred_array(),
            Protocol::Resp3 => out.deferred_map(),
        };
        let mut streams = 0;
        for (key, wanted) in self.sources.keys.keys().zip(wanted) {
            let Some(stream) = cx.read::<Stream>(key)? else { continue };
            let group = stream.group(self.reader.group);
            let last_id = group.map(|group| group.last_id);
            let is_due = group.is_some_and(|group| !self.reader.due(stream, group, cx.now().0).is_empty());
            let is_ready = match wanted {
                Wanted::Pending(_) => true,
                Wanted::New => {
                    is_due || !stream.is_empty() && last_id.is_some_and(|last| stream.top_id() > last)
                }
            };
            if is_ready {
                self.reader.read(cx, key, wanted, out)?;
                streams += 1;
            }
        }
        if streams > 0 {
            out.finish(length, streams);
            return Ok(Attempt::Served);
        }
        out.truncate(begin);
        if self.block.is_none() {
            out.null_array();
            return Ok(Attempt::Served);
        }
        Ok(Attempt::NotReady)
    }

    fn wait_for(&self) -> WaitFor<'_> {
        WaitFor::any_of(WaitKeys::Many(self.sources.keys), self.block.unwrap_or(Timeout { millis: None }))
            .heeding_removal()
    }
}
