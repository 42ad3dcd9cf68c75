//! `HGETALL key`, `HKEYS key`, `HVALS key`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::value::Hash;

use crate::collection::{elements_of, reply_element};

/// Returns all fields of a hash with their values.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(N) for N fields")]
#[command(tips("nondeterministic_output_order"))]
pub(super) struct Hgetall<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Hgetall<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        elements_of(cx, self.key)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(hash) = cx.read::<Hash>(self.key)? else {
            out.map(0);
            return Ok(());
        };
        out.map(hash.live_len(cx.now()));
        for field in hash.live(cx.now()) {
            reply_element(out, field.name);
            reply_element(out, field.value);
        }
        Ok(())
    }
}

/// Returns the names of all fields of a hash.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(N) for N fields")]
#[command(tips("nondeterministic_output_order"))]
pub(super) struct Hkeys<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Hkeys<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        elements_of(cx, self.key)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let hash = cx.read::<Hash>(self.key)?;
        out.array(hash.map_or(0, |hash| hash.live_len(cx.now())));
        hash.into_iter()
            .flat_map(|hash| hash.live(cx.now()))
            .for_each(|field| reply_element(out, field.name));
        Ok(())
    }
}

/// Returns the values of all fields of a hash.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(N) for N fields")]
#[command(tips("nondeterministic_output_order"))]
pub(super) struct Hvals<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Hvals<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        elements_of(cx, self.key)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let hash = cx.read::<Hash>(self.key)?;
        out.array(hash.map_or(0, |hash| hash.live_len(cx.now())));
        hash.into_iter()
            .flat_map(|hash| hash.live(cx.now()))
            .for_each(|field| reply_element(out, field.value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;
    use spinel_family::Protocol;

    #[test]
    fn a_small_hash_is_returned_in_the_order_it_was_written() {
        let mut server = Server::new();
        server.run("HSET h b 1 a 2 b 3");
        assert_eq!(server.run("HGETALL h"), "*4\r\n$1\r\nb\r\n$1\r\n3\r\n$1\r\na\r\n$1\r\n2\r\n");
        assert_eq!(server.run("HKEYS h"), "*2\r\n$1\r\nb\r\n$1\r\na\r\n");
        assert_eq!(server.run("HVALS h"), "*2\r\n$1\r\n3\r\n$1\r\n2\r\n");
    }

    #[test]
    fn only_hgetall_is_a_map() {
        let mut server = Server::new();
        server.protocol = Protocol::Resp3;
        assert_eq!(server.run("HGETALL h"), "%0\r\n");
        assert_eq!(server.run("HKEYS h"), "*0\r\n");
        assert_eq!(server.run("HVALS h"), "*0\r\n");
        server.run("HSET h a 1");
        assert_eq!(server.run("HGETALL h"), "%1\r\n$1\r\na\r\n$1\r\n1\r\n");
        assert_eq!(server.run("HKEYS h"), "*1\r\n$1\r\na\r\n");
    }
}
