//! The pieces a run consists of, a few at a time.

use super::ledger::Ledger;
use super::plan::Mode;
use super::redis_py::{self, Protocol};
use super::subject::Subject;
use super::tally::Tally;
use super::tcl::{self, LeftOut};
use crate::Outcome;
use crate::refs::References;
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
        }
    }

    /// Runs it.
    pub(crate) fn run(&self, refs: &References, subject: &Subject) -> Outcome<Tally> {
        match self {
            Job::Tcl { mode, unit } => {
                let ledger = Ledger::load(&mode.to_string(), unit)?.unwrap_or_default();
                let ledger = if subject.is_reference { Ledger::default() } else { ledger };
                let names = |tests: &BTreeMap<String, String>| tests.keys().cloned().collect();
                let left_out = LeftOut { tests: names(&ledger.skipped), tags: names(&ledger.without) };
                tcl::run_unit(refs, subject, *mode, unit, &left_out)
            }
            Job::RedisPy(protocol) => redis_py::run(&refs.redis_py, subject, *protocol),
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
    let queue = Mutex::new(VecDeque::from(jobs));
    let next = &|| queue.lock().expect("no worker panics while it holds the queue").pop_front();
    let (sender, outcomes) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..parallel.max(1) {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(job) = next() {
                    let outcome = job.run(refs, subject);
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
