//! Loading: a snapshot file into the data set, decoded on all cores.
//!
//! ```text
//! file ─▶ splitter (this thread) ─▶ runs of records ─▶ decoders (a thread for each core) ─▶ lots by shard ─▶ shards
//! ```
//!
//! A decoder takes the lock of a shard once for all records of a lot that belong there, and asks for their places in memory before
//! it stores the first: one after the other, most of the time would go into waiting for memory and for each other.
//!
//! Bad files are refused with the place of the damage; what was loaded until then is of no use to anybody, and the
//! server ends or DEBUG RELOAD fails.

use std::fmt;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use spinel_family::{DbIndex, UnixMillis};
use spinel_rdb::decode::{
    DecodeContext, DecodeError, FileChecksum, Mark, Piece, ReadError, Record, Records, Splitter, Value,
};
use spinel_store::usage::{Recording, Use, counted, idle_since};
use spinel_store::{Db, Displaced, EncodingLimits, Keep, Key, Keyspace, ShardGuard, ShardIndex};

use super::format::REGISTERED_SCRIPT;
use super::target::KeyDelay;
use crate::Engine;
use crate::log::LogLevel;
use crate::scripting::library_name;

/// Runs of records that wait for a decoder, for each of them.
const RUNS_AHEAD: usize = 4;
/// Records of a lot that belong to the same shard, on average, and the most of a lot.
const LOT_PER_SHARD: usize = 16;
const MOST_OF_A_LOT: usize = 2048;

/// What is known of the loading in progress, and of the last one.
#[derive(Debug, Default)]
pub(crate) struct Loading {
    pub(crate) since: AtomicU64,
    pub(crate) total_bytes: AtomicU64,
    pub(crate) loaded_bytes: AtomicU64,
    pub(crate) used_memory: AtomicU64,
    pub(crate) keys_loaded: AtomicU64,
    pub(crate) keys_expired: AtomicU64,
    /// Keys that came with the time since their last use.
    pub(crate) idle_times: AtomicU64,
    /// Keys that came with the frequency of their use, which is not counted here.
    pub(crate) frequencies: AtomicU64,
}

impl Loading {
    pub(crate) fn begin(&self, now_seconds: i64, total_bytes: u64) {
        self.since.store(now_seconds.max(0) as u64, Ordering::Relaxed);
        self.total_bytes.store(total_bytes, Ordering::Relaxed);
        self.loaded_bytes.store(0, Ordering::Relaxed);
        self.used_memory.store(0, Ordering::Relaxed);
    }

    /// The fields of INFO while it goes on.
    pub(crate) fn report(&self, now_seconds: i64, field: &mut dyn FnMut(&str, &dyn fmt::Display)) {
        let since = self.since.load(Ordering::Relaxed);
        let total = self.total_bytes.load(Ordering::Relaxed);
        let loaded = self.loaded_bytes.load(Ordering::Relaxed);
        let elapsed = (now_seconds.max(0) as u64).saturating_sub(since);
        let percent = if total == 0 { 0.0 } else { 100.0 * loaded as f64 / total as f64 };
        let eta = (elapsed * total.saturating_sub(loaded)).checked_div(loaded).unwrap_or(1);
        field("loading_start_time", &since);
        field("loading_total_bytes", &total);
        field("loading_rdb_used_mem", &self.used_memory.load(Ordering::Relaxed));
        field("loading_loaded_bytes", &loaded);
        field("loading_loaded_perc", &format_args!("{percent:.2}"));
        field("loading_eta_seconds", &eta);
    }
}

/// What is done with what is in the file and in the data set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LoadOptions {
    /// Keys that are there already are replaced; otherwise they are an error.
    pub(crate) merge: bool,
    /// Keys whose time has come are loaded nevertheless, for a log follows that says what became of them.
    pub(crate) keep_expired: bool,
}

/// What was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub(crate) keys: u64,
    pub(crate) expired: u64,
    pub(crate) empty: u64,
    /// Bytes of the file.
    pub(crate) bytes: u64,
}

/// Why a snapshot was not loaded.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The file is unreadable or damaged.
    Read(ReadError),
    /// The end of the file says another checksum than its bytes have.
    Checksum { stated: u64, computed: u64 },
    /// There is no such database.
    Database(u64),
    /// A key is there twice.
    Duplicate(Vec<u8>),
    /// A registered script cannot be taken.
    Script(String),
    /// The server ends.
    CalledOff,
}

impl LoadError {
    /// As the log tells it, with or without what users named so.
    pub(super) fn for_log(&self, hides_user_data: bool) -> String {
        match self {
            Self::Duplicate(_) if hides_user_data => "RDB has duplicated key".to_owned(),
            Self::Duplicate(_)
            | Self::Read(_)
            | Self::Checksum { .. }
            | Self::Database(_)
            | Self::Script(_)
            | Self::CalledOff => self.to_string(),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Checksum { stated, computed } => {
                write!(f, "RDB CRC error: the file states {stated:x}, its bytes have {computed:x}")
            }
            Self::Database(db) => write!(
                f,
                "Data file was created with a server configured to handle more than {db} databases. Exiting"
            ),
            Self::Script(why) => {
                write!(f, "RDB field {} cannot be read: {why}", REGISTERED_SCRIPT.escape_ascii())
            }
            Self::CalledOff => f.write_str("called off"),
            Self::Duplicate(key) => write!(f, "RDB has duplicated key '{}'", key.escape_ascii()),
        }
    }
}

impl Engine {
    /// Loads a snapshot from `source`. The caller sees to it that nobody else changes the data set meanwhile.
    ///
    /// # Errors
    /// [`LoadError`]; part of the data may be in the data set then.
    pub(crate) fn load_snapshot(&self, source: impl Read, options: LoadOptions) -> Result<Loaded, LoadError> {
        let settings = self.settings();
        let limits = self.published().for_commands.encodings.clone();
        let shared = Shared {
            engine: self,
            options,
            limits: &limits,
            now: self.clock.unix_millis(),
            recording: settings.memory.recording(),
            key_delay: settings.persistence.rdb.key_load_delay,
            stop: AtomicBool::new(false),
            failure: Mutex::new(None),
            keys: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            empty: AtomicU64::new(0),
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut splitter = Splitter::new(source);
        let (give, take) = sync_channel::<(DbIndex, Records)>(threads * RUNS_AHEAD);
        let take = Mutex::new(take);
        let split = std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| shared.decode(&take));
            }
            let split = shared.split(&mut splitter, |db, records| give.send((db, records)).is_ok());
            drop(give);
            split
        });
        self.keyspace.wake_missed();
        if let Some(error) = shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        split?;
        let loaded = Loaded {
            keys: shared.keys.into_inner(),
            expired: shared.expired.into_inner(),
            empty: shared.empty.into_inner(),
            bytes: splitter.offset(),
        };
        self.note_loaded(loaded);
        Ok(loaded)
    }

    fn note_loaded(&self, loaded: Loaded) {
        let loading = &self.persistence.loading;
        loading.keys_loaded.store(loaded.keys, Ordering::Relaxed);
        loading.keys_expired.store(loaded.expired, Ordering::Relaxed);
        let empty =
            if loaded.empty > 0 { format!(", empty keys skipped: {}", loaded.empty) } else { String::new() };
        let level = if loaded.empty > 0 { LogLevel::Warning } else { LogLevel::Notice };
        self.log.write(
            level,
            &format!(
                "Done loading RDB, keys loaded: {}, keys expired: {}{empty}.",
                loaded.keys, loaded.expired
            ),
        );
    }
}

/// What the threads of a loading share.
struct Shared<'e> {
    engine: &'e Engine,
    options: LoadOptions,
    limits: &'e EncodingLimits,
    now: UnixMillis,
    recording: Recording,
    key_delay: i64,
    stop: AtomicBool,
    failure: Mutex<Option<LoadError>>,
    keys: AtomicU64,
    expired: AtomicU64,
    empty: AtomicU64,
}

impl Shared<'_> {
    fn fail(&self, error: LoadError) {
        self.stop.store(true, Ordering::Release);
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Reads the file and gives runs of records away.
    fn split<R: Read>(
        &self,
        splitter: &mut Splitter<R>,
        mut give: impl FnMut(DbIndex, Records) -> bool,
    ) -> Result<(), LoadError> {
        let mut db = DbIndex(0);
        while let Some(piece) = splitter.next_piece().map_err(LoadError::Read)? {
            self.engine.persistence.loading.loaded_bytes.store(splitter.offset(), Ordering::Relaxed);
            if self.engine.is_shutting_down() {
                return Err(LoadError::CalledOff);
            }
            if self.stop.load(Ordering::Acquire) {
                return Ok(());
            }
            match piece {
                Piece::Records(records) => {
                    if !give(db, records) {
                        return Ok(());
                    }
                }
                Piece::Mark(Mark::SelectDb(number)) => {
                    let databases = self.engine.keyspace.databases() as u64;
                    if number >= databases {
                        return Err(LoadError::Database(databases));
                    }
                    db = DbIndex(number as u16);
                }
                Piece::Mark(mark) => self.heed(mark)?,
            }
        }
        Ok(())
    }

    fn heed(&self, mark: Mark) -> Result<(), LoadError> {
        let engine = self.engine;
        let log = |level, line: &str| engine.log.write(level, line);
        match mark {
            Mark::Aux { name, value } if name == REGISTERED_SCRIPT => {
                engine.take_registered(&value, self.options.merge).map_err(LoadError::Script)?;
            }
            Mark::Aux { name, value } => self.heed_aux(&name, &value),
            Mark::Function(code) => {
                let libraries = &engine.scripts.libraries;
                if !self.options.merge && libraries.has_that_of(&code) {
                    let name = library_name(&code).unwrap_or_default();
                    return Err(LoadError::Duplicate(name.to_vec()));
                }
                libraries.keep(engine, code);
            }
            Mark::ModuleAux { module } => {
                let line = format!("Data of the module type '{module}' that belongs to no key was left out");
                log(LogLevel::Warning, &line);
            }
            Mark::Eof(FileChecksum::Wrong { stated, computed }) => {
                let is_checked = engine.settings().persistence.rdb.checksum
                    && !engine.persistence.skip_checksums.load(Ordering::Relaxed);
                if is_checked {
                    return Err(LoadError::Checksum { stated, computed });
                }
            }
            Mark::Eof(FileChecksum::Absent) => {
                log(LogLevel::Verbose, "RDB file was saved with checksum disabled: no check performed.");
            }
            Mark::SelectDb(_)
            | Mark::ResizeDb { .. }
            | Mark::SlotInfo { .. }
            | Mark::SlotImport { .. }
            | Mark::Eof(FileChecksum::Right) => {}
        }
        Ok(())
    }

    fn heed_aux(&self, name: &[u8], value: &[u8]) {
        let log = |line: &str| self.engine.log.write(LogLevel::Notice, line);
        let number = || spinel_structs::number::parse_i64(value).unwrap_or(0);
        match name {
            b"redis-ver" | b"valkey-ver" => {
                log(&format!("Loading RDB produced by version {}", value.escape_ascii()));
            }
            b"ctime" => {
                log(&format!("RDB age {} seconds", (self.engine.unix_seconds() - number()).max(0)));
            }
            b"used-mem" => {
                let bytes = number();
                self.engine.persistence.loading.used_memory.store(bytes.max(0) as u64, Ordering::Relaxed);
                log(&format!("RDB memory usage when created {:.2} Mb", bytes as f64 / f64::from(1 << 20)));
            }
            b"aof-base" if number() != 0 => log("RDB is base AOF"),
            _ => {}
        }
    }

    /// Decodes runs of records until there are no more.
    fn decode(&self, take: &Mutex<Receiver<(DbIndex, Records)>>) {
        let cx = DecodeContext { limits: self.limits, hash_key: self.engine.keyspace.hash_key() };
        let mut delay = KeyDelay::new(self.key_delay);
        loop {
            let next = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((db, records)) = next else { break };
            if self.stop.load(Ordering::Acquire) {
                continue;
            }
            if let Err(error) = self.store_all(db, records.decode(cx), &mut delay) {
                self.fail(error);
            }
        }
        self.engine.keyspace.wake_missed();
    }

    /// Stores a run of records.
    fn store_all<'r>(
        &self,
        db: DbIndex,
        records: impl Iterator<Item = Result<Record<'r>, DecodeError>>,
        delay: &mut KeyDelay,
    ) -> Result<(), LoadError> {
        let keyspace = &self.engine.keyspace;
        let most = (keyspace.shards() * LOT_PER_SHARD).min(MOST_OF_A_LOT);
        let mut lot = Lot::default();
        for record in records {
            let record = record.map_err(|error| LoadError::Read(ReadError::Decode(error)))?;
            if let Some(wanted) = self.wanted(record) {
                lot.add(keyspace, wanted);
            }
            if lot.records.len() == most {
                self.store_lot(db, &mut lot)?;
            }
            delay.rest(1, || self.engine.is_shutting_down());
        }
        self.store_lot(db, &mut lot)
    }

    /// A record and its value, unless it is to be left out.
    fn wanted<'r>(&self, mut record: Record<'r>) -> Option<(Record<'r>, Value<'r>)> {
        let Some(value) = record.value.take() else {
            self.empty.fetch_add(1, Ordering::Relaxed);
            let line = match self.engine.settings().log.hides_user_data {
                true => "skipping empty key".to_owned(),
                false => format!("skipping empty key: {}", record.key.escape_ascii()),
            };
            self.engine.log.write(LogLevel::Warning, &line);
            return None;
        };
        if record.expiry.is_some_and(|at| at < self.now) && !self.options.keep_expired {
            self.expired.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some((record, value))
    }

    /// Stores a lot, shard by shard, and empties it: shards that another decoder has come last.
    fn store_lot(&self, db: DbIndex, lot: &mut Lot<'_>) -> Result<(), LoadError> {
        let keyspace = &self.engine.keyspace;
        let Lot { records, order } = lot;
        order.sort_unstable();
        self.keys.fetch_add(records.len() as u64, Ordering::Relaxed);
        let mut store_in = |mut shard: ShardGuard<'_>, group: &[Place]| {
            let db = shard.db_mut(db);
            group.iter().for_each(|place| db.prefetch_bucket(place.hash));
            let mut wanted =
                group.iter().filter_map(|place| Some((records[place.index].take()?, place.hash)));
            wanted.try_for_each(|(wanted, hash)| self.store(db, wanted, hash))
        };
        let mut taken = Vec::new();
        for group in order.chunk_by(|a, b| a.shard == b.shard) {
            match keyspace.try_lock(group[0].shard) {
                Some(shard) => store_in(shard, group)?,
                None => taken.push(group),
            }
        }
        for group in taken {
            store_in(keyspace.wait_lock(group[0].shard), group)?;
        }
        order.clear();
        records.clear();
        Ok(())
    }

    /// Stores one record, whose key has this hash.
    fn store(
        &self,
        db: &mut Db,
        (record, value): (Record<'_>, Value<'_>),
        hash: u64,
    ) -> Result<(), LoadError> {
        let Record { key, expiry, idle_seconds, frequency, member_times, .. } = record;
        let hashed = Key { bytes: &key, hash };
        let recording = self.recording;
        let used = Use::new(recording, self.now, || 0);
        let displaced =
            value.into_new(|value| db.put(hashed, value, Keep::Replace(expiry), (self.now, used)));
        if !member_times.is_empty() {
            db.change_collection(hashed, self.now, |value| {
                value.set_element_expiries(member_times.iter(), self.engine.keyspace.hash_key());
            });
        }
        if let Some(access) = told_use(recording, (idle_seconds, frequency), self.now)
            && let Some(entry) = db.find(hashed)
        {
            entry.touch(access);
        }
        let loading = &self.engine.persistence.loading;
        if idle_seconds.is_some() {
            loading.idle_times.fetch_add(1, Ordering::Relaxed);
        }
        if frequency.is_some() {
            loading.frequencies.fetch_add(1, Ordering::Relaxed);
        }
        if !matches!(displaced, Displaced::Nothing) && !self.options.merge {
            return Err(LoadError::Duplicate(key.into_owned()));
        }
        Ok(())
    }
}

/// Records that are stored together.
#[derive(Default)]
struct Lot<'r> {
    records: Vec<Option<(Record<'r>, Value<'r>)>>,
    order: Vec<Place>,
}

/// Where a record belongs, and which of its lot it is: those of one shard stay in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    shard: ShardIndex,
    index: usize,
    hash: u64,
}

impl<'r> Lot<'r> {
    fn add(&mut self, keyspace: &Keyspace, wanted: (Record<'r>, Value<'r>)) {
        let hash = keyspace.key(&wanted.0.key).hash;
        self.order.push(Place { shard: keyspace.shard_of(hash), index: self.records.len(), hash });
        self.records.push(Some(wanted));
    }
}

/// The access field of an entry of whose use a file or a command told: the seconds since it, or how frequent it is. `None`
/// if the policy of eviction does not go by that.
pub(crate) fn told_use(
    recording: Recording,
    (idle_seconds, frequency): (Option<u64>, Option<u8>),
    now: UnixMillis,
) -> Option<u32> {
    match recording {
        Recording::Frequency(_) => frequency.map(|count| counted(now, count)),
        Recording::Recency | Recording::Modification => idle_seconds.map(|seconds| idle_since(now, seconds)),
    }
}
