//! Pauses of the machine itself: times at which a core ran nothing although it had been asked to.
//!
//! The host of a virtual machine may take a core away for milliseconds, and then every latency tells of the host. So
//! each core has a watcher at real-time priority, which nothing else here can delay. It sleeps for [`NAP`]; when it
//! comes back much later, its core stood still. What a request waited can then be counted without the pauses that fell
//! into its wait: of any core, as nobody knows on which one it was. This takes off a little too much, the same share
//! for every server; the figures with the pauses stand beside.
//!
//! A watcher is a process of its own, as `chrt` of util-linux gives it its priority, and says when pauses began and
//! ended in nanoseconds of Unix time. Without `chrt`, or the right to use it, there are no watchers.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::parent_id;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::failure::Failure;

/// The word that makes this program a watcher.
pub(crate) const WATCHER: &str = "watch-core";
/// How long a watcher sleeps.
const NAP: Duration = Duration::from_micros(200);
/// Coming back later than this is a pause.
const LATE: Duration = Duration::from_micros(300);
/// The priorities of the watchers, and of the generator below them.
const WATCHERS_PRIORITY: &str = "50";
const GENERATORS_PRIORITY: &str = "10";
/// How long a watcher may take to begin.
const START_LIMIT: Duration = Duration::from_secs(5);

/// A span of Unix time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

/// The pauses of all cores: in order, none touching another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pauses(Vec<Span>);

impl Pauses {
    /// Pauses in any order, which may overlap.
    pub(crate) fn new(mut spans: Vec<Span>) -> Pauses {
        spans.sort_unstable_by_key(|span| span.from);
        let mut merged: Vec<Span> = Vec::new();
        for span in spans {
            match merged.last_mut() {
                Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
                _ => merged.push(span),
            }
        }
        Pauses(merged)
    }

    /// Nanoseconds of pauses within a span.
    pub(crate) fn within(&self, span: Span) -> u64 {
        let first = self.0.partition_point(|pause| pause.until <= span.from);
        let those = self.0[first..].iter().take_while(|pause| pause.from < span.until);
        those.map(|pause| pause.until.min(span.until) - pause.from.max(span.from)).sum()
    }
}

/// Watchers at work; dropped, they end.
#[derive(Debug)]
pub(crate) struct Watchers {
    children: Vec<Child>,
    lines: Receiver<Option<Span>>,
}

impl Watchers {
    /// A watcher for each core, if there can be such; else it says why not.
    pub(crate) fn start_if_possible() -> Option<Watchers> {
        Watchers::start().inspect_err(|failure| eprintln!("pauses are not watched: {failure}")).ok()
    }

    fn start() -> Result<Watchers, Failure> {
        let own = std::env::current_exe().map_err(Failure::io("finding this program"))?;
        let (sender, lines) = channel();
        let mut watchers = Watchers { children: Vec::new(), lines };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for core in 0..cores {
            let mut child = Command::new("chrt")
                .args(["-f", WATCHERS_PRIORITY, "taskset", "-c", &core.to_string()])
                .arg(&own)
                .arg(WATCHER)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .map_err(Failure::io("running chrt"))?;
            let output = child.stdout.take().expect("it is a pipe");
            watchers.children.push(child);
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(parse(&line)).is_err() {
                        break;
                    }
                }
            });
        }
        // Who may not watch ends, and then nobody sends any more.
        drop(sender);
        for _ in 0..cores {
            let begun = watchers.lines.recv_timeout(START_LIMIT);
            begun.map_err(|_| Failure::Server("chrt may not raise a priority here".into()))?;
        }
        Ok(watchers)
    }

    /// The pauses since the last time. What ended this very moment may be missing, so it is to be asked a moment after the
    /// load has ended.
    pub(crate) fn pauses(&self) -> Pauses {
        thread::sleep(10 * NAP);
        Pauses::new(self.lines.try_iter().flatten().collect())
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It ends by itself soon after this process in any case.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// While it lives, the main thread, and none that it starts, goes before the servers wherever they want the same core: what
/// is measured is then how long servers let it wait, not the scheduler. Without the right to do so nothing changes.
#[derive(Debug)]
pub(crate) struct First(());

impl First {
    /// Lets the main thread go first.
    pub(crate) fn begin() -> First {
        set_priority(&["-R", "-f", "-p", GENERATORS_PRIORITY]);
        First(())
    }
}

impl Drop for First {
    fn drop(&mut self) {
        set_priority(&["-o", "-p", "0"]);
    }
}

/// Keeps a core busy at the priority of everybody: what whoever works on one must at least do to the others.
pub(crate) fn keep_busy(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn set_priority(words: &[&str]) {
    let own = std::process::id().to_string();
    // Who may not do it is told by the watchers.
    let _ = Command::new("chrt").args(words).arg(own).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// The body of a watcher: a line when it begins, and one for each pause, until the process that started it is gone.
pub(crate) fn watch() -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let parent = parent_id();
    let mut say = |line: &str| {
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::io("telling of pauses"))
    };
    say("watching")?;
    let mut before = unix_ns(SystemTime::now());
    while parent_id() == parent {
        thread::sleep(NAP);
        let now = unix_ns(SystemTime::now());
        if let Some(Span { from, until }) = pause(before, now) {
            say(&format!("{from} {until}"))?;
        }
        before = unix_ns(SystemTime::now());
    }
    Ok(())
}

/// The pause of one who began to sleep at one time and woke at another.
fn pause(before: u64, now: u64) -> Option<Span> {
    let from = before + NAP.as_nanos() as u64;
    (now > from + LATE.as_nanos() as u64).then_some(Span { from, until: now })
}

/// A line of a watcher, if it tells of a pause.
fn parse(line: &str) -> Option<Span> {
    let (from, until) = line.split_once(' ')?;
    Some(Span { from: from.parse().ok()?, until: until.parse().ok()? })
}

/// A point of time as nanoseconds of Unix time.
pub(crate) fn unix_ns(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::{Pauses, Span, parse, pause};

    const fn span(from: u64, until: u64) -> Span {
        Span { from, until }
    }

    #[test]
    fn pauses_of_several_cores_are_merged() {
        let pauses = Pauses::new(vec![span(50, 60), span(10, 20), span(15, 30), span(30, 31), span(12, 14)]);
        assert_eq!(pauses, Pauses(vec![span(10, 31), span(50, 60)]));
    }

    #[test]
    fn only_what_falls_into_a_span_counts() {
        let pauses = Pauses::new(vec![span(10, 20), span(30, 40), span(50, 60)]);
        for (from, until, within) in [
            (0, 5, 0),
            (0, 10, 0),
            (0, 15, 5),
            (12, 14, 2),
            (20, 30, 0),
            (15, 55, 20),
            (0, 99, 30),
            (60, 70, 0),
        ] {
            assert_eq!(pauses.within(span(from, until)), within, "{from}..{until}");
        }
        assert_eq!(Pauses::default().within(span(0, 100)), 0);
    }

    #[test]
    fn only_a_late_return_is_a_pause() {
        assert_eq!(pause(1_000_000, 1_499_000), None);
        assert_eq!(pause(1_000_000, 1_600_000), Some(span(1_200_000, 1_600_000)));
    }

    #[test]
    fn a_watcher_says_from_when_until_when() {
        assert_eq!(parse("5 17"), Some(span(5, 17)));
        assert_eq!((parse("watching"), parse("5 x")), (None, None));
    }
}
