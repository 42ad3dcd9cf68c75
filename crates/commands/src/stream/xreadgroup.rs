//! `XREADGROUP GROUP group consumer [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK milliseconds] [CLAIM min-idle-time]
//! [NOACK] STREAMS key [key ...] id [id ...]`

use spinel_family::spec::ArgKind;
use spinel_family::{
    Attempt, Blocking, Command, CommandError, Encoder, Key, Parse, Timeout, UpdateContext, WaitFor, WaitKeys,
    Words, is_token, printed,
};
use spinel_store::{Stream, Typed};
use spinel_structs::number::parse_i64;
use spinel_structs::stream::StreamId;

use super::arguments::{
    BLOCK, CONSUMER, COUNT, GROUP, MAX_COUNT, MAX_SIZE, STREAMS, group, id, option, since, streams_from,
    token,
};
use super::budget::Bounds;
use super::group_reading::{GROUP_GONE, Reader, STREAM_GONE, Wanted};
use super::groups::{find, no_key_or_group};
use super::reply::range_cost;
use super::sources::{Sources, WAITED_COUNT, count, timeout};
use super::xread::{begin_some_streams, begin_streams};

const GROUP_MISSING: CommandError = CommandError::text("ERR Missing GROUP option for XREADGROUP");
const LAST_MISPLACED: CommandError = CommandError::text(
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
);
const TOP_MISPLACED: CommandError = CommandError::text(
    "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.",
);
const MIN_IDLE_NOT_INTEGER: CommandError =
    CommandError::text("ERR min-idle-time is not an integer or out of range");
const MIN_IDLE_NEGATIVE: CommandError = CommandError::text("ERR min-idle-time must be a positive integer");

/// Returns entries that no consumer of a group was given yet, or those pending for one consumer.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", flags(movablekeys), manual, arity = -7)]
#[command(complexity = "O(N) for N entries returned of each stream")]
#[command(keys = &[streams_from(4)])]
#[command(args = &[
    spinel_family::spec::ArgSpec { token: "GROUP", ..group(ArgKind::Block, "group_consumer", &[GROUP, CONSUMER]) },
    COUNT,
    MAX_COUNT,
    MAX_SIZE,
    BLOCK,
    since("8.4.0", option("min-idle-time", "CLAIM", ArgKind::Integer)),
    token("noack", "NOACK"),
    STREAMS,
])]
#[command(history = &[
    ("8.4.0", "The option `CLAIM`."),
    ("8.10.0", "The options `MAXCOUNT` and `MAXSIZE`."),
])]
pub(super) struct Xreadgroup<'a> {
    reader: Reader<'a>,
    block: Option<Timeout>,
    sources: Sources<'a>,
}

impl<'a> Parse<'a> for Xreadgroup<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (mut limit, mut block, mut who, mut no_ack, mut claim_ms) = (None, None, None, false, None);
        let mut bounds = Bounds::default();
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
                bounds.check(limit)?;
                let reader = Reader { group, consumer, count: limit, bounds, no_ack, claim_ms };
                return Ok(Self { reader, block, sources });
            } else if is_token(name, "GROUP") && more >= 2 {
                who = Some((words.take()?, words.take()?));
            } else if is_token(name, "MAXCOUNT") && more > 0 {
                bounds.take_entries(words)?;
            } else if is_token(name, "MAXSIZE") && more > 0 {
                bounds.take_bytes(words)?;
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
            all.push(match printed(word) {
                b"$" => return Err(LAST_MISPLACED),
                b"+" => return Err(TOP_MISPLACED),
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
        let most = self.reader.most();
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
            // What was released meanwhile is there for those who claim.
            let is_released = group.released_len() > 0 && self.reader.is_any_due(stream, group, cx.now().0);
            if stream.last_id() > group.last_id || is_released {
                let mut budget = self.reader.bounds.budget(out);
                begin_streams(1, out);
                let reader = Reader { count: self.reader.count.or(Some(WAITED_COUNT)), ..self.reader };
                reader.read(cx, key, Wanted::New, &mut budget, out)?;
                return Ok(Attempt::Served);
            }
        }
        Ok(Attempt::NotReady)
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
        let mut budget = self.reader.bounds.budget(out);
        let length = begin_some_streams(out);
        let mut streams = 0;
        for (key, wanted) in self.sources.keys.keys().zip(wanted) {
            let Some(stream) = cx.read::<Stream>(key)? else { continue };
            let group = stream.group(self.reader.group);
            let last_id = group.map(|group| group.last_id);
            let is_due = group.is_some_and(|group| self.reader.is_any_due(stream, group, cx.now().0));
            let is_ready = match wanted {
                Wanted::Pending(_) => true,
                Wanted::New => {
                    is_due || !stream.is_empty() && last_id.is_some_and(|last| stream.top_id() > last)
                }
            };
            if is_ready && !budget.is_spent() {
                let read = cx.again(|cx| self.reader.read(cx, key, wanted, &mut budget, out));
                streams += usize::from(read?);
            } else {
                cx.again(|cx| self.reader.note_asking(cx, key))?;
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
