//! Cells, and which of them cover an area.

use smallvec::SmallVec;

use super::{LATITUDE_MAX, LONGITUDE_MAX, Position, STEP_MAX, deinterleave, encode};

/// The even bits, which are those of the latitude.
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;
/// Half the earth's equator as web maps draw it, in metres.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

/// All places whose bits begin with those of the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The bits of the prefix: twice as many as `step`.
    pub bits: u64,
    /// Bits for each coordinate, from 1 to [`STEP_MAX`].
    pub step: u32,
}

/// A rectangle of degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// The smallest longitude.
    pub west: f64,
    /// The largest longitude.
    pub east: f64,
    /// The smallest latitude.
    pub south: f64,
    /// The largest latitude.
    pub north: f64,
}

/// A step to a neighbour.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Move {
    Down,
    Stay,
    Up,
}

impl Cell {
    /// The cell of a step around a place.
    fn around(place: Position, step: u32) -> Self {
        Self { bits: encode(place, LATITUDE_MAX, step), step }
    }

    /// The scores of its places: from the first up to, but without, the second.
    #[must_use]
    pub fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEP_MAX - self.step);
        ((self.bits << shift) as f64, ((self.bits + 1) << shift) as f64)
    }

    /// The degrees it covers.
    #[inline]
    #[must_use]
    pub fn extent(self) -> Extent {
        let (latitude, longitude) = deinterleave(self.bits);
        let cells = (1u64 << self.step) as f64;
        let edge = |at: u32, max: f64| -max + f64::from(at) / cells * (max + max);
        Extent {
            west: edge(longitude, LONGITUDE_MAX),
            east: edge(longitude.wrapping_add(1), LONGITUDE_MAX),
            south: edge(latitude, LATITUDE_MAX),
            north: edge(latitude.wrapping_add(1), LATITUDE_MAX),
        }
    }

    /// The cell beside it; beyond an edge of the map it is the one at the other side.
    ///
    /// The easternmost and northernmost degrees of all have a bit too many. A step along its axis loses it, as in Redis,
    /// and a cell that keeps it is empty.
    fn neighbour(self, longitude: Move, latitude: Move) -> Self {
        let mask = u64::MAX >> (64 - 2 * self.step);
        let x = moved(self.bits & !LATITUDE_BITS, !LATITUDE_BITS & mask, LATITUDE_BITS & mask, longitude);
        let y = moved(self.bits & LATITUDE_BITS, LATITUDE_BITS & mask, !LATITUDE_BITS & mask, latitude);
        Self { bits: x | y, step: self.step }
    }
}

/// Every second bit of a number, one up or down: with the gaps between the bits all set, a carry runs through them.
fn moved(bits: u64, own: u64, gaps: u64, step: Move) -> u64 {
    match step {
        Move::Stay => bits,
        Move::Up => bits.wrapping_add(gaps + 1) & own,
        Move::Down => (bits | gaps).wrapping_sub(gaps + 1) & own,
    }
}

/// The step whose cells, nine of them, cover a radius around a latitude, or nearly so.
fn step_for(radius_m: f64, latitude: f64) -> u32 {
    if radius_m == 0.0 {
        return STEP_MAX;
    }
    let mut step = 1;
    let mut covered = radius_m;
    while covered < MERCATOR_MAX_M {
        covered *= 2.0;
        step += 1;
    }
    // Once more for the edges; and degrees of longitude shrink towards the poles.
    step -= 2;
    if latitude.abs() > 66.0 {
        step -= 1;
        if latitude.abs() > 80.0 {
            step -= 1;
        }
    }
    step.clamp(1, STEP_MAX as i32) as u32
}

/// The cells that hold all places of an extent around a centre: at most nine, in the order in which they are searched.
#[must_use]
pub fn cells_around(centre: Position, radius_m: f64, wanted: &Extent) -> SmallVec<[Cell; 9]> {
    use Move::{Down, Stay, Up};
    let mut cell = Cell::around(centre, step_for(radius_m, centre.latitude));
    let covers = |cell: Cell| {
        cell.neighbour(Stay, Up).extent().north >= wanted.north
            && cell.neighbour(Stay, Down).extent().south <= wanted.south
            && cell.neighbour(Up, Stay).extent().east >= wanted.east
            && cell.neighbour(Down, Stay).extent().west <= wanted.west
    };
    if cell.step > 1 && !covers(cell) {
        cell = Cell::around(centre, cell.step - 1);
    }
    let own = cell.extent();
    let all = cell.step < 2;
    let useful = |longitude: Move, latitude: Move| {
        all || !((latitude == Down && own.south < wanted.south)
            || (latitude == Up && own.north > wanted.north)
            || (longitude == Down && own.west < wanted.west)
            || (longitude == Up && own.east > wanted.east))
    };
    const ORDER: [(Move, Move); 9] = [
        (Stay, Stay),
        (Stay, Up),
        (Stay, Down),
        (Up, Stay),
        (Down, Stay),
        (Up, Up),
        (Down, Up),
        (Up, Down),
        (Down, Down),
    ];
    let mut cells: SmallVec<[Cell; 9]> = SmallVec::new();
    for (longitude, latitude) in ORDER {
        let neighbour = cell.neighbour(longitude, latitude);
        // Cells of half the map have the same neighbour on both sides.
        if useful(longitude, latitude) && !cells.contains(&neighbour) {
            cells.push(neighbour);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn beyond_the_edge_of_the_map_lies_its_other_side() {
        let corner = Cell { bits: 0, step: 3 };
        assert_eq!(corner.neighbour(Move::Down, Move::Stay).bits, 0b10_10_10);
        assert_eq!(corner.neighbour(Move::Stay, Move::Down).bits, 0b01_01_01);
        assert_eq!(corner.neighbour(Move::Up, Move::Up).bits, 0b00_00_11);
    }

    #[test]
    fn a_large_radius_wants_the_whole_map_and_none_the_smallest_cells() {
        assert_eq!(step_for(f64::INFINITY, 0.0), 1);
        assert_eq!(step_for(3e7, 0.0), 1);
        assert_eq!(step_for(0.0, 85.0), STEP_MAX);
        assert_eq!(step_for(1e-300, 0.0), STEP_MAX);
        assert_eq!(step_for(100.0, 0.0), 17);
        assert_eq!((step_for(100.0, 70.0), step_for(100.0, -81.0)), (16, 15));
    }

    proptest! {
        #[test]
        fn a_neighbour_of_a_neighbour_is_the_cell_itself(bits: u64, step in 1u32..=26) {
            let cell = Cell { bits: bits & (u64::MAX >> (64 - 2 * step)), step };
            prop_assert_eq!(cell.neighbour(Move::Up, Move::Down).neighbour(Move::Down, Move::Up), cell);
            let (extent, beside) = (cell.extent(), cell.neighbour(Move::Up, Move::Stay).extent());
            prop_assert!(beside.west == extent.east || extent.east == LONGITUDE_MAX);
        }

        #[test]
        fn a_place_is_in_the_cell_around_it(
            longitude in -179.9..179.9f64, latitude in -85.0..85.0f64, step in 1u32..=26
        ) {
            let place = Position { longitude, latitude };
            let cell = Cell::around(place, step);
            let (first, end) = cell.scores();
            prop_assert!((first..end).contains(&place.score()));
            let extent = cell.extent();
            prop_assert!(extent.west <= longitude && longitude <= extent.east);
            prop_assert!(extent.south <= latitude && latitude <= extent.north);
        }
    }
}
