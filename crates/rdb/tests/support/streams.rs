//! Streams as plain data: what every version of the format keeps of them.

use spinel_store::Stream;
use spinel_structs::stream::{BlockLimits, Group, Pending, StreamId};

type Pair = (Vec<u8>, Vec<u8>);

/// A stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamModel {
    pub entries: Vec<(StreamId, Vec<Pair>)>,
    pub last_id: StreamId,
    pub groups: Vec<GroupModel>,
}

/// A group: its name, how far it has come, its consumers, what is pending for which of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupModel {
    pub name: Vec<u8>,
    pub last_id: StreamId,
    pub consumers: Vec<(Vec<u8>, i64)>,
    pub pending: Vec<(StreamId, usize, i64, u64)>,
}

pub fn make(model: &StreamModel) -> Stream {
    let mut stream = Stream::new();
    for (id, content) in &model.entries {
        let pairs = content.iter().map(|(name, value)| (&name[..], &value[..]));
        stream.append(*id, pairs, content.len(), BlockLimits::default());
    }
    stream.set_id(model.last_id, None, None);
    for model in &model.groups {
        let mut group = Group::new(model.last_id, None);
        let numbers: Vec<_> = model
            .consumers
            .iter()
            .map(|(name, seen_ms)| group.create(name, *seen_ms).expect("names differ"))
            .collect();
        for &(id, consumer, delivered_ms, deliveries) in &model.pending {
            group.assign(id, Pending { consumer: Some(numbers[consumer]), delivered_ms, deliveries });
        }
        assert!(stream.create_group(&model.name, group));
    }
    stream
}

pub fn model_of(stream: &Stream) -> StreamModel {
    stream.check_invariants();
    let entries = stream
        .iter()
        .map(|entry| (entry.id, entry.fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()));
    let groups = stream.groups().map(|(name, group)| {
        let consumers: Vec<_> =
            group.consumers().map(|consumer| (consumer.name().to_vec(), consumer.seen_ms)).collect();
        let pending = group.pending_from(StreamId::MIN).map(|(id, entry)| {
            let name = group.owner(entry);
            let consumer =
                consumers.iter().position(|(other, _)| other == name).expect("a consumer of the group");
            (id, consumer, entry.delivered_ms, entry.deliveries)
        });
        GroupModel {
            name: name.to_vec(),
            last_id: group.last_id,
            pending: pending.collect(),
            consumers: consumers.clone(),
        }
    });
    StreamModel { entries: entries.collect(), last_id: stream.last_id(), groups: groups.collect() }
}

/// A stream of so many entries of all shapes, with groups that have read half of them.
pub fn example(entries: u64) -> StreamModel {
    let pair = |name: &str, value: String| (name.as_bytes().to_vec(), value.into_bytes());
    let id = |n: u64| StreamId::new(1_700_000_000_000 + n / 3, n % 3);
    let content = |n: u64| match n % 7 {
        0 => vec![pair("other", "x".repeat(n as usize % 200)), pair("fields", n.to_string())],
        _ => vec![pair("sensor", format!("sensor-{n}")), pair("value", (n * n).to_string())],
    };
    let consumers = vec![(b"ann".to_vec(), 1_700_000_000_000), (b"bob".to_vec(), 3)];
    let pending = (0..entries / 2).filter(|n| n % 3 > 0).map(|n| (id(n), (n % 2) as usize, n as i64, n + 1));
    let busy = GroupModel {
        name: b"busy".to_vec(),
        last_id: id(entries / 2),
        consumers,
        pending: pending.collect(),
    };
    let idle = GroupModel {
        name: b"idle".to_vec(),
        last_id: StreamId::MIN,
        consumers: Vec::new(),
        pending: Vec::new(),
    };
    StreamModel {
        entries: (0..entries).map(|n| (id(n), content(n))).collect(),
        last_id: id(entries + 5),
        groups: vec![busy, idle],
    }
}
