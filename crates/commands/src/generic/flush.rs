//! `FLUSHDB [ASYNC | SYNC]`, `FLUSHALL [ASYNC | SYNC]`
//!
//! Either way the tables are taken out whole and freed elsewhere: nobody waits for that.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, DbIndex, Encoder, Exclusive, ExclusiveContext, Field, Reply, Words, is_token,
};

/// How to free; accepted for compatibility.
enum Mode {
    Async,
    Sync,
}

impl<'a> Field<'a> for Mode {
    const SHAPE: Shape = Shape {
        children: &[
            ArgSpec { since: "4.0.0", ..Shape::word(ArgKind::PureToken).arg("async", "ASYNC") },
            ArgSpec { since: "6.2.0", ..Shape::word(ArgKind::PureToken).arg("sync", "SYNC") },
        ],
        ..Shape::word(ArgKind::OneOf)
    };

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        match words.take()? {
            word if is_token(word, "ASYNC") => Ok(Self::Async),
            word if is_token(word, "SYNC") => Ok(Self::Sync),
            _ => Err(CommandError::Syntax),
        }
    }
}

/// Removes all keys of the database.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(1)", categories(Keyspace, Dangerous))]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"))]
#[command(history = &[("4.0.0", "The mode ASYNC."), ("6.2.0", "The mode SYNC.")])]
pub(super) struct Flushdb {
    #[arg(name = "async", trailing)]
    mode: Option<Mode>,
}

impl Exclusive for Flushdb {
    fn exclusive(&self, cx: &mut ExclusiveContext<'_, '_>, out: &mut Encoder) -> Reply {
        let db = cx.db();
        flush(cx, db.0..db.0 + 1);
        cx.propagate_as(words("FLUSHDB", self.mode.as_ref()));
        out.ok();
        Ok(())
    }
}

/// Removes all keys of all databases.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(1)", categories(Keyspace, Dangerous))]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"))]
#[command(history = &[("4.0.0", "The mode ASYNC."), ("6.2.0", "The mode SYNC.")])]
pub(super) struct Flushall {
    #[arg(name = "async", trailing)]
    mode: Option<Mode>,
}

impl Exclusive for Flushall {
    fn exclusive(&self, cx: &mut ExclusiveContext<'_, '_>, out: &mut Encoder) -> Reply {
        flush(cx, 0..cx.settings().databases);
        cx.effects().flushed_all = true;
        cx.propagate_as(words("FLUSHALL", self.mode.as_ref()));
        out.ok();
        Ok(())
    }
}

fn words(name: &'static str, mode: Option<&Mode>) -> impl Iterator<Item = &'static str> {
    let mode = mode.map(|mode| match mode {
        Mode::Async => "async",
        Mode::Sync => "sync",
    });
    std::iter::once(name).chain(mode)
}

/// Takes the databases out of every shard and tells the watchers of keys that existed.
fn flush(cx: &mut ExclusiveContext<'_, '_>, dbs: std::ops::Range<u16>) {
    let hash_key = cx.hash_key();
    let (mut removed, mut garbage, mut streams) = (0, Vec::new(), Vec::new());
    for shard in cx.shards_mut() {
        for db in dbs.clone().map(DbIndex) {
            if shard.db(db).is_empty() {
                continue;
            }
            shard.touch_watchers_of_all(db, hash_key);
            streams.extend(shard.awaited_streams(db, hash_key).map(|key| (db, key.into())));
            removed += shard.db(db).len();
            garbage.push(shard.db_mut(db).clear());
        }
    }
    cx.add_dirty(removed);
    cx.effects().garbage_dbs.append(&mut garbage);
    cx.effects().ready.append(&mut streams);
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_flush_hands_the_databases_over_whole() {
        let mut server = Server::new();
        (0..100).for_each(|i| drop(server.run(&format!("SET key:{i} x"))));
        server.db = 1;
        server.run("SET a 1");
        assert_eq!(server.run("FLUSHDB"), "+OK\r\n");
        assert_eq!((server.effects.dirty, server.propagated()), (1, vec!["FLUSHDB".into()]));
        assert_eq!(server.run("DBSIZE"), ":0\r\n");
        server.db = 0;
        assert_eq!(server.run("DBSIZE"), ":100\r\n");
        assert_eq!(server.run("FLUSHALL async"), "+OK\r\n");
        assert_eq!(server.effects.garbage_dbs.iter().map(spinel_store::Db::len).sum::<usize>(), 100);
        assert_eq!(server.run("DBSIZE"), ":0\r\n");
    }

    #[test]
    fn only_one_known_mode_is_accepted() {
        let mut server = Server::new();
        for line in ["FLUSHDB ASYNC SYNC", "FLUSHALL NOW", "FLUSHALL SYNC SYNC"] {
            assert_eq!(server.run(line), "-ERR syntax error\r\n", "{line}");
        }
    }

    #[test]
    fn watchers_hear_of_a_flush_if_their_key_existed() {
        let mut server = Server::new();
        server.run("SET a 1");
        let (a, b) = (server.watch("a"), server.watch("b"));
        server.run("FLUSHALL");
        assert_eq!((a.is_raised(), b.is_raised()), (true, false));
    }
}
