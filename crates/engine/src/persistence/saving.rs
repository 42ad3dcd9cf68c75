//! Saving: snapshots into `dbfilename`, begun by BGSAVE, SAVE, save points or the end of the server.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spinel_family::{Args, OwnedArgs};
use spinel_store::{Held, Shard};

use super::format::Format;
use super::snapshot::{Portion, Snapshot};
use super::state::{Outcome, Purpose, Running};
use super::target::{Target, Writes};
use super::{NoThread, walker};
use crate::clients::Client;
use crate::cores::Work;
use crate::inbox::FinishedCall;
use crate::log::LogLevel;
use crate::registry::{CommandId, REGISTRY};
use crate::session::{ReplyMode, Session, SessionContext};
use crate::{Engine, Message};

/// Bytes written at once by [`Engine::save_now`].
const PORTION_BYTES: usize = 1 << 20;
/// How often it is looked whether a flush is known to the disk.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Why no snapshot is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotBegun {
    /// Another is being written.
    Busy(Purpose),
    NoThread,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// That the instant of the snapshot is over (BGSAVE): what it writes from then on is not in it.
    Begun,
    /// That the file is there (SAVE, FLUSHALL).
    Saved,
}

/// A client that waits.
pub(crate) struct Asker {
    pub(crate) wish: Wish,
    pub(crate) client: Arc<Client>,
    pub(crate) command: CommandId,
    pub(crate) args: OwnedArgs,
    pub(crate) since_nanos: u64,
    /// It wants no replies.
    pub(crate) is_silent: bool,
}

impl Asker {
    /// The client of the running command, which is found in the registry by `name`.
    pub(crate) fn new(cx: &SessionContext<'_>, wish: Wish, name: &[u8]) -> Self {
        let command = REGISTRY.find(name).expect("commands ask by their own names").id;
        Self::of(cx.engine(), cx.session, wish, (command, cx.args))
    }

    /// The client of a session who gave a command.
    pub(crate) fn of(
        engine: &Engine,
        session: &Session,
        wish: Wish,
        (command, args): (CommandId, Args<'_>),
    ) -> Self {
        Self {
            wish,
            client: Arc::clone(&session.client),
            command,
            args: OwnedArgs::from_args(args),
            since_nanos: engine.clock.monotonic_nanos(),
            is_silent: session.reply_mode != ReplyMode::On,
        }
    }

    pub(crate) fn answer(self, engine: &Engine, reply: Result<&str, &str>) {
        let failed = reply.is_err();
        let text = match reply {
            Ok(text) => format!("+{text}\r\n"),
            Err(text) => {
                engine.stats.count_error(text.as_bytes());
                format!("-{text}\r\n")
            }
        };
        let nanos = engine.clock.monotonic_nanos().saturating_sub(self.since_nanos);
        let call = Box::new(FinishedCall {
            command: self.command,
            args: Arc::new(self.args),
            nanos,
            failed,
            db: None,
        });
        let reply = if self.is_silent { Vec::new() } else { text.into_bytes() };
        self.client.post(Message::Finished { reply, call });
    }
}

impl Engine {
    /// Reserves the one place there is for a snapshot.
    pub(crate) fn reserve_snapshot(&self, purpose: Purpose) -> Result<(), NotBegun> {
        self.reserve_snapshot_if(purpose, || true)
    }

    /// Reserves the place if it is free and the snapshot is wanted then: no snapshot ends in between.
    pub(crate) fn reserve_snapshot_if(
        &self,
        purpose: Purpose,
        is_wanted: impl FnOnce() -> bool,
    ) -> Result<(), NotBegun> {
        let since = self.unix_seconds();
        let mut state = self.persistence.state.lock();
        if let Some(running) = state.running {
            return Err(NotBegun::Busy(running.purpose));
        }
        let gives_way = purpose == Purpose::Rewrite && state.seals_backup;
        if gives_way || !is_wanted() {
            return Err(NotBegun::Busy(Purpose::Rewrite));
        }
        state.running = Some(Running {
            purpose,
            since,
            dirty: 0,
            follows_flush: false,
            is_foreground: false,
            is_unwanted: false,
        });
        state.forks += u64::from(purpose == Purpose::Rewrite);
        Ok(())
    }

    /// Whether fields of hashes expire, in any database.
    pub(crate) fn has_expiring_fields(&self) -> bool {
        (0..self.keyspace.databases())
            .any(|db| self.keyspace.count_timed_hashes(spinel_store::DbIndex(db as u16)) > 0)
    }

    /// Takes a snapshot of the instant, for which the place was reserved; `also` is done at the same instant.
    pub(crate) fn take_snapshot(&self, mut format: Format, also: impl FnOnce()) -> Arc<Snapshot> {
        self.at_an_instant(|held| {
            also();
            format.tell_time(self.unix_seconds());
            format.tell_code(self);
            if self.has_expiring_fields() {
                format.tell_of_expiring_fields();
            }
            let snapshot = Arc::new(Snapshot::new(format, walker::counts(self)));
            self.persistence.current.set(Some(Arc::clone(&snapshot)));
            walker::begin(held, &snapshot);
            let mut state = self.persistence.state.lock();
            let is_unwanted = state.running.as_mut().is_some_and(|running| {
                running.dirty = self.dirty();
                running.is_unwanted
            });
            drop(state);
            // Half a data set is of no use, either.
            if is_unwanted || self.is_loading() {
                snapshot.abort();
            }
            snapshot
        })
    }

    /// Begins to save in the background.
    ///
    /// # Errors
    /// [`NotBegun`]
    pub(crate) fn begin_save(self: &Arc<Self>, asker: Option<Asker>) -> Result<(), NotBegun> {
        self.reserve_save(asker.as_ref().map(|asker| asker.wish))?;
        let engine = Arc::clone(self);
        self.spawn_snapshot(Work::Snapshot, move || engine.save(asker))
    }

    /// Starts the thread that takes the snapshot for which the place was reserved.
    pub(crate) fn spawn_snapshot(
        &self,
        work: Work,
        job: impl FnOnce() + Send + 'static,
    ) -> Result<(), NotBegun> {
        self.spawn_persisting("snapshot", work, job).map_err(|NoThread| {
            let mut state = self.persistence.state.lock();
            let purpose = state.running.take().map(|running| running.purpose);
            let attempts = match purpose {
                Some(Purpose::Rewrite) => &mut state.rewrites,
                Some(Purpose::Save) | None => &mut state.saves,
            };
            attempts.last = Outcome::Failed;
            attempts.failed_in_a_row += 1;
            self.set_save_gate(&state);
            NotBegun::NoThread
        })
    }

    /// Reserves the place for a save that a client wishes, or nobody but the server.
    fn reserve_save(&self, wish: Option<Wish>) -> Result<(), NotBegun> {
        self.reserve_snapshot(Purpose::Save)?;
        let mut state = self.persistence.state.lock();
        state.saves.tried = self.unix_seconds();
        let is_flushed = std::mem::take(&mut state.is_flushed);
        // What a flush left is in what is saved now: it needs no save of its own any more.
        state.save_scheduled &= !is_flushed;
        let follows_flush = is_flushed && wish.is_none();
        let is_foreground = follows_flush || wish == Some(Wish::Saved);
        if let Some(running) = &mut state.running {
            (running.follows_flush, running.is_foreground) = (follows_flush, is_foreground);
        }
        state.forks += u64::from(!is_foreground);
        Ok(())
    }

    /// Whether a flush is being made known to the disk. Redis does that within the command, so what a client asks for next
    /// must not find it in its way.
    pub(crate) fn saves_flush(&self) -> bool {
        self.persistence.state.lock().running.is_some_and(|running| running.follows_flush)
    }

    /// Whether a flush is still to be made known to the disk.
    pub(crate) fn is_flush_unsaved(&self) -> bool {
        self.persistence.state.lock().is_flushed
    }

    /// Makes a flush known to the disk, and answers who flushed after that. If a rewrite of the log is in the way the answer comes
    /// at once, and the save when it has ended.
    ///
    /// # Errors
    /// [`NoThread`] that could do that.
    pub(crate) fn save_flush(self: &Arc<Self>, asker: Asker) -> Result<(), NoThread> {
        let engine = Arc::clone(self);
        self.spawn_persisting("snapshot", Work::Snapshot, move || {
            while !engine.is_shutting_down() {
                let running = engine.persistence.state.lock().running.map(|running| running.purpose);
                match running {
                    // It was called off, or somebody else's and has the flush in it.
                    Some(Purpose::Save) => std::thread::sleep(LOOK_AGAIN),
                    None if engine.is_flush_unsaved() => {
                        if engine.reserve_save(None).is_ok() {
                            engine.save(None);
                        }
                    }
                    None | Some(Purpose::Rewrite) => break,
                }
            }
            asker.answer(&engine, Ok("OK"));
        })
    }

    /// Begins what was asked for once a flush is known to the disk.
    ///
    /// # Errors
    /// [`NoThread`] that could wait for that.
    pub(crate) fn begin_after_flush(
        self: &Arc<Self>,
        purpose: Purpose,
        asker: Asker,
    ) -> Result<(), NoThread> {
        let engine = Arc::clone(self);
        let work = match purpose {
            Purpose::Save => Work::Snapshot,
            // It waits, and starts another thread.
            Purpose::Rewrite => Work::Background,
        };
        self.spawn_persisting("snapshot", work, move || {
            while engine.saves_flush() && !engine.is_shutting_down() {
                std::thread::sleep(LOOK_AGAIN);
            }
            match purpose {
                Purpose::Save if engine.reserve_save(Some(asker.wish)).is_ok() => engine.save(Some(asker)),
                Purpose::Save => asker.answer(&engine, Err("ERR Background save already in progress")),
                Purpose::Rewrite if engine.begin_rewrite().is_ok() => {
                    asker.answer(&engine, Ok("Background append only file rewriting started"));
                }
                Purpose::Rewrite => {
                    engine.persistence.state.lock().rewrite_scheduled = true;
                    asker.answer(&engine, Ok("Background append only file rewriting scheduled"));
                }
            }
        })
    }

    /// The work of the thread that saves.
    fn save(&self, mut asker: Option<Asker>) {
        let settings = self.settings();
        let mut snapshot = None;
        let result = Target::create(self, &settings, Writes::InBackground).and_then(|mut target| {
            let taken = self.take_snapshot(Format::rdb(self, &settings, false), || ());
            let taken = snapshot.insert(taken);
            self.log.write(LogLevel::Notice, "Background saving started");
            if let Some(asker) = asker.take_if(|asker| asker.wish == Wish::Begun) {
                asker.answer(self, Ok("Background saving started"));
            }
            walker::walk(self, taken, &mut target)?;
            if taken.is_aborted() {
                target.abandon()
            } else {
                target.finish(&taken.format, &|| taken.is_aborted())
            }
        });
        let is_aborted = snapshot.is_some_and(|snapshot| snapshot.is_aborted());
        let outcome = self.end_save(&result, is_aborted);
        if let Some(asker) = asker {
            asker.answer(self, if outcome == Outcome::Ok { Ok("OK") } else { Err("ERR") });
        }
    }

    fn end_save(&self, result: &io::Result<()>, is_aborted: bool) -> Outcome {
        let now = self.unix_seconds();
        self.persistence.current.set(None);
        let outcome = if result.is_ok() && !is_aborted { Outcome::Ok } else { Outcome::Failed };
        let mut state = self.persistence.state.lock();
        let running = state.running.take().expect("this one ran");
        if outcome == Outcome::Ok {
            state.last_save = now;
            state.dirty_at_save = running.dirty;
        }
        if !running.is_foreground {
            state.saves.took = now - running.since;
        }
        if running.follows_flush && outcome == Outcome::Failed {
            // Then a save point that is reached makes good for it.
            state.dirty_at_save = state.dirty_at_save.saturating_sub(1);
        }
        let is_telling = outcome == Outcome::Ok || !running.is_foreground;
        if is_telling && (result.is_err() || !is_aborted) {
            state.saves.end(outcome);
        }
        state.saves.done += u64::from(outcome == Outcome::Ok && !running.follows_flush);
        self.set_save_gate(&state);
        drop(state);
        let log = |level, line: &str| self.log.write(level, line);
        match result {
            Err(error) => {
                self.say_unsaved(error);
                log(LogLevel::Warning, "Background saving error");
            }
            Ok(()) if is_aborted => log(LogLevel::Warning, "Background saving stopped"),
            Ok(()) => {
                log(LogLevel::Notice, "DB saved on disk");
                log(LogLevel::Notice, "Background saving terminated with success");
            }
        }
        outcome
    }

    /// Stops a snapshot that is being written for `purpose`, or is about to be; false if there is none.
    pub(crate) fn abort_snapshot(&self, purpose: Purpose) -> bool {
        match &mut self.persistence.state.lock().running {
            Some(running) if running.purpose == purpose => running.is_unwanted = true,
            Some(_) | None => return false,
        }
        if let Some(snapshot) = self.persistence.current.get() {
            snapshot.abort();
        }
        true
    }

    /// Saves at once: the caller holds all shards. A save in the background is older, and stopped.
    ///
    /// # Errors
    /// If the file cannot be written; what was there before is still there then.
    pub(crate) fn save_now(&self, held: &Held<'_>) -> io::Result<()> {
        let settings = self.settings();
        let (now, dirty) = (self.unix_seconds(), self.dirty());
        self.abort_snapshot(Purpose::Save);
        let result = self.write_now(held, &settings);
        let mut state = self.persistence.state.lock();
        if result.is_ok() {
            state.last_save = now;
            state.dirty_at_save = dirty;
            state.saves.last = Outcome::Ok;
        }
        self.set_save_gate(&state);
        drop(state);
        match &result {
            Ok(()) => self.log.write(LogLevel::Notice, "DB saved on disk"),
            Err(error) => self.say_unsaved(error),
        }
        result
    }

    fn say_unsaved(&self, error: &io::Error) {
        let persistence = &self.settings().persistence;
        let (name, dir) =
            (String::from_utf8_lossy(&persistence.dbfilename), String::from_utf8_lossy(&persistence.dir));
        let line = format!("Write error saving DB on disk: {error} (file {name} in {dir})");
        self.log.write(LogLevel::Warning, &line);
    }

    fn write_now(&self, held: &Held<'_>, settings: &crate::config::Settings) -> io::Result<()> {
        let mut target = Target::create(self, settings, Writes::AtOnce)?;
        let format = Format::rdb(self, settings, false);
        self.write_all(held, &format, &mut target)?;
        target.finish(&format, &|| false)
    }

    /// Writes everything there is; the caller holds all shards.
    pub(crate) fn write_all(
        &self,
        held: &Held<'_>,
        format: &Format,
        target: &mut Target<'_>,
    ) -> io::Result<()> {
        let mut portion = Portion::default();
        portion.put_head(format, &walker::counts(self));
        for (db, part) in held.iter().flat_map(Shard::used_dbs) {
            for entry in part.table() {
                portion.put(format, db, entry);
                if portion.bytes.len() >= PORTION_BYTES {
                    target.put(&portion.bytes)?;
                    target.keys_put(portion.keys, &|| false);
                    portion.clear();
                }
            }
        }
        target.put(&portion.bytes)?;
        target.keys_put(portion.keys, &|| false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Wish;
    use crate::config::Settings;
    use crate::testing::engine;

    #[test]
    fn a_save_that_begins_after_a_flush_is_the_save_of_the_flush() {
        let engine = engine(Settings::default());
        engine.note_flushed();
        assert!(engine.persistence.state.lock().save_scheduled, "there are save points");
        engine.reserve_save(Some(Wish::Begun)).unwrap();
        assert!(!engine.persistence.state.lock().save_scheduled && !engine.saves_flush());
    }
}
