//! The registry: every directive, declared once, in slices by topic.
//!
//! Names, defaults, bounds and flags are those of Redis 7.0.15, then of Redis 8.0, then of Valkey 9.1, compared in tests with lists
//! that running ones gave; `threads` and `shards` are ours. What 7.0.15 knows under a name keeps it, and newer names are aliases.
//! A declaration reads as a sentence: kind, name, default, then
//! where the value goes (`at` a field of the settings), or why it goes nowhere (`inert`), or what is missing
//! for it (`later`, `absent`).

mod dataset;
mod distribution;
mod durability;
mod process;
mod traffic;

use super::directive::{Bounds, Directive, Effect, Empty, Flags, Kind, Special, Store, Unit};
use super::settings::Settings;
use super::value::{Choice, Reason};

/// The slices of the registry.
const TOPICS: [&[Directive]; 5] = [
    traffic::DIRECTIVES,
    dataset::DIRECTIVES,
    process::DIRECTIVES,
    durability::DIRECTIVES,
    distribution::DIRECTIVES,
];

/// Directives of former versions that a file may still have; they are skipped, with why.
const RETIRED: [(&str, &str); 3] = [
    ("list-max-ziplist-entries", "replaced by list-max-listpack-size long ago"),
    ("list-max-ziplist-value", "replaced by list-max-listpack-size long ago"),
    ("lua-replicate-commands", "the effects of scripts are replicated, never the scripts"),
];

/// Lines of a file that are not settings, for which CONFIG knows no value.
pub(super) const FILE_ONLY: [&str; 5] = ["include", "rename-command", "user", "loadmodule", "sentinel"];

/// Options of the command line that are no directives: they are for one start.
const COMMAND_LINE_ONLY: [&str; 1] = ["restore-to"];

/// Every directive, in order of declaration.
pub fn directives() -> impl Iterator<Item = &'static Directive> {
    TOPICS.into_iter().flatten()
}

/// The directive of that name or alias, in any case, and the name under which it was found.
pub fn find_directive(name: &[u8]) -> Option<(&'static Directive, &'static str)> {
    directives().find_map(|directive| {
        let names = [Some(directive.name), directive.alias];
        let known = names.into_iter().flatten().find(|known| name.eq_ignore_ascii_case(known.as_bytes()))?;
        Some((directive, known))
    })
}

/// Whether a value of this directive is a secret that must not be shown in MONITOR, slow log and logs.
pub fn is_sensitive(name: &[u8]) -> bool {
    find_directive(name).is_some_and(|(directive, _)| directive.flags.contains(Flags::SENSITIVE))
}

/// Whether this is a directive of a former version that files may still have.
pub(super) fn is_retired(name: &[u8]) -> bool {
    RETIRED.iter().any(|(retired, _)| name.eq_ignore_ascii_case(retired.as_bytes()))
}

/// Every name that a line of a file, or an option, can begin with.
pub(super) fn known_names() -> impl Iterator<Item = &'static str> {
    directives()
        .flat_map(|directive| [Some(directive.name), directive.alias])
        .flatten()
        .chain(FILE_ONLY)
        .chain(COMMAND_LINE_ONLY)
}

/// Sets every directive to its default.
pub(super) fn apply_defaults(settings: &mut Settings) {
    for directive in directives() {
        directive.set_default(settings);
    }
}

/// A field of [`Settings`] that a directive is kept in.
macro_rules! field {
    ($($path:ident).+) => {
        $crate::config::directive::Store::Field {
            read: |settings| $crate::config::value::Field::to_value(&settings.$($path).+),
            write: |settings, value| settings.$($path).+ = $crate::config::value::Field::from_value(value),
        }
    };
}
use field;

const fn declare(name: &'static str, default: &'static str, kind: Kind) -> Directive {
    Directive {
        name,
        alias: None,
        kind,
        default,
        flags: Flags::NONE,
        store: Store::Unread,
        effect: Effect::Honoured,
    }
}

const fn flag(name: &'static str, default: &'static str) -> Directive {
    declare(name, default, Kind::Flag)
}

const fn choice<C: Choice>(name: &'static str, default: &'static str) -> Directive {
    declare(name, default, Kind::Choice(C::WORDS))
}

const fn words(name: &'static str, default: &'static str, words: &'static [&'static str]) -> Directive {
    declare(name, default, Kind::Choice(words))
}

/// A text that is a value even when empty.
const fn text(name: &'static str, default: &'static str) -> Directive {
    declare(name, default, Kind::Text { empty: Empty::Value, check: |_| Ok(()) })
}

/// A text that is not set when empty.
const fn optional_text(name: &'static str) -> Directive {
    declare(name, "", Kind::Text { empty: Empty::Unset, check: |_| Ok(()) })
}

const fn special(name: &'static str, default: &'static str, special: Special) -> Directive {
    let mut directive = declare(name, default, Kind::Special(special));
    directive.store = Store::Special;
    directive
}

/// A number between bounds, both included.
const fn number(name: &'static str, default: &'static str, min: i64, max: i64) -> Directive {
    let kind = Kind::Number { min, max, unit: Unit::Plain, bounds: Bounds::Signed, check: |_| Ok(()) };
    declare(name, default, kind)
}

/// A count: bounds and the error about them are unsigned.
const fn count(name: &'static str, default: &'static str, min: i64, max: i64) -> Directive {
    number(name, default, min, max).unsigned()
}

/// An amount of memory in bytes.
const fn memory(name: &'static str, default: &'static str, min: i64, max: i64) -> Directive {
    number(name, default, min, max).unit(Unit::Memory)
}

const INT_MAX: i64 = i32::MAX as i64;
const UINT_MAX: i64 = u32::MAX as i64;
/// The bit pattern of the highest unsigned amount.
const ULONG_MAX: i64 = -1;

impl Directive {
    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    const fn flags(mut self, flags: Flags) -> Self {
        self.flags = self.flags.and(flags);
        self
    }

    const fn at(mut self, store: Store) -> Self {
        self.store = store;
        self
    }

    const fn inert(mut self, reason: &'static str) -> Self {
        self.effect = Effect::Inert(reason);
        self
    }

    const fn later(mut self, feature: &'static str) -> Self {
        self.effect = Effect::Later(feature);
        self
    }

    const fn absent(mut self, error: &'static str) -> Self {
        self.effect = Effect::Absent(error);
        self
    }

    const fn unsigned(mut self) -> Self {
        if let Kind::Number { bounds, .. } = &mut self.kind {
            *bounds = Bounds::Unsigned;
        }
        self
    }

    const fn unit(mut self, wanted: Unit) -> Self {
        if let Kind::Number { unit, .. } = &mut self.kind {
            *unit = wanted;
        }
        self
    }

    const fn check_number(mut self, wanted: fn(i64) -> Result<(), Reason>) -> Self {
        if let Kind::Number { check, .. } = &mut self.kind {
            *check = wanted;
        }
        self
    }

    const fn check_text(mut self, wanted: fn(&[u8]) -> Result<(), Reason>) -> Self {
        if let Kind::Text { check, .. } = &mut self.kind {
            *check = wanted;
        }
        self
    }
}
