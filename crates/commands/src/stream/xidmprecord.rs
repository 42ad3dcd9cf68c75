//! `XIDMPRECORD key producer message id`

use spinel_family::{Command, CommandError, Encoder, Key, Reply, Update, UpdateContext};
use spinel_store::Stream;

use super::arguments::id;

const NO_PRODUCER: CommandError = CommandError::text("ERR producer ID must be non-empty");
const NO_MESSAGE: CommandError = CommandError::text("ERR idempotent ID must be non-empty");
const NO_ENTRY: CommandError = CommandError::text("ERR No such message in stream");
const ANOTHER: CommandError =
    CommandError::text("ERR IID already exists for this producer with a different stream ID");

/// Notes which entry a producer's message became: how a log is rewritten.
#[derive(Command)]
#[command(group = Stream, since = "8.6.2", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Xidmprecord<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    #[arg(name = "pid")]
    producer: &'a [u8],
    #[arg(name = "iid")]
    message: &'a [u8],
    #[arg(name = "stream-id")]
    id: &'a [u8],
}

impl Update for Xidmprecord<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let memory = cx.settings().encodings.stream_memory;
        let id = id(self.id, 0)?;
        let stream = cx.write::<Stream>(self.key)?.ok_or(CommandError::NoSuchKey)?;
        if self.producer.is_empty() {
            return Err(NO_PRODUCER);
        }
        if self.message.is_empty() {
            return Err(NO_MESSAGE);
        }
        if !stream.contains(id) {
            return Err(NO_ENTRY);
        }
        let said = stream.idempotence_or(memory);
        match said.recorded(self.producer, self.message) {
            Some(known) if known != id => return Err(ANOTHER),
            Some(_) => {}
            None => {
                said.record(self.producer, self.message, id);
                cx.add_dirty(1);
            }
        }
        out.ok();
        Ok(())
    }
}
