//! Reading and overwriting strings takes nothing from the allocator. The only test of its process, because it counts
//! every allocation there is.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use spinel_store::usage::Use;
use spinel_store::{
    DbIndex, Displaced, Found, HashKey, Keep, Key, Keyspace, KeyspaceOptions, NewValue, UnixMillis,
};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations_in(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    work();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn reading_overwriting_and_counting_allocate_nothing_and_a_new_key_once() {
    let hash_key = HashKey::from_bytes([1; 16]);
    let keyspace = Keyspace::new(KeyspaceOptions { shards: 1, databases: 1, hash_key });
    let mut held = keyspace.hold_all().expect("nobody else holds a shard");
    let key = Key::new(b"key", &hash_key);
    let db = held.shard_mut(key.hash).db_mut(DbIndex(0));
    let now = UnixMillis(1_700_000_000_000);
    let other = Key::new(b"other", &hash_key);
    db.put(other, NewValue::Text(b"x"), Keep::Replace(None), (now, Use::of_time(now)));
    let long = [[b'x'; 1000], [b'y'; 1000]];
    let pairs: [(&[u8], &[u8]); 3] = [(b"hello", b"world"), (b"12", b"-345"), (&long[0], &long[1])];
    for (old, new) in pairs {
        db.take(key);
        let at_first = allocations_in(|| {
            assert!(matches!(
                db.put(key, NewValue::Text(old), Keep::Replace(None), (now, Use::of_time(now))),
                Displaced::Nothing
            ));
        });
        assert_eq!(at_first, if old.len() > 255 { 3 } else { 1 }, "a long string has a buffer of its own");
        let again = allocations_in(|| {
            assert!(matches!(
                db.put(key, NewValue::Text(new), Keep::Replace(None), (now, Use::of_time(now))),
                Displaced::Inline
            ));
        });
        let read = allocations_in(|| assert!(db.find(key).is_some_and(|entry| entry.text().is_some())));
        assert_eq!((again, read), (0, 0), "{} bytes", new.len());
    }
    db.put(key, NewValue::Int(7), Keep::Replace(None), (now, Use::of_time(now)));
    let counted = allocations_in(|| {
        let Found::Live(entry) = db.find_live(key, now) else { panic!("the key was stored") };
        assert!(entry.set_int(8));
    });
    assert_eq!(counted, 0);
}
