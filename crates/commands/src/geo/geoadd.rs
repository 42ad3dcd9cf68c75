//! `GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]`

use smallvec::SmallVec;
use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, QueryContext, Reply, Update, UpdateContext, Words, is_token,
};

use super::arguments::{LATITUDE, LONGITUDE};
use super::read_position;
use crate::arguments::{choice, key, since, token, word};
use crate::sorted_set::zadd::{Condition, Rules, ScoreMember};

/// Words of one place.
const PLACE_WORDS: usize = 3;

const CONDITION: ArgSpec =
    Shape { children: &[choice("nx", "NX"), choice("xx", "XX")], ..Shape::word(ArgKind::OneOf) }
        .or_absent()
        .arg("condition", "");
const PLACES: ArgSpec = Shape {
    children: &[LONGITUDE, LATITUDE, word("member", ArgKind::String)],
    ..Shape::word(ArgKind::Block)
}
.repeated()
.arg("longitude_latitude_member", "");

/// Adds places to a geospatial index, or moves them.
#[derive(Command)]
#[command(group = Geo, since = "3.2.0", flags(denyoom), manual, arity = -5)]
#[command(complexity = "O(log(N)) for each place, N being the size of the index")]
#[command(history = &[("6.2.0", "The options `CH`, `NX` and `XX`.")])]
#[command(args = &[key("key", 0), since("6.2.0", CONDITION), since("6.2.0", token("change", "CH")), PLACES])]
pub(super) struct Geoadd<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    condition: Option<Condition>,
    counts_changes: bool,
    places: Words<'a>,
}

impl<'a> Parse<'a> for Geoadd<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let (mut nx, mut xx, mut counts_changes) = (false, false, false);
        while let Some(word) = words.peek() {
            match word {
                _ if is_token(word, "NX") => nx = true,
                _ if is_token(word, "XX") => xx = true,
                _ if is_token(word, "CH") => counts_changes = true,
                _ => break,
            }
            words.skip_one();
        }
        let places = words.rest();
        if places.is_empty() || !places.len().is_multiple_of(PLACE_WORDS) || (nx && xx) {
            return Err(CommandError::Syntax);
        }
        let condition = nx.then_some(Condition::Nx).or(xx.then_some(Condition::Xx));
        Ok(Self { key, condition, counts_changes, places })
    }
}

impl Update for Geoadd<'_> {
    fn cost(&self, _: &QueryContext<'_>) -> usize {
        self.places.len() / PLACE_WORDS
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let mut pairs: SmallVec<[ScoreMember<'_>; 4]> = SmallVec::new();
        let mut words = self.places;
        while !words.is_empty() {
            let score = read_position(&mut words)?.score();
            pairs.push(ScoreMember { score, member: words.take()? });
        }
        let rules = Rules { condition: self.condition, ..Rules::default() };
        let tally = rules.add(cx, self.key, &pairs)?;
        let counted = if self.counts_changes { tally.added + tally.updated } else { tally.added };
        out.integer(counted as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn places_are_scores_of_a_sorted_set() {
        let mut server = Server::new();
        assert_eq!(server.run("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "zadd"], 2));
        assert_eq!(server.run("ZSCORE g Palermo"), "$16\r\n3479099956230698\r\n");
        assert_eq!(server.run("GEOADD g NX CH 1 1 Palermo 2 2 new"), ":1\r\n");
        assert_eq!(server.run("GEOADD g XX CH 1 1 Palermo 2 2 other"), ":1\r\n");
        assert_eq!(server.run("GEOADD g CH 1 1 Palermo"), ":0\r\n");
    }

    #[test]
    fn errors_come_in_the_order_of_the_reference() {
        let mut server = Server::new();
        server.run("SET s x");
        for (line, error) in [
            ("GEOADD s NX XX 1 1 a", "ERR syntax error"),
            ("GEOADD s 1 1 a b", "ERR syntax error"),
            ("GEOADD s NX CH CH", "ERR syntax error"),
            ("GEOADD s x 1 a", "ERR value is not a valid float"),
            ("GEOADD s 181 1 a", "ERR invalid longitude,latitude pair 181.000000,1.000000"),
            ("GEOADD s 1 -86 a", "ERR invalid longitude,latitude pair 1.000000,-86.000000"),
            ("GEOADD s inf 1 a", "ERR invalid longitude,latitude pair inf,1.000000"),
            ("GEOADD s 1 1 a", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
    }
}
