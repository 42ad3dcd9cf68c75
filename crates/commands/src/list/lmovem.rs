//! `LMOVEM source destination LEFT | RIGHT LEFT | RIGHT [<COUNT count | EXACTLY count> <OBO | BULK>]`, and `BLMOVEM`, which
//! has a timeout behind the sides
//!
//! `OBO` moves one by one, which turns the order round where both sides are the same; `BULK` keeps the order of the source. The
//! journal gets what was taken and what was added, so that every server can read it (within one list, the command itself).

use smallvec::SmallVec;
use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Attempt, Blocking, Command, CommandError, Encoder, Field, Key, Parse, QueryContext, Reply, Timeout,
    Update, UpdateContext, WaitFor, WaitKeys, Words, is_token,
};
use spinel_store::List;
use spinel_structs::number::parse_i64;

use super::pop::{length, pop_some, popped};
use super::push::pushed;
use super::side::Side;
use crate::arguments::{choice, key, one_of, word};

const SIDES: &[ArgSpec] = &[choice("left", "LEFT"), choice("right", "RIGHT")];
const FROM: ArgSpec = one_of("wherefrom", SIDES);
const TO: ArgSpec = one_of("whereto", SIDES);
const HOW_MANY: ArgSpec = Shape {
    children: &[
        one_of(
            "selector",
            &[
                Shape::word(ArgKind::Integer).arg("count", "COUNT"),
                Shape::word(ArgKind::Integer).arg("exactly", "EXACTLY"),
            ],
        ),
        one_of("ordering", &[choice("obo", "OBO"), choice("bulk", "BULK")]),
    ],
    ..Shape::word(ArgKind::Block)
}
.or_absent()
.arg("how-many", "");

/// Takes elements off an end of a list, adds them at an end of another and returns them.
#[derive(Command)]
#[command(group = List, since = "8.10.0", complexity = "O(N) for N elements moved", flags(denyoom))]
#[command(manual, arity = -5, args = &[key("source", 0), key("destination", 1), FROM, TO, HOW_MANY])]
pub(super) struct Lmovem<'a> {
    #[key(rw, access, delete)]
    source: Key<'a>,
    #[key(rw, insert)]
    destination: Key<'a>,
    sides: (Side, Side),
    how_many: HowMany,
}

/// Takes elements off an end of a list, adds them at an end of another and returns them; or waits for them.
#[derive(Command)]
#[command(group = List, since = "8.10.0", complexity = "O(N) for N elements moved", flags(denyoom))]
#[command(manual, arity = -6)]
#[command(args = &[key("source", 0), key("destination", 1), FROM, TO, word("timeout", ArgKind::Double), HOW_MANY])]
pub(super) struct Blmovem<'a> {
    #[key(rw, access, delete)]
    source: Key<'a>,
    #[key(rw, insert)]
    destination: Key<'a>,
    sides: (Side, Side),
    timeout: Timeout,
    how_many: HowMany,
}

/// How many elements are moved, and in what order.
#[derive(Clone, Copy)]
struct HowMany {
    count: usize,
    is_exact: bool,
    keeps_order: bool,
}

impl HowMany {
    fn parse(words: &mut Words<'_>) -> Result<Self, CommandError> {
        if words.is_empty() {
            return Ok(Self { count: 1, is_exact: false, keeps_order: false });
        }
        let selector = words.take()?;
        let is_exact = is_token(selector, "EXACTLY");
        if !is_exact && !is_token(selector, "COUNT") {
            return Err(CommandError::Syntax);
        }
        let count = parse_i64(words.take()?).and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|&count| count > 0);
        let count = count.ok_or(CommandError::text("ERR count should be greater than 0"))?;
        let ordering = words.take()?;
        let keeps_order = is_token(ordering, "BULK");
        if !words.is_empty() || !(keeps_order || is_token(ordering, "OBO")) {
            return Err(CommandError::Syntax);
        }
        Ok(Self { count, is_exact, keeps_order })
    }
}

impl<'a> Parse<'a> for Lmovem<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (source, destination) = (words.key()?, words.key()?);
        let sides = (Side::parse(words)?, Side::parse(words)?);
        Ok(Self { source, destination, sides, how_many: HowMany::parse(words)? })
    }
}

impl<'a> Parse<'a> for Blmovem<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (source, destination) = (words.key()?, words.key()?);
        let sides = (Side::parse(words)?, Side::parse(words)?);
        let timeout = Timeout::parse(words)?;
        Ok(Self { source, destination, sides, timeout, how_many: HowMany::parse(words)? })
    }
}

impl Update for Lmovem<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.how_many.count.min(length(cx, self.source))
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if !run(cx, (self.source, self.destination), self.sides, self.how_many, out)? {
            out.null_array();
        }
        Ok(())
    }
}

impl Blocking for Blmovem<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        if cx.is_retry() && cx.kind(self.source) != Some(spinel_store::Kind::List) {
            return Ok(Attempt::NotReady);
        }
        if run(cx, (self.source, self.destination), self.sides, self.how_many, out)? {
            return Ok(Attempt::Served);
        }
        if !cx.denies_blocking() {
            return Ok(Attempt::NotReady);
        }
        out.null_array();
        Ok(Attempt::Served)
    }

    fn wait_for(&self) -> WaitFor<'_> {
        WaitFor::any_of(WaitKeys::One(self.source), self.timeout).writing_to(self.destination)
    }
}

/// Moves elements and replies with them in the order in which they stand in the destination; false if there are not enough.
fn run(
    cx: &mut UpdateContext<'_>,
    (source, destination): (Key<'_>, Key<'_>),
    (from, to): (Side, Side),
    how_many: HowMany,
    out: &mut Encoder,
) -> Result<bool, CommandError> {
    let HowMany { count, is_exact, keeps_order } = how_many;
    let len = cx.write::<List>(source)?.map_or(0, |list| list.len());
    if len == 0 || (is_exact && len < count) {
        return Ok(false);
    }
    if cx.find_mut(destination).is_some_and(|entry| entry.kind() != spinel_store::Kind::List) {
        return Err(CommandError::WrongType);
    }
    let count = count.min(len);
    let range = if from == Side::Left { 0..count } else { len - count..len };
    cx.count_no_more_uses();
    let list = cx.write::<List>(source)?.expect("it was there");
    let mut taken: Vec<SmallVec<[u8; 32]>> =
        list.range(range).map(|element| SmallVec::from_vec(element.to_vec())).collect();
    // As they stand in the source they are taken from the left; one by one they are added the other way round there.
    let turns = !keeps_order && from == to;
    if turns {
        taken.reverse();
    }
    out.array(taken.len());
    taken.iter().for_each(|element| out.bulk(element));
    let is_rotation = source.bytes == destination.bytes;
    if is_rotation {
        // The key stays, even if all elements are taken for a moment.
        let list = cx.write::<List>(source)?.expect("it was there");
        for _ in 0..count {
            list.pop(from.end(), |_| ());
        }
    } else {
        pop_some(cx, source, from, count, &mut Encoder::new(out.protocol()))?;
    }
    let limits = &cx.settings().encodings;
    let list = cx.write_or_create::<List>(destination)?;
    match to {
        Side::Left => list.push(to.end(), taken.iter().rev().map(|element| &element[..]), limits),
        Side::Right => list.push(to.end(), taken.iter().map(|element| &element[..]), limits),
    }
    pushed(cx, destination, to);
    if is_rotation {
        popped(cx, source, from, false);
        cx.add_dirty(count);
        return Ok(true);
    }
    let pop = from.pop_command().as_bytes();
    cx.propagate_as([pop, source.bytes, count.to_string().as_bytes()]);
    let push = to.push_command().as_bytes();
    let mut elements: Vec<&[u8]> = taken.iter().map(|element| &element[..]).collect();
    if to == Side::Left {
        elements.reverse();
    }
    cx.propagate_as([push, destination.bytes].into_iter().chain(elements));
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    fn words(server: &mut Server, line: &str) -> String {
        let reply = server.run(line);
        let lines = reply.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(['$', '*']));
        lines.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn elements_come_in_the_order_of_the_destination() {
        // The first of each are the expectations of Redis's and redis-py's tests.
        for (movement, moved, destination) in [
            ("LEFT LEFT COUNT 3 OBO", "3 2 1", "3 2 1 x"),
            ("LEFT LEFT COUNT 3 BULK", "1 2 3", "1 2 3 x"),
            ("RIGHT RIGHT COUNT 3 OBO", "5 4 3", "x 5 4 3"),
            ("RIGHT RIGHT COUNT 3 BULK", "3 4 5", "x 3 4 5"),
            ("LEFT RIGHT COUNT 2 OBO", "1 2", "x 1 2"),
            ("RIGHT LEFT COUNT 2 OBO", "4 5", "4 5 x"),
            ("LEFT RIGHT EXACTLY 5 BULK", "1 2 3 4 5", "x 1 2 3 4 5"),
            ("LEFT RIGHT COUNT 9 BULK", "1 2 3 4 5", "x 1 2 3 4 5"),
            ("LEFT RIGHT", "1", "x 1"),
        ] {
            let mut server = Server::new();
            server.run("RPUSH s 1 2 3 4 5");
            server.run("RPUSH d x");
            assert_eq!(words(&mut server, &format!("LMOVEM s d {movement}")), moved, "{movement}");
            assert_eq!(words(&mut server, "LRANGE d 0 -1"), destination, "{movement}");
        }
    }

    #[test]
    fn what_is_recorded_is_what_was_taken_and_added() {
        let mut server = Server::new();
        server.run("RPUSH s 1 2 3");
        assert_eq!(words(&mut server, "LMOVEM s d LEFT LEFT COUNT 2 BULK"), "1 2");
        assert_eq!(server.propagated(), ["LPOP s 2", "LPUSH d 2 1"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["lpop", "new", "lpush"], 2));
        assert_eq!(server.run("LMOVEM s d LEFT LEFT EXACTLY 2 BULK"), "*-1\r\n");
        server.run("PEXPIRE s 1000");
        assert_eq!(words(&mut server, "LMOVEM s s LEFT RIGHT COUNT 2 OBO"), "3");
        assert_eq!((server.event_names(), server.propagated()), (vec!["rpush", "lpop"], vec![]));
        assert_eq!(server.run("PTTL s"), ":1000\r\n");
        assert_eq!(words(&mut server, "LMOVEM d d LEFT LEFT COUNT 2 OBO"), "2 1");
        assert_eq!(server.run("LMOVEM none d LEFT LEFT"), "*-1\r\n");
        assert_eq!(server.run("BLMOVEM s d LEFT LEFT 0 EXACTLY 2 OBO"), "+BLOCKED\r\n");
        assert_eq!(words(&mut server, "BLMOVEM s d LEFT LEFT 0"), "3");
    }

    #[test]
    fn words_are_read_before_keys_are_looked_up() {
        let mut server = Server::new();
        server.run("SET t x");
        server.run("RPUSH s 1");
        for (line, error) in [
            ("LMOVEM t s LEFT UP", "ERR syntax error"),
            ("LMOVEM t s LEFT LEFT COUNT 1", "ERR syntax error"),
            ("LMOVEM t s LEFT LEFT COUNT 1 ALL", "ERR syntax error"),
            ("LMOVEM t s LEFT LEFT COUNT 0 OBO", "ERR count should be greater than 0"),
            ("LMOVEM t s LEFT LEFT", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("LMOVEM s t LEFT LEFT", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("BLMOVEM s t LEFT LEFT x", "ERR timeout is not a float or out of range"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
        assert_eq!(server.run("LLEN s"), ":1\r\n");
    }
}
