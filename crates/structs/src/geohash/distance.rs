//! Distances on a sphere, and areas around a centre.

use std::f64::consts::PI;

use super::{Extent, Position};

/// The mean radius of the earth by WGS-84.
const EARTH_RADIUS_M: f64 = 6_372_797.560_856;
const RADIANS_OF_DEGREE: f64 = PI / 180.0;
/// A difference of latitudes so much beyond the radius that no rounding makes up for it.
const SURELY_BEYOND: f64 = 1.000_001;

pub(super) fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_OF_DEGREE
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / RADIANS_OF_DEGREE
}

/// The distance along a meridian.
pub(super) fn latitude_distance_m(a: f64, b: f64) -> f64 {
    EARTH_RADIUS_M * (radians(b) - radians(a)).abs()
}

/// The distance between two places, by the formula of Haversine.
#[must_use]
pub fn distance_m(a: Position, b: Position) -> f64 {
    let v = ((radians(b.longitude) - radians(a.longitude)) / 2.0).sin();
    if v == 0.0 {
        return latitude_distance_m(a.latitude, b.latitude);
    }
    let (first, second) = (radians(a.latitude), radians(b.latitude));
    let u = ((second - first) / 2.0).sin();
    let a = u * u + first.cos() * second.cos() * v * v;
    2.0 * EARTH_RADIUS_M * a.sqrt().asin()
}

/// The extent of so many metres in every direction of a centre, or a little less where the degrees of longitude change.
fn extent_around(centre: Position, width_m: f64, height_m: f64) -> Extent {
    let up = degrees(height_m / EARTH_RADIUS_M);
    let nearer_to_the_pole = if centre.latitude < 0.0 { centre.latitude - up } else { centre.latitude + up };
    let across = degrees(width_m / EARTH_RADIUS_M / radians(nearer_to_the_pole).cos());
    Extent {
        west: centre.longitude - across,
        east: centre.longitude + across,
        south: centre.latitude - up,
        north: centre.latitude + up,
    }
}

/// All places up to a distance from a centre.
#[derive(Clone, Copy, Debug)]
pub struct Circle {
    /// The centre.
    pub centre: Position,
    /// The distance.
    pub radius_m: f64,
}

impl Circle {
    /// The degrees that it reaches.
    #[must_use]
    pub fn extent(&self) -> Extent {
        extent_around(self.centre, self.radius_m, self.radius_m)
    }

    /// The distance of a place in it from the centre.
    #[inline]
    #[must_use]
    pub fn distance_m(&self, place: Position) -> Option<f64> {
        // Most places that are too far away are so by their latitude alone.
        if latitude_distance_m(self.centre.latitude, place.latitude) > self.radius_m * SURELY_BEYOND {
            return None;
        }
        let distance = distance_m(self.centre, place);
        // Opposite ends of the earth may be no number apart, which is not beyond either.
        let is_beyond = distance > self.radius_m;
        (!is_beyond).then_some(distance)
    }
}

/// All places up to half a height north and south of a centre, and half a width east and west.
#[derive(Clone, Copy, Debug)]
pub struct Box2d {
    /// The centre.
    pub centre: Position,
    /// East to west.
    pub width_m: f64,
    /// North to south.
    pub height_m: f64,
}

impl Box2d {
    /// The degrees that it reaches.
    #[must_use]
    pub fn extent(&self) -> Extent {
        extent_around(self.centre, self.width_m / 2.0, self.height_m / 2.0)
    }

    /// The distance of a place in it from the centre.
    #[inline]
    #[must_use]
    pub fn distance_m(&self, place: Position) -> Option<f64> {
        if latitude_distance_m(place.latitude, self.centre.latitude) > self.height_m / 2.0 {
            return None;
        }
        let beside = Position { longitude: self.centre.longitude, latitude: place.latitude };
        if distance_m(place, beside) > self.width_m / 2.0 {
            return None;
        }
        Some(distance_m(self.centre, place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(longitude: f64, latitude: f64) -> Position {
        Position { longitude, latitude }
    }

    #[test]
    fn distances_are_those_of_redis() {
        let palermo = Position::of_score(place(13.361_389, 38.115_556).score());
        let catania = Position::of_score(place(15.087_269, 37.502_669).score());
        assert_eq!(format!("{:.4}", distance_m(palermo, catania)), "166274.1516");
    }

    proptest! {
        #[test]
        fn looking_at_the_latitude_first_changes_nothing(
            longitude in -180.0..=180.0f64, latitude in -85.0..=85.0f64, east in -180.0..=180.0f64,
            north in -85.0..=85.0f64, radius_m in 0.0..2e7f64
        ) {
            let (centre, other) = (place(longitude, latitude), place(east, north));
            let inside = distance_m(centre, other) <= radius_m;
            prop_assert_eq!(Circle { centre, radius_m }.distance_m(other).is_some(), inside);
        }
    }
}
