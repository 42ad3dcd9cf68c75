//! What `ARGREP` asks of a value: predicates that are joined by *and* or *or*.
//!
//! Regular expressions are those of crate `regex`, over bytes: they are matched in a time that grows with the text and the
//! expression only, so nobody can have a loop by the neck with one. What they become has limits of its own.

use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};
use spinel_family::CommandError;
use spinel_structs::glob;

/// Predicates of one call.
const PREDICATES_MAX: usize = 1024;
/// Regular expressions among them, and substrings in any case, which become such.
const EXPRESSIONS_MAX: usize = 64;
/// Bytes of a regular expression.
const EXPRESSION_BYTES_MAX: usize = 4096;
/// Bytes that a compiled one, and what is remembered while it runs, may take.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// How deep groups may be nested.
const NESTING_MAX: u32 = 64;

/// A predicate as it came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Predicate<'a> {
    /// The value is this.
    Exact(&'a [u8]),
    /// It has this in it.
    Match(&'a [u8]),
    /// It is as this pattern says.
    Glob(&'a [u8]),
    /// The regular expression is found in it.
    Re(&'a [u8]),
}

/// How predicates are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    And,
    Or,
}

/// A predicate that is ready.
enum Test<'a> {
    Equals(&'a [u8]),
    EqualsInAnyCase(&'a [u8]),
    Has(Box<Finder<'a>>),
    Glob(&'a [u8], bool),
    Matches(Regex),
}

/// Predicates that are ready.
pub(super) struct Tests<'a> {
    tests: Vec<Test<'a>>,
    joined: Joined,
}

impl<'a> Tests<'a> {
    /// Makes predicates ready.
    ///
    /// # Errors
    /// If there are too many, or one is no regular expression, or one of too many states.
    pub(super) fn new(
        predicates: &[Predicate<'a>],
        joined: Joined,
        is_caseless: bool,
    ) -> Result<Self, CommandError> {
        if predicates.len() > PREDICATES_MAX {
            return Err(CommandError::text("ERR too many predicates"));
        }
        let mut expressions = 0;
        let mut regex = |pattern: String| {
            expressions += 1;
            if expressions > EXPRESSIONS_MAX {
                return Err(CommandError::text("ERR too many regular expressions"));
            }
            compile(&pattern, is_caseless).map(Test::Matches)
        };
        let tests = predicates.iter().map(|predicate| match *predicate {
            Predicate::Exact(text) if is_caseless => Ok(Test::EqualsInAnyCase(text)),
            Predicate::Exact(text) => Ok(Test::Equals(text)),
            Predicate::Match(text) if is_caseless => regex(expression_of(text, regex::escape)),
            Predicate::Match(text) => Ok(Test::Has(Box::new(Finder::new(text)))),
            Predicate::Glob(pattern) => Ok(Test::Glob(pattern, is_caseless)),
            Predicate::Re(pattern) if pattern.len() > EXPRESSION_BYTES_MAX => Err(TOO_LARGE),
            Predicate::Re(pattern) => regex(expression_of(pattern, str::to_owned)),
        });
        Ok(Self { tests: tests.collect::<Result<_, _>>()?, joined })
    }

    /// Whether a value is wanted.
    pub(super) fn accept(&self, value: &[u8]) -> bool {
        match self.joined {
            Joined::And => self.tests.iter().all(|test| test.accepts(value)),
            Joined::Or => self.tests.iter().any(|test| test.accepts(value)),
        }
    }
}

impl Test<'_> {
    fn accepts(&self, value: &[u8]) -> bool {
        match self {
            Self::Equals(text) => *text == value,
            Self::EqualsInAnyCase(text) => text.eq_ignore_ascii_case(value),
            Self::Has(finder) => finder.find(value).is_some(),
            Self::Glob(pattern, is_caseless) => glob::matches(pattern, value, *is_caseless),
            Self::Matches(regex) => regex.is_match(value),
        }
    }
}

const TOO_LARGE: CommandError = CommandError::text("ERR regular expression is too large");

/// Dots match every byte, line ends too, and anchors are those of the value: values are not lines.
fn compile(pattern: &str, is_caseless: bool) -> Result<Regex, CommandError> {
    let regex = RegexBuilder::new(pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .case_insensitive(is_caseless)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => TOO_LARGE,
        _ => CommandError::text("ERR invalid regular expression"),
    })
}

/// A regular expression of any bytes as text, of which each part goes through `write`; bytes that are no text are written as
/// numbers.
fn expression_of(bytes: &[u8], write: fn(&str) -> String) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&write(chunk.valid()));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    text
}
