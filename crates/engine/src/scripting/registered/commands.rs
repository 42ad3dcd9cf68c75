//! `SCRIPT REGISTER`, `SCRIPT UNREGISTER` and `SCRIPT REGISTERED`.

use std::sync::Arc;

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{Command, CommandError, Encoder, Many, OwnedArgs, is_token};
use spinel_script::script_head;

use super::keeping::payload_of;
use super::name::{BAD_NAME, BAD_VERSION, Id, Name, Version};
use super::payload::{BAD_SOURCE, fit_by, is_fit_source};
use super::refusal::who;
use super::table::{Entry, Origin, Table};
use crate::log::LogLevel;
use crate::persistence::registration;
use crate::scripting::alone::Place;
use crate::scripting::hold_everything;
use crate::scripting::known::{Digest, digest_of, shown};
use crate::session::{SessionCommand, SessionContext};
use crate::{Engine, Flow};

/// Bytes of the texts of all that are registered by command.
const MAX_BYTES: usize = 64 << 20;
/// How many are registered by command.
const MAX_SCRIPTS: usize = 10_000;

const OPTIONAL: Shape = Shape { optional: true, ..Shape::word(ArgKind::String) };

fn wrong(text: &str) -> CommandError {
    CommandError::quoting("ERR ", text.as_bytes(), "")
}

fn id_of(name: &[u8], version: &[u8]) -> Result<Id, CommandError> {
    Ok(Id { name: name_of(name)?, version: Version::new(version).ok_or_else(|| wrong(BAD_VERSION))? })
}

fn name_of(name: &[u8]) -> Result<Name, CommandError> {
    Name::new(name).ok_or_else(|| wrong(BAD_NAME))
}

/// Changes what is registered as one step with the log, and with whoever looks at everything; false if that is not possible
/// now. `with` gives the notes for the log.
fn change(cx: &mut SessionContext<'_>, with: impl FnOnce(&Engine) -> Vec<OwnedArgs>) -> bool {
    let engine = Arc::clone(&cx.worker.engine);
    // A transaction holds all shards by now.
    let held = if cx.in_exec { None } else { Some(hold_everything(&engine)) };
    if matches!(held, Some(Err(_))) {
        return false;
    }
    for note in with(&engine) {
        let end = engine.journal.append_note(note.args());
        cx.session.note_written(end);
        cx.worker.stats.dirty.add(1);
    }
    true
}

/// Keeps a script under a name and a version.
#[derive(Command)]
#[command(name = "script|register", group = Scripting, since = "0.1.0", arity = -5)]
#[command(complexity = "O(N) with N being the length in bytes of the script.")]
#[command(flags(noscript, write, denyoom, admin))]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"))]
#[command(args = &[
    Shape::word(ArgKind::String).arg("name", ""),
    Shape::word(ArgKind::String).arg("version", ""),
    Shape::word(ArgKind::String).arg("script", ""),
    Shape { kind: ArgKind::PureToken, ..OPTIONAL }.arg("replace", "REPLACE"),
])]
pub(in crate::scripting) struct ScriptRegister<'a> {
    #[arg(hidden)]
    name: &'a [u8],
    #[arg(hidden)]
    version: &'a [u8],
    #[arg(hidden)]
    source: &'a [u8],
    #[arg(trailing, hidden)]
    options: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for ScriptRegister<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let mut options = self.options.iter().flat_map(Many::items);
        let replaces = match options.next() {
            None => false,
            Some(word) if is_token(word, "REPLACE") && options.next().is_none() => true,
            Some(_) => return Err(CommandError::Syntax),
        };
        let id = id_of(self.name, self.version)?;
        if !is_fit_source(self.source) {
            return Err(wrong(BAD_SOURCE));
        }
        let engine = Arc::clone(&cx.worker.engine);
        let (digest, length) = (digest_of(self.source), self.source.len());
        if is_to_be_put(&engine.scripts.registered.table(), &id, &digest, length, replaces)? {
            cx.worker.machine.get_or_insert_default().load(&engine, self.source, Place::Thread)?;
            let by = fit_by(who(cx.session));
            let entry = Entry {
                id: id.clone(),
                origin: Origin::Command,
                by: by.clone(),
                at_ms: engine.clock.unix_millis().0,
                digest,
                source: self.source.into(),
            };
            let is_done = change(cx, |engine| {
                let payload = payload_of(&entry).encode();
                engine.scripts.put_registered(entry);
                vec![OwnedArgs::from_words(registration(&payload))]
            });
            if !is_done {
                return Ok(Flow::Parked);
            }
            let digest = String::from_utf8_lossy(&shown(&digest)).into_owned();
            engine.log.write(LogLevel::Notice, &format!("Script '{id}' ({digest}) registered by {by}"));
        }
        out.bulk(&shown(&digest));
        Ok(Flow::Continue)
    }
}

/// Whether a script is to be put into the table, which has it already otherwise.
fn is_to_be_put(
    table: &Table,
    id: &Id,
    digest: &Digest,
    length: usize,
    replaces: bool,
) -> Result<bool, CommandError> {
    if let Some(Origin::File(path)) = table.of_file(id).map(|entry| &entry.origin) {
        return Err(wrong(&format!("Script '{id}' is the file {path} of script-directory")));
    }
    let before = table.by_command(id);
    if before.is_some_and(|before| before.digest == *digest) {
        return Ok(false);
    }
    if before.is_some() && !replaces {
        return Err(wrong(&format!("Script '{id}' is registered already, with another text")));
    }
    if table.bytes() - before.map_or(0, |before| before.source.len()) + length > MAX_BYTES {
        return Err(wrong("the registered scripts would have more than 64 MiB"));
    }
    if before.is_none() && table.all_by_command().count() >= MAX_SCRIPTS {
        return Err(wrong("there are 10000 registered scripts already"));
    }
    Ok(true)
}

/// Lets go of a registered script: of one version, or of all.
#[derive(Command)]
#[command(name = "script|unregister", group = Scripting, since = "0.1.0", arity = -3)]
#[command(complexity = "O(N) with N being the number of registered scripts.", flags(noscript, write, admin))]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"))]
#[command(args = &[Shape::word(ArgKind::String).arg("name", ""), OPTIONAL.arg("version", "")])]
pub(in crate::scripting) struct ScriptUnregister<'a> {
    #[arg(hidden)]
    name: &'a [u8],
    #[arg(trailing, hidden)]
    version: Option<&'a [u8]>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for ScriptUnregister<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.excess.is_some() {
            return Err(CommandError::Syntax);
        }
        let name = name_of(self.name)?;
        let version = self.version.map(|version| id_of(self.name, version)).transpose()?.map(|id| id.version);
        let is_meant = |entry: &&Arc<Entry>| {
            entry.id.name == name && version.as_ref().is_none_or(|v| entry.id.version == *v)
        };
        let engine = Arc::clone(&cx.worker.engine);
        let gone: Vec<Id> = {
            let table = engine.scripts.registered.table();
            let gone: Vec<Id> =
                table.all_by_command().filter(is_meant).map(|entry| entry.id.clone()).collect();
            let of_file = table.all_of_files().find(is_meant);
            if let (true, Some(Origin::File(path))) = (gone.is_empty(), of_file.map(|entry| &entry.origin)) {
                return Err(wrong(&format!(
                    "The script is the file {path} of script-directory: remove that, and start again"
                )));
            }
            gone
        };
        let is_done = change(cx, |engine| {
            let notes = gone.iter().map(|id| {
                engine.scripts.remove_registered(id);
                OwnedArgs::from_words(["SCRIPT", "UNREGISTER", id.name.as_str(), id.version.as_str()])
            });
            notes.collect()
        });
        if !is_done {
            return Ok(Flow::Parked);
        }
        let by = who(cx.session);
        for id in &gone {
            engine.log.write(LogLevel::Notice, &format!("Script '{id}' unregistered by {by}"));
        }
        out.integer(gone.len() as i64);
        Ok(Flow::Continue)
    }
}

/// Lists the registered scripts: all, or those of a name.
#[derive(Command)]
#[command(name = "script|registered", group = Scripting, since = "0.1.0", arity = -2)]
#[command(complexity = "O(N) with N being the number of registered scripts.", flags(noscript))]
#[command(args = &[
    OPTIONAL.arg("name", ""),
    Shape { kind: ArgKind::PureToken, ..OPTIONAL }.arg("withsource", "WITHSOURCE"),
])]
pub(in crate::scripting) struct ScriptRegistered<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for ScriptRegistered<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let words: Vec<&[u8]> = self.words.iter().flat_map(Many::items).collect();
        let (name, with_source) = match words[..] {
            [] => (None, false),
            [word] if is_token(word, "WITHSOURCE") => (None, true),
            [name] => (Some(name), false),
            [name, word] if is_token(word, "WITHSOURCE") => (Some(name), true),
            _ => return Err(CommandError::Syntax),
        };
        let table = cx.engine().scripts.registered.table();
        let is_meant =
            |entry: &&Arc<Entry>| name.is_none_or(|name| entry.id.name.as_str().as_bytes() == name);
        let mut listed: Vec<&Arc<Entry>> =
            table.all_of_files().chain(table.all_by_command()).filter(is_meant).collect();
        listed.sort_by(|one, other| one.id.cmp(&other.id));
        out.array(listed.len());
        listed.into_iter().for_each(|entry| put_entry(&table, entry, with_source, out));
        Ok(Flow::Continue)
    }
}

fn put_entry(table: &Table, entry: &Arc<Entry>, with_source: bool, out: &mut Encoder) {
    out.map(if with_source { 9 } else { 8 });
    let mut text = |name: &str, value: &[u8]| {
        out.bulk(name.as_bytes());
        out.bulk(value);
    };
    text("name", entry.id.name.as_str().as_bytes());
    text("version", entry.id.version.as_str().as_bytes());
    text("sha1", &shown(&entry.digest));
    let engine = script_head(&entry.source).map_or("unknown", |head| head.language.name());
    text("engine", engine.to_uppercase().as_bytes());
    text("registered_by", entry.by.as_bytes());
    let file = match &entry.origin {
        Origin::Command => "",
        Origin::File(path) => path,
    };
    text("file", file.as_bytes());
    out.bulk(b"registered_at_ms");
    out.integer(entry.at_ms);
    out.bulk(b"called_as");
    let names = table.names_of(entry);
    out.array(names.len());
    names.iter().for_each(|name| out.bulk(name.as_bytes()));
    if with_source {
        out.bulk(b"source");
        out.bulk(&entry.source);
    }
}
