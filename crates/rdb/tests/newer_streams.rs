//! Streams with what Redis 8.6 and 8.8 added: what their producers said, and pending entries that were released.
//!
//! The first payload is one of Redis 8.6.3. No server that writes the second form is at hand: it is built by hand from a public
//! description of the format.

mod support;

use spinel_rdb::Target;
use spinel_rdb::encode::EncodeOptions;
use spinel_rdb::payload::{Verify, dump, restore};
use spinel_store::{Entry, Stream, ValueRef};
use spinel_structs::stream::{Group, Idempotence, Memory, StreamId};

use support::cx;

/// Of Redis 8.6: three entries, a group with one of them pending, two producers.
const IDEMPOTENT: &[u8] = b"\x1a\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x30\x30\x00\x00\x00\x14\x00\x03\x01\x00\x01\x01\x01\x81\x61\x02\x00\x01\x02\x01\x00\x01\x00\x01\x01\x01\x04\x01\x02\x01\x01\x01\x00\x01\x02\x01\x04\x01\x02\x01\x02\x01\x00\x01\x03\x01\x04\x01\xff\x03\x03\x01\x01\x01\x00\x00\x03\x01\x01\x67\x02\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x05\x00\x00\x00\x00\x00\x00\x00\x09\x01\x03\x61\x6e\x6e\x69\x19\x4a\x01\xa2\x01\x00\x00\x69\x19\x4a\x01\xa2\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x07\x03\x02\x04\x6d\x69\x6c\x6c\x01\x01\x78\x03\x01\x04\x73\x68\x6f\x70\x02\x03\x6f\x6e\x65\x01\x01\x03\x74\x77\x6f\x02\x01\x03\x01\x0d\x00\x93\xe6\xf2\x2c\x57\xe1\x06\x83";
/// The same without its end, and with the pending entry released.
const RELEASED: &[u8] = b"\x1b\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x30\x30\x00\x00\x00\x14\x00\x03\x01\x00\x01\x01\x01\x81\x61\x02\x00\x01\x02\x01\x00\x01\x00\x01\x01\x01\x04\x01\x02\x01\x01\x01\x00\x01\x02\x01\x04\x01\x02\x01\x02\x01\x00\x01\x03\x01\x04\x01\xff\x03\x03\x01\x01\x01\x00\x00\x03\x01\x01\x67\x02\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x05\x00\x00\x00\x00\x00\x00\x00\x09\x01\x03\x61\x6e\x6e\x69\x19\x4a\x01\xa2\x01\x00\x00\x69\x19\x4a\x01\xa2\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x07\x03\x02\x04\x6d\x69\x6c\x6c\x01\x01\x78\x03\x01\x04\x73\x68\x6f\x70\x02\x03\x6f\x6e\x65\x01\x01\x03\x74\x77\x6f\x02\x01\x03\x01";

fn read(payload: &[u8], verify: Verify) -> Entry {
    let value = restore(payload, verify, cx()).expect("it is a stream");
    value.into_new(|value| Entry::new(b"key", value, None, 0))
}

fn stream(entry: &Entry) -> &Stream {
    let ValueRef::Stream(stream) = entry.value() else { panic!("it is a stream") };
    stream.check_invariants();
    stream
}

fn released() -> Entry {
    read(&[RELEASED, &[13, 0], &[0; 8]].concat(), Verify::Nothing)
}

fn options(target: Target, is_lowest: bool) -> EncodeOptions {
    EncodeOptions { compression: false, target, is_lowest }
}

/// What is remembered of each producer.
fn said(stream: &Stream) -> Vec<(String, Vec<(String, StreamId)>)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a text");
    let producers = stream.idempotence().into_iter().flat_map(Idempotence::producers);
    let named = producers.map(|(name, count, messages)| {
        let messages: Vec<_> = messages.map(|(message, id)| (text(message), id)).collect();
        assert_eq!(messages.len(), count);
        (text(name), messages)
    });
    named.collect()
}

/// Redis from 7.2 has a place for it; where there is none, Redis takes the one time for the other.
#[test]
fn when_consumers_were_active_is_written_from_version_11_on() {
    let mut made = Stream::new();
    let mut group = Group::new(StreamId::MIN, None);
    for (name, seen_ms, active_ms) in [(b"ann", 9, Some(7)), (b"bob", 5, None)] {
        let number = group.create(name, seen_ms).expect("names differ");
        group.consumer_mut(number).active_ms = active_ms;
    }
    assert!(made.create_group(b"g", group));
    let entry = Entry::new(b"key", spinel_store::NewValue::Stream(Box::new(made)), None, 0);
    let active = |target| {
        let read = read(&dump(entry.value(), options(target, false)), Verify::Checksum);
        let group = stream(&read).group(b"g").expect("it is there");
        group.consumers().map(|consumer| (consumer.seen_ms, consumer.active_ms)).collect::<Vec<_>>()
    };
    for target in [Target::V9, Target::V10] {
        assert_eq!(active(target), [(9, Some(9)), (5, Some(5))]);
    }
    for target in [Target::V11, Target::V12, Target::Valkey80] {
        assert_eq!(active(target), [(9, Some(7)), (5, None)]);
    }
}

#[test]
fn what_producers_said_is_read_and_written_as_redis_writes_it() {
    let entry = read(IDEMPOTENT, Verify::Checksum);
    let idempotence = stream(&entry).idempotence().unwrap();
    assert_eq!(idempotence.memory(), Memory { duration_s: 7, messages: 3 });
    assert_eq!((idempotence.added(), idempotence.duplicates(), idempotence.len()), (3, 1, 3));
    let message = |name: &str, ms| (name.to_owned(), StreamId::new(ms, 1));
    let expected = [
        ("mill".to_owned(), vec![message("x", 3)]),
        ("shop".to_owned(), vec![message("one", 1), message("two", 2)]),
    ];
    assert_eq!(said(stream(&entry)), expected);
    let again = dump(entry.value(), options(Target::V12, true));
    assert_eq!(again[..again.len() - 10], IDEMPOTENT[..IDEMPOTENT.len() - 10]);
}

#[test]
fn what_was_released_is_read_and_written() {
    let entry = released();
    let group = stream(&entry).group(b"g").unwrap();
    assert_eq!(group.released().collect::<Vec<_>>(), [StreamId::new(1, 1)]);
    let pending = group.pending(StreamId::new(1, 1)).unwrap();
    assert_eq!((pending.consumer, pending.delivered_ms, pending.deliveries), (None, 0, 9));
    let again = read(&dump(entry.value(), options(Target::V10, true)), Verify::Checksum);
    let again = stream(&again);
    assert_eq!(again.group(b"g").unwrap().released().collect::<Vec<_>>(), [StreamId::new(1, 1)]);
    assert_eq!(said(again), said(stream(&entry)));
}

#[test]
fn an_older_version_has_what_was_released_with_a_consumer_without_a_name() {
    for target in [Target::V9, Target::V10, Target::V11, Target::V12, Target::Valkey80] {
        for is_there in [false, true] {
            let mut entry = released();
            if is_there {
                let spinel_store::ValueMut::Stream(stream) = entry.value_mut() else {
                    panic!("it is a stream")
                };
                let group = stream.group_mut(b"g").unwrap();
                let nameless = group.create(b"", 5).unwrap();
                group.deliver(StreamId::new(2, 1), nameless, 5);
            }
            let older = read(&dump(entry.value(), options(target, false)), Verify::Checksum);
            let group = stream(&older).group(b"g").unwrap();
            let nameless = group.consumer(group.find(b"").unwrap());
            assert_eq!(nameless.pending_len(), 1 + usize::from(is_there));
            let pending = group.pending(StreamId::new(1, 1)).unwrap();
            assert_eq!((pending.delivered_ms, pending.deliveries), (0, 9));
            assert_eq!((group.released_len(), group.consumer_count()), (0, 2));
            assert!(stream(&older).idempotence().is_none());
        }
    }
}

#[test]
fn a_stream_without_either_is_written_as_ever() {
    let mut entry = released();
    let spinel_store::ValueMut::Stream(stream) = entry.value_mut() else { panic!("it is a stream") };
    stream.remove_group(b"g");
    let mut plain = Stream::new();
    for (key, pack) in stream.blocks() {
        plain.push_block(key, pack.clone()).unwrap();
    }
    let entry = Entry::new(b"key", spinel_store::NewValue::Stream(Box::new(plain)), None, 0);
    let [lowest, exact] = [true, false].map(|is_lowest| dump(entry.value(), options(Target::V10, is_lowest)));
    assert_eq!((lowest[0], &lowest), (19, &exact));
}

#[test]
fn what_does_not_fit_is_refused() {
    let end = RELEASED.len();
    let at = |place: usize, byte: u8| {
        let mut bytes = RELEASED.to_vec();
        bytes[place] = byte;
        restore(&[&bytes[..], &[13, 0], &[0; 8]].concat(), Verify::Nothing, cx()).is_err()
    };
    let producers = RELEASED.windows(2).rposition(|window| window == b"\x07\x03").unwrap();
    assert!(at(producers, 0) && at(producers + 1, 1) && at(producers + 2, 1) && at(end - 3, 0xFF));
    let released = RELEASED.windows(5).position(|window| window == b"\x03ann\x69").unwrap() + 20;
    assert_eq!(RELEASED[released..released + 2], [0, 1]);
    assert!(at(released + 1, 0) && at(released + 17, 2));
}
