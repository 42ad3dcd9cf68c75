//! A try-lock with a list of those to wake.
//!
//! An event loop must never sleep on a shard, so there is no blocking acquisition here: whoever fails leaves a
//! ticket and is woken through it when the holder lets go.
//!
//! # Letting go is a plain store
//! A release that looked for tickets with certainty would need a full fence, as dear as the acquisition, for every
//! command. Instead it stores, looks without a fence, and may thus miss a ticket that is being left at the same
//! moment. So that no ticket stays, every thread that held locks calls [`Tickets::wake_missed`] (through
//! [`Keyspace::wake_missed`](crate::Keyspace::wake_missed)) when its batch is over, which has the fence once for all:
//!
//! ```text
//! holder:  state = FREE     … fence …  read tickets        one of the two sees
//! waiter:  tickets += 1     … fence …  read state          what the other wrote
//! ```

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tries before giving up; a command holds a shard for well under a microsecond.
const SPINS: u32 = 200;

/// Called once when the lock was released.
pub type Wake = Box<dyn FnOnce() + Send>;

/// How many tickets lie at all the locks of a keyspace.
#[derive(Clone, Default)]
pub(crate) struct Tickets(Arc<AtomicUsize>);

impl Tickets {
    /// Wakes those whose lock is free although nobody woke them: for the end of a batch.
    #[inline]
    pub(crate) fn wake_missed<'a>(&self, locks: impl Iterator<Item = &'a TryLock>) {
        fence(Ordering::SeqCst);
        if self.0.load(Ordering::Relaxed) > 0 {
            locks.for_each(TryLock::wake_if_free);
        }
    }
}

/// The lock of a shard. Lock order: shards in ascending order, by trying only.
pub(crate) struct TryLock {
    is_held: AtomicBool,
    is_awaited: AtomicBool,
    /// Those to wake at a release; protects itself, taken last of all locks.
    tickets: Mutex<Vec<Wake>>,
    total: Tickets,
}

impl TryLock {
    /// A free lock whose tickets are counted in `total`.
    pub(crate) fn new(total: &Tickets) -> Self {
        Self {
            is_held: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
            tickets: Mutex::default(),
            total: total.clone(),
        }
    }

    /// One attempt.
    #[inline]
    pub(crate) fn try_acquire(&self) -> bool {
        !self.is_held.load(Ordering::Relaxed) && !self.is_held.swap(true, Ordering::Acquire)
    }

    /// Attempts for as long as a short command may last.
    #[inline]
    pub(crate) fn spin_acquire(&self) -> bool {
        self.try_acquire() || self.spin_longer()
    }

    #[cold]
    fn spin_longer(&self) -> bool {
        (0..SPINS).any(|_| {
            std::hint::spin_loop();
            self.try_acquire()
        })
    }

    /// Releases; only the holder calls this.
    #[inline]
    pub(crate) fn release(&self) {
        self.is_held.store(false, Ordering::Release);
        if self.is_awaited.load(Ordering::Relaxed) {
            self.wake_if_free();
        }
    }

    fn tickets(&self) -> MutexGuard<'_, Vec<Wake>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody if the lock is free; else its holder will.
    #[cold]
    fn wake_if_free(&self) {
        let woken = {
            let mut tickets = self.tickets();
            if self.is_held.load(Ordering::Relaxed) {
                return;
            }
            self.is_awaited.store(false, Ordering::Relaxed);
            std::mem::take(&mut *tickets)
        };
        self.total.0.fetch_sub(woken.len(), Ordering::Relaxed);
        woken.into_iter().for_each(|wake| wake());
    }

    /// Whether somebody has left a ticket, as far as is known.
    pub(crate) fn is_awaited(&self) -> bool {
        self.is_awaited.load(Ordering::Relaxed)
    }

    /// Adds tickets of others, who are woken at the release; only the holder calls this.
    pub(crate) fn add_tickets(&self, wakes: Vec<Wake>) {
        if wakes.is_empty() {
            return;
        }
        self.total.0.fetch_add(wakes.len(), Ordering::Relaxed);
        self.tickets().extend(wakes);
        self.is_awaited.store(true, Ordering::Relaxed);
    }

    /// Leaves a ticket. False, and the ticket unused, if the lock is free by now: try again.
    pub(crate) fn leave_ticket(&self, wake: Wake) -> bool {
        let mut tickets = self.tickets();
        self.total.0.fetch_add(1, Ordering::Relaxed);
        tickets.push(wake);
        self.is_awaited.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.is_held.load(Ordering::Relaxed) {
            return true;
        }
        // Whoever left a ticket before was told so, and is woken by the holder of that time.
        tickets.pop();
        self.total.0.fetch_sub(1, Ordering::Relaxed);
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn a_ticket_left_at_a_free_lock_is_given_back() {
        let lock = TryLock::new(&Tickets::default());
        assert!(!lock.leave_ticket(Box::new(|| unreachable!("never woken"))));
        assert_eq!(lock.total.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn everybody_who_left_a_ticket_is_woken_once() {
        let total = Tickets::default();
        let lock = Arc::new(TryLock::new(&total));
        let (left, woken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (lock, total) = (Arc::clone(&lock), total.clone());
                let (left, woken) = (Arc::clone(&left), Arc::clone(&woken));
                std::thread::spawn(move || {
                    for _ in 0..20_000 {
                        if lock.try_acquire() {
                            lock.release();
                        } else {
                            let woken = Arc::clone(&woken);
                            let wake = Box::new(move || {
                                woken.fetch_add(1, Ordering::Relaxed);
                            });
                            left.fetch_add(u64::from(lock.leave_ticket(wake)), Ordering::Relaxed);
                        }
                        total.wake_missed(std::iter::once(&*lock));
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
        assert_eq!(woken.load(Ordering::Relaxed), left.load(Ordering::Relaxed));
        assert_eq!(total.0.load(Ordering::Relaxed), 0);
    }
}
