//! `ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]`

use std::borrow::Cow;

use spinel_family::spec::ArgKind;
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, QueryContext, Reply, Update, UpdateContext, Words,
};
use spinel_store::EncodingLimits;
use spinel_store::value::SortedSet;
use spinel_structs::sorted_set::Order;

use super::selection::{Dialect, Selection};
use super::source::to_bytes;
use super::store::store_result;
use super::zrange::SORT_BY;
use crate::arguments::{LIMIT, READ, STORE, key, key_at, token, word};

/// Stores the members of a sorted set between two places, scores or members under another key.
#[derive(Command)]
#[command(group = SortedSet, since = "6.2.0", flags(denyoom), manual, arity = -5)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M that of what is stored")]
#[command(keys = &[key_at(1, STORE), key_at(2, READ)])]
#[command(args = &[
    key("dst", 0),
    key("src", 1),
    word("min", ArgKind::String),
    word("max", ArgKind::String),
    SORT_BY,
    token("rev", "REV"),
    LIMIT,
])]
pub(super) struct Zrangestore<'a> {
    destination: Key<'a>,
    source: Key<'a>,
    selection: Selection<'a>,
}

impl<'a> Parse<'a> for Zrangestore<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (destination, source) = (words.key()?, words.key()?);
        Ok(Self { destination, source, selection: Selection::parse(words, Dialect::Store)? })
    }
}

impl Update for Zrangestore<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.selection.cost(cx, self.source)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let mut members: Vec<(Cow<'_, [u8]>, f64)> = match cx.read::<SortedSet>(self.source)? {
            None => Vec::new(),
            Some(zset) => {
                let members = zset.members(self.selection.ranks(zset), Order::Ascending);
                members.map(|(member, score)| (to_bytes(member), score)).collect()
            }
        };
        self.lose_signs(&mut members, &cx.settings().encodings);
        let result = SortedSet::from_ascending(&members, &cx.settings().encodings, cx.hash_key());
        store_result(cx, self.destination, result, "zrangestore", out);
        Ok(())
    }
}

impl Zrangestore<'_> {
    /// Redis adds the members one by one, first to a listpack, where a zero has no sign. Those that were in it when the
    /// set outgrew it have lost theirs; if it is known beforehand that there are too many, none was.
    fn lose_signs(&self, members: &mut [(Cow<'_, [u8]>, f64)], limits: &EncodingLimits) {
        let most = limits.zset_max_listpack_entries;
        if self.selection.is_counted() && members.len() > most {
            return;
        }
        let lose = |(member, score): &mut (Cow<'_, [u8]>, f64)| {
            let fits = member.len() <= limits.zset_max_listpack_value;
            if fits {
                *score += 0.0;
            }
            fits
        };
        match self.selection.order() {
            Order::Ascending => members.iter_mut().take(most).all(lose),
            Order::Descending => members.iter_mut().rev().take(most).all(lose),
        };
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    /// The replies are those of Redis 7.0.15.
    #[test]
    fn zeros_that_were_in_a_listpack_have_no_sign() {
        let mut server = Server::new();
        server.settings.encodings.zset_max_listpack_entries = 0;
        server.run("ZADD k -0 a -0 bb -0 c -0 dddd -0 e");
        for (entries, range, signs) in [
            (2, "0 -1", "-0 -0 -0 -0 -0"),
            (9, "0 -1", "0 0 0 -0 -0"),
            (9, "0 -1 REV", "-0 -0 -0 -0 0"),
            (2, "-inf +inf BYSCORE", "0 0 -0 -0 -0"),
            (2, "+inf -inf BYSCORE REV", "-0 -0 -0 -0 0"),
            (2, "- + BYLEX LIMIT 0 3", "0 0 -0"),
        ] {
            server.settings.encodings.zset_max_listpack_entries = entries;
            server.settings.encodings.zset_max_listpack_value = 3;
            server.run(&format!("ZRANGESTORE d k {range}"));
            let reply = server.run("ZRANGE d 0 -1 WITHSCORES");
            let scores: Vec<&str> = reply.split("\r\n").skip(4).step_by(4).collect();
            assert_eq!(scores.join(" "), signs, "{entries} {range}");
        }
    }

    #[test]
    fn an_empty_result_removes_the_destination() {
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b 3 c");
        server.run("SET d x");
        assert_eq!(server.run("ZRANGESTORE d k 0 0 REV"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["zrangestore"], 1));
        assert_eq!(server.run("ZRANGE d 0 -1"), "*1\r\n$1\r\nc\r\n");
        assert_eq!(server.run("ZRANGESTORE d k 5 6"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["del"], 1));
        assert_eq!(server.run("ZRANGESTORE d none 0 -1"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["keymiss"], 0));
        assert_eq!(server.run("ZRANGESTORE k k (1 3 BYSCORE"), ":2\r\n");
        assert_eq!(server.run("ZRANGE k 0 -1"), "*2\r\n$1\r\nb\r\n$1\r\nc\r\n");
        assert_eq!(server.run("ZRANGESTORE d k 0 -1 WITHSCORES"), "-ERR syntax error\r\n");
    }
}
