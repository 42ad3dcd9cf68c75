//! `XREAD [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]`

use spinel_family::{
    Attempt, Blocking, Command, CommandError, DeferredLen, Encoder, Key, Parse, Protocol, Timeout,
    UpdateContext, WaitFor, WaitKeys, Words, is_token, printed,
};
use spinel_store::Stream;
use spinel_structs::stream::StreamId;

use super::arguments::{BLOCK, COUNT, MAX_COUNT, MAX_SIZE, STREAMS, all_words, id, streams_from};
use super::budget::{Bounds, Budget};
use super::reply::{check_range, reply_entries_within};
use super::sources::{Sources, WAITED_COUNT, count, reply_name, timeout};

const GROUP_MISPLACED: CommandError =
    CommandError::text("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
const NOACK_MISPLACED: CommandError =
    CommandError::text("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
const CLAIM_MISPLACED: CommandError =
    CommandError::text("ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.");
const NEW_MISPLACED: CommandError = CommandError::text(
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
);

/// Returns entries with greater IDs than those given, of several streams, and waits for the first if need be.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", flags(readonly, blocking, movablekeys), manual, arity = -4)]
#[command(complexity = "O(N) for N entries returned of each stream")]
#[command(keys = &[streams_from(1)], args = &[COUNT, MAX_COUNT, MAX_SIZE, BLOCK, STREAMS])]
#[command(history = &[("8.10.0", "The options `MAXCOUNT` and `MAXSIZE`.")])]
pub(super) struct Xread<'a> {
    /// All words after the name.
    words: Words<'a>,
    count: Option<usize>,
    bounds: Bounds,
    block: Option<Timeout>,
    sources: Sources<'a>,
}

impl<'a> Parse<'a> for Xread<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let all = *words;
        let (mut limit, mut bounds, mut block) = (None, Bounds::default(), None);
        loop {
            let name = words.take()?;
            let more = !words.is_empty();
            if is_token(name, "BLOCK") && more {
                block = Some(timeout(words)?);
            } else if is_token(name, "COUNT") && more {
                limit = count(words)?;
            } else if is_token(name, "STREAMS") && more {
                let sources = Sources::parse(words)?;
                bounds.check(limit)?;
                return Ok(Self { words: all, count: limit, bounds, block, sources });
            } else if is_token(name, "MAXCOUNT") && more {
                bounds.take_entries(words)?;
            } else if is_token(name, "MAXSIZE") && more {
                bounds.take_bytes(words)?;
            } else if is_token(name, "GROUP") && words.len() >= 2 {
                return Err(GROUP_MISPLACED);
            } else if is_token(name, "NOACK") {
                return Err(NOACK_MISPLACED);
            } else if is_token(name, "CLAIM") && more {
                return Err(CLAIM_MISPLACED);
            } else {
                return Err(CommandError::Syntax);
            }
        }
    }
}

impl Xread<'_> {
    /// After which ID entries are wanted, as things stand now.
    fn after(cx: &UpdateContext<'_>, key: Key<'_>, word: &[u8]) -> Result<StreamId, CommandError> {
        let stream = cx.read::<Stream>(key)?;
        match printed(word) {
            b"$" => Ok(stream.map_or(StreamId::MIN, Stream::last_id)),
            b">" => Err(NEW_MISPLACED),
            // The last entry, or the first to come.
            b"+" => Ok(stream.map_or(StreamId::MIN, |stream| {
                stream.top_id().previous().filter(|_| !stream.is_empty()).unwrap_or(stream.last_id())
            })),
            _ => id(word, 0),
        }
    }

    /// The words with which the command is tried again: `$` means the last ID at this moment.
    fn fixed(&self, afters: &[StreamId]) -> Vec<Vec<u8>> {
        let mut words: Vec<Vec<u8>> = all_words(self.words).map(<[u8]>::to_vec).collect();
        let first = words.len() - afters.len();
        for (word, after) in words[first..].iter_mut().zip(afters) {
            *word = after.to_string().into_bytes();
        }
        words
    }

    /// Serves a client that waited, from the one key that became ready.
    fn serve_waiting(&self, cx: &UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        for (key, word) in self.sources.iter().filter(|(key, _)| cx.may_serve(*key)) {
            let Ok(Some(stream)) = cx.read::<Stream>(key) else { continue };
            let after = id(word, 0)?;
            if stream.last_id() > after {
                let mut budget = self.bounds.budget(out);
                begin_streams(1, out);
                let most = self.bounds.most(self.count.or(Some(WAITED_COUNT)));
                reply(stream, key, (after, most), &mut budget, out);
                return Ok(Attempt::Served);
            }
        }
        Ok(Attempt::NotReady)
    }
}

/// Replies with a stream and its entries after an ID; says whether there were any.
fn reply(
    stream: &Stream,
    key: Key<'_>,
    (after, most): (StreamId, usize),
    budget: &mut Budget,
    out: &mut Encoder,
) -> bool {
    let begin = out.len();
    reply_name(key, out);
    let entries = after.next().map(|start| stream.range(start, StreamId::MAX));
    let is_any = reply_entries_within(entries.into_iter().flatten(), most, budget, out) > 0;
    if !is_any {
        out.truncate(begin);
    }
    is_any
}

/// Begins a reply of so many streams.
pub(super) fn begin_streams(count: usize, out: &mut Encoder) {
    match out.protocol() {
        Protocol::Resp2 => out.array(count),
        Protocol::Resp3 => out.map(count),
    }
}

/// Begins a reply of streams whose number is not known yet.
pub(super) fn begin_some_streams(out: &mut Encoder) -> DeferredLen {
    match out.protocol() {
        Protocol::Resp2 => out.deferred_array(),
        Protocol::Resp3 => out.deferred_map(),
    }
}

impl Blocking for Xread<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        if self.block.is_some() && cx.is_in_script() {
            return Err(CommandError::text(
                "ERR xread command is not allowed with BLOCK option from scripts",
            ));
        }
        if cx.is_retry() {
            return self.serve_waiting(cx, out);
        }
        let mut afters = Vec::with_capacity(self.sources.keys.len());
        for (key, word) in self.sources.iter() {
            afters.push(Self::after(cx, key, word)?);
        }
        let most = self.bounds.most(self.count);
        let mut ready = Vec::new();
        for (key, after) in self.sources.keys.keys().zip(&afters) {
            let Some(stream) = cx.read::<Stream>(key)? else { continue };
            if !stream.is_empty() && stream.top_id() > *after {
                check_range(cx, stream, (*after, StreamId::MAX), most)?;
                ready.push((stream, key, *after));
            }
        }
        if !ready.is_empty() {
            let mut budget = self.bounds.budget(out);
            let length = begin_some_streams(out);
            let read = ready.into_iter();
            let read =
                read.filter(|(stream, key, after)| reply(stream, *key, (*after, most), &mut budget, out));
            let count = read.count();
            out.finish(length, count);
            return Ok(Attempt::Served);
        }
        if self.block.is_none() {
            out.null_array();
            return Ok(Attempt::Served);
        }
        if !cx.denies_blocking() {
            let words = self.fixed(&afters);
            cx.wait_as([b"XREAD".as_slice()].into_iter().chain(words.iter().map(Vec::as_slice)));
        }
        Ok(Attempt::NotReady)
    }

    fn wait_for(&self) -> WaitFor<'_> {
        WaitFor::any_of(WaitKeys::Many(self.sources.keys), self.block.unwrap_or(Timeout { millis: None }))
    }
}
