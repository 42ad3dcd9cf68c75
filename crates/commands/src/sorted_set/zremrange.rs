//! `ZREMRANGEBYRANK key start stop`, `ZREMRANGEBYSCORE key min max`, `ZREMRANGEBYLEX key min max`

use spinel_family::spec::ArgKind;
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, QueryContext, Reply, Update, UpdateContext, Words,
};
use spinel_store::value::SortedSet;
use spinel_store::{OwnedValue, ValueRef};
use spinel_structs::sorted_set::Order;

use super::span::Span;
use crate::arguments::{key, word};

/// Removes the members of a sorted set between two places; answers how many.
#[derive(Command)]
#[command(group = SortedSet, since = "2.0.0", manual, arity = 4)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M the number of members removed")]
#[command(args = &[key("key", 0), word("start", ArgKind::Integer), word("stop", ArgKind::Integer)])]
pub(super) struct Zremrangebyrank<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    span: Span<'a>,
}

/// Removes the members of a sorted set between two scores; answers how many.
#[derive(Command)]
#[command(group = SortedSet, since = "1.2.0", manual, arity = 4)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M the number of members removed")]
#[command(args = &[key("key", 0), word("min", ArgKind::Double), word("max", ArgKind::Double)])]
pub(super) struct Zremrangebyscore<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    span: Span<'a>,
}

/// Removes the members of a sorted set of equal scores between two members; answers how many.
#[derive(Command)]
#[command(group = SortedSet, since = "2.8.9", manual, arity = 4)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M the number of members removed")]
#[command(args = &[key("key", 0), word("min", ArgKind::String), word("max", ArgKind::String)])]
pub(super) struct Zremrangebylex<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    span: Span<'a>,
}

/// The three commands differ in how they read their span and in the name of their event.
macro_rules! removals {
    ($($command:ident: $read:path, $event:literal;)*) => {$(
        impl<'a> Parse<'a> for $command<'a> {
            fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
                Ok(Self { key: words.key()?, span: $read(words.take()?, words.take()?)? })
            }
        }

        impl Update for $command<'_> {
            fn cost(&self, cx: &QueryContext<'_>) -> usize {
                cost(cx, self.key, self.span)
            }

            fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
                remove(cx, self.key, self.span, $event, out)
            }
        }
    )*};
}

removals! {
    Zremrangebyrank: Span::ranks, "zremrangebyrank";
    Zremrangebyscore: Span::scores, "zremrangebyscore";
    Zremrangebylex: Span::lex, "zremrangebylex";
}

fn cost(cx: &QueryContext<'_>, key: Key<'_>, span: Span<'_>) -> usize {
    let Some(ValueRef::SortedSet(zset)) = cx.peek(key).map(spinel_store::Entry::value) else { return 0 };
    SortedSet::removal_cost(zset.len(), span.of(zset, Order::Ascending).len())
}

fn remove(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    span: Span<'_>,
    event: &'static str,
    out: &mut Encoder,
) -> Reply {
    let (mut removed, mut whole) = (0, false);
    if let Some(zset) = cx.write::<SortedSet>(key)? {
        let ranks = span.of(zset, Order::Ascending);
        (removed, whole) = (ranks.len(), ranks.len() == zset.len());
        // A set that goes as a whole is freed elsewhere.
        if !whole && let Some(gone) = zset.remove_ranks(ranks) {
            cx.discard(OwnedValue::SortedSet(Box::new(gone)));
        }
    }
    if removed > 0 {
        cx.touch_watchers(key);
        cx.notify(EventClass::SortedSet, event, key);
        if whole {
            cx.remove(key);
            cx.notify(EventClass::Generic, "del", key);
        }
        cx.add_dirty(removed);
    }
    out.integer(removed as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_large_part_that_goes_is_freed_elsewhere() {
        let mut server = Server::new();
        let pairs: String = (0..200).map(|n| format!(" {n} m{n}")).collect();
        server.run(&format!("ZADD k{pairs}"));
        assert_eq!(server.run("ZREMRANGEBYSCORE k 5 (198"), ":193\r\n");
        assert_eq!((server.effects.dirty, server.effects.garbage.len()), (193, 1));
        assert_eq!(server.run("ZRANGE k 4 5"), "*2\r\n$2\r\nm4\r\n$4\r\nm198\r\n");
        assert_eq!(server.run("ZRANK k m199"), ":6\r\n");
        assert_eq!(server.run("OBJECT ENCODING k"), "$8\r\nskiplist\r\n");
    }

    #[test]
    fn removing_everything_removes_the_key() {
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b 3 c 4 d");
        assert_eq!(server.run("ZREMRANGEBYRANK k -1 9"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["zremrangebyrank"], 1));
        assert_eq!(server.run("ZREMRANGEBYSCORE k 7 9"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        assert_eq!(server.run("ZREMRANGEBYSCORE k -inf (2"), ":1\r\n");
        assert_eq!(server.run("ZREMRANGEBYLEX k - +"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["zremrangebylex", "del"], 2));
        assert_eq!(server.run("EXISTS k"), ":0\r\n");
        server.run("SET s x");
        assert_eq!(server.run("ZREMRANGEBYRANK s x 1"), "-ERR value is not an integer or out of range\r\n");
        assert!(server.run("ZREMRANGEBYRANK s 0 1").starts_with("-WRONGTYPE"));
    }
}
