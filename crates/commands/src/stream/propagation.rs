//! How the journal records what was given to consumers: by commands that have the same effect whenever they are run.

use spinel_family::{Key, UpdateContext};
use spinel_structs::stream::{Pending, StreamId};

/// A pending entry as it was when it was recorded.
pub(super) struct Claim {
    pub(super) id: StreamId,
    pub(super) pending: Pending,
    /// Its consumer's name.
    pub(super) consumer: Box<[u8]>,
}

/// Records that an entry is pending, and how far the group has come.
pub(super) fn record_claim(
    cx: &mut UpdateContext<'_>,
    (key, group): (Key<'_>, &[u8]),
    claim: &Claim,
    last_id: StreamId,
) {
    let (time, count) = (claim.pending.delivered_ms.to_string(), claim.pending.deliveries.to_string());
    let (id, last_id) = (claim.id.text(), last_id.text());
    cx.propagate_as([
        &b"XCLAIM"[..],
        key.bytes,
        group,
        &claim.consumer,
        b"0",
        id.as_bytes(),
        b"TIME",
        time.as_bytes(),
        b"RETRYCOUNT",
        count.as_bytes(),
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last_id.as_bytes(),
    ]);
}

/// Records that an entry is no longer pending.
pub(super) fn record_acknowledged(cx: &mut UpdateContext<'_>, (key, group): (Key<'_>, &[u8]), id: StreamId) {
    cx.propagate_as([&b"XACK"[..], key.bytes, group, id.text().as_bytes()]);
}

/// Records that an entry was released, and how often it had been delivered.
pub(super) fn record_release(
    cx: &mut UpdateContext<'_>,
    (key, group): (Key<'_>, &[u8]),
    (id, deliveries): (StreamId, u64),
) {
    let (id, count) = (id.text(), deliveries.to_string());
    let what = [&b"XNACK"[..], key.bytes, group, b"FAIL", b"IDS", b"1", id.as_bytes()];
    cx.propagate_as(what.into_iter().chain([&b"RETRYCOUNT"[..], count.as_bytes(), b"FORCE"]));
}

/// Records how far a group has come.
pub(super) fn record_group_id(
    cx: &mut UpdateContext<'_>,
    (key, group): (Key<'_>, &[u8]),
    last_id: StreamId,
    entries_read: Option<i64>,
) {
    let (last_id, read) = (last_id.text(), entries_read.unwrap_or(-1).to_string());
    let what = [&b"XGROUP"[..], b"SETID", key.bytes, group, last_id.as_bytes()];
    cx.propagate_as(what.into_iter().chain([&b"ENTRIESREAD"[..], read.as_bytes()]));
}

/// Records that a consumer was created.
pub(super) fn record_consumer(cx: &mut UpdateContext<'_>, (key, group): (Key<'_>, &[u8]), name: &[u8]) {
    cx.propagate_as([&b"XGROUP"[..], b"CREATECONSUMER", key.bytes, group, name]);
}
