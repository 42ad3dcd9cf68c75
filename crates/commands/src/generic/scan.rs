//! `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
//!
//! The cursor is the table's own, below 2^31, times the number of shards, plus the shard's number: 0 begins, and 0
//! comes back after the last shard. Each shard keeps the promise of its table, that a key which is there all the
//! time is passed at least once, so the whole keeps it too.

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Field, Pattern, Reply, Sweep, SweepContext, UnixMillis, Words,
};
use spinel_store::{Entry, ShardIndex};
use spinel_structs::number;

use super::keys::matches;

/// Keys to look at if `COUNT` does not say.
const DEFAULT_COUNT: usize = 10;
/// Buckets to look at for each key wanted, before giving back fewer.
const BUCKETS_PER_KEY: usize = 10;
/// Buckets read while a shard is held.
const SLICE_BUCKETS: usize = 1024;

/// Walks through the keys of the database, a few at a time.
#[derive(Command)]
#[command(group = Generic, since = "2.8.0", categories(Keyspace))]
#[command(complexity = "O(1) for a call, O(N) for a whole walk over N keys")]
#[command(tips("nondeterministic_output", "request_policy:special"))]
#[command(history = &[("6.0.0", "The option TYPE.")])]
pub(super) struct Scan<'a> {
    cursor: Cursor,
    #[arg(token = "MATCH")]
    pattern: Option<Pattern<'a>>,
    #[arg(token = "COUNT")]
    count: Option<Count>,
    #[arg(token = "TYPE", since = "6.0.0")]
    r#type: Option<&'a [u8]>,
}

/// A cursor as C's `strtoul` reads it: a sign is fine, and so is nothing at all.
#[derive(Clone, Copy)]
pub(crate) struct Cursor(pub(crate) u64);

impl<'a> Field<'a> for Cursor {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        read_cursor(words.take()?).map(Self).ok_or(CommandError::text("ERR invalid cursor"))
    }
}

fn read_cursor(word: &[u8]) -> Option<u64> {
    let word = word.split(|&byte| byte == 0).next().unwrap_or_default();
    if word.is_empty() {
        return Some(0);
    }
    let (negative, digits) = match word {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { number.wrapping_neg() } else { number })
}

/// How many keys to look at, at least one.
#[derive(Clone, Copy)]
pub(crate) struct Count(pub(crate) usize);

impl<'a> Field<'a> for Count {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let count = number::parse_i64(words.take()?).ok_or(CommandError::NotInteger)?;
        if count < 1 {
            return Err(CommandError::Syntax);
        }
        Ok(Self(usize::try_from(count).unwrap_or(usize::MAX)))
    }
}

/// What one call has gathered.
struct Page {
    keys: Encoder,
    len: usize,
    /// Keys looked at, gathered or not.
    seen: usize,
    /// Buckets that may still be looked at.
    buckets_left: usize,
    expired: Vec<Box<[u8]>>,
}

impl Sweep for Scan<'_> {
    fn sweep(&self, cx: &mut SweepContext<'_>, out: &mut Encoder) -> Reply {
        let count = self.count.map_or(DEFAULT_COUNT, |count| count.0);
        cx.check_cost(count.min(cx.keyspace().count(cx.options().db).0))?;
        let mut page = Page {
            keys: Encoder::new(out.protocol()),
            len: 0,
            seen: 0,
            buckets_left: count.saturating_mul(BUCKETS_PER_KEY),
            expired: Vec::new(),
        };
        let mut cursor = self.cursor.0;
        loop {
            match self.step(cx, cursor, count, &mut page) {
                Ok(next) => cursor = next,
                // What was gathered so far is a whole answer.
                Err(CommandError::Busy(_)) if page.seen > 0 => break,
                Err(error) => return Err(error),
            }
            if cursor == 0 || page.seen >= count || page.buckets_left == 0 {
                break;
            }
        }
        cx.expired.append(&mut page.expired);
        out.array(2);
        out.bulk_integer(cursor as i64);
        out.array(page.len);
        out.extend_raw(page.keys.as_bytes());
        Ok(())
    }
}

impl Scan<'_> {
    /// Looks at some buckets of the cursor's shard; gives the next cursor.
    fn step(
        &self,
        cx: &SweepContext<'_>,
        cursor: u64,
        count: usize,
        page: &mut Page,
    ) -> Result<u64, CommandError> {
        let (db, now) = (cx.options().db, cx.options().now);
        let shards = cx.keyspace().shards() as u64;
        let number = cursor % shards;
        let shard = ShardIndex(number as u16);
        let mut at = 0;
        if cx.keyspace().count_in(shard, db) > 0 {
            at = cx.with_shard(shard, |shard| {
                let mut at = cursor / shards;
                for _ in 0..SLICE_BUCKETS.min(page.buckets_left) {
                    at = shard.db(db).scan(at, |entry| self.visit(entry, now, page)).cursor;
                    page.buckets_left -= 1;
                    if at == 0 || page.seen >= count {
                        break;
                    }
                }
                at
            })?;
        }
        Ok(match at {
            0 if number + 1 == shards => 0,
            0 => number + 1,
            at => at * shards + number,
        })
    }

    fn visit(&self, entry: &Entry, now: UnixMillis, page: &mut Page) {
        page.seen += 1;
        let key = entry.key();
        if self.pattern.is_some_and(|pattern| !matches(pattern.0, key)) {
            return;
        }
        if self.r#type.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(entry.kind().name().as_bytes())) {
            return;
        }
        if entry.is_expired(now) {
            page.expired.push(key.into());
            return;
        }
        page.keys.bulk(key);
        page.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::read_cursor;
    use crate::testing::Server;

    /// Walks through everything; the keys, as often as they came.
    fn walk(server: &mut Server, options: &str, mut between: impl FnMut(&mut Server, usize)) -> Vec<String> {
        let (mut cursor, mut keys, mut calls) = ("0".to_owned(), Vec::new(), 0);
        loop {
            let reply = server.run(&format!("SCAN {cursor}{options}"));
            let lines: Vec<&str> = reply.split("\r\n").collect();
            keys.extend(lines[4..].iter().filter(|line| line.starts_with("key")).map(ToString::to_string));
            cursor = lines[2].to_owned();
            if cursor == "0" {
                return keys;
            }
            calls += 1;
            assert!(calls < 100_000, "the walk comes to an end");
            between(server, calls);
        }
    }

    #[test]
    fn a_walk_passes_every_key_that_stays_however_many_come_and_go() {
        let mut server = Server::new();
        (0..3000).for_each(|i| drop(server.run(&format!("SET key:{i} x"))));
        let keys = walk(&mut server, "", |_, _| {});
        assert_eq!(keys.len(), 3000);
        let keys = walk(&mut server, " COUNT 7", |server, call| {
            for i in 0..20 {
                let i = 1000 + (call * 20 + i) % 2000;
                server.run(&format!("{} key:{i} x", if call < 60 { "DEL" } else { "APPEND" }));
            }
        });
        let unique: HashSet<&String> = keys.iter().collect();
        assert!((0..1000).all(|i| unique.contains(&format!("key:{i}"))));
    }

    #[test]
    fn patterns_types_and_expiries_filter() {
        let mut server = Server::new();
        (0..100).for_each(|i| drop(server.run(&format!("SET key:{i} x"))));
        assert_eq!(walk(&mut server, " MATCH key:1?", |_, _| {}).len(), 10);
        assert_eq!(walk(&mut server, " TYPE STRING COUNT 1000", |_, _| {}).len(), 100);
        assert_eq!(walk(&mut server, " TYPE list", |_, _| {}).len(), 0);
        server.run("PEXPIRE key:7 10");
        server.advance_ms(10);
        assert_eq!(walk(&mut server, "", |_, _| {}).len(), 99);
    }

    #[test]
    fn a_cursor_is_read_as_c_reads_it() {
        let good = [(&b"0"[..], 0), (b"", 0), (b"+7", 7), (b"-1", u64::MAX), (b"12\0x", 12)];
        for (text, cursor) in good {
            assert_eq!(read_cursor(text), Some(cursor));
        }
        for text in [&b"x"[..], b" 1", b"1 ", b"-", b"1.0", b"18446744073709551616"] {
            assert_eq!(read_cursor(text), None);
        }
        let mut server = Server::new();
        server.run("SET a 1");
        assert_eq!(server.run("SCAN x COUNT"), "-ERR invalid cursor\r\n");
        assert_eq!(server.run("SCAN 0 COUNT 0"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SCAN 0 COUNT x"), "-ERR value is not an integer or out of range\r\n");
        assert!(server.run("SCAN 18446744073709551615").starts_with("*2\r\n$"));
    }
}
