//! The hint to the processor that a cache line will be wanted soon.

/// Asks for the cache line at `address`. Any address will do, also a stale or wild one: a prefetch reads
/// nothing the program could see and never faults. Does nothing on processors without a known instruction.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: 1. SSE is part of every x86-64. 2. The instruction is a hint: it does not access memory in
        // the sense of the language and does not fault, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
