//! `MONITOR`

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext, session_commands};

session_commands! {
    /// The command that starts monitoring; RESET ends it.
    pub(crate) static COMMANDS;
    session Monitor,
}

/// Shows this connection every command that the server runs.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", flags(admin, noscript, loading, stale))]
struct Monitor {}

impl SessionCommand for Monitor {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if cx.in_exec {
            return Err(CommandError::text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
        }
        // A monitor that asks again is not answered.
        if cx.worker.start_monitoring(cx.session) {
            out.ok();
        }
        Ok(Flow::Continue)
    }
}
