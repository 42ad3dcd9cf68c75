//! `ZTTL key MEMBERS nummembers member [member ...]`, `ZPTTL`, `ZEXPIRETIME`, `ZPEXPIRETIME`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::value::SortedSet;

use crate::element_words::{Clock, KEY_ARG, Rest, cost};
use crate::members::MEMBERS_ARG;
use crate::members::ttl::tell;

/// Returns how many seconds members of a sorted set have left.
#[derive(Command)]
#[command(group = SortedSet, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, MEMBERS_ARG], tips("nondeterministic_output"))]
pub(super) struct Zttl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Zttl<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell::<SortedSet>(cx, self.key, self.words, Clock::SECONDS, out)
    }
}

/// Returns how many milliseconds members of a sorted set have left.
#[derive(Command)]
#[command(group = SortedSet, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, MEMBERS_ARG], tips("nondeterministic_output"))]
pub(super) struct Zpttl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Zpttl<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell::<SortedSet>(cx, self.key, self.words, Clock::MILLIS, out)
    }
}

/// Returns when members of a sorted set expire, as Unix times in seconds.
#[derive(Command)]
#[command(group = SortedSet, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, MEMBERS_ARG], tips("nondeterministic_output"))]
pub(super) struct Zexpiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Zexpiretime<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell::<SortedSet>(cx, self.key, self.words, Clock::SECONDS_AT, out)
    }
}

/// Returns when members of a sorted set expire, as Unix times in milliseconds.
#[derive(Command)]
#[command(group = SortedSet, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, MEMBERS_ARG], tips("nondeterministic_output"))]
pub(super) struct Zpexpiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Zpexpiretime<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell::<SortedSet>(cx, self.key, self.words, Clock::MILLIS_AT, out)
    }
}
