//! `XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED]`

use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Reply, Update, UpdateContext, Words,
};
use spinel_store::Stream;

use super::arguments::KEY;
use super::references::CONDITION;
use super::trimming::{TRIM, TrimOptions};

const NO_STRATEGY: CommandError =
    CommandError::text("ERR syntax error, XTRIM must be called with a trimming strategy");

/// Removes the oldest entries of a stream.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", tips("nondeterministic_output"), manual, arity = -4)]
#[command(complexity = "O(N) for N entries removed; whole blocks go at once")]
#[command(history = &[
    ("6.2.0", "The options `MINID` and `LIMIT`."),
    ("8.2.0", "The options `KEEPREF`, `DELREF` and `ACKED`."),
])]
#[command(args = &[KEY, TRIM, CONDITION])]
pub(super) struct Xtrim<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    words: Words<'a>,
    trim: TrimOptions,
}

impl<'a> Parse<'a> for Xtrim<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let all = *words;
        let mut trim = TrimOptions::default();
        while !words.is_empty() {
            if !trim.take(words)? {
                return Err(CommandError::Syntax);
            }
        }
        Ok(Self { key, words: all, trim })
    }
}

impl Update for Xtrim<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if !self.trim.is_given() {
            self.trim.check(true)?;
            return Err(NO_STRATEGY);
        }
        self.trim.check(cx.is_replayed())?;
        let trim = self.trim.trim(cx);
        let stream = cx.write::<Stream>(self.key)?;
        let (Some(stream), Some(trim)) = (stream, trim) else {
            out.integer(0);
            return Ok(());
        };
        let removed = stream.trim(trim);
        out.integer(removed as i64);
        if removed == 0 {
            return Ok(());
        }
        if self.trim.is_approximate() {
            let words = self.trim.exact(self.words, stream, (0, None));
            let begin = [b"XTRIM", self.key.bytes].into_iter();
            cx.propagate_as(begin.chain(words.iter().map(Vec::as_slice)));
        }
        cx.changed(self.key, EventClass::Stream, "xtrim");
        cx.add_dirty(removed - 1);
        Ok(())
    }
}
