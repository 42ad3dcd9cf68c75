//! Loading: file, standard input and options become [`Settings`], or an error that says where and why.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use spinel_aof::Moment;

use super::command_line::Invocation;
use super::directive::{Directive, Flags, Origin};
use super::disk::{Disk, error_words};
use super::lexer::{split_words, trim};
use super::nearest::nearest;
use super::pattern::is_pattern;
use super::registry::{find_directive, is_retired, known_names};
use super::settings::Settings;
use super::special::Rename;
use super::value::Reason;

/// Files included by files included by files … at most this deep.
const MAX_INCLUDE_DEPTH: u32 = 16;

/// What loading gives.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Absolute path of the configuration file, for CONFIG REWRITE and INFO; relative ones start from the
    /// directory in which the server was started.
    pub config_file: Option<PathBuf>,
}

/// Why the configuration could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A file could not be read.
    CannotOpen {
        /// The path as it was written.
        path: Vec<u8>,
        /// The system's words.
        reason: String,
    },
    /// A line was refused.
    Line {
        /// Counted from 1, over file, standard input and options as one text.
        number: usize,
        /// The line without surrounding blanks.
        line: Vec<u8>,
        /// Why.
        reason: String,
    },
    /// The settings as a whole were refused, by the loader or by whoever applies them.
    Whole(String),
}

impl LoadError {
    /// What to write to standard error before exiting with status 1. `product` names the server, such as
    /// `Redis 7.4.6`; suites look for the words around it.
    pub fn report(&self, product: &str) -> Vec<u8> {
        let head = format!("\n*** FATAL CONFIG FILE ERROR ({product}) ***\n").into_bytes();
        match self {
            Self::CannotOpen { .. } => format!("{self}\n").into_bytes(),
            Self::Line { number, line, reason } => {
                let place = format!("Reading the configuration file, at line {number}\n>>> '");
                [&head, place.as_bytes(), line, b"'\n", reason.as_bytes(), b"\n"].concat()
            }
            Self::Whole(reason) => [&head, reason.as_bytes(), b"\n"].concat(),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CannotOpen { path, reason } => {
                write!(f, "Fatal error, can't open config file '{}': {reason}", String::from_utf8_lossy(path))
            }
            Self::Line { number, line, reason } => {
                write!(f, "line {number} '{}': {reason}", String::from_utf8_lossy(line))
            }
            Self::Whole(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for LoadError {}

/// Loads a server's configuration.
///
/// `stdin` is what standard input gave when the invocation reads it; `is_command` says whether a command of
/// that name exists, for `rename-command`.
///
/// # Errors
/// The first line that is refused; nothing is applied half.
pub fn load(
    invocation: &Invocation,
    stdin: &[u8],
    disk: &dyn Disk,
    is_command: &dyn Fn(&[u8]) -> bool,
) -> Result<Loaded, LoadError> {
    let defaults = Settings::default();
    let mut settings = defaults.clone();
    let start = disk.current_dir().map_err(|error| LoadError::Whole(error_words(&error)))?;
    settings.persistence.dir = start.as_os_str().as_bytes().to_vec();
    let mut loader = Loader {
        settings,
        defaults,
        disk,
        is_command,
        seen: BTreeSet::new(),
        depth: 0,
        options_from: usize::MAX,
        is_option: false,
    };
    let config_file = invocation.file.as_ref().map(|file| start.join(path_of(file)));
    let mut text = match &config_file {
        Some(file) => loader.read(file.as_os_str().as_bytes())?,
        None => Vec::new(),
    };
    if invocation.reads_stdin {
        text.extend(stdin);
    }
    text.push(b'\n');
    loader.options_from = text.split(|&byte| byte == b'\n').count() - 1;
    text.extend(&invocation.options);
    loader.load_text(&text)?;
    Ok(Loaded { settings: loader.settings, config_file })
}

/// Makes `path` the working directory of `settings`, starting from the present one.
pub(super) fn enter_dir(settings: &mut Settings, path: &[u8], disk: &dyn Disk) -> io::Result<()> {
    if path.is_empty() {
        return Err(io::Error::from(io::ErrorKind::NotFound));
    }
    let entered = disk.resolve_dir(&path_of(&settings.persistence.dir).join(path_of(path)))?;
    settings.persistence.dir = entered.as_os_str().as_bytes().to_vec();
    Ok(())
}

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

struct Loader<'a> {
    settings: Settings,
    defaults: Settings,
    disk: &'a dyn Disk,
    is_command: &'a dyn Fn(&[u8]) -> bool,
    /// The directives that a line has set so far.
    seen: BTreeSet<&'static str>,
    depth: u32,
    /// The line with which the command line begins, counted from 0.
    options_from: usize,
    /// The line comes from the command line itself.
    is_option: bool,
}

/// Why a line failed: for a reason of its own, or because of a file that it includes.
enum LineError {
    Reason(Reason),
    Included(LoadError),
}

impl<R: Into<Reason>> From<R> for LineError {
    fn from(reason: R) -> Self {
        Self::Reason(reason.into())
    }
}

impl Loader<'_> {
    /// The bytes of a file, or of all files that match when the path has wildcards, even of none.
    fn read(&self, path: &[u8]) -> Result<Vec<u8>, LoadError> {
        let base = path_of(&self.settings.persistence.dir);
        let cannot_open = |path: &[u8], error: &io::Error| LoadError::CannotOpen {
            path: path.to_vec(),
            reason: error_words(error),
        };
        if !is_pattern(path) {
            return self.disk.read(&base.join(path_of(path))).map_err(|error| cannot_open(path, &error));
        }
        let mut text = Vec::new();
        for file in self.disk.matching(base, path_of(path)) {
            let more = self.disk.read(&file);
            text.extend(more.map_err(|error| cannot_open(file.as_os_str().as_bytes(), &error))?);
        }
        Ok(text)
    }

    fn load_text(&mut self, text: &[u8]) -> Result<(), LoadError> {
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = trim(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            self.is_option = self.depth == 0 && index >= self.options_from;
            match self.load_line(line) {
                Ok(()) => {}
                Err(LineError::Included(error)) => return Err(error),
                Err(LineError::Reason(reason)) => {
                    let (number, line) = (index + 1, line.to_vec());
                    return Err(LoadError::Line { number, line, reason: reason.into_owned() });
                }
            }
        }
        Ok(())
    }

    fn load_line(&mut self, line: &[u8]) -> Result<(), LineError> {
        let words = split_words(line).ok_or("Unbalanced quotes in configuration line")?;
        let Some((name, values)) = words.split_first() else { return Ok(()) };
        let name = name.to_ascii_lowercase();
        if let Some((directive, _)) = find_directive(&name) {
            return Ok(self.set_directive(directive, values)?);
        }
        match (name.as_slice(), values) {
            (name, [_]) if is_retired(name) => Ok(()),
            (b"include", [path]) => self.include(path),
            (b"rename-command", [from, to]) => Ok(self.rename_command(from, to)?),
            (b"user", [user, rules @ ..]) => Ok(accept_default_user(user, rules)?),
            (b"restore-to", [_, ..]) => Ok(self.restore_to(values)?),
            (b"loadmodule", [_, ..]) => Err("modules are not supported yet by this version".into()),
            (name, []) if name.contains(&b'.') => Err("Module config specified without value".into()),
            (name, [_, ..]) if name.contains(&b'.') => {
                Err("modules are not supported yet by this version".into())
            }
            (b"sentinel", []) => Err("sentinel mode is not supported yet by this version".into()),
            (b"sentinel", [_, ..]) => Err("sentinel directive while not in sentinel mode".into()),
            (name, _) => Err(bad_directive(name).into()),
        }
    }

    fn set_directive(&mut self, directive: &'static Directive, values: &[Vec<u8>]) -> Result<(), Reason> {
        let is_multi_word = directive.flags.contains(Flags::MULTI_WORD);
        if !is_multi_word && values.len() != 1 {
            return Err("wrong number of arguments".into());
        }
        if directive.name == "dir" {
            return enter_dir(&mut self.settings, &values[0], self.disk)
                .map_err(|error| error_words(&error).into());
        }
        let split = match values {
            [one] if is_multi_word && !one.is_empty() => {
                Some(split_words(one).ok_or("Unbalanced quotes in configuration line")?)
            }
            _ => None,
        };
        let origin = if self.seen.contains(directive.name) { Origin::LaterLine } else { Origin::FirstLine };
        directive.set(&mut self.settings, split.as_deref().unwrap_or(values), origin)?;
        directive.check_available(&self.settings, &self.defaults)?;
        self.seen.insert(directive.name);
        Ok(())
    }

    fn include(&mut self, path: &[u8]) -> Result<(), LineError> {
        if self.depth == MAX_INCLUDE_DEPTH {
            return Err(format!("include goes deeper than {MAX_INCLUDE_DEPTH} files").into());
        }
        let text = self.read(path).map_err(LineError::Included)?;
        self.depth += 1;
        self.load_text(&text).map_err(LineError::Included)?;
        self.depth -= 1;
        Ok(())
    }

    /// Where the log is to be cut. In a file it would be forgotten there, and nobody wants it for ever.
    fn restore_to(&mut self, words: &[Vec<u8>]) -> Result<(), Reason> {
        if !self.is_option {
            return Err("'restore-to' is accepted on the command line only".into());
        }
        let text = String::from_utf8_lossy(&words.join(&b' ')).into_owned();
        let moment = if text.is_empty() { None } else { Some(text.parse::<Moment>()) };
        self.settings.persistence.aof.restore_to =
            moment.transpose().map_err(|error| Reason::from(error.to_string()))?;
        Ok(())
    }

    fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), Reason> {
        if !self.command_exists(from) {
            return Err("No such command in rename-command".into());
        }
        let is_same = from.eq_ignore_ascii_case(to);
        if !to.is_empty() && !is_same && self.command_exists(to) {
            return Err("Target command name already exists".into());
        }
        self.settings.security.renames.push(Rename { from: from.to_vec(), to: to.to_vec() });
        Ok(())
    }

    /// Whether the command exists after the renames so far.
    fn command_exists(&self, name: &[u8]) -> bool {
        self.settings.security.renames.iter().fold((self.is_command)(name), |exists, rename| {
            let is_target = !rename.to.is_empty() && name.eq_ignore_ascii_case(&rename.to);
            is_target || exists && !name.eq_ignore_ascii_case(&rename.from)
        })
    }
}

/// Accepts the line that rewritten files have for the default user as it is without ACLs, and no other.
fn accept_default_user(user: &[u8], rules: &[Vec<u8>]) -> Result<(), Reason> {
    const ALL_OF: [&[&[u8]]; 5] =
        [&[b"on"], &[b"nopass"], &[b"~*", b"allkeys"], &[b"&*", b"allchannels"], &[b"+@all", b"allcommands"]];
    let allows_all =
        ALL_OF.iter().all(|spellings| rules.iter().any(|rule| spellings.contains(&rule.as_slice())));
    let known = |rule: &Vec<u8>| {
        rule == b"sanitize-payload" || ALL_OF.iter().any(|one| one.contains(&rule.as_slice()))
    };
    if user == b"default" && allows_all && rules.iter().all(known) {
        Ok(())
    } else {
        Err("users other than an unrestricted default one are not supported yet by this version".into())
    }
}

fn bad_directive(name: &[u8]) -> Reason {
    const BAD: &str = "Bad directive or wrong number of arguments";
    match nearest(name, known_names()) {
        Some(near) if near.as_bytes() != name && !is_retired(name) => {
            format!("{BAD}\nDid you mean '{near}'?").into()
        }
        _ => BAD.into(),
    }
}
