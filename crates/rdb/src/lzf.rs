//! LZF: the compression of strings in RDB files.
//!
//! # The idea
//! Text repeats itself. Wherever the next three bytes or more stood already within the last 8 KiB, write how far back
//! and how many, else write them as they are. There is no entropy coding and no header, so both directions are a single
//! loop over the bytes; decompressing is little more than copying.
//!
//! # The bytes
//! A compressed string is a row of these, told apart by the top three bits of the first byte:
//!
//! ```text
//!  000nnnnn | n + 1 bytes                      as they are: 1 to 32
//!  lllooooo | oooooooo                         l + 2 bytes (3 to 8) from o + 1 bytes back
//!  111ooooo | llllllll | oooooooo              l + 9 bytes (9 to 264) from o + 1 bytes back
//! ```
//!
//! The offset `o` has 13 bits, its upper five first. What is copied may overlap what it becomes: one byte back and 264
//! bytes long is a run.
//!
//! # Finding repetitions
//! A table has, for each value of a hash of three bytes, the place where they stood last. It is as large as the string
//! deserves, since clearing it would otherwise cost more than compressing a short one. Where nothing repeats for a while,
//! the search takes larger steps, up to 16 bytes: random bytes pass at the speed of copying.
//!
//! # Bombs
//! Three bytes give 264 at most, so a string is at most 88 times as long as its compressed form ([`MAX_RATIO`]).
//! [`measure`] walks through the control bytes alone and says how long the result will be, or that there will be none;
//! nothing is allocated before, and then exactly that much.
//!
//! # Credits
//! The format and the way to find repetitions are Marc Lehmann's LibLZF. The code is our own, and the bytes it makes
//! are not always those of LibLZF, which reads them just the same.

/// How many times longer than its compressed form a string can be.
pub const MAX_RATIO: usize = MAX_MATCH / 3;

/// The longest run of bytes as they are.
const MAX_LITERALS: usize = 32;
/// The shortest and the longest repetition.
const MIN_MATCH: usize = 3;
const MAX_MATCH: usize = 264;
/// How far back a repetition may be.
const MAX_DISTANCE: usize = 1 << 13;
/// Lengths beyond this need a byte of their own.
const SHORT_MATCH: usize = 8;
/// After so many bytes without a repetition the search takes steps of two, and so on.
const PATIENCE_SHIFT: usize = 6;
/// The largest step of the search.
const MAX_STEP: usize = 16;

/// Compresses `input` into the beginning of `out` and returns the length, or `None` if it does not fit there.
///
/// # Panics
/// If `input` has 4 GiB or more.
#[must_use]
pub fn compress(input: &[u8], out: &mut [u8]) -> Option<usize> {
    match input.len() {
        0..=128 => compress_with::<u8, 128>(input, out),
        129..=1024 => compress_with::<u16, 512>(input, out),
        1025..=16_384 => compress_with::<u16, 4096>(input, out),
        _ => compress_with::<u32, 16_384>(input, out),
    }
}

/// Bytes that `compressed` stands for; `None` if it is damaged.
#[must_use]
pub fn measure(compressed: &[u8]) -> Option<usize> {
    let mut length = 0usize;
    let mut rest = compressed;
    while let [control, after @ ..] = rest {
        if usize::from(*control) < MAX_LITERALS {
            let count = usize::from(*control) + 1;
            rest = after.get(count..)?;
            length += count;
        } else {
            let (count, distance, after) = read_match(*control, after)?;
            if distance > length {
                return None;
            }
            rest = after;
            length += count;
        }
    }
    Some(length)
}

/// Appends what `compressed` stands for to `out`, if that is `length` bytes; returns whether it is. Nothing is appended
/// or allocated if not.
#[must_use]
pub fn decompress(compressed: &[u8], length: usize, out: &mut Vec<u8>) -> bool {
    if measure(compressed) != Some(length) {
        return false;
    }
    let start = out.len();
    out.reserve_exact(length);
    out.resize(start + length, 0);
    expand(compressed, &mut out[start..]);
    true
}

/// Writes what `compressed`, which was measured, stands for to `out`, which has that length.
fn expand(compressed: &[u8], out: &mut [u8]) {
    let mut to = 0;
    let mut rest = compressed;
    while let [control, after @ ..] = rest {
        let count = usize::from(*control) + 1;
        if count <= MAX_LITERALS {
            // A copy of known size is cheaper than one that fits; what is too much is overwritten by what follows.
            match (after.first_chunk::<MAX_LITERALS>(), out[to..].first_chunk_mut::<MAX_LITERALS>()) {
                (Some(source), Some(place)) => *place = *source,
                _ => out[to..to + count].copy_from_slice(&after[..count]),
            }
            to += count;
            rest = &after[count..];
        } else {
            let (count, distance, after) = read_match(*control, after).expect("`measure` saw it whole");
            repeat(out, to, count, distance);
            to += count;
            rest = after;
        }
    }
}

/// Copies `count` bytes to `to` from `distance` bytes before, which may be fewer than that.
#[inline]
fn repeat(out: &mut [u8], to: usize, count: usize, distance: usize) {
    let from = to - distance;
    if count <= SHORT_MATCH && distance >= SHORT_MATCH {
        let (before, after) = out.split_at_mut(to);
        if let (Some(source), Some(place)) =
            (before[from..].first_chunk::<SHORT_MATCH>(), after.first_chunk_mut::<SHORT_MATCH>())
        {
            *place = *source;
            return;
        }
    }
    // Each copy doubles what can be copied next, so a run takes few of them.
    let mut done = 0;
    while done < count {
        let now = (count - done).min(distance + done);
        out.copy_within(from..from + now, to + done);
        done += now;
    }
}

/// Length and distance of a repetition, and what follows it.
#[inline]
fn read_match(control: u8, after: &[u8]) -> Option<(usize, usize, &[u8])> {
    let high = usize::from(control & 0x1F) << 8;
    let count = usize::from(control >> 5) + 2;
    match (count, after) {
        (9, [more, low, rest @ ..]) => Some((count + usize::from(*more), high + usize::from(*low) + 1, rest)),
        (3..=SHORT_MATCH, [low, rest @ ..]) => Some((count, high + usize::from(*low) + 1, rest)),
        _ => None,
    }
}

/// A place in the input as a table keeps it: one more than the place, 0 for none.
trait Slot: Copy + Default {
    fn of(place: usize) -> Self;
    fn place(self) -> Option<usize>;
}

macro_rules! slot {
    ($($number:ty),*) => {$(
        impl Slot for $number {
            #[inline]
            fn of(place: usize) -> Self {
                Self::try_from(place + 1).expect("the table was chosen for the length of the input")
            }

            #[inline]
            fn place(self) -> Option<usize> {
                (self as usize).checked_sub(1)
            }
        }
    )*};
}

slot!(u8, u16, u32);

fn compress_with<S: Slot, const SLOTS: usize>(input: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut table = [S::default(); SLOTS];
    let mut sink = Sink { out, len: 0 };
    let (mut at, mut literals_from) = (0, 0);
    // Four bytes are fetched at once, of which three count: the very last three are never found to repeat.
    while let Some(four) = four_at(input, at) {
        let slot = &mut table[hash::<SLOTS>(four)];
        let before = std::mem::replace(slot, S::of(at)).place();
        let found = before.filter(|before| {
            at - before <= MAX_DISTANCE
                && four_at(input, *before).is_some_and(|other| (four ^ other) & THREE_BYTES == 0)
        });
        let Some(before) = found else {
            at += (1 + ((at - literals_from) >> PATIENCE_SHIFT)).min(MAX_STEP);
            continue;
        };
        let count = match_length(input, before, at);
        sink.literals(&input[literals_from..at])?;
        sink.repetition(count, at - before)?;
        at += count;
        literals_from = at;
        for inside in [at - 2, at - 1] {
            if let Some(four) = four_at(input, inside) {
                table[hash::<SLOTS>(four)] = S::of(inside);
            }
        }
    }
    sink.literals(&input[literals_from..])?;
    Some(sink.len)
}

const THREE_BYTES: u32 = 0x00FF_FFFF;

#[inline]
fn four_at(input: &[u8], at: usize) -> Option<u32> {
    input.get(at..)?.first_chunk::<4>().map(|four| u32::from_le_bytes(*four))
}

/// A number below `SLOTS` for the first three of four bytes.
#[inline]
fn hash<const SLOTS: usize>(four: u32) -> usize {
    ((four << 8).wrapping_mul(2_654_435_761) >> (32 - SLOTS.trailing_zeros())) as usize
}

/// How many bytes at `at` repeat those at `before`, three of which are known to.
#[inline]
fn match_length(input: &[u8], before: usize, at: usize) -> usize {
    let most = MAX_MATCH.min(input.len() - at);
    let (old, new) = (&input[before..before + most], &input[at..at + most]);
    let mut length = MIN_MATCH;
    for (old, new) in old[MIN_MATCH..].chunks(8).zip(new[MIN_MATCH..].chunks(8)) {
        if let (Ok(a), Ok(b)) = (<[u8; 8]>::try_from(old), <[u8; 8]>::try_from(new)) {
            let difference = u64::from_le_bytes(a) ^ u64::from_le_bytes(b);
            if difference != 0 {
                return length + difference.trailing_zeros() as usize / 8;
            }
            length += 8;
        } else {
            return length + old.iter().zip(new).take_while(|(a, b)| a == b).count();
        }
    }
    length
}

/// Where compressed bytes go.
struct Sink<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Sink<'_> {
    fn literals(&mut self, bytes: &[u8]) -> Option<()> {
        for run in bytes.chunks(MAX_LITERALS) {
            let place = self.out.get_mut(self.len..self.len + 1 + run.len())?;
            place[0] = run.len() as u8 - 1;
            place[1..].copy_from_slice(run);
            self.len += 1 + run.len();
        }
        Some(())
    }

    fn repetition(&mut self, count: usize, distance: usize) -> Option<()> {
        let offset = distance - 1;
        let (high, low) = ((offset >> 8) as u8, offset as u8);
        if count <= SHORT_MATCH {
            let place = self.out.get_mut(self.len..self.len + 2)?;
            place.copy_from_slice(&[((count - 2) as u8) << 5 | high, low]);
            self.len += 2;
        } else {
            let place = self.out.get_mut(self.len..self.len + 3)?;
            place.copy_from_slice(&[7 << 5 | high, (count - 9) as u8, low]);
            self.len += 3;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(input: &[u8]) -> Vec<u8> {
        let mut out = vec![0; input.len() + input.len() / MAX_LITERALS + 1];
        let length = compress(input, &mut out).unwrap();
        out.truncate(length);
        out
    }

    fn unpacked(compressed: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decompress(compressed, measure(compressed)?, &mut out).then_some(out)
    }

    #[test]
    fn the_forms_are_those_of_the_picture() {
        assert_eq!(packed(b"abc"), b"\x02abc");
        assert_eq!(packed(b"abcabcd"), b"\x02abc\x20\x02\x00d");
        assert_eq!(packed(&[b'a'; 9]), b"\x00a\xC0\x00");
        assert_eq!(packed(&[b'a'; 10]), b"\x00a\xE0\x00\x00");
        assert_eq!(packed(&[b'a'; 265]), b"\x00a\xE0\xFF\x00");
        let far = [&b"xyz"[..], &[0; MAX_DISTANCE - 3], b"xyz!"].concat();
        assert!(packed(&far).ends_with(b"\x3F\xFF\x00!"), "the farthest repetition");
        assert_eq!(unpacked(&packed(&far)), Some(far));
    }

    #[test]
    fn what_does_not_fit_is_not_compressed() {
        assert_eq!(compress(b"abcdefgh", &mut [0; 8]), None);
        assert_eq!(compress(&[b'a'; 100], &mut [0; 4]), None);
        assert_eq!(compress(&[b'a'; 100], &mut [0; 5]), Some(5));
    }

    #[test]
    fn damaged_bytes_are_refused_before_anything_is_allocated() {
        let damaged: [&[u8]; 6] =
            [b"\x01a", b"\x00a\x20", b"\x00a\x20\x01", b"\xE0\x00", b"\x00a\xE0\xFF", b"\x20\x00"];
        for bytes in damaged {
            assert_eq!(measure(bytes), None, "{bytes:?}");
        }
        let mut out = Vec::new();
        assert!(!decompress(b"\x02abc", 4, &mut out));
        assert_eq!(out.capacity(), 0);
        assert_eq!(unpacked(b""), Some(Vec::new()));
    }

    #[test]
    fn no_string_is_longer_than_the_ratio_says() {
        let zeros = vec![0; 1 << 20];
        let compressed = packed(&zeros);
        assert!(compressed.len() * MAX_RATIO >= zeros.len() && compressed.len() < zeros.len() / 80);
    }

    proptest! {
        #[test]
        fn every_string_comes_back(
            seed in prop::collection::vec(any::<u8>(), 1..200),
            pieces in prop::collection::vec((any::<prop::sample::Index>(), 1usize..400), 0..60),
        ) {
            let mut input = Vec::new();
            for (from, length) in pieces {
                input.extend(seed.iter().cycle().skip(from.index(seed.len())).take(length));
            }
            let compressed = packed(&input);
            prop_assert_eq!(unpacked(&compressed), Some(input));
        }

        #[test]
        fn arbitrary_bytes_give_what_was_measured(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(length) = measure(&bytes) {
                prop_assert!(length <= bytes.len() * MAX_RATIO);
                prop_assert_eq!(unpacked(&bytes).map(|out| out.len()), Some(length));
            }
        }
    }
}
