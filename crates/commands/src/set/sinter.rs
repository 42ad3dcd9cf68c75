//! `SINTER key [key ...]`, `SINTERSTORE destination key [key ...]`

use spinel_family::{Command, Encoder, Key, Many, Query, QueryContext, Reply, Update, UpdateContext};
use spinel_store::Text;
use spinel_store::value::Set;

use super::result::{Sources, sources, store};
use crate::collection::{elements_of, reply_element};

/// Returns the members that all of some sets have.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", tips("nondeterministic_output_order"))]
#[command(complexity = "O(N*M) for M sets, the smallest of which has N members")]
pub(super) struct Sinter<'a> {
    #[key(ro, access)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Query for Sinter<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        most_comparisons(cx, &self.keys)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let sets = sources(cx, &self.keys)?;
        let (reply, mut members) = (out.deferred_set(), 0);
        intersect(&sets, |member| {
            reply_element(out, member);
            members += 1;
            true
        });
        out.finish(reply, members);
        Ok(())
    }
}

/// Stores the members that all of some sets have as a set; answers how many they are.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", flags(denyoom))]
#[command(complexity = "O(N*M) for M sets, the smallest of which has N members")]
pub(super) struct Sinterstore<'a> {
    #[key(rw, update)]
    destination: Key<'a>,
    #[key(ro, access)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Update for Sinterstore<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        most_comparisons(cx, &self.keys)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (limits, hash_key) = (&cx.settings().encodings, cx.hash_key());
        let mut result = Set::new();
        intersect(&sources(cx, &self.keys)?, |member| result.add(member, limits, hash_key));
        store(cx, self.destination, result, "sinterstore", out)
    }
}

/// Look-ups an intersection takes at most.
pub(super) fn most_comparisons(cx: &QueryContext<'_>, keys: &Many<'_, Key<'_>>) -> usize {
    let smallest = keys.keys().map(|key| elements_of(cx, key)).min().unwrap_or(0);
    smallest.saturating_mul(keys.len())
}

/// Passes the members that all sets have to `visit` as long as it returns true. A missing set has none.
pub(super) fn intersect(sets: &Sources<'_>, mut visit: impl FnMut(Text<'_>) -> bool) {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<&Set>>>() else { return };
    // Whoever is missing from the smallest set is found out soonest.
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in smallest.iter() {
        if others.iter().all(|set| set.contains(member)) && !visit(member) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn sets_of_both_forms_intersect() {
        let mut server = Server::new();
        server.run("SADD a 1 2 3 4");
        server.run("SADD b 4 3 x");
        server.run("SADD c 3 y 2 4 z");
        assert_eq!(server.run("SINTER a b c"), "*2\r\n$1\r\n3\r\n$1\r\n4\r\n");
        assert_eq!(server.run("SINTER a a"), "*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n");
        assert_eq!(server.run("SINTER a nothing"), "*0\r\n");
        server.run("SET t 1");
        assert!(server.run("SINTER nothing t").starts_with("-WRONGTYPE"));
    }

    #[test]
    fn the_destination_is_overwritten_or_removed() {
        let mut server = Server::new();
        server.run("SADD a 1 2 3");
        server.run("SADD b 3 x");
        server.run("SET d 1");
        server.run("PEXPIRE d 100");
        assert_eq!(server.run("SINTERSTORE d a b"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["sinterstore"], 1));
        assert_eq!(server.run("OBJECT ENCODING d"), "$6\r\nintset\r\n");
        assert_eq!(server.run("PTTL d"), ":-1\r\n");
        assert_eq!(server.run("SINTERSTORE d a nothing"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["keymiss", "del"], 1));
        assert_eq!(server.run("SINTERSTORE d a nothing"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["keymiss"], 0));
        assert_eq!(server.run("SINTERSTORE a a b"), ":1\r\n");
        assert_eq!(server.run("SMEMBERS a"), "*1\r\n$1\r\n3\r\n");
    }
}
