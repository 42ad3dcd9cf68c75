//! `SSCAN key cursor [MATCH pattern] [COUNT count]`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::value::Set;

use crate::collection::{SCAN_ARGS, ScanOptions, elements_of, reply_no_scan};
use crate::generic::scan::Cursor;

/// Walks through the members of a set, a few at a time.
#[derive(Command)]
#[command(group = Set, since = "2.8.0", complexity = "O(1) for a call, O(N) for a whole walk over N members")]
#[command(tips("nondeterministic_output"), args = SCAN_ARGS)]
pub(super) struct Sscan<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    cursor: Cursor,
    options: ScanOptions<'a>,
}

impl Query for Sscan<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.options.cost(elements_of(cx, self.key))
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(set) = cx.read::<Set>(self.key)? else {
            reply_no_scan(out);
            return Ok(());
        };
        let scanning = self.options.get()?;
        scanning.reply(out, self.cursor.0, |cursor, visit| set.scan(cursor, |member| visit(member, None)));
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
        assert_eq!(server.run("SSCAN s x"), "-ERR invalid cursor\r\n");
        assert_eq!(server.run("SSCAN s 0 COUNT 0"), "*2\r\n$1\r\n0\r\n*0\r\n");
        server.run("SADD s 1 21 23");
        assert_eq!(server.run("SSCAN s 0 COUNT 0"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SSCAN s 0 TYPE set"), "-ERR syntax error\r\n");
        let reply = server.run("SSCAN s 7 MATCH 2* COUNT 1");
        assert_eq!(reply, "*2\r\n$1\r\n0\r\n*2\r\n$2\r\n21\r\n$2\r\n23\r\n");
    }

    #[test]
    fn a_walk_passes_every_member_while_others_come_and_go() {
        let mut server = Server::new();
        (0..1000).for_each(|i| drop(server.run(&format!("SADD s m{i}"))));
        let (mut cursor, mut members, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
        loop {
            let reply = server.run(&format!("SSCAN s {cursor}"));
            let lines: Vec<&str> = reply.split("\r\n").collect();
            cursor = lines[2].to_owned();
            members.extend(lines.iter().filter(|line| line.starts_with('m')).map(ToString::to_string));
            if cursor == "0" {
                break;
            }
            for i in 0..20 {
                server.run(&format!("SADD s other{calls}-{i}"));
                server.run(&format!("SREM s m{}", 500 + (calls * 20 + i) % 500));
            }
            calls += 1;
            assert!(calls < 1000, "the walk comes to an end");
        }
        assert!((0..500).all(|i| members.contains(&format!("m{i}"))));
    }
}
