//! `XGROUP CREATE | CREATECONSUMER | DELCONSUMER | DESTROY | HELP | SETID`

use spinel_family::spec::{ArgKind, ArgSpec, KeyFlags};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Query, QueryContext, Reply, Update,
    UpdateContext, Words, is_token, printed,
};
use spinel_store::{OwnedValue, Stream};
use spinel_structs::stream::{Consumer, Group, StreamId};

use super::arguments::{ID, KEY, choice, group, id, integer, key_at, option, token, word};
use super::groups::{no_group_of_key, reply_help, subcommand_misused};

const NO_KEY: CommandError = CommandError::text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);
const GROUP_EXISTS: CommandError = CommandError::text("BUSYGROUP Consumer Group name already exists");
const READ_NEGATIVE: CommandError = CommandError::text("ERR value for ENTRIESREAD must be positive or -1");

const GROUPNAME: ArgSpec = word("groupname", ArgKind::String);
const CONSUMERNAME: ArgSpec = word("consumername", ArgKind::String);
const ID_OR_NEW: ArgSpec = group(ArgKind::OneOf, "id", &[ID, choice("new_id", "$")]);
const ENTRIES_READ: ArgSpec = option("entries_read", "ENTRIESREAD", ArgKind::Integer);

/// Manages the groups of streams.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", complexity = "Depends on the subcommand", arity = -2, manual)]
pub(super) struct Xgroup;

/// Creates a group.
#[derive(Command)]
#[command(name = "xgroup|create", group = Stream, since = "5.0.0", complexity = "O(1)", flags(denyoom))]
#[command(history = &[("7.0.0", "The option `ENTRIESREAD`.")])]
#[command(manual, arity = -5, keys = &[key_at(2, KeyFlags::RW.with(KeyFlags::INSERT), "")])]
#[command(args = &[KEY, GROUPNAME, ID_OR_NEW, token("mkstream", "MKSTREAM"), ENTRIES_READ])]
pub(super) struct XgroupCreate<'a> {
    start: Start<'a>,
}

/// Sets how far a group has come.
#[derive(Command)]
#[command(name = "xgroup|setid", group = Stream, since = "5.0.0", complexity = "O(1)")]
#[command(history = &[("7.0.0", "The option `ENTRIESREAD`.")])]
#[command(manual, arity = -5, keys = &[key_at(2, KeyFlags::RW.with(KeyFlags::UPDATE), "")])]
#[command(args = &[KEY, GROUPNAME, ID_OR_NEW, ENTRIES_READ])]
pub(super) struct XgroupSetid<'a> {
    start: Start<'a>,
}

/// Removes a group.
#[derive(Command)]
#[command(name = "xgroup|destroy", group = Stream, since = "5.0.0", complexity = "O(N) for N pending entries")]
pub(super) struct XgroupDestroy<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    #[arg(name = "groupname")]
    group: &'a [u8],
}

/// Creates a consumer in a group.
#[derive(Command)]
#[command(name = "xgroup|createconsumer", group = Stream, since = "6.2.0", complexity = "O(1)", flags(denyoom))]
pub(super) struct XgroupCreateconsumer<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    #[arg(name = "groupname")]
    group: &'a [u8],
    #[arg(name = "consumername")]
    consumer: &'a [u8],
}

/// Removes a consumer, and with it what is pending for it.
#[derive(Command)]
#[command(name = "xgroup|delconsumer", group = Stream, since = "5.0.0", complexity = "O(N) for N pending entries")]
#[command(manual, arity = 5, args = &[KEY, GROUPNAME, CONSUMERNAME])]
pub(super) struct XgroupDelconsumer<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    group: &'a [u8],
    consumer: &'a [u8],
}

/// Lists the subcommands.
#[derive(Command)]
#[command(name = "xgroup|help", group = Stream, since = "5.0.0", complexity = "O(1)")]
#[command(flags(loading, stale))]
pub(super) struct XgroupHelp;

/// Where a group begins to read.
struct Start<'a> {
    key: Key<'a>,
    group: &'a [u8],
    id: &'a [u8],
    make_stream: bool,
    entries_read: Option<i64>,
    /// All words after the key.
    words: Words<'a>,
}

impl<'a> Start<'a> {
    fn parse(words: &mut Words<'a>, creates: bool) -> Result<Self, CommandError> {
        let key = words.key()?;
        let all = *words;
        let (group, id) = (words.take()?, words.take()?);
        let mut start = Self { key, group, id, make_stream: false, entries_read: None, words: all };
        while let Ok(name) = words.take() {
            if creates && is_token(name, "MKSTREAM") {
                start.make_stream = true;
            } else if is_token(name, "ENTRIESREAD") && !words.is_empty() {
                let read = integer(words)?;
                if read < -1 {
                    return Err(READ_NEGATIVE);
                }
                start.entries_read = (read != -1).then_some(read);
            } else {
                return Err(subcommand_misused("XGROUP", all));
            }
        }
        Ok(start)
    }

    /// There are not more words than the options need once.
    fn check_len(&self, most: usize) -> Result<(), CommandError> {
        if self.words.len() > most { Err(subcommand_misused("XGROUP", self.words)) } else { Ok(()) }
    }
}

impl<'a> Parse<'a> for XgroupCreate<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { start: Start::parse(words, true)? })
    }
}

impl<'a> Parse<'a> for XgroupSetid<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { start: Start::parse(words, false)? })
    }
}

impl<'a> Parse<'a> for XgroupDelconsumer<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, group: words.take()?, consumer: words.take()? })
    }
}

impl Update for XgroupCreate<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let Start { key, group, entries_read, make_stream, .. } = self.start;
        let last_id = cx.write::<Stream>(key)?.map(|stream| stream.last_id());
        if last_id.is_none() && !make_stream {
            return Err(NO_KEY);
        }
        self.start.check_len(5)?;
        let id = match printed(self.start.id) {
            b"$" => last_id.unwrap_or_default(),
            _ => id(self.start.id, 0)?,
        };
        cx.count_no_more_uses();
        let stream = cx.write_or_create::<Stream>(key)?;
        let created = stream.create_group(group, Group::new(id, entries_read));
        if last_id.is_none() {
            cx.touch_watchers(key);
        }
        if !created {
            return Err(GROUP_EXISTS);
        }
        cx.notify(EventClass::Stream, "xgroup-create", key);
        cx.add_dirty(1);
        out.ok();
        Ok(())
    }
}

/// The stream of a group that must be there, to change.
fn with_group<'c>(
    cx: &'c mut UpdateContext<'_>,
    key: Key<'_>,
    group: &[u8],
) -> Result<&'c mut Stream, CommandError> {
    let stream = cx.write::<Stream>(key)?.ok_or(NO_KEY)?;
    if stream.group(group).is_none() {
        return Err(no_group_of_key(key, group));
    }
    Ok(stream)
}

impl Update for XgroupSetid<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let Start { key, group, entries_read, .. } = self.start;
        let stream = with_group(cx, key, group)?;
        self.start.check_len(4)?;
        let last_id = match printed(self.start.id) {
            b"$" => stream.last_id(),
            b"-" => StreamId::MIN,
            b"+" => StreamId::MAX,
            _ => id(self.start.id, 0)?,
        };
        if let Some(group) = stream.group_mut(group) {
            group.last_id = last_id;
            group.entries_read = entries_read;
        }
        cx.notify(EventClass::Stream, "xgroup-setid", key);
        cx.add_dirty(1);
        out.ok();
        Ok(())
    }
}

impl Update for XgroupDestroy<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let stream = cx.write::<Stream>(self.key)?.ok_or(NO_KEY)?;
        let Some(group) = stream.remove_group(self.group) else {
            out.integer(0);
            return Ok(());
        };
        cx.discard(OwnedValue::Stream(Box::new(Stream::of_group(group))));
        cx.notify(EventClass::Stream, "xgroup-destroy", self.key);
        cx.add_dirty(1);
        // Who waits for the group hears that it is gone.
        cx.signal(self.key);
        out.integer(1);
        Ok(())
    }
}

impl Update for XgroupCreateconsumer<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let now_ms = cx.clock_time().0;
        let stream = with_group(cx, self.key, self.group)?;
        let created = stream.group_mut(self.group).and_then(|group| group.create(self.consumer, now_ms));
        if created.is_some() {
            cx.add_dirty(1);
            cx.notify(EventClass::Stream, "xgroup-createconsumer", self.key);
        }
        out.integer(i64::from(created.is_some()));
        Ok(())
    }
}

impl Update for XgroupDelconsumer<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let stream = cx.peek(self.key).and_then(|entry| <Stream as spinel_store::Typed>::of(entry.value()));
        let group = stream.and_then(|stream| stream.group(self.group));
        let consumer = group.and_then(|group| group.find(self.consumer).map(|id| group.consumer(id)));
        consumer.map_or(0, Consumer::pending_len)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let stream = with_group(cx, self.key, self.group)?;
        let pending = stream.group_mut(self.group).and_then(|group| group.remove(self.consumer));
        if pending.is_some() {
            cx.add_dirty(1);
            cx.notify(EventClass::Stream, "xgroup-delconsumer", self.key);
        }
        out.integer(pending.unwrap_or(0) as i64);
        Ok(())
    }
}

const HELP: [&str; 17] = [
    "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CREATE <key> <groupname> <id|$> [option]",
    "    Makes a group. The options:",
    "    * MKSTREAM",
    "      Makes the stream, too, if there is none.",
    "    * ENTRIESREAD entries_read",
    "      How many entries the group has read already.",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Makes a consumer in the group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Removes the consumer.",
    "DESTROY <key> <groupname>",
    "    Removes the group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Sets how far the group has come.",
    "HELP",
    "    These lines.",
];

impl Query for XgroupHelp {
    fn query(&self, _: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_help(&HELP, out);
        Ok(())
    }
}
