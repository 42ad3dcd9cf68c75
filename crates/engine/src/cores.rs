//! The cores that threads are kept to: `server_cpulist` and its kin.
//!
//! Whoever starts a thread asks for the [`Cores`] of its work, and the thread keeps to them before it does anything. A
//! thread begins with the cores of the one that started it, so that where nothing is configured nothing is done; only
//! threads in the background must leave the cores of the loops that started them. As in Redis, what writes a snapshot or
//! rewrites the log stays on the cores of the server if it has none of its own.

use rustix::process::getpid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Engine;
use crate::config::{Cpus, cores};

/// What a thread is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Event loops, and the thread of scripts.
    Commands,
    /// What helps them.
    Background,
    /// Writing a snapshot.
    Snapshot,
    /// Rewriting the append-only file.
    Rewrite,
}

/// Cores of a thread that is to be.
#[derive(Clone, Debug)]
pub struct Cores(Option<CpuSet>);

impl Cores {
    /// Keeps the calling thread to them. It goes on where it is if none of them is there, as the start has said.
    pub fn keep(&self) {
        if let Some(set) = &self.0 {
            let _ = sched_setaffinity(None, set);
        }
    }
}

impl Engine {
    /// The cores for a thread.
    pub fn cores_for(&self, work: Work) -> Cores {
        Cores(set_for(&self.settings().process.cpus, work))
    }

    /// The directives that name no core on which this process may run.
    pub fn useless_core_lists(&self) -> Vec<&'static str> {
        let Ok(allowed) = sched_getaffinity(None) else { return Vec::new() };
        let Cpus { server, background, rewrite, snapshot } = &self.settings().process.cpus;
        [
            ("server_cpulist", server),
            ("bio_cpulist", background),
            ("aof_rewrite_cpulist", rewrite),
            ("bgsave_cpulist", snapshot),
        ]
        .into_iter()
        .filter(|(_, list)| {
            let any = |set: CpuSet| (0..CpuSet::MAX_CPU).any(|core| set.is_set(core) && allowed.is_set(core));
            parsed(list).is_some_and(|set| !any(set))
        })
        .map(|(name, _)| name)
        .collect()
    }
}

fn set_for(cpus: &Cpus, work: Work) -> Option<CpuSet> {
    let of_server = parsed(&cpus.server);
    match work {
        Work::Commands => of_server,
        Work::Snapshot => parsed(&cpus.snapshot).or(of_server),
        Work::Rewrite => parsed(&cpus.rewrite).or(of_server),
        // The first thread is on all that the process was given.
        Work::Background => parsed(&cpus.background)
            .or_else(|| of_server.and_then(|_| sched_getaffinity(Some(getpid())).ok())),
    }
}

/// The set of a list; nothing if there is none.
fn parsed(list: &[u8]) -> Option<CpuSet> {
    let mut set = CpuSet::new();
    cores(list)?.into_iter().for_each(|core| set.set(core));
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(set: Option<CpuSet>) -> Option<Vec<usize>> {
        set.map(|set| (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
    }

    #[test]
    fn threads_without_a_list_of_their_own_stay_with_the_server_or_leave_it() {
        let list = |text: &str| text.as_bytes().to_vec();
        let mut cpus = Cpus::default();
        for work in [Work::Commands, Work::Background, Work::Snapshot, Work::Rewrite] {
            assert_eq!(numbers(set_for(&cpus, work)), None, "{work:?}");
        }
        cpus.server = list("0-7:2");
        for work in [Work::Commands, Work::Snapshot, Work::Rewrite] {
            assert_eq!(numbers(set_for(&cpus, work)), Some(vec![0, 2, 4, 6]), "{work:?}");
        }
        let all = numbers(sched_getaffinity(Some(getpid())).ok());
        assert_eq!(numbers(set_for(&cpus, Work::Background)), all);
        (cpus.background, cpus.rewrite, cpus.snapshot) = (list("1"), list("2"), list("3,5"));
        assert_eq!(numbers(set_for(&cpus, Work::Background)), Some(vec![1]));
        assert_eq!(numbers(set_for(&cpus, Work::Rewrite)), Some(vec![2]));
        assert_eq!(numbers(set_for(&cpus, Work::Snapshot)), Some(vec![3, 5]));
    }
}
