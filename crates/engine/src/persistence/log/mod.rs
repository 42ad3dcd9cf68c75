//! The append-only file between the commands and the disk.
//!
//! ```text
//!  commands, under their locks ─▶ LogBuffer ─▶ LogWriter ─▶ file ─▶ sync
//!                                     │   who is there: a loop at the end of its batch,
//!                                     │   or the writing thread
//!  replies of the batch ◀── gate ─────┴── safe: written (everysec, no) or durable (always)
//! ```
//!
//! - Under `everysec` and `no` a loop writes what its batch appended before it sends the replies: a killed process loses
//!   nothing that was acknowledged. It does so only while the disk is calm; otherwise the writing thread does, and the
//!   replies wait for it, not the loop.
//! - Under `always` the writing thread writes and syncs what all loops appended meanwhile; replies wait for that.
//! - When the disk fails, commands that write are refused (`MISCONF`), replies to what is not safe are held back, and the
//!   writing thread tries again until the disk is well. What a failed sync took from both memory and file is in the data
//!   set: then the log is rewritten.
//!
//! Lock order: shards, then [`Log::buffer`]; [`Log::writing`], then [`Log::buffer`]. Nobody takes `writing` under shards.

mod bell;
mod durability;
mod for_backup;
mod loading;
mod preloading;
mod restoring;
mod rewrite;
mod switching;
mod threads;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use spinel_aof::annotation::{ReplicationId, Stamp};
use spinel_aof::{Directory, LargeCommand, LogBuffer, LogPosition, LogWriter, WriterOptions};
use spinel_family::{Args, DbIndex, OwnedArgs, UnixMillis};

pub(crate) use self::durability::{LOG_IS_OFF, Waiting};
pub(crate) use self::loading::CommandLoader;
pub(super) use self::preloading::Preloaded;
pub(crate) use self::switching::When;

use self::bell::Bell;
use self::durability::Durability;
use crate::Engine;
use crate::config::{AppendFsync, Settings};
use crate::journal::JournalPosition;

/// A write that took longer than this, in nanoseconds, came from a busy disk.
const BUSY_NANOS: u64 = 2_000_000;
/// For how long loops leave writing to the thread after that, in nanoseconds.
const BUSY_FOR_NANOS: u64 = 500_000_000;
/// Attempts at the writer's lock by a loop, which another loop holds for microseconds.
const SPINS: usize = 64;
/// Commands of more bytes are encoded before the buffer is locked, and what of this size waits is not written in passing.
const LARGE_COMMAND: usize = 1 << 20;
/// Room taken ahead under `always`, in bytes.
const ROOM_AHEAD: u64 = 8 << 20;

/// The files being written.
pub(crate) struct Writing {
    pub(crate) writer: LogWriter,
    pub(crate) directory: Directory,
    replication_id: ReplicationId,
    /// The manifest names what is written; before that, a first base is still missing.
    has_begun: bool,
}

impl Writing {
    fn stamp(&self, position: LogPosition, now: UnixMillis) -> Stamp {
        stamp_at(self.replication_id, position, now)
    }
}

/// The append-only file.
pub(crate) struct Log {
    is_on: AtomicBool,
    /// It is kept for the time of a backup only: nobody waits for it, and its trouble is nobody else's.
    is_for_backup: AtomicBool,
    /// An [`AppendFsync`].
    policy: AtomicU8,
    now_seconds: AtomicI64,
    /// Up to where commands appended.
    appended: AtomicU64,
    /// Up to where replies may be sent.
    safe: AtomicU64,
    /// Somebody waits for `safe`.
    is_awaited: AtomicBool,
    /// Up to where commands are durable, and who waits for it.
    pub(crate) durability: Durability,
    busy_until_nanos: AtomicU64,
    buffer: Mutex<LogBuffer>,
    writing: Mutex<Option<Writing>>,
    /// A sync has ended; belongs to `writing`.
    sync_ended: Condvar,
    /// Counts logs that began and ended, so that a rewrite knows whether the log is still the one it is for. Changes
    /// while somebody has the world, or at the end.
    serial: AtomicU64,
    write_bell: Bell,
    sync_bell: Bell,
    /// Why writes are refused, if they are; protects itself.
    refusal: Mutex<Option<String>>,
    /// Microseconds to rest before each write, for tests (`DEBUG AOF-FLUSH-SLEEP`).
    pub(crate) write_delay_micros: AtomicU64,
    pub(crate) figures: Figures,
}

/// How far the buffer is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drain {
    /// All of it.
    All,
    /// Nothing if the file is to change, which waits for the disk.
    UpToCut,
    /// All of it, into the writer's memory if it cannot be written now.
    Anyhow,
}

/// What INFO tells.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Bytes of all files but the one being written.
    pub(crate) others: AtomicU64,
    /// Bytes of that one.
    pub(crate) increment: AtomicU64,
    /// Bytes after the last rewrite, or at the start.
    pub(crate) base_size: AtomicU64,
    pub(crate) is_syncing: AtomicBool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            is_on: AtomicBool::new(false),
            is_for_backup: AtomicBool::new(false),
            policy: AtomicU8::new(AppendFsync::EverySecond as u8),
            now_seconds: AtomicI64::new(0),
            appended: AtomicU64::new(0),
            safe: AtomicU64::new(0),
            is_awaited: AtomicBool::new(false),
            durability: Durability::default(),
            busy_until_nanos: AtomicU64::new(0),
            buffer: Mutex::new(LogBuffer::new(LogPosition(0))),
            writing: Mutex::new(None),
            sync_ended: Condvar::new(),
            serial: AtomicU64::new(0),
            write_bell: Bell::default(),
            sync_bell: Bell::default(),
            refusal: Mutex::new(None),
            write_delay_micros: AtomicU64::new(0),
            figures: Figures::default(),
        }
    }
}

impl Log {
    /// Whether commands are logged.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    fn buffer(&self) -> MutexGuard<'_, LogBuffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, Option<Writing>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files, when no sync of them runs: to close or replace them.
    fn writing_at_rest(&self) -> MutexGuard<'_, Option<Writing>> {
        let is_syncing = |writing: &mut Option<Writing>| {
            writing.as_ref().is_some_and(|writing| writing.writer.is_syncing())
        };
        self.sync_ended.wait_while(self.writing(), is_syncing).unwrap_or_else(PoisonError::into_inner)
    }

    /// Which log this is.
    fn serial(&self) -> u64 {
        self.serial.load(Ordering::SeqCst)
    }

    /// The files, if nobody writes them for long.
    fn try_writing(&self) -> Option<MutexGuard<'_, Option<Writing>>> {
        for _ in 0..SPINS {
            match self.writing.try_lock() {
                Ok(writing) => return Some(writing),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        None
    }

    fn always(&self) -> bool {
        self.policy.load(Ordering::Relaxed) == AppendFsync::Always as u8
    }

    fn every_second(&self) -> bool {
        self.policy.load(Ordering::Relaxed) == AppendFsync::EverySecond as u8
    }

    /// Tells the time, for annotations.
    #[inline]
    pub(crate) fn tell_time(&self, now: UnixMillis) {
        let seconds = now.0 / 1000;
        if self.is_on() && self.now_seconds.load(Ordering::Relaxed) != seconds {
            self.now_seconds.store(seconds, Ordering::Relaxed);
        }
    }

    /// Records a command, under the locks of its keys.
    pub(crate) fn append(&self, db: DbIndex, command: Args<'_>) -> JournalPosition {
        if command.extent() > LARGE_COMMAND {
            return self.append_large(db, command);
        }
        let now = self.now_seconds.load(Ordering::Relaxed);
        let mut buffer = self.buffer();
        let end = buffer.append(u32::from(db.0), now, command);
        self.appended.store(end.0, Ordering::Release);
        JournalPosition(end.0)
    }

    /// Records a command that takes long to encode, for which nobody else is to wait.
    #[cold]
    fn append_large(&self, db: DbIndex, command: Args<'_>) -> JournalPosition {
        let encoded = LargeCommand::new(command.iter());
        let now = self.now_seconds.load(Ordering::Relaxed);
        let mut buffer = self.buffer();
        let end = buffer.append_large(u32::from(db.0), now, encoded);
        self.appended.store(end.0, Ordering::Release);
        JournalPosition(end.0)
    }

    /// Records a command that only we know.
    pub(crate) fn append_note(&self, command: Args<'_>) -> JournalPosition {
        let now = self.now_seconds.load(Ordering::Relaxed);
        let mut buffer = self.buffer();
        let end = buffer.append_note(now, command.iter());
        self.appended.store(end.0, Ordering::Release);
        JournalPosition(end.0)
    }

    /// Records several commands as one transaction.
    pub(crate) fn append_transaction(&self, commands: &[(DbIndex, OwnedArgs)]) -> JournalPosition {
        let now = self.now_seconds.load(Ordering::Relaxed);
        let (Some((first, _)), Some((last, _))) = (commands.first(), commands.last()) else {
            return JournalPosition::default();
        };
        let mut buffer = self.buffer();
        buffer.begin_transaction(u32::from(first.0), now);
        for (db, command) in commands {
            buffer.append(u32::from(db.0), now, command.args());
        }
        let end = buffer.end_transaction(u32::from(last.0), now);
        self.appended.store(end.0, Ordering::Release);
        JournalPosition(end.0)
    }

    /// Up to where commands were appended.
    pub(crate) fn appended(&self) -> JournalPosition {
        JournalPosition(self.appended.load(Ordering::Acquire))
    }

    /// Up to where replies may be sent.
    #[inline]
    pub(crate) fn safe(&self) -> JournalPosition {
        if self.is_on() && !self.is_for_backup() {
            JournalPosition(self.safe.load(Ordering::SeqCst))
        } else {
            JournalPosition(u64::MAX)
        }
    }

    /// See [`Journal::wait_beyond`](crate::journal::Journal::wait_beyond).
    pub(crate) fn wait_beyond(&self, position: JournalPosition) -> bool {
        self.is_awaited.store(true, Ordering::SeqCst);
        self.safe() <= position
    }

    /// Bytes of all its files.
    pub(crate) fn size(&self) -> u64 {
        let Figures { others, increment, .. } = &self.figures;
        others.load(Ordering::Relaxed) + increment.load(Ordering::Relaxed)
    }

    /// Bytes that wait to be written.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.buffer().waiting_bytes()
    }

    /// Why commands that write are refused, if they are.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on the annotations name this history.
    pub(crate) fn rename_history(&self, id: &str) {
        if let Some(writing) = self.writing().as_mut() {
            writing.replication_id = replication_id(id);
        }
    }
}

fn stamp_at(replication_id: ReplicationId, position: LogPosition, now: UnixMillis) -> Stamp {
    Stamp { replication_id, offset: position.0, time_ms: now.0.max(0) as u64 }
}

fn replication_id(id: &str) -> ReplicationId {
    id.as_bytes().try_into().ok().and_then(ReplicationId::new).unwrap_or(ReplicationId::ZERO)
}

fn writer_options(settings: &Settings) -> WriterOptions {
    match settings.persistence.aof.fsync {
        AppendFsync::Always => WriterOptions { preallocate_bytes: ROOM_AHEAD, ..WriterOptions::default() },
        // What a second brings is not kept in memory; after a failed sync it is read back from the file.
        AppendFsync::EverySecond | AppendFsync::No => WriterOptions { preallocate_bytes: 0, keep_bytes: 0 },
    }
}

impl Engine {
    /// At the end of a batch: writes what it appended, or has it written; says up to where the log must be safe before
    /// its replies may go, if it is not yet.
    pub(crate) fn write_log(&self) -> Option<JournalPosition> {
        let log = &self.journal.log;
        if !log.is_on() {
            return None;
        }
        if log.is_for_backup() {
            log.write_bell.ring();
            return None;
        }
        let appended = log.appended.load(Ordering::Acquire);
        let safe = log.safe.load(Ordering::Acquire);
        if safe >= appended {
            return None;
        }
        if !log.always() && appended - safe <= LARGE_COMMAND as u64 {
            self.write_in_passing();
            if log.safe.load(Ordering::Acquire) >= appended {
                return None;
            }
        }
        let waits = log.wait_beyond(JournalPosition(appended - 1));
        log.write_bell.ring();
        waits.then_some(JournalPosition(appended))
    }

    /// Writes what was appended, if the disk is calm and nobody else is at it.
    fn write_in_passing(&self) {
        let log = &self.journal.log;
        let start = self.clock.monotonic_nanos();
        if start < log.busy_until_nanos.load(Ordering::Relaxed) {
            return;
        }
        let Some(mut guard) = log.try_writing() else { return };
        let Some(writing) = guard.as_mut().filter(|writing| writing.writer.refusal().is_none()) else {
            return;
        };
        self.drain_log(writing, Drain::UpToCut);
        self.publish_log(writing);
        let end = self.clock.monotonic_nanos();
        if end.saturating_sub(start) > BUSY_NANOS {
            log.busy_until_nanos.store(end + BUSY_FOR_NANOS, Ordering::Relaxed);
        }
    }

    /// Writes all that waits, as far as `drain` says.
    fn drain_log(&self, writing: &mut Writing, drain: Drain) {
        let log = &self.journal.log;
        loop {
            let batch = {
                let mut buffer = log.buffer();
                while let Some(memory) = writing.writer.take_freed() {
                    buffer.recycle(memory);
                }
                if drain == Drain::UpToCut && buffer.has_cut() { None } else { buffer.take() }
            };
            let Some(batch) = batch else { break };
            let delay = Duration::from_micros(log.write_delay_micros.load(Ordering::Relaxed));
            if !delay.is_zero() {
                self.clock.sleep(delay);
            }
            let stamp = writing.stamp(batch.end(), self.clock.unix_millis());
            // A refusal keeps the batch in the writer; it is published with everything else.
            if writing.writer.write(batch, stamp).is_err() && drain != Drain::Anyhow {
                break;
            }
        }
    }

    /// Tells everybody how far the log is, and wakes who waits for it.
    fn publish_log(&self, writing: &Writing) {
        let log = &self.journal.log;
        let safe = if log.always() { writing.writer.durable() } else { writing.writer.written() };
        log.safe.fetch_max(safe.0, Ordering::SeqCst);
        log.figures.increment.store(writing.writer.file_length(), Ordering::Relaxed);
        let refusal = writing.writer.refusal().map(|refusal| refusal.system.clone());
        let mut known = log.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != refusal {
            // That of a log for a backup ends the backup, which says so.
            if !log.is_for_backup() {
                self.report_log_trouble(refusal.as_deref());
                self.set_log_failed(refusal.is_some());
            }
            *known = refusal;
        }
        drop(known);
        self.publish_durability(writing);
        if log.is_awaited.swap(false, Ordering::SeqCst) {
            self.nudge_workers();
        }
    }

    fn report_log_trouble(&self, refusal: Option<&str>) {
        let line = match refusal {
            Some(why) => {
                format!("Error writing to the AOF file: {why}. Writes are refused until the disk is well.")
            }
            None => "AOF write error looks solved, Redis can write again.".to_owned(),
        };
        self.log.write(crate::log::LogLevel::Warning, &line);
    }
}
