//! How a library comes in: by `FUNCTION LOAD`, `FUNCTION RESTORE`, a file or a log.

use std::sync::Arc;
use std::time::Duration;

use spinel_family::{Args, CommandError, Encoder, is_token};
use spinel_script::{
    Engine as _, Engines, Host, LogLevel as ScriptLevel, Propagate, UnknownCommand, Verdict, library_head,
};

use super::payload::{libraries_of, library_name};
use super::table::{Library, Table};
use super::{Libraries, machine_of};
use crate::Engine;
use crate::log::LogLevel;
use crate::scripting::host::log_level;

/// How long a library that a client sends may run while it registers its functions.
const CLIENT_PATIENCE: Duration = Duration::from_millis(500);
/// How long one of a file may.
const FILE_PATIENCE: Duration = Duration::from_secs(10);

/// What becomes of libraries that are there when others are restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// They go.
    Flush,
    /// They stay, and must not be restored.
    Append,
    /// They stay, but for those that are restored.
    Replace,
}

/// The server, as a library sees it that is being loaded: it can write to the log.
struct LoadingHost<'e> {
    engine: Option<&'e Engine>,
    /// When it has to be ready, in monotonic nanoseconds.
    deadline_nanos: u64,
}

impl Host for LoadingHost<'_> {
    fn call(&mut self, _: &[&[u8]], reply: &mut Encoder) {
        reply.error("ERR redis.call/pcall can only be called inside a script invocation");
    }

    fn log(&mut self, level: ScriptLevel, message: &[u8]) {
        if let Some(engine) = self.engine {
            engine.log.write(log_level(level), &String::from_utf8_lossy(message));
        }
    }

    fn set_propagation(&mut self, _: Propagate) {}

    fn acl_check(&mut self, _: &[&[u8]]) -> Result<bool, UnknownCommand> {
        Err(UnknownCommand)
    }

    fn processor_seconds(&mut self) -> f64 {
        self.engine.map_or(0.0, |engine| engine.clock.monotonic_nanos() as f64 / 1e9)
    }

    fn interrupted(&mut self) -> Verdict {
        match self.engine {
            Some(engine) if engine.clock.monotonic_nanos() > self.deadline_nanos => {
                Verdict::Stop(b"FUNCTION LOAD timeout".to_vec())
            }
            Some(_) => Verdict::KeepAsking,
            None => Verdict::Continue,
        }
    }
}

/// Compiles a library and runs it. Without an engine it may take as long as it wants: it has been loaded before.
pub(super) fn load(
    engines: &mut Engines,
    code: &[u8],
    limits: Option<(&Engine, Duration)>,
) -> Result<Library, Vec<u8>> {
    let head = library_head(code)?;
    let Some(language) = head.language() else {
        return Err([b"Engine '", &head.engine[..], b"' not found"].concat());
    };
    let mut host = LoadingHost { engine: limits.map(|(engine, _)| engine), deadline_nanos: 0 };
    if let Some((engine, patience)) = limits {
        host.deadline_nanos = engine.clock.monotonic_nanos().saturating_add(patience.as_nanos() as u64);
        engines.interrupter().arm();
    }
    let functions: Vec<_> = engines.load_library(code, &mut host)?.into_iter().map(Into::into).collect();
    if functions.is_empty() {
        return Err(b"No functions registered".to_vec());
    }
    Ok(Library { name: head.name, engine: language.name().to_uppercase(), code: code.to_vec(), functions })
}

fn release(engines: &mut Engines, library: &Library) {
    library.functions.iter().for_each(|function| engines.release(function.script));
}

fn wrong(text: Vec<u8>) -> CommandError {
    CommandError::quoting("ERR ", &text, "")
}

fn exists(what: &str, name: &[u8], quote: &str) -> CommandError {
    CommandError::quoting(&format!("ERR {what} {quote}"), name, &format!("{quote} already exists"))
}

impl Libraries {
    /// Loads a library that a client sent; its name.
    pub(super) fn load(&self, engine: &Engine, code: &[u8], replaces: bool) -> Result<Vec<u8>, CommandError> {
        let mut machine = self.machine();
        self.renew_if_broken(engine, &mut machine)?;
        let head = library_head(code).map_err(wrong)?;
        let is_known = head.language().is_some();
        let mut table = self.table().clone();
        if is_known && !replaces && table.library(&head.name).is_some() {
            return Err(exists("Library", &head.name, "'"));
        }
        let before = table.remove(&head.name);
        let engines = machine_of(engine, &mut machine)?;
        let library = load(engines, code, Some((engine, CLIENT_PATIENCE))).map_err(wrong)?;
        if let Some(function) = table.collision(&library) {
            release(engines, &library);
            return Err(exists("Function", &function, ""));
        }
        table.insert(Arc::new(library));
        *self.table() = table;
        if let Some(before) = before {
            release(engines, &before);
        }
        Ok(head.name)
    }

    /// Removes a library; false if there is none of that name.
    pub(super) fn remove(&self, name: &[u8]) -> bool {
        let mut machine = self.machine();
        let Some(library) = self.table().remove(name) else { return false };
        if let Some(engines) = machine.as_mut().filter(|engines| !engines.is_broken()) {
            release(engines, &library);
        }
        true
    }

    /// Takes the libraries of a payload in, all or none.
    pub(super) fn restore(
        &self,
        engine: &Engine,
        payload: &[u8],
        policy: Policy,
    ) -> Result<(), CommandError> {
        let codes = libraries_of(payload)?;
        let mut machine = self.machine();
        self.renew_if_broken(engine, &mut machine)?;
        let engines = machine_of(engine, &mut machine)?;
        let mut loaded = Table::default();
        let joined = load_all(engine, engines, &codes, &mut loaded).and_then(|()| {
            let table = self.table().clone();
            join(table, &loaded, policy)
        });
        match joined {
            Ok((table, gone)) => {
                *self.table() = table;
                gone.iter().for_each(|library| release(engines, library));
                Ok(())
            }
            Err(error) => {
                loaded.libraries().for_each(|library| release(engines, library));
                Err(error)
            }
        }
    }

    /// Takes a library of a file in, in the place of the one of its name; as it is, if it cannot be loaded.
    pub(crate) fn keep(&self, engine: &Engine, code: Vec<u8>) {
        let mut machine = self.machine();
        let loaded = machine_of(engine, &mut machine)
            .map_err(|error| error.wire("function").into_owned())
            .and_then(|engines| load(engines, &code, Some((engine, FILE_PATIENCE))));
        let mut table = self.table();
        table.remove(library_name(&code).unwrap_or_default());
        let library = loaded.and_then(|library| match table.collision(&library) {
            None => Ok(library),
            Some(function) => Err([b"Function ", &function[..], b" already exists"].concat()),
        });
        let library = library.unwrap_or_else(|why| kept_only(engine, code, &why));
        table.insert(Arc::new(library));
    }

    /// Does what a `FUNCTION` command in a log does; false if it is none that a log holds.
    pub(crate) fn replay(&self, engine: &Engine, args: Args<'_>) -> bool {
        let Some(word) = args.get(1) else { return false };
        match args.len() {
            3 | 4 if is_token(word, "LOAD") => self.keep(engine, args.at(args.len() - 1).to_vec()),
            3 if is_token(word, "DELETE") => {
                self.remove(args.at(2));
            }
            2 | 3 if is_token(word, "FLUSH") => self.clear(),
            3 | 4 if is_token(word, "RESTORE") => {
                let Ok(libraries) = libraries_of(args.at(2)) else { return false };
                if args.get(3).is_some_and(|policy| is_token(policy, "FLUSH")) {
                    self.clear();
                }
                libraries.into_iter().for_each(|code| self.keep(engine, code));
            }
            _ => return false,
        }
        true
    }
}

/// A library that nothing of can be run.
fn kept_only(engine: &Engine, code: Vec<u8>, why: &[u8]) -> Library {
    let name = library_name(&code).unwrap_or_default().to_vec();
    let line = format!(
        "The library of functions '{}' cannot be loaded, it is kept as it is: {}",
        name.escape_ascii(),
        String::from_utf8_lossy(why)
    );
    engine.log.write(LogLevel::Warning, &line);
    let engine_name = library_head(&code).map(|head| head.engine).unwrap_or_default();
    let engine_name = String::from_utf8_lossy(&engine_name).to_uppercase();
    Library { name, engine: engine_name, code, functions: Vec::new() }
}

fn load_all(
    engine: &Engine,
    engines: &mut Engines,
    codes: &[Vec<u8>],
    loaded: &mut Table,
) -> Result<(), CommandError> {
    for code in codes {
        let library = load(engines, code, Some((engine, CLIENT_PATIENCE))).map_err(wrong)?;
        let error = if loaded.library(&library.name).is_some() {
            Some(exists("Library", &library.name, "'"))
        } else {
            loaded.collision(&library).map(|function| exists("Function", &function, ""))
        };
        if let Some(error) = error {
            release(engines, &library);
            return Err(error);
        }
        loaded.insert(Arc::new(library));
    }
    Ok(())
}

/// What there is when `loaded` is added to `table`, and which libraries are not there any more.
fn join(
    mut table: Table,
    loaded: &Table,
    policy: Policy,
) -> Result<(Table, Vec<Arc<Library>>), CommandError> {
    if policy == Policy::Flush {
        return Ok((loaded.clone(), table.into_libraries()));
    }
    let mut gone = Vec::new();
    for library in loaded.libraries() {
        if policy == Policy::Append && table.library(&library.name).is_some() {
            return Err(exists("Library", &library.name, ""));
        }
        gone.extend(table.remove(&library.name));
    }
    for library in loaded.libraries() {
        if let Some(function) = table.collision(library) {
            return Err(exists("Function", &function, ""));
        }
    }
    loaded.libraries().for_each(|library| table.insert(Arc::clone(library)));
    Ok((table, gone))
}
