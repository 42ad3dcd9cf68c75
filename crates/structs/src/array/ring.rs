//! Writing in a circle, and reading what was written last.
//!
//! A ring is an array that is written to at the cursor modulo its size; nothing else about the array says that it is one. So
//! when somebody comes with another size, what there is has first to be laid out anew ([`Array::fit_ring`]).

use super::{Array, ArrayValue};

impl Array {
    /// Puts a value where the cursor stands in a ring of so many places, and gives its index.
    ///
    /// # Panics
    /// If the ring has no places.
    pub fn ring_push(&mut self, places: u64, value: &[u8]) -> u64 {
        let index = self.cursor % places;
        self.set(index, value);
        self.cursor = index + 1;
        index
    }

    /// Lays out the values for a ring of so many places, if that is needed: if there are values beyond its end, or if it is
    /// larger than the one in which the cursor has gone round already. The values written last move to the
    /// front, as many as fit, in their order and without the places between them that are empty; all others are handed out.
    pub fn fit_ring(&mut self, places: u64) -> Option<Self> {
        let window = self.len();
        let has_gone_round = self.cursor != 0 && self.cursor < window;
        if places >= window && !(places > window && has_gone_round) {
            return None;
        }
        let at = self.last_written() % window;
        let wrapped = (at + 1 < window).then(|| self.range(window - 1, at + 1));
        let newest_first = self.range(at, 0).chain(wrapped.into_iter().flatten()).map(|(index, _)| index);
        let most = usize::try_from(places.min(self.count())).expect("values are kept in memory");
        let indexes: Vec<u64> = newest_first.take(most).collect();
        let mut ring = Self::new();
        for (place, index) in (0..).zip(indexes.into_iter().rev()) {
            if let Some(cell) = self.take_cell(index) {
                ring.put_cell(place, cell);
            }
        }
        ring.cursor = ring.count();
        Some(std::mem::replace(self, ring))
    }

    /// The index written last by the cursor, or the greatest there is if it has written none.
    fn last_written(&self) -> u64 {
        match self.cursor {
            0 => self.len().saturating_sub(1),
            cursor => cursor - 1,
        }
    }

    /// What stands before the cursor, going back and round: so many places, at most as many as there are values. An empty
    /// place is nothing.
    pub fn last_items(&self, count: u64) -> impl ExactSizeIterator<Item = Option<ArrayValue<'_>>> {
        let places = usize::try_from(count.min(self.count())).expect("values are kept in memory");
        let (mut at, last) = (self.last_written(), self.len().saturating_sub(1));
        (0..places).map(move |_| {
            let value = self.get(at);
            at = at.checked_sub(1).unwrap_or(last);
            value
        })
    }
}
