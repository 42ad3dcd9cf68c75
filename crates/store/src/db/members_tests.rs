//! Collections with elements that expire, against a model: what is removed when, what is counted, and what a copy keeps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{Expired, Keep};
use super::*;
use crate::usage::Use;
use crate::value::{EncodingLimits, End, List, NewValue, RemovedElements, Set, SortedSet, Text, ValueRef};
use crate::{Entry, HashKey};

const START: i64 = 1_700_000_000_000;
const HASH_KEY: HashKey = HashKey::from_bytes([3; 16]);

fn key(bytes: &[u8]) -> Key<'_> {
    Key::new(bytes, &HASH_KEY)
}

fn limits() -> EncodingLimits {
    EncodingLimits { hash_max_listpack_entries: 3, ..EncodingLimits::default() }
}

fn new_db() -> Db {
    Db::new(HASH_KEY, std::sync::Arc::default())
}

fn set_field(db: &mut Db, name: &[u8], field: &[u8], expiry: Option<i64>, now: i64) {
    db.get_or_create::<Hash>(key(name), 0);
    db.change_hash(key(name), UnixMillis(now), |hash| {
        hash.set(field, b"v", &limits(), &HASH_KEY);
        hash.set_expiry(field, expiry.map(UnixMillis));
    });
}

fn fields(db: &Db, name: &[u8]) -> usize {
    db.find(key(name)).map_or(0, |entry| entry.value().elements())
}

/// A key and a field of it.
type Field = (Vec<u8>, Vec<u8>);

/// The names of fields or members, the indexes of a list's elements.
fn names(elements: &RemovedElements) -> Vec<Vec<u8>> {
    match elements {
        RemovedElements::Named(names) => names.iter().map(|name| name.to_vec()).collect(),
        RemovedElements::Placed { indexes, .. } => {
            indexes.iter().map(|index| index.to_string().into_bytes()).collect()
        }
    }
}

/// Removes what is due in slices; gives the names of the fields by key, and the keys that went with them.
fn expire(db: &mut Db, now: i64, limit: usize) -> (Vec<Field>, Vec<Vec<u8>>) {
    let (mut gone, mut emptied_keys) = (Vec::new(), Vec::new());
    loop {
        db.remove_expired(UnixMillis(now), limit, |expired| {
            let Expired::Elements { key, elements, emptied, .. } = expired else {
                panic!("no key expires by itself")
            };
            assert!(elements.len() <= limit, "no more at a time than allowed");
            gone.extend(names(&elements).into_iter().map(|name| (key.to_vec(), name)));
            emptied_keys.extend(emptied.map(|entry| entry.key().to_vec()));
        });
        if !db.is_expiry_due(UnixMillis(now)) {
            return (gone, emptied_keys);
        }
    }
}

#[test]
fn a_large_hash_whose_fields_expire_together_goes_in_slices_and_the_key_with_the_last() {
    let mut db = new_db();
    for i in 0..1000 {
        set_field(&mut db, b"h", format!("f{i}").as_bytes(), Some(START + 100), START);
    }
    assert_eq!((db.timed_hashes(), db.expiring()), (1, 0));
    assert_eq!(expire(&mut db, START + 99, 64).0.len(), 0);
    let (gone, emptied) = expire(&mut db, START + 108, 64);
    assert_eq!((gone.len(), emptied), (1000, vec![b"h".to_vec()]));
    assert_eq!((db.len(), db.timed_hashes()), (0, 0));
}

#[test]
fn a_field_far_ahead_is_found_by_the_pass_in_time() {
    let mut db = new_db();
    const DAY: i64 = 86_400_000;
    set_field(&mut db, b"h", b"far", Some(START + 3 * DAY), START);
    set_field(&mut db, b"h", b"never", None, START);
    for hour in 0..72 {
        assert_eq!(expire(&mut db, START + hour * DAY / 24, 64).0.len(), 0);
    }
    assert_eq!(expire(&mut db, START + 3 * DAY + 8, 64).0, [(b"h".to_vec(), b"far".to_vec())]);
    assert_eq!((fields(&db, b"h"), db.timed_hashes()), (1, 0));
}

#[test]
fn hashes_are_counted_however_they_come_and_go() {
    let now = UnixMillis(START);
    let mut db = new_db();
    set_field(&mut db, b"h", b"a", Some(START + 10), START);
    let entry = db.take(key(b"h")).unwrap();
    assert_eq!(db.timed_hashes(), 0);
    db.restore(key(b"g").hash, entry.rekey(b"g"));
    assert_eq!(db.timed_hashes(), 1);
    let copy: Entry = db.find(key(b"g")).unwrap().duplicate(b"copy", 0);
    db.restore(key(b"copy").hash, copy);
    assert!(db.set_expiry(key(b"g"), Some(UnixMillis(START + 50)), now));
    assert_eq!((db.timed_hashes(), db.expiring()), (2, 1));
    db.put(key(b"g"), NewValue::Text(b"text"), Keep::Replace(None), (now, Use::of_time(now)));
    assert_eq!((db.timed_hashes(), db.expiring()), (1, 0));
    let taken = db.clear();
    assert_eq!((db.timed_hashes(), taken.timed_hashes()), (0, 1));
    db.restore(key(b"copy").hash, Entry::new(b"copy", NewValue::Int(1), None, 0));
    assert_eq!(db.timed_hashes(), 0);
}

#[test]
fn a_key_that_expires_takes_its_fields_along_whichever_comes_first() {
    for (own, of_field) in [(20, 10), (10, 20), (10, 10)] {
        let mut db = new_db();
        set_field(&mut db, b"h", b"a", Some(START + of_field), START);
        set_field(&mut db, b"h", b"b", None, START);
        db.set_expiry(key(b"h"), Some(UnixMillis(START + own)), UnixMillis(START));
        db.remove_expired(UnixMillis(START + 40), 64, |_| {});
        assert_eq!((db.len(), db.timed_hashes(), db.expiring()), (0, 0, 0));
    }
}

#[test]
fn a_hash_that_somebody_reads_keeps_its_fields_until_he_has_gone() {
    let mut db = new_db();
    set_field(&mut db, b"h", b"a", Some(START + 10), START);
    set_field(&mut db, b"h", b"b", None, START);
    let reader = db.find_mut(key(b"h")).unwrap().share();
    db.remove_expired(UnixMillis(START + 20), 64, |_| panic!("it would have to be copied"));
    drop(reader);
    assert_eq!(expire(&mut db, START + 40, 64).0.len(), 1);
    assert!(matches!(db.find(key(b"h")).unwrap().value(), ValueRef::Hash(hash) if hash.len() == 1));
}

#[test]
fn only_named_fields_that_are_due_go_before_their_time_in_the_index() {
    let mut db = new_db();
    let now = UnixMillis(START + 10);
    for (field, expiry) in [(b"a", Some(START + 10)), (b"b", Some(START + 10)), (b"c", Some(START + 11))] {
        set_field(&mut db, b"h", field, expiry, START);
    }
    let named = [&b"a"[..], b"c", b"x", b"a"];
    let Some(Expired::Elements { elements, emptied, .. }) =
        db.remove_named_due(key(b"h"), now, named.into_iter())
    else {
        panic!("one is due");
    };
    assert_eq!((names(&elements), emptied.is_none()), (vec![b"a".to_vec()], true));
    assert!(db.remove_named_due(key(b"h"), now, [&b"c"[..]].into_iter()).is_none());
    assert_eq!(fields(&db, b"h"), 2);
}

fn add_member(db: &mut Db, name: &[u8], member: &[u8], expiry: Option<i64>, is_sorted: bool) {
    let (expiry, now) = (expiry.map(UnixMillis), UnixMillis(START));
    if is_sorted {
        db.get_or_create::<SortedSet>(key(name), 0).insert(member, 1.0, &limits(), &HASH_KEY);
        db.change_typed(key(name), now, |zset: &mut SortedSet| zset.set_expiry(member, expiry, &HASH_KEY));
    } else {
        db.get_or_create::<Set>(key(name), 0).add(Text::Bytes(member), &limits(), &HASH_KEY);
        db.change_typed(key(name), now, |set: &mut Set| {
            set.set_expiry(Text::Bytes(member), expiry, &HASH_KEY)
        });
    }
}

#[test]
fn sets_and_sorted_sets_are_counted_apart_from_hashes_and_expire_like_them() {
    for is_sorted in [false, true] {
        let mut db = new_db();
        set_field(&mut db, b"h", b"f", Some(START + 10), START);
        (0..1000)
            .for_each(|i| add_member(&mut db, b"s", format!("m{i}").as_bytes(), Some(START + 10), is_sorted));
        add_member(&mut db, b"t", b"stays", None, is_sorted);
        add_member(&mut db, b"t", b"goes", Some(START + 10), is_sorted);
        assert_eq!((db.timed_hashes(), db.timed_others()), (1, 2));
        assert!(!db.has_due_members(key(b"s").hash, UnixMillis(START + 9)));
        assert!(db.has_due_members(key(b"s").hash, UnixMillis(START + 10)));
        assert!(!db.has_due_members(key(b"h").hash, UnixMillis(START + 10)));
        let (gone, mut emptied) = expire(&mut db, START + 18, 64);
        emptied.sort();
        assert_eq!((gone.len(), emptied), (1002, vec![b"h".to_vec(), b"s".to_vec()]));
        assert_eq!((db.len(), db.timed_hashes(), db.timed_others(), fields(&db, b"t")), (1, 0, 0, 1));
    }
}

#[test]
fn members_are_removed_before_their_time_in_the_index_for_whoever_asks() {
    for is_sorted in [false, true] {
        let mut db = new_db();
        (0..5).for_each(|i| add_member(&mut db, b"s", &[b'0' + i], Some(START + 10), is_sorted));
        let now = UnixMillis(START + 10);
        let Some(Expired::Elements { elements, emptied: None, .. }) =
            db.remove_due_members(key(b"s"), now, 3)
        else {
            panic!("some are due");
        };
        assert_eq!((elements.len(), db.has_due_members(key(b"s").hash, now)), (3, true));
        let last = db.remove_due_members(key(b"s"), now, 3);
        assert!(
            matches!(last, Some(Expired::Elements { elements, emptied: Some(_), .. }) if elements.len() == 2)
        );
        assert_eq!((db.len(), db.timed_others()), (0, 0));
    }
}

#[test]
fn a_set_that_lost_its_last_time_in_another_way_is_counted_right_by_whoever_asks() {
    let mut db = new_db();
    add_member(&mut db, b"s", b"stays", None, false);
    add_member(&mut db, b"s", b"goes", Some(START + 10), false);
    let Some(entry) = db.find_mut(key(b"s")) else { panic!("it is there") };
    if let ValueMut::Set(set) = entry.value_mut() {
        set.remove(Text::Bytes(b"goes"));
    }
    let now = UnixMillis(START);
    assert!(db.has_due_members(key(b"s").hash, now), "it has to be looked at");
    assert!(db.remove_due_members(key(b"s"), now, 9).is_none());
    assert_eq!((db.timed_others(), db.has_due_members(key(b"s").hash, now)), (0, false));
}

#[test]
fn a_set_that_somebody_reads_keeps_its_members_until_he_has_gone() {
    for is_sorted in [false, true] {
        let mut db = new_db();
        add_member(&mut db, b"s", b"a", Some(START + 10), is_sorted);
        add_member(&mut db, b"s", b"b", None, is_sorted);
        let reader = db.find_mut(key(b"s")).unwrap().share();
        db.remove_expired(UnixMillis(START + 20), 64, |_| panic!("it would have to be copied"));
        drop(reader);
        assert_eq!(expire(&mut db, START + 40, 64).0.len(), 1);
    }
}

fn push_elements(db: &mut Db, name: &[u8], expiries: &[Option<i64>]) {
    let list = db.get_or_create::<List>(key(name), 0);
    let from = list.len();
    list.push(End::Back, expiries.iter().map(|_| &b"x"[..]), &limits());
    db.change_typed(key(name), UnixMillis(START), |list: &mut List| {
        for (index, at) in expiries.iter().enumerate() {
            list.set_expiry(from + index, at.map(UnixMillis));
        }
    });
}

#[test]
fn elements_of_lists_go_by_their_places_from_the_head_on() {
    let mut db = new_db();
    push_elements(&mut db, b"l", &[None, Some(START + 20), Some(START + 10), None, Some(START + 10)]);
    push_elements(&mut db, b"all", &[Some(START + 10); 3]);
    assert_eq!((db.timed_hashes(), db.timed_others()), (0, 2));
    let now = UnixMillis(START + 10);
    assert!(!db.has_due_members(key(b"l").hash, UnixMillis(START + 9)));
    assert!(db.has_due_members(key(b"l").hash, now));
    let Some(Expired::Elements { elements, emptied: None, .. }) = db.remove_due_members(key(b"l"), now, 1)
    else {
        panic!("some are due");
    };
    assert_eq!(elements, RemovedElements::Placed { indexes: vec![2], len: 5 });
    let (gone, emptied) = expire(&mut db, START + 18, 64);
    assert_eq!((gone.len(), emptied), (4, vec![b"all".to_vec()]));
    assert_eq!((db.len(), db.timed_others(), fields(&db, b"l")), (1, 1, 3));
    assert_eq!(expire(&mut db, START + 28, 64).0, [(b"l".to_vec(), b"1".to_vec())]);
    assert_eq!((db.timed_others(), fields(&db, b"l")), (0, 2));
}

#[test]
fn a_list_that_somebody_reads_keeps_its_elements_until_he_has_gone() {
    let mut db = new_db();
    push_elements(&mut db, b"l", &[Some(START + 10), None]);
    let reader = db.find_mut(key(b"l")).unwrap().share();
    db.remove_expired(UnixMillis(START + 20), 64, |_| panic!("it would have to be copied"));
    drop(reader);
    assert_eq!(expire(&mut db, START + 40, 64).0.len(), 1);
}

proptest! {
    #[test]
    fn fields_go_when_their_time_comes_and_not_before(
        steps in prop::collection::vec((0u8..4, 0u8..6, prop::option::weighted(0.8, 1i64..400), 0i64..60), 1..120),
        limit in 1usize..5,
    ) {
        let mut db = new_db();
        let mut now = START;
        let mut model = BTreeMap::<(Vec<u8>, Vec<u8>), Option<i64>>::new();
        for (hash, field, expiry, pause) in steps {
            let (hash, field) = (vec![b'h', hash], vec![b'f', field]);
            let expiry = expiry.map(|ms| now + ms);
            set_field(&mut db, &hash, &field, expiry, now);
            model.insert((hash, field), expiry);
            now += pause;
            for gone in expire(&mut db, now, limit).0 {
                let expiry = model.remove(&gone).flatten();
                prop_assert!(expiry.is_some_and(|at| at <= now), "none goes before its time");
            }
            prop_assert!(model.values().flatten().all(|&at| at > now - 16), "none stays too long");
            let hashes: std::collections::BTreeSet<_> = model.keys().map(|(hash, _)| hash).collect();
            let timed: std::collections::BTreeSet<_> =
                model.iter().filter(|(_, at)| at.is_some()).map(|((hash, _), _)| hash).collect();
            prop_assert_eq!((db.len(), db.timed_hashes()), (hashes.len(), timed.len()));
        }
    }
}
