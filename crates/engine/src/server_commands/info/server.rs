//! The sections about the process and its role: Server, Replication, CPU.

use std::sync::atomic::Ordering;

use super::text::Report;
use crate::REDIS_VERSION;
use crate::Worker;
use crate::config::Supervised;

const SECONDS_A_DAY: i64 = 24 * 3600;

pub(super) fn server(worker: &Worker, report: &mut Report) {
    let (engine, settings) = (worker.engine(), worker.settings());
    let about = engine.host().probe.about();
    let micros = engine.clock.unix_micros();
    let uptime = (micros - engine.started_micros).max(0) / 1_000_000;
    report.field("redis_version", REDIS_VERSION);
    report.field("server_name", "spinel");
    report.field("spinel_version", env!("CARGO_PKG_VERSION"));
    report.field("redis_git_sha1", "00000000");
    report.field("redis_git_dirty", 0);
    report.field("redis_build_id", "0");
    report.field("redis_mode", "standalone");
    report.field("os", about.os);
    report.field("arch_bits", usize::BITS);
    report.field("monotonic_clock", "POSIX clock_gettime");
    report.field("multiplexing_api", about.multiplexer);
    report.field("atomicvar_api", "rust");
    report.field("gcc_version", "0.0.0");
    report.field("process_id", about.process_id);
    report.field(
        "process_supervised",
        match settings.process.supervised {
            Supervised::No => "no",
            Supervised::Upstart => "upstart",
            Supervised::Systemd => "systemd",
            Supervised::Auto => "unknown",
        },
    );
    report.field("run_id", &engine.run_id);
    report.field("tcp_port", settings.network.port);
    report.field("server_time_usec", micros);
    report.field("uptime_in_seconds", uptime);
    report.field("uptime_in_days", uptime / SECONDS_A_DAY);
    report.field("hz", settings.keyspace.hz);
    report.field("configured_hz", settings.keyspace.hz);
    report.field("lru_clock", (worker.now().0 / 1000) & 0x00FF_FFFF);
    report.field("executable", about.executable);
    let file = engine.config_file.as_ref().map(|file| file.display().to_string());
    report.field("config_file", file.unwrap_or_default());
    report.field("io_threads_active", 0);
    // As in Valkey, which has the field always.
    let zone = &settings.network.availability_zone;
    if !zone.is_empty() {
        report.field("availability_zone", String::from_utf8_lossy(zone));
    }
}

/// A primary without replicas.
pub(super) fn replication(worker: &Worker, report: &mut Report) {
    let engine = worker.engine();
    report.field("role", "master");
    report.field("connected_slaves", 0);
    let replication = &worker.settings().replication;
    if replication.min_replicas_to_write > 0 && replication.min_replicas_max_lag > 0 {
        report.field("min_slaves_good_slaves", 0);
    }
    report.field("master_failover_state", "no-failover");
    report.field("master_replid", engine.replication_id());
    report.field("master_replid2", "0".repeat(40));
    report.field("master_repl_offset", 0);
    report.field("second_repl_offset", -1);
    report.field("repl_backlog_active", 0);
    report.field("repl_backlog_size", 1 << 20);
    report.field("repl_backlog_first_byte_offset", 0);
    report.field("repl_backlog_histlen", 0);
}

pub(super) fn cpu(worker: &Worker, report: &mut Report) {
    let times = worker.engine().host().probe.cpu();
    for (name, seconds) in [
        ("used_cpu_sys", times.system),
        ("used_cpu_user", times.user),
        ("used_cpu_sys_children", 0.0),
        ("used_cpu_user_children", 0.0),
        ("used_cpu_sys_main_thread", times.thread_system),
        ("used_cpu_user_main_thread", times.thread_user),
    ] {
        report.field(name, format_args!("{seconds:.6}"));
    }
}

/// Commands that panicked, shown at the end of the counters: each is a bug to report.
pub(super) fn panics(worker: &Worker, report: &mut Report) {
    report.field("spinel_command_panics", worker.engine().stats.panics.load(Ordering::Relaxed));
}
