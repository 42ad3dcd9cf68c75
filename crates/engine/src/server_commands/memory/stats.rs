//! MEMORY STATS: where the memory of the server is, as a map.

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::server_commands::info::memory::{DatabaseOverhead, Overview};
use crate::session::{SessionCommand, SessionContext};

/// Returns where the memory of the server is, in bytes.
#[derive(Command)]
#[command(name = "memory|stats", group = Server, since = "4.0.0", complexity = "O(1)")]
#[command(tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special"))]
pub(super) struct MemoryStats;

/// Pairs of the map beside those of the databases.
const PAIRS: usize = 27;

impl SessionCommand for MemoryStats {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let overview = Overview::of(cx.worker);
        out.map(PAIRS + overview.databases.len());
        write_totals(&overview, out);
        overview.databases.iter().for_each(|overhead| write_database(overhead, out));
        write_keys(&overview, out);
        write_allocator(&overview, out);
        Ok(Flow::Continue)
    }
}

fn write_bytes(name: &str, bytes: u64, out: &mut Encoder) {
    out.bulk(name.as_bytes());
    out.integer(bytes as i64);
}

fn write_ratio(name: &str, ratio: f64, out: &mut Encoder) {
    out.bulk(name.as_bytes());
    out.double(ratio);
}

/// What is not there (replicas, cluster, append-only file, scripts) takes nothing.
fn write_totals(overview: &Overview, out: &mut Encoder) {
    for (name, bytes) in [
        ("peak.allocated", overview.peak),
        ("total.allocated", overview.figures.allocated),
        ("startup.allocated", overview.startup),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("clients.normal", overview.clients),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
    ] {
        write_bytes(name, bytes, out);
    }
}

fn write_database(overhead: &DatabaseOverhead, out: &mut Encoder) {
    out.bulk(format!("db.{}", overhead.db.0).as_bytes());
    out.map(3);
    write_bytes("overhead.hashtable.main", overhead.table, out);
    write_bytes("overhead.hashtable.expires", overhead.expiries, out);
    write_bytes("overhead.hashtable.slot-to-keys", 0, out);
}

fn write_keys(overview: &Overview, out: &mut Encoder) {
    let net = overview.figures.allocated.saturating_sub(overview.startup);
    write_bytes("overhead.total", overview.overhead, out);
    write_bytes("keys.count", overview.keys, out);
    write_bytes("keys.bytes-per-key", net.checked_div(overview.keys).unwrap_or(0), out);
    write_bytes("dataset.bytes", overview.dataset, out);
    write_ratio("dataset.percentage", overview.dataset_percent(), out);
    write_ratio("peak.percentage", overview.peak_percent(), out);
}

fn write_allocator(overview: &Overview, out: &mut Encoder) {
    let figures = &overview.figures;
    write_bytes("allocator.allocated", figures.allocated, out);
    write_bytes("allocator.active", figures.active, out);
    write_bytes("allocator.resident", figures.resident, out);
    let names = [
        ["allocator-fragmentation.ratio", "allocator-fragmentation.bytes"],
        ["allocator-rss.ratio", "allocator-rss.bytes"],
        ["rss-overhead.ratio", "rss-overhead.bytes"],
        ["fragmentation", "fragmentation.bytes"],
    ];
    for ([ratio_name, bytes_name], (ratio, bytes)) in names.into_iter().zip(overview.fragmentation()) {
        write_ratio(ratio_name, ratio, out);
        out.bulk(bytes_name.as_bytes());
        out.integer(bytes);
    }
}
