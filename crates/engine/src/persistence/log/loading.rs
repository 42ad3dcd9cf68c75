//! Loading the append-only file: its commands are run again, as nobody's, on a data set that nobody else may reach.
//!
//! No key expires meanwhile, whatever its time: the log says itself what became of it. So the commands are run at a time
//! long past, except for those with a time relative to now, which only logs of other servers hold, as they do scripts.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_aof::disk::{DiskFile, FileReader};
use spinel_aof::is_noted;
use spinel_aof::recovery::{Level, Loader};
use spinel_family::spec::CommandFlags;
use spinel_family::{Args, DbIndex, Encoder, OwnedArgs, UnixMillis, is_token};
use spinel_structs::number::parse_i64;

use crate::config::PropagationErrors;
use crate::log::LogLevel;
use crate::persistence::loading::{LoadError, LoadOptions};
use crate::persistence::target::KeyDelay;
use crate::replay::{Replayed, is_relative};
use crate::session::Session;
use crate::{Endpoint, Engine, Flow, Worker};

/// Seconds after which the clock of entries begins anew.
const CLOCK_SECONDS: i64 = 1 << 24;

/// How many commands that failed the log is told of by name.
const TOLD_FAILURES: u64 = 100;

/// Why data was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    Snapshot(LoadError),
    Command(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(error) => error.fmt(f),
            Self::Command(text) => f.write_str(text),
        }
    }
}

/// Runs the commands of a log.
pub(crate) struct CommandLoader {
    engine: Arc<Engine>,
    worker: Worker,
    session: Session,
    out: Encoder,
    /// Commands since `MULTI`.
    transaction: Option<Vec<OwnedArgs>>,
    /// A time at which no key has expired, with the clock of entries of now.
    long_past: UnixMillis,
    delay: KeyDelay,
    /// Commands that failed.
    failures: u64,
}

impl CommandLoader {
    pub(crate) fn new(engine: &Arc<Engine>) -> Self {
        let mut worker = Worker::for_loading(engine);
        let session = worker.connect(Endpoint::default());
        let seconds = engine.unix_seconds().rem_euclid(CLOCK_SECONDS);
        let out = Encoder::new(session.protocol);
        let delay = KeyDelay::new(engine.settings().persistence.rdb.key_load_delay);
        Self {
            engine: Arc::clone(engine),
            worker,
            session,
            out,
            transaction: None,
            // Before any time that a log may name: logs of tests name the first second of 1970.
            long_past: UnixMillis((seconds - CLOCK_SECONDS) * 1000),
            delay,
            failures: 0,
        }
    }

    fn run(&mut self, name: &str, args: Args<'_>) -> Result<(), Refused> {
        let is_function = args.get(0).is_some_and(|word| is_token(word, "FUNCTION"));
        if is_function && self.engine.scripts.libraries.replay(&self.engine, args) {
            return Ok(());
        }
        let Some(command) = self.engine.lookup(args) else {
            let word = args.get(0).unwrap_or_default().escape_ascii();
            let text = format!("Unknown command '{word}' reading the append only file {name}");
            self.engine.log.write(LogLevel::Warning, &text);
            return Err(Refused::Command(text));
        };
        if command.spec.name == "select" {
            return self.select(args);
        }
        let replayed = Replayed::of(command);
        if is_function && command.flags.has(CommandFlags::WRITE) {
            return self.note_failure(command.spec.name, replayed, "ERR wrong words or a damaged payload");
        }
        if matches!(replayed, Replayed::Nothing) {
            return Ok(());
        }
        if !command.spec.accepts(args.len()) {
            let text = format!("Wrong number of arguments for '{}' in {name}", command.spec.name);
            return Err(Refused::Command(text));
        }
        self.worker.now = if is_relative(command.spec.name, args) {
            self.engine.clock.unix_millis()
        } else {
            self.long_past
        };
        loop {
            self.out.clear();
            match self.worker.run_replayed(&mut self.session, (command, replayed), args, &mut self.out) {
                Ok(Flow::Parked) => std::thread::yield_now(),
                Ok(_) => break,
                Err(error) => {
                    let why = String::from_utf8_lossy(&error.wire(command.spec.name)).into_owned();
                    self.note_failure(command.spec.name, replayed, &why)?;
                    break;
                }
            }
        }
        self.delay.rest(1, || self.engine.is_shutting_down());
        Ok(())
    }

    /// A command failed that had not when it was recorded: of another server, or by a fault of ours. The log is told, and the rest
    /// is loaded, unless it is not to be so or the call of a script, which may be anything, cannot be made.
    fn note_failure(&mut self, name: &str, replayed: Replayed, why: &str) -> Result<(), Refused> {
        self.engine.stats.unexpected_errors.fetch_add(1, Ordering::Relaxed);
        let is_refused = match replayed {
            Replayed::Data(_) => {
                self.engine.settings().persistence.aof.propagation_errors == PropagationErrors::Panic
            }
            _ => true,
        };
        self.failures += 1;
        if is_refused || self.failures <= TOLD_FAILURES {
            let line = format!(
                "== CRITICAL == This server is sending an error to its AOF-loading-client: '{why}' after processing the \
                 command '{name}'"
            );
            self.engine.log.write(LogLevel::Warning, &line);
        }
        if is_refused {
            return Err(Refused::Command(format!(
                "'{name}' cannot be run again, and data would be missing: {why}"
            )));
        }
        Ok(())
    }

    fn select(&mut self, args: Args<'_>) -> Result<(), Refused> {
        let databases = self.engine.keyspace.databases();
        let db = args.get(1).and_then(parse_i64).and_then(|db| usize::try_from(db).ok());
        match db.filter(|db| *db < databases) {
            Some(db) => {
                self.session.select(DbIndex(db as u16));
                Ok(())
            }
            None => Err(Refused::Command(format!("There are {databases} databases only: {}", printed(args)))),
        }
    }
}

impl Drop for CommandLoader {
    fn drop(&mut self) {
        if self.failures > TOLD_FAILURES {
            let line = format!("In all {} commands of the append only file failed.", self.failures);
            self.engine.log.write(LogLevel::Warning, &line);
        }
        self.worker.disconnect(&mut self.session);
        self.engine.keyspace.wake_missed();
    }
}

impl Loader for CommandLoader {
    type Error = Refused;

    fn snapshot(&mut self, _name: &str, file: &Arc<dyn DiskFile>) -> Result<u64, Refused> {
        let options = LoadOptions { merge: false, keep_expired: true };
        let source = FileReader::new(Arc::clone(file));
        let loaded = self.engine.load_snapshot(source, options);
        loaded.map(|loaded| loaded.bytes).map_err(|error| {
            if !matches!(error, LoadError::CalledOff) {
                self.engine.log.write(LogLevel::Warning, &error.to_string());
            }
            Refused::Snapshot(error)
        })
    }

    fn command(&mut self, name: &str, args: Args<'_>) -> Result<(), Refused> {
        let word = args.get(0).unwrap_or_default();
        if is_token(word, "MULTI") {
            self.transaction = Some(Vec::new());
            return Ok(());
        }
        if is_token(word, "EXEC") {
            let queue = self.transaction.take().unwrap_or_default();
            return queue.iter().try_for_each(|args| self.run(name, args.args()));
        }
        match &mut self.transaction {
            Some(queue) => {
                queue.push(OwnedArgs::from_args(args));
                Ok(())
            }
            None => self.run(name, args),
        }
    }

    fn note(&mut self, name: &str, args: Args<'_>) -> Result<(), Refused> {
        if is_noted(args.at(0)) {
            return self.command(name, args);
        }
        self.engine.replay_registration(args).map_err(|why| {
            let text = format!("{why}, reading the append only file {name}");
            self.engine.log.write(LogLevel::Warning, &text);
            Refused::Command(text)
        })
    }

    fn drop_transaction(&mut self) {
        self.transaction = None;
    }

    fn progress(&mut self, bytes_read: u64) {
        self.engine.persistence.loading.loaded_bytes.store(bytes_read, Ordering::Relaxed);
    }

    fn is_called_off(&self) -> bool {
        self.engine.is_shutting_down()
    }

    fn log(&mut self, level: Level, line: String) {
        let level = match level {
            Level::Notice => LogLevel::Notice,
            Level::Warning => LogLevel::Warning,
        };
        self.engine.log.write(level, &line);
    }
}

/// The words of a command, for the log.
fn printed(args: Args<'_>) -> String {
    args.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}
