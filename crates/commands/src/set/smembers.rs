//! `SMEMBERS key`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::value::Set;

use super::result::reply_members;
use crate::collection::elements_of;

/// Returns all members of a set.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", complexity = "O(N) for N members")]
#[command(tips("nondeterministic_output_order"))]
pub(super) struct Smembers<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Smembers<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        elements_of(cx, self.key)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_members(out, cx.read::<Set>(self.key)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;
    use spinel_family::Protocol;

    #[test]
    fn members_are_a_set_in_resp3() {
        let mut server = Server::new();
        assert_eq!(server.run("SMEMBERS s"), "*0\r\n");
        server.protocol = Protocol::Resp3;
        assert_eq!(server.run("SMEMBERS s"), "~0\r\n");
        server.run("SADD s 3 1 2");
        assert_eq!(server.run("SMEMBERS s"), "~3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
    }
}
