//! `ZADDEX key [MNX | MXX] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL] MEMBERS nummembers score member
//! [score member ...]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Field, Key, QueryContext, Reply, Update, UpdateContext};
use spinel_store::value::SortedSet;
use spinel_structs::number::format_double;
use spinel_structs::sorted_set::Inserted;

use super::zadd::ScoreMember;
use crate::arguments::EXPIRATION_OR_KEEP;
use crate::element_words::{KEY_ARG, Rest, cost};
use crate::members::addex::{Added, Addition, CONDITION_ARG, Request, add_expiring};

/// The count, the scores and the members, for the documentation.
const SCORES_ARG: ArgSpec = Shape {
    children: &[
        Shape::word(ArgKind::Integer).arg("nummembers", ""),
        ScoreMember::SHAPE.repeated().arg("data", ""),
    ],
    ..Shape::word(ArgKind::Block)
}
.arg("members", "MEMBERS");

impl<'a> Added<'a> for ScoreMember<'a> {
    fn member(&self) -> &'a [u8] {
        self.member
    }
}

/// Adds members to a sorted set together with their expiry, on conditions; answers whether it did.
#[derive(Command)]
#[command(group = SortedSet, since = "8.0.0", flags(denyoom, fast))]
#[command(complexity = "O(log(N)) for each member, N being the size of the sorted set")]
#[command(arity = -6, args = &[KEY_ARG, CONDITION_ARG, EXPIRATION_OR_KEEP, SCORES_ARG])]
pub(super) struct Zaddex<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Zaddex<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let request = Request::<ScoreMember<'_>>::read(self.words.0, cx.now(), "zaddex")?;
        let add = |cx: &mut UpdateContext<'_>, pairs: &[ScoreMember<'_>]| self.add(cx, pairs);
        add_expiring::<SortedSet, ScoreMember<'_>>(cx, self.key, &request, add, out)
    }
}

impl Zaddex<'_> {
    fn add(&self, cx: &mut UpdateContext<'_>, pairs: &[ScoreMember<'_>]) -> Result<Addition, CommandError> {
        let (limits, hash_key) = (&cx.settings().encodings, cx.hash_key());
        let zset = cx.write_or_create::<SortedSet>(self.key)?;
        let (mut changed, mut words) = (0, vec![b"ZADD".to_vec(), self.key.bytes.to_vec()]);
        for ScoreMember { score, member } in pairs {
            let inserted = zset.insert(member, *score, limits, hash_key);
            changed += usize::from(inserted != Inserted::Unchanged);
            let mut text = Vec::new();
            format_double(*score, &mut text);
            words.extend([text, member.to_vec()]);
        }
        Ok(Addition { words, changed, event: "zadd" })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn members_are_added_with_score_and_expiry_and_recorded_in_two_steps() {
        let mut server = Server::new();
        assert_eq!(server.run("ZADDEX z EX 10 MEMBERS 2 1 a 2.5 b"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "zadd", "zexpire"], 2));
        assert_eq!(server.propagated(), ["ZADD z 1 a 2.5 b", "ZPEXPIREAT z 1700000010000 MEMBERS 2 a b"]);
        assert_eq!(server.run("ZADDEX z KEEPTTL MEMBERS 1 7 a"), ":1\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["zadd"], vec!["ZADD z 7 a".into()]));
        assert_eq!(server.run("ZADDEX z MNX EX 1 MEMBERS 2 1 a 1 x"), ":0\r\n");
        assert_eq!(server.run("ZADDEX z MXX MEMBERS 1 7 a"), ":1\r\n");
        assert_eq!(server.propagated(), ["ZPERSIST z MEMBERS 1 a"]);
        assert_eq!(server.run("ZTTL z MEMBERS 2 a b"), "*2\r\n:-1\r\n:10\r\n");
        assert_eq!(server.run("ZADDEX z PXAT 1 MEMBERS 2 1 a 1 x"), ":1\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["zrem"], vec!["ZREM z a".into()]));
    }

    #[test]
    fn a_bad_score_adds_nothing() {
        let mut server = Server::new();
        assert_eq!(server.run("ZADDEX z EX 1 MEMBERS 2 1 a x b"), "-ERR value is not a valid float\r\n");
        assert_eq!(server.run("ZADDEX z EX 1 MEMBERS 1 nan b"), "-ERR value is not a valid float\r\n");
        assert!(server.run("ZADDEX z EX 1 MEMBERS 2 1 a").starts_with("-ERR The `nummembers`"));
        assert!(server.run("ZADDEX z EX 1 MEMBERS 1 1 a b").starts_with("-ERR The `nummembers`"));
        assert_eq!(server.run("EXISTS z"), ":0\r\n");
    }

    #[test]
    fn who_waits_for_the_key_is_told() {
        let mut server = Server::new();
        server.wait_for("z");
        server.run("ZADDEX z EX 1 MEMBERS 1 1 a");
        assert_eq!(server.effects.ready.len(), 1);
    }
}
