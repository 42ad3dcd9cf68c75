//! One connection's state.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::{DbIndex, Encoder, OwnedArgs, Protocol};
use spinel_store::{Waiter, WatchFlag};

use crate::clients::{Client, ClientId};
use crate::journal::JournalPosition;
use crate::pubsub::{Subscriptions, Topic};
use crate::registry::CommandId;

/// Whether replies are sent (`CLIENT REPLY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// They are.
    #[default]
    On,
    /// None is.
    Off,
    /// The reply of the next command is not.
    SkipNext,
    /// The reply of this command is not.
    Skip,
}

/// Commands queued between MULTI and EXEC.
#[derive(Default)]
pub struct Transaction {
    /// The commands.
    pub queue: Vec<(CommandId, OwnedArgs)>,
    /// A command was refused: EXEC answers EXECABORT.
    pub broken: bool,
    /// An error of one command takes back all of them.
    pub is_atomic: bool,
    /// Bytes of the queued words.
    pub bytes: usize,
}

/// Bytes that a watched key takes beside its name: in the session, and in the table of its shard.
const WATCH_BYTES: usize = size_of::<Watched>() + 64;

/// A key that a session watches.
#[derive(Debug)]
pub struct Watched {
    /// The database.
    pub db: DbIndex,
    /// The key.
    pub key: Box<[u8]>,
    /// It existed when the watch began.
    pub was_there: bool,
}

/// A blocked command of a session.
pub struct Blocked {
    /// Registered under its keys.
    pub waiter: Arc<Waiter>,
    /// The keys, in the database.
    pub keys: Vec<Box<[u8]>>,
    /// The database.
    pub db: DbIndex,
    /// The command.
    pub command: CommandId,
    /// Its words.
    pub args: OwnedArgs,
    /// When it ends without success, in monotonic nanoseconds.
    pub deadline_nanos: Option<u64>,
    /// Which blocking of the session this is.
    pub serial: u64,
    /// How long its first attempt took, in nanoseconds.
    pub nanos: u64,
    /// Its reply is not sent (`CLIENT REPLY`).
    pub silent: bool,
}

impl Blocked {
    /// Takes back the reply that began at `start`, if none is wanted.
    pub(crate) fn silence(&self, start: usize, out: &mut Encoder) {
        if self.silent {
            out.truncate(start);
        }
    }
}

/// One connection's state.
pub struct Session {
    /// Its shared face.
    pub client: Arc<Client>,
    /// The selected database.
    pub db: DbIndex,
    /// The protocol of its replies.
    pub protocol: Protocol,
    /// It gave the password, or none is needed.
    pub authenticated: bool,
    /// The open transaction.
    pub transaction: Option<Transaction>,
    /// Keys it watches.
    pub watched: Vec<Watched>,
    /// Bytes that these take.
    pub watched_bytes: usize,
    /// Raised when one of them is changed.
    pub watch_flag: Arc<WatchFlag>,
    /// What it listens to.
    pub subscriptions: Subscriptions,
    /// Whether replies are sent.
    pub reply_mode: ReplyMode,
    /// The blocked command.
    pub blocked: Option<Blocked>,
    /// Blockings so far.
    pub blockings: u64,
    /// Where its last write ends in the journal.
    pub written_to: JournalPosition,
    /// A command of it runs on a helper thread.
    pub moved: bool,
    /// The words of the command under way, if it is large: who runs it elsewhere need not copy them.
    pub large: Option<Arc<OwnedArgs>>,
    /// It watches all commands.
    pub monitor: bool,
    /// It does not change access times.
    pub no_touch: bool,
    /// It was refused a debugger, for the script that it sends next.
    pub wants_debugger: bool,
}

impl Session {
    /// The state of a new connection.
    #[must_use]
    pub fn new(client: Arc<Client>, authenticated: bool) -> Self {
        Self {
            client,
            db: DbIndex(0),
            protocol: Protocol::Resp2,
            authenticated,
            transaction: None,
            watched: Vec::new(),
            watched_bytes: 0,
            watch_flag: Arc::new(WatchFlag::default()),
            subscriptions: Subscriptions::default(),
            reply_mode: ReplyMode::On,
            blocked: None,
            blockings: 0,
            written_to: JournalPosition::default(),
            moved: false,
            large: None,
            monitor: false,
            no_touch: false,
            wants_debugger: false,
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> ClientId {
        self.client.id
    }

    /// Selects a database.
    pub fn select(&mut self, db: DbIndex) {
        self.db = db;
        self.client.db.store(db.0, Ordering::Relaxed);
    }

    /// Notes where something that it had written ends in the journal.
    #[inline]
    pub(crate) fn note_written(&mut self, end: JournalPosition) {
        self.written_to = self.written_to.max(end);
    }

    /// Sets the protocol.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        let number = if protocol == Protocol::Resp3 { 3 } else { 2 };
        self.client.protocol.store(number, Ordering::Relaxed);
    }

    /// Watches one more key.
    pub(crate) fn add_watched(&mut self, watched: Watched) {
        self.watched_bytes += WATCH_BYTES + 2 * watched.key.len();
        self.watched.push(watched);
        self.client.watched.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes of queued commands, watched keys and subscriptions.
    #[inline]
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        let queued = self.transaction.as_ref().map_or(0, |transaction| transaction.bytes);
        queued + self.watched_bytes + self.subscriptions.bytes()
    }

    /// Whether it speaks RESP2 and listens to something: few commands are allowed then.
    #[inline]
    #[must_use]
    pub fn only_listens(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.subscriptions.any()
    }

    /// Whether nothing about it restricts which commands may run: it may do everything, and waits for no EXEC.
    #[inline]
    #[must_use]
    pub(crate) fn is_plain(&self) -> bool {
        self.authenticated && self.transaction.is_none() && !self.monitor && !self.only_listens()
    }

    /// Copies the counts of its subscriptions to its shared face.
    pub fn publish_subscriptions(&self) {
        let count = |topic| self.subscriptions.count(topic) as u32;
        self.client.channels.store(count(Topic::Channel), Ordering::Relaxed);
        self.client.patterns.store(count(Topic::Pattern), Ordering::Relaxed);
        self.client.shard_channels.store(count(Topic::ShardChannel), Ordering::Relaxed);
        self.client.flags.subscriber.store(self.subscriptions.any(), Ordering::Relaxed);
    }

    /// Copies the state of its transaction to its shared face.
    pub fn publish_transaction(&self) {
        let (queued, bytes) = match &self.transaction {
            Some(transaction) => (transaction.queue.len() as i64, transaction.bytes as u64),
            None => (-1, 0),
        };
        self.client.queued.store(queued, Ordering::Relaxed);
        self.client.queued_bytes.store(bytes, Ordering::Relaxed);
        self.client.flags.in_multi.store(queued >= 0, Ordering::Relaxed);
    }
}
