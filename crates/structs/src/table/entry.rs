//! One look-up, then a decision: the place of an item that is there, or of one that is not.

use super::{MERGES_PER_REMOVAL, Table, TableItem};

/// What [`Table::entry`] found.
pub enum Entry<'a, T: TableItem> {
    /// The item is there.
    Occupied(OccupiedEntry<'a, T>),
    /// It is not.
    Vacant(VacantEntry<'a, T>),
}

/// The place of an item that is there.
pub struct OccupiedEntry<'a, T: TableItem> {
    pub(super) table: &'a mut Table<T>,
    pub(super) index: u32,
    pub(super) position: usize,
}

/// The place where an item would go.
pub struct VacantEntry<'a, T: TableItem> {
    pub(super) table: &'a mut Table<T>,
    pub(super) hash: u64,
}

const FOUND: &str = "the table cannot have changed since the item was found";

impl<'a, T: TableItem> OccupiedEntry<'a, T> {
    /// The item.
    #[inline]
    pub fn get(&self) -> &T {
        self.table.storage.bucket(self.index).get(self.position).expect(FOUND)
    }

    /// The item. What goes into its hash must not be changed.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.table.storage.bucket_mut(self.index).get_mut(self.position).expect(FOUND)
    }

    /// The item, for as long as the table is borrowed.
    #[inline]
    pub fn into_mut(self) -> &'a mut T {
        self.table.storage.bucket_mut(self.index).get_mut(self.position).expect(FOUND)
    }

    /// Puts an equal item in its place and returns the old one.
    #[inline]
    pub fn replace(&mut self, item: T) -> T {
        debug_assert_eq!(item.hash_again(&self.table.key), self.get().hash_again(&self.table.key));
        std::mem::replace(self.get_mut(), item)
    }

    /// Removes the item.
    #[inline]
    pub fn remove(self) -> T {
        let removed = self.table.take_at(self.index, self.position);
        self.table.shrink(MERGES_PER_REMOVAL);
        removed
    }
}

impl<'a, T: TableItem> VacantEntry<'a, T> {
    /// Inserts the item that was looked for.
    #[inline]
    pub fn insert(self, item: T) -> &'a mut T {
        self.table.insert_unique(self.hash, item)
    }
}
