//! `XADD key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [IDMPAUTO producer | IDMP producer message]
//! [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id field value [field value ...]`

use spinel_family::spec::{ArgKind, ArgSpec, KeyFlags};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Reply, Update, UpdateContext, Words, is_token,
};
use spinel_store::Stream;
use spinel_structs::stream::{BLOCK_BYTES_MAX, IdText, StreamId};

use super::arguments::{ID, KEY, NewId, choice, group, key_at, new_id, since, token, word};
use super::idempotence::{IDEMPOTENCE, Said};
use super::references::CONDITION;
use super::reply::reply_id;
use super::trimming::{TRIM, TrimOptions};

const ZERO: CommandError = CommandError::text("ERR The ID specified in XADD must be greater than 0-0");
const EXHAUSTED: CommandError =
    CommandError::text("ERR The stream has exhausted the last possible ID, unable to add more items");
const TOO_SMALL: CommandError =
    CommandError::text("ERR The ID specified in XADD is equal or smaller than the target stream top item");
const TOO_LARGE: CommandError = CommandError::text("ERR Elements are too large to be stored");

/// Adds an entry at the end of a stream.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", flags(denyoom, fast), tips("nondeterministic_output"))]
#[command(complexity = "O(1), and O(N) for N entries trimmed", manual, arity = -5)]
#[command(history = &[
    ("6.2.0", "The options `NOMKSTREAM`, `MINID` and `LIMIT`."),
    ("7.0.0", "IDs of the form `<ms>-*`."),
    ("8.2.0", "The options `KEEPREF`, `DELREF` and `ACKED`."),
])]
#[command(keys = &[key_at(
    1,
    KeyFlags::RW.with(KeyFlags::UPDATE),
    "UPDATE instead of INSERT because of the optional trimming feature",
)])]
#[command(args = &[
    KEY,
    since("6.2.0", token("nomkstream", "NOMKSTREAM")),
    CONDITION,
    IDEMPOTENCE,
    ArgSpec { flags: spinel_family::spec::ArgFlags { optional: true, multiple: false, multiple_token: false }, ..TRIM },
    group(ArgKind::OneOf, "id_or_auto", &[choice("auto_id", "*"), ID]),
    ArgSpec {
        flags: spinel_family::spec::ArgFlags { optional: false, multiple: true, multiple_token: false },
        ..group(
            ArgKind::Block,
            "field_value",
            &[word("field", ArgKind::String), word("value", ArgKind::String)],
        )
    },
])]
pub(super) struct Xadd<'a> {
    key: Key<'a>,
    /// All words after the key.
    words: Words<'a>,
    no_create: bool,
    trim: TrimOptions,
    said: Option<Said<'a>>,
    id: NewId,
    content: Content<'a>,
}

/// Fields with their values.
#[derive(Clone, Copy)]
pub(super) struct Content<'a>(Words<'a>);

impl<'a> Content<'a> {
    pub(super) fn pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone {
        let mut words = self.0;
        std::iter::from_fn(move || Some((words.take().ok()?, words.take().ok()?)))
    }

    fn bytes(self) -> usize {
        self.pairs().map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl<'a> Parse<'a> for Xadd<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let all = *words;
        let (mut trim, mut said, mut no_create) = (TrimOptions::default(), None, false);
        let id = loop {
            if words.peek() == Some(b"*") {
                words.skip_one();
                break NewId::Auto;
            }
            if trim.take(words)? || Said::take(&mut said, words)? {
                continue;
            }
            // Without an ID there are not enough words, which is found later.
            let Ok(word) = words.take() else { break NewId::Auto };
            if !is_token(word, "NOMKSTREAM") {
                break new_id(word, 0)?;
            }
            no_create = true;
        };
        Ok(Self { key, words: all, no_create, trim, said, id, content: Content(words.rest()) })
    }
}

impl Update for Xadd<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        self.trim.check(cx.is_replayed())?;
        if let Some(said) = &self.said {
            said.check(self.id, cx.is_replayed())?;
        }
        let pairs = self.content.0.len() / 2;
        if pairs == 0 || self.content.0.len() % 2 == 1 {
            return Err(CommandError::Arity);
        }
        if self.id == NewId::Given(StreamId::MIN) {
            return Err(ZERO);
        }
        let limits = cx.settings().encodings.stream_blocks;
        let (trim, is_recorded, is_replayed) = (self.trim.trim(cx), cx.is_recorded(), cx.is_replayed());
        let (now_ms, memory) =
            (u64::try_from(cx.now().0).unwrap_or(0), cx.settings().encodings.stream_memory);
        let message = self.said.map(|said| (said.producer, said.message(self.content)));
        let looks_first = self.no_create || message.is_some();
        if looks_first {
            let stream = cx.write::<Stream>(self.key)?;
            if self.no_create && stream.is_none() {
                out.null();
                return Ok(());
            }
            if let Some((producer, message)) = &message
                && let Some(stream) = stream.filter(|_| !is_replayed)
            {
                let said = stream.idempotence_or(memory);
                if let Some(id) = said.find(producer, message, now_ms) {
                    said.note_duplicate();
                    reply_id(id, out);
                    return Ok(());
                }
                said.forget_old(producer, now_ms);
            }
            cx.count_no_more_uses();
        }
        let stream = cx.write_or_create::<Stream>(self.key)?;
        let id = next_id(stream.last_id(), self.id, now_ms)?;
        if self.content.bytes() > BLOCK_BYTES_MAX {
            return Err(TOO_LARGE);
        }
        stream.append(id, self.content.pairs(), pairs, limits);
        if let Some((producer, message)) = &message {
            stream.idempotence_or(memory).record(producer, message, id);
        }
        let trimmed = trim.is_some_and(|trim| stream.trim(trim) > 0);
        let replaced = (!matches!(self.id, NewId::Given(_))).then(|| id.text());
        if is_recorded && (replaced.is_some() || self.trim.is_approximate()) {
            let id = replaced.as_ref().map(IdText::as_bytes);
            let words = self.trim.exact(self.words, stream, (self.content.0.len(), id));
            let begin = [b"XADD", self.key.bytes].into_iter();
            cx.propagate_as(begin.chain(words.iter().map(Vec::as_slice)));
        }
        reply_id(id, out);
        cx.changed(self.key, EventClass::Stream, "xadd");
        if trimmed {
            cx.notify(EventClass::Stream, "xtrim", self.key);
        }
        cx.signal(self.key);
        Ok(())
    }
}

/// The ID of the next entry.
fn next_id(last: StreamId, wanted: NewId, now_ms: u64) -> Result<StreamId, CommandError> {
    if last == StreamId::MAX {
        return Err(EXHAUSTED);
    }
    let id = match wanted {
        NewId::Auto if now_ms > last.ms => StreamId::new(now_ms, 0),
        NewId::Auto => last.next().ok_or(EXHAUSTED)?,
        NewId::AutoSeq(ms) if ms == last.ms => {
            // Redis blames the elements.
            StreamId::new(ms, last.seq.checked_add(1).ok_or(TOO_LARGE)?)
        }
        NewId::AutoSeq(ms) => StreamId::new(ms, 0),
        NewId::Given(id) => id,
    };
    if id > last { Ok(id) } else { Err(TOO_SMALL) }
}
