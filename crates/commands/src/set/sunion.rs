//! `SUNION key [key ...]`, `SUNIONSTORE destination key [key ...]`

use spinel_family::{
    Command, CommandSettings, Encoder, Key, Many, Query, QueryContext, Reply, Update, UpdateContext,
};
use spinel_store::value::Set;
use spinel_store::{HashKey, Text};

use super::result::{Sources, reply_members, sources, store, total_elements};
use crate::collection::reply_element;

/// Up to so many sets, looking a member up in those before costs less than building the union.
const MAX_SETS_LOOKED_UP: usize = 4;

/// Returns the members that any of some sets has.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", tips("nondeterministic_output_order"))]
#[command(complexity = "O(N) for N members of all sets together")]
pub(super) struct Sunion<'a> {
    #[key(ro, access)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Query for Sunion<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        total_elements(cx, &self.keys)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let sets = sources(cx, &self.keys)?;
        if sets.len() > MAX_SETS_LOOKED_UP {
            reply_members(out, Some(&unite(&sets, cx.settings(), cx.hash_key())));
            return Ok(());
        }
        let (reply, mut members) = (out.deferred_set(), 0);
        for member in united(&sets) {
            reply_element(out, member);
            members += 1;
        }
        out.finish(reply, members);
        Ok(())
    }
}

/// How many members any of the sets has, counted up to a limit.
pub(super) fn count_union(cx: &QueryContext<'_>, sets: &Sources<'_>, limit: usize) -> usize {
    if sets.len() > MAX_SETS_LOOKED_UP {
        return unite(sets, cx.settings(), cx.hash_key()).len().min(limit);
    }
    united(sets).take(limit).count()
}

/// The members that any of the sets has, each looked up in the sets before its own.
fn united<'s, 'c>(sets: &'s [Option<&'c Set>]) -> impl Iterator<Item = Text<'c>> + use<'s, 'c> {
    sets.iter().enumerate().flat_map(|(at, &set)| {
        let before = &sets[..at];
        let is_new = move |member: &Text<'_>| !before.iter().flatten().any(|set| set.contains(*member));
        set.into_iter().flat_map(Set::iter).filter(is_new)
    })
}

/// Stores the members that any of some sets has as a set; answers how many they are.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", flags(denyoom))]
#[command(complexity = "O(N) for N members of all sets together")]
pub(super) struct Sunionstore<'a> {
    #[key(ow, update)]
    destination: Key<'a>,
    #[key(ro, access)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Update for Sunionstore<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        total_elements(cx, &self.keys)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let result = unite(&sources(cx, &self.keys)?, cx.settings(), cx.hash_key());
        store(cx, self.destination, result, "sunionstore", out)
    }
}

fn unite(sets: &Sources<'_>, settings: &CommandSettings, hash_key: &HashKey) -> Set {
    let mut result = Set::new();
    for member in sets.iter().flatten().flat_map(|set| set.iter()) {
        result.add(member, &settings.encodings, hash_key);
    }
    result
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_member_of_several_sets_comes_once() {
        let mut server = Server::new();
        for key in ["a", "b", "c", "d", "e"] {
            server.run(&format!("SADD {key} 1 2 3"));
        }
        let one_two_three = "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n";
        assert_eq!(server.run("SUNION a a b nothing"), one_two_three);
        assert_eq!(server.run("SUNION a b c d e nothing"), one_two_three);
        assert_eq!(server.run("SUNION nothing"), "*0\r\n");
        server.run("SADD f x 1");
        assert!(server.run("SUNION f a").starts_with("*4\r\n"));
        server.run("SET t 1");
        assert!(server.run("SUNION nothing t").starts_with("-WRONGTYPE"));
    }

    #[test]
    fn the_destination_is_overwritten_or_removed() {
        let mut server = Server::new();
        server.run("SADD a 1 2 3");
        server.run("SADD b 3 x");
        assert_eq!(server.run("SUNIONSTORE a a b"), ":4\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["sunionstore"], 1));
        assert_eq!(server.run("OBJECT ENCODING a"), "$9\r\nhashtable\r\n");
        assert_eq!(server.run("SUNIONSTORE a nothing"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["keymiss", "del"], 1));
    }
}
