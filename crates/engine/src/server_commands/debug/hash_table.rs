//! `DEBUG HTSTATS` and `DEBUG HTSTATS-KEY`: how items are spread over the buckets of a hash table.
//!
//! The words are those of Redis: a slot is a bucket, a chain are the items of one. Tables here grow bucket by
//! bucket, so there is never a second one; keys of one database are spread over one table a shard, told as one.

use std::collections::BTreeMap;
use std::fmt::Write;

use spinel_family::{
    Command, CommandError, DbIndex, Encoder, Key, Query, QueryContext, Reply, Sweep, SweepContext,
};
use spinel_store::{ShardIndex, UnixMillis, ValueRef};

/// A time before every expiry.
const ALL_ALIVE: UnixMillis = UnixMillis(i64::MIN);

/// Buckets read while a shard is held.
const SLICE_BUCKETS: usize = 1024;
const ANY_TEXT: &str = "a string takes any text";

/// Shows how the keys of a database are spread over its tables.
#[derive(Command)]
#[command(name = "debug|htstats", group = Server, since = "3.0.0", complexity = "O(N) for N keys")]
pub(super) struct DebugHtstats {
    dbid: i64,
}

impl Sweep for DebugHtstats {
    fn sweep(&self, cx: &mut SweepContext<'_>, out: &mut Encoder) -> Reply {
        let db = u16::try_from(self.dbid).ok().filter(|&db| db < cx.settings().databases).map(DbIndex);
        let db = db.ok_or(CommandError::text("ERR Out of range database"))?;
        let (keys, expiring) = cx.keyspace().count(db);
        cx.check_cost(keys)?;
        let mut chains = Chains::default();
        for shard in cx.shards() {
            chains.count_shard(cx, shard, db)?;
        }
        let mut text = String::from("[Dictionary HT]\n");
        chains.describe(&mut text);
        write!(
            text,
            "[Expires HT]\nNo hash table: expiries are kept with their keys\n number of elements: {expiring}\n"
        )
        .expect(ANY_TEXT);
        out.verbatim("txt", text.as_bytes());
        Ok(())
    }
}

/// Shows how the elements of a value are spread over its table.
#[derive(Command)]
#[command(name = "debug|htstats-key", group = Server, since = "3.0.0", complexity = "O(N) for N elements")]
pub(super) struct DebugHtstatsKey<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for DebugHtstatsKey<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        cx.peek(self.key).map_or(0, |entry| entry.value().elements())
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let entry = cx.inspect(self.key).ok_or(CommandError::NoSuchKey)?;
        if !matches!(entry.encoding(), "hashtable" | "skiplist") {
            return Err(CommandError::text(
                "ERR The value stored at the specified key is not represented using an hash table",
            ));
        }
        let mut chains = Chains::default();
        match entry.value() {
            ValueRef::Set(set) => chains.count(|cursor, items| set.scan(cursor, |_| *items += 1)),
            ValueRef::Hash(hash) => {
                chains.count(|cursor, items| hash.scan(cursor, ALL_ALIVE, |_, _| *items += 1));
            }
            ValueRef::SortedSet(zset) => chains.count(|cursor, items| zset.scan(cursor, |_, _| *items += 1)),
            ValueRef::String(_) | ValueRef::List(_) | ValueRef::Stream(_) | ValueRef::Array(_) => {}
        }
        let mut text = String::new();
        chains.describe(&mut text);
        out.verbatim("txt", text.as_bytes());
        Ok(())
    }
}

/// How many buckets there are with chains of each length.
#[derive(Default)]
struct Chains(BTreeMap<usize, usize>);

impl Chains {
    fn count_shard(
        &mut self,
        cx: &SweepContext<'_>,
        shard: ShardIndex,
        db: DbIndex,
    ) -> Result<(), CommandError> {
        let mut cursor = 0;
        loop {
            cursor = cx.with_shard(shard, |shard| {
                let mut cursor = cursor;
                for _ in 0..SLICE_BUCKETS {
                    let mut items = 0;
                    cursor = shard.db(db).scan(cursor, |_| items += 1).cursor;
                    self.add(items);
                    if cursor == 0 {
                        break;
                    }
                }
                cursor
            })?;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// Counts a whole table by its scan, one bucket a call.
    fn count(&mut self, mut scan: impl FnMut(u64, &mut usize) -> u64) {
        let mut cursor = 0;
        loop {
            let mut items = 0;
            cursor = scan(cursor, &mut items);
            self.add(items);
            if cursor == 0 {
                return;
            }
        }
    }

    fn add(&mut self, items: usize) {
        *self.0.entry(items).or_default() += 1;
    }

    fn describe(&self, text: &mut String) {
        let buckets: usize = self.0.values().sum();
        let elements: usize = self.0.iter().map(|(length, buckets)| length * buckets).sum();
        let slots = buckets - self.0.get(&0).copied().unwrap_or_default();
        let title = "Hash table 0 stats (main hash table):";
        if elements == 0 {
            writeln!(text, "{title}\nNo stats available for empty dictionaries").expect(ANY_TEXT);
            return;
        }
        let longest = self.0.keys().last().copied().unwrap_or_default();
        let average = elements as f64 / slots as f64;
        writeln!(
            text,
            "{title}\n table size: {buckets}\n number of elements: {elements}\n different slots: {slots}\n \
             max chain length: {longest}\n avg chain length (counted): {average:.2}\n \
             avg chain length (computed): {average:.2}\n Chain length distribution:"
        )
        .expect(ANY_TEXT);
        for (length, count) in &self.0 {
            let percent = *count as f64 * 100.0 / buckets as f64;
            writeln!(text, "   {length}: {count} ({percent:.2}%)").expect(ANY_TEXT);
        }
    }
}
