//! `CLIENT PAUSE timeout [WRITE | ALL]`, `CLIENT UNPAUSE`
//!
//! The pause begins while nobody else runs a command, so no command that it stops is under way when `OK` is sent.

use spinel_family::spec::ArgKind;
use spinel_family::{Command, CommandError, Encoder, Many, UnixMillis, is_token};
use spinel_structs::number::parse_i64;

use crate::Flow;
use crate::arguments::{argument, one_of, optional, token};
use crate::pause::PauseMode;
use crate::session::{SessionCommand, SessionContext, subcommand_misused};

/// Lets all commands, or only those that may write, wait for some time.
#[derive(Command)]
#[command(name = "client|pause", group = Connection, since = "2.9.50", complexity = "O(1)")]
#[command(flags(admin, noscript, loading, stale))]
#[command(history = &[("6.2.0", "The mode `WRITE`.")])]
#[command(args = &[
    argument("timeout", ArgKind::Integer, ""),
    optional("6.2.0", one_of("mode", "", &[token("write", "WRITE"), token("all", "ALL")])),
])]
pub(super) struct ClientPause<'a> {
    timeout: &'a [u8],
    #[arg(trailing)]
    mode: Option<&'a [u8]>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for ClientPause<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.excess.is_some() {
            return Err(subcommand_misused(cx.args));
        }
        let mode = match self.mode {
            None => PauseMode::All,
            Some(word) if is_token(word, "ALL") => PauseMode::All,
            Some(word) if is_token(word, "WRITE") => PauseMode::Write,
            Some(_) => return Err(CommandError::text("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        };
        let millis = parse_i64(self.timeout)
            .ok_or(CommandError::text("ERR timeout is not an integer or out of range"))?;
        if millis < 0 {
            return Err(CommandError::TimeoutNegative);
        }
        let until = UnixMillis(cx.worker.now().0.saturating_add(millis));
        cx.engine().pause.begin(until, mode);
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Ends the pause.
#[derive(Command)]
#[command(name = "client|unpause", group = Connection, since = "6.2.0", complexity = "O(N) Where N is the number of paused clients")]
#[command(flags(admin, noscript, loading, stale))]
pub(super) struct ClientUnpause {}

impl SessionCommand for ClientUnpause {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let waiting = cx.engine().pause.end();
        cx.worker.wake(waiting);
        out.ok();
        Ok(Flow::Continue)
    }
}
