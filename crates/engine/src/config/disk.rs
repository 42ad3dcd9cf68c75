//! The disk as configuration needs it: files to read, wildcards to expand, a directory to enter.
//!
//! A capability, so that loading can be tested without a disk and a server that has none cannot be made to
//! read one.

use std::ffi::OsStr;
use std::io::{self, Write};
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
    /// Puts a file with these contents in the place of another, or of none: after a crash there is the old one
    /// or the new one.
    fn replace(&self, path: &Path, contents: &[u8]) -> io::Result<()>;
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

    fn replace(&self, path: &Path, contents: &[u8]) -> io::Result<()> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{}.tmp", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let written = write_and_rename(&temporary, path, contents);
        if written.is_err() {
            // What is left over is of no use; the error that counts is the first.
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }
}

/// Writes `temporary` durably, with the permissions of the file at `path` if there is one, and moves it there.
fn write_and_rename(temporary: &Path, path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(temporary)?;
    if let Ok(old) = std::fs::metadata(path) {
        file.set_permissions(old.permissions())?;
    }
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(temporary, path)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(dir)?.sync_all()
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
pub(crate) fn error_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_keeps_its_permissions_and_leaves_nothing_beside_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = std::env::temp_dir().join(format!("spinel-disk-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("a.conf");
        OsDisk.replace(&path, b"first").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        OsDisk.replace(&path, b"second").unwrap();
        assert_eq!(OsDisk.read(&path).unwrap(), b"second");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        assert!(OsDisk.replace(&dir.join("none/a.conf"), b"").is_err());
        // Written, but it cannot be put in the place of a folder.
        std::fs::create_dir_all(dir.join("folder/full")).unwrap();
        assert!(OsDisk.replace(&dir.join("folder"), b"").is_err());
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 2);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
