//! Guards of shards whose locks are held, and rows of them.
//!
//! `unsafe` in this file rests on one rule: a [`ShardGuard`] exists only while its shard's lock is held, and there is at most
//! one for a shard.

use std::marker::PhantomData;

use super::ShardCell;
use super::keeping::Keeping;
use crate::{Shard, ShardIndex};

/// The permission to look at and change one shard.
///
/// A single pointer: what more there was of it would be copied wherever the guard is.
pub struct ShardGuard<'k> {
    pub(super) cell: &'k ShardCell,
    /// A shard is looked at by one thread; to send it on, make a [`LockToken`](super::LockToken).
    _one_thread: PhantomData<*const ()>,
}

impl<'k> ShardGuard<'k> {
    /// The guard of a shard whose lock the caller has taken, and for which there is no other.
    #[inline]
    pub(super) fn of(cell: &'k ShardCell) -> Self {
        Self { cell, _one_thread: PhantomData }
    }

    /// Which shard.
    #[inline]
    #[must_use]
    pub fn index(&self) -> ShardIndex {
        self.cell.index
    }
}

impl std::ops::Deref for ShardGuard<'_> {
    type Target = Shard;

    #[inline]
    fn deref(&self) -> &Shard {
        // SAFETY: the lock is held and this is its only guard.
        unsafe { &*self.cell.shard.get() }
    }
}

impl std::ops::DerefMut for ShardGuard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Shard {
        // SAFETY: as for `deref`, and the guard is borrowed exclusively.
        unsafe { &mut *self.cell.shard.get() }
    }
}

impl Drop for ShardGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        debug_assert!(
            !self.undoing.is_on || std::thread::panicking(),
            "it is decided before a shard is let go"
        );
        self.cell.lock.release();
    }
}

/// Guards in ascending order; one needs no allocation. (A `SmallVec` would be invariant in `'k`.)
#[derive(Default)]
pub(super) struct Guards<'k> {
    pub(super) first: Option<ShardGuard<'k>>,
    /// What most commands have not, in a box of its own: so they have little to drop.
    pub(super) more: Option<Box<More<'k>>>,
}

#[derive(Default)]
pub(super) struct More<'k> {
    guards: Vec<ShardGuard<'k>>,
    /// The keys that are kept instead of shards. Behind the guards, which are dropped first.
    pub(super) keeping: Option<Keeping<'k>>,
}

impl<'k> Guards<'k> {
    pub(super) fn push(&mut self, guard: ShardGuard<'k>) {
        if self.first.is_none() {
            self.first = Some(guard);
        } else {
            self.more.get_or_insert_default().guards.push(guard);
        }
    }

    fn more(&self) -> &[ShardGuard<'k>] {
        self.more.as_ref().map_or(&[], |more| &more.guards)
    }

    fn more_mut(&mut self) -> &mut [ShardGuard<'k>] {
        self.more.as_mut().map_or(&mut [], |more| &mut more.guards)
    }

    /// Takes them all out.
    pub(super) fn take(&mut self) -> impl Iterator<Item = ShardGuard<'k>> + use<'k> {
        let more = self.more.as_mut().map(|more| std::mem::take(&mut more.guards));
        self.first.take().into_iter().chain(more.unwrap_or_default())
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more().len()
    }

    #[inline]
    pub(super) fn at(&self, place: usize) -> &ShardGuard<'k> {
        match place.checked_sub(1) {
            None => self.first.as_ref().expect("the place was found"),
            Some(place) => &self.more()[place],
        }
    }

    #[inline]
    pub(super) fn at_mut(&mut self, place: usize) -> &mut ShardGuard<'k> {
        match place.checked_sub(1) {
            None => self.first.as_mut().expect("the place was found"),
            Some(place) => &mut self.more_mut()[place],
        }
    }

    pub(super) fn place_of(&self, shard: ShardIndex) -> Option<usize> {
        if self.first.as_ref()?.index() == shard {
            return Some(0);
        }
        self.more().binary_search_by_key(&shard, ShardGuard::index).ok().map(|place| place + 1)
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &ShardGuard<'k>> {
        self.first.iter().chain(self.more())
    }

    #[inline]
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut ShardGuard<'k>> {
        let more = self.more.as_mut().map_or(&mut [][..], |more| &mut more.guards);
        self.first.iter_mut().chain(more)
    }
}
