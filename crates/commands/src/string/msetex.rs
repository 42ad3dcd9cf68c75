//! `MSETEX numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL]`

use spinel_family::spec::{ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape};
use spinel_family::{
    Choice, Command, CommandError, Encoder, Field, Key, Parse, Reply, Update, UpdateContext, Words, choose,
};
use spinel_store::Keep;
use spinel_structs::number::parse_i64;

use super::mset::KeyValue;
use super::set::{Expiration, store};

/// Keys and values of a pair.
const PAIR_WORDS: usize = 2;

const KEYS: &[KeySpec] = &[KeySpec {
    flags: KeyFlags::OW.with(KeyFlags::UPDATE),
    begin: Begin::Index(1),
    find: Find::KeyNum { at: 0, first: 1, step: 2 },
    notes: "",
}];
const ARGS: &[ArgSpec] = &[
    Shape::word(ArgKind::Integer).arg("numkeys", ""),
    Shape {
        children: &[
            ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") },
            Shape::word(ArgKind::String).arg("value", ""),
        ],
        ..Shape::word(ArgKind::Block)
    }
    .repeated()
    .arg("data", ""),
    ArgSpec { ..<Condition as Choice<'static>>::SHAPE.or_absent().arg("condition", "") },
    ArgSpec { ..<Expiration<'static> as Choice<'static>>::SHAPE.or_absent().arg("expiration", "") },
];

/// Whether all keys must be missing, or all be there.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
enum Condition {
    #[arg(token = "NX")]
    Nx,
    #[arg(token = "XX")]
    Xx,
}

/// Stores several strings at once, perhaps with one expiry for all and if none or all of the keys exist.
#[derive(Command)]
#[command(group = String, since = "8.4.0", complexity = "O(N) for N keys", flags(denyoom, movablekeys))]
#[command(manual, arity = -4, keys = KEYS, args = ARGS)]
pub(super) struct Msetex<'a> {
    pairs: Words<'a>,
    condition: Option<Condition>,
    expiration: Option<Expiration<'a>>,
}

impl<'a> Parse<'a> for Msetex<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let count = parse_i64(words.take()?).and_then(|count| i32::try_from(count).ok());
        let count = count.and_then(|count| usize::try_from(count).ok()).filter(|&count| count > 0);
        let count = count.ok_or(CommandError::text("ERR invalid numkeys value or out of range"))?;
        let pairs = words.split(count * PAIR_WORDS)?;
        let (mut condition, mut expiration) = (None, None);
        while let Some(word) = words.peek() {
            if let Some(chosen) = Condition::take(word, words)? {
                choose(&mut condition, chosen)?;
            } else if expiration.is_none() {
                expiration = Some(Expiration::take(word, words)?.ok_or(CommandError::Syntax)?);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(Self { pairs, condition, expiration })
    }
}

impl<'a> Msetex<'a> {
    fn each(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        let mut words = self.pairs;
        std::iter::from_fn(move || KeyValue::parse(&mut words).ok())
    }
}

impl Update for Msetex<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let keep = match &self.expiration {
            Some(expiration) => expiration.resolve(cx.now(), "msetex")?,
            None => Keep::Replace(None),
        };
        if let Some(condition) = self.condition {
            let mut is_met = |key: Key<'_>| cx.find_mut(key).is_some() == (condition == Condition::Xx);
            if !self.each().all(|pair| is_met(pair.key)) {
                out.integer(0);
                return Ok(());
            }
        }
        for KeyValue { key, value } in self.each() {
            store(cx, key, value, keep);
            match keep {
                // Storing has told when the key expires.
                Keep::Replace(Some(_)) => {}
                Keep::Replace(None) => cx.propagate_as([b"SET", key.bytes, value]),
                Keep::Expiry => cx.propagate_as([b"SET", key.bytes, value, b"KEEPTTL"]),
            }
        }
        out.integer(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn all_are_stored_or_none() {
        let mut server = Server::new();
        assert_eq!(server.run("MSETEX 2 a 1 b 2"), ":1\r\n");
        assert_eq!(server.propagated(), ["SET a 1", "SET b 2"]);
        assert_eq!(server.run("MSETEX 2 a 5 c 5 NX"), ":0\r\n");
        assert_eq!(server.run("MSETEX 2 a 5 c 5 XX"), ":0\r\n");
        assert_eq!(server.run("MSETEX 2 a 3 b 4 PX 100 XX"), ":1\r\n");
        assert_eq!(server.propagated(), ["SET a 3 PXAT 1700000000100", "SET b 4 PXAT 1700000000100"]);
        assert_eq!(server.event_names(), ["set", "expire", "set", "expire"]);
        assert_eq!(server.run("MSETEX 1 a 5 KEEPTTL"), ":1\r\n");
        assert_eq!(server.run("PTTL a"), ":100\r\n");
    }

    #[test]
    fn errors_are_those_of_valkey() {
        let mut server = Server::new();
        for (line, error) in [
            ("MSETEX 0 a 1", "invalid numkeys value or out of range"),
            ("MSETEX x a 1", "invalid numkeys value or out of range"),
            ("MSETEX 2147483648 a 1", "invalid numkeys value or out of range"),
            ("MSETEX 2 a 1", "syntax error"),
            ("MSETEX 1 a 1 b 2", "syntax error"),
            ("MSETEX 1 a 1 NX XX", "syntax error"),
            ("MSETEX 1 a 1 EX 10 PX 20", "syntax error"),
            ("MSETEX 1 a 1 EX 10 KEEPTTL", "syntax error"),
            ("MSETEX 1 a 1 EX", "syntax error"),
            ("MSETEX 1 a 1 EX 0", "invalid expire time in 'msetex' command"),
            ("MSETEX 1 a 1 EX x", "value is not an integer or out of range"),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
        assert_eq!(server.run("MSETEX 1 a 1 nx NX"), ":1\r\n");
    }
}
