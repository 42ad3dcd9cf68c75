//! Expiry against a model, memory under churn, and storing with one look-up.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::usage::Use;

const START: i64 = 1_700_000_000_000;

/// A database, and what it should hold: each key with its expiry.
struct Tested {
    db: Db,
    model: HashMap<u32, Option<i64>>,
    hash_key: HashKey,
    now: i64,
}

impl Tested {
    fn new() -> Self {
        let hash_key = HashKey::from_bytes([3; 16]);
        Self { db: Db::new(hash_key, Arc::default()), model: HashMap::new(), hash_key, now: START }
    }

    fn with_key<R>(&mut self, key: u32, with: impl FnOnce(&mut Db, Key<'_>, UnixMillis) -> R) -> R {
        let bytes = key.to_string();
        with(&mut self.db, Key::new(bytes.as_bytes(), &self.hash_key), UnixMillis(self.now))
    }

    fn set(&mut self, key: u32, expiry: Option<i64>) {
        self.with_key(key, |db, key, now| {
            db.put(
                key,
                NewValue::Text(b"v"),
                Keep::Replace(expiry.map(UnixMillis)),
                (now, Use::of_time(now)),
            );
        });
        self.model.insert(key, expiry);
    }

    fn delete(&mut self, key: u32) {
        self.with_key(key, |db, key, _| drop(db.take(key)));
        self.model.remove(&key);
    }

    fn change_expiry(&mut self, key: u32, expiry: Option<i64>) {
        if let Some(slot) = self.model.get_mut(&key) {
            *slot = expiry;
            assert!(self.with_key(key, |db, key, now| db.set_expiry(key, expiry.map(UnixMillis), now)));
        }
    }

    /// Lets time pass and the index work; nothing may go early, nothing may stay more than a tick too long.
    fn advance(&mut self, ms: i64, limit: usize) {
        self.now += ms;
        let now = self.now;
        loop {
            let mut gone = Vec::new();
            self.db.remove_expired(UnixMillis(now), limit, |expired| {
                let Expired::Key(entry) = expired else { panic!("there are no hashes") };
                gone.push(std::str::from_utf8(entry.key()).unwrap().parse::<u32>().unwrap());
            });
            for key in gone {
                let expiry = self.model.remove(&key).expect("only what was there is removed");
                assert!(expiry.is_some_and(|at| at <= now), "nothing is removed early");
            }
            if !self.db.is_expiry_due(UnixMillis(now)) {
                break;
            }
        }
        assert!(self.model.values().flatten().all(|&at| at + 8 > now), "nothing is removed late");
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.db.len(), self.model.len());
        let expiring = self.model.values().flatten().count();
        assert_eq!(self.db.expiring(), expiring);
        assert_eq!(self.db.counts.expiring.load(Ordering::Relaxed), expiring);
        assert!(self.db.expiries.len() <= 2 * expiring + 2 * 4096, "{} records", self.db.expiries.len());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(u32, Option<i64>),
    Delete(u32),
    Expiry(u32, Option<i64>),
    Advance(i64, usize),
}

fn span() -> impl Strategy<Value = i64> {
    (0u32..5, 0.0f64..1.0).prop_map(|(level, part)| (part * 8.0 * 64f64.powi(level as i32 + 1)) as i64)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u32..200, proptest::option::of(span())).prop_map(|(key, span)| Step::Set(key, span)),
        1 => (0u32..200).prop_map(Step::Delete),
        2 => (0u32..200, proptest::option::of(span())).prop_map(|(key, span)| Step::Expiry(key, span)),
        1 => (span(), 1usize..40).prop_map(|(span, limit)| Step::Advance(span, limit)),
    ]
}

proptest! {
    #[test]
    fn keys_are_removed_in_their_tick_however_their_expiries_change(
        steps in proptest::collection::vec(step(), 1..300),
    ) {
        let mut tested = Tested::new();
        for step in steps {
            let now = tested.now;
            match step {
                Step::Set(key, span) => tested.set(key, span.map(|span| now + span)),
                Step::Delete(key) => tested.delete(key),
                Step::Expiry(key, span) => tested.change_expiry(key, span.map(|span| now + span)),
                Step::Advance(span, limit) => tested.advance(span, limit),
            }
        }
        tested.advance(1 << 40, 1000);
    }
}

#[test]
fn churn_leaves_no_more_records_than_twice_the_keys() {
    let mut tested = Tested::new();
    for i in 0..60_000u32 {
        // Ever new keys that are deleted long before their time, and some that stay.
        tested.set(1000 + i, Some(tested.now + 3_600_000 + i64::from(i)));
        if i % 10 != 0 {
            tested.delete(1000 + i);
        }
        // One key that loses and gets an expiry over and over.
        tested.set(1, (i % 2 == 0).then_some(tested.now + 100_000 + i64::from(i % 977)));
        if i % 1000 == 0 {
            tested.check();
        }
    }
    tested.check();
    let bytes = tested.db.expiries.memory_bytes();
    assert!(bytes < 6 * (2 * tested.db.expiring() + 2 * 4096), "{bytes}");
    tested.advance(7_200_000, 1000);
    assert!(tested.model.values().flatten().next().is_none());
}

#[test]
fn an_expiry_beyond_a_day_costs_no_record_before_it_comes_near() {
    let (mut tested, day) = (Tested::new(), 86_400_000);
    for key in 0..1000 {
        tested.set(key, Some(START + 3 * day + i64::from(key)));
    }
    tested.set(1000, Some(START + day / 2));
    assert_eq!(tested.db.expiries.len(), 1);
    tested.advance(2 * day, 100);
    assert!(tested.db.expiries.len() < 10, "the last pass looked a day ahead");
    tested.advance(day - 8, 100);
    assert_eq!((tested.db.len(), tested.db.expiries.len()), (1000, 1000));
    tested.advance(500, 100);
    tested.advance(1000, 100);
    assert_eq!(tested.db.len(), 0);
}

#[test]
fn an_expired_entry_in_the_way_hands_nothing_on() {
    let mut tested = Tested::new();
    tested.set(1, Some(START + 10));
    tested.now += 10;
    let displaced = tested.with_key(1, |db, key, now| {
        db.put(key, NewValue::Text(b"new"), Keep::Expiry, (now, Use::of_time(now)))
    });
    assert!(matches!(displaced, Displaced::Expired(OwnedValue::Inline)));
    assert_eq!((tested.db.len(), tested.db.expiring()), (1, 0));
    tested.with_key(1, |db, key, now| {
        assert!(matches!(db.find_live(key, now), Found::Live(entry) if entry.expiry().is_none()));
    });
}

#[test]
fn overwriting_a_string_of_the_same_length_keeps_the_allocation() {
    let mut tested = Tested::new();
    let long: &[u8] = &[b'x'; 300];
    let long_too: &[u8] = &[b'y'; 300];
    let pairs: [(&[u8], &[u8]); 4] = [(b"abc", b"xyz"), (b"1", b"-9000000000"), (long, long_too), (b"", b"")];
    for (old, new) in pairs {
        let address = |db: &mut Db, key: Key<'_>| {
            db.find(key).map(table::TableItem::address).expect("the key was stored")
        };
        tested.with_key(1, |db, key, now| {
            db.put(key, NewValue::Text(old), Keep::Replace(None), (now, Use::of_time(now)));
            let before = address(db, key);
            db.put(key, NewValue::Text(new), Keep::Replace(None), (now, Use::of_time(now)));
            assert_eq!(address(db, key), before);
            let text = db.find(key).and_then(Entry::text).expect("it is a string");
            assert_eq!(text.to_vec(), new);
        });
    }
}
