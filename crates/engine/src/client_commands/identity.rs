//! `CLIENT ID | GETNAME | SETNAME | SETINFO | CAPA`

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use spinel_family::spec::ArgKind;
use spinel_family::{Command, CommandError, Encoder, Many, is_token};

use crate::Flow;
use crate::arguments::{argument, one_of};
use crate::clients::{is_attribute, set_name};
use crate::session::{SessionCommand, SessionContext};

/// Returns the number of this connection.
#[derive(Command)]
#[command(name = "client|id", group = Connection, since = "5.0.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale))]
pub(super) struct ClientId {}

impl SessionCommand for ClientId {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(cx.session.id().0 as i64);
        Ok(Flow::Continue)
    }
}

/// Returns the name of this connection.
#[derive(Command)]
#[command(name = "client|getname", group = Connection, since = "2.6.9", complexity = "O(1)")]
#[command(flags(noscript, loading, stale))]
pub(super) struct ClientGetname {}

impl SessionCommand for ClientGetname {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let name = cx.session.client.name.lock().unwrap_or_else(PoisonError::into_inner);
        if name.is_empty() {
            out.null();
        } else {
            out.bulk(&name);
        }
        Ok(Flow::Continue)
    }
}

/// Gives this connection a name; an empty one takes it away.
#[derive(Command)]
#[command(name = "client|setname", group = Connection, since = "2.6.9", complexity = "O(1)")]
#[command(flags(noscript, loading, stale))]
pub(super) struct ClientSetname<'a> {
    connection_name: &'a [u8],
}

impl SessionCommand for ClientSetname<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        set_name(&cx.session.client, self.connection_name)?;
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Says which client library, or which version of it, this connection uses.
#[derive(Command)]
#[command(name = "client|setinfo", group = Connection, since = "7.2.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale), tips("request_policy:all_nodes", "response_policy:all_succeeded"))]
#[command(args = &[one_of("attr", "", &[
    argument("libname", ArgKind::String, "LIB-NAME"),
    argument("libver", ArgKind::String, "LIB-VER"),
])])]
pub(super) struct ClientSetinfo<'a> {
    #[arg(hidden)]
    attribute: &'a [u8],
    #[arg(hidden)]
    value: &'a [u8],
}

impl SessionCommand for ClientSetinfo<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let is_name = self.attribute.eq_ignore_ascii_case(b"lib-name");
        if !is_name && !self.attribute.eq_ignore_ascii_case(b"lib-ver") {
            return Err(CommandError::quoting("ERR Unrecognized option '", self.attribute, "'"));
        }
        if !is_attribute(self.value) {
            let why = " cannot contain spaces, newlines or special characters.";
            return Err(CommandError::quoting("ERR ", self.attribute, why));
        }
        let mut library = cx.session.client.library.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = if is_name { &mut library.0 } else { &mut library.1 };
        *slot = self.value.to_vec();
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Tells the server what this client is capable of. The only capability known so far changes nothing on a server without
/// replicas, but clients can be chosen by it; unknown ones are ignored.
#[derive(Command)]
#[command(name = "client|capa", group = Connection, since = "8.0.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale))]
pub(super) struct ClientCapa<'a> {
    #[arg(name = "capability")]
    capabilities: Many<'a, &'a [u8]>,
}

impl SessionCommand for ClientCapa<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.capabilities.items().any(|word| is_token(word, "REDIRECT")) {
            cx.session.client.can_redirect.store(true, Ordering::Relaxed);
        }
        out.ok();
        Ok(Flow::Continue)
    }
}
