//! The section Stats: the counters of all workers together.

use std::sync::atomic::Ordering;

use super::server;
use super::text::Report;
use crate::Worker;
use crate::pubsub::Topic;
use crate::stats::Totals;

pub(super) fn stats(worker: &Worker, report: &mut Report) {
    let engine = worker.engine();
    let totals = engine.totals();
    let rates = engine.stats.rates();
    let zeros = |report: &mut Report, names: &[&str]| names.iter().for_each(|name| report.field(name, 0));
    report.field("total_connections_received", totals.connections);
    report.field("total_commands_processed", totals.commands);
    report.field("instantaneous_ops_per_sec", rates.commands.round() as u64);
    report.field("total_net_input_bytes", totals.input_bytes);
    report.field("total_net_output_bytes", totals.output_bytes);
    zeros(report, &["total_net_repl_input_bytes", "total_net_repl_output_bytes"]);
    report.field("instantaneous_input_kbps", format_args!("{:.2}", rates.input_kib));
    report.field("instantaneous_output_kbps", format_args!("{:.2}", rates.output_kib));
    report.field("instantaneous_input_repl_kbps", "0.00");
    report.field("instantaneous_output_repl_kbps", "0.00");
    report.field("rejected_connections", totals.rejected_connections);
    zeros(report, &["sync_full", "sync_partial_ok", "sync_partial_err"]);
    expiries(worker, &totals, report);
    let (total, current) = engine.stats.exceeded.millis(engine.clock.monotonic_nanos());
    report.field("evicted_keys", totals.evicted);
    report.field("evicted_clients", engine.stats.evicted_clients.load(Ordering::Relaxed));
    report.field("total_eviction_exceeded_time", total);
    report.field("current_eviction_exceeded_time", current);
    report.field("keyspace_hits", totals.hits);
    report.field("keyspace_misses", totals.misses);
    report.field("pubsub_channels", engine.pubsub.count(Topic::Channel));
    report.field("pubsub_patterns", engine.pubsub.count(Topic::Pattern));
    report.field("pubsubshard_channels", engine.pubsub.count(Topic::ShardChannel));
    report.field("latest_fork_usec", 0);
    report.field("total_forks", engine.persistence.state.lock().forks);
    zeros(
        report,
        &[
            "migrate_cached_sockets",
            "slave_expires_tracked_keys",
            "active_defrag_hits",
            "active_defrag_misses",
            "active_defrag_key_hits",
            "active_defrag_key_misses",
            "total_active_defrag_time",
            "current_active_defrag_time",
            "tracking_total_keys",
            "tracking_total_items",
            "tracking_total_prefixes",
        ],
    );
    report.field("unexpected_error_replies", engine.stats.unexpected_errors.load(Ordering::Relaxed));
    report.field("total_error_replies", engine.stats.errors().total);
    report.field("dump_payload_sanitizations", 0);
    report.field("total_reads_processed", totals.reads);
    report.field("total_writes_processed", totals.writes);
    zeros(report, &["io_threaded_reads_processed", "io_threaded_writes_processed"]);
    report.field("client_query_buffer_limit_disconnections", totals.query_limit_disconnections);
    report.field("client_output_buffer_limit_disconnections", totals.output_limit_disconnections);
    zeros(report, &["reply_buffer_shrinks", "reply_buffer_expands"]);
    report.field("eventloop_cycles", totals.turns);
    ours(worker, &totals, report);
}

fn expiries(worker: &Worker, totals: &Totals, report: &mut Report) {
    report.field("expired_keys", totals.expired);
    report.field("expired_subkeys", totals.expired_fields);
    report.field("expired_fields", totals.expired_fields);
    report.field("expired_stale_perc", "0.00");
    let cut_short = worker.engine().stats.expire_cut_short.load(Ordering::Relaxed);
    report.field("expired_time_cap_reached_count", cut_short);
    report.field("expire_cycle_cpu_milliseconds", totals.expire_nanos / 1_000_000);
}

/// What Redis does not have: how far the commands have come that go through the whole keyspace, members of sets and sorted
/// sets that expired, and the panics.
fn ours(worker: &Worker, totals: &Totals, report: &mut Report) {
    let gradual = &worker.engine().stats.gradual;
    for (name, figure) in [
        ("scandel_running", &gradual.running),
        ("scandel_keys_total", &gradual.total),
        ("scandel_keys_seen", &gradual.seen),
        ("scandel_keys_removed", &gradual.changed),
    ] {
        report.field(name, figure.load(Ordering::Relaxed));
    }
    report.field("expired_members", totals.expired_members);
    server::panics(worker, report);
}
