//! The pieces a run consists of, a few at a time.

use super::frameworks::{self, Driver};
use super::ledger::Ledger;
use super::plan::Mode;
use super::redis_py::{self, Protocol};
use super::subject::Subject;
use super::tally::Tally;
use super::tcl::{self, LeftOut};
use crate::Outcome;
use crate::refs::{NewerSuite, References};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, mpsc};

/// One piece: what runs by itself and has a ledger of its own.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    /// A unit of Redis's Tcl suite.
    Tcl {
        /// How.
        mode: Mode,
        /// Which.
        unit: String,
    },
    /// redis-py's suite.
    RedisPy(Protocol),
    /// A framework's driver.
    Framework(Driver),
}

impl Job {
    /// What reports call it.
    pub(crate) fn name(&self) -> String {
        let (suite, unit) = self.ledger();
        format!("{suite} {unit}")
    }

    /// Suite and unit of its ledger.
    pub(crate) fn ledger(&self) -> (String, String) {
        match self {
            Job::Tcl { mode, unit } => (mode.to_string(), unit.clone()),
            Job::RedisPy(protocol) => ("redis-py".to_owned(), protocol.unit().to_owned()),
            Job::Framework(driver) => (frameworks::SUITE.to_owned(), driver.name.clone()),
        }
    }

    /// The newer server's suite that it is of, if it is.
    pub(crate) fn newer_suite(&self) -> Option<NewerSuite> {
        match self {
            Job::Tcl { unit, .. } => NewerSuite::of(unit).map(|(suite, _)| suite),
            Job::RedisPy(_) | Job::Framework(_) => None,
        }
    }

    /// Runs it.
    pub(crate) fn run(&self, refs: &References, subject: &Subject) -> Outcome<Tally> {
        match self {
            Job::Tcl { mode, unit } => {
                let ledger = Ledger::load(&mode.to_string(), unit)?.unwrap_or_default();
                let ledger = if subject.is_reference { Ledger::default() } else { ledger };
                let names = |tests: &BTreeMap<String, String>| tests.keys().cloned().collect::<Vec<_>>();
                let tests = [names(&ledger.skipped), names(&ledger.beyond)].concat();
                let left_out = LeftOut { tests, tags: names(&ledger.without) };
                match NewerSuite::of(unit) {
                    // Their counterpart is a newer server.
                    Some((suite, _)) if subject.is_reference => {
                        let subject = Subject { server: suite.server()?, ..subject.clone() };
                        tcl::run_unit(refs, &subject, *mode, unit, &left_out)
                    }
                    _ => tcl::run_unit(refs, subject, *mode, unit, &left_out),
                }
            }
            Job::RedisPy(protocol) => redis_py::run(&refs.redis_py, subject, *protocol),
            Job::Framework(driver) => frameworks::run(driver, &refs.redis, subject),
        }
    }
}

/// The jobs not begun. Some tests of redis-py listen on ports written into them, so it runs beside Tcl units only.
struct Queue {
    waiting: VecDeque<Job>,
    redis_py_runs: bool,
}

impl Queue {
    /// Takes the first job that may run now. `None`: what is left, if anything, falls to whoever runs redis-py.
    fn next(&mut self) -> Option<Job> {
        let may_run = |job: &Job| !self.redis_py_runs || !matches!(job, Job::RedisPy(_));
        let at = self.waiting.iter().position(may_run)?;
        let job = self.waiting.remove(at)?;
        self.redis_py_runs |= matches!(job, Job::RedisPy(_));
        Some(job)
    }

    fn ended(&mut self, job: &Job) {
        if matches!(job, Job::RedisPy(_)) {
            self.redis_py_runs = false;
        }
    }
}

/// Runs all jobs, `parallel` at a time, and hands each outcome over as it comes.
pub(crate) fn in_parallel(
    refs: &References,
    subject: &Subject,
    jobs: Vec<Job>,
    parallel: usize,
    mut each: impl FnMut(Job, Outcome<Tally>),
) {
    let queue = Mutex::new(Queue { waiting: VecDeque::from(jobs), redis_py_runs: false });
    let queue = &|| queue.lock().expect("no worker panics while it holds the queue");
    let (sender, outcomes) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..parallel.max(1) {
            let sender = sender.clone();
            scope.spawn(move || {
                loop {
                    let Some(job) = queue().next() else { break };
                    let outcome = job.run(refs, subject);
                    queue().ended(&job);
                    sender.send((job, outcome)).expect("the receiver outlives the workers");
                }
            });
        }
        drop(sender);
        for (job, outcome) in outcomes {
            each(job, outcome);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_py_never_runs_beside_itself_and_nothing_else_waits_for_it() {
        let unit = |name: &str| Job::Tcl { mode: Mode::Spawn, unit: name.to_owned() };
        let waiting = [Job::RedisPy(Protocol::Two), Job::RedisPy(Protocol::Three), unit("a"), unit("b")];
        let mut queue = Queue { waiting: waiting.into(), redis_py_runs: false };
        let mut next = |ended: Option<&Job>| {
            if let Some(job) = ended {
                queue.ended(job);
            }
            queue.next()
        };
        let first = next(None).expect("nothing runs yet");
        assert_eq!(first.name(), "redis-py resp2");
        let second = next(None).expect("units are left");
        assert_eq!(second.name(), "spawn a");
        let third = next(Some(&first)).expect("redis-py may run again");
        assert_eq!(third.name(), "redis-py resp3");
        assert_eq!(next(Some(&second)).map(|job| job.name()).as_deref(), Some("spawn b"));
        assert!(next(None).is_none());
    }
}
