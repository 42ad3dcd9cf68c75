//! LATENCY: spikes of the latency monitor, and the distribution of every command's latency.

mod doctor;
mod graph;
mod histogram;

use spinel_family::{Command, CommandError, Encoder, Many};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext, help_command, session_commands};
use doctor::LatencyDoctor;
use graph::LatencyGraph;
use histogram::LatencyHistogram;

session_commands! {
    /// LATENCY.
    pub(super) static COMMANDS;
    container Latency,
    session LatencyDoctor,
    session LatencyGraph,
    session LatencyHelp,
    session LatencyHistogram,
    session LatencyHistory,
    session LatencyLatest,
    session LatencyReset,
}

/// Shows what made clients wait.
#[derive(Command)]
#[command(group = Server, since = "2.8.13", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Latency;

/// Returns the samples of one event: time and milliseconds.
#[derive(Command)]
#[command(name = "latency|history", group = Server, since = "2.8.13", complexity = "O(1)")]
#[command(flags(admin, noscript, loading, stale))]
#[command(tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special"))]
struct LatencyHistory<'a> {
    event: &'a [u8],
}

impl SessionCommand for LatencyHistory<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let samples = cx.engine().latency.of(self.event).map(|(_, spikes)| spikes.samples);
        let samples = samples.unwrap_or_default();
        out.array(samples.len());
        for sample in samples {
            out.array(2);
            out.integer(sample.unix_seconds);
            out.integer(sample.millis as i64);
        }
        Ok(Flow::Continue)
    }
}

/// Returns the last sample of every event, and its worst ever.
#[derive(Command)]
#[command(name = "latency|latest", group = Server, since = "2.8.13", complexity = "O(1)")]
#[command(flags(admin, noscript, loading, stale))]
#[command(tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special"))]
struct LatencyLatest;

impl SessionCommand for LatencyLatest {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let all = cx.engine().latency.all();
        out.array(all.len());
        for (event, spikes) in all {
            let last = spikes.samples.back().expect("an event begins with its first sample");
            out.array(4);
            out.bulk(event.as_bytes());
            out.integer(last.unix_seconds);
            out.integer(last.millis as i64);
            out.integer(spikes.max_millis as i64);
        }
        Ok(Flow::Continue)
    }
}

/// Forgets the samples of the events named, or of all; returns how many events had some.
#[derive(Command)]
#[command(name = "latency|reset", group = Server, since = "2.8.13", complexity = "O(1)")]
#[command(flags(admin, noscript, loading, stale))]
#[command(tips("request_policy:all_nodes", "response_policy:all_succeeded"))]
struct LatencyReset<'a> {
    #[arg(name = "event", trailing)]
    events: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for LatencyReset<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let is_wanted = |name: &str| match &self.events {
            None => true,
            Some(events) => events.items().any(|event| event.eq_ignore_ascii_case(name.as_bytes())),
        };
        out.integer(cx.engine().latency.reset(is_wanted) as i64);
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `LATENCY`.
    LatencyHelp, "latency|help", "LATENCY", Server, "2.8.13",
    &[
        "DOCTOR",
        "    Say in words what made clients wait, and what may help.",
        "GRAPH <event>",
        "    Draw the samples of <event>.",
        "HISTORY <event>",
        "    Return the samples of <event>: Unix time and milliseconds.",
        "LATEST",
        "    Return the last sample and the maximum of every event.",
        "RESET [<event> ...]",
        "    Forget the samples of the events named, or of all.",
        "HISTOGRAM [<command> ...]",
        "    Return how the latencies of commands are distributed, of those named or of all that ran.",
    ]
);
