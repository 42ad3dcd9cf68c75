//! The disk: snapshots and the append-only file.

use super::super::choices::{AppendFsync, PropagationErrors, RdbVersion};
use super::super::directive::{Directive, Flags};
use super::super::special;
use super::super::value::Reason;
use super::{INT_MAX, choice, field, flag, memory, number, optional_text, text, words};

const ALWAYS_CHECKED: &str = "serialised values from outside are always checked in full";

pub(super) const DIRECTIVES: &[Directive] = &[
    super::special("dir", "", special::DIR).flags(Flags::PROTECTED.and(Flags::DENY_LOADING)),
    super::special("save", "3600 1 300 100 60 10000", special::SAVE).flags(Flags::MULTI_WORD),
    text("dbfilename", "dump.rdb")
        .check_text(|name| base_name(name, "dbfilename can't be a path, just a filename"))
        .flags(Flags::PROTECTED)
        .at(field!(persistence.dbfilename)),
    choice::<RdbVersion>("rdb-version", "auto").at(field!(persistence.rdb.version)),
    flag("rdbcompression", "yes").at(field!(persistence.rdb.compression)),
    flag("rdbchecksum", "yes").flags(Flags::IMMUTABLE).at(field!(persistence.rdb.checksum)),
    flag("rdb-save-incremental-fsync", "yes").at(field!(persistence.rdb.incremental_fsync)),
    flag("stop-writes-on-bgsave-error", "yes").at(field!(persistence.rdb.stop_writes_on_error)),
    words("sanitize-dump-payload", "no", &["no", "yes", "clients"]).flags(Flags::DEBUG).inert(ALWAYS_CHECKED),
    words("rdb-version-check", "strict", &["strict", "relaxed"]).later("loading files of unknown versions"),
    number("rdb-key-save-delay", "0", i32::MIN as i64, INT_MAX)
        .flags(Flags::HIDDEN)
        .at(field!(persistence.rdb.key_save_delay)),
    number("key-load-delay", "0", i32::MIN as i64, INT_MAX)
        .flags(Flags::HIDDEN)
        .at(field!(persistence.rdb.key_load_delay)),
    number("loading-process-events-interval-bytes", "2097152", 1024, INT_MAX)
        .flags(Flags::HIDDEN)
        .at(field!(persistence.rdb.loading_interval_bytes)),
    // The append-only file.
    flag("appendonly", "no").flags(Flags::DENY_LOADING).at(field!(persistence.aof.enabled)),
    text("appendfilename", "appendonly.aof")
        .check_text(|name| {
            not_empty(name, "appendfilename can't be empty")?;
            base_name(name, "appendfilename can't be a path, just a filename")
        })
        .flags(Flags::IMMUTABLE)
        .at(field!(persistence.aof.filename)),
    text("appenddirname", "appendonlydir")
        .check_text(|name| {
            not_empty(name, "appenddirname can't be empty")?;
            base_name(name, "appenddirname can't be a path, just a dirname")
        })
        .flags(Flags::IMMUTABLE)
        .at(field!(persistence.aof.dirname)),
    choice::<AppendFsync>("appendfsync", "everysec").at(field!(persistence.aof.fsync)),
    flag("no-appendfsync-on-rewrite", "no").at(field!(persistence.aof.no_fsync_on_rewrite)),
    number("auto-aof-rewrite-percentage", "100", 0, INT_MAX).at(field!(persistence.aof.rewrite_percentage)),
    memory("auto-aof-rewrite-min-size", "67108864", 0, i64::MAX).at(field!(persistence.aof.rewrite_min_size)),
    flag("aof-rewrite-incremental-fsync", "yes").at(field!(persistence.aof.incremental_fsync)),
    flag("aof-load-truncated", "yes").at(field!(persistence.aof.load_truncated)),
    flag("aof-use-rdb-preamble", "yes").at(field!(persistence.aof.rdb_preamble)),
    flag("aof-timestamp-enabled", "no").at(field!(persistence.aof.timestamps)),
    flag("aof-disable-auto-gc", "no").at(field!(persistence.aof.keep_history)),
    // Backups, of Redis 8.10.
    text("backupdirname", "backupdir")
        .check_text(|name| {
            not_empty(name, "backupdirname can't be empty")?;
            base_name(name, "backupdirname can't be a path, just a dirname")
        })
        .flags(Flags::FIXED)
        .at(field!(persistence.backup.dirname)),
    number("backup-sealed-ttl", "0", 0, i64::MAX).at(field!(persistence.backup.sealed_ttl)),
    optional_text("preload-file")
        .check_text(preload_file)
        .flags(Flags::FIXED)
        .at(field!(persistence.preload_file)),
    choice::<PropagationErrors>("propagation-error-behavior", "ignore")
        .at(field!(persistence.aof.propagation_errors)),
];

fn preload_file(value: &[u8]) -> Result<(), Reason> {
    if value.is_empty() {
        return Ok(());
    }
    let path = value.strip_prefix(b"aof:/").or_else(|| value.strip_prefix(b"rdb:/"));
    let path = path.ok_or("argument must be in the format '[aof|rdb]:[filename]'")?;
    let is_normalized = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    if !path.split(|byte| *byte == b'/').all(is_normalized) {
        return Err("preload-file path must be a normalized absolute file path".into());
    }
    let dot = path.iter().rposition(|byte| *byte == b'.');
    if dot.is_none_or(|dot| dot + 1 == path.len()) {
        return Err("preload-file must end with an extension".into());
    }
    Ok(())
}

fn base_name(name: &[u8], reason: &'static str) -> Result<(), Reason> {
    if name.iter().any(|byte| matches!(byte, b'/' | b'\\')) { Err(reason.into()) } else { Ok(()) }
}

fn not_empty(name: &[u8], reason: &'static str) -> Result<(), Reason> {
    if name.is_empty() { Err(reason.into()) } else { Ok(()) }
}
