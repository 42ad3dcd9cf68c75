//! `GEOPOS key [member ...]`, `GEOHASH key [member ...]`, `GEODIST key member1 member2 [unit]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Words};
use spinel_store::value::SortedSet;
use spinel_structs::geohash::{Position, distance_m};
use spinel_structs::number::{format_fixed, format_human};

use super::arguments::UNIT;
use super::read_unit_m;
use crate::arguments::{key, word};

const MEMBERS: ArgSpec = Shape::word(ArgKind::String).repeated().arg("member", "");
const MAYBE_UNIT: ArgSpec =
    ArgSpec { flags: spinel_family::spec::ArgFlags { optional: true, ..UNIT.flags }, ..UNIT };

/// Returns the longitudes and latitudes of members of a geospatial index.
#[derive(Command)]
#[command(group = Geo, since = "3.2.0", complexity = "O(1) for each member", manual, arity = -2)]
#[command(args = &[key("key", 0), MEMBERS])]
pub(super) struct Geopos<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    members: Words<'a>,
}

/// Returns the common geohash texts of members of a geospatial index.
#[derive(Command)]
#[command(group = Geo, since = "3.2.0", complexity = "O(1) for each member", manual, arity = -2)]
#[command(args = &[key("key", 0), MEMBERS])]
pub(super) struct Geohash<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    members: Words<'a>,
}

/// Returns the distance between two members of a geospatial index.
#[derive(Command)]
#[command(group = Geo, since = "3.2.0", complexity = "O(1)", manual, arity = -4)]
#[command(args = &[key("key", 0), word("member1", ArgKind::String), word("member2", ArgKind::String), MAYBE_UNIT])]
pub(super) struct Geodist<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    members: [&'a [u8]; 2],
    unit_m: f64,
}

impl<'a> Parse<'a> for Geopos<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, members: words.rest() })
    }
}

impl<'a> Parse<'a> for Geohash<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, members: words.rest() })
    }
}

impl<'a> Parse<'a> for Geodist<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let (key, members) = (words.key()?, [words.take()?, words.take()?]);
        let unit_m = match words.len() {
            0 => 1.0,
            1 => read_unit_m(words)?,
            _ => return Err(CommandError::Syntax),
        };
        Ok(Self { key, members, unit_m })
    }
}

/// Calls `found` with the position of each member, as far as there is one.
fn each_position(
    cx: &QueryContext<'_>,
    key: Key<'_>,
    mut members: Words<'_>,
    out: &mut Encoder,
    found: fn(Option<Position>, &mut Encoder),
) -> Reply {
    let zset = cx.read::<SortedSet>(key)?;
    out.array(members.len());
    while let Ok(member) = members.take() {
        found(zset.and_then(|zset| zset.score(member)).map(Position::of_score), out);
    }
    Ok(())
}

impl Query for Geopos<'_> {
    fn cost(&self, _: &QueryContext<'_>) -> usize {
        self.members.len()
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        each_position(cx, self.key, self.members, out, |position, out| match position {
            Some(position) => {
                reply_position(position, out);
            }
            None => out.null_array(),
        })
    }
}

impl Query for Geohash<'_> {
    fn cost(&self, _: &QueryContext<'_>) -> usize {
        self.members.len()
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        each_position(cx, self.key, self.members, out, |position, out| match position {
            Some(position) => out.bulk(&position.text()),
            None => out.null(),
        })
    }
}

impl Query for Geodist<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let scores = match cx.read::<SortedSet>(self.key)? {
            None => None,
            Some(zset) => {
                let [first, second] = self.members.map(|member| zset.score(member));
                first.zip(second)
            }
        };
        match scores {
            Some((first, second)) => {
                let metres = distance_m(Position::of_score(first), Position::of_score(second));
                reply_distance(metres / self.unit_m, out);
            }
            None => out.null(),
        }
        Ok(())
    }
}

/// Longitude and latitude, with up to 17 digits behind the point.
pub(super) fn reply_position(position: Position, out: &mut Encoder) {
    out.array(2);
    let mut text = Vec::with_capacity(24);
    for degrees in [position.longitude, position.latitude] {
        text.clear();
        format_human(degrees, &mut text);
        out.double_text(&text);
    }
}

/// A distance: a byte string with four digits behind the point.
pub(super) fn reply_distance(distance: f64, out: &mut Encoder) {
    let mut text = Vec::with_capacity(24);
    format_fixed(distance, &mut text);
    out.bulk(&text);
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn positions_texts_and_distances_are_those_of_the_reference() {
        let mut server = Server::new();
        server.run("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
        let palermo = "*2\r\n$20\r\n13.36138933897018433\r\n$20\r\n38.11555639549629859\r\n";
        assert_eq!(server.run("GEOPOS g Palermo none"), format!("*2\r\n{palermo}*-1\r\n"));
        assert_eq!(server.run("GEOHASH g Palermo none"), "*2\r\n$11\r\nsqc8b49rny0\r\n$-1\r\n");
        assert_eq!(server.run("GEODIST g Palermo Catania"), "$11\r\n166274.1516\r\n");
        assert_eq!(server.run("GEODIST g Palermo Catania KM"), "$8\r\n166.2742\r\n");
        assert_eq!(server.run("GEODIST g Palermo none mi"), "$-1\r\n");
        assert_eq!(server.run("GEOPOS none a"), "*1\r\n*-1\r\n");
        assert_eq!(server.run("GEOHASH g"), "*0\r\n");
    }

    #[test]
    fn a_unit_is_read_before_the_key_is_looked_up() {
        let mut server = Server::new();
        server.run("SET s x");
        let unit = "-ERR unsupported unit provided. please use M, KM, FT, MI\r\n";
        assert_eq!(server.run("GEODIST s a b furlong"), unit);
        assert_eq!(server.run("GEODIST s a b m m"), "-ERR syntax error\r\n");
        assert!(server.run("GEODIST s a b m").starts_with("-WRONGTYPE"));
        assert!(server.run("GEOPOS s").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("GEODIST none a b"), "$-1\r\n");
    }
}
