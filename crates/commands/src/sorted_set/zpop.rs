//! `ZPOPMIN key [count]`, `ZPOPMAX key [count]`

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Field, Key, Parse, Protocol, QueryContext, Reply, Update, UpdateContext,
    Words,
};
use spinel_store::value::SortedSet;
use spinel_structs::number::parse_i64;
use spinel_structs::sorted_set::Order;

use super::pop::pop;
use crate::collection::elements_of;

/// Removes the members with the lowest scores from a sorted set and returns them.
#[derive(Command)]
#[command(group = SortedSet, since = "5.0.0", flags(fast), manual)]
#[command(complexity = "O(log(N)*M), N being the size of the sorted set and M the number of members popped")]
pub(super) struct Zpopmin<'a> {
    #[key(rw, access, delete)]
    key: Key<'a>,
    #[arg(trailing)]
    count: Option<Count>,
}

/// Removes the members with the highest scores from a sorted set and returns them.
#[derive(Command)]
#[command(group = SortedSet, since = "5.0.0", flags(fast), manual)]
#[command(complexity = "O(log(N)*M), N being the size of the sorted set and M the number of members popped")]
pub(super) struct Zpopmax<'a> {
    #[key(rw, access, delete)]
    key: Key<'a>,
    #[arg(trailing)]
    count: Option<Count>,
}

/// How many members to pop.
#[derive(Clone, Copy)]
pub(super) struct Count(usize);

impl<'a> Field<'a> for Count {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let count = parse_i64(words.take()?).and_then(|count| usize::try_from(count).ok());
        count.map(Self).ok_or(CommandError::NotPositive)
    }
}

/// Reads the key and the count; more words than that come before what the count is.
fn parse_words<'a>(words: &mut Words<'a>) -> Result<(Key<'a>, Option<Count>), CommandError> {
    let key = words.key()?;
    match words.len() {
        0 => Ok((key, None)),
        1 => Ok((key, Some(Count::parse(words)?))),
        _ => Err(CommandError::Syntax),
    }
}

macro_rules! pops {
    ($($command:ident: $order:expr;)*) => {$(
        impl<'a> Parse<'a> for $command<'a> {
            fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
                let (key, count) = parse_words(words)?;
                Ok(Self { key, count })
            }
        }

        impl Update for $command<'_> {
            fn cost(&self, cx: &QueryContext<'_>) -> usize {
                let Some(Count(count)) = self.count else { return 0 };
                count.min(elements_of(cx, self.key))
            }

            fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
                reply_popped(cx, self.key, $order, self.count, out)
            }
        }
    )*};
}

pops! {
    Zpopmin: Order::Ascending;
    Zpopmax: Order::Descending;
}

fn reply_popped(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    order: Order,
    count: Option<Count>,
    out: &mut Encoder,
) -> Reply {
    let len = cx.write::<SortedSet>(key)?.map_or(0, |zset| zset.len());
    let wanted = count.map_or(1, |Count(count)| count).min(len);
    if wanted == 0 {
        out.array(0);
        return Ok(());
    }
    let nested = count.is_some() && cx.protocol() != Protocol::Resp2;
    out.array(if nested { wanted } else { wanted * 2 });
    cx.again(|cx| pop(cx, key, order, wanted, nested, out));
    Ok(())
}

#[cfg(test)]
mod tests {
    use spinel_family::Protocol;

    use crate::testing::Server;

    #[test]
    fn a_count_makes_pairs_in_resp3_even_if_it_is_one() {
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b 3 c 4 d 5 e");
        assert_eq!(server.run("ZPOPMIN k"), "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
        assert_eq!(server.run("ZPOPMAX k 1"), "*2\r\n$1\r\ne\r\n$1\r\n5\r\n");
        server.protocol = Protocol::Resp3;
        assert_eq!(server.run("ZPOPMIN k"), "*2\r\n$1\r\nb\r\n,2\r\n");
        assert_eq!(server.run("ZPOPMAX k 9"), "*2\r\n*2\r\n$1\r\nd\r\n,4\r\n*2\r\n$1\r\nc\r\n,3\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["zpopmax", "del"], 2));
    }

    #[test]
    fn a_count_of_zero_pops_nothing_but_looks_at_the_type() {
        let mut server = Server::new();
        server.run("SET s x");
        server.run("ZADD k 1 a");
        assert!(server.run("ZPOPMIN s 0").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("ZPOPMIN k 0"), "*0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        assert_eq!(server.run("ZPOPMIN none"), "*0\r\n");
        assert_eq!(server.run("ZPOPMIN s -1"), "-ERR value is out of range, must be positive\r\n");
        assert_eq!(server.run("ZPOPMIN s x"), "-ERR value is out of range, must be positive\r\n");
        assert_eq!(server.run("ZPOPMIN s x y"), "-ERR syntax error\r\n");
    }
}
