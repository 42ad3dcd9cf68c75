//! The allocator of a machine: counts, and says no at a limit.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::cell::Cell;
use std::ffi::c_void;

/// What every block of Luau is aligned to, as malloc would.
const ALIGNMENT_BYTES: usize = 16;

/// What a machine has taken, and may take.
#[derive(Debug)]
pub(super) struct Memory {
    used_bytes: Cell<usize>,
    limit_bytes: usize,
}

impl Memory {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { used_bytes: Cell::new(0), limit_bytes }
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes.get()
    }

    /// How much more may be taken.
    pub(super) fn left_bytes(&self) -> usize {
        self.limit_bytes.saturating_sub(self.used_bytes.get())
    }

    /// Whether a block may become `new` bytes long.
    fn allows(&self, old: usize, new: usize) -> bool {
        new <= old || new - old <= self.left_bytes()
    }
}

/// Luau's allocator function.
///
/// # Safety
/// `memory` points to a [`Memory`]; `block` is null or was given by this function for `old` bytes and not taken back since.
pub(super) unsafe extern "C" fn allocate(
    memory: *mut c_void,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: by the promise above; a machine keeps its memory's account as long as its state.
    let memory = unsafe { &*memory.cast::<Memory>() };
    let old = if block.is_null() { 0 } else { old };
    if !memory.allows(old, new) {
        return std::ptr::null_mut();
    }
    let Ok(new_layout) = Layout::from_size_align(new, ALIGNMENT_BYTES) else { return std::ptr::null_mut() };
    let given: *mut u8 = if old == 0 {
        if new == 0 {
            return std::ptr::null_mut();
        }
        // SAFETY: the size is not zero.
        unsafe { alloc(new_layout) }
    } else {
        let old_layout =
            Layout::from_size_align(old, ALIGNMENT_BYTES).expect("it was given with this layout");
        if new == 0 {
            // SAFETY: the block was given with this layout.
            unsafe { dealloc(block.cast(), old_layout) };
            memory.used_bytes.set(memory.used_bytes.get() - old);
            return std::ptr::null_mut();
        }
        // SAFETY: 1. The block was given with this layout. 2. The new size is not zero, and fits a layout.
        unsafe { realloc(block.cast(), old_layout, new) }
    };
    if !given.is_null() {
        memory.used_bytes.set(memory.used_bytes.get() - old + new);
    }
    given.cast()
}
