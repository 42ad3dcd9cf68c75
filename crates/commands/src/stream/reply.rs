//! Entries as clients see them.

use spinel_family::{CommandError, Encoder, QueryContext};
use spinel_store::{ListElement, Stream};
use spinel_structs::stream::{Entry, StreamId};

use super::budget::Budget;

/// An ID.
pub(super) fn reply_id(id: StreamId, out: &mut Encoder) {
    out.bulk(id.text().as_bytes());
}

/// A name or a value.
fn reply_element(element: ListElement<'_>, out: &mut Encoder) {
    match element {
        ListElement::Int(n) => out.bulk_integer(n),
        ListElement::Bytes(bytes) => out.bulk(bytes),
    }
}

/// An ID with the fields of its entry.
pub(super) fn reply_entry(entry: Entry<'_>, out: &mut Encoder) {
    out.array(2);
    reply_id_and_fields(entry, out);
}

/// The same, and how long and how often it was pending before it was claimed.
pub(super) fn reply_claimed(entry: Entry<'_>, idle_ms: i64, deliveries: u64, out: &mut Encoder) {
    out.array(4);
    reply_id_and_fields(entry, out);
    out.integer(idle_ms);
    out.integer(deliveries as i64);
}

fn reply_id_and_fields(entry: Entry<'_>, out: &mut Encoder) {
    reply_id(entry.id, out);
    out.array(2 * entry.fields.len());
    for (name, value) in entry.fields {
        reply_element(name, out);
        reply_element(value, out);
    }
}

/// An array of entries, at most so many.
pub(super) fn reply_entries<'a>(entries: impl Iterator<Item = Entry<'a>>, most: usize, out: &mut Encoder) {
    let length = out.deferred_array();
    let mut count = 0;
    for entry in entries.take(most) {
        reply_entry(entry, out);
        count += 1;
    }
    out.finish(length, count);
}

/// The same within what the whole reply may hold; says how many there are.
pub(super) fn reply_entries_within<'a>(
    entries: impl Iterator<Item = Entry<'a>>,
    most: usize,
    budget: &mut Budget,
    out: &mut Encoder,
) -> usize {
    let length = out.deferred_array();
    let count =
        entries.take(most).take_while(|entry| budget.put(out, |out| reply_entry(entry.clone(), out))).count();
    out.finish(length, count);
    count
}

/// Moves a command to a helper thread if it will go past more entries from `start` to `end` than a loop can bear.
pub(super) fn check_range(
    cx: &QueryContext<'_>,
    stream: &Stream,
    (start, end): (StreamId, StreamId),
    most: usize,
) -> Result<(), CommandError> {
    cx.check_cost(range_cost(stream, (start, end), most))
}

/// Entries that reading from `start` to `end` goes past, at most; counted block by block up to what matters.
pub(super) fn range_cost(stream: &Stream, (start, end): (StreamId, StreamId), most: usize) -> usize {
    /// Beyond this many it makes no difference.
    const ENOUGH: usize = 32 * 1024;
    if stream.len().min(most) < ENOUGH / 4 {
        return stream.len().min(most);
    }
    stream.count_about(start, end, ENOUGH).min(most)
}
