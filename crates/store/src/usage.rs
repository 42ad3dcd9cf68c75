//! What the access field of an entry says of its use, by the policy of eviction in force.
//!
//! ```text
//! recency,        ticks of 1/64 s since the epoch, modulo 2^32
//! modification
//!                 23               8 7       0
//!                +------------------+---------+
//! frequency      | minutes, 16 bits | counter |    the minutes of the last decrement
//!                +------------------+---------+
//! ```
//!
//! The counter is logarithmic: the more it has reached the less likely it is to grow, so that eight bits tell a million
//! uses from a thousand (Morris, "Counting large numbers of events in small registers", 1978). It begins at
//! [`FIRST_COUNT`], so that new keys are given some time, and loses one for each `decay_minutes` without use.
//!
//! Redis keeps whole seconds in 24 bits. The eight bits more that an entry has make the clock finer: among keys used within
//! the same second the order is known, and what was not used for half a year does not look young again for another one and
//! a half.
//!
//! A change of policy does not go through the entries: what they say in the old terms is taken in the new ones until
//! they are used again, as in Redis.

use crate::UnixMillis;

/// Ticks of a second.
const TICK_BITS: u32 = 6;
/// Ticks that a use may lie ahead of the clock: an hour.
const AHEAD: u32 = 3600 << TICK_BITS;
/// The longest idle time there is: two years less an hour.
const LONGEST: u32 = u32::MAX - AHEAD;
/// Where a new key begins.
pub const FIRST_COUNT: u8 = 5;

/// How the use of entries is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recording {
    /// The time of the last use.
    #[default]
    Recency,
    /// The time of the last change.
    Modification,
    /// How often it is used.
    Frequency(Decay),
}

/// How a counter grows and shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decay {
    /// The higher, the more uses it takes (`lfu-log-factor`).
    pub log_factor: u32,
    /// Minutes without use that cost it one (`lfu-decay-time`); 0 for never.
    pub minutes: u32,
}

/// The clock of recency: ticks of 1/64 s.
#[inline]
#[must_use]
pub fn ticks(now: UnixMillis) -> u32 {
    (now.0 * 8 / 125) as u32
}

/// The clock of frequency: 16 bits of minutes.
#[inline]
fn minutes(now: UnixMillis) -> u32 {
    (now.0 / 60_000) as u32 & 0xFFFF
}

/// Seconds since an entry was used, from its access field.
#[must_use]
pub fn idle_seconds(access: u32, now: UnixMillis) -> u64 {
    u64::from(idle_ticks(access, ticks(now)) >> TICK_BITS)
}

/// Ticks since an entry was used, from its access field and the clock. A use somewhat ahead of the clock, as seen by whoever
/// read it earlier, is one of now.
#[inline]
#[must_use]
pub fn idle_ticks(access: u32, clock: u32) -> u32 {
    let idle = clock.wrapping_sub(access);
    if idle > LONGEST { 0 } else { idle }
}

/// The access field of an entry that was not used for some seconds.
#[must_use]
pub fn idle_since(now: UnixMillis, seconds: u64) -> u32 {
    let ticks_ago = u32::try_from(seconds).map_or(LONGEST, |seconds| seconds.saturating_mul(1 << TICK_BITS));
    ticks(now).wrapping_sub(ticks_ago.min(LONGEST))
}

/// The access field of an entry whose counter stands at `count`.
#[must_use]
pub fn counted(now: UnixMillis, count: u8) -> u32 {
    minutes(now) << 8 | u32::from(count)
}

impl Decay {
    /// The counter of an entry, from its access field, as it is now.
    #[must_use]
    pub fn count(self, access: u32, now: UnixMillis) -> u8 {
        self.count_at(access, minutes(now))
    }

    fn count_at(self, access: u32, minutes: u32) -> u8 {
        let (then, count) = (access >> 8 & 0xFFFF, access as u8);
        let passed = minutes.wrapping_sub(then) & 0xFFFF;
        let lost = passed.checked_div(self.minutes).unwrap_or(0);
        count.saturating_sub(u8::try_from(lost).unwrap_or(u8::MAX))
    }

    /// The counter after a use; `chance` is uniform.
    fn increment(self, count: u8, chance: u32) -> u8 {
        if count == u8::MAX {
            return count;
        }
        let beyond = u64::from(count.saturating_sub(FIRST_COUNT));
        // One time in `beyond * log_factor + 1`.
        let grows = u64::from(chance) * (beyond * u64::from(self.log_factor) + 1) <= u64::from(u32::MAX);
        count + u8::from(grows)
    }
}

/// The use of entries at a moment, to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    recording: Recording,
    /// Ticks, or minutes.
    clock: u32,
    /// Uniform; nothing if the use was counted before.
    chance: Option<u32>,
}

impl Use {
    /// A use at a moment; `random` gives uniform numbers, and is asked only if one is needed.
    #[inline]
    #[must_use]
    pub fn new(recording: Recording, now: UnixMillis, random: impl FnOnce() -> u64) -> Self {
        match recording {
            Recording::Recency | Recording::Modification => {
                Self { recording, clock: ticks(now), chance: None }
            }
            Recording::Frequency(_) => {
                Self { recording, clock: minutes(now), chance: Some((random() >> 32) as u32) }
            }
        }
    }

    /// A use of which only the time is recorded.
    #[must_use]
    pub fn of_time(now: UnixMillis) -> Self {
        Self { recording: Recording::Recency, clock: ticks(now), chance: None }
    }

    /// The same use, which does not count but renews the time.
    #[must_use]
    pub fn uncounted(self) -> Self {
        Self { chance: None, ..self }
    }

    /// The access field of a new entry.
    #[inline]
    #[must_use]
    pub fn first(self) -> u32 {
        match self.recording {
            Recording::Recency | Recording::Modification => self.clock,
            Recording::Frequency(_) => self.clock << 8 | u32::from(FIRST_COUNT),
        }
    }

    /// The access field of an entry that is changed, which had `access`.
    #[inline]
    #[must_use]
    pub fn changed(self, access: u32) -> u32 {
        match self.recording {
            Recording::Recency | Recording::Modification => self.clock,
            Recording::Frequency(decay) => {
                let count = decay.count_at(access, self.clock);
                let count = self.chance.map_or(count, |chance| decay.increment(count, chance));
                self.clock << 8 | u32::from(count)
            }
        }
    }

    /// The access field of an entry that is read, which had `access`.
    #[inline]
    #[must_use]
    pub fn read(self, access: u32) -> u32 {
        if self.recording == Recording::Modification { access } else { self.changed(access) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECAY: Decay = Decay { log_factor: 10, minutes: 1 };
    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    #[test]
    fn idle_time_is_told_in_seconds_for_two_years() {
        for seconds in [0, 1, 59, 1_000_000, 67_105_262] {
            assert_eq!(idle_seconds(idle_since(NOW, seconds), NOW), seconds);
            let later = UnixMillis(NOW.0 + 3000);
            assert_eq!(idle_seconds(idle_since(NOW, seconds.saturating_sub(3)), later), seconds.max(3));
        }
        assert_eq!(idle_seconds(idle_since(NOW, u64::MAX), NOW), 67_105_263, "the longest there is");
        assert_eq!(idle_seconds(ticks(NOW), UnixMillis(NOW.0 - 1000)), 0, "seen by who is late");
    }

    #[test]
    fn a_counter_loses_one_for_each_period_without_use_and_stops_at_zero() {
        let access = counted(NOW, 100);
        for (minutes, period, count) in
            [(0, 1, 100), (1, 1, 99), (7, 2, 97), (99, 1, 1), (5000, 1, 0), (5000, 0, 100)]
        {
            let later = UnixMillis(NOW.0 + minutes * 60_000);
            assert_eq!(Decay { minutes: period, ..DECAY }.count(access, later), count, "{minutes} {period}");
        }
    }

    #[test]
    fn a_counter_grows_as_the_reference_documents_it() {
        // Redis's documentation of `lfu-log-factor` has this table: uses, and the counters reached.
        let mut seed = 1_u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed ^ seed >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd)
        };
        for (log_factor, uses, expected) in
            [(0, 100, 105), (1, 1000, 49), (10, 1000, 18), (10, 100_000, 142), (100, 100_000, 49)]
        {
            let decay = Decay { log_factor, minutes: 0 };
            let recording = Recording::Frequency(decay);
            let runs = 30;
            let sum: u32 = (0..runs)
                .map(|_| {
                    let first = Use::new(recording, NOW, &mut random).first();
                    let last =
                        (0..uses).fold(first, |access, _| Use::new(recording, NOW, &mut random).read(access));
                    u32::from(decay.count(last, NOW))
                })
                .sum();
            let mean = f64::from(sum) / f64::from(runs);
            assert!((mean - f64::from(expected)).abs() <= 3.0, "{log_factor} {uses}: {mean}, not {expected}");
        }
    }

    #[test]
    fn reading_is_no_modification() {
        let use_at = |recording, now| Use::new(recording, now, || 0);
        let old = use_at(Recording::Modification, NOW).first();
        let later = UnixMillis(NOW.0 + 10_000);
        assert_eq!(use_at(Recording::Modification, later).read(old), old);
        assert_eq!(idle_seconds(use_at(Recording::Modification, later).changed(old), later), 0);
        assert_eq!(idle_seconds(use_at(Recording::Recency, later).read(old), later), 0);
    }
}
