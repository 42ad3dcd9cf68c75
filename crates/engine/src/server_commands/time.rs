//! TIME and LASTSAVE: what the clock says, and when the data set was last written to disk.

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext, session_commands};

session_commands! {
    /// TIME and LASTSAVE.
    pub(super) static COMMANDS;
    session Lastsave,
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
        let micros = cx.engine().clock.unix_micros();
        out.array(2);
        out.bulk_integer(micros.div_euclid(MICROS));
        out.bulk_integer(micros.rem_euclid(MICROS));
        Ok(Flow::Continue)
    }
}

/// Returns the Unix time of the last save; the start of the server until there was one.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(1)")]
#[command(flags(loading, stale, fast), categories(Admin, Dangerous), tips("nondeterministic_output"))]
struct Lastsave;

impl SessionCommand for Lastsave {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(cx.engine().started_micros / MICROS);
        Ok(Flow::Continue)
    }
}
