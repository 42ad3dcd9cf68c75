//! Tests of configuration as a whole, most of them against facts that a running Redis 7.0.15 gave.
//!
//! `defaults.tsv` is its `CONFIG GET *` right after start (name, value, `hidden` where only the exact name
//! answers), with `dir` left out; `config_set.tsv` is what CONFIG SET answered on a server with defaults
//! (name, value, `=` and the value that CONFIG GET then showed, or `!` and the reason of the error). `newer_defaults.tsv`
//! and `newer_config_set.tsv` are the same for what 7.0.15 has not, from Redis 8.0 or, where that has not either, from
//! Valkey 9.1.

mod config_get;
mod config_rewrite;
mod config_set;
mod loading;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::pattern::{Case, matches};
use super::{Disk, Invocation, LoadError, Settings, get, load};

/// A disk in memory: directories exist when a file is in them or they are `/`.
#[derive(Default)]
struct TestDisk(BTreeMap<PathBuf, Vec<u8>>);

impl TestDisk {
    fn with(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect())
    }
}

impl Disk for TestDisk {
    fn current_dir(&self) -> io::Result<PathBuf> {
        Ok(PathBuf::from("/srv"))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from_raw_os_error(2))
    }

    fn matching(&self, base: &Path, pattern: &Path) -> Vec<PathBuf> {
        let pattern = base.join(pattern);
        let name = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
        self.0.keys().filter(|path| matches(&name(&pattern), &name(path), Case::Exact)).cloned().collect()
    }

    fn resolve_dir(&self, path: &Path) -> io::Result<PathBuf> {
        let plain: PathBuf = path.components().filter(|part| part.as_os_str() != ".").collect();
        let exists = plain == Path::new("/srv") || self.0.keys().any(|file| file.starts_with(&plain));
        exists.then_some(plain).ok_or_else(|| io::Error::from_raw_os_error(2))
    }

    fn replace(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem))
    }
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The commands that exist for `rename-command`.
fn is_command(name: &[u8]) -> bool {
    [&b"get"[..], b"set", b"flushdb"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Loads a file's text from `/srv/redis.conf` beside other files.
fn load_file(text: &str, others: &[(&str, &str)]) -> Result<Settings, LoadError> {
    let mut disk = TestDisk::with(others);
    disk.0.insert(PathBuf::from("/srv/redis.conf"), bytes(text));
    let invocation = Invocation { file: Some(bytes("redis.conf")), ..Invocation::default() };
    load(&invocation, b"", &disk, &is_command).map(|loaded| loaded.settings)
}

/// The value that CONFIG GET shows for one name.
fn shown(settings: &Settings, name: &str) -> String {
    match get(settings, &[bytes(name)]).as_slice() {
        [(_, value)] => text(value),
        other => panic!("{name} gave {other:?}"),
    }
}
