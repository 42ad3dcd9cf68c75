//! TIME: what the clock says.

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext, session_commands};

session_commands! {
    /// TIME.
    pub(super) static COMMANDS;
    session Time,
}

const MICROS: i64 = 1_000_000;

/// Returns the server's clock: seconds since 1970, and microseconds within the second.
#[derive(Command)]
#[command(group = Server, since = "2.6.0", complexity = "O(1)")]
#[command(flags(loading, stale, fast), tips("nondeterministic_output"))]
struct Time;

impl SessionCommand for Time {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        // Within a transaction or a script no time passes.
        let micros = if cx.in_exec { cx.worker.now_micros } else { cx.engine().clock.unix_micros() };
        out.array(2);
        out.bulk_integer(micros.div_euclid(MICROS));
        out.bulk_integer(micros.rem_euclid(MICROS));
        Ok(Flow::Continue)
    }
}
