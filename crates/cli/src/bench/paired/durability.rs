//! What an append-only file costs: writes under each policy of syncing, at several numbers of connections.
//!
//! Every contestant has two servers, one with a log and one without. The rounds of the cases take turns, so that a disk
//! that has a bad minute has it for all.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Setting;
use super::contestant::{Contestant, Placement, Server};
use super::sheet::{Entry, Metric, Sheet, median};
use crate::bench::blend::{Blend, Strictness};
use crate::bench::failure::Failure;
use crate::bench::fleet::{Plan, Stop, fill};
use crate::bench::measure::{Measurement, Watched, measure};
use crate::bench::template::Shape;
use crate::bench::worker::Idle;
use crate::bench::workload::Load;

const VALUE_BYTES: usize = 3;
/// Thousands of keys.
const KEYS_THOUSANDS: u64 = 100;
/// Syncs of the calibration, and the bytes written before each.
const SYNCS: u32 = 300;
const SYNCED_BYTES: usize = 128;

const METRICS: &[Metric] = &[
    Metric { name: "ops_per_s", heading: "ops/s", decimals: 0, compared: true },
    Metric { name: "of_yardstick", heading: "of its yardstick %", decimals: 1, compared: false },
    Metric { name: "server_cpu_us_per_op", heading: "server CPU us/op", decimals: 3, compared: true },
    Metric { name: "p50_us", heading: "p50 us", decimals: 0, compared: false },
    Metric { name: "p99_us", heading: "p99 us", decimals: 0, compared: false },
    Metric { name: "p999_us", heading: "p99.9 us", decimals: 0, compared: false },
];

/// How a server syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    NoLog,
    EverySecond,
    Always,
}

/// A load, and the case that it is compared with: `always` with `everysec`, `everysec` with no log.
#[derive(Debug, Clone, Copy)]
struct Case {
    policy: Policy,
    connections: usize,
    pipeline: usize,
    yardstick: Option<usize>,
}

const fn case(policy: Policy, connections: usize, pipeline: usize, yardstick: Option<usize>) -> Case {
    Case { policy, connections, pipeline, yardstick }
}

const CASES: &[Case] = &[
    case(Policy::EverySecond, 1, 1, None),
    case(Policy::Always, 1, 1, Some(0)),
    case(Policy::EverySecond, 50, 1, None),
    case(Policy::Always, 50, 1, Some(2)),
    case(Policy::EverySecond, 200, 1, None),
    case(Policy::Always, 200, 1, Some(4)),
    case(Policy::NoLog, 50, 16, None),
    case(Policy::EverySecond, 50, 16, Some(6)),
];

/// Runs every case on every contestant, with one worker.
pub(crate) fn run(contestants: &[Contestant], setting: &Setting) -> Result<Sheet, Failure> {
    let real: Vec<&Contestant> = contestants.iter().filter(|contestant| !contestant.echoes()).collect();
    let keyspace = KEYS_THOUSANDS * setting.scale.million / 1000;
    let shape = Shape { keyspace, elements: 1, key_size: 16, value_size: VALUE_BYTES };
    Placement::Free.settle(&setting.cores)?;
    let mut syncs = Vec::new();
    let mut entries = Vec::new();
    for contestant in &real {
        let plain = Server::start(contestant, 1, Placement::Free, &setting.extra)?;
        let mut extra = setting.extra.clone();
        extra.extend(["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"].map(str::to_owned));
        let logged = Server::start(contestant, 1, Placement::Free, &extra)?;
        let values = (VALUE_BYTES, VALUE_BYTES);
        for server in [&plain, &logged] {
            fill(&server.target, &shape, values, &[Load::Keys], setting.seed)?;
        }
        let mut rounds = vec![Vec::new(); CASES.len()];
        for round in 0..setting.scale.rounds {
            syncs.push(syncs_per_second(&logged.folder)?);
            for (case, rounds) in CASES.iter().zip(&mut rounds) {
                let server = if case.policy == Policy::NoLog { &plain } else { &logged };
                rounds.push(case.measure(server, &shape, setting, round as u64)?);
            }
        }
        entries.extend(entries_of(contestant, &rounds));
    }
    let syncs = median(syncs);
    Ok(Sheet {
        title: format!("durability, SET, 1 worker; the disk does {syncs:.0} fdatasync/s of one write each"),
        servers: real.iter().map(|contestant| contestant.name.clone()).collect(),
        metrics: METRICS.to_vec(),
        entries,
        plot: None,
    })
}

impl Case {
    fn label(self) -> String {
        let policy = match self.policy {
            Policy::NoLog => "no log",
            Policy::EverySecond => "everysec",
            Policy::Always => "always",
        };
        format!("{policy}, {} connections, P={}", self.connections, self.pipeline)
    }

    fn measure(
        self,
        server: &Server,
        shape: &Shape,
        setting: &Setting,
        round: u64,
    ) -> Result<Measurement, Failure> {
        let policy = match self.policy {
            Policy::NoLog => None,
            Policy::EverySecond => Some("everysec"),
            Policy::Always => Some("always"),
        };
        if let Some(policy) = policy {
            server.target.connect()?.call(&["CONFIG", "SET", "appendfsync", policy])?;
        }
        let plan = Plan {
            shape: *shape,
            values: (VALUE_BYTES, VALUE_BYTES),
            connections: self.connections,
            pipeline: self.pipeline,
            threads: 1,
            rate: None,
            idle: Idle::Nap,
            zipf: None,
            stop: Stop { requests: None, after: Some(Duration::from_secs_f64(setting.scale.seconds)) },
            seed: setting.seed + round,
            keeps_waits: false,
        };
        let watched = Watched { pid: Some(server.pid()), per_thread: false };
        let warmup = Duration::from_secs_f64(setting.scale.seconds / 4.0);
        measure(&server.target, &plan, &Blend::named("set")?, Strictness::AllThere, warmup, watched)
    }
}

/// The medians of the rounds of every case.
fn entries_of(contestant: &Contestant, rounds: &[Vec<Measurement>]) -> Vec<Entry> {
    let of = |case: usize, figure: fn(&Measurement) -> f64| median(rounds[case].iter().map(figure).collect());
    let entry = |(number, case): (usize, &Case)| {
        // What counts is throughput where the disk is waited for, and CPU time where it is not.
        let share = case.yardstick.map_or(f64::NAN, |other| match case.policy {
            Policy::Always => {
                100.0 * of(number, Measurement::throughput) / of(other, Measurement::throughput)
            }
            _ => 100.0 * of(number, Measurement::server_us) / of(other, Measurement::server_us),
        });
        let figures = vec![
            of(number, Measurement::throughput),
            share,
            of(number, Measurement::server_us),
            of(number, |measured| measured.latency_us.p50),
            of(number, |measured| measured.latency_us.p99),
            of(number, |measured| measured.latency_us.p999),
        ];
        eprintln!("{:<40} {:<12} {:>8.0} ops/s", case.label(), contestant.name, figures[0]);
        Entry { case: case.label(), server: contestant.name.clone(), figures, rounds: Vec::new() }
    };
    CASES.iter().enumerate().map(entry).collect()
}

/// What the disk can do for one writer: small writes into a file that is there already, each followed by a sync.
fn syncs_per_second(folder: &Path) -> Result<f64, Failure> {
    let path = folder.join("calibration");
    let failed = || Failure::io(format!("calibrating with {}", path.display()));
    let file = File::create(&path).map_err(failed())?;
    let length = u64::from(SYNCS) * SYNCED_BYTES as u64;
    file.write_all_at(&vec![0; length as usize], 0).map_err(failed())?;
    file.sync_all().map_err(failed())?;
    let started = Instant::now();
    for number in 0..u64::from(SYNCS) {
        file.write_all_at(&[1; SYNCED_BYTES], number * SYNCED_BYTES as u64).map_err(failed())?;
        file.sync_data().map_err(failed())?;
    }
    let seconds = started.elapsed().as_secs_f64();
    fs::remove_file(&path).map_err(failed())?;
    Ok(f64::from(SYNCS) / seconds)
}

#[cfg(test)]
mod tests {
    use super::{CASES, Policy, entries_of};
    use crate::bench::measure::{Measurement, ServerUsage};
    use crate::bench::paired::contestant::Contestant;

    #[test]
    fn a_yardstick_is_the_next_weaker_promise_under_the_same_load() {
        for case in CASES {
            let Some(yardstick) = case.yardstick.map(|number| CASES[number]) else { continue };
            assert_eq!((case.connections, case.pipeline), (yardstick.connections, yardstick.pipeline));
            let weaker = match case.policy {
                Policy::Always => Policy::EverySecond,
                Policy::EverySecond | Policy::NoLog => Policy::NoLog,
            };
            assert_eq!(yardstick.policy, weaker);
        }
    }

    #[test]
    fn always_is_measured_by_throughput_and_everysec_by_cpu_time() {
        let measured = |number: usize| {
            let server = ServerUsage { user_us: number as f64, ..ServerUsage::default() };
            let operations = 1000 * (number as u64 + 1);
            vec![Measurement { operations, seconds: 1.0, server: Some(server), ..Measurement::default() }]
        };
        let rounds: Vec<_> = (0..CASES.len()).map(measured).collect();
        let contestant = Contestant::parse("x=server", "x").unwrap();
        let entries = entries_of(&contestant, &rounds);
        assert_eq!(entries[1].figures[1], 200.0);
        assert!((entries[7].figures[1] - 100.0 * 7.0 / 6.0).abs() < 1e-9);
        assert!(entries[0].figures[1].is_nan());
    }
}
