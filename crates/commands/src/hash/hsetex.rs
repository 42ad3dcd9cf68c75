//! `HSETEX key [NX | XX] [FNX | FXX] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL] FIELDS numfields field
//! value [field value ...]`
//!
//! `NX` and `XX`, which ask whether the key exists, are Valkey's.

use smallvec::SmallVec;
use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Field, Key, Many, QueryContext, Reply, UnixMillis, Update,
    UpdateContext, Words, is_token,
};
use spinel_store::value::Hash;
use spinel_structs::number::parse_i64;

use super::field_words::{Clock, KEY_ARG, Rest, cost, has_hash, propagate_removal};
use super::hset::FieldValue;
use crate::arguments::{EXPIRATION_OR_KEEP, choice, maybe, one_of};

/// Sets fields of a hash together with their expiry, on conditions; answers whether it did.
#[derive(Command)]
#[command(group = Hash, since = "8.0.0", complexity = "O(N) for N fields set", flags(denyoom, fast))]
#[command(arity = -6, args = ARGS)]
pub(super) struct Hsetex<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

const ARGS: &[ArgSpec] = &[
    KEY_ARG,
    maybe(one_of("key-condition", &[choice("nx", "NX"), choice("xx", "XX")])),
    maybe(one_of("condition", &[choice("fnx", "FNX"), choice("fxx", "FXX")])),
    EXPIRATION_OR_KEEP,
    Shape {
        children: &[
            Shape::word(ArgKind::Integer).arg("numfields", ""),
            FieldValue::SHAPE.repeated().arg("data", ""),
        ],
        ..Shape::word(ArgKind::Block)
    }
    .arg("fields", "FIELDS"),
];

/// What becomes of the expiries of the fields set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiration {
    End,
    Keep,
    At(UnixMillis),
}

/// The words behind the key, read.
struct Request<'a> {
    /// Whether the key must exist, or must not.
    key_exists: Option<bool>,
    /// Whether all fields must exist, or none.
    fields_exist: Option<bool>,
    expiration: Expiration,
    fields: Many<'a, FieldValue<'a>>,
}

impl<'a> Request<'a> {
    fn read(mut words: Words<'a>, now: UnixMillis) -> Result<Self, CommandError> {
        let (mut key_exists, mut fields_exist, mut expiration) = (None, None, None);
        loop {
            let word = words.take()?;
            if is_token(word, "FIELDS") {
                let (expiration, fields) = (expiration.unwrap_or(Expiration::End), fields(&mut words)?);
                return Ok(Self { key_exists, fields_exist, expiration, fields });
            }
            let clock = Clock::of_option(word);
            if clock.is_some() || is_token(word, "KEEPTTL") {
                if expiration.is_some() {
                    return Err(CommandError::text(
                        "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                    ));
                }
                expiration = Some(match clock {
                    None => Expiration::Keep,
                    Some(clock) => {
                        let amount =
                            words.take().map_err(|_| CommandError::text("ERR missing expire time"))?;
                        Expiration::At(clock.time(amount, now, "hsetex")?)
                    }
                });
            } else if is_token(word, "FXX") || is_token(word, "FNX") {
                let must_exist = is_token(word, "FXX");
                if fields_exist.replace(must_exist).is_some() {
                    return Err(CommandError::text("ERR Only one of FXX or FNX arguments can be specified"));
                }
            } else if is_token(word, "XX") || is_token(word, "NX") {
                let must_exist = is_token(word, "XX");
                if key_exists.replace(must_exist).is_some_and(|before| before != must_exist) {
                    return Err(CommandError::Syntax);
                }
            } else {
                return Err(CommandError::quoting("ERR unknown argument: ", word, ""));
            }
            if words.is_empty() {
                return Err(CommandError::Arity);
            }
        }
    }

    fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.pairs().map(|pair| pair.field)
    }

    fn pairs(&self) -> impl Iterator<Item = FieldValue<'a>> + use<'a> {
        self.fields.iter().map(|pair| pair.expect("the words come in pairs"))
    }
}

/// Reads the count and the pairs, to the end of the command.
fn fields<'a>(words: &mut Words<'a>) -> Result<Many<'a, FieldValue<'a>>, CommandError> {
    if words.len() < 3 {
        return Err(CommandError::Arity);
    }
    let count = parse_i64(words.take()?).filter(|&count| count > 0 && count <= i64::from(i32::MAX));
    let count = count.ok_or(CommandError::text("ERR invalid number of fields"))?;
    let pairs = Many::parse(words)?;
    if !pairs.is_whole() || usize::try_from(count) != Ok(pairs.len()) {
        return Err(CommandError::Arity);
    }
    Ok(pairs)
}

impl Update for Hsetex<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (key, now) = (self.key, cx.now());
        let request = Request::read(self.words.0, now)?;
        let exists = has_hash(cx, key)?;
        cx.count_no_more_uses();
        cx.settle_fields(key, request.names());
        if !is_met(cx, key, exists, &request)? {
            out.integer(0);
            return Ok(());
        }
        match request.expiration {
            Expiration::At(at) if at <= now => self.set_and_expire(cx, &request)?,
            Expiration::At(_) | Expiration::End | Expiration::Keep => self.set(cx, &request)?,
        }
        out.integer(1);
        Ok(())
    }
}

/// Whether the conditions are met.
fn is_met(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    exists: bool,
    request: &Request<'_>,
) -> Result<bool, CommandError> {
    if request.key_exists.is_some_and(|must| must != exists) {
        return Ok(false);
    }
    let Some(must_exist) = request.fields_exist else { return Ok(true) };
    let now = cx.now();
    let hash = cx.write::<Hash>(key)?;
    let has = |name| hash.as_ref().is_some_and(|hash| hash.contains(name, now));
    Ok(request.names().all(|name| has(name) == must_exist))
}

impl Hsetex<'_> {
    fn set(&self, cx: &mut UpdateContext<'_>, request: &Request<'_>) -> Result<(), CommandError> {
        let (limits, hash_key) = (&cx.settings().encodings, cx.hash_key());
        cx.write_or_create::<Hash>(self.key)?;
        cx.change_hash(self.key, |hash| {
            for FieldValue { field, value } in request.pairs() {
                match request.expiration {
                    Expiration::End => hash.set(field, value, limits, hash_key),
                    Expiration::Keep | Expiration::At(_) => hash.set_value(field, value, limits, hash_key),
                };
                if let Expiration::At(at) = request.expiration {
                    hash.begin_expiries();
                    hash.set_expiry(field, Some(at));
                }
            }
        });
        let count = request.fields.len();
        cx.touch_watchers(self.key);
        cx.notify(EventClass::Hash, "hset", self.key);
        if let Expiration::At(_) = request.expiration {
            cx.notify(EventClass::Hash, "hexpire", self.key);
        }
        cx.add_dirty(count);
        let (mut time, count) = (String::new(), count.to_string());
        let mut words: SmallVec<[&[u8]; 16]> = SmallVec::from_slice(&[b"HSETEX", self.key.bytes]);
        match request.expiration {
            Expiration::End => {}
            Expiration::Keep => words.push(b"KEEPTTL"),
            Expiration::At(at) => {
                time = at.0.to_string();
                words.extend_from_slice(&[b"PXAT", time.as_bytes()]);
            }
        }
        words.extend_from_slice(&[b"FIELDS", count.as_bytes()]);
        words.extend(request.pairs().flat_map(|pair| [pair.field, pair.value]));
        cx.propagate_as(words);
        drop(time);
        Ok(())
    }

    /// The time has passed: the fields are set and removed at once. What remains is that those there were are gone.
    fn set_and_expire(&self, cx: &mut UpdateContext<'_>, request: &Request<'_>) -> Result<(), CommandError> {
        let (limits, hash_key) = (&cx.settings().encodings, cx.hash_key());
        let (key, count) = (self.key, request.fields.len());
        cx.write_or_create::<Hash>(key)?;
        let mut removed: SmallVec<[&[u8]; 8]> = SmallVec::new();
        cx.change_hash(key, |hash| {
            hash.begin_expiries();
            for FieldValue { field, value } in request.pairs() {
                // A long value makes the hash a table, as in Redis.
                if !hash.set_value(field, value, limits, hash_key) {
                    removed.push(field);
                }
                hash.remove(field);
            }
        });
        cx.touch_watchers(key);
        cx.notify(EventClass::Hash, "hset", key);
        cx.notify(EventClass::Hash, "hdel", key);
        cx.effects().expired_fields += count as u64;
        cx.add_dirty(count);
        cx.remove_if_empty::<Hash>(key);
        if removed.is_empty() {
            cx.propagate_nothing();
        } else {
            propagate_removal(cx, key, &removed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn fields_are_set_with_their_expiry_and_recorded_with_its_time() {
        let mut server = Server::new();
        assert_eq!(server.run("HSETEX h EX 10 FIELDS 2 a 1 b 2"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "hset", "hexpire"], 2));
        assert_eq!(server.propagated(), ["HSETEX h PXAT 1700000010000 FIELDS 2 a 1 b 2"]);
        assert_eq!(server.run("HSETEX h FXX KEEPTTL FIELDS 1 a 3"), ":1\r\n");
        assert_eq!(server.propagated(), ["HSETEX h KEEPTTL FIELDS 1 a 3"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hset"], 1));
        assert_eq!(server.run("HSETEX h FIELDS 1 b 4"), ":1\r\n");
        assert_eq!(server.run("HTTL h FIELDS 2 a b"), "*2\r\n:10\r\n:-1\r\n");
        assert_eq!(server.run("HMGET h a b"), "*2\r\n$1\r\n3\r\n$1\r\n4\r\n");
    }

    #[test]
    fn conditions_are_about_all_fields_or_about_the_key() {
        let mut server = Server::new();
        for line in ["HSETEX h FXX FIELDS 1 a 1", "HSETEX h XX FIELDS 1 a 1"] {
            assert_eq!(server.run(line), ":0\r\n", "{line}");
            assert_eq!((server.effects.dirty, server.run("EXISTS h")), (0, ":0\r\n".into()));
        }
        assert_eq!(server.run("HSETEX h NX FNX FIELDS 1 a 1"), ":1\r\n");
        for (line, reply) in [
            ("HSETEX h NX FIELDS 1 b 1", ":0\r\n"),
            ("HSETEX h FNX FIELDS 2 b 1 a 1", ":0\r\n"),
            ("HSETEX h FXX FIELDS 2 a 1 b 1", ":0\r\n"),
            ("HSETEX h XX FXX FIELDS 1 a 2", ":1\r\n"),
            ("HSETEX h FNX FIELDS 2 b 1 c 1", ":1\r\n"),
        ] {
            assert_eq!(server.run(line), reply, "{line}");
        }
    }

    #[test]
    fn a_time_that_has_passed_leaves_no_field() {
        let mut server = Server::new();
        assert_eq!(server.run("HSETEX h PXAT 1 FIELDS 1 a 1"), ":1\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["new", "hset", "hdel", "del"], vec![]));
        assert_eq!(server.run("EXISTS h"), ":0\r\n");
        server.run("HSET h a 1 b 2");
        assert_eq!(server.run("HSETEX h EX 0 FIELDS 2 a 3 c 4"), ":1\r\n");
        assert_eq!(server.propagated(), ["HDEL h a"]);
        assert_eq!(server.run("HGETALL h"), "*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    }

    #[test]
    fn the_words_are_checked_in_their_order_and_before_the_key() {
        let mut server = Server::new();
        server.run("SET s 1");
        for (line, error) in [
            ("HSETEX s EX x FIELDS 1 a 1", "value is not an integer or out of range"),
            ("HSETEX s EX -1 FIELDS 1 a 1", "invalid expire time, must be >= 0"),
            ("HSETEX s EXAT 70368744178 FIELDS 1 a 1", "invalid expire time in 'hsetex' command"),
            ("HSETEX s a b c d e", "unknown argument: a"),
            ("HSETEX s FNX FXX FIELDS 1 a 1", "Only one of FXX or FNX arguments can be specified"),
            (
                "HSETEX s EX 1 KEEPTTL FIELDS 1 a 1",
                "Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
            ),
            ("HSETEX s FIELDS 0 a 1", "invalid number of fields"),
            ("HSETEX s FIELDS x a 1", "invalid number of fields"),
            ("HSETEX s FIELDS 2 a 1", "wrong number of arguments for 'hsetex' command"),
            ("HSETEX s FIELDS 1 a 1 b", "wrong number of arguments for 'hsetex' command"),
            ("HSETEX s FNX KEEPTTL FIELDS 1", "wrong number of arguments for 'hsetex' command"),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
        assert!(server.run("HSETEX s FIELDS 1 a 1").starts_with("-WRONGTYPE"));
    }
}
