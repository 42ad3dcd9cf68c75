//! Time that moves when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use spinel_engine::Clock;

/// 14 November 2023, 22:13:20.
const START_UNIX_MICROS: i64 = 1_700_000_000_000_000;

/// A clock in the hand of a test; copies show the same time.
#[derive(Clone, Debug, Default)]
pub(crate) struct VirtualClock {
    elapsed_nanos: Arc<AtomicU64>,
}

impl VirtualClock {
    pub(crate) fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).expect("tests last less than five hundred years");
        self.elapsed_nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn unix_micros(&self) -> i64 {
        let elapsed = self.monotonic_nanos() / 1000;
        START_UNIX_MICROS + i64::try_from(elapsed).expect("a 64th of the range of the counter")
    }

    fn monotonic_nanos(&self) -> u64 {
        self.elapsed_nanos.load(Ordering::Relaxed)
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}
