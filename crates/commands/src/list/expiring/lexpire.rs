//! `LEXPIRE key seconds [NX | XX | GT | LT] INDEXES numindexes index [index ...]` and its kin in milliseconds and in points of
//! time

use smallvec::SmallVec;
use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, Encoder, EventClass, Key, QueryContext, Reply, StandIn, UnixMillis, Update, UpdateContext,
    removal_words,
};
use spinel_store::List;

use super::super::index::position;
use super::words::{INDEXES_ARG, named_indexes, propagate_expiry};
use crate::element_words::{Clock, KEY_ARG, NO_ELEMENT, NOT_MET, REMOVED, Rest, SET, cost, reply_same};
use crate::generic::expire::Conditions;
use crate::members::expire::conditions;

const CONDITION_ARG: ArgSpec = Conditions::ARG;

/// The time of elements that this very command removes: before any that a command can name.
const AT_ONCE: UnixMillis = UnixMillis(i64::MIN);

/// Lets the elements at indexes expire at the time that the first word says.
fn expire(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    Rest(mut words): Rest<'_>,
    (clock, command): (Clock, &'static str),
    out: &mut Encoder,
) -> Reply {
    let len = cx.write::<List>(key)?.map(|list| list.len());
    let now = cx.now();
    let at = clock.time(words.take()?, now, command)?;
    let conditions = conditions(&mut words)?;
    let indexes = named_indexes(&mut words)?;
    let Some(len) = len else {
        reply_same(out, indexes.len(), NO_ELEMENT);
        return Ok(());
    };
    let is_over = at <= now;
    let mut changed: SmallVec<[usize; 8]> = SmallVec::new();
    cx.change_typed(key, |list: &mut List| {
        out.array(indexes.len());
        for index in indexes {
            let index = position(index, len);
            let old = index.and_then(|index| Some((index, list.expiry(index)?)));
            out.integer(match old {
                None | Some((_, Some(AT_ONCE))) => NO_ELEMENT,
                Some((_, old)) if !conditions.allow(old, at) => NOT_MET,
                Some((index, _)) => {
                    list.set_expiry(index, Some(if is_over { AT_ONCE } else { at }));
                    changed.push(index);
                    if is_over { REMOVED } else { SET }
                }
            });
        }
        if is_over {
            changed.sort_unstable();
            list.remove_at(&changed);
        }
    });
    if changed.is_empty() {
        return Ok(());
    }
    cx.touch_watchers(key);
    cx.notify(EventClass::List, if is_over { "lrem" } else { "lexpire" }, key);
    cx.add_dirty(changed.len());
    if is_over {
        note_removal(cx, key, &changed, len);
    } else {
        propagate_expiry(cx, key, at, &changed);
    }
    Ok(())
}

/// The traces of elements that were removed because their time had passed.
fn note_removal(cx: &mut UpdateContext<'_>, key: Key<'_>, indexes: &[usize], len: usize) {
    cx.effects().expired_members += indexes.len() as u64;
    cx.remove_if_empty::<List>(key);
    let stand_in = StandIn::new(cx.hash_key(), || cx.random());
    for command in removal_words(key.bytes, indexes, len, &stand_in) {
        cx.propagate_as(command.args().iter());
    }
}

/// Lets elements of a list expire after some seconds.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N*log(M)) for N indexes and M elements that expire", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::Integer).arg("seconds", ""), CONDITION_ARG, INDEXES_ARG])]
pub(in crate::list) struct Lexpire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Lexpire<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire(cx, self.key, self.words, (Clock::SECONDS, "lexpire"), out)
    }
}

/// Lets elements of a list expire after some milliseconds.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N*log(M)) for N indexes and M elements that expire", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::Integer).arg("milliseconds", ""), CONDITION_ARG, INDEXES_ARG])]
pub(in crate::list) struct Lpexpire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Lpexpire<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire(cx, self.key, self.words, (Clock::MILLIS, "lpexpire"), out)
    }
}

/// Lets elements of a list expire at a Unix time in seconds.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N*log(M)) for N indexes and M elements that expire", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::UnixTime).arg("unix-time-seconds", ""), CONDITION_ARG, INDEXES_ARG])]
pub(in crate::list) struct Lexpireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Lexpireat<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire(cx, self.key, self.words, (Clock::SECONDS_AT, "lexpireat"), out)
    }
}

/// Lets elements of a list expire at a Unix time in milliseconds.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N*log(M)) for N indexes and M elements that expire", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::UnixTime).arg("unix-time-milliseconds", ""), CONDITION_ARG, INDEXES_ARG])]
pub(in crate::list) struct Lpexpireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Lpexpireat<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire(cx, self.key, self.words, (Clock::MILLIS_AT, "lpexpireat"), out)
    }
}

#[cfg(test)]
#[path = "lexpire_tests.rs"]
mod tests;
