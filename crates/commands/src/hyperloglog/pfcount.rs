//! `PFCOUNT key [key ...]`

use spinel_family::{
    Command, CommandError, Encoder, Field as _, Key, Many, Parse, QueryContext, Reply, Update, UpdateContext,
    Words,
    spec::{ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape},
};
use spinel_structs::hyperloglog::{Registers, cached, count, set_cached};

use super::{REGISTERS_COST, check, corrupt, write};

const KEYS: &[KeySpec] = &[KeySpec {
    flags: KeyFlags::RW.with(KeyFlags::ACCESS),
    begin: Begin::Index(1),
    find: Find::Range { last: -1, step: 1, limit: 0 },
    notes: "RW because it may change the internal representation of the key, and propagate to replicas",
}];

const ARGS: &[ArgSpec] =
    &[ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).repeated().arg("key", "") }];

/// Answers about how many different elements one HyperLogLog, or several together, have counted.
#[derive(Command)]
#[command(group = Hyperloglog, since = "2.8.9", flags(readonly, may_replicate), manual, arity = -2, keys = KEYS, args = ARGS)]
#[command(complexity = "O(1) for one key whose estimate is known, O(N) for N keys")]
pub(super) struct Pfcount<'a> {
    keys: Many<'a, Key<'a>>,
}

impl<'a> Parse<'a> for Pfcount<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { keys: Many::parse(words)? })
    }
}

impl Update for Pfcount<'_> {
    fn cost(&self, _: &QueryContext<'_>) -> usize {
        if self.keys.len() == 1 { 1 } else { self.keys.len() * REGISTERS_COST }
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let mut keys = self.keys.keys();
        let first = keys.next().expect("the grammar wants one");
        let cardinality =
            if keys.next().is_none() { count_one(cx, first)? } else { count_all(cx.as_query(), &self.keys)? };
        out.integer(cardinality as i64);
        Ok(())
    }
}

/// The estimate is kept in the value. That is no change: whoever has the value without it computes the same.
fn count_one(cx: &mut UpdateContext<'_>, key: Key<'_>) -> Result<u64, CommandError> {
    let Some(text) = cx.as_query().text(key)? else { return Ok(0) };
    let bytes = check(text)?;
    if let Some(cardinality) = cached(bytes) {
        return Ok(cardinality);
    }
    let cardinality = count(bytes).map_err(corrupt)?;
    cx.again(|cx| {
        if let Some(bytes) = write(cx, key)? {
            set_cached(bytes, cardinality);
        }
        Ok(cardinality)
    })
}

fn count_all(cx: &QueryContext<'_>, keys: &Many<'_, Key<'_>>) -> Result<u64, CommandError> {
    let mut registers = Registers::default();
    for key in keys.keys() {
        if let Some(text) = cx.text(key)? {
            registers.merge(check(text)?).map_err(corrupt)?;
        }
    }
    Ok(registers.count())
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn the_estimate_is_kept_until_something_new_is_counted() {
        let mut server = Server::new();
        assert_eq!(server.run("PFADD h a b c"), ":1\r\n");
        assert_eq!(server.event_names(), ["new", "pfadd"]);
        assert_eq!(server.effects.dirty, 4);
        assert_eq!(server.run("PFCOUNT h"), ":3\r\n");
        assert_eq!(server.effects.dirty, 0);
        assert_eq!(server.run("GETRANGE h 8 15"), "$8\r\n\u{3}\0\0\0\0\0\0\0\r\n");
        assert_eq!(server.run("PFADD h a"), ":0\r\n");
        assert_eq!(server.run("PFADD h d"), ":1\r\n");
        assert_eq!(server.run("PFCOUNT h"), ":4\r\n");
        assert_eq!(server.run("PFADD empty"), ":1\r\n");
        assert_eq!(server.run("PFADD empty"), ":0\r\n");
        assert_eq!(server.run("PFCOUNT empty nothing h"), ":4\r\n");
        assert_eq!(server.run("PFCOUNT nothing"), ":0\r\n");
    }

    #[test]
    fn what_is_no_hyperloglog_is_refused() {
        let mut server = Server::new();
        server.run("MSET a text n 7 short HYLL");
        server.run("RPUSH list x");
        let none = "-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n";
        for line in ["PFCOUNT a", "PFADD n x", "PFMERGE h a", "PFCOUNT short h", "PFDEBUG ENCODING a"] {
            assert_eq!(server.run(line), none, "{line}");
        }
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
        assert_eq!(server.run("PFADD list x"), wrong);
        server.run("PFADD h x");
        server.run("SETRANGE h 16 xx");
        let corrupt = "-INVALIDOBJ Corrupted HLL object detected\r\n";
        assert_eq!(server.run("PFCOUNT h"), corrupt);
        assert_eq!(server.run("PFMERGE other h"), corrupt);
        assert_eq!(server.run("EXISTS other"), ":0\r\n");
    }
}
