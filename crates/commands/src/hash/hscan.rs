//! `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::value::Hash;

use crate::collection::{FIELD_SCAN_ARGS, ScanOptions, elements_of, reply_no_scan};
use crate::generic::scan::Cursor;

/// Walks through the fields of a hash and their values, a few at a time.
#[derive(Command)]
#[command(group = Hash, since = "2.8.0", complexity = "O(1) for a call, O(N) for a whole walk over N fields")]
#[command(history = &[("7.4.0", "The option `NOVALUES`.")], tips("nondeterministic_output"), args = FIELD_SCAN_ARGS)]
pub(super) struct Hscan<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    cursor: Cursor,
    options: ScanOptions<'a>,
}

impl Query for Hscan<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.options.cost(elements_of(cx, self.key))
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(hash) = cx.read::<Hash>(self.key)? else {
            reply_no_scan(out);
            return Ok(());
        };
        self.options.get_of_fields()?.reply(out, self.cursor.0, |cursor, visit| {
            hash.scan(cursor, cx.now(), |name, value| visit(name, Some(value)))
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::Server;

    #[test]
    fn options_are_understood_after_the_key_was_found() {
        let mut server = Server::new();
        assert_eq!(server.run("HSCAN h x"), "-ERR invalid cursor\r\n");
        assert_eq!(server.run("HSCAN h 0 COUNT x"), "*2\r\n$1\r\n0\r\n*0\r\n");
        server.run("HSET h a 1 b 2");
        assert_eq!(server.run("HSCAN h 0 COUNT x"), "-ERR value is not an integer or out of range\r\n");
        assert_eq!(server.run("HSCAN h 0 COUNT 0"), "-ERR syntax error\r\n");
        assert_eq!(server.run("HSCAN h 0 COUNT 1 NOKEYS"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SADD s 1"), ":1\r\n");
        assert_eq!(server.run("SSCAN s 0 NOVALUES"), "-ERR syntax error\r\n");
        let reply = server.run("HSCAN h 5 MATCH b COUNT 1");
        assert_eq!(reply, "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
        // As of Redis 7.4; asked of 8.0.
        let reply = server.run("HSCAN h 0 NOVALUES MATCH * NOVALUES");
        assert_eq!(reply, "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    }

    #[test]
    fn a_walk_passes_every_field_once() {
        let mut server = Server::new();
        (0..1000).for_each(|i| drop(server.run(&format!("HSET h f{i} {i}"))));
        let (mut cursor, mut names, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
        loop {
            let reply = server.run(&format!("HSCAN h {cursor}"));
            let lines: Vec<&str> = reply.split("\r\n").collect();
            cursor = lines[2].to_owned();
            for name in lines.iter().filter(|line| line.starts_with('f')) {
                assert!(names.insert(name.to_string()), "{name} came twice");
            }
            calls += 1;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(names.len(), 1000);
        assert!((50..=100).contains(&calls), "{calls} calls of about ten fields");
    }
}
