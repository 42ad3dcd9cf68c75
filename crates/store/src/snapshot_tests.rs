//! A snapshot against a copy of the data set, while it is changed in every way there is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::SnapshotSink;
use crate::usage::Use;
use crate::value::{EncodingLimits, List, NewValue, Text, ValueRef};
use crate::{
    Db, DbIndex, End, Entry, Found, HashKey, Held, Keep, Key, Keyspace, KeyspaceOptions, OwnedValue, Shard,
    UnixMillis, ValueMut,
};

pub(crate) const DATABASES: u16 = 3;
pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// Key, value and expiry of everything, by database.
pub(crate) type Contents = BTreeMap<(u16, Vec<u8>), (Vec<Vec<u8>>, Option<UnixMillis>)>;

fn contents_of(entry: &Entry) -> (Vec<Vec<u8>>, Option<UnixMillis>) {
    let value = match entry.value() {
        ValueRef::String(text) => vec![text.to_vec()],
        ValueRef::List(list) => list.range(0..list.len()).map(|element| element.to_vec()).collect(),
        ValueRef::Set(_)
        | ValueRef::Hash(_)
        | ValueRef::SortedSet(_)
        | ValueRef::Stream(_)
        | ValueRef::Array(_) => {
            unreachable!("not used here")
        }
    };
    (value, entry.expiry())
}

#[derive(Default)]
pub(crate) struct Saved(pub(crate) Mutex<Contents>);

impl Saved {
    pub(crate) fn add(&self, db: DbIndex, entry: &Entry) {
        let before = self.0.lock().unwrap().insert((db.0, entry.key().to_vec()), contents_of(entry));
        assert!(before.is_none(), "no key is saved twice");
    }
}

impl SnapshotSink for Saved {
    fn save(&self, db: DbIndex, entry: &mut Entry) {
        self.add(db, &entry.share());
    }
}

pub(crate) fn all(held: &Held<'_>) -> Contents {
    let dbs = held.iter().flat_map(Shard::used_dbs);
    dbs.flat_map(|(db, part)| {
        part.table().iter().map(move |entry| ((db.0, entry.key().to_vec()), contents_of(entry)))
    })
    .collect()
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put(u16, u8, Option<u8>),
    Append(u16, u8),
    Push(u16, u8),
    Expire(u16, u8, Option<u8>),
    Remove(u16, u8),
    Rename(u16, u8, u8),
    Meet(u16, u8),
    ExpireAll(u16),
    Clear(u16),
    Swap(u16, u16),
    Walk(u8),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let (db, key) = (0..DATABASES, any::<u8>());
    let at = prop::option::of(any::<u8>());
    prop_oneof![
        8 => (db.clone(), key, at.clone()).prop_map(|(db, key, at)| Change::Put(db, key, at)),
        3 => (db.clone(), key).prop_map(|(db, key)| Change::Append(db, key)),
        3 => (db.clone(), key).prop_map(|(db, key)| Change::Push(db, key)),
        2 => (db.clone(), key, at).prop_map(|(db, key, at)| Change::Expire(db, key, at)),
        3 => (db.clone(), key).prop_map(|(db, key)| Change::Remove(db, key)),
        2 => (db.clone(), key, any::<u8>()).prop_map(|(db, key, to)| Change::Rename(db, key, to)),
        2 => (db.clone(), key).prop_map(|(db, key)| Change::Meet(db, key)),
        1 => db.clone().prop_map(Change::ExpireAll),
        1 => db.clone().prop_map(Change::Clear),
        1 => (db.clone(), db).prop_map(|(a, b)| Change::Swap(a, b)),
        4 => (1..20u8).prop_map(Change::Walk),
    ]
}

/// Changes the data set; databases taken out go to `cleared`.
pub(crate) fn apply(
    held: &mut Held<'_>,
    change: &Change,
    serial: usize,
    saved: &Saved,
    cleared: &mut Vec<Db>,
) {
    match change {
        Change::Put(db, key, _)
        | Change::Append(db, key)
        | Change::Push(db, key)
        | Change::Expire(db, key, _)
        | Change::Remove(db, key)
        | Change::Meet(db, key) => {
            let bytes = name(*key);
            let key = held.keyspace().key(&bytes);
            apply_to_key(held.shard_mut(key.hash).db_mut(DbIndex(*db)), key, change, serial);
        }
        Change::Rename(db, from, to) => {
            let (from, to) = (name(*from), name(*to));
            let (from, to) = (held.keyspace().key(&from), held.keyspace().key(&to));
            let Some(entry) = held.shard_mut(from.hash).db_mut(DbIndex(*db)).take(from) else { return };
            let db = held.shard_mut(to.hash).db_mut(DbIndex(*db));
            drop(db.take(to));
            db.restore(to.hash, entry.rekey(to.bytes));
        }
        Change::ExpireAll(db) => {
            for shard in held.iter_mut() {
                shard.db_mut(DbIndex(*db)).remove_expired(UnixMillis(NOW.0 + 8), usize::MAX, drop);
            }
        }
        Change::Clear(db) => cleared.extend(held.iter_mut().map(|shard| shard.db_mut(DbIndex(*db)).clear())),
        Change::Swap(a, b) => held.iter_mut().for_each(|shard| shard.swap_dbs(DbIndex(*a), DbIndex(*b))),
        Change::Walk(steps) => {
            for shard in held.iter_mut() {
                for _ in 0..*steps {
                    shard.save_some(|db, entry| saved.add(db, entry));
                }
            }
        }
    }
}

pub(crate) fn name(key: u8) -> Vec<u8> {
    format!("key:{key}").into_bytes()
}

fn apply_to_key(db: &mut Db, key: Key<'_>, change: &Change, serial: usize) {
    let expiry = |at: &Option<u8>| at.map(|at| UnixMillis(NOW.0 + 10 * (i64::from(at) - 100)));
    let is_text = db.find(key).map(|entry| entry.text().is_some());
    match change {
        Change::Put(_, _, at) => {
            let value = format!("value:{serial}");
            db.put(
                key,
                NewValue::Text(value.as_bytes()),
                Keep::Replace(expiry(at)),
                (NOW, Use::of_time(NOW)),
            );
        }
        Change::Append(..) if is_text == Some(true) => {
            db.find_mut(key).expect("it was found").make_raw().push(b'+');
        }
        Change::Push(..) if is_text != Some(true) => {
            let element = format!("element:{serial}");
            let list = db.get_or_create::<List>(key, 1);
            list.push(End::Back, [element.as_bytes()], &EncodingLimits::default());
        }
        Change::Expire(_, _, at) => {
            db.set_expiry(key, expiry(at), NOW);
        }
        Change::Remove(..) => drop(db.take(key)),
        Change::Meet(..) => {
            if let Found::Live(entry) = db.find_live(key, NOW)
                && let ValueMut::List(list) = entry.value_mut()
            {
                list.push(End::Front, [&b"met"[..]], &EncodingLimits::default());
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_snapshot_is_the_data_set_of_its_instant_whatever_is_changed_meanwhile(
        rounds in prop::collection::vec(prop::collection::vec(change(), 1..120), 1..4),
    ) {
        let hash_key = HashKey::from_bytes([5; 16]);
        let keyspace = Keyspace::new(KeyspaceOptions { shards: 2, databases: DATABASES.into(), hash_key });
        let mut held = keyspace.hold_all().unwrap();
        for (round, changes) in rounds.iter().enumerate() {
            for key in 0..200 {
                let filling = Change::Put(u16::from(key) % DATABASES, key, None);
                apply(&mut held, &filling, round, &Saved::default(), &mut Vec::new());
            }
            let saved = Arc::new(Saved::default());
            let expected = all(&held);
            let sink: Arc<dyn SnapshotSink> = saved.clone();
            held.begin_snapshot(&sink);
            let mut cleared = Vec::new();
            for (serial, change) in changes.iter().enumerate() {
                apply(&mut held, change, serial, &saved, &mut cleared);
            }
            for shard in held.iter_mut() {
                while shard.save_some(|db, entry| saved.add(db, entry)) {}
            }
            for mut db in cleared {
                while db.save_some(|db, entry| saved.add(db, entry)) {}
            }
            prop_assert_eq!(&*saved.0.lock().unwrap(), &expected);
            prop_assert!(held.iter().flat_map(Shard::used_dbs).all(|(_, db)| !db.is_being_saved()));
        }
    }
}

#[test]
fn a_large_value_is_shared_and_not_copied_when_it_is_removed() {
    struct Shares(Mutex<Vec<Entry>>);
    impl SnapshotSink for Shares {
        fn save(&self, _db: DbIndex, entry: &mut Entry) {
            self.0.lock().unwrap().push(entry.share());
        }
    }
    let keyspace =
        Keyspace::new(KeyspaceOptions { shards: 1, databases: 1, hash_key: HashKey::from_bytes([5; 16]) });
    let mut held = keyspace.hold_all().unwrap();
    let key = keyspace.key(b"k");
    let value = NewValue::Raw(vec![b'x'; 1 << 20]);
    held.shard_mut(key.hash).db_mut(DbIndex(0)).put(
        key,
        value,
        Keep::Replace(None),
        (NOW, Use::of_time(NOW)),
    );
    let shares = Arc::new(Shares(Mutex::default()));
    let sink: Arc<dyn SnapshotSink> = shares.clone();
    held.begin_snapshot(&sink);
    let taken = held.shard_mut(key.hash).db_mut(DbIndex(0)).take(key).unwrap();
    assert!(matches!(taken.into_value(), OwnedValue::Shared(_)));
    let shares = shares.0.lock().unwrap();
    assert!(matches!(shares[0].text(), Some(Text::Bytes(bytes)) if bytes.len() == 1 << 20));
}
