//! The world: every worker's loop runs in *shared* mode, and now and then somebody has it *exclusively*.
//!
//! Shared mode costs a worker one store and one load per batch on a cache line of its own. Whoever wants the
//! world exclusively raises a flag and waits until every other worker has left; workers look at the flag between
//! commands, so that takes microseconds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

/// One cache line for each worker.
#[repr(align(128))]
#[derive(Default)]
struct Place {
    inside: AtomicBool,
}

/// The world lock.
pub(crate) struct World {
    places: Box<[Place]>,
    wanted: AtomicBool,
    /// Held by whoever has or wants the world; lock order: before any shard.
    gate: Mutex<()>,
}

impl World {
    /// A world of `workers` loops.
    #[must_use]
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            places: (0..workers).map(|_| Place::default()).collect(),
            wanted: AtomicBool::new(false),
            gate: Mutex::new(()),
        }
    }

    /// Enters shared mode; waits while somebody has the world.
    pub(crate) fn enter(&self, worker: usize) {
        let inside = &self.places[worker].inside;
        loop {
            inside.store(true, Ordering::SeqCst);
            if !self.wanted.load(Ordering::SeqCst) {
                return;
            }
            inside.store(false, Ordering::SeqCst);
            drop(self.lock_gate());
        }
    }

    /// Leaves shared mode.
    pub(crate) fn leave(&self, worker: usize) {
        self.places[worker].inside.store(false, Ordering::Release);
    }

    /// Whether somebody waits for the world; a worker inside then leaves and enters again.
    #[inline]
    #[must_use]
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    fn lock_gate(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Has the world exclusively until the result is dropped. The caller must not be inside shared mode.
    pub(crate) fn exclusive(&self) -> Exclusively<'_> {
        let gate = self.lock_gate();
        self.wanted.store(true, Ordering::SeqCst);
        for place in &self.places {
            while place.inside.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        }
        Exclusively { world: self, _gate: gate }
    }
}

/// The world, held exclusively.
pub(crate) struct Exclusively<'w> {
    world: &'w World,
    _gate: MutexGuard<'w, ()>,
}

impl Drop for Exclusively<'_> {
    fn drop(&mut self) {
        self.world.wanted.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn nobody_is_inside_while_the_world_is_held_exclusively() {
        let world = Arc::new(World::new(3));
        let inside = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..3)
            .map(|worker| {
                let (world, inside) = (Arc::clone(&world), Arc::clone(&inside));
                std::thread::spawn(move || {
                    for turn in 0..2000 {
                        if turn % 100 == worker {
                            let _all = world.exclusive();
                            assert_eq!(inside.load(Ordering::SeqCst), 0);
                        }
                        world.enter(worker);
                        inside.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        world.leave(worker);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().expect("no assertion failed"));
    }
}
