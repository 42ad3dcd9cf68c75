//! Runs that are taken back, and runs that are not, against a copy of the data set.

use std::sync::Arc;

use proptest::prelude::*;

use crate::snapshot::tests::{Change, Contents, DATABASES, NOW, Saved, all, apply, change, name};
use crate::usage::Use;
use crate::value::{NewValue, OwnedValue};
use crate::{
    DbIndex, End, HashKey, Held, Keep, Keyspace, KeyspaceOptions, List, Shard, SnapshotSink, UnixMillis,
    WatchFlag,
};

fn keyspace() -> Keyspace {
    let hash_key = HashKey::from_bytes([5; 16]);
    Keyspace::new(KeyspaceOptions { shards: 2, databases: DATABASES.into(), hash_key })
}

fn fill(held: &mut Held<'_>, serial: usize) {
    for key in 0..200 {
        let expiry = (key % 3 == 0).then_some(key);
        let change = match key % 5 {
            0 => Change::Push(u16::from(key) % DATABASES, key),
            _ => Change::Put(u16::from(key) % DATABASES, key, expiry),
        };
        apply(held, &change, serial, &Saved::default(), &mut Vec::new());
    }
}

/// Everything that can be asked of a data set: contents, encodings and bytes of each entry, and the counts.
type Facts = (Contents, Vec<(u16, Vec<u8>, &'static str, usize)>, Vec<(usize, usize, usize)>);

fn facts(keyspace: &Keyspace, held: &Held<'_>) -> Facts {
    let mut entries = Vec::new();
    for (db, part) in held.iter().flat_map(Shard::used_dbs) {
        entries.extend(
            part.table()
                .iter()
                .map(|entry| (db.0, entry.key().to_vec(), entry.encoding(), entry.memory_bytes())),
        );
    }
    entries.sort();
    let counts = (0..DATABASES).map(|db| {
        let (keys, expiring) = keyspace.count(DbIndex(db));
        (keys, expiring, keyspace.count_timed(DbIndex(db)))
    });
    (all(held), entries, counts.collect())
}

/// As in a run: nobody walks while shards are held.
fn is_of_run(change: &Change) -> bool {
    !matches!(change, Change::Walk(_))
}

/// Every key goes when its time comes, and none before.
fn assert_expiry_works(held: &mut Held<'_>, until: i64) {
    let now = UnixMillis(NOW.0 + until);
    let lives = |(_, (_, at)): &(_, (Vec<Vec<u8>>, Option<UnixMillis>))| at.is_none_or(|at| at > now);
    let expected: Contents = all(held).into_iter().filter(lives).collect();
    for shard in held.iter_mut() {
        for db in (0..DATABASES).map(DbIndex) {
            while shard.db(db).is_expiry_due(now) {
                shard.db_mut(db).remove_expired(now, 50, drop);
            }
        }
    }
    let left: Contents = all(held).into_iter().filter(lives).collect();
    assert!(left == expected, "nothing goes early");
    assert!(all(held).values().all(|(_, at)| at.is_none_or(|at| at.0 + 8 > now.0)), "nothing stays late");
}

proptest! {
    #[test]
    fn a_run_that_is_taken_back_leaves_nothing_and_a_snapshot_in_progress_its_instant(
        before in prop::collection::vec(change(), 0..60),
        run in prop::collection::vec(change().prop_filter("not of a run", is_of_run), 0..80),
        after in prop::collection::vec(change(), 0..30),
        is_saved in any::<bool>(),
        until in 16i64..2000,
    ) {
        let keyspace = keyspace();
        let mut held = keyspace.hold_all().unwrap();
        fill(&mut held, 0);
        let saved = Arc::new(Saved::default());
        let expected = all(&held);
        if is_saved {
            let sink: Arc<dyn SnapshotSink> = saved.clone();
            held.begin_snapshot(&sink);
        }
        let mut cleared = Vec::new();
        for (serial, change) in before.iter().enumerate() {
            apply(&mut held, change, serial, &saved, &mut cleared);
        }
        let facts_before = facts(&keyspace, &held);
        held.begin_undo();
        for (serial, change) in run.iter().enumerate() {
            apply(&mut held, change, 1000 + serial, &saved, &mut cleared);
        }
        cleared.extend(held.roll_back(NOW).dbs);
        prop_assert!(facts(&keyspace, &held) == facts_before);
        for (serial, change) in after.iter().enumerate() {
            apply(&mut held, change, 2000 + serial, &saved, &mut cleared);
        }
        for shard in held.iter_mut() {
            while shard.save_some(|db, entry| saved.add(db, entry)) {}
        }
        for mut db in cleared {
            while db.save_some(|db, entry| saved.add(db, entry)) {}
        }
        if is_saved {
            prop_assert!(*saved.0.lock().unwrap() == expected);
        }
        assert_expiry_works(&mut held, until);
    }

    #[test]
    fn a_run_that_is_kept_is_as_if_nothing_had_been_noted(
        run in prop::collection::vec(change().prop_filter("not of a run", is_of_run), 0..80),
        is_saved in any::<bool>(),
    ) {
        let outcome = |is_noted: bool| {
            let keyspace = keyspace();
            let mut held = keyspace.hold_all().unwrap();
            fill(&mut held, 0);
            let saved = Arc::new(Saved::default());
            let expected = all(&held);
            if is_saved {
                let sink: Arc<dyn SnapshotSink> = saved.clone();
                held.begin_snapshot(&sink);
            }
            let mut cleared = Vec::new();
            if is_noted {
                held.begin_undo();
            }
            for (serial, change) in run.iter().enumerate() {
                apply(&mut held, change, serial, &saved, &mut cleared);
            }
            cleared.extend(held.keep_changes().dbs);
            for shard in held.iter_mut() {
                while shard.save_some(|db, entry| saved.add(db, entry)) {}
            }
            for mut db in cleared {
                while db.save_some(|db, entry| saved.add(db, entry)) {}
            }
            assert!(!is_saved || *saved.0.lock().unwrap() == expected);
            let (contents, entries, counts) = facts(&keyspace, &held);
            let encodings: Vec<_> = entries.into_iter().map(|(db, key, name, _)| (db, key, name)).collect();
            (contents, encodings, counts)
        };
        prop_assert!(outcome(true) == outcome(false));
    }
}

#[test]
fn a_large_value_that_is_removed_is_not_copied_and_comes_back_itself() {
    let keyspace = keyspace();
    let mut held = keyspace.hold_all().unwrap();
    let key = keyspace.key(b"big");
    let db = held.shard_mut(key.hash).db_mut(DbIndex(0));
    db.put(key, NewValue::Raw(vec![b'x'; 1 << 20]), Keep::Replace(None), (NOW, Use::of_time(NOW)));
    let bytes_of = |held: &Held<'_>| {
        let entry = held.shard(key.hash).db(DbIndex(0)).find(key).unwrap();
        let crate::Text::Bytes(bytes) = entry.text().unwrap() else { panic!("it is no number") };
        (bytes.as_ptr(), bytes.len())
    };
    let before = bytes_of(&held);
    held.begin_undo();
    let taken = held.shard_mut(key.hash).db_mut(DbIndex(0)).take(key).unwrap();
    assert!(matches!(taken.into_value(), OwnedValue::Shared(_)));
    assert!(held.roll_back(NOW).values.is_empty());
    assert_eq!(bytes_of(&held), before);
    held.begin_undo();
    let db = held.shard_mut(key.hash).db_mut(DbIndex(0));
    db.put(key, NewValue::Int(1), Keep::Replace(None), (NOW, Use::of_time(NOW)));
    assert!(matches!(&held.keep_changes().values[..], [OwnedValue::Raw(bytes)] if bytes.len() == 1 << 20));
}

#[test]
fn a_value_that_was_looked_at_is_not_copied_by_its_next_change() {
    let keyspace = keyspace();
    let mut held = keyspace.hold_all().unwrap();
    let key = keyspace.key(b"big");
    let bytes = NewValue::Raw(vec![b'x'; 1 << 20]);
    held.shard_mut(key.hash).db_mut(DbIndex(0)).put(
        key,
        bytes,
        Keep::Replace(None),
        (NOW, Use::of_time(NOW)),
    );
    let raw = |held: &mut Held<'_>| {
        held.shard_mut(key.hash).db_mut(DbIndex(0)).find_mut(key).unwrap().make_raw().as_ptr()
    };
    let place = raw(&mut held);
    for is_kept in [true, false] {
        held.begin_undo();
        assert!(held.shard_mut(key.hash).db_mut(DbIndex(0)).find_mut(key).is_some());
        let left = if is_kept { held.keep_changes() } else { held.roll_back(NOW) };
        assert_eq!(raw(&mut held), place, "nobody else has a part in it");
        drop(left);
    }
}

#[test]
fn a_value_changed_in_its_place_is_copied_once() {
    let keyspace = keyspace();
    let mut held = keyspace.hold_all().unwrap();
    let bytes = name(7);
    let key = keyspace.key(&bytes);
    let push = |held: &mut Held<'_>, element: &[u8]| {
        let list = held.shard_mut(key.hash).db_mut(DbIndex(0)).get_or_create::<List>(key, 1);
        list.push(End::Back, [element], &crate::EncodingLimits::default());
        std::ptr::from_ref(list)
    };
    push(&mut held, b"a");
    held.begin_undo();
    let first = push(&mut held, b"b");
    assert_eq!(push(&mut held, b"c"), first);
    let _ = held.roll_back(NOW);
    let entry = held.shard(key.hash).db(DbIndex(0)).find(key).unwrap();
    assert_eq!(entry.value().elements(), 1);
}

#[test]
fn watchers_hear_of_a_run_that_is_kept_at_its_end_and_of_one_taken_back_never() {
    let keyspace = keyspace();
    let mut held = keyspace.hold_all().unwrap();
    let key = keyspace.key(b"watched");
    let flag = Arc::new(WatchFlag::default());
    held.shard_mut(key.hash).watches.add(DbIndex(0), key.bytes, &flag);
    for is_kept in [false, true] {
        held.begin_undo();
        held.shard(key.hash).watches.touch(DbIndex(0), key.bytes);
        assert!(!flag.is_raised());
        let _ = if is_kept { held.keep_changes() } else { held.roll_back(NOW) };
        assert_eq!(flag.is_raised(), is_kept);
    }
    flag.lower();
    held.shard(key.hash).watches.touch(DbIndex(0), key.bytes);
    assert!(flag.is_raised());
}

#[test]
fn a_run_that_touches_nothing_notes_nothing() {
    let keyspace = keyspace();
    let mut held = keyspace.hold_all().unwrap();
    fill(&mut held, 0);
    held.begin_undo();
    let key = keyspace.key(b"none");
    assert!(held.shard(key.hash).db(DbIndex(0)).find(key).is_none());
    let left = held.roll_back(NOW);
    assert!(left.values.is_empty() && left.dbs.is_empty());
}
