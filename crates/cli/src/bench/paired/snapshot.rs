//! What a BGSAVE does to everybody else, and how fast snapshots are written and loaded.
//!
//! One client asks for keys at a steady rate, others write as steadily. For a while nothing else happens; then a thread of
//! this process keeps a core busy, which is what a save at least does to a machine that has no core to spare; then the
//! data set is saved. Every request counts from the moment it was due, so a server that stands still is seen by all that
//! came meanwhile. Then a second server starts from the file.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::contestant::{Contestant, Server};
use super::plot::{Line, Plot};
use super::sheet::{Entry, Metric, Sheet};
use super::{Setting, Site};
use crate::bench::blend::{Blend, Strictness};
use crate::bench::failure::Failure;
use crate::bench::fleet::{Plan, Stop, fill};
use crate::bench::latency::{Latencies, Percentiles};
use crate::bench::measure::{Watched, measure};
use crate::bench::pauses::{First, Pauses, Span, Watchers, keep_busy, unix_ns};
use crate::bench::procfs;
use crate::bench::template::Shape;
use crate::bench::worker::Idle;
use crate::bench::workload::Load;

/// Requests per second of the client whose latency counts: one after the other, with room for a slow one.
const PROBES: f64 = 2000.0;
/// Writes per second of the others, and their number.
const WRITES: f64 = 10_000.0;
const WRITERS: usize = 20;
/// Millions of keys, and the bytes of a value.
const KEYS_MILLIONS: u64 = 5;
const VALUE_BYTES: usize = 100;
/// How long it is calm before the save, and afterwards.
const CALM: Duration = Duration::from_secs(2);
/// How long a core is kept busy for comparison.
const BUSY: Duration = Duration::from_secs(4);
/// The longest that a save may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Seconds of a point of the plot.
const STEP_SECONDS: f64 = 0.02;

const METRICS: &[Metric] = &[
    Metric {
        name: "p999_less_pauses_us",
        heading: "p99.9 us during, less the machine's pauses",
        decimals: 0,
        compared: true,
    },
    Metric { name: "max_less_pauses_us", heading: "max us during, less pauses", decimals: 0, compared: true },
    Metric {
        name: "calm_p999_less_pauses_us",
        heading: "p99.9 us before, less pauses",
        decimals: 0,
        compared: false,
    },
    Metric {
        name: "busy_p999_less_pauses_us",
        heading: "p99.9 us beside a busy core, less pauses",
        decimals: 0,
        compared: false,
    },
    Metric { name: "calm_p999_us", heading: "p99.9 us before", decimals: 0, compared: false },
    Metric { name: "p999_us", heading: "p99.9 us during", decimals: 0, compared: false },
    Metric { name: "max_us", heading: "max us during", decimals: 0, compared: false },
    Metric { name: "save_s", heading: "save s", decimals: 2, compared: true },
    Metric { name: "save_mb_per_s", heading: "save MB/s", decimals: 0, compared: false },
    Metric { name: "save_keys_per_s", heading: "save keys/s", decimals: 0, compared: false },
    Metric { name: "load_s", heading: "start and load s", decimals: 2, compared: true },
    Metric { name: "load_keys_per_s", heading: "load keys/s", decimals: 0, compared: false },
    Metric { name: "resident_mib", heading: "RSS MiB", decimals: 0, compared: false },
    Metric { name: "extra_mib", heading: "more at the peak MiB", decimals: 1, compared: false },
];

/// A request's due time and latency, in seconds since the measurement began.
#[derive(Debug, Clone, Copy)]
struct Sample {
    due: f64,
    latency: f64,
}

/// What happened while the data set was saved.
struct Saved {
    samples: Vec<Sample>,
    /// Seconds since the measurement began: how long it was calm, and then a core busy; the save.
    calm_until: f64,
    busy_until: f64,
    began: f64,
    ended: f64,
    file_bytes: u64,
    resident: u64,
    peak: u64,
    /// When the measurement began, in nanoseconds of Unix time, and the pauses of the machine, if they were watched.
    start_ns: u64,
    pauses: Option<Pauses>,
}

/// Saves on every contestant with `workers` workers.
pub(crate) fn run(
    contestants: &[Contestant],
    workers: usize,
    site: Site,
    setting: &Setting,
) -> Result<Sheet, Failure> {
    let real: Vec<&Contestant> = contestants.iter().filter(|contestant| !contestant.echoes()).collect();
    let keyspace = KEYS_MILLIONS * setting.scale.million;
    let shape = Shape { keyspace, elements: 1, key_size: 16, value_size: VALUE_BYTES };
    let (mut entries, mut lines) = (Vec::new(), Vec::new());
    let watchers = Watchers::start_if_possible();
    site.placement.settle(&setting.cores)?;
    for contestant in &real {
        let server = Server::start(contestant, workers, site.placement, &setting.extra)?;
        fill(&server.target, &shape, (VALUE_BYTES, VALUE_BYTES), &[Load::Keys], setting.seed)?;
        let saved = save(&server, &shape, setting, watchers.as_ref())?;
        let load_seconds = load(contestant, workers, site, setting, &server)?;
        let figures = figures(&saved, keyspace, load_seconds);
        let case = format!("BGSAVE ({} k keys, {VALUE_BYTES} B)", keyspace / 1000);
        eprintln!(
            "{case:<40} {:<12} {:>8.0} us at p99.9, {:>8.0} without pauses",
            contestant.name, figures[5], figures[0]
        );
        entries.push(Entry { case, server: contestant.name.clone(), figures, rounds: Vec::new() });
        lines.push(Line { name: contestant.name.clone(), points: points(&saved) });
    }
    let plot = Plot {
        title: format!(
            "Longest wait of a GET in each {:.0} ms while {} million keys are saved",
            STEP_SECONDS * 1000.0,
            keyspace as f64 / 1e6
        ),
        x_label: "seconds since BGSAVE".to_owned(),
        y_label: "microseconds".to_owned(),
        lines,
    };
    Ok(Sheet {
        title: format!("snapshot, {workers} workers, {PROBES:.0} GET/s beside {WRITES:.0} SET/s"),
        servers: real.iter().map(|contestant| contestant.name.clone()).collect(),
        metrics: METRICS.to_vec(),
        entries,
        plot: Some(plot),
    })
}

/// Saves while others are at work.
fn save(
    server: &Server,
    shape: &Shape,
    setting: &Setting,
    watchers: Option<&Watchers>,
) -> Result<Saved, Failure> {
    let file = server.folder.join("dump.rdb");
    drop(watchers.map(Watchers::pauses));
    let (start, start_ns) = (Instant::now(), unix_ns(SystemTime::now()));
    let is_over = AtomicBool::new(false);
    let resident = procfs::memory(server.pid())?.resident;
    let writes_end = CALM + BUSY + CALM + LIMIT;
    thread::scope(|scope| {
        let saving = scope.spawn(|| {
            thread::sleep(CALM);
            let calm_until = start.elapsed().as_secs_f64();
            keep_busy(BUSY);
            let busy_until = start.elapsed().as_secs_f64();
            let outcome = wait_for_save(server, &file, start);
            if outcome.is_ok() {
                thread::sleep(CALM);
            }
            is_over.store(true, Ordering::Relaxed);
            outcome.map(|(began, ended)| [calm_until, busy_until, began, ended])
        });
        let writers = scope.spawn(|| write_along(server, shape, setting, writes_end, &is_over));
        let first = First::begin();
        let samples = probe(server, shape.keyspace, setting.seed, start, &is_over);
        drop(first);
        is_over.store(true, Ordering::Relaxed);
        writers.join().expect("the writers panicked")?;
        let [calm_until, busy_until, began, ended] = saving.join().expect("who saves panicked")?;
        let file_bytes = fs::metadata(&file).map_err(Failure::io("looking at the snapshot"))?.len();
        let peak = procfs::memory(server.pid())?.peak;
        let pauses = watchers.map(Watchers::pauses);
        Ok(Saved {
            samples: samples?,
            calm_until,
            busy_until,
            began,
            ended,
            file_bytes,
            resident,
            peak,
            start_ns,
            pauses,
        })
    })
}

/// Begins the save after a while, and waits until its file is there: when that was, in seconds since `start`.
fn wait_for_save(server: &Server, file: &Path, start: Instant) -> Result<(f64, f64), Failure> {
    thread::sleep(CALM);
    let began = start.elapsed().as_secs_f64();
    server.target.connect()?.call(&["BGSAVE"])?;
    while !file.exists() {
        if start.elapsed().as_secs_f64() > began + LIMIT.as_secs_f64() {
            return Err(Failure::Server(format!("there is no {} after {LIMIT:?}", file.display())));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok((began, start.elapsed().as_secs_f64()))
}

/// Asks for keys, one request after the other, each when it is due or as soon as the one before is answered.
fn probe(
    server: &Server,
    keyspace: u64,
    seed: u64,
    start: Instant,
    is_over: &AtomicBool,
) -> Result<Vec<Sample>, Failure> {
    let mut client = server.target.connect()?;
    let mut samples = Vec::new();
    let mut number = seed;
    while !is_over.load(Ordering::Relaxed) {
        let due = samples.len() as f64 / PROBES;
        let ahead = due - start.elapsed().as_secs_f64();
        if ahead > 0.0 {
            thread::sleep(Duration::from_secs_f64(ahead));
        }
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        client.call(&["GET", &format!("key:{:012}", (number >> 33) % keyspace)])?;
        samples.push(Sample { due, latency: start.elapsed().as_secs_f64() - due });
    }
    Ok(samples)
}

/// Writes at a steady rate, in pieces of a second so that it ends soon after everybody else.
fn write_along(
    server: &Server,
    shape: &Shape,
    setting: &Setting,
    at_most: Duration,
    is_over: &AtomicBool,
) -> Result<(), Failure> {
    let started = Instant::now();
    let plan = Plan {
        shape: *shape,
        values: (VALUE_BYTES, VALUE_BYTES),
        connections: WRITERS,
        pipeline: 1,
        threads: 1,
        rate: Some(WRITES),
        idle: Idle::Nap,
        zipf: None,
        stop: Stop { requests: None, after: Some(Duration::from_secs(1)) },
        seed: setting.seed,
        keeps_waits: false,
    };
    let blend = Blend::named("set")?;
    while !is_over.load(Ordering::Relaxed) && started.elapsed() < at_most {
        measure(&server.target, &plan, &blend, Strictness::AllThere, Duration::ZERO, Watched::default())?;
    }
    Ok(())
}

/// Seconds until another server has started with the file that was saved.
fn load(
    contestant: &Contestant,
    workers: usize,
    site: Site,
    setting: &Setting,
    saved: &Server,
) -> Result<f64, Failure> {
    let mut extra = setting.extra.clone();
    extra.extend(["--dir".to_owned(), saved.folder.to_string_lossy().into_owned()]);
    let started = Instant::now();
    let server = Server::start(contestant, workers, site.placement, &extra)?;
    let seconds = started.elapsed().as_secs_f64();
    drop(server);
    Ok(seconds)
}

fn figures(saved: &Saved, keys: u64, load_seconds: f64) -> Vec<f64> {
    let latencies = |from: f64, to: f64| {
        let mut latencies = Latencies::keeping_waits(saved.start_ns);
        for sample in saved.samples.iter().filter(|sample| (from..to).contains(&sample.due)) {
            let [from, until] =
                [sample.due, sample.due + sample.latency].map(|seconds| (seconds * 1e9) as u64);
            latencies.record_wait(Span { from, until }, 1);
        }
        latencies
    };
    let less = |latencies: &Latencies| match &saved.pauses {
        Some(pauses) => latencies.percentiles_less(pauses),
        None => Percentiles::UNKNOWN,
    };
    let calm = latencies(0.5, saved.calm_until);
    let busy = latencies(saved.calm_until, saved.busy_until);
    let during = latencies(saved.began, saved.ended);
    let seconds = saved.ended - saved.began;
    vec![
        less(&during).p999,
        less(&during).max,
        less(&calm).p999,
        less(&busy).p999,
        calm.percentiles().p999,
        during.percentiles().p999,
        during.percentiles().max,
        seconds,
        saved.file_bytes as f64 / 1e6 / seconds,
        keys as f64 / seconds,
        load_seconds,
        keys as f64 / load_seconds,
        saved.resident as f64 / f64::from(1 << 20),
        saved.peak.saturating_sub(saved.resident) as f64 / f64::from(1 << 20),
    ]
}

/// The longest wait of each step, in microseconds.
fn points(saved: &Saved) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for sample in &saved.samples {
        let step = ((sample.due - saved.began) / STEP_SECONDS).floor() * STEP_SECONDS;
        let micros = sample.latency * 1e6;
        match points.last_mut() {
            Some((at, longest)) if (*at - step).abs() < STEP_SECONDS / 2.0 => *longest = longest.max(micros),
            _ => points.push((step, micros)),
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::{Pauses, Sample, Saved, Span, figures, points};

    fn saved() -> Saved {
        let sample = |due: f64, micros: f64| Sample { due, latency: micros / 1e6 };
        let calm = (0..20_000).map(|number| sample(f64::from(number) / 10_000.0, 50.0));
        let stalled = (0..100).map(|number| sample(2.0 + f64::from(number) / 10_000.0, 10_000.0));
        Saved {
            samples: calm.chain(stalled).collect(),
            calm_until: 1.5,
            busy_until: 1.9,
            began: 2.0,
            ended: 4.0,
            file_bytes: 100_000_000,
            resident: 100 << 20,
            peak: 103 << 20,
            start_ns: 5_000_000_000,
            pauses: Some(Pauses::new(vec![Span { from: 7_000_000_000, until: 7_020_000_000 }])),
        }
    }

    #[test]
    fn the_figures_tell_calm_and_save_apart() {
        let figures = figures(&saved(), 1_000_000, 0.5);
        assert!((figures[3] - 50.0).abs() < 1.0, "beside a busy core: {figures:?}");
        assert!((figures[4] - 50.0).abs() < 1.0 && (figures[5] - 10_000.0).abs() < 20.0, "{figures:?}");
        assert!(
            (figures[2] - 50.0).abs() < 1.0 && figures[0] < 10_000.0,
            "the pause is taken off: {figures:?}"
        );
        assert_eq!(figures[7..10], [2.0, 50.0, 500_000.0]);
        assert_eq!(figures[10..], [0.5, 2_000_000.0, 100.0, 3.0]);
    }

    #[test]
    fn a_point_is_the_longest_wait_of_its_step() {
        let points = points(&saved());
        assert_eq!(points.len(), 101);
        assert!((points[0].0 + 2.0).abs() < 1e-9 && (points[0].1 - 50.0).abs() < 0.1, "{:?}", points[0]);
        assert!(points[100].0.abs() < 1e-9 && (points[100].1 - 10_000.0).abs() < 0.1, "{:?}", points[100]);
    }
}
