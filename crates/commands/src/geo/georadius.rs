//! `GEORADIUS key longitude latitude radius unit ...`, `GEORADIUSBYMEMBER key member radius unit ...`, and both to read only

use spinel_family::spec::{ArgKind, Begin, Find, KeySpec};
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Update, UpdateContext, Words,
};
use spinel_store::value::SortedSet;

use super::arguments::{
    COUNT, COUNT_ANY_LATER, LATITUDE, LONGITUDE, ORDER, RADIUS, UNIT, WITHCOORD, WITHDIST, WITHHASH, stored,
};
use super::geosearch::{found, reply, store};
use super::options::{Centre, Dialect, Search};
use crate::arguments::{READ, STORE, key, key_at, word};

const fn stored_behind(keyword: &'static str, start_from: i32) -> KeySpec {
    KeySpec {
        flags: STORE,
        begin: Begin::Keyword { word: keyword, start_from },
        find: Find::Range { last: 0, step: 1, limit: 0 },
        notes: "",
    }
}

/// Finds the members of a geospatial index around a place, and answers with them or stores them.
#[derive(Command)]
#[command(group = Geo, since = "3.2.0", flags(denyoom), manual, arity = -6)]
#[command(complexity = "O(N+log(M)) for N members in the cells around the circle and M in the index")]
#[command(history = &[("6.2.0", "The option `ANY` of `COUNT`."), ("7.0.0", "Units in upper case.")])]
#[command(doc_flags(Deprecated), deprecated_since = "6.2.0")]
#[command(replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")]
#[command(keys = &[key_at(1, READ), stored_behind("STORE", 6), stored_behind("STOREDIST", 6)])]
#[command(args = &[
    key("key", 0), LONGITUDE, LATITUDE, RADIUS, UNIT, WITHCOORD, WITHDIST, WITHHASH, COUNT_ANY_LATER, ORDER,
    stored("STORE", 1), stored("STOREDIST", 2),
])]
pub(super) struct Georadius<'a> {
    key: Key<'a>,
    words: Words<'a>,
}

/// Finds the members of a geospatial index around a place.
#[derive(Command)]
#[command(name = "georadius_ro", group = Geo, since = "3.2.10", manual, arity = -6, keys = &[key_at(1, READ)])]
#[command(complexity = "O(N+log(M)) for N members in the cells around the circle and M in the index")]
#[command(history = &[("6.2.0", "The option `ANY` of `COUNT`.")])]
#[command(doc_flags(Deprecated), deprecated_since = "6.2.0")]
#[command(replaced_by = "`GEOSEARCH` with the `BYRADIUS` argument")]
#[command(args = &[
    key("key", 0), LONGITUDE, LATITUDE, RADIUS, UNIT, WITHCOORD, WITHDIST, WITHHASH, COUNT_ANY_LATER, ORDER,
])]
pub(super) struct GeoradiusRo<'a> {
    key: Key<'a>,
    words: Words<'a>,
}

/// Finds the members of a geospatial index around one of them, and answers with them or stores them.
#[derive(Command)]
#[command(group = Geo, since = "3.2.0", flags(denyoom), manual, arity = -5)]
#[command(complexity = "O(N+log(M)) for N members in the cells around the circle and M in the index")]
#[command(history = &[("7.0.0", "Units in upper case.")])]
#[command(doc_flags(Deprecated), deprecated_since = "6.2.0")]
#[command(replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments")]
#[command(keys = &[key_at(1, READ), stored_behind("STORE", 5), stored_behind("STOREDIST", 5)])]
#[command(args = &[
    key("key", 0), word("member", ArgKind::String), RADIUS, UNIT, WITHCOORD, WITHDIST, WITHHASH, COUNT, ORDER,
    stored("STORE", 1), stored("STOREDIST", 2),
])]
pub(super) struct Georadiusbymember<'a> {
    key: Key<'a>,
    words: Words<'a>,
}

/// Finds the members of a geospatial index around one of them.
#[derive(Command)]
#[command(name = "georadiusbymember_ro", group = Geo, since = "3.2.10", manual, arity = -5)]
#[command(complexity = "O(N+log(M)) for N members in the cells around the circle and M in the index")]
#[command(doc_flags(Deprecated), deprecated_since = "6.2.0", keys = &[key_at(1, READ)])]
#[command(replaced_by = "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")]
#[command(args = &[
    key("key", 0), word("member", ArgKind::String), RADIUS, UNIT, WITHCOORD, WITHDIST, WITHHASH, COUNT, ORDER,
])]
pub(super) struct GeoradiusbymemberRo<'a> {
    key: Key<'a>,
    words: Words<'a>,
}

macro_rules! searches {
    ($($command:ident)*) => {$(
        impl<'a> Parse<'a> for $command<'a> {
            fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
                Ok(Self { key: words.key()?, words: words.rest() })
            }
        }
    )*};
}

searches! { Georadius GeoradiusRo Georadiusbymember GeoradiusbymemberRo }

impl Query for GeoradiusRo<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        read(cx, self.key, self.words, Centre::Position, out)
    }
}

impl Query for GeoradiusbymemberRo<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        read(cx, self.key, self.words, Centre::Member, out)
    }
}

impl Update for Georadius<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        read_or_store(cx, self.key, self.words, Centre::Position, out)
    }
}

impl Update for Georadiusbymember<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        read_or_store(cx, self.key, self.words, Centre::Member, out)
    }
}

fn read(cx: &QueryContext<'_>, key: Key<'_>, words: Words<'_>, centre: Centre, out: &mut Encoder) -> Reply {
    let zset = cx.read::<SortedSet>(key)?;
    let search = Search::read_radius(words, zset, centre, Dialect::RadiusRo)?;
    reply(&search, &found(&search, zset, cx)?, out);
    Ok(())
}

fn read_or_store(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    words: Words<'_>,
    centre: Centre,
    out: &mut Encoder,
) -> Reply {
    let zset = cx.read::<SortedSet>(key)?;
    let search = Search::read_radius(words, zset, centre, Dialect::Radius)?;
    let points = found(&search, zset, cx)?;
    let Some(destination) = search.store else {
        reply(&search, &points, out);
        return Ok(());
    };
    let result = super::geosearch::stored(&search, &points, cx);
    store(cx, destination, result, "georadiusstore", out);
    Ok(())
}
