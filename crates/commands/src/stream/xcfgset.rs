//! `XCFGSET key [IDMP-DURATION seconds] [IDMP-MAXSIZE messages]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Reply, Update, UpdateContext, Words, is_token,
};
use spinel_store::Stream;
use spinel_structs::stream::Memory;

use super::arguments::{KEY, choice, integer, word};

const NOTHING: CommandError = CommandError::text("ERR At least one parameter must be specified");
const DURATION_TWICE: CommandError = CommandError::text("ERR IDMP-DURATION specified multiple times");
const MAXSIZE_TWICE: CommandError = CommandError::text("ERR IDMP-MAXSIZE specified multiple times");
const DURATION_BEYOND: CommandError =
    CommandError::text("ERR IDMP-DURATION must be between 1 and 86400 seconds");
const MAXSIZE_BEYOND: CommandError =
    CommandError::text("ERR IDMP-MAXSIZE must be between 1 and 10000 entries");

/// A name with its value, which may be left out together.
const fn setting(name: &'static str, children: &'static [ArgSpec]) -> ArgSpec {
    Shape { children, ..Shape::word(ArgKind::Block) }.or_absent().arg(name, "")
}

/// Sets for how long, and how many of, the messages of producers are remembered.
#[derive(Command)]
#[command(group = Stream, since = "8.6.0", complexity = "O(1)", flags(fast), manual, arity = -2)]
#[command(args = &[
    KEY,
    setting(
        "idmp-duration-block",
        &[choice("idmp-duration-token", "IDMP-DURATION"), word("duration", ArgKind::Integer)],
    ),
    setting(
        "idmp-maxsize-block",
        &[choice("idmp-maxsize-token", "IDMP-MAXSIZE"), word("maxsize", ArgKind::Integer)],
    ),
])]
pub(super) struct Xcfgset<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Words<'a>,
}

impl<'a> Parse<'a> for Xcfgset<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, words: words.rest() })
    }
}

impl Xcfgset<'_> {
    /// What is set, which is looked at after the key.
    fn settings(&self) -> Result<(Option<u32>, Option<u32>), CommandError> {
        let (mut duration_s, mut messages) = (None, None);
        let mut words = self.words;
        while let Ok(name) = words.take() {
            let (setting, most, twice, beyond) = if is_token(name, "IDMP-DURATION") {
                (&mut duration_s, Memory::DURATION_MAX_S, DURATION_TWICE, DURATION_BEYOND)
            } else if is_token(name, "IDMP-MAXSIZE") {
                (&mut messages, Memory::MESSAGES_MAX, MAXSIZE_TWICE, MAXSIZE_BEYOND)
            } else {
                return Err(CommandError::Syntax);
            };
            if words.is_empty() {
                return Err(CommandError::Syntax);
            }
            if setting.is_some() {
                return Err(twice);
            }
            let number = u32::try_from(integer(&mut words)?).ok();
            *setting = Some(number.filter(|number| (1..=most).contains(number)).ok_or(beyond)?);
        }
        if duration_s.is_none() && messages.is_none() {
            return Err(NOTHING);
        }
        Ok((duration_s, messages))
    }
}

impl Update for Xcfgset<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let begin = cx.settings().encodings.stream_memory;
        let stream = cx.write::<Stream>(self.key)?.ok_or(CommandError::NoSuchKey)?;
        let (duration_s, messages) = self.settings()?;
        let said = stream.idempotence_or(begin);
        let before = said.memory();
        let memory = Memory {
            duration_s: duration_s.unwrap_or(before.duration_s),
            messages: messages.unwrap_or(before.messages),
        };
        said.set_memory(memory);
        // Redis does not tell those who watch the key.
        cx.add_dirty(1);
        out.ok();
        Ok(())
    }
}
