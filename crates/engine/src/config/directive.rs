//! A directive: its one declaration, and what follows from it.
//!
//! A declaration says the name, the kind with its bounds, the default, the field of [`Settings`] and whether
//! the value has an effect here. Parsing with the reference's error texts, printing, and the line of a
//! rewritten file are derived from that; directives with a syntax of their own bring three functions instead
//! ([`Special`]).

use std::fmt;

use super::lexer::push_quoted;
use super::number;
use super::settings::Settings;
use super::value::{Reason, Value};

/// One directive of the registry.
pub struct Directive {
    /// Its name.
    pub name: &'static str,
    /// Another name that means the same, an older or a newer one, if there is one.
    pub alias: Option<&'static str>,
    pub(super) kind: Kind,
    /// The default as the kind's parser reads it.
    pub(super) default: &'static str,
    /// What CONFIG SET and CONFIG GET must mind.
    pub flags: Flags,
    pub(super) store: Store,
    /// Whether the value means anything to this server.
    pub effect: Effect,
}

/// Whether a value means anything to this server. There is no other case: nothing is read and silently
/// ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The engine reads it from [`Settings`].
    Honoured,
    /// Accepted and kept, because files in the field have it; it has no meaning here, for the reason given.
    Inert(&'static str),
    /// Only the default is accepted: the named feature is not there yet.
    Later(&'static str),
    /// Only the default is accepted, as by a reference that was built without the feature, whose error this is.
    Absent(&'static str),
}

/// What CONFIG SET and CONFIG GET must mind about a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// Can only be set at start.
    pub const IMMUTABLE: Self = Self(1);
    /// Can be set at run time only where `enable-protected-configs` allows it.
    pub const PROTECTED: Self = Self(1 << 1);
    /// Its value is a secret: not to be shown in MONITOR, slow log and logs.
    pub const SENSITIVE: Self = Self(1 << 2);
    /// CONFIG GET shows it only under its exact name.
    pub const HIDDEN: Self = Self(1 << 3);
    /// Takes several words.
    pub const MULTI_WORD: Self = Self(1 << 4);
    /// Cannot be set while a dataset is loaded.
    pub const DENY_LOADING: Self = Self(1 << 5);
    /// Belongs into a bug report.
    pub const DEBUG: Self = Self(1 << 6);

    /// Can only be set at start; setting the value that it has changes nothing and is allowed, so that what CONFIG GET
    /// shows can be set again.
    pub const FIXED: Self = Self(1 << 7);

    /// Both sets together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every flag of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

pub(super) enum Kind {
    Flag,
    Number { min: i64, max: i64, unit: Unit, bounds: Bounds, check: fn(i64) -> Result<(), Reason> },
    Choice(&'static [&'static str]),
    Text { empty: Empty, check: fn(&[u8]) -> Result<(), Reason> },
    Special(Special),
}

/// How a number is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Plain,
    Memory,
    MemoryOrPercent,
    /// An amount of memory, or a negative number with a meaning of its own.
    SignedMemory,
    Octal,
}

/// Whether the bounds, and the error about them, are signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bounds {
    Signed,
    Unsigned,
}

/// What an empty text means when the file is rewritten.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    /// A value like others.
    Value,
    /// Not set: the file has no line for it.
    Unset,
}

/// Where a plain value is kept.
pub(super) enum Store {
    Field {
        read: fn(&Settings) -> Value,
        write: fn(&mut Settings, Value),
    },
    /// With the other values that nothing reads.
    Unread,
    /// The special functions know.
    Special,
}

/// Sets a field from words.
type Parse = fn(&mut Settings, &[Vec<u8>], Origin) -> Result<(), Reason>;

/// A syntax of its own.
pub(super) struct Special {
    pub(super) parse: Parse,
    pub(super) print: fn(&Settings) -> Vec<u8>,
    /// From the name, the settings and the default settings.
    pub(super) lines: fn(&str, &Settings, &Settings) -> RewrittenLines,
}

/// Where a value comes from; only directives that add up over several lines care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// CONFIG SET, or a default.
    Set,
    /// The first line of a file that names the directive.
    FirstLine,
    /// A further line.
    LaterLine,
}

/// The lines a rewritten file has for a directive, each with whether it must be there even if it was not
/// before.
pub(super) struct RewrittenLines(pub(super) Vec<(Vec<u8>, bool)>);

impl RewrittenLines {
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn one(line: Vec<u8>, is_forced: bool) -> Self {
        Self(vec![(line, is_forced)])
    }
}

impl fmt::Debug for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directive")
            .field("name", &self.name)
            .field("effect", &self.effect)
            .finish_non_exhaustive()
    }
}

impl Directive {
    /// The value as CONFIG GET shows it.
    pub fn print(&self, settings: &Settings) -> Vec<u8> {
        match &self.kind {
            Kind::Special(special) => (special.print)(settings),
            Kind::Flag | Kind::Number { .. } | Kind::Choice(_) | Kind::Text { .. } => {
                self.print_value(self.read(settings))
            }
        }
    }

    /// Sets the value from its words.
    ///
    /// Plain directives use the first word; the callers have seen to it that there is exactly one.
    pub(super) fn set(
        &self,
        settings: &mut Settings,
        words: &[Vec<u8>],
        origin: Origin,
    ) -> Result<(), Reason> {
        match &self.kind {
            Kind::Special(special) => (special.parse)(settings, words, origin)?,
            Kind::Flag | Kind::Number { .. } | Kind::Choice(_) | Kind::Text { .. } => {
                let [word] = words else { return Err("wrong number of arguments".into()) };
                let value = self.parse_value(word)?;
                self.write(settings, value);
            }
        }
        Ok(())
    }

    /// Refuses a value other than the default for a feature that is not there yet.
    pub(super) fn check_available(&self, settings: &Settings, defaults: &Settings) -> Result<(), Reason> {
        match self.effect {
            Effect::Later(feature) if self.print(settings) != self.print(defaults) => {
                Err(format!("{feature} is not supported yet by this version").into())
            }
            Effect::Absent(error) if self.print(settings) != self.print(defaults) => Err(error.into()),
            Effect::Later(_) | Effect::Absent(_) | Effect::Honoured | Effect::Inert(_) => Ok(()),
        }
    }

    pub(super) fn set_default(&self, settings: &mut Settings) {
        let word = self.default.as_bytes().to_vec();
        let words: Vec<Vec<u8>> = if self.flags.contains(Flags::MULTI_WORD) && !word.is_empty() {
            self.default.split(' ').map(|word| word.as_bytes().to_vec()).collect()
        } else {
            vec![word]
        };
        let outcome = self.set(settings, &words, Origin::Set);
        debug_assert_eq!(outcome, Ok(()), "the default of {} is valid", self.name);
    }

    /// The lines for a rewritten file; an empty answer removes the directive from it.
    pub(super) fn rewritten(&self, settings: &Settings, defaults: &Settings) -> RewrittenLines {
        if let Kind::Special(special) = &self.kind {
            return (special.lines)(self.name, settings, defaults);
        }
        let value = self.read(settings);
        let mut line = format!("{} ", self.name).into_bytes();
        match (&self.kind, &value) {
            (Kind::Text { empty: Empty::Unset, .. }, Value::Text(text)) if text.is_empty() => {
                return RewrittenLines::none();
            }
            (Kind::Text { .. }, Value::Text(text)) => push_quoted(&mut line, text),
            (Kind::Number { unit: Unit::Memory, .. }, &Value::Number(bytes)) => {
                line.extend(number::format_memory(bytes as u64).into_bytes());
            }
            (
                Kind::Number { unit: Unit::MemoryOrPercent | Unit::SignedMemory, .. },
                &Value::Number(bytes),
            ) if bytes >= 0 => {
                line.extend(number::format_memory(bytes as u64).into_bytes());
            }
            (_, value) => line.extend(self.print_value(value.clone())),
        }
        RewrittenLines::one(line, value != self.read(defaults))
    }

    fn read(&self, settings: &Settings) -> Value {
        match self.store {
            Store::Field { read, .. } => read(settings),
            Store::Unread => settings.unread.get(self.name).cloned().unwrap_or_else(|| self.default_value()),
            Store::Special => unreachable!("special directives are not read as plain values"),
        }
    }

    fn write(&self, settings: &mut Settings, value: Value) {
        match self.store {
            Store::Field { write, .. } => write(settings, value),
            Store::Unread if value == self.default_value() => {
                settings.unread.remove(self.name);
            }
            Store::Unread => {
                settings.unread.insert(self.name, value);
            }
            Store::Special => unreachable!("special directives are not written as plain values"),
        }
    }

    fn default_value(&self) -> Value {
        self.parse_value(self.default.as_bytes()).expect("defaults are valid, a test reads them all")
    }

    fn parse_value(&self, word: &[u8]) -> Result<Value, Reason> {
        match &self.kind {
            Kind::Flag if word.eq_ignore_ascii_case(b"yes") => Ok(Value::Flag(true)),
            Kind::Flag if word.eq_ignore_ascii_case(b"no") => Ok(Value::Flag(false)),
            Kind::Flag => Err("argument must be 'yes' or 'no'".into()),
            Kind::Number { min, max, unit, bounds, check } => {
                let number = parse_number(word, *unit)?;
                check_bounds(number, *min, *max, *unit, *bounds)?;
                check(number)?;
                Ok(Value::Number(number))
            }
            Kind::Choice(words) => {
                let position = words.iter().position(|known| word.eq_ignore_ascii_case(known.as_bytes()));
                position.map(Value::Choice).ok_or_else(|| {
                    format!("argument(s) must be one of the following: {}", words.join(", ")).into()
                })
            }
            Kind::Text { check, .. } => {
                check(word)?;
                Ok(Value::Text(word.to_vec()))
            }
            Kind::Special(_) => unreachable!("special directives parse themselves"),
        }
    }

    fn print_value(&self, value: Value) -> Vec<u8> {
        match (value, &self.kind) {
            (Value::Flag(flag), _) => if flag { "yes" } else { "no" }.into(),
            (Value::Choice(position), Kind::Choice(words)) => words[position].into(),
            (Value::Text(text), _) => text,
            (Value::Number(number), Kind::Number { unit, .. }) => match unit {
                Unit::MemoryOrPercent if number < 0 => format!("{}%", -number),
                Unit::Memory | Unit::MemoryOrPercent => (number as u64).to_string(),
                Unit::Octal => format!("{number:o}"),
                Unit::Plain | Unit::SignedMemory => number.to_string(),
            }
            .into_bytes(),
            (value, _) => {
                unreachable!("{} is declared with a field of another type than {value:?}", self.name)
            }
        }
    }
}

fn parse_number(word: &[u8], unit: Unit) -> Result<i64, Reason> {
    match unit {
        Unit::Plain => {
            number::parse_integer(word).ok_or("argument couldn't be parsed into an integer".into())
        }
        Unit::Octal => {
            number::parse_octal(word).ok_or("argument couldn't be parsed as an octal number".into())
        }
        Unit::Memory => number::parse_memory(word)
            .map(|bytes| bytes as i64)
            .ok_or("argument must be a memory value".into()),
        Unit::SignedMemory => number::parse_memory(word)
            .map(|bytes| bytes as i64)
            .or_else(|| number::parse_integer(word))
            .ok_or("argument must be a memory value".into()),
        Unit::MemoryOrPercent => number::parse_memory(word)
            .map(|bytes| bytes as i64)
            .or_else(|| number::parse_percent(word).map(|percent| -percent))
            .ok_or("argument must be a memory or percent value".into()),
    }
}

fn check_bounds(number: i64, min: i64, max: i64, unit: Unit, bounds: Bounds) -> Result<(), Reason> {
    if unit == Unit::MemoryOrPercent && number < 0 {
        return if number < min {
            Err(format!("percentage argument must be less or equal to {}", -min).into())
        } else {
            Ok(())
        };
    }
    let (is_inside, low, high) = match bounds {
        Bounds::Signed => ((min..=max).contains(&number), min.to_string(), max.to_string()),
        Bounds::Unsigned => {
            let (low, high) = (min as u64, max as u64);
            let printed =
                |bound: u64| if unit == Unit::Octal { format!("{bound:o}") } else { bound.to_string() };
            ((low..=high).contains(&(number as u64)), printed(low), printed(high))
        }
    };
    if is_inside {
        Ok(())
    } else {
        Err(format!("argument must be between {low} and {high} inclusive").into())
    }
}
