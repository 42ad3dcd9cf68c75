//! DUMP and RESTORE: a value as bytes that another server takes.

use spinel_family::spec::{ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape};
use spinel_family::{
    Command, CommandError, CommandSettings, Encoder, EventClass, Key, Parse, Query, QueryContext, Reply,
    Update, UpdateContext, Words, family, is_token,
};
use spinel_rdb::Target;
use spinel_rdb::decode::DecodeContext;
use spinel_rdb::encode::EncodeOptions;
use spinel_rdb::payload::{PayloadError, Verify, dump, restore, what_it_holds};
use spinel_store::{Entry, Keep, Kind, UnixMillis};
use spinel_structs::number::parse_i64;

use super::loading::told_use;

family! {
    /// DUMP and RESTORE.
    pub(crate) static DATA_COMMANDS;
    query Dump,
    update Restore,
    update RestoreAsking,
}

/// Bytes of a payload that take as long as touching one element.
const BYTES_PER_ELEMENT: usize = 64;

/// Returns the value of a key in a form that RESTORE takes, here or at another server.
#[derive(Command)]
#[command(group = Generic, since = "2.6.0", categories(Keyspace), tips("nondeterministic_output"))]
#[command(complexity = "O(N) for a value of N bytes")]
struct Dump<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Dump<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        cx.peek(self.key).map_or(0, |entry| entry.value().elements())
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        match cx.find(self.key) {
            Some(entry) => out.bulk(&dump(entry.value(), options(cx.settings(), entry))),
            None => out.null(),
        }
        Ok(())
    }
}

/// How the payload of an entry is written.
pub(crate) fn options(settings: &CommandSettings, entry: &Entry) -> EncodeOptions {
    let payloads = settings.payloads;
    let has_timed_fields = entry.kind() == Kind::Hash && entry.next_element_expiry().is_some();
    let target = if payloads.is_lowest && has_timed_fields {
        super::EXPIRING
    } else {
        Target::from_number(payloads.version).expect("the settings allow only versions there are")
    };
    EncodeOptions { compression: payloads.compression, target, is_lowest: payloads.is_lowest }
}

/// Creates a key with a value that DUMP gave, here or at another server.
#[derive(Command)]
#[command(group = Generic, since = "2.6.0", flags(denyoom), categories(Keyspace, Dangerous))]
#[command(complexity = "O(N) for a payload of N bytes, O(N*log(N)) for a sorted set of N members")]
#[command(manual, arity = -4, keys = KEYS, args = ARGS, history = HISTORY)]
struct Restore<'a> {
    key: Key<'a>,
    ttl: &'a [u8],
    payload: &'a [u8],
    options: RestoreOptions,
}

/// As `RESTORE`, sent by servers that move slots of a cluster to each other.
#[derive(Command)]
#[command(name = "restore-asking", group = Server, since = "3.0.0", flags(denyoom, asking))]
#[command(categories(Keyspace, Dangerous), doc_flags(Syscmd))]
#[command(complexity = "O(N) for a payload of N bytes, O(N*log(N)) for a sorted set of N members")]
#[command(manual, arity = -4, keys = KEYS, args = ARGS, history = HISTORY)]
struct RestoreAsking<'a> {
    #[arg(hidden)]
    restore: Restore<'a>,
}

const KEYS: &[KeySpec] = &[KeySpec {
    flags: KeyFlags::OW.with(KeyFlags::UPDATE),
    begin: Begin::Index(1),
    find: Find::Range { last: 0, step: 1, limit: 0 },
    notes: "",
}];

const ARGS: &[ArgSpec] = &[
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") },
    Shape::word(ArgKind::Integer).arg("ttl", ""),
    Shape::word(ArgKind::String).arg("serialized-value", ""),
    ArgSpec { since: "3.0.0", ..Shape::word(ArgKind::PureToken).or_absent().arg("replace", "REPLACE") },
    ArgSpec { since: "5.0.0", ..Shape::word(ArgKind::PureToken).or_absent().arg("absttl", "ABSTTL") },
    ArgSpec { since: "5.0.0", ..Shape::word(ArgKind::Integer).or_absent().arg("seconds", "IDLETIME") },
    ArgSpec { since: "5.0.0", ..Shape::word(ArgKind::Integer).or_absent().arg("frequency", "FREQ") },
];

const HISTORY: &[(&str, &str)] = &[
    ("3.0.0", "The word `REPLACE` was added."),
    ("5.0.0", "The word `ABSTTL` was added."),
    ("5.0.0", "The options `IDLETIME` and `FREQ` were added."),
];

#[derive(Clone, Copy, Default)]
struct RestoreOptions {
    replace: bool,
    absolute: bool,
    idle_seconds: Option<u64>,
    frequency: Option<u8>,
}

impl RestoreOptions {
    fn parse(words: &mut Words<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        while let Ok(word) = words.take() {
            if is_token(word, "REPLACE") {
                options.replace = true;
            } else if is_token(word, "ABSTTL") {
                options.absolute = true;
            } else if is_token(word, "IDLETIME") && !words.is_empty() && options.frequency.is_none() {
                let seconds = read_integer(words.take()?)?;
                options.idle_seconds = Some(
                    u64::try_from(seconds)
                        .map_err(|_| CommandError::text("ERR Invalid IDLETIME value, must be >= 0"))?,
                );
            } else if is_token(word, "FREQ") && !words.is_empty() && options.idle_seconds.is_none() {
                let frequency = u8::try_from(read_integer(words.take()?)?)
                    .map_err(|_| CommandError::text("ERR Invalid FREQ value, must be >= 0 and <= 255"))?;
                options.frequency = Some(frequency);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }
}

fn read_integer(word: &[u8]) -> Result<i64, CommandError> {
    parse_i64(word).ok_or(CommandError::NotInteger)
}

impl<'a> Parse<'a> for Restore<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (key, ttl, payload) = (words.key()?, words.take()?, words.take()?);
        Ok(Self { key, ttl, payload, options: RestoreOptions::parse(words)? })
    }
}

impl<'a> Parse<'a> for RestoreAsking<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { restore: Restore::parse(words)? })
    }
}

impl Restore<'_> {
    /// When the key will expire.
    fn expiry(&self, now: UnixMillis) -> Result<Option<UnixMillis>, CommandError> {
        let ttl = read_integer(self.ttl)?;
        match ttl {
            0 => Ok(None),
            ..0 => Err(CommandError::text("ERR Invalid TTL value, must be >= 0")),
            _ if self.options.absolute => Ok(Some(UnixMillis(ttl))),
            // As in Redis: what is too far in the future is long past.
            _ => Ok(Some(UnixMillis(now.0.wrapping_add(ttl)))),
        }
    }

    /// What the journal records: the same with a time that does not depend on when it is read.
    fn propagate(&self, cx: &mut UpdateContext<'_>, expiry: UnixMillis) {
        let at = expiry.0.to_string();
        let mut words: Vec<&[u8]> = vec![b"RESTORE", self.key.bytes, at.as_bytes(), self.payload];
        let idle = self.options.idle_seconds.map(|seconds| seconds.to_string());
        if self.options.replace {
            words.push(b"REPLACE");
        }
        let frequency = self.options.frequency.map(|count| count.to_string());
        if let Some(seconds) = &idle {
            words.extend([b"IDLETIME".as_slice(), seconds.as_bytes()]);
        }
        if let Some(count) = &frequency {
            words.extend([b"FREQ".as_slice(), count.as_bytes()]);
        }
        words.push(b"ABSTTL");
        cx.propagate_as(words);
    }
}

impl Update for Restore<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.payload.len() / BYTES_PER_ELEMENT
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let now = cx.now();
        if !self.options.replace && cx.find_mut(self.key).is_some() {
            return Err(CommandError::text("BUSYKEY Target key name already exists."));
        }
        let expiry = self.expiry(now)?;
        let value = {
            let settings = cx.settings();
            let verify = if settings.payloads.verify_checksum { Verify::Checksum } else { Verify::Nothing };
            let context = DecodeContext { limits: &settings.encodings, hash_key: cx.hash_key() };
            restore(self.payload, verify, context)
        };
        let value = value.map_err(|error| {
            if let PayloadError::Value(error) = &error {
                let what = what_it_holds(self.payload);
                cx.effects().remarks.push(format!("Payload refused: {what} {error}"));
            }
            CommandError::quoting("ERR ", error.to_string().as_bytes(), "")
        })?;
        let was_there = self.options.replace && cx.remove(self.key);
        if expiry.is_some_and(|at| at <= now) {
            if was_there {
                cx.propagate_as([b"DEL", self.key.bytes]);
                cx.changed(self.key, EventClass::Generic, "del");
            }
            out.ok();
            return Ok(());
        }
        value.into_new(|value| cx.put(self.key, value, Keep::Replace(expiry)));
        let told = (self.options.idle_seconds, self.options.frequency);
        if let Some(access) = told_use(cx.settings().recording, told, now)
            && let Some(entry) = cx.find_mut(self.key)
        {
            entry.touch(access);
        }
        if let Some(at) = expiry
            && !self.options.absolute
        {
            self.propagate(cx, at);
        }
        cx.changed(self.key, EventClass::Generic, "restore");
        out.ok();
        Ok(())
    }
}

impl Update for RestoreAsking<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.restore.cost(cx)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        self.restore.update(cx, out)
    }
}
