//! What reaches a connection from outside its own commands, by way of its worker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use spinel_family::OwnedArgs;

use crate::ClientId;
use crate::pubsub::Published;
use crate::registry::CommandId;

/// A message to a client.
#[derive(Debug)]
pub enum Message {
    /// Something published on a channel it listens to.
    Published(Arc<Published>),
    /// A line for a monitor, in the form of a simple string.
    Monitored(Arc<[u8]>),
    /// The reply to its blocked command. The number says which blocking it ends.
    Served {
        /// Which blocking.
        blocking: u64,
        /// The reply, encoded.
        reply: Vec<u8>,
    },
    /// The reply of a command that ran on a helper thread.
    Finished {
        /// The reply, encoded.
        reply: Vec<u8>,
        /// What ran, for the statistics.
        call: Box<FinishedCall>,
    },
    /// `CLIENT UNBLOCK`, whose sender claimed the waiter; with an error instead of the reply of a timeout.
    Unblock {
        /// Ends in the error `UNBLOCKED`.
        with_error: bool,
    },
    /// Its blocked command gets this error (a key became another type, the server changes its role).
    Fail {
        /// The error's text.
        text: &'static str,
    },
    /// It is to be closed; replies already owed are dropped.
    Kill,
    /// What it waited for (a shard, the end of a pause) has come: try the command again.
    Retry,
}

/// A command that ran elsewhere than on its connection's worker.
#[derive(Debug)]
pub struct FinishedCall {
    /// The command.
    pub command: CommandId,
    /// Its words.
    pub args: Arc<OwnedArgs>,
    /// How long it took, in nanoseconds.
    pub nanos: u64,
    /// It ended in an error.
    pub failed: bool,
}

/// Calls the worker's poller.
pub type Waker = Box<dyn Fn() + Send + Sync>;

/// The letter box of one worker.
#[derive(Default)]
pub struct Inbox {
    /// Letters in order of arrival; protects itself, taken last of all locks.
    letters: Mutex<Vec<(ClientId, Message)>>,
    pending: AtomicBool,
    waker: OnceLock<Waker>,
}

impl Inbox {
    /// Says how the worker is woken; once.
    pub fn set_waker(&self, waker: Waker) {
        assert!(self.waker.set(waker).is_ok(), "a worker has one poller");
    }

    /// Drops a letter in.
    pub fn post(&self, client: ClientId, message: Message) {
        self.letters.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((client, message));
        self.nudge();
    }

    /// Wakes the worker.
    pub(crate) fn nudge(&self) {
        if !self.pending.swap(true, Ordering::AcqRel)
            && let Some(waker) = self.waker.get()
        {
            waker();
        }
    }

    /// Whether there may be letters.
    #[inline]
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// Takes out what was published to a client.
    pub(crate) fn take_published(&self, client: ClientId) -> Vec<Arc<Published>> {
        let mut letters = self.letters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut taken = Vec::new();
        letters.retain(|(to, message)| match message {
            Message::Published(published) if *to == client => {
                taken.push(Arc::clone(published));
                false
            }
            _ => true,
        });
        taken
    }

    /// Takes all letters out.
    pub fn drain(&self) -> Vec<(ClientId, Message)> {
        self.pending.store(false, Ordering::Release);
        std::mem::take(&mut *self.letters.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("pending", &self.is_pending()).finish_non_exhaustive()
    }
}
