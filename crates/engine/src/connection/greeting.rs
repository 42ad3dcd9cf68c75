//! HELLO, AUTH, RESET.

use std::sync::atomic::Ordering;

use spinel_family::spec::{ArgKind, ArgSpec};
use spinel_family::{Block, Command, CommandError, Encoder, Lazy, Protocol};

use crate::arguments::{argument, optional};
use crate::session::{ReplyMode, Session, SessionCommand, SessionContext};
use crate::{Flow, REDIS_VERSION, Worker};

const WRONG_PASSWORD: CommandError =
    CommandError::text("WRONGPASS invalid username-password pair or user is disabled.");

/// Compares without telling by its duration how many bytes were right.
fn same_secret(a: &[u8], b: &[u8]) -> bool {
    let mut differences = a.len() ^ b.len();
    for (i, byte) in a.iter().enumerate() {
        differences |= usize::from(byte ^ b.get(i).copied().unwrap_or_default());
    }
    differences == 0
}

impl Worker {
    fn authenticate(&self, session: &mut Session, user: &[u8], password: &[u8]) -> Result<(), CommandError> {
        let required = &self.published.settings.security.requirepass;
        if user == b"default" && (required.is_empty() || same_secret(password, required)) {
            session.authenticated = true;
            return Ok(());
        }
        self.engine.stats.auth_failures.fetch_add(1, Ordering::Relaxed);
        Err(WRONG_PASSWORD)
    }
}

/// Gives the password of this connection.
#[derive(Command)]
#[command(group = Connection, since = "1.0.0", complexity = "O(N) where N is the number of passwords defined for the user")]
#[command(flags(noscript, loading, stale, fast, no_auth, allow_busy))]
#[command(history = &[("6.0.0", "A user's name can be given.")])]
#[command(args = &[
    optional("6.0.0", argument("username", ArgKind::String, "")),
    argument("password", ArgKind::String, ""),
])]
pub(super) struct Auth<'a> {
    #[arg(hidden)]
    first: &'a [u8],
    #[arg(hidden, trailing)]
    second: Option<&'a [u8]>,
}

impl SessionCommand for Auth<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let (user, password): (&[u8], _) = match self.second {
            Some(password) => (self.first, password),
            None if cx.worker.settings().security.requirepass.is_empty() => {
                return Err(CommandError::text(
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
                ));
            }
            None => (b"default", self.first),
        };
        cx.worker.authenticate(cx.session, user, password)?;
        out.ok();
        Ok(Flow::Continue)
    }
}

#[derive(Block)]
struct Credentials<'a> {
    username: &'a [u8],
    password: &'a [u8],
}

const HELLO_ARGUMENTS: &[ArgSpec] = &[optional(
    "",
    ArgSpec {
        children: &[
            argument("protover", ArgKind::Integer, ""),
            optional(
                "",
                ArgSpec {
                    children: &[
                        argument("username", ArgKind::String, ""),
                        argument("password", ArgKind::String, ""),
                    ],
                    ..argument("username_password", ArgKind::Block, "AUTH")
                },
            ),
            optional("", argument("clientname", ArgKind::String, "SETNAME")),
        ],
        ..argument("arguments", ArgKind::Block, "")
    },
)];

/// Says hello: chooses the protocol, and may give password and name.
#[derive(Command)]
#[command(group = Connection, since = "6.0.0", complexity = "O(1)", arity = -1, manual)]
#[command(flags(noscript, loading, stale, fast, no_auth, allow_busy), args = HELLO_ARGUMENTS)]
#[command(history = &[("6.2.0", "Without a version, the present state is told.")])]
pub(super) struct Hello<'a> {
    #[arg(trailing)]
    protover: Option<Lazy<'a, i64>>,
    #[arg(token = "AUTH", name = "username_password")]
    auth: Option<Credentials<'a>>,
    #[arg(token = "SETNAME")]
    clientname: Option<&'a [u8]>,
}

impl<'a> spinel_family::Parse<'a> for Hello<'a> {
    fn parse(words: &mut spinel_family::Words<'a>) -> Result<Self, CommandError> {
        use spinel_family::{Field, is_token};
        let mut hello = Self { protover: None, auth: None, clientname: None };
        if words.is_empty() {
            return Ok(hello);
        }
        let version: Lazy<'a, i64> = Field::parse(words)?;
        let number = version
            .get()
            .map_err(|_| CommandError::text("ERR Protocol version is not an integer or out of range"))?;
        if !(2..=3).contains(&number) {
            return Err(CommandError::text("NOPROTO unsupported protocol version"));
        }
        hello.protover = Some(version);
        while let Some(word) = words.peek() {
            let left = words.len() - 1;
            if is_token(word, "AUTH") && left >= 2 {
                words.skip_one();
                hello.auth = Some(Field::parse(words)?);
            } else if is_token(word, "SETNAME") && left >= 1 {
                words.skip_one();
                hello.clientname = Some(words.take()?);
            } else {
                return Err(CommandError::quoting("ERR Syntax error in HELLO option '", word, "'"));
            }
        }
        Ok(hello)
    }
}

impl SessionCommand for Hello<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if let Some(Credentials { username, password }) = &self.auth {
            cx.worker.authenticate(cx.session, username, password)?;
        }
        if !cx.session.authenticated && !cx.worker.settings().security.requirepass.is_empty() {
            return Err(CommandError::text(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
            ));
        }
        if let Some(name) = self.clientname {
            crate::clients::set_name(&cx.session.client, name)?;
        }
        if let Some(version) = &self.protover {
            let protocol = if version.get()? == 3 { Protocol::Resp3 } else { Protocol::Resp2 };
            cx.session.set_protocol(protocol);
            out.set_protocol(protocol);
        }
        let zone = &cx.worker.settings().network.availability_zone;
        out.map(7 + usize::from(!zone.is_empty()));
        out.bulk(b"server");
        out.bulk(b"redis");
        out.bulk(b"version");
        out.bulk(REDIS_VERSION.as_bytes());
        out.bulk(b"proto");
        out.integer(if cx.session.protocol == Protocol::Resp3 { 3 } else { 2 });
        out.bulk(b"id");
        out.integer(cx.session.id().0 as i64);
        out.bulk(b"mode");
        out.bulk(b"standalone");
        out.bulk(b"role");
        out.bulk(b"master");
        out.bulk(b"modules");
        out.array(0);
        // As in Valkey.
        if !zone.is_empty() {
            out.bulk(b"availability_zone");
            out.bulk(zone);
        }
        Ok(Flow::Continue)
    }
}

/// Brings the connection back to the state of a new one.
#[derive(Command)]
#[command(group = Connection, since = "6.2.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale, fast, no_auth, allow_busy))]
pub(super) struct Reset {}

impl SessionCommand for Reset {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.worker.discard_transaction(cx.session);
        cx.worker.unsubscribe_silently(cx.session);
        cx.worker.stop_monitoring(cx.session);
        let session = &mut *cx.session;
        session.select(spinel_family::DbIndex(0));
        session.set_protocol(Protocol::Resp2);
        out.set_protocol(Protocol::Resp2);
        session.reply_mode = ReplyMode::On;
        session.no_touch = false;
        session.client.flags.no_touch.store(false, Ordering::Relaxed);
        session.client.flags.no_evict.store(false, Ordering::Relaxed);
        session.client.name.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        session.authenticated = cx.worker.settings().security.requirepass.is_empty();
        out.simple("RESET");
        Ok(Flow::Continue)
    }
}
