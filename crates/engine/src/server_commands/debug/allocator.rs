//! `DEBUG MALLCTL` and `DEBUG MALLCTL-STR`: the controls of the allocator, jemalloc, by their names.
//!
//! They are read. What deliberately is not here: setting them, which can do anything to the process, but for emptying the
//! caller's cache, which tests of memory ask for.

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::host::ControlKind;
use crate::session::{SessionCommand, SessionContext};

/// The control that empties the cache of the calling thread, by being asked for.
const FLUSH: &str = "thread.tcache.flush";

/// Reads a control of the allocator that is a number.
#[derive(Command)]
#[command(name = "debug|mallctl", group = Server, since = "6.2.0", complexity = "O(1)")]
pub(super) struct DebugMallctl<'a> {
    name: &'a [u8],
    #[arg(trailing)]
    value: Option<&'a [u8]>,
}

impl SessionCommand for DebugMallctl<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let value = read(cx, self.name, self.value, ControlKind::Number)?;
        out.integer(value.parse().unwrap_or_default());
        Ok(Flow::Continue)
    }
}

/// Reads a control of the allocator that is a text.
#[derive(Command)]
#[command(name = "debug|mallctl-str", group = Server, since = "6.2.0", complexity = "O(1)")]
pub(super) struct DebugMallctlStr<'a> {
    name: &'a [u8],
    #[arg(trailing)]
    value: Option<&'a [u8]>,
}

impl SessionCommand for DebugMallctlStr<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if (self.name, self.value) == (FLUSH.as_bytes(), Some(b"VOID")) {
            cx.engine().host().probe.rest();
            out.ok();
            return Ok(Flow::Continue);
        }
        let value = read(cx, self.name, self.value, ControlKind::Text)?;
        out.bulk(value.as_bytes());
        Ok(Flow::Continue)
    }
}

fn read(
    cx: &SessionContext<'_>,
    name: &[u8],
    value: Option<&[u8]>,
    kind: ControlKind,
) -> Result<String, CommandError> {
    if value.is_some() {
        return Err(CommandError::text("ERR The controls of the allocator can be read, not set"));
    }
    let found = std::str::from_utf8(name).ok().and_then(|name| cx.engine().host().probe.control(name, kind));
    found.ok_or(CommandError::text("ERR No such file or directory"))
}
