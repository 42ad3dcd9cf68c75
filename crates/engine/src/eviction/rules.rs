//! What a policy says: which keys may go, which of them first, and how long it may take.

use spinel_store::usage::{self, Decay, Recording};
use spinel_store::{Entry, Evictable};

use spinel_family::UnixMillis;

use crate::config::{MaxmemoryPolicy, Memory};

/// The most that `maxmemory-eviction-tenacity` multiplies a time by before it is without limit.
const TENACITY_FOREVER: u32 = 100;
/// Bytes above the limit for each of which a loop takes its time once more: values may come that are much larger than
/// those evicted for them.
const EXCESS_BYTES: u64 = 1 << 20;
/// How often at the most.
const MOST_TIMES: u64 = 20;

/// How candidates are compared.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// Longest unused, or unchanged, at this clock.
    Idle(u32),
    /// Least frequently used.
    Rare(Decay),
    /// First to expire.
    Soon,
    /// None.
    Chance,
}

/// A policy at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) policy: MaxmemoryPolicy,
    order: Order,
    /// Which keys are sampled, and how many.
    pub(super) sample: (Evictable, usize),
    pub(super) now: UnixMillis,
}

impl Rules {
    /// `None` if the policy evicts nothing.
    pub(super) fn new(settings: &Memory, now: UnixMillis) -> Option<Self> {
        let policy = settings.maxmemory_policy;
        let order = match (policy, settings.recording()) {
            (MaxmemoryPolicy::NoEviction, _) => return None,
            (MaxmemoryPolicy::VolatileTtl, _) => Order::Soon,
            (MaxmemoryPolicy::AllkeysRandom | MaxmemoryPolicy::VolatileRandom, _) => Order::Chance,
            (_, Recording::Frequency(decay)) => Order::Rare(decay),
            (_, Recording::Recency | Recording::Modification) => Order::Idle(usage::ticks(now)),
        };
        let evictable = if policy.spares_persistent_keys() { Evictable::Expiring } else { Evictable::All };
        let samples = if matches!(order, Order::Chance) { 1 } else { settings.maxmemory_samples as usize };
        Some(Self { policy, order, sample: (evictable, samples), now })
    }

    pub(super) fn only_expiring(&self) -> bool {
        self.sample.0 == Evictable::Expiring
    }

    pub(super) fn is_random(&self) -> bool {
        matches!(self.order, Order::Chance)
    }

    /// The higher, the better to evict.
    pub(super) fn score(&self, entry: &Entry, random: impl FnOnce() -> u64) -> u64 {
        match self.order {
            Order::Idle(clock) => u64::from(usage::idle_ticks(entry.access(), clock)),
            Order::Rare(decay) => u64::from(u8::MAX - decay.count(entry.access(), self.now)),
            Order::Soon => entry.expiry().map_or(0, |at| u64::MAX - at.0.max(0).unsigned_abs()),
            Order::Chance => random(),
        }
    }

    /// Whether an entry is still as good to evict as it was.
    pub(super) fn may_go(&self, entry: &Entry, score: u64) -> bool {
        (!self.only_expiring() || entry.expiry().is_some())
            && (self.is_random() || self.score(entry, || 0) >= score)
    }
}

/// How long a loop may evict before it serves its clients, when so many bytes are too many.
///
/// `maxmemory-eviction-tenacity` means what it does in Redis: 50 µs for each up to 10, 15 % more for each beyond, and at 100
/// until it is done.
pub(super) fn patience_nanos(settings: &Memory, excess: u64) -> u64 {
    let tenacity = settings.maxmemory_eviction_tenacity;
    let micros = match tenacity {
        0..=10 => f64::from(50 * tenacity),
        11..TENACITY_FOREVER => 500.0 * 1.15_f64.powi(tenacity as i32 - 10),
        TENACITY_FOREVER.. => return u64::MAX,
    };
    let times = (1 + excess / EXCESS_BYTES).min(MOST_TIMES);
    (micros * 1000.0) as u64 * times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenacity_is_time_as_in_redis() {
        let micros = |tenacity, excess| {
            let settings = Memory { maxmemory_eviction_tenacity: tenacity, ..Memory::default() };
            patience_nanos(&settings, excess) / 1000
        };
        assert_eq!([0, 1, 10, 11].map(|tenacity| micros(tenacity, 0)), [0, 50, 500, 575]);
        assert!((120_000_000..130_000_000).contains(&micros(99, 0)), "two minutes");
        assert_eq!(micros(10, 3 << 20), 2000, "more time where more is too much");
        assert_eq!(
            patience_nanos(&Memory { maxmemory_eviction_tenacity: 100, ..Memory::default() }, 0),
            u64::MAX
        );
    }
}
