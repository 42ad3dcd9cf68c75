//! Before a command sees its keys: members of sets and sorted sets and elements of lists whose time has come are removed from
//! them.
//!
//! So no command has to know that they expire. Where very many have come due together, a client gives way to others after
//! each [slice](SLICE) and comes back. Members that must stay for a while are waited for: those of a collection that is being
//! read apart or saved, since removing them would copy it, and all while clients are paused.

use spinel_family::Args;
use spinel_store::Held;

use crate::apart;
use crate::data::keys_of;
use crate::registry::Command;
use crate::session::Session;
use crate::{Flow, Message, Worker};

/// Members removed at once for a command, of each of its keys.
const SLICE: usize = 1024;

impl Worker {
    /// Makes sure that commands may see their keys, whose shards are held, and change them. An error: they may not yet, and the
    /// client has left word.
    #[inline]
    pub(crate) fn make_ready<'a, 'k>(
        &mut self,
        session: &Session,
        mut held: Held<'k>,
        commands: impl IntoIterator<Item = (&'a Command, Args<'a>), IntoIter: Clone>,
    ) -> Result<Held<'k>, Flow> {
        let commands = commands.into_iter();
        let now = self.now;
        if apart::waits_for_readers(&self.engine, &mut held, (session, now), commands.clone()) {
            return Err(Flow::Parked);
        }
        let db = session.db;
        if self.replaying || !held.iter().any(|shard| shard.db(db).timed_others() > 0) {
            return Ok(held);
        }
        self.remove_due_members(session, held, commands)
    }

    #[cold]
    fn remove_due_members<'a, 'k>(
        &mut self,
        session: &Session,
        held: Held<'k>,
        commands: impl Iterator<Item = (&'a Command, Args<'a>)> + Clone,
    ) -> Result<Held<'k>, Flow> {
        let (db, now, keyspace) = (session.db, self.now, held.keyspace());
        let mut keys = commands.flat_map(|(command, args)| keys_of(keyspace, command, args));
        if !keys.clone().any(|key| held.shard(key.hash).db(db).has_due_members(key.hash, now)) {
            return Ok(held);
        }
        if self.waits_for_pause(session) {
            return Err(Flow::Parked);
        }
        let mut is_cut_short = false;
        let held = self.with_update(held, db, |cx| {
            is_cut_short = keys.any(|key| cx.settle_members(key, SLICE));
        });
        if is_cut_short {
            drop(held);
            session.client.post(Message::Retry);
            return Err(Flow::Parked);
        }
        Ok(held)
    }
}
