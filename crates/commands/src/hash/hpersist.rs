//! `HPERSIST key FIELDS numfields field [field ...]`

use spinel_family::{Command, Encoder, EventClass, Key, QueryContext, Reply, Update, UpdateContext};
use spinel_store::value::Hash;

use super::field_words::{FIELDS_ARG, KEY_ARG, Rest, cost, reply_same, settled_fields};
use crate::element_words::{NO_ELEMENT, NO_EXPIRY, PERSISTED};

/// Removes the expiries of fields of a hash.
#[derive(Command)]
#[command(group = Hash, since = "7.4.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, FIELDS_ARG])]
pub(super) struct Hpersist<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Hpersist<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let fields = settled_fields(cx, self.key, self.words)?;
        let now = cx.now();
        let changed = cx.change_hash(self.key, |hash: &mut Hash| {
            out.array(fields.len());
            let mut changed = 0;
            for name in fields.items() {
                out.integer(match hash.expiry(name, now) {
                    None => NO_ELEMENT,
                    Some(None) => NO_EXPIRY,
                    Some(Some(_)) => {
                        hash.set_expiry(name, None);
                        changed += 1;
                        PERSISTED
                    }
                });
            }
            changed
        });
        match changed {
            None => reply_same(out, fields.len(), NO_ELEMENT),
            Some(0) => {}
            Some(_) => cx.changed(self.key, EventClass::Hash, "hpersist"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn each_field_has_its_own_answer() {
        let mut server = Server::new();
        assert_eq!(server.run("HPERSIST h FIELDS 1 a"), "*1\r\n:-2\r\n");
        server.run("HSET h a 1 b 2");
        server.run("HEXPIRE h 10 FIELDS 1 a");
        assert_eq!(server.run("HPERSIST h FIELDS 4 a b c a"), "*4\r\n:1\r\n:-1\r\n:-2\r\n:-1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hpersist"], 1));
        assert_eq!(server.run("HPERSIST h FIELDS 1 a"), "*1\r\n:-1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
    }

    #[test]
    fn what_has_expired_cannot_be_kept() {
        let mut server = Server::new();
        server.run("HSET h a 1");
        server.run("HPEXPIRE h 10 FIELDS 1 a");
        server.advance_ms(10);
        assert_eq!(server.run("HPERSIST h FIELDS 1 a"), "*1\r\n:-2\r\n");
        assert_eq!(
            (server.event_names(), server.run("EXISTS h")),
            (vec!["hexpired", "del"], ":0\r\n".into())
        );
    }
}
