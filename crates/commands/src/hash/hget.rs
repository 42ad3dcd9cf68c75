//! `HGET key field`, `HMGET key field [field ...]`, `HEXISTS key field`, `HSTRLEN key field`, `HLEN key`

use spinel_family::{Command, Encoder, Key, Many, Query, QueryContext, Reply};
use spinel_store::Text;
use spinel_store::value::Hash;

use crate::collection::reply_element;

/// Returns the value of a field of a hash.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Hget<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    field: &'a [u8],
}

impl Query for Hget<'_> {
    #[inline]
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let hash = cx.read::<Hash>(self.key)?;
        reply_value(out, hash.and_then(|hash| hash.get(self.field, cx.now())));
        Ok(())
    }
}

/// Returns the values of some fields of a hash.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(N) for N fields asked for", flags(fast))]
pub(super) struct Hmget<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    #[arg(name = "field")]
    fields: Many<'a, &'a [u8]>,
}

impl Query for Hmget<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.fields.len()
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let hash = cx.read::<Hash>(self.key)?;
        out.array(self.fields.len());
        for field in self.fields.items() {
            reply_value(out, hash.and_then(|hash| hash.get(field, cx.now())));
        }
        Ok(())
    }
}

fn reply_value(out: &mut Encoder, value: Option<Text<'_>>) {
    match value {
        Some(value) => reply_element(out, value),
        None => out.null(),
    }
}

/// Says whether a hash has a field.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Hexists<'a> {
    #[key(ro)]
    key: Key<'a>,
    field: &'a [u8],
}

impl Query for Hexists<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let hash = cx.read::<Hash>(self.key)?;
        out.integer(i64::from(hash.is_some_and(|hash| hash.contains(self.field, cx.now()))));
        Ok(())
    }
}

/// Returns the length of the value of a field of a hash.
#[derive(Command)]
#[command(group = Hash, since = "3.2.0", complexity = "O(1)", flags(fast))]
pub(super) struct Hstrlen<'a> {
    #[key(ro)]
    key: Key<'a>,
    field: &'a [u8],
}

impl Query for Hstrlen<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let value = cx.read::<Hash>(self.key)?.and_then(|hash| hash.get(self.field, cx.now()));
        out.integer(value.map_or(0, Text::len) as i64);
        Ok(())
    }
}

/// Returns the number of fields of a hash.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Hlen<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for Hlen<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.integer(cx.read::<Hash>(self.key)?.map_or(0, Hash::len) as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn what_is_missing_is_null_or_nothing() {
        let mut server = Server::new();
        for line in ["HGET h a", "HLEN h", "HEXISTS h a", "HSTRLEN h a"] {
            let expected = if line.starts_with("HGET") { "$-1\r\n" } else { ":0\r\n" };
            assert_eq!(server.run(line), expected, "{line}");
        }
        assert_eq!(server.run("HMGET h a b"), "*2\r\n$-1\r\n$-1\r\n");
        server.run("HSET h a -10 b hello");
        assert_eq!(server.run("HGET h c"), "$-1\r\n");
        assert_eq!(server.run("HMGET h a c b"), "*3\r\n$3\r\n-10\r\n$-1\r\n$5\r\nhello\r\n");
        assert_eq!(server.run("HSTRLEN h a"), ":3\r\n");
        assert_eq!(server.run("HEXISTS h b"), ":1\r\n");
        assert_eq!(server.run("HLEN h"), ":2\r\n");
    }

    #[test]
    fn other_types_are_refused() {
        let mut server = Server::new();
        server.run("SET s 1");
        for line in ["HGET s a", "HMGET s a", "HLEN s", "HEXISTS s a", "HSTRLEN s a"] {
            assert!(server.run(line).starts_with("-WRONGTYPE"), "{line}");
        }
    }
}
