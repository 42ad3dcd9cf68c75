//! Union, intersection and difference of sorted sets and sets, with weights and aggregation.
//!
//! The results are lists in the order of a sorted set, borrowed from the inputs where possible: a reply is written
//! from them, a stored result is built from them at once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use smallvec::SmallVec;
use spinel_family::{CommandError, Field, Key, Many, QueryContext, Words, is_token};
use spinel_structs::number::{parse_f64, parse_i64};

use super::source::{Scored, Source};

/// What to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the scores of a member that is in several inputs.
#[derive(Clone, Copy, Debug, Default)]
enum Aggregate {
    #[default]
    Sum,
    Min,
    Max,
    /// The weights are added up, whatever the scores are (Redis 8.8).
    Count,
}

impl Aggregate {
    /// Both scores together. Infinities that cancel each other are 0; a NaN beside a number is never chosen.
    fn join(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Sum | Self::Count => zero_for_nan(a + b),
            Self::Min if b < a => b,
            Self::Max if b > a => b,
            Self::Min | Self::Max => a,
        }
    }
}

impl Aggregate {
    /// What a score contributes.
    fn weigh(self, weight: f64, score: f64) -> f64 {
        if matches!(self, Self::Count) { weight } else { weight * score }
    }
}

fn zero_for_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// `numkeys key [key ...]` and the options behind, which Redis reads only when the keys were looked up.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    keys: Many<'a, Key<'a>>,
    options: Words<'a>,
}

/// Which options a command has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// `WEIGHTS` and `AGGREGATE`.
    pub(super) weights: bool,
    /// `WITHSCORES`.
    pub(super) scores: bool,
    /// `LIMIT`.
    pub(super) limit: bool,
}

/// One input with its weight.
struct Weighted<'a> {
    source: Source<'a>,
    weight: f64,
}

/// The inputs and options, ready to be computed with.
pub(super) struct Combination<'a> {
    inputs: SmallVec<[Weighted<'a>; 4]>,
    aggregate: Aggregate,
    pub(super) with_scores: bool,
    /// Members to count at most; 0: all.
    limit: usize,
}

impl<'a> Inputs<'a> {
    /// Reads the keys; `command` is named in an error.
    pub(super) fn parse(words: &mut Words<'a>, command: &'static str) -> Result<Self, CommandError> {
        let numkeys = parse_i64(words.take()?).ok_or(CommandError::NotInteger)?;
        if numkeys < 1 {
            let text = format!("ERR at least 1 input key is needed for '{command}' command");
            return Err(CommandError::Text(Cow::Owned(text)));
        }
        let numkeys = usize::try_from(numkeys).map_err(|_| CommandError::Syntax)?;
        let keys = Many::parse(&mut words.split(numkeys)?)?;
        Ok(Self { keys, options: words.rest() })
    }

    /// Elements that computing touches.
    pub(super) fn cost(&self, cx: &QueryContext<'_>, operation: Operation) -> usize {
        let mut lens = self.keys.keys().map(|key| Source::peek_len(cx, key));
        let inputs = self.keys.len();
        match operation {
            Operation::Union => lens.sum(),
            Operation::Intersection => lens.min().unwrap_or(0).saturating_mul(inputs),
            Operation::Difference => lens.next().unwrap_or(0).saturating_mul(inputs),
        }
    }

    /// Looks the keys up and reads the options.
    pub(super) fn open(
        &self,
        cx: &'a QueryContext<'_>,
        allowed: Allowed,
    ) -> Result<Combination<'a>, CommandError> {
        let mut inputs = SmallVec::new();
        for key in self.keys.keys() {
            inputs.push(Weighted { source: Source::open(cx, key)?, weight: 1.0 });
        }
        let mut combination = Combination { inputs, aggregate: Aggregate::Sum, with_scores: false, limit: 0 };
        let mut words = self.options;
        while !words.is_empty() {
            combination.read_option(&mut words, allowed)?;
        }
        Ok(combination)
    }
}

impl<'a> Combination<'a> {
    fn read_option(&mut self, words: &mut Words<'_>, allowed: Allowed) -> Result<(), CommandError> {
        let word = words.take()?;
        if allowed.weights && is_token(word, "WEIGHTS") && words.len() >= self.inputs.len() {
            for input in &mut self.inputs {
                input.weight =
                    parse_f64(words.take()?).ok_or(CommandError::text("ERR weight value is not a float"))?;
            }
        } else if allowed.weights && is_token(word, "AGGREGATE") {
            self.aggregate = match words.take()? {
                word if is_token(word, "SUM") => Aggregate::Sum,
                word if is_token(word, "MIN") => Aggregate::Min,
                word if is_token(word, "MAX") => Aggregate::Max,
                word if is_token(word, "COUNT") => Aggregate::Count,
                _ => return Err(CommandError::Syntax),
            };
        } else if allowed.scores && is_token(word, "WITHSCORES") {
            self.with_scores = true;
        } else if allowed.limit && is_token(word, "LIMIT") {
            let limit = parse_i64(words.take()?).and_then(|limit| usize::try_from(limit).ok());
            self.limit = limit.ok_or(CommandError::text("ERR LIMIT can't be negative"))?;
        } else {
            return Err(CommandError::Syntax);
        }
        Ok(())
    }

    /// Computes, and puts the result into the order of a sorted set.
    pub(super) fn compute(self, operation: Operation) -> Vec<Scored<'a>> {
        let mut result = match operation {
            Operation::Union => self.union(),
            Operation::Intersection => self.intersection().collect(),
            Operation::Difference => self.difference(),
        };
        result.sort_unstable_by(|(member, score), (other, other_score)| {
            let by_score = score.partial_cmp(other_score).expect("every NaN was made a zero");
            by_score.then_with(|| member.cmp(other))
        });
        result
    }

    /// The size of the intersection, counted no further than the limit.
    pub(super) fn count_intersection(self) -> usize {
        let limit = if self.limit == 0 { usize::MAX } else { self.limit };
        self.intersection().take(limit).count()
    }

    fn union(self) -> Vec<Scored<'a>> {
        let largest = self.inputs.iter().map(|input| input.source.len()).max().unwrap_or(0);
        let mut scores: HashMap<Cow<'a, [u8]>, f64> = HashMap::with_capacity(largest);
        for Weighted { source, weight } in by_len(self.inputs) {
            for (member, score) in source.iter() {
                let score = zero_for_nan(self.aggregate.weigh(weight, score));
                match scores.entry(member) {
                    Entry::Vacant(slot) => {
                        slot.insert(score);
                    }
                    Entry::Occupied(mut slot) => {
                        let joined = self.aggregate.join(*slot.get(), score);
                        slot.insert(joined);
                    }
                }
            }
        }
        scores.into_iter().collect()
    }

    fn intersection(self) -> impl Iterator<Item = Scored<'a>> {
        let aggregate = self.aggregate;
        let mut inputs = by_len(self.inputs);
        let smallest = inputs.remove(0);
        smallest.source.iter().filter_map(move |(member, score)| {
            let mut joined = zero_for_nan(aggregate.weigh(smallest.weight, score));
            for input in &inputs {
                let score = input.source.score(&member)?;
                joined = aggregate.join(joined, aggregate.weigh(input.weight, score));
            }
            Some((member, joined))
        })
    }

    fn difference(self) -> Vec<Scored<'a>> {
        let (first, others) = self.inputs.split_first().expect("there is at least one key");
        let is_left = |member: &[u8]| others.iter().all(|other| other.source.score(member).is_none());
        first.source.iter().filter(|(member, _)| is_left(member)).collect()
    }
}

/// The inputs, the smallest first; scores are joined in this order, as in Redis, because sums depend on it.
fn by_len(mut inputs: SmallVec<[Weighted<'_>; 4]>) -> SmallVec<[Weighted<'_>; 4]> {
    inputs.sort_by_key(|input| input.source.len());
    inputs
}
