//! Elements of collections that expire: the part of [`UpdateContext`] that knows of them.
//!
//! **Fields of hashes.** Reading commands do not see fields whose time has come, and leave them where they are. A command that
//! writes has those it names removed first ([`UpdateContext::settle_fields`]), so that the journal tells of it before the
//! command's own words and whoever replays them at another time ends up with the same hash.
//!
//! **Members of sets and sorted sets, elements of lists.** Whoever runs a command has the due ones of its keys removed before
//! ([`UpdateContext::settle_members`]), whether it reads or writes: commands know nothing of them, and every rank and index is
//! right.
//!
//! Where no collection of a database has such elements, this costs a comparison.

use spinel_store::value::{Hash, RemovedElements};
use spinel_store::{DbIndex, Entry, Expired as Removed, Key, Kind, Typed, WatchTable};

use super::UpdateContext;
use super::write::discard;
use crate::{CommandSettings, Effects, Event, EventClass, Expired};

/// The traces of elements that were removed because their time had come, and of the key if they were the last ones.
#[cold]
pub(super) fn note_expired_elements(
    effects: &mut Effects,
    settings: &CommandSettings,
    watches: &WatchTable,
    (db, kind): (DbIndex, Kind),
    (key, elements): (&[u8], RemovedElements),
    emptied: Option<Entry>,
) {
    watches.touch(db, key);
    let (class, name) = match kind {
        Kind::Set => (EventClass::Set, "sexpired"),
        Kind::SortedSet => (EventClass::SortedSet, "zexpired"),
        Kind::List => (EventClass::List, "lexpired"),
        Kind::Hash | Kind::String | Kind::Stream | Kind::Array => (EventClass::Hash, "hexpired"),
    };
    if settings.notify.wants(class) {
        effects.events.push(Event { class, name, db, key: key.into() });
    }
    if let Some(entry) = emptied {
        discard(effects, entry.into_value());
        if settings.notify.wants(EventClass::Generic) {
            effects.events.push(Event { class: EventClass::Generic, name: "del", db, key: key.into() });
        }
    }
    if kind == Kind::Hash {
        effects.expired_fields += elements.len() as u64;
    } else {
        effects.expired_members += elements.len() as u64;
    }
    effects.expired.push(Expired { db, key: key.into(), elements: Some((kind, elements)) });
}

impl UpdateContext<'_> {
    /// Removes those of the named fields of the hash at a key whose time has come, and the key with the last field.
    #[inline]
    pub fn settle_fields<'a>(&mut self, key: Key<'_>, names: impl Iterator<Item = &'a [u8]>) {
        let db = self.query.options.db;
        if self.query.held.shard(key.hash).db(db).timed_hashes() > 0 {
            self.remove_due_fields(key, names);
        }
    }

    #[cold]
    fn remove_due_fields<'a>(&mut self, key: Key<'_>, names: impl Iterator<Item = &'a [u8]>) {
        let (db, now) = (self.query.options.db, self.query.options.now);
        self.remove_if_expired(db, key);
        let (dbs, watches) = self.query.held.shard_mut(key.hash).db_and_watches(db);
        if let Some(Removed::Elements { kind, key, elements, emptied }) =
            dbs.remove_named_due(key, now, names)
        {
            let (effects, settings) = (&mut *self.effects, self.query.settings);
            note_expired_elements(effects, settings, watches, (db, kind), (&key, elements), emptied);
        }
    }

    /// Removes up to `limit` elements of the set, sorted set or list at a key whose time has come, and the key with the last;
    /// says whether more are due. What a log says is run again as it stands.
    #[inline]
    pub fn settle_members(&mut self, key: Key<'_>, limit: usize) -> bool {
        self.settle_members_in(self.query.options.db, key, limit)
    }

    /// As [`settle_members`](Self::settle_members), in any database.
    #[inline]
    pub fn settle_members_in(&mut self, db: DbIndex, key: Key<'_>, limit: usize) -> bool {
        let options = &self.query.options;
        let is_due = self.query.held.shard(key.hash).db(db).has_due_members(key.hash, options.now);
        is_due && options.replayed_at.is_none() && self.remove_due_members(db, key, limit)
    }

    #[cold]
    fn remove_due_members(&mut self, db: DbIndex, key: Key<'_>, limit: usize) -> bool {
        let now = self.query.options.now;
        if self.remove_if_expired(db, key) {
            return false;
        }
        let (dbs, watches) = self.query.held.shard_mut(key.hash).db_and_watches(db);
        if let Some(Removed::Elements { kind, key, elements, emptied }) =
            dbs.remove_due_members(key, now, limit)
        {
            let (effects, settings) = (&mut *self.effects, self.query.settings);
            note_expired_elements(effects, settings, watches, (db, kind), (&key, elements), emptied);
        }
        self.query.held.shard(key.hash).db(db).has_due_members(key.hash, now)
    }

    /// Changes the collection at a key, the expiries of its elements included; `None` if there is none. The caller has checked
    /// the type.
    pub fn change_typed<T: Typed, R>(&mut self, key: Key<'_>, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let (db, now) = (self.query.options.db, self.query.options.now);
        self.query.held.shard_mut(key.hash).db_mut(db).change_typed(key, now, change)
    }

    /// Changes the hash at a key, the expiries of its fields included; `None` if there is none. The caller has checked the
    /// type.
    pub fn change_hash<R>(&mut self, key: Key<'_>, change: impl FnOnce(&mut Hash) -> R) -> Option<R> {
        let (db, now) = (self.query.options.db, self.query.options.now);
        self.query.held.shard_mut(key.hash).db_mut(db).change_hash(key, now, change)
    }

    /// To be told when fields may have lost their expiries in another way: by being removed or set anew.
    #[inline]
    pub fn fields_changed(&mut self, key: Key<'_>) {
        let db = self.query.options.db;
        if self.query.held.shard(key.hash).db(db).timed_hashes() > 0 {
            self.change_hash(key, |_| ());
        }
    }
}
