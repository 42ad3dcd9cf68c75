//! `LPOP key [count]`, `RPOP key [count]`, and how elements are taken off the ends of lists.

use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Lazy, QueryContext, Reply, Update, UpdateContext,
};
use spinel_store::{List, ListElement, OwnedValue, Typed};

use super::side::{Side, reply_element};

/// Removes and returns the first element of a list, or the first few.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(N) for N elements returned", flags(fast))]
#[command(excess_is_arity, history = &[("6.2.0", "The argument `count`.")])]
pub(super) struct Lpop<'a> {
    #[key(rw, access, delete)]
    key: Key<'a>,
    #[arg(trailing, since = "6.2.0")]
    count: Option<Lazy<'a, i64>>,
}

impl Update for Lpop<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        cost(cx, self.key, self.count)
    }

    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        run(cx, self.key, Side::Left, self.count, out)
    }
}

/// Removes and returns the last element of a list, or the last few.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(N) for N elements returned", flags(fast))]
#[command(excess_is_arity, history = &[("6.2.0", "The argument `count`.")])]
pub(super) struct Rpop<'a> {
    #[key(rw, access, delete)]
    key: Key<'a>,
    #[arg(trailing, since = "6.2.0")]
    count: Option<Lazy<'a, i64>>,
}

impl Update for Rpop<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        cost(cx, self.key, self.count)
    }

    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        run(cx, self.key, Side::Right, self.count, out)
    }
}

fn cost(cx: &QueryContext<'_>, key: Key<'_>, count: Option<Lazy<'_, i64>>) -> usize {
    let count = count.and_then(|count| usize::try_from(count.get().ok()?).ok());
    count.map_or(1, |count| at_most_all(cx, key, count))
}

/// `count`, or the length of the list if that is less. Small counts are taken as they are, without a look-up.
pub(super) fn at_most_all(cx: &QueryContext<'_>, key: Key<'_>, count: usize) -> usize {
    const NOT_WORTH_A_LOOK_UP: usize = 1024;
    if count <= NOT_WORTH_A_LOOK_UP { count } else { count.min(length(cx, key)) }
}

/// The length of a list; 0 if there is none. Leaves no trace.
pub(super) fn length(cx: &QueryContext<'_>, key: Key<'_>) -> usize {
    cx.peek(key).and_then(|entry| List::of(entry.value())).map_or(0, List::len)
}

fn run(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    side: Side,
    count: Option<Lazy<'_, i64>>,
    out: &mut Encoder,
) -> Reply {
    let Some(count) = count else {
        if !pop_one(cx, key, side, |element| reply_element(element, out))? {
            out.null();
        }
        return Ok(());
    };
    let count = count.get().ok().and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or(CommandError::NotPositive)?;
    if pop_some(cx, key, side, count, out)?.is_none() {
        out.null_array();
    }
    Ok(())
}

/// Takes the element at an end off a list after showing it to `visit`; false if there is no list.
pub(super) fn pop_one(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    side: Side,
    visit: impl FnOnce(ListElement<'_>),
) -> Result<bool, CommandError> {
    let Some(list) = cx.write::<List>(key)? else { return Ok(false) };
    list.pop(side.end(), visit);
    let emptied = list.is_empty();
    popped(cx, key, side, emptied);
    count_popped(cx);
    Ok(true)
}

/// Takes up to `count` elements off an end of a list and replies with an array of them; answers how many they were,
/// or `None`, without a reply, if there is no list.
pub(super) fn pop_some(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    side: Side,
    count: usize,
    out: &mut Encoder,
) -> Result<Option<usize>, CommandError> {
    let Some(list) = cx.write::<List>(key)? else { return Ok(None) };
    let len = list.len();
    let count = count.min(len);
    out.array(count);
    let range = match side {
        Side::Left => 0..count,
        Side::Right => len - count..len,
    };
    let mut elements = list.range(range.clone());
    let next = || match side {
        Side::Left => elements.next(),
        Side::Right => elements.next_back(),
    };
    std::iter::from_fn(next).for_each(|element| reply_element(element, out));
    if count > 0 && count < len {
        let gone = list.detach(range);
        cx.discard(OwnedValue::List(Box::new(gone)));
    }
    if count > 0 {
        popped(cx, key, side, count == len);
        cx.add_dirty(count);
    }
    Ok(Some(count))
}

/// Counts one element taken off as a change. As in Redis, one for a client that waited for it counts only as it arrives.
pub(super) fn count_popped(cx: &mut UpdateContext<'_>) {
    if !cx.is_retry() {
        cx.add_dirty(1);
    }
}

/// The traces of elements that were taken off an end, but for the count of changes. A list that is done with is removed.
pub(super) fn popped(cx: &mut UpdateContext<'_>, key: Key<'_>, side: Side, emptied: bool) {
    cx.touch_watchers(key);
    cx.notify(EventClass::List, side.pop_event(), key);
    remove_emptied(cx, key, emptied);
}

/// Removes a list that lost its last element.
pub(super) fn remove_emptied(cx: &mut UpdateContext<'_>, key: Key<'_>, emptied: bool) {
    if emptied {
        cx.remove(key);
        cx.notify(EventClass::Generic, "del", key);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_bad_count_is_found_before_the_key_is_looked_up() {
        let mut server = Server::new();
        server.run("SET s x");
        for count in ["x", "-1", "9223372036854775808"] {
            let reply = server.run(&format!("LPOP s {count}"));
            assert_eq!(reply, "-ERR value is out of range, must be positive\r\n", "{count}");
        }
        assert!(server.run("LPOP s 0").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("RPOP s 1 2"), "-ERR wrong number of arguments for 'rpop' command\r\n");
    }

    #[test]
    fn a_count_decides_what_a_missing_list_is() {
        let mut server = Server::new();
        assert_eq!(server.run("LPOP none"), "$-1\r\n");
        assert_eq!(server.run("LPOP none 0"), "*-1\r\n");
        server.run("RPUSH l a");
        assert_eq!(server.run("LPOP l 0"), "*0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
    }

    #[test]
    fn elements_come_in_the_order_they_are_taken() {
        let mut server = Server::new();
        server.run("RPUSH l a b c d");
        assert_eq!(server.run("RPOP l 2"), "*2\r\n$1\r\nd\r\n$1\r\nc\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["rpop"], 2));
        assert_eq!(server.run("LPOP l"), "$1\r\na\r\n");
        let flag = server.watch("l");
        assert_eq!(server.run("LPOP l 9"), "*1\r\n$1\r\nb\r\n");
        assert!(flag.is_raised());
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["lpop", "del"], 1));
        assert_eq!(server.run("EXISTS l"), ":0\r\n");
    }
}
