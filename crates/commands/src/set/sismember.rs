//! `SISMEMBER key member`, `SMISMEMBER key member [member ...]`, `SCARD key`

use spinel_family::{Command, Encoder, Key, Many, Query, QueryContext, Reply};
use spinel_store::Text;
use spinel_store::value::Set;

/// Says whether a set has a member.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Sismember<'a> {
    #[key(ro)]
    key: Key<'a>,
    member: &'a [u8],
}

impl Query for Sismember<'_> {
    #[inline]
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let set = cx.read::<Set>(self.key)?;
        out.integer(has(set, self.member));
        Ok(())
    }
}

/// Says of each of some members whether a set has it.
#[derive(Command)]
#[command(group = Set, since = "6.2.0", complexity = "O(N) for N members asked for", flags(fast))]
pub(super) struct Smismember<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    #[arg(name = "member")]
    members: Many<'a, &'a [u8]>,
}

impl Query for Smismember<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.members.len()
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let set = cx.read::<Set>(self.key)?;
        out.array(self.members.len());
        self.members.items().for_each(|member| out.integer(has(set, member)));
        Ok(())
    }
}

fn has(set: Option<&Set>, member: &[u8]) -> i64 {
    i64::from(set.is_some_and(|set| set.contains(Text::Bytes(member))))
}

/// Returns the number of members of a set.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Scard<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for Scard<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.integer(cx.read::<Set>(self.key)?.map_or(0, Set::len) as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_missing_set_has_no_members_and_other_types_are_refused() {
        let mut server = Server::new();
        assert_eq!(server.run("SISMEMBER s a"), ":0\r\n");
        assert_eq!(server.run("SMISMEMBER s a b"), "*2\r\n:0\r\n:0\r\n");
        assert_eq!(server.run("SCARD s"), ":0\r\n");
        server.run("SADD s 1 2");
        assert_eq!(server.run("SISMEMBER s 1"), ":1\r\n");
        assert_eq!(server.run("SISMEMBER s 01"), ":0\r\n");
        assert_eq!(server.run("SCARD s"), ":2\r\n");
        server.run("SET t 1");
        for line in ["SISMEMBER t a", "SMISMEMBER t a", "SCARD t"] {
            assert!(server.run(line).starts_with("-WRONGTYPE"), "{line}");
        }
    }
}
