//! `SUNIONCARD numkeys key [key ...] [APPROX] [LIMIT limit]`, `SDIFFCARD numkeys key [key ...] [LIMIT limit]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Key, Many, Parse, Query, QueryContext, Reply, Words, is_token,
};

use super::result::{sources, total_elements};
use super::sdiff::count_difference;
use super::sintercard::{ARGS, KEYS, read_keys, read_limit};
use super::sunion::count_union;

const UNION_ARGS: &[ArgSpec] =
    &[ARGS[0], ARGS[1], Shape::word(ArgKind::PureToken).or_absent().arg("approx", "APPROX"), ARGS[2]];

/// Returns how many members any of some sets has, counted up to a limit.
///
/// An estimate is asked for in vain: the exact number is one, too.
#[derive(Command)]
#[command(group = Set, since = "8.10.0", complexity = "O(N) for N members of all sets together")]
#[command(manual, arity = -3, keys = KEYS, args = UNION_ARGS)]
pub(super) struct Sunioncard<'a> {
    keys: Many<'a, Key<'a>>,
    limit: usize,
}

/// Returns how many members of the first set none of the others has, counted up to a limit.
#[derive(Command)]
#[command(group = Set, since = "8.10.0", complexity = "O(N) for N members of all sets together")]
#[command(manual, arity = -3, keys = KEYS, args = ARGS)]
pub(super) struct Sdiffcard<'a> {
    keys: Many<'a, Key<'a>>,
    limit: usize,
}

/// Reads the options; no limit is the largest.
fn read_options(words: &mut Words<'_>, may_approximate: bool) -> Result<usize, CommandError> {
    let mut limit = 0;
    while let Ok(option) = words.take() {
        if is_token(option, "LIMIT") {
            limit = read_limit(words)?;
        } else if !(may_approximate && is_token(option, "APPROX")) {
            return Err(CommandError::Syntax);
        }
    }
    Ok(if limit == 0 { usize::MAX } else { limit })
}

impl<'a> Parse<'a> for Sunioncard<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { keys: read_keys(words)?, limit: read_options(words, true)? })
    }
}

impl<'a> Parse<'a> for Sdiffcard<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { keys: read_keys(words)?, limit: read_options(words, false)? })
    }
}

impl Query for Sunioncard<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        total_elements(cx, &self.keys)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.integer(count_union(cx, &sources(cx, &self.keys)?, self.limit) as i64);
        Ok(())
    }
}

impl Query for Sdiffcard<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        total_elements(cx, &self.keys)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.integer(count_difference(cx, &sources(cx, &self.keys)?).min(self.limit) as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn unions_and_differences_are_counted_without_being_made() {
        let mut server = Server::new();
        server.run("SADD a 1 2 x");
        server.run("SADD b x y");
        for (line, count) in [
            ("SUNIONCARD 2 a b", 4),
            ("SUNIONCARD 2 a b APPROX", 4),
            ("SUNIONCARD 2 a b LIMIT 3", 3),
            ("SUNIONCARD 6 a b a b a b LIMIT 9", 4),
            ("SUNIONCARD 2 a none", 3),
            ("SDIFFCARD 2 a b", 2),
            ("SDIFFCARD 2 a b LIMIT 1", 1),
            ("SDIFFCARD 2 none a", 0),
            ("SDIFFCARD 1 a", 3),
        ] {
            assert_eq!(server.run(line), format!(":{count}\r\n"), "{line}");
        }
        assert_eq!(server.run("SDIFFCARD 1 a APPROX"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SUNIONCARD 0 a"), "-ERR numkeys should be greater than 0\r\n");
        assert_eq!(server.run("SUNIONCARD 1 a LIMIT -1"), "-ERR LIMIT can't be negative\r\n");
    }
}
