//! Reading for a consumer of a group: what it is given, and what is recorded of that.

use spinel_family::{CommandError, Encoder, EventClass, Key, UpdateContext};
use spinel_store::Stream;
use spinel_structs::stream::{ConsumerId, Group, Pending, StreamId};

use super::budget::{Bounds, Budget};
use super::propagation::{Claim, record_claim, record_consumer, record_group_id};
use super::reply::{reply_claimed, reply_entry, reply_id};
use super::sources::reply_name;

/// The stream that somebody waited for is not there any more.
pub(super) const STREAM_GONE: CommandError = CommandError::text("UNBLOCKED the stream key no longer exists");
/// The group that somebody waited in is not there any more.
pub(super) const GROUP_GONE: CommandError =
    CommandError::text("NOGROUP the consumer group this client was blocked on no longer exists");

/// Who reads, and how.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
    pub(super) count: Option<usize>,
    pub(super) bounds: Bounds,
    /// Entries are not pending afterwards.
    pub(super) no_ack: bool,
    /// Milliseconds after which entries pending elsewhere are taken over, before new ones are read.
    pub(super) claim_ms: Option<i64>,
}

/// What is read of a stream.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// What no consumer was given.
    New,
    /// What is pending for the consumer after this ID.
    Pending(StreamId),
}

/// What reading left to tell.
#[derive(Default)]
struct Given {
    created: bool,
    /// Entries replied.
    count: usize,
    claims: Vec<Claim>,
    /// How many of them were pending before.
    claimed: usize,
    last_id: StreamId,
    entries_read: Option<i64>,
    advanced: bool,
}

impl Reader<'_> {
    /// Entries of one stream at most.
    pub(super) fn most(&self) -> usize {
        self.bounds.most(self.count)
    }

    /// Reads one stream, and replies with its name and the entries; says whether there was room for it in the reply.
    pub(super) fn read(
        &self,
        cx: &mut UpdateContext<'_>,
        key: Key<'_>,
        wanted: Wanted,
        budget: &mut Budget,
        out: &mut Encoder,
    ) -> Result<bool, CommandError> {
        let (now_ms, is_recorded) = (cx.now().0, cx.is_recorded());
        let begin = out.len();
        reply_name(key, out);
        let stream = cx.write::<Stream>(key)?.ok_or(STREAM_GONE)?;
        let read = |stream: &Stream, group: &mut Group| {
            let found = group.find(self.consumer);
            let created = found.is_none();
            let Some(consumer) = found.or_else(|| group.create(self.consumer, now_ms)) else {
                return Given::default();
            };
            group.consumer_mut(consumer).seen_ms = now_ms;
            let mut given = match wanted {
                Wanted::New => self.give_new((stream, group), consumer, (now_ms, is_recorded), budget, out),
                Wanted::Pending(after) => {
                    self.repeat_pending((stream, group), consumer, (after, now_ms), budget, out)
                }
            };
            given.created = created;
            (given.last_id, given.entries_read) = (group.last_id, group.entries_read);
            given
        };
        let given = stream.with_group(self.group, read).ok_or(GROUP_GONE)?;
        self.tell(cx, key, &given);
        let has_room = given.count > 0 || !budget.is_spent();
        if !has_room {
            out.truncate(begin);
        }
        Ok(has_room)
    }

    /// Notes that the consumer asked for entries of a stream in vain. It is not created by that.
    pub(super) fn note_asking(&self, cx: &mut UpdateContext<'_>, key: Key<'_>) -> Result<(), CommandError> {
        let group = cx.read::<Stream>(key)?.and_then(|stream| stream.group(self.group));
        if group.is_none_or(|group| group.find(self.consumer).is_none()) {
            return Ok(());
        }
        let now_ms = cx.now().0;
        if let Some(stream) = cx.write::<Stream>(key)? {
            stream.with_group(self.group, |_, group| group.note_asking(self.consumer, now_ms));
        }
        Ok(())
    }

    /// Gives the consumer what is due to be claimed, and entries that the group has not come to.
    fn give_new(
        &self,
        (stream, group): (&Stream, &mut Group),
        consumer: ConsumerId,
        (now_ms, is_recorded): (i64, bool),
        budget: &mut Budget,
        out: &mut Encoder,
    ) -> Given {
        let mut given = Given::default();
        let length = out.deferred_array();
        for (id, pending) in self.due(stream, group, now_ms) {
            let Some(entry) = stream.get(id) else { continue };
            let idle_ms = pending.idle_ms(now_ms).max(0);
            if !budget.put(out, |out| reply_claimed(entry, idle_ms, pending.deliveries, out)) {
                break;
            }
            let deliveries = pending.delivered_again();
            let pending = Pending { consumer: Some(consumer), delivered_ms: now_ms, deliveries };
            group.assign(id, pending);
            given.claims.push(Claim { id, pending, consumer: self.consumer.into() });
            given.claimed += 1;
        }
        given.count = given.claimed;
        let most = self.most() - given.count;
        let entries = group.last_id.next().map(|start| stream.range(start, StreamId::MAX));
        for entry in entries.into_iter().flatten().take(most) {
            let id = entry.id;
            let is_put = budget.put(out, |out| match self.claim_ms {
                Some(_) => reply_claimed(entry, 0, 0, out),
                None => reply_entry(entry, out),
            });
            if !is_put {
                break;
            }
            given.advanced |= stream.advance(group, id);
            if !self.no_ack {
                group.deliver(id, consumer, now_ms);
                if is_recorded {
                    let pending = Pending { consumer: Some(consumer), delivered_ms: now_ms, deliveries: 1 };
                    // Each claim tells how far the group had come by then.
                    given.claims.push(Claim { id, pending, consumer: self.consumer.into() });
                }
            }
            given.count += 1;
        }
        // As in Redis, what is read without being pending then does not count.
        if given.claimed > 0 || given.count > 0 && !self.no_ack {
            group.consumer_mut(consumer).active_ms = Some(now_ms);
        }
        out.finish(length, given.count);
        given
    }

    /// The entries that have been pending for long enough to be taken over: first those that were released, in the order of
    /// their release, then those that were delivered first.
    fn due(&self, stream: &Stream, group: &Group, now_ms: i64) -> Vec<(StreamId, Pending)> {
        let Some(min_idle_ms) = self.claim_ms else { return Vec::new() };
        let released = group.released().filter(|id| stream.contains(*id));
        let mut due: Vec<_> =
            released.take(self.most()).filter_map(|id| Some((id, *group.pending(id)?))).collect();
        let owned = group.pending_from(StreamId::MIN).filter(|(_, pending)| pending.consumer.is_some());
        let idle = owned.filter(|(id, pending)| pending.is_due(min_idle_ms, now_ms) && stream.contains(*id));
        let mut idle: Vec<_> = idle.map(|(id, pending)| (id, *pending)).collect();
        idle.sort_by_key(|(id, pending)| (pending.delivered_ms, *id));
        due.append(&mut idle);
        due.truncate(self.most());
        due
    }

    /// Whether there is any.
    pub(super) fn is_any_due(&self, stream: &Stream, group: &Group, now_ms: i64) -> bool {
        let Some(min_idle_ms) = self.claim_ms else { return false };
        let mut pending = group.pending_from(StreamId::MIN);
        pending.any(|(id, pending)| pending.is_due(min_idle_ms, now_ms) && stream.contains(id))
    }

    /// Gives the consumer again what is pending for it.
    fn repeat_pending(
        &self,
        (stream, group): (&Stream, &mut Group),
        consumer: ConsumerId,
        (after, now_ms): (StreamId, i64),
        budget: &mut Budget,
        out: &mut Encoder,
    ) -> Given {
        let length = out.deferred_array();
        let start = after.next().unwrap_or(StreamId::MIN);
        let ids: Vec<StreamId> = group.consumer(consumer).pending_from(start).take(self.most()).collect();
        let mut count = 0;
        for id in ids {
            let entry = stream.get(id);
            let is_deleted = entry.is_none();
            let is_put = budget.put(out, |out| match entry {
                Some(entry) => reply_entry(entry, out),
                None => {
                    out.array(2);
                    reply_id(id, out);
                    out.null_array();
                }
            });
            if !is_put {
                break;
            }
            count += 1;
            if let Some(pending) = group.pending(id).copied().filter(|_| !is_deleted) {
                let deliveries = pending.delivered_again();
                group.assign(id, Pending { delivered_ms: now_ms, deliveries, ..pending });
            }
        }
        out.finish(length, count);
        Given { count, ..Given::default() }
    }

    /// Counts, notifies and records what was given.
    fn tell(&self, cx: &mut UpdateContext<'_>, key: Key<'_>, given: &Given) {
        let place = (key, self.group);
        if given.created {
            cx.add_dirty(1);
            cx.notify(EventClass::Stream, "xgroup-createconsumer", key);
            // A claim would create the consumer, too.
            if given.claims.is_empty() {
                record_consumer(cx, place, self.consumer);
            }
        }
        for (at, claim) in given.claims.iter().enumerate() {
            // What was claimed does not lie ahead of the group.
            record_claim(cx, place, claim, if at < given.claimed { StreamId::MIN } else { claim.id });
        }
        // Claims tell up to where the group has read, but not how many entries that were.
        if given.advanced {
            record_group_id(cx, place, given.last_id, given.entries_read);
        }
        // As in Redis, what a consumer waited for counts only as it arrives.
        if !cx.is_retry() {
            cx.add_dirty(1);
        }
    }
}
