//! All threads of one load, and the filling of a server before it.

use std::thread;
use std::time::Duration;

use super::blend::{Blend, Picker, Strictness, ValueSizes};
use super::draw::{Draw, Rng};
use super::failure::Failure;
use super::latency::Latencies;
use super::target::Target;
use super::template::{Draws, Shape};
use super::worker::{Idle, Pace, Quota, Tally, Worker};
use super::workload::{Load, SMALL_HASH_FIELDS, filling, loaded_key, preparing};

/// Connections and pipeline used to fill a server.
const FILL_CONNECTIONS: usize = 4;
const FILL_PIPELINE: usize = 100;

/// A load to be generated.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) shape: Shape,
    pub(crate) values: ValueSizes,
    pub(crate) connections: usize,
    pub(crate) pipeline: usize,
    pub(crate) threads: usize,
    /// Requests per second of the open loop; closed loop without it.
    pub(crate) rate: Option<f64>,
    /// What the open loop does while nothing is due.
    pub(crate) idle: Idle,
    /// Zipf's exponent; uniform without it.
    pub(crate) zipf: Option<f64>,
    pub(crate) stop: Stop,
    pub(crate) seed: u64,
    /// Whether each wait is kept, so that pauses of the machine can be taken off.
    pub(crate) keeps_waits: bool,
}

/// When a load ends: at the limit reached first.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Stop {
    pub(crate) requests: Option<u64>,
    pub(crate) after: Option<Duration>,
}

/// Connected threads, ready to run.
#[derive(Debug)]
pub(crate) struct Fleet {
    workers: Vec<Worker>,
    pace: Pace,
}

impl Fleet {
    /// Connects the threads of `plan`, which send `blend`.
    pub(crate) fn connect(
        target: &Target,
        plan: &Plan,
        blend: &Blend,
        strictness: Strictness,
    ) -> Result<Fleet, Failure> {
        let picker = blend.prepare(&plan.shape, plan.values, strictness)?;
        let mut seeds = Rng::new(plan.seed);
        let keys = Draw::random(plan.shape.keyspace, plan.zipf);
        let elements = Draw::random(plan.shape.elements, plan.zipf);
        let workers = shares(plan.connections as u64, plan.threads).map(|connections| {
            let draws = Draws {
                rng: Rng::new(seeds.next()),
                keys: keys.clone(),
                elements: elements.clone(),
                random_below: plan.shape.keyspace,
            };
            let count = connections as usize;
            let mut worker = Worker::connect(target, count, plan.pipeline, picker.clone(), draws)?;
            worker.keeps_waits = plan.keeps_waits;
            Ok(worker)
        });
        let workers = workers.collect::<Result<Vec<_>, Failure>>()?;
        let pace = match plan.rate {
            Some(rate) => Pace::Open { rate: rate / workers.len() as f64, idle: plan.idle },
            None => Pace::Closed,
        };
        Ok(Fleet { workers, pace })
    }

    /// Runs all threads to their end. May be called again; the connections stay.
    pub(crate) fn run(&mut self, stop: Stop) -> Result<Tally, Failure> {
        let pace = self.pace;
        let nanoseconds = stop.after.map_or(u64::MAX, |after| after.as_nanos() as u64);
        let quotas: Vec<Quota> = shares(stop.requests.unwrap_or(u64::MAX), self.workers.len())
            .map(|requests| Quota { requests, nanoseconds })
            .collect();
        if let [worker] = &mut self.workers[..] {
            return worker.run(quotas[0], pace);
        }
        let tallies = thread::scope(|scope| {
            let threads: Vec<_> = self
                .workers
                .iter_mut()
                .zip(quotas)
                .map(|(worker, quota)| scope.spawn(move || worker.run(quota, pace)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("a thread of the load panicked"))
                .collect::<Result<Vec<_>, _>>()
        })?;
        Ok(merge(&tallies))
    }
}

/// Fills what `loads` name, replacing what was there, with exactly the numbers of `shape`.
pub(crate) fn fill(
    target: &Target,
    shape: &Shape,
    values: ValueSizes,
    loads: &[Load],
    seed: u64,
) -> Result<(), Failure> {
    for &load in loads {
        let Some((line, answer)) = filling(load) else { continue };
        if let Some(key) = loaded_key(load) {
            target.connect()?.call(&["UNLINK", key])?;
        }
        if let Some(words) = preparing(load) {
            target.connect()?.call(words)?;
        }
        let count = match load {
            Load::Nothing => 0,
            Load::Keys => shape.keyspace,
            Load::SmallHash => SMALL_HASH_FIELDS,
            Load::List
            | Load::Set
            | Load::Hash
            | Load::SortedSet
            | Load::Numbers
            | Load::Places
            | Load::Bits
            | Load::Stream
            | Load::Group => shape.elements,
        };
        let shape = Shape { elements: if load == Load::Keys { shape.elements } else { count }, ..*shape };
        fill_by(target, &shape, values, &Blend::of(line, answer), count, seed)?;
    }
    Ok(())
}

/// Sends `blend` exactly `count` times, its keys and elements taken one after the other from 0.
pub(crate) fn fill_by(
    target: &Target,
    shape: &Shape,
    values: ValueSizes,
    blend: &Blend,
    count: u64,
    seed: u64,
) -> Result<Tally, Failure> {
    let picker: Picker = blend.prepare(shape, values, Strictness::MayMiss)?;
    let draws = Draws {
        rng: Rng::new(seed),
        keys: Draw::Sequence { next: 0 },
        elements: Draw::Sequence { next: 0 },
        random_below: shape.keyspace,
    };
    let mut worker = Worker::connect(target, FILL_CONNECTIONS, FILL_PIPELINE, picker, draws)?;
    worker.run(Quota { requests: count, nanoseconds: u64::MAX }, Pace::Closed)
}

/// `total` cut into `parts` nearly equal shares.
fn shares(total: u64, parts: usize) -> impl Iterator<Item = u64> {
    let parts = parts.max(1) as u64;
    (0..parts).map(move |part| total / parts + u64::from(part < total % parts))
}

fn merge(tallies: &[Tally]) -> Tally {
    let latencies = tallies.first().map_or_else(Latencies::new, |first| first.latencies.clone());
    let mut whole = Tally { operations: 0, seconds: 0.0, latencies, unsent: 0 };
    for tally in tallies.iter().skip(1) {
        whole.latencies.add(&tally.latencies);
    }
    for tally in tallies {
        whole.operations += tally.operations;
        whole.seconds = whole.seconds.max(tally.seconds);
        whole.unsent += tally.unsent;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::{Fleet, Plan, Stop, fill_by, shares};
    use crate::bench::blend::{Blend, Strictness};
    use crate::bench::echo;
    use crate::bench::failure::Failure;
    use crate::bench::target::{Address, Target};
    use crate::bench::template::Shape;
    use crate::bench::worker::Idle;
    use crate::bench::workload::Answer;
    use mio::net::TcpListener;
    use std::time::Duration;

    const SHAPE: Shape = Shape { keyspace: 1000, elements: 100, key_size: 16, value_size: 3 };

    /// An echo server on a thread that lives as long as the tests.
    fn echo(reply: &'static [u8]) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || echo::serve(listener, reply));
        Target { address: Address::Tcp { host: "127.0.0.1".into(), port }, password: None, protocol: 2 }
    }

    fn plan() -> Plan {
        Plan {
            shape: SHAPE,
            values: (3, 3),
            connections: 3,
            pipeline: 7,
            threads: 2,
            rate: None,
            idle: Idle::Spin,
            zipf: None,
            stop: Stop::default(),
            seed: 1,
            keeps_waits: false,
        }
    }

    fn run(target: &Target, plan: &Plan, stop: Stop) -> Result<(u64, u64), Failure> {
        let blend = Blend::named("set")?;
        let tally = Fleet::connect(target, plan, &blend, Strictness::AllThere)?.run(stop)?;
        Ok((tally.operations, tally.unsent))
    }

    #[test]
    fn the_closed_loop_sends_exactly_what_was_asked() {
        let target = echo(b"+OK\r\n");
        for requests in [1, 6, 1000, 12_345] {
            let stop = Stop { requests: Some(requests), after: None };
            assert_eq!(run(&target, &plan(), stop).unwrap(), (requests, 0));
        }
    }

    #[test]
    fn the_open_loop_sends_exactly_what_was_asked_and_waits_for_the_last_reply() {
        let target = echo(b"+OK\r\n");
        for idle in [Idle::Spin, Idle::Nap] {
            let plan = Plan { rate: Some(20_000.0), idle, ..plan() };
            let stop = Stop { requests: Some(1001), after: None };
            assert_eq!(run(&target, &plan, stop).unwrap(), (1001, 0));
        }
    }

    #[test]
    fn what_the_open_loop_could_not_send_in_time_is_told() {
        let target = echo(b"+OK\r\n");
        let plan = Plan { rate: Some(1e9), ..plan() };
        let stop = Stop { requests: None, after: Some(Duration::from_millis(50)) };
        let (operations, unsent) = run(&target, &plan, stop).unwrap();
        assert!(operations > 0 && unsent > 1_000_000, "{operations} {unsent}");
    }

    #[test]
    fn requests_larger_than_the_kernels_buffers_get_through() {
        let target = echo(b"+OK\r\n");
        let plan = Plan { values: (1_000_000, 1_000_000), ..plan() };
        let stop = Stop { requests: Some(50), after: None };
        assert_eq!(run(&target, &plan, stop).unwrap(), (50, 0));
    }

    #[test]
    fn a_wrong_reply_or_an_error_ends_the_run_with_its_text() {
        let stop = Stop { requests: Some(10), after: None };
        for (reply, text) in [(&b"-ERR full\r\n"[..], "ERR full"), (b":1\r\n", "Integer")] {
            let failure = run(&echo(reply), &plan(), stop).unwrap_err();
            assert!(matches!(&failure, Failure::Reply { answer, .. } if answer.contains(text)), "{failure}");
        }
    }

    #[test]
    fn filling_sends_each_thing_once() {
        let blend = Blend::of("SADD s __member__", Answer::Integer);
        let tally = fill_by(&echo(b":1\r\n"), &SHAPE, (3, 3), &blend, 100, 1).unwrap();
        assert_eq!(tally.operations, 100);
    }

    #[test]
    fn shares_add_up_and_differ_by_at_most_one() {
        assert!(shares(10, 3).eq([4, 3, 3]));
        assert!(shares(2, 4).eq([1, 1, 0, 0]));
        assert!(shares(5, 0).eq([5]));
    }
}
