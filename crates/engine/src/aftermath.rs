//! What happens after a command, still under its locks: the journal, keyspace events, blocked clients.

use std::cell::LazyCell;
use std::ops::Deref;
use std::sync::Arc;

use spinel_family::{
    Args, Attempt, DbIndex, Encoder, Event, EventClasses, Expired, OwnedArgs, Propagation, Run, StandIn,
    UpdateContext, Words, removal_words,
};
use spinel_store::value::RemovedElements;
use spinel_store::{Held, Kind, Waiter};

use crate::blocking::WaitingCommand;
use crate::data::{ShardSet, name_words, normalise};
use crate::journal::JournalPosition;
use crate::registry::Action;
use crate::{Engine, Message};

/// The command that changed something, as it came.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) db: DbIndex,
    pub(crate) args: Args<'a>,
}

/// Records in the journal what one command changed, and says where that ends; sends its events. Keys that became ready
/// stay for [`serve`]; counts and garbage stay for the caller.
pub(crate) fn settle(
    engine: &Engine,
    cx: &mut UpdateContext<'_>,
    origin: Option<Origin<'_>>,
) -> JournalPosition {
    if let Propagation::Instead(commands) = &cx.effects().propagation
        && commands.len() > 1
        && engine.journal.is_on()
    {
        let mut recorded = Vec::with_capacity(commands.len());
        settle_into(engine, cx, origin, |db, command| recorded.push((db, OwnedArgs::from_args(command))));
        return engine.journal.append_all(&recorded);
    }
    let mut end = JournalPosition::default();
    record_expired(engine, cx, |commands| end = engine.journal.append_all(commands));
    settle_into(engine, cx, origin, |db, command| end = engine.journal.append(db, command));
    end
}

/// As [`settle`]; what the journal is to record is given to `record`.
pub(crate) fn settle_into(
    engine: &Engine,
    cx: &mut UpdateContext<'_>,
    origin: Option<Origin<'_>>,
    mut record: impl FnMut(DbIndex, Args<'_>),
) {
    let (notify, unlinks_evicted) = (cx.settings().notify, cx.settings().unlinks_evicted);
    record_expired(engine, cx, |commands| {
        commands.iter().for_each(|(db, command)| record(*db, command.args()));
    });
    let effects = cx.effects();
    for (db, key) in effects.evicted.drain(..) {
        let command: &[u8] = if unlinks_evicted { b"UNLINK" } else { b"DEL" };
        record(db, OwnedArgs::from_words([command, &key]).args());
    }
    if engine.journal.is_on() {
        match &effects.propagation {
            Propagation::Verbatim => {
                if let Some(origin) = origin
                    && effects.dirty > 0
                {
                    record(origin.db, origin.args);
                }
            }
            Propagation::Instead(commands) => {
                commands.iter().for_each(|(db, command)| record(*db, command.args()));
            }
            Propagation::Nothing => {}
        }
    }
    effects.propagation = Propagation::Verbatim;
    for event in effects.events.drain(..) {
        publish_event(engine, notify, &event);
    }
}

/// Has the journal record what was removed because its time had come: `record` is given the commands of one key at a time, which
/// belong together.
#[inline]
fn record_expired(engine: &Engine, cx: &mut UpdateContext<'_>, record: impl FnMut(&[(DbIndex, OwnedArgs)])) {
    if !cx.effects().expired.is_empty() {
        record_those_expired(engine, cx, record);
    }
}

#[cold]
fn record_those_expired(
    engine: &Engine,
    cx: &mut UpdateContext<'_>,
    mut record: impl FnMut(&[(DbIndex, OwnedArgs)]),
) {
    let mut all = std::mem::take(&mut cx.effects().expired);
    let keys = all.iter().filter(|expired| expired.elements.is_none()).count();
    cx.effects().expired_recorded += keys as u64;
    if engine.journal.is_on() {
        let stand_in = LazyCell::new(|| StandIn::new(cx.hash_key(), || cx.random()));
        for expired in &all {
            let commands = words_of_expired(expired, &stand_in);
            let commands: Vec<_> = commands.into_iter().map(|command| (expired.db, command)).collect();
            record(&commands);
        }
    }
    all.clear();
    // The next ones find its room.
    cx.effects().expired = all;
}

/// The commands that remove what has expired.
fn words_of_expired(
    Expired { key, elements, .. }: &Expired,
    stand_in: &impl Deref<Target = StandIn>,
) -> Vec<OwnedArgs> {
    let Some((kind, elements)) = elements else {
        return vec![OwnedArgs::from_words([b"DEL".as_slice(), &**key])];
    };
    let names = match elements {
        RemovedElements::Named(names) => names,
        RemovedElements::Placed { indexes, len } => return removal_words(key, indexes, *len, stand_in),
    };
    let command: &[u8] = match kind {
        Kind::Set => b"SREM",
        Kind::SortedSet => b"ZREM",
        Kind::Hash | Kind::String | Kind::List | Kind::Stream | Kind::Array => b"HDEL",
    };
    let words = [command, &**key].into_iter().chain(names.iter().map(|name| &**name));
    vec![OwnedArgs::from_words(words)]
}

/// Tells those who listen of a keyspace event.
pub(crate) fn publish_event(engine: &Engine, notify: EventClasses, event: &Event) {
    if engine.pubsub.is_silent() {
        return;
    }
    let mut channel = Vec::with_capacity(32 + event.key.len());
    if notify.0 & EventClasses::KEYSPACE != 0 {
        channel.extend_from_slice(format!("__keyspace@{}__:", event.db.0).as_bytes());
        channel.extend_from_slice(&event.key);
        engine.pubsub.publish(&channel, event.name.as_bytes());
    }
    if notify.0 & EventClasses::KEYEVENT != 0 {
        channel.clear();
        channel.extend_from_slice(format!("__keyevent@{}__:{}", event.db.0, event.name).as_bytes());
        engine.pubsub.publish(&channel, &event.key);
    }
}

/// Serves the clients that wait for keys that became ready, first come first, until nobody can be served.
pub(crate) fn serve(engine: &Engine, cx: &mut UpdateContext<'_>) {
    while !cx.effects().ready.is_empty() {
        let ready = std::mem::take(&mut cx.effects().ready);
        for (db, key) in ready {
            serve_key(engine, cx, db, &key);
        }
    }
}

fn serve_key(engine: &Engine, cx: &mut UpdateContext<'_>, db: DbIndex, bytes: &[u8]) {
    let key = engine.keyspace.key(bytes);
    let waiters: Vec<Arc<Waiter>> =
        cx.held().shard(key.hash).waiters.waiting(db, bytes).map(Arc::clone).collect();
    for waiter in waiters {
        if !cx.exists_in(db, key) {
            settle(engine, cx, None);
            if !waiter.heeds_removal {
                continue;
            }
        }
        // Whoever made it ready may have brought members along whose time has come (SWAPDB).
        cx.settle_members_in(db, key, usize::MAX);
        cx.set_ready(Some(key));
        let is_done = serve_waiter(engine, cx, &waiter);
        cx.set_ready(None);
        if is_done {
            cx.held_mut().shard_mut(key.hash).waiters.remove(db, bytes, &waiter);
        }
    }
}

/// Tries a blocked command again. True if the waiter is done with.
fn serve_waiter(engine: &Engine, cx: &mut UpdateContext<'_>, waiter: &Arc<Waiter>) -> bool {
    if !waiter.claim() {
        return true;
    }
    let Some(waiting) = waiter.payload.downcast_ref::<WaitingCommand>() else { return true };
    let Action::Data(entry) = waiting.command.action else { return true };
    let Run::Blocking(blocking) = entry.run else { return true };
    let called = *cx.options();
    let mut options = called;
    options.db = waiting.db;
    options.no_touch = waiting.no_touch;
    options.protocol = waiting.protocol;
    options.retried = true;
    options.deny_blocking = false;
    options.in_script = false;
    cx.set_options(options);
    let args = waiting.args.args();
    let words = Words::new(args, name_words(waiting.command), engine.keyspace.hash_key(), None);
    let mut out = Encoder::new(waiting.protocol);
    let dirty_before = std::mem::take(&mut cx.effects().dirty);
    let attempt = (blocking.attempt)(cx, words, &mut out);
    cx.settle(std::iter::empty);
    settle(engine, cx, Some(Origin { db: waiting.db, args }));
    cx.effects().dirty += dirty_before;
    cx.set_options(called);
    match attempt {
        Ok(Attempt::NotReady) => {
            waiter.release();
            return false;
        }
        Ok(Attempt::Served) => {}
        Err(error) => {
            out.clear();
            let text = error.wire(waiting.command.spec.name);
            engine.stats.count_error(&text);
            out.error(&text);
        }
    }
    waiting.client.post(Message::Served { blocking: waiting.serial, reply: out.into_inner() });
    true
}

/// Adds the shards that serving the waiters of the shards held may write to. (All of them, not only those who wait
/// for keys of the command: a transaction may change its database, and serving one may make a key of another ready.)
pub(crate) fn add_destinations(held: &Held<'_>, shards: &mut ShardSet) {
    let keyspace = held.keyspace();
    for shard in held.iter().filter(|shard| shard.waiters.has_destinations()) {
        shards.extend(shard.waiters.destinations().map(|key| keyspace.shard_of(keyspace.key(key).hash)));
    }
    normalise(shards);
}
