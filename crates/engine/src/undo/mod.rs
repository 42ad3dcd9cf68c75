//! Runs that leave nothing if they fail: atomic scripts, and transactions begun with `MULTI ATOMIC`.
//!
//! ```text
//!  MULTI ATOMIC … EXEC ──────────────┐
//!  atomic script, its first write ───┴▶ begin_undo ─▶ commands ─▶ decide ─┬─ it succeeded: the data stays, what was held back
//!                                        │                                │  goes out: messages, events, counts, journal
//!                                        └ the store notes what was (Held)└─ it failed: the data is as it was, the rest forgotten
//! ```
//!
//! Whoever is told that a run failed may rely on it that nothing has happened: the reply is an error if and only if everything
//! was taken back. What cannot be taken back is refused ([`can_be_undone`]). Blocked clients are served after all this, as after
//! every transaction.

#[cfg(test)]
mod killing_tests;
mod transaction;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use spinel_family::{Effects, Event, UpdateContext};

pub(crate) use self::transaction::refused_in_transaction;
use crate::Worker;
use crate::aftermath::publish_event;
use crate::pubsub::Topic;
use crate::registry::{Action, Command};
use crate::transaction::Execution;

/// The commands of the engine's own that leave nothing behind, or that can be held back. In order.
const HARMLESS: &[&str] = &[
    "acl|cat",
    "acl|getuser",
    "acl|help",
    "acl|list",
    "acl|users",
    "acl|whoami",
    "backup|help",
    "backup|list",
    "backup|status",
    "client|getname",
    "client|getredir",
    "client|help",
    "client|id",
    "client|info",
    "client|list",
    "client|trackinginfo",
    "command",
    "commandlog|get",
    "commandlog|help",
    "commandlog|len",
    "command|count",
    "command|docs",
    "command|getkeys",
    "command|getkeysandflags",
    "command|help",
    "command|info",
    "command|list",
    "config|get",
    "config|help",
    "echo",
    "eval",
    "eval_ro",
    "evalsha",
    "evalsha_ro",
    "fcall",
    "fcall_ro",
    "function|dump",
    "function|help",
    "function|list",
    "function|stats",
    "info",
    "lastsave",
    "latency|doctor",
    "latency|graph",
    "latency|help",
    "latency|histogram",
    "latency|history",
    "latency|latest",
    "lolwut",
    "memory|doctor",
    "memory|help",
    "memory|malloc-stats",
    "memory|stats",
    "module|help",
    "module|list",
    "ping",
    "publish",
    "pubsub|channels",
    "pubsub|help",
    "pubsub|numpat",
    "pubsub|numsub",
    "pubsub|shardchannels",
    "pubsub|shardnumsub",
    "role",
    "script|exists",
    "script|help",
    "script|registered",
    "script|show",
    "select",
    "slowlog|get",
    "slowlog|help",
    "slowlog|len",
    "spublish",
    "time",
    "unwatch",
    "wait",
    "waitaof",
];

/// Whether a command may run where everything may be taken back.
pub(crate) fn can_be_undone(command: &Command) -> bool {
    match command.action {
        Action::Data(_) | Action::Container => true,
        Action::Session(entry) => HARMLESS.binary_search(&entry.spec.name).is_ok(),
    }
}

/// Whether a reply is an error.
pub(crate) fn is_error(reply: &[u8]) -> bool {
    matches!(reply.first(), Some(b'-' | b'!'))
}

/// Something that others are told.
enum Notice {
    /// A keyspace event.
    Event(Event),
    /// A message to a channel.
    Message { topic: Topic, channel: Box<[u8]>, payload: Box<[u8]> },
}

/// What is held back of a run until it is decided whether it stays, and where its traces begin.
pub(crate) struct Undecided {
    notices: Vec<Notice>,
    dirty: u64,
    expired: u64,
    // As they were when it began.
    recorded: usize,
    ready: usize,
    remarks: usize,
    expired_fields: u64,
    expired_members: u64,
    flushed_all: bool,
}

impl Undecided {
    /// Holds back the events of one command.
    pub(crate) fn hold_events(&mut self, effects: &mut Effects) {
        self.notices.extend(effects.events.drain(..).map(Notice::Event));
    }

    /// Holds back what one command has counted, once it is known what the journal will record of it.
    pub(crate) fn hold_counts(&mut self, effects: &mut Effects) {
        self.dirty += std::mem::take(&mut effects.dirty);
        self.expired += std::mem::take(&mut effects.expired_recorded);
    }

    /// Forgets the traces of what was taken back. (Look-ups did happen, and garbage is garbage.)
    fn forget(&self, effects: &mut Effects) {
        effects.ready.truncate(self.ready);
        effects.remarks.truncate(self.remarks);
        effects.expired_fields = self.expired_fields;
        effects.expired_members = self.expired_members;
        effects.flushed_all = self.flushed_all;
    }
}

impl Worker {
    /// Sends a message, or holds it back until it is decided whether that stays; to how many.
    pub(crate) fn publish(&mut self, topic: Topic, channel: &[u8], payload: &[u8]) -> usize {
        let pubsub = &self.engine.pubsub;
        match &mut self.undecided {
            None => pubsub.publish_on(topic, channel, payload),
            Some(undecided) => {
                let message = Notice::Message { topic, channel: channel.into(), payload: payload.into() };
                undecided.notices.push(message);
                pubsub.receivers(topic, channel)
            }
        }
    }
}

impl Execution<'_> {
    /// From now on everything may be taken back, unless that is so already.
    pub(crate) fn begin_undo(&mut self, cx: &mut UpdateContext<'_>) {
        if self.worker.undecided.is_some() {
            return;
        }
        cx.held_mut().begin_undo();
        let recorded = self.recorded.len();
        let effects = cx.effects();
        self.worker.undecided = Some(Box::new(Undecided {
            notices: Vec::new(),
            dirty: 0,
            expired: 0,
            recorded,
            ready: effects.ready.len(),
            remarks: effects.remarks.len(),
            expired_fields: effects.expired_fields,
            expired_members: effects.expired_members,
            flushed_all: effects.flushed_all,
        }));
    }

    /// Ends what [`begin_undo`](Self::begin_undo) has begun, if it has: everything stays, or nothing.
    pub(crate) fn decide(&mut self, cx: &mut UpdateContext<'_>, stays: bool) {
        let Some(undecided) = self.worker.undecided.take() else { return };
        cx.end_undo(stays);
        if !stays {
            self.recorded.truncate(undecided.recorded);
            undecided.forget(cx.effects());
            return;
        }
        let (stats, engine) = (&self.worker.stats, &self.worker.engine);
        stats.dirty.add(undecided.dirty);
        stats.expired.add(undecided.expired);
        let notify = cx.settings().notify;
        for notice in undecided.notices {
            match notice {
                Notice::Event(event) => publish_event(engine, notify, &event),
                Notice::Message { topic, channel, payload } => {
                    engine.pubsub.publish_on(topic, &channel, &payload);
                }
            }
        }
    }

    /// Runs commands; if a panic goes through them, what may be taken back is.
    pub(crate) fn guarded(
        &mut self,
        cx: &mut UpdateContext<'_>,
        run: impl FnOnce(&mut Self, &mut UpdateContext<'_>),
    ) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(self, cx))) {
            self.decide(cx, false);
            resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::REGISTRY;

    #[test]
    fn the_harmless_commands_are_in_order_and_there_are_such() {
        assert!(HARMLESS.is_sorted());
        for name in HARMLESS {
            let command = REGISTRY.all().iter().find(|command| command.spec.name == *name);
            let action = command.unwrap_or_else(|| panic!("there is no {name}")).action;
            assert!(matches!(action, Action::Session(_)), "{name}");
        }
    }

    #[test]
    fn what_changes_settings_sessions_scripts_or_files_cannot_be_undone() {
        for name in ["config|set", "function|load", "script|flush", "subscribe", "client|setname", "bgsave"] {
            let command = REGISTRY.all().iter().find(|command| command.spec.name == name);
            assert!(!can_be_undone(command.expect("there is such a command")), "{name}");
        }
    }
}
