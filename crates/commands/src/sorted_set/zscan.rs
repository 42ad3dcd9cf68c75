//! `ZSCAN key cursor [MATCH pattern] [COUNT count]`

use spinel_family::spec::ArgKind;
use spinel_family::{
    Command, CommandError, Encoder, Field, Key, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::value::SortedSet;
use spinel_structs::glob;

use super::arguments::{COUNT, key, option, word};
use crate::generic::scan::{Count, Cursor};

/// Members to look at if `COUNT` does not say.
const DEFAULT_COUNT: usize = 10;
/// Buckets to look at for each member wanted, before giving back fewer.
const BUCKETS_PER_MEMBER: usize = 10;

/// Walks through the members of a sorted set and their scores, a few at a time.
#[derive(Command)]
#[command(group = SortedSet, since = "2.8.0", tips("nondeterministic_output"), manual, arity = -3)]
#[command(complexity = "O(1) for a call, O(N) for a whole walk over N members")]
#[command(args = &[
    key("key", 0),
    word("cursor", ArgKind::Integer),
    option("pattern", "MATCH", ArgKind::Pattern),
    COUNT,
])]
pub(super) struct Zscan<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    cursor: Cursor,
    /// Read after the key was looked up, as Redis does.
    options: Words<'a>,
}

impl<'a> Parse<'a> for Zscan<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, cursor: Cursor::parse(words)?, options: words.rest() })
    }
}

struct Options<'a> {
    count: usize,
    /// A pattern that matches everything is none.
    pattern: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn read(mut words: Words<'a>) -> Result<Self, CommandError> {
        let mut options = Self { count: DEFAULT_COUNT, pattern: None };
        while let Ok(word) = words.take() {
            if is_token(word, "COUNT") {
                options.count = Count::parse(&mut words)?.0;
            } else if is_token(word, "MATCH") {
                options.pattern = Some(words.take()?).filter(|&pattern| pattern != b"*");
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }
}

impl Query for Zscan<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let Some(spinel_store::ValueRef::SortedSet(zset)) = cx.peek(self.key).map(spinel_store::Entry::value)
        else {
            return 0;
        };
        Options::read(self.options).map_or(0, |options| options.count.min(zset.len()))
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(zset) = cx.read::<SortedSet>(self.key)? else {
            out.array(2);
            out.bulk(b"0");
            out.array(0);
            return Ok(());
        };
        let options = Options::read(self.options)?;
        let mut page = Encoder::new(out.protocol());
        let (mut gathered, mut seen, mut text) = (0, 0, Vec::new());
        let mut cursor = self.cursor.0;
        for _ in 0..options.count.saturating_mul(BUCKETS_PER_MEMBER) {
            cursor = zset.scan(cursor, |member, score| {
                seen += 1;
                if options.pattern.is_none_or(|pattern| glob::matches(pattern, member, false)) {
                    text.clear();
                    zset.write_scan_score(score, &mut text);
                    page.bulk(member);
                    page.bulk(&text);
                    gathered += 1;
                }
            });
            if cursor == 0 || seen >= options.count {
                break;
            }
        }
        out.array(2);
        out.bulk_integer(cursor as i64);
        out.array(gathered * 2);
        out.extend_raw(page.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::testing::Server;

    #[test]
    fn a_walk_passes_every_member_with_its_score() {
        for members in [50, 2000] {
            let mut server = Server::new();
            (0..members).for_each(|i| drop(server.run(&format!("ZADD k {i}.5 m{i}"))));
            let (mut cursor, mut seen, mut calls) = ("0".to_owned(), HashSet::new(), 0);
            loop {
                let reply = server.run(&format!("ZSCAN k {cursor} COUNT 100"));
                let lines: Vec<&str> = reply.split("\r\n").collect();
                for pair in lines[4..].chunks_exact(4) {
                    assert_eq!(pair[3], format!("{}.5", &pair[1][1..]));
                    seen.insert(pair[1].to_owned());
                }
                calls += 1;
                cursor = lines[2].to_owned();
                if cursor == "0" {
                    break;
                }
            }
            assert_eq!(seen.len(), members);
            assert_eq!(calls == 1, members == 50);
        }
    }

    #[test]
    fn a_missing_key_is_answered_before_the_options_are_read() {
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b");
        assert_eq!(server.run("ZSCAN none 0 FOO"), "*2\r\n$1\r\n0\r\n*0\r\n");
        assert_eq!(server.run("ZSCAN none x"), "-ERR invalid cursor\r\n");
        assert_eq!(server.run("ZSCAN k 0 COUNT 0"), "-ERR syntax error\r\n");
        assert_eq!(server.run("ZSCAN k 0 MATCH"), "-ERR syntax error\r\n");
        assert_eq!(server.run("ZSCAN k 0 MATCH b*"), "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    }
}
