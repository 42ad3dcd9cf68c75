//! `SPERSIST key MEMBERS nummembers member [member ...]`

use spinel_family::{Command, Encoder, Key, QueryContext, Reply, Update, UpdateContext};
use spinel_store::value::Set;

use crate::element_words::{KEY_ARG, Rest, cost};
use crate::members::MEMBERS_ARG;
use crate::members::persist::persist;

/// Ends the expiry of members of a set.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, MEMBERS_ARG])]
pub(super) struct Spersist<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Spersist<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        persist::<Set>(cx, self.key, self.words, out)
    }
}
