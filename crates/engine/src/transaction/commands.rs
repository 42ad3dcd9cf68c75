//! The commands of transactions.

use spinel_family::{Command, CommandError, Encoder, Key, Many, is_token};

use crate::Flow;
use crate::arguments::{optional, token};
use crate::session::{SessionCommand, SessionContext, Transaction, session_commands};

session_commands! {
    /// The commands of transactions.
    pub(crate) static COMMANDS;
    session Multi,
    session Exec,
    session Discard,
    session Watch,
    session Unwatch,
}

/// Starts a transaction: commands are queued until EXEC.
#[derive(Command)]
#[command(group = Transactions, since = "1.2.0", complexity = "O(1)", arity = -1)]
#[command(flags(noscript, loading, stale, fast, allow_busy))]
#[command(args = &[optional("", token("atomic", "ATOMIC"))])]
struct Multi<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for Multi<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let mut words = self.words.iter().flat_map(Many::items);
        let is_atomic = match (words.next(), words.next()) {
            (None, _) => cx.worker.settings().transactions.are_atomic,
            (Some(word), None) if is_token(word, "ATOMIC") => true,
            _ => {
                // As where MULTI takes no words: an open transaction is broken by it.
                if let Some(transaction) = &mut cx.session.transaction {
                    transaction.broken = true;
                }
                return Err(CommandError::Arity);
            }
        };
        if cx.session.transaction.is_some() {
            return Err(CommandError::text("ERR MULTI calls can not be nested"));
        }
        cx.session.transaction = Some(Transaction { is_atomic, ..Transaction::default() });
        cx.session.publish_transaction();
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Runs the queued commands as one step.
#[derive(Command)]
#[command(group = Transactions, since = "1.2.0", complexity = "Depends on commands in the transaction")]
#[command(flags(noscript, loading, stale, skip_slowlog))]
struct Exec {}

impl SessionCommand for Exec {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.worker.exec(cx.session, out)
    }
}

/// Forgets the queued commands.
#[derive(Command)]
#[command(group = Transactions, since = "2.0.0", complexity = "O(N), when N is the number of queued commands")]
#[command(flags(noscript, loading, stale, fast, allow_busy))]
struct Discard {}

impl SessionCommand for Discard {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if cx.session.transaction.is_none() {
            return Err(CommandError::text("ERR DISCARD without MULTI"));
        }
        cx.worker.discard_transaction(cx.session);
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Makes the next EXEC run only if none of the keys was changed until then.
#[derive(Command)]
#[command(group = Transactions, since = "2.2.0", complexity = "O(1) for every key.")]
#[command(flags(noscript, loading, stale, fast, allow_busy))]
struct Watch<'a> {
    #[arg(name = "key")]
    #[key(ro)]
    keys: Many<'a, Key<'a>>,
}

impl SessionCommand for Watch<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if cx.session.transaction.is_some() {
            return Err(CommandError::text("ERR WATCH inside MULTI is not allowed"));
        }
        match cx.worker.watch(cx.session, self.keys.keys().map(|key| key.bytes)) {
            Ok(()) => {
                out.ok();
                Ok(Flow::Continue)
            }
            Err(flow) => Ok(flow),
        }
    }
}

/// Watches nothing any more.
#[derive(Command)]
#[command(group = Transactions, since = "2.2.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale, fast, allow_busy))]
struct Unwatch {}

impl SessionCommand for Unwatch {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if !cx.in_exec {
            cx.worker.unwatch_all(cx.session);
        }
        out.ok();
        Ok(Flow::Continue)
    }
}
