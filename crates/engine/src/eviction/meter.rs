//! How much memory counts against `maxmemory`, told often and cheaply.
//!
//! The allocator knows the exact figure but takes microseconds to add it up. What one thread has allocated and freed it
//! tells in nanoseconds, so the allocator is believed once, and from then on every thread tells what it has done since it
//! told last:
//!
//! ```text
//! held = what the allocator said when the limit was set + what threads have told since
//! used = held + maps of large tables - what does not count - what helper threads are about to free
//! ```
//!
//! Some threads never tell (those of the log, of snapshots), so now and then the allocator is asked again. What it says
//! includes what others are just doing and have not told yet, and will have undone when they tell; so one reading is no
//! proof. Only what all of [`READINGS`] readings agree to be wrong is corrected.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use spinel_family::UnixMillis;
use spinel_structs::table::mapped_bytes;

use crate::Engine;
use crate::host::ProcessProbe;

/// Readings for a correction.
const READINGS: u32 = 8;

/// What a thread has told of its allocations.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    told: i64,
    /// The beginning since which it tells, 0 before it told for the first time.
    since: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct MemoryMeter {
    /// Bytes that are allocated, without maps.
    held: AtomicI64,
    /// How often it has begun with what the allocator said.
    beginnings: AtomicU64,
    /// Bytes of values that were removed, and of buffers, that are not freed yet.
    leaving: AtomicU64,
    /// Databases that were flushed but are not freed yet. Nobody knows their bytes.
    flushed: AtomicU64,
    /// Bytes that do not count: what waits to be written to disk.
    not_counted: AtomicU64,
    /// When the allocator was asked last, in Unix milliseconds.
    read_ms: AtomicI64,
    /// Protects itself.
    doubt: Mutex<Doubt>,
}

/// What the last readings say of `held`.
#[derive(Debug, Default)]
struct Doubt {
    readings: u32,
    /// Bytes that are missing by all readings (too many, if negative).
    missing: i64,
}

impl Doubt {
    /// Takes a reading into account; says by how much to correct.
    fn read(&mut self, missing: i64) -> i64 {
        self.missing = match self.readings {
            0 => missing,
            _ if (self.missing < 0) != (missing < 0) => 0,
            _ if missing.abs() < self.missing.abs() => missing,
            _ => self.missing,
        };
        self.readings += 1;
        if self.readings < READINGS {
            return 0;
        }
        self.readings = 0;
        self.missing
    }
}

impl MemoryMeter {
    /// A thread tells what it has done; says by how much it has more than when it told last.
    #[inline]
    pub(crate) fn tell(&self, probe: &dyn ProcessProbe, tally: &mut Tally) -> i64 {
        let (now, since) = (probe.held_here(), self.beginnings.load(Relaxed));
        let before = std::mem::replace(tally, Tally { told: now, since });
        let more = if before.since == since { now - before.told } else { 0 };
        if more != 0 {
            self.held.fetch_add(more, Relaxed);
        }
        more
    }

    /// A thread tells that it has freed a part of something of which so many bytes do not count any more; says how many of
    /// these are gone.
    pub(crate) fn tell_of_leaving(&self, probe: &dyn ProcessProbe, tally: &mut Tally, bytes: u64) -> u64 {
        let freed = u64::try_from(-self.tell(probe, tally)).unwrap_or(0).min(bytes);
        self.was_freed(freed);
        freed
    }

    /// Bytes that count, as far as is known.
    #[inline]
    pub(crate) fn used(&self) -> u64 {
        self.used_beside(0)
    }

    /// As [`used`](Self::used), with what the calling thread has not told yet.
    #[inline]
    pub(crate) fn used_now(&self, probe: &dyn ProcessProbe, tally: &Tally) -> u64 {
        self.used_beside(probe.held_here() - tally.told)
    }

    #[inline]
    fn used_beside(&self, untold: i64) -> u64 {
        let held = self.held.load(Relaxed) + untold + mapped_bytes() as i64;
        let not_counted = self.leaving.load(Relaxed) + self.not_counted.load(Relaxed);
        u64::try_from(held).unwrap_or(0).saturating_sub(not_counted)
    }

    /// Bytes that do not count against `maxmemory`.
    pub(crate) fn not_counted(&self) -> u64 {
        self.not_counted.load(Relaxed)
    }

    /// Bytes of values that were removed, and of buffers, that are not freed yet.
    #[cfg(test)]
    pub(crate) fn leaving(&self) -> u64 {
        self.leaving.load(Relaxed)
    }

    /// A value that was removed, or a buffer, is about to be freed by another thread.
    pub(crate) fn expect_freed(&self, bytes: u64) {
        self.leaving.fetch_add(bytes, Relaxed);
    }

    /// It was freed, or a part of it.
    pub(crate) fn was_freed(&self, bytes: u64) {
        self.leaving.fetch_sub(bytes, Relaxed);
    }

    /// Databases that were flushed are about to be freed by other threads.
    pub(crate) fn expect_flushed(&self, databases: u64) {
        self.flushed.fetch_add(databases, Relaxed);
    }

    /// One was freed, and the thread has told of it.
    pub(crate) fn was_flushed(&self) {
        self.flushed.fetch_sub(1, Relaxed);
    }

    /// Whether memory of databases that were flushed is still in use.
    pub(super) fn is_flushing(&self) -> bool {
        self.flushed.load(Relaxed) > 0
    }

    /// Whether it is time to ask the allocator, which was not asked for so long; one thread is told so.
    #[inline]
    pub(super) fn is_reading_due(&self, now: UnixMillis, every_ms: i64) -> bool {
        let before = self.read_ms.load(Relaxed);
        (now.0 - before).abs() >= every_ms
            && self.read_ms.compare_exchange(before, now.0, Relaxed, Relaxed).is_ok()
    }

    /// Believes the allocator from now on.
    fn begin(&self, allocated: i64) {
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = Doubt::default();
        self.held.store(allocated, Relaxed);
        self.beginnings.fetch_add(1, Relaxed);
    }

    /// Compares what was told with what the allocator says, to a thread that has told all it did.
    fn compare(&self, allocated: i64) {
        let missing = allocated - self.held.load(Relaxed);
        let correction = self.doubt.lock().unwrap_or_else(PoisonError::into_inner).read(missing);
        if correction != 0 {
            self.held.fetch_add(correction, Relaxed);
        }
    }
}

impl Engine {
    /// Begins to count memory, or begins anew, with what the allocator says.
    pub(crate) fn begin_to_count_memory(&self) {
        let allocated = self.read_allocated();
        self.memory.begin(allocated);
    }

    /// Asks the allocator, for a thread that has told what it did.
    pub(crate) fn check_memory(&self) {
        let allocated = self.read_allocated();
        self.memory.compare(allocated);
    }

    /// Asks the allocator and believes it if less is used than was told, for a thread that has told what it did.
    pub(crate) fn believe_allocator(&self) {
        let allocated = self.read_allocated();
        self.memory.held.fetch_min(allocated, Relaxed);
    }

    fn read_allocated(&self) -> i64 {
        let kept = self.persistence.current.get().map_or(0, |snapshot| snapshot.kept_bytes());
        self.memory.not_counted.store((self.journal.log.waiting_bytes() + kept) as u64, Relaxed);
        let allocated = self.host().probe.allocated();
        self.stats.peak_memory.fetch_max(allocated, Relaxed);
        allocated as i64 - mapped_bytes() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Probe(AtomicI64);

    impl ProcessProbe for Probe {
        fn held_here(&self) -> i64 {
            self.0.load(Relaxed)
        }
    }

    #[test]
    fn what_a_thread_did_before_the_beginning_is_the_allocators_to_tell() {
        let (probe, meter, mut tally) =
            (Probe(AtomicI64::new(500)), MemoryMeter::default(), Tally::default());
        let maps = mapped_bytes() as u64;
        for beginning in [1000, 5000] {
            probe.0.store(500, Relaxed);
            meter.begin(beginning);
            let beginning = beginning as u64 + maps;
            meter.tell(&probe, &mut tally);
            assert_eq!(meter.used(), beginning);
            probe.0.store(700, Relaxed);
            assert_eq!((meter.used(), meter.used_now(&probe, &tally)), (beginning, beginning + 200));
            meter.tell(&probe, &mut tally);
            assert_eq!((meter.used(), meter.used_now(&probe, &tally)), (beginning + 200, beginning + 200));
            probe.0.store(100, Relaxed);
            meter.tell(&probe, &mut tally);
            assert_eq!(meter.used(), beginning - 400);
        }
    }

    #[test]
    fn only_what_all_readings_find_wrong_is_corrected() {
        for (readings, correction) in [
            ([50, 40, 90, 40, 70, 33, 35, 90], 33),
            ([-50, -40, -90, -40, -70, -33, -35, -90], -33),
            ([5000, 0, 0, 9000, 0, 0, 0, 0], 0),
            ([500, -3, 400, 600, 500, 500, 500, 500], 0),
        ] {
            let mut doubt = Doubt::default();
            let corrections = readings.map(|missing| doubt.read(missing));
            assert_eq!(corrections, [0, 0, 0, 0, 0, 0, 0, correction], "{readings:?}");
            assert_eq!(doubt.readings, 0, "it begins anew");
        }
    }

    #[test]
    fn what_is_on_its_way_out_does_not_count() {
        let meter = MemoryMeter::default();
        meter.begin(1000);
        let before = meter.used();
        meter.expect_freed(300);
        assert_eq!(meter.used(), before - 300);
        let (probe, mut tally) = (Probe(AtomicI64::new(0)), Tally::default());
        meter.tell(&probe, &mut tally);
        for (held, expected, freed) in [(-100, 300, 100), (50, 200, 0), (-500, 200, 200)] {
            probe.0.store(held, Relaxed);
            assert_eq!(meter.tell_of_leaving(&probe, &mut tally, expected), freed, "{held} bytes held");
        }
        assert_eq!(meter.used() + 500, before, "what was freed beyond what was expected");
        assert!(!meter.is_flushing());
        meter.expect_flushed(2);
        meter.was_flushed();
        assert!(meter.is_flushing());
        meter.was_flushed();
        assert!(!meter.is_flushing());
    }
}
