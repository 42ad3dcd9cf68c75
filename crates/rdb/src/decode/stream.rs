//! Streams: blocks, counters, groups.
//!
//! ```text
//!  n | n × (ID, listpack) | entries | last ID
//!    | [first ID | greatest deleted ID | entries added]                                  from form 2 on
//!    | n × (name | last ID | [entries read]                                              from form 2 on
//!           | n × (raw ID | time, 8 bytes | deliveries)
//!           | n × (name | seen, 8 bytes | [active, 8 bytes] | n × raw ID)                from form 3 on
//!           | [n × raw ID, released in this order])                                      in form 5
//!    | [seconds | messages | n × (producer | n × (message | ID)) | added | duplicates]   from form 4 on
//! ```
//! An ID is two lengths, a raw one 16 bytes.

use spinel_store::Stream;
use spinel_structs::listpack::Listpack;
use spinel_structs::stream::{Group, Idempotence, Memory, Pending, Stated, StreamError, StreamId};

use super::{Cursor, Fault};
use crate::opcode::StreamForm;

/// Bytes of a raw ID.
const RAW_ID: usize = 16;
/// The fewest bytes of a pending entry: ID, time, deliveries.
const PENDING_MIN: usize = RAW_ID + 8 + 1;
/// The fewest bytes of a group: name, last ID, two counts.
const GROUP_MIN: usize = 5;
/// The fewest bytes of a consumer: name, time, count.
const CONSUMER_MIN: usize = 10;
/// The fewest bytes of a producer: name, count; and of a message: name, ID.
const PRODUCER_MIN: usize = 3;
const MESSAGE_MIN: usize = 4;

/// A stream.
pub(super) fn stream(cursor: &mut Cursor<'_>, form: StreamForm) -> Result<Stream, Fault> {
    let mut stream = Stream::new();
    for _ in 0..cursor.count(2)? {
        let key = cursor.string()?.into_cow()?;
        let key = <[u8; RAW_ID]>::try_from(&key[..]).map_err(|_| StreamError::Block)?;
        let pack = Listpack::from_bytes(cursor.string()?.into_vec()?)?;
        stream.push_block(StreamId::from_bytes(key), pack)?;
    }
    let len = cursor.length()?;
    let last_id = id(cursor)?;
    let (mut max_deleted_id, mut entries_added) = (StreamId::MIN, None);
    if form.has_counters() {
        // The first entry says itself what its ID is.
        id(cursor)?;
        max_deleted_id = id(cursor)?;
        entries_added = Some(cursor.length()?);
    }
    stream.finish(Stated { len, last_id, entries_added, max_deleted_id })?;
    for _ in 0..cursor.count(GROUP_MIN)? {
        group(cursor, form, &mut stream)?;
    }
    if form.has_idempotence() {
        let said = idempotence(cursor)?;
        if said.memory() != Memory::default() || said.added() > 0 || said.duplicates() > 0 || !said.is_empty()
        {
            stream.set_idempotence(said);
        }
    }
    Ok(stream)
}

/// What producers said, which is written of every stream, whether or not anybody ever did.
fn idempotence(cursor: &mut Cursor<'_>) -> Result<Idempotence, Fault> {
    let mut setting = |most: u32| {
        let value = u32::try_from(cursor.length()?).ok().filter(|value| (1..=most).contains(value));
        value.ok_or(Fault::from(StreamError::Idempotence))
    };
    let duration_s = setting(Memory::DURATION_MAX_S)?;
    let messages = setting(Memory::MESSAGES_MAX)?;
    let mut said = Idempotence::new(Memory { duration_s, messages });
    for _ in 0..cursor.count(PRODUCER_MIN)? {
        let producer = cursor.string()?.into_cow()?;
        for _ in 0..cursor.count(MESSAGE_MIN)? {
            let message = cursor.string()?.into_cow()?;
            said.push(&producer, &message, id(cursor)?)?;
        }
    }
    said.set_counters(cursor.length()?, cursor.length()?);
    Ok(said)
}

fn id(cursor: &mut Cursor<'_>) -> Result<StreamId, Fault> {
    Ok(StreamId::new(cursor.length()?, cursor.length()?))
}

fn raw_id(cursor: &mut Cursor<'_>) -> Result<StreamId, Fault> {
    Ok(StreamId::from_bytes(cursor.array()?))
}

fn time(cursor: &mut Cursor<'_>) -> Result<i64, Fault> {
    Ok(i64::from_le_bytes(cursor.array()?))
}

/// An entry of the group's list, until its consumer is known.
struct Unowned {
    id: StreamId,
    delivered_ms: i64,
    deliveries: u64,
}

fn group(cursor: &mut Cursor<'_>, form: StreamForm, stream: &mut Stream) -> Result<(), Fault> {
    let name = cursor.string()?.into_cow()?;
    let last_id = id(cursor)?;
    let entries_read = if form.has_counters() {
        // -1 stands for unknown.
        Some(cursor.length()? as i64).filter(|read| *read != -1)
    } else {
        stream.entries_up_to(last_id).map(|read| read as i64)
    };
    let mut group = Group::new(last_id, entries_read);
    let mut unowned: Vec<Unowned> = Vec::new();
    for _ in 0..cursor.count(PENDING_MIN)? {
        let entry =
            Unowned { id: raw_id(cursor)?, delivered_ms: time(cursor)?, deliveries: cursor.length()? };
        if unowned.last().is_some_and(|last| last.id >= entry.id) {
            return Err(StreamError::Pending.into());
        }
        unowned.push(entry);
    }
    for _ in 0..cursor.count(CONSUMER_MIN)? {
        consumer(cursor, form, &mut group, &unowned)?;
    }
    if form.has_released() {
        for _ in 0..cursor.count(RAW_ID)? {
            let (id, entry) = claim(cursor, &group, &unowned)?;
            group.release(id, entry.deliveries);
        }
    }
    if group.pending_len() != unowned.len() {
        return Err(StreamError::Pending.into());
    }
    stream.push_group(&name, group)?;
    Ok(())
}

fn consumer(
    cursor: &mut Cursor<'_>,
    form: StreamForm,
    group: &mut Group,
    unowned: &[Unowned],
) -> Result<(), Fault> {
    let name = cursor.string()?.into_cow()?;
    let seen_ms = time(cursor)?;
    let active_ms = if form.has_activity() { time(cursor)? } else { seen_ms };
    let number = group.create(&name, seen_ms).ok_or(StreamError::ConsumerName)?;
    group.consumer_mut(number).active_ms = (active_ms != -1).then_some(active_ms);
    for _ in 0..cursor.count(RAW_ID)? {
        let (id, &Unowned { delivered_ms, deliveries, .. }) = claim(cursor, group, unowned)?;
        group.assign(id, Pending { consumer: Some(number), delivered_ms, deliveries });
    }
    Ok(())
}

/// The next ID, with what is known of the pending entry, which belongs to nobody so far.
fn claim<'u>(
    cursor: &mut Cursor<'_>,
    group: &Group,
    unowned: &'u [Unowned],
) -> Result<(StreamId, &'u Unowned), Fault> {
    let id = raw_id(cursor)?;
    let at = unowned.binary_search_by_key(&id, |entry| entry.id).map_err(|_| StreamError::Pending)?;
    if group.pending(id).is_some() {
        return Err(StreamError::Pending.into());
    }
    Ok((id, &unowned[at]))
}
