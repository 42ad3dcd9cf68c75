//! Measures the hash table: nanoseconds per operation and bytes per item.
//!
//! ```sh
//! cargo run --release -p spinel-structs --example table_speed [items ...]
//! ```
//!
//! Items are `Member`s of 16 bytes under SipHash-1-3, met in random order. "batched" means what a server does
//! with a pipeline: for 16 keys at a time it hashes and prefetches the buckets, then prefetches the items,
//! then looks them up. Under the system's allocator; put another before it with `LD_PRELOAD` to see its
//! influence.

use spinel_structs::compact::Member;
use spinel_structs::hash::{HashKey, hash_bytes};
use spinel_structs::table::{Table, TableItem};
use std::hint::black_box;
use std::time::Duration;

const KEY: HashKey = HashKey::from_bytes(*b"0123456789abcdef");
const BATCH: usize = 16;

type Name = [u8; 16];

/// A fixed sequence of 64-bit numbers (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn name(number: usize) -> Name {
    let mut name = *b"key:000000000000";
    let mut rest = number;
    for digit in name[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}

fn shuffled(range: std::ops::Range<usize>) -> Vec<Name> {
    let mut names: Vec<Name> = range.map(name).collect();
    let mut numbers = Numbers(42);
    for i in (1..names.len()).rev() {
        names.swap(i, (numbers.next() % (i as u64 + 1)) as usize);
    }
    names
}

/// The processor time this thread has used: on a shared machine the steadier clock.
fn now() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on every Linux, and the time is written to a local variable.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn per_item(what: &str, names: &[Name], mut run: impl FnMut(&[Name])) {
    let start = now();
    run(names);
    println!("  {what:<22}{:7.1} ns", (now() - start).as_nanos() as f64 / names.len() as f64);
}

fn find<'t>(table: &'t Table<Member>, hash: u64, name: &Name) -> Option<&'t Member> {
    table.find(hash, |member| member.as_bytes() == name)
}

fn look_up(table: &Table<Member>, names: &[Name]) {
    let found = names.iter().filter(|name| find(table, hash_bytes(&KEY, *name), name).is_some()).count();
    black_box(found);
}

fn look_up_batched(table: &Table<Member>, names: &[Name]) {
    let mut found = 0;
    for batch in names.chunks(BATCH) {
        let hashes = hashes_of(batch);
        for &hash in &hashes[..batch.len()] {
            table.prefetch_bucket(hash);
        }
        for &hash in &hashes[..batch.len()] {
            table.prefetch_item(hash);
        }
        found += batch.iter().zip(hashes).filter(|(name, hash)| find(table, *hash, name).is_some()).count();
    }
    black_box(found);
}

fn hashes_of(batch: &[Name]) -> [u64; BATCH] {
    let mut hashes = [0; BATCH];
    for (hash, name) in hashes.iter_mut().zip(batch) {
        *hash = hash_bytes(&KEY, name);
    }
    hashes
}

fn insert(table: &mut Table<Member>, names: &[Name]) {
    for name in names {
        table.insert_unique(hash_bytes(&KEY, name), Member::new(name));
    }
}

fn insert_batched(table: &mut Table<Member>, names: &[Name]) {
    for batch in names.chunks(BATCH) {
        let hashes = hashes_of(batch);
        for &hash in &hashes[..batch.len()] {
            table.prefetch_bucket(hash);
        }
        for (name, hash) in batch.iter().zip(hashes) {
            table.insert_unique(hash, Member::new(name));
        }
    }
}

fn remove(table: &mut Table<Member>, names: &[Name]) {
    for name in names {
        black_box(table.remove(hash_bytes(&KEY, name), |member| member.as_bytes() == name));
    }
}

fn remove_batched(table: &mut Table<Member>, names: &[Name]) {
    for batch in names.chunks(BATCH) {
        let hashes = hashes_of(batch);
        for &hash in &hashes[..batch.len()] {
            table.prefetch_bucket(hash);
        }
        for &hash in &hashes[..batch.len()] {
            table.prefetch_item(hash);
        }
        for (name, hash) in batch.iter().zip(hashes) {
            black_box(table.remove(hash, |member| member.as_bytes() == name));
        }
    }
}

fn speed(count: usize) {
    println!("{count} items");
    let names = shuffled(0..count);
    let absent = shuffled(count..2 * count);
    let order = {
        let mut order = names.clone();
        order.rotate_left(count / 3);
        order
    };
    per_item("make the items", &names, |names| {
        black_box(names.iter().map(|name| Member::new(name)).collect::<Vec<_>>());
    });
    let mut table = Table::new(KEY);
    per_item("insert", &names, |names| insert(&mut table, names));
    println!("  buckets: {:.2} bytes per item", table.memory_bytes() as f64 / table.len() as f64);
    per_item("find", &order, |names| look_up(&table, names));
    per_item("find, batched", &order, |names| look_up_batched(&table, names));
    per_item("miss", &absent, |names| look_up(&table, names));
    per_item("miss, batched", &absent, |names| look_up_batched(&table, names));
    let mut numbers = Numbers(3);
    per_item("random", &names[..count / 10], |names| {
        for _ in names {
            black_box(table.random(&mut || numbers.next()));
        }
    });
    per_item("remove", &order, |names| remove(&mut table, names));
    per_item("insert, batched", &names, |names| insert_batched(&mut table, names));
    per_item("remove, batched", &order, |names| remove_batched(&mut table, names));
    insert(&mut table, &names);
    per_item("take apart", &names, |_| while table.take_chunk(1000, drop) > 0 {});
}

/// The bytes per item on the way from 2^20 to 2^21 items, at the load the table is built with.
fn memory() {
    let mut table = Table::new(KEY);
    print!("bytes of buckets per item:");
    let mut sum = 0.0;
    for count in 1..=1usize << 21 {
        let name = name(count);
        let member = Member::new(&name);
        table.insert_unique(member.hash_again(&KEY), member);
        if count > 1 << 20 && count % (1 << 17) == 0 {
            let bytes = table.memory_bytes() as f64 / count as f64;
            sum += bytes;
            print!(" {bytes:.2}");
        }
    }
    println!("; on average {:.2}", sum / 8.0);
}

fn main() {
    let counts: Vec<usize> = std::env::args().skip(1).filter_map(|count| count.parse().ok()).collect();
    memory();
    for count in if counts.is_empty() { vec![1_000_000, 5_000_000] } else { counts } {
        speed(count);
    }
}
