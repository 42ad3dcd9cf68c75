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
