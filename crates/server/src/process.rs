//! The process as the operating system sees it: daemon, pid file, limits, signals.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::iterator::Signals;
use spinel_engine::Engine;
use spinel_engine::config::Settings;
use spinel_engine::log::{Log, LogLevel};

use crate::logger::Logger;

/// Set in the environment of the child that goes on as the daemon.
const DAEMON_MARK: &str = "SPINEL_DAEMON";
/// Files open besides those of clients.
const RESERVED_FILES: u64 = 32;

/// A path from configured bytes.
pub(crate) fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Goes on in the background: starts itself again, detached, under the same name, and gives it what was read from standard
/// input. In the process that is to end, gives its exit code; in the daemon, `None`.
pub(crate) fn become_daemon(stdin: &[u8]) -> Option<ExitCode> {
    if std::env::var_os(DAEMON_MARK).is_some() {
        take_name();
        // The first thing the daemon does: nobody's terminal can end it.
        return rustix::process::setsid().err().map(|_| ExitCode::FAILURE);
    }
    let child = std::env::current_exe().and_then(|program| {
        let mut args = std::env::args_os();
        let name = args.next().unwrap_or_else(|| program.clone().into_os_string());
        let mut child = Command::new(program)
            .arg0(name)
            .args(args)
            .env(DAEMON_MARK, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        child.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(stdin))
    });
    match child {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("Can't go to the background: {error}");
            Some(ExitCode::FAILURE)
        }
    }
}

/// Gives the process the name that it was called by, a link's for example: tools find the daemon by it.
fn take_name() {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().and_then(|name| std::ffi::CString::new(name.as_bytes()).ok());
    if let Some(name) = name {
        // Only how the process is listed depends on it.
        let _ = rustix::thread::set_name(&name);
    }
}

/// The pid file; removed when dropped.
pub(crate) struct PidFile(Option<PathBuf>);

impl PidFile {
    /// Writes it if there is to be one. A failure is only logged, as in Redis.
    pub(crate) fn write(settings: &Settings, logger: &Logger) -> Self {
        let name = match settings.process.pidfile.as_slice() {
            b"" if settings.process.daemonize => b"/var/run/redis.pid",
            b"" => return Self(None),
            name => name,
        };
        let path = path(name).to_owned();
        match std::fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Self(Some(path)),
            Err(error) => {
                logger.write(LogLevel::Notice, &format!("Failed to write PID file: {error}"));
                Self(None)
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Raises the limit of open files to what so many clients need. Gives the number of clients that the limit allows then,
/// if that is less.
pub(crate) fn raise_file_limit(clients: u32) -> Result<(), u64> {
    let wanted = u64::from(clients) + RESERVED_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.unwrap_or(u64::MAX) >= wanted {
        return Ok(());
    }
    let maximum = limit.maximum.map_or(wanted, |maximum| maximum.max(wanted));
    let allowed = limit.maximum.unwrap_or(wanted);
    // More than the system allows so far is granted to the superuser; otherwise as much as there is.
    for (current, maximum) in [(wanted, maximum), (allowed.min(wanted), allowed)] {
        if setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: Some(maximum) }).is_ok() {
            break;
        }
    }
    match getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) {
        now if now >= wanted => Ok(()),
        now => Err(now.saturating_sub(RESERVED_FILES)),
    }
}

/// Keeps signals from ending the process; those that come wait for [`end_on_signals`].
pub(crate) fn catch_signals() -> io::Result<Signals> {
    Signals::new([SIGTERM, SIGINT, SIGHUP, SIGPIPE])
}

/// Plans the end of the engine on SIGTERM and SIGINT, as the settings say; another SIGINT ends the process at once.
pub(crate) fn end_on_signals(mut signals: Signals, engine: &Arc<Engine>) -> io::Result<()> {
    let engine = Arc::clone(engine);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let process = engine.settings().process;
            let (name, flags) = match signal {
                SIGTERM => ("SIGTERM", process.shutdown_on_sigterm),
                SIGINT => ("SIGINT", process.shutdown_on_sigint),
                _ => continue,
            };
            if signal == SIGINT && engine.insist_on_end() {
                engine.log.write(LogLevel::Warning, "You insist... exiting now.");
                std::process::exit(1);
            }
            engine.log.write(LogLevel::Warning, &format!("Received {name} scheduling shutdown..."));
            engine.plan_shutdown(flags);
        }
    })?;
    Ok(())
}
