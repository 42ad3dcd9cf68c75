//! LATENCY HISTOGRAM: how many calls of a command took at most so many microseconds.

use hdrhistogram::Histogram;
use spinel_family::{Command, CommandError, Encoder, Many};

use crate::Flow;
use crate::registry::{Command as Registered, CommandId, REGISTRY};
use crate::session::{SessionCommand, SessionContext};

/// The first bound, in nanoseconds; each following one is twice as large.
const FIRST_BOUND: u64 = 1024;

/// Returns the cumulative distribution of the latencies of commands, in powers of two of a microsecond.
#[derive(Command)]
#[command(name = "latency|histogram", group = Server, since = "7.0.0")]
#[command(complexity = "O(N) where N is the number of commands with latency information being retrieved.")]
#[command(flags(admin, noscript, loading, stale))]
#[command(tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special"))]
pub(super) struct LatencyHistogram<'a> {
    #[arg(name = "command", trailing)]
    commands: Option<Many<'a, &'a [u8]>>,
}

/// A command and its subcommands.
fn with_subcommands(command: &Registered) -> impl Iterator<Item = CommandId> + '_ {
    std::iter::once(command.id).chain(command.subcommands.iter().copied())
}

impl SessionCommand for LatencyHistogram<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let latencies = cx.engine().latencies();
        let wanted: Vec<CommandId> = match &self.commands {
            None => latencies.keys().copied().collect(),
            Some(names) => names
                .items()
                .filter_map(|name| cx.engine().command_by_full_name(name))
                .flat_map(with_subcommands)
                .filter(|command| latencies.contains_key(command))
                .collect(),
        };
        out.map(wanted.len());
        for command in wanted {
            let histogram = &latencies[&command];
            out.bulk(REGISTRY.get(command).spec.name.as_bytes());
            out.map(2);
            out.bulk(b"calls");
            out.integer(histogram.len() as i64);
            out.bulk(b"histogram_usec");
            let steps = cumulative(histogram);
            out.map(steps.len());
            for (micros, calls) in steps {
                out.integer(micros as i64);
                out.integer(calls as i64);
            }
        }
        Ok(Flow::Continue)
    }
}

/// The bounds, in microseconds, below which there are more calls than below the one before, and how many.
fn cumulative(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
    let mut steps: Vec<(u64, u64)> = Vec::new();
    let (mut bound, mut calls) = (FIRST_BOUND, 0);
    for recorded in histogram.iter_recorded() {
        while histogram.highest_equivalent(bound) < recorded.value_iterated_to() {
            bound *= 2;
        }
        calls += recorded.count_since_last_iteration();
        let micros = histogram.highest_equivalent(bound) / 1000;
        match steps.last_mut() {
            Some((last, count)) if *last == micros => *count = calls,
            _ => steps.push((micros, calls)),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_below_powers_of_two_of_a_microsecond() {
        let mut histogram = Histogram::new_with_bounds(1, 1_000_000_000, 2).unwrap();
        for nanos in [1, 900, 1030, 1040, 70_000, 999_999_999] {
            histogram.record(nanos).unwrap();
        }
        assert_eq!(cumulative(&histogram), [(1, 3), (2, 4), (132, 5), (1_082_130, 6)]);
        assert!(cumulative(&Histogram::new_with_bounds(1, 1_000_000_000, 2).unwrap()).is_empty());
    }
}
