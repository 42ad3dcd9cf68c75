//! `SINTERCARD numkeys key [key ...] [LIMIT limit]`

use spinel_family::spec::{ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Field, Key, Many, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_structs::number;

use super::result::sources;
use super::sinter::{intersect, most_comparisons};

/// Returns how many members all of some sets have, counted up to a limit.
#[derive(Command)]
#[command(group = Set, since = "7.0.0")]
#[command(complexity = "O(N*M) for M sets, the smallest of which has N members")]
#[command(manual, arity = -3, keys = KEYS, args = ARGS)]
pub(super) struct Sintercard<'a> {
    keys: Many<'a, Key<'a>>,
    /// 0 for none.
    limit: usize,
}

pub(super) const KEYS: &[KeySpec] = &[KeySpec {
    flags: KeyFlags::RO.with(KeyFlags::ACCESS),
    begin: Begin::Index(1),
    find: Find::KeyNum { at: 0, first: 1, step: 1 },
    notes: "",
}];

pub(super) const ARGS: &[ArgSpec] = &[
    Shape::word(ArgKind::Integer).arg("numkeys", ""),
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).repeated().arg("key", "") },
    Shape::word(ArgKind::Integer).or_absent().arg("limit", "LIMIT"),
];

impl<'a> Parse<'a> for Sintercard<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let keys = read_keys(words)?;
        let mut limit = 0;
        while let Ok(option) = words.take() {
            if !is_token(option, "LIMIT") {
                return Err(CommandError::Syntax);
            }
            limit = read_limit(words)?;
        }
        Ok(Self { keys, limit })
    }
}

/// Reads a count of keys and the keys.
pub(super) fn read_keys<'a>(words: &mut Words<'a>) -> Result<Many<'a, Key<'a>>, CommandError> {
    let count = number::parse_i64(words.take()?).filter(|count| *count > 0);
    let count = count.ok_or(CommandError::NumKeysNotPositive)?;
    let mut keys = usize::try_from(count)
        .ok()
        .and_then(|count| words.split(count).ok())
        .ok_or(CommandError::text("ERR Number of keys can't be greater than number of args"))?;
    Many::parse(&mut keys)
}

/// Reads the value of `LIMIT`.
pub(super) fn read_limit(words: &mut Words<'_>) -> Result<usize, CommandError> {
    let wanted = number::parse_i64(words.take()?).and_then(|limit| usize::try_from(limit).ok());
    wanted.ok_or(CommandError::text("ERR LIMIT can't be negative"))
}

impl Query for Sintercard<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        most_comparisons(cx, &self.keys)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let mut members = 0;
        intersect(&sources(cx, &self.keys)?, |_| {
            members += 1;
            members != self.limit
        });
        out.integer(members as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn counting_stops_at_the_limit() {
        let mut server = Server::new();
        server.run("SADD a 1 2 3 4");
        server.run("SADD b 2 3 4 x");
        assert_eq!(server.run("SINTERCARD 2 a b"), ":3\r\n");
        assert_eq!(server.run("SINTERCARD 2 a b LIMIT 2"), ":2\r\n");
        assert_eq!(server.run("SINTERCARD 2 a b LIMIT 1 limit 0"), ":3\r\n");
        assert_eq!(server.run("SINTERCARD 2 a nothing"), ":0\r\n");
        assert_eq!(server.run("SINTERCARD 1 a LIMIT 9"), ":4\r\n");
    }

    #[test]
    fn words_are_checked_before_keys() {
        let mut server = Server::new();
        server.run("SET t 1");
        for (line, error) in [
            ("SINTERCARD x t", "numkeys should be greater than 0"),
            ("SINTERCARD 0 t", "numkeys should be greater than 0"),
            ("SINTERCARD 2 t", "Number of keys can't be greater than number of args"),
            ("SINTERCARD 9223372036854775807 t", "Number of keys can't be greater than number of args"),
            ("SINTERCARD 1 t LIMIT", "syntax error"),
            ("SINTERCARD 1 t LIMIT -1", "LIMIT can't be negative"),
            ("SINTERCARD 1 t LIMIT x", "LIMIT can't be negative"),
            ("SINTERCARD 1 t more", "syntax error"),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
        assert!(server.run("SINTERCARD 2 nothing t").starts_with("-WRONGTYPE"));
    }
}
