//! Bits of byte strings, counted from the highest bit of the first byte: counting, finding and combining many at once.
//!
//! The loops are plain Rust over words, which the compiler turns into vector code. Processors of servers have had AVX2 for
//! ten years, but programs are built for those that have not; so each loop is compiled twice, and what the processor can
//! do is asked once for each call.
//!
//! `unsafe` in this file is about that alone: a function compiled for AVX2 is called after the processor said it has it.

/// How the bits of several strings become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitOperation {
    /// Those set in both.
    And,
    /// Those set in either.
    Or,
    /// Those set in one only.
    Xor,
    /// Those set in the first and not in the second.
    AndNot,
}

/// Defines a function whose body is compiled for AVX2 as well.
macro_rules! twice {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $kind:ty),*) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        $vis fn $name($($arg: $kind),*) $(-> $result)? {
            #[inline(always)]
            fn plain($($arg: $kind),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,popcnt,bmi1,lzcnt")]
                fn wide($($arg: $kind),*) $(-> $result)? {
                    plain($($arg),*)
                }
                if has_wide() {
                    // SAFETY: the processor has what the function was compiled for.
                    return unsafe { wide($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}

#[cfg(target_arch = "x86_64")]
fn has_wide() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("avx2") && has!("popcnt") && has!("bmi1") && has!("lzcnt")
}

twice! {
    /// The number of bits set.
    pub fn count_ones(bytes: &[u8]) -> u64 {
        let (words, rest) = bytes.as_chunks::<8>();
        let of_words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
        of_words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
    }
}

/// The number of bits set among those from `start` up to, not including, `end`, which lies within.
#[must_use]
pub fn count_ones_between(bytes: &[u8], start: usize, end: usize) -> u64 {
    if start >= end {
        return 0;
    }
    let (first, last) = (start / 8, (end - 1) / 8);
    let outside = |byte: u8, mask: u8| u64::from((byte & mask).count_ones());
    let before = outside(bytes[first], !(0xff >> (start % 8)));
    let behind = outside(bytes[last], 0x7f >> ((end - 1) % 8));
    count_ones(&bytes[first..=last]) - before - behind
}

/// The first bit that is `wanted` among those from `start` up to, not including, `end`, which lies within.
#[must_use]
pub fn find(bytes: &[u8], wanted: bool, start: usize, end: usize) -> Option<usize> {
    if start >= end {
        return None;
    }
    // Looks for a one: in the bits, or in their opposite.
    let flip = if wanted { 0 } else { 0xff };
    let first = start / 8;
    let in_first = (bytes[first] ^ flip) & (0xff >> (start % 8));
    let at = if in_first != 0 {
        first * 8 + in_first.leading_zeros() as usize
    } else {
        let byte = first + 1 + position_of_other(&bytes[first + 1..end.div_ceil(8)], flip)?;
        byte * 8 + (bytes[byte] ^ flip).leading_zeros() as usize
    };
    (at < end).then_some(at)
}

/// The first byte that is not `dull`.
fn position_of_other(bytes: &[u8], dull: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let dull_words = words.iter().take_while(|word| **word == [dull; 8]).count();
    let rest = &bytes[dull_words * 8..];
    rest.iter().position(|byte| *byte != dull).map(|at| dull_words * 8 + at)
}

/// Combines `into` with `with`, which may be shorter: what it lacks counts as zeros.
pub fn combine(operation: BitOperation, into: &mut [u8], with: &[u8]) {
    let common = with.len().min(into.len());
    let (front, behind) = into.split_at_mut(common);
    let with = &with[..common];
    match operation {
        BitOperation::And => {
            and(front, with);
            behind.fill(0);
        }
        BitOperation::Or => or(front, with),
        BitOperation::Xor => xor(front, with),
        BitOperation::AndNot => and_not(front, with),
    }
}

twice! {
    fn and(into: &mut [u8], with: &[u8]) {
        into.iter_mut().zip(with).for_each(|(byte, other)| *byte &= other);
    }
}

twice! {
    fn or(into: &mut [u8], with: &[u8]) {
        into.iter_mut().zip(with).for_each(|(byte, other)| *byte |= other);
    }
}

twice! {
    fn xor(into: &mut [u8], with: &[u8]) {
        into.iter_mut().zip(with).for_each(|(byte, other)| *byte ^= other);
    }
}

twice! {
    fn and_not(into: &mut [u8], with: &[u8]) {
        into.iter_mut().zip(with).for_each(|(byte, other)| *byte &= !other);
    }
}

twice! {
    /// Turns every bit over.
    pub fn invert(bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// The integer of up to 64 bits that begins at bit `at`; bits behind the end are zeros.
#[must_use]
pub fn read_integer(bytes: &[u8], at: usize, bits: u32) -> u64 {
    let window = read_window(bytes, at / 8);
    let behind = WINDOW_BITS - bits - (at % 8) as u32;
    (window >> behind) as u64 & mask(bits)
}

/// Puts an integer of up to 64 bits at bit `at`. All its bits must lie within.
pub fn write_integer(bytes: &mut [u8], at: usize, bits: u32, value: u64) {
    let first = at / 8;
    let behind = WINDOW_BITS - bits - (at % 8) as u32;
    let window = read_window(bytes, first) & !(u128::from(mask(bits)) << behind);
    let window = window | u128::from(value & mask(bits)) << behind;
    let end = bytes.len().min(first + WINDOW_BYTES);
    let changed = &mut bytes[first..end];
    changed.copy_from_slice(&window.to_be_bytes()[16 - WINDOW_BYTES..][..changed.len()]);
}

/// Bytes that an integer of 64 bits can touch.
const WINDOW_BYTES: usize = 9;
const WINDOW_BITS: u32 = WINDOW_BYTES as u32 * 8;

/// Nine bytes as a number, zeros where there are none.
fn read_window(bytes: &[u8], first: usize) -> u128 {
    let mut window = [0; 16];
    let there = bytes.get(first..).unwrap_or_default();
    let count = there.len().min(WINDOW_BYTES);
    window[16 - WINDOW_BYTES..][..count].copy_from_slice(&there[..count]);
    u128::from_be_bytes(window)
}

fn mask(bits: u32) -> u64 {
    u64::MAX >> (64 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bit by bit.
    fn bit(bytes: &[u8], at: usize) -> bool {
        bytes.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let dull = prop_oneof![Just(0u8), Just(0xff), any::<u8>()];
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(dull, 0..50),
            (0..100usize, any::<bool>(), any::<u8>()).prop_map(|(length, ones, last)| {
                let mut all = vec![if ones { 0xff } else { 0 }; length];
                all.push(last);
                all
            }),
        ]
    }

    proptest! {
        #[test]
        fn counting_and_finding_agree_with_looking_at_every_bit(
            bytes in bytes(), ends in (0..1600usize, 0..1600usize), wanted: bool,
        ) {
            let length = bytes.len() * 8;
            let (start, end) = (ends.0.min(length), ends.1.min(length));
            let ones = (start..end).filter(|at| bit(&bytes, *at)).count() as u64;
            prop_assert_eq!(count_ones_between(&bytes, start, end), ones);
            prop_assert_eq!(count_ones(&bytes), (0..length).filter(|at| bit(&bytes, *at)).count() as u64);
            let found = (start..end).find(|at| bit(&bytes, *at) == wanted);
            prop_assert_eq!(find(&bytes, wanted, start, end), found);
        }

        #[test]
        fn combining_agrees_with_combining_every_bit(into in bytes(), with in bytes()) {
            for operation in [BitOperation::And, BitOperation::Or, BitOperation::Xor, BitOperation::AndNot] {
                let mut result = into.clone();
                combine(operation, &mut result, &with);
                for at in 0..into.len() * 8 {
                    let (a, b) = (bit(&into, at), bit(&with, at));
                    let expected = match operation {
                        BitOperation::And => a && b,
                        BitOperation::Or => a || b,
                        BitOperation::Xor => a != b,
                        BitOperation::AndNot => a && !b,
                    };
                    prop_assert_eq!(bit(&result, at), expected);
                }
            }
            let mut inverted = into.clone();
            invert(&mut inverted);
            prop_assert!((0..into.len() * 8).all(|at| bit(&inverted, at) != bit(&into, at)));
        }

        #[test]
        fn an_integer_is_read_as_it_was_written_and_nothing_else_changes(
            before in prop::collection::vec(any::<u8>(), 1..30), at in 0..300usize, bits in 1..=64u32, value: u64,
        ) {
            let as_bits = |value: u64| (0..bits).map(move |at| value >> (bits - 1 - at) & 1 == 1);
            let read = read_integer(&before, at, bits);
            prop_assert!(as_bits(read).enumerate().all(|(n, one)| bit(&before, at + n) == one));
            if at + bits as usize <= before.len() * 8 {
                let mut after = before.clone();
                write_integer(&mut after, at, bits, value);
                prop_assert_eq!(read_integer(&after, at, bits), value & mask(bits));
                let inside = at..at + bits as usize;
                let outside = (0..before.len() * 8).filter(|at| !inside.contains(at));
                prop_assert!(outside.into_iter().all(|at| bit(&before, at) == bit(&after, at)));
            }
        }
    }
}
