//! `ARGREP key start end <EXACT string | MATCH string | GLOB pattern | RE pattern> [...] [AND | OR] [LIMIT limit] [WITHVALUES]
//! [NOCASE]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Field, Key, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::value::Array;
use spinel_structs::array::INDEX_MAX;

use super::arscan::Limit;
use super::index::{Index, cost_of_range, reply_number, reply_value};
use super::predicates::{Joined, Predicate, Tests};
use crate::arguments::{choice, key, word};

const fn predicate(name: &'static str, parts: &'static [ArgSpec]) -> ArgSpec {
    Shape { children: parts, ..Shape::word(ArgKind::Block) }.arg(name, "")
}

const PREDICATES: &[ArgSpec] = &[
    predicate("exact", &[choice("exact", "EXACT"), word("string", ArgKind::String)]),
    predicate("match", &[choice("match", "MATCH"), word("string", ArgKind::String)]),
    predicate("glob", &[choice("glob", "GLOB"), word("pattern", ArgKind::String)]),
    predicate("re", &[choice("re", "RE"), word("pattern", ArgKind::String)]),
];

const OPTIONS: &[ArgSpec] = &[
    choice("and", "AND"),
    choice("or", "OR"),
    Shape::word(ArgKind::Integer).arg("limit", "LIMIT"),
    choice("withvalues", "WITHVALUES"),
    choice("nocase", "NOCASE"),
];

const ARGS: &[ArgSpec] = &[
    key("key", 0),
    word("start", ArgKind::String),
    word("end", ArgKind::String),
    Shape { children: PREDICATES, ..Shape::word(ArgKind::OneOf) }.repeated().arg("predicate", ""),
    Shape { children: OPTIONS, ..Shape::word(ArgKind::OneOf) }.repeated().or_absent().arg("options", ""),
];

/// Returns the indexes of an array's values in a range that are as predicates say, downwards if the first end is the greater
/// one.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", manual, arity = -6, args = ARGS)]
#[command(complexity = "O(N*P) for N values in the range and P predicates, each in the length of the value")]
pub(super) struct Argrep<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    start: u64,
    end: u64,
    asked: Words<'a>,
}

impl<'a> Parse<'a> for Argrep<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, start: bound(words)?, end: bound(words)?, asked: words.rest() })
    }
}

/// An index, `-` for the first or `+` for the last.
fn bound(words: &mut Words<'_>) -> Result<u64, CommandError> {
    match words.take()? {
        b"-" => Ok(0),
        b"+" => Ok(INDEX_MAX),
        word => Index::of(word).map(|index| index.0),
    }
}

/// What is asked for.
struct Asked<'a> {
    tests: Tests<'a>,
    limit: usize,
    with_values: bool,
}

impl<'a> Asked<'a> {
    fn read(mut words: Words<'a>) -> Result<Self, CommandError> {
        let (mut predicates, mut joined) = (Vec::new(), None);
        let (mut limit, mut with_values, mut is_caseless) = (usize::MAX, false, false);
        while let Ok(word) = words.take() {
            let is = |token| is_token(word, token);
            if is("EXACT") {
                predicates.push(Predicate::Exact(words.take()?));
            } else if is("MATCH") {
                predicates.push(Predicate::Match(words.take()?));
            } else if is("GLOB") {
                predicates.push(Predicate::Glob(words.take()?));
            } else if is("RE") {
                predicates.push(Predicate::Re(words.take()?));
            } else if is("AND") && joined != Some(Joined::Or) {
                joined = Some(Joined::And);
            } else if is("OR") && joined != Some(Joined::And) {
                joined = Some(Joined::Or);
            } else if is("LIMIT") {
                limit = Limit::parse(&mut words)?.0;
            } else if is("WITHVALUES") {
                with_values = true;
            } else if is("NOCASE") {
                is_caseless = true;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        if predicates.is_empty() {
            return Err(CommandError::Syntax);
        }
        let tests = Tests::new(&predicates, joined.unwrap_or(Joined::Or), is_caseless)?;
        Ok(Self { tests, limit, with_values })
    }
}

impl Query for Argrep<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let predicates = self.asked.len().div_ceil(2).max(1);
        cost_of_range(cx, self.key, self.start, self.end).saturating_mul(predicates)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let asked = Asked::read(self.asked)?;
        let array = cx.read::<Array>(self.key)?;
        let values = array.map(|array| array.range(self.start, self.end)).into_iter().flatten();
        let wanted = values.filter(|(_, value)| value.with_bytes(|bytes| asked.tests.accept(bytes)));
        let all = out.deferred_array();
        let mut found = 0;
        for (index, value) in wanted.take(asked.limit) {
            if asked.with_values {
                out.array(2);
            }
            reply_number(out, index);
            if asked.with_values {
                reply_value(out, Some(value));
            }
            found += 1;
        }
        out.finish(all, found);
        Ok(())
    }
}
