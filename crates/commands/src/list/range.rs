//! `LRANGE key start stop`, `LTRIM key start stop`

use std::ops::Range;

use spinel_family::{Command, Encoder, EventClass, Key, Query, QueryContext, Reply, Update, UpdateContext};
use spinel_store::{List, OwnedValue};

use super::pop::{at_most_all, remove_emptied};
use super::side::reply_element;

/// Returns the elements from one index to another, both included; negative ones count from the tail.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(S/64+N) to pass S nodes and return N elements")]
pub(super) struct Lrange<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    start: i64,
    stop: i64,
}

impl Query for Lrange<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let most = if (self.start < 0) == (self.stop < 0) {
            usize::try_from(self.stop.saturating_sub(self.start).saturating_add(1)).unwrap_or(0)
        } else {
            usize::MAX
        };
        at_most_all(cx, self.key, most)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(list) = cx.read::<List>(self.key)? else {
            out.array(0);
            return Ok(());
        };
        let range = clip(self.start, self.stop, list.len());
        out.array(range.len());
        list.range(range).for_each(|element| reply_element(element, out));
        Ok(())
    }
}

/// Keeps the elements from one index to another, both included, and removes the others.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(N/64) for N nodes removed")]
pub(super) struct Ltrim<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    start: i64,
    stop: i64,
}

impl Update for Ltrim<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let Some(list) = cx.write::<List>(self.key)? else {
            out.ok();
            return Ok(());
        };
        let len = list.len();
        let kept = clip(self.start, self.stop, len);
        let removed = len - kept.len();
        if removed > 0 && !kept.is_empty() {
            let tail = list.detach(kept.end..len);
            let head = list.detach(0..kept.start);
            cx.discard(OwnedValue::List(Box::new(tail)));
            cx.discard(OwnedValue::List(Box::new(head)));
        }
        cx.touch_watchers(self.key);
        cx.notify(EventClass::List, "ltrim", self.key);
        remove_emptied(cx, self.key, kept.is_empty());
        cx.add_dirty(removed);
        out.ok();
        Ok(())
    }
}

/// The range of indexes that two inclusive ends mean, of which negative ones count from the tail.
fn clip(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_head = |index: i64| if index < 0 { index.saturating_add(len as i64) } else { index };
    let start = usize::try_from(from_head(start).max(0)).unwrap_or(usize::MAX).min(len);
    let end = usize::try_from(from_head(stop).saturating_add(1).max(0)).unwrap_or(usize::MAX).min(len);
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Server;

    #[test]
    fn ends_beyond_the_list_are_cut_off() {
        for (start, stop, range) in [
            (0, -1, 0..5),
            (-2, -1, 3..5),
            (-9, 1, 0..2),
            (2, 9, 2..5),
            (i64::MIN, i64::MAX, 0..5),
            (1, 1, 1..2),
        ] {
            assert_eq!(clip(start, stop, 5), range, "{start} {stop}");
        }
        for (start, stop) in [(3, 2), (5, 9), (-1, -2), (0, -6), (i64::MAX, i64::MIN)] {
            assert!(clip(start, stop, 5).is_empty(), "{start} {stop}");
        }
    }

    #[test]
    fn bad_indexes_are_found_before_the_key_is_looked_up() {
        let mut server = Server::new();
        server.run("SET s x");
        for line in ["LRANGE s 0 x", "LTRIM s x 0"] {
            assert_eq!(server.run(line), "-ERR value is not an integer or out of range\r\n", "{line}");
        }
        assert!(server.run("LTRIM s 0 0").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("LTRIM none 0 0"), "+OK\r\n");
        assert_eq!(server.run("LRANGE none 0 0"), "*0\r\n");
    }

    #[test]
    fn trimming_nothing_sends_the_event_but_changes_nothing() {
        let mut server = Server::new();
        server.run("RPUSH l a b c d");
        server.run("LTRIM l 0 -1");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["ltrim"], 0));
        server.run("LTRIM l 1 2");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["ltrim"], 2));
        assert_eq!(server.run("LRANGE l 0 -1"), "*2\r\n$1\r\nb\r\n$1\r\nc\r\n");
        server.run("LTRIM l 5 3");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["ltrim", "del"], 2));
        assert_eq!(server.run("EXISTS l"), ":0\r\n");
    }

    #[test]
    fn a_large_part_that_goes_is_freed_elsewhere() {
        let mut server = Server::new();
        server.settings.encodings.list_max_listpack_size = 1;
        let words = ["RPUSH", "l"].into_iter().map(String::from).chain((0..200).map(|n| n.to_string()));
        server.run_words(words);
        server.run("LTRIM l 0 9");
        assert_eq!(server.effects.garbage.len(), 1);
        assert_eq!(server.run("LLEN l"), ":10\r\n");
    }
}
