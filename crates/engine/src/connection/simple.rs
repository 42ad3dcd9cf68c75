//! PING, ECHO, SELECT, QUIT.

use spinel_family::{Command, CommandError, DbIndex, Encoder, Lazy, Protocol};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext};

/// Answers, with the message if there is one.
#[derive(Command)]
#[command(group = Connection, since = "1.0.0", complexity = "O(1)", flags(fast))]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"), excess_is_arity)]
pub(super) struct Ping<'a> {
    #[arg(trailing)]
    message: Option<&'a [u8]>,
}

impl SessionCommand for Ping<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if cx.session.protocol == Protocol::Resp2 && cx.session.subscriptions.any() {
            out.array(2);
            out.bulk(b"pong");
            out.bulk(self.message.unwrap_or_default());
        } else {
            match self.message {
                Some(message) => out.bulk(message),
                None => out.simple("PONG"),
            }
        }
        Ok(Flow::Continue)
    }
}

/// Returns the message.
#[derive(Command)]
#[command(group = Connection, since = "1.0.0", complexity = "O(1)", flags(loading, stale, fast))]
pub(super) struct Echo<'a> {
    message: &'a [u8],
}

impl SessionCommand for Echo<'_> {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.bulk(self.message);
        Ok(Flow::Continue)
    }
}

/// Chooses the database of this connection.
#[derive(Command)]
#[command(group = Connection, since = "1.0.0", complexity = "O(1)", flags(loading, stale, fast))]
pub(super) struct Select<'a> {
    index: Lazy<'a, i64>,
}

impl SessionCommand for Select<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let out_of_range = CommandError::text("ERR DB index is out of range");
        let index = self.index.get()?;
        if i32::try_from(index).is_err() {
            return Err(CommandError::text(
                "ERR value is out of range, value must between -2147483648 and 2147483647",
            ));
        }
        let databases = cx.engine().keyspace.databases();
        let index = usize::try_from(index).ok().filter(|&index| index < databases).ok_or(out_of_range)?;
        cx.session.select(DbIndex(index as u16));
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Closes the connection.
#[derive(Command)]
#[command(group = Connection, since = "1.0.0", complexity = "O(1)", arity = -1, manual)]
#[command(flags(noscript, loading, stale, fast, no_auth, allow_busy))]
pub(super) struct Quit;

impl<'a> spinel_family::Parse<'a> for Quit {
    fn parse(_words: &mut spinel_family::Words<'a>) -> Result<Self, CommandError> {
        Ok(Self)
    }
}

impl SessionCommand for Quit {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.ok();
        Ok(Flow::Close)
    }
}
