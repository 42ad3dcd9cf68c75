//! `CLIENT UNBLOCK client-id [TIMEOUT | ERROR]`
//!
//! The waiter of the blocked command is claimed here, on the caller's thread, so the answer is exact; its own
//! worker then writes the reply. Clients that wait for the end of a pause cannot be unblocked.

use spinel_family::spec::ArgKind;
use spinel_family::{Command, CommandError, Encoder, Many, is_token};
use spinel_structs::number::parse_i64;

use crate::arguments::{argument, one_of, optional, token};
use crate::session::{SessionCommand, SessionContext, subcommand_misused};
use crate::{ClientId, Flow, Message};

/// Ends the blocking command of another connection, as if its time were up or with an error.
#[derive(Command)]
#[command(name = "client|unblock", group = Connection, since = "5.0.0", complexity = "O(log N) where N is the number of client connections")]
#[command(flags(admin, noscript, loading, stale))]
#[command(args = &[
    argument("client-id", ArgKind::Integer, ""),
    optional("", one_of("timeout_error", "", &[token("timeout", "TIMEOUT"), token("error", "ERROR")])),
])]
pub(super) struct ClientUnblock<'a> {
    client_id: &'a [u8],
    #[arg(trailing)]
    reason: Option<&'a [u8]>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for ClientUnblock<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.excess.is_some() {
            return Err(subcommand_misused(cx.args));
        }
        let with_error = match self.reason {
            None => false,
            Some(word) if is_token(word, "TIMEOUT") => false,
            Some(word) if is_token(word, "ERROR") => true,
            Some(_) => {
                return Err(CommandError::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
            }
        };
        let id = parse_i64(self.client_id).ok_or(CommandError::NotInteger)?;
        let target = u64::try_from(id).ok().and_then(|id| cx.engine().clients.get(ClientId(id)));
        let blocked = target.filter(|client| client.claim_waiter());
        if let Some(client) = &blocked {
            client.post(Message::Unblock { with_error });
        }
        out.integer(i64::from(blocked.is_some()));
        Ok(Flow::Continue)
    }
}
