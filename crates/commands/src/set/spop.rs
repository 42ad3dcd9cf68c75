//! `SPOP key [count]`
//!
//! The journal records what was taken, since it was chance: `SREM` with the members, or `DEL` if that was all.

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Field, Key, Lazy, QueryContext, Reply, Update, UpdateContext,
    Words,
};
use spinel_store::OwnedValue;
use spinel_store::value::Set;
use spinel_structs::number;

use super::result::reply_members;
use crate::collection::{elements_of, reply_element};

/// Members one recorded `SREM` removes at most.
const RECORDED_AT_ONCE: usize = 1024;

/// Takes members out of a set at random: one, or some as an array.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", complexity = "O(N) for N members taken", flags(fast))]
#[command(tips("nondeterministic_output"), history = &[("3.2.0", "The argument `count`.")])]
pub(super) struct Spop<'a> {
    #[key(rw, access, delete)]
    key: Key<'a>,
    #[arg(trailing, since = "3.2.0")]
    count: Option<Lazy<'a, PopCount>>,
}

/// How many members to take.
#[derive(Clone, Copy)]
struct PopCount(usize);

impl<'a> Field<'a> for PopCount {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let count = number::parse_i64(words.take()?).and_then(|count| usize::try_from(count).ok());
        count.map(Self).ok_or(CommandError::NotPositive)
    }
}

impl Update for Spop<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let Some(Ok(PopCount(count))) = self.count.map(|count| count.get()) else { return 0 };
        count.min(elements_of(cx, self.key))
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        match self.count {
            None => self.take_one(cx, out),
            Some(count) => self.take_some(cx, count.get()?.0, out),
        }
    }
}

impl Spop<'_> {
    fn take_one(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let mut rng = cx.chance();
        let taken = cx.write::<Set>(self.key)?.and_then(|set| set.take_random(&mut rng));
        let Some(taken) = taken else {
            out.null();
            return Ok(());
        };
        cx.changed(self.key, EventClass::Set, "spop");
        taken.text().with_bytes(|member| cx.propagate_as([b"SREM", self.key.bytes, member]));
        cx.remove_if_empty::<Set>(self.key);
        reply_element(out, taken.text());
        Ok(())
    }

    fn take_some(&self, cx: &mut UpdateContext<'_>, count: usize, out: &mut Encoder) -> Reply {
        let (limits, mut rng) = (&cx.settings().encodings, cx.chance());
        let is_recorded = cx.is_recorded();
        let Some(set) = cx.write::<Set>(self.key)?.filter(|_| count > 0) else {
            out.set(0);
            return Ok(());
        };
        if count >= set.len() {
            return self.take_all(cx, out);
        }
        let mut recorded: Vec<Vec<u8>> = Vec::with_capacity(if is_recorded { count } else { 0 });
        out.set(count);
        let rest = set.take_sample(count, &mut rng, limits, |member| {
            if is_recorded {
                recorded.push(member.to_vec());
            }
            reply_element(out, member);
        });
        if let Some(rest) = rest {
            cx.effects().garbage.push(OwnedValue::Set(Box::new(rest)));
        }
        for members in recorded.chunks(RECORDED_AT_ONCE) {
            let words = [&b"SREM"[..], self.key.bytes].into_iter();
            cx.propagate_as(words.chain(members.iter().map(Vec::as_slice)));
        }
        cx.touch_watchers(self.key);
        cx.notify(EventClass::Set, "spop", self.key);
        cx.add_dirty(count);
        Ok(())
    }

    /// Takes all members of an existing set, and with them the key.
    fn take_all(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let set = cx.write::<Set>(self.key)?.map(|set| &*set);
        let members = set.map_or(0, Set::len);
        reply_members(out, set);
        cx.touch_watchers(self.key);
        cx.notify(EventClass::Set, "spop", self.key);
        cx.remove(self.key);
        cx.notify(EventClass::Generic, "del", self.key);
        cx.propagate_as([b"DEL", self.key.bytes]);
        cx.add_dirty(members);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;
    use spinel_family::Protocol;

    #[test]
    fn the_count_is_understood_before_the_key_and_after_the_number_of_words() {
        let mut server = Server::new();
        server.run("SET t 1");
        assert_eq!(server.run("SPOP t x y"), "-ERR syntax error\r\n");
        for count in ["x", "-1", "9223372036854775808"] {
            let reply = server.run(&format!("SPOP t {count}"));
            assert_eq!(reply, "-ERR value is out of range, must be positive\r\n");
        }
        assert!(server.run("SPOP t 0").starts_with("-WRONGTYPE"));
        assert!(server.run("SPOP t").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("SPOP s"), "$-1\r\n");
        assert_eq!(server.run("SPOP s 3"), "*0\r\n");
        server.run("SADD s 1");
        assert_eq!(server.run("SPOP s 0"), "*0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
    }

    #[test]
    fn one_member_is_recorded_as_removed() {
        let mut server = Server::new();
        server.run("SADD s a");
        assert_eq!(server.run("SPOP s"), "$1\r\na\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["spop", "del"], 1));
        assert_eq!(server.propagated(), ["SREM s a"]);
        assert_eq!(server.run("EXISTS s"), ":0\r\n");
    }

    #[test]
    fn all_members_are_recorded_as_the_key() {
        let mut server = Server::new();
        server.run("SADD s 1 2 3");
        server.protocol = Protocol::Resp3;
        assert_eq!(server.run("SPOP s 9"), "~3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["spop", "del"], 3));
        assert_eq!(server.propagated(), ["DEL s"]);
        assert_eq!(server.run("EXISTS s"), ":0\r\n");
    }

    #[test]
    fn what_is_recorded_is_what_was_taken() {
        for (prefix, count) in [("", 10), ("x", 10), ("x", 95)] {
            let mut server = Server::new();
            for i in 0..100 {
                server.run(&format!("SADD s {prefix}{i}"));
                server.run(&format!("SADD t {prefix}{i}"));
            }
            let reply = server.run(&format!("SPOP s {count}"));
            assert!(reply.starts_with(&format!("*{count}\r\n")));
            assert_eq!((server.event_names(), server.effects.dirty), (vec!["spop"], count));
            let records = server.propagated();
            assert_eq!(records.len(), 1);
            server.run(&records[0].replace("SREM s", "SREM t"));
            assert_eq!(server.run("SCARD t"), format!(":{}\r\n", 100 - count));
            assert_eq!(server.run("SDIFF s t"), "*0\r\n");
        }
    }

    #[test]
    fn long_records_are_cut() {
        let mut server = Server::new();
        (0..3000).for_each(|i| drop(server.run(&format!("SADD s x{i}"))));
        server.run("SPOP s 2100");
        let lengths: Vec<usize> =
            server.propagated().iter().map(|record| record.split(' ').count() - 2).collect();
        assert_eq!(lengths, [1024, 1024, 52]);
        assert_eq!(server.run("SCARD s"), ":900\r\n");
    }
}
