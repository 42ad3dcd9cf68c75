//! What is said at the start: version, usage, logo.

use spinel_engine::REDIS_VERSION;
use spinel_engine::config::Settings;
use spinel_engine::log::{Log, LogLevel};

use crate::logger::Logger;

/// The usage text.
pub(crate) const USAGE: &str = "\
Usage: spinel [/path/to/redis.conf] [options] [-]
       spinel - (read the configuration from standard input)
       spinel -v or --version
       spinel -h or --help

Examples:
       spinel (defaults, on the loopback interface)
       echo 'maxclients 100' | spinel -
       spinel /etc/redis/6379.conf
       spinel --port 7777
       spinel --threads 4 --shards 64
       spinel /etc/redis/6379.conf --loglevel verbose
       spinel /etc/redis/6379.conf --restore-to '2026-01-31 23:59:59.999' (UTC, once)
";

/// The line of `--version`. Test suites of clients read the first number, or what is behind the first ` v=`, and
/// choose directives by it.
pub(crate) fn version() -> String {
    format!(
        "Spinel, compatible with Redis server v={REDIS_VERSION} sha=00000000:0 malloc=jemalloc bits={} build=spinel-{}",
        usize::BITS,
        env!("CARGO_PKG_VERSION")
    )
}

/// Writes the first lines of the log.
pub(crate) fn say_hello(logger: &Logger, settings: &Settings, is_configured: bool) {
    let pid = std::process::id();
    logger.write(LogLevel::Warning, "oO0OoO0OoO0Oo Spinel is starting oO0OoO0OoO0Oo");
    let version = env!("CARGO_PKG_VERSION");
    logger.write(
        LogLevel::Warning,
        &format!(
            "Spinel version={version}, Redis version={REDIS_VERSION}, bits={}, pid={pid}, just started",
            usize::BITS
        ),
    );
    let configuration = if is_configured {
        "Configuration loaded"
    } else {
        "Warning: no config file specified, using the default config. In order to specify a config file use spinel /path/to/redis.conf"
    };
    logger.write(LogLevel::Warning, configuration);
    if settings.log.always_show_logo || logger.is_terminal() {
        logger.write_plain(&logo(settings.network.port, pid));
    } else {
        logger.write(LogLevel::Notice, &format!("Running mode=standalone, port={}.", settings.network.port));
        logger.write(LogLevel::Notice, &format!("Port: {} PID: {pid}", settings.network.port));
    }
}

fn logo(port: u16, pid: u32) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        r"
       ______
      /\    /\        Spinel {version}, speaks Redis {REDIS_VERSION}
     /  \  /  \
    /____\/____\      Running in standalone mode
    \    /\    /      Port: {port}
     \  /  \  /       PID: {pid}
      \/____\/

"
    )
}
