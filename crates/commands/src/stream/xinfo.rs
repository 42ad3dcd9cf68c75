//! `XINFO CONSUMERS | GROUPS | HELP | STREAM`

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::{Stream, Typed};
use spinel_structs::stream::StreamId;

use super::arguments::{COUNT, KEY, integer};
use super::groups::{no_group_of_key, reply_help, subcommand_misused};
use super::reply::{reply_entries, reply_entry, reply_id};
use super::xinfo_groups::{reply_full_groups, reply_group_counters};

/// Entries and pending entries that `FULL` shows where nothing else is said.
const FULL_COUNT: usize = 10;

/// Looks into streams.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", complexity = "Depends on the subcommand", arity = -2, manual)]
pub(super) struct Xinfo;

/// Returns what there is to know about the consumers of a group.
#[derive(Command)]
#[command(name = "xinfo|consumers", group = Stream, since = "5.0.0", complexity = "O(N) for N consumers")]
#[command(history = &[("7.2.0", "The field `inactive`.")], tips("nondeterministic_output"))]
pub(super) struct XinfoConsumers<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    #[arg(name = "groupname")]
    group: &'a [u8],
}

/// Returns what there is to know about the groups of a stream.
#[derive(Command)]
#[command(name = "xinfo|groups", group = Stream, since = "5.0.0", complexity = "O(N) for N groups")]
#[command(history = &[("7.0.0", "The fields `entries-read` and `lag`.")])]
pub(super) struct XinfoGroups<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

/// Returns what there is to know about a stream, or all of it.
#[derive(Command)]
#[command(name = "xinfo|stream", group = Stream, since = "5.0.0", complexity = "O(1), or O(N) with `FULL`")]
#[command(history = &[
    ("6.0.0", "The option `FULL`."),
    ("7.0.0", "The fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag`."),
    ("7.2.0", "The field `active-time`; `seen-time` is that of the last attempt."),
])]
#[command(manual, arity = -3, args = &[
    KEY,
    Shape { children: &[COUNT], ..Shape::word(ArgKind::Block) }.or_absent().arg("full", "FULL"),
])]
pub(super) struct XinfoStream<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    options: Words<'a>,
}

/// Lists the subcommands.
#[derive(Command)]
#[command(name = "xinfo|help", group = Stream, since = "5.0.0", complexity = "O(1)")]
#[command(flags(loading, stale))]
pub(super) struct XinfoHelp;

fn stream<'c>(cx: &'c QueryContext<'_>, key: Key<'_>) -> Result<&'c Stream, CommandError> {
    cx.read::<Stream>(key)?.ok_or(CommandError::NoSuchKey)
}

impl Query for XinfoConsumers<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let stream = stream(cx, self.key)?;
        let group = stream.group(self.group).ok_or_else(|| no_group_of_key(self.key, self.group))?;
        out.array(group.consumer_count());
        for consumer in group.consumers() {
            let since = |ms: i64| cx.now().0.saturating_sub(ms).max(0);
            out.map(4);
            out.bulk(b"name");
            out.bulk(consumer.name());
            out.bulk(b"pending");
            out.integer(consumer.pending_len() as i64);
            out.bulk(b"idle");
            out.integer(since(consumer.seen_ms));
            out.bulk(b"inactive");
            out.integer(consumer.active_ms.map_or(-1, since));
        }
        Ok(())
    }
}

impl Query for XinfoGroups<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let stream = stream(cx, self.key)?;
        out.array(stream.groups().len());
        for (name, group) in stream.groups() {
            out.map(6);
            out.bulk(b"name");
            out.bulk(name);
            out.bulk(b"consumers");
            out.integer(group.consumer_count() as i64);
            out.bulk(b"pending");
            out.integer(group.pending_len() as i64);
            reply_group_counters(stream, group, out);
        }
        Ok(())
    }
}

impl<'a> Parse<'a> for XinfoStream<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, options: words.rest() })
    }
}

impl XinfoStream<'_> {
    /// How much of the stream is shown, if all of it is asked for; 0 for no limit.
    fn full(&self) -> Result<Option<usize>, CommandError> {
        let mut options = self.options;
        if options.is_empty() {
            return Ok(None);
        }
        let fits = matches!(options.len(), 1 | 3) && is_token(options.take()?, "FULL");
        if !fits || !options.is_empty() && !is_token(options.take()?, "COUNT") {
            return Err(subcommand_misused("XINFO", self.options));
        }
        if options.is_empty() {
            return Ok(Some(FULL_COUNT));
        }
        Ok(Some(usize::try_from(integer(&mut options)?).unwrap_or(FULL_COUNT)))
    }
}

impl Query for XinfoStream<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let Some(entry) = cx.peek(self.key) else { return 0 };
        if matches!(self.full(), Ok(Some(0))) {
            return entry.value().elements();
        }
        let said = Stream::of(entry.value()).and_then(Stream::idempotence);
        said.map_or(0, |said| said.producers().len())
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let stream = stream(cx, self.key)?;
        let full = self.full()?;
        let said = stream.idempotence().map_or(0, |_| IDEMPOTENCE_FIELDS);
        out.map(if full.is_some() { 9 } else { 10 } + said);
        reply_counters(stream, out);
        reply_idempotence(stream, cx.now().0, out);
        match full {
            None => {
                out.bulk(b"groups");
                out.integer(stream.groups().len() as i64);
                let ends = [
                    (&b"first-entry"[..], stream.iter().next()),
                    (b"last-entry", stream.range_back(StreamId::MIN, StreamId::MAX).next()),
                ];
                for (name, entry) in ends {
                    out.bulk(name);
                    match entry {
                        Some(entry) => reply_entry(entry, out),
                        None => out.null(),
                    }
                }
            }
            Some(count) => {
                let most = if count == 0 { usize::MAX } else { count };
                out.bulk(b"entries");
                reply_entries(stream.iter(), most, out);
                out.bulk(b"groups");
                reply_full_groups(stream, most, out);
            }
        }
        Ok(())
    }
}

fn reply_counters(stream: &Stream, out: &mut Encoder) {
    let mut number = |name: &[u8], value: usize| {
        out.bulk(name);
        out.integer(value as i64);
    };
    number(b"length", stream.len());
    number(b"radix-tree-keys", stream.block_count());
    number(b"radix-tree-nodes", stream.radix_nodes());
    for (name, id) in
        [(&b"last-generated-id"[..], stream.last_id()), (b"max-deleted-entry-id", stream.max_deleted_id())]
    {
        out.bulk(name);
        reply_id(id, out);
    }
    out.bulk(b"entries-added");
    out.integer(stream.entries_added() as i64);
    out.bulk(b"recorded-first-entry-id");
    reply_id(stream.first_id(), out);
}

/// How many fields tell of producers.
const IDEMPOTENCE_FIELDS: usize = 6;

/// What producers said, of a stream that was ever asked to remember it. (Redis 8.6 tells it of every stream.)
fn reply_idempotence(stream: &Stream, now_ms: i64, out: &mut Encoder) {
    let Some(said) = stream.idempotence() else { return };
    let (producers, messages) = said.live(u64::try_from(now_ms).unwrap_or(0));
    let fields: [(&[u8], u64); IDEMPOTENCE_FIELDS] = [
        (b"idmp-duration", u64::from(said.memory().duration_s)),
        (b"idmp-maxsize", u64::from(said.memory().messages)),
        (b"pids-tracked", producers as u64),
        (b"iids-tracked", messages as u64),
        (b"iids-added", said.added()),
        (b"iids-duplicates", said.duplicates()),
    ];
    for (name, value) in fields {
        out.bulk(name);
        out.integer(value as i64);
    }
}

const HELP: [&str; 9] = [
    "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CONSUMERS <key> <groupname>",
    "    The consumers of the group.",
    "GROUPS <key>",
    "    The groups of the stream.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    The stream itself.",
    "HELP",
    "    These lines.",
];

impl Query for XinfoHelp {
    fn query(&self, _: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_help(&HELP, out);
        Ok(())
    }
}
