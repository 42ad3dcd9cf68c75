//! `preload-file`: at the start the data set is taken from a backup or another file, not from the server's own.
//!
//! The file is only read. With an append-only file of its own the server goes on in that, with a new base; what the log held
//! before is kept under another folder.

use std::path::Path;
use std::sync::Arc;

use spinel_aof::recovery::{self, TornEnd};
use spinel_aof::{Directory, DirectoryError, Names};

use super::loading::CommandLoader;
use super::rewrite::names;
use super::switching::Opened;
use crate::Engine;
use crate::config::Settings;
use crate::log::LogLevel;
use crate::persistence::{LoadOptions, NotLoaded};

/// What was taken from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::persistence) enum Preloaded {
    /// Nothing: the server's own files are to be loaded.
    Nothing,
    /// The data set; with an append-only file, that begins with it.
    Data,
}

impl Engine {
    /// Loads what `preload-file` names, if anything.
    ///
    /// # Errors
    /// [`NotLoaded`]; the log has said why.
    pub(in crate::persistence) fn preload(
        self: &Arc<Self>,
        settings: &Settings,
    ) -> Result<Preloaded, NotLoaded> {
        let value = String::from_utf8_lossy(&settings.persistence.preload_file).into_owned();
        let Some((kind, path)) = value.split_once(':') else { return Ok(Preloaded::Nothing) };
        let path = in_dir(settings, path);
        let own = names(settings);
        if kind == "aof" && settings.persistence.aof.enabled && path == own.path(&own.manifest()) {
            return Ok(Preloaded::Nothing);
        }
        self.log.write(LogLevel::Notice, &format!("Loading the data set from {value}"));
        let loaded = if kind == "aof" { self.preload_log(path) } else { self.preload_snapshot(path) };
        loaded.map_err(|why| {
            self.log.write(LogLevel::Warning, &format!("Can't load preload-file {value}: {why}"));
            NotLoaded
        })?;
        if settings.persistence.aof.enabled {
            self.begin_log_anew(settings)?;
        }
        Ok(Preloaded::Data)
    }

    fn preload_snapshot(&self, path: &str) -> Result<(), String> {
        match self.load_snapshot_of_name(path, LoadOptions::default()) {
            Ok(true) => Ok(()),
            Ok(false) => Err("No such file or directory".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn preload_log(self: &Arc<Self>, path: &str) -> Result<(), String> {
        let (folder, manifest) = path.rsplit_once('/').unwrap_or((".", path));
        let file = manifest.strip_suffix(".manifest").ok_or("it is no manifest")?;
        let disk = Arc::clone(&self.host().files);
        let directory = Directory::read(disk, Names::new(folder, file)).map_err(|error| error.to_string())?;
        let plan = recovery::plan(&directory).map_err(|error| error.to_string())?;
        if plan.files.is_empty() {
            return Err("there is no such manifest, or it names no files".to_owned());
        }
        self.persistence.loading.begin(self.unix_seconds(), plan.total_bytes());
        let mut loader = CommandLoader::new(self);
        recovery::read(&directory, &plan, TornEnd::Refuse, &mut loader)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    /// Lets the server's own log begin with what was loaded.
    fn begin_log_anew(self: &Arc<Self>, settings: &Settings) -> Result<(), NotLoaded> {
        if self.is_shutting_down() {
            return Ok(());
        }
        let now_ms = self.clock.unix_millis().0.max(0) as u64;
        let open = || {
            let directory = Directory::open(Arc::clone(&self.host().files), names(settings))?;
            let is_empty = directory.manifest().is_empty();
            let kept = if is_empty { None } else { Some(directory.keep_all(now_ms)?) };
            Ok::<_, DirectoryError>((directory, kept))
        };
        let (directory, kept) = open().map_err(|error| {
            error.log_lines().iter().for_each(|line| self.log.write(LogLevel::Warning, line));
            NotLoaded
        })?;
        if let Some(kept) = kept {
            let line = format!("What the append only file held before is kept in '{kept}'");
            self.log.write(LogLevel::Warning, &line);
        }
        self.continue_log(Opened { directory, is_empty: true, stamp: None }, settings)
    }
}

/// A path as the disk knows it: those in the working directory are relative to it.
fn in_dir<'p>(settings: &Settings, path: &'p str) -> &'p str {
    let dir = String::from_utf8_lossy(&settings.persistence.dir).into_owned();
    let within = path.strip_prefix(dir.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    within.filter(|_| Path::new(path).is_absolute()).unwrap_or(path)
}
