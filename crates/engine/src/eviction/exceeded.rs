//! For how long more memory was used than allowed, for INFO.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// See the module. Times are in monotonic nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Exceeded {
    /// Since when, 0 if it is not.
    since: AtomicU64,
    /// For how long until then.
    total: AtomicU64,
}

impl Exceeded {
    /// Whether the limit was found exceeded last.
    #[inline]
    pub(super) fn is_exceeded(&self) -> bool {
        self.since.load(Relaxed) != 0
    }

    /// Notes what was found.
    pub(super) fn note(&self, is_exceeded: bool, now: u64) {
        if is_exceeded == self.is_exceeded() {
            return;
        }
        if is_exceeded {
            self.since.store(now.max(1), Relaxed);
        } else {
            self.total.fetch_add(now.saturating_sub(self.since.swap(0, Relaxed)), Relaxed);
        }
    }

    /// Milliseconds in all, and of those since the limit was exceeded last, if it still is.
    pub(crate) fn millis(&self, now: u64) -> (u64, u64) {
        let since = self.since.load(Relaxed);
        let current = if since == 0 { 0 } else { now.saturating_sub(since) };
        ((self.total.load(Relaxed) + current) / 1_000_000, current / 1_000_000)
    }

    /// Begins anew.
    pub(crate) fn reset(&self) {
        self.since.store(0, Relaxed);
        self.total.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_above_the_limit_adds_up() {
        let exceeded = Exceeded::default();
        exceeded.note(false, 1_000_000);
        assert_eq!(exceeded.millis(5_000_000), (0, 0));
        exceeded.note(true, 10_000_000);
        exceeded.note(true, 12_000_000);
        assert_eq!(exceeded.millis(15_000_000), (5, 5));
        exceeded.note(false, 20_000_000);
        exceeded.note(true, 30_000_000);
        assert_eq!(exceeded.millis(31_000_000), (11, 1));
        exceeded.reset();
        assert_eq!(exceeded.millis(40_000_000), (0, 0));
    }
}
