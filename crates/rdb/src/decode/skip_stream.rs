//! Going past a stream, piece by piece.

use super::skip::skip_string;
use super::{Cursor, Fault};
use crate::opcode::StreamForm;

/// How far into a stream one has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamStage {
    form: StreamForm,
    part: StreamPart,
    /// Groups or producers, consumers of this group, and pieces of this part that are still to come.
    groups: u64,
    consumers: u64,
    left: u64,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum StreamPart {
    Block,
    Counters,
    Group,
    Pending,
    ConsumerCount,
    Consumer,
    ConsumerPending,
    Released,
    Producer,
    Message,
    End,
}

impl StreamStage {
    /// At the beginning of a stream.
    pub(super) fn begin(cursor: &mut Cursor<'_>, form: StreamForm) -> Result<Self, Fault> {
        let left = cursor.length()?;
        Ok(Self { form, part: StreamPart::Block, groups: 0, consumers: 0, left })
    }

    /// Goes past the next piece; false at the end. Nothing has changed after an error.
    pub(super) fn step(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
        match self.part {
            StreamPart::Block if self.left == 0 => self.part = StreamPart::Counters,
            StreamPart::Block => {
                skip_string(cursor)?;
                skip_string(cursor)?;
                self.left -= 1;
            }
            StreamPart::Counters => {
                lengths(cursor, if self.form.has_counters() { 8 } else { 3 })?;
                self.groups = cursor.length()?;
                self.part = StreamPart::Group;
            }
            StreamPart::Group if self.groups == 0 && self.form.has_idempotence() => {
                lengths(cursor, 2)?;
                self.groups = cursor.length()?;
                self.part = StreamPart::Producer;
            }
            StreamPart::Group if self.groups == 0 => return Ok(false),
            StreamPart::Group => {
                skip_string(cursor)?;
                lengths(cursor, if self.form.has_counters() { 3 } else { 2 })?;
                self.left = cursor.length()?;
                self.groups -= 1;
                self.part = StreamPart::Pending;
            }
            StreamPart::Pending if self.left == 0 => self.part = StreamPart::ConsumerCount,
            StreamPart::Pending => {
                cursor.take(16 + 8)?;
                cursor.length()?;
                self.left -= 1;
            }
            StreamPart::ConsumerCount => {
                self.consumers = cursor.length()?;
                self.part = StreamPart::Consumer;
            }
            StreamPart::Consumer if self.consumers == 0 && self.form.has_released() => {
                self.left = cursor.length()?;
                self.part = StreamPart::Released;
            }
            StreamPart::Consumer if self.consumers == 0 => self.part = StreamPart::Group,
            StreamPart::Consumer => {
                skip_string(cursor)?;
                cursor.take(if self.form.has_activity() { 16 } else { 8 })?;
                self.left = cursor.length()?;
                self.consumers -= 1;
                self.part = StreamPart::ConsumerPending;
            }
            StreamPart::ConsumerPending if self.left == 0 => self.part = StreamPart::Consumer,
            StreamPart::Released if self.left == 0 => self.part = StreamPart::Group,
            StreamPart::ConsumerPending | StreamPart::Released => {
                cursor.take(16)?;
                self.left -= 1;
            }
            StreamPart::Producer | StreamPart::Message => self.step_producers(cursor)?,
            StreamPart::End => return Ok(false),
        }
        Ok(true)
    }

    /// The same among producers and their messages.
    fn step_producers(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        match self.part {
            StreamPart::Message if self.left > 0 => {
                skip_string(cursor)?;
                lengths(cursor, 2)?;
                self.left -= 1;
            }
            StreamPart::Message => self.part = StreamPart::Producer,
            _ if self.groups == 0 => {
                lengths(cursor, 2)?;
                self.part = StreamPart::End;
            }
            _ => {
                skip_string(cursor)?;
                self.left = cursor.length()?;
                self.groups -= 1;
                self.part = StreamPart::Message;
            }
        }
        Ok(())
    }
}

fn lengths(cursor: &mut Cursor<'_>, count: usize) -> Result<(), Fault> {
    (0..count).try_for_each(|_| cursor.length().map(drop))
}
