//! The disk as configuration needs it: files to read, wildcards to expand, a directory to enter.
//!
//! A capability, so that loading can be tested without a disk and a server that has none cannot be made to
//! read one.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use super::pattern::{Case, is_pattern, matches};

/// What configuration may ask of the disk. Paths are absolute unless said otherwise.
pub trait Disk {
    /// The directory that relative paths start from.
    fn current_dir(&self) -> io::Result<PathBuf>;
    /// All bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The existing files that match `pattern`, which starts from `base` when relative, in order of their
    /// names.
    fn matching(&self, base: &Path, pattern: &Path) -> Vec<PathBuf>;
    /// The directory's canonical path, if it is one and may be entered.
    fn resolve_dir(&self, path: &Path) -> io::Result<PathBuf>;
}

/// The operating system's disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn current_dir(&self) -> io::Result<PathBuf> {
        std::env::current_dir()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn matching(&self, base: &Path, pattern: &Path) -> Vec<PathBuf> {
        let mut found = vec![base.to_path_buf()];
        for component in pattern.components() {
            found = match component {
                Component::Normal(name) if is_pattern(name.as_bytes()) => {
                    found.iter().flat_map(|dir| entries_matching(dir, name)).collect()
                }
                Component::Normal(_)
                | Component::ParentDir
                | Component::CurDir
                | Component::RootDir
                | Component::Prefix(_) => found.iter().map(|dir| dir.join(component)).collect(),
            };
        }
        found.retain(|path| path.symlink_metadata().is_ok());
        found
    }

    fn resolve_dir(&self, path: &Path) -> io::Result<PathBuf> {
        let path = path.canonicalize()?;
        std::fs::read_dir(&path)?;
        Ok(path)
    }
}

/// The entries of `dir` that match `pattern`, sorted; hidden ones only when the pattern begins with a dot.
fn entries_matching(dir: &Path, pattern: &OsStr) -> Vec<PathBuf> {
    let pattern = pattern.as_bytes();
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().into_vec());
    let is_visible = |name: &[u8]| !name.starts_with(b".") || pattern.starts_with(b".");
    let mut names: Vec<_> =
        names.filter(|name| is_visible(name) && matches(pattern, name, Case::Exact)).collect();
    names.sort();
    names.iter().map(|name| dir.join(OsStr::from_bytes(name))).collect()
}

/// The system's words for an error, without the number that the standard library appends.
pub(super) fn error_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
