//! `CLIENT GETREDIR`, `CLIENT TRACKINGINFO`: keys are not tracked for anybody.

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext};

/// Returns the client that tracking messages are redirected to: -1 without tracking.
#[derive(Command)]
#[command(name = "client|getredir", group = Connection, since = "6.0.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale))]
pub(super) struct ClientGetredir {}

impl SessionCommand for ClientGetredir {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(-1);
        Ok(Flow::Continue)
    }
}

/// Tells how keys are tracked for this connection.
#[derive(Command)]
#[command(name = "client|trackinginfo", group = Connection, since = "6.2.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale))]
pub(super) struct ClientTrackinginfo {}

impl SessionCommand for ClientTrackinginfo {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.map(3);
        out.bulk(b"flags");
        out.set(1);
        out.bulk(b"off");
        out.bulk(b"redirect");
        out.integer(-1);
        out.bulk(b"prefixes");
        out.array(0);
        Ok(Flow::Continue)
    }
}
