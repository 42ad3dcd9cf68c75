//! The data: databases, encodings, upkeep, eviction.

use super::super::choices::MaxmemoryPolicy;
use super::super::directive::{Directive, Flags, Store, Unit};
use super::super::special;
use super::super::value::Reason;
use super::super::value::Value;
use super::{INT_MAX, ULONG_MAX, choice, count, field, flag, memory, number, optional_text, text};

/// What a Redis says that was not built with its own allocator, which tells how pages are filled.
const DEFRAGMENTATION_IS_ABSENT: &str = "Active defragmentation cannot be enabled: it requires a Redis server compiled with a \
     modified Jemalloc like the one shipped by default with the Redis source distribution";
const NO_DEFRAGMENTATION: &str = "tunes active defragmentation, which cannot be switched on";

/// The keyspace numbers its databases with 16 bits.
const MAX_DATABASES: i64 = 65_535;

pub(super) const DIRECTIVES: &[Directive] = &[
    number("databases", "16", 1, MAX_DATABASES).flags(Flags::IMMUTABLE).at(field!(keyspace.databases)),
    number("hz", "10", 0, INT_MAX).at(HZ),
    flag("dynamic-hz", "yes").at(field!(keyspace.dynamic_hz)),
    super::special("notify-keyspace-events", "", special::NOTIFY),
    optional_text("hash-seed")
        .check_text(|seed| match seed.len() {
            0..=256 => Ok(()),
            _ => Err("hash-seed must be less than or equal to 256 characters".into()),
        })
        .flags(Flags::FIXED)
        .at(field!(keyspace.hash_seed)),
    text("locale-collate", "")
        .check_text(collation)
        .inert("texts are sorted byte by byte, as in the C locale"),
    flag("import-mode", "no").flags(Flags::DEBUG).later("import mode"),
    flag("lazyfree-lazy-eviction", "no").flags(Flags::DEBUG).at(field!(keyspace.lazyfree.eviction)),
    flag("lazyfree-lazy-expire", "no").flags(Flags::DEBUG).at(field!(keyspace.lazyfree.expire)),
    flag("lazyfree-lazy-server-del", "no").flags(Flags::DEBUG).at(field!(keyspace.lazyfree.server_del)),
    flag("lazyfree-lazy-user-del", "no").flags(Flags::DEBUG).at(field!(keyspace.lazyfree.user_del)),
    flag("lazyfree-lazy-user-flush", "no").flags(Flags::DEBUG).at(field!(keyspace.lazyfree.user_flush)),
    number("active-expire-effort", "1", 1, 10)
        .inert("expired keys are found by an index, not by sampling with more or less effort"),
    flag("activerehashing", "yes")
        .inert("tables grow a little with each operation and need no turns of their own"),
    // Encodings.
    count("hash-max-listpack-entries", "512", 0, i64::MAX)
        .alias("hash-max-ziplist-entries")
        .at(field!(encodings.hash_max_listpack_entries)),
    count("hash-max-listpack-value", "64", 0, i64::MAX)
        .unit(Unit::Memory)
        .alias("hash-max-ziplist-value")
        .at(field!(encodings.hash_max_listpack_value)),
    number("list-max-listpack-size", "-2", i32::MIN as i64, INT_MAX)
        .alias("list-max-ziplist-size")
        .at(field!(encodings.list_max_listpack_size)),
    number("list-compress-depth", "0", 0, INT_MAX)
        .flags(Flags::DEBUG)
        .inert("nodes of lists are not compressed"),
    count("set-max-intset-entries", "512", 0, i64::MAX).at(field!(encodings.set_max_intset_entries)),
    count("set-max-listpack-entries", "128", 0, i64::MAX).at(field!(encodings.set_max_listpack_entries)),
    count("set-max-listpack-value", "64", 0, i64::MAX).at(field!(encodings.set_max_listpack_value)),
    count("zset-max-listpack-entries", "128", 0, i64::MAX)
        .alias("zset-max-ziplist-entries")
        .at(field!(encodings.zset_max_listpack_entries)),
    count("zset-max-listpack-value", "64", 0, i64::MAX)
        .unit(Unit::Memory)
        .alias("zset-max-ziplist-value")
        .at(field!(encodings.zset_max_listpack_value)),
    count("hll-sparse-max-bytes", "3000", 0, i64::MAX)
        .unit(Unit::Memory)
        .at(field!(encodings.hll_sparse_max_bytes)),
    count("stream-node-max-bytes", "4096", 0, i64::MAX)
        .unit(Unit::Memory)
        .at(field!(encodings.stream_node_max_bytes)),
    number("stream-node-max-entries", "100", 0, i64::MAX).at(field!(encodings.stream_node_max_entries)),
    number("stream-idmp-duration", "100", 1, 86_400).at(field!(encodings.stream_idmp_duration)),
    number("stream-idmp-maxsize", "100", 1, 10_000).at(field!(encodings.stream_idmp_maxsize)),
    // Eviction.
    memory("maxmemory", "0", 0, ULONG_MAX).unsigned().at(field!(memory.maxmemory)),
    choice::<MaxmemoryPolicy>("maxmemory-policy", "noeviction").at(field!(memory.maxmemory_policy)),
    number("maxmemory-samples", "5", 1, INT_MAX).at(field!(memory.maxmemory_samples)),
    number("maxmemory-eviction-tenacity", "10", 0, 100).at(field!(memory.maxmemory_eviction_tenacity)),
    memory("maxmemory-clients", "0", -100, i64::MAX)
        .unit(Unit::MemoryOrPercent)
        .at(field!(memory.maxmemory_clients)),
    number("lfu-log-factor", "10", 0, INT_MAX).at(field!(memory.lfu_log_factor)),
    number("lfu-decay-time", "1", 0, INT_MAX).at(field!(memory.lfu_decay_time)),
    // Defragmentation.
    flag("activedefrag", "no").flags(Flags::DEBUG).absent(DEFRAGMENTATION_IS_ABSENT),
    number("active-defrag-cycle-min", "1", 1, 99).inert(NO_DEFRAGMENTATION),
    number("active-defrag-cycle-max", "25", 1, 99).inert(NO_DEFRAGMENTATION),
    number("active-defrag-threshold-lower", "10", 0, 1000).inert(NO_DEFRAGMENTATION),
    number("active-defrag-threshold-upper", "100", 0, 1000).inert(NO_DEFRAGMENTATION),
    number("active-defrag-max-scan-fields", "1000", 1, i64::MAX).inert(NO_DEFRAGMENTATION),
    number("active-defrag-cycle-us", "500", 0, 100_000).inert(NO_DEFRAGMENTATION),
    count("active-defrag-ignore-bytes", "104857600", 1, i64::MAX)
        .unit(Unit::Memory)
        .inert(NO_DEFRAGMENTATION),
];

/// `hz` takes any number from 0 and keeps it between 1 and 500.
const HZ: Store = Store::Field {
    read: |settings| Value::Number(i64::from(settings.keyspace.hz)),
    write: |settings, value| {
        let Value::Number(hz) = value else { unreachable!("hz is declared as a number") };
        settings.keyspace.hz = hz.clamp(1, 500) as u32;
    },
};

/// The locales in which texts are sorted byte by byte. Empty means that of the environment elsewhere.
fn collation(locale: &[u8]) -> Result<(), Reason> {
    match locale {
        b"" | b"C" | b"POSIX" | b"C.UTF-8" | b"C.utf8" => Ok(()),
        _ => Err("Invalid locale name".into()),
    }
}
