//! What the server reads: every honoured directive as a typed field, grouped by topic.
//!
//! A [`Settings`] is never changed in place once published: CONFIG SET makes a changed copy, the engine lets
//! whatever must act on it act (listening sockets, for one) and then swaps the shared pointer. So a reader
//! sees all of a change or nothing of it, and reading costs a load and no lock.
//!
//! Defaults are not said here but in the [registry](super::registry), once. Bytes are raw: names and
//! passwords need not be UTF-8, and an empty text means "not set".

use std::collections::BTreeMap;

use spinel_aof::Moment;

use spinel_store::usage::{Decay, Recording};

use super::choices::{
    AppendFsync, LogFormat, LogLevel, MaxmemoryPolicy, OomScoreAdj, PropagationErrors, ProtectedAction,
    RdbVersion, ScriptMode, Supervised, SyslogFacility, TimestampFormat,
};
use super::notify::NotifyFlags;
use super::output_buffers::OutputBufferLimits;
use super::registry;
use super::special::{Rename, SavePoint};
use super::value::Value;

/// The settings of a server at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where clients connect, and how many may.
    pub network: Network,
    /// What a client may make the server hold.
    pub limits: Limits,
    /// What scripts and functions may do.
    pub scripts: Scripts,
    /// What transactions do.
    pub transactions: Transactions,
    /// When a value leaves its compact encoding.
    pub encodings: Encodings,
    /// Databases, their upkeep and their events.
    pub keyspace: Keyspace,
    /// What is forgotten when memory runs out.
    pub memory: Memory,
    /// Logs of slow and large commands, and latency figures.
    pub observation: Observation,
    /// The server's own log.
    pub log: Log,
    /// The process as the operating system sees it.
    pub process: Process,
    /// Who may do what.
    pub security: Security,
    /// What reaches the disk, and where.
    pub persistence: Persistence,
    /// What replicas must be there.
    pub replication: Replication,
    /// Values of directives that have no meaning here yet, by name, where they differ from the default.
    pub(super) unread: BTreeMap<&'static str, Value>,
}

impl Default for Settings {
    /// Every directive at its default; `dir` is empty until the loader has asked for the working directory.
    fn default() -> Self {
        let mut settings = Self::unset();
        registry::apply_defaults(&mut settings);
        settings
    }
}

impl Settings {
    fn unset() -> Self {
        Self {
            network: Network::default(),
            limits: Limits::default(),
            scripts: Scripts::default(),
            transactions: Transactions::default(),
            encodings: Encodings::default(),
            keyspace: Keyspace::default(),
            memory: Memory::default(),
            observation: Observation::default(),
            log: Log::default(),
            process: Process::default(),
            security: Security::default(),
            persistence: Persistence::default(),
            replication: Replication::default(),
            unread: BTreeMap::new(),
        }
    }
}

/// Where clients connect, and how many may.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// TCP port; 0 for none.
    pub port: u16,
    /// Addresses to listen on; `-` before one means that its failure is tolerated, `*` and `::*` mean all.
    pub bind: Vec<Vec<u8>>,
    /// Path of the unix socket; empty for none.
    pub unixsocket: Vec<u8>,
    /// Permission bits of the unix socket; 0 leaves them to the umask.
    pub unixsocketperm: u32,
    /// Group of the unix socket; empty leaves it to the process.
    pub unixsocketgroup: Vec<u8>,
    /// Connections accepted at one socket in one turn of the loop that accepts.
    pub max_new_connections: usize,
    /// Where the machine stands, for clients that ask; empty for unknown.
    pub availability_zone: Vec<u8>,
    /// Length of the listen queue.
    pub tcp_backlog: u32,
    /// Seconds between keep-alive probes; 0 for none.
    pub tcp_keepalive: u32,
    /// Seconds after which an idle client is closed; 0 for never.
    pub timeout: u32,
    /// Clients connected at once.
    pub maxclients: u32,
    /// Refuse clients from other machines while there is no password and no explicit address.
    pub protected_mode: bool,
}

/// What a client may make the server hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Bytes of a client's unprocessed input.
    pub client_query_buffer: u64,
    /// Bytes of one argument, and of a string value.
    pub proto_max_bulk_len: u64,
    /// Output waiting to be sent, per class.
    pub output_buffers: OutputBufferLimits,
    /// Keys remembered for client-side caching; 0 for no limit.
    pub tracking_table_max_keys: u64,
    /// Milliseconds after which a running script or module command answers others with BUSY; 0 for never.
    pub busy_reply_threshold_ms: i64,
}

/// What scripts and functions may do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scripts {
    /// Lua has `getfenv`, `setfenv` and `newproxy`.
    pub lua_deprecated_api: bool,
    /// Which scripts may run.
    pub mode: ScriptMode,
    /// A folder of scripts that are registered at the start; empty for none.
    pub directory: Vec<u8>,
    /// Who may register scripts, and bring unregistered ones where only registered ones may run.
    pub enable_register: ProtectedAction,
    /// A script or function that fails leaves nothing, whether it asks for that or not.
    pub are_atomic: bool,
    /// Bytes that the values of one script may take.
    pub memory_limit: u64,
    /// How long a script may run that can be ended without leaving half of its writes; 0 for as long as it likes.
    pub time_limit_ms: i64,
}

/// What transactions do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transactions {
    /// An error of one command takes back all, whether the client asks for that or not.
    pub are_atomic: bool,
}

/// When a value leaves its compact encoding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encodings {
    /// Fields of a hash in a listpack.
    pub hash_max_listpack_entries: usize,
    /// Bytes of a field or value of a hash in a listpack.
    pub hash_max_listpack_value: usize,
    /// Size of a list's node: positive for elements, -1 to -5 for 4, 8, 16, 32, 64 KiB.
    pub list_max_listpack_size: i32,
    /// Members of a set of integers.
    pub set_max_intset_entries: usize,
    /// Members of a set in a listpack.
    pub set_max_listpack_entries: usize,
    /// Bytes of a member of a set in a listpack.
    pub set_max_listpack_value: usize,
    /// Members of a sorted set in a listpack.
    pub zset_max_listpack_entries: usize,
    /// Bytes of a member of a sorted set in a listpack.
    pub zset_max_listpack_value: usize,
    /// Bytes of a sparse HyperLogLog.
    pub hll_sparse_max_bytes: usize,
    /// Bytes of a stream's node; 0 for no limit.
    pub stream_node_max_bytes: usize,
    /// Entries of a stream's node; 0 for no limit.
    pub stream_node_max_entries: i64,
    /// Seconds for which a new stream remembers the messages of producers.
    pub stream_idmp_duration: u32,
    /// Messages of each producer that it remembers.
    pub stream_idmp_maxsize: u32,
}

/// Databases, their upkeep and their events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keyspace {
    /// Number of databases.
    pub databases: u32,
    /// Upkeep turns per second, 1 to 500.
    pub hz: u32,
    /// Whether upkeep speeds up with many clients.
    pub dynamic_hz: bool,
    /// Event classes that are published.
    pub notify: NotifyFlags,
    /// What is freed elsewhere instead of at once.
    pub lazyfree: Lazyfree,
    /// What the order of keys follows from; empty for chance.
    pub hash_seed: Vec<u8>,
}

/// What is freed elsewhere instead of at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lazyfree {
    /// Evicted values.
    pub eviction: bool,
    /// Expired values.
    pub expire: bool,
    /// Values replaced by a command, such as the target of RENAME.
    pub server_del: bool,
    /// DEL behaves as UNLINK.
    pub user_del: bool,
    /// FLUSHALL, FLUSHDB and SCRIPT FLUSH without SYNC or ASYNC behave as with ASYNC.
    pub user_flush: bool,
}

/// What is forgotten when memory runs out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Bytes beyond which keys are evicted or writes refused; 0 for no limit.
    pub maxmemory: u64,
    /// Which keys go first.
    pub maxmemory_policy: MaxmemoryPolicy,
    /// Keys looked at for each eviction.
    pub maxmemory_samples: u32,
    /// How long eviction insists, 0 to 100.
    pub maxmemory_eviction_tenacity: u32,
    /// Bytes for all clients together; negative for a percentage of `maxmemory`, 0 for no limit.
    pub maxmemory_clients: i64,
    /// How slowly the access counter saturates.
    pub lfu_log_factor: u32,
    /// Minutes after which the access counter is halved or lowered; 0 for never.
    pub lfu_decay_time: u32,
}

impl Memory {
    /// How the use of keys is recorded.
    pub fn recording(&self) -> Recording {
        if self.maxmemory_policy.counts_frequency() {
            Recording::Frequency(Decay { log_factor: self.lfu_log_factor, minutes: self.lfu_decay_time })
        } else if self.maxmemory_policy.counts_modifications() {
            Recording::Modification
        } else {
            Recording::Recency
        }
    }

    /// Whether small integers are said to be shared: not where each must know when it was used.
    pub fn shares_integers(&self) -> bool {
        let policy = self.maxmemory_policy;
        self.maxmemory == 0 || !policy.counts_frequency() && !policy.counts_idle_time()
    }
}

/// Slow log and latency figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// Microseconds from which a command enters the slow log; 0 for every command, negative for none.
    pub slowlog_log_slower_than_us: i64,
    /// Entries kept in the slow log.
    pub slowlog_max_len: u64,
    /// Bytes from which a request enters the log of large ones; 0 for every request, negative for none.
    pub large_request_bytes: i64,
    /// Entries kept in that log; 0 for no log.
    pub large_request_max_len: u64,
    /// Bytes from which a reply enters the log of large ones; 0 for every reply, negative for none.
    pub large_reply_bytes: i64,
    /// Entries kept in that log; 0 for no log.
    pub large_reply_max_len: u64,
    /// Milliseconds from which an event is recorded for LATENCY; 0 for none.
    pub latency_monitor_threshold_ms: i64,
    /// Whether a histogram is kept per command.
    pub latency_tracking: bool,
    /// Percentiles of those histograms that INFO shows, 0 to 100.
    pub latency_percentiles: Vec<f64>,
}

/// The server's own log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// Least level that is written.
    pub level: LogLevel,
    /// Path; empty for standard output.
    pub file: Vec<u8>,
    /// Whether the logo is shown even where the output is no terminal.
    pub always_show_logo: bool,
    /// What a line looks like.
    pub format: LogFormat,
    /// How a line tells the time.
    pub timestamps: TimestampFormat,
    /// Whether what clients sent is left out of the lines.
    pub hides_user_data: bool,
    /// The system's log, as a second place for lines.
    pub syslog: Syslog,
}

/// The system's log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Syslog {
    /// Whether lines go there, too.
    pub enabled: bool,
    /// What lines begin with.
    pub ident: Vec<u8>,
    /// What kind of program says so.
    pub facility: SyslogFacility,
}

/// The process as the operating system sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Event loops; 0 for one per core. See [`workers`](Self::workers).
    pub threads: usize,
    /// Parts of the keyspace; 0 for eight per worker. See [`shard_count`](Self::shard_count).
    pub shards: usize,
    /// Run in the background.
    pub daemonize: bool,
    /// Path of the file that holds the process id; empty for none, or the system's default when daemonized.
    pub pidfile: Vec<u8>,
    /// Cores for its threads.
    pub cpus: Cpus,
    /// Who is told when the server is ready.
    pub supervised: Supervised,
    /// Whether the title in the process list is set.
    pub set_proc_title: bool,
    /// What the title says. See [`expand_title`](super::expand_title).
    pub proc_title_template: Vec<u8>,
    /// Whether the score for the out-of-memory killer is managed.
    pub oom_score_adj: OomScoreAdj,
    /// That score for a primary, a replica and a background child.
    pub oom_score_adj_values: [i32; 3],
    /// What SIGINT does.
    pub shutdown_on_sigint: ShutdownFlags,
    /// What SIGTERM does.
    pub shutdown_on_sigterm: ShutdownFlags,
    /// Whether crashes are reported.
    pub crash_log: bool,
    /// Whether a panic ends the process with a code, not with a signal.
    pub exit_on_panic: bool,
}

impl Process {
    /// Shards at most.
    pub const MAX_SHARDS: usize = 4096;

    /// The number of event loops on a machine with `cores` cores.
    pub fn workers(&self, cores: usize) -> usize {
        if self.threads == 0 { cores.max(1) } else { self.threads }
    }

    /// The number of shards, a power of two.
    pub fn shard_count(&self, workers: usize) -> usize {
        const SHARDS_PER_WORKER: usize = 8;
        match self.shards {
            0 => workers.saturating_mul(SHARDS_PER_WORKER).clamp(1, Self::MAX_SHARDS).next_power_of_two(),
            given => given,
        }
    }
}

/// Cores that threads are kept to, as lists like `0,2,4-7` or `0-7:2`; empty for any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cpus {
    /// Event loops.
    pub server: Vec<u8>,
    /// Threads that help them.
    pub background: Vec<u8>,
    /// The thread that rewrites the append-only file.
    pub rewrite: Vec<u8>,
    /// The thread that writes a snapshot.
    pub snapshot: Vec<u8>,
}

/// What a signal adds to a shutdown; nothing set is the default behaviour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownFlags(pub(super) u8);

impl ShutdownFlags {
    /// Save even without save points.
    pub const SAVE: Self = Self(1);
    /// Do not save even with save points.
    pub const NOSAVE: Self = Self(1 << 1);
    /// Do not wait for replicas.
    pub const NOW: Self = Self(1 << 2);
    /// Ignore errors that would forbid the exit.
    pub const FORCE: Self = Self(1 << 3);

    /// The flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every flag of `other` is set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Security {
    /// Password of the default user; empty for none.
    pub requirepass: Vec<u8>,
    /// Who may use DEBUG.
    pub enable_debug_command: ProtectedAction,
    /// Who may set protected directives.
    pub enable_protected_configs: ProtectedAction,
    /// Commands renamed or removed at start, in order.
    pub renames: Vec<Rename>,
}

/// What reaches the disk, and where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Persistence {
    /// Working directory, absolute once loaded.
    pub dir: Vec<u8>,
    /// File name of the snapshot.
    pub dbfilename: Vec<u8>,
    /// When a snapshot is due; none for never.
    pub save: Vec<SavePoint>,
    /// How snapshots are written and read.
    pub rdb: Rdb,
    /// The append-only file.
    pub aof: Aof,
    /// Backups.
    pub backup: Backup,
    /// What is loaded at the start instead of the files of this server: `aof:` or `rdb:` and a path; empty for nothing.
    pub preload_file: Vec<u8>,
}

/// Backups by command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backup {
    /// Name of the directory they go into, inside the working directory.
    pub dirname: Vec<u8>,
    /// Seconds after which a sealed one is removed; 0 for never.
    pub sealed_ttl: i64,
}

/// How snapshots are written and read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rdb {
    /// Version of the format that is written.
    pub version: RdbVersion,
    /// Whether strings are compressed.
    pub compression: bool,
    /// Whether a checksum is written and verified.
    pub checksum: bool,
    /// Whether what was written is made durable bit by bit, so that the end takes no longer.
    pub incremental_fsync: bool,
    /// Whether writes are refused after a background save that failed.
    pub stop_writes_on_error: bool,
    /// Microseconds to rest after each key saved, or, if negative, keys saved for each microsecond of rest.
    pub key_save_delay: i64,
    /// Microseconds to rest after each key loaded, or, if negative, keys loaded for each microsecond of rest.
    pub key_load_delay: i64,
    /// Bytes loaded between two looks at what else there is to do.
    pub loading_interval_bytes: u64,
}

/// The append-only file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aof {
    /// Whether writes are logged.
    pub enabled: bool,
    /// What the names of its files begin with.
    pub filename: Vec<u8>,
    /// Name of the directory that holds them, inside the working directory.
    pub dirname: Vec<u8>,
    /// When what was written is made durable.
    pub fsync: AppendFsync,
    /// Whether it is not made durable while a snapshot or rewrite is being written.
    pub no_fsync_on_rewrite: bool,
    /// By how many percent the file has grown when it is rewritten; 0 for never.
    pub rewrite_percentage: u32,
    /// Bytes below which it is not rewritten.
    pub rewrite_min_size: u64,
    /// Whether a rewrite is made durable bit by bit.
    pub incremental_fsync: bool,
    /// Whether a file that ends in the middle of a command is loaded up to there.
    pub load_truncated: bool,
    /// What becomes of a command of a log that fails.
    pub propagation_errors: PropagationErrors,
    /// Whether the base file is a snapshot rather than commands.
    pub rdb_preamble: bool,
    /// Whether the time is noted among the commands.
    pub timestamps: bool,
    /// Whether files that a rewrite made superfluous are kept.
    pub keep_history: bool,
    /// The moment to which the log is restored at the start. No directive: only the command line has it.
    pub restore_to: Option<Moment>,
}

/// What replicas must be there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replication {
    /// Replicas without which writes are refused; 0 for none.
    pub min_replicas_to_write: u32,
    /// Seconds since a replica's last sign of life after which it no longer counts; 0 switches the refusal off.
    pub min_replicas_max_lag: u32,
}
