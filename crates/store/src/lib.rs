//! The data set: shards, databases, entries, values, expiry, watches and waiting lists.
//!
//! ```text
//! Keyspace ── Shard 0 ── lock ── Db 0 … Db 15 ── Table<Entry> + ExpiryIndex
//!          ├─ Shard 1 …          WatchTable, WaitTable
//! ```
//!
//! A key lives in the shard that its hash names, in all databases alike. A [`ShardGuard`] is the permission to
//! look at and change a shard; [`Held`] is the set of guards under which one command runs.
//!
//! What is deliberately absent: commands, clients, clocks (time is an argument), sockets, the log.

mod db;
mod entry;
mod expiry;
mod kept;
mod keyspace;
mod lock;
mod past;
mod readers;
mod shard;
mod snapshot;
mod undo;
pub mod usage;
pub mod value;
mod waiting;
mod watch;

pub use db::{Db, Displaced, Evictable, Expired, Found, Keep, ScanStep};
pub use entry::Entry;
pub use keyspace::{Held, Keyspace, KeyspaceOptions, LockToken, ShardGuard, Taken, Wanted, WantedValue};
pub use lock::Wake;
pub use readers::Readers;
pub use shard::{DbCounts, Shard};
pub use snapshot::SnapshotSink;
pub use spinel_structs::hash::HashKey;
pub use undo::Superseded;
pub use value::{Array, End, Hash, List, ListElement, ListNode, Set, SortedSet, Stream};
pub use value::{EncodingLimits, Kind, NewValue, OwnedValue, Text, Typed, ValueMut, ValueRef};
pub use waiting::{AwaitedKeys, WaitTable, Waiter};
pub use watch::{WatchFlag, WatchTable};

/// The number of a database, 0 to `databases - 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DbIndex(pub u16);

/// The number of a shard, 0 to `shards - 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardIndex(pub u16);

/// A point in time in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixMillis(pub i64);

/// A key's bytes with their hash under the keyspace's hash key.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Their hash.
    pub hash: u64,
}

impl<'a> Key<'a> {
    /// Hashes `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8], hash_key: &HashKey) -> Self {
        Self { bytes, hash: spinel_structs::hash::hash_bytes(hash_key, bytes) }
    }
}
