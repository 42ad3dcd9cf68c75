//! Groups as `XINFO` shows them.

use spinel_family::Encoder;
use spinel_store::Stream;
use spinel_structs::stream::{Consumer, Group, StreamId};

use super::reply::reply_id;

fn reply_optional(number: Option<i64>, out: &mut Encoder) {
    match number {
        Some(number) => out.integer(number),
        None => out.null(),
    }
}

/// How far a group has come.
pub(super) fn reply_group_counters(stream: &Stream, group: &Group, out: &mut Encoder) {
    out.bulk(b"last-delivered-id");
    reply_id(group.last_id, out);
    out.bulk(b"entries-read");
    reply_optional(group.entries_read, out);
    out.bulk(b"lag");
    reply_optional(stream.lag(group), out);
}

/// All groups with so many of the entries pending in each, and for each consumer.
pub(super) fn reply_full_groups(stream: &Stream, most: usize, out: &mut Encoder) {
    out.array(stream.groups().len());
    for (name, group) in stream.groups() {
        let released = group.released_len();
        out.map(7 + usize::from(released > 0));
        out.bulk(b"name");
        out.bulk(name);
        reply_group_counters(stream, group, out);
        out.bulk(b"pel-count");
        out.integer(group.pending_len() as i64);
        // Redis 8.8 always tells this.
        if released > 0 {
            out.bulk(b"nacked-count");
            out.integer(released as i64);
        }
        out.bulk(b"pending");
        out.array(group.pending_len().min(most));
        for (id, pending) in group.pending_from(StreamId::MIN).take(most) {
            out.array(4);
            reply_id(id, out);
            out.bulk(group.owner(pending));
            out.integer(pending.delivered_ms);
            out.integer(pending.deliveries as i64);
        }
        out.bulk(b"consumers");
        out.array(group.consumer_count());
        group.consumers().for_each(|consumer| reply_full_consumer(group, consumer, most, out));
    }
}

fn reply_full_consumer(group: &Group, consumer: &Consumer, most: usize, out: &mut Encoder) {
    out.map(5);
    out.bulk(b"name");
    out.bulk(consumer.name());
    out.bulk(b"seen-time");
    out.integer(consumer.seen_ms);
    out.bulk(b"active-time");
    out.integer(consumer.active_ms.unwrap_or(-1));
    out.bulk(b"pel-count");
    out.integer(consumer.pending_len() as i64);
    out.bulk(b"pending");
    out.array(consumer.pending_len().min(most));
    for id in consumer.pending_from(StreamId::MIN).take(most) {
        let Some(pending) = group.pending(id) else { continue };
        out.array(3);
        reply_id(id, out);
        out.integer(pending.delivered_ms);
        out.integer(pending.deliveries as i64);
    }
}
