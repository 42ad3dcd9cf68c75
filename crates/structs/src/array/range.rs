//! The values of a range, in either direction. What it costs depends on the values, not on the width of the range.

use super::page::{LAST_PLACE, Page};
use super::{Array, ArrayValue, index_of, place_of};

/// The values between two indexes, ascending or descending, with their indexes.
#[derive(Clone, Debug)]
pub struct ArrayRange<'a> {
    array: &'a Array,
    /// The page last looked into.
    page: Option<(u64, &'a Page)>,
    /// From where on to look; nothing when it is over.
    from: Option<u64>,
    to: u64,
    is_descending: bool,
}

impl<'a> ArrayRange<'a> {
    /// From the first index to the second, both included; descending if the first is the greater one.
    pub(super) fn new(array: &'a Array, from: u64, to: u64) -> Self {
        Self { array, page: None, from: Some(from), to, is_descending: from > to }
    }

    fn ascend(&mut self) -> Option<(u64, ArrayValue<'a>)> {
        loop {
            let from = self.from.take().filter(|&from| from <= self.to)?;
            let (number, place) = place_of(from);
            let (found, page) = match self.page {
                Some((known, page)) if known == number => (known, page),
                _ => self.array.pages.at_or_after(number)?,
            };
            self.page = Some((found, page));
            let place = if found == number { place } else { 0 };
            let Some((place, cell)) = page.at_or_after(place) else {
                self.from = index_of(found, LAST_PLACE).checked_add(1);
                continue;
            };
            let index = index_of(found, place);
            self.from = index.checked_add(1);
            return cell.value().filter(|_| index <= self.to).map(|value| (index, value));
        }
    }

    fn descend(&mut self) -> Option<(u64, ArrayValue<'a>)> {
        loop {
            let from = self.from.take().filter(|&from| from >= self.to)?;
            let (number, place) = place_of(from);
            let (found, page) = match self.page {
                Some((known, page)) if known == number => (known, page),
                _ => self.array.pages.at_or_before(number)?,
            };
            self.page = Some((found, page));
            let place = if found == number { place } else { LAST_PLACE };
            let Some((place, cell)) = page.at_or_before(place) else {
                self.from = index_of(found, 0).checked_sub(1);
                continue;
            };
            let index = index_of(found, place);
            self.from = index.checked_sub(1);
            return cell.value().filter(|_| index >= self.to).map(|value| (index, value));
        }
    }
}

impl<'a> Iterator for ArrayRange<'a> {
    type Item = (u64, ArrayValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_descending { self.descend() } else { self.ascend() }
    }
}
