//! The disk: snapshots and the append-only file.

use super::super::directive::{Directive, Flags};
use super::super::special;
use super::super::value::Reason;
use super::{INT_MAX, field, flag, memory, number, text, words};

const NO_SNAPSHOTS: &str = "there are no snapshots yet";
const NO_LOG: &str = "tunes the append-only file, which cannot be switched on yet";
const TEST_DELAY: &str = "slows saving or loading down for tests, and there is neither yet";
const ALWAYS_CHECKED: &str = "serialised values from outside are always checked in full";

pub(super) const DIRECTIVES: &[Directive] = &[
    super::special("dir", "", special::DIR).flags(Flags::PROTECTED.and(Flags::DENY_LOADING)),
    super::special("save", "3600 1 300 100 60 10000", special::SAVE)
        .flags(Flags::MULTI_WORD)
        .inert(NO_SNAPSHOTS),
    text("dbfilename", "dump.rdb")
        .check_text(|name| base_name(name, "dbfilename can't be a path, just a filename"))
        .flags(Flags::PROTECTED)
        .at(field!(persistence.dbfilename))
        .inert(NO_SNAPSHOTS),
    flag("rdbcompression", "yes").inert(NO_SNAPSHOTS),
    flag("rdbchecksum", "yes").flags(Flags::IMMUTABLE).inert(NO_SNAPSHOTS),
    flag("rdb-save-incremental-fsync", "yes").inert(NO_SNAPSHOTS),
    flag("stop-writes-on-bgsave-error", "yes").inert(NO_SNAPSHOTS),
    words("sanitize-dump-payload", "no", &["no", "yes", "clients"]).flags(Flags::DEBUG).inert(ALWAYS_CHECKED),
    number("rdb-key-save-delay", "0", i32::MIN as i64, INT_MAX).flags(Flags::HIDDEN).inert(TEST_DELAY),
    number("key-load-delay", "0", i32::MIN as i64, INT_MAX).flags(Flags::HIDDEN).inert(TEST_DELAY),
    number("loading-process-events-interval-bytes", "2097152", 1024, INT_MAX)
        .flags(Flags::HIDDEN)
        .inert("there is no loading yet"),
    // The append-only file.
    flag("appendonly", "no")
        .flags(Flags::DENY_LOADING)
        .at(field!(persistence.appendonly))
        .later("the append-only file"),
    text("appendfilename", "appendonly.aof")
        .check_text(|name| {
            not_empty(name, "appendfilename can't be empty")?;
            base_name(name, "appendfilename can't be a path, just a filename")
        })
        .flags(Flags::IMMUTABLE)
        .inert(NO_LOG),
    text("appenddirname", "appendonlydir")
        .check_text(|name| {
            not_empty(name, "appenddirname can't be empty")?;
            base_name(name, "appenddirname can't be a path, just a dirname")
        })
        .flags(Flags::IMMUTABLE)
        .inert(NO_LOG),
    words("appendfsync", "everysec", &["everysec", "always", "no"]).inert(NO_LOG),
    flag("no-appendfsync-on-rewrite", "no").inert(NO_LOG),
    number("auto-aof-rewrite-percentage", "100", 0, INT_MAX).inert(NO_LOG),
    memory("auto-aof-rewrite-min-size", "67108864", 0, i64::MAX).inert(NO_LOG),
    flag("aof-rewrite-incremental-fsync", "yes").inert(NO_LOG),
    flag("aof-load-truncated", "yes").inert(NO_LOG),
    flag("aof-use-rdb-preamble", "yes").inert(NO_LOG),
    flag("aof-timestamp-enabled", "no").inert(NO_LOG),
    flag("aof-disable-auto-gc", "no").inert(NO_LOG),
    words("propagation-error-behavior", "ignore", &["ignore", "panic", "panic-on-replicas"])
        .inert("writes are propagated as typed words, which cannot fail to apply"),
];

fn base_name(name: &[u8], reason: &'static str) -> Result<(), Reason> {
    if name.iter().any(|byte| matches!(byte, b'/' | b'\\')) { Err(reason.into()) } else { Ok(()) }
}

fn not_empty(name: &[u8], reason: &'static str) -> Result<(), Reason> {
    if name.is_empty() { Err(reason.into()) } else { Ok(()) }
}
