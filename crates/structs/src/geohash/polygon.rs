//! Areas with corners.

use super::distance::{degrees, radians};
use super::{Extent, Position, distance_m};

/// All places within a ring of straight lines, as a map with straight meridians and parallels shows them. The ring closes
/// by itself; lines may cross, and a place is inside if a line from it to the west crosses the ring an odd number of times.
#[derive(Clone, Debug)]
pub struct Polygon {
    vertices: Vec<Position>,
    centre: Position,
    extent: Extent,
}

impl Polygon {
    /// A polygon of at least one vertex.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn new(vertices: Vec<Position>) -> Self {
        assert!(!vertices.is_empty(), "a polygon has corners");
        let (centre, extent) = (centre_of(&vertices), extent_of(&vertices));
        Self { vertices, centre, extent }
    }

    /// The middle of the vertices on the sphere.
    #[must_use]
    pub fn centre(&self) -> Position {
        self.centre
    }

    /// The degrees that it reaches.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// How far it reaches from the centre.
    #[must_use]
    pub fn radius_m(&self) -> f64 {
        let Extent { west, east, south, north } = self.extent;
        let corners = [(west, south), (west, north), (east, south), (east, north)];
        let far =
            corners.map(|(longitude, latitude)| distance_m(self.centre, Position { longitude, latitude }));
        far.into_iter().fold(0.0, f64::max)
    }

    /// The distance of a place in it from the centre.
    #[must_use]
    pub fn distance_m(&self, place: Position) -> Option<f64> {
        self.contains(place).then(|| distance_m(self.centre, place))
    }

    fn contains(&self, place: Position) -> bool {
        let Extent { west, east, south, north } = self.extent;
        if !((west..=east).contains(&place.longitude) && (south..=north).contains(&place.latitude)) {
            return false;
        }
        let mut is_inside = false;
        let mut before = self.vertices[self.vertices.len() - 1];
        for &vertex in &self.vertices {
            if (vertex.latitude > place.latitude) != (before.latitude > place.latitude) {
                let along = (place.latitude - vertex.latitude) / (before.latitude - vertex.latitude);
                let crossing = vertex.longitude + along * (before.longitude - vertex.longitude);
                is_inside ^= place.longitude < crossing;
            }
            before = vertex;
        }
        is_inside
    }
}

/// The mean of the vertices as points of a sphere.
fn centre_of(vertices: &[Position]) -> Position {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for vertex in vertices {
        let (longitude, latitude) = (radians(vertex.longitude), radians(vertex.latitude));
        x += latitude.cos() * longitude.cos();
        y += latitude.cos() * longitude.sin();
        z += latitude.sin();
    }
    let count = vertices.len() as f64;
    let (x, y, z): (f64, f64, f64) = (x / count, y / count, z / count);
    Position { longitude: degrees(y.atan2(x)), latitude: degrees(z.atan2((x * x + y * y).sqrt())) }.clamped()
}

fn extent_of(vertices: &[Position]) -> Extent {
    let first = vertices[0];
    let point =
        Extent { west: first.longitude, east: first.longitude, south: first.latitude, north: first.latitude };
    vertices.iter().fold(point, |extent, vertex| Extent {
        west: extent.west.min(vertex.longitude),
        east: extent.east.max(vertex.longitude),
        south: extent.south.min(vertex.latitude),
        north: extent.north.max(vertex.latitude),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(longitude: f64, latitude: f64) -> Position {
        Position { longitude, latitude }
    }

    fn polygon(corners: &[(f64, f64)]) -> Polygon {
        Polygon::new(corners.iter().map(|&(longitude, latitude)| place(longitude, latitude)).collect())
    }

    #[test]
    fn a_notch_is_outside() {
        let notched = polygon(&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 1.0), (0.0, 4.0)]);
        assert!(notched.distance_m(place(1.0, 1.0)).is_some());
        assert!(notched.distance_m(place(3.9, 3.0)).is_some());
        assert!(notched.distance_m(place(2.0, 3.0)).is_none());
        assert!(notched.distance_m(place(5.0, 1.0)).is_none());
        assert!(notched.radius_m() > 300_000.0);
    }

    #[test]
    fn the_centre_is_that_of_the_sphere() {
        // What GEOSEARCH ... BYPOLYGON WITHDIST of Valkey 9.1.2 says.
        let corners = polygon(&[(12.0, 36.0), (16.0, 36.0), (16.0, 39.0), (12.0, 39.0)]);
        let found = corners.distance_m(Position::of_score(place(14.0, 37.5).score()));
        assert_eq!(found.map(|metres| format!("{metres:.4}")).as_deref(), Some("1875.7178"));
    }

    #[test]
    fn a_ring_without_an_area_holds_nothing() {
        let line = polygon(&[(1.0, 1.0), (1.0, 1.0), (1.0, 1.0)]);
        assert!(line.distance_m(place(1.0, 1.0)).is_none());
        let around = polygon(&[(-180.0, 0.0), (0.0, 0.0), (180.0, 0.0), (90.0, 0.0)]);
        assert!(around.centre().is_valid());
    }
}
