//! LATENCY DOCTOR: the latency monitor's events in words, with advice.

use std::fmt::Write;

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::config::Settings;
use crate::latency::Spikes;
use crate::session::{SessionCommand, SessionContext};

/// Says in words what made clients wait, and what may help.
#[derive(Command)]
#[command(name = "latency|doctor", group = Server, since = "2.8.13", complexity = "O(1)")]
#[command(flags(admin, noscript, loading, stale))]
#[command(tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special"))]
pub(super) struct LatencyDoctor;

impl SessionCommand for LatencyDoctor {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let events = cx.engine().latency.all();
        let report = report(&events, cx.worker.settings(), cx.worker.now().0 / 1000);
        out.verbatim("txt", report.as_bytes());
        Ok(Flow::Continue)
    }
}

fn report(events: &[(&'static str, Spikes)], settings: &Settings, now_seconds: i64) -> String {
    let threshold_ms = settings.observation.latency_monitor_threshold_ms;
    if events.is_empty() {
        return if threshold_ms == 0 {
            "The latency monitor is off, so nothing was observed. \"CONFIG SET latency-monitor-threshold \
             <milliseconds>\" turns it on.\n"
                .to_owned()
        } else {
            format!("No event took {threshold_ms} ms or longer since the server began to watch.\n")
        };
    }
    let mut text = "These events took longer than they should:\n\n".to_owned();
    for (number, (event, spikes)) in events.iter().enumerate() {
        let figures = Figures::of(spikes, now_seconds);
        let Figures { count, average, deviation, period } = figures;
        writeln!(
            text,
            "{}. {event}: {count} latency spikes (average {average}ms, mean deviation {deviation}ms, period \
             {period:.2} sec). Worst all time event {}ms.",
            number + 1,
            spikes.max_millis
        )
        .expect("a string takes any text");
    }
    let advice = advice(events, settings);
    if !advice.is_empty() {
        text.push_str("\nWhat may help:\n\n");
        advice.iter().for_each(|line| writeln!(text, "- {line}").expect("a string takes any text"));
    }
    text
}

/// What the samples of an event amount to; times in milliseconds, the period in seconds.
struct Figures {
    count: usize,
    average: u64,
    deviation: u64,
    period: f64,
}

impl Figures {
    fn of(spikes: &Spikes, now_seconds: i64) -> Self {
        let count = spikes.samples.len().max(1);
        let mean = |sum: u64| sum / count as u64;
        let average = mean(spikes.samples.iter().map(|sample| sample.millis).sum());
        let deviation = mean(spikes.samples.iter().map(|sample| sample.millis.abs_diff(average)).sum());
        let oldest = spikes.samples.front().map_or(now_seconds, |sample| sample.unix_seconds);
        let period = (now_seconds - oldest).max(1) as f64 / count as f64;
        Self { count: spikes.samples.len(), average, deviation, period }
    }
}

fn advice(events: &[(&'static str, Spikes)], settings: &Settings) -> Vec<String> {
    let happened = |event: &str| events.iter().any(|(name, _)| *name == event);
    let observation = &settings.observation;
    let threshold_us = observation.latency_monitor_threshold_ms.saturating_mul(1000);
    let mut advice = Vec::new();
    if happened("command") {
        let slower_than = observation.slowlog_log_slower_than_us;
        if slower_than < 0 {
            advice.push(format!(
                "The slow log is off. \"CONFIG SET slowlog-log-slower-than {threshold_us}\" makes it keep the \
                 commands that are this slow."
            ));
        } else if slower_than > threshold_us {
            advice.push(format!(
                "The slow log keeps only commands slower than what is watched for here. \"CONFIG SET \
                 slowlog-log-slower-than {threshold_us}\" makes it keep these too."
            ));
        }
        advice.push("Look into the slow log (SLOWLOG GET) for the commands that take so long.".to_owned());
    }
    if happened("fast-command") {
        advice.push(
            "Commands of constant time were slow: the server did not get the processor. Look for other work on \
             this machine, for a busy neighbour of a virtual machine, and measure with \"redis-cli \
             --intrinsic-latency 100\"."
                .to_owned(),
        );
    }
    if happened("expire-cycle") {
        advice.push(
            "Many keys expired at the same time. Spread their times to live, or raise \"hz\" so that the work is \
             cut into smaller pieces."
                .to_owned(),
        );
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Sample;

    #[test]
    fn an_event_is_summed_up_and_advised_on() {
        let mut settings = Settings::default();
        assert!(report(&[], &settings, 0).contains("is off"));
        settings.observation.latency_monitor_threshold_ms = 5;
        assert!(report(&[], &settings, 0).contains("No event took 5 ms"));
        let samples = [(90, 10), (95, 30)].map(|(unix_seconds, millis)| Sample { unix_seconds, millis });
        let text = report(&[("command", Spikes { samples: samples.into(), max_millis: 70 })], &settings, 100);
        assert!(text.contains(
            "1. command: 2 latency spikes (average 20ms, mean deviation 10ms, period 5.00 sec). Worst all time event 70ms."
        ));
        assert!(text.contains("CONFIG SET slowlog-log-slower-than 5000"), "{text}");
    }
}
