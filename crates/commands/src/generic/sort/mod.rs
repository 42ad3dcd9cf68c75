//! `SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] [STORE destination]`, `SORT_RO`
//!
//! `BY` and `GET` may name keys by a pattern into which each element is put ([`pattern`]). Such keys follow from the data,
//! so that nobody can lock them in advance: a call with a pattern runs with all shards held, all others with their own
//! keys alone. What is sorted stays where it is; the order is one of references ([`order`]).

mod options;
mod order;
mod pattern;

use spinel_family::spec::{ArgKind, ArgSpec, KeySpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Query, QueryContext, Reply, Update,
    UpdateContext, Words,
};
use spinel_store::value::{End, List};
use spinel_store::{Keep, NewValue, Text};

use self::options::{Options, reach_of_sort, reach_of_sort_ro};
use self::order::{Sorted, sorted};
use self::pattern::Lookups;
use crate::arguments::{LIMIT, READ, STORE, choice, key, key_at, token, unknown_keys};
use crate::collection::{elements_of, reply_element};

const PATTERN_KEYS: KeySpec = unknown_keys(
    READ,
    "The patterns of BY and GET: unknown, for the names of their keys follow from the elements of the key that is sorted",
);
const STORED_KEY: KeySpec =
    unknown_keys(STORE, "The destination of STORE: unknown, for the word may stand anywhere behind the key");

const BY: ArgSpec =
    ArgSpec { key_spec: Some(1), ..Shape::word(ArgKind::Pattern).or_absent().arg("pattern", "BY") };
const GET: ArgSpec = {
    let get = Shape::word(ArgKind::Pattern).or_absent().repeated().arg("pattern", "GET");
    ArgSpec {
        key_spec: Some(1),
        flags: spinel_family::spec::ArgFlags { multiple_token: true, ..get.flags },
        ..get
    }
};
const ORDER: ArgSpec =
    Shape { children: &[choice("asc", "ASC"), choice("desc", "DESC")], ..Shape::word(ArgKind::OneOf) }
        .or_absent()
        .arg("order", "");
const ALPHA: ArgSpec = token("sorting", "ALPHA");
const DESTINATION: ArgSpec =
    ArgSpec { key_spec: Some(2), ..Shape::word(ArgKind::Key).or_absent().arg("destination", "STORE") };

/// Sorts the elements of a list, a set or a sorted set, and answers with them or stores them as a list.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", flags(denyoom), manual, arity = -2)]
#[command(complexity = "O(N+M*log(M)) for N elements of which M are returned; O(N) where nothing is sorted")]
#[command(categories(Set, SortedSet, List, Dangerous))]
#[command(keys = &[key_at(1, READ), PATTERN_KEYS, STORED_KEY], reach = reach_of_sort)]
#[command(args = &[key("key", 0), BY, LIMIT, GET, ORDER, ALPHA, DESTINATION])]
pub(in super::super) struct Sort<'a> {
    key: Key<'a>,
    options: Options<'a>,
}

/// Sorts the elements of a list, a set or a sorted set, and answers with them.
#[derive(Command)]
#[command(name = "sort_ro", group = Generic, since = "7.0.0", manual, arity = -2)]
#[command(complexity = "O(N+M*log(M)) for N elements of which M are returned; O(N) where nothing is sorted")]
#[command(categories(Set, SortedSet, List, Dangerous))]
#[command(keys = &[key_at(1, READ), PATTERN_KEYS], reach = reach_of_sort_ro)]
#[command(args = &[key("key", 0), BY, LIMIT, GET, ORDER, ALPHA])]
pub(in super::super) struct SortRo<'a> {
    key: Key<'a>,
    options: Options<'a>,
}

impl<'a> Parse<'a> for Sort<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, options: Options::parse(words.rest(), true)? })
    }
}

impl<'a> Parse<'a> for SortRo<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, options: Options::parse(words.rest(), false)? })
    }
}

impl Query for SortRo<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.options.cost(elements_of(cx, self.key))
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let mut lookups = Lookups::new(cx);
        let sorted = sorted(self.key, &self.options, &mut lookups)?;
        reply(&sorted, &self.options, &mut lookups, out);
        Ok(())
    }
}

impl Update for Sort<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.options.cost(elements_of(cx, self.key))
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let mut lookups = Lookups::new(cx);
        let sorted = sorted(self.key, &self.options, &mut lookups);
        let result = match (sorted, self.options.store) {
            (Ok(sorted), Some(_)) => Ok(Some(stored(&sorted, &self.options, &mut lookups))),
            (Ok(sorted), None) => {
                reply(&sorted, &self.options, &mut lookups, out);
                Ok(None)
            }
            (Err(error), _) => Err(error),
        };
        // What was missed because its time had come goes before what is stored, so that the log tells the same.
        let (db, hash_key) = (cx.db(), cx.hash_key());
        for expired in lookups.into_expired() {
            cx.remove_if_expired(db, Key::new(&expired, hash_key));
        }
        if let (Some(list), Some(destination)) = (result?, self.options.store) {
            store(cx, destination, list, out);
        }
        Ok(())
    }
}

/// Writes the elements, or what `GET` wants instead of each.
fn reply<'c>(sorted: &Sorted<'c>, options: &Options<'_>, lookups: &mut Lookups<'c, '_>, out: &mut Encoder) {
    out.array(sorted.len() * options.gets.len().max(1));
    for element in sorted.elements() {
        if options.gets.is_empty() {
            reply_element(out, element);
        }
        for get in &options.gets {
            match lookups.find(get, element) {
                Some(text) => reply_element(out, text),
                None => out.null(),
            }
        }
    }
}

/// The same as a list; what is missing is empty in it.
fn stored<'c>(sorted: &Sorted<'c>, options: &Options<'_>, lookups: &mut Lookups<'c, '_>) -> List {
    let limits = &lookups.settings().encodings;
    let mut list = List::new();
    let mut push = |text: Text<'_>| text.with_bytes(|bytes| list.push(End::Back, [bytes], limits));
    for element in sorted.elements() {
        if options.gets.is_empty() {
            push(element);
        }
        for get in &options.gets {
            push(lookups.find(get, element).unwrap_or(Text::Bytes(b"")));
        }
    }
    list
}

fn store(cx: &mut UpdateContext<'_>, destination: Key<'_>, list: List, out: &mut Encoder) {
    let len = list.len();
    if len > 0 {
        cx.put(destination, NewValue::List(Box::new(list)), Keep::Replace(None));
        cx.changed(destination, EventClass::List, "sortstore");
        cx.add_dirty(len - 1);
    } else if cx.remove_destination(destination) {
        cx.changed(destination, EventClass::Generic, "del");
    }
    out.integer(len as i64);
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    /// The bulk strings of a reply, `-` for each that is missing.
    fn words(server: &mut Server, line: &str) -> String {
        let reply = server.run(line);
        let lines = reply.split("\r\n").skip(1).filter(|line| !line.is_empty());
        let words: Vec<_> = lines.filter(|line| !line.starts_with('$') || *line == "$-1").collect();
        words.join(" ").replace("$-1", "-")
    }

    fn filled() -> Server {
        let mut server = Server::new();
        server.run("RPUSH l 3 1 10 2");
        server.run("MSET w1 30 w2 20 w3 10 w10 x");
        server.run("HSET h1 f one n 4");
        server.run("HSET h2 f two n 3");
        server
    }

    #[test]
    fn numbers_are_sorted_as_numbers_and_words_as_words() {
        let mut server = filled();
        assert_eq!(words(&mut server, "SORT l"), "1 2 3 10");
        assert_eq!(words(&mut server, "SORT l DESC"), "10 3 2 1");
        assert_eq!(words(&mut server, "SORT l ALPHA"), "1 10 2 3");
        assert_eq!(words(&mut server, "SORT_RO l ALPHA DESC LIMIT 1 2"), "2 10");
        assert_eq!(words(&mut server, "SORT l LIMIT 1 2"), "2 3");
        assert_eq!(words(&mut server, "SORT l DESC LIMIT 3 9"), "1");
        assert_eq!(server.run("SORT l LIMIT 4 9"), "*0\r\n");
        assert_eq!(words(&mut server, "SORT l LIMIT -7 -7"), "1 2 3 10");
        server.run("RPUSH l x");
        let error = "-ERR One or more scores can't be converted into double\r\n";
        assert_eq!(server.run("SORT l"), error);
        assert_eq!(words(&mut server, "SORT l BY nosort"), "3 1 10 2 x");
        assert_eq!(server.run("SORT nothing"), "*0\r\n");
    }

    #[test]
    fn patterns_name_other_keys_and_fields() {
        let mut server = filled();
        server.run("LTRIM l 0 1");
        assert_eq!(words(&mut server, "SORT l BY w*"), "3 1");
        assert_eq!(words(&mut server, "SORT l BY w* GET # GET h*->f GET w* GET none"), "3 - 10 - 1 one 30 -");
        assert_eq!(words(&mut server, "SORT l BY h*->n DESC GET #"), "1 3");
        assert_eq!(words(&mut server, "SORT_RO l BY h*->f ALPHA"), "3 1");
        server.run("RPUSH l 10");
        assert!(server.run("SORT l BY w*").starts_with("-ERR One or more scores"));
        assert_eq!(words(&mut server, "SORT l BY w* ALPHA"), "3 1 10");
    }

    #[test]
    fn what_is_stored_replaces_the_destination() {
        let mut server = filled();
        assert_eq!(server.run("SORT l GET w* STORE l"), ":4\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["sortstore"], 4));
        assert_eq!(words(&mut server, "LRANGE l 0 -1"), "30 20 10 x");
        assert_eq!(server.run("SORT none STORE l"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["keymiss", "del"], 1));
        assert_eq!(server.run("SORT none STORE l"), ":0\r\n");
        assert_eq!(server.run("SORT_RO w STORE l"), "-ERR syntax error\r\n");
    }

    #[test]
    fn a_key_of_a_pattern_whose_time_has_come_is_removed_before_the_result_is_stored() {
        let mut server = filled();
        server.run("PEXPIRE w3 100");
        server.advance_ms(100);
        assert_eq!(server.run("SORT l BY nosort GET w* STORE d"), ":4\r\n");
        assert_eq!(words(&mut server, "LRANGE d 0 -1"), " 30 x 20".trim_start());
        assert_eq!(server.run("EXISTS w3"), ":0\r\n");
    }

    #[test]
    fn without_sorting_lists_and_sorted_sets_keep_their_order_and_a_stored_set_is_sorted() {
        let mut server = Server::new();
        server.run("ZADD z 1 b 2 a 3 d 4 c");
        assert_eq!(words(&mut server, "SORT z BY nosort"), "b a d c");
        assert_eq!(words(&mut server, "SORT z BY nosort DESC LIMIT 1 2"), "d a");
        assert_eq!(words(&mut server, "SORT z ALPHA DESC"), "d c b a");
        server.run("RPUSH l b a c");
        assert_eq!(words(&mut server, "SORT l BY nosort DESC LIMIT 0 2"), "c a");
        server.run("SADD s delta alpha beta");
        assert_eq!(server.run("SORT s BY nosort STORE d"), ":3\r\n");
        assert_eq!(words(&mut server, "LRANGE d 0 -1"), "alpha beta delta");
    }

    #[test]
    fn words_are_read_before_the_key_is_looked_up() {
        let mut server = filled();
        for (line, error) in [
            ("SORT w1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("SORT w1 FOO", "ERR syntax error"),
            ("SORT w1 BY", "ERR syntax error"),
            ("SORT w1 LIMIT 1", "ERR syntax error"),
            ("SORT w1 LIMIT 1 x", "ERR value is not an integer or out of range"),
            ("SORT w1 GET", "ERR syntax error"),
            ("SORT w1 STORE", "ERR syntax error"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
    }
}
