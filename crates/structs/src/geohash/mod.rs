//! Places on the earth as numbers of 52 bits, near ones mostly near to each other.
//!
//! Longitude and latitude are each cut to 26 bits of their range and interleaved, the longitude in the upper bit of each
//! pair. A prefix of such a number is a *cell*: a rectangle of degrees which holds exactly the places that begin with it.
//! So a sorted set whose scores are these numbers can be searched by a few ranges ([`cells_around`]).
//!
//! ```text
//!   step 1 (2 bits)          step 26 (52 bits)
//!   ┌─────┬─────┐
//!   │ 01  │ 11  │  north     score = 11 0110 ... 01   (about 0.6 m of latitude and longitude)
//!   ├─────┼─────┤                    ╰─ the cell of step 1, then of step 3, ...
//!   │ 00  │ 10  │  south
//!   └─────┴─────┘
//! ```
//! The latitudes end at 85.05112878 degrees, as those of web maps do. The numbers, the arithmetic with its rounding and
//! the choice of cells are those of Redis, which took them from Yinqiwen's ardb; distances are Haversine's on a sphere.
//!
//! What is deliberately absent: anything about sorted sets, units and replies.

mod area;
mod distance;
mod polygon;

pub use area::{Cell, Extent, cells_around};
pub use distance::{Box2d, Circle, distance_m};
pub use polygon::Polygon;

/// The degrees that a longitude may have, on either side.
pub const LONGITUDE_MAX: f64 = 180.0;
/// The degrees that a latitude may have, on either side.
pub const LATITUDE_MAX: f64 = 85.051_128_78;
/// Bits for each of the two coordinates of a place.
pub const STEP_MAX: u32 = 26;
/// Characters of a place's text.
pub const TEXT_LEN: usize = 11;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

impl Position {
    /// Whether it can be encoded.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// The nearest place that can be encoded.
    fn clamped(self) -> Self {
        Self {
            longitude: self.longitude.clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: self.latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// The score of the place.
    #[must_use]
    pub fn score(self) -> f64 {
        encode(self, LATITUDE_MAX, STEP_MAX) as f64
    }

    /// The middle of the smallest cell of a score. A score that is none of a place gives some place, the same one as in
    /// Redis on x86-64.
    #[inline]
    #[must_use]
    pub fn of_score(score: f64) -> Self {
        let area = Cell { bits: to_bits(score), step: STEP_MAX }.extent();
        Self { longitude: (area.west + area.east) / 2.0, latitude: (area.south + area.north) / 2.0 }.clamped()
    }

    /// The place in the common alphabet of geohashes, which divides the latitudes up to the poles: 10 characters of it, and
    /// a zero.
    #[must_use]
    pub fn text(self) -> [u8; TEXT_LEN] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = encode(self, 90.0, STEP_MAX);
        std::array::from_fn(|at| match at {
            0..10 => ALPHABET[(bits >> (47 - 5 * at) & 31) as usize],
            _ => ALPHABET[0],
        })
    }
}

/// The bits of a cell of that step around a place; latitudes reach to `latitude_max` on either side.
fn encode(place: Position, latitude_max: f64, step: u32) -> u64 {
    let cells = (1u64 << step) as f64;
    let along = |value: f64, max: f64| ((value + max) / (max + max) * cells) as u32;
    interleave(along(place.latitude, latitude_max), along(place.longitude, LONGITUDE_MAX))
}

/// A score as an integer, as C on x86-64 casts it to 64 bits without a sign.
fn to_bits(score: f64) -> u64 {
    const TOP: f64 = 9_223_372_036_854_775_808.0;
    if score < TOP { to_integer(score) as u64 } else { (to_integer(score - TOP) as u64) ^ (1 << 63) }
}

/// A score as an integer, as C on x86-64 casts it: what does not fit is the smallest.
#[must_use]
pub fn to_integer(score: f64) -> i64 {
    const TOP: f64 = 9_223_372_036_854_775_808.0;
    if (-TOP..TOP).contains(&score) { score as i64 } else { i64::MIN }
}

/// Puts the bits of the first into the even places and those of the second into the odd ones.
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | spread(odd) << 1
}

/// Takes the even and the odd bits apart.
fn deinterleave(bits: u64) -> (u32, u32) {
    (gather(bits), gather(bits >> 1))
}

/// A bit in every second place.
fn spread(bits: u32) -> u64 {
    let mut x = u64::from(bits);
    x = (x | x << 16) & 0x0000_FFFF_0000_FFFF;
    x = (x | x << 8) & 0x00FF_00FF_00FF_00FF;
    x = (x | x << 4) & 0x0F0F_0F0F_0F0F_0F0F;
    x = (x | x << 2) & 0x3333_3333_3333_3333;
    (x | x << 1) & 0x5555_5555_5555_5555
}

/// The bits of every second place.
fn gather(bits: u64) -> u32 {
    let mut x = bits & 0x5555_5555_5555_5555;
    x = (x | x >> 1) & 0x3333_3333_3333_3333;
    x = (x | x >> 2) & 0x0F0F_0F0F_0F0F_0F0F;
    x = (x | x >> 4) & 0x00FF_00FF_00FF_00FF;
    x = (x | x >> 8) & 0x0000_FFFF_0000_FFFF;
    (x | x >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(longitude: f64, latitude: f64) -> Position {
        Position { longitude, latitude }
    }

    #[test]
    fn scores_and_texts_are_those_of_redis() {
        // What GEOADD, ZSCORE, GEOPOS and GEOHASH of redis-server 7.0.15 say.
        let palermo = place(13.361_389, 38.115_556);
        assert_eq!(palermo.score(), 3_479_099_956_230_698.0);
        let found = Position::of_score(3_479_099_956_230_698.0);
        assert_eq!(found, place(13.361_389_338_970_184, 38.115_556_395_496_3));
        assert_eq!(&found.text(), b"sqc8b49rny0");
        let catania = Position::of_score(place(15.087_269, 37.502_669).score());
        assert_eq!(&catania.text(), b"sqdtr74hyu0");
    }

    #[test]
    fn a_score_that_is_no_place_is_cast_as_c_does() {
        assert_eq!(to_bits(-1.0), u64::MAX);
        assert_eq!(to_bits(1.8e19), 18_000_000_000_000_000_000);
        assert_eq!(to_bits(f64::INFINITY), 0);
        assert_eq!(to_bits(f64::NEG_INFINITY), 1 << 63);
        assert_eq!((to_integer(1e300), to_integer(-3.9)), (i64::MIN, -3));
        for score in [-1.0, 1.8e19, f64::INFINITY, f64::MIN, 0.5] {
            assert!(Position::of_score(score).is_valid(), "{score}");
        }
    }

    proptest! {
        #[test]
        fn a_place_is_found_again_where_it_was(longitude in -180.0..=180.0f64, latitude in -85.05..=85.05f64) {
            let found = Position::of_score(place(longitude, latitude).score());
            prop_assert!((found.longitude - longitude).abs() < 1e-5);
            prop_assert!((found.latitude - latitude).abs() < 1e-5);
        }

        #[test]
        fn bits_come_apart_as_they_were_put_together(even: u32, odd: u32) {
            prop_assert_eq!(deinterleave(interleave(even, odd)), (even, odd));
        }

        #[test]
        fn any_score_is_some_place(score: f64) {
            prop_assert!(Position::of_score(score).is_valid());
        }
    }
}
