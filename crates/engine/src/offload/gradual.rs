//! Gradual commands: a slice at a time, each a write of its own; between two of them anybody else has his turn.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use spinel_family::{CallOptions, CommandError, Encoder, GradualContext, GradualGround, Run, UpdateContext};
use spinel_store::{Held, Keyspace, ShardIndex};

use super::{Running, run_for_nobody};
use crate::Engine;
use crate::data::{ShardSet, hold_to_write};
use crate::journal::JournalPosition;

/// How long it sleeps while writes are paused, or while the log is far behind.
const NAP: Duration = Duration::from_millis(1);
/// Bytes of the log that may wait for the disk before the next slice.
const MOST_UNWRITTEN: u64 = 16 << 20;

/// How far the gradual commands under way have come; all zero when there is none.
#[derive(Debug, Default)]
pub(crate) struct GradualProgress {
    /// Commands under way.
    pub(crate) running: AtomicU64,
    /// Keys there were in their databases when they began.
    pub(crate) total: AtomicU64,
    /// Keys looked at.
    pub(crate) seen: AtomicU64,
    /// Keys changed or found.
    pub(crate) changed: AtomicU64,
}

impl GradualProgress {
    fn begin(&self, keys: u64) -> Underway<'_> {
        self.running.fetch_add(1, Ordering::AcqRel);
        self.total.fetch_add(keys, Ordering::Relaxed);
        Underway(self)
    }
}

/// A command under way, until it is dropped.
struct Underway<'a>(&'a GradualProgress);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            for figure in [&self.0.total, &self.0.seen, &self.0.changed] {
                figure.store(0, Ordering::Relaxed);
            }
        }
    }
}

impl Running<'_> {
    /// Runs a gradual command to its end.
    pub(super) fn gradual(&self, out: &mut Encoder) -> Result<(), CommandError> {
        let Self { engine, job, .. } = self;
        let Run::Gradual(run) = job.entry.run else { return Err(CommandError::Syntax) };
        let _underway = engine.stats.gradual.begin(engine.keyspace.count(job.options.db).0 as u64);
        let mut ground = Slices { running: self, options: job.options };
        let mut cx = GradualContext::new(&mut ground, job.options);
        run(&mut cx, &mut self.words(), out)
    }
}

/// Slices of a gradual command on its helper thread.
struct Slices<'a> {
    running: &'a Running<'a>,
    /// As the command was called; the time is that of the slice.
    options: CallOptions,
}

impl<'a> Slices<'a> {
    /// Holds a shard, once writes are not paused and the log is not far behind.
    fn hold(&mut self, shard: ShardIndex) -> Result<Held<'a>, CommandError> {
        let engine: &'a Engine = self.running.engine;
        loop {
            self.options.now = engine.clock.unix_millis();
            let pauses = engine.pause.is_active() && engine.pause.mode(self.options.now).is_some();
            if engine.is_shutting_down() {
                return Err(CommandError::text(
                    "ERR The server is shutting down, not all keys were looked at",
                ));
            }
            // Looked at after the pause: who is killed during one does nothing more when it ends.
            if self.running.job.client.is_killed() {
                return Err(CommandError::text("ERR The client was killed, not all keys were looked at"));
            }
            if let Some(text) = engine.refused_by_disk() {
                return Err(CommandError::Text(text));
            }
            if pauses || is_log_behind(engine) {
                std::thread::sleep(NAP);
                continue;
            }
            match hold_to_write(&engine.keyspace, ShardSet::from_slice(&[shard])) {
                // The end of the server, too, begins with all shards held.
                Ok(held) if !engine.is_shutting_down() => return Ok(held),
                Ok(_) => {}
                Err(taken) => drop(engine.keyspace.wait_lock(taken.shard())),
            }
            engine.keyspace.wake_missed();
        }
    }
}

fn is_log_behind(engine: &Engine) -> bool {
    let JournalPosition(end) = engine.write_log().unwrap_or_default();
    end.saturating_sub(engine.journal.safe().0) > MOST_UNWRITTEN
}

impl GradualGround for Slices<'_> {
    fn keyspace(&self) -> &Keyspace {
        &self.running.engine.keyspace
    }

    fn run(
        &mut self,
        shard: ShardIndex,
        slice: &mut dyn FnMut(&mut UpdateContext<'_>),
    ) -> Result<(), CommandError> {
        let Running { engine, job, scratch } = *self.running;
        let held = self.hold(shard)?;
        run_for_nobody(engine, (&job.published, scratch), (held, self.options), slice);
        Ok(())
    }

    fn progress(&mut self, seen: u64, changed: u64) {
        let progress = &self.running.engine.stats.gradual;
        progress.seen.fetch_add(seen, Ordering::Relaxed);
        progress.changed.fetch_add(changed, Ordering::Relaxed);
    }
}
