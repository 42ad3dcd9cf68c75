//! The section Memory, and the overhead that `MEMORY STATS` breaks down.

use std::sync::atomic::Ordering;

use spinel_store::{DbIndex, ShardIndex};

use super::text::{Report, human};
use crate::Worker;
use crate::host::MemoryFigures;
use crate::scripting::Scripts;

/// Where the memory is, in bytes.
#[derive(Debug, Default)]
pub(in crate::server_commands) struct Overview {
    pub(in crate::server_commands) figures: MemoryFigures,
    pub(in crate::server_commands) peak: u64,
    pub(in crate::server_commands) startup: u64,
    pub(in crate::server_commands) clients: u64,
    /// What the databases take beside their entries, for those that have keys.
    pub(in crate::server_commands) databases: Vec<DatabaseOverhead>,
    pub(in crate::server_commands) keys: u64,
    pub(in crate::server_commands) overhead: u64,
    pub(in crate::server_commands) dataset: u64,
}

/// What a database takes beside its entries, in bytes.
#[derive(Debug)]
pub(in crate::server_commands) struct DatabaseOverhead {
    pub(in crate::server_commands) db: DbIndex,
    /// By its table.
    pub(in crate::server_commands) table: u64,
    /// By its expiry index.
    pub(in crate::server_commands) expiries: u64,
}

/// The ratio of two amounts, 0 when nothing can be said.
pub(in crate::server_commands) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Overview {
    pub(in crate::server_commands) fn of(worker: &Worker) -> Self {
        let engine = worker.engine();
        let figures = engine.host().probe.memory();
        engine.stats.peak_memory.fetch_max(figures.allocated, Ordering::Relaxed);
        let clients = engine.clients.list();
        let clients: u64 = clients.iter().map(|client| client.total_bytes.load(Ordering::Relaxed)).sum();
        let keyspace = &engine.keyspace;
        let keys = (0..keyspace.databases()).map(|db| keyspace.count(DbIndex(db as u16)).0 as u64).sum();
        let databases = overhead_of_databases(worker);
        let startup = engine.stats.startup_memory.load(Ordering::Relaxed);
        let overhead = startup + clients + databases.iter().map(|it| it.table + it.expiries).sum::<u64>();
        Self {
            peak: engine.stats.peak_memory.load(Ordering::Relaxed),
            startup,
            clients,
            databases,
            keys,
            overhead,
            dataset: figures.allocated.saturating_sub(overhead),
            figures,
        }
    }

    /// The part of the data set in what was allocated since the start, in percent.
    pub(in crate::server_commands) fn dataset_percent(&self) -> f64 {
        100.0 * ratio(self.dataset, self.figures.allocated.saturating_sub(self.startup))
    }

    /// Allocated memory now, in percent of its peak.
    pub(in crate::server_commands) fn peak_percent(&self) -> f64 {
        100.0 * ratio(self.figures.allocated, self.peak)
    }

    /// The four pairs of ratio and difference: fragmentation, retained pages, other overhead, all together.
    pub(in crate::server_commands) fn fragmentation(&self) -> [(f64, i64); 4] {
        let figures = &self.figures;
        let pair = |larger: u64, smaller: u64| (ratio(larger, smaller), larger as i64 - smaller as i64);
        [
            pair(figures.active, figures.allocated),
            pair(figures.resident, figures.active),
            pair(figures.rss, figures.resident),
            pair(figures.rss, figures.allocated),
        ]
    }
}

/// Shards that are taken are left out: nobody waits for a figure.
fn overhead_of_databases(worker: &Worker) -> Vec<DatabaseOverhead> {
    let keyspace = &worker.engine().keyspace;
    let mut found = Vec::new();
    for db in (0..keyspace.databases()).map(|db| DbIndex(db as u16)) {
        if keyspace.count(db).0 == 0 {
            continue;
        }
        let shards = (0..keyspace.shards()).map(|shard| ShardIndex(shard as u16));
        let mut overhead = DatabaseOverhead { db, table: 0, expiries: 0 };
        for shard in shards.filter_map(|shard| keyspace.try_lock(shard)) {
            let (all, expiries) = (shard.db(db).overhead_bytes(), shard.db(db).expiry_bytes());
            overhead.table += (all - expiries) as u64;
            overhead.expiries += expiries as u64;
        }
        found.push(overhead);
    }
    found
}

pub(super) fn memory(worker: &Worker, report: &mut Report) {
    let overview = Overview::of(worker);
    let figures = &overview.figures;
    report.bytes("used_memory", figures.allocated);
    report.bytes("used_memory_rss", figures.rss);
    report.bytes("used_memory_peak", overview.peak);
    report.field("used_memory_peak_perc", format_args!("{:.2}%", overview.peak_percent()));
    report.field("used_memory_overhead", overview.overhead);
    report.field("used_memory_startup", overview.startup);
    report.field("used_memory_dataset", overview.dataset);
    report.field("used_memory_dataset_perc", format_args!("{:.2}%", overview.dataset_percent()));
    report.field("allocator_allocated", figures.allocated);
    report.field("allocator_active", figures.active);
    report.field("allocator_resident", figures.resident);
    report.bytes("total_system_memory", figures.total_system);
    scripts(report, &worker.engine().scripts);
    let settings = &worker.settings().memory;
    report.bytes("maxmemory", settings.maxmemory);
    report.field("maxmemory_policy", settings.maxmemory_policy.word());
    let names = [
        ["allocator_frag_ratio", "allocator_frag_bytes"],
        ["allocator_rss_ratio", "allocator_rss_bytes"],
        ["rss_overhead_ratio", "rss_overhead_bytes"],
        ["mem_fragmentation_ratio", "mem_fragmentation_bytes"],
    ];
    for ([ratio_name, bytes_name], (ratio, bytes)) in names.into_iter().zip(overview.fragmentation()) {
        report.field(ratio_name, format_args!("{ratio:.2}"));
        report.field(bytes_name, bytes);
    }
    report.field("mem_not_counted_for_evict", worker.engine().memory.not_counted());
    for name in ["mem_replication_backlog", "mem_total_replication_buffers", "mem_clients_slaves"] {
        report.field(name, 0);
    }
    report.field("mem_clients_normal", overview.clients);
    report.field("mem_cluster_links", 0);
    report.field("mem_aof_buffer", worker.engine().journal.log.waiting_bytes());
    report.field("mem_allocator", worker.engine().host().probe.about().allocator);
    report.field("active_defrag_running", 0);
    let stats = &worker.engine().stats;
    report.field("lazyfree_pending_objects", stats.lazily_pending.load(Ordering::Relaxed));
    report.field("lazyfreed_objects", stats.lazily_freed.load(Ordering::Relaxed));
}

/// What scripts and functions take: of the machines what was told after the last call.
fn scripts(report: &mut Report, scripts: &Scripts) {
    let (eval, functions) = (scripts.machine_bytes(), scripts.libraries.used_bytes());
    let (libraries, count) =
        scripts.libraries.counts().values().fold((0, 0), |(libraries, functions), count| {
            (libraries + count.libraries, functions + count.functions)
        });
    report.field("used_memory_lua", eval);
    report.field("used_memory_vm_eval", eval);
    report.field("used_memory_lua_human", human(eval as u64));
    report.field("used_memory_scripts_eval", scripts.known_bytes());
    report.field("number_of_cached_scripts", scripts.count());
    report.field("number_of_functions", count);
    report.field("number_of_libraries", libraries);
    report.field("used_memory_vm_functions", functions);
    report.bytes("used_memory_vm_total", (eval + functions) as u64);
    report.field("used_memory_functions", scripts.libraries.known_bytes());
    report.bytes("used_memory_scripts", (scripts.known_bytes() + scripts.libraries.known_bytes()) as u64);
}
