//! What the suites of throughput consist of.

use crate::bench::template::Shape;
use crate::bench::workload::{DEFAULT_TESTS, MIXES, WORKLOADS};

/// Connections of every throughput case.
pub(crate) const CONNECTIONS: usize = 50;

/// Cases that share the servers and what is in them.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) shape: Shape,
    pub(crate) cases: Vec<Case>,
}

/// One load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) workload: String,
    pub(crate) pipeline: usize,
}

/// How big and how long; the small one is for trying things out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) million: u64,
    pub(crate) seconds: f64,
    pub(crate) rounds: usize,
}

/// Full size: figures fit to be published.
pub(crate) const FULL: Scale = Scale { million: 1_000_000, seconds: 3.0, rounds: 3 };
/// A tenth of the size and less time.
pub(crate) const QUICK: Scale = Scale { million: 100_000, seconds: 0.5, rounds: 1 };

/// Workloads of the mixes suite that are not mixes and not among the default tests.
const SINGLES: &[&str] = &[
    "hget",
    "hgetall",
    "sismember",
    "zscore",
    "zrank",
    "zrange_10",
    "zrangebyscore",
    "setex",
    "expire",
    "exists",
];

/// GET and SET of small values at three depths, and GET on more memory than any cache holds.
pub(crate) fn core(scale: Scale) -> Vec<Group> {
    let depths = [1, 16, 100];
    let small = ["get", "set"].into_iter().flat_map(|name| depths.map(|depth| case(name, depth)));
    let large = [case("get", 16), case("get", 100)];
    vec![
        Group { shape: shape(scale, 1, 3), cases: small.collect() },
        Group { shape: shape(scale, 5, 100), cases: large.into() },
    ]
}

/// The default tests of redis-benchmark.
pub(crate) fn defaults(scale: Scale) -> Vec<Group> {
    let names = WORKLOADS[..DEFAULT_TESTS].iter().map(|workload| workload.name);
    let cases = names.flat_map(|name| [case(name, 1), case(name, 16)]).collect();
    vec![Group { shape: shape(scale, 1, 3), cases }]
}

/// Mixes, and the commands they are made of.
pub(crate) fn mixes(scale: Scale) -> Vec<Group> {
    let mixes = MIXES.iter().flat_map(|(name, _)| [case(name, 1), case(name, 16)]);
    let singles = SINGLES.iter().map(|name| case(name, 16));
    vec![Group { shape: shape(scale, 1, 32), cases: mixes.chain(singles).collect() }]
}

/// What is run with one worker and with two.
pub(crate) fn workers(scale: Scale) -> Vec<Group> {
    let cases = vec![case("get", 1), case("get", 16), case("set", 16), case("mix_cache", 100)];
    vec![Group { shape: shape(scale, 1, 3), cases }]
}

fn case(workload: &str, pipeline: usize) -> Case {
    Case { workload: workload.to_owned(), pipeline }
}

fn shape(scale: Scale, millions: u64, value_size: usize) -> Shape {
    Shape { keyspace: millions * scale.million, elements: scale.million, key_size: 16, value_size }
}

impl Group {
    /// The name of a case in tables.
    pub(crate) fn label(&self, case: &Case) -> String {
        let Shape { keyspace, value_size, .. } = self.shape;
        let keys = if keyspace >= 1_000_000 {
            format!("{} M", keyspace / 1_000_000)
        } else {
            format!("{} k", keyspace / 1000)
        };
        format!("{} P={} ({keys} keys, {value_size} B)", case.workload, case.pipeline)
    }
}

#[cfg(test)]
mod tests {
    use super::{FULL, Group, core, defaults, mixes, workers};
    use crate::bench::blend::Blend;

    #[test]
    fn every_case_of_every_suite_is_a_known_workload() {
        let suites: Vec<Group> =
            [core(FULL), defaults(FULL), mixes(FULL), workers(FULL)].into_iter().flatten().collect();
        for group in &suites {
            for (at, case) in group.cases.iter().enumerate() {
                assert!(Blend::named(&case.workload).is_ok(), "{case:?}");
                assert!(!group.cases[..at].contains(case), "twice: {case:?}");
            }
        }
        assert_eq!(suites[1].label(&suites[1].cases[0]), "get P=16 (5 M keys, 100 B)");
    }
}
