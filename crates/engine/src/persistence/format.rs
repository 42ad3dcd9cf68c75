//! The two forms of a snapshot: the RDB format, and commands that make the data set again (the base of an append-only file
//! with `aof-use-rdb-preamble no`).

use spinel_family::{DbIndex, UnixMillis};
use spinel_rdb::encode::{
    Attributes, EncodeOptions, Progress, ValueEncoder, put_aux, put_entry, put_eof, put_function, put_header,
    put_key, put_resize_db, put_select_db,
};
use spinel_rdb::{Checksum, MemberTimesEncoder, OwnKeyEncoder, Target};
use spinel_store::Entry;
use spinel_store::usage::{Decay, Recording, idle_seconds};

use super::as_commands::CommandEncoder;
use crate::Engine;
use crate::REDIS_VERSION;
use crate::config::{RdbVersion, Settings};
use crate::scripting::Kept;

/// Keys of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DbKeys {
    pub(crate) db: DbIndex,
    pub(crate) keys: u64,
    pub(crate) expiring: u64,
}

/// What is written of the use of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    Nothing,
    /// Seconds since the last use, at this time.
    Idle(UnixMillis),
    /// The counter of uses, at this time.
    Frequency(Decay, UnixMillis),
}

/// What a file says about itself.
#[derive(Clone, Debug)]
struct About {
    version: &'static str,
    now_seconds: i64,
    used_memory: u64,
    is_aof_base: bool,
}

/// The form of a snapshot.
#[derive(Clone, Debug)]
pub(crate) enum Format {
    Rdb(Box<Rdb>),
    Commands {
        /// When its instant was, in Unix seconds; files for servers that know no lines but commands do not say it.
        now_seconds: Option<i64>,
        code: Code,
    },
}

/// The RDB format with its options.
#[derive(Clone, Debug)]
pub(crate) struct Rdb {
    options: EncodeOptions,
    /// The version is the lowest that can hold the data.
    is_lowest: bool,
    usage: Usage,
    about: About,
    code: Code,
}

/// Code that a snapshot holds besides keys.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    /// Libraries of functions.
    functions: Vec<Vec<u8>>,
    /// Registered scripts.
    scripts: Kept,
}

impl Code {
    fn of(engine: &Engine) -> Self {
        Self { functions: engine.scripts.libraries.list(), scripts: engine.scripts.registered.kept() }
    }
}

/// The options for values that are written now.
pub(crate) fn encode_options(settings: &Settings) -> EncodeOptions {
    let rdb = &settings.persistence.rdb;
    let target = match rdb.version {
        // Sets as listpacks, which need version 11, are not among our encodings. Where fields of hashes expire, it is
        // [`EXPIRING`].
        RdbVersion::Auto | RdbVersion::V10 => Target::V10,
        RdbVersion::V9 => Target::V9,
        RdbVersion::V11 => Target::V11,
        RdbVersion::V12 => Target::V12,
        RdbVersion::Valkey80 => Target::Valkey80,
    };
    EncodeOptions { compression: rdb.compression, target, is_lowest: rdb.version == RdbVersion::Auto }
}

/// The auxiliary field of a registered script. Other servers pass over fields that they do not know.
pub(crate) const REGISTERED_SCRIPT: &[u8] = b"spinel-script";

/// The version for a value, or for a data set, in which fields of hashes expire, if any that can hold it is welcome.
pub(crate) const EXPIRING: Target = Target::V12;

impl Format {
    /// The RDB format as the settings want it.
    pub(crate) fn rdb(engine: &Engine, settings: &Settings, is_aof_base: bool) -> Self {
        let (policy, now) = (settings.memory.maxmemory_policy, engine.clock.unix_millis());
        let usage = match settings.memory.recording() {
            Recording::Frequency(decay) => Usage::Frequency(decay, now),
            Recording::Recency | Recording::Modification if policy.counts_idle_time() => Usage::Idle(now),
            Recording::Recency | Recording::Modification => Usage::Nothing,
        };
        Self::rdb_with_usage(engine, settings, is_aof_base, usage)
    }

    /// The RDB format, with something or nothing about the use of each key.
    pub(crate) fn rdb_with_usage(
        engine: &Engine,
        settings: &Settings,
        is_aof_base: bool,
        usage: Usage,
    ) -> Self {
        let about = About {
            version: REDIS_VERSION,
            now_seconds: engine.unix_seconds(),
            used_memory: engine.host().probe.memory().allocated,
            is_aof_base,
        };
        let is_lowest = settings.persistence.rdb.version == RdbVersion::Auto;
        let (options, code) = (encode_options(settings), Code::of(engine));
        Self::Rdb(Box::new(Rdb { options, is_lowest, usage, about, code }))
    }

    /// Commands.
    pub(crate) fn commands(engine: &Engine) -> Self {
        Self::Commands { now_seconds: Some(engine.unix_seconds()), code: Code::of(engine) }
    }

    /// Commands only, as servers before Redis 7.0 read them.
    pub(crate) fn bare_commands(engine: &Engine) -> Self {
        Self::Commands { now_seconds: None, code: Code::of(engine) }
    }

    /// Tells it the code of its instant: what was loaded or registered since it was made.
    pub(crate) fn tell_code(&mut self, engine: &Engine) {
        let code = match self {
            Self::Rdb(rdb) => &mut rdb.code,
            Self::Commands { code, .. } => code,
        };
        *code = Code::of(engine);
    }

    /// Tells it the time of its instant: who restores the log to a point in time must know what is in it for certain.
    pub(crate) fn tell_time(&mut self, seconds: i64) {
        match self {
            Self::Rdb(rdb) => rdb.about.now_seconds = seconds,
            Self::Commands { now_seconds, .. } => *now_seconds = Some(seconds),
        }
    }

    /// Tells it that fields of hashes expire in the data set.
    pub(crate) fn tell_of_expiring_fields(&mut self) {
        if let Self::Rdb(rdb) = self
            && rdb.is_lowest
        {
            rdb.options.target = EXPIRING;
        }
    }

    /// Appends what stands before the first key.
    pub(crate) fn put_head(&self, out: &mut Vec<u8>, counts: &[DbKeys]) {
        let rdb = match self {
            Self::Rdb(rdb) => rdb,
            Self::Commands { now_seconds, code } => {
                if let Some(seconds) = now_seconds {
                    out.extend_from_slice(format!("#TS:{seconds}\r\n").as_bytes());
                    code.scripts.payloads().for_each(|script| super::as_commands::put_script(out, &script));
                }
                return code.functions.iter().for_each(|code| super::as_commands::put_function(out, code));
            }
        };
        let about = &rdb.about;
        put_header(out, rdb.options.target);
        put_aux(out, b"redis-ver", about.version.as_bytes());
        put_aux(out, b"redis-bits", b"64");
        put_aux(out, b"ctime", about.now_seconds.to_string().as_bytes());
        put_aux(out, b"used-mem", about.used_memory.to_string().as_bytes());
        put_aux(out, b"aof-base", if about.is_aof_base { b"1" } else { b"0" });
        for script in rdb.code.scripts.payloads() {
            put_aux(out, REGISTERED_SCRIPT, &script);
        }
        for code in &rdb.code.functions {
            put_function(out, code, rdb.options);
        }
        for of_db in counts {
            put_select_db(out, of_db.db.0);
            put_resize_db(out, of_db.keys, of_db.expiring);
        }
    }

    /// The database that a file is in behind its head: the last that it counts.
    pub(crate) fn db_behind_head(&self, counts: &[DbKeys]) -> Option<DbIndex> {
        match self {
            Self::Rdb(_) => counts.last().map(|of_db| of_db.db),
            Self::Commands { .. } => None,
        }
    }

    /// Appends what stands behind the last key; the checksum has gone over everything before.
    pub(crate) fn put_foot(&self, out: &mut Vec<u8>, checksum: Option<Checksum>) {
        if let Self::Rdb(_) = self {
            put_eof(out, checksum);
        }
    }

    /// Appends that what follows belongs to a database.
    pub(crate) fn put_select(&self, out: &mut Vec<u8>, db: DbIndex) {
        match self {
            Self::Rdb(_) => put_select_db(out, db.0),
            Self::Commands { .. } => super::as_commands::put_select(out, db),
        }
    }

    /// Appends a key.
    pub(crate) fn put_entry(&self, out: &mut Vec<u8>, entry: &Entry) {
        match self {
            Self::Rdb(rdb) => put_entry(out, entry.key(), entry.value(), rdb.attributes(entry), rdb.options),
            Self::Commands { now_seconds, .. } => {
                while CommandEncoder::new(entry, now_seconds.is_some()).put_some(out, usize::MAX) {}
            }
        }
    }

    /// Begins to append a key whose value is large.
    pub(crate) fn begin_entry<'e>(&self, out: &mut Vec<u8>, entry: &'e Entry) -> EntryEncoder<'e> {
        match self {
            Self::Rdb(rdb) => {
                let key = KeyEncoder { entry, attributes: rdb.attributes(entry), options: rdb.options };
                if let Some(own) = key.own() {
                    return EntryEncoder::Own(own);
                }
                match MemberTimesEncoder::new(entry.value()) {
                    Some(times) => EntryEncoder::MemberTimes(times, key),
                    None => EntryEncoder::Rdb(key.put(out)),
                }
            }
            Self::Commands { now_seconds, .. } => {
                EntryEncoder::Commands(CommandEncoder::new(entry, now_seconds.is_some()))
            }
        }
    }
}

impl Rdb {
    fn attributes(&self, entry: &Entry) -> Attributes {
        let (idle_seconds, frequency) = match self.usage {
            Usage::Nothing => (None, None),
            Usage::Idle(now) => (Some(idle_seconds(entry.access(), now)), None),
            Usage::Frequency(decay, now) => (None, Some(decay.count(entry.access(), now))),
        };
        Attributes { expiry: entry.expiry(), idle_seconds, frequency }
    }
}

/// A key that is still to be written.
#[derive(Clone, Copy)]
pub(crate) struct KeyEncoder<'e> {
    entry: &'e Entry,
    attributes: Attributes,
    options: EncodeOptions,
}

impl<'e> KeyEncoder<'e> {
    /// If the type is ours alone, what writes all of it.
    fn own(self) -> Option<OwnKeyEncoder<'e>> {
        OwnKeyEncoder::new(self.entry.key(), self.entry.value(), self.attributes, self.options)
    }

    /// Appends what stands before the value.
    fn put(self, out: &mut Vec<u8>) -> ValueEncoder<'e> {
        put_key(out, self.entry.key(), self.entry.value(), self.attributes, self.options)
    }
}

/// Appends a large value bit by bit.
pub(crate) enum EntryEncoder<'e> {
    /// When members of it expire, which stands before the key.
    MemberTimes(MemberTimesEncoder<'e>, KeyEncoder<'e>),
    Rdb(ValueEncoder<'e>),
    /// A key of a type that is ours alone.
    Own(OwnKeyEncoder<'e>),
    Commands(CommandEncoder<'e>),
}

impl EntryEncoder<'_> {
    /// Appends about so many bytes; false if that was all.
    pub(crate) fn put_some(&mut self, out: &mut Vec<u8>, bytes: usize) -> bool {
        match self {
            Self::MemberTimes(times, key) => {
                if times.step(out, bytes) == Progress::Done {
                    *self = Self::Rdb(key.put(out));
                }
                true
            }
            Self::Rdb(encoder) => encoder.step(out, bytes) == Progress::More,
            Self::Own(own) => own.step(out, bytes) == Progress::More,
            Self::Commands(encoder) => encoder.put_some(out, bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::engine;

    #[test]
    fn code_that_comes_before_the_instant_of_a_snapshot_is_in_it() {
        let engine = engine(Settings::default());
        let mut formats = [Format::rdb(&engine, &engine.settings(), true), Format::commands(&engine)];
        let library = b"#!lua name=late\nredis.register_function('f', function() end)";
        engine.scripts.libraries.keep(&engine, library.to_vec());
        for format in &mut formats {
            let mut head = Vec::new();
            format.put_head(&mut head, &[]);
            assert!(!String::from_utf8_lossy(&head).contains("name=late"));
            format.tell_code(&engine);
            format.put_head(&mut head, &[]);
            assert!(String::from_utf8_lossy(&head).contains("name=late"));
        }
    }
}
