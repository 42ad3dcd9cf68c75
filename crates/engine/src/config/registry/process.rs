//! The process: threads, logs, supervision, figures about itself.

use super::super::choices::{LogFormat, LogLevel, OomScoreAdj, Supervised, SyslogFacility, TimestampFormat};
use super::super::directive::{Directive, Flags};
use super::super::settings::Process;
use super::super::{cpu_list, proc_title, special};
use super::{INT_MAX, choice, count, field, flag, number, optional_text, text};

const OWN_THREADS: &str = "the number of event loops is `threads`, and each loop reads and writes for itself";

pub(super) const DIRECTIVES: &[Directive] = &[
    count("threads", "0", 0, 1024).flags(Flags::FIXED).at(field!(process.threads)),
    count("shards", "0", 0, Process::MAX_SHARDS as i64)
        .check_number(|shards| match shards {
            0 => Ok(()),
            given if given & (given - 1) == 0 => Ok(()),
            _ => Err("argument must be 0 or a power of two".into()),
        })
        .flags(Flags::FIXED)
        .at(field!(process.shards)),
    number("io-threads", "1", 1, 128).flags(Flags::DEBUG.and(Flags::IMMUTABLE)).inert(OWN_THREADS),
    flag("io-threads-do-reads", "no").flags(Flags::DEBUG.and(Flags::IMMUTABLE)).inert(OWN_THREADS),
    flag("daemonize", "no").flags(Flags::IMMUTABLE).at(field!(process.daemonize)),
    optional_text("pidfile").flags(Flags::IMMUTABLE).at(field!(process.pidfile)),
    choice::<Supervised>("supervised", "no").flags(Flags::IMMUTABLE).at(field!(process.supervised)),
    flag("set-proc-title", "yes").flags(Flags::IMMUTABLE).at(field!(process.set_proc_title)),
    text("proc-title-template", "{title} {listen-addr} {server-mode}")
        .check_text(proc_title::check)
        .at(field!(process.proc_title_template)),
    choice::<OomScoreAdj>("oom-score-adj", "no").at(field!(process.oom_score_adj)),
    super::special("oom-score-adj-values", "0 200 800", special::OOM_VALUES).flags(Flags::MULTI_WORD),
    super::special("shutdown-on-sigint", "default", special::ON_SIGINT).flags(Flags::MULTI_WORD),
    super::special("shutdown-on-sigterm", "default", special::ON_SIGTERM).flags(Flags::MULTI_WORD),
    flag("disable-thp", "yes")
        .flags(Flags::IMMUTABLE)
        .inert("huge pages only hurt a process that forks to save, and this one never does"),
    flag("jemalloc-bg-thread", "yes").inert("the allocator's purging is not ours to switch at run time"),
    text("ignore-warnings", "").inert("there is no start-up check that refuses to start and could be waived"),
    cpus("server_cpulist", "server-cpulist").at(field!(process.cpus.server)),
    cpus("bio_cpulist", "bio-cpulist").at(field!(process.cpus.background)),
    cpus("aof_rewrite_cpulist", "aof-rewrite-cpulist").at(field!(process.cpus.rewrite)),
    cpus("bgsave_cpulist", "bgsave-cpulist").at(field!(process.cpus.snapshot)),
    flag("crash-log-enabled", "yes").at(field!(process.crash_log)),
    flag("crash-memcheck-enabled", "yes")
        .inert("a test of all memory would keep a server that crashed from being started again"),
    flag("use-exit-on-panic", "no").flags(Flags::HIDDEN).at(field!(process.exit_on_panic)),
    flag("enable-debug-assert", "no")
        .flags(Flags::IMMUTABLE.and(Flags::HIDDEN))
        .inert("which checks of itself the server makes is decided when it is built"),
    number("prefetch-batch-max-size", "16", 0, 128)
        .inert("the groups of commands whose data is fetched ahead have one size"),
    flag("extended-redis-compatibility", "no").inert("clients are told of a Redis in any case"),
    number("watchdog-period", "0", 0, INT_MAX).flags(Flags::HIDDEN).later("the software watchdog"),
    // Log.
    choice::<LogLevel>("loglevel", "notice").at(field!(log.level)),
    text("logfile", "").flags(Flags::IMMUTABLE).at(field!(log.file)),
    flag("always-show-logo", "no").flags(Flags::IMMUTABLE).at(field!(log.always_show_logo)),
    choice::<LogFormat>("log-format", "legacy").at(field!(log.format)),
    choice::<TimestampFormat>("log-timestamp-format", "legacy").at(field!(log.timestamps)),
    flag("hide-user-data-from-log", "no").at(field!(log.hides_user_data)),
    flag("syslog-enabled", "no").flags(Flags::IMMUTABLE).at(field!(log.syslog.enabled)),
    text("syslog-ident", "redis").flags(Flags::IMMUTABLE).at(field!(log.syslog.ident)),
    choice::<SyslogFacility>("syslog-facility", "local0")
        .flags(Flags::IMMUTABLE)
        .at(field!(log.syslog.facility)),
    // Figures.
    number("slowlog-log-slower-than", "10000", -1, i64::MAX)
        .alias("commandlog-execution-slower-than")
        .at(field!(observation.slowlog_log_slower_than_us)),
    number("slowlog-max-len", "128", 0, i64::MAX)
        .alias("commandlog-slow-execution-max-len")
        .at(field!(observation.slowlog_max_len)),
    number("commandlog-request-larger-than", "1048576", -1, i64::MAX)
        .at(field!(observation.large_request_bytes)),
    number("commandlog-large-request-max-len", "128", 0, i64::MAX)
        .at(field!(observation.large_request_max_len)),
    number("commandlog-reply-larger-than", "1048576", -1, i64::MAX).at(field!(observation.large_reply_bytes)),
    number("commandlog-large-reply-max-len", "128", 0, i64::MAX).at(field!(observation.large_reply_max_len)),
    number("latency-monitor-threshold", "0", 0, i64::MAX)
        .at(field!(observation.latency_monitor_threshold_ms)),
    flag("latency-tracking", "yes").at(field!(observation.latency_tracking)),
    super::special("latency-tracking-info-percentiles", "50 99 99.9", special::PERCENTILES)
        .flags(Flags::MULTI_WORD),
];

/// A list of cores; any when empty. Suites set each name that is shown to its value again, and know the old ones only as
/// those that cannot be set.
const fn cpus(name: &'static str, alias: &'static str) -> Directive {
    optional_text(name).alias(alias).check_text(cpu_list::check).flags(Flags::FIXED)
}
