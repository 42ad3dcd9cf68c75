//! The stream beside a model, and what comes from outside.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Content = Vec<(Vec<u8>, Vec<u8>)>;

fn add(stream: &mut Stream, id: StreamId, content: &Content, limits: BlockLimits) {
    let pairs = content.iter().map(|(name, value)| (&name[..], &value[..]));
    stream.append(id, pairs, content.len(), limits);
}

fn content(entry: Entry<'_>) -> (StreamId, Content) {
    (entry.id, entry.fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect())
}

fn pairs(text: &str) -> Content {
    text.split(' ').map(|pair| pair.split_once('=').unwrap()).map(|(a, b)| (a.into(), b.into())).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Add { ahead: u64, names: u8, pairs: usize, value: Vec<u8> },
    Delete(u64),
    Trim { to: usize, by_blocks: bool },
    TrimId(u64),
    Range(u64, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value =
        prop_oneof![prop::collection::vec(any::<u8>(), 0..40), "[0-9]{1,18}".prop_map(String::into_bytes)];
    let step = prop_oneof![
        8 => (1u64..5, 0u8..3, 1usize..4, value)
            .prop_map(|(ahead, names, pairs, value)| Step::Add { ahead, names, pairs, value }),
        3 => (0u64..200).prop_map(Step::Delete),
        1 => (0usize..60, any::<bool>()).prop_map(|(to, by_blocks)| Step::Trim { to, by_blocks }),
        1 => (0u64..200).prop_map(Step::TrimId),
        2 => (0u64..200, 0u64..200).prop_map(|(from, to)| Step::Range(from, to)),
    ];
    prop::collection::vec(step, 1..120)
}

/// IDs with times and numbers that both carry over.
fn id(n: u64) -> StreamId {
    StreamId::new(5 + n / 3, (n % 3) * (u64::MAX / 2))
}

proptest! {
    #[test]
    fn a_stream_does_what_an_ordered_map_does(steps in steps(), entries in 0usize..8, bytes in 0usize..200) {
        let limits = BlockLimits { bytes, entries };
        let mut stream = Stream::new();
        let mut model: BTreeMap<StreamId, Content> = BTreeMap::new();
        let mut top = 0;
        for step in steps {
            match step {
                Step::Add { ahead, names, pairs, value } => {
                    top += ahead;
                    let content: Content =
                        (0..pairs).map(|i| (format!("{names}{i}").into_bytes(), value.clone())).collect();
                    add(&mut stream, id(top), &content, limits);
                    model.insert(id(top), content);
                }
                Step::Delete(n) => prop_assert_eq!(stream.delete(id(n)), model.remove(&id(n)).is_some()),
                Step::Trim { to, by_blocks } => {
                    let removed = stream.trim(Trim { to: TrimTo::Len(to), by_blocks, limit: None, references: References::Keep });
                    prop_assert!(by_blocks || removed == model.len().saturating_sub(to));
                    (0..removed).for_each(|_| drop(model.pop_first()));
                }
                Step::TrimId(n) => {
                    stream.trim(Trim { to: TrimTo::MinId(id(n)), by_blocks: false, limit: None, references: References::Keep });
                    model = model.split_off(&id(n));
                }
                Step::Range(from, to) => {
                    let (from, to) = (id(from), id(to));
                    let expected: Vec<_> = if from > to {
                        Vec::new()
                    } else {
                        model.range(from..=to).map(|(id, content)| (*id, content.clone())).collect()
                    };
                    let mut back: Vec<_> = stream.range_back(from, to).map(content).collect();
                    back.reverse();
                    prop_assert_eq!(&stream.range(from, to).map(content).collect::<Vec<_>>(), &expected);
                    prop_assert_eq!(&back, &expected);
                }
            }
            stream.check_invariants();
            prop_assert_eq!(stream.len(), model.len());
            prop_assert_eq!(stream.top_id(), model.last_key_value().map_or(StreamId::MIN, |(id, _)| *id));
        }
        let mut again = Stream::new();
        for (key, pack) in stream.blocks() {
            again.push_block(key, Listpack::from_bytes(pack.as_bytes().to_vec()).unwrap()).unwrap();
        }
        let stated = Stated {
            len: model.len() as u64,
            last_id: stream.last_id(),
            entries_added: None,
            max_deleted_id: stream.max_deleted_id(),
        };
        again.finish(stated).unwrap();
        again.check_invariants();
        prop_assert!(again.iter().map(content).eq(model));
    }

    #[test]
    fn arbitrary_elements_are_a_block_or_refused(
        elements in prop::collection::vec(prop_oneof![4 => 0i64..6, 1 => any::<i64>()], 0..30),
    ) {
        let mut pack = Listpack::new();
        elements.iter().for_each(|element| pack.push_back_int(*element));
        let mut stream = Stream::new();
        if stream.push_block(StreamId::new(1, 1), pack).is_ok() {
            stream.check_invariants_of_blocks();
            let _ = stream.range_back(StreamId::MIN, StreamId::MAX).map(content).count();
            let ids: Vec<_> = stream.iter().map(|entry| entry.id).collect();
            prop_assert!(ids.iter().all(|id| stream.delete(*id)) && stream.is_empty());
        }
    }
}

#[test]
fn a_block_of_which_nothing_is_left_goes_and_one_from_outside_is_passed_over() {
    let mut stream = Stream::new();
    for n in 1..=3 {
        add(&mut stream, StreamId::new(n, 1), &pairs("a=1"), BlockLimits::default());
    }
    let (key, block) = stream.blocks().map(|(key, pack)| (key, pack.as_bytes().to_vec())).next().unwrap();
    assert!(stream.delete(StreamId::new(3, 1)));
    let to = TrimTo::MinId(StreamId::new(3, 0));
    assert_eq!(stream.trim(Trim { to, by_blocks: false, limit: None, references: References::Keep }), 2);
    assert!(stream.is_empty() && stream.blocks().next().is_none());
    stream.check_invariants();

    let mut pack = Listpack::from_bytes(block).unwrap();
    let head = block::head(&pack);
    let mut at = head.first;
    while let Some(flags_at) = at {
        let place = block::place(&pack, key, &head, flags_at);
        block::mark_deleted(&mut pack, &place);
        at = block::following(&pack, &place);
    }
    block::set_counts(&mut pack, 0, 3);
    let mut other = Stream::new();
    other.push_block(key, pack).unwrap();
    assert!(other.is_empty() && other.blocks().next().is_none());
}

#[test]
fn the_bytes_of_a_block_are_those_of_redis() {
    let mut stream = Stream::new();
    let limits = BlockLimits::default();
    add(&mut stream, StreamId::new(1, 1), &pairs("a=1 b=xy"), limits);
    add(&mut stream, StreamId::new(1, 2), &pairs("a=2 b=z"), limits);
    add(&mut stream, StreamId::new(3, 0), &pairs("c=300"), limits);
    assert!(stream.delete(StreamId::new(1, 2)));
    let (key, pack) = stream.blocks().next().unwrap();
    // From DUMP of a Redis 7.0.15 that was told the same.
    let expected = b"\x41\x00\x00\x00\x19\x00\x02\x01\x01\x01\x02\x01\x81a\x02\x81b\x02\x00\x01\x02\x01\x00\x01\x00\x01\x01\x01\x82xy\x03\x05\x01\x03\x01\x00\x01\x01\x01\x02\x01\x81z\x02\x05\x01\x00\x01\x02\x01\xdf\xff\x02\x01\x01\x81c\x02\xc1\x2c\x02\x06\x01\xff";
    assert_eq!(key, StreamId::new(1, 1));
    assert_eq!(pack.as_bytes(), expected);
}

#[test]
fn a_stream_with_groups_is_freed_in_slices() {
    let mut stream = Stream::new();
    for n in 1..=500 {
        add(&mut stream, StreamId::new(n, 0), &pairs("a=1"), BlockLimits::default());
    }
    let mut group = Group::new(StreamId::MIN, Some(0));
    let ann = group.create(b"ann", 1).unwrap();
    (1..=300).for_each(|n| group.deliver(StreamId::new(n, 0), ann, 2));
    assert!(stream.create_group(b"g", group) && !stream.create_group(b"g", Group::default()));
    assert_eq!(stream.parts(), 5 + 1 + 300 + 1);
    let mut rounds = 0;
    while stream.take_chunk(100) > 0 {
        rounds += 1;
    }
    assert!((5..10).contains(&rounds), "{rounds}");
}

#[test]
fn a_pending_entry_has_one_consumer() {
    let mut group = Group::new(StreamId::MIN, None);
    let (ann, bob) = (group.create(b"ann", 1).unwrap(), group.create(b"bob", 1).unwrap());
    assert_eq!(group.create(b"ann", 1), None);
    for n in 1..=4 {
        group.deliver(StreamId::new(n, 0), ann, 2);
    }
    group.deliver(StreamId::new(2, 0), bob, 3);
    group.check_invariants();
    assert_eq!((group.consumer(ann).pending_len(), group.consumer(bob).pending_len()), (3, 1));
    assert!(group.acknowledge(StreamId::new(2, 0)) && !group.acknowledge(StreamId::new(2, 0)));
    assert_eq!(group.remove(b"ann"), Some(3));
    assert_eq!((group.pending_len(), group.remove(b"ann")), (0, None));
    let eve = group.create(b"eve", 4).unwrap();
    assert_eq!(group.consumers().map(Consumer::name).collect::<Vec<_>>(), [b"bob", b"eve"]);
    group.deliver(StreamId::new(9, 0), eve, 5);
    group.check_invariants();
}
