//! What others may know of a connection: the client's shared face, and the registry of all of them.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use spinel_family::CommandError;
use spinel_store::{Waiter, WatchFlag};

use crate::inbox::{Inbox, Message};
use crate::registry::{Command, CommandId, REGISTRY};

/// The number of a client; never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// How a connection came about, for `CLIENT LIST`.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// The peer's address and port, or the path of the unix socket with `:0`.
    pub peer: String,
    /// Our address and port.
    pub local: String,
    /// The file descriptor.
    pub fd: i64,
    /// Over a unix socket.
    pub unix: bool,
}

impl Endpoint {
    /// Whether the connection comes from this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.unix || self.peer.starts_with("127.") || self.peer.starts_with("[::1]")
    }
}

/// Flags of a client that `CLIENT LIST` shows.
#[derive(Debug, Default)]
pub struct ClientFlags {
    /// `b`: waits in a blocking operation.
    pub blocked: AtomicBool,
    /// `x`: in a transaction.
    pub in_multi: AtomicBool,
    /// `O`: a monitor.
    pub monitor: AtomicBool,
    /// `P`: a subscriber.
    pub subscriber: AtomicBool,
    /// `e`: excluded from client eviction.
    pub no_evict: AtomicBool,
    /// `T`: does not change access times.
    pub no_touch: AtomicBool,
    /// `c`: to be closed after the reply.
    pub closing: AtomicBool,
}

/// The parts of a session that others act on without asking its worker.
#[derive(Default)]
struct Shared {
    /// The blocked command, for those who unblock or kill.
    waiter: Mutex<Option<Arc<Waiter>>>,
    /// Raised when a watched key is changed; for `CLIENT LIST`.
    watch_flag: Mutex<Arc<WatchFlag>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Bytes of replies for which Redis has a buffer in every client, which counts for no limit.
const OWN_OUTPUT_BUFFER: u64 = 16 * 1024;

/// Of so many bytes of replies that wait to be sent, those that count for the limits of `client-output-buffer-limit`, and
/// that `CLIENT LIST` shows as `omem`: all, if they are more than every client has room for.
#[must_use]
pub fn counted_output(output: u64) -> u64 {
    if output > OWN_OUTPUT_BUFFER { output } else { 0 }
}

/// What kind of client one is, as the filter `TYPE` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// Sends commands.
    Normal,
    /// The server we replicate from.
    Primary,
    /// A server that replicates from us.
    Replica,
    /// Listens to a channel.
    Pubsub,
}

impl ClientKind {
    /// Understands the word of a filter.
    pub(crate) fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"master" | b"primary" => Ok(Self::Primary),
            b"slave" | b"replica" => Ok(Self::Replica),
            b"pubsub" => Ok(Self::Pubsub),
            _ => Err(CommandError::quoting("ERR Unknown client type '", word, "'")),
        }
    }
}

/// What others may know of a connection. Its own worker writes, everybody reads.
#[derive(Debug)]
pub struct Client {
    /// Its number.
    pub id: ClientId,
    /// How it came about.
    pub endpoint: Endpoint,
    /// When, in Unix milliseconds.
    pub created_ms: i64,
    /// Its last command, in Unix milliseconds.
    pub last_active_ms: AtomicI64,
    /// Its name; protects itself.
    pub name: Mutex<Vec<u8>>,
    /// `lib-name` and `lib-ver`; protects itself.
    pub library: Mutex<(Vec<u8>, Vec<u8>)>,
    /// Flags.
    pub flags: ClientFlags,
    /// It has said that it can be sent to another server, the capability `r`.
    pub can_redirect: AtomicBool,
    /// The selected database.
    pub db: AtomicU16,
    /// Channels it listens to.
    pub channels: AtomicU32,
    /// Patterns it listens to.
    pub patterns: AtomicU32,
    /// Shard channels it listens to.
    pub shard_channels: AtomicU32,
    /// Keys that it watches.
    pub watched: AtomicU32,
    /// Commands queued in its transaction, or -1.
    pub queued: AtomicI64,
    /// Bytes of commands queued in its transaction.
    pub queued_bytes: AtomicU64,
    /// Bytes received and not yet understood.
    pub query_bytes: AtomicU64,
    /// Room left in its receive buffer.
    pub query_room: AtomicU64,
    /// Bytes of the words of the command in progress.
    pub argument_bytes: AtomicU64,
    /// Bytes of replies waiting to be sent.
    pub output_bytes: AtomicU64,
    /// Room of its buffer for replies, in bytes.
    pub reply_room: AtomicU64,
    /// The most bytes that waited in it lately.
    pub reply_peak: AtomicU64,
    /// Bytes of its buffers and its state in all.
    pub total_bytes: AtomicU64,
    /// If it was evicted, how many they were then: they do not count until its connection is closed. The most there is after that.
    pub leaving_bytes: AtomicU64,
    /// The number of the last command that it gave plus one, or 0.
    last_command: AtomicU16,
    /// 2 or 3.
    pub protocol: AtomicU8,
    /// To be closed: set by whoever kills it, so that nothing more of it is run.
    pub killed: AtomicBool,
    /// What others must reach at once; each protects itself and is taken after any lock of the keyspace.
    shared: Shared,
    inbox: Arc<Inbox>,
}

impl Client {
    /// Sends it a message by way of its worker.
    pub fn post(&self, message: Message) {
        self.inbox.post(self.id, message);
    }

    /// Marks it to be closed and tells its worker. What it was blocked for goes to others from now on.
    fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        self.claim_waiter();
        self.post(Message::Kill);
    }

    /// Whether somebody killed it: nothing more reaches it.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// What kind of client it is.
    #[must_use]
    pub fn kind(&self) -> ClientKind {
        if self.flags.subscriber.load(Ordering::Relaxed) { ClientKind::Pubsub } else { ClientKind::Normal }
    }

    /// Says which command it gave last.
    #[inline]
    pub(crate) fn note_command(&self, command: Option<&Command>) {
        self.last_command.store(command.map_or(0, |command| command.id.0 + 1), Ordering::Release);
    }

    /// Which command it gave last.
    pub(crate) fn last_command(&self) -> Option<&'static Command> {
        let number = self.last_command.load(Ordering::Acquire);
        number.checked_sub(1).map(|id| REGISTRY.get(CommandId(id)))
    }

    /// Says which blocked command it waits with.
    pub(crate) fn set_waiter(&self, waiter: Option<Arc<Waiter>>) {
        *self.shared.waiter.lock().unwrap_or_else(PoisonError::into_inner) = waiter;
    }

    /// Claims its blocked command, if it has one and nobody else did: nobody will serve it any more.
    pub(crate) fn claim_waiter(&self) -> bool {
        let waiter = self.shared.waiter.lock().unwrap_or_else(PoisonError::into_inner);
        waiter.as_ref().is_some_and(|waiter| waiter.claim())
    }

    /// Says by which flag it watches keys.
    pub(crate) fn set_watch_flag(&self, flag: &Arc<WatchFlag>) {
        *self.shared.watch_flag.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(flag);
    }

    /// Whether a key that it watches was changed.
    pub(crate) fn watch_is_broken(&self) -> bool {
        self.shared.watch_flag.lock().unwrap_or_else(PoisonError::into_inner).is_raised()
    }
}

/// All clients by number.
pub struct Clients {
    next_id: AtomicU64,
    /// Protects itself; held for look-ups and copies of the list only.
    by_id: Mutex<HashMap<ClientId, Arc<Client>>>,
    count: AtomicU64,
}

impl Default for Clients {
    fn default() -> Self {
        Self { next_id: AtomicU64::new(1), by_id: Mutex::default(), count: AtomicU64::new(0) }
    }
}

impl Clients {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<ClientId, Arc<Client>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a new connection of a worker.
    pub fn add(&self, endpoint: Endpoint, inbox: &Arc<Inbox>, now_ms: i64) -> Arc<Client> {
        let id = ClientId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let client = Arc::new(Client {
            id,
            endpoint,
            created_ms: now_ms,
            last_active_ms: AtomicI64::new(now_ms),
            name: Mutex::default(),
            library: Mutex::default(),
            flags: ClientFlags::default(),
            can_redirect: AtomicBool::new(false),
            db: AtomicU16::new(0),
            channels: AtomicU32::new(0),
            watched: AtomicU32::new(0),
            patterns: AtomicU32::new(0),
            shard_channels: AtomicU32::new(0),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicU64::new(0),
            query_bytes: AtomicU64::new(0),
            query_room: AtomicU64::new(0),
            argument_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            reply_room: AtomicU64::new(0),
            reply_peak: AtomicU64::new(0),
            total_bytes: AtomicU64::new(0),
            leaving_bytes: AtomicU64::new(0),
            last_command: AtomicU16::new(0),
            protocol: AtomicU8::new(2),
            killed: AtomicBool::new(false),
            shared: Shared::default(),
            inbox: Arc::clone(inbox),
        });
        self.map().insert(id, Arc::clone(&client));
        self.count.fetch_add(1, Ordering::Relaxed);
        client
    }

    /// Forgets a connection.
    pub fn remove(&self, id: ClientId) {
        if self.map().remove(&id).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Closes all connections without a reply.
    pub(crate) fn kill_all(&self) {
        self.list().iter().for_each(|client| self.kill(client));
    }

    /// Closes a connection and forgets it at once; its worker does the rest.
    pub(crate) fn kill(&self, client: &Client) {
        client.kill();
        self.remove(client.id);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed) as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A client by number.
    #[must_use]
    pub fn get(&self, id: ClientId) -> Option<Arc<Client>> {
        self.map().get(&id).cloned()
    }

    /// All clients in order of arrival.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self.map().values().cloned().collect();
        all.sort_by_key(|client| client.id);
        all
    }
}

/// Whether a text can stand in a line of `CLIENT LIST`: no blanks, no control characters.
pub(crate) fn is_attribute(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

/// Sets a client's name.
pub(crate) fn set_name(client: &Client, name: &[u8]) -> Result<(), CommandError> {
    if !is_attribute(name) {
        return Err(CommandError::text(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    *client.name.lock().unwrap_or_else(PoisonError::into_inner) = name.to_vec();
    Ok(())
}
