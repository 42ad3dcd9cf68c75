//! What the helper threads have to do, and who of them does what.
//!
//! Long commands go first, in the order they came, for clients wait for them; nobody waits for garbage. And only some of
//! the threads free garbage at a time: those that do take the processors away from the event loops, and the others are
//! at hand for commands. When garbage piles up nevertheless, all help.
//!
//! Commands may wait on their threads for what other commands hold. So that none waits for one that has no thread, each
//! kind leaves a thread to the kinds that it may have to wait for ([`Rank`]):
//!
//! ```text
//! thread 0   any command
//! thread 1   any command
//! thread 2   not those that go through all shards: these may wait for long scripts, and for the end of a pause
//! thread 3   only those that hold their shards: the others may wait for these, and these wait for nobody
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use spinel_family::OwnedArgs;
use spinel_store::{Db, OwnedValue};

use super::LongCommand;

/// So much garbage waits when all threads help.
const PILE: usize = 1024;

/// What a command may have to wait for on its thread. Only so many of a rank and those above run at a time that a thread
/// is left for each rank below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Nothing: it holds its shards. Others wait for these, so it must never wait for a thread that they have.
    Holding,
    /// Shards that the former hold, to store what it has computed.
    Storing,
    /// Shards, keys that a long script keeps, and the end of a pause.
    Sweeping,
}

impl Rank {
    const ALL: [Self; 3] = [Self::Holding, Self::Storing, Self::Sweeping];
}

/// Something to be freed.
pub(super) enum Garbage {
    Value {
        value: OwnedValue,
        /// Bytes of it that do not count any more.
        leaving_bytes: u64,
    },
    Db(Box<Db>),
    Buffer(Vec<u8>),
    Words(Arc<OwnedArgs>),
}

/// What a thread has to do next.
pub(super) enum Job {
    /// To be followed by [`Queue::ended`].
    Command(Box<LongCommand>),
    /// To be followed by [`Queue::freed`].
    Free(Garbage),
}

#[derive(Default)]
struct Waiting {
    /// By their ranks, with the number of their arrival.
    commands: [VecDeque<(u64, Box<LongCommand>)>; Rank::ALL.len()],
    arrivals: u64,
    /// Commands that have a thread, by their ranks.
    running: [usize; Rank::ALL.len()],
    threads: usize,
    garbage: VecDeque<Garbage>,
    /// Threads that free garbage now.
    freeing: usize,
    /// Threads that may free garbage at a time.
    most_freeing: usize,
    stopped: bool,
}

impl Waiting {
    /// The rank of the command that came first of those that may begin.
    fn next_rank(&self) -> Option<Rank> {
        let first = |rank: &Rank| self.commands[*rank as usize].front().map(|(arrival, _)| *arrival);
        let may_begin = |rank: &Rank| {
            let rank = *rank as usize;
            self.running[rank..].iter().sum::<usize>() + rank < self.threads
        };
        Rank::ALL.into_iter().filter(may_begin).filter(|rank| first(rank).is_some()).min_by_key(first)
    }

    fn take(&mut self) -> Option<Job> {
        if let Some(rank) = self.next_rank()
            && let Some((_, command)) = self.commands[rank as usize].pop_front()
        {
            self.running[rank as usize] += 1;
            return Some(Job::Command(command));
        }
        if self.freeing >= self.most_freeing && self.garbage.len() < PILE {
            return None;
        }
        let garbage = self.garbage.pop_front()?;
        self.freeing += 1;
        Some(Job::Free(garbage))
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Queue {
    /// Protects itself.
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the queue to threads, at least one for each rank, of which so many may free garbage at a time.
    pub(super) fn open(&self, threads: usize, most_freeing: usize) {
        debug_assert!(threads >= Rank::ALL.len());
        let mut waiting = self.waiting();
        (waiting.threads, waiting.most_freeing) = (threads, most_freeing);
    }

    /// Sends all threads home that have nothing to do.
    pub(super) fn stop(&self) {
        self.waiting().stopped = true;
        self.filled.notify_all();
    }

    pub(super) fn push_command(&self, command: Box<LongCommand>) {
        let mut waiting = self.waiting();
        waiting.arrivals += 1;
        let arrival = waiting.arrivals;
        waiting.commands[command.rank() as usize].push_back((arrival, command));
        drop(waiting);
        self.filled.notify_one();
    }

    /// A thread is through with a command.
    pub(super) fn ended(&self, rank: Rank) {
        let mut waiting = self.waiting();
        waiting.running[rank as usize] -= 1;
        if waiting.next_rank().is_some() {
            self.filled.notify_one();
        }
    }

    pub(super) fn push_garbage(&self, garbage: Garbage) {
        self.waiting().garbage.push_back(garbage);
        self.filled.notify_one();
    }

    /// Whether a command waits for nothing but a thread.
    pub(super) fn has_command(&self) -> bool {
        self.waiting().next_rank().is_some()
    }

    /// A thread has freed its garbage, or lays down what is left of it.
    pub(super) fn freed(&self, rest: Option<Garbage>) {
        let mut waiting = self.waiting();
        waiting.freeing -= 1;
        waiting.garbage.extend(rest);
        if !waiting.garbage.is_empty() {
            self.filled.notify_one();
        }
    }

    /// Waits for a job; before it does so calls `rest`, if given.
    pub(super) fn next(&self, mut rest: Option<impl FnOnce()>) -> Option<Job> {
        let mut waiting = self.waiting();
        loop {
            if let Some(job) = waiting.take() {
                return Some(job);
            }
            if waiting.stopped {
                return None;
            }
            if let Some(rest) = rest.take() {
                drop(waiting);
                rest();
                waiting = self.waiting();
                continue;
            }
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn garbage(waiting: &Waiting) -> usize {
        waiting.garbage.len()
    }

    #[test]
    fn few_threads_free_unless_garbage_piles_up() {
        let queue = Queue::default();
        queue.open(4, 1);
        for _ in 0..PILE + 1 {
            queue.push_garbage(Garbage::Buffer(Vec::new()));
        }
        let mut taken = 0;
        while queue.waiting().take().is_some() {
            taken += 1;
        }
        assert_eq!(
            (taken, garbage(&queue.waiting())),
            (2, PILE - 1),
            "the pile is reduced, then one goes on"
        );
        queue.freed(None);
        assert!(queue.waiting().take().is_none(), "the other still frees");
        queue.freed(Some(Garbage::Buffer(Vec::new())));
        assert!(queue.waiting().take().is_some());
        assert_eq!(garbage(&queue.waiting()), PILE - 1);
    }

    #[test]
    fn what_was_begun_is_ended_before_the_threads_go_home() {
        let queue = Queue::default();
        queue.open(4, 1);
        queue.push_garbage(Garbage::Buffer(Vec::new()));
        queue.stop();
        assert!(matches!(queue.next(None::<fn()>), Some(Job::Free(_))));
        let mut rested = false;
        assert!(queue.next(Some(|| rested = true)).is_none());
        assert!(!rested);
    }
}
