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
use super::workload::{Load, SMALL_HASH_FIELDS, filling, loaded_key};

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
            Worker::connect(target, connections as usize, plan.pipeline, picker.clone(), draws)
        });
        let workers = workers.collect::<Result<Vec<_>, _>>()?;
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
        let count = match load {
            Load::Nothing => 0,
            Load::Keys => shape.keyspace,
            Load::SmallHash => SMALL_HASH_FIELDS,
            Load::List | Load::Set | Load::Hash | Load::SortedSet => shape.elements,
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
    let mut whole = Tally { operations: 0, seconds: 0.0, latencies: Latencies::new(), unsent: 0 };
    for tally in tallies {
        whole.operations += tally.operations;
        whole.seconds = whole.seconds.max(tally.seconds);
        whole.latencies.add(&tally.latencies);
        whole.unsent += tally.unsent;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn shares_add_up_and_differ_by_at_most_one() {
        assert!(shares(10, 3).eq([4, 3, 3]));
        assert!(shares(2, 4).eq([1, 1, 0, 0]));
        assert!(shares(5, 0).eq([5]));
    }
}
