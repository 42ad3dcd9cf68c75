//! MIGRATE: keys go to another server, and from here.
//!
//! ```text
//! loop:    lock ─ share the values ─ unlock
//! thread:                                    connect, RESTORE ... ─ replies ─ lock ─ delete what was taken ─ unlock
//! ```
//!
//! While keys are on their way others read them; who wants to change one waits. A key that has become another one all the
//! same (a transaction, FLUSHALL, its time has come) is not deleted. As each MIGRATE waits for the network, it is not
//! taken into a transaction.

mod exchange;
#[cfg(test)]
mod tests;
mod transfer;

use std::sync::Arc;
use std::time::Duration;

use spinel_family::spec::{ArgFlags, ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec};
use spinel_family::{Args, Command, CommandError, Encoder, Parse, UpdateContext, Words, is_token};
use spinel_structs::number::parse_i64;

pub use self::exchange::Link;
use self::transfer::{Parcel, Transfer};
use crate::arguments::{argument, multiple, one_of, optional, token};
use crate::data::{ShardSet, hold_to_write_beside, normalise};
use crate::persistence::{Asker, Wish};
use crate::session::{SessionCommand, SessionContext, session_commands};
use crate::{Flow, apart};

session_commands! {
    /// MIGRATE.
    pub(crate) static COMMANDS;
    session Migrate,
}

/// Whether a word of a call is a secret: what follows AUTH and AUTH2.
pub(crate) fn is_secret(args: Args<'_>, at: usize) -> bool {
    let follows = |distance: usize, token: &str| {
        at > 5 + distance && args.get(at - distance).is_some_and(|word| is_token(word, token))
    };
    follows(1, "AUTH") || follows(1, "AUTH2") || follows(2, "AUTH2")
}

/// The place of the word KEYS in a call, if it is there: then the keys stand behind it, and there only.
pub(crate) fn place_of_keys(args: Args<'_>) -> Option<usize> {
    (6..args.len()).find(|&at| !is_secret(args, at) && is_token(args.at(at), "KEYS"))
}

/// How long each step may take if the client says 0 or less.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

const MOVED: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE);

const KEYS: &[KeySpec] = &[
    KeySpec {
        flags: MOVED,
        begin: Begin::Index(3),
        find: Find::Range { last: 0, step: 1, limit: 0 },
        notes: "",
    },
    KeySpec {
        flags: MOVED.with(KeyFlags::INCOMPLETE),
        begin: Begin::Keyword { word: "KEYS", start_from: -2 },
        find: Find::Range { last: -1, step: 1, limit: 0 },
        notes: "",
    },
];

const ARGS: &[ArgSpec] = &[
    argument("host", ArgKind::String, ""),
    argument("port", ArgKind::Integer, ""),
    one_of(
        "key_or_empty_string",
        "",
        &[ArgSpec { key_spec: Some(0), ..argument("key", ArgKind::Key, "") }, token("empty_string", "")],
    ),
    argument("destination-db", ArgKind::Integer, ""),
    argument("timeout", ArgKind::Integer, ""),
    optional("3.0.0", token("copy", "COPY")),
    optional("3.0.0", token("replace", "REPLACE")),
    optional(
        "",
        one_of(
            "authentication",
            "",
            &[
                optional("4.0.7", argument("password", ArgKind::String, "AUTH")),
                optional(
                    "6.0.0",
                    ArgSpec {
                        children: &[
                            argument("username", ArgKind::String, ""),
                            argument("password", ArgKind::String, ""),
                        ],
                        ..argument("username_password", ArgKind::Block, "AUTH2")
                    },
                ),
            ],
        ),
    ),
    optional(
        "3.0.6",
        multiple(ArgSpec {
            key_spec: Some(1),
            flags: ArgFlags { optional: true, multiple: true, multiple_token: false },
            ..argument("key", ArgKind::Key, "KEYS")
        }),
    ),
];

const HISTORY: &[(&str, &str)] = &[
    ("3.0.0", "The words `COPY` and `REPLACE` were added."),
    ("3.0.6", "The option `KEYS` was added."),
    ("4.0.7", "The option `AUTH` was added."),
    ("6.0.0", "The option `AUTH2` was added."),
];

/// Moves keys to another server.
#[derive(Command)]
#[command(group = Generic, since = "2.6.0", flags(write, no_multi), categories(Keyspace, Dangerous))]
#[command(complexity = "O(N) for N bytes of values, here and there, and on the way between")]
#[command(manual, arity = -6, keys = KEYS, args = ARGS, history = HISTORY, tips("nondeterministic_output"))]
struct Migrate<'a> {
    host: &'a [u8],
    port: &'a [u8],
    database: i64,
    timeout: Duration,
    copies: bool,
    replaces: bool,
    /// The words of AUTH.
    credentials: Vec<&'a [u8]>,
    keys: Vec<&'a [u8]>,
}

impl<'a> Parse<'a> for Migrate<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (host, port, key) = (words.take()?, words.take()?, words.take()?);
        let (database, timeout) = (words.take()?, words.take()?);
        let (mut copies, mut replaces) = (false, false);
        let (mut credentials, mut keys) = (Vec::new(), vec![key]);
        while let Ok(word) = words.take() {
            if is_token(word, "COPY") {
                copies = true;
            } else if is_token(word, "REPLACE") {
                replaces = true;
            } else if is_token(word, "AUTH") {
                credentials = vec![words.take()?];
            } else if is_token(word, "AUTH2") {
                credentials = vec![words.take()?, words.take()?];
            } else if is_token(word, "KEYS") {
                if !key.is_empty() {
                    return Err(CommandError::text(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                    ));
                }
                keys.clear();
                while let Ok(word) = words.take() {
                    keys.push(word);
                }
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let timeout_ms = parse_i64(timeout).ok_or(CommandError::NotInteger)?;
        let database = parse_i64(database).ok_or(CommandError::NotInteger)?;
        let timeout = match u64::try_from(timeout_ms) {
            Ok(0) | Err(_) => DEFAULT_TIMEOUT,
            Ok(ms) => Duration::from_millis(ms),
        };
        Ok(Self { host, port, database, timeout, copies, replaces, credentials, keys })
    }
}

impl SessionCommand for Migrate<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let engine = Arc::clone(cx.worker.engine());
        let mut shards: ShardSet =
            self.keys.iter().map(|key| engine.keyspace.shard_of(engine.keyspace.key(key).hash)).collect();
        normalise(&mut shards);
        let held = match hold_to_write_beside(&engine.keyspace, shards) {
            Ok(held) => held,
            Err(taken) => return Ok(cx.worker.park(cx.session, taken)),
        };
        let command = crate::registry::REGISTRY.find(b"migrate").expect("it runs");
        let held = match cx.worker.make_ready(cx.session, held, [(command, cx.args)]) {
            Ok(held) => held,
            Err(flow) => return Ok(flow),
        };
        let (options, mut parcels) = (cx.worker.options(cx.session), Vec::new());
        drop(cx.worker.with_update_as(held, options, |update| parcels = self.take_parcels(update)));
        engine.keyspace.wake_missed();
        if parcels.is_empty() {
            out.simple("NOKEY");
            return Ok(Flow::Continue);
        }
        let asker = Asker::new(cx, Wish::Saved, b"migrate");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let transfer = Transfer {
            host: text(self.host),
            port: text(self.port),
            database: self.database,
            timeout: self.timeout,
            copies: self.copies,
            replaces: self.replaces,
            credentials: self.credentials.iter().map(|&word| word.into()).collect(),
            options,
            parcels,
        };
        if transfer.begin(&engine, asker).is_err() {
            return Err(CommandError::text("ERR no thread to be had for the transfer"));
        }
        cx.session.moved = true;
        Ok(Flow::Waiting)
    }
}

impl Migrate<'_> {
    /// Shares the values of the keys that are there; writers of these keys wait from now on.
    fn take_parcels(&self, cx: &mut UpdateContext<'_>) -> Vec<Parcel> {
        let (db, keyspace) = (cx.db(), cx.held().keyspace());
        let mut parcels: Vec<Parcel> = Vec::new();
        for &bytes in &self.keys {
            let key = keyspace.key(bytes);
            if cx.find(key).is_none() {
                continue;
            }
            let shard = cx.held_mut().shard_mut(key.hash);
            let Some(entry) = shard.db_mut(db).find_mut(key) else { continue };
            let entry = entry.share();
            let reading = apart::Reading::begin(shard, db, key.hash);
            parcels.push(Parcel { entry, reading });
        }
        cx.settle(|| self.keys.iter().map(|bytes| keyspace.key(bytes)));
        parcels
    }
}
