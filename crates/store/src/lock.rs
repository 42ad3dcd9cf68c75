//! A try-lock with a list of those to wake.
//!
//! An event loop must never sleep on a shard, so there is no blocking acquisition here: whoever fails leaves a
//! ticket and is woken through it when the holder lets go.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
const HELD_AND_AWAITED: u32 = 2;

/// Tries before giving up; a command holds a shard for well under a microsecond.
const SPINS: u32 = 200;

/// Called once when the lock was released.
pub type Wake = Box<dyn FnOnce() + Send>;

/// The lock of a shard. Lock order: shards in ascending order, by trying only.
#[derive(Default)]
pub(crate) struct TryLock {
    state: AtomicU32,
    /// Those to wake at the next release; protects itself, taken last of all locks.
    tickets: Mutex<Vec<Wake>>,
}

impl TryLock {
    /// One attempt.
    #[inline]
    pub(crate) fn try_acquire(&self) -> bool {
        self.state.load(Ordering::Relaxed) == FREE
            && self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Attempts for as long as a short command may last.
    #[inline]
    pub(crate) fn spin_acquire(&self) -> bool {
        for _ in 0..SPINS {
            if self.try_acquire() {
                return true;
            }
            std::hint::spin_loop();
        }
        false
    }

    /// Releases; only the holder calls this.
    #[inline]
    pub(crate) fn release(&self) {
        if self.state.swap(FREE, Ordering::Release) == HELD_AND_AWAITED {
            self.wake_all();
        }
    }

    #[cold]
    fn wake_all(&self) {
        let tickets = std::mem::take(&mut *self.tickets.lock().expect("no holder of the tickets panics"));
        tickets.into_iter().for_each(|wake| wake());
    }

    /// Leaves a ticket. False, and the ticket unused, if the lock is free by now: try again.
    pub(crate) fn leave_ticket(&self, wake: Wake) -> bool {
        let mut tickets = self.tickets.lock().expect("no holder of the tickets panics");
        let awaited = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            if state == FREE { None } else { Some(HELD_AND_AWAITED) }
        });
        if awaited.is_err() {
            return false;
        }
        tickets.push(wake);
        true
    }
}
