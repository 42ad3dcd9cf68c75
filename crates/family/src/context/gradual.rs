//! The context of commands that change the keys of every shard in turn.

use spinel_store::{Keyspace, ShardIndex};

use super::{CallOptions, UpdateContext};
use crate::CommandError;

/// Changes every shard in turn, holding one at a time for a slice. A slice is a write of its own: it is in the log, its
/// events are sent and others see it before the next begins.
pub struct GradualContext<'a> {
    ground: &'a mut dyn GradualGround,
    options: CallOptions,
}

/// What a gradual command stands on: the engine's part of it.
pub trait GradualGround {
    /// The keyspace, for counts that need no lock.
    fn keyspace(&self) -> &Keyspace;

    /// Locks a shard, waiting for it, runs a slice and deals with what that leaves behind.
    ///
    /// # Errors
    /// If the command is not to go on: nobody waits for it any more, or the server ends.
    fn run(
        &mut self,
        shard: ShardIndex,
        slice: &mut dyn FnMut(&mut UpdateContext<'_>),
    ) -> Result<(), CommandError>;

    /// Takes note of keys looked at, and of those changed among them.
    fn progress(&mut self, seen: u64, changed: u64);
}

impl<'a> GradualContext<'a> {
    /// A context on a ground.
    #[must_use]
    pub fn new(ground: &'a mut dyn GradualGround, options: CallOptions) -> Self {
        Self { ground, options }
    }

    /// How the command was called.
    #[must_use]
    pub fn options(&self) -> &CallOptions {
        &self.options
    }

    /// The keyspace, for counts that need no lock.
    #[must_use]
    pub fn keyspace(&self) -> &Keyspace {
        self.ground.keyspace()
    }

    /// Every shard's number.
    pub fn shards(&self) -> impl Iterator<Item = ShardIndex> + use<> {
        (0..self.keyspace().shards()).map(|i| ShardIndex(i as u16))
    }

    /// Runs one slice on a shard, which nobody else can reach meanwhile.
    ///
    /// # Errors
    /// If the command is not to go on; what was done stays done.
    pub fn slice<R>(
        &mut self,
        shard: ShardIndex,
        run: impl FnOnce(&mut UpdateContext<'_>) -> R,
    ) -> Result<R, CommandError> {
        let (mut run, mut result) = (Some(run), None);
        self.ground.run(shard, &mut |cx| {
            if let Some(run) = run.take() {
                result = Some(run(cx));
            }
        })?;
        Ok(result.expect("a ground runs the slice or fails"))
    }

    /// Takes note of keys looked at, and of those changed among them.
    pub fn progress(&mut self, seen: u64, changed: u64) {
        self.ground.progress(seen, changed);
    }
}
