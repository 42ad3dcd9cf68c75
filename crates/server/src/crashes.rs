//! What becomes of bugs: signals and panics end the process with a report in the log (`spinel_net::crash`), but for panics
//! within a command, which the threads that run commands catch.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use spinel_engine::config::Process;
use spinel_engine::host::Crash;
use spinel_engine::log::{Log, LogLevel};
use spinel_engine::panics;
use spinel_net::crash::{catch_signals, die, exit_on_panic, prepare, segfault};

use crate::logger::Logger;

/// Panics within commands whose stack goes to the log; of more only a line, lest they fill the disk.
const SHOWN_STACKS: usize = 20;

/// Has crashes reported from now on, as the settings say.
pub(crate) fn report_crashes(settings: &Process, logger: &Logger) {
    prepare(logger.file_descriptor(), format!("Spinel {}", env!("CARGO_PKG_VERSION")));
    if let Err(error) = apply(settings) {
        logger.write(LogLevel::Warning, &format!("Crashes will not be reported: {error}"));
    }
    let logger = logger.clone();
    std::panic::set_hook(Box::new(move |info| report_panic(&logger, info)));
}

/// Sets what the settings say.
pub(crate) fn apply(settings: &Process) -> std::io::Result<()> {
    exit_on_panic(settings.exit_on_panic);
    catch_signals(settings.crash_log)
}

fn report_panic(logger: &Logger, info: &PanicHookInfo<'_>) {
    static SHOWN: AtomicUsize = AtomicUsize::new(0);
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let place = info.location().map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
    if !panics::may_be_caught() {
        panic_and_die(message, &place);
    }
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("without a name");
    logger.write(LogLevel::Warning, &format!("Panic in thread {name}: {message} #{place}"));
    if SHOWN.fetch_add(1, Ordering::Relaxed) < SHOWN_STACKS {
        logger.write_plain(&format!("{}\n", Backtrace::force_capture()));
    }
}

fn panic_and_die(message: &str, place: &str) -> ! {
    die(&[
        "------------------------------------------------",
        &format!("Guru Meditation: {message} #{place}"),
    ])
}

/// Ends the process as bugs do.
pub(crate) fn crash(how: Crash) {
    match how {
        Crash::Segfault => segfault(),
        Crash::Panic => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let place = format!("{}:{}", file!(), line!());
            panic_and_die(&format!("called at Unix time {}", now.as_secs()), &place);
        }
        Crash::Assert => {
            let place = format!("{}:{}", file!(), line!());
            die(&["=== ASSERTION FAILED ===", &format!("==> {place} '1 == 2' is not true")]);
        }
    }
}
