//! Popping from one end of a sorted set, as all the popping commands do it.
//!
//! Ascending pops the lowest scores, descending the highest.

use spinel_family::{
    CommandError, Encoder, EventClass, Key, Many, Parse, UpdateContext, WaitKeys, Words, is_token,
};
use spinel_store::value::SortedSet;
use spinel_structs::number::parse_i64;
use spinel_structs::sorted_set::Order;

/// Pops up to `count` members of an existing key, with all effects; each is written with its score, as a pair of
/// its own if `nested`. The array around them was written before.
pub(super) fn pop(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    order: Order,
    count: usize,
    nested: bool,
    out: &mut Encoder,
) {
    let zset = cx.write::<SortedSet>(key).ok().flatten().expect("the caller found a sorted set");
    let mut popped = 0;
    while popped < count && !zset.is_empty() {
        if nested {
            out.array(2);
        }
        zset.pop(order, |member, score| {
            out.bulk(member);
            out.double(score);
        });
        popped += 1;
    }
    cx.touch_watchers(key);
    let event = match order {
        Order::Ascending => "zpopmin",
        Order::Descending => "zpopmax",
    };
    cx.notify(EventClass::SortedSet, event, key);
    cx.remove_if_empty::<SortedSet>(key);
    cx.add_dirty(popped);
}

/// The journal records the pop of a command that may have found its key among several.
pub(super) fn propagate_pop(cx: &mut UpdateContext<'_>, key: Key<'_>, order: Order, count: Option<usize>) {
    let name: &[u8] = match order {
        Order::Ascending => b"ZPOPMIN",
        Order::Descending => b"ZPOPMAX",
    };
    let count = count.map(|count| count.to_string());
    let count = count.as_ref().map(String::as_bytes);
    cx.propagate_as([name, key.bytes].into_iter().chain(count));
}

/// The first of the keys that can be popped from, and how many members it has. A key of another type is an error,
/// except when a blocked command is tried again: then it was there before, or came for others.
pub(super) fn first_ready<'a>(
    cx: &mut UpdateContext<'_>,
    keys: WaitKeys<'a>,
) -> Result<Option<(Key<'a>, usize)>, CommandError> {
    let is_retry = cx.is_retry();
    for key in keys.iter() {
        if !cx.may_serve(key) {
            continue;
        }
        match cx.write::<SortedSet>(key) {
            Ok(Some(zset)) => return Ok(Some((key, zset.len()))),
            Ok(None) => {}
            Err(CommandError::WrongType) if is_retry => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// `numkeys key [key ...] <MIN | MAX> [COUNT count]`
#[derive(Clone, Copy)]
pub(super) struct PopFrom<'a> {
    pub(super) keys: Many<'a, Key<'a>>,
    pub(super) order: Order,
    count: i64,
}

impl<'a> Parse<'a> for PopFrom<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let numkeys = parse_i64(words.take()?)
            .filter(|&numkeys| numkeys > 0)
            .ok_or(CommandError::NumKeysNotPositive)?;
        let numkeys = usize::try_from(numkeys).map_err(|_| CommandError::Syntax)?;
        let keys = <Many<'_, Key<'_>> as spinel_family::Field<'_>>::parse(&mut words.split(numkeys)?)?;
        let order = match words.take()? {
            word if is_token(word, "MIN") => Order::Ascending,
            word if is_token(word, "MAX") => Order::Descending,
            _ => return Err(CommandError::Syntax),
        };
        let count = match words.peek() {
            Some(word) if is_token(word, "COUNT") && words.len() >= 2 => {
                words.skip_one();
                parse_i64(words.take()?)
                    .filter(|&count| count > 0)
                    .ok_or(CommandError::text("ERR count should be greater than 0"))?
            }
            _ => 1,
        };
        if !words.is_empty() {
            return Err(CommandError::Syntax);
        }
        Ok(Self { keys, order, count })
    }
}

impl PopFrom<'_> {
    /// How many members are popped from a set of `len`.
    pub(super) fn count(&self, len: usize) -> usize {
        usize::try_from(self.count).map_or(len, |count| count.min(len))
    }

    /// Pops from the first key that is ready; false if none is.
    pub(super) fn pop(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<bool, CommandError> {
        let Some((key, len)) = first_ready(cx, WaitKeys::Many(self.keys))? else { return Ok(false) };
        let count = self.count(len);
        out.array(2);
        out.bulk(key.bytes);
        out.array(count);
        cx.again(|cx| pop(cx, key, self.order, count, true, out));
        propagate_pop(cx, key, self.order, Some(count));
        Ok(true)
    }
}
