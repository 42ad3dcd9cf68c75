//! Speed and memory of the sorted set at a million members of 16 bytes.
//!
//! `cargo run --release -p spinel-structs --example sorted_set_speed [members]`
//!
//! Prints nanoseconds per operation (processor time of one thread) and bytes per member, by our own account and by the resident
//! memory of the process. Run it under the allocator of interest: the figures in the module's documentation are
//! under jemalloc.

use spinel_structs::hash::HashKey;
use spinel_structs::sorted_set::{Order, ScoreBound, SortedSet};
use std::hint::black_box;

/// Operations per measured kind of look-up.
const LOOKUPS: u64 = 1_000_000;
/// Members per measured range.
const RANGE: usize = 100;

fn main() {
    let members =
        std::env::args().nth(1).map_or(1_000_000, |word| word.parse().expect("a number of members"));
    println!("{members} members of 16 bytes");
    let before = resident_bytes();
    let mut set = SortedSet::new(HashKey::from_bytes(*b"0123456789abcdef"));
    let mut dice = Dice(1);
    per_op("insert, random scores", members, |i| {
        set.insert(&member(i), dice.score());
    });
    report_memory(&set, before);
    lookups(&mut set, members);
    per_op("update to a random score", members, |_| {
        let changed = dice.below(members);
        set.insert(&member(changed), dice.score());
    });
    report_memory(&set, before);
    per_op("update that keeps the place", LOOKUPS, |_| {
        let changed = member(dice.below(members));
        let score = set.score(&changed).expect("a member");
        set.insert(&changed, score.next_up());
    });
    per_op("remove", members / 2, |i| {
        set.remove(&member(i));
    });
    report_memory(&set, before);
    per_op("remove by rank, ranges of 100", members / 4 / RANGE as u64, |_| {
        let start = dice.below(set.len() as u64 - RANGE as u64) as usize;
        set.remove_range_by_rank(start..start + RANGE);
    });
    let left = set.len() as u64;
    let start = cpu_nanos();
    while set.take_chunk(1_000) > 0 {}
    println!("{:36} {:8.1} ns", "free in slices, per member", (cpu_nanos() - start) / left as f64);
    drop(set);

    ordered(members);
}

/// Reads of every kind at places all over the set.
fn lookups(set: &mut SortedSet, members: u64) {
    let mut dice = Dice(2);
    per_op("score of a member", LOOKUPS, |_| {
        black_box(set.score(&member(dice.below(members))));
    });
    per_op("rank of a member", LOOKUPS, |_| {
        black_box(set.rank(&member(dice.below(members))));
    });
    per_op("member of a rank", LOOKUPS, |_| {
        black_box(set.get_by_rank(dice.below(members) as usize));
    });
    per_op("count between two scores", LOOKUPS, |_| {
        let min = ScoreBound::Inclusive(dice.score());
        black_box(set.count_by_score(min, ScoreBound::Exclusive(f64::INFINITY)));
    });
    per_op("range of 100 by rank", LOOKUPS / 50, |_| {
        let start = dice.below(members - RANGE as u64) as usize;
        read(set, start, Order::Ascending);
    });
    per_op("range of 100 by rank, descending", LOOKUPS / 50, |_| {
        let start = dice.below(members - RANGE as u64) as usize;
        read(set, start, Order::Descending);
    });
    per_op("whole set, per member", members, {
        let mut all = set.iter();
        move |_| {
            black_box(all.next().map(|(member, score)| (member[0], score)));
        }
    });
}

/// Sets that grow at one end, and one built at once.
fn ordered(members: u64) {
    let key = HashKey::from_bytes(*b"0123456789abcdef");
    let before = resident_bytes();
    let mut set = SortedSet::new(key);
    per_op("insert, ascending scores", members, |i| {
        set.insert(&member(i), i as f64);
    });
    report_memory(&set, before);
    let mut equal = SortedSet::new(key);
    per_op("insert, equal scores, random members", members, |i| {
        equal.insert(&member(i), 0.0);
    });
    let list: Vec<([u8; 16], f64)> = (0..members).map(|i| (member(i), i as f64)).collect();
    let start = cpu_nanos();
    let built = SortedSet::from_ascending(key, list.iter().map(|(member, score)| (&member[..], *score)));
    println!("{:36} {:8.1} ns", "built at once, per member", (cpu_nanos() - start) / members as f64);
    black_box(built);
}

fn read(set: &SortedSet, start: usize, order: Order) {
    let range = set.range_by_rank(start, RANGE, order);
    black_box(range.map(|(member, score)| f64::from(member[15]) + score).sum::<f64>());
}

/// Runs `operation` with 0, 1, ... and prints what each took.
fn per_op(what: &str, times: u64, mut operation: impl FnMut(u64)) {
    let start = cpu_nanos();
    (0..times).for_each(&mut operation);
    println!("{what:36} {:8.1} ns", (cpu_nanos() - start) / times as f64);
}

/// Processor time of this thread in nanoseconds, which others on the machine disturb less than elapsed time.
fn cpu_nanos() -> f64 {
    let schedstat =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells the time of a thread");
    schedstat.split(' ').next().and_then(|word| word.parse().ok()).expect("the first word")
}

fn report_memory(set: &SortedSet, before: usize) {
    let members = set.len() as f64;
    let resident = resident_bytes().saturating_sub(before) as f64;
    println!(
        "{:36} {:8.1} accounted, {:.1} resident",
        "  bytes per member",
        set.memory_bytes() as f64 / members,
        resident / members
    );
}

/// Resident memory of this process in bytes.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells the memory of a process");
    let pages: usize = statm.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("the second word");
    pages * 4096
}

/// The member of a number: 16 bytes, in no order.
fn member(number: u64) -> [u8; 16] {
    let mut member = *b"................";
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for place in member.iter_mut().rev() {
        *place = b"0123456789abcdef"[(mixed & 15) as usize];
        mixed >>= 4;
    }
    member
}

/// A small random number generator (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    fn score(&mut self) -> f64 {
        self.below(1 << 40) as f64
    }
}
