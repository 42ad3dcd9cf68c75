//! Which keys expire next: a hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels",
//! 1987) of four-byte records.
//!
//! ```text
//! level 5 │ 64 slots of 99 days  │
//!   …     │                      │  a slot whose time begins is emptied: its keys are looked at, and those that
//! level 1 │ 64 slots of 512 ms   │  live on are put on record again, now nearer to their time
//! level 0 │ 64 slots of 8 ms     │  here their time has come
//! ```
//!
//! A [`Record`] is a fragment of a key's hash, enough to find the key in its table; it says "look at these keys when
//! the slot's time begins". It may be early or stale: the entry holds the truth. So an expiry that moves later needs
//! no new record, and a removed key needs none taken away. What must hold, and all that must hold: *for every key
//! that expires there is a record of its fragment in a slot that begins no later than its time.*
//!
//! Slots of the higher levels are emptied somewhat ahead of their time (one slot of the level below), so that there
//! is time to redistribute a large one bit by bit. What lies beyond the wheel (17 years) goes into its last slot.
//!
//! Stale records (of keys removed before their time) could come to outnumber the keys. Then slots are emptied ahead
//! of time, one after the other: the same look at the keys that redistributes records drops those of no living key.
//!
//! Only what expires before the [`Horizon`], a day ahead, is put on record; a pass over the table finds the rest in time.
//!
//! Records also serve to find keys that expire at random where these are few among others ([`ExpiryIndex::random`]).
//!
//! Costs: a record is put in its slot in about 50 ns and looked at once for each level it descends. Memory: 4 bytes
//! for a key, about a tenth more with what slots allocate ahead (see [`slot`]).

mod horizon;
mod slot;
#[cfg(test)]
mod tests;

pub(crate) use horizon::Horizon;
use slot::Slot;

use crate::UnixMillis;

/// Milliseconds of a tick, the time of a slot of the lowest level.
const TICK_MS: i64 = 8;
const LEVELS: usize = 6;
/// Slots of a level, as a power of two.
const SLOT_BITS: usize = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// A clock that was set back by more ticks than this makes the wheel start over.
const MAX_SETBACK: u64 = 125;
/// Stale records that are never worth an effort.
const STALE_ALLOWED: usize = 4096;
/// Stale records that are not worth it when records are drawn at random either.
const STALE_DRAWN: usize = 16;
/// The low bits of a hash that a record keeps.
const LOW_BITS: u32 = 24;

/// A fragment of a hash: its 24 low bits, which say the bucket, above its 8 high bits, the tag. See the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Record(u32);

impl Record {
    /// The fragment of a hash.
    pub(crate) fn of(hash: u64) -> Self {
        Self((hash as u32) << (u32::BITS - LOW_BITS) | (hash >> 56) as u32)
    }

    /// Hashes under which a table finds all its items with this fragment, if `bits` low bits decide on the bucket:
    /// one, or several for a table of more than 2^24 buckets.
    pub(crate) fn hashes(self, bits: u32) -> impl Iterator<Item = u64> {
        let low = u64::from(self.0 >> (u32::BITS - LOW_BITS));
        let tag = u64::from(self.0 & 0xFF) << 56;
        (0..1u64 << bits.saturating_sub(LOW_BITS)).map(move |high| tag | high << LOW_BITS | low)
    }
}

/// A level's slots, as far as they hold records, and a bit for each of these.
#[derive(Default)]
struct Level {
    used: u64,
    /// Records of all its slots.
    len: usize,
    /// In the order of their bits: a database with few keys that expire has few slots, not all of each level.
    slots: Vec<Counted>,
}

/// A slot and how many records it holds.
#[derive(Default)]
struct Counted {
    len: usize,
    slot: Slot,
}

impl Level {
    /// Where a slot is, or would be.
    fn place(&self, slot: usize) -> usize {
        (self.used & ((1 << slot) - 1)).count_ones() as usize
    }

    fn push(&mut self, slot: usize, record: u32) -> isize {
        let place = self.place(slot);
        if self.used & 1 << slot == 0 {
            self.used |= 1 << slot;
            self.slots.insert(place, Counted::default());
        }
        let counted = &mut self.slots[place];
        let added = counted.slot.push(record);
        counted.len = counted.len.wrapping_add_signed(added);
        self.len = self.len.wrapping_add_signed(added);
        added
    }

    fn take(&mut self, slot: usize) -> Slot {
        let counted = self.slots.remove(self.place(slot));
        self.used &= !(1 << slot);
        self.len -= counted.len;
        if self.slots.is_empty() {
            self.slots = Vec::new();
        }
        counted.slot
    }

    /// A record, each as likely as any other; `at` is a number below their count.
    fn random(&self, mut at: usize, random: &mut impl FnMut() -> u64) -> Option<u32> {
        for counted in &self.slots {
            if at < counted.len {
                return counted.slot.random(random);
            }
            at -= counted.len;
        }
        None
    }
}

/// When to look at which keys.
#[derive(Default)]
pub(crate) struct ExpiryIndex {
    levels: [Level; LEVELS],
    /// How far the wheel has turned: every slot that begins by now was emptied.
    tick: u64,
    /// Records whose time has come.
    due: Slot,
    /// Records of slots emptied ahead of their keys' time, to be distributed anew.
    loose: Vec<Slot>,
    /// All records.
    len: usize,
    /// The slot that is emptied next when there are too many records.
    tidied: usize,
}

/// How many ticks before its time a slot is emptied.
const fn lead(level: usize) -> u64 {
    if level == 0 { 0 } else { 1 << (SLOT_BITS * (level - 1)) }
}

/// The first tick that is not before `at`.
fn tick_of(at: UnixMillis) -> u64 {
    (at.0.max(0) as u64).div_ceil(TICK_MS as u64)
}

impl ExpiryIndex {
    /// An empty index, which allocates nothing.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Records.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Tells the time; without any record the wheel need not turn to get there.
    pub(crate) fn set_clock(&mut self, now: UnixMillis) {
        if self.len == 0 {
            self.tick = now.0.max(0) as u64 / TICK_MS as u64;
        }
    }

    /// The number, counted from the epoch, of the last slot of a level that was emptied.
    fn position(&self, level: usize) -> u64 {
        (self.tick + lead(level)) >> (SLOT_BITS * level)
    }

    /// Puts on record that a key with this fragment expires at `at`.
    pub(crate) fn note(&mut self, record: Record, at: UnixMillis) {
        let tick = tick_of(at).max(self.tick + 1);
        let (level, number) = (0..LEVELS)
            .map(|level| (level, tick >> (SLOT_BITS * level)))
            .find(|&(level, number)| number - self.position(level) <= SLOTS as u64)
            .unwrap_or((LEVELS - 1, self.position(LEVELS - 1) + SLOTS as u64));
        debug_assert!(number > self.position(level), "a slot that was emptied takes no more records");
        let added = self.levels[level].push(number as usize % SLOTS, record.0);
        self.len = self.len.wrapping_add_signed(added);
    }

    /// Puts on record that the keys with this fragment must be looked at again at once.
    pub(crate) fn note_due(&mut self, record: Record) {
        let added = self.due.push(record.0);
        self.len = self.len.wrapping_add_signed(added);
    }

    /// The number of the next slot of a level that holds a record, and the tick at which it is emptied.
    fn next_slot(&self, level: usize) -> Option<(u64, u64)> {
        let used = self.levels[level].used;
        if used == 0 {
            return None;
        }
        let after = self.position(level) + 1;
        let number = after + u64::from(used.rotate_right((after % SLOTS as u64) as u32).trailing_zeros());
        Some((number, (number << (SLOT_BITS * level)) - lead(level)))
    }

    /// Turns the wheel up to `target`, or to the first slot on the way whose keys' time has come.
    fn turn(&mut self, target: u64) {
        if self.tick > target + MAX_SETBACK {
            self.start_over(target);
        }
        while self.tick < target {
            let next: [_; LEVELS] = std::array::from_fn(|level| self.next_slot(level));
            let begins = next.iter().flatten().map(|&(_, begins)| begins).min();
            let Some(begins) = begins.filter(|&begins| begins <= target) else {
                self.tick = target;
                return;
            };
            for (level, &slot) in next.iter().enumerate() {
                if let Some((number, at)) = slot
                    && at == begins
                {
                    let records = self.levels[level].take(number as usize % SLOTS);
                    if level == 0 { self.due = records } else { self.loose.push(records) }
                }
            }
            self.tick = begins;
            if next[0].is_some_and(|(_, at)| at == begins) {
                return;
            }
        }
    }

    /// Loosens all records: the clock was set back.
    fn start_over(&mut self, tick: u64) {
        for level in &mut self.levels {
            while level.used != 0 {
                self.loose.push(level.take(level.used.trailing_zeros() as usize));
            }
        }
        self.loose.push(std::mem::take(&mut self.due));
        self.tick = tick;
    }

    /// Takes a record out whose keys must be looked at now.
    pub(crate) fn next_due(&mut self, now: UnixMillis) -> Option<Record> {
        let target = now.0.max(0) as u64 / TICK_MS as u64;
        loop {
            if let Some(record) = self.due.pop() {
                self.len -= 1;
                return Some(Record(record));
            }
            if (target..=target + MAX_SETBACK).contains(&self.tick) {
                return self.next_loose();
            }
            self.turn(target);
        }
    }

    /// Takes a record out that must be put in its place anew.
    pub(crate) fn next_loose(&mut self) -> Option<Record> {
        loop {
            if let Some(record) = self.loose.last_mut()?.pop() {
                self.len -= 1;
                return Some(Record(record));
            }
            self.loose.pop();
        }
    }

    /// Some record, about as likely as any other.
    pub(crate) fn random(&self, random: &mut impl FnMut() -> u64) -> Option<Record> {
        let mut at = slot::below(self.len, random)?;
        for level in &self.levels {
            if at < level.len {
                return level.random(at, random).map(Record);
            }
            at -= level.len;
        }
        let others = self.loose.iter().chain([&self.due]);
        let first = slot::below(self.loose.len() + 1, random)?;
        others.clone().skip(first).chain(others.take(first)).find_map(|slot| slot.random(random)).map(Record)
    }

    /// Whether there are so many stale records beside those of `keys` keys that drawing one at random is often in vain.
    pub(crate) fn is_sparse(&self, keys: usize) -> bool {
        self.len > 2 * keys + STALE_DRAWN
    }

    /// Whether there are far more records than the `keys` that expire.
    #[inline]
    pub(crate) fn is_crowded(&self, keys: usize) -> bool {
        self.len > 2 * keys + STALE_ALLOWED
    }

    /// Loosens the records of one more slot, unless some are loose already.
    pub(crate) fn loosen_one(&mut self) {
        if !self.loose.is_empty() {
            return;
        }
        for _ in 0..LEVELS * SLOTS {
            self.tidied = (self.tidied + 1) % (LEVELS * SLOTS);
            let (level, slot) = (self.tidied / SLOTS, self.tidied % SLOTS);
            if self.levels[level].used & (1 << slot) != 0 {
                self.loose.push(self.levels[level].take(slot));
                return;
            }
        }
    }

    /// Whether keys must be looked at now.
    pub(crate) fn is_due(&self, now: UnixMillis) -> bool {
        let target = now.0.max(0) as u64 / TICK_MS as u64;
        let mut begins = (0..LEVELS).filter_map(|level| self.next_slot(level));
        !self.due.is_empty() || !self.loose.is_empty() || begins.any(|(_, begins)| begins <= target)
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        let of_levels = self.levels.iter().map(|level| {
            let slots: usize = level.slots.iter().map(|counted| counted.slot.memory_bytes()).sum();
            level.slots.capacity() * size_of::<Counted>() + slots
        });
        let loose = self.loose.iter().map(Slot::memory_bytes).sum::<usize>();
        let places = self.loose.capacity() * size_of::<Slot>();
        of_levels.sum::<usize>() + loose + places + self.due.memory_bytes()
    }
}
