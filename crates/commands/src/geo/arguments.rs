//! Parts of the descriptions of searches, as `COMMAND DOCS` shows them.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};

use crate::arguments::{choice, maybe, one_of, since, token, word};

const fn block(name: &'static str, token: &'static str, children: &'static [ArgSpec]) -> ArgSpec {
    Shape { children, ..Shape::word(ArgKind::Block) }.arg(name, token)
}

const fn with_token(name: &'static str, token: &'static str, kind: ArgKind) -> ArgSpec {
    Shape::word(kind).arg(name, token)
}

pub(super) const LONGITUDE: ArgSpec = word("longitude", ArgKind::Double);
pub(super) const LATITUDE: ArgSpec = word("latitude", ArgKind::Double);
pub(super) const RADIUS: ArgSpec = word("radius", ArgKind::Double);
pub(super) const UNIT: ArgSpec =
    one_of("unit", &[choice("m", "M"), choice("km", "KM"), choice("ft", "FT"), choice("mi", "MI")]);

/// `FROMMEMBER member | FROMLONLAT longitude latitude`; not with a polygon.
pub(super) const FROM: ArgSpec = maybe(one_of(
    "from",
    &[
        with_token("member", "FROMMEMBER", ArgKind::String),
        block("longitude_latitude", "FROMLONLAT", &[LONGITUDE, LATITUDE]),
    ],
));

/// `BYRADIUS radius unit | BYBOX width height unit | BYPOLYGON num-vertices longitude latitude [...]`
pub(super) const BY: ArgSpec = one_of(
    "by",
    &[
        block("circle", "", &[with_token("radius", "BYRADIUS", ArgKind::Double), UNIT]),
        block(
            "box",
            "",
            &[with_token("width", "BYBOX", ArgKind::Double), word("height", ArgKind::Double), UNIT],
        ),
        block(
            "polygon",
            "",
            &[
                with_token("num-vertices", "BYPOLYGON", ArgKind::Integer),
                Shape { children: &[LONGITUDE, LATITUDE], ..Shape::word(ArgKind::Block) }
                    .repeated()
                    .arg("vertices", ""),
            ],
        ),
    ],
);

pub(super) const ORDER: ArgSpec = maybe(one_of("order", &[choice("asc", "ASC"), choice("desc", "DESC")]));
pub(super) const COUNT: ArgSpec = maybe(block("count", "", &[COUNTED, token("any", "ANY")]));
/// The same where `ANY` came later than the command.
pub(super) const COUNT_ANY_LATER: ArgSpec =
    maybe(block("count", "", &[COUNTED, since("6.2.0", token("any", "ANY"))]));
const COUNTED: ArgSpec = with_token("count", "COUNT", ArgKind::Integer);
pub(super) const WITHCOORD: ArgSpec = token("withcoord", "WITHCOORD");
pub(super) const WITHDIST: ArgSpec = token("withdist", "WITHDIST");
pub(super) const WITHHASH: ArgSpec = token("withhash", "WITHHASH");
pub(super) const STOREDIST: ArgSpec = token("storedist", "STOREDIST");

/// The key of `STORE` or `STOREDIST`.
pub(super) const fn stored(token: &'static str, spec: usize) -> ArgSpec {
    ArgSpec { key_spec: Some(spec), ..Shape::word(ArgKind::Key).or_absent().arg("key", token) }
}
