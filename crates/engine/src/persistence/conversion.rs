//! Converting files: an engine that serves nobody loads a log or a snapshot as it is, and writes it in another form.
//!
//! Keys whose time has come are kept on the way: what the files hold is what is converted, and whoever loads the outcome
//! decides what has expired.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_aof::Directory;
use spinel_aof::disk::Disk;
use spinel_aof::recovery::{self, LoadError, Loaded, TornEnd};
use spinel_store::{Held, Kind, Shard};

use super::encode_options;
use super::format::{Format, Usage};
use super::log::CommandLoader;
use super::target::Target;
use crate::Engine;
use crate::config::{RdbVersion, Settings};
use crate::scripting::library_name;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A snapshot.
    Rdb,
    /// A snapshot that is the base of an append-only file.
    RdbBase,
    /// Commands.
    Commands,
}

/// Keys of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindCounts {
    /// The type.
    pub kind: Kind,
    /// How many keys are of it.
    pub keys: u64,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Bytes of the file.
    pub bytes: u64,
    /// Keys of each type there is.
    pub kinds: Vec<KindCounts>,
    /// Databases and their keys, for those that have some.
    pub databases: Vec<(u16, u64)>,
    /// Keys with an expiry.
    pub expiring: u64,
    /// Keys among them whose time has come.
    pub expired: u64,
    /// Keys that were read with the time since their last use, which is written again.
    pub idle_times: u64,
    /// Keys that were read with the frequency of their use, which is not.
    pub frequencies: u64,
    /// Libraries of functions.
    pub functions: usize,
    /// Registered scripts.
    pub scripts: usize,
    /// Registered scripts that were read and not written.
    pub scripts_left_out: usize,
}

/// Why nothing was written.
#[derive(Debug)]
pub enum ConversionError {
    /// What the data set holds cannot be said in the version that is wanted: choose a newer one.
    Inexpressible {
        /// What it is, with its name.
        what: String,
        /// The version's number.
        version: u16,
    },
    /// The file cannot be written.
    Io(io::Error),
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inexpressible { what, version } => {
                write!(f, "{what} cannot be written for servers that read RDB version {version}")
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConversionError {}

impl From<io::Error> for ConversionError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Engine {
    /// Loads a log, or a single file, into an engine that holds nothing and serves nobody. No file is changed: with
    /// [`TornEnd::Cut`] a torn end is left out.
    ///
    /// # Errors
    /// When a file is missing, damaged, or holds what is not known here.
    pub fn load_unchanged(
        self: &Arc<Self>,
        directory: &Directory,
        torn_end: TornEnd,
    ) -> Result<Loaded, LoadError> {
        let plan = recovery::plan(directory)?;
        recovery::read(directory, &plan, torn_end, &mut CommandLoader::new(self))
    }

    /// Writes the data set into a file of this name, which is durable then. What goes wrong leaves no file.
    ///
    /// # Errors
    /// [`ConversionError`]
    pub fn write_converted(
        &self,
        disk: &Arc<dyn Disk>,
        name: &str,
        form: Form,
    ) -> Result<Converted, ConversionError> {
        let settings = self.settings();
        self.check_expressible(&settings)?;
        let mut format = match form {
            Form::Rdb | Form::RdbBase => {
                let has_idle_times = self.persistence.loading.idle_times.load(Ordering::Relaxed) > 0;
                let now = self.clock.unix_millis();
                let usage = if has_idle_times { Usage::Idle(now) } else { Usage::Nothing };
                Format::rdb_with_usage(self, &settings, form == Form::RdbBase, usage)
            }
            Form::Commands => Format::bare_commands(self),
        };
        if self.has_expiring_fields() {
            format.tell_of_expiring_fields();
        }
        let mut target = Target::on_disk(self, &settings, Arc::clone(disk), name)?;
        let mut converted = self.at_an_instant(|held| {
            self.write_all(held, &format, &mut target)?;
            Ok::<_, io::Error>(self.census(held))
        })?;
        converted.bytes = target.complete(&format)?;
        let scripts = self.scripts.registered.kept().count();
        match form {
            Form::Rdb | Form::RdbBase => converted.scripts = scripts,
            Form::Commands => converted.scripts_left_out = scripts,
        }
        target.keep();
        Ok(converted)
    }

    /// Whether the version asked for can hold what there is besides the types of values, which all that are written can.
    fn check_expressible(&self, settings: &Settings) -> Result<(), ConversionError> {
        let version = encode_options(settings).target;
        let inexpressible = |what| Err(ConversionError::Inexpressible { what, version: version.number() });
        let is_asked_for = settings.persistence.rdb.version != RdbVersion::Auto;
        if is_asked_for && !version.has_field_expiries() && self.has_expiring_fields() {
            return inexpressible("the expiries of fields of hashes".to_owned());
        }
        match self.scripts.libraries.list().first().filter(|_| !version.has_functions()) {
            None => Ok(()),
            Some(code) => {
                let name = library_name(code).unwrap_or_default().escape_ascii();
                inexpressible(format!("the library '{name}' (functions)"))
            }
        }
    }

    fn census(&self, held: &Held<'_>) -> Converted {
        let now = self.clock.unix_millis();
        let loading = &self.persistence.loading;
        let mut census = Converted {
            functions: self.scripts.libraries.list().len(),
            idle_times: loading.idle_times.load(Ordering::Relaxed),
            frequencies: loading.frequencies.load(Ordering::Relaxed),
            ..Converted::default()
        };
        for (db, part) in held.iter().flat_map(Shard::used_dbs) {
            match census.databases.iter_mut().find(|(number, _)| *number == db.0) {
                Some((_, keys)) => *keys += part.table().len() as u64,
                None => census.databases.push((db.0, part.table().len() as u64)),
            }
            for entry in part.table() {
                let kind = entry.kind();
                match census.kinds.iter_mut().find(|counts| counts.kind == kind) {
                    Some(counts) => counts.keys += 1,
                    None => census.kinds.push(KindCounts { kind, keys: 1 }),
                }
                census.expiring += u64::from(entry.expiry().is_some());
                census.expired += u64::from(entry.expiry().is_some_and(|at| at <= now));
            }
        }
        census.databases.sort_unstable();
        census.kinds.sort_unstable_by_key(|counts| counts.kind.name());
        census
    }
}
