//! What a command of the engine's own can reach.

use spinel_family::{Args, CommandError, Encoder};

use crate::session::Session;
use crate::{Engine, Flow, Worker};

/// A command of the engine's own.
pub trait SessionCommand {
    /// Runs it.
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError>;
}

/// The worker, the session and the words of the running command.
pub struct SessionContext<'a> {
    /// The worker that runs it.
    pub worker: &'a mut Worker,
    /// The session it came from.
    pub session: &'a mut Session,
    /// All its words, the name included.
    pub args: Args<'a>,
    /// Inside EXEC: shards may be held, so it must not lock any, and must not block.
    pub in_exec: bool,
}

impl SessionContext<'_> {
    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        self.worker.engine()
    }
}

/// The error for a subcommand with words it cannot take, where Redis does not simply count them.
pub(crate) fn subcommand_misused(args: Args<'_>) -> CommandError {
    const SHOWN_BYTES: usize = 128;
    let word = args.get(1).unwrap_or_default();
    let container = String::from_utf8_lossy(args.get(0).unwrap_or_default()).to_uppercase();
    CommandError::quoting(
        "ERR unknown subcommand or wrong number of arguments for '",
        &word[..word.len().min(SHOWN_BYTES)],
        &format!("'. Try {container} HELP."),
    )
}
