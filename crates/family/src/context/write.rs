//! Storing, changing and removing keys: the part of [`UpdateContext`] that touches the data.
//!
//! Look-ups here are those for a write: they count neither as hit nor as miss, as in Redis. Each finds its key once,
//! and an entry in the way whose time has come goes at the same time, with its event and its trace in the effects.

use spinel_store::{
    DbIndex, Displaced, Entry, Expired as Removed, Found, Keep, Key, Kind, NewValue, OwnedValue, Typed,
    UnixMillis, WatchTable, usage::Recording,
};

use super::UpdateContext;
use super::elements::note_expired_elements;
use crate::{CommandError, CommandSettings, Effects, Event, EventClass, Expired};

/// Values whose freeing takes more steps than this are freed by another thread.
const FREE_INLINE_LIMIT: usize = 64;

/// Frees a value, elsewhere if it is large.
#[inline]
pub(super) fn discard(effects: &mut Effects, value: OwnedValue) {
    if matches!(value, OwnedValue::Inline) {
        // Nothing to drop either.
        std::mem::forget(value);
    } else if value.free_effort() > FREE_INLINE_LIMIT {
        effects.garbage.push(value);
    }
}

/// The traces of a key that was removed because its time had come.
#[cold]
fn note_expired(
    effects: &mut Effects,
    settings: &CommandSettings,
    watches: &WatchTable,
    (db, key): (DbIndex, &[u8]),
    value: OwnedValue,
) {
    watches.touch(db, key);
    if matches!(value, OwnedValue::Stream(_) | OwnedValue::Shared(_)) {
        effects.ready.push((db, key.into()));
    }
    discard(effects, value);
    if settings.notify.wants(EventClass::Expired) {
        effects.events.push(Event { class: EventClass::Expired, name: "expired", db, key: key.into() });
    }
    effects.expired.push(Expired { db, key: key.into(), elements: None });
}

/// Whether a client may wait for keys of this type.
fn can_be_awaited(kind: Kind) -> bool {
    matches!(kind, Kind::List | Kind::SortedSet | Kind::Stream)
}

impl UpdateContext<'_> {
    /// Removes a key whose time has come; true if it did.
    pub fn remove_if_expired(&mut self, db: DbIndex, key: Key<'_>) -> bool {
        let (dbs, watches) = self.query.held.shard_mut(key.hash).db_and_watches(db);
        let Found::Expired(entry) = dbs.find_live(key, self.query.options.now) else { return false };
        note_expired(self.effects, self.query.settings, watches, (db, key.bytes), entry.into_value());
        true
    }

    /// Removes keys of the current database and elements of collections whose time has come from the one shard held, after
    /// looking at up to `limit` of them; says whether more are due.
    pub fn remove_expired(&mut self, limit: usize) -> bool {
        let options = &self.query.options;
        let (db, now) = (options.db, options.now);
        let Some(shard) = self.query.held.iter_mut().next() else { return false };
        let (keys, watches) = shard.db_and_watches(db);
        let (effects, settings) = (&mut *self.effects, self.query.settings);
        keys.remove_expired(now, limit, |expired| match expired {
            Removed::Key(entry) => {
                let key: Box<[u8]> = entry.key().into();
                note_expired(effects, settings, watches, (db, &key), entry.into_value());
            }
            Removed::Elements { kind, key, elements, emptied } => {
                note_expired_elements(effects, settings, watches, (db, kind), (&key, elements), emptied);
            }
        });
        keys.is_expiry_due(now)
    }

    /// The entry of a key, to change; renews the access time. Its expiry is changed by
    /// [`set_expiry`](Self::set_expiry) only.
    #[inline]
    pub fn find_mut(&mut self, key: Key<'_>) -> Option<&mut Entry> {
        let used = self.query.now_used();
        let options = &self.query.options;
        let (db, watches) = self.query.held.shard_mut(key.hash).db_and_watches(options.db);
        match db.find_live(key, options.now) {
            Found::Live(entry) => {
                // A change is one, whoever makes it.
                if !options.no_touch || self.query.settings.recording == Recording::Modification {
                    entry.touch(used.changed(entry.access()));
                }
                Some(entry)
            }
            Found::Expired(entry) => {
                let place = (options.db, key.bytes);
                note_expired(self.effects, self.query.settings, watches, place, entry.into_value());
                None
            }
            Found::Nothing => None,
        }
    }

    /// Whether a key of a database exists.
    pub fn exists_in(&mut self, db: DbIndex, key: Key<'_>) -> bool {
        self.remove_if_expired(db, key);
        self.query.peek_in(db, key).is_some()
    }

    /// The collection of a key, to change; renews the access time.
    pub fn write<T: Typed>(&mut self, key: Key<'_>) -> Result<Option<&mut T>, CommandError> {
        let Some(entry) = self.find_mut(key) else { return Ok(None) };
        T::of_mut(entry.value_mut()).map(Some).ok_or(CommandError::WrongType)
    }

    /// The collection of a key, to change; created empty if the key is missing. The command must add to it.
    pub fn write_or_create<T: Typed>(&mut self, key: Key<'_>) -> Result<&mut T, CommandError> {
        let db = self.query.options.db;
        match self.find_mut(key) {
            Some(entry) if entry.kind() != T::KIND => return Err(CommandError::WrongType),
            Some(_) => {}
            None => self.note_new(db, key, T::KIND),
        }
        let access = self.query.now_used().first();
        Ok(self.query.held.shard_mut(key.hash).db_mut(db).get_or_create::<T>(key, access))
    }

    /// The bytes of a string key, to change in place and reported as `raw` from now on.
    pub fn write_text(&mut self, key: Key<'_>) -> Result<Option<&mut Vec<u8>>, CommandError> {
        let Some(entry) = self.find_mut(key) else { return Ok(None) };
        if entry.kind() != Kind::String {
            return Err(CommandError::WrongType);
        }
        Ok(Some(entry.make_raw()))
    }

    /// Notes that a list that was there already has grown, which somebody may wait for.
    pub fn note_grown(&mut self, key: Key<'_>) {
        let db = self.query.options.db;
        let is_noted = |(noted_db, noted): &(DbIndex, Box<[u8]>)| *noted_db == db && **noted == *key.bytes;
        if !self.effects.ready.iter().any(is_noted) {
            self.signal_awaited(db, key, Kind::List);
        }
    }

    fn note_new(&mut self, db: DbIndex, key: Key<'_>, kind: Kind) {
        self.notify_in(db, EventClass::New, "new", key.bytes);
        self.signal_awaited(db, key, kind);
    }

    /// Notes that a key somebody may wait for is there.
    #[inline]
    fn signal_awaited(&mut self, db: DbIndex, key: Key<'_>, kind: Kind) {
        if can_be_awaited(kind) {
            self.signal_in(db, key);
        }
    }

    /// Has those who wait for a key of the current database try again: there is more in it, or it is no longer what it was.
    #[inline]
    pub fn signal(&mut self, key: Key<'_>) {
        self.signal_in(self.query.options.db, key);
    }

    #[inline]
    fn signal_in(&mut self, db: DbIndex, key: Key<'_>) {
        if self.query.held.shard(key.hash).waiters.is_awaited(db, key.bytes) {
            self.effects.ready.push((db, key.bytes.into()));
        }
    }

    /// From here to its end the command finds keys whose use was recorded when it found them first: it records none any more.
    pub fn count_no_more_uses(&mut self) {
        self.query.options.no_touch = true;
    }

    /// Runs a part of a command on keys whose use was recorded by an earlier part: it records none.
    pub fn again<R>(&mut self, run: impl FnOnce(&mut Self) -> R) -> R {
        let no_touch = std::mem::replace(&mut self.query.options.no_touch, true);
        let result = run(self);
        self.query.options.no_touch = no_touch;
        result
    }

    /// Stores a value in the current database.
    #[inline]
    pub fn put(&mut self, key: Key<'_>, value: NewValue<'_>, keep: Keep) {
        self.put_in(self.query.options.db, key, value, keep);
    }

    /// Stores a value in a database. No event but `new` is sent and nothing is counted: that is the command's.
    #[inline]
    pub fn put_in(&mut self, db: DbIndex, key: Key<'_>, value: NewValue<'_>, keep: Keep) {
        self.put_parts(db, key.bytes, key.hash, value, keep);
    }

    /// As [`put_in`](Self::put_in). A key of three words would be copied for whoever takes it by value; its parts go in registers.
    #[inline(never)]
    fn put_parts(&mut self, db: DbIndex, bytes: &[u8], hash: u64, value: NewValue<'_>, keep: Keep) {
        let key = Key { bytes, hash };
        let kind = value.kind();
        let used = self.query.now_used();
        let used = if self.query.options.no_touch { used.uncounted() } else { used };
        let moment = (self.query.options.now, used);
        let (dbs, watches) = self.query.held.shard_mut(key.hash).db_and_watches(db);
        match dbs.put(key, value, keep, moment) {
            Displaced::Value(old) => {
                let was_stream = matches!(old, OwnedValue::Stream(_) | OwnedValue::Shared(_));
                discard(self.effects, old);
                self.signal_awaited(db, key, if was_stream { Kind::Stream } else { kind });
            }
            Displaced::Inline => self.signal_awaited(db, key, kind),
            Displaced::Expired(old) => {
                note_expired(self.effects, self.query.settings, watches, (db, key.bytes), old);
                self.note_new(db, key, kind);
            }
            Displaced::Nothing => self.note_new(db, key, kind),
        }
    }

    /// Takes an entry out of a database, expiry and all (RENAME, MOVE). An expired one is removed and not given.
    pub fn take_entry(&mut self, db: DbIndex, key: Key<'_>) -> Option<Entry> {
        let (dbs, watches) = self.query.held.shard_mut(key.hash).db_and_watches(db);
        let entry = dbs.take(key)?;
        if !entry.is_expired(self.query.options.now) {
            if entry.kind() == Kind::Stream {
                self.signal_in(db, key);
            }
            return Some(entry);
        }
        note_expired(self.effects, self.query.settings, watches, (db, key.bytes), entry.into_value());
        None
    }

    /// Stores an entry taken out, under `key`, which it must carry already and which must be free.
    pub fn store_entry(&mut self, db: DbIndex, key: Key<'_>, entry: Entry) {
        debug_assert_eq!(entry.key(), key.bytes);
        let kind = entry.kind();
        self.query.held.shard_mut(key.hash).db_mut(db).restore(key.hash, entry);
        self.note_new(db, key, kind);
    }

    /// Puts an entry that was made elsewhere, or none, in the place of a key's in a database. Tells who watches or awaits
    /// the key; events and counts belong to whoever made the entry.
    pub fn replace_entry(&mut self, db: DbIndex, key: Key<'_>, entry: Option<Entry>) {
        let dbs = self.query.held.shard_mut(key.hash).db_mut(db);
        let mut was_stream = false;
        if let Some(old) = dbs.take(key) {
            was_stream = old.kind() == Kind::Stream;
            discard(self.effects, old.into_value());
        }
        let kind = entry.as_ref().map(Entry::kind);
        if let Some(entry) = entry {
            dbs.restore(key.hash, entry);
        }
        if was_stream || kind.is_some_and(can_be_awaited) {
            self.signal_in(db, key);
        }
        self.touch_watchers_in(db, key);
    }

    /// Frees a value that was taken out, or a part of one; elsewhere if it is large.
    pub fn discard(&mut self, value: OwnedValue) {
        discard(self.effects, value);
    }

    /// Removes a key; true if it was there. No event is sent and nothing counted.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        self.remove_in(self.query.options.db, key)
    }

    /// Removes a key because what a command would store there is empty; true if it was there. As in Redis nobody looks whether
    /// its time had come. No event is sent and nothing counted.
    pub fn remove_destination(&mut self, key: Key<'_>) -> bool {
        let db = self.query.options.db;
        let Some(entry) = self.query.held.shard_mut(key.hash).db_mut(db).take(key) else { return false };
        if entry.kind() == Kind::Stream {
            self.signal_in(db, key);
        }
        discard(self.effects, entry.into_value());
        true
    }

    /// Removes a key of a database; true if it was there. No event is sent and nothing counted.
    pub fn remove_in(&mut self, db: DbIndex, key: Key<'_>) -> bool {
        let Some(entry) = self.take_entry(db, key) else { return false };
        discard(self.effects, entry.into_value());
        true
    }

    /// Removes a key whose collection became empty, and sends the event `del`; true if so.
    pub fn remove_if_empty<T: Typed>(&mut self, key: Key<'_>) -> bool {
        let empty = self.query.peek(key).and_then(|entry| T::of(entry.value())).is_some_and(T::is_empty);
        if empty {
            self.remove(key);
            self.notify(EventClass::Generic, "del", key);
        }
        empty
    }

    /// Removes the key with this hash that `is_it` from a database to make room, and hands its entry out.
    pub fn evict(&mut self, db: DbIndex, hash: u64, is_it: impl FnMut(&Entry) -> bool) -> Option<Entry> {
        let (dbs, watches) = self.query.held.shard_mut(hash).db_and_watches(db);
        let entry = dbs.take_if(hash, is_it)?;
        watches.touch(db, entry.key());
        if entry.kind() == Kind::Stream {
            self.signal_in(db, Key { bytes: entry.key(), hash });
        }
        if self.is_recorded() {
            self.effects.evicted.push((db, entry.key().into()));
        }
        self.notify_in(db, EventClass::Evicted, "evicted", entry.key());
        Some(entry)
    }

    /// Sets or removes the expiry of an existing key.
    pub fn set_expiry(&mut self, key: Key<'_>, expiry: Option<UnixMillis>) -> bool {
        let (db, now) = (self.query.options.db, self.query.options.now);
        self.query.held.shard_mut(key.hash).db_mut(db).set_expiry(key, expiry, now)
    }
}
