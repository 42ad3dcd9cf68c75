//! `INCREX key [BYINT increment | BYFLOAT increment] [LBOUND bound] [UBOUND bound] [SATURATE]
//! [EX seconds | PX milliseconds | EXAT time | PXAT time | PERSIST] [ENX]`
//!
//! The journal gets the result, so that every server can read it.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Parse, Reply, UnixMillis, Update, UpdateContext, Words,
    is_token,
};
use spinel_store::{Keep, NewValue, Text};
use spinel_structs::number::{LongDouble, parse_i64};

use super::expiration::Clock;
use crate::arguments::{key, option, token};

const ARGS: &[ArgSpec] = &[
    key("key", 0),
    Shape {
        children: &[
            Shape::word(ArgKind::Double).arg("float", "BYFLOAT"),
            Shape::word(ArgKind::Integer).arg("integer", "BYINT"),
        ],
        ..Shape::word(ArgKind::OneOf)
    }
    .or_absent()
    .arg("increment", ""),
    token("saturate", "SATURATE"),
    option("lowerbound", "LBOUND", ArgKind::String),
    option("upperbound", "UBOUND", ArgKind::String),
    Shape {
        children: &[
            Shape::word(ArgKind::Integer).arg("seconds", "EX"),
            Shape::word(ArgKind::Integer).arg("milliseconds", "PX"),
            Shape::word(ArgKind::UnixTime).arg("unix-time-seconds", "EXAT"),
            Shape::word(ArgKind::UnixTime).arg("unix-time-milliseconds", "PXAT"),
            Shape::word(ArgKind::PureToken).arg("persist", "PERSIST"),
        ],
        ..Shape::word(ArgKind::OneOf)
    }
    .or_absent()
    .arg("expiration", ""),
    token("enx", "ENX"),
];

/// Adds to a number within bounds, and sets the expiry of its key; answers the sum and what was added.
#[derive(Command)]
#[command(group = String, since = "8.8.0", complexity = "O(1)", flags(denyoom, fast))]
#[command(manual, arity = -2, args = ARGS)]
pub(super) struct Increx<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    addition: Addition,
    saturates: bool,
    expiration: Option<Expiration>,
    /// Only a key without an expiry gets one.
    only_without: bool,
}

/// What is added, and the bounds of the sum.
enum Addition {
    Int { increment: i64, lower: i64, upper: i64 },
    Float { increment: LongDouble, lower: Option<LongDouble>, upper: Option<LongDouble> },
}

#[derive(Clone, Copy)]
enum Expiration {
    At(UnixMillisSource),
    Persist,
}

/// An amount of time, to be resolved when the command runs.
#[derive(Clone, Copy)]
struct UnixMillisSource {
    clock: Clock,
    amount: i64,
}

/// The options as they came.
#[derive(Default)]
struct Seen<'a> {
    int: Option<&'a [u8]>,
    float: Option<&'a [u8]>,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturate: Option<&'a [u8]>,
    persist: Option<&'a [u8]>,
    only_without: Option<&'a [u8]>,
    time: Option<(Clock, &'a [u8])>,
}

impl<'a> Seen<'a> {
    fn read(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let mut seen = Self::default();
        while let Ok(word) = words.take() {
            let clock = match word {
                _ if is_token(word, "EX") => Some(Clock::Seconds),
                _ if is_token(word, "PX") => Some(Clock::Millis),
                _ if is_token(word, "EXAT") => Some(Clock::SecondsAt),
                _ if is_token(word, "PXAT") => Some(Clock::MillisAt),
                _ => None,
            };
            if let Some(clock) = clock {
                if seen.time.replace((clock, words.take()?)).is_some() {
                    return Err(CommandError::Syntax);
                }
                continue;
            }
            let (slot, has_value) = match word {
                _ if is_token(word, "BYINT") => (&mut seen.int, true),
                _ if is_token(word, "BYFLOAT") => (&mut seen.float, true),
                _ if is_token(word, "LBOUND") => (&mut seen.lower, true),
                _ if is_token(word, "UBOUND") => (&mut seen.upper, true),
                _ if is_token(word, "SATURATE") => (&mut seen.saturate, false),
                _ if is_token(word, "PERSIST") => (&mut seen.persist, false),
                _ if is_token(word, "ENX") => (&mut seen.only_without, false),
                _ => return Err(CommandError::Syntax),
            };
            let value = if has_value { words.take()? } else { word };
            if slot.replace(value).is_some() {
                return Err(CommandError::Syntax);
            }
        }
        if (seen.int.is_some() && seen.float.is_some())
            || (seen.persist.is_some() && (seen.time.is_some() || seen.only_without.is_some()))
        {
            return Err(CommandError::Syntax);
        }
        if seen.only_without.is_some() && seen.time.is_none() {
            return Err(CommandError::text("ERR ENX flag requires an expiration"));
        }
        Ok(seen)
    }

    fn addition(&self) -> Result<Addition, CommandError> {
        const CROSSED: CommandError = CommandError::text("ERR LBOUND can't be greater than UBOUND");
        let Some(increment) = self.float else {
            let int = |word, error| parse_i64(word).ok_or(error);
            let not_int = CommandError::text("ERR Increment is not an integer or out of range");
            let increment = self.int.map_or(Ok(1), |word| int(word, not_int))?;
            let lower = self.lower.map_or(Ok(i64::MIN), |word| int(word, CommandError::NotInteger))?;
            let upper = self.upper.map_or(Ok(i64::MAX), |word| int(word, CommandError::NotInteger))?;
            return if lower > upper { Err(CROSSED) } else { Ok(Addition::Int { increment, lower, upper }) };
        };
        let not_float = CommandError::text("ERR Increment is not a valid float");
        let increment = LongDouble::parse(increment).ok_or(not_float)?;
        if !increment.is_finite() {
            return Err(CommandError::text("ERR BYFLOAT increment cannot be Infinity"));
        }
        let bound = |word: Option<&[u8]>| {
            word.map(|word| LongDouble::parse(word).ok_or(CommandError::NotFloat)).transpose()
        };
        let (lower, upper) = (bound(self.lower)?, bound(self.upper)?);
        if lower.zip(upper).is_some_and(|(lower, upper)| upper.is_below(lower)) {
            return Err(CROSSED);
        }
        Ok(Addition::Float { increment, lower, upper })
    }
}

impl<'a> Parse<'a> for Increx<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let seen = Seen::read(words)?;
        let addition = seen.addition()?;
        let expiration = match seen.time {
            Some((clock, amount)) => {
                let amount = parse_i64(amount).ok_or(CommandError::NotInteger)?;
                Some(Expiration::At(UnixMillisSource { clock, amount }))
            }
            None => seen.persist.map(|_| Expiration::Persist),
        };
        let (saturates, only_without) = (seen.saturate.is_some(), seen.only_without.is_some());
        Ok(Self { key, addition, saturates, expiration, only_without })
    }
}

/// A number as it is stored and replied.
enum Number {
    Int(i64),
    Float(String),
}

impl Number {
    fn reply(&self, out: &mut Encoder) {
        match self {
            Self::Int(n) => out.integer(*n),
            Self::Float(text) => out.double_text(text.as_bytes()),
        }
    }
}

/// A sum with what was added to reach it; nothing was, if a bound forbids it.
struct Sum {
    value: Number,
    applied: Number,
    is_refused: bool,
}

impl Update for Increx<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let time = match self.expiration {
            Some(Expiration::At(UnixMillisSource { clock, amount })) => {
                Some(clock.time(amount, cx.now(), "increx")?)
            }
            Some(Expiration::Persist) | None => None,
        };
        let entry = cx.find_mut(self.key);
        let had_expiry = entry.as_ref().is_some_and(|entry| entry.expiry().is_some());
        let text = entry.map(|entry| entry.text().ok_or(CommandError::WrongType)).transpose()?;
        let sum = self.add(text)?;
        if !sum.is_refused {
            let time = time.filter(|_| !(self.only_without && had_expiry));
            self.store(cx, &sum.value, time, had_expiry);
        }
        out.array(2);
        sum.value.reply(out);
        sum.applied.reply(out);
        Ok(())
    }
}

impl Increx<'_> {
    fn add(&self, text: Option<Text<'_>>) -> Result<Sum, CommandError> {
        match self.addition {
            Addition::Int { increment, lower, upper } => {
                let old = match text {
                    None => 0,
                    Some(Text::Int(n)) => n,
                    Some(Text::Bytes(bytes)) => parse_i64(bytes).ok_or(CommandError::NotInteger)?,
                };
                let sum = i128::from(old) + i128::from(increment);
                let bound = sum.clamp(i128::from(lower), i128::from(upper)) as i64;
                if i128::from(bound) != sum && !self.saturates {
                    let (value, applied) = (Number::Int(old), Number::Int(0));
                    return Ok(Sum { value, applied, is_refused: true });
                }
                let too_far = CommandError::text("ERR applied increment would overflow");
                let applied = Number::Int(bound.checked_sub(old).ok_or(too_far)?);
                Ok(Sum { value: Number::Int(bound), applied, is_refused: false })
            }
            Addition::Float { increment, lower, upper } => {
                let read = |bytes: &[u8]| LongDouble::parse(bytes).ok_or(CommandError::NotFloat);
                let old = text.map_or(Ok(LongDouble::from(0)), |text| text.with_bytes(read))?;
                if !old.is_finite() {
                    return Err(CommandError::text("ERR value cannot be Infinity"));
                }
                let sum = old.checked_add(increment).ok_or(CommandError::NanOrInfinity)?;
                let below = lower.filter(|lower| sum.is_below(*lower));
                let above = upper.filter(|upper| upper.is_below(sum));
                let bound = below.or(above);
                if bound.is_some() && !self.saturates {
                    let (value, applied) = (Number::Float(old.to_human()), Number::Float("0".to_owned()));
                    return Ok(Sum { value, applied, is_refused: true });
                }
                let value = bound.unwrap_or(sum);
                let applied = value.checked_add(old.negated()).ok_or(CommandError::NanOrInfinity)?;
                let applied = if bound.is_some() { applied } else { increment };
                let (value, applied) = (Number::Float(value.to_human()), Number::Float(applied.to_human()));
                Ok(Sum { value, applied, is_refused: false })
            }
        }
    }

    fn store(&self, cx: &mut UpdateContext<'_>, value: &Number, time: Option<UnixMillis>, had_expiry: bool) {
        let key = self.key;
        if time.is_some_and(|time| time <= cx.now()) {
            // It would be gone at once.
            if cx.remove(key) {
                cx.changed(key, EventClass::Generic, "del");
                cx.propagate_as([b"DEL", key.bytes]);
            }
            return;
        }
        let persists = matches!(self.expiration, Some(Expiration::Persist));
        let keep = if time.is_some() || persists { Keep::Replace(time) } else { Keep::Expiry };
        cx.count_no_more_uses();
        let text = match value {
            Number::Int(n) => {
                cx.put(key, NewValue::Int(*n), keep);
                cx.changed(key, EventClass::String, "incrby");
                n.to_string()
            }
            Number::Float(text) => {
                cx.put(key, NewValue::Plain(text.as_bytes()), keep);
                cx.changed(key, EventClass::String, "incrbyfloat");
                text.clone()
            }
        };
        let words = [b"SET", key.bytes, text.as_bytes()];
        match time {
            Some(time) => {
                cx.notify(EventClass::Generic, "expire", key);
                let time = time.0.to_string();
                cx.propagate_as(words.into_iter().chain([&b"PXAT"[..], time.as_bytes()]));
            }
            None if persists => {
                if had_expiry {
                    cx.notify(EventClass::Generic, "persist", key);
                }
                cx.propagate_as(words);
            }
            None => cx.propagate_as(words.into_iter().chain([&b"KEEPTTL"[..]])),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    fn replied(server: &mut Server, line: &str) -> String {
        let reply = server.run(line);
        let lines = reply.split("\r\n").skip(1).filter(|line| !line.starts_with('$') && !line.is_empty());
        lines.map(|line| line.trim_start_matches(':')).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn sums_stay_within_bounds() {
        let mut server = Server::new();
        for (line, reply) in [
            ("INCREX a", "1 1"),
            ("INCREX a BYINT 9 UBOUND 10", "10 9"),
            ("INCREX a UBOUND 10", "10 0"),
            ("INCREX a BYINT 5 UBOUND 12 SATURATE", "12 2"),
            ("INCREX a BYINT -25 LBOUND 0 UBOUND 5 SATURATE", "0 -12"),
            ("INCREX new BYINT 5 LBOUND 10", "0 0"),
            ("INCREX big BYINT 9223372036854775807", "9223372036854775807 9223372036854775807"),
            ("INCREX big BYINT 1", "9223372036854775807 0"),
            ("INCREX f BYFLOAT 1.5", "1.5 1.5"),
            ("INCREX f BYFLOAT 0.25 UBOUND 2", "1.75 0.25"),
            ("INCREX f BYFLOAT 1 UBOUND 2", "1.75 0"),
            ("INCREX f BYFLOAT -9 LBOUND -5.5 SATURATE", "-5.5 -7.25"),
        ] {
            assert_eq!(replied(&mut server, line), reply, "{line}");
        }
        assert_eq!(server.run("EXISTS new"), ":0\r\n");
    }

    #[test]
    fn the_result_is_recorded_with_its_expiry() {
        let mut server = Server::new();
        for (line, recorded, events) in [
            ("INCREX a BYINT 7", "SET a 7 KEEPTTL", "new incrby"),
            ("INCREX a PX 100", "SET a 8 PXAT 1700000000100", "incrby expire"),
            ("INCREX a PX 900 ENX", "SET a 9 KEEPTTL", "incrby"),
            ("INCREX a BYFLOAT 0.5 PERSIST", "SET a 9.5", "incrbyfloat persist"),
            ("INCREX a BYFLOAT 0.5 EXAT 1", "DEL a", "del"),
        ] {
            server.run(line);
            assert_eq!(
                (server.propagated(), server.event_names().join(" ")),
                (vec![recorded.into()], events.into())
            );
        }
    }

    #[test]
    fn errors_are_those_of_the_reference() {
        // As its own tests expect them (Redis 8.8).
        let mut server = Server::new();
        server.run("RPUSH l x");
        server.run("MSET t text inf inf big 9223372036854775800");
        for (line, error) in [
            ("INCREX a FOO", "ERR syntax error"),
            ("INCREX a BYINT 1 BYFLOAT 1.5", "ERR syntax error"),
            ("INCREX a EX 10 PX 5000", "ERR syntax error"),
            ("INCREX a PERSIST ENX", "ERR syntax error"),
            ("INCREX a SATURATE SATURATE", "ERR syntax error"),
            ("INCREX a ENX", "ERR ENX flag requires an expiration"),
            ("INCREX a BYINT 1.5", "ERR Increment is not an integer or out of range"),
            ("INCREX a BYFLOAT abc", "ERR Increment is not a valid float"),
            ("INCREX a BYFLOAT inf", "ERR BYFLOAT increment cannot be Infinity"),
            ("INCREX inf BYFLOAT 1", "ERR value cannot be Infinity"),
            ("INCREX a LBOUND 10 UBOUND 5", "ERR LBOUND can't be greater than UBOUND"),
            ("INCREX a BYFLOAT 1 LBOUND 10.5 UBOUND 1.5", "ERR LBOUND can't be greater than UBOUND"),
            ("INCREX a EX 0", "ERR invalid expire time in 'increx' command"),
            ("INCREX t", "ERR value is not an integer or out of range"),
            ("INCREX t BYFLOAT 1", "ERR value is not a valid float"),
            ("INCREX l", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("INCREX big SATURATE UBOUND -9223372036854775808", "ERR applied increment would overflow"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
    }
}
