//! `script-directory`: a folder of files that are registered at the start, and belong to who can write there.
//!
//! `pay@1.2.lua` is version 1.2 of `pay`, `pay.lua` its version 1; Python ends in `.py`. Each is compiled before anything is
//! loaded, so that a broken one is told with its line while nothing depends on it. Libraries of functions are not taken:
//! they are part of the data set, and would stay in it when their file is gone.

use std::path::{Path, PathBuf};

use spinel_script::{Engine as _, Engines, Language, script_head};

use super::name::Id;
use super::payload::{BAD_SOURCE, is_fit_source};
use super::table::{Entry, Origin};
use crate::Engine;
use crate::config::error_words;
use crate::log::LogLevel;
use crate::persistence::NotLoaded;
use crate::scripting::known::digest_of;
use crate::scripting::machine::machine_options;

/// Scripts of files that were read and are not registered yet.
#[derive(Debug, Default)]
pub(crate) struct FileScripts(Vec<Entry>);

impl Engine {
    /// Reads and compiles the scripts of the directory, if there is one.
    ///
    /// # Errors
    /// [`NotLoaded`] if one of them is broken: the log has said which, and where.
    pub(crate) fn scripts_of_directory(&self) -> Result<FileScripts, NotLoaded> {
        let directory = self.settings().scripts.directory;
        if directory.is_empty() {
            return Ok(FileScripts::default());
        }
        let mut wrong = Vec::new();
        let scripts = self.read_directory(&PathBuf::from(bytes_to_path(&directory)), &mut wrong);
        for line in &wrong {
            self.log.write(LogLevel::Warning, &format!("script-directory: {line}"));
        }
        if wrong.is_empty() { Ok(FileScripts(scripts)) } else { Err(NotLoaded) }
    }

    /// Puts the scripts of files into force, once everything else is loaded.
    pub(crate) fn register_files(&self, scripts: FileScripts) {
        let FileScripts(scripts) = scripts;
        let count = scripts.len();
        scripts.into_iter().for_each(|entry| self.scripts.put_registered(entry));
        if count > 0 {
            self.log.write(LogLevel::Notice, &format!("{count} scripts of script-directory are registered"));
        }
        for (entry, of_file) in self.scripts.registered.table().conflicts() {
            let Origin::File(path) = &of_file.origin else { continue };
            let line = format!(
                "The file {path} takes the place of the script '{}' that was registered by {} with another text. Give one of \
                 them another version, or SCRIPT UNREGISTER that one",
                entry.id, entry.by
            );
            self.log.write(LogLevel::Warning, &line);
        }
    }

    fn read_directory(&self, path: &Path, wrong: &mut Vec<String>) -> Vec<Entry> {
        let disk = &self.host().disk;
        let folder = disk.current_dir().map(|base| base.join(path)).and_then(|path| disk.resolve_dir(&path));
        let folder = match folder {
            Ok(folder) => folder,
            Err(error) => {
                wrong.push(format!("{}: {}", path.display(), error_words(&error)));
                return Vec::new();
            }
        };
        let mut reading = Reading { engine: self, engines: None, scripts: Vec::new() };
        let mut files = disk.matching(&folder, Path::new("*"));
        files.sort();
        for file in files {
            if let Err(why) = reading.read(&file) {
                wrong.push(why);
            }
        }
        reading.scripts
    }
}

/// The directory, as far as it was read.
struct Reading<'e> {
    engine: &'e Engine,
    /// A machine to compile with.
    engines: Option<Engines>,
    scripts: Vec<Entry>,
}

impl Reading<'_> {
    /// Takes a file in, or says what is wrong with it.
    fn read(&mut self, file: &Path) -> Result<(), String> {
        let shown = file.display();
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(b".") {
            return Ok(());
        }
        let Some((stem, wanted)) = language_of(name) else {
            let line = format!("script-directory: {shown} is neither .lua nor .py and left out");
            self.engine.log.write(LogLevel::Notice, &line);
            return Ok(());
        };
        let id = Id::of_file(stem).map_err(|why| format!("{shown}: {why}"))?;
        let source = self
            .engine
            .host()
            .disk
            .read(file)
            .map_err(|error| format!("{shown}: {}", error_words(&error)))?;
        if !is_fit_source(&source) {
            return Err(format!("{shown}: {BAD_SOURCE}"));
        }
        let head = script_head(&source).map_err(|why| at_line(file, 1, &hinted(&source, &why)))?;
        if head.language.name() != wanted {
            return Err(at_line(file, 1, &format!("the first line of the file must be '#!{wanted}'")));
        }
        self.compile(&source).map_err(|why| placed(file, &why))?;
        if let Some(other) = self.scripts.iter().find(|other| other.id == id) {
            let Origin::File(other) = &other.origin else { return Ok(()) };
            return Err(format!("{shown}: '{id}' is the file {other} already"));
        }
        self.scripts.push(Entry {
            id,
            origin: Origin::File(shown.to_string()),
            by: "script-directory".to_owned(),
            at_ms: self.engine.clock.unix_millis().0,
            digest: digest_of(&source),
            source: source.into(),
        });
        Ok(())
    }

    fn compile(&mut self, source: &[u8]) -> Result<(), Vec<u8>> {
        if self.engines.is_none() {
            self.engines = Engines::for_scripts(&machine_options(self.engine));
        }
        let engines = self.engines.as_mut().ok_or(b"there is not the memory to compile scripts")?;
        engines.compile(source).map(drop)
    }
}

/// The name of a file without its end, and the language that this means.
fn language_of(name: &[u8]) -> Option<(&[u8], &'static str)> {
    let lua = name.strip_suffix(b".lua").map(|stem| (stem, Language::Lua.name()));
    lua.or_else(|| name.strip_suffix(b".py").map(|stem| (stem, "python")))
}

/// What is wrong with a first line, and what to do if it is that of a library.
fn hinted(source: &[u8], why: &[u8]) -> String {
    let why = String::from_utf8_lossy(why).into_owned();
    match crate::scripting::library_name(source) {
        Some(_) => format!("{why} (a library of functions: load it with FUNCTION LOAD)"),
        None => why,
    }
}

fn at_line(file: &Path, line: u64, what: &str) -> String {
    format!("{}:{line}: {what}", file.display())
}

/// An error of a compiler with the file in the place of what compilers call scripts.
fn placed(file: &Path, why: &[u8]) -> String {
    let why = String::from_utf8_lossy(why);
    let place = why.find("user_script:").and_then(|at| {
        let behind = &why[at + "user_script:".len()..];
        let (line, what) = behind.split_once(':')?;
        Some((line.parse().ok()?, what.trim_start()))
    });
    match place {
        Some((line, what)) => at_line(file, line, what),
        None => format!("{}: {why}", file.display()),
    }
}

#[cfg(unix)]
fn bytes_to_path(bytes: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}
