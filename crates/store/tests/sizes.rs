//! What an element costs in memory: the bytes asked of the allocator, in its size classes, divided by the elements. The
//! only test of its process, because it counts every byte there is.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use spinel_store::usage::Use;
use spinel_store::{
    DbIndex, EncodingLimits, HashKey, Keep, Key, Keyspace, KeyspaceOptions, NewValue, Text, UnixMillis,
    value::{Array, Hash, Set, SortedSet},
};
use spinel_structs::size_class::malloc_size;

static LIVE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(malloc_size(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(malloc_size(layout.size()), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Few enough that a table asks the allocator for all its memory, and just behind a step of its growth.
const ELEMENTS: usize = 210_000;
const HASH_KEY: [u8; 16] = [1; 16];
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// Bytes for each element of what `make` makes.
fn each<T>(make: impl FnOnce() -> T) -> f64 {
    let before = LIVE.load(Ordering::Relaxed);
    let made = make();
    let bytes = LIVE.load(Ordering::Relaxed) - before;
    drop(made);
    bytes as f64 / ELEMENTS as f64
}

fn keys(expiry: Option<UnixMillis>) -> Keyspace {
    let hash_key = HashKey::from_bytes(HASH_KEY);
    let keyspace = Keyspace::new(KeyspaceOptions { shards: 1, databases: 1, hash_key });
    let mut held = keyspace.hold_all().expect("nobody else holds a shard");
    for i in 0..ELEMENTS {
        let name = format!("key:{i:012}");
        let key = Key::new(name.as_bytes(), &hash_key);
        held.shard_mut(key.hash).db_mut(DbIndex(0)).put(
            key,
            NewValue::Text(&[b'v'; 32]),
            Keep::Replace(expiry),
            (NOW, Use::of_time(NOW)),
        );
    }
    drop(held);
    keyspace
}

fn set() -> Set {
    let (limits, hash_key) = (EncodingLimits::default(), HashKey::from_bytes(HASH_KEY));
    let mut set = Set::new();
    for i in 0..ELEMENTS {
        set.add(Text::Bytes(format!("mem:{i:012}").as_bytes()), &limits, &hash_key);
    }
    set
}

fn hash() -> Hash {
    let (limits, hash_key) = (EncodingLimits::default(), HashKey::from_bytes(HASH_KEY));
    let mut hash = Hash::new();
    for i in 0..ELEMENTS {
        hash.set(format!("fld{i:012}").as_bytes(), &[b'v'; 32], &limits, &hash_key);
    }
    hash
}

/// As [`hash`], with fields that all expire, at times in no order or ascending ones; and what it says that it takes.
fn timed_hash(in_order: bool) -> (Hash, usize) {
    let mut hash = hash();
    for i in 0..ELEMENTS {
        let time = if in_order { UnixMillis(NOW.0 + i as i64) } else { some_time(i) };
        hash.set_expiry(format!("fld{i:012}").as_bytes(), Some(time));
    }
    let says = hash.memory_bytes();
    (hash, says)
}

fn sorted_set() -> SortedSet {
    let (limits, hash_key) = (EncodingLimits::default(), HashKey::from_bytes(HASH_KEY));
    let mut set = SortedSet::new();
    for i in 0..ELEMENTS {
        // Scores in no order.
        let score = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        set.insert(format!("mem:{i:012}").as_bytes(), score as f64, &limits, &hash_key);
    }
    set
}

/// Values at indexes that lie so far apart, and what the array says that it takes.
fn array(stride: u64, value: impl Fn(usize) -> String) -> (Array, usize) {
    let mut array = Array::new();
    for i in 0..ELEMENTS {
        array.set(i as u64 * stride, value(i).as_bytes());
    }
    let says = array.memory_bytes();
    (array, says)
}

fn number(i: usize) -> String {
    i.to_string()
}

/// As [`set`], with members that all expire, at times in no order.
fn timed_set() -> Set {
    let (mut set, hash_key) = (set(), HashKey::from_bytes(HASH_KEY));
    for i in 0..ELEMENTS {
        set.set_expiry(Text::Bytes(format!("mem:{i:012}").as_bytes()), Some(some_time(i)), &hash_key);
    }
    set
}

/// As [`sorted_set`], with members that all expire, at times in no order.
fn timed_sorted_set() -> SortedSet {
    let (mut set, hash_key) = (sorted_set(), HashKey::from_bytes(HASH_KEY));
    for i in 0..ELEMENTS {
        set.set_expiry(format!("mem:{i:012}").as_bytes(), Some(some_time(i)), &hash_key);
    }
    set
}

fn some_time(i: usize) -> UnixMillis {
    let chance = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let time = (chance ^ chance >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 30;
    UnixMillis(NOW.0 + time as i64)
}

#[test]
fn elements_take_no_more_than_their_measured_bytes() {
    let hour = UnixMillis(NOW.0 + 3_600_000);
    let month = UnixMillis(NOW.0 + 30 * 86_400_000);
    let cases = [
        ("key of 16 B, value of 32 B", 70.0, each(|| keys(None))),
        ("expiring in an hour", 82.5, each(|| keys(Some(hour)))),
        ("expiring in a month", 78.0, each(|| keys(Some(month)))),
        ("set member of 16 B", 38.0, each(set)),
        ("hash field of 15 B, value of 32 B", 70.0, each(hash)),
        ("hash field that expires, in no order", 101.0, each(|| timed_hash(false))),
        ("hash field that expires, in order", 107.5, each(|| timed_hash(true))),
        ("set member that expires, in no order", 70.0, each(timed_set)),
        ("sorted set member of 16 B", 56.5, each(sorted_set)),
        ("sorted set member that expires, in no order", 124.5, each(timed_sorted_set)),
        ("numbers of an array side by side", 8.5, each(|| array(1, number))),
        ("strings of 16 B of an array side by side", 32.5, each(|| array(1, |i| format!("mem:{i:012}")))),
        ("numbers of an array, one in ten places", 16.5, each(|| array(10, number))),
        ("numbers of an array, each in a page of its own", 140.0, each(|| array(1 << 20, number))),
    ];
    for in_order in [false, true] {
        let mut says = 0;
        let is = each(|| {
            let (hash, bytes) = timed_hash(in_order);
            says = bytes;
            hash
        });
        let says = says as f64 / ELEMENTS as f64;
        assert!((says - is).abs() < 0.08 * is, "a hash says {says:.1} and takes {is:.1} bytes a field");
    }
    for stride in [1, 10, 1 << 20] {
        let mut says = 0;
        let is = each(|| {
            let (array, bytes) = array(stride, |i| format!("mem:{i:012}"));
            says = bytes;
            array
        });
        let says = says as f64 / ELEMENTS as f64;
        assert!((says - is).abs() < 0.15 * is, "an array says {says:.1} and takes {is:.1} bytes a value");
    }
    for (what, most, bytes) in cases {
        assert!(bytes <= most, "{what}: {bytes:.1} bytes");
        assert!(bytes > most - 2.0, "{what}: {bytes:.1} bytes; the limit can be lowered");
    }
}
