//! Consumer groups: who was given which entries and has not acknowledged them.
//!
//! A pending entry is kept once, in the group; its consumer has the ID. Consumers are known by number, so that a pending
//! entry takes no pointer and a consumer can be copied with its group. An entry that was released belongs to nobody, and
//! the [order of releases](super::released) has its ID.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use super::released::Released;
use super::{Stream, StreamId};

/// The number of a consumer in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerId(NonZeroU32);

impl ConsumerId {
    fn of(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("a group has fewer than 2^32 consumers"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// To whom; nobody once it was released, until it is claimed.
    pub consumer: Option<ConsumerId>,
    /// When, in Unix milliseconds; 0 if it was released.
    pub delivered_ms: i64,
    /// How often.
    pub deliveries: u64,
}

impl Pending {
    /// The most deliveries that are counted, which clients are told as an integer: what nobody shall be given again.
    pub const DELIVERIES_MAX: u64 = i64::MAX as u64;

    /// How often it was delivered with one delivery more.
    #[must_use]
    pub fn delivered_again(&self) -> u64 {
        self.deliveries.saturating_add(1).min(Self::DELIVERIES_MAX)
    }

    /// Milliseconds since it was delivered.
    #[must_use]
    pub fn idle_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.delivered_ms)
    }

    /// Whether it has been idle for so long that it may be claimed; what was released always has.
    #[must_use]
    pub fn is_due(&self, min_idle_ms: i64, now_ms: i64) -> bool {
        self.consumer.is_none() || self.idle_ms(now_ms) >= min_idle_ms
    }
}

/// A consumer of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last asked for something, in Unix milliseconds.
    pub seen_ms: i64,
    /// When it was last given something, in Unix milliseconds.
    pub active_ms: Option<i64>,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Entries pending.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The IDs pending from `start` on, in order.
    pub fn pending_from(&self, start: StreamId) -> impl Iterator<Item = StreamId> {
        self.pending.range(start..).copied()
    }
}

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The greatest ID delivered.
    pub last_id: StreamId,
    /// Entries read, if that is known.
    pub entries_read: Option<i64>,
    pending: BTreeMap<StreamId, Pending>,
    released: Released,
    names: BTreeMap<Box<[u8]>, ConsumerId>,
    consumers: Vec<Option<Box<Consumer>>>,
    free: Vec<ConsumerId>,
}

impl Group {
    /// A group that has read up to an ID.
    #[must_use]
    pub fn new(last_id: StreamId, entries_read: Option<i64>) -> Self {
        Self { last_id, entries_read, ..Self::default() }
    }

    /// Entries pending.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The pending entries from `start` on, in order.
    pub fn pending_from(&self, start: StreamId) -> impl Iterator<Item = (StreamId, &Pending)> {
        self.pending.range(start..).map(|(id, pending)| (*id, pending))
    }

    /// The greatest ID pending.
    #[must_use]
    pub fn last_pending(&self) -> Option<StreamId> {
        self.pending.last_key_value().map(|(id, _)| *id)
    }

    /// A pending entry.
    #[must_use]
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// Consumers.
    #[must_use]
    pub fn consumer_count(&self) -> usize {
        self.names.len()
    }

    /// The consumers, by name.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> + Clone {
        self.names.values().map(|id| self.consumer(*id))
    }

    /// The number of a consumer.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied()
    }

    /// A consumer by its number.
    ///
    /// # Panics
    /// If it was removed.
    #[must_use]
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        self.consumers[id.index()].as_deref().expect("the number is of a consumer that is there")
    }

    /// The name of the consumer that has a pending entry; empty if nobody has.
    #[must_use]
    pub fn owner(&self, pending: &Pending) -> &[u8] {
        pending.consumer.map_or(&[], |consumer| self.consumer(consumer).name())
    }

    /// A consumer by its number, to change.
    ///
    /// # Panics
    /// If it was removed.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers[id.index()].as_deref_mut().expect("the number is of a consumer that is there")
    }

    /// Notes that somebody asks for something in the name of a consumer, if there is one of this name.
    pub fn note_asking(&mut self, name: &[u8], now_ms: i64) {
        if let Some(id) = self.find(name) {
            self.consumer_mut(id).seen_ms = now_ms;
        }
    }

    /// Makes a consumer; `None` if there is one of this name.
    pub fn create(&mut self, name: &[u8], now_ms: i64) -> Option<ConsumerId> {
        if self.names.contains_key(name) {
            return None;
        }
        let consumer =
            Consumer { name: name.into(), seen_ms: now_ms, active_ms: None, pending: BTreeSet::new() };
        let id = match self.free.pop() {
            Some(id) => {
                self.consumers[id.index()] = Some(Box::new(consumer));
                id
            }
            None => {
                self.consumers.push(Some(Box::new(consumer)));
                ConsumerId::of(self.consumers.len() - 1)
            }
        };
        self.names.insert(name.into(), id);
        Some(id)
    }

    /// Removes a consumer with what is pending for it; says how much that was.
    pub fn remove(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.names.remove(name)?;
        self.free.push(id);
        let consumer = self.consumers[id.index()].take()?;
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Gives an entry to a consumer for the first time, whoever had it before.
    pub fn deliver(&mut self, id: StreamId, consumer: ConsumerId, now_ms: i64) {
        self.assign(id, Pending { consumer: Some(consumer), delivered_ms: now_ms, deliveries: 1 });
    }

    /// Takes an entry from whoever has it, or makes it pending for nobody: it is the last of those released.
    pub fn release(&mut self, id: StreamId, deliveries: u64) {
        self.acknowledge(id);
        self.assign(id, Pending { consumer: None, delivered_ms: 0, deliveries });
    }

    /// The released entries, those first that were released first.
    pub fn released(&self) -> impl Iterator<Item = StreamId> + Clone {
        self.released.iter()
    }

    /// Entries released.
    #[must_use]
    pub fn released_len(&self) -> usize {
        self.released.len()
    }

    /// Makes an entry pending, or changes what is known of it; its consumer may change, too.
    pub fn assign(&mut self, id: StreamId, pending: Pending) {
        let before = self.pending.insert(id, pending).map(|before| before.consumer);
        if before == Some(pending.consumer) {
            return;
        }
        if let Some(before) = before {
            self.take_from(id, before);
        }
        match pending.consumer {
            Some(consumer) => drop(self.consumer_mut(consumer).pending.insert(id)),
            None => self.released.push(id),
        }
    }

    /// Whoever has a pending entry no longer has its ID.
    fn take_from(&mut self, id: StreamId, owner: Option<ConsumerId>) {
        match owner {
            Some(consumer) => drop(self.consumer_mut(consumer).pending.remove(&id)),
            None => self.released.remove(id),
        }
    }

    /// An entry is no longer pending; true if it was.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.take_from(id, pending.consumer);
        true
    }

    /// Bytes of heap, roughly: trees are taken to be as full as growing leaves them.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let names: usize = self.consumers.iter().flatten().map(|consumer| 2 * consumer.name.len()).sum();
        tree_bytes::<StreamId, Pending>(self.pending.len())
            + tree_bytes::<StreamId, ()>(self.pending.len() - self.released.len())
            + self.released.memory_bytes()
            + tree_bytes::<Box<[u8]>, ConsumerId>(self.names.len())
            + self.consumers.capacity() * (size_of::<usize>() + size_of::<Consumer>())
            + self.free.capacity() * size_of::<ConsumerId>()
            + names
    }

    /// What freeing it takes.
    pub(super) fn parts(&self) -> usize {
        self.pending.len() + self.released.len() + self.consumers.len()
    }

    /// Frees about `n` pending entries or consumers; says how many. The group is of no use any more.
    pub(super) fn take_chunk(&mut self, n: usize) -> usize {
        let mut freed = 0;
        while freed < n && self.pending.pop_last().is_some() {
            freed += 1;
        }
        while freed < n && self.released.pop() {
            freed += 1;
        }
        while freed < n {
            let Some(Some(consumer)) = self.consumers.last_mut() else {
                if self.consumers.pop().is_none() {
                    break;
                }
                continue;
            };
            match consumer.pending.pop_last() {
                Some(_) => freed += 1,
                None => drop(self.consumers.pop()),
            }
        }
        freed
    }

    pub(super) fn check_invariants(&self) {
        let mut seen = 0;
        for (name, id) in &self.names {
            let consumer = self.consumer(*id);
            assert_eq!(*name, consumer.name);
            for pending in &consumer.pending {
                assert_eq!(self.pending.get(pending).map(|pending| pending.consumer), Some(Some(*id)));
                seen += 1;
            }
        }
        for id in self.released() {
            assert_eq!(self.pending.get(&id).map(|pending| pending.consumer), Some(None));
            seen += 1;
        }
        self.released.check_invariants();
        assert_eq!(seen, self.pending.len());
        assert_eq!(self.consumers.iter().flatten().count(), self.names.len());
        assert_eq!(self.consumers.len(), self.names.len() + self.free.len());
    }
}

impl Stream {
    /// The groups, by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> + Clone {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// A group.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// A group, to change.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.groups.get_mut(name)
    }

    /// Makes a group; false if there is one of this name.
    pub fn create_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.groups.insert(name.into(), group);
        true
    }

    /// Takes a group out.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Group> {
        self.groups.remove(name)
    }

    /// Changes a group while the entries are read; `None` if there is no such group. Meanwhile the stream has an empty one.
    pub fn with_group<R>(&mut self, name: &[u8], with: impl FnOnce(&Self, &mut Group) -> R) -> Option<R> {
        let mut group = std::mem::take(self.groups.get_mut(name)?);
        let result = with(self, &mut group);
        if let Some(place) = self.groups.get_mut(name) {
            *place = group;
        }
        Some(result)
    }

    /// Notes that a group was given the entry `id`, if that is further than it had come; says so.
    pub fn advance(&self, group: &mut Group, id: StreamId) -> bool {
        let is_new = id > group.last_id;
        if is_new {
            group.entries_read = self.count_read(group.entries_read, id);
            group.last_id = id;
        }
        is_new
    }

    /// What is left of a stream whose group was taken out: the group as a value of its own, to be freed bit by bit.
    #[must_use]
    pub fn of_group(group: Group) -> Self {
        let mut stream = Self::new();
        stream.groups.insert(Box::default(), group);
        stream
    }
}

/// Entries of a leaf of the standard library's tree, and how many are in it when the tree grew at its end.
const LEAF_ENTRIES: usize = 11;
const LEAF_FILL: usize = 6;

/// Bytes of a tree that grew at its end.
pub(super) fn tree_bytes<K, V>(len: usize) -> usize {
    let leaf = LEAF_ENTRIES * (size_of::<K>() + size_of::<V>()) + 16;
    let inner = leaf + (LEAF_ENTRIES + 1) * size_of::<usize>();
    let leaves = len.div_ceil(LEAF_FILL);
    leaves * leaf + leaves / LEAF_FILL * inner
}
