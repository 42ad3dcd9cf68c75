//! A snapshot being taken: what writers saved before they changed it, and how far the walker is.
//!
//! ```text
//! walker thread:  lock a shard ─ serialise a few entries ─ unlock ─ write them to the file ─ and so on
//! writers:        about to change an entry ─ serialise it into `kept`, which the walker writes with the next portion
//! ```
//!
//! Large values are not serialised under a lock: they are shared, and writers of their keys wait until the walker has
//! written them ([`Large`]).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spinel_family::{Args, DbIndex, Key, UnixMillis};
use spinel_store::{Entry, Held, Shard, SnapshotSink, Text, ValueRef};

use super::format::{DbKeys, Format};
use crate::apart::Reading;
use crate::data::keys_of;
use crate::registry::Command;

/// Values with more elements than this are shared, not serialised under a lock.
const LARGE_ELEMENTS: usize = 1024;
/// Values that take more bytes than this, likewise.
const LARGE_BYTES: usize = 64 << 10;

/// Whether serialising a value takes longer than a shard may be held for it.
pub(crate) fn is_large(entry: &Entry) -> bool {
    match entry.value() {
        ValueRef::String(Text::Int(_)) => false,
        ValueRef::String(Text::Bytes(bytes)) => bytes.len() > LARGE_BYTES,
        value => value.elements() > LARGE_ELEMENTS || entry.memory_bytes() > LARGE_BYTES,
    }
}

/// A large value, shared with the data set.
pub(crate) struct Large {
    pub(crate) db: DbIndex,
    pub(crate) entry: Entry,
    /// Writers of the key wait until this has ended.
    pub(crate) reading: Option<Reading>,
}

/// Serialised entries, in the order they were saved.
#[derive(Default)]
pub(crate) struct Portion {
    pub(crate) bytes: Vec<u8>,
    /// The database that the file is in behind them, as far as is known.
    pub(crate) db: Option<DbIndex>,
    /// The database that they begin with, and the bytes that select it.
    first: Option<(DbIndex, usize)>,
    pub(crate) keys: u64,
}

impl Portion {
    pub(crate) fn put(&mut self, format: &Format, db: DbIndex, entry: &Entry) {
        self.select(format, db);
        format.put_entry(&mut self.bytes, entry);
        self.keys += 1;
    }

    pub(crate) fn select(&mut self, format: &Format, db: DbIndex) {
        if self.db != Some(db) {
            let is_first = self.bytes.is_empty();
            format.put_select(&mut self.bytes, db);
            self.db = Some(db);
            if is_first {
                self.first = Some((db, self.bytes.len()));
            }
        }
    }

    /// Appends what stands before the first key.
    pub(crate) fn put_head(&mut self, format: &Format, counts: &[DbKeys]) {
        format.put_head(&mut self.bytes, counts);
        self.db = format.db_behind_head(counts);
    }

    /// Appends another portion, which selects its first database by itself.
    pub(crate) fn append(&mut self, other: &Self) {
        let needless = other.first.filter(|(db, _)| self.db == Some(*db)).map_or(0, |(_, bytes)| bytes);
        self.bytes.extend_from_slice(&other.bytes[needless..]);
        self.db = other.db.or(self.db);
        self.keys += other.keys;
    }

    /// It was written; what comes next stands behind it.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.first = None;
        self.keys = 0;
    }
}

/// What writers saved.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) portion: Portion,
    pub(crate) large: Vec<Large>,
}

/// A snapshot being taken.
pub(crate) struct Snapshot {
    pub(crate) format: Format,
    /// Keys at its instant.
    pub(crate) counts: Vec<DbKeys>,
    keys_done: AtomicU64,
    aborted: AtomicBool,
    /// Protects itself; taken under shard locks.
    kept: Mutex<Kept>,
}

impl Snapshot {
    pub(crate) fn new(format: Format, counts: Vec<DbKeys>) -> Self {
        Self {
            format,
            counts,
            keys_done: AtomicU64::new(0),
            aborted: AtomicBool::new(false),
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of what writers saved and the walker has not taken.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept().portion.bytes.capacity()
    }

    /// What writers saved since the last call.
    pub(crate) fn take_kept(&self) -> Kept {
        std::mem::take(&mut *self.kept())
    }

    /// Nobody wants it any more: what is left is passed over.
    pub(crate) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    pub(crate) fn count(&self, keys: u64) {
        self.keys_done.fetch_add(keys, Ordering::Relaxed);
    }

    /// Keys to write.
    pub(crate) fn keys_total(&self) -> u64 {
        self.counts.iter().map(|of_db| of_db.keys).sum()
    }

    /// Keys written.
    pub(crate) fn keys_done(&self) -> u64 {
        self.keys_done.load(Ordering::Relaxed)
    }

    /// Before a command changes a key: if its value is large and not saved yet, has it saved by the walker and makes
    /// writers of the key wait until then.
    fn claim(&self, shard: &mut Shard, db: DbIndex, key: Key<'_>) {
        let Some((db_then, entry)) = shard.db_mut(db).share_unsaved(key, is_large) else { return };
        if self.is_aborted() {
            return;
        }
        let reading = Reading::begin(shard, db, key.hash);
        self.kept().large.push(Large { db: db_then, entry, reading: Some(reading) });
    }
}

impl SnapshotSink for Snapshot {
    fn save(&self, db: DbIndex, entry: &mut Entry) {
        if self.is_aborted() {
            return;
        }
        let mut kept = self.kept();
        if is_large(entry) {
            kept.large.push(Large { db, entry: entry.share(), reading: None });
        } else {
            kept.portion.put(&self.format, db, entry);
        }
    }
}

impl super::Persistence {
    /// Has the large values saved first that commands are about to change and that the snapshot in progress wants.
    pub(crate) fn claim_large<'a>(
        &self,
        held: &mut Held<'_>,
        (db, now): (DbIndex, UnixMillis),
        commands: impl Iterator<Item = (&'a Command, Args<'a>)>,
    ) {
        let Some(snapshot) = self.current.get() else { return };
        for (command, args) in commands {
            for key in keys_of(held.keyspace(), command, args) {
                let shard = held.shard_mut(key.hash);
                if command.writes || shard.db(db).has_due_members(key.hash, now) {
                    snapshot.claim(shard, db, key);
                }
            }
        }
    }
}

/// The snapshot in progress, if any.
#[derive(Default)]
pub(crate) struct Current(Mutex<Option<Arc<Snapshot>>>);

impl Current {
    pub(crate) fn get(&self) -> Option<Arc<Snapshot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, snapshot: Option<Arc<Snapshot>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }
}

#[cfg(test)]
mod tests {
    use spinel_family::DbIndex;
    use spinel_rdb::decode::{Mark, Piece, Splitter};

    use super::{DbKeys, Portion};
    use crate::config::Settings;
    use crate::persistence::format::Format;
    use crate::testing::engine;

    /// The databases that a file selects which is made of portions of these databases, some of them kept by writers.
    fn selected(counted: &[u16], portions: &[(u16, bool)]) -> Vec<u64> {
        let engine = engine(Settings::default());
        let format = Format::rdb(&engine, &engine.settings(), false);
        let counts: Vec<DbKeys> =
            counted.iter().map(|db| DbKeys { db: DbIndex(*db), keys: 1, expiring: 0 }).collect();
        let (mut file, mut portion) = (Vec::new(), Portion::default());
        portion.put_head(&format, &counts);
        file.append(&mut portion.bytes);
        portion.clear();
        for (db, is_kept) in portions {
            let mut kept = Portion::default();
            let written = if *is_kept { &mut kept } else { &mut portion };
            written.select(&format, DbIndex(*db));
            portion.append(&kept);
            file.extend_from_slice(&portion.bytes);
            portion.clear();
        }
        format.put_foot(&mut file, None);
        let mut splitter = Splitter::new(&file[..]);
        let pieces = std::iter::from_fn(|| splitter.next_piece().expect("it is whole"));
        let select = |piece| match piece {
            Piece::Mark(Mark::SelectDb(db)) => Some(db),
            Piece::Mark(_) | Piece::Records(_) => None,
        };
        pieces.filter_map(select).collect()
    }

    /// Tools take each selection for another database.
    #[test]
    fn one_database_is_selected_once_however_many_portions_there_are() {
        assert_eq!(selected(&[0], &[(0, false), (0, true), (0, false), (0, true), (0, true)]), [0]);
        assert_eq!(selected(&[7], &[(7, false), (7, false)]), [7]);
        assert_eq!(selected(&[], &[]), [0; 0]);
    }

    #[test]
    fn another_database_is_selected_wherever_it_comes_from() {
        assert_eq!(
            selected(&[0, 3], &[(0, false), (3, true), (3, false), (0, true), (0, false)]),
            [0, 3, 0, 3, 0]
        );
        assert_eq!(selected(&[], &[(0, true), (2, false), (2, true)]), [0, 2]);
    }
}
