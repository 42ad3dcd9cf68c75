//! `EXEC` of a transaction begun with `MULTI ATOMIC`: all of its commands, or none.

use std::sync::Arc;

use spinel_family::{CommandError, Encoder};
use spinel_store::Held;

use super::{can_be_undone, is_error};
use crate::registry::{Command, REGISTRY};
use crate::session::{Session, Transaction};
use crate::{Flow, Worker};

/// Why a command is not taken into a transaction that may be taken back.
pub(crate) fn refused_in_transaction(session: &Session, command: &Command) -> Option<Vec<u8>> {
    let is_atomic = session.transaction.as_ref().is_some_and(|transaction| transaction.is_atomic);
    (is_atomic && !can_be_undone(command)).then(|| {
        format!("ERR '{}' cannot be undone and is not allowed in an atomic transaction", command.spec.name)
            .into_bytes()
    })
}

/// The reply to a transaction that was rolled back.
fn rolled_back(place: usize, command: &Command, reply: &[u8]) -> CommandError {
    let error = reply.get(1..).unwrap_or_default().trim_ascii_end();
    let before =
        format!("EXECABORT Transaction rolled back because of command {place} '{}': ", command.spec.name);
    CommandError::Quoting([before.as_bytes(), error].concat().into())
}

impl Worker {
    /// Runs the queued commands of a transaction on the shards held, up to the first that fails: then nothing has happened.
    pub(crate) fn exec_or_undo(
        &mut self,
        session: &mut Session,
        transaction: &Transaction,
        held: Held<'_>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        let db = session.db;
        let mut error = None;
        out.array(transaction.queue.len());
        let engine = Arc::clone(&self.engine);
        let flow = self.run_as_one(&engine, session, held, |execution, session, cx| {
            execution.begin_undo(cx);
            for (place, (id, args)) in transaction.queue.iter().enumerate() {
                let start = out.len();
                execution.step(session, *id, args.args(), cx, out);
                let reply = &out.as_bytes()[start..];
                if is_error(reply) {
                    error = Some(rolled_back(place + 1, REGISTRY.get(*id), reply));
                    session.db = db;
                    break;
                }
            }
            execution.decide(cx, error.is_none());
        });
        error.map_or(Ok(flow), Err)
    }
}
