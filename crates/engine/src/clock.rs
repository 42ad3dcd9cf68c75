//! Time as the engine sees it: whoever runs the engine brings the clock.

use std::fmt::Debug;

use spinel_store::UnixMillis;

/// Tells the time. Real in the server, virtual in tests.
pub trait Clock: Debug + Send + Sync {
    /// Microseconds since the Unix epoch.
    fn unix_micros(&self) -> i64;

    /// Nanoseconds on a clock that never goes back.
    fn monotonic_nanos(&self) -> u64;

    /// Lets time pass without doing anything (`DEBUG SLEEP`).
    fn sleep(&self, duration: std::time::Duration) {
        std::thread::sleep(duration);
    }

    /// Milliseconds since the Unix epoch.
    fn unix_millis(&self) -> UnixMillis {
        UnixMillis(self.unix_micros() / 1000)
    }
}

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    fn unix_micros(&self) -> i64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic_nanos(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
