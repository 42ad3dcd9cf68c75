//! `GEOSEARCH key [FROMMEMBER member | FROMLONLAT longitude latitude] BYRADIUS ... | BYBOX ... | BYPOLYGON ...`,
//! `GEOSEARCHSTORE destination source ... [STOREDIST]`

use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Update, UpdateContext, Words,
};
use spinel_store::value::SortedSet;
use spinel_structs::geohash::to_integer;
use spinel_structs::number::IntBuffer;

use super::arguments::{BY, COUNT, FROM, ORDER, STOREDIST, WITHCOORD, WITHDIST, WITHHASH};
use super::geopos::{reply_distance, reply_position};
use super::options::Search;
use super::points::{Point, find};
use crate::arguments::{READ, STORE, key, key_at};
use crate::sorted_set::source::{Scored, to_bytes};
use crate::sorted_set::store::store_result;

/// Finds the members of a geospatial index within a circle, a box or a polygon.
#[derive(Command)]
#[command(group = Geo, since = "6.2.0", manual, arity = -7, keys = &[key_at(1, READ)])]
#[command(complexity = "O(N+log(M)) for N members in the cells around the area and M in the index")]
#[command(history = &[("7.0.0", "Units in upper case.")])]
#[command(args = &[key("key", 0), FROM, BY, ORDER, COUNT, WITHCOORD, WITHDIST, WITHHASH])]
pub(super) struct Geosearch<'a> {
    key: Key<'a>,
    words: Words<'a>,
}

/// Stores the members of a geospatial index within a circle, a box or a polygon.
#[derive(Command)]
#[command(group = Geo, since = "6.2.0", flags(denyoom), manual, arity = -8)]
#[command(complexity = "O(N+log(M)) for N members in the cells around the area and M in the index")]
#[command(history = &[("7.0.0", "Units in upper case.")])]
#[command(keys = &[key_at(1, STORE), key_at(2, READ)])]
#[command(args = &[key("destination", 0), key("source", 1), FROM, BY, ORDER, COUNT, STOREDIST])]
pub(super) struct Geosearchstore<'a> {
    destination: Key<'a>,
    source: Key<'a>,
    words: Words<'a>,
}

impl<'a> Parse<'a> for Geosearch<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, words: words.rest() })
    }
}

impl<'a> Parse<'a> for Geosearchstore<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { destination: words.key()?, source: words.key()?, words: words.rest() })
    }
}

impl Query for Geosearch<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let zset = cx.read::<SortedSet>(self.key)?;
        let search = Search::read(self.words, zset, None)?;
        reply(&search, &found(&search, zset, cx)?, out);
        Ok(())
    }
}

impl Update for Geosearchstore<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let zset = cx.read::<SortedSet>(self.source)?;
        let search = Search::read(self.words, zset, Some(self.destination))?;
        let points = found(&search, zset, cx)?;
        let result = stored(&search, &points, cx);
        store(cx, self.destination, result, "geosearchstore", out);
        Ok(())
    }
}

/// What a search finds in a key that may be missing.
pub(super) fn found<'z>(
    search: &Search<'_>,
    zset: Option<&'z SortedSet>,
    cx: &QueryContext<'_>,
) -> Result<Vec<Point<'z>>, CommandError> {
    match (zset, &search.area) {
        (Some(zset), Some(area)) => find(zset, area, search, cx),
        _ => Ok(Vec::new()),
    }
}

/// Writes what was found.
pub(super) fn reply(search: &Search<'_>, points: &[Point<'_>], out: &mut Encoder) {
    let with = search.with;
    let mut digits = IntBuffer::new();
    out.array(points.len());
    for point in points {
        if with.len() > 0 {
            out.array(1 + with.len());
        }
        out.bulk(point.member.to_bytes(&mut digits));
        if with.distance {
            reply_distance(point.distance_m / search.unit_m, out);
        }
        if with.hash {
            out.integer(to_integer(point.score));
        }
        if with.position {
            reply_position(point.position, out);
        }
    }
}

/// What was found as a sorted set of its own.
pub(super) fn stored(search: &Search<'_>, points: &[Point<'_>], cx: &QueryContext<'_>) -> SortedSet {
    let score = |point: &Point<'_>| {
        if search.stores_distance { point.distance_m / search.unit_m } else { point.score }
    };
    let mut members: Vec<Scored<'_>> =
        points.iter().map(|point| (to_bytes(point.member), score(point))).collect();
    members.sort_unstable_by(|(a, first), (b, second)| first.total_cmp(second).then_with(|| a.cmp(b)));
    // They differ, as the members of different cells do.
    SortedSet::from_ascending(&members, &cx.settings().encodings, cx.hash_key())
}

/// Stores what was found in place of whatever the destination held.
pub(super) fn store(
    cx: &mut UpdateContext<'_>,
    destination: Key<'_>,
    result: SortedSet,
    event: &'static str,
    out: &mut Encoder,
) {
    let others = result.len().saturating_sub(1);
    store_result(cx, destination, result, event, out);
    cx.add_dirty(others);
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    fn sicily() -> Server {
        let mut server = Server::new();
        server.run(
            "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1",
        );
        server.run("GEOADD g 17.241510 38.788135 edge2");
        server
    }

    /// The byte strings of a reply.
    fn words(server: &mut Server, line: &str) -> String {
        let reply = server.run(line);
        let lines = reply.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(['$', '*']));
        lines.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn circles_boxes_and_polygons_find_what_lies_in_them() {
        let mut server = sicily();
        let circle = "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST";
        assert_eq!(words(&mut server, circle), "Catania 56.4413 Palermo 190.4424");
        let rectangle = "GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km DESC WITHDIST COUNT 3";
        assert_eq!(words(&mut server, rectangle), "edge1 279.7405 edge2 279.7403 Palermo 190.4424");
        assert_eq!(words(&mut server, "GEOSEARCH g FROMMEMBER Catania BYRADIUS 0 m"), "Catania");
        // What Valkey 9.1.2 answers.
        let polygon = "GEOSEARCH g BYPOLYGON 4 12 36 16 36 16 39 12 39 WITHDIST";
        let found = "Palermo 87079.3757 edge1 178279.5297 Catania 95942.2984";
        let mut sorted: Vec<_> = words(&mut server, polygon).split(' ').map(str::to_owned).collect();
        sorted.sort();
        let mut expected: Vec<_> = found.split(' ').map(str::to_owned).collect();
        expected.sort();
        assert_eq!(sorted, expected);
    }

    #[test]
    fn what_is_wanted_of_each_comes_in_one_order() {
        let mut server = sicily();
        let reply = server.run("GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m WITHHASH WITHCOORD WITHDIST");
        let position = "*2\r\n$20\r\n13.36138933897018433\r\n$20\r\n38.11555639549629859\r\n";
        assert_eq!(
            reply,
            format!("*1\r\n*4\r\n$7\r\nPalermo\r\n$6\r\n0.0000\r\n:3479099956230698\r\n{position}")
        );
    }

    #[test]
    fn scores_or_distances_are_stored() {
        let mut server = sicily();
        assert_eq!(server.run("GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "geosearchstore"], 2));
        assert_eq!(words(&mut server, "ZRANGE d 0 -1"), "Palermo Catania");
        assert_eq!(server.run("GEORADIUS g 15 37 200 km STOREDIST d"), ":2\r\n");
        assert_eq!(server.event_names(), ["georadiusstore"]);
        assert_eq!(words(&mut server, "ZRANGE d 0 -1"), "Catania Palermo");
        assert_eq!(server.run("GEORADIUSBYMEMBER none x 1 km STORE d"), ":0\r\n");
        assert_eq!(server.event_names(), ["keymiss", "del"]);
    }

    #[test]
    fn errors_come_in_the_order_of_the_reference() {
        let mut server = sicily();
        server.run("SET s x");
        for (line, error) in [
            ("GEOSEARCH s x x x x x", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("GEOSEARCH g FROMMEMBER x ASC ASC ASC", "ERR could not decode requested zset member"),
            ("GEOSEARCH g FROMMEMBER Palermo FROMLONLAT 1 1 ASC", "ERR syntax error"),
            (
                "geoSearch g ASC ASC ASC ASC ASC",
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geoSearch",
            ),
            (
                "GEOSEARCH g FROMLONLAT 1 1 ASC ASC",
                "ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH",
            ),
            ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS x furlong", "ERR need numeric radius"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS -1 furlong", "ERR radius cannot be negative"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 -1 furlong", "ERR height or width cannot be negative"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m COUNT 0", "ERR COUNT must be > 0"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m ANY", "ERR the ANY argument requires COUNT argument"),
            ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m STOREDIST", "ERR syntax error"),
            ("GEOSEARCH g BYPOLYGON 2 1 1 2 2", "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices"),
            ("GEOSEARCH g BYPOLYGON x 1 1 2 2", "ERR invalid number of vertices"),
            (
                "GEORADIUS g 1 1 1 m STORE d WITHDIST",
                "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            ),
            ("GEORADIUS_RO g 1 1 1 m STORE d", "ERR syntax error"),
            ("GEORADIUSBYMEMBER none x x x FOO", "ERR syntax error"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
    }
}
