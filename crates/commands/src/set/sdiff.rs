//! `SDIFF key [key ...]`, `SDIFFSTORE destination key [key ...]`
//!
//! There are two ways, and the cheaper one by a guess is taken: to look every member of the first set up in the
//! others, which is done when one of them has it; or to remove the members of all others from a copy of the first.

use spinel_family::{
    Command, CommandSettings, Encoder, Key, Many, Query, QueryContext, Reply, Update, UpdateContext,
};
use spinel_store::value::Set;
use spinel_store::{HashKey, Text};

use super::result::{Sources, reply_members, sources, store, total_elements};
use crate::collection::reply_element;

/// Returns the members of the first set that none of the others has.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", tips("nondeterministic_output_order"))]
#[command(complexity = "O(N) for N members of all sets together")]
pub(super) struct Sdiff<'a> {
    #[key(ro, access)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Query for Sdiff<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        total_elements(cx, &self.keys)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let sets = sources(cx, &self.keys)?;
        let Some(difference) = Difference::of(&sets) else {
            out.set(0);
            return Ok(());
        };
        if !difference.looks_up() {
            reply_members(out, Some(&difference.by_removal(cx.settings(), cx.hash_key())));
            return Ok(());
        }
        let (reply, mut members) = (out.deferred_set(), 0);
        difference.by_look_up(|member| {
            reply_element(out, member);
            members += 1;
        });
        out.finish(reply, members);
        Ok(())
    }
}

/// Stores the members of the first set that none of the others has as a set; answers how many they are.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", flags(denyoom))]
#[command(complexity = "O(N) for N members of all sets together")]
pub(super) struct Sdiffstore<'a> {
    #[key(ow, update)]
    destination: Key<'a>,
    #[key(ro, access)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Update for Sdiffstore<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        total_elements(cx, &self.keys)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (settings, hash_key) = (cx.settings(), cx.hash_key());
        let sets = sources(cx, &self.keys)?;
        let mut result = Set::new();
        match Difference::of(&sets) {
            Some(difference) if difference.looks_up() => difference.by_look_up(|member| {
                result.add(member, &settings.encodings, hash_key);
            }),
            Some(difference) => result = difference.by_removal(settings, hash_key),
            None => {}
        }
        drop(sets);
        store(cx, self.destination, result, "sdiffstore", out)
    }
}

/// How many members of the first set none of the others has.
pub(super) fn count_difference(cx: &QueryContext<'_>, sets: &Sources<'_>) -> usize {
    let mut members = 0;
    match Difference::of(sets) {
        Some(difference) if difference.looks_up() => difference.by_look_up(|_| members += 1),
        Some(difference) => members = difference.by_removal(cx.settings(), cx.hash_key()).len(),
        None => {}
    }
    members
}

/// A set less others.
struct Difference<'c> {
    first: &'c Set,
    /// The largest first: the most likely to have a member.
    others: Vec<&'c Set>,
}

impl<'c> Difference<'c> {
    /// The difference of sets; `None` if it is known to be empty.
    fn of(sets: &Sources<'c>) -> Option<Self> {
        let (first, others) = sets.split_first()?;
        let first = (*first)?;
        let mut others: Vec<&Set> = others.iter().flatten().copied().collect();
        if others.iter().any(|other| std::ptr::eq(*other, first)) {
            return None;
        }
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        Some(Self { first, others })
    }

    /// Whether looking up is the cheaper way: it does half the look-ups, or fewer, since it can stop early.
    fn looks_up(&self) -> bool {
        let look_ups = self.first.len().saturating_mul(self.others.len() + 1);
        let removals = self.first.len() + self.others.iter().map(|set| set.len()).sum::<usize>();
        look_ups / 2 <= removals
    }

    fn by_look_up(&self, visit: impl FnMut(Text<'_>)) {
        let members = self.first.iter();
        members.filter(|member| !self.others.iter().any(|set| set.contains(*member))).for_each(visit);
    }

    fn by_removal(&self, settings: &CommandSettings, hash_key: &HashKey) -> Set {
        let mut result = Set::new();
        for member in self.first.iter() {
            result.add(member, &settings.encodings, hash_key);
        }
        for member in self.others.iter().flat_map(|set| set.iter()) {
            result.remove(member);
            if result.is_empty() {
                break;
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn both_ways_give_the_same() {
        let mut server = Server::new();
        server.run("SADD a 1 2 3 4 98 99");
        server.run("SADD b 4 x");
        server.run("SADD c 1 y 98 99");
        let two_three = "*2\r\n$1\r\n2\r\n$1\r\n3\r\n";
        assert_eq!(server.run("SDIFF a b c nothing"), two_three);
        // Half of 36 look-ups against fifteen members to copy or remove.
        server.run("SADD d 98");
        server.run("SADD e 99");
        server.run("SADD f 99");
        assert_eq!(server.run("SDIFF a b c d e f"), two_three);
        assert_eq!(server.run("SDIFFSTORE g a b c d e f"), ":2\r\n");
        assert_eq!(server.run("SMEMBERS g"), two_three);
    }

    #[test]
    fn a_set_less_itself_is_empty() {
        let mut server = Server::new();
        server.run("SADD a 1 2 3 4");
        assert_eq!(server.run("SDIFF a nothing a"), "*0\r\n");
        assert_eq!(server.run("SDIFF nothing a"), "*0\r\n");
        server.run("SET t 1");
        assert!(server.run("SDIFF nothing t").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("SDIFFSTORE a a a"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["del"], 1));
    }

    #[test]
    fn the_destination_is_overwritten() {
        let mut server = Server::new();
        server.run("SADD a 1 2 x");
        server.run("SADD b x");
        server.run("SET d 1");
        assert_eq!(server.run("SDIFFSTORE d a b"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["sdiffstore"], 1));
        assert_eq!(server.run("OBJECT ENCODING d"), "$6\r\nintset\r\n");
    }
}
