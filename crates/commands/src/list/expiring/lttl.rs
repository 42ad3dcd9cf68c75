//! `LTTL key INDEXES numindexes index [index ...]`, `LPTTL`, `LEXPIRETIME`, `LPEXPIRETIME`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::List;

use super::super::index::position;
use super::words::{INDEXES_ARG, named_indexes};
use crate::element_words::{Clock, KEY_ARG, NO_ELEMENT, NO_EXPIRY, Rest, cost};

/// Tells what time elements have left, or when they expire.
fn tell(
    cx: &QueryContext<'_>,
    key: Key<'_>,
    Rest(mut words): Rest<'_>,
    clock: Clock,
    out: &mut Encoder,
) -> Reply {
    let list = cx.read::<List>(key)?;
    let indexes = named_indexes(&mut words)?;
    out.array(indexes.len());
    for index in indexes {
        out.integer(match list.and_then(|list| list.expiry(position(index, list.len())?)) {
            None => NO_ELEMENT,
            Some(None) => NO_EXPIRY,
            Some(Some(at)) => clock.tell(at, cx.now()),
        });
    }
    Ok(())
}

/// Returns how many seconds elements of a list have left.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N*log(M)) for N indexes and M elements that expire", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, INDEXES_ARG], tips("nondeterministic_output"))]
pub(in crate::list) struct Lttl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Lttl<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell(cx, self.key, self.words, Clock::SECONDS, out)
    }
}

/// Returns how many milliseconds elements of a list have left.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N*log(M)) for N indexes and M elements that expire", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, INDEXES_ARG], tips("nondeterministic_output"))]
pub(in crate::list) struct Lpttl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Lpttl<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell(cx, self.key, self.words, Clock::MILLIS, out)
    }
}

/// Returns when elements of a list expire, as Unix times in seconds.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N*log(M)) for N indexes and M elements that expire", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, INDEXES_ARG], tips("nondeterministic_output"))]
pub(in crate::list) struct Lexpiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Lexpiretime<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell(cx, self.key, self.words, Clock::SECONDS_AT, out)
    }
}

/// Returns when elements of a list expire, as Unix times in milliseconds.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N*log(M)) for N indexes and M elements that expire", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, INDEXES_ARG], tips("nondeterministic_output"))]
pub(in crate::list) struct Lpexpiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Lpexpiretime<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell(cx, self.key, self.words, Clock::MILLIS_AT, out)
    }
}
