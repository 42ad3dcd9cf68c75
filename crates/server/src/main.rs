//! The `spinel` binary: wiring only. Reads the command line and the configuration, makes the engine, opens the
//! sockets, runs the loops, ends on a signal.

#![forbid(unsafe_code)]

mod banner;
mod crashes;
mod host;
mod huge_pages;
mod log_line;
mod logger;
mod oom;
mod outside;
mod process;
mod syslog;
mod title;
mod tool;

use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use spinel_engine::config::{CommandLine, Invocation, LoadError, OsDisk, Settings, load, parse_command_line};
use spinel_engine::journal::Journal;
use spinel_engine::log::{Log, LogLevel};
use spinel_engine::registry::REGISTRY;
use spinel_engine::{Engine, EngineOptions, REDIS_VERSION, SystemClock};
use spinel_net::{Listeners, LoopOptions, Loops};
use spinel_structs::aligned_alloc::AlignedAlloc;
use tikv_jemallocator::Jemalloc;

use crate::logger::Logger;
use crate::outside::Outside;

#[global_allocator]
static ALLOCATOR: AlignedAlloc<Jemalloc> = AlignedAlloc(Jemalloc);

fn main() -> ExitCode {
    #[cfg(feature = "python")]
    spinel_engine::serve_python_if_asked();
    if let Some(code) = tool::run() {
        return code;
    }
    let args: Vec<Vec<u8>> = std::env::args_os().skip(1).map(OsStringExt::into_vec).collect();
    match parse_command_line(&args) {
        CommandLine::Version => {
            println!("{}", banner::version());
            ExitCode::SUCCESS
        }
        CommandLine::Help => {
            print!("{}", banner::USAGE);
            ExitCode::FAILURE
        }
        CommandLine::Refused(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
        CommandLine::Serve(invocation) => serve(&invocation),
    }
}

fn serve(invocation: &Invocation) -> ExitCode {
    let mut stdin = Vec::new();
    if invocation.reads_stdin
        && let Err(error) = std::io::stdin().read_to_end(&mut stdin)
    {
        eprintln!("Reading the configuration from standard input: {error}");
        return ExitCode::FAILURE;
    }
    let loaded = match load(invocation, &stdin, &OsDisk, &|name| REGISTRY.find(name).is_some()) {
        Ok(loaded) => loaded,
        Err(error) => return refuse(&error),
    };
    let mut settings = loaded.settings;
    if invocation.file.is_none() && !invocation.reads_stdin {
        listen_on_loopback_only(&mut settings);
    }
    let logger = match Logger::open(&settings) {
        Ok(logger) => logger,
        Err(error) => return refuse(&LoadError::Whole(format!("Can't open the log file: {error}"))),
    };
    if settings.process.daemonize
        && let Some(code) = process::become_daemon(&stdin)
    {
        return code;
    }
    crashes::report_crashes(&settings.process, &logger);
    banner::say_hello(&logger, &settings, std::env::args_os().len() > 1);
    run(settings, loaded.config_file, logger)
}

/// Without any configuration file nobody has thought about who may connect.
fn listen_on_loopback_only(settings: &mut Settings) {
    if settings.network.bind == Settings::default().network.bind {
        settings.network.bind = vec![b"127.0.0.1".to_vec(), b"-::1".to_vec()];
    }
}

fn refuse(error: &LoadError) -> ExitCode {
    // Nobody to tell if standard error is closed.
    let _ = std::io::stderr().write_all(&error.report(&format!("Redis {REDIS_VERSION}")));
    ExitCode::FAILURE
}

fn run(settings: Settings, config_file: Option<std::path::PathBuf>, logger: Logger) -> ExitCode {
    let warn = |line: &str| logger.write(LogLevel::Warning, line);
    if let Err(error) = std::env::set_current_dir(process::path(&settings.persistence.dir)) {
        warn(&format!("Can't chdir to the working directory: {error}"));
        return ExitCode::FAILURE;
    }
    let clients = settings.network.maxclients;
    if let Err(allowed) = process::raise_file_limit(clients) {
        warn(&format!("The system allows files for {allowed} clients only, not for maxclients {clients}"));
    }
    // Whoever can connect may also end the server in good order.
    let signals = match process::catch_signals() {
        Ok(signals) => signals,
        Err(error) => {
            warn(&format!("Signals cannot be caught: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let Some(listeners) = listen(&settings, &logger) else { return ExitCode::FAILURE };
    let mut entropy = [0; 48];
    if let Err(error) = getrandom::fill(&mut entropy) {
        warn(&format!("The system gives no random numbers: {error}"));
        return ExitCode::FAILURE;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = settings.process.workers(cores);
    let pid_file = process::PidFile::write(&settings, &logger);
    let addresses = listeners.addresses().join(", ");
    let outside = Outside::new(Arc::clone(&listeners), logger.clone(), config_file.as_deref());
    outside.prepare(&settings);
    let engine = Engine::new(EngineOptions {
        settings,
        config_file,
        workers,
        clock: Box::new(SystemClock::default()),
        entropy,
        journal: Journal::default(),
        log: Box::new(logger.clone()),
    });
    engine.set_host(host::host(outside));
    warn_of_core_lists(&engine);
    if let Err(error) = process::end_on_signals(signals, &engine) {
        warn(&format!("The thread for signals cannot be started: {error}"));
        return ExitCode::FAILURE;
    }
    logger.write(LogLevel::Warning, "Server initialized");
    let shards = engine.keyspace.shards();
    let line = format!("Listening on {addresses} with {workers} event loops over {shards} shards");
    logger.write(LogLevel::Notice, &line);
    let loading = match begin_loading(&engine) {
        Ok(loading) => loading,
        Err(error) => {
            warn(&format!("The thread that loads the data set cannot be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let loops = match spinel_net::run(LoopOptions { engine: Arc::clone(&engine), listeners }) {
        Ok(loops) => loops,
        Err(error) => {
            warn(&format!("The event loops cannot be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = huge_pages::keep_merging() {
        warn(&format!("The thread for huge pages cannot be started: {error}"));
    }
    let code = wait(&engine, loading, loops, &logger);
    drop(pid_file);
    code
}

fn warn_of_core_lists(engine: &Engine) {
    for list in engine.useless_core_lists() {
        let line = format!("{list} names no CPU on which this process may run: its threads run on any");
        engine.log.write(LogLevel::Warning, &line);
    }
}

/// For how long clients wait for a data set that is being loaded before they are told so. Redis looks at its clients only
/// after each two megabytes, so clients and tests do not expect to be refused when there is little to load.
const QUIET_LOADING: Duration = Duration::from_millis(500);
/// The same while nothing of it was read: there may be nothing, and a slow disk takes its time for an empty append only
/// file.
const QUIET_BEGINNING: Duration = Duration::from_secs(10);

/// Begins to load the data set, on a thread of its own that says whether it succeeded, and waits a moment for its end.
fn begin_loading(engine: &Arc<Engine>) -> std::io::Result<JoinHandle<bool>> {
    engine.begin_loading();
    let loader = Arc::clone(engine);
    let thread = std::thread::Builder::new().name("loading".to_owned());
    let loading = thread.spawn(move || loader.load_at_start().is_ok())?;
    let since = Instant::now();
    let limit = || if engine.loaded_bytes() == 0 { QUIET_BEGINNING } else { QUIET_LOADING };
    while !loading.is_finished() && since.elapsed() < limit() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(loading)
}

/// Waits until the data set is loaded, and the loops have ended. The code says whether all is durable that should be.
fn wait(engine: &Arc<Engine>, loading: JoinHandle<bool>, loops: Loops, logger: &Logger) -> ExitCode {
    // A panic was reported by the thread itself.
    let is_loaded = loading.join().unwrap_or(false);
    if is_loaded && !engine.is_shutting_down() {
        say_ready(&engine.settings(), logger);
    } else {
        engine.request_shutdown();
    }
    loops.join();
    let is_durable = engine.finish();
    if !is_loaded {
        return ExitCode::FAILURE;
    }
    logger.write(LogLevel::Warning, "Redis is now ready to exit, bye bye...");
    if is_durable { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The lines that suites and tools wait for: one for TCP, and one of its own for a Unix socket, as in Redis.
fn say_ready(settings: &Settings, logger: &Logger) {
    logger.write(LogLevel::Notice, "Ready to accept connections");
    if !settings.network.unixsocket.is_empty() {
        let path = process::path(&settings.network.unixsocket).display();
        logger.write(LogLevel::Notice, &format!("The server is now ready to accept connections at {path}"));
    }
}

/// Opens the sockets; why that failed goes to the log.
fn listen(settings: &Settings, logger: &Logger) -> Option<Arc<Listeners>> {
    let warn = |line: &str| logger.write(LogLevel::Warning, line);
    match Listeners::open(settings) {
        Ok(listeners) if listeners.is_empty() => {
            warn("Configured to not listen anywhere, exiting.");
            None
        }
        Ok(listeners) => Some(Arc::new(listeners)),
        Err(error) => {
            warn(&format!("Warning: {error}"));
            warn(&format!("Failed listening on port {} (TCP), aborting.", settings.network.port));
            None
        }
    }
}
