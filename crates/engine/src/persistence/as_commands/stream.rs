//! The commands that make a stream: its entries, its counters, its groups with what is pending, what producers said.

use spinel_store::Stream;
use spinel_structs::stream::{Consumer, Entries, Group, Idempotence, StreamId};

type Run<'e, T> = Box<dyn Iterator<Item = T> + Send + 'e>;

/// The commands that are still to come. What is pending of an entry that was deleted cannot be made by a command, and
/// is left out, as Redis does.
pub(super) struct StreamCommands<'e> {
    stream: &'e Stream,
    part: Part<'e>,
    groups: Run<'e, (&'e [u8], &'e Group)>,
    /// Whether what producers said has begun, which comes last.
    is_done: bool,
}

enum Part<'e> {
    /// An entry that makes the key of a stream without entries, and goes at once.
    Nothing,
    Entries(Entries<'e>),
    Counters,
    Groups,
    Consumers(&'e [u8], &'e Group, Run<'e, &'e Consumer>),
    Pending(&'e [u8], &'e Group, &'e Consumer, Run<'e, StreamId>, Run<'e, &'e Consumer>),
    Released(&'e [u8], &'e Group, Run<'e, StreamId>),
    Messages(Run<'e, (&'e [u8], &'e [u8], StreamId)>),
}

impl<'e> StreamCommands<'e> {
    pub(super) fn new(stream: &'e Stream) -> Box<Self> {
        let part = if stream.is_empty() { Part::Nothing } else { Part::Entries(stream.iter()) };
        Box::new(Self { stream, part, groups: Box::new(stream.groups()), is_done: false })
    }

    /// The words of the next command for `key`.
    pub(super) fn next(&mut self, key: &[u8]) -> Option<Vec<Vec<u8>>> {
        loop {
            let part = std::mem::replace(&mut self.part, Part::Groups);
            let (next, words) = match part {
                Part::Nothing => {
                    let words = vec![b"XADD".to_vec(), key.to_vec()];
                    let rest = ["MAXLEN", "0", "0-1", "x", "y"].map(|word| word.as_bytes().to_vec());
                    (Part::Counters, Some(words.into_iter().chain(rest).collect()))
                }
                Part::Entries(mut entries) => match entries.next() {
                    Some(entry) => {
                        let mut words = vec![b"XADD".to_vec(), key.to_vec(), text(entry.id)];
                        words.extend(entry.fields.flat_map(|(name, value)| [name.to_vec(), value.to_vec()]));
                        (Part::Entries(entries), Some(words))
                    }
                    None => (Part::Counters, None),
                },
                Part::Counters => (Part::Groups, Some(self.counters(key))),
                Part::Groups => match self.groups.next() {
                    Some((name, group)) => (
                        Part::Consumers(name, group, Box::new(group.consumers())),
                        Some(create(key, name, group)),
                    ),
                    None => {
                        let said = self.stream.idempotence().filter(|_| !self.is_done)?;
                        self.is_done = true;
                        (Part::Messages(messages(said)), Some(memory(key, said)))
                    }
                },
                Part::Consumers(name, group, mut consumers) => match consumers.next() {
                    Some(consumer) if consumer.pending_len() == 0 => {
                        let words = [&b"XGROUP"[..], b"CREATECONSUMER", key, name, consumer.name()];
                        (Part::Consumers(name, group, consumers), Some(words.map(<[u8]>::to_vec).to_vec()))
                    }
                    Some(consumer) => {
                        let ids = Box::new(consumer.pending_from(StreamId::MIN));
                        (Part::Pending(name, group, consumer, ids, consumers), None)
                    }
                    None => (Part::Released(name, group, Box::new(group.released())), None),
                },
                Part::Released(name, group, mut ids) => match ids.next() {
                    Some(id) => {
                        let words =
                            group.pending(id).map(|pending| release(key, name, id, pending.deliveries));
                        (Part::Released(name, group, ids), words.filter(|_| self.stream.contains(id)))
                    }
                    None => (Part::Groups, None),
                },
                Part::Messages(mut messages) => {
                    let (producer, message, id) = messages.next()?;
                    let words = self.stream.contains(id).then(|| record(key, producer, message, id));
                    (Part::Messages(messages), words)
                }
                Part::Pending(name, group, consumer, mut ids, consumers) => match ids.next() {
                    Some(id) => {
                        let words = claim(key, name, group, consumer, id);
                        (Part::Pending(name, group, consumer, ids, consumers), words)
                    }
                    None => (Part::Consumers(name, group, consumers), None),
                },
            };
            self.part = next;
            if words.is_some() {
                return words;
            }
        }
    }

    fn counters(&self, key: &[u8]) -> Vec<Vec<u8>> {
        vec![
            b"XSETID".to_vec(),
            key.to_vec(),
            text(self.stream.last_id()),
            b"ENTRIESADDED".to_vec(),
            self.stream.entries_added().to_string().into_bytes(),
            b"MAXDELETEDID".to_vec(),
            text(self.stream.max_deleted_id()),
        ]
    }
}

fn create(key: &[u8], name: &[u8], group: &Group) -> Vec<Vec<u8>> {
    let entries_read = group.entries_read.unwrap_or(-1).to_string();
    let last_id = text(group.last_id);
    let words = [b"XGROUP", &b"CREATE"[..], key, name, &last_id, b"ENTRIESREAD", entries_read.as_bytes()];
    words.map(<[u8]>::to_vec).to_vec()
}

fn claim(key: &[u8], name: &[u8], group: &Group, consumer: &Consumer, id: StreamId) -> Option<Vec<Vec<u8>>> {
    let pending = group.pending(id)?;
    let (time, count) = (pending.delivered_ms.to_string(), pending.deliveries.to_string());
    let id = text(id);
    let what = [&b"XCLAIM"[..], key, name, consumer.name(), b"0", &id];
    let how = [&b"TIME"[..], time.as_bytes(), b"RETRYCOUNT", count.as_bytes(), b"JUSTID", b"FORCE"];
    Some(what.into_iter().chain(how).map(<[u8]>::to_vec).collect())
}

fn release(key: &[u8], name: &[u8], id: StreamId, deliveries: u64) -> Vec<Vec<u8>> {
    let (id, count) = (text(id), deliveries.to_string());
    let what = [&b"XNACK"[..], key, name, b"FAIL", b"IDS", b"1", &id];
    what.into_iter().chain([&b"RETRYCOUNT"[..], count.as_bytes(), b"FORCE"]).map(<[u8]>::to_vec).collect()
}

fn memory(key: &[u8], said: &Idempotence) -> Vec<Vec<u8>> {
    let (duration_s, messages) = (said.memory().duration_s.to_string(), said.memory().messages.to_string());
    let words =
        [b"XCFGSET", key, b"IDMP-DURATION", duration_s.as_bytes(), b"IDMP-MAXSIZE", messages.as_bytes()];
    words.map(<[u8]>::to_vec).to_vec()
}

/// All messages with their producers.
fn messages(said: &Idempotence) -> Run<'_, (&[u8], &[u8], StreamId)> {
    Box::new(
        said.producers()
            .flat_map(|(producer, _, messages)| messages.map(move |(message, id)| (producer, message, id))),
    )
}

fn record(key: &[u8], producer: &[u8], message: &[u8], id: StreamId) -> Vec<Vec<u8>> {
    [&b"XIDMPRECORD"[..], key, producer, message, &text(id)].map(<[u8]>::to_vec).to_vec()
}

fn text(id: StreamId) -> Vec<u8> {
    id.text().as_bytes().to_vec()
}
