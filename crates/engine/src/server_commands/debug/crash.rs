//! `DEBUG` subcommands that end the server as bugs do, to see what it reports and what it loses.

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::host::Crash;
use crate::session::{SessionCommand, SessionContext};

/// Crashes by a write to memory where only reading is allowed.
#[derive(Command)]
#[command(name = "debug|segfault", group = Server, since = "1.0.0", complexity = "O(1)")]
pub(super) struct DebugSegfault;

/// Crashes by noticing that something is wrong.
#[derive(Command)]
#[command(name = "debug|panic", group = Server, since = "3.0.0", complexity = "O(1)")]
pub(super) struct DebugPanic;

/// Crashes by noticing that something is not as it must be.
#[derive(Command)]
#[command(name = "debug|assert", group = Server, since = "2.6.0", complexity = "O(1)")]
pub(super) struct DebugAssert;

fn crash(cx: &SessionContext<'_>, how: Crash) -> Result<Flow, CommandError> {
    cx.engine().host().probe.crash(how);
    Err(CommandError::text("ERR this server cannot crash"))
}

impl SessionCommand for DebugSegfault {
    fn run(&self, cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        crash(cx, Crash::Segfault)
    }
}

impl SessionCommand for DebugPanic {
    fn run(&self, cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        crash(cx, Crash::Panic)
    }
}

impl SessionCommand for DebugAssert {
    fn run(&self, cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        crash(cx, Crash::Assert)
    }
}
