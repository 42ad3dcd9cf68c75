//! The threads of the log: one that writes, one that syncs once a second and takes room ahead.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Drain;
use crate::Engine;
use crate::cores::Work;
use crate::persistence::NoThread;

/// How often the threads look whether anything is to be done, if nobody calls them.
const IDLE: Duration = Duration::from_millis(100);
/// Nanoseconds between two syncs under `everysec`.
const SYNC_EVERY_NANOS: u64 = 1_000_000_000;

impl Engine {
    /// Starts the threads, unless they run.
    ///
    /// # Errors
    /// [`NoThread`]; another attempt starts what is missing.
    pub(super) fn start_log_threads(self: &Arc<Self>) -> Result<(), NoThread> {
        let start = |is_started: &AtomicBool, name, run: fn(&Weak<Engine>)| {
            if is_started.swap(true, Ordering::SeqCst) {
                return Ok(());
            }
            let engine = Arc::downgrade(self);
            let started = self.spawn_persisting(name, Work::Background, move || run(&engine));
            is_started.store(started.is_ok(), Ordering::SeqCst);
            started
        };
        start(&self.persistence.log_writes, "log-writer", write_all_along)?;
        start(&self.persistence.log_syncs, "log-sync", sync_all_along)
    }

    /// Writes what waits, and under `always` makes it durable.
    fn write_and_sync(&self) {
        let log = &self.journal.log;
        let mut guard = log.writing();
        // A log that is to begin has nothing that counts.
        let Some(writing) = guard.as_mut().filter(|_| log.is_on()) else { return };
        if writing.writer.refusal().is_some() {
            let now_ms = self.clock.unix_millis().0.max(0) as u64;
            // Still in trouble: what was appended meanwhile stays in the buffer.
            let is_well = writing.writer.retry(&mut writing.directory, now_ms).is_ok();
            if !is_well {
                if writing.writer.needs_base() {
                    self.want_base();
                }
                self.publish_log(writing);
                return;
            }
        }
        self.drain_log(writing, Drain::All);
        let ticket = if log.always() { writing.writer.begin_sync() } else { None };
        self.publish_log(writing);
        let Some(ticket) = ticket else { return };
        drop(guard);
        let outcome = ticket.run();
        let mut guard = log.writing();
        if let Some(writing) = guard.as_mut() {
            // A failure is published as the writer's refusal.
            let _ = writing.writer.end_sync(outcome);
            self.publish_log(writing);
        }
        drop(guard);
        log.sync_ended.notify_all();
        // There may be less room than is to be taken ahead.
        log.sync_bell.ring();
    }

    /// Has the log rewritten, if that is not being done.
    fn want_base(&self) {
        let mut state = self.persistence.state.lock();
        state.rewrite_scheduled |= state.running.is_none();
    }

    /// Makes durable what was written.
    fn sync_log(&self) {
        let log = &self.journal.log;
        let mut guard = log.writing();
        let writing = guard.as_mut().filter(|_| log.is_on());
        let Some(ticket) = writing.and_then(|writing| writing.writer.begin_sync()) else { return };
        drop(guard);
        log.figures.is_syncing.store(true, Ordering::Relaxed);
        let outcome = ticket.run();
        log.figures.is_syncing.store(false, Ordering::Relaxed);
        if let Some(writing) = log.writing().as_mut() {
            // A failure is published as the writer's refusal.
            let _ = writing.writer.end_sync(outcome);
            self.publish_log(writing);
        }
        log.sync_ended.notify_all();
    }

    fn take_room(&self) {
        let log = &self.journal.log;
        let preallocation = log.writing().as_mut().and_then(|writing| writing.writer.begin_preallocation());
        let Some(preallocation) = preallocation else { return };
        let outcome = preallocation.run();
        if let Some(writing) = log.writing().as_mut() {
            writing.writer.end_preallocation(outcome);
        }
    }

    fn may_sync(&self) -> bool {
        let settings = &self.published().settings;
        !settings.persistence.aof.no_fsync_on_rewrite || self.persistence.current.get().is_none()
    }
}

fn write_all_along(engine: &Weak<Engine>) {
    while let Some(engine) = engine.upgrade() {
        if engine.persistence.log_is_closed() {
            return;
        }
        engine.write_and_sync();
        let log = &engine.journal.log;
        if !log.has_work() {
            log.write_bell.wait(IDLE);
        }
    }
}

fn sync_all_along(engine: &Weak<Engine>) {
    let mut last = 0;
    while let Some(engine) = engine.upgrade() {
        if engine.persistence.log_is_closed() {
            return;
        }
        let now = engine.clock.monotonic_nanos();
        let log = &engine.journal.log;
        if log.every_second() && engine.may_sync() {
            let is_wanted = log.durability.take_wish();
            if is_wanted || now.saturating_sub(last) >= SYNC_EVERY_NANOS {
                last = now;
                engine.sync_log();
            }
        }
        if log.always() {
            engine.take_room();
        }
        log.sync_bell.wait(IDLE);
    }
}

impl super::Log {
    /// Whether something waits that can be written now.
    fn has_work(&self) -> bool {
        self.is_on() && !self.buffer().is_empty() && self.refusal().is_none()
    }
}
