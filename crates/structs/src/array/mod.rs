//! A sparse array: strings at indexes from 0 to 2^64 - 2, with a cursor for those who only append.
//!
//! # The idea
//! An index is the number of a page and a place in it. Only pages with values are there, each as a list or as a window of
//! its 4,096 places, whichever suits ([`page`]); so neighbours stand side by side, which is what ranges and rings read, and an
//! index far away costs a page with one value. A place is eight bytes ([`cell`]): numbers and strings of up to seven
//! bytes stand in it, longer ones behind it.
//!
//! ```text
//! index 4098 = page 1, place 2
//!
//! directory   0 ─▶ dense  from 0      │ "a" │ 17 │     │ "b" │ ... │
//!             1 ─▶ sparse 2, 4000     │ ──┐ │ 5 │
//!   4503599627370495 ─▶ dense from 4094 │ │ 1 │
//!                                       └─▶ "a string of its own"
//! cursor      4099
//! ```
//! The directory is a sorted list of up to 32 pages, and a B-tree by number beyond.
//!
//! # Costs
//! | | |
//! |---|---|
//! | read, write, remove | O(log pages); up to 10 KiB are moved in a sparse page |
//! | a range, in either direction | the values in it, whatever its width |
//! | remove a range | O(log pages) for each page, whose values leave with it; they can be freed elsewhere |
//! | length, count, memory | O(log pages), O(1), O(1) |
//!
//! # Sizes
//! Bytes a value in size classes (`store/tests/sizes.rs`): numbers side by side 8.1; strings of 16 bytes side by side 32; numbers
//! in one of ten places 16; each in a page of its own 139.
//!
//! # What it does not do
//! It knows no commands, and no limits but that of its indexes. There is no memory of a ring's size: see [`ring`].
//!
//! # Credits
//! The type and its commands are Salvatore Sanfilippo's (Redis 8.8), known to us by their documentation alone; what is
//! said here of pages is ours, but for their 4,096 places, which `ARINFO` tells.

mod cell;
mod directory;
mod page;
mod range;
mod ring;
#[cfg(test)]
mod tests;

use crate::size_class::malloc_size;
pub use cell::ArrayValue;
use cell::Cell;
use directory::Directory;
use page::{LAST_PLACE, PAGE_BITS};
pub use range::ArrayRange;

/// Places of a page.
pub const PAGE_PLACES: u64 = page::PAGE_PLACES;
/// The greatest index.
pub const INDEX_MAX: u64 = u64::MAX - 1;
/// The cursor behind the greatest index: nothing can be appended.
pub const CURSOR_EXHAUSTED: u64 = u64::MAX;

/// The page of an index, and the place in it.
fn place_of(index: u64) -> (u64, u16) {
    (index >> PAGE_BITS, (index & u64::from(LAST_PLACE)) as u16)
}

fn index_of(page: u64, place: u16) -> u64 {
    page << PAGE_BITS | u64::from(place)
}

/// The cursor cannot go so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorOverflow;

/// How the pages of an array are filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageFigures {
    /// Pages that are windows.
    pub dense: usize,
    /// Places of their windows.
    pub dense_places: usize,
    /// Values in them.
    pub dense_values: usize,
    /// Pages that are lists.
    pub sparse: usize,
    /// Values that these have room for.
    pub sparse_places: usize,
}

/// An array; see the [module](self).
#[derive(Debug, Default)]
pub struct Array {
    pages: Directory,
    count: u64,
    /// Where the next value is appended: 0 when there was none yet, or when it was put there.
    cursor: u64,
    /// Bytes of heap of the pages and of what stands behind their cells.
    page_bytes: usize,
}

impl Clone for Array {
    fn clone(&self) -> Self {
        let mut copy =
            Self { pages: self.pages.clone(), count: self.count, cursor: self.cursor, page_bytes: 0 };
        // The copy's pages have no room to grow.
        copy.page_bytes = copy.counted().1;
        copy
    }
}

impl Array {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The greatest index that has a value, and one more.
    #[must_use]
    pub fn len(&self) -> u64 {
        let last = self.pages.at_or_before(u64::MAX);
        last.and_then(|(number, page)| {
            page.at_or_before(LAST_PLACE).map(|(place, _)| index_of(number, place) + 1)
        })
        .unwrap_or(0)
    }

    /// Where the next value is appended; [`CURSOR_EXHAUSTED`] if nowhere.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Puts the cursor somewhere else.
    pub fn set_cursor(&mut self, cursor: u64) {
        self.cursor = cursor;
    }

    /// Pages.
    #[must_use]
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// How they are filled: looks at each.
    #[must_use]
    pub fn page_figures(&self) -> PageFigures {
        let mut figures = PageFigures::default();
        let mut next = self.pages.at_or_after(0);
        while let Some((number, page)) = next {
            if page.is_dense() {
                figures.dense += 1;
                figures.dense_places += page.room();
                figures.dense_values += page.len();
            } else {
                figures.sparse += 1;
                figures.sparse_places += page.room();
            }
            next = self.pages.at_or_after(number + 1);
        }
        figures
    }

    /// Bytes of heap.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        malloc_size(size_of::<Self>()) + self.pages.table_bytes() + self.page_bytes
    }

    /// The value at an index.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<ArrayValue<'_>> {
        let (number, place) = place_of(index);
        self.pages.get(number)?.get(place)?.value()
    }

    /// Puts a value at an index; true if there was none.
    ///
    /// # Panics
    /// If the index is beyond [`INDEX_MAX`].
    pub fn set(&mut self, index: u64, value: &[u8]) -> bool {
        assert!(index <= INDEX_MAX, "the last number of all is no index");
        self.put_cell(index, Cell::new(value))
    }

    fn put_cell(&mut self, index: u64, cell: Cell) -> bool {
        let (number, place) = place_of(index);
        let page = self.pages.get_or_create(number);
        let before = page.table_bytes();
        self.page_bytes += cell.heap_bytes();
        let old = page.set(place, cell);
        self.page_bytes = self.page_bytes + page.table_bytes() - before;
        self.page_bytes -= old.as_ref().map_or(0, Cell::heap_bytes);
        self.count += u64::from(old.is_none());
        old.is_none()
    }

    /// Removes the value at an index; true if there was one.
    pub fn remove(&mut self, index: u64) -> bool {
        self.take_cell(index).is_some()
    }

    fn take_cell(&mut self, index: u64) -> Option<Cell> {
        let (number, place) = place_of(index);
        let page = self.pages.get_mut(number)?;
        let before = page.table_bytes();
        let cell = page.remove(place)?;
        self.count -= 1;
        let (now, is_gone) = (page.table_bytes(), page.len() == 0);
        self.page_bytes = self.page_bytes + now - before - cell.heap_bytes();
        if is_gone {
            self.pages.remove(number);
            self.page_bytes -= now;
        }
        Some(cell)
    }

    /// Appends a value at the cursor and gives its index.
    ///
    /// # Errors
    /// When the cursor is exhausted.
    pub fn append(&mut self, value: &[u8]) -> Result<u64, CursorOverflow> {
        if self.cursor > INDEX_MAX {
            return Err(CursorOverflow);
        }
        let index = self.cursor;
        self.set(index, value);
        self.cursor += 1;
        Ok(index)
    }

    /// Whether so many values can be appended.
    #[must_use]
    pub fn can_append(&self, values: u64) -> bool {
        CURSOR_EXHAUSTED - self.cursor >= values
    }

    /// The values from the first index to the second, both included; descending if the first is the greater one.
    #[must_use]
    pub fn range(&self, from: u64, to: u64) -> ArrayRange<'_> {
        ArrayRange::new(self, from, to)
    }

    /// All values, ascending.
    #[must_use]
    pub fn iter(&self) -> ArrayRange<'_> {
        self.range(0, INDEX_MAX)
    }

    /// Removes the values from `low` to `high`, both included, and hands them out. Values of pages that the range covers are
    /// not touched one by one.
    pub fn take_range(&mut self, low: u64, high: u64) -> Self {
        let mut taken = Self::new();
        let mut from = Some(low);
        while let Some(start) = from.filter(|&start| start <= high) {
            let Some((number, _)) = self.pages.at_or_after(start >> PAGE_BITS) else { break };
            let (first, last) = (index_of(number, 0).max(low), index_of(number, LAST_PLACE).min(high));
            if first > high {
                break;
            }
            if (first, last) == (index_of(number, 0), index_of(number, LAST_PLACE)) {
                self.move_page(number, &mut taken);
            } else {
                self.move_part(first, last, &mut taken);
            }
            from = last.checked_add(1);
        }
        taken
    }

    fn move_page(&mut self, number: u64, to: &mut Self) {
        let Some(page) = self.pages.remove(number) else { return };
        let bytes = page.table_bytes() + page.heap_bytes();
        self.page_bytes -= bytes;
        to.page_bytes += bytes;
        self.count -= page.len() as u64;
        to.count += page.len() as u64;
        to.pages.put(number, page);
    }

    fn move_part(&mut self, first: u64, last: u64, to: &mut Self) {
        let mut from = first;
        while let Some((index, _)) = self.range(from, last).next() {
            if let Some(cell) = self.take_cell(index) {
                to.put_cell(index, cell);
            }
            if index == last {
                break;
            }
            from = index + 1;
        }
    }

    /// Takes whole pages out and frees them until about so many values have gone; says how many went.
    pub fn take_chunk(&mut self, values: usize) -> usize {
        let mut gone = 0;
        while gone < values {
            let Some((number, _)) = self.pages.at_or_before(u64::MAX) else { break };
            let Some(page) = self.pages.remove(number) else { break };
            gone += page.len();
            self.count -= page.len() as u64;
            self.page_bytes -= page.table_bytes() + page.heap_bytes();
        }
        gone
    }

    /// Roughly how many allocations freeing it takes; giving 16 KiB back to the system counts as one.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        let values = usize::try_from(self.count).unwrap_or(usize::MAX);
        let far = values.min(self.page_bytes >> 4);
        1 + self.pages.len() + far + (self.page_bytes >> 14)
    }

    /// Values and bytes, counted page by page.
    fn counted(&self) -> (u64, usize) {
        let (mut count, mut bytes) = (0, 0);
        let mut next = self.pages.at_or_after(0);
        while let Some((number, page)) = next {
            count += page.len() as u64;
            bytes += page.table_bytes() + page.heap_bytes();
            next = self.pages.at_or_after(number + 1);
        }
        (count, bytes)
    }

    /// Panics when an internal rule is broken.
    pub fn check_invariants(&self) {
        let mut next = self.pages.at_or_after(0);
        while let Some((number, page)) = next {
            page.check_invariants();
            next = self.pages.at_or_after(number + 1);
        }
        assert_eq!(self.counted(), (self.count, self.page_bytes));
    }
}
