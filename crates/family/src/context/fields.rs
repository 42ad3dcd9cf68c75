//! Fields of hashes that expire: the part of [`UpdateContext`] that knows of them.
//!
//! Reading commands do not see fields whose time has come, and leave them where they are. A command that writes has those it
//! names removed first ([`UpdateContext::settle_fields`]), so that the journal tells of it before the command's own words and
//! whoever replays them at another time ends up with the same hash. Where no hash of a database has such fields, both cost a
//! comparison.

use spinel_store::value::Hash;
use spinel_store::{DbIndex, Entry, Expired as Removed, Key, WatchTable};

use super::UpdateContext;
use super::write::discard;
use crate::{CommandSettings, Effects, Event, EventClass, Expired};

/// The traces of fields that were removed because their time had come, and of the key if they were the last ones.
#[cold]
pub(super) fn note_expired_fields(
    effects: &mut Effects,
    settings: &CommandSettings,
    watches: &WatchTable,
    (db, key): (DbIndex, &[u8]),
    fields: Vec<Box<[u8]>>,
    emptied: Option<Entry>,
) {
    watches.touch(db, key);
    if settings.notify.wants(EventClass::Hash) {
        effects.events.push(Event { class: EventClass::Hash, name: "hexpired", db, key: key.into() });
    }
    if let Some(entry) = emptied {
        discard(effects, entry.into_value());
        if settings.notify.wants(EventClass::Generic) {
            effects.events.push(Event { class: EventClass::Generic, name: "del", db, key: key.into() });
        }
    }
    effects.expired_fields += fields.len() as u64;
    effects.expired.push(Expired { db, key: key.into(), fields });
}

impl UpdateContext<'_> {
    /// Removes those of the named fields of the hash at a key whose time has come, and the key with the last field.
    #[inline]
    pub fn settle_fields<'a>(&mut self, key: Key<'_>, names: impl Iterator<Item = &'a [u8]>) {
        let db = self.query.options.db;
        if self.query.held.shard(key.hash).db(db).timed() > 0 {
            self.remove_due_fields(key, names);
        }
    }

    #[cold]
    fn remove_due_fields<'a>(&mut self, key: Key<'_>, names: impl Iterator<Item = &'a [u8]>) {
        let (db, now) = (self.query.options.db, self.query.options.now);
        self.remove_if_expired(db, key);
        let (dbs, watches) = self.query.held.shard_mut(key.hash).db_and_watches(db);
        if let Some(Removed::Fields { key, names, emptied }) = dbs.remove_named_due(key, now, names) {
            note_expired_fields(self.effects, self.query.settings, watches, (db, &key), names, emptied);
        }
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
        if self.query.held.shard(key.hash).db(db).timed() > 0 {
            self.change_hash(key, |_| ());
        }
    }
}
