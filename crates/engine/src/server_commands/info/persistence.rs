//! The section Persistence: snapshots and the append-only file.

use std::sync::atomic::Ordering;

use super::text::Report;
use crate::Worker;
use crate::persistence::Purpose;

pub(super) fn persistence(worker: &Worker, report: &mut Report) {
    let engine = worker.engine();
    let loading = &engine.persistence.loading;
    let snapshot = engine.persistence.current.get();
    let state = engine.persistence.state.lock();
    let now = engine.unix_seconds();
    let running = |purpose| state.running.filter(|running| running.purpose == purpose);
    let elapsed = |purpose| running(purpose).map_or(-1, |running| now - running.since);
    let is_loading = engine.is_loading();
    report.field("loading", u8::from(is_loading));
    report.field("async_loading", 0);
    // Nothing is copied when it is written to: what writers hand over is written at once.
    for name in ["current_cow_peak", "current_cow_size", "current_cow_size_age"] {
        report.field(name, 0);
    }
    let (done, total) = snapshot.map_or((0, 0), |snapshot| (snapshot.keys_done(), snapshot.keys_total()));
    let percent = if total == 0 { 0.0 } else { 100.0 * done as f64 / total as f64 };
    report.field("current_fork_perc", format_args!("{percent:.2}"));
    report.field("current_save_keys_processed", done);
    report.field("current_save_keys_total", total);
    report.field("rdb_changes_since_last_save", engine.dirty().saturating_sub(state.dirty_at_save));
    report.field("rdb_bgsave_in_progress", u8::from(running(Purpose::Save).is_some()));
    report.field("rdb_last_save_time", state.last_save);
    report.field("rdb_last_bgsave_status", state.saves.last.word());
    report.field("rdb_last_bgsave_time_sec", state.saves.took);
    report.field("rdb_current_bgsave_time_sec", elapsed(Purpose::Save));
    report.field("rdb_saves", state.saves.done);
    report.field("rdb_last_cow_size", 0);
    report.field("rdb_last_load_keys_expired", loading.keys_expired.load(Ordering::Relaxed));
    report.field("rdb_last_load_keys_loaded", loading.keys_loaded.load(Ordering::Relaxed));
    let aof = &worker.settings().persistence.aof;
    let log = &engine.journal.log;
    report.field("aof_enabled", u8::from(aof.enabled));
    report.field("aof_rewrite_in_progress", u8::from(running(Purpose::Rewrite).is_some()));
    report.field("aof_rewrite_scheduled", u8::from(state.rewrite_scheduled));
    report.field("aof_last_rewrite_time_sec", state.rewrites.took);
    report.field("aof_current_rewrite_time_sec", elapsed(Purpose::Rewrite));
    report.field("aof_last_bgrewrite_status", state.rewrites.last.word());
    report.field("aof_rewrites", state.rewrites.done);
    report.field("aof_rewrites_consecutive_failures", state.rewrites.failed_in_a_row);
    report.field("aof_last_write_status", if log.refusal().is_some() { "err" } else { "ok" });
    report.field("aof_last_cow_size", 0);
    let backs_up = engine.persistence.backup.lock().phase.is_in_progress();
    report.field("backup_in_progress", u8::from(backs_up));
    report.field("module_fork_in_progress", 0);
    report.field("module_fork_last_cow_size", 0);
    if aof.enabled {
        report.field("aof_current_size", log.size());
        report.field("aof_base_size", log.figures.base_size.load(Ordering::Relaxed));
        report.field("aof_pending_rewrite", 0);
        report.field("aof_buffer_length", log.waiting_bytes());
        report.field("aof_pending_bio_fsync", u8::from(log.figures.is_syncing.load(Ordering::Relaxed)));
        // No write waits for a sync.
        report.field("aof_delayed_fsync", 0);
    }
    if is_loading {
        loading.report(now, &mut |name, value| report.field(name, value));
    }
}
