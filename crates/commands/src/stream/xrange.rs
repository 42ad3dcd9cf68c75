//! `XRANGE key start end [COUNT count]`, `XREVRANGE key end start [COUNT count]`

use spinel_family::spec::ArgKind;
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::Stream;
use spinel_structs::stream::StreamId;

use super::arguments::{COUNT, KEY, integer, range_end, range_start, word};
use super::reply::{range_cost, reply_entries};

/// Returns the entries between two IDs.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", complexity = "O(N) for N entries returned", manual, arity = -4)]
#[command(history = &[("6.2.0", "Ends that are left out themselves.")])]
#[command(args = &[KEY, word("start", ArgKind::String), word("end", ArgKind::String), COUNT])]
pub(super) struct Xrange<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    range: Range,
}

/// Returns the entries between two IDs, the greatest ID first.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", complexity = "O(N) for N entries returned", manual, arity = -4)]
#[command(history = &[("6.2.0", "Ends that are left out themselves.")])]
#[command(args = &[KEY, word("end", ArgKind::String), word("start", ArgKind::String), COUNT])]
pub(super) struct Xrevrange<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    range: Range,
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Range {
    start: StreamId,
    end: StreamId,
    /// The greatest ID comes first.
    backwards: bool,
    /// Without a limit all of them; 0 is a reply of its own.
    count: Option<usize>,
}

impl Range {
    /// Reads the words, in whose order the ends are given; they are looked at from the start on.
    fn parse(words: &mut Words<'_>, backwards: bool) -> Result<Self, CommandError> {
        let (first, second) = (words.take()?, words.take()?);
        let (start, end) = if backwards { (second, first) } else { (first, second) };
        let (start, end) = (range_start(start)?, range_end(end)?);
        let mut count = None;
        while let Some(name) = words.peek() {
            if !is_token(name, "COUNT") || words.len() < 2 {
                return Err(CommandError::Syntax);
            }
            words.skip_one();
            let most = integer(words)?;
            count = Some(usize::try_from(most).unwrap_or(0));
        }
        Ok(Self { start, end, backwards, count })
    }

    fn cost(&self, cx: &QueryContext<'_>, key: Key<'_>) -> usize {
        let most = self.count.unwrap_or(usize::MAX);
        let stream = cx.peek(key).and_then(|entry| <Stream as spinel_store::Typed>::of(entry.value()));
        stream.map_or(0, |stream| range_cost(stream, (self.start, self.end), most))
    }

    fn reply(self, cx: &QueryContext<'_>, key: Key<'_>, out: &mut Encoder) -> Reply {
        let Self { start, end, backwards, count } = self;
        let most = count.unwrap_or(usize::MAX);
        match cx.read::<Stream>(key)? {
            None => out.array(0),
            Some(_) if most == 0 => out.null_array(),
            Some(stream) if backwards => reply_entries(stream.range_back(start, end), most, out),
            Some(stream) => reply_entries(stream.range(start, end), most, out),
        }
        Ok(())
    }
}

impl<'a> Parse<'a> for Xrange<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, range: Range::parse(words, false)? })
    }
}

impl<'a> Parse<'a> for Xrevrange<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, range: Range::parse(words, true)? })
    }
}

impl Query for Xrange<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.range.cost(cx, self.key)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        self.range.reply(cx, self.key, out)
    }
}

impl Query for Xrevrange<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.range.cost(cx, self.key)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        self.range.reply(cx, self.key, out)
    }
}
