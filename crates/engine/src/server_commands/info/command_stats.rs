//! The sections Commandstats, Errorstats and Latencystats.

use super::text::{Report, safe};
use crate::Worker;
use crate::registry::REGISTRY;

pub(super) fn command_stats(worker: &Worker, report: &mut Report) {
    let totals = worker.engine().totals();
    for (command, counts) in REGISTRY.all().iter().zip(&totals.by_command) {
        if counts.calls == 0 && counts.rejected == 0 && counts.failed == 0 {
            continue;
        }
        let micros = counts.nanos / 1000;
        let each = if counts.calls == 0 { 0.0 } else { micros as f64 / counts.calls as f64 };
        report.field(
            &format!("cmdstat_{}", command.spec.name),
            format_args!(
                "calls={},usec={micros},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                counts.calls, counts.rejected, counts.failed
            ),
        );
    }
}

pub(super) fn error_stats(worker: &Worker, report: &mut Report) {
    for (code, count) in worker.engine().stats.errors().by_code {
        report.field(&format!("errorstat_{}", safe(&code)), format_args!("count={count}"));
    }
}

pub(super) fn latency_stats(worker: &Worker, report: &mut Report) {
    let percentiles = &worker.settings().observation.latency_percentiles;
    for (command, histogram) in worker.engine().latencies() {
        let at = |percentile: &f64| {
            let nanos = histogram.value_at_quantile(percentile / 100.0);
            format!("p{percentile}={:.3}", nanos as f64 / 1000.0)
        };
        let figures: Vec<String> = percentiles.iter().map(at).collect();
        let name = REGISTRY.get(command).spec.name;
        report.field(&format!("latency_percentiles_usec_{name}"), figures.join(","));
    }
}
