//! Long commands that only read most of their keys run apart: on a keyspace of their own, while the shards of their
//! keys are free.
//!
//! ```text
//! loop:    lock ─ share the values of the keys ─ unlock
//! helper:                                             run on the shares ────────▶ reply         (a query)
//! helper:                                             run on the shares ─ lock ─ store ─ unlock (SUNIONSTORE, COPY)
//! ```
//!
//! A query counts as run at the moment of sharing. A command that stores what it computes counts as run when it stores:
//! by then all its keys must be as they were, else it is run again under their locks. Writers of the keys wait
//! meanwhile, as they would for the locks, so that nothing has to be copied and the second run is rare (FLUSHALL,
//! a transaction that changes the database, a key whose time comes).
//!
//! What is deliberately not run apart: commands that change a large value in its place.

use std::sync::Arc;

use smallvec::SmallVec;
use spinel_family::spec::{Begin, Find, KeyFlags};
use spinel_family::{Args, CallOptions, DbIndex, Run, UpdateContext};
use spinel_store::usage::{self, Recording};
use spinel_store::{Entry, Held, Keyspace, KeyspaceOptions, Shard, UnixMillis};

use crate::data::{Call, ShardSet, hold_to_write_beside, keys_of, normalise};
use crate::registry::Command;
use crate::session::Session;
use crate::{Engine, Message};

/// The keyspace in which one command runs apart.
pub(crate) struct Apart {
    keyspace: Keyspace,
    db: DbIndex,
    /// The hash of each key, for each a reader in its shard.
    hashes: SmallVec<[u64; 4]>,
    /// What the command will overwrite, if it stores.
    stored: Option<Stored>,
}

/// The key that a command overwrites.
struct Stored {
    /// The place of the key among the words.
    at: usize,
    /// What it was when the command began.
    before: Option<Entry>,
}

/// What a command that can run apart does with its keys.
#[derive(Clone, Copy)]
enum Use {
    Reads,
    /// Reads all but the key at this place, which it overwrites.
    Overwrites(usize),
}

fn use_of_keys(command: &Command, run: Run) -> Option<Use> {
    match run {
        Run::Query(_) => Some(Use::Reads),
        Run::Update(_) => {
            let (mut read, mut overwritten) = (command.spec.keys.iter(), None);
            let fits = read.all(|spec| match (spec.begin, spec.find) {
                _ if spec.flags.has(KeyFlags::RO) => true,
                (Begin::Index(at), Find::Range { last: 0, step: 1, limit: 0 }) => {
                    spec.flags.has(KeyFlags::OW) && overwritten.replace(at).is_none()
                }
                _ => false,
            });
            overwritten.filter(|_| fits).and_then(|at| usize::try_from(at).ok()).map(Use::Overwrites)
        }
        Run::Blocking(_) if !command.writes => Some(Use::Reads),
        Run::Blocking(_) | Run::Sweep(_) | Run::Gradual(_) | Run::Exclusive(_) | Run::Container(_) => None,
    }
}

impl Apart {
    /// Shares the values of a command's keys, whose shards are held, if it is one that can run apart and no writer has
    /// waited for another already.
    pub(crate) fn new(
        call: Call<'_>,
        (options, recording): (&CallOptions, Recording),
        held: &mut Held<'_>,
    ) -> Option<Self> {
        let keys = use_of_keys(call.command, call.entry.run)?;
        if call.command.reaches_beyond(call.args) || held.iter().any(|shard| shard.readers.are_awaited()) {
            return None;
        }
        let (real, db) = (held.keyspace(), options.db);
        let keyspace = Keyspace::new(KeyspaceOptions {
            shards: 1,
            databases: real.databases(),
            hash_key: *real.hash_key(),
        });
        let mut hashes = SmallVec::new();
        let mut place = keyspace.hold_all().expect("nobody else knows this keyspace");
        for key in keys_of(real, call.command, call.args) {
            hashes.push(key.hash);
            let shard = held.shard_mut(key.hash);
            shard.readers.begin(db, key.hash);
            if place.shard(key.hash).db(db).find(key).is_some() {
                continue;
            }
            if let Some(entry) = shard.db_mut(db).find_mut(key) {
                if !options.no_touch {
                    // The time is chance enough for what happens so seldom.
                    let used = usage::Use::new(recording, options.now, || {
                        (options.now.0 as u64 ^ key.hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    });
                    entry.touch(used.read(entry.access()));
                }
                place.shard_mut(key.hash).db_mut(db).restore(key.hash, entry.share());
            }
        }
        let stored = match keys {
            Use::Reads => None,
            Use::Overwrites(at) => {
                let key = real.key(call.args.at(at));
                let before = place.shard_mut(key.hash).db_mut(db).find_mut(key).map(Entry::share);
                Some(Stored { at, before })
            }
        };
        drop(place);
        Some(Self { keyspace, db, hashes, stored })
    }

    /// The keyspace to run on.
    pub(crate) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// Whether the command stores what it computes, so that [`commit`](Self::commit) must follow.
    pub(crate) fn stores(&self) -> bool {
        self.stored.is_some()
    }

    /// Locks the shards that the command needs, as a helper thread may: by waiting. No script keeps what is being read.
    pub(crate) fn lock<'k>(&self, real: &'k Keyspace) -> Held<'k> {
        let mut shards: ShardSet = self.hashes.iter().map(|&hash| real.shard_of(hash)).collect();
        normalise(&mut shards);
        loop {
            match hold_to_write_beside(real, shards.clone()) {
                Ok(held) => return held,
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    /// Stores in the data what the command has stored apart. False, with nothing done, if a key has changed.
    pub(crate) fn commit(&mut self, args: Args<'_>, command: &Command, cx: &mut UpdateContext<'_>) -> bool {
        let db = self.db;
        let Some(Stored { at, before }) = self.stored.take() else { return true };
        let mut place = self.keyspace.hold_all().expect("only this thread uses it");
        let stored = place.keyspace().key(args.at(at));
        for key in keys_of(place.keyspace(), command, args) {
            let now = cx.held().shard(key.hash).db(db).find(key);
            let then = if key.bytes == stored.bytes {
                before.as_ref()
            } else {
                place.shard(key.hash).db(db).find(key)
            };
            let unchanged = match (now, then) {
                (None, None) => true,
                (Some(now), Some(then)) => now.has_same_value(then),
                _ => false,
            };
            if !unchanged {
                return false;
            }
        }
        // Other databases were empty apart, so what has come to be in one may go where there is nothing (`COPY ... DB`).
        let others: SmallVec<[DbIndex; 1]> = place
            .shard(stored.hash)
            .used_dbs()
            .map(|(other, _)| other)
            .filter(|&other| other != db)
            .collect();
        if others.iter().any(|&other| cx.held().shard(stored.hash).db(other).find(stored).is_some()) {
            return false;
        }
        for other in others {
            let entry = place.shard_mut(stored.hash).db_mut(other).take(stored);
            cx.replace_entry(other, stored, entry);
        }
        let entry = place.shard_mut(stored.hash).db_mut(db).take(stored);
        let is_kept = match (&entry, &before) {
            (None, None) => true,
            (Some(entry), Some(before)) => entry.has_same_value(before),
            _ => false,
        };
        if !is_kept {
            cx.replace_entry(db, stored, entry);
        }
        true
    }

    /// Lets the writers of the keys go on.
    pub(crate) fn end(&self, real: &Keyspace) {
        self.reading().end(real);
    }

    /// What it reads, to be ended even if the command does not come to its own end.
    pub(crate) fn reading(&self) -> Reading {
        Reading { db: self.db, hashes: self.hashes.iter().copied().collect() }
    }
}

/// The keys that a command apart reads, for which their writers wait.
#[derive(Clone)]
pub(crate) struct Reading {
    db: DbIndex,
    hashes: Vec<u64>,
}

impl Reading {
    /// Reads one key, whose shard is held.
    pub(crate) fn begin(shard: &mut Shard, db: DbIndex, hash: u64) -> Self {
        shard.readers.begin(db, hash);
        Self { db, hashes: vec![hash] }
    }

    /// Lets the writers of the keys go on.
    pub(crate) fn end(&self, real: &Keyspace) {
        for &hash in &self.hashes {
            let mut shard = real.wait_lock_beside(real.shard_of(hash));
            let waiting = shard.readers.end(self.db, hash);
            drop(shard);
            waiting.into_iter().for_each(|wake| wake());
        }
    }
}

/// Whether commands must wait because a script keeps a key of theirs, or a key that one of them may change is being read apart;
/// then the client has left word. (Whoever finds members in a key whose time has come changes it, too, by having them removed.) A key whose value a snapshot has still to save, and that takes long, gets such a reader: the snapshot's walker.
#[inline]
pub(crate) fn waits_for_readers<'a>(
    engine: &Engine,
    held: &mut Held<'_>,
    (session, now): (&Session, UnixMillis),
    commands: impl IntoIterator<Item = (&'a Command, Args<'a>), IntoIter: Clone>,
) -> bool {
    let commands = commands.into_iter();
    if held.iter().any(Shard::is_being_saved) {
        engine.persistence.claim_large(held, (session.db, now), commands.clone());
    }
    held.iter().any(|shard| !shard.readers.is_empty() || shard.has_kept_keys()) && { commands }
        .any(|(command, args)| waits(held, (session, now), command, args))
}

#[cold]
fn waits(
    held: &mut Held<'_>,
    (session, now): (&Session, UnixMillis),
    command: &Command,
    args: Args<'_>,
) -> bool {
    for key in keys_of(held.keyspace(), command, args) {
        if waits_for_kept_key(held, session, key.hash) {
            return true;
        }
        let shard = held.shard_mut(key.hash);
        let changes = command.writes || shard.db(session.db).has_due_members(key.hash, now);
        if changes && shard.readers.has(session.db, key.hash) {
            let client = Arc::clone(&session.client);
            shard.readers.wait(Box::new(move || client.post(Message::Retry)));
            return true;
        }
    }
    false
}

/// Whether the client must wait because a script keeps a key, whose shard is held; then it has left word.
pub(crate) fn waits_for_kept_key(held: &mut Held<'_>, session: &Session, hash: u64) -> bool {
    let shard = held.shard_mut(hash);
    if !shard.keeps(hash) {
        return false;
    }
    let client = Arc::clone(&session.client);
    shard.wait_for_kept_keys(Box::new(move || client.post(Message::Retry)))
}

#[cfg(test)]
#[path = "apart_tests.rs"]
mod tests;
