//! `ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES]`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::Text;
use spinel_store::value::SortedSet;

use crate::collection::{SCORE_SCAN_ARGS, ScanOptions, elements_of, reply_no_scan};
use crate::generic::scan::Cursor;

/// Walks through the members of a sorted set and their scores, a few at a time.
#[derive(Command)]
#[command(group = SortedSet, since = "2.8.0", complexity = "O(1) for a call, O(N) for a whole walk over N members")]
#[command(history = &[("8.0.0", "The option `NOSCORES`.")], tips("nondeterministic_output"), args = SCORE_SCAN_ARGS)]
pub(super) struct Zscan<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    cursor: Cursor,
    options: ScanOptions<'a>,
}

impl Query for Zscan<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.options.cost(elements_of(cx, self.key))
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(zset) = cx.read::<SortedSet>(self.key)? else {
            reply_no_scan(out);
            return Ok(());
        };
        let scanning = self.options.get_of_scores()?;
        let mut text = Vec::new();
        scanning.reply(out, self.cursor.0, |cursor, visit| {
            zset.scan(cursor, |member, score| {
                text.clear();
                zset.write_scan_score(score, &mut text);
                visit(Text::Bytes(member), Some(Text::Bytes(&text)));
            })
        });
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
    fn scores_are_left_out_if_they_are_not_wanted() {
        // As Valkey 9.1 answers.
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b");
        assert_eq!(server.run("ZSCAN k 0 NOSCORES"), "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
        let reply = server.run("ZSCAN k 0 NOSCORES MATCH b* COUNT 3 noscores");
        assert_eq!(reply, "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nb\r\n");
        assert_eq!(server.run("ZSCAN none 0 NOSCORES"), "*2\r\n$1\r\n0\r\n*0\r\n");
        server.run("HSET h f v");
        for wrong in ["ZSCAN k 0 NOSCORES x", "HSCAN h 0 NOSCORES", "SCAN 0 NOSCORES"] {
            assert_eq!(server.run(wrong), "-ERR syntax error\r\n", "{wrong}");
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
        assert_eq!(server.run("ZSCAN k 0 NOVALUES"), "-ERR syntax error\r\n");
        assert_eq!(server.run("ZSCAN k 0 MATCH b*"), "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    }
}
