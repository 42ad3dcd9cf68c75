//! Anonymous pages from the system, for the large pieces of a table: they cost memory only where they were
//! written, and give it back without being unmapped.
//!
//! A thin layer over `mmap`; it knows nothing of buckets. Like an allocator it counts what it has given out, because
//! nobody else sees these bytes: one number for the process, to which every table adds a portion at a time.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of maps in use, over all tables.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// Bytes of maps in use, over all tables of the process: parts that a table has reached and not left.
#[must_use]
pub fn mapped_bytes() -> usize {
    IN_USE.load(Relaxed)
}

/// Counts a part of a map that a table begins to use.
pub(super) fn count_used(length: usize) {
    IN_USE.fetch_add(length, Relaxed);
}

/// Counts a part of a map that a table has left.
pub(super) fn count_left(length: usize) {
    IN_USE.fetch_sub(length, Relaxed);
}

/// Maps `length` bytes of zeros. `None` when the system refuses.
pub(super) fn map(length: usize) -> Option<NonNull<u8>> {
    // SAFETY: 1. No address is asked for, so no existing mapping is touched. 2. The mapping is private,
    // anonymous, readable and writable: plain memory.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANON,
            -1,
            0,
        )
    };
    if address == libc::MAP_FAILED { None } else { NonNull::new(address.cast()) }
}

/// Gives a mapping back.
///
/// # Safety
/// `address` and `length` are those of one call of [`map`], and nobody uses the memory any more.
pub(super) unsafe fn unmap(address: NonNull<u8>, length: usize) {
    // SAFETY: the caller's promise. It fails only for arguments that break it, or where the system can not
    // split a mapping; then the memory stays mapped, which harms nobody.
    unsafe { libc::munmap(address.as_ptr().cast(), length) };
}

/// Gives the memory behind a part of a mapping back; it reads as zeros afterwards (or, where the system
/// refuses, as before).
///
/// # Safety
/// The part lies in a living mapping, begins at a page, and nobody holds a reference into it.
pub(super) unsafe fn discard(address: NonNull<u8>, length: usize) {
    // SAFETY: the caller's promise: only bytes that nobody looks at change.
    unsafe { libc::madvise(address.as_ptr().cast(), length, libc::MADV_DONTNEED) };
}
