//! A stream as bytes, in slices; see `decode/stream.rs` for the picture.
//!
//! What a form cannot hold: what producers said is left out, and what was released belongs to a consumer without a name, who
//! was given it in 1970, so that others may claim it at once.

use spinel_store::Stream;
use spinel_structs::listpack::Listpack;
use spinel_structs::stream::{Consumer, Group, Idempotence, Pending, StreamId};

use super::EncodeOptions;
use super::text::{put_bytes, put_length, put_plain};
use crate::opcode::StreamForm;

type Run<'a, T> = Box<dyn Iterator<Item = T> + Send + 'a>;

/// What is left to write of a stream.
pub(super) struct StreamRest<'a> {
    stream: &'a Stream,
    form: StreamForm,
    groups: Run<'a, (&'a [u8], &'a Group)>,
    part: Part<'a>,
}

enum Part<'a> {
    Blocks(Run<'a, (StreamId, &'a Listpack)>),
    Groups,
    Pending(&'a Group, Run<'a, (StreamId, &'a Pending)>),
    Consumers(&'a Group, Run<'a, &'a Consumer>),
    ConsumerPending(&'a Group, Run<'a, StreamId>, Run<'a, &'a Consumer>),
    Released(Run<'a, StreamId>),
    Producers(Producers<'a>),
    Messages(Run<'a, (&'a [u8], StreamId)>, Producers<'a>),
    End,
}

/// Producers with the number of their messages, and these.
type Producers<'a> = Run<'a, (&'a [u8], usize, Run<'a, (&'a [u8], StreamId)>)>;

/// The form in which a stream is written: as far as `form`, and further if it holds more and `is_lowest`.
pub(super) fn form_of(stream: &Stream, form: StreamForm, is_lowest: bool) -> StreamForm {
    if is_lowest && stream.groups().any(|(_, group)| group.released_len() > 0) {
        StreamForm::Released
    } else if is_lowest && stream.idempotence().is_some() {
        StreamForm::Idempotent
    } else {
        form
    }
}

impl<'a> StreamRest<'a> {
    /// Writes what stands before the blocks.
    pub(super) fn begin(out: &mut Vec<u8>, stream: &'a Stream, form: StreamForm) -> Box<Self> {
        put_length(out, stream.block_count() as u64);
        let (groups, part) = (Box::new(stream.groups()), Part::Blocks(Box::new(stream.blocks())));
        Box::new(Self { stream, form, groups, part })
    }

    /// Appends the next piece; false if there is none.
    pub(super) fn put_some(&mut self, out: &mut Vec<u8>, options: EncodeOptions) -> bool {
        let part = std::mem::replace(&mut self.part, Part::End);
        self.part = match part {
            Part::Blocks(mut blocks) => match blocks.next() {
                Some((key, pack)) => {
                    put_plain(out, &key.to_bytes());
                    put_bytes(out, pack.as_bytes(), options);
                    Part::Blocks(blocks)
                }
                None => {
                    self.put_counters(out);
                    Part::Groups
                }
            },
            Part::Groups => match self.groups.next() {
                Some((name, group)) => {
                    self.put_group(out, name, group, options);
                    Part::Pending(group, Box::new(group.pending_from(StreamId::MIN)))
                }
                None if self.form.has_idempotence() => self.begin_producers(out),
                None => return false,
            },
            Part::Pending(group, mut pending) => match pending.next() {
                Some((id, pending_entry)) => {
                    out.extend_from_slice(&id.to_bytes());
                    out.extend_from_slice(&pending_entry.delivered_ms.to_le_bytes());
                    put_length(out, pending_entry.deliveries);
                    Part::Pending(group, pending)
                }
                None => self.begin_consumers(out, group),
            },
            Part::Consumers(group, mut consumers) => match consumers.next() {
                Some(consumer) => self.put_consumer(out, consumer, (group, consumers), options),
                None if self.form.has_released() => {
                    put_length(out, group.released_len() as u64);
                    Part::Released(Box::new(group.released()))
                }
                None => Part::Groups,
            },
            Part::ConsumerPending(group, mut ids, consumers) => match ids.next() {
                Some(id) => {
                    out.extend_from_slice(&id.to_bytes());
                    Part::ConsumerPending(group, ids, consumers)
                }
                None => Part::Consumers(group, consumers),
            },
            Part::Released(mut ids) => match ids.next() {
                Some(id) => {
                    out.extend_from_slice(&id.to_bytes());
                    Part::Released(ids)
                }
                None => Part::Groups,
            },
            Part::Producers(producers) => self.put_producer(out, producers, options),
            Part::Messages(mut messages, producers) => match messages.next() {
                Some((name, id)) => {
                    put_bytes(out, name, options);
                    put_id(out, id);
                    Part::Messages(messages, producers)
                }
                None => Part::Producers(producers),
            },
            Part::End => return false,
        };
        true
    }

    fn put_counters(&self, out: &mut Vec<u8>) {
        put_length(out, self.stream.len() as u64);
        put_id(out, self.stream.last_id());
        if self.form.has_counters() {
            put_id(out, self.stream.first_id());
            put_id(out, self.stream.max_deleted_id());
            put_length(out, self.stream.entries_added());
        }
        put_length(out, self.stream.groups().len() as u64);
    }

    fn put_group(&self, out: &mut Vec<u8>, name: &[u8], group: &Group, options: EncodeOptions) {
        put_bytes(out, name, options);
        put_id(out, group.last_id);
        if self.form.has_counters() {
            put_length(out, group.entries_read.unwrap_or(-1) as u64);
        }
        put_length(out, group.pending_len() as u64);
    }

    /// What was released, where the form has no place for it.
    fn homeless(&self, group: &'a Group) -> Run<'a, StreamId> {
        if self.form.has_released() { Box::new(std::iter::empty()) } else { Box::new(group.released()) }
    }

    /// Writes how many consumers there are, and the one without a name if it has to be made up.
    fn begin_consumers(&self, out: &mut Vec<u8>, group: &'a Group) -> Part<'a> {
        let consumers = Box::new(group.consumers());
        let is_made_up = !self.form.has_released() && group.released_len() > 0 && group.find(b"").is_none();
        put_length(out, (group.consumer_count() + usize::from(is_made_up)) as u64);
        if !is_made_up {
            return Part::Consumers(group, consumers);
        }
        put_plain(out, b"");
        self.put_times(out, 0, None);
        put_length(out, group.released_len() as u64);
        Part::ConsumerPending(group, self.homeless(group), consumers)
    }

    fn put_consumer(
        &self,
        out: &mut Vec<u8>,
        consumer: &'a Consumer,
        (group, consumers): (&'a Group, Run<'a, &'a Consumer>),
        options: EncodeOptions,
    ) -> Part<'a> {
        put_bytes(out, consumer.name(), options);
        self.put_times(out, consumer.seen_ms, consumer.active_ms);
        let own = consumer.pending_from(StreamId::MIN);
        if !consumer.name().is_empty() {
            put_length(out, consumer.pending_len() as u64);
            return Part::ConsumerPending(group, Box::new(own), consumers);
        }
        let homeless = if self.form.has_released() { 0 } else { group.released_len() };
        put_length(out, (consumer.pending_len() + homeless) as u64);
        Part::ConsumerPending(group, Box::new(own.chain(self.homeless(group))), consumers)
    }

    fn put_times(&self, out: &mut Vec<u8>, seen_ms: i64, active_ms: Option<i64>) {
        out.extend_from_slice(&seen_ms.to_le_bytes());
        if self.form.has_activity() {
            out.extend_from_slice(&active_ms.unwrap_or(-1).to_le_bytes());
        }
    }

    fn begin_producers(&self, out: &mut Vec<u8>) -> Part<'a> {
        let said = self.stream.idempotence();
        let memory = said.map(Idempotence::memory).unwrap_or_default();
        put_length(out, u64::from(memory.duration_s));
        put_length(out, u64::from(memory.messages));
        put_length(out, said.map_or(0, |said| said.producers().len()) as u64);
        let producers = said.into_iter().flat_map(Idempotence::producers);
        Part::Producers(Box::new(producers.map(|(name, count, messages)| {
            let messages: Run<'a, (&'a [u8], StreamId)> = Box::new(messages);
            (name, count, messages)
        })))
    }

    /// Writes the next producer, or what was counted if there is none.
    fn put_producer(
        &self,
        out: &mut Vec<u8>,
        mut producers: Producers<'a>,
        options: EncodeOptions,
    ) -> Part<'a> {
        let Some((name, count, messages)) = producers.next() else {
            let said = self.stream.idempotence();
            put_length(out, said.map_or(0, Idempotence::added));
            put_length(out, said.map_or(0, Idempotence::duplicates));
            return Part::End;
        };
        put_bytes(out, name, options);
        put_length(out, count as u64);
        Part::Messages(messages, producers)
    }
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_length(out, id.ms);
    put_length(out, id.seq);
}
