//! What a running command can reach. Smallest capability first: [`QueryContext`] reads, [`UpdateContext`] adds
//! writing, [`SweepContext`], [`GradualContext`] and [`ExclusiveContext`] add shards.

mod elements;
mod gradual;
mod scratch;
mod undo;
mod write;

use std::cell::Cell;
use std::ops::Deref;

use smallvec::SmallVec;
use spinel_resp::{OwnedArgs, Protocol};
use spinel_store::{
    DbIndex, Entry, HashKey, Held, Key, Keyspace, Kind, Shard, ShardGuard, ShardIndex, Text, Typed,
    UnixMillis, ValueRef, usage::Use,
};

pub use self::gradual::{GradualContext, GradualGround};
pub use self::scratch::Scratch;
use self::scratch::next_random;
use crate::{CommandError, CommandSettings, Effects, Event, EventClass, Propagation};

/// Elements a command may touch on an event loop; beyond, it moves to a helper thread with its locks.
const LOOP_COST_LIMIT: usize = 16 * 1024;

/// Bytes a command may copy on an event loop: beyond, it moves to a helper thread, too.
pub const LOOP_BYTES_LIMIT: usize = 1 << 20;

/// How the running command was called.
#[derive(Clone, Copy, Debug)]
pub struct CallOptions {
    /// The database.
    pub db: DbIndex,
    /// The time, read while the locks were held.
    pub now: UnixMillis,
    /// The client's protocol.
    pub protocol: Protocol,
    /// The client does not want to change access times (`CLIENT NO-TOUCH`).
    pub no_touch: bool,
    /// The command may be moved to a helper thread if it is long.
    pub may_move: bool,
    /// A blocked command is tried again because a key became ready.
    pub retried: bool,
    /// Inside MULTI or a script: must not block.
    pub deny_blocking: bool,
    /// A script or function called it.
    pub in_script: bool,
    /// The command comes from the log: it was accepted once, and is not refused now. Its time is one at which no key has
    /// expired; this is when the log is read.
    pub replayed_at: Option<UnixMillis>,
    /// Somebody reads what the journal records.
    pub recorded: bool,
}

/// Reads the keys a command declared.
pub struct QueryContext<'k> {
    held: Held<'k>,
    options: CallOptions,
    settings: &'k CommandSettings,
    scratch: &'k Scratch,
}

impl<'k> QueryContext<'k> {
    /// A context over the shards held.
    #[inline]
    #[must_use]
    pub fn new(
        held: Held<'k>,
        options: CallOptions,
        settings: &'k CommandSettings,
        scratch: &'k Scratch,
    ) -> Self {
        Self { held, options, settings, scratch }
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> DbIndex {
        self.options.db
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.options.now
    }

    /// The time for what is remembered of consumers: when a log is read, not the command's own but that of the reading.
    #[must_use]
    pub fn clock_time(&self) -> UnixMillis {
        self.options.replayed_at.unwrap_or(self.options.now)
    }

    /// The client's protocol, for the few commands whose shape of reply depends on it.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.options.protocol
    }

    /// Whether a blocked command is being tried again because a key became ready.
    #[must_use]
    pub fn is_retry(&self) -> bool {
        self.options.retried
    }

    /// Says for which key that became ready a blocked command is tried again, as long as it is.
    pub fn set_ready(&self, key: Option<Key<'_>>) {
        self.scratch.ready_hash.set(key.map(|key| key.hash));
    }

    /// Whether a key may serve the command. A blocked command that is tried again is served by the key that became
    /// ready; others were not, or have their turn after it, and their shards may not be held.
    #[must_use]
    pub fn may_serve(&self, key: Key<'_>) -> bool {
        !self.options.retried || self.scratch.ready_hash.get().is_none_or(|hash| hash == key.hash)
    }

    /// Whether the command must not block (MULTI, scripts).
    #[must_use]
    pub fn denies_blocking(&self) -> bool {
        self.options.deny_blocking
    }

    /// Whether a script or function called it.
    #[must_use]
    pub fn is_in_script(&self) -> bool {
        self.options.in_script
    }

    /// Whether the command comes from the log.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.options.replayed_at.is_some()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &'k CommandSettings {
        self.settings
    }

    /// The key of the hash function, also that of big sets and hashes.
    #[must_use]
    pub fn hash_key(&self) -> &'k HashKey {
        self.held.keyspace().hash_key()
    }

    /// A random number.
    pub fn random(&self) -> u64 {
        next_random(&self.scratch.random)
    }

    /// A use of entries now, to be recorded as the policy of eviction wants it.
    #[inline]
    #[must_use]
    pub fn now_used(&self) -> Use {
        Use::new(self.settings.recording, self.options.now, || self.random())
    }

    /// A source of random numbers that does not borrow the context, for use while a value is being changed.
    pub fn chance(&self) -> impl FnMut() -> u64 + use<'k> {
        let state = &self.scratch.random;
        move || next_random(state)
    }

    /// Moves the command to a helper thread if it will touch more than a loop can bear.
    pub fn check_cost(&self, elements: usize) -> Result<(), CommandError> {
        if elements > LOOP_COST_LIMIT && self.options.may_move { Err(CommandError::Move) } else { Ok(()) }
    }

    /// Moves the command, which has found one key so far and not begun its reply, to a helper thread if that will copy
    /// more bytes than a loop can bear.
    #[inline]
    pub fn check_bytes(&self, bytes: usize) -> Result<(), CommandError> {
        if bytes > LOOP_BYTES_LIMIT && self.options.may_move {
            self.scratch.forget_hit();
            return Err(CommandError::Move);
        }
        Ok(())
    }

    /// The entry of a key in the current database, without any trace of the look-up.
    #[inline(always)]
    #[must_use]
    pub fn peek(&self, key: Key<'_>) -> Option<&Entry> {
        self.peek_in(self.options.db, key)
    }

    /// The entry of a key in a database, without any trace of the look-up.
    #[inline(always)]
    #[must_use]
    pub fn peek_in(&self, db: DbIndex, key: Key<'_>) -> Option<&Entry> {
        let entry = self.held.shard(key.hash).db(db).find(key)?;
        if entry.is_expired(self.options.now) {
            self.scratch.note_expired();
            return None;
        }
        Some(entry)
    }

    /// The entry of a key; counts as a hit or miss but does not renew the access time (EXISTS, TTL, TYPE).
    #[must_use]
    pub fn find_untouched(&self, key: Key<'_>) -> Option<&Entry> {
        let found = self.peek(key);
        if found.is_some() {
            self.scratch.note_hit();
        } else {
            self.note_miss(key);
        }
        found
    }

    /// The entry of a key; counts as a hit or miss and renews the access time.
    #[inline]
    #[must_use]
    pub fn find(&self, key: Key<'_>) -> Option<&Entry> {
        self.find_parts(key.bytes, key.hash)
    }

    /// As [`find`](Self::find). A key of three words would be copied for whoever takes it by value; its parts go in registers.
    #[inline(never)]
    fn find_parts(&self, bytes: &[u8], hash: u64) -> Option<&Entry> {
        let key = Key { bytes, hash };
        let Some(entry) = self.peek(key) else {
            self.note_miss(key);
            return None;
        };
        self.scratch.note_hit();
        if !self.options.no_touch {
            entry.touch(self.now_used().read(entry.access()));
        }
        Some(entry)
    }

    /// The entry of a key; counts as a hit or miss, but neither renews the access time nor sends an event (OBJECT).
    #[must_use]
    pub fn inspect(&self, key: Key<'_>) -> Option<&Entry> {
        let found = self.peek(key);
        if found.is_some() {
            self.scratch.note_hit();
        } else {
            self.scratch.note_miss();
        }
        found
    }

    fn note_miss(&self, key: Key<'_>) {
        self.scratch.note_miss();
        if self.settings.notify.wants(EventClass::KeyMiss) {
            self.scratch.note_missed(key.bytes);
        }
    }

    /// The string of a key.
    #[inline]
    pub fn text(&self, key: Key<'_>) -> Result<Option<Text<'_>>, CommandError> {
        let Some(entry) = self.find(key) else { return Ok(None) };
        entry.text().map(Some).ok_or(CommandError::WrongType)
    }

    /// The collection of a key.
    pub fn read<T: Typed>(&self, key: Key<'_>) -> Result<Option<&T>, CommandError> {
        let Some(entry) = self.find(key) else { return Ok(None) };
        T::of(entry.value()).map(Some).ok_or(CommandError::WrongType)
    }

    /// The value of a key of any type.
    #[must_use]
    pub fn value(&self, key: Key<'_>) -> Option<ValueRef<'_>> {
        self.find(key).map(Entry::value)
    }

    /// The type of a key, without a trace.
    #[must_use]
    pub fn kind(&self, key: Key<'_>) -> Option<Kind> {
        self.peek(key).map(Entry::kind)
    }

    /// The shards held.
    #[must_use]
    pub fn held(&self) -> &Held<'k> {
        &self.held
    }

    /// Changes how the next command is called (within one transaction).
    pub fn set_options(&mut self, options: CallOptions) {
        self.options = options;
    }

    /// How the command was called.
    #[must_use]
    pub fn options(&self) -> &CallOptions {
        &self.options
    }
}

/// Reads and changes the keys a command declared.
pub struct UpdateContext<'k> {
    query: QueryContext<'k>,
    effects: &'k mut Effects,
}

impl<'k> Deref for UpdateContext<'k> {
    type Target = QueryContext<'k>;

    fn deref(&self) -> &QueryContext<'k> {
        &self.query
    }
}

impl<'k> UpdateContext<'k> {
    /// A context that leaves its traces in `effects`.
    #[inline]
    #[must_use]
    pub fn new(query: QueryContext<'k>, effects: &'k mut Effects) -> Self {
        Self { query, effects }
    }

    /// The reading half, for the queries of a transaction.
    #[inline]
    #[must_use]
    pub fn as_query(&self) -> &QueryContext<'k> {
        &self.query
    }

    /// Changes how the next command is called (within one transaction).
    pub fn set_options(&mut self, options: CallOptions) {
        self.query.set_options(options);
    }

    /// The shards held, given back.
    #[must_use]
    pub fn into_held(self) -> Held<'k> {
        self.query.held
    }

    /// The traces so far.
    #[inline]
    pub fn effects(&mut self) -> &mut Effects {
        self.effects
    }

    /// The shards held, to change: for the engine (watches, waiting lists).
    pub fn held_mut(&mut self) -> &mut Held<'k> {
        &mut self.query.held
    }

    /// Moves what look-ups noted into the effects and removes those of `keys` that expired unnoticed.
    #[inline]
    pub fn settle<'a, I: Iterator<Item = Key<'a>>>(&mut self, keys: impl FnOnce() -> I) {
        let (hits, misses) = self.query.scratch.take_counts();
        self.effects.hits += hits;
        self.effects.misses += misses;
        if self.query.scratch.has_notes() {
            self.settle_notes(keys());
        }
    }

    #[cold]
    fn settle_notes<'a>(&mut self, keys: impl Iterator<Item = Key<'a>>) {
        self.send_misses();
        if self.query.scratch.take_expired() {
            for key in keys {
                self.remove_if_expired(self.query.options.db, key);
            }
        }
    }

    /// Sends the events of look-ups that missed, which come before those of what was done after; a key that was
    /// missed because its time had come is removed first.
    fn send_misses(&mut self) {
        let (db, hash_key) = (self.query.options.db, self.query.hash_key());
        for key in self.query.scratch.take_missed() {
            if self.query.scratch.saw_expired() {
                self.remove_if_expired(db, Key::new(&key, hash_key));
            }
            self.effects.events.push(Event { class: EventClass::KeyMiss, name: "keymiss", db, key });
        }
    }

    /// Tells watchers that a key was changed.
    #[inline]
    pub fn touch_watchers(&mut self, key: Key<'_>) {
        self.touch_watchers_in(self.query.options.db, key);
    }

    /// Tells watchers that a key of a database was changed.
    #[inline]
    pub fn touch_watchers_in(&mut self, db: DbIndex, key: Key<'_>) {
        let shard = self.query.held.shard(key.hash);
        if !shard.watches.is_empty() {
            shard.watches.touch(db, key.bytes);
        }
    }

    /// Sends a keyspace event for a key of the current database.
    #[inline]
    pub fn notify(&mut self, class: EventClass, name: &'static str, key: Key<'_>) {
        self.notify_in(self.query.options.db, class, name, key.bytes);
    }

    /// Sends a keyspace event for a key of a database.
    #[inline]
    pub fn notify_in(&mut self, db: DbIndex, class: EventClass, name: &'static str, key: &[u8]) {
        if self.query.settings.notify.wants(class) {
            self.send_misses();
            self.effects.events.push(Event { class, name, db, key: key.into() });
        }
    }

    /// Counts changes.
    #[inline]
    pub fn add_dirty(&mut self, changes: usize) {
        self.effects.dirty += changes as u64;
    }

    /// One change of a key: tells watchers, sends the event, counts it.
    #[inline]
    pub fn changed(&mut self, key: Key<'_>, class: EventClass, event: &'static str) {
        self.touch_watchers(key);
        self.notify(class, event, key);
        self.add_dirty(1);
    }

    /// Whether anybody reads what the journal records; else there is no use in finding words for it.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.query.options.recorded
    }

    /// The journal records these words instead of the command as it came (may be called several times).
    pub fn propagate_as<I>(&mut self, words: I)
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        if !self.is_recorded() {
            return;
        }
        let command = (self.query.options.db, OwnedArgs::from_words(words));
        match &mut self.effects.propagation {
            Propagation::Instead(commands) => commands.push(command),
            other => *other = Propagation::Instead(SmallVec::from_iter([command])),
        }
    }

    /// A command that has to wait will be tried again with these words.
    pub fn wait_as<I>(&mut self, words: I)
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        self.effects.waits_as = Some(OwnedArgs::from_words(words));
    }

    /// The journal records nothing for this command.
    pub fn propagate_nothing(&mut self) {
        self.effects.propagation = Propagation::Nothing;
    }
}

/// Reads every shard in turn, locking one at a time (or uses those held already, within a transaction).
pub struct SweepContext<'k> {
    keyspace: &'k Keyspace,
    held: Option<&'k Held<'k>>,
    options: CallOptions,
    settings: &'k CommandSettings,
    random: &'k Cell<u64>,
    /// Keys met whose time has come.
    pub expired: Vec<Box<[u8]>>,
}

impl<'k> SweepContext<'k> {
    /// A context that locks by itself, or reads from `held` if that holds all shards.
    #[must_use]
    pub fn new(
        keyspace: &'k Keyspace,
        held: Option<&'k Held<'k>>,
        options: CallOptions,
        settings: &'k CommandSettings,
        random: &'k Cell<u64>,
    ) -> Self {
        Self { keyspace, held, options, settings, random, expired: Vec::new() }
    }

    /// The keyspace, for counts that need no lock.
    #[must_use]
    pub fn keyspace(&self) -> &'k Keyspace {
        self.keyspace
    }

    /// How the command was called.
    #[must_use]
    pub fn options(&self) -> &CallOptions {
        &self.options
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &'k CommandSettings {
        self.settings
    }

    /// A random number.
    pub fn random(&self) -> u64 {
        next_random(self.random)
    }

    /// Moves the command to a helper thread if it will touch more than a loop can bear.
    pub fn check_cost(&self, elements: usize) -> Result<(), CommandError> {
        if elements > LOOP_COST_LIMIT && self.options.may_move { Err(CommandError::Move) } else { Ok(()) }
    }

    /// Looks at one shard.
    ///
    /// # Errors
    /// [`CommandError::Busy`] if it is taken: pass it on, and the command is tried again as a whole.
    pub fn with_shard<R>(
        &self,
        shard: ShardIndex,
        look: impl FnOnce(&Shard) -> R,
    ) -> Result<R, CommandError> {
        if let Some(held) = self.held {
            let found = held.iter().nth(usize::from(shard.0)).expect("all shards are held");
            return Ok(look(found));
        }
        let guard: ShardGuard<'_> = if self.options.may_move {
            self.keyspace.spin_lock(shard).map_err(CommandError::Busy)?
        } else {
            self.keyspace.wait_lock(shard)
        };
        Ok(look(&guard))
    }

    /// Every shard's number.
    pub fn shards(&self) -> impl Iterator<Item = ShardIndex> + use<> {
        (0..self.keyspace.shards()).map(|i| ShardIndex(i as u16))
    }
}

/// Has every shard at once.
pub struct ExclusiveContext<'u, 'k> {
    update: &'u mut UpdateContext<'k>,
}

impl<'u, 'k> ExclusiveContext<'u, 'k> {
    /// A context over an update context that holds all shards.
    #[must_use]
    pub fn new(update: &'u mut UpdateContext<'k>) -> Self {
        debug_assert!(update.held().holds_all());
        Self { update }
    }

    /// Every shard.
    pub fn shards_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.update.held_mut().iter_mut()
    }
}

impl<'k> Deref for ExclusiveContext<'_, 'k> {
    type Target = UpdateContext<'k>;

    fn deref(&self) -> &UpdateContext<'k> {
        self.update
    }
}

impl std::ops::DerefMut for ExclusiveContext<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.update
    }
}
