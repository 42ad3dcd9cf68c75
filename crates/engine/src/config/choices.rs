//! The closed sets of words that honoured directives choose from.

use super::value::Choice;

/// How much is logged; an entry is written when its level is at least this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Connections and periodic figures too.
    Verbose,
    /// What an operator wants to know.
    #[default]
    Notice,
    /// Only what needs attention.
    Warning,
}

impl Choice for LogLevel {
    const WORDS: &'static [&'static str] = &["debug", "verbose", "notice", "warning"];
    const MEANINGS: &'static [Self] = &[Self::Debug, Self::Verbose, Self::Notice, Self::Warning];
}

/// What kind of program writes to the system's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogFacility {
    /// One of a user's.
    User,
    /// Whatever the operator takes the number for, 0 to 7.
    Local(u8),
}

impl Default for SyslogFacility {
    fn default() -> Self {
        Self::Local(0)
    }
}

impl Choice for SyslogFacility {
    const WORDS: &'static [&'static str] =
        &["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];
    const MEANINGS: &'static [Self] = &[
        Self::User,
        Self::Local(0),
        Self::Local(1),
        Self::Local(2),
        Self::Local(3),
        Self::Local(4),
        Self::Local(5),
        Self::Local(6),
        Self::Local(7),
    ];
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// As in Redis: process and role, time, a mark for the level, text.
    #[default]
    Legacy,
    /// Words of the form `name=value`.
    Logfmt,
    /// An object.
    Json,
}

impl Choice for LogFormat {
    const WORDS: &'static [&'static str] = &["legacy", "logfmt", "json"];
    const MEANINGS: &'static [Self] = &[Self::Legacy, Self::Logfmt, Self::Json];
}

/// How a line of the log tells the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampFormat {
    /// As in Redis: `23 Nov 2026 08:34:09.037`.
    #[default]
    Legacy,
    /// With the zone: `2026-11-23T08:34:09.037+00:00`.
    Iso8601,
    /// Milliseconds of Unix time.
    Milliseconds,
}

impl Choice for TimestampFormat {
    const WORDS: &'static [&'static str] = &["legacy", "iso8601", "milliseconds"];
    const MEANINGS: &'static [Self] = &[Self::Legacy, Self::Iso8601, Self::Milliseconds];
}

/// When what was appended to the log is made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppendFsync {
    /// When the operating system thinks fit.
    No,
    /// Before a write is answered.
    Always,
    /// Once a second.
    #[default]
    EverySecond,
}

impl Choice for AppendFsync {
    const WORDS: &'static [&'static str] = &["everysec", "always", "no"];
    const MEANINGS: &'static [Self] = &[Self::EverySecond, Self::Always, Self::No];
}

/// What becomes of a command that was accepted elsewhere, or once, and fails when it is run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PropagationErrors {
    /// The log is told.
    #[default]
    Ignore,
    /// The data set is not loaded.
    Panic,
}

impl Choice for PropagationErrors {
    const WORDS: &'static [&'static str] = &["ignore", "panic", "panic-on-replicas"];
    // There are no replicas.
    const MEANINGS: &'static [Self] = &[Self::Ignore, Self::Panic, Self::Ignore];
}

/// The version of the format in which snapshots are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RdbVersion {
    /// The lowest that can hold the data without changing their encodings, so that as many servers as possible read it.
    #[default]
    Auto,
    /// Redis 5.0 to 6.2.
    V9,
    /// Redis 7.0.
    V10,
    /// Redis from 7.2 and Valkey.
    V11,
    /// Redis from 7.4.
    V12,
    /// Valkey from 9.0.
    Valkey80,
}

impl Choice for RdbVersion {
    const WORDS: &'static [&'static str] = &["auto", "9", "10", "11", "12", "80"];
    const MEANINGS: &'static [Self] =
        &[Self::Auto, Self::V9, Self::V10, Self::V11, Self::V12, Self::Valkey80];
}

/// Which keys may be evicted when memory runs out, and how they are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxmemoryPolicy {
    /// Least recently used among keys with an expiry.
    VolatileLru,
    /// Least frequently used among keys with an expiry.
    VolatileLfu,
    /// Any key with an expiry.
    VolatileRandom,
    /// The key that expires soonest.
    VolatileTtl,
    /// Least recently used of all.
    AllkeysLru,
    /// Least frequently used of all.
    AllkeysLfu,
    /// Any key.
    AllkeysRandom,
    /// Least recently modified among keys with an expiry.
    VolatileLrm,
    /// Least recently modified of all.
    AllkeysLrm,
    /// None: writes that need memory are refused.
    #[default]
    NoEviction,
}

impl MaxmemoryPolicy {
    /// Whether access frequency is counted instead of access time (OBJECT FREQ answers, OBJECT IDLETIME does
    /// not).
    pub fn counts_frequency(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Whether the time of the last use decides what is evicted.
    pub fn counts_idle_time(self) -> bool {
        matches!(self, Self::VolatileLru | Self::AllkeysLru | Self::VolatileLrm | Self::AllkeysLrm)
    }

    /// Whether the time of the last change counts as that of the last use.
    pub fn counts_modifications(self) -> bool {
        matches!(self, Self::VolatileLrm | Self::AllkeysLrm)
    }

    /// Whether only keys with an expiry may be evicted.
    pub fn spares_persistent_keys(self) -> bool {
        match self {
            Self::VolatileLru
            | Self::VolatileLfu
            | Self::VolatileRandom
            | Self::VolatileTtl
            | Self::VolatileLrm => true,
            Self::AllkeysLru
            | Self::AllkeysLfu
            | Self::AllkeysRandom
            | Self::AllkeysLrm
            | Self::NoEviction => false,
        }
    }

    /// The directive's word, as INFO shows it.
    pub fn word(self) -> &'static str {
        let position = Self::MEANINGS.iter().position(|&policy| policy == self);
        Self::WORDS[position.expect("every policy is listed among the meanings")]
    }
}

impl Choice for MaxmemoryPolicy {
    const WORDS: &'static [&'static str] = &[
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lrm",
        "allkeys-lrm",
        "noeviction",
    ];
    const MEANINGS: &'static [Self] = &[
        Self::VolatileLru,
        Self::VolatileLfu,
        Self::VolatileRandom,
        Self::VolatileTtl,
        Self::AllkeysLru,
        Self::AllkeysLfu,
        Self::AllkeysRandom,
        Self::VolatileLrm,
        Self::AllkeysLrm,
        Self::NoEviction,
    ];
}

/// Who supervises the process and is told when it is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supervised {
    /// Upstart: the process stops itself with SIGSTOP when ready.
    Upstart,
    /// systemd: readiness goes to `NOTIFY_SOCKET`.
    Systemd,
    /// Whichever of the two the environment names.
    Auto,
    /// Nobody.
    #[default]
    No,
}

impl Choice for Supervised {
    const WORDS: &'static [&'static str] = &["upstart", "systemd", "auto", "no"];
    const MEANINGS: &'static [Self] = &[Self::Upstart, Self::Systemd, Self::Auto, Self::No];
}

/// Whether `oom_score_adj` of the process is managed, and relative to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OomScoreAdj {
    /// Left alone.
    #[default]
    No,
    /// `oom-score-adj-values` are added to the score at start.
    Relative,
    /// `oom-score-adj-values` are written as they are.
    Absolute,
}

impl Choice for OomScoreAdj {
    const WORDS: &'static [&'static str] = &["no", "yes", "relative", "absolute"];
    const MEANINGS: &'static [Self] = &[Self::No, Self::Relative, Self::Relative, Self::Absolute];
}

/// Which scripts may run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScriptMode {
    /// Whatever a client sends.
    #[default]
    Any,
    /// Those that are registered.
    Registered,
}

impl Choice for ScriptMode {
    const WORDS: &'static [&'static str] = &["any", "registered"];
    const MEANINGS: &'static [Self] = &[Self::Any, Self::Registered];
}

/// From where a dangerous command or setting may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtectedAction {
    /// From nowhere.
    #[default]
    No,
    /// From every connection.
    Yes,
    /// From loopback and unix-socket connections.
    Local,
}

impl ProtectedAction {
    /// Whether a connection may act; `is_local` says that it came over loopback or a unix socket.
    pub fn allows(self, is_local: bool) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Local => is_local,
        }
    }
}

impl Choice for ProtectedAction {
    const WORDS: &'static [&'static str] = &["no", "yes", "local"];
    const MEANINGS: &'static [Self] = &[Self::No, Self::Yes, Self::Local];
}
