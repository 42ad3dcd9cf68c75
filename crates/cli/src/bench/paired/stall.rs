//! What one heavy command does to everybody else.
//!
//! Open-loop clients get keys at a steady rate while one other client sends a command that touches millions of
//! elements. Because latency counts from the moment a request was due, the figures say how long clients had to wait,
//! not how many of them happened to ask. Some cases show what the machine itself contributes, `PING`, and nothing beside a
//! thread that keeps a core busy, as a heavy command does, for a moment or to the end; and so do the figures without the
//! pauses of its cores (`pauses`).

use std::thread;
use std::time::{Duration, Instant};

use super::contestant::{Contestant, Server};
use super::sheet::{Entry, Metric, Sheet, medians};
use super::{Setting, Site};
use crate::bench::blend::{Blend, Strictness};
use crate::bench::failure::Failure;
use crate::bench::fleet::{Plan, Stop, fill, fill_by};
use crate::bench::measure::{Measurement, Watched, measure};
use crate::bench::pauses::{First, Watchers, keep_busy};
use crate::bench::template::Shape;
use crate::bench::worker::Idle;
use crate::bench::workload::{Answer, Load};

/// Requests per second of the steady clients, and their number.
const RATE: f64 = 5000.0;
const CONNECTIONS: usize = 20;
/// Millions of keys the steady clients get and `KEYS` lists.
const KEYS_MILLIONS: u64 = 2;
/// Elements added by one command when a big collection is filled.
const ELEMENTS_PER_COMMAND: u64 = 10;

const METRICS: &[Metric] = &[
    Metric {
        name: "max_less_pauses_us",
        heading: "others' max us, less the machine's pauses",
        decimals: 0,
        compared: true,
    },
    Metric { name: "p999_less_pauses_us", heading: "p99.9 us, less pauses", decimals: 0, compared: true },
    Metric { name: "max_us", heading: "max us", decimals: 0, compared: false },
    Metric { name: "p999_us", heading: "p99.9 us", decimals: 0, compared: false },
    Metric { name: "p99_us", heading: "p99 us", decimals: 0, compared: false },
    Metric { name: "p50_us", heading: "p50 us", decimals: 0, compared: false },
    Metric { name: "command_ms", heading: "command ms", decimals: 1, compared: false },
    Metric { name: "unsent", heading: "unsent", decimals: 0, compared: false },
];

/// The big collection that there is before a heavy command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Big {
    /// None: the command touches the keys of the steady clients.
    Keys,
    List,
    Set,
    Hash,
    SortedSet,
    /// Keys that nobody gets.
    Others,
}

/// A heavy command, and how many millions of elements it touches: those of `mybig`, or keys.
struct Act {
    line: &'static str,
    big: Big,
    millions: u64,
}

const fn act(line: &'static str, big: Big, millions: u64) -> Act {
    Act { line, big, millions }
}

/// In this order; the last one leaves nothing to get.
const ACTS: &[Act] = &[
    act("PING", Big::Keys, KEYS_MILLIONS),
    act(BUSY, Big::Keys, KEYS_MILLIONS),
    act(BUSY_TO_THE_END, Big::Keys, KEYS_MILLIONS),
    act(SCRIPT, Big::Keys, KEYS_MILLIONS),
    act("KEYS *", Big::Keys, KEYS_MILLIONS),
    act("SMEMBERS mybig", Big::Set, 2),
    act("SUNIONSTORE mystored mybig", Big::Set, 2),
    act("HGETALL mybig", Big::Hash, 2),
    act("ZRANGE mybig 0 -1", Big::SortedSet, 2),
    act("LRANGE mybig 0 -1", Big::List, 2),
    act("COPY mybig mystored", Big::Set, 2),
    act("SPOP mybig 1000000", Big::Set, 2),
    act("ZREMRANGEBYRANK mybig 1000 -1000", Big::SortedSet, 2),
    act("LREM mybig 0 nothing", Big::List, 10),
    act("LINSERT mybig BEFORE nothing x", Big::List, 10),
    act("LTRIM mybig 1000 2000", Big::List, 10),
    act("DEL mybig", Big::Set, 10),
    act("DEL mybig", Big::Hash, 10),
    act("DEL mybig", Big::SortedSet, 10),
    act("DEL mybig", Big::List, 10),
    act("UNLINK mybig", Big::Set, 10),
    act("PEXPIRE mybig 1", Big::Set, 10),
    act("SCANDEL MATCH other:*", Big::Others, 5),
    act(FLUSH, Big::Set, 10),
];

/// No command: a thread of this process keeps a core busy for [`BUSY_TIME`].
const BUSY: &str = "a busy core";
const BUSY_TIME: Duration = Duration::from_millis(500);
/// The same as long as anything is measured.
const BUSY_TO_THE_END: &str = "a core busy to the end";
/// A script of some 100 ms that declares its key.
const SCRIPT: &str = "EVAL 'local x = 0 for i = 1, 8000000 do x = x + i % 7 end return x' 1 mykey";
/// After it the steady clients find nothing.
const FLUSH: &str = "FLUSHALL";

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
    let acts: Vec<&Act> = ACTS.iter().filter(|act| act.is_wanted(&setting.acts)).collect();
    if acts.is_empty() {
        return Err(Failure::Usage(format!(
            "nothing in the stall suite is called `{}`",
            setting.acts.join("`, `")
        )));
    }
    let mut entries = Vec::new();
    let watchers = Watchers::start_if_possible();
    site.placement.settle(&setting.cores)?;
    for contestant in &real {
        let server = Server::start(contestant, workers, site.placement, &setting.extra)?;
        let mut rounds = vec![Vec::new(); acts.len()];
        for round in 0..setting.scale.rounds {
            fill(&server.target, &shape, (3, 3), &[Load::Keys], setting.seed)?;
            for (act, rounds) in acts.iter().zip(&mut rounds) {
                let figures = perform_watched(&server, act, &shape, setting, watchers.as_ref())?;
                let case = act.label(million);
                eprintln!("{case:<40} {:<12} round {round} {:>8.0} us at most", contestant.name, figures[0]);
                rounds.push(figures);
            }
        }
        entries.extend(acts.iter().zip(rounds).map(|(act, rounds)| Entry {
            case: act.label(million),
            server: contestant.name.clone(),
            figures: medians(&rounds),
            rounds,
        }));
    }
    Ok(Sheet {
        title: format!("stall, {workers} workers, others at {RATE:.0} GET/s"),
        servers: real.iter().map(|contestant| contestant.name.clone()).collect(),
        metrics: METRICS.to_vec(),
        entries,
        plot: None,
    })
}

impl Big {
    fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::List => "elements of a list",
            Self::Set => "members of a set",
            Self::Hash => "fields of a hash",
            Self::SortedSet => "members of a sorted set",
            Self::Others => "other keys",
        }
    }

    /// The command that adds elements, and what it says for each.
    fn filling(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Keys => None,
            Self::List => Some(("RPUSH mybig", " __value__")),
            Self::Set => Some(("SADD mybig", " __member__")),
            Self::Hash => Some(("HSET mybig", " __field__ __value__")),
            Self::SortedSet => Some(("ZADD mybig", " __rand__ __member__")),
            Self::Others => Some(("MSET", " other:__member__ __value__")),
        }
    }
}

impl Act {
    fn is_wanted(&self, texts: &[String]) -> bool {
        texts.is_empty() || texts.iter().any(|text| self.line.contains(text))
    }

    /// What happens, with the size it has when a million is `million`.
    fn label(&self, million: u64) -> String {
        format!("{} ({} k {})", self.line, self.millions * million / 1000, self.big.name())
    }
}

/// Replaces `mybig` by what an act needs.
fn fill_big(server: &Server, act: &Act, million: u64, seed: u64) -> Result<(), Failure> {
    server.target.connect()?.call(&["UNLINK", "mybig", "mystored"])?;
    let Some((command, element)) = act.big.filling() else { return Ok(()) };
    let elements = act.millions * million;
    let line = format!("{command}{}", element.repeat(ELEMENTS_PER_COMMAND as usize));
    let shape = Shape { keyspace: elements, elements, key_size: 16, value_size: 3 };
    let blend = Blend::of(&line, Answer::Anything);
    fill_by(&server.target, &shape, (3, 3), &blend, elements / ELEMENTS_PER_COMMAND, seed)?;
    Ok(())
}

/// What [`METRICS`] name, in their order, of one round.
fn perform_watched(
    server: &Server,
    act: &Act,
    shape: &Shape,
    setting: &Setting,
    watchers: Option<&Watchers>,
) -> Result<Vec<f64>, Failure> {
    fill_big(server, act, setting.scale.million, setting.seed)?;
    // Those of the filling are of no interest.
    drop(watchers.map(Watchers::pauses));
    let (measured, command_ms) = perform(server, act, shape, setting)?;
    let pauses = watchers.map(Watchers::pauses);
    let (all, less) = (measured.latency_us, measured.latency_us_less(pauses.as_ref()));
    let unsent = measured.unsent as f64;
    if command_ms.is_nan() {
        return Ok(vec![f64::NAN; METRICS.len()]);
    }
    Ok(vec![less.max, less.p999, all.max, all.p999, all.p99, all.p50, command_ms, unsent])
}

/// Measures the others while `act` happens; also returns the milliseconds the act took, not a number if the server refuses it.
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
        keeps_waits: true,
    };
    let mut client = server.target.connect()?;
    let first = First::begin();
    thread::scope(|scope| {
        let heavy = scope.spawn(move || {
            thread::sleep(window / 4);
            let started = Instant::now();
            let busy_time = match act.line {
                BUSY => Some(BUSY_TIME),
                BUSY_TO_THE_END => Some(window - window / 4),
                _ => None,
            };
            if let Some(time) = busy_time {
                keep_busy(time);
                return Ok(time.as_secs_f64() * 1000.0);
            }
            match client.line(act.line) {
                // It has no such command.
                Err(Failure::Reply { .. }) => Ok(f64::NAN),
                outcome => outcome.map(|_| started.elapsed().as_secs_f64() * 1000.0),
            }
        });
        let blend = Blend::named("get")?;
        let watched = Watched { pid: Some(server.pid()), per_thread: false };
        let strictness = if act.line == FLUSH { Strictness::MayMiss } else { Strictness::AllThere };
        let measured = measure(&server.target, &plan, &blend, strictness, Duration::ZERO, watched);
        drop(first);
        let command_ms = heavy.join().expect("the heavy client panicked");
        Ok((measured?, command_ms?))
    })
}
