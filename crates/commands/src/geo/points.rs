//! The members of an index that lie in an area, in the order wanted.

use std::ops::Range;

use smallvec::SmallVec;
use spinel_family::{CommandError, QueryContext};
use spinel_store::value::SortedSet;
use spinel_structs::geohash::Position;
use spinel_structs::listpack::ListpackValue;
use spinel_structs::sorted_set::{Order, ScoreBound};

use super::area::Area;
use super::options::Search;

/// Members looked at between two looks at how many there were, where a search may end early.
const GLANCE: usize = 1024;

/// A member that was found.
#[derive(Clone, Copy)]
pub(super) struct Point<'z> {
    pub(super) member: ListpackValue<'z>,
    pub(super) score: f64,
    pub(super) position: Position,
    pub(super) distance_m: f64,
}

/// Finds what is wanted.
///
/// # Errors
/// [`CommandError::Move`] if there is too much to look at.
pub(super) fn find<'z>(
    zset: &'z SortedSet,
    area: &Area,
    search: &Search<'_>,
    cx: &QueryContext<'_>,
) -> Result<Vec<Point<'z>>, CommandError> {
    let ranges: SmallVec<[Range<usize>; 9]> = area
        .cells()
        .iter()
        .map(|cell| {
            let (first, end) = cell.scores();
            zset.ranks_by_score(ScoreBound::Inclusive(first), ScoreBound::Exclusive(end))
        })
        .collect();
    let limit = if search.is_any { search.count } else { usize::MAX };
    if limit == usize::MAX {
        cx.check_cost(ranges.iter().map(Range::len).sum())?;
    }
    let mut found = Vec::new();
    let mut seen = 0;
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        for (member, score) in zset.members(range, Order::Ascending) {
            let position = Position::of_score(score);
            if let Some(distance_m) = area.distance_m(position) {
                found.push(Point { member, score, position, distance_m });
                if found.len() >= limit {
                    return Ok(in_order(found, search));
                }
            }
            seen += 1;
            if seen % GLANCE == 0 {
                cx.check_cost(seen)?;
            }
        }
    }
    Ok(in_order(found, search))
}

/// Puts the nearest (or farthest) in front, if that is wanted, and leaves as many as are wanted. Equally far ones keep the
/// order in which they were found.
fn in_order<'z>(mut found: Vec<Point<'z>>, search: &Search<'_>) -> Vec<Point<'z>> {
    let wanted = if search.count == 0 { found.len() } else { search.count.min(found.len()) };
    let Some(order) = search.order else {
        found.truncate(wanted);
        return found;
    };
    let mut places: Vec<(f64, u32)> =
        found.iter().enumerate().map(|(at, point)| (point.distance_m, at as u32)).collect();
    let compare = |a: &(f64, u32), b: &(f64, u32)| {
        let by_distance = a.0.total_cmp(&b.0);
        let by_distance = if order == Order::Descending { by_distance.reverse() } else { by_distance };
        by_distance.then(a.1.cmp(&b.1))
    };
    if wanted < places.len() {
        places.select_nth_unstable_by(wanted, compare);
        places.truncate(wanted);
    }
    places.sort_unstable_by(compare);
    places.into_iter().map(|(_, at)| found[at as usize]).collect()
}
