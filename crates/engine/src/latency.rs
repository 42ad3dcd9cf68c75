//! The latency monitor: the latest spikes of each kind of event, one sample a second at most.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use spinel_family::spec::CommandFlags;

use crate::Worker;
use crate::registry::Command;

/// Samples kept for each event.
const MAX_SAMPLES: usize = 160;

/// One spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) unix_seconds: i64,
    pub(crate) millis: u64,
}

/// The spikes of one event, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spikes {
    pub(crate) samples: VecDeque<Sample>,
    /// The longest since the last reset, in milliseconds.
    pub(crate) max_millis: u64,
}

/// The spikes of a server by event.
#[derive(Debug, Default)]
pub(crate) struct LatencyMonitor {
    /// Protects itself.
    events: Mutex<BTreeMap<&'static str, Spikes>>,
}

impl LatencyMonitor {
    fn events(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Spikes>> {
        self.events.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn add(&self, event: &'static str, sample: Sample) {
        let mut events = self.events();
        let spikes = events.entry(event).or_default();
        spikes.max_millis = spikes.max_millis.max(sample.millis);
        match spikes.samples.back_mut() {
            Some(last) if last.unix_seconds == sample.unix_seconds => {
                last.millis = last.millis.max(sample.millis);
            }
            _ => {
                if spikes.samples.len() == MAX_SAMPLES {
                    spikes.samples.pop_front();
                }
                spikes.samples.push_back(sample);
            }
        }
    }

    /// All events that had a spike.
    pub(crate) fn all(&self) -> Vec<(&'static str, Spikes)> {
        self.events().iter().map(|(event, spikes)| (*event, spikes.clone())).collect()
    }

    /// The spikes of one event.
    pub(crate) fn of(&self, event: &[u8]) -> Option<(&'static str, Spikes)> {
        let events = self.events();
        let found = events.iter().find(|(name, _)| name.as_bytes() == event);
        found.map(|(name, spikes)| (*name, spikes.clone()))
    }

    /// Forgets the spikes of the events wanted; gives how many events had some.
    pub(crate) fn reset(&self, is_wanted: impl Fn(&str) -> bool) -> usize {
        let mut events = self.events();
        let before = events.len();
        events.retain(|name, _| !is_wanted(name));
        before - events.len()
    }
}

impl Worker {
    /// Remembers an event that took at least as long as `latency-monitor-threshold`.
    pub(crate) fn note_latency(&self, event: &'static str, nanos: u64) {
        let threshold = self.published.settings.observation.latency_monitor_threshold_ms;
        let millis = nanos / 1_000_000;
        if threshold > 0 && millis >= threshold.unsigned_abs() {
            self.engine.latency.add(event, Sample { unix_seconds: self.now.0 / 1000, millis });
        }
    }

    pub(crate) fn note_command_latency(&self, command: &Command, nanos: u64) {
        let is_fast = command.flags.has(CommandFlags::FAST);
        self.note_latency(if is_fast { "fast-command" } else { "command" }, nanos);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_longest_spike_and_old_ones_make_room() {
        let monitor = LatencyMonitor::default();
        for unix_seconds in 0..200 {
            for millis in [5, 9, 7] {
                monitor.add("command", Sample { unix_seconds, millis });
            }
        }
        let (_, spikes) = monitor.of(b"command").unwrap();
        assert_eq!((spikes.samples.len(), spikes.max_millis), (MAX_SAMPLES, 9));
        assert_eq!(spikes.samples.front(), Some(&Sample { unix_seconds: 40, millis: 9 }));
        assert_eq!(monitor.reset(|name| name == "fork"), 0);
        assert_eq!(monitor.reset(|_| true), 1);
        assert!(monitor.of(b"command").is_none());
    }
}
