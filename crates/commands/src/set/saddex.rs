//! `SADDEX key [MNX | MXX] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL] MEMBERS nummembers member
//! [member ...]`

use spinel_family::{Command, CommandError, Encoder, Key, QueryContext, Reply, Update, UpdateContext};
use spinel_store::Text;
use spinel_store::value::Set;

use crate::arguments::EXPIRATION_OR_KEEP;
use crate::element_words::{KEY_ARG, Rest, cost};
use crate::members::MEMBERS_ARG;
use crate::members::addex::{Addition, CONDITION_ARG, Request, add_expiring};

/// Adds members to a set together with their expiry, on conditions; answers whether it did.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members added", flags(denyoom, fast))]
#[command(arity = -5, args = &[KEY_ARG, CONDITION_ARG, EXPIRATION_OR_KEEP, MEMBERS_ARG])]
pub(super) struct Saddex<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Saddex<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let request = Request::<&[u8]>::read(self.words.0, cx.now(), "saddex")?;
        let add = |cx: &mut UpdateContext<'_>, members: &[&[u8]]| self.add(cx, members);
        add_expiring::<Set, &[u8]>(cx, self.key, &request, add, out)
    }
}

impl Saddex<'_> {
    fn add(&self, cx: &mut UpdateContext<'_>, members: &[&[u8]]) -> Result<Addition, CommandError> {
        let (limits, hash_key) = (&cx.settings().encodings, cx.hash_key());
        let set = cx.write_or_create::<Set>(self.key)?;
        let changed = members.iter().filter(|member| set.add(Text::Bytes(member), limits, hash_key)).count();
        let words =
            [b"SADD".as_slice(), self.key.bytes].iter().chain(members).map(|word| word.to_vec()).collect();
        Ok(Addition { words, changed, event: "sadd" })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn members_are_added_with_their_expiry_and_recorded_in_two_steps() {
        let mut server = Server::new();
        assert_eq!(server.run("SADDEX s EX 10 MEMBERS 2 a b"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "sadd", "sexpire"], 2));
        assert_eq!(server.propagated(), ["SADD s a b", "SPEXPIREAT s 1700000010000 MEMBERS 2 a b"]);
        assert_eq!(server.run("SADDEX s PX 500 MEMBERS 1 a"), ":1\r\n");
        assert_eq!(server.propagated(), ["SPEXPIREAT s 1700000000500 MEMBERS 1 a"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["sexpire"], 1));
        assert_eq!(server.run("SADDEX s KEEPTTL MEMBERS 2 a c"), ":1\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["sadd"], vec!["SADD s a c".into()]));
        assert_eq!(server.run("SADDEX s MEMBERS 2 b c"), ":1\r\n");
        assert_eq!(
            (server.event_names(), server.propagated()),
            (vec!["spersist"], vec!["SPERSIST s MEMBERS 1 b".into()])
        );
        assert_eq!(server.run("SADDEX s MEMBERS 2 b c"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        assert_eq!(server.run("SPTTL s MEMBERS 3 a b c"), "*3\r\n:500\r\n:-1\r\n:-1\r\n");
    }

    #[test]
    fn conditions_are_about_all_members() {
        let mut server = Server::new();
        assert_eq!(server.run("SADDEX s MXX EX 1 MEMBERS 1 a"), ":0\r\n");
        assert_eq!((server.effects.dirty, server.run("EXISTS s")), (0, ":0\r\n".into()));
        for (line, reply) in [
            ("SADDEX s MNX MEMBERS 1 a", ":1\r\n"),
            ("SADDEX s MNX MEMBERS 2 b a", ":0\r\n"),
            ("SADDEX s MXX MEMBERS 2 a b", ":0\r\n"),
            ("SADDEX s EX 5 MXX MEMBERS 1 a", ":1\r\n"),
            ("SCARD s", ":1\r\n"),
        ] {
            assert_eq!(server.run(line), reply, "{line}");
        }
    }

    #[test]
    fn a_time_that_has_passed_leaves_no_member() {
        let mut server = Server::new();
        assert_eq!(server.run("SADDEX s PXAT 1 MEMBERS 1 a"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        server.run("SADD s a b");
        assert_eq!(server.run("SADDEX s EX 0 MEMBERS 2 a c"), ":1\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["srem"], vec!["SREM s a".into()]));
        assert_eq!(server.run("SMEMBERS s"), "*1\r\n$1\r\nb\r\n");
    }

    #[test]
    fn the_words_are_checked_before_the_key() {
        let mut server = Server::new();
        server.run("SET t 1");
        for (line, error) in [
            ("SADDEX t EX x MEMBERS 1 a", "value is not an integer or out of range"),
            ("SADDEX t EX -1 MEMBERS 1 a", "invalid expire time, must be >= 0"),
            ("SADDEX t a MEMBERS 1 a", "unknown argument: a"),
            ("SADDEX t MNX MXX MEMBERS 1 a", "Only one of MXX or MNX arguments can be specified"),
            (
                "SADDEX t EX 1 KEEPTTL MEMBERS 1 a",
                "Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
            ),
            ("SADDEX t MEMBERS 0 a", "Number of members must be a positive integer"),
            ("SADDEX t MEMBERS 2 a", "The `nummembers` parameter must match the number of arguments"),
            ("SADDEX t KEEPTTL MNX EX", "missing expire time"),
            (
                "SADDEX t KEEPTTL MNX EX 9",
                "Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
            ),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
        assert!(server.run("SADDEX t MEMBERS 1 a").starts_with("-WRONGTYPE"));
    }
}
