//! What producers of a stream said of their messages, so that a message sent twice is added once.
//!
//! A producer names itself and each message; the stream remembers which entry came of it, for a time and up to a number of
//! messages per producer. Whoever sends the same name again gets the ID of that entry, whether or not the entry is still
//! there.
//!
//! ```text
//! producers: "shop-7" ─▶ ids:   "order-1" ─▶ 1700000000000-0
//!                               "order-2" ─▶ 1700000000042-0
//!                        order: "order-1", "order-2"        ◀── the oldest goes first
//! ```
//! The entry's ID tells when it was added, so no other time is kept. What is too old counts as forgotten at once; it goes
//! when its producer is heard of again, or when others are: each message looks at two producers more, in turn, so that those
//! who fell silent take at most about as much memory as those who did not.
//!
//! # What it does not do
//! It reads no clock. It does not look into messages: who names them by their content does so elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use super::group::tree_bytes;
use super::{Stream, StreamError, StreamId};

/// Producers looked at for what is too old with each message.
const LOOKED_AT: usize = 2;

/// For how long, and how many messages of a producer are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Seconds.
    pub duration_s: u32,
    /// Messages of each producer.
    pub messages: u32,
}

impl Memory {
    /// The longest duration, in seconds.
    pub const DURATION_MAX_S: u32 = 86_400;
    /// The most messages.
    pub const MESSAGES_MAX: u32 = 10_000;

    /// Whether an entry is too old at a moment in Unix milliseconds.
    fn has_forgotten(self, id: StreamId, now_ms: u64) -> bool {
        id.ms.saturating_add(u64::from(self.duration_s) * 1000) <= now_ms
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { duration_s: 100, messages: 100 }
    }
}

/// A producer's messages.
#[derive(Clone, Debug, Default)]
struct Producer {
    ids: BTreeMap<Arc<[u8]>, StreamId>,
    order: VecDeque<Arc<[u8]>>,
}

impl Producer {
    /// Forgets the oldest message; the bytes of its name, if there is one.
    fn forget(&mut self) -> Option<usize> {
        let name = self.order.pop_front()?;
        self.ids.remove(&name);
        Some(name.len())
    }

    /// Messages at the front that are too old.
    fn forgotten(&self, memory: Memory, now_ms: u64) -> usize {
        let ids = self.order.iter().filter_map(|name| self.ids.get(name));
        ids.take_while(|id| memory.has_forgotten(**id, now_ms)).count()
    }
}

/// What is remembered of the producers of a stream; see the [module](self).
#[derive(Clone, Debug, Default)]
pub struct Idempotence {
    memory: Memory,
    producers: BTreeMap<Box<[u8]>, Producer>,
    /// Messages remembered, and the bytes of their names and of the producers'.
    len: usize,
    name_bytes: usize,
    /// The producer looked at last.
    looked_at: Box<[u8]>,
    added: u64,
    duplicates: u64,
}

impl Idempotence {
    /// Nothing is remembered yet.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self { memory, ..Self::default() }
    }

    /// For how long, and how much.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// Changes for how long and how much; all is forgotten if that is a change.
    pub fn set_memory(&mut self, memory: Memory) {
        if memory != self.memory {
            *self = Self { added: self.added, duplicates: self.duplicates, ..Self::new(memory) };
        }
    }

    /// Messages ever remembered.
    #[must_use]
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Messages that were sent again.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Messages remembered, those that are too old among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry that a producer's message became, unless that is forgotten.
    #[must_use]
    pub fn find(&self, producer: &[u8], message: &[u8], now_ms: u64) -> Option<StreamId> {
        self.recorded(producer, message).filter(|id| !self.memory.has_forgotten(*id, now_ms))
    }

    /// The same, however old.
    #[must_use]
    pub fn recorded(&self, producer: &[u8], message: &[u8]) -> Option<StreamId> {
        self.producers.get(producer)?.ids.get(message).copied()
    }

    /// Counts a message that was sent again.
    pub fn note_duplicate(&mut self) {
        self.duplicates += 1;
    }

    /// Remembers what became of a message, and forgets the oldest beyond the number.
    pub fn record(&mut self, producer: &[u8], message: &[u8], id: StreamId) {
        self.added += 1;
        self.put(producer, message, id);
    }

    fn put(&mut self, name: &[u8], message: &[u8], id: StreamId) {
        if !self.producers.contains_key(name) {
            self.producers.insert(name.into(), Producer::default());
            self.name_bytes += name.len();
        }
        let Some(producer) = self.producers.get_mut(name) else { return };
        let message: Arc<[u8]> = message.into();
        match producer.ids.insert(Arc::clone(&message), id) {
            // It was too old: it begins anew.
            Some(_) => producer.order.retain(|other| *other != message),
            None => {
                self.len += 1;
                self.name_bytes += message.len();
            }
        }
        producer.order.push_back(message);
        while producer.order.len() > self.memory.messages as usize {
            let Some(bytes) = producer.forget() else { break };
            self.len -= 1;
            self.name_bytes -= bytes;
        }
    }

    /// Lets go of what is too old of a producer, and of the next few in turn.
    pub fn forget_old(&mut self, producer: &[u8], now_ms: u64) {
        self.forget_old_of(producer, now_ms);
        for _ in 0..LOOKED_AT {
            let after = (Bound::Excluded(&*self.looked_at), Bound::Unbounded);
            let next = self.producers.range::<[u8], _>(after).next().or_else(|| self.producers.iter().next());
            let Some((name, _)) = next else { return };
            self.looked_at = name.clone();
            self.forget_old_of(&self.looked_at.clone(), now_ms);
        }
    }

    fn forget_old_of(&mut self, name: &[u8], now_ms: u64) {
        let Some(producer) = self.producers.get_mut(name) else { return };
        for _ in 0..producer.forgotten(self.memory, now_ms) {
            let Some(bytes) = producer.forget() else { break };
            self.len -= 1;
            self.name_bytes -= bytes;
        }
        if producer.order.is_empty() {
            self.producers.remove(name);
            self.name_bytes -= name.len();
        }
    }

    /// Producers, and messages of theirs, that are not forgotten: O(producers).
    #[must_use]
    pub fn live(&self, now_ms: u64) -> (usize, usize) {
        let (mut producers, mut messages) = (0, 0);
        for producer in self.producers.values() {
            let live = producer.order.len() - producer.forgotten(self.memory, now_ms);
            producers += usize::from(live > 0);
            messages += live;
        }
        (producers, messages)
    }

    /// The producers, each with the number of its messages and these, the oldest first.
    pub fn producers(
        &self,
    ) -> impl ExactSizeIterator<Item = (&[u8], usize, impl Iterator<Item = (&[u8], StreamId)>)> {
        self.producers.iter().map(|(name, producer)| {
            let messages = producer.order.iter().filter_map(|name| Some((&**name, *producer.ids.get(name)?)));
            (&**name, producer.order.len(), messages)
        })
    }

    /// Takes over a message from a file.
    ///
    /// # Errors
    /// When it has no name, is stated twice, or is one too many.
    pub fn push(&mut self, producer: &[u8], message: &[u8], id: StreamId) -> Result<(), StreamError> {
        let known = self.producers.get(producer);
        let is_full = known.is_some_and(|known| known.order.len() >= self.memory.messages as usize);
        let is_double = known.is_some_and(|known| known.ids.contains_key(message));
        if producer.is_empty() || message.is_empty() || is_full || is_double {
            return Err(StreamError::Idempotence);
        }
        self.put(producer, message, id);
        Ok(())
    }

    /// Takes over what was counted.
    pub fn set_counters(&mut self, added: u64, duplicates: u64) {
        (self.added, self.duplicates) = (added, duplicates);
    }

    /// Bytes of heap, roughly.
    pub(super) fn memory_bytes(&self) -> usize {
        const ARC_HEAD: usize = 2 * size_of::<usize>();
        let per_message = ARC_HEAD + size_of::<Arc<[u8]>>();
        size_of::<Self>()
            + tree_bytes::<Box<[u8]>, Producer>(self.producers.len())
            + tree_bytes::<Arc<[u8]>, StreamId>(self.len)
            + self.len * per_message
            + self.name_bytes
    }

    /// What freeing it takes.
    pub(super) fn parts(&self) -> usize {
        self.len
    }

    /// Frees about `n` messages; says how many. It is of no use any more.
    pub(super) fn take_chunk(&mut self, n: usize) -> usize {
        let before = self.len;
        while before - self.len < n {
            let Some(mut last) = self.producers.last_entry() else { break };
            match last.get_mut().forget() {
                Some(_) => self.len -= 1,
                None => drop(last.remove()),
            }
        }
        before - self.len
    }

    pub(super) fn check_invariants(&self) {
        let (mut len, mut bytes) = (0, 0);
        for (name, producer) in &self.producers {
            assert!(!producer.order.is_empty() && producer.order.len() <= self.memory.messages as usize);
            assert_eq!(producer.order.len(), producer.ids.len());
            assert!(producer.order.iter().all(|message| producer.ids.contains_key(message)));
            len += producer.order.len();
            bytes += name.len() + producer.order.iter().map(|message| message.len()).sum::<usize>();
        }
        assert_eq!((len, bytes), (self.len, self.name_bytes));
    }
}

impl Stream {
    /// What producers said, if any ever did or will.
    #[must_use]
    pub fn idempotence(&self) -> Option<&Idempotence> {
        self.idempotence.as_deref()
    }

    /// What producers said, to change; `memory` is how it begins.
    pub fn idempotence_or(&mut self, memory: Memory) -> &mut Idempotence {
        self.idempotence.get_or_insert_with(|| Box::new(Idempotence::new(memory)))
    }

    /// Takes over what producers said.
    pub fn set_idempotence(&mut self, idempotence: Idempotence) {
        self.idempotence = Some(Box::new(idempotence));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(ms: u64) -> StreamId {
        StreamId::new(ms, 0)
    }

    #[test]
    fn a_message_is_found_until_its_time_is_over_or_more_came_than_are_remembered() {
        let mut said = Idempotence::new(Memory { duration_s: 2, messages: 2 });
        said.record(b"p", b"1", id(1000));
        assert_eq!(said.find(b"p", b"1", 2999), Some(id(1000)));
        assert_eq!((said.find(b"p", b"1", 3000), said.find(b"q", b"1", 1000)), (None, None));
        said.record(b"p", b"2", id(1001));
        said.record(b"p", b"3", id(1002));
        assert_eq!((said.find(b"p", b"1", 1002), said.find(b"p", b"2", 1002)), (None, Some(id(1001))));
        assert_eq!((said.live(1002), said.live(3001), said.live(3002)), ((1, 2), (1, 1), (0, 0)));
        assert_eq!((said.len(), said.added()), (2, 3));
        said.forget_old(b"p", 3002);
        assert!(said.is_empty());
        said.check_invariants();
    }

    #[test]
    fn another_memory_forgets_all_and_the_same_nothing() {
        let mut said = Idempotence::new(Memory::default());
        said.record(b"p", b"1", id(1000));
        said.note_duplicate();
        said.set_memory(Memory::default());
        assert_eq!(said.len(), 1);
        said.set_memory(Memory { duration_s: 7, ..Memory::default() });
        assert_eq!((said.len(), said.added(), said.duplicates()), (0, 1, 1));
    }

    #[test]
    fn producers_that_fell_silent_go_while_others_speak() {
        let mut said = Idempotence::new(Memory { duration_s: 1, messages: 100 });
        for n in 0..10_000u64 {
            let now_ms = n * 10;
            said.forget_old(b"", now_ms);
            said.record(format!("{}", n.wrapping_mul(7919) % 10_007).as_bytes(), b"only", id(now_ms));
            assert!(said.len() < 2_000, "{} after {n}", said.len());
        }
        said.check_invariants();
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list(
            calls in prop::collection::vec((0u8..4, 0u8..6, 0u64..3), 0..200),
            messages in 1u32..5,
        ) {
            let mut said = Idempotence::new(Memory { duration_s: 1, messages });
            let mut model: Vec<(u8, u8, u64)> = Vec::new();
            let mut now_ms = 0;
            for (producer, message, passed) in calls {
                now_ms += passed * 300;
                model.retain(|(_, _, ms)| ms + 1000 > now_ms);
                let known = model.iter().find(|(p, m, _)| (*p, *m) == (producer, message));
                prop_assert_eq!(said.find(&[producer], &[message], now_ms), known.map(|known| id(known.2)));
                if known.is_none() {
                    said.forget_old(&[producer], now_ms);
                    said.record(&[producer], &[message], id(now_ms));
                    model.push((producer, message, now_ms));
                    let own = model.iter().filter(|(p, _, _)| *p == producer).count();
                    if own > messages as usize {
                        let oldest = model.iter().position(|(p, _, _)| *p == producer).unwrap();
                        model.remove(oldest);
                    }
                }
                said.check_invariants();
                prop_assert_eq!(said.live(now_ms).1, model.len());
            }
            let all = said.parts();
            let mut freed = 0;
            while said.parts() > 0 {
                freed += said.take_chunk(3);
            }
            prop_assert_eq!(freed, all);
        }
    }
}
