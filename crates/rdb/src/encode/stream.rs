//! A stream as bytes, in slices; see `decode/stream.rs` for the picture.

use spinel_store::Stream;
use spinel_structs::listpack::Listpack;
use spinel_structs::stream::{Consumer, Group, Pending, StreamId};

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
    Consumers(Run<'a, &'a Consumer>),
    ConsumerPending(Run<'a, StreamId>, Run<'a, &'a Consumer>),
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
        let part = std::mem::replace(&mut self.part, Part::Groups);
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
            Part::Groups => {
                let Some((name, group)) = self.groups.next() else { return false };
                self.put_group(out, name, group, options);
                Part::Pending(group, Box::new(group.pending_from(StreamId::MIN)))
            }
            Part::Pending(group, mut pending) => match pending.next() {
                Some((id, pending_entry)) => {
                    out.extend_from_slice(&id.to_bytes());
                    out.extend_from_slice(&pending_entry.delivered_ms.to_le_bytes());
                    put_length(out, pending_entry.deliveries);
                    Part::Pending(group, pending)
                }
                None => {
                    put_length(out, group.consumer_count() as u64);
                    Part::Consumers(Box::new(group.consumers()))
                }
            },
            Part::Consumers(mut consumers) => match consumers.next() {
                Some(consumer) => {
                    self.put_consumer(out, consumer, options);
                    Part::ConsumerPending(Box::new(consumer.pending_from(StreamId::MIN)), consumers)
                }
                None => Part::Groups,
            },
            Part::ConsumerPending(mut ids, consumers) => match ids.next() {
                Some(id) => {
                    out.extend_from_slice(&id.to_bytes());
                    Part::ConsumerPending(ids, consumers)
                }
                None => Part::Consumers(consumers),
            },
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

    fn put_consumer(&self, out: &mut Vec<u8>, consumer: &Consumer, options: EncodeOptions) {
        put_bytes(out, consumer.name(), options);
        out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
        if self.form.has_activity() {
            out.extend_from_slice(&consumer.active_ms.unwrap_or(-1).to_le_bytes());
        }
        put_length(out, consumer.pending_len() as u64);
    }
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_length(out, id.ms);
    put_length(out, id.seq);
}
