//! `spinel convert`: a data set from one file format into another, also into what an older server reads.
//!
//! ```text
//! input ─▶ an engine without sockets loads it, unchanged ─▶ temporary file, durable ─▶ output
//! ```
//!
//! The input is only read. The output appears whole or not at all, and never replaces anything. What the wanted version
//! cannot hold is refused by name; so is what is not known here. Keys whose time has come stay in: whoever loads the output
//! decides. Deliberately absent: a conversion as a stream. The data set has to fit into memory, as in the server it is for.

mod input;
mod output;
mod report;
mod words;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use spinel_aof::recovery::{LoadError, TornEnd};
use spinel_engine::clock::Clock;
use spinel_engine::config::Settings;
use spinel_engine::journal::Journal;
use spinel_engine::log::{Log, LogLevel};
use spinel_engine::{Engine, EngineOptions};

use self::input::Input;
use self::output::Output;
use self::words::Request;
use crate::hash_key::random_bytes;

/// As many as an engine can have: the input may come from a server with many.
const DATABASES: u32 = 65_535;

/// Runs the tool that was called as `program` with these words.
pub fn main(program: &str, words: &[String]) -> ExitCode {
    let request = match Request::parse(words) {
        Ok(request) => request,
        Err(reason) => {
            if let Some(reason) = reason {
                eprintln!("{program}: {reason}");
            }
            eprint!("{}", words::usage(program));
            return ExitCode::FAILURE;
        }
    };
    match convert(&request, &mut |line| println!("{line}")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{program}: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn convert(request: &Request, say: &mut dyn FnMut(String)) -> Result<(), String> {
    let output = Output::plan(request)?;
    let input = Input::open(&request.input)?;
    let warnings = Warnings::default();
    let engine = engine(request, warnings.clone())?;
    let torn_end = if request.drops_torn_end { TornEnd::Cut } else { TornEnd::Refuse };
    let loaded = engine
        .load_unchanged(&input.directory, torn_end)
        .map_err(|error| format!("{}{}", input.prefix, reason(&error)))?;
    let converted = output.write(&engine, request).map_err(|error| error.to_string())?;
    report::read(&input, &loaded, say);
    warnings.take().into_iter().for_each(|line| say(format!("  note: {line}")));
    report::converted(&converted, Output::form(request), say);
    report::written(&output, &converted, say);
    Ok(())
}

/// Why the input was not loaded, in one line.
fn reason(error: &LoadError) -> String {
    match error {
        LoadError::Torn { name, at, problem, boundary } => format!(
            "{name} is torn at offset {at}: {problem}. It is whole up to offset {boundary}: --force converts that much"
        ),
        other => other.to_string(),
    }
}

/// An engine that holds nothing and is reached by nobody.
fn engine(request: &Request, warnings: Warnings) -> Result<Arc<Engine>, String> {
    let mut settings = Settings::default();
    settings.process.threads = 1;
    settings.process.shards = 1;
    settings.keyspace.databases = DATABASES;
    settings.persistence.save.clear();
    settings.persistence.rdb.version = request.rdb_version;
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| "the system's clock stands before 1970".to_owned())?;
    Ok(Engine::new(EngineOptions {
        settings,
        config_file: None,
        workers: 1,
        clock: Box::new(Instant { unix_micros: since_epoch.as_micros() as i64 }),
        entropy: random_bytes(),
        journal: Journal::default(),
        log: Box::new(warnings),
    }))
}

/// A clock that stands: how long keys were not used stays exact.
#[derive(Debug)]
struct Instant {
    unix_micros: i64,
}

impl Clock for Instant {
    fn unix_micros(&self) -> i64 {
        self.unix_micros
    }

    fn monotonic_nanos(&self) -> u64 {
        0
    }
}

/// What the engine warns of; copies share it.
#[derive(Clone, Debug, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Log for Warnings {
    fn write(&self, level: LogLevel, line: &str) {
        if level == LogLevel::Warning {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
