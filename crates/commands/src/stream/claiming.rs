//! Giving pending entries to another consumer: what `XCLAIM` and `XAUTOCLAIM` share.

use spinel_family::{Encoder, EventClass, Key, UpdateContext};
use spinel_store::Stream;
use spinel_structs::stream::{ConsumerId, Group, Pending, StreamId};

use super::propagation::{Claim, record_acknowledged, record_claim};
use super::reply::{reply_entry, reply_id};

/// Who claims, and how.
#[derive(Clone, Copy)]
pub(super) struct Claimant<'a> {
    pub(super) name: &'a [u8],
    pub(super) now_ms: i64,
    /// Only IDs are replied, and deliveries are not counted.
    pub(super) just_id: bool,
    /// The number of deliveries to set.
    pub(super) deliveries: Option<u64>,
    /// When the entries count as delivered.
    pub(super) delivered_ms: i64,
}

/// What claiming left to tell.
#[derive(Default)]
pub(super) struct Claimed {
    claims: Vec<Claim>,
    /// Entries that were pending for nobody and are no longer in the stream.
    dropped: Vec<StreamId>,
    consumer: Option<ConsumerId>,
    created: bool,
    last_id: StreamId,
}

impl Claimant<'_> {
    /// Gives an entry of the stream to the claimant. `before` is what is known of it, if it is pending.
    pub(super) fn take(
        &self,
        claimed: &mut Claimed,
        (stream, group): (&Stream, &mut Group),
        (id, before): (StreamId, Option<Pending>),
        out: &mut Encoder,
    ) {
        let consumer = match claimed.consumer {
            Some(consumer) => consumer,
            None => self.consumer(claimed, group),
        };
        let consumer = Some(consumer);
        let before = before.unwrap_or(Pending { consumer, delivered_ms: 0, deliveries: 1 });
        let deliveries = match self.deliveries {
            Some(deliveries) => deliveries,
            None if self.just_id => before.deliveries,
            None => before.delivered_again(),
        };
        let pending = Pending { consumer, delivered_ms: self.delivered_ms, deliveries };
        group.assign(id, pending);
        match stream.get(id) {
            Some(entry) if !self.just_id => reply_entry(entry, out),
            _ => reply_id(id, out),
        }
        claimed.claims.push(Claim { id, pending, consumer: self.name.into() });
    }

    /// The claimant's number; it is created if need be.
    fn consumer(&self, claimed: &mut Claimed, group: &mut Group) -> ConsumerId {
        let found = group.find(self.name);
        claimed.created = found.is_none();
        let consumer = found
            .or_else(|| group.create(self.name, self.now_ms))
            .expect("a consumer is created when there is none of its name");
        let state = group.consumer_mut(consumer);
        state.seen_ms = self.now_ms;
        state.active_ms = Some(self.now_ms);
        claimed.consumer = Some(consumer);
        consumer
    }
}

impl Claimed {
    /// An entry that the stream no longer has is no longer pending.
    pub(super) fn drop_deleted(&mut self, group: &mut Group, id: StreamId, pending: Pending) {
        match pending.consumer {
            Some(_) => self.claims.push(Claim { id, pending, consumer: group.owner(&pending).into() }),
            None => self.dropped.push(id),
        }
        group.acknowledge(id);
    }

    /// Notes how far the group has come.
    pub(super) fn finish(&mut self, group: &Group) {
        self.last_id = group.last_id;
    }

    /// Counts, notifies and records; whether anything was recorded.
    pub(super) fn tell(&self, cx: &mut UpdateContext<'_>, place: (Key<'_>, &[u8])) -> bool {
        if self.created {
            cx.add_dirty(1);
            cx.notify(EventClass::Stream, "xgroup-createconsumer", place.0);
        }
        for claim in &self.claims {
            record_claim(cx, place, claim, self.last_id);
        }
        for id in &self.dropped {
            record_acknowledged(cx, place, *id);
        }
        cx.add_dirty(self.claims.len() + self.dropped.len());
        !self.claims.is_empty()
    }
}
