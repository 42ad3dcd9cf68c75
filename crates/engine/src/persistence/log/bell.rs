//! A bell: wakes a thread that sleeps, and costs little while it is awake.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Wakes one thread.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: AtomicBool,
    /// Protects nothing but the moment between looking at `rung` and falling asleep.
    asleep: Mutex<()>,
    wake: Condvar,
}

impl Bell {
    /// Wakes the thread, now or at its next wait.
    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            drop(self.asleep.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_one();
        }
    }

    /// Sleeps until the bell rings, if it did not since the last call, or for so long.
    pub(super) fn wait(&self, longest: Duration) {
        if self.rung.swap(false, Ordering::SeqCst) {
            return;
        }
        let asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(asleep, longest, |()| !self.rung.load(Ordering::SeqCst));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.rung.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_bell_that_rang_before_is_heard() {
        let bell = Bell::default();
        bell.ring();
        let start = Instant::now();
        bell.wait(Duration::from_secs(60));
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_bell_wakes_another_thread() {
        let bell = Arc::new(Bell::default());
        let ringer = Arc::clone(&bell);
        let start = Instant::now();
        let thread = std::thread::spawn(move || ringer.ring());
        bell.wait(Duration::from_secs(60));
        thread.join().unwrap();
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
