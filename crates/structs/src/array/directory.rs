//! The pages of an array by their numbers: a short sorted list, or a B-tree when there are many.

use std::collections::BTreeMap;

use super::page::Page;
use crate::size_class::malloc_size;

/// Pages of the list.
const FEW: usize = 32;

#[derive(Clone, Debug)]
pub(super) enum Directory {
    Few(Vec<(u64, Page)>),
    Many(BTreeMap<u64, Page>),
}

impl Default for Directory {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

fn position(pages: &[(u64, Page)], number: u64) -> Result<usize, usize> {
    // Most arrays grow at their end, and many have but one page.
    match pages.last() {
        Some((last, _)) if *last == number => Ok(pages.len() - 1),
        Some((last, _)) if *last < number => Err(pages.len()),
        _ => pages.binary_search_by_key(&number, |page| page.0),
    }
}

impl Directory {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(pages) => pages.len(),
            Self::Many(pages) => pages.len(),
        }
    }

    /// Bytes of heap, those of the pages aside; of the B-tree as much as its nodes take when pages come in
    /// order, which leaves them half full.
    pub(super) fn table_bytes(&self) -> usize {
        match self {
            Self::Few(pages) => malloc_size(pages.capacity() * size_of::<(u64, Page)>()),
            Self::Many(pages) => pages.len() * size_of::<(u64, Page)>() * 2,
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&Page> {
        match self {
            Self::Few(pages) => position(pages, number).ok().map(|at| &pages[at].1),
            Self::Many(pages) => pages.get(&number),
        }
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Page> {
        match self {
            Self::Few(pages) => position(pages, number).ok().map(|at| &mut pages[at].1),
            Self::Many(pages) => pages.get_mut(&number),
        }
    }

    /// The page of this number, made if there is none. It must be given a value.
    pub(super) fn get_or_create(&mut self, number: u64) -> &mut Page {
        if let Self::Few(pages) = self
            && pages.len() == FEW
            && position(pages, number).is_err()
        {
            *self = Self::Many(std::mem::take(pages).into_iter().collect());
        }
        match self {
            Self::Few(pages) => {
                let at = position(pages, number).unwrap_or_else(|at| {
                    if pages.is_empty() {
                        pages.reserve_exact(1);
                    }
                    pages.insert(at, (number, Page::default()));
                    at
                });
                &mut pages[at].1
            }
            Self::Many(pages) => pages.entry(number).or_default(),
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Page> {
        match self {
            Self::Few(pages) => {
                let page = pages.remove(position(pages, number).ok()?).1;
                if pages.len() * 4 < pages.capacity() {
                    pages.shrink_to(pages.len() * 2);
                }
                Some(page)
            }
            Self::Many(pages) => {
                let page = pages.remove(&number)?;
                if pages.len() < FEW / 2 {
                    *self = Self::Few(std::mem::take(pages).into_iter().collect());
                }
                Some(page)
            }
        }
    }

    /// Puts a page that came from elsewhere, where there is none.
    pub(super) fn put(&mut self, number: u64, page: Page) {
        *self.get_or_create(number) = page;
    }

    pub(super) fn at_or_after(&self, number: u64) -> Option<(u64, &Page)> {
        match self {
            Self::Few(pages) => {
                let at = position(pages, number).unwrap_or_else(|at| at);
                pages.get(at).map(|(number, page)| (*number, page))
            }
            Self::Many(pages) => pages.range(number..).next().map(|(number, page)| (*number, page)),
        }
    }

    pub(super) fn at_or_before(&self, number: u64) -> Option<(u64, &Page)> {
        match self {
            Self::Few(pages) => {
                let end = position(pages, number).map_or_else(|at| at, |at| at + 1);
                pages[..end].last().map(|(number, page)| (*number, page))
            }
            Self::Many(pages) => pages.range(..=number).next_back().map(|(number, page)| (*number, page)),
        }
    }
}
