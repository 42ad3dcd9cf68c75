//! `SADD key member [member ...]`

use spinel_family::{Command, Encoder, EventClass, Key, Many, QueryContext, Reply, Update, UpdateContext};
use spinel_store::Text;
use spinel_store::value::Set;

/// Adds members to a set; answers how many are new.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", complexity = "O(N) for N members", flags(denyoom, fast))]
#[command(history = &[("2.4.0", "Several members at once.")])]
pub(super) struct Sadd<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    #[arg(name = "member")]
    members: Many<'a, &'a [u8]>,
}

impl Update for Sadd<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.members.len()
    }

    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (limits, hash_key) = (&cx.settings().encodings, cx.hash_key());
        let set = cx.write_or_create::<Set>(self.key)?;
        let members = self.members.items();
        let added = members.filter(|member| set.add(Text::Bytes(member), limits, hash_key)).count();
        if added > 0 {
            cx.touch_watchers(self.key);
            cx.notify(EventClass::Set, "sadd", self.key);
            cx.add_dirty(added);
        }
        out.integer(added as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn only_new_members_count() {
        let mut server = Server::new();
        assert_eq!(server.run("SADD s a b a"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "sadd"], 2));
        assert_eq!(server.run("SADD s a b"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        server.run("SET t 1");
        assert!(server.run("SADD t a").starts_with("-WRONGTYPE"));
    }

    #[test]
    fn integers_are_an_intset_up_to_the_limit() {
        let mut server = Server::new();
        (0..512).for_each(|i| drop(server.run(&format!("SADD s {i}"))));
        assert_eq!(server.run("OBJECT ENCODING s"), "$6\r\nintset\r\n");
        server.run("SADD s 512");
        assert_eq!(server.run("OBJECT ENCODING s"), "$9\r\nhashtable\r\n");
        server.run("SADD t 1 2 x");
        assert_eq!(server.run("OBJECT ENCODING t"), "$9\r\nhashtable\r\n");
        assert_eq!(server.run("SMISMEMBER t 1 2 3 x"), "*4\r\n:1\r\n:1\r\n:0\r\n:1\r\n");
    }
}
