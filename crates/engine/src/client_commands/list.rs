//! `CLIENT LIST` and `CLIENT INFO`: one line of `field=value` words for each connection.
//!
//! Fields and their order are those of Redis 7.0.15, then `lib-name` and `lib-ver` of 7.2. The figures of other
//! connections are what their workers wrote down at the end of their last turn.

use std::io::Write;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use spinel_family::spec::{ArgKind, ArgSpec};
use spinel_family::{Command, CommandError, Encoder, Many, UnixMillis, is_token};
use spinel_structs::number::parse_i64;

use super::filters::{Filters, Purpose, is_filter, with_newer};
use crate::arguments::{argument, multiple, one_of, optional, token};
use crate::clients::{Client, ClientFlags, counted_output};
use crate::registry::REGISTRY;
use crate::session::{SessionCommand, SessionContext};
use crate::{ClientId, Engine, Flow};

/// Tells what there is to know about this connection.
#[derive(Command)]
#[command(name = "client|info", group = Connection, since = "6.2.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale), tips("nondeterministic_output"))]
pub(super) struct ClientInfo {}

impl SessionCommand for ClientInfo {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        note_oneself(cx);
        let mut text = Vec::new();
        describe(&cx.session.client, cx.worker.now(), &mut text);
        out.verbatim("txt", &text);
        Ok(Flow::Continue)
    }
}

/// Tells what there is to know about all connections, or about those chosen by filters.
#[derive(Command)]
#[command(name = "client|list", group = Connection, since = "2.4.0", complexity = "O(N) where N is the number of client connections")]
#[command(flags(admin, noscript, loading, stale), tips("nondeterministic_output"))]
#[command(history = &[
    ("2.8.12", "The number of each client is told."),
    ("5.0.0", "Clients of one type can be asked for."),
    ("6.0.0", "The user is told."),
    ("6.2.0", "Memory, local address and redirection are told; clients can be asked for by number."),
    ("7.0.0", "Protocol, memory of transactions and reply buffers are told."),
    ("7.0.3", "The count of shard channels is told."),
    ("9.0.0", "The filters of `CLIENT KILL`."),
])]
#[command(args = &ARGUMENTS)]
pub(super) struct ClientList<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

const ARGUMENTS: [ArgSpec; 27] = with_newer(&[
    optional(
        "5.0.0",
        one_of(
            "normal_master_replica_pubsub",
            "TYPE",
            &[
                token("normal", "NORMAL"),
                token("master", "MASTER"),
                token("replica", "REPLICA"),
                token("pubsub", "PUBSUB"),
            ],
        ),
    ),
    optional(
        "6.2.0",
        ArgSpec {
            children: &[multiple(argument("client-id", ArgKind::Integer, ""))],
            ..argument("id", ArgKind::Block, "ID")
        },
    ),
    optional("9.0.0", argument("username", ArgKind::String, "USER")),
    optional("9.0.0", argument("ip:port", ArgKind::String, "ADDR")),
    optional("9.0.0", argument("ip:port", ArgKind::String, "LADDR")),
    optional("9.0.0", argument("yes/no", ArgKind::String, "SKIPME")),
    optional("9.0.0", argument("maxage", ArgKind::Integer, "MAXAGE")),
]);

impl SessionCommand for ClientList<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        note_oneself(cx);
        let now = cx.worker.now();
        let clients = &cx.engine().clients;
        let words: Vec<&[u8]> = self.words.iter().flat_map(Many::items).collect();
        let mut text = Vec::new();
        match *words {
            [] => clients.list().iter().for_each(|client| describe(client, now, &mut text)),
            [_] => return Err(CommandError::Syntax),
            // Numbers alone, as in Redis 7.0: in the order in which they are given.
            [name, ref ids @ ..] if is_token(name, "ID") && !ids.iter().any(|word| is_filter(word)) => {
                for id in ids {
                    let id = parse_i64(id).ok_or(CommandError::text("ERR Invalid client ID"))?;
                    if let Some(client) = u64::try_from(id).ok().and_then(|id| clients.get(ClientId(id))) {
                        describe(&client, now, &mut text);
                    }
                }
            }
            _ => {
                let filters = Filters::parse(&words, Purpose::List, cx.engine().keyspace.databases())?;
                let is_spared = |id: ClientId| filters.spares_caller && id == cx.session.id();
                let all = clients.list();
                let chosen = all.iter().filter(|client| filters.fit(client, now) && !is_spared(client.id));
                chosen.for_each(|client| describe(client, now, &mut text));
            }
        }
        out.verbatim("txt", &text);
        Ok(Flow::Continue)
    }
}

/// The running command is its client's last one unless EXEC runs it, and its words count as memory of the client.
fn note_oneself(cx: &SessionContext<'_>) {
    let command = if cx.in_exec { REGISTRY.find(b"exec") } else { cx.engine().lookup(cx.args) };
    cx.session.client.note_command(command);
    cx.session.client.argument_bytes.store(cx.args.bytes_len() as u64, Relaxed);
}

/// Appends the line of one client.
fn describe(client: &Client, now: UnixMillis, text: &mut Vec<u8>) {
    let name = client.name.lock().unwrap_or_else(PoisonError::into_inner);
    describe_as(client, (&name, b"default"), now, text);
}

/// What stands in the log for what users said.
const REDACTED: &[u8] = b"*redacted*";

impl Engine {
    /// The line of one client for the log, without the names that users chose if `hide-user-data-from-log` says so.
    pub fn describe_for_log(&self, client: &Client) -> String {
        let (now, mut text) = (self.clock.unix_millis(), Vec::new());
        if self.settings().log.hides_user_data {
            describe_as(client, (REDACTED, REDACTED), now, &mut text);
        } else {
            describe(client, now, &mut text);
        }
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }
}

/// Appends the line of one client, of this name and user.
fn describe_as(client: &Client, (name, user): (&[u8], &[u8]), now: UnixMillis, text: &mut Vec<u8>) {
    let seconds_since = |ms: i64| (now.0 - ms).max(0) / 1000;
    let endpoint = &client.endpoint;
    let write = |text: &mut Vec<u8>, words: std::fmt::Arguments<'_>| {
        text.write_fmt(words).expect("a vector takes any number of bytes");
    };
    let queued_bytes = client.queued_bytes.load(Relaxed);
    let argument_bytes = client.argument_bytes.load(Relaxed);
    write(
        text,
        format_args!(
            "id={} addr={} laddr={} fd={} name=",
            client.id.0, endpoint.peer, endpoint.local, endpoint.fd
        ),
    );
    text.extend_from_slice(name);
    write(
        text,
        format_args!(
            " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={}",
            seconds_since(client.created_ms),
            seconds_since(client.last_active_ms.load(Relaxed)),
            flag_letters(client),
            client.db.load(Relaxed),
            client.channels.load(Relaxed),
            client.patterns.load(Relaxed),
            client.shard_channels.load(Relaxed),
            client.queued.load(Relaxed),
        ),
    );
    write(
        text,
        format_args!(
            " qbuf={} qbuf-free={} argv-mem={argument_bytes} multi-mem={queued_bytes} rbs={} rbp={}",
            client.query_bytes.load(Relaxed),
            client.query_room.load(Relaxed),
            client.reply_room.load(Relaxed),
            client.reply_peak.load(Relaxed),
        ),
    );
    let output = client.output_bytes.load(Relaxed);
    let counted = counted_output(output);
    let total = client.total_bytes.load(Relaxed) + argument_bytes;
    write(
        text,
        format_args!(
            " obl={} oll={} omem={counted} tot-mem={total} events={} cmd={} user={} redir=-1 resp={}",
            output - counted,
            u8::from(counted > 0),
            if output > 0 { "rw" } else { "r" },
            last_command(client),
            user.escape_ascii(),
            client.protocol.load(Relaxed),
        ),
    );
    let library = client.library.lock().unwrap_or_else(PoisonError::into_inner);
    text.extend_from_slice(b" lib-name=");
    text.extend_from_slice(&library.0);
    text.extend_from_slice(b" lib-ver=");
    text.extend_from_slice(&library.1);
    text.push(b'\n');
}

fn last_command(client: &Client) -> &'static str {
    client.last_command().map_or("NULL", |command| REGISTRY.get(command.seen_as).spec.name)
}

/// The letters of a client's flags; `N` if it has none.
pub(super) fn flag_letters(client: &Client) -> String {
    let ClientFlags { blocked, in_multi, monitor, subscriber, no_evict, no_touch, closing } = &client.flags;
    let letters: String = [
        (monitor.load(Relaxed), 'O'),
        (subscriber.load(Relaxed), 'P'),
        (in_multi.load(Relaxed), 'x'),
        (blocked.load(Relaxed), 'b'),
        (client.watch_is_broken(), 'd'),
        (closing.load(Relaxed), 'c'),
        (client.endpoint.unix, 'U'),
        (no_evict.load(Relaxed), 'e'),
        (no_touch.load(Relaxed), 'T'),
    ]
    .into_iter()
    .filter_map(|(is_set, letter)| is_set.then_some(letter))
    .collect();
    if letters.is_empty() { "N".to_owned() } else { letters }
}
