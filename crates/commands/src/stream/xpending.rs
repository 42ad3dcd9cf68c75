//! `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::Stream;
use spinel_structs::stream::{Group, Pending, StreamId};

use super::arguments::{GROUP, KEY, integer, option, range_end, range_start, since, word};
use super::groups::{find, no_key_or_group};
use super::reply::reply_id;

/// Returns what is pending in a group: a summary, or the entries with their consumers.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", tips("nondeterministic_output"), manual, arity = -3)]
#[command(complexity = "O(N) for N entries looked at, O(1) for the summary of few consumers")]
#[command(history = &[("6.2.0", "The option `IDLE`, and ends that are left out themselves.")])]
#[command(args = &[
    KEY,
    GROUP,
    Shape {
        children: &[
            since("6.2.0", option("min-idle-time", "IDLE", ArgKind::Integer)),
            word("start", ArgKind::String),
            word("end", ArgKind::String),
            word("count", ArgKind::Integer),
            Shape::word(ArgKind::String).or_absent().arg("consumer", ""),
        ],
        ..Shape::word(ArgKind::Block)
    }
    .or_absent()
    .arg("filters", ""),
])]
pub(super) struct Xpending<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    group: &'a [u8],
    filter: Option<Filter<'a>>,
}

/// Which entries are listed.
struct Filter<'a> {
    min_idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Parse<'a> for Xpending<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (key, group) = (words.key()?, words.take()?);
        let filter = match words.len() {
            0 => None,
            3..=6 => Some(Filter::parse(words)?),
            _ => return Err(CommandError::Syntax),
        };
        Ok(Self { key, group, filter })
    }
}

impl<'a> Filter<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let mut min_idle_ms = 0;
        if words.peek().is_some_and(|word| is_token(word, "IDLE")) {
            words.skip_one();
            min_idle_ms = integer(words)?;
            if words.len() < 3 {
                return Err(CommandError::Syntax);
            }
        }
        let (start, end) = (words.take()?, words.take()?);
        let count = usize::try_from(integer(words)?).unwrap_or(0);
        let (start, end) = (range_start(start)?, range_end(end)?);
        // Words after the consumer's name are passed over.
        Ok(Self { min_idle_ms, start, end, count, consumer: words.take().ok() })
    }

    fn matches(&self, pending: &Pending, now_ms: i64) -> bool {
        self.min_idle_ms == 0 || pending.is_due(self.min_idle_ms, now_ms)
    }
}

impl Query for Xpending<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let stream = cx.peek(self.key).and_then(|entry| <Stream as spinel_store::Typed>::of(entry.value()));
        let Some(group) = stream.and_then(|stream| stream.group(self.group)) else { return 0 };
        match &self.filter {
            None => group.consumer_count(),
            Some(filter) if filter.min_idle_ms == 0 => filter.count.min(group.pending_len()),
            Some(_) => group.pending_len(),
        }
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let found = find(cx, self.key, self.group)?;
        let (_, group) = found.ok_or_else(|| no_key_or_group(self.key, self.group, ""))?;
        match &self.filter {
            None => reply_summary(group, out),
            Some(filter) => reply_listed(group, filter, cx.now().0, out),
        }
        Ok(())
    }
}

fn reply_summary(group: &Group, out: &mut Encoder) {
    out.array(4);
    out.integer(group.pending_len() as i64);
    let first = group.pending_from(StreamId::MIN).next().map(|(id, _)| id);
    let (Some(first), Some(last)) = (first, group.last_pending()) else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    reply_id(first, out);
    reply_id(last, out);
    let busy = group.consumers().filter(|consumer| consumer.pending_len() > 0);
    out.array(busy.clone().count());
    for consumer in busy {
        out.array(2);
        out.bulk(consumer.name());
        out.bulk_integer(consumer.pending_len() as i64);
    }
}

fn reply_listed(group: &Group, filter: &Filter<'_>, now_ms: i64, out: &mut Encoder) {
    let length = out.deferred_array();
    let mut count = 0;
    let mut reply = |id: StreamId, pending: &Pending| {
        out.array(4);
        reply_id(id, out);
        out.bulk(group.owner(pending));
        // What was released was delivered at no time that matters.
        let idle_ms = if pending.consumer.is_some() { pending.idle_ms(now_ms).max(0) } else { -1 };
        out.integer(idle_ms);
        out.integer(pending.deliveries as i64);
        count += 1;
    };
    let wanted = |(id, pending): &(StreamId, &Pending)| *id <= filter.end && filter.matches(pending, now_ms);
    match filter.consumer {
        None => {
            let listed = group.pending_from(filter.start).take_while(|(id, _)| *id <= filter.end);
            listed.filter(wanted).take(filter.count).for_each(|(id, pending)| reply(id, pending));
        }
        Some(name) => {
            let ids = group
                .find(name)
                .into_iter()
                .flat_map(|consumer| group.consumer(consumer).pending_from(filter.start));
            let listed = ids.take_while(|id| *id <= filter.end);
            let listed = listed.filter_map(|id| Some((id, group.pending(id)?)));
            listed.filter(wanted).take(filter.count).for_each(|(id, pending)| reply(id, pending));
        }
    }
    out.finish(length, count);
}
