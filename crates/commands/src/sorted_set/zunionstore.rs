//! `ZUNIONSTORE`, `ZINTERSTORE`, `ZDIFFSTORE destination numkeys key [key ...] [WEIGHTS ...] [AGGREGATE ...]`

use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, QueryContext, Reply, Update, UpdateContext, Words,
};
use spinel_store::value::SortedSet;

use super::combine::{Allowed, Inputs, Operation};
use super::store::store_result;
use super::zunion::{AGGREGATE, WEIGHTS};
use crate::arguments::{NUMKEYS, READ, STORE, counted_at, key, key_at, keys};

/// Stores the union of sorted sets.
#[derive(Command)]
#[command(group = SortedSet, since = "2.0.0", flags(denyoom, movablekeys), manual, arity = -4)]
#[command(
    complexity = "O(N)+O(M*log(M)), N being the sum of the sizes of the sets and M the size of the union"
)]
#[command(keys = &[key_at(1, STORE), counted_at(2, READ)])]
#[command(args = &[key("destination", 0), NUMKEYS, keys(1), WEIGHTS, AGGREGATE])]
pub(super) struct Zunionstore<'a> {
    destination: Key<'a>,
    inputs: Inputs<'a>,
}

/// Stores the intersection of sorted sets.
#[derive(Command)]
#[command(group = SortedSet, since = "2.0.0", flags(denyoom, movablekeys), manual, arity = -4)]
#[command(
    complexity = "O(N*K)+O(M*log(M)) for K sets, N being the size of the smallest and M that of the intersection"
)]
#[command(keys = &[key_at(1, STORE), counted_at(2, READ)])]
#[command(args = &[key("destination", 0), NUMKEYS, keys(1), WEIGHTS, AGGREGATE])]
pub(super) struct Zinterstore<'a> {
    destination: Key<'a>,
    inputs: Inputs<'a>,
}

/// Stores the members of the first of several sorted sets that are in none of the others.
#[derive(Command)]
#[command(group = SortedSet, since = "6.2.0", flags(denyoom, movablekeys), manual, arity = -4)]
#[command(complexity = "O(N*K) for K sets, N being the size of the first")]
#[command(keys = &[key_at(1, STORE), counted_at(2, READ)])]
#[command(args = &[key("destination", 0), NUMKEYS, keys(1)])]
pub(super) struct Zdiffstore<'a> {
    destination: Key<'a>,
    inputs: Inputs<'a>,
}

macro_rules! stored_combinations {
    ($($command:ident: $name:literal, $operation:expr, $weights:literal;)*) => {$(
        impl<'a> Parse<'a> for $command<'a> {
            fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
                Ok(Self { destination: words.key()?, inputs: Inputs::parse(words, $name)? })
            }
        }

        impl Update for $command<'_> {
            fn cost(&self, cx: &QueryContext<'_>) -> usize {
                self.inputs.cost(cx, $operation)
            }

            fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
                let allowed = Allowed { weights: $weights, scores: false, limit: false };
                let members = self.inputs.open(cx, allowed)?.compute($operation);
                let result = SortedSet::from_ascending(&members, &cx.settings().encodings, cx.hash_key());
                // The names of the events are those of the commands.
                store_result(cx, self.destination, result, $name, out);
                Ok(())
            }
        }
    )*};
}

stored_combinations! {
    Zunionstore: "zunionstore", Operation::Union, true;
    Zinterstore: "zinterstore", Operation::Intersection, true;
    Zdiffstore: "zdiffstore", Operation::Difference, false;
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_result_replaces_the_destination_even_if_that_is_an_input() {
        let mut server = Server::new();
        server.run("ZADD a 1 x 2 y");
        server.run("ZADD b 2 y");
        server.run("PEXPIRE b 1000");
        assert_eq!(server.run("ZUNIONSTORE b 2 a b WEIGHTS 1 10"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["zunionstore"], 1));
        assert_eq!(
            server.run("ZRANGE b 0 -1 WITHSCORES"),
            "*4\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\ny\r\n$2\r\n22\r\n"
        );
        assert_eq!(server.run("PTTL b"), ":-1\r\n");
        assert_eq!(server.run("ZINTERSTORE b 2 a none"), ":0\r\n");
        assert_eq!(server.event_names(), ["keymiss", "del"]);
        assert_eq!(server.run("ZDIFFSTORE b 1 a"), ":2\r\n");
        assert_eq!(server.run("ZDIFFSTORE b 1 a WITHSCORES"), "-ERR syntax error\r\n");
    }

    #[test]
    fn a_result_is_small_when_it_fits_whatever_the_inputs_are() {
        let mut server = Server::new();
        server.settings.encodings.zset_max_listpack_entries = 2;
        server.run("ZADD a 1 x 2 y 3 z");
        assert_eq!(server.run("OBJECT ENCODING a"), "$8\r\nskiplist\r\n");
        server.run("ZADD b 1 x");
        server.run("ZINTERSTORE c 2 a b");
        assert_eq!(server.run("OBJECT ENCODING c"), "$8\r\nlistpack\r\n");
        server.run("ZUNIONSTORE c 2 a b");
        assert_eq!(server.run("OBJECT ENCODING c"), "$8\r\nskiplist\r\n");
    }
}
