//! `LPUSHEX key [NX | XX] [EX seconds | PX milliseconds | EXAT time | PXAT time] ELEMENTS numelements element [element ...]`,
//! `RPUSHEX`

use spinel_family::spec::ArgSpec;
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Field, Key, Many, QueryContext, Reply, UnixMillis, Update,
    UpdateContext, Words, is_token,
};
use spinel_store::List;

use super::super::push::pushed;
use super::super::side::Side;
use super::words::{ELEMENTS, ELEMENTS_ARG, propagate_expiry};
use crate::arguments::{EXPIRATION, choice, maybe, one_of};
use crate::element_words::{Clock, KEY_ARG, Rest, cost};

const CONDITION_ARG: ArgSpec = maybe(one_of("condition", &[choice("nx", "NX"), choice("xx", "XX")]));

/// Adds elements that expire at the head of a list; answers its length, or 0 if the condition is not met.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N) for N elements", flags(denyoom, fast))]
#[command(arity = -5, args = &[KEY_ARG, CONDITION_ARG, EXPIRATION, ELEMENTS_ARG])]
pub(in crate::list) struct Lpushex<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Lpushex<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let request = Request::read(self.words.0, cx.now(), "lpushex")?;
        push(cx, self.key, Side::Left, &request, out)
    }
}

/// Adds elements that expire at the tail of a list; answers its length, or 0 if the condition is not met.
#[derive(Command)]
#[command(group = List, since = "8.0.0", complexity = "O(N) for N elements", flags(denyoom, fast))]
#[command(arity = -5, args = &[KEY_ARG, CONDITION_ARG, EXPIRATION, ELEMENTS_ARG])]
pub(in crate::list) struct Rpushex<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Rpushex<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let request = Request::read(self.words.0, cx.now(), "rpushex")?;
        push(cx, self.key, Side::Right, &request, out)
    }
}

/// The words behind the key, read.
struct Request<'a> {
    /// Whether there must be a list, or none.
    must_exist: Option<bool>,
    expiry: Option<UnixMillis>,
    elements: Many<'a, &'a [u8]>,
}

impl<'a> Request<'a> {
    fn read(mut words: Words<'a>, now: UnixMillis, command: &'static str) -> Result<Self, CommandError> {
        let (mut must_exist, mut expiry) = (None, None);
        while let Some(word) = words.peek().filter(|word| !is_token(word, ELEMENTS.token)) {
            words.skip_one();
            if is_token(word, "XX") || is_token(word, "NX") {
                if must_exist.replace(is_token(word, "XX")).is_some() {
                    return Err(CommandError::text("ERR Only one of XX or NX arguments can be specified"));
                }
                continue;
            }
            let clock = Clock::of_option(word);
            let clock = clock.ok_or_else(|| CommandError::quoting("ERR unknown argument: ", word, ""))?;
            let amount = words.take().map_err(|_| CommandError::text("ERR missing expire time"))?;
            if expiry.replace(clock.time(amount, now, command)?).is_some() {
                return Err(CommandError::text(
                    "ERR Only one of EX, PX, EXAT or PXAT arguments can be specified",
                ));
            }
        }
        ELEMENTS.read(&mut words)?;
        Ok(Self { must_exist, expiry, elements: Many::parse(&mut words)? })
    }
}

fn push(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    side: Side,
    request: &Request<'_>,
    out: &mut Encoder,
) -> Reply {
    let Request { must_exist, expiry, elements } = request;
    let before = cx.write::<List>(key)?.map(|list| list.len());
    if must_exist.is_some_and(|must| before.is_some() != must) {
        out.integer(0);
        return Ok(());
    }
    if expiry.is_some_and(|at| at <= cx.now()) {
        // They would be added and removed at once.
        out.integer(before.unwrap_or(0) as i64);
        return Ok(());
    }
    let limits = &cx.settings().encodings;
    cx.count_no_more_uses();
    let list = cx.write_or_create::<List>(key)?;
    list.push(side.end(), elements.items(), limits);
    let len = list.len();
    pushed(cx, key, side);
    cx.add_dirty(elements.len());
    let words = [side.push_command().as_bytes(), key.bytes];
    cx.propagate_as(words.into_iter().chain(elements.items()));
    if let Some(at) = *expiry {
        let indexes = if side == Side::Left { 0..elements.len() } else { len - elements.len()..len };
        cx.change_typed(key, |list: &mut List| {
            indexes.clone().for_each(|index| {
                list.set_expiry(index, Some(at));
            });
        });
        cx.notify(EventClass::List, "lexpire", key);
        propagate_expiry(cx, key, at, &indexes.collect::<Vec<_>>());
    }
    out.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn elements_are_added_with_their_expiry_and_recorded_in_two_steps() {
        let mut server = Server::new();
        assert_eq!(server.run("RPUSHEX l EX 10 ELEMENTS 2 a b"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "rpush", "lexpire"], 2));
        assert_eq!(server.propagated(), ["RPUSH l a b", "LPEXPIREAT l 1700000010000 INDEXES 2 0 1"]);
        assert_eq!(server.run("RPUSHEX l PX 500 ELEMENTS 1 c"), ":3\r\n");
        assert_eq!(server.propagated(), ["RPUSH l c", "LPEXPIREAT l 1700000000500 INDEXES 1 2"]);
        assert_eq!(server.run("LPUSHEX l EXAT 1700000020 ELEMENTS 2 y x"), ":5\r\n");
        assert_eq!(server.propagated(), ["LPUSH l y x", "LPEXPIREAT l 1700000020000 INDEXES 2 0 1"]);
        assert_eq!(server.run("LPUSHEX l ELEMENTS 1 w"), ":6\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["lpush"], vec!["LPUSH l w".into()]));
        let times = "*6\r\n:-1\r\n:20\r\n:20\r\n:10\r\n:10\r\n:1\r\n";
        assert_eq!(server.run("LTTL l INDEXES 6 0 1 2 3 4 5"), times);
    }

    #[test]
    fn conditions_are_about_the_list() {
        let mut server = Server::new();
        for (line, reply) in [
            ("RPUSHEX l XX EX 1 ELEMENTS 1 a", ":0\r\n"),
            ("EXISTS l", ":0\r\n"),
            ("RPUSHEX l NX EX 1 ELEMENTS 1 a", ":1\r\n"),
            ("RPUSHEX l NX EX 1 ELEMENTS 1 b", ":0\r\n"),
            ("LPUSHEX l EX 1 XX ELEMENTS 1 b", ":2\r\n"),
            ("LRANGE l 0 -1", "*2\r\n$1\r\nb\r\n$1\r\na\r\n"),
        ] {
            assert_eq!(server.run(line), reply, "{line}");
        }
    }

    #[test]
    fn a_time_that_has_passed_adds_nothing() {
        let mut server = Server::new();
        assert_eq!(server.run("RPUSHEX l PXAT 1 ELEMENTS 1 a"), ":0\r\n");
        server.run("RPUSH l a");
        assert_eq!(server.run("RPUSHEX l EX 0 ELEMENTS 1 b"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
    }

    #[test]
    fn the_words_are_checked_before_the_key() {
        let mut server = Server::new();
        server.run("SET t 1");
        for (line, error) in [
            ("LPUSHEX t EX x ELEMENTS 1 a", "value is not an integer or out of range"),
            ("LPUSHEX t EX -1 ELEMENTS 1 a", "invalid expire time, must be >= 0"),
            ("LPUSHEX t PX 70368744177664 ELEMENTS 1 a", "invalid expire time in 'lpushex' command"),
            ("RPUSHEX t a ELEMENTS 1 a", "unknown argument: a"),
            ("RPUSHEX t KEEPTTL ELEMENTS 1 a", "unknown argument: KEEPTTL"),
            ("RPUSHEX t XX NX ELEMENTS 1 a", "Only one of XX or NX arguments can be specified"),
            (
                "RPUSHEX t EX 1 PX 1 ELEMENTS 1 a",
                "Only one of EX, PX, EXAT or PXAT arguments can be specified",
            ),
            ("RPUSHEX t ELEMENTS 0 a", "Number of elements must be a positive integer"),
            ("RPUSHEX t ELEMENTS 2 a", "The `numelements` parameter must match the number of arguments"),
            ("RPUSHEX t XX PX 5 EX", "missing expire time"),
            ("RPUSHEX t XX PX 5", "Mandatory argument ELEMENTS is missing or not at the right position"),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
        assert_eq!(
            server.run("RPUSHEX t XX EX 5 NX"),
            "-ERR Only one of XX or NX arguments can be specified\r\n"
        );
        assert!(server.run("RPUSHEX t ELEMENTS 1 a").starts_with("-WRONGTYPE"));
    }

    #[test]
    fn who_waits_is_told() {
        let mut server = Server::new();
        server.wait_for("l");
        server.run("RPUSHEX l EX 5 ELEMENTS 1 a");
        assert_eq!(server.effects.ready.len(), 1);
    }
}
