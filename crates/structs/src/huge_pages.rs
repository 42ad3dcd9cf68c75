//! Huge pages for memory that is in use as a whole.
//!
//! A look-up among millions of items reads a few bytes here and there, and where each page has 4 KiB the processor has to
//! look up nearly every address first, in a guest of a hypervisor twice. With pages of 2 MiB a table of addresses that
//! fits the processor covers gigabytes. Asking for them in advance costs memory wherever a page is not filled; here pages
//! that are there already are merged, which costs none.
//!
//! Which memory that is, the caller finds out; nothing here reads files or remembers anything.

use std::ops::Range;

/// Bytes of a huge page, and its alignment.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;

/// What became of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It consists of huge pages.
    Done,
    /// Not now: there is no memory in one piece, or the range has changed.
    NotNow,
    /// Never: the system cannot do that, or not with this range.
    Refused,
}

/// Merges the pages of a range of addresses into huge ones. The bytes in it stay what they are; whoever touches them
/// meanwhile waits, some tenths of a millisecond for each huge page.
///
/// Pages of the range that were not there come into being, zeroed. Linux 6.1 can do it (`MADV_COLLAPSE`).
#[must_use]
pub fn merge(range: Range<usize>) -> Merged {
    #[cfg(target_os = "linux")]
    {
        let start = std::ptr::without_provenance_mut(range.start);
        // SAFETY: the advice changes neither contents nor protection of any page, whoever uses it; a range that is not
        // mapped is an error.
        let answer = unsafe { libc::madvise(start, range.len(), libc::MADV_COLLAPSE) };
        match (answer, std::io::Error::last_os_error().raw_os_error()) {
            (0, _) => Merged::Done,
            (_, Some(libc::EINVAL | libc::ENOSYS | libc::EPERM)) => Merged::Refused,
            _ => Merged::NotNow,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = range;
        Merged::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_memory_keeps_its_bytes() {
        let bytes: Vec<u8> = (0..3 * HUGE_PAGE_BYTES).map(|at| ((at * 31) >> 7) as u8).collect();
        let before = bytes.clone();
        let start = bytes.as_ptr().addr().next_multiple_of(HUGE_PAGE_BYTES);
        let merged = merge(start..start + HUGE_PAGE_BYTES);
        assert!(bytes == before, "{merged:?}");
    }

    #[test]
    fn memory_that_is_not_mapped_is_not_merged() {
        assert_ne!(merge(HUGE_PAGE_BYTES << 20..(HUGE_PAGE_BYTES << 20) + HUGE_PAGE_BYTES), Merged::Done);
    }
}
