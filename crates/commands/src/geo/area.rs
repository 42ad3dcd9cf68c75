//! What a search covers.

use smallvec::SmallVec;
use spinel_structs::geohash::{Box2d, Cell, Circle, Polygon, Position, cells_around};

/// An area of the earth.
#[derive(Debug)]
pub(super) enum Area {
    Circle(Circle),
    Box(Box2d),
    Polygon(Polygon),
}

impl Area {
    /// The cells that hold all its places, in the order in which they are searched.
    pub(super) fn cells(&self) -> SmallVec<[Cell; 9]> {
        match self {
            Self::Circle(circle) => cells_around(circle.centre, circle.radius_m, &circle.extent()),
            Self::Box(rectangle) => {
                let Box2d { centre, width_m, height_m } = *rectangle;
                cells_around(centre, corner_m(width_m, height_m), &rectangle.extent())
            }
            Self::Polygon(polygon) => cells_around(polygon.centre(), polygon.radius_m(), &polygon.extent()),
        }
    }

    /// How far a place in it is from the centre.
    #[inline]
    pub(super) fn distance_m(&self, place: Position) -> Option<f64> {
        match self {
            Self::Circle(circle) => circle.distance_m(place),
            Self::Box(rectangle) => rectangle.distance_m(place),
            Self::Polygon(polygon) => polygon.distance_m(place),
        }
    }
}

/// From the centre of a rectangle to its corner.
fn corner_m(width_m: f64, height_m: f64) -> f64 {
    let (across, up) = (width_m / 2.0, height_m / 2.0);
    (across * across + up * up).sqrt()
}
