//! `STTL key MEMBERS nummembers member [member ...]`, `SPTTL`, `SEXPIRETIME`, `SPEXPIRETIME`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::value::Set;

use crate::element_words::{Clock, KEY_ARG, Rest, cost};
use crate::members::MEMBERS_ARG;
use crate::members::ttl::tell;

/// Returns how many seconds members of a set have left.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, MEMBERS_ARG], tips("nondeterministic_output"))]
pub(super) struct Sttl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Sttl<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell::<Set>(cx, self.key, self.words, Clock::SECONDS, out)
    }
}

/// Returns how many milliseconds members of a set have left.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, MEMBERS_ARG], tips("nondeterministic_output"))]
pub(super) struct Spttl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Spttl<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell::<Set>(cx, self.key, self.words, Clock::MILLIS, out)
    }
}

/// Returns when members of a set expire, as Unix times in seconds.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, MEMBERS_ARG], tips("nondeterministic_output"))]
pub(super) struct Sexpiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Sexpiretime<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell::<Set>(cx, self.key, self.words, Clock::SECONDS_AT, out)
    }
}

/// Returns when members of a set expire, as Unix times in milliseconds.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, MEMBERS_ARG], tips("nondeterministic_output"))]
pub(super) struct Spexpiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Spexpiretime<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell::<Set>(cx, self.key, self.words, Clock::MILLIS_AT, out)
    }
}
