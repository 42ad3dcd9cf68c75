//! Long commands that only read most of their keys run apart: on a keyspace of their own, while the shards of their
//! keys are free.
//!
//! ```text
//! loop:    lock ─ share the values of the keys ─ unlock
//! helper:                                             run on the shares ────────▶ reply         (a query)
//! helper:                                             run on the shares ─ lock ─ store ─ unlock (SUNIONSTORE & co.)
//! ```
//!
//! A query counts as run at the moment of sharing. A command that stores what it computes counts as run when it stores:
//! by then all its keys must be as they were, else it is run again under their locks. Writers of the keys wait
//! meanwhile, as they would for the locks, so that nothing has to be copied and the second run is rare (FLUSHALL,
//! a transaction, a key whose time comes).
//!
//! What is deliberately not run apart: commands that change a large value in its place.

use std::sync::Arc;

use smallvec::SmallVec;
use spinel_family::spec::{Begin, Find, KeyFlags};
use spinel_family::{Args, CallOptions, DbIndex, Run, UpdateContext};
use spinel_store::{Entry, Held, Keyspace, KeyspaceOptions, ShardIndex};

use crate::Message;
use crate::data::{Call, keys_of};
use crate::registry::Command;
use crate::session::Session;

/// The keyspace in which one command runs apart.
pub(crate) struct Apart {
    keyspace: Keyspace,
    db: DbIndex,
    /// The hash of each key, for each a reader in its shard.
    hashes: SmallVec<[u64; 4]>,
    /// The entry that the command will overwrite, as it was; and whether it will overwrite one.
    stored: Option<Option<Entry>>,
}

/// Whether a command only reads its keys, but for one that it overwrites at the most, the first.
fn may_run_apart(command: &Command, run: Run) -> bool {
    let overwrites_first = |spec: &spinel_family::spec::KeySpec| {
        spec.flags.has(KeyFlags::OW)
            && spec.begin == Begin::Index(1)
            && spec.find == (Find::Range { last: 0, step: 1, limit: 0 })
    };
    match run {
        Run::Query(_) => true,
        Run::Update(_) => match command.spec.keys {
            [first, others @ ..] => {
                overwrites_first(first) && others.iter().all(|spec| spec.flags.has(KeyFlags::RO))
            }
            [] => false,
        },
        Run::Blocking(_) | Run::Sweep(_) | Run::Exclusive(_) | Run::Container(_) => false,
    }
}

impl Apart {
    /// Shares the values of a command's keys, whose shards are held, if it is one that can run apart and no writer has
    /// waited for another already.
    pub(crate) fn new(call: Call<'_>, options: &CallOptions, held: &mut Held<'_>) -> Option<Self> {
        if !may_run_apart(call.command, call.entry.run)
            || held.iter().any(|shard| shard.readers.are_awaited())
        {
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
                    entry.touch(options.now.access_clock());
                }
                place.shard_mut(key.hash).db_mut(db).restore(key.hash, entry.share());
            }
        }
        let stored = matches!(call.entry.run, Run::Update(_)).then(|| {
            let key = real.key(call.args.at(1));
            place.shard_mut(key.hash).db_mut(db).find_mut(key).map(Entry::share)
        });
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

    /// Locks the shards of the keys, as a helper thread may: by waiting.
    pub(crate) fn lock<'k>(&self, real: &'k Keyspace) -> Held<'k> {
        let mut shards: SmallVec<[ShardIndex; 4]> =
            self.hashes.iter().map(|&hash| real.shard_of(hash)).collect();
        crate::data::normalise(&mut shards);
        loop {
            match real.hold(&shards) {
                Ok(held) => return held,
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    /// Stores in the data what the command has stored apart. False, with nothing done, if a key has changed.
    pub(crate) fn commit(&mut self, args: Args<'_>, command: &Command, cx: &mut UpdateContext<'_>) -> bool {
        let db = self.db;
        let mut place = self.keyspace.hold_all().expect("only this thread uses it");
        let first = place.keyspace().key(args.at(1));
        let before = self.stored.take().flatten();
        for key in keys_of(place.keyspace(), command, args) {
            let now = cx.held().shard(key.hash).db(db).find(key);
            let then = if key.bytes == first.bytes {
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
        let entry = place.shard_mut(first.hash).db_mut(db).take(first);
        let is_kept = match (&entry, &before) {
            (None, None) => true,
            (Some(entry), Some(before)) => entry.has_same_value(before),
            _ => false,
        };
        if !is_kept {
            cx.replace_entry(first, entry);
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
pub(crate) struct Reading {
    db: DbIndex,
    hashes: Vec<u64>,
}

impl Reading {
    /// Lets the writers of the keys go on.
    pub(crate) fn end(&self, real: &Keyspace) {
        for &hash in &self.hashes {
            let mut shard = real.wait_lock(real.shard_of(hash));
            let waiting = shard.readers.end(self.db, hash);
            drop(shard);
            waiting.into_iter().for_each(|wake| wake());
        }
    }
}

/// Whether a command must wait because a key it may change is being read apart; then the client has left word.
#[cold]
fn waits(held: &mut Held<'_>, session: &Session, call: Call<'_>) -> bool {
    for key in keys_of(held.keyspace(), call.command, call.args) {
        let shard = held.shard_mut(key.hash);
        if shard.readers.has(session.db, key.hash) {
            let client = Arc::clone(&session.client);
            shard.readers.wait(Box::new(move || client.post(Message::Retry)));
            return true;
        }
    }
    false
}

/// As [`waits`], for commands whose shards may have no reader at all.
#[inline]
pub(crate) fn waits_for_readers(held: &mut Held<'_>, session: &Session, call: Call<'_>) -> bool {
    held.iter().any(|shard| !shard.readers.is_empty()) && waits(held, session, call)
}

#[cfg(test)]
#[path = "apart_tests.rs"]
mod tests;
