//! What all threads share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use spinel_family::{CommandSettings, EventClasses, PayloadSettings};
use spinel_store::{EncodingLimits, HashKey, Keyspace, KeyspaceOptions};
use spinel_structs::stream::{BlockLimits, Memory};

use crate::clients::Clients;
use crate::clock::Clock;
use crate::command_log::CommandLogs;
use crate::config::{RdbVersion, Settings};
use crate::eviction::{ClientBytes, MemoryMeter};
use crate::gates::Gates;
use crate::host::Host;
use crate::inbox::Inbox;
use crate::journal::Journal;
use crate::latency::LatencyMonitor;
use crate::log::Log;
use crate::offload::Helpers;
use crate::pause::Pause;
use crate::persistence::Persistence;
use crate::pubsub::PubSub;
use crate::registry::{Command, CommandId, REGISTRY};
use crate::scripting::Scripts;
use crate::shutdown::Shutdown;
use crate::stats::{SharedStats, WorkerStats};
use crate::world::World;

/// What a new engine is made of.
pub struct EngineOptions {
    /// The settings at the start.
    pub settings: Settings,
    /// The configuration file, for CONFIG REWRITE and INFO.
    pub config_file: Option<std::path::PathBuf>,
    /// Event loops.
    pub workers: usize,
    /// Tells the time.
    pub clock: Box<dyn Clock>,
    /// Random bytes: the key of the hash function and the seed of everything else.
    pub entropy: [u8; 48],
    /// Where the journal goes.
    pub journal: Journal,
    /// Where log lines go.
    pub log: Box<dyn Log>,
}

/// The settings in force, in the forms they are read in.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) settings: Settings,
    pub(crate) for_commands: CommandSettings,
}

/// What all threads share.
pub struct Engine {
    /// The data.
    pub keyspace: Keyspace,
    /// Who listens to what.
    pub pubsub: PubSub,
    /// Everybody connected.
    pub clients: Clients,
    /// Counters changed seldom.
    pub stats: SharedStats,
    /// The door to the log.
    pub journal: Journal,
    /// Where log lines go.
    pub log: Box<dyn Log>,
    /// Tells the time.
    pub clock: Box<dyn Clock>,
    /// When the engine was made, in Unix microseconds.
    pub started_micros: i64,
    /// The configuration file.
    pub config_file: Option<std::path::PathBuf>,
    /// 40 hexadecimal digits, new at each start.
    pub run_id: String,
    pub(crate) world: World,
    pub(crate) pause: Pause,
    pub(crate) command_logs: CommandLogs,
    pub(crate) latency: LatencyMonitor,
    pub(crate) gates: Gates,
    /// How much memory counts against `maxmemory`.
    pub(crate) memory: MemoryMeter,
    /// What the buffers of all connections take.
    pub(crate) client_bytes: ClientBytes,
    pub(crate) shutdown: Shutdown,
    /// The upkeep does nothing (`DEBUG PAUSE-CRON`).
    pub(crate) upkeep_paused: AtomicBool,
    /// Names the history of the data set to replicas: 40 hexadecimal digits; protects itself.
    pub(crate) replication_id: RwLock<String>,
    pub(crate) helpers: Helpers,
    pub(crate) persistence: Persistence,
    /// Scripts, and the thread that they run on.
    pub(crate) scripts: Scripts,
    /// Keys that expired are removed in the background (`DEBUG SET-ACTIVE-EXPIRE`).
    pub(crate) active_expiry: AtomicBool,
    /// Elements larger than this get a list node of their own (`DEBUG QUICKLIST-PACKED-THRESHOLD`), in bytes.
    pub(crate) list_packed_threshold: AtomicU64,
    pub(crate) monitors: RwLock<Vec<Arc<crate::Client>>>,
    pub(crate) has_monitors: AtomicBool,
    published: RwLock<Arc<Published>>,
    generation: AtomicU64,
    workers: usize,
    inboxes: Vec<Arc<Inbox>>,
    worker_stats: Vec<Arc<WorkerStats>>,
    host: OnceLock<Host>,
    no_host: Host,
    seed: u64,
    names: Names,
}

impl Engine {
    /// Makes an engine and starts its helper threads.
    #[must_use]
    pub fn new(options: EngineOptions) -> Arc<Self> {
        let EngineOptions { settings, config_file, workers, clock, entropy, journal, log } = options;
        let (hash_key, rest) = entropy.split_at(16);
        let hash_key = hash_key.try_into().expect("the first sixteen of the bytes");
        let hash_key = HashKey::from_bytes(seeded(&settings.keyspace.hash_seed).unwrap_or(hash_key));
        let seed = u64::from_le_bytes(rest[..8].try_into().expect("eight of the bytes"));
        let run_id = rest[8..28].iter().map(|byte| format!("{byte:02x}")).collect();
        let names = Names::new(&settings);
        let shards = settings.process.shard_count(workers);
        let databases = settings.keyspace.databases as usize;
        let engine = Arc::new(Self {
            keyspace: Keyspace::new(KeyspaceOptions { shards, databases, hash_key }),
            pubsub: PubSub::default(),
            clients: Clients::default(),
            stats: SharedStats::default(),
            journal,
            log,
            started_micros: clock.unix_micros(),
            clock,
            config_file,
            run_id,
            world: World::new(workers + 1),
            workers,
            pause: Pause::default(),
            command_logs: CommandLogs::default(),
            latency: LatencyMonitor::default(),
            gates: Gates::default(),
            memory: MemoryMeter::default(),
            client_bytes: ClientBytes::default(),
            shutdown: Shutdown::default(),
            upkeep_paused: AtomicBool::new(false),
            replication_id: RwLock::new(hex_id(seed.rotate_left(17))),
            helpers: Helpers::default(),
            persistence: Persistence::default(),
            scripts: Scripts::new(&settings.scripts, workers, workers + 2),
            active_expiry: AtomicBool::new(true),
            list_packed_threshold: AtomicU64::new(EncodingLimits::default().list_packed_threshold as u64),
            monitors: RwLock::default(),
            has_monitors: AtomicBool::new(false),
            published: RwLock::new(Arc::new(Published {
                for_commands: command_settings(&settings, &Switches::default()),
                settings,
            })),
            generation: AtomicU64::new(0),
            // One more for the loading of a log, and one for scripts.
            inboxes: (0..workers + 2).map(|_| Arc::new(Inbox::default())).collect(),
            worker_stats: (0..workers + 3).map(|_| Arc::new(WorkerStats::default())).collect(),
            host: OnceLock::new(),
            no_host: Host::default(),
            seed,
            names,
        });
        engine.persistence.state.lock().last_save = engine.unix_seconds();
        engine.set_gates();
        engine.helpers.start(&engine);
        engine.scripts.start(&engine);
        engine
    }

    /// Event loops.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The letter box of a worker.
    #[must_use]
    pub fn inbox(&self, worker: usize) -> &Arc<Inbox> {
        &self.inboxes[worker]
    }

    /// The counters of every worker, then those of the loading of a log, of scripts and of the helper threads.
    #[must_use]
    pub fn worker_stats(&self) -> &[Arc<WorkerStats>] {
        &self.worker_stats
    }

    /// The counters of the helper threads.
    pub(crate) fn helper_stats(&self) -> &Arc<WorkerStats> {
        self.worker_stats.last().expect("there is one set more than workers")
    }

    /// A seed for the random numbers of thread `n`.
    pub(crate) fn seed(&self, n: usize) -> u64 {
        (self.seed ^ (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Counts publications of settings; a worker that saw another number reads them again.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// A copy of the settings in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.published().settings.clone()
    }

    /// Puts settings into force. Whoever calls this has the world exclusively, so that every command that comes
    /// after sees them.
    pub fn publish_settings(&self, settings: Settings) {
        let switches = Switches {
            list_packed_threshold: self.list_packed_threshold.load(Ordering::Relaxed) as usize,
            skip_checksums: self.persistence.skip_checksums.load(Ordering::Relaxed),
        };
        let new = Arc::new(Published { for_commands: command_settings(&settings, &switches), settings });
        *self.published.write().unwrap_or_else(std::sync::PoisonError::into_inner) = new;
        self.generation.fetch_add(1, Ordering::Release);
        self.set_gates();
    }

    /// Publishes the settings again because something beside them changed that commands see.
    pub(crate) fn republish_settings(&self) {
        self.publish_settings(self.settings());
    }

    /// Gives the engine what it needs of the program around it. Only the first call has an effect.
    pub fn set_host(&self, host: Host) {
        if self.host.set(host).is_ok() {
            let used = self.host().probe.allocated();
            self.stats.startup_memory.store(used, Ordering::Relaxed);
            self.begin_to_count_memory();
        }
    }

    /// The program around the engine; one that can do nothing until it was given.
    #[must_use]
    pub fn host(&self) -> &Host {
        self.host.get().unwrap_or(&self.no_host)
    }

    /// Makes every worker look up from waiting for sockets.
    pub(crate) fn rouse_workers(&self) {
        for inbox in &self.inboxes {
            inbox.post(crate::ClientId(0), crate::Message::Retry);
        }
    }

    /// Makes every worker look whether replies that were held back may go.
    pub(crate) fn nudge_workers(&self) {
        self.inboxes.iter().for_each(|inbox| inbox.nudge());
    }

    /// The name of the data set's history: 40 hexadecimal digits.
    #[must_use]
    pub fn replication_id(&self) -> String {
        self.replication_id.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// 40 hexadecimal digits from a seed.
pub(crate) fn hex_id(mut seed: u64) -> String {
    let mut id = String::with_capacity(40);
    while id.len() < 40 {
        seed = (seed ^ (seed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9).wrapping_add(0x9E37_79B9_7F4A_7C15);
        id.push_str(&format!("{:08x}", seed >> 32));
    }
    id
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.helpers.stop();
        self.scripts.stop();
    }
}

/// Commands under other names (`rename-command`).
struct Names(Option<HashMap<Vec<u8>, Option<CommandId>>>);

impl Names {
    fn new(settings: &Settings) -> Self {
        if settings.security.renames.is_empty() {
            return Self(None);
        }
        let mut names = HashMap::new();
        for rename in &settings.security.renames {
            let from = rename.from.to_ascii_lowercase();
            let current = names.get(&from).copied().flatten();
            let command = current.or_else(|| REGISTRY.find(&from).map(|command| command.id));
            names.insert(from, None);
            if !rename.to.is_empty() {
                names.insert(rename.to.to_ascii_lowercase(), command);
            }
        }
        Self(Some(names))
    }
}

impl Engine {
    /// A top-level command by the name that clients use here.
    #[inline]
    pub(crate) fn find_command(&self, name: &[u8]) -> Option<&'static Command> {
        match &self.names.0 {
            None => REGISTRY.find(name),
            Some(names) => match names.get(&name.to_ascii_lowercase()) {
                Some(id) => id.map(|id| REGISTRY.get(id)),
                None => REGISTRY.find(name),
            },
        }
    }
}

/// What `DEBUG` sets and commands see.
struct Switches {
    list_packed_threshold: usize,
    skip_checksums: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self { list_packed_threshold: EncodingLimits::default().list_packed_threshold, skip_checksums: false }
    }
}

/// The key of hashes that follows from `hash-seed`, if that is set.
fn seeded(seed: &[u8]) -> Option<[u8; 16]> {
    let digest = Sha256::digest(seed);
    (!seed.is_empty()).then(|| digest[..16].try_into().expect("a digest is longer"))
}

fn command_settings(settings: &Settings, switches: &Switches) -> CommandSettings {
    let payloads = crate::persistence::encode_options(settings);
    let encodings = &settings.encodings;
    CommandSettings {
        encodings: EncodingLimits {
            hash_max_listpack_entries: encodings.hash_max_listpack_entries,
            hash_max_listpack_value: encodings.hash_max_listpack_value,
            list_max_listpack_size: encodings.list_max_listpack_size,
            list_packed_threshold: switches.list_packed_threshold,
            set_max_intset_entries: encodings.set_max_intset_entries,
            set_max_listpack_entries: encodings.set_max_listpack_entries,
            set_max_listpack_value: encodings.set_max_listpack_value,
            stream_blocks: BlockLimits {
                bytes: encodings.stream_node_max_bytes,
                entries: usize::try_from(encodings.stream_node_max_entries).unwrap_or(0),
            },
            stream_memory: Memory {
                duration_s: encodings.stream_idmp_duration,
                messages: encodings.stream_idmp_maxsize,
            },
            zset_max_listpack_entries: encodings.zset_max_listpack_entries,
            zset_max_listpack_value: encodings.zset_max_listpack_value,
        },
        max_string_len: settings.limits.proto_max_bulk_len,
        hll_sparse_max_bytes: encodings.hll_sparse_max_bytes,
        notify: EventClasses(settings.keyspace.notify.bits()),
        databases: settings.keyspace.databases as u16,
        recording: settings.memory.recording(),
        shares_integers: settings.memory.shares_integers(),
        unlinks_evicted: settings.keyspace.lazyfree.eviction,
        payloads: PayloadSettings {
            version: payloads.target.number(),
            is_lowest: settings.persistence.rdb.version == RdbVersion::Auto,
            compression: payloads.compression,
            verify_checksum: !switches.skip_checksums,
        },
    }
}
