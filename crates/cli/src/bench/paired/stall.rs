//! What one heavy command does to everybody else.
//!
//! Open-loop clients get keys at a steady rate while one other client sends a command that touches millions of
//! elements. Because latency counts from the moment a request was due, the figures say how long clients had to wait,
//! not how many of them happened to ask. The idle case shows what the machine itself contributes.

use std::thread;
use std::time::{Duration, Instant};

use super::contestant::{Contestant, Server};
use super::sheet::{Entry, Metric, Sheet};
use super::{Setting, Site};
use crate::bench::blend::{Blend, Strictness};
use crate::bench::failure::Failure;
use crate::bench::fleet::{Plan, Stop, fill, fill_by};
use crate::bench::measure::{Measurement, Watched, measure};
use crate::bench::template::Shape;
use crate::bench::worker::Idle;
use crate::bench::workload::{Answer, Load};

/// Requests per second of the steady clients, and their number.
const RATE: f64 = 5000.0;
const CONNECTIONS: usize = 20;
/// Millions of keys the steady clients get and `KEYS` lists.
const KEYS_MILLIONS: u64 = 2;
/// Members added by one command when a big set is filled.
const MEMBERS_PER_COMMAND: u64 = 10;

const METRICS: &[Metric] = &[
    Metric { name: "max_us", heading: "others' max us", decimals: 0, compared: true },
    Metric { name: "p999_us", heading: "p99.9 us", decimals: 0, compared: true },
    Metric { name: "p99_us", heading: "p99 us", decimals: 0, compared: false },
    Metric { name: "p50_us", heading: "p50 us", decimals: 0, compared: false },
    Metric { name: "command_ms", heading: "command ms", decimals: 1, compared: false },
    Metric { name: "unsent", heading: "unsent", decimals: 0, compared: false },
];

/// A heavy command, and how many millions it touches: members of the set `mybigset`, or keys.
struct Act {
    line: &'static str,
    set_millions: u64,
}

const ACTS: &[Act] = &[
    Act { line: "PING", set_millions: 0 },
    Act { line: "DEL mybigset", set_millions: 10 },
    Act { line: "PEXPIRE mybigset 1", set_millions: 10 },
    Act { line: "SMEMBERS mybigset", set_millions: 2 },
    Act { line: "KEYS *", set_millions: 0 },
];

/// Runs every act on every contestant with `workers` workers.
pub(crate) fn run(
    contestants: &[Contestant],
    workers: usize,
    site: Site,
    setting: &Setting,
) -> Result<Sheet, Failure> {
    let real: Vec<&Contestant> = contestants.iter().filter(|contestant| !contestant.echoes()).collect();
    let million = setting.scale.million;
    let shape = Shape { keyspace: KEYS_MILLIONS * million, elements: million, key_size: 16, value_size: 3 };
    let mut entries = Vec::new();
    site.placement.settle(&setting.cores)?;
    for contestant in &real {
        let server = Server::start(contestant, workers, site.placement, &setting.extra)?;
        fill(&server.target, &shape, (3, 3), &[Load::Keys], setting.seed)?;
        for act in ACTS {
            fill_big_set(&server, act.set_millions * million, setting.seed)?;
            let (measured, command_ms) = perform(&server, act, &shape, setting)?;
            let latency = measured.latency_us;
            let case = act.label(million);
            eprintln!("{case:<40} {:<12} {:>8.0} us at most", contestant.name, latency.max);
            let unsent = measured.unsent as f64;
            let figures = vec![latency.max, latency.p999, latency.p99, latency.p50, command_ms, unsent];
            entries.push(Entry { case, server: contestant.name.clone(), figures, rounds: Vec::new() });
        }
    }
    Ok(Sheet {
        title: format!("stall, {workers} workers, others at {RATE:.0} GET/s"),
        servers: real.iter().map(|contestant| contestant.name.clone()).collect(),
        metrics: METRICS.to_vec(),
        entries,
    })
}

impl Act {
    /// What happens, with the size it has when a million is `million`.
    fn label(&self, million: u64) -> String {
        let thousands = |millions: u64| millions * million / 1000;
        match self.set_millions {
            0 => format!("{} ({} k keys)", self.line, thousands(KEYS_MILLIONS)),
            millions => format!("{} ({} k members)", self.line, thousands(millions)),
        }
    }
}

/// Replaces `mybigset` by one of so many members.
fn fill_big_set(server: &Server, members: u64, seed: u64) -> Result<(), Failure> {
    server.target.connect()?.call(&["UNLINK", "mybigset"])?;
    if members == 0 {
        return Ok(());
    }
    let line = format!("SADD mybigset{}", " __member__".repeat(MEMBERS_PER_COMMAND as usize));
    let shape = Shape { keyspace: 1, elements: members, key_size: 16, value_size: 3 };
    let blend = Blend::of(&line, Answer::Integer);
    fill_by(&server.target, &shape, (3, 3), &blend, members / MEMBERS_PER_COMMAND, seed)?;
    Ok(())
}

/// Measures the others while `act` happens; also returns the milliseconds the act took.
fn perform(
    server: &Server,
    act: &Act,
    shape: &Shape,
    setting: &Setting,
) -> Result<(Measurement, f64), Failure> {
    let window = Duration::from_secs_f64(setting.scale.seconds + 1.0);
    let plan = Plan {
        shape: *shape,
        values: (3, 3),
        connections: CONNECTIONS,
        pipeline: 1,
        threads: 1,
        rate: Some(RATE),
        idle: Idle::Nap,
        zipf: None,
        stop: Stop { requests: None, after: Some(window) },
        seed: setting.seed,
    };
    let mut client = server.target.connect()?;
    thread::scope(|scope| {
        let heavy = scope.spawn(move || {
            thread::sleep(window / 4);
            let started = Instant::now();
            client.line(act.line).map(|_| started.elapsed().as_secs_f64() * 1000.0)
        });
        let blend = Blend::named("get")?;
        let watched = Watched { pid: Some(server.pid()), per_thread: false };
        let measured = measure(&server.target, &plan, &blend, Strictness::AllThere, Duration::ZERO, watched);
        let command_ms = heavy.join().expect("the heavy client panicked");
        Ok((measured?, command_ms?))
    })
}
