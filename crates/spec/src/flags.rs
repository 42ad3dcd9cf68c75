//! Command flags, groups and access control categories, with their wire names.

macro_rules! bit_flags {
    ($(#[$meta:meta])* $name:ident($repr:ty) { $($(#[$doc:meta])* $flag:ident = $bit:expr, $wire:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name($repr);

        impl $name {
            /// No flag.
            pub const NONE: Self = Self(0);
            $($(#[$doc])* pub const $flag: Self = Self(1 << $bit);)*

            /// Both sets together.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether all of `other` is set.
            #[must_use]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The wire names of the flags set, in Redis's order.
            pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
                const ALL: &[($name, &str)] = &[$(($name::$flag, $wire)),*];
                ALL.iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| *name)
            }
        }
    };
}

bit_flags! {
    /// How a command behaves, as `COMMAND INFO` lists it.
    CommandFlags(u32) {
        /// May change the data set.
        WRITE = 0, "write";
        /// Only reads.
        READONLY = 1, "readonly";
        /// Refused when memory is full.
        DENYOOM = 2, "denyoom";
        /// Not for applications.
        ADMIN = 3, "admin";
        /// Publishes or subscribes.
        PUBSUB = 4, "pubsub";
        /// Not callable from scripts.
        NOSCRIPT = 5, "noscript";
        /// May block the client.
        BLOCKING = 6, "blocking";
        /// Served while the data set is loading.
        LOADING = 7, "loading";
        /// Served by a replica that lost its primary.
        STALE = 8, "stale";
        /// Not shown to monitors.
        SKIP_MONITOR = 9, "skip_monitor";
        /// Not kept in the slow log.
        SKIP_SLOWLOG = 10, "skip_slowlog";
        /// Sent to the node as if after ASKING.
        ASKING = 11, "asking";
        /// Constant or logarithmic time.
        FAST = 12, "fast";
        /// Served without authentication.
        NO_AUTH = 13, "no_auth";
        /// Served during a busy script.
        ALLOW_BUSY = 14, "allow_busy";
        /// Refused inside MULTI.
        NO_MULTI = 15, "no_multi";
        /// Keys cannot all be found by position.
        MOVABLEKEYS = 16, "movablekeys";
        /// Needs no key in cluster mode though it has some (internal).
        NO_MANDATORY_KEYS = 17, "no_mandatory_keys";
        /// Changes nothing but may be replicated.
        MAY_REPLICATE = 18, "may_replicate";
        /// Asynchronous loading does not stop it.
        NO_ASYNC_LOADING = 19, "no_async_loading";
        /// Not allowed to be sent by, or to, a cluster link.
        SENTINEL = 20, "sentinel";
        /// Refused unless the configuration allows it (internal).
        PROTECTED = 21, "protected";
    }
}

/// The documentation group of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Hashes.
    Hash,
    /// Publish and subscribe.
    Pubsub,
    /// Transactions.
    Transactions,
    /// The connection itself.
    Connection,
    /// The server itself.
    Server,
    /// Scripts and functions.
    Scripting,
    /// HyperLogLog.
    Hyperloglog,
    /// The cluster.
    Cluster,
    /// Sentinel.
    Sentinel,
    /// Geospatial indexes.
    Geo,
    /// Streams.
    Stream,
    /// Bits.
    Bitmap,
    /// Arrays.
    Array,
}

impl Group {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Hash => "hash",
            Self::Pubsub => "pubsub",
            Self::Transactions => "transactions",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Scripting => "scripting",
            Self::Hyperloglog => "hyperloglog",
            Self::Cluster => "cluster",
            Self::Sentinel => "sentinel",
            Self::Geo => "geo",
            Self::Stream => "stream",
            Self::Bitmap => "bitmap",
            Self::Array => "array",
        }
    }
}

/// An access control category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Manages keys regardless of type.
    Keyspace,
    /// Reads data.
    Read,
    /// Writes data.
    Write,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Lists.
    List,
    /// Hashes.
    Hash,
    /// Strings.
    String,
    /// Bits.
    Bitmap,
    /// HyperLogLog.
    Hyperloglog,
    /// Geospatial indexes.
    Geo,
    /// Streams.
    Stream,
    /// Publish and subscribe.
    Pubsub,
    /// Administration.
    Admin,
    /// Fast commands.
    Fast,
    /// All that is not fast.
    Slow,
    /// May block the connection.
    Blocking,
    /// Potentially dangerous.
    Dangerous,
    /// The connection itself.
    Connection,
    /// Transactions.
    Transaction,
    /// Scripts and functions.
    Scripting,
    /// Arrays.
    Array,
}

impl Category {
    /// Every category, in Redis's order.
    pub const ALL: [Self; 22] = [
        Self::Keyspace,
        Self::Read,
        Self::Write,
        Self::Set,
        Self::SortedSet,
        Self::List,
        Self::Hash,
        Self::String,
        Self::Bitmap,
        Self::Hyperloglog,
        Self::Geo,
        Self::Stream,
        Self::Pubsub,
        Self::Admin,
        Self::Fast,
        Self::Slow,
        Self::Blocking,
        Self::Dangerous,
        Self::Connection,
        Self::Transaction,
        Self::Scripting,
        Self::Array,
    ];

    /// The name on the wire, without the at sign.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keyspace => "keyspace",
            Self::Read => "read",
            Self::Write => "write",
            Self::Set => "set",
            Self::SortedSet => "sortedset",
            Self::List => "list",
            Self::Hash => "hash",
            Self::String => "string",
            Self::Bitmap => "bitmap",
            Self::Hyperloglog => "hyperloglog",
            Self::Geo => "geo",
            Self::Stream => "stream",
            Self::Pubsub => "pubsub",
            Self::Admin => "admin",
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::Blocking => "blocking",
            Self::Dangerous => "dangerous",
            Self::Connection => "connection",
            Self::Transaction => "transaction",
            Self::Scripting => "scripting",
            Self::Array => "array",
        }
    }
}

/// A documentation flag of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocFlag {
    /// Replaced by something better.
    Deprecated,
    /// Not for applications.
    Syscmd,
}

impl DocFlag {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deprecated => "deprecated",
            Self::Syscmd => "syscmd",
        }
    }
}
