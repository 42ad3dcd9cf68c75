//! What a command leaves behind besides its reply: dirt, events, journal words, ready keys, garbage.

use smallvec::SmallVec;
use spinel_resp::OwnedArgs;
use spinel_store::usage::Recording;
use spinel_store::value::RemovedElements;
use spinel_store::{Db, DbIndex, EncodingLimits, Kind, OwnedValue};

/// The settings that commands see.
#[derive(Clone, Debug)]
pub struct CommandSettings {
    /// When collections change their encoding.
    pub encodings: EncodingLimits,
    /// `proto-max-bulk-len`, in bytes: the longest string.
    pub max_string_len: u64,
    /// `hll-sparse-max-bytes`.
    pub hll_sparse_max_bytes: usize,
    /// `notify-keyspace-events`.
    pub notify: EventClasses,
    /// Databases.
    pub databases: u16,
    /// How the use of entries is recorded, for the policy of eviction.
    pub recording: Recording,
    /// Small integers are said to be shared (`OBJECT REFCOUNT`).
    pub shares_integers: bool,
    /// The journal records evictions as `UNLINK` (`lazyfree-lazy-eviction`).
    pub unlinks_evicted: bool,
    /// What `DUMP` writes and `RESTORE` checks.
    pub payloads: PayloadSettings,
}

/// What `DUMP` writes and `RESTORE` checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadSettings {
    /// Version of the RDB format.
    pub version: u16,
    /// Whether it is the lowest, and a value that asks for more gets the lowest that can hold it.
    pub is_lowest: bool,
    /// Whether strings are compressed.
    pub compression: bool,
    /// Whether checksums must be right.
    pub verify_checksum: bool,
}

impl Default for PayloadSettings {
    fn default() -> Self {
        Self { version: 10, is_lowest: true, compression: true, verify_checksum: true }
    }
}

impl Default for CommandSettings {
    fn default() -> Self {
        Self {
            encodings: EncodingLimits::default(),
            max_string_len: 512 << 20,
            hll_sparse_max_bytes: 3000,
            notify: EventClasses::NONE,
            databases: 16,
            recording: Recording::Recency,
            shares_integers: true,
            unlinks_evicted: false,
            payloads: PayloadSettings::default(),
        }
    }
}

/// A class of keyspace events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum EventClass {
    /// `g`: commands of any type.
    Generic = 1 << 2,
    /// `$`: strings.
    String = 1 << 3,
    /// `l`: lists.
    List = 1 << 4,
    /// `s`: sets.
    Set = 1 << 5,
    /// `h`: hashes.
    Hash = 1 << 6,
    /// `z`: sorted sets.
    SortedSet = 1 << 7,
    /// `x`: expired keys.
    Expired = 1 << 8,
    /// `e`: evicted keys.
    Evicted = 1 << 9,
    /// `t`: streams.
    Stream = 1 << 10,
    /// `m`: look-ups of missing keys.
    KeyMiss = 1 << 11,
    /// `d`: module types.
    Module = 1 << 13,
    /// `n`: new keys.
    New = 1 << 14,
    /// `a`: arrays.
    Array = 1 << 15,
}

/// A set of event classes and of the two kinds of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(pub u32);

impl EventClasses {
    /// Nothing is notified.
    pub const NONE: Self = Self(0);
    /// `K`: on the key's channel.
    pub const KEYSPACE: u32 = 1;
    /// `E`: on the event's channel.
    pub const KEYEVENT: u32 = 1 << 1;

    /// Whether events of a class are notified.
    #[inline]
    #[must_use]
    pub fn wants(self, class: EventClass) -> bool {
        self.0 & class as u32 != 0
    }
}

/// A keyspace event that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its class.
    pub class: EventClass,
    /// Its name.
    pub name: &'static str,
    /// The database.
    pub db: DbIndex,
    /// The key.
    pub key: Box<[u8]>,
}

/// What was removed because its time had come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The database.
    pub db: DbIndex,
    /// The key.
    pub key: Box<[u8]>,
    /// The type of the collection and its elements that were removed; nothing if it was the key itself.
    pub elements: Option<(Kind, RemovedElements)>,
}

/// What the journal records of a command that changed something.
#[derive(Debug, Default)]
pub enum Propagation {
    /// The command as it came.
    #[default]
    Verbatim,
    /// These commands instead.
    Instead(SmallVec<[(DbIndex, OwnedArgs); 1]>),
    /// Nothing.
    Nothing,
}

impl Propagation {
    /// Whether the journal records the command as it came.
    #[inline]
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        matches!(self, Self::Verbatim)
    }
}

/// Everything that commands under one set of locks leave behind.
#[derive(Default)]
pub struct Effects {
    /// Changes made, as Redis counts them for `save` points.
    pub dirty: u64,
    /// Events that are notified, in order.
    pub events: Vec<Event>,
    /// Keys and elements removed because their time had come, until the journal has them.
    pub expired: Vec<Expired>,
    /// How many of those keys the journal has.
    pub expired_recorded: u64,
    /// Keys removed to make room, until the journal has them.
    pub evicted: Vec<(DbIndex, Box<[u8]>)>,
    /// Fields of hashes removed because their time had come.
    pub expired_fields: u64,
    /// Members of sets and sorted sets and elements of lists removed because their time had come.
    pub expired_members: u64,
    /// What the journal records.
    pub propagation: Propagation,
    /// Keys that somebody waits for and that may serve them now.
    pub ready: Vec<(DbIndex, Box<[u8]>)>,
    /// The words that a command which has to wait is tried again with, if not those it came with.
    pub waits_as: Option<OwnedArgs>,
    /// Large values to be freed elsewhere.
    pub garbage: Vec<OwnedValue>,
    /// Databases of single shards taken out by a flush, to be freed elsewhere.
    pub garbage_dbs: Vec<Db>,
    /// All databases were emptied.
    pub flushed_all: bool,
    /// Lines for the server's log, for those who want to know everything.
    pub remarks: Vec<String>,
    /// Look-ups that found their key.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
}

impl Effects {
    /// Whether there is anything to deal with.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.dirty == 0 && self.is_only_dirty()
    }

    /// Whether changes were counted and nothing else has to be dealt with after the journal has them.
    #[inline]
    #[must_use]
    pub fn is_only_dirty(&self) -> bool {
        self.events.is_empty()
            && self.expired.is_empty()
            && self.expired_recorded == 0
            && self.evicted.is_empty()
            && self.expired_fields == 0
            && self.expired_members == 0
            && self.ready.is_empty()
            && self.garbage.is_empty()
            && self.garbage_dbs.is_empty()
            && !self.flushed_all
            && self.remarks.is_empty()
    }

    /// Forgets everything but keeps the buffers.
    pub fn clear(&mut self) {
        self.dirty = 0;
        self.events.clear();
        self.expired.clear();
        self.expired_recorded = 0;
        self.evicted.clear();
        self.expired_fields = 0;
        self.expired_members = 0;
        self.propagation = Propagation::Verbatim;
        self.ready.clear();
        self.waits_as = None;
        self.garbage.clear();
        self.garbage_dbs.clear();
        self.flushed_all = false;
        self.remarks.clear();
        self.hits = 0;
        self.misses = 0;
    }
}
