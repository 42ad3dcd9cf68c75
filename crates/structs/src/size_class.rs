//! What the allocator really hands out for a request: its size classes, for memory accounting and for knowing
//! how far a value may grow in its place.
//!
//! The classes are those of jemalloc with a quantum of 8 bytes: multiples of 8 up to 64, then four classes
//! per doubling (80, 96, 112, 128, 160, ...). Nothing here asks the allocator: the function is arithmetic, so
//! that figures are the same in tests, under another allocator, and on the hot path.

/// The bytes that an allocation of `n` bytes takes: `n` rounded up to its size class. 0 for 0.
///
/// A request over half of the address space has no class and is returned as it is: no allocator grants it.
#[inline]
pub const fn malloc_size(n: usize) -> usize {
    if n <= 64 {
        return n.next_multiple_of(8);
    }
    if n > isize::MAX as usize {
        return n;
    }
    // n - 1 has its highest bit at the doubling in which n lies; a quarter of that doubling is the spacing.
    let doubling = (n - 1).ilog2();
    n.next_multiple_of(1 << (doubling - 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classes_are_those_of_jemalloc_with_a_quantum_of_eight() {
        let classes = [
            8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640,
            768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192, 10240,
            12288, 14336, 16384, 20480,
        ];
        let mut below = 0;
        for class in classes {
            for n in below + 1..=class {
                assert_eq!(malloc_size(n), class, "a request of {n}");
            }
            below = class;
        }
    }

    #[test]
    fn nothing_costs_nothing_and_the_absurd_does_not_overflow() {
        assert_eq!(malloc_size(0), 0);
        assert_eq!(malloc_size(1 << 40), 1 << 40);
        assert_eq!(malloc_size((1 << 40) + 1), 5 << 38);
        assert_eq!(malloc_size(isize::MAX as usize), 1 << 63);
        assert_eq!(malloc_size(usize::MAX), usize::MAX);
    }
}
