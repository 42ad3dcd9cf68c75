//! What a payload makes us allocate, however damaged or ill-meant it is. The only test of its process, because it counts
//! every allocation there is.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use spinel_rdb::encode::EncodeOptions;
use spinel_rdb::payload::{Verify, dump, restore};
use spinel_rdb::{Target, lzf};
use spinel_structs::table::mapped_bytes;
use support::{cx, entry_of};

/// Mutated payloads; `SPINEL_MUTATIONS` says another number for a longer run.
const MUTATIONS: usize = 10_000;
/// The promise: so many times what came (compressed strings as what they become), and a megabyte to begin with.
const FACTOR: usize = 16;
const BASE_BYTES: usize = 1 << 20;
/// Longer seeds are left out of the mutations, for time.
const LONGEST_SEED: usize = 20_000;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most that was allocated at a time while a payload was restored, and whether it was taken. Tables map memory
/// besides, which only grows.
fn restored(payload: &[u8]) -> (usize, bool) {
    let (before, mapped_before) = (LIVE.load(Ordering::Relaxed), mapped_bytes());
    PEAK.store(before, Ordering::Relaxed);
    let value = restore(payload, Verify::Nothing, cx());
    let mapped = mapped_bytes() - mapped_before;
    (PEAK.load(Ordering::Relaxed) - before + mapped, value.is_ok())
}

fn assert_bound(name: &str, payload: &[u8], counted: usize) -> bool {
    let (peak, taken) = restored(payload);
    let most = FACTOR * counted + BASE_BYTES;
    assert!(peak <= most, "{name}: {} bytes made {peak} of at most {most} allocated", payload.len());
    taken
}

fn framed(body: Vec<u8>) -> Vec<u8> {
    [&body[..], &[10, 0], &[0; 8]].concat()
}

fn length(n: usize) -> Vec<u8> {
    [&[0x80][..], &(n as u32).to_be_bytes()].concat()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&length(bytes.len())[..], bytes].concat()
}

/// An integer of 16 or 32 bits as a string: the shortest elements of which there are many different ones.
fn short(n: usize) -> Vec<u8> {
    match i16::try_from(n as i64 - 0x8000) {
        Ok(n) => [&[0xC1][..], &n.to_le_bytes()].concat(),
        Err(_) => [&[0xC2][..], &(n as u32).to_le_bytes()].concat(),
    }
}

fn listpack(entries: &[u8]) -> Vec<u8> {
    let total = entries.len() as u32 + 7;
    [&total.to_le_bytes()[..], &[0xFF, 0xFF], entries, &[0xFF]].concat()
}

/// A block of one entry without a field.
fn block(n: usize) -> Vec<u8> {
    let key = (n as u128 + 1).to_be_bytes();
    let pack = listpack(&[1, 1, 0, 1, 0, 1, 0, 1, 2, 1, 0, 1, 0, 1, 3, 1]);
    [&[16][..], &key, &[pack.len() as u8], &pack].concat()
}

/// What follows the blocks: entries, the last ID, groups.
fn stream_end(entries: usize, groups: &[u8]) -> Vec<u8> {
    [&length(entries)[..], &length(0), &length(entries), groups].concat()
}

/// Pending entries of one consumer.
fn pending(count: usize) -> Vec<u8> {
    let ids = || (1..=count as u128).map(u128::to_be_bytes);
    let all = ids().flat_map(|id| [&id[..], &[0; 8], &[1]].concat());
    let own = ids().flatten();
    let consumer = [&[1, 1, b'c'][..], &[0; 8], &length(count)].concat();
    length(count).into_iter().chain(all).chain(consumer).chain(own).collect()
}

/// Values that are worth most memory for their bytes, each of about half a megabyte.
fn greedy() -> Vec<(&'static str, Vec<u8>)> {
    let many = 100_000;
    let counted = |value_type: u8, count: usize, each: &dyn Fn(usize) -> Vec<u8>| {
        let elements: Vec<u8> = (0..count).flat_map(each).collect();
        [&[value_type][..], &length(count), &elements].concat()
    };
    let narrow: Vec<u8> = (0..=u16::MAX).flat_map(|n| (n.wrapping_sub(0x8000)).to_le_bytes()).collect();
    let narrow = [&[2, 0, 0, 0, 0, 0, 1, 0][..], &narrow].concat();
    let middle = |n: usize| [&[0xF2][..], &(n as u32).to_le_bytes()[..3], &[4]].concat();
    let pairs: Vec<u8> = (0..many).flat_map(|n| [&middle(n)[..], &[0, 1]].concat()).collect();
    let members: Vec<u8> = (0..many).flat_map(middle).collect();
    let tiny_pack = listpack(&[0, 1]);
    let consumers = (0..many / 10).flat_map(|n| [&short(n)[..], &[0; 9]].concat());
    let consumers: Vec<u8> = length(many / 10).into_iter().chain(consumers).collect();
    vec![
        ("a list of nothing", counted(1, 1 << 19, &|_| vec![0])),
        ("a set of short members", counted(2, many, &short)),
        ("a sorted set with scores as text", counted(3, many, &|n| [&short(n)[..], &[1, b'1']].concat())),
        ("a hash of short fields", counted(4, many, &|n| [&short(n)[..], &[0]].concat())),
        ("a sorted set", counted(5, many, &|n| [&short(n)[..], &[0; 8]].concat())),
        ("an intset for a table", [&[11][..], &string(&narrow)].concat()),
        ("a hash's listpack for a table", [&[16][..], &string(&listpack(&pairs))].concat()),
        ("a sorted set's listpack for a tree", [&[17][..], &string(&listpack(&pairs))].concat()),
        ("a set's listpack for a table", [&[20][..], &string(&listpack(&members))].concat()),
        ("a list of nodes of one element", counted(18, many / 2, &|_| [&[2, 9][..], &tiny_pack].concat())),
        ("a list of short plain nodes", counted(18, many, &|_| vec![1, 1, b'x'])),
        (
            "a list of longer plain nodes",
            counted(18, many / 20, &|_| [&[1, 0x40, 64][..], &[b'x'; 64]].concat()),
        ),
        (
            "a stream of short blocks",
            [&counted(15, many / 10, &block)[..], &stream_end(many / 10, &[0])].concat(),
        ),
        (
            "a stream's pending entries",
            [&[15, 0][..], &stream_end(0, &[1, 1, b'g', 0, 0]), &pending(many / 10)].concat(),
        ),
        ("a stream's consumers", [&[15, 0][..], &stream_end(0, &[1, 1, b'g', 0, 0, 0]), &consumers].concat()),
        ("a stream's lying count of blocks", [&[15][..], &length(many), &vec![0; many * 3]].concat()),
        ("a set's lying count", [&[2][..], &length(many * 5), &vec![0xFF; many * 5]].concat()),
        ("a sorted set's lying count", [&[3][..], &length(many * 2), &vec![0; many * 4]].concat()),
    ]
}

#[test]
fn no_payload_makes_more_allocated_than_promised() {
    for (name, body) in greedy() {
        let payload = framed(body);
        let taken = assert_bound(name, &payload, payload.len());
        assert_eq!(taken, !name.contains("lying") && !name.contains("sorted set's listpack"), "{name}");
    }
    lone_values();
    bombs();
    mutations();
}

/// Values of an array that each have a page to themselves: three times what is promised of others.
fn lone_values() {
    let each = [0x50, 0x00, 0].repeat(100_000);
    let payload = framed([&[200, 0][..], &length(100_000), &each].concat());
    let (peak, taken) = restored(&payload);
    let most = 3 * FACTOR * payload.len() + BASE_BYTES;
    assert!(taken && peak <= most, "{} bytes made {peak} of at most {most} allocated", payload.len());
    let lie = framed([&[200, 0][..], &length(100_000), &[0; 100]].concat());
    assert!(!assert_bound("an array's lying count", &lie, lie.len()));
    let dense = framed([&[200, 0][..], &length(1 << 19), &vec![0; 1 << 20]].concat());
    assert!(assert_bound("an array of nothing but empty strings", &dense, dense.len()));
}

/// Strings that become 88 times as long.
fn bombs() {
    let zeros = vec![0; 4 << 20];
    let mut packed = vec![0; zeros.len()];
    let size = lzf::compress(&zeros, &mut packed).expect("zeros are compressed");
    let lzf_string = |stated: usize| [&[0xC3][..], &length(size), &length(stated), &packed[..size]].concat();
    let string_bomb = framed([&[0][..], &lzf_string(zeros.len())].concat());
    assert!(assert_bound("a compressed string", &string_bomb, zeros.len()));
    let list_bomb = framed([&[1][..], &length(3), &lzf_string(zeros.len()).repeat(3)].concat());
    assert!(assert_bound("a list of compressed strings", &list_bomb, 3 * zeros.len()));
    for stated in [zeros.len() - 1, zeros.len() + 1, u32::MAX as usize] {
        let lie = framed([&[0][..], &lzf_string(stated)].concat());
        assert!(!assert_bound("a compressed string with a lie about its length", &lie, lie.len()));
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for model in support::every_encoding() {
        for (compression, target) in [(true, Target::V10), (false, Target::V10), (false, Target::V9)] {
            seeds.push(dump(
                entry_of(b"", &model, None).value(),
                EncodeOptions { compression, target, is_lowest: true },
            ));
        }
    }
    seeds.extend(support::old::old_payloads().into_iter().map(framed));
    seeds.retain(|seed| seed.len() <= LONGEST_SEED);
    seeds
}

fn mutations() {
    let count = std::env::var("SPINEL_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(MUTATIONS);
    let seeds = seeds();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut taken = 0;
    for _ in 0..count {
        let mut payload = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(3) {
            random.mutate(&mut payload, &seeds);
        }
        taken += usize::from(assert_bound("a mutated payload", &payload, payload.len()));
    }
    assert!(taken > 0 && taken < count, "{taken} of {count} were still values");
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }

    /// Changes, removes, repeats or replaces some bytes.
    fn mutate(&mut self, payload: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(payload.len());
        match self.below(6) {
            0 => payload[at] ^= 1 << self.below(8),
            1 => payload[at] = [0, 1, 0x3F, 0x7F, 0x80, 0x81, 0xC3, 0xFD, 0xFE, 0xFF][self.below(10)],
            2 => payload.truncate(at + 1),
            3 => {
                let end = (at + self.below(20)).min(payload.len());
                let part = payload[at..end].to_vec();
                payload.splice(at..at, part);
            }
            4 => {
                let end = (at + 1 + self.below(4)).min(payload.len());
                payload[at..end].fill(0xFF);
            }
            _ => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len());
                payload.splice(at.., other[from..].iter().copied());
            }
        }
        if payload.is_empty() {
            payload.push(0);
        }
    }
}
