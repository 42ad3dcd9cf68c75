//! `ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]`, `ZINCRBY key increment member`

use smallvec::SmallVec;
use spinel_family::{
    Block, Choice, Command, CommandError, Encoder, EventClass, Field, Key, Many, Parse, Reply, Update,
    UpdateContext, Words, is_token,
};
use spinel_store::value::SortedSet;
use spinel_store::{EncodingLimits, HashKey};
use spinel_structs::sorted_set::Inserted;

/// Whether members are added or only changed.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    #[arg(token = "NX")]
    Nx,
    #[arg(token = "XX")]
    Xx,
}

/// In which direction a score may change.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    #[arg(token = "GT")]
    Gt,
    #[arg(token = "LT")]
    Lt,
}

/// A score and the member that gets it.
#[derive(Block, Clone, Copy)]
pub(crate) struct ScoreMember<'a> {
    pub(crate) score: f64,
    pub(crate) member: &'a [u8],
}

/// Adds members to a sorted set, or changes their scores.
#[derive(Command)]
#[command(group = SortedSet, since = "1.2.0", flags(denyoom, fast), manual)]
#[command(complexity = "O(log(N)) for each member, N being the size of the sorted set")]
#[command(history = &[
    ("2.4.0", "Several members."),
    ("3.0.2", "The options `XX`, `NX`, `CH` and `INCR`."),
    ("6.2.0", "The options `GT` and `LT`."),
])]
pub(super) struct Zadd<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    #[arg(since = "3.0.2")]
    condition: Option<Condition>,
    #[arg(since = "6.2.0")]
    comparison: Option<Comparison>,
    #[arg(token = "CH", since = "3.0.2")]
    change: bool,
    #[arg(token = "INCR", since = "3.0.2")]
    increment: bool,
    #[arg(name = "score_member")]
    pairs: Many<'a, ScoreMember<'a>>,
}

/// Adds to the score of a member of a sorted set, which is 0 if it is not there.
#[derive(Command)]
#[command(group = SortedSet, since = "1.2.0", flags(denyoom, fast), manual)]
#[command(complexity = "O(log(N)), N being the size of the sorted set")]
pub(super) struct Zincrby<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    #[arg(kind = Integer)]
    increment: &'a [u8],
    member: &'a [u8],
}

/// The option words as they come, in any order and as often as one likes.
#[derive(Default)]
struct Seen {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
    change: bool,
    increment: bool,
}

impl Seen {
    /// Takes note of an option; false if the word is none.
    fn take(&mut self, word: &[u8]) -> bool {
        let flag = match word.len() {
            2 if is_token(word, "NX") => &mut self.nx,
            2 if is_token(word, "XX") => &mut self.xx,
            2 if is_token(word, "GT") => &mut self.gt,
            2 if is_token(word, "LT") => &mut self.lt,
            2 if is_token(word, "CH") => &mut self.change,
            4 if is_token(word, "INCR") => &mut self.increment,
            _ => return false,
        };
        *flag = true;
        true
    }

    fn check(&self) -> Result<(), CommandError> {
        if self.nx && self.xx {
            return Err(CommandError::text("ERR XX and NX options at the same time are not compatible"));
        }
        if usize::from(self.gt) + usize::from(self.lt) + usize::from(self.nx) > 1 {
            return Err(CommandError::text(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        Ok(())
    }
}

impl<'a> Parse<'a> for Zadd<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let mut seen = Seen::default();
        while words.peek().is_some_and(|word| seen.take(word)) {
            words.skip_one();
        }
        let pairs = Many::<ScoreMember<'_>>::parse(words)?;
        if pairs.is_empty() || !pairs.is_whole() {
            return Err(CommandError::Syntax);
        }
        seen.check()?;
        if seen.increment && pairs.len() > 1 {
            return Err(CommandError::text("ERR INCR option supports a single increment-element pair"));
        }
        Ok(Self {
            key,
            condition: seen.nx.then_some(Condition::Nx).or(seen.xx.then_some(Condition::Xx)),
            comparison: seen.gt.then_some(Comparison::Gt).or(seen.lt.then_some(Comparison::Lt)),
            change: seen.change,
            increment: seen.increment,
            pairs,
        })
    }
}

impl<'a> Parse<'a> for Zincrby<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (key, increment, member) = (words.key()?, words.take()?, words.take()?);
        // To Redis this is ZADD, and a word of it would be an option here too, with half a pair after it.
        if Seen::default().take(increment) {
            return Err(CommandError::Syntax);
        }
        Ok(Self { key, increment, member })
    }
}

impl Update for Zadd<'_> {
    fn cost(&self, _cx: &spinel_family::QueryContext<'_>) -> usize {
        self.pairs.len()
    }

    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let mut pairs: SmallVec<[ScoreMember<'_>; 4]> = SmallVec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter() {
            pairs.push(pair?);
        }
        let rules =
            Rules { condition: self.condition, comparison: self.comparison, increment: self.increment };
        let tally = rules.add(cx, self.key, &pairs)?;
        if self.increment {
            tally.reply_score(out);
        } else {
            let counted = if self.change { tally.added + tally.updated } else { tally.added };
            out.integer(counted as i64);
        }
        Ok(())
    }
}

impl Update for Zincrby<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let score = spinel_structs::number::parse_f64(self.increment).ok_or(CommandError::NotFloat)?;
        let rules = Rules { condition: None, comparison: None, increment: true };
        rules.add(cx, self.key, &[ScoreMember { score, member: self.member }])?.reply_score(out);
        Ok(())
    }
}

/// What decides whether and how a pair is taken over.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rules {
    pub(crate) condition: Option<Condition>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) increment: bool,
}

/// What became of one pair.
#[derive(Clone, Copy)]
enum Outcome {
    Added(f64),
    Updated(f64),
    Unchanged(f64),
    /// The rules forbade it.
    Skipped,
}

/// What became of all pairs.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) added: usize,
    pub(crate) updated: usize,
    /// The score of the last member that was not skipped.
    score: Option<f64>,
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Added(_) => self.added += 1,
            Outcome::Updated(_) => self.updated += 1,
            Outcome::Unchanged(_) | Outcome::Skipped => {}
        }
        if let Outcome::Added(score) | Outcome::Updated(score) | Outcome::Unchanged(score) = outcome {
            self.score = Some(score);
        }
    }

    fn reply_score(&self, out: &mut Encoder) {
        match self.score {
            Some(score) => out.double(score),
            None => out.null(),
        }
    }
}

impl Rules {
    /// Takes over the pairs, with all effects.
    pub(crate) fn add(
        self,
        cx: &mut UpdateContext<'_>,
        key: Key<'_>,
        pairs: &[ScoreMember<'_>],
    ) -> Result<Tally, CommandError> {
        let (limits, hash_key) = (&cx.settings().encodings, cx.hash_key());
        let mut tally = Tally::default();
        let zset = if self.condition == Some(Condition::Xx) {
            let Some(zset) = cx.write::<SortedSet>(key)? else { return Ok(tally) };
            zset
        } else {
            cx.write_or_create::<SortedSet>(key)?
        };
        for pair in pairs {
            tally.count(self.add_one(zset, pair, limits, hash_key)?);
        }
        let changes = tally.added + tally.updated;
        if changes > 0 {
            cx.touch_watchers(key);
            cx.notify(EventClass::SortedSet, if self.increment { "zincr" } else { "zadd" }, key);
            cx.add_dirty(changes);
        }
        Ok(tally)
    }

    fn add_one(
        self,
        zset: &mut SortedSet,
        &ScoreMember { score, member }: &ScoreMember<'_>,
        limits: &EncodingLimits,
        key: &HashKey,
    ) -> Result<Outcome, CommandError> {
        if self.condition.is_none() && self.comparison.is_none() && !self.increment {
            return Ok(match zset.insert(member, score, limits, key) {
                Inserted::Added => Outcome::Added(score),
                Inserted::Updated { .. } => Outcome::Updated(score),
                Inserted::Unchanged => Outcome::Unchanged(score),
            });
        }
        let Some(current) = zset.score(member) else {
            if self.condition == Some(Condition::Xx) {
                return Ok(Outcome::Skipped);
            }
            zset.insert(member, score, limits, key);
            return Ok(Outcome::Added(score));
        };
        if self.condition == Some(Condition::Nx) {
            return Ok(Outcome::Skipped);
        }
        let score = if self.increment { current + score } else { score };
        if score.is_nan() {
            return Err(CommandError::text("ERR resulting score is not a number (NaN)"));
        }
        let stays = match self.comparison {
            Some(Comparison::Gt) => score <= current,
            Some(Comparison::Lt) => score >= current,
            None => false,
        };
        if stays {
            return Ok(Outcome::Skipped);
        }
        if score == current {
            return Ok(Outcome::Unchanged(score));
        }
        zset.insert(member, score, limits, key);
        Ok(Outcome::Updated(score))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn errors_come_in_the_order_of_the_reference() {
        let mut server = Server::new();
        server.run("SET s x");
        for (line, error) in [
            ("ZADD k 1 a 2", "ERR syntax error"),
            ("ZADD k nx xx incr", "ERR syntax error"),
            ("ZADD k nx xx x a", "ERR XX and NX options at the same time are not compatible"),
            ("ZADD k gt nx x a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
            ("ZADD k gt lt x a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
            ("ZADD k incr 1 a x b", "ERR INCR option supports a single increment-element pair"),
            ("ZADD s 1 a x b", "ERR value is not a valid float"),
            ("ZADD s nan a", "ERR value is not a valid float"),
            ("ZADD s xx 1 a", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("ZINCRBY k nx a", "ERR syntax error"),
            ("ZINCRBY s x a", "ERR value is not a valid float"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
        assert_eq!(server.run("ZCARD k"), ":0\r\n");
    }

    #[test]
    fn conditions_decide_what_is_added_and_changed() {
        let mut server = Server::new();
        assert_eq!(server.run("ZADD k XX 1 a"), ":0\r\n");
        assert_eq!(server.run("ZADD k 1 a 2 b 2 b"), ":2\r\n");
        assert_eq!(server.run("ZADD k NX 5 a 3 c"), ":1\r\n");
        assert_eq!(server.run("ZADD k XX CH 5 a 9 new"), ":1\r\n");
        assert_eq!(server.run("ZADD k GT CH 4 a 3 b 1 d"), ":2\r\n");
        assert_eq!(server.run("ZADD k LT INCR 1 a"), "$-1\r\n");
        assert_eq!(server.run("ZADD k INCR 0.1 a"), "$18\r\n5.0999999999999996\r\n");
        assert_eq!(server.run("ZADD k NX INCR 1 a"), "$-1\r\n");
        assert_eq!(server.run("ZRANGE k 0 -1"), "*4\r\n$1\r\nd\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\na\r\n");
    }

    #[test]
    fn infinities_do_not_add_up_to_a_score() {
        let mut server = Server::new();
        server.run("ZADD k inf a");
        assert_eq!(server.run("ZINCRBY k -inf a"), "-ERR resulting score is not a number (NaN)\r\n");
        assert_eq!(server.effects.dirty, 0);
        assert_eq!(server.run("ZSCORE k a"), "$3\r\ninf\r\n");
    }

    #[test]
    fn only_changes_are_told() {
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b");
        assert_eq!(server.event_names(), ["new", "zadd"]);
        assert_eq!(server.effects.dirty, 2);
        let watch = server.watch("k");
        server.run("ZADD k 1 a");
        assert!(server.event_names().is_empty());
        assert_eq!(server.effects.dirty, 0);
        assert!(!watch.is_raised());
        server.run("ZINCRBY k 1 a");
        assert_eq!(server.event_names(), ["zincr"]);
        assert!(watch.is_raised());
    }
}
