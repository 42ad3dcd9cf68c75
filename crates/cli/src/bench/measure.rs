//! One measurement: a load run against a server while its process is watched.

use std::time::Duration;

use super::blend::{Blend, Strictness};
use super::failure::Failure;
use super::fleet::{Fleet, Plan, Stop};
use super::json::Object;
use super::latency::{Latencies, Percentiles};
use super::pauses::Pauses;
use super::procfs::{self, Memory, Thread};
use super::target::Target;

/// What was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measurement {
    pub(crate) operations: u64,
    pub(crate) seconds: f64,
    pub(crate) latency_us: Percentiles,
    /// The same, with each wait if the plan keeps them.
    pub(crate) latencies: Option<Latencies>,
    /// Requests of the open loop that could not be sent in time.
    pub(crate) unsent: u64,
    /// CPU time of the generator per operation.
    pub(crate) own_us: f64,
    pub(crate) server: Option<ServerUsage>,
}

/// What the server needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerUsage {
    /// User CPU time per operation.
    pub(crate) user_us: f64,
    /// System CPU time per operation.
    pub(crate) system_us: f64,
    pub(crate) memory: Memory,
    /// Name, id and CPU time per operation of each thread that did something.
    pub(crate) threads: Vec<(String, u32, f64)>,
}

impl Measurement {
    pub(crate) fn throughput(&self) -> f64 {
        if self.seconds > 0.0 { self.operations as f64 / self.seconds } else { 0.0 }
    }

    /// Server CPU time per operation; not a number when no process was watched.
    pub(crate) fn server_us(&self) -> f64 {
        self.server.as_ref().map_or(f64::NAN, |usage| usage.user_us + usage.system_us)
    }

    /// The latencies without the pauses of the machine; not numbers when waits were not kept or pauses not watched.
    pub(crate) fn latency_us_less(&self, pauses: Option<&Pauses>) -> Percentiles {
        match (&self.latencies, pauses) {
            (Some(latencies), Some(pauses)) => latencies.percentiles_less(pauses),
            _ => Percentiles::UNKNOWN,
        }
    }

    /// The measurement as one JSON object that begins with `labels`.
    pub(crate) fn to_json(&self, labels: Object) -> Object {
        let object = labels
            .integer("operations", self.operations)
            .number("seconds", self.seconds)
            .number("ops_per_s", self.throughput())
            .number("p50_us", self.latency_us.p50)
            .number("p99_us", self.latency_us.p99)
            .number("p999_us", self.latency_us.p999)
            .number("max_us", self.latency_us.max)
            .integer("unsent", self.unsent)
            .number("generator_cpu_us_per_op", self.own_us);
        let Some(usage) = &self.server else { return object };
        let threads = usage.threads.iter().map(|(name, id, us)| {
            Object::new().text("name", name).integer("id", u64::from(*id)).number("cpu_us_per_op", *us)
        });
        object
            .number("server_cpu_us_per_op", self.server_us())
            .number("server_user_us_per_op", usage.user_us)
            .number("server_system_us_per_op", usage.system_us)
            .integer("server_rss_bytes", usage.memory.resident)
            .integer("server_peak_rss_bytes", usage.memory.peak)
            .objects("server_threads", threads)
    }
}

/// Runs `blend` by `plan` and watches process `server_pid` meanwhile, each thread of it if `per_thread`.
pub(crate) fn measure(
    target: &Target,
    plan: &Plan,
    blend: &Blend,
    strictness: Strictness,
    warmup: Duration,
    watched: Watched,
) -> Result<Measurement, Failure> {
    let mut fleet = Fleet::connect(target, plan, blend, strictness)?;
    if !warmup.is_zero() {
        fleet.run(Stop { requests: None, after: Some(warmup) })?;
    }
    let threads = |pid| if watched.per_thread { procfs::threads(pid) } else { Ok(Vec::new()) };
    let own = std::process::id();
    let before = watched.pid.map(|pid| Ok((threads(pid)?, procfs::cpu_time(pid)?))).transpose()?;
    let own_before = procfs::cpu_time(own)?;
    let tally = fleet.run(plan.stop)?;
    let own_us = procfs::cpu_time(own)?.since(own_before).total_us();
    let operations = tally.operations.max(1) as f64;
    let server = match (watched.pid, before) {
        (Some(pid), Some((threads_before, cpu_before))) => {
            let spent = procfs::cpu_time(pid)?.since(cpu_before);
            Some(ServerUsage {
                user_us: spent.user_us as f64 / operations,
                system_us: spent.system_us as f64 / operations,
                memory: procfs::memory(pid)?,
                threads: threads_spent(&threads_before, &threads(pid)?, operations),
            })
        }
        _ => None,
    };
    Ok(Measurement {
        operations: tally.operations,
        seconds: tally.seconds,
        latency_us: tally.latencies.percentiles(),
        latencies: Some(tally.latencies),
        unsent: tally.unsent,
        own_us: own_us as f64 / operations,
        server,
    })
}

/// The process to watch.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watched {
    pub(crate) pid: Option<u32>,
    pub(crate) per_thread: bool,
}

fn threads_spent(before: &[Thread], after: &[Thread], operations: f64) -> Vec<(String, u32, f64)> {
    let spent = after.iter().map(|thread| {
        let earlier = before.iter().find(|earlier| earlier.id == thread.id);
        let spent = thread.cpu.since(earlier.map(|earlier| earlier.cpu).unwrap_or_default());
        (thread.name.clone(), thread.id, spent.total_us() as f64 / operations)
    });
    spent.filter(|(_, _, us)| *us > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::{Measurement, ServerUsage, threads_spent};
    use crate::bench::json::Object;
    use crate::bench::procfs::{CpuTime, Thread};

    #[test]
    fn throughput_is_operations_by_seconds() {
        let measurement = Measurement { operations: 500, seconds: 2.0, ..Measurement::default() };
        assert_eq!(measurement.throughput(), 250.0);
        assert!(measurement.server_us().is_nan());
        assert_eq!(Measurement::default().throughput(), 0.0);
    }

    #[test]
    fn the_json_has_the_servers_figures_only_when_it_was_watched() {
        let server = Some(ServerUsage { user_us: 1.0, system_us: 0.5, ..ServerUsage::default() });
        let watched = Measurement { server, ..Measurement::default() }.to_json(Object::new()).finish();
        assert!(watched.contains(r#""server_cpu_us_per_op":1.5,"#), "{watched}");
        assert!(!Measurement::default().to_json(Object::new()).finish().contains("server"));
    }

    #[test]
    fn threads_are_matched_by_id_and_idle_ones_left_out() {
        let thread = |id, user_us| Thread { id, name: "t".into(), cpu: CpuTime { user_us, system_us: 0 } };
        let spent = threads_spent(
            &[thread(1, 100), thread(2, 50)],
            &[thread(1, 100), thread(2, 70), thread(3, 4)],
            2.0,
        );
        assert_eq!(spent, [("t".into(), 2, 10.0), ("t".into(), 3, 2.0)]);
    }
}
