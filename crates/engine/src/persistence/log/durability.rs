//! What of the log outlives a power cut, and the clients that wait for it (`WAITAOF`).
//!
//! A session knows where its last write ends ([`Session::written_to`](crate::session::Session)). Whoever writes or syncs the
//! log publishes how far it is durable and answers those who waited for less. Under `everysec` they do not wait for the
//! second to pass: as soon as what they wait for is in the file, the syncing thread is called. While it syncs, more of them
//! gather, and the next sync serves them all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spinel_family::{Encoder, Protocol};
use spinel_store::Waiter;

use super::{Log, Writing};
use crate::clients::Client;
use crate::journal::JournalPosition;
use crate::server_commands::reply_acknowledged;
use crate::{ClientId, Engine, Message};

/// What those get who wait for a log that is turned off, and those who begin to.
pub(crate) const LOG_IS_OFF: &str =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// Nobody waits for a position.
const NOBODY: u64 = u64::MAX;

/// A client that waits.
pub(crate) struct Waiting {
    pub(crate) client: Arc<Client>,
    pub(crate) waiter: Arc<Waiter>,
    /// Which of its blockings it is.
    pub(crate) serial: u64,
    /// For what; `None` if it waits for replicas too, which never answer.
    pub(crate) position: Option<JournalPosition>,
}

/// How far the log is durable.
pub(crate) struct Durability {
    /// Up to where, plus one; 0 while the files do not hold the data set.
    end: AtomicU64,
    /// The least position that somebody waits for. Stored under `waiting`.
    lowest: AtomicU64,
    /// Protects itself. Taken after `Log::writing`.
    waiting: Mutex<HashMap<ClientId, Waiting>>,
    /// Somebody wants a sync before its time.
    sync_is_wanted: AtomicBool,
}

impl Default for Durability {
    fn default() -> Self {
        Self {
            end: AtomicU64::new(0),
            lowest: AtomicU64::new(NOBODY),
            waiting: Mutex::default(),
            sync_is_wanted: AtomicBool::new(false),
        }
    }
}

impl Durability {
    fn waiting(&self) -> MutexGuard<'_, HashMap<ClientId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files do not hold the data set from now on.
    pub(super) fn end(&self) {
        self.end.store(0, Ordering::SeqCst);
    }

    /// Forgets a client that does not wait any more.
    pub(crate) fn forget(&self, client: ClientId) {
        self.waiting().remove(&client);
    }

    /// Whether somebody wanted a sync since the last call.
    pub(super) fn take_wish(&self) -> bool {
        self.sync_is_wanted.load(Ordering::Relaxed) && self.sync_is_wanted.swap(false, Ordering::SeqCst)
    }

    /// Tells those who wait that the log is turned off.
    pub(super) fn disappoint_waiting(&self) {
        let mut waiting = self.waiting();
        self.lowest.store(NOBODY, Ordering::SeqCst);
        let all = waiting.drain().map(|(_, waiting)| waiting);
        all.for_each(|waiting| waiting.client.post(Message::Fail { text: LOG_IS_OFF }));
    }

    /// Those who waited for what is durable now. What the others wait for becomes `lowest`.
    fn take_satisfied(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let end = self.end.load(Ordering::SeqCst);
        let is_satisfied =
            |_: &ClientId, waiting: &mut Waiting| waiting.position.is_some_and(|position| position.0 < end);
        let satisfied = waiting.extract_if(is_satisfied).map(|(_, waiting)| waiting).collect();
        let left = waiting.values().filter_map(|waiting| waiting.position);
        self.lowest.store(left.min().map_or(NOBODY, |position| position.0), Ordering::SeqCst);
        satisfied
    }
}

impl Log {
    /// Whether what was recorded before `position` outlives a power cut.
    pub(crate) fn is_durable(&self, position: JournalPosition) -> bool {
        self.reached(position).0 < self.durability.end.load(Ordering::SeqCst)
    }

    /// What was written down in a log that came to an end is in the base of the next one.
    fn reached(&self, position: JournalPosition) -> JournalPosition {
        position.min(self.appended())
    }

    /// Answers a client as soon as what it waits for is durable, which may be now.
    pub(crate) fn wait_until_durable(&self, mut waiting: Waiting) {
        let durability = &self.durability;
        waiting.position = waiting.position.map(|position| self.reached(position));
        {
            let mut all = durability.waiting();
            if let Some(JournalPosition(position)) = waiting.position {
                durability.lowest.fetch_min(position, Ordering::SeqCst);
            }
            all.insert(waiting.client.id, waiting);
        }
        self.release();
        self.want_sync();
    }

    /// Answers those who waited for what is durable now.
    fn release(&self) {
        if self.durability.lowest.load(Ordering::SeqCst) >= self.durability.end.load(Ordering::SeqCst) {
            return;
        }
        for Waiting { client, waiter, serial, .. } in self.durability.take_satisfied() {
            if waiter.claim() {
                let mut out = Encoder::new(Protocol::Resp2);
                reply_acknowledged(true, &mut out);
                client.post(Message::Served { blocking: serial, reply: out.into_inner() });
            }
        }
    }

    /// Calls the syncing thread, unless it was called.
    fn want_sync(&self) {
        if !self.durability.sync_is_wanted.swap(true, Ordering::SeqCst) {
            self.sync_bell.ring();
        }
    }
}

impl Engine {
    /// Tells those who wait how far the log is durable.
    pub(super) fn publish_durability(&self, writing: &Writing) {
        let log = &self.journal.log;
        let durability = &log.durability;
        let holds_all = writing.has_begun && !log.is_for_backup();
        let end = if holds_all { writing.writer.durable().0 + 1 } else { 0 };
        if durability.end.load(Ordering::Relaxed) != end {
            durability.end.store(end, Ordering::SeqCst);
        }
        log.release();
        // The end of a sync that runs is published again.
        let lowest = durability.lowest.load(Ordering::SeqCst);
        if lowest != NOBODY
            && holds_all
            && lowest <= writing.writer.written().0
            && !writing.writer.is_syncing()
        {
            log.want_sync();
        }
    }
}
