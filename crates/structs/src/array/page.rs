//! The values of 4,096 neighbouring places, as a list or as a window.
//!
//! ```text
//! sparse   offsets │ 3 │ 700 │ 4001 │        10 bytes a value, wherever it is
//!          cells   │ a │  b  │  c   │
//! dense    start 12, cells │ a │ b │   │ d │    8 bytes a place, from the first value to the last
//! ```
//! A page begins dense with the window of one place. It becomes sparse when the next value lies so far away that the window
//! would be more than twice as wide as its values are many, and dense again with [`SPARSE_MAX`] values or when they lie close
//! together. So a value never takes more than 32 bytes of its page, the cell's string aside.

use crate::array::cell::Cell;
use crate::size_class::malloc_size;

/// Places of a page.
pub(super) const PAGE_PLACES: u64 = 1 << PAGE_BITS;
pub(super) const PAGE_BITS: u32 = 12;
/// The greatest place in a page.
pub(super) const LAST_PLACE: u16 = (PAGE_PLACES - 1) as u16;
/// Values that a sparse page has at most: what is moved for a new one stays below 10 KiB.
const SPARSE_MAX: usize = 1024;
/// Windows up to this width are dense whatever is in them.
const SMALL_WINDOW: usize = 16;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    form: Form,
    /// Bytes behind the cells.
    heap_bytes: usize,
}

#[derive(Clone, Debug)]
enum Form {
    Sparse(Sparse),
    Dense(Dense),
}

#[derive(Clone, Debug, Default)]
struct Sparse {
    /// Ascending.
    offsets: Vec<u16>,
    cells: Vec<Cell>,
}

#[derive(Clone, Debug, Default)]
struct Dense {
    /// The first place of the window.
    start: u16,
    /// Cells that are not empty.
    used: u16,
    /// The last is not empty; at least half from the first value on.
    cells: Vec<Cell>,
}

impl Default for Form {
    fn default() -> Self {
        Self::Dense(Dense::default())
    }
}

impl Dense {
    /// The index of a place's cell, if the window has it.
    fn index(&self, place: u16) -> Option<usize> {
        let index = usize::from(place.checked_sub(self.start)?);
        (index < self.cells.len()).then_some(index)
    }

    /// The width that the window would have with this place in it.
    fn width_with(&self, place: u16) -> usize {
        if self.cells.is_empty() {
            return 1;
        }
        let end = usize::from(self.start) + self.cells.len();
        end.max(usize::from(place) + 1) - usize::from(self.start.min(place))
    }

    /// Makes room for a place.
    fn widen(&mut self, place: u16) {
        if self.cells.is_empty() {
            self.start = place;
            self.cells.reserve_exact(1);
        }
        if place < self.start {
            let added = usize::from(self.start - place);
            self.cells.splice(0..0, std::iter::repeat_with(|| Cell::EMPTY).take(added));
            self.start = place;
        }
        let width = self.width_with(place);
        if width > self.cells.capacity() {
            let room = width.max(self.cells.len() * 3 / 2).min(PAGE_PLACES as usize);
            self.cells.reserve_exact(room - self.cells.len());
        }
        self.cells.resize_with(width.max(self.cells.len()), || Cell::EMPTY);
    }

    /// Takes empty cells off the end, and off the front when they are half of all, so that this is seldom.
    fn trim(&mut self) {
        let end = self.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        self.cells.truncate(end);
        let front = self.cells.iter().position(|cell| !cell.is_empty()).unwrap_or(0);
        if front > 0 && front * 2 >= end {
            self.cells.drain(..front);
            self.start += front as u16;
        }
        if self.cells.len() * 4 < self.cells.capacity() {
            self.cells.shrink_to(self.cells.len() * 2);
        }
    }

    fn into_sparse(self) -> Sparse {
        let mut sparse = Sparse {
            offsets: Vec::with_capacity(usize::from(self.used) + 1),
            cells: Vec::with_capacity(usize::from(self.used) + 1),
        };
        for (place, cell) in (self.start..).zip(self.cells) {
            if !cell.is_empty() {
                sparse.offsets.push(place);
                sparse.cells.push(cell);
            }
        }
        sparse
    }
}

impl Sparse {
    fn into_dense(self) -> Dense {
        let mut dense = Dense::default();
        if let (Some(&first), Some(&last)) = (self.offsets.first(), self.offsets.last()) {
            dense.start = first;
            dense.used = self.offsets.len() as u16;
            dense.cells.reserve_exact(usize::from(last - first) + 1);
        }
        for (place, cell) in self.offsets.into_iter().zip(self.cells) {
            dense.cells.resize_with(usize::from(place - dense.start), || Cell::EMPTY);
            dense.cells.push(cell);
        }
        dense
    }

    /// Whether these values, and one at another place, take no more as a window.
    fn is_better_dense(&self, place: u16) -> bool {
        let (Some(&first), Some(&last)) = (self.offsets.first(), self.offsets.last()) else { return true };
        let width = usize::from(last.max(place) - first.min(place)) + 1;
        width <= (self.offsets.len() + 1) * 5 / 4
    }
}

impl Page {
    /// Values.
    pub(super) fn len(&self) -> usize {
        match &self.form {
            Form::Sparse(sparse) => sparse.offsets.len(),
            Form::Dense(dense) => usize::from(dense.used),
        }
    }

    pub(super) fn is_dense(&self) -> bool {
        matches!(self.form, Form::Dense(_))
    }

    /// Places that have memory, whether they have values or not.
    pub(super) fn room(&self) -> usize {
        match &self.form {
            Form::Sparse(sparse) => sparse.cells.capacity(),
            Form::Dense(dense) => dense.cells.len(),
        }
    }

    /// Bytes of heap, those behind the cells aside.
    pub(super) fn table_bytes(&self) -> usize {
        match &self.form {
            Form::Sparse(Sparse { offsets, cells }) => {
                malloc_size(offsets.capacity() * size_of::<u16>())
                    + malloc_size(cells.capacity() * size_of::<Cell>())
            }
            Form::Dense(dense) => malloc_size(dense.cells.capacity() * size_of::<Cell>()),
        }
    }

    /// Bytes behind the cells.
    pub(super) fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    pub(super) fn get(&self, place: u16) -> Option<&Cell> {
        match &self.form {
            Form::Sparse(Sparse { offsets, cells }) => {
                offsets.binary_search(&place).ok().map(|at| &cells[at])
            }
            Form::Dense(dense) => {
                dense.index(place).map(|at| &dense.cells[at]).filter(|cell| !cell.is_empty())
            }
        }
    }

    /// Puts a value, which is not empty, and gives the one that was there.
    pub(super) fn set(&mut self, place: u16, cell: Cell) -> Option<Cell> {
        debug_assert!(!cell.is_empty());
        self.reform_for(place);
        self.heap_bytes += cell.heap_bytes();
        let old = self.place(place, cell);
        self.heap_bytes -= old.as_ref().map_or(0, Cell::heap_bytes);
        old
    }

    fn place(&mut self, place: u16, cell: Cell) -> Option<Cell> {
        match &mut self.form {
            Form::Sparse(Sparse { offsets, cells }) => match offsets.binary_search(&place) {
                Ok(at) => Some(std::mem::replace(&mut cells[at], cell)),
                Err(at) => {
                    // By half, not to twice as much.
                    if offsets.len() == offsets.capacity() {
                        let more = offsets.len() / 2 + 2;
                        offsets.reserve_exact(more);
                        cells.reserve_exact(more);
                    }
                    offsets.insert(at, place);
                    cells.insert(at, cell);
                    None
                }
            },
            Form::Dense(dense) => {
                dense.widen(place);
                let at = usize::from(place - dense.start);
                let old = std::mem::replace(&mut dense.cells[at], cell);
                dense.used += u16::from(old.is_empty());
                Some(old).filter(|old| !old.is_empty())
            }
        }
    }

    /// Takes the form that suits one more value at this place.
    fn reform_for(&mut self, place: u16) {
        match &mut self.form {
            Form::Dense(dense) => {
                let width = dense.width_with(place);
                let values = usize::from(dense.used) + 1;
                if width > dense.cells.len().max(SMALL_WINDOW).max(2 * values) && values <= SPARSE_MAX / 2 {
                    self.form = Form::Sparse(std::mem::take(dense).into_sparse());
                }
            }
            Form::Sparse(sparse) => {
                let is_full = sparse.offsets.len() == sparse.offsets.capacity();
                if sparse.offsets.len() >= SPARSE_MAX || is_full && sparse.is_better_dense(place) {
                    self.form = Form::Dense(std::mem::take(sparse).into_dense());
                }
            }
        }
    }

    /// Takes a value out.
    pub(super) fn remove(&mut self, place: u16) -> Option<Cell> {
        let cell = self.take(place)?;
        self.heap_bytes -= cell.heap_bytes();
        Some(cell)
    }

    fn take(&mut self, place: u16) -> Option<Cell> {
        match &mut self.form {
            Form::Sparse(Sparse { offsets, cells }) => {
                let at = offsets.binary_search(&place).ok()?;
                offsets.remove(at);
                let cell = cells.remove(at);
                if offsets.len() * 4 < offsets.capacity() {
                    offsets.shrink_to(offsets.len() * 2);
                    cells.shrink_to(cells.len() * 2);
                }
                Some(cell)
            }
            Form::Dense(dense) => {
                let at = dense.index(place)?;
                let cell = std::mem::replace(&mut dense.cells[at], Cell::EMPTY);
                if cell.is_empty() {
                    return None;
                }
                dense.used -= 1;
                let width = dense.cells.len();
                if at + 1 == width || width >= 2 * usize::from(dense.used) {
                    dense.trim();
                }
                if width > SMALL_WINDOW && usize::from(dense.used) * 8 < width {
                    self.form = Form::Sparse(std::mem::take(dense).into_sparse());
                }
                Some(cell)
            }
        }
    }

    /// The first value at this place or behind it.
    pub(super) fn at_or_after(&self, place: u16) -> Option<(u16, &Cell)> {
        match &self.form {
            Form::Sparse(Sparse { offsets, cells }) => {
                let at = offsets.partition_point(|&offset| offset < place);
                Some((*offsets.get(at)?, &cells[at]))
            }
            Form::Dense(dense) => {
                let from = usize::from(place.saturating_sub(dense.start));
                let cells = dense.cells.get(from..)?;
                let at = from + cells.iter().position(|cell| !cell.is_empty())?;
                Some((dense.start + at as u16, &dense.cells[at]))
            }
        }
    }

    /// The last value at this place or before it.
    pub(super) fn at_or_before(&self, place: u16) -> Option<(u16, &Cell)> {
        match &self.form {
            Form::Sparse(Sparse { offsets, cells }) => {
                let at = offsets.partition_point(|&offset| offset <= place).checked_sub(1)?;
                Some((offsets[at], &cells[at]))
            }
            Form::Dense(dense) => {
                let end = (usize::from(place.checked_sub(dense.start)?) + 1).min(dense.cells.len());
                let at = dense.cells[..end].iter().rposition(|cell| !cell.is_empty())?;
                Some((dense.start + at as u16, &dense.cells[at]))
            }
        }
    }

    /// Panics when an internal rule is broken.
    pub(super) fn check_invariants(&self) {
        assert!(self.len() > 0, "a page without values is gone");
        let cells = match &self.form {
            Form::Sparse(sparse) => &sparse.cells,
            Form::Dense(dense) => &dense.cells,
        };
        assert_eq!(cells.iter().map(Cell::heap_bytes).sum::<usize>(), self.heap_bytes);
        match &self.form {
            Form::Sparse(Sparse { offsets, cells }) => {
                assert!(offsets.is_sorted_by(|a, b| a < b) && offsets.len() == cells.len());
                assert!(offsets.len() <= SPARSE_MAX && cells.iter().all(|cell| !cell.is_empty()));
                assert!(*offsets.last().expect("there are values") <= LAST_PLACE);
            }
            Form::Dense(dense) => {
                let used = dense.cells.iter().filter(|cell| !cell.is_empty()).count();
                assert_eq!(used, usize::from(dense.used));
                let end = usize::from(dense.start) + dense.cells.len();
                assert!(end <= PAGE_PLACES as usize);
                assert!(dense.cells.len() <= SMALL_WINDOW.max(8 * used), "{} for {used}", dense.cells.len());
            }
        }
    }
}
